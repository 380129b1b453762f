//! Market facts become records: books are kept, and events are published whole or not at all.

use super::contract::{ConnId, Note, Outputs, StrategySet};
use super::paper::OnPaper;
use super::recover::Recovery;
use super::traded::{Standing, Traded};
use crate::book::{BlockPool, Feed};
use crate::record::{
    BookSide, Fixed, Flags, Gap, GapCause, Head, InstrumentId, MarketRecord, PerVenue, Stamp, StatisticsRecord,
    StrategyId, Subscription, TradingStatus, UnixNanos, Venue,
};
use crate::telemetry::Counter;
use crate::venue::{
    BookEvent, BookEventKind, CandleFact, FuturesFact, FuturesFigures, QuoteFact, TickerFact, TradeFact,
    LEVELS_PER_CALL_MAX,
};
use arrayvec::ArrayVec;

/// Books a session is asked to renew after one call; more wait for the next.
const RESYNC_MAX: usize = 64;

/// The book event being walked.
#[derive(Debug, Clone, Copy)]
struct Walking {
    head: Head,
    snapshot: bool,
    /// Why the book is not what the venue has, once this event is applied.
    broken: Option<GapCause>,
    /// Of the book on standby: kept, not published.
    standby: bool,
}

/// Books, listeners and the event at hand.
pub(super) struct Market {
    pub(super) traded: Vec<Option<Traded>>,
    pub(super) pool: BlockPool,
    pub(super) recovery: Vec<Recovery>,
    /// Strategies that are not live: their events take the slow way.
    pub(super) slow: StrategySet,
    walking: Option<Walking>,
    pub(super) batch: ArrayVec<MarketRecord, BATCH_MAX>,
    /// Books the session must fetch afresh, found while it was walking.
    pub(super) resync: ArrayVec<(ConnId, InstrumentId), RESYNC_MAX>,
    /// Every instrument has two connections.
    pub(super) redundant: bool,
    /// Venues that trade on paper.
    pub(super) paper: PerVenue<Option<Box<OnPaper>>>,
}

/// One event piece: the most levels a session hands over per call, and the marker of an empty snapshot.
pub(super) const BATCH_MAX: usize = LEVELS_PER_CALL_MAX + 1;

impl Market {
    pub(super) fn new(blocks_max: usize, redundant: bool) -> Market {
        Market {
            traded: Vec::new(),
            pool: BlockPool::new(blocks_max),
            recovery: (0..StrategyId::COUNT_MAX).map(|_| Recovery::Live).collect(),
            slow: StrategySet::NONE,
            walking: None,
            batch: ArrayVec::new(),
            resync: ArrayVec::new(),
            redundant,
            paper: PerVenue::new(|_| None),
        }
    }

