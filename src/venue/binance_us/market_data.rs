//! What all market connections of the venue share: symbols, books in the making, and what came already.
//!
//! Owns the memory that makes two connections one feed: an event that came over one is not told again when it comes over
//! the other (trades by their id, quotes and partial books by their update id, tickers and candles by their time, diffs
//! by their update ids), so a connection can be replaced before it ends without a loss or a repetition, and streams may
//! be spread over connections at will. Guarantees that a gap concerns one symbol, is announced, and asks for one
//! snapshot; and that snapshots are asked for one by one, as fast as whoever asks [`MarketData::next_snapshot`] allows.
//! Never sends and never reads a clock.

use super::book_sync::{Admission, BookSync, KeptLevel, Phase, SnapshotVerdict};
use super::limits;
use super::products::Products;
use crate::book::{Arrival, Feed, TradeMerger};
use crate::record::{BookSide, GapCause, Instrument, InstrumentId, UnixNanos};
use crate::venue::{BookEvent, BookEventKind, Facts, GapScope, LEVELS_PER_CALL_MAX};

/// Where one symbol's snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Snapshot {
    NotNeeded,
    /// To be asked for from then on.
    Due(UnixNanos),
    InFlight,
}

/// What is remembered of one symbol.
#[derive(Debug)]
struct Memory {
    book: BookSync,
    /// Connections that carry its diffs.
    carriers: usize,
    snapshot: Snapshot,
    /// Attempts that failed in a row.
    failures: u32,
    trades: TradeMerger,
    quote: u64,
    partial: u64,
    /// Times of the last statistics, by [`Statistic`].
    statistics: [u64; Statistic::COUNT],
    /// Interval (s) and time of the last candles.
    candles: arrayvec::ArrayVec<(u32, u64), CANDLES_REMEMBERED>,
}

impl Memory {
    /// Its snapshot is to be asked for from then on; `bound` hears of it.
    fn due(&mut self, at: UnixNanos, bound: &mut UnixNanos) {
        self.snapshot = Snapshot::Due(at);
        *bound = (*bound).min(at);
    }
}

/// Streams whose events carry no id: a later time is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistic {
    Ticker = 0,
    MiniTicker = 1,
}

impl Statistic {
    const COUNT: usize = 2;
}

/// Trades of one aggregate that are remembered one by one; a taker who swept more orders at one price was not seen.
const TRADES_PER_AGGREGATE_MAX: u64 = 4_096;

/// Candle streams of one symbol whose last event is remembered; with more, the one remembered first gives way.
const CANDLES_REMEMBERED: usize = 16;

/// A snapshot to fetch: hand it to [`OrderSession::snapshot`](super::OrderSession::snapshot) of a connection that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Levels per side.
    pub limit: u32,
    /// Its request weight.
    pub weight: u32,
}

/// See the module's documentation. One per venue, lent to every market connection and to whoever fetches snapshots.
#[derive(Debug)]
pub struct MarketData {
    pub(super) products: Products,
    memory: Vec<Memory>,
    snapshot_levels: u32,
    /// Where the search for the next snapshot begins: nobody waits behind a symbol that fails again and again.
    next: usize,
    /// No snapshot is due before this; may be too early, never too late.
    bound: UnixNanos,
}

impl Default for MarketData {
    fn default() -> Self {
        Self::new(limits::SNAPSHOT_LEVELS)
    }
}

impl MarketData {
    /// Knows no symbol yet. Snapshots will have this many levels per side, 1 to 5,000: more cost more weight, and levels
    /// below the last one are unknown until they change (Binance.US reference 6.7).
    #[must_use]
    pub fn new(snapshot_levels: u32) -> MarketData {
        let snapshot_levels = snapshot_levels.clamp(1, limits::SNAPSHOT_LEVELS_MAX);
        MarketData {
            products: Products::default(),
            memory: Vec::new(),
            snapshot_levels,
            next: 0,
            bound: UnixNanos::MAX,
        }
    }

    /// Adds the instrument, or takes over its exponents if it is there: its book then begins anew.
    pub fn know(&mut self, instrument: &Instrument, now: UnixNanos) {
        let known = self.products.find_instrument(instrument.id);
        let before = known.and_then(|index| self.products.get(index)).map(|p| (p.price_exponent, p.size_exponent));
        let index = self.index(instrument);
        if before.is_some_and(|exponents| exponents != instrument.exponents()) {
            self.begin_again(index, now);
        }
    }

