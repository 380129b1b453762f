//! Market facts become records: books are kept, and events are published whole or not at all.

use super::contract::{ConnId, Note, Outputs, StrategySet};
use super::paper::OnPaper;
use super::recover::{InstrumentBits, Recovery};
use super::redundancy::Twin;
use crate::book::{BlockPool, Feed, OrderBook};
use crate::guard::FeedLag;
use crate::record::{
    BookSide, Fixed, Flags, Gap, GapCause, Head, Instrument, InstrumentId, MarketRecord, PerVenue, Stamp,
    StatisticsRecord, StrategyId, Subscription, TradingStatus, UnixNanos, Venue,
};
use crate::telemetry::Counter;
use crate::venue::{
    BookEvent, BookEventKind, CandleFact, Channels, FuturesFact, FuturesFigures, QuoteFact, TickerFact, TradeFact,
    LEVELS_PER_CALL_MAX,
};
use arrayvec::ArrayVec;

/// Instruments one engine can hold.
pub const INSTRUMENTS_MAX: usize = InstrumentId::COUNT_MAX;
/// Books a session is asked to renew after one call; more wait for the next.
const RESYNC_MAX: usize = 64;

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
    paper: Channels,
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
    ticker_listeners: StrategySet,
    ticker_batch_listeners: StrategySet,
    candle_listeners: StrategySet,
    status_listeners: StrategySet,
    /// A loss of trades that is not over; only where no book is held.
    pub(super) trade_gap: Option<GapCause>,
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

/// The book event being walked.
#[derive(Debug, Clone, Copy)]
struct Walking {
    head: Head,
    snapshot: bool,
    full: bool,
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
    redundant: bool,
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
            self.walking = Some(Walking { head, snapshot, full: false, standby: true });
            return;
        }
        let snapshot = event.kind != BookEventKind::Update;
        match event.kind {
            BookEventKind::SnapshotFirst => {
                traded.book.clear(&mut self.pool);
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
        if !snapshot {
            traded.lag.heard(now, event.venue_time);
        }
        let head = Head { stamp, instrument: event.instrument, exponents: traded.instrument.exponents(), flags };
        self.walking = Some(Walking { head, snapshot, full: false, standby: false });
    }

    #[inline]
    pub(super) fn level(&mut self, out: &mut impl Outputs, side: BookSide, price: i64, size: i64) {
        let Some(walking) = self.walking.as_mut() else { return };
        let id = walking.head.instrument;
        let Some(traded) = self.traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        let book = match traded.twin.as_deref_mut().filter(|_| walking.standby) {
            Some(twin) => &mut twin.book,
            None => &mut traded.book,
        };
        if book.set(&mut self.pool, side, price, size).is_err() {
            walking.full = true;
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
            if last {
                self.standby_end(now, out, id, (walking.snapshot, walking.full));
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
            return;
        }
        if let Some(end) = self.batch.last_mut() {
            *end = end.with_flags(Flags::LAST);
        }
        let crossed = traded.book.is_crossed(&self.pool);
        let mut recovered = None;
        if walking.snapshot && !crossed {
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
        if walking.full {
            self.gap(now, out, id, GapCause::BookFull, 0);
        } else if crossed {
            self.want_resync(id);
            self.gap(now, out, id, GapCause::Crossed, 0);
        } else {
            self.followed_changed(now, id);
            self.show_paper(now, id);
        }
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
        let Some(traded) = self.get(fact.instrument).filter(|t| !t.is_standby(conn)) else { return };
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

    /// Who hears of a loss although the book is not theirs.
    pub(super) fn trade_only_listeners(&self) -> StrategySet {
        self.trade_listeners.without(self.book_listeners)
    }

    fn everybody(&self) -> StrategySet {
        let market = self.book_listeners.with(self.trade_listeners).with(self.ticker_listeners);
        market.with(self.ticker_batch_listeners).with(self.candle_listeners).with(self.status_listeners)
    }
}
