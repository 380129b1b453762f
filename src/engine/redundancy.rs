//! Two connections for one instrument: trades from whichever is first, the book of one, the other's on standby.
//!
//! Owns what the followed connection's part of [`Traded`] does not say: the book on standby, which of the two is which,
//! and which trades were told. Guarantees that a trade that either brings is published once; that the product changes over
//! to the standby's book when its own is doubtful or has fallen silent, announced as a gap, handed over as a snapshot,
//! and the gap's end told behind it. Decides nothing by itself: [`TradeMerger`] and [`BookChoice`] do.

use super::contract::{ConnId, Outputs, StrategySet};
use super::publish::Market;
use super::traded::{Standing, Traded};
use crate::book::{Arrival, BlockPool, BookChoice, Feed, OrderBook, TradeMerger};
use crate::guard::FeedLag;
use crate::record::{Gap, GapCause, InstrumentId, Stamp, StrategyId, UnixNanos};
use crate::telemetry::Counter;
use crate::venue::{BookEventKind, Channels, TradeFact};

/// Channels asked of both connections; of the others one source is enough.
pub(super) const REDUNDANT: Channels = Channels::BOOK.with(Channels::TRADES).with(Channels::TICKER);

/// Where an instrument is carried for one of the two feeds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// The connection, or the last one; `None` before anything was wanted.
    pub(super) conn: Option<ConnId>,
    /// What it was asked for.
    pub(super) placed: Channels,
    /// Its book is wanted, and no connection has room for it.
    pub(super) no_place: bool,
}

/// The connection on standby, and what concerns both.
#[derive(Debug)]
pub(super) struct Twin {
    place: Place,
    pub(super) book: OrderBook,
    standing: Standing,
    stamp: Stamp,
    lag: FeedLag,
    choice: BookChoice,
    trades: TradeMerger,
    /// Connections whose trades are confirmed to flow.
    flowing: [bool; 2],
    /// Who is yet to be told that a gap is over, behind the snapshot of the book changed over to.
    untold: StrategySet,
    cause: GapCause,
}

impl Default for Twin {
    fn default() -> Self {
        Twin {
            place: Place::default(),
            book: OrderBook::new(),
            standing: Standing::Empty,
            stamp: Stamp { recv: UnixNanos::NONE, venue: UnixNanos::NONE, sequence: 0 },
            lag: FeedLag::default(),
            choice: BookChoice::new(),
            trades: TradeMerger::new(),
            flowing: [false; 2],
            untold: StrategySet::NONE,
            cause: GapCause::Stale,
        }
    }
}

impl Twin {
    /// A book event of the standby begins.
    pub(super) fn begin(&mut self, kind: BookEventKind, stamp: Stamp, pool: &mut BlockPool) {
        self.stamp = stamp;
        if kind == BookEventKind::SnapshotFirst {
            self.book.clear(pool);
            self.standing = Standing::Building { after: None };
            self.doubt(stamp.recv);
        }
        if kind == BookEventKind::Update {
            // How late it is must be known when it is changed over to.
            self.lag.heard(stamp.recv, stamp.venue);
        }
    }

    /// The book on standby is not to be changed over to.
    fn doubt(&mut self, now: UnixNanos) {
        let leaves = self.choice.doubtful(self.choice.followed().other(), now);
        debug_assert!(!leaves, "it is not followed");
    }

    /// Nobody listens to the book.
    pub(super) fn drop_unheard(&mut self, pool: &mut BlockPool) {
        self.book.clear(pool);
        self.standing = Standing::Empty;
        self.untold = StrategySet::NONE;
        self.choice.forget();
    }

    /// The strategy has the whole snapshot of the book changed over to: which gap is over with that, if any is.
    pub(super) fn take_untold(&self, strategy: StrategyId) -> Option<GapCause> {
        self.untold.contains(strategy).then_some(self.cause)
    }

    /// The strategy was told.
    pub(super) fn told(&mut self, strategy: StrategyId) {
        self.untold = self.untold.without(StrategySet::one(strategy));
    }
}

