//! An instrument as the engine keeps it: its book and how that stands, and who listens to what.
//!
//! Owns the wishes of strategies and of the paper venue. Guarantees that everything anybody wants is asked of the venue once,
//! of books and of trades the fullest kind; that whoever comes later gets the book that is held; and that a book nobody
//! keeps up is not handed on. Publishes nothing.

use super::contract::{ConnId, StrategySet};
use super::publish::Market;
use super::recover::{InstrumentBits, Recovery};
use super::redundancy::Twin;
use crate::book::{BlockPool, OrderBook};
use crate::guard::FeedLag;
use crate::record::{BookSide, GapCause, Instrument, InstrumentId, Stamp, StrategyId, UnixNanos, Venue};
use crate::venue::{Channels, QuoteFact};

/// Instruments one engine can hold.
pub const INSTRUMENTS_MAX: usize = InstrumentId::COUNT_MAX;

/// How an instrument's book stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No snapshot yet.
    Empty,
    /// The first parts of a cut snapshot are in.
    Building { after: Option<GapCause> },
    /// Complete and in sequence.
    Whole,
    /// A gap is open.
    Doubtful(GapCause),
}

/// Best prices as a quote told them.
#[derive(Debug, Clone, Copy)]
struct Top {
    sequence: u64,
    /// Bid and ask.
    prices: [i64; 2],
}

/// An instrument somebody trades or listens to.
#[derive(Debug)]
pub(super) struct Traded {
    pub(super) instrument: Instrument,
    /// The connection its market data comes over, or came over last; `None` before anything was wanted of it.
    pub(super) conn: Option<ConnId>,
    /// What that connection was asked for.
    pub(super) placed: Channels,
    /// Its book is wanted, and no connection has room for it.
    pub(super) no_place: bool,
    /// Wanted channels that no source has.
    pub(super) not_offered: Channels,
    /// What the paper venue wants of it.
    pub(super) paper: Channels,
    pub(super) book: OrderBook,
    pub(super) standing: Standing,
    /// Of those who want every level, and the best 20, 10 and 5.
    book_wishes: [StrategySet; 4],
    /// Of those who want every trade, and aggregated ones.
    trade_wishes: [StrategySet; 2],
    /// All of `book_wishes`: there is one book for all of them.
    pub(super) book_listeners: StrategySet,
    /// All of `trade_wishes`.
    pub(super) trade_listeners: StrategySet,
    pub(super) ticker_listeners: StrategySet,
    pub(super) ticker_batch_listeners: StrategySet,
    pub(super) candle_listeners: StrategySet,
    status_listeners: StrategySet,
    /// A loss of trades that is not over; only where no book is held.
    pub(super) trade_gap: Option<GapCause>,
    /// Best prices of a quote that may be newer than the book.
    top: Option<Top>,
    /// Venue time and sequence of the last event: what instalments are stamped with.
    pub(super) stamp: Stamp,
    /// How late its messages are.
    pub(super) lag: FeedLag,
    /// The other connection that carries it, if market data is redundant. Then everything above is of the connection
    /// whose book is followed.
    pub(super) twin: Option<Box<Twin>>,
}

impl Traded {
    /// Everything that must be asked of the venue, so that everybody gets at least what they want: of books and of trades
    /// one kind, the fullest.
    pub(super) fn wanted(&self) -> Channels {
        let mut channels = self.paper | self.book_kind() | self.trade_kind();
        for (listeners, channel) in [
            (self.ticker_listeners, Channels::TICKER),
            (self.ticker_batch_listeners, Channels::TICKER_BATCH),
            (self.candle_listeners, Channels::CANDLES),
            (self.status_listeners, Channels::STATUS),
        ] {
            if !listeners.is_empty() {
                channels = channels | channel;
            }
        }
        channels
    }

    /// How much of the book must be asked for.
    fn book_kind(&self) -> Channels {
        match self.paper.contains(Channels::BOOK) {
            true => Channels::BOOK,
            false => fullest(&self.book_wishes, &BOOK_CHANNELS),
        }
    }

    /// Which trades must be asked for.
    fn trade_kind(&self) -> Channels {
        match self.paper.contains(Channels::TRADES) {
            true => Channels::TRADES,
            false => fullest(&self.trade_wishes, &TRADE_CHANNELS),
        }
    }

