//! The engine's one contract: inputs, outputs, progress. Whoever runs the engine (the reactor, a simulation, a fuzzer)
//! feeds [`Input`]s in the order they happened and implements [`Outputs`].

use super::kill::KillScope;
use crate::guard::RateLimit;
use crate::record::{
    AssetId, AuditEntry, ExecutionRecord, Instrument, InstrumentId, Listing, MarketRecord, OrderCommand,
    StatisticsRecord, StrategyId, UnixNanos, Venue,
};
use crate::record::{PreparedOrder, PreparedSlot};
use crate::venue::oanda::InstrumentRules;
use crate::venue::{binance_us, Channels};

/// A connection slot; fixed when the engine is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u16);

impl ConnId {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of strategies, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct StrategySet(pub u64);

impl StrategySet {
    /// Nobody.
    pub const NONE: StrategySet = StrategySet(0);

    /// Just `strategy`.
    pub const fn one(strategy: StrategyId) -> StrategySet {
        StrategySet(1u64.wrapping_shl(strategy.0 as u32))
    }

    /// Whether `strategy` is in it.
    pub const fn contains(self, strategy: StrategyId) -> bool {
        self.0 & Self::one(strategy).0 != 0
    }

    /// Whether nobody is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: StrategySet) -> StrategySet {
        StrategySet(self.0 | other.0)
    }

    /// This set less `other`.
    #[must_use]
    pub const fn without(self, other: StrategySet) -> StrategySet {
        StrategySet(self.0 & !other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn and(self, other: StrategySet) -> StrategySet {
        StrategySet(self.0 & other.0)
    }

    /// The members, lowest first.
    pub fn iter(self) -> impl Iterator<Item = StrategyId> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let lowest = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                StrategyId(lowest as u8)
            })
        })
    }
}

impl std::fmt::Debug for StrategySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|s| s.0)).finish()
    }
}

/// What happens to open orders when the gateway stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// They stay at the venue.
    LeaveOpen,
    /// Ours are cancelled and each cancel is confirmed before the gateway ends, or the time is up.
    CancelOurs,
}

/// Why a connection is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What happened, one line.
    pub why: String,
    /// The peer ended its side in order (TLS close_notify): what it sent is all it meant to send.
    pub clean: bool,
    /// Offset of the sent stream from which on nothing can have left: what lies behind it never began.
    pub began: u64,
}

/// A change of who listens to what, or of what exists.
#[derive(Debug)]
pub enum Control {
    /// A new instrument, or the same again.
    Instrument(Box<Instrument>),
    /// An instrument that is known, as its venue lists it now. Its exponents stay; what does not fit them is refused,
    /// counted as [`Counter::Anomalies`](crate::telemetry::Counter::Anomalies), and the old figures hold.
    Listing(InstrumentId, Box<Listing>),
    /// What a venue that counts in fixed windows allows, as it says itself.
    RateLimits(Venue, Vec<RateLimit>),
    /// What the account may do with an instrument of OANDA's: told behind the instrument.
    OandaRules(InstrumentId, Box<InstrumentRules>),
    /// The number of an asset that no instrument need be made of: fees are taken in it.
    Asset(Venue, &'static str, AssetId),
    /// What Binance.US takes of an instrument: its filters and kinds of order.
    Market(InstrumentId, Box<binance_us::Market>),
    /// A strategy's rings exist from now on.
    AddStrategy(StrategyId),
    /// A strategy puts an order into one of its slots; commands it submits afterwards find it there.
    Prepare(StrategyId, PreparedSlot, Box<PreparedOrder>),
    /// A strategy needs a prepared order no more.
    Discard(StrategyId, PreparedSlot),
    /// A strategy's rings are gone.
    RemoveStrategy(StrategyId),
    /// A strategy wants these channels of an instrument, besides what it has.
    Subscribe(StrategyId, InstrumentId, Channels),
    /// A strategy no longer wants these channels.
    Unsubscribe(StrategyId, InstrumentId, Channels),
    /// No new orders; end open ones as told.
    Stop(Shutdown),
    /// No new orders until released; cancel these.
    Kill(KillScope),
    /// A strategy went silent: as [`KillScope::Ours`].
    DeadMan,
    /// The reactor stood still, and the keeper has cancelled for it: as [`KillScope::Ours`].
    GivenUp,
    /// The kill is over.
    Release,
    /// News of the audit log, for every strategy.
    Audit(AuditNews),
}

/// How the audit log fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditNews {
    /// Entries cannot be written, or find no room; why, at most 32 bytes.
    Troubled(&'static str),
    /// It goes on; so many entries were lost since the last news.
    Recovered(u64),
}

/// One thing that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The dialer handed the connection over; bytes may already wait.
    Opened {
        /// Which.
        conn: ConnId,
    },
    /// The unread part of a connection's receive buffer, mutable so that JSON can be parsed in place.
    Bytes {
        /// Which.
        conn: ConnId,
        /// Decrypted bytes, from the first not consumed.
        plain: &'a mut [u8],
    },
    /// How far a connection's sent stream came; given after every attempt to write.
    Written {
        /// Which.
        conn: ConnId,
        /// No byte from this offset on has left.
        began: u64,
        /// Every byte before this offset (as returned by [`Outputs::transmit`]) is with the kernel.
        total: u64,
    },
    /// The connection is gone, or a dial failed.
    Closed {
        /// Which.
        conn: ConnId,
        /// Why.
        closed: Closed,
        /// What of its receive buffer was not consumed.
        rest: &'a mut [u8],
    },
    /// A strategy's command.
    Command(&'a OrderCommand),
    /// A single-use credential for one fixed request path.
    Token {
        /// Whose.
        venue: Venue,
        /// Which path, in the venue's numbering.
        slot: u8,
        /// The token.
        token: Box<str>,
        /// When the venue stops taking it.
        expires: UnixNanos,
    },
    /// A strategy whose ring refused something has room again.
    Room {
        /// Whose.
        strategy: StrategyId,
    },
    /// Somebody asks for a change.
    Control(Control),
    /// Nothing but time passed.
    Time,
}

/// What an [`Input`] led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes of [`Input::Bytes`] the engine is done with.
    pub consumed: usize,
    /// The work budget is spent with complete input left: call again after other sockets and the order rings.
    pub more: bool,
}