impl Traded {
    /// Which feed a connection is for this instrument; `None` if market data is not redundant, or it is neither.
    pub(super) fn feed_of(&self, conn: ConnId) -> Option<Feed> {
        let twin = self.twin.as_deref()?;
        if self.conn == Some(conn) {
            return Some(twin.choice.followed());
        }
        (twin.place.conn == Some(conn)).then(|| twin.choice.followed().other())
    }

    /// Whether a connection is the one on standby.
    #[inline]
    pub(super) fn is_standby(&self, conn: ConnId) -> bool {
        self.twin.as_deref().is_some_and(|twin| twin.place.conn == Some(conn))
    }

    /// The standby, if it is this connection.
    #[inline]
    pub(super) fn standby_of(&mut self, conn: ConnId) -> Option<&mut Twin> {
        self.twin.as_deref_mut().filter(|twin| twin.place.conn == Some(conn))
    }

    /// Where it is carried for a feed.
    pub(super) fn place(&self, feed: Feed) -> Place {
        match self.twin.as_deref() {
            Some(twin) if twin.choice.followed() != feed => twin.place,
            _ => Place { conn: self.conn, placed: self.placed, no_place: self.no_place },
        }
    }

    /// The same, to set.
    pub(super) fn set_place(&mut self, feed: Feed, place: Place) {
        match self.twin.as_deref_mut() {
            Some(twin) if twin.choice.followed() != feed => twin.place = place,
            _ => (self.conn, self.placed, self.no_place) = (place.conn, place.placed, place.no_place),
        }
    }

    /// Whether a trade is to be published, and if so whether it is news even where it came as history.
    pub(super) fn merged(&mut self, out: &mut impl Outputs, feed: Feed, fact: &TradeFact) -> Option<bool> {
        let twin = self.twin.as_deref_mut()?;
        let arrival = twin.trades.offer(feed, fact.trade_id, fact.snapshot);
        if !fact.snapshot {
            let counter = match (arrival, feed) {
                (Arrival::First { .. }, Feed::First) => Counter::FeedOneTradesFirst,
                (Arrival::First { .. }, Feed::Second) => Counter::FeedTwoTradesFirst,
                (Arrival::Repeated, _) => Counter::TradesRepeated,
                (Arrival::TooOld, _) => Counter::TradesTooOld,
            };
            out.count(counter, 1);
        }
        match arrival {
            Arrival::First { history } => Some(!history),
            Arrival::Repeated | Arrival::TooOld => None,
        }
    }

    /// The standby becomes the followed one and the other way round; the choice was made already.
    fn change_over(&mut self) {
        let Some(twin) = self.twin.as_deref_mut() else { return };
        let place = Place { conn: self.conn, placed: self.placed, no_place: self.no_place };
        let Place { conn, placed, no_place } = std::mem::replace(&mut twin.place, place);
        (self.conn, self.placed, self.no_place) = (conn, placed, no_place);
        std::mem::swap(&mut self.book, &mut twin.book);
        std::mem::swap(&mut self.standing, &mut twin.standing);
        std::mem::swap(&mut self.stamp, &mut twin.stamp);
        std::mem::swap(&mut self.lag, &mut twin.lag);
    }
}

impl Market {
    /// A book event of the standby ends.
    pub(super) fn standby_end(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        (snapshot, broken): (bool, Option<GapCause>),
    ) {
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let Some(twin) = traded.twin.as_deref_mut() else { return };
        let crossed = twin.book.is_crossed(&self.pool).then_some(GapCause::Crossed);
        if let Some(cause) = broken.or(crossed) {
            twin.standing = Standing::Doubtful(cause);
            twin.doubt(now);
            if let Some(conn) = twin.place.conn.filter(|_| cause != GapCause::BookFull) {
                self.want_resync_on(conn, id);
            }
            return;
        }
        // Of one that was broken on the way, the last part is no more than the others.
        if snapshot && matches!(twin.standing, Standing::Building { .. }) {
            twin.standing = Standing::Whole;
        }
        if twin.standing != Standing::Whole {
            return;
        }
        if twin.choice.whole(twin.choice.followed().other(), now) {
            // The followed book is doubtful and its gap announced, or it never came.
            let (Standing::Doubtful(cause) | Standing::Building { after: Some(cause) }) = traded.standing else {
                return self.change_over(now, out, id, None);
            };
            self.change_over(now, out, id, Some(cause));
        } else if twin.choice.is_stale(now) {
            out.count(Counter::Stale, 1);
            if let Some(conn) = traded.conn {
                self.want_resync_on(conn, id);
            }
            self.gap(now, out, id, GapCause::Stale, 0);
        }
    }