    /// The index of the instrument, which is added if it is new.
    pub(super) fn index(&mut self, instrument: &Instrument) -> usize {
        let index = self.products.know(instrument);
        while self.memory.len() < self.products.len() {
            self.memory.push(Memory {
                book: BookSync::new(),
                carriers: 0,
                snapshot: Snapshot::NotNeeded,
                failures: 0,
                trades: TradeMerger::new(),
                quote: 0,
                partial: 0,
                statistics: [0; Statistic::COUNT],
                candles: arrayvec::ArrayVec::new(),
            });
        }
        index
    }

    /// The engine found the book wrong: fetch it again. No gap is reported back. A book that waits for its snapshot
    /// already goes on waiting: what is kept for it is good.
    pub fn resync(&mut self, instrument: InstrumentId, now: UnixNanos) {
        let Some(index) = self.products.find_instrument(instrument) else { return };
        if self.memory.get(index).is_some_and(|memory| memory.book.phase() != Phase::Waiting) {
            self.begin_again(index, now);
        }
    }

    /// Whether the book is held and every diff told.
    pub fn is_synced(&self, instrument: InstrumentId) -> bool {
        let index = self.products.find_instrument(instrument);
        index.and_then(|index| self.memory.get(index)).is_some_and(|memory| memory.book.phase() == Phase::Synced)
    }

    /// The last update in the book; `None` while it is not held.
    pub fn synced_id(&self, instrument: InstrumentId) -> Option<u64> {
        let index = self.products.find_instrument(instrument)?;
        self.memory.get(index)?.book.synced_id()
    }

    /// The next snapshot to fetch, if one is due. Asked for only with a connection and the weight at hand: it counts as
    /// in flight from now on.
    pub fn next_snapshot(&mut self, now: UnixNanos) -> Option<SnapshotRequest> {
        let count = self.memory.len();
        let start = self.next.checked_rem(count)?;
        for index in (start..count).chain(0..start) {
            let Some(memory) = self.memory.get_mut(index) else { continue };
            let Snapshot::Due(at) = memory.snapshot else { continue };
            if at > now {
                continue;
            }
            memory.snapshot = Snapshot::InFlight;
            self.next = index.saturating_add(1);
            let instrument = self.products.get(index)?.instrument;
            let limit = self.snapshot_levels;
            let weight = super::request::Call::Depth { symbol: "", limit }.weight();
            return Some(SnapshotRequest { instrument, limit, weight });
        }
        self.bound = self.deadline().unwrap_or(UnixNanos::MAX);
        None
    }

    /// No snapshot is due before this: a look costs nothing, and may come too early. `None` if none will be.
    pub fn due_bound(&self) -> Option<UnixNanos> {
        (self.bound != UnixNanos::MAX).then_some(self.bound)
    }

    /// The weight of the next snapshot, if one is due: what to ask the governor for.
    pub fn snapshot_due(&mut self, now: UnixNanos) -> Option<u32> {
        let due = self.memory.iter().any(|m| matches!(m.snapshot, Snapshot::Due(at) if at <= now));
        if !due {
            self.bound = self.deadline().unwrap_or(UnixNanos::MAX);
            return None;
        }
        Some(super::request::Call::Depth { symbol: "", limit: self.snapshot_levels }.weight())
    }

    /// When the next snapshot is due; may lie in the past.
    pub fn deadline(&self) -> Option<UnixNanos> {
        let due = self.memory.iter().filter_map(|m| match m.snapshot {
            Snapshot::Due(at) => Some(at),
            _ => None,
        });
        due.min()
    }

    /// The snapshot handed out was not fetched, or its connection was lost: it is due again, later each time.
    pub fn snapshot_failed(&mut self, instrument: InstrumentId, now: UnixNanos) {
        if let Some(index) = self.products.find_instrument(instrument) {
            self.fail_snapshot(index, now);
        }
    }

    // What sessions tell of their subscriptions.

    /// A connection asks for the diffs of a symbol.
    pub(super) fn diffs_asked(&mut self, index: usize) {
        if let Some(memory) = self.memory.get_mut(index) {
            memory.carriers = memory.carriers.saturating_add(1);
            memory.book.twofold = memory.carriers > 1;
            if memory.book.phase() == Phase::Unwanted {
                memory.book.begin();
            }
        }
    }

