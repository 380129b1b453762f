//! A consumer that was too slow. While its ring is full it loses records, counted exactly; as soon as there is room it
//! gets a gap record with that count, then each touched book out of the engine's own in instalments behind a price
//! cursor, then live records. Lost trades are counted, never replayed. Nobody reconnects because a strategy paused.

use super::contract::{Outputs, StrategySet};
use super::publish::{Market, BATCH_MAX};
use super::traded::{Standing, Traded, INSTRUMENTS_MAX};
use crate::book::RecoveryCursor;
use crate::record::{
    Flags, Gap, GapCause, Head, InstrumentId, MarketKind, MarketRecord, Stamp, StrategyId, UnixNanos, View,
};
use crate::venue::LEVELS_PER_CALL_MAX;
use arrayvec::ArrayVec;

/// A set of instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstrumentBits([u64; INSTRUMENTS_MAX / 64]);

impl Default for InstrumentBits {
    fn default() -> Self {
        InstrumentBits([0; INSTRUMENTS_MAX / 64])
    }
}

impl InstrumentBits {
    pub(super) fn insert(&mut self, id: InstrumentId) {
        if let Some(word) = self.0.get_mut(id.index() / 64) {
            *word |= 1u64 << (id.index() % 64);
        }
    }

    pub(super) fn remove(&mut self, id: InstrumentId) {
        if let Some(word) = self.0.get_mut(id.index() / 64) {
            *word &= !(1u64 << (id.index() % 64));
        }
    }

    pub(super) fn contains(&self, id: InstrumentId) -> bool {
        self.0.get(id.index() / 64).is_some_and(|word| word & (1u64 << (id.index() % 64)) != 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = InstrumentId> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    InstrumentId(i as u32 * 64 + bit)
                })
            })
        })
    }
}

/// How one strategy stands with its market ring.
#[derive(Debug)]
pub(super) enum Recovery {
    /// Gets everything as it comes.
    Live,
    /// Its ring is full: records are dropped and counted.
    Losing { lost: u64, touched: Box<InstrumentBits> },
    /// It gets the touched books again, one after the other.
    Refilling { pending: Box<InstrumentBits>, current: Option<(InstrumentId, RecoveryCursor)>, after_loss: bool },
}

impl Market {
    /// The ring of a live strategy refused `lost` records.
    pub(super) fn start_losing(&mut self, strategy: StrategyId, lost: u64, book: Option<InstrumentId>) {
        let Some(recovery) = self.recovery.get_mut(strategy.index()) else { return };
        let mut touched = Box::<InstrumentBits>::default();
        if let Some(id) = book {
            touched.insert(id);
        }
        if let Recovery::Refilling { pending, current, .. } = recovery {
            for id in pending.iter().chain(current.as_ref().map(|(id, _)| *id)) {
                touched.insert(id);
            }
        }
        *recovery = Recovery::Losing { lost, touched };
        self.slow = self.slow.with(StrategySet::one(strategy));
    }

    /// A strategy that just subscribed to a book we hold gets it like one that lost it, without a gap.
    pub(super) fn hand_over(&mut self, strategy: StrategyId, id: InstrumentId) {
        let Some(recovery) = self.recovery.get_mut(strategy.index()) else { return };
        match recovery {
            Recovery::Live => {
                let mut pending = Box::<InstrumentBits>::default();
                pending.insert(id);
                *recovery = Recovery::Refilling { pending, current: None, after_loss: false };
                self.slow = self.slow.with(StrategySet::one(strategy));
            }
            Recovery::Losing { touched, .. } => touched.insert(id),
            Recovery::Refilling { pending, .. } => pending.insert(id),
        }
    }

    /// The book of an instrument is another one from now on: a hand-over under way starts afresh.
    pub(super) fn hand_over_anew(&mut self, strategy: StrategyId, id: InstrumentId) {
        if let Some(Recovery::Refilling { current, .. }) = self.recovery.get_mut(strategy.index()) {
            current.take_if(|(walked, _)| *walked == id);
        }
        self.hand_over(strategy, id);
    }

    /// An event for a strategy that is not live.
    pub(super) fn offer_slow(
        &mut self,
        out: &mut impl Outputs,
        strategy: StrategyId,
        id: InstrumentId,
        book: bool,
        batch: &[MarketRecord],
    ) {
        let Some(recovery) = self.recovery.get_mut(strategy.index()) else { return };
        let to = StrategySet::one(strategy);
        let refused = match recovery {
            Recovery::Live => out.event(to, batch),
            Recovery::Losing { lost, touched } => {
                *lost = lost.saturating_add(batch.len() as u64);
                if book {
                    touched.insert(id);
                }
                return;
            }
            Recovery::Refilling { pending, current, .. } if book => {
                if pending.contains(id) {
                    return; // its turn comes, and then this change is in the book
                }
                match current {
                    Some((walked, _)) if *walked == id && batch.first().is_some_and(starts_snapshot) => {
                        // The book itself starts afresh: so does its hand-over.
                        pending.insert(id);
                        *current = None;
                        return;
                    }
                    Some((walked, cursor)) if *walked == id => {
                        let mut behind: ArrayVec<MarketRecord, BATCH_MAX> =
                            batch.iter().filter(|r| is_behind(cursor, r)).copied().collect();
                        // The event still ends with its last published record.
                        match (behind.last_mut(), batch.last()) {
                            (Some(end), Some(whole)) if whole.flags().contains(Flags::LAST) => {
                                *end = end.with_flags(Flags::LAST);
                            }
                            (None, _) => return,
                            _ => {}
                        }
                        out.event(to, &behind)
                    }
                    _ => out.event(to, batch),
                }
            }
            Recovery::Refilling { .. } => out.event(to, batch),
        };
        if !refused.is_empty() {
            self.start_losing(strategy, batch.len() as u64, book.then_some(id));
        }
    }