    /// The connections that carry each instrument.
    pub(super) fn feeds(&self) -> &'static [Feed] {
        match self.redundant {
            true => &Feed::ALL,
            false => &[Feed::First],
        }
    }

    pub(super) fn get(&self, id: InstrumentId) -> Option<&Traded> {
        self.traded.get(id.index()).and_then(Option::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: InstrumentId) -> Option<&mut Traded> {
        self.traded.get_mut(id.index()).and_then(Option::as_mut)
    }

    pub(super) fn book(&mut self, now: UnixNanos, conn: ConnId, event: BookEvent) {
        self.batch.clear();
        self.walking = None;
        let Some(traded) = self.traded.get_mut(event.instrument.index()).and_then(Option::as_mut) else { return };
        let stamp = Stamp { recv: now, venue: event.venue_time, sequence: event.sequence };
        let mut flags = Flags::NONE;
        if let Some(twin) = traded.standby_of(conn) {
            twin.begin(event.kind, stamp, &mut self.pool);
            let head = Head { stamp, instrument: event.instrument, exponents: traded.instrument.exponents(), flags };
            let snapshot = event.kind != BookEventKind::Update;
            self.walking = Some(Walking { head, snapshot, broken: None, standby: true });
            return;
        }
        let snapshot = event.kind != BookEventKind::Update;
        // The first picture of a book is as old as the last change was. One that follows a whole book is news: where books
        // have no other, as at OANDA, it is what there is to tell the lag by.
        let news = !snapshot || (event.kind == BookEventKind::SnapshotFirst && traded.standing == Standing::Whole);
        match event.kind {
            BookEventKind::SnapshotFirst => {
                traded.book.clear(&mut self.pool);
                traded.forget_quote();
                let after = match traded.standing {
                    Standing::Doubtful(cause) | Standing::Building { after: Some(cause) } => Some(cause),
                    _ => None,
                };
                traded.standing = Standing::Building { after };
                flags = Flags::SNAPSHOT | Flags::FIRST;
            }
            BookEventKind::SnapshotMore => flags = Flags::SNAPSHOT,
            BookEventKind::Update => {
                if traded.standing != Standing::Whole {
                    flags = Flags::MAYBE_BAD_BOOK;
                }
            }
        }
        traded.stamp = stamp;
        if news {
            traded.lag.heard(now, event.venue_time);
        }
        let head = Head { stamp, instrument: event.instrument, exponents: traded.instrument.exponents(), flags };
        self.walking = Some(Walking { head, snapshot, broken: None, standby: false });
    }

    #[inline]
    pub(super) fn level(&mut self, out: &mut impl Outputs, side: BookSide, price: i64, size: i64) {
        let Some(walking) = self.walking.as_mut() else { return };
        let id = walking.head.instrument;
        if price <= 0 || size < 0 {
            // Nobody here quotes such a thing: what it was meant to be is not known, so neither is the book.
            walking.broken.get_or_insert(GapCause::Malformed);
            out.count(Counter::LevelsRefused, 1);
            return;
        }
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let book = match traded.twin.as_deref_mut().filter(|_| walking.standby) {
            Some(twin) => &mut twin.book,
            None => &mut traded.book,
        };
        if book.set(&mut self.pool, side, price, size).is_err() {
            walking.broken = Some(GapCause::BookFull);
            out.count(Counter::LevelsRefused, 1);
        }
        if walking.standby {
            return;
        }
        let record = MarketRecord::level(walking.head, side, price, size);
        walking.head.flags = walking.head.flags.without(Flags::FIRST);
        if let Err(full) = self.batch.try_push(record) {
            // A session hands over at most LEVELS_PER_CALL_MAX levels per event piece; a longer one goes in two pieces.
            self.publish_book(out, id);
            self.batch.clear();
            let _ = self.batch.try_push(full.element());
        }
    }

    pub(super) fn book_end(&mut self, now: UnixNanos, out: &mut impl Outputs, last: bool) {
        let Some(walking) = self.walking.take() else { return };
        let id = walking.head.instrument;
        if walking.standby {
            if last || walking.broken.is_some() {
                self.standby_end(now, out, id, (walking.snapshot, walking.broken));
            }
            return;
        }
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        if self.batch.is_empty() && walking.head.flags.contains(Flags::FIRST) {
            // An empty snapshot still says: discard what you hold.
            self.batch.push(MarketRecord::level(walking.head, BookSide::Bid, 0, 0));
        }
        if !last {
            self.publish_book(out, id);
            self.batch.clear();
            return self.broken(now, out, id, walking.broken);
        }
        if let Some(end) = self.batch.last_mut() {
            *end = end.with_flags(Flags::LAST);
        }
        let crossed = traded.book.is_crossed(&self.pool).then_some(GapCause::Crossed);
        let broken = walking.broken.or(crossed);
        let mut recovered = None;
        if walking.snapshot && broken.is_none_or(|cause| cause == GapCause::BookFull) {
            if let Standing::Building { after } = traded.standing {
                traded.standing = Standing::Whole;
                recovered = after;
            }
        }
        self.publish_book(out, id);
        self.batch.clear();
        if let Some(cause) = recovered {
            out.count(Counter::Recoveries, 1);
            self.announce(now, out, id, Gap { cause, recovered: true, lost: 0 });
        }
        if broken.is_some() {
            return self.broken(now, out, id, broken);
        }
        self.followed_changed(now, id);
        self.show_paper(now, id);
    }

    /// The book is not what the venue has: it is fetched again, unless that would help nothing.
    fn broken(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, cause: Option<GapCause>) {
        let Some(cause) = cause else { return };
        if cause != GapCause::BookFull {
            self.want_resync(id);
        }
        self.gap(now, out, id, cause, 0);
    }

    /// Publishes the batch to everybody who listens to this book.
    fn publish_book(&mut self, out: &mut impl Outputs, id: InstrumentId) {
        let Some(listeners) = self.get(id).map(|t| t.book_listeners) else { return };
        self.publish(out, listeners, id, true);
    }

    /// Publishes the batch; `book` events concern the instrument's book and are subject to recovery cursors.
    pub(super) fn publish(&mut self, out: &mut impl Outputs, listeners: StrategySet, id: InstrumentId, book: bool) {
        if self.batch.is_empty() {
            return;
        }
        // Whoever refuses this event becomes slow by it, and has lost it once, not twice.
        let (live, slow) = (listeners.without(self.slow), listeners.and(self.slow));
        if !live.is_empty() {
            let refused = out.event(live, &self.batch);
            for strategy in refused.iter() {
                self.start_losing(strategy, self.batch.len() as u64, book.then_some(id));
            }
        }
        for strategy in slow.iter() {
            let batch = std::mem::take(&mut self.batch);
            self.offer_slow(out, strategy, id, book, &batch);
            self.batch = batch;
        }
    }

    pub(super) fn trade(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, mut fact: TradeFact) {
        let Some(traded) = self.traded.get_mut(fact.instrument.index()).and_then(Option::as_mut) else { return };
        let (listeners, paper) = (traded.trade_listeners, traded.paper);
        if listeners.is_empty() && paper.is_empty() {
            return;
        }
        if let Some(feed) = traded.feed_of(conn) {
            let Some(news) = traded.merged(out, feed, &fact) else {
                if fact.last {
                    self.end_trades(out);
                }
                return;
            };
            fact.snapshot &= !news;
        }
        let Some(traded) = self.traded.get(fact.instrument.index()).and_then(Option::as_ref) else { return };
        if !paper.is_empty() {
            self.trade_paper(now, traded.instrument.listing.venue, &fact);
        }
        let Some(traded) = self.traded.get(fact.instrument.index()).and_then(Option::as_ref) else { return };
        let stamp = Stamp { recv: now, venue: fact.venue_time, sequence: fact.sequence };
        let mut flags = if fact.snapshot { Flags::SNAPSHOT } else { Flags::NONE };
        if fact.last {
            flags = flags | Flags::LAST;
        }
        let head = Head { stamp, instrument: fact.instrument, exponents: traded.instrument.exponents(), flags };
        let record = MarketRecord::trade(head, fact.side, fact.price, fact.size, fact.trade_id);
        // Trades of several instruments never share a batch.
        let foreign = self.batch.first().is_some_and(|first| first.instrument() != fact.instrument);
        if foreign || self.batch.is_full() {
            self.flush_trades(out);
        }
        self.batch.push(record);
        if fact.last {
            self.publish(out, listeners, fact.instrument, false);
            self.batch.clear();
        }
    }

    /// The last trade of a message was told already: what came before it is the event.
    fn end_trades(&mut self, out: &mut impl Outputs) {
        let Some(last) = self.batch.last_mut() else { return };
        *last = last.with_flags(Flags::LAST);
        let id = last.instrument();
        let listeners = self.trade_listeners_of(id);
        self.publish(out, listeners, id, false);
        self.batch.clear();
    }

    fn trade_listeners_of(&self, id: InstrumentId) -> StrategySet {
        self.get(id).map_or(StrategySet::NONE, |t| t.trade_listeners)
    }

    pub(super) fn quote(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, fact: QuoteFact) {
        let Some(traded) = self.get_mut(fact.instrument).filter(|t| !t.is_standby(conn)) else { return };
        traded.heard_quote(&fact);
        let listeners = traded.ticker_listeners;
        let stamp = Stamp { recv: now, venue: fact.venue_time, sequence: fact.sequence };
        let flags = if fact.snapshot { Flags::SNAPSHOT | Flags::LAST } else { Flags::LAST };
        let head = Head { stamp, instrument: fact.instrument, exponents: traded.instrument.exponents(), flags };
        let record = MarketRecord::quote(head, fact.words);
        self.batch.clear();
        self.batch.push(record);
        self.publish(out, listeners, fact.instrument, false);
        self.batch.clear();
    }

    pub(super) fn ticker(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, fact: TickerFact) {
        let Some(traded) = self.get(fact.instrument).filter(|t| !t.is_standby(conn)) else { return };
        let flags = if fact.snapshot { Flags::SNAPSHOT | Flags::LAST } else { Flags::LAST };
        let record = StatisticsRecord::ticker(now, fact.venue_time, fact.sequence, fact.instrument, flags, fact.ticker);
        // The ring counts what it refuses; a statistic that was missed is replaced by the next one.
        let _ = out.statistics(traded.ticker_listeners, &record);
    }

    pub(super) fn ticker_batch(&mut self, now: UnixNanos, out: &mut impl Outputs, fact: TickerFact) {
        let Some(traded) = self.get(fact.instrument) else { return };
        let TickerFact { instrument, ticker, venue_time, sequence, snapshot } = fact;
        let flags = if snapshot { Flags::SNAPSHOT | Flags::LAST } else { Flags::LAST };
        let record = StatisticsRecord::ticker_batch(now, venue_time, sequence, instrument, flags, ticker);
        let _ = out.statistics(traded.ticker_batch_listeners, &record);
    }

    pub(super) fn candle(&mut self, now: UnixNanos, out: &mut impl Outputs, fact: CandleFact) {
        let Some(traded) = self.get(fact.instrument) else { return };
        let CandleFact { instrument, candle, venue_time, sequence, snapshot } = fact;
        let flags = if snapshot { Flags::SNAPSHOT | Flags::LAST } else { Flags::LAST };
        let record = StatisticsRecord::candle(now, venue_time, sequence, instrument, flags, candle);
        let _ = out.statistics(traded.candle_listeners, &record);
    }

    /// Figures of the account: of no instrument, for every strategy.
    pub(super) fn futures(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        everybody: StrategySet,
        fact: FuturesFact,
    ) {
        let FuturesFact { figures, venue_time, sequence, snapshot } = fact;
        let flags = if snapshot { Flags::SNAPSHOT | Flags::LAST } else { Flags::LAST };
        let record = match figures {
            FuturesFigures::Balance(balance) => {
                StatisticsRecord::futures_balance(now, venue_time, sequence, flags, balance)
            }
            FuturesFigures::Margin(margin) => {
                StatisticsRecord::futures_margin(now, venue_time, sequence, flags, margin)
            }
        };
        let _ = out.statistics(everybody, &record);
    }

    /// Takes over new increments; the status that follows publishes them. False: they do not fit its exponents.
    pub(super) fn increments(&mut self, id: InstrumentId, tick: Fixed, lot: Fixed) -> bool {
        let Some(traded) = self.get_mut(id) else { return true };
        let listing = &traded.instrument.listing;
        if listing.tick == tick && listing.lot == lot {
            return true;
        }
        let Some(changed) = traded.instrument.with_increments(tick, lot) else { return false };
        traded.instrument = changed;
        true
    }

    /// A channel is not served as asked: counted, noted, and told to whoever listens to the instrument.
    pub(super) fn not_as_asked(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        (conn, venue): (ConnId, Venue),
        id: InstrumentId,
        subscription: Subscription,
    ) {
        out.count(Counter::SubscriptionsWrong, 1);
        let Some(traded) = self.get(id) else {
            // Of the account, not of an instrument.
            return out.note(Note::Subscription { conn, venue, symbol: "", subscription });
        };
        let symbol = traded.instrument.symbol();
        out.note(Note::Subscription { conn, venue, symbol, subscription });
        let stamp = Stamp { recv: now, venue: UnixNanos::NONE, sequence: 0 };
        let (record, listeners) = (MarketRecord::subscription(stamp, id, subscription), traded.everybody());
        self.batch.clear();
        self.batch.push(record);
        self.publish(out, listeners, id, false);
        self.batch.clear();
    }

    pub(super) fn status(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        status: TradingStatus,
        venue: UnixNanos,
    ) {
        let Some(traded) = self.get_mut(id) else { return };
        traded.instrument.listing.status = status;
        let venue_of = traded.instrument.listing.venue;
        self.status_on_paper(venue_of, id, status);
        let Some(traded) = self.get(id) else { return };
        let (instrument, listeners) = (&traded.instrument, traded.everybody());
        let stamp = Stamp { recv: now, venue, sequence: 0 };
        let (tick, lot) = (instrument.tick_mantissa(), instrument.lot_mantissa());
        let head = Head { stamp, instrument: id, exponents: instrument.exponents(), flags: Flags::LAST };
        let record = MarketRecord::status(head, status, tick, lot);
        self.batch.clear();
        self.batch.push(record);
        self.publish(out, listeners, id, false);
        self.batch.clear();
    }

    /// A record for every strategy, such as a connection's state.
    pub(super) fn broadcast(&mut self, out: &mut impl Outputs, everybody: StrategySet, record: MarketRecord) {
        self.batch.clear();
        self.batch.push(record);
        self.publish(out, everybody, InstrumentId::NONE, false);
        self.batch.clear();
    }

    /// Trades of a message that is not read to its end yet: published before anything else takes their place.
    #[inline]
    pub(super) fn flush_trades(&mut self, out: &mut impl Outputs) {
        if let Some(first) = self.batch.first() {
            let (id, to) = (first.instrument(), self.trade_listeners_of(first.instrument()));
            self.publish(out, to, id, false);
            self.batch.clear();
        }
    }
}