    /// Its diffs flow from here on: a snapshot taken now is not too early.
    pub(super) fn diffs_flow(&mut self, index: usize, now: UnixNanos) {
        if let Some(memory) = self.memory.get_mut(index) {
            if memory.book.phase() == Phase::Waiting && memory.snapshot == Snapshot::NotNeeded {
                memory.due(now, &mut self.bound);
            }
        }
    }

    /// A connection no longer carries its diffs. Without any other the book is given up; true then.
    pub(super) fn diffs_end(&mut self, index: usize) -> bool {
        let Some(memory) = self.memory.get_mut(index) else { return false };
        memory.carriers = memory.carriers.saturating_sub(1);
        // It may have been the one that brought it; if not, that costs one snapshot at most.
        memory.book.long_lost();
        memory.book.twofold = memory.carriers > 1;
        if memory.carriers > 0 {
            return false;
        }
        memory.book.end();
        (memory.snapshot, memory.failures) = (Snapshot::NotNeeded, 0);
        true
    }

    // What decoders ask and tell.

    /// Whether a trade is news; of an aggregated one, whether its first is. By id, not by order: of two connections
    /// either may be ahead.
    #[inline]
    pub(super) fn trade_is_news(&mut self, index: usize, first: u64, last: u64) -> bool {
        self.memory.get_mut(index).is_some_and(|memory| {
            let mut is_first = |id| matches!(memory.trades.offer(Feed::First, id, false), Arrival::First { .. });
            let news = is_first(first);
            if news {
                let rest = first.saturating_add(1)..=last.min(first.saturating_add(TRADES_PER_AGGREGATE_MAX));
                rest.for_each(|id| {
                    is_first(id);
                });
            }
            news
        })
    }

    /// Whether a quote is news: neither behind another quote nor behind the book, whose update ids it shares (Binance.US
    /// reference 6.9).
    #[inline]
    pub(super) fn quote_is_news(&mut self, index: usize, id: u64) -> bool {
        self.memory.get_mut(index).is_some_and(|memory| {
            let book = memory.book.synced_id().unwrap_or(0);
            let news = id > memory.quote && id > book;
            memory.quote = memory.quote.max(id);
            news
        })
    }

    /// Whether a partial book is news, and the only book there is of the symbol.
    #[inline]
    pub(super) fn partial_is_news(&mut self, index: usize, id: u64) -> bool {
        self.memory.get_mut(index).is_some_and(|memory| {
            let news = id > memory.partial && memory.carriers == 0;
            memory.partial = memory.partial.max(id);
            news
        })
    }

    /// Whether statistics of this time are news. `time` is in any unit, always the same.
    #[inline]
    pub(super) fn statistic_is_news(&mut self, index: usize, statistic: Statistic, time: u64) -> bool {
        let memory = self.memory.get_mut(index);
        memory.and_then(|memory| memory.statistics.get_mut(statistic as usize)).is_some_and(|last| {
            let news = time > *last;
            *last = time.max(*last);
            news
        })
    }

    /// The same of a candle, per interval.
    pub(super) fn candle_is_news(&mut self, index: usize, interval_s: u32, time: u64) -> bool {
        let Some(memory) = self.memory.get_mut(index) else { return false };
        if let Some((_, last)) = memory.candles.iter_mut().find(|(interval, _)| *interval == interval_s) {
            let news = time > *last;
            *last = time.max(*last);
            return news;
        }
        if memory.candles.is_full() {
            memory.candles.remove(0);
        }
        memory.candles.push((interval_s, time));
        true
    }

    /// A diff begins: what to do with its levels. A gap is told here.
    #[inline]
    pub(super) fn diff(
        &mut self,
        now: UnixNanos,
        index: usize,
        (first, last): (u64, u64),
        time: UnixNanos,
        facts: &mut impl Facts,
    ) -> Admission {
        let Some(memory) = self.memory.get_mut(index) else { return Admission::Ignore };
        let admission = memory.book.diff(first, last, time);
        if !matches!(admission, Admission::Apply | Admission::Ignore) {
            self.diff_kept(now, index, admission, facts);
        }
        admission
    }

    #[cold]
    fn diff_kept(&mut self, now: UnixNanos, index: usize, admission: Admission, facts: &mut impl Facts) {
        if let Some(memory) = self.memory.get_mut(index) {
            if memory.book.take_ids_restarted() {
                // These count as the book does (Binance.US reference 6.9). Trades have numbers of their own, of which nothing
                // says that they begin again with these: to forget them would tell again what another connection still brings.
                (memory.quote, memory.partial) = (0, 0);
            }
        }
        if let Admission::Gap(missed) = admission {
            self.gap(now, index, GapCause::Sequence, missed, facts);
        }
        self.diffs_flow(index, now);
    }