/// Where the engine's results go. The sink answers at once who did not take an event; it stamps the hops, since the
/// engine has no clock.
pub trait Outputs {
    /// One venue event (or one whole piece of a long one), all or nothing for each strategy of `to`; returns those
    /// whose ring had no room.
    fn event(&mut self, to: StrategySet, records: &[MarketRecord]) -> StrategySet;
    /// One statistics record; returns those whose ring had no room.
    fn statistics(&mut self, to: StrategySet, record: &StatisticsRecord) -> StrategySet;
    /// One execution record for one strategy; false if its ring had no room.
    fn execution(&mut self, to: StrategyId, record: &ExecutionRecord) -> bool;
    /// How many more execution records fit this strategy's ring now.
    fn execution_room(&self, to: StrategyId) -> usize;
    /// Appends bytes to what a connection sends; returns the stream offset after them.
    fn transmit(&mut self, conn: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64;
    /// Asks for a new connection, not before the given time.
    fn dial(&mut self, conn: ConnId, not_before: UnixNanos);
    /// What is added to the path of a connection's endpoint whenever it is dialled from now on: a secret. Told of
    /// connections of [`Carrier::Events`](super::Carrier::Events) before they are dialled; whoever dials none need not
    /// implement it.
    fn address(&mut self, conn: ConnId, path: &str) {
        let _ = (conn, path);
    }
    /// Asks that a connection be closed; [`Input::Closed`] follows.
    fn close(&mut self, conn: ConnId, why: String);
    /// A spent secret goes back to be wiped off the hot thread.
    fn retire(&mut self, token: Box<str>);
    /// Unpredictable bytes (live) or seeded ones (simulation).
    fn entropy(&mut self, out: &mut [u8]);
    /// Counts something.
    fn count(&mut self, counter: crate::telemetry::Counter, n: u64);
    /// A latency the engine can tell from the times it was given.
    fn measured(&mut self, hop: crate::telemetry::Hop, ns: u64);
    /// A rare line for the log; called for state changes and anomalies, never per message.
    fn note(&mut self, note: Note<'_>);
    /// The venue refused the price or the size of an order that passed the check here: its rules may be others by now, and
    /// should be asked for and told by [`Control::Listing`] and whatever the venue has beside. Whoever asks nothing need not
    /// implement it.
    fn outdated(&mut self, instrument: InstrumentId) {
        let _ = instrument;
    }
    /// Something for the audit log. Called for orders and requests, never for market data. Whoever keeps no log need not
    /// implement it.
    fn audit(&mut self, entry: &AuditEntry) {
        let _ = entry;
    }
}

/// Something worth a log line. The engine formats nothing: the sink does, if anybody listens.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Note<'a> {
    /// A connection changed its state.
    Connection {
        /// Which.
        conn: ConnId,
        /// Its venue.
        venue: Venue,
        /// What it is for.
        role: crate::record::ConnectionRole,
        /// The new state.
        state: crate::record::ConnectionState,
        /// It was up and serving, and nobody here meant it to go.
        lost: bool,
        /// Why, if it went down.
        why: &'a str,
    },
    /// A message, or part of one, could not be used.
    Anomaly {
        /// The connection it came over.
        conn: ConnId,
        /// Its venue.
        venue: Venue,
        /// What was wrong.
        anomaly: crate::venue::Anomaly,
        /// A short piece of it.
        excerpt: &'a str,
    },
    /// A channel is not served as asked.
    Subscription {
        /// The connection it was asked on.
        conn: ConnId,
        /// Its venue.
        venue: Venue,
        /// The instrument's own name.
        symbol: &'a str,
        /// Which channel, and what is wrong.
        subscription: crate::record::Subscription,
    },
    /// An instrument's book is doubtful, or whole again.
    Gap {
        /// Whose book.
        instrument: InstrumentId,
        /// What happened.
        gap: crate::record::Gap,
    },
    /// An order command left for the venue.
    OrderSent {
        /// The command.
        request: crate::record::RequestId,
        /// Our id of the order.
        client_order_id: &'a str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_its_members_lowest_first() {
        let set = StrategySet::one(StrategyId(63)).with(StrategySet::one(StrategyId(2)));
        assert_eq!(set.iter().map(|s| s.0).collect::<Vec<_>>(), [2, 63]);
        assert!(set.contains(StrategyId(2)) && !set.contains(StrategyId(3)));
        assert!(set.without(set).is_empty());
    }
}