    /// Changes who listens to what, channel by channel.
    fn listeners(&mut self, change: impl Fn(&mut StrategySet, Channels)) {
        let books = self.book_wishes.iter_mut().zip(BOOK_CHANNELS);
        let trades = self.trade_wishes.iter_mut().zip(TRADE_CHANNELS);
        let others = [
            (&mut self.ticker_listeners, Channels::TICKER),
            (&mut self.ticker_batch_listeners, Channels::TICKER_BATCH),
            (&mut self.candle_listeners, Channels::CANDLES),
            (&mut self.status_listeners, Channels::STATUS),
        ];
        books.chain(trades).chain(others).for_each(|(listeners, channel)| change(listeners, channel));
        let all = |wishes: &[StrategySet]| wishes.iter().fold(StrategySet::NONE, |all, wish| all.with(*wish));
        (self.book_listeners, self.trade_listeners) = (all(&self.book_wishes), all(&self.trade_wishes));
    }
}

/// The first channel that somebody wishes.
fn fullest(wishes: &[StrategySet], channels: &[Channels]) -> Channels {
    let mut wished = wishes.iter().zip(channels).filter(|(listeners, _)| !listeners.is_empty());
    wished.next().map_or(Channels::NONE, |(_, channel)| *channel)
}

/// What of a book can be wanted, the fullest first.
const BOOK_CHANNELS: [Channels; 4] = [Channels::BOOK, Channels::BOOK_20, Channels::BOOK_10, Channels::BOOK_5];
/// The same of trades.
const TRADE_CHANNELS: [Channels; 2] = [Channels::TRADES, Channels::AGGREGATED_TRADES];

impl Traded {
    /// From now on another part of the book comes: what is held is no whole one of that kind. The next snapshot is.
    fn drop_other_kind(&mut self, before: Channels, pool: &mut BlockPool) {
        if before.is_empty() || self.book_kind() == before {
            return;
        }
        self.book.clear(pool);
        self.standing = Standing::Empty;
    }

    /// A book without listeners is not kept up by the venue: what it held is worth nothing to the next listener.
    fn drop_unheard(&mut self, pool: &mut BlockPool) {
        if !self.keeps_book() && self.standing != Standing::Empty {
            self.book.clear(pool);
            self.standing = Standing::Empty;
        }
        let unheard = !self.keeps_book();
        if let Some(twin) = self.twin.as_deref_mut().filter(|_| unheard) {
            twin.drop_unheard(pool);
        }
    }

    /// Whether somebody needs its book.
    fn keeps_book(&self) -> bool {
        !self.book_listeners.is_empty() || self.paper.contains(Channels::BOOK)
    }

    /// A quote came. Where quotes and books are numbered alike, it is the newer word on the best prices until the book
    /// has come as far. It is not folded into the book: a level that came and went between two changes is in neither of
    /// them, and nothing would ever take it out again.
    pub(super) fn heard_quote(&mut self, fact: &QuoteFact) {
        if self.instrument.listing.venue == Venue::BinanceUs {
            let [bid, _, ask, _] = fact.words;
            self.top = Some(Top { sequence: fact.sequence, prices: [bid, ask] });
        }
    }

    /// The book begins anew, and with it perhaps its numbers.
    pub(super) fn forget_quote(&mut self) {
        self.top = None;
    }

    /// The best bid and ask known, by update id: of the last quote if the book is older, else of the book; `None` where
    /// the book is not whole.
    pub(super) fn best_prices(&self, pool: &BlockPool) -> [Option<i64>; 2] {
        if self.standing != Standing::Whole {
            return [None; 2];
        }
        match self.top.filter(|top| top.sequence > self.stamp.sequence) {
            // A side without anybody is a price of nothing.
            Some(top) => top.prices.map(|price| Some(price).filter(|price| *price > 0)),
            None => [BookSide::Bid, BookSide::Ask].map(|side| self.book.best(pool, side).map(|(price, _)| price)),
        }
    }