    /// Which of a symbol's books is held: another number after all that was held became void.
    pub(super) fn book_age(&self, index: usize) -> u64 {
        self.memory.get(index).map_or(0, |memory| memory.book.age())
    }

    /// A level of the diff that ends with update `last`, to be kept.
    pub(super) fn keep(
        &mut self,
        now: UnixNanos,
        (index, last): (usize, u64),
        level: KeptLevel,
        facts: &mut impl Facts,
    ) {
        let Some(memory) = self.memory.get_mut(index) else { return };
        if !memory.book.keep(last, level) {
            self.gap(now, index, GapCause::Sequence, 0, facts);
        }
    }

    /// The diff begun cannot be read to its end.
    #[cold]
    pub(super) fn diff_broken(&mut self, now: UnixNanos, index: usize, facts: &mut impl Facts) {
        let Some(memory) = self.memory.get_mut(index) else { return };
        if memory.book.broken() {
            self.gap(now, index, GapCause::Malformed, 0, facts);
        }
    }

    /// A message came that cannot be read at all: any book may have missed a diff by it.
    #[cold]
    pub(super) fn all_broken(&mut self, now: UnixNanos, facts: &mut impl Facts) {
        for index in 0..self.memory.len() {
            self.diff_broken(now, index, facts);
        }
    }

    /// A snapshot's id is known: whether to tell its levels.
    pub(super) fn snapshot(&mut self, now: UnixNanos, index: usize, id: u64) -> SnapshotVerdict {
        let Some(memory) = self.memory.get_mut(index) else { return SnapshotVerdict::Unneeded };
        let verdict = memory.book.snapshot(id);
        match verdict {
            SnapshotVerdict::Take => {}
            SnapshotVerdict::TooOld => {
                // One that lags is young enough soon; one that stands still would cost its weight again and again.
                let pause = pause_ms(memory.failures).max(limits::SNAPSHOT_TOO_OLD_MS);
                memory.failures = memory.failures.saturating_add(1);
                memory.due(now.plus_ms(pause), &mut self.bound);
            }
            SnapshotVerdict::Unneeded => memory.snapshot = Snapshot::NotNeeded,
        }
        verdict
    }

    /// A snapshot was told but for its last level. False: it must not be ended as a whole one.
    pub(super) fn snapshot_ends(&mut self, now: UnixNanos, index: usize) -> bool {
        let Some(memory) = self.memory.get_mut(index) else { return false };
        if memory.book.snapshot_ends() {
            (memory.snapshot, memory.failures) = (Snapshot::NotNeeded, 0);
            return true;
        }
        self.fail_snapshot(index, now);
        false
    }

    /// A diff that was applied, from update `first` on, comes in pieces.
    pub(super) fn long_diff_begins(&mut self, index: usize, first: u64) {
        if let Some(memory) = self.memory.get_mut(index) {
            memory.book.long_begins(first);
        }
    }

    /// It came to its end.
    pub(super) fn long_diff_ends(&mut self, index: usize, facts: &mut impl Facts) {
        if let Some(memory) = self.memory.get_mut(index) {
            memory.book.long_ends();
        }
        self.diff_ends(index, facts);
    }

    /// A diff was told to its end: what waited for it is told now.
    #[inline]
    pub(super) fn diff_ends(&mut self, index: usize, facts: &mut impl Facts) {
        if self.memory.get(index).is_some_and(|memory| memory.book.phase() == Phase::Replaying) {
            // Little is kept for this: the second round is for diffs without levels.
            while self.replay(index, facts) {}
        }
    }

    /// Tells kept diffs, up to the budget of one call; true if more are left.
    pub(super) fn replay(&mut self, index: usize, facts: &mut impl Facts) -> bool {
        let (Some(memory), Some(product)) = (self.memory.get_mut(index), self.products.get(index)) else {
            return false;
        };
        let mut budget = LEVELS_PER_CALL_MAX;
        while budget > 0 {
            let Some((diff, levels)) = memory.book.replay(budget) else { return false };
            let count = levels.len();
            facts.book(BookEvent {
                instrument: product.instrument,
                kind: BookEventKind::Update,
                venue_time: diff.time,
                sequence: diff.last,
            });
            for level in levels {
                facts.level(level.side, level.price, level.size);
            }
            facts.book_end(count >= diff.levels);
            memory.book.replayed(count);
            budget = budget.saturating_sub(count.max(1));
        }
        memory.book.phase() == Phase::Replaying
    }