    /// Strategies for which [`Market::room`] has something to do; not those that wait for the venue.
    pub(super) fn wants_room(&self) -> StrategySet {
        let mut wants = self.slow;
        for strategy in self.slow.iter() {
            if let Some(Recovery::Refilling { pending, current: None, .. }) = self.recovery.get(strategy.index()) {
                let mut left = pending.iter().peekable();
                if left.peek().is_some() && !left.any(|id| can_hand_over(&self.traded, strategy, id)) {
                    wants = wants.without(StrategySet::one(strategy));
                }
            }
        }
        wants
    }

    /// A strategy's ring has room again: one step of its recovery.
    pub(super) fn room(&mut self, now: UnixNanos, out: &mut impl Outputs, strategy: StrategyId) {
        let Some(recovery) = self.recovery.get_mut(strategy.index()) else { return };
        let to = StrategySet::one(strategy);
        match recovery {
            Recovery::Live => {}
            Recovery::Losing { lost, touched } => {
                let gap = Gap { cause: GapCause::ConsumerFull, recovered: false, lost: *lost };
                if out.event(to, &[gap_record(now, gap)]).is_empty() {
                    let pending = std::mem::take(touched);
                    *recovery = Recovery::Refilling { pending, current: None, after_loss: true };
                }
            }
            Recovery::Refilling { pending, current, after_loss } => {
                // What became doubtful on its way is no book to vouch for: its hand-over starts afresh once it is whole.
                if let Some((id, _)) = current.take_if(|(id, _)| !can_hand_over(&self.traded, strategy, *id)) {
                    pending.insert(id);
                }
                if current.is_none() {
                    let next = pending.iter().find(|id| can_hand_over(&self.traded, strategy, *id));
                    match next {
                        Some(id) => {
                            pending.remove(id);
                            *current = Some((id, RecoveryCursor::new()));
                        }
                        None if pending.iter().next().is_none() => {
                            let gap = Gap { cause: GapCause::ConsumerFull, recovered: true, lost: 0 };
                            if !*after_loss || out.event(to, &[gap_record(now, gap)]).is_empty() {
                                *recovery = Recovery::Live;
                                self.slow = self.slow.without(to);
                            }
                            return;
                        }
                        None => return,
                    }
                }
                self.instalment(now, out, strategy);
            }
        }
    }

    /// Hands over the next levels of the book a strategy is being refilled with.
    fn instalment(&mut self, now: UnixNanos, out: &mut impl Outputs, strategy: StrategyId) {
        let Some(Recovery::Refilling { current, .. }) = self.recovery.get_mut(strategy.index()) else { return };
        let Some((id, cursor)) = current.as_mut() else { return };
        let id = *id;
        let traded = self.traded.get(id.index()).and_then(Option::as_ref);
        let Some(traded) = traded.filter(|t| t.book_listeners.contains(strategy)) else {
            *current = None;
            return;
        };
        let before = *cursor;
        let mut levels = [(0i64, 0i64); LEVELS_PER_CALL_MAX];
        let instalment = cursor.next_instalment(&traded.book, &self.pool, &mut levels);
        let stamp = Stamp { recv: now, ..traded.stamp };
        let exponents = traded.instrument.exponents();
        let mut records: ArrayVec<MarketRecord, BATCH_MAX> = levels
            .iter()
            .take(instalment.levels)
            .enumerate()
            .map(|(i, (price, size))| {
                let flags = instalment.flags(i) | Flags::DERIVED;
                MarketRecord::level(Head { stamp, instrument: id, exponents, flags }, instalment.side, *price, *size)
            })
            .collect();
        // A book that was changed over to ends the gap of the one before it, in one piece with its last level.
        let over = traded.twin.as_deref().filter(|_| instalment.last).and_then(|twin| twin.take_untold(strategy));
        if let Some(cause) = over {
            records.push(MarketRecord::gap(stamp, id, Gap { cause, recovered: true, lost: 0 }));
        }
        if !out.event(StrategySet::one(strategy), &records).is_empty() {
            *cursor = before; // no room after all: the same instalment again
        } else if instalment.last {
            *current = None;
            if let Some(twin) = self.get_mut(id).and_then(|traded| traded.twin.as_deref_mut()) {
                twin.told(strategy);
            }
        }
    }
}

/// A book that is being rebuilt is handed over when it is whole; one that is gone, never: then there is nothing to do.
fn can_hand_over(traded: &[Option<Traded>], strategy: StrategyId, id: InstrumentId) -> bool {
    let traded = traded.get(id.index()).and_then(Option::as_ref);
    traded.is_none_or(|t| t.standing == Standing::Whole || !t.book_listeners.contains(strategy))
}

fn gap_record(now: UnixNanos, gap: Gap) -> MarketRecord {
    let stamp = Stamp { recv: now, venue: UnixNanos::NONE, sequence: 0 };
    MarketRecord::gap(stamp, InstrumentId::NONE, gap)
}

fn starts_snapshot(record: &MarketRecord) -> bool {
    record.kind() == MarketKind::Level && record.flags().contains(Flags::FIRST)
}

fn is_behind(cursor: &RecoveryCursor, record: &MarketRecord) -> bool {
    match record.view() {
        View::Level(level) => cursor.covers(level.side, level.price.mantissa()),
        _ => true,
    }
}