    /// Who hears of a loss although the book is not theirs.
    pub(super) fn trade_only_listeners(&self) -> StrategySet {
        self.trade_listeners.without(self.book_listeners)
    }

    pub(super) fn everybody(&self) -> StrategySet {
        let market = self.book_listeners.with(self.trade_listeners).with(self.ticker_listeners);
        market.with(self.ticker_batch_listeners).with(self.candle_listeners).with(self.status_listeners)
    }
}

impl Market {
    /// Adds an instrument, or takes its new metadata. False if the number is past [`INSTRUMENTS_MAX`].
    pub(super) fn put(&mut self, instrument: Instrument) -> bool {
        let index = instrument.id.index();
        if index >= INSTRUMENTS_MAX {
            return false;
        }
        if self.traded.len() <= index {
            self.traded.resize_with(index + 1, || None);
        }
        let paper = self.paper_channels(instrument.listing.venue);
        let Some(place) = self.traded.get_mut(index) else { return false };
        match place {
            Some(known) => known.instrument = instrument,
            None => {
                *place = Some(Traded {
                    instrument,
                    conn: None,
                    placed: Channels::NONE,
                    no_place: false,
                    not_offered: Channels::NONE,
                    paper,
                    book: OrderBook::new(),
                    standing: Standing::Empty,
                    book_wishes: [StrategySet::NONE; 4],
                    trade_wishes: [StrategySet::NONE; 2],
                    book_listeners: StrategySet::NONE,
                    trade_listeners: StrategySet::NONE,
                    ticker_listeners: StrategySet::NONE,
                    ticker_batch_listeners: StrategySet::NONE,
                    candle_listeners: StrategySet::NONE,
                    status_listeners: StrategySet::NONE,
                    trade_gap: None,
                    top: None,
                    stamp: Stamp { recv: UnixNanos::NONE, venue: UnixNanos::NONE, sequence: 0 },
                    lag: FeedLag::default(),
                    twin: self.redundant.then(Box::default),
                });
            }
        }
        true
    }

    /// A strategy wants more channels. A book that is held already is handed over from the engine.
    pub(super) fn subscribe(&mut self, strategy: StrategyId, id: InstrumentId, channels: Channels) {
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let (first, kind) = (!traded.keeps_book(), traded.book_kind());
        let known = traded.book_listeners.contains(strategy);
        traded.listeners(|listeners, channel| {
            if channels.contains(channel) {
                *listeners = listeners.with(StrategySet::one(strategy));
            }
        });
        if !BOOK_CHANNELS.iter().any(|channel| channels.contains(*channel)) {
            return;
        }
        traded.drop_other_kind(kind, &mut self.pool);
        let held = known || traded.standing == Standing::Empty;
        if first {
            // The venue may not have been told yet that nobody listened: then it would send no snapshot by itself.
            self.want_resync_everywhere(id);
        }
        if !held {
            self.hand_over(strategy, id);
        }
    }

    /// A strategy wants fewer channels.
    pub(super) fn unsubscribe(&mut self, strategy: StrategyId, id: InstrumentId, channels: Channels) {
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let kind = traded.book_kind();
        traded.listeners(|listeners, channel| {
            if channels.contains(channel) {
                *listeners = listeners.without(StrategySet::one(strategy));
            }
        });
        traded.drop_other_kind(kind, &mut self.pool);
        traded.drop_unheard(&mut self.pool);
    }

    /// A strategy is gone: nobody listens for it any more. Returns the instruments it listened to.
    pub(super) fn remove_strategy(&mut self, strategy: StrategyId) -> InstrumentBits {
        let mut touched = InstrumentBits::default();
        for traded in self.traded.iter_mut().flatten() {
            let (before, kind) = (traded.wanted(), traded.book_kind());
            traded.listeners(|listeners, _| *listeners = listeners.without(StrategySet::one(strategy)));
            traded.drop_other_kind(kind, &mut self.pool);
            traded.drop_unheard(&mut self.pool);
            if traded.wanted() != before {
                touched.insert(traded.instrument.id);
            }
        }
        if let Some(recovery) = self.recovery.get_mut(strategy.index()) {
            *recovery = Recovery::Live;
        }
        self.slow = self.slow.without(StrategySet::one(strategy));
        touched
    }
}