    fn gap(&mut self, now: UnixNanos, index: usize, cause: GapCause, missed: u64, facts: &mut impl Facts) {
        let (Some(memory), Some(product)) = (self.memory.get_mut(index), self.products.get(index)) else { return };
        if memory.snapshot != Snapshot::InFlight {
            memory.due(now.plus_ms(pause_ms(memory.failures)), &mut self.bound);
        }
        facts.gap(GapScope::Instrument(product.instrument), cause, missed);
    }

    fn begin_again(&mut self, index: usize, now: UnixNanos) {
        let Some(memory) = self.memory.get_mut(index) else { return };
        if memory.book.phase() == Phase::Unwanted {
            return;
        }
        memory.book.begin();
        // A book that is found wrong again and again is fetched ever more slowly.
        memory.failures = memory.failures.saturating_add(1);
        if memory.snapshot != Snapshot::InFlight {
            memory.due(now.plus_ms(pause_ms(memory.failures.saturating_sub(1))), &mut self.bound);
        }
    }

    fn fail_snapshot(&mut self, index: usize, now: UnixNanos) {
        let Some(memory) = self.memory.get_mut(index) else { return };
        memory.book.snapshot_fails();
        if memory.book.phase() != Phase::Waiting {
            memory.snapshot = Snapshot::NotNeeded;
            return;
        }
        memory.failures = memory.failures.saturating_add(1);
        memory.due(now.plus_ms(pause_ms(memory.failures)), &mut self.bound);
    }
}

/// The pause after so many failures; none after none.
fn pause_ms(failures: u32) -> u64 {
    match failures.checked_sub(1) {
        None => 0,
        Some(doublings) => {
            let factor = 1_u64.checked_shl(doublings.min(20)).unwrap_or(u64::MAX);
            limits::RETRY_MS_MIN.saturating_mul(factor).min(limits::RETRY_MS_MAX)
        }
    }
}

/// The levels of a book event that comes in pieces, told in parts of at most [`LEVELS_PER_CALL_MAX`]. One level is held
/// back between pieces, so that the last part is never empty: its last record ends the event.
#[derive(Debug)]
pub(super) struct Parts {
    event: BookEvent,
    /// Levels in the part begun; `None` between parts.
    open: Option<usize>,
    held: Option<(BookSide, i64, i64)>,
}

impl Parts {
    /// Nothing of the event was told yet.
    pub const fn new(event: BookEvent) -> Parts {
        Parts { event, open: None, held: None }
    }

    /// The event was begun already, without a level.
    pub const fn begun(event: BookEvent) -> Parts {
        Parts { event, open: Some(0), held: None }
    }

    #[inline]
    pub fn level(&mut self, side: BookSide, price: i64, size: i64, facts: &mut impl Facts) {
        if let Some((side, price, size)) = self.held.replace((side, price, size)) {
            self.tell(side, price, size, facts);
        }
    }

    /// The piece ends, more may follow.
    pub fn cut(&mut self, facts: &mut impl Facts) {
        if self.open.take().is_some() {
            facts.book_end(false);
        }
    }

    /// The event ends.
    pub fn end(&mut self, facts: &mut impl Facts) {
        if let Some((side, price, size)) = self.held.take() {
            self.tell(side, price, size, facts);
        } else if self.open.is_none() {
            self.begin(facts);
        }
        self.open = None;
        facts.book_end(true);
    }

    /// Nothing more of the event will come.
    pub fn give_up(&mut self, facts: &mut impl Facts) {
        self.held = None;
        self.cut(facts);
    }

    #[inline]
    fn tell(&mut self, side: BookSide, price: i64, size: i64, facts: &mut impl Facts) {
        match self.open {
            Some(levels) if levels < LEVELS_PER_CALL_MAX => {}
            Some(_) => {
                facts.book_end(false);
                self.begin(facts);
            }
            None => self.begin(facts),
        }
        facts.level(side, price, size);
        self.open = self.open.map(|levels| levels.saturating_add(1));
    }

    fn begin(&mut self, facts: &mut impl Facts) {
        facts.book(self.event);
        if self.event.kind == BookEventKind::SnapshotFirst {
            self.event.kind = BookEventKind::SnapshotMore;
        }
        self.open = Some(0);
    }
}

#[cfg(test)]
#[path = "market_data_tests.rs"]
mod tests;