    /// The followed book changed.
    #[inline]
    pub(super) fn followed_changed(&mut self, now: UnixNanos, id: InstrumentId) {
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let Some(twin) = traded.twin.as_deref_mut().filter(|_| traded.standing == Standing::Whole) else { return };
        let takes_over = twin.choice.whole(twin.choice.followed(), now);
        debug_assert!(!takes_over, "it is followed already");
    }

    /// Something was lost on the standby: nobody is told, unless nothing else brings the trades.
    pub(super) fn standby_gap(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, cause: GapCause) {
        let Some(twin) = self.get_mut(id).and_then(|traded| traded.twin.as_deref_mut()) else { return };
        if twin.standing != Standing::Empty {
            twin.standing = Standing::Doubtful(cause);
        }
        twin.doubt(now);
        if cause == GapCause::Disconnected {
            self.stops_flowing(id, false);
            self.trade_gap(now, out, id, cause, 0);
        }
    }

    /// The followed book is doubtful. True: the product follows the standby's from now on.
    pub(super) fn leave_for_standby(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        cause: GapCause,
    ) -> bool {
        let Some(twin) = self.get_mut(id).and_then(|traded| traded.twin.as_deref_mut()) else { return false };
        let leaves = twin.choice.doubtful(twin.choice.followed(), now);
        if leaves {
            self.change_over(now, out, id, Some(cause));
        }
        leaves
    }

    /// Trades no longer come over the followed connection, or the one on standby.
    pub(super) fn stops_flowing(&mut self, id: InstrumentId, followed: bool) {
        let Some(twin) = self.get_mut(id).and_then(|traded| traded.twin.as_deref_mut()) else { return };
        let feed = twin.choice.followed();
        let feed = if followed { feed } else { feed.other() };
        if let Some(flowing) = twin.flowing.get_mut(feed.index()) {
            *flowing = false;
        }
    }

    /// Trades come over this connection.
    pub(super) fn starts_flowing(&mut self, id: InstrumentId, conn: ConnId) {
        let Some(traded) = self.get_mut(id) else { return };
        let Some(feed) = traded.feed_of(conn) else { return };
        if let Some(flowing) = traded.twin.as_deref_mut().and_then(|twin| twin.flowing.get_mut(feed.index())) {
            *flowing = true;
        }
    }

    /// Whether trades still come over either of two connections.
    pub(super) fn still_flows(&self, id: InstrumentId) -> bool {
        self.get(id).and_then(|traded| traded.twin.as_deref()).is_some_and(|twin| twin.flowing.contains(&true))
    }

    /// The product follows the other book: everybody gets it as a snapshot, and the end of the gap that was open behind it.
    fn change_over(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, gap: Option<GapCause>) {
        let Some(traded) = self.get_mut(id) else { return };
        traded.change_over();
        debug_assert_eq!(traded.standing, Standing::Whole, "only a whole book is changed over to");
        let (books, trades) = (traded.book_listeners, traded.trade_only_listeners());
        if let (Some(twin), Some(cause)) = (traded.twin.as_deref_mut(), gap) {
            (twin.untold, twin.cause) = (books, cause);
        }
        out.count(Counter::BookSwitches, 1);
        for strategy in books.iter() {
            self.hand_over_anew(strategy, id);
        }
        if let Some(cause) = gap {
            out.count(Counter::Recoveries, 1);
            self.announce_to(now, out, id, (StrategySet::NONE, trades), Gap { cause, recovered: true, lost: 0 });
        }
    }
}
