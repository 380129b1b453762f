//! Where the positions of spot venues begin: with a balance of which it is known how our fills stand to it.
//!
//! Such a venue says what is held of an asset, not as of which execution. So a balance is a position's beginning only if
//! no fill can be on either side of it: none was told from so long before it was asked for, as a listing may lag, until it
//! was read; and none that is told later can be older, which it cannot be of an order sent since, or once all that was
//! executed up to then was read from the venue's history. Any other fill puts the position in doubt: it is to begin again,
//! with a balance asked for after a while without fills. No clock of the venue is believed for this.
//!
//! Owns, by instrument, when its last fill was told and when its beginning was read. Guarantees that a position that is
//! known to have begun has every fill once. Allocates only when an instrument becomes known. Asks nothing itself.

use crate::record::{
    ExecutionKind, ExecutionRecord, InstrumentId, PerVenue, UnixNanos, Venue, EXECUTION_FLAG_REPLAYED,
};

/// How one instrument stands.
#[derive(Debug, Clone, Copy)]
struct Opening {
    venue: Venue,
    /// When its last fill was told.
    filled_at: UnixNanos,
    /// When the balance it began with was read; `NONE` before, and while it is in doubt.
    begun_at: UnixNanos,
    /// A fill of which nobody knows whether the balance had it.
    doubted: bool,
}

/// A position that is to begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) venue: Venue,
    pub(super) instrument: InstrumentId,
    /// A balance asked for before this would be no beginning either.
    pub(super) until: UnixNanos,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Openings {
    by_instrument: Vec<Option<Opening>>,
    /// Every execution up to then was told.
    told_until: PerVenue<UnixNanos>,
    /// A listing may lack what happened in so many ms before it was asked for.
    lag_ms: u64,
    /// Instruments in doubt.
    doubts: usize,
}

impl Openings {
    pub(super) fn new(lag_ms: u64) -> Openings {
        Openings { by_instrument: Vec::new(), told_until: PerVenue::default(), lag_ms, doubts: 0 }
    }

    /// An instrument whose position begins with a balance.
    pub(super) fn know(&mut self, venue: Venue, instrument: InstrumentId) {
        let index = instrument.index();
        if index >= InstrumentId::COUNT_MAX {
            return;
        }
        if self.by_instrument.len() <= index {
            self.by_instrument.resize(index.saturating_add(1), None);
        }
        if let Some(place) = self.by_instrument.get_mut(index).filter(|place| place.is_none()) {
            let (filled_at, begun_at) = (UnixNanos::NONE, UnixNanos::NONE);
            *place = Some(Opening { venue, filled_at, begun_at, doubted: false });
        }
    }

    /// Every execution at a venue up to then was told.
    pub(super) fn told_until(&mut self, venue: Venue, until: UnixNanos) {
        *self.told_until.get_mut(venue) = until;
    }

    /// A fill on its way to a strategy, one of a dead session's time too: the balance may lack it.
    pub(super) fn moved(&mut self, record: &ExecutionRecord) {
        if record.kind != ExecutionKind::Fill || record.last_quantity == 0 {
            return;
        }
        let Openings { by_instrument, told_until, lag_ms, doubts } = self;
        let Some(opening) = by_instrument.get_mut(record.instrument.index()).and_then(Option::as_mut) else { return };
        opening.filled_at = record.recv;
        let begun_at = opening.begun_at;
        if !begun_at.is_some() {
            return;
        }
        let sent_since = record.sent.is_some() && record.sent > begun_at;
        let rest_told = *told_until.get(opening.venue) >= begun_at.plus_ms(*lag_ms);
        // Positions leave out what the listing of a dead session's order had already.
        let left_out = record.has(EXECUTION_FLAG_REPLAYED);
        if left_out || !(sent_since || rest_told) {
            (opening.begun_at, opening.doubted) = (UnixNanos::NONE, true);
            *doubts = doubts.saturating_add(1);
        }
    }

    /// Every balance was read, and was asked for at `asked`: whether a position has begun with it.
    ///
    /// # Errors
    /// It has not: not before that time can it be asked for so that it does.
    pub(super) fn begin(
        &mut self,
        now: UnixNanos,
        instrument: InstrumentId,
        asked: UnixNanos,
    ) -> Result<(), UnixNanos> {
        let Openings { by_instrument, lag_ms, doubts, .. } = self;
        let Some(opening) = by_instrument.get_mut(instrument.index()).and_then(Option::as_mut) else { return Ok(()) };
        if std::mem::take(&mut opening.doubted) {
            *doubts = doubts.saturating_sub(1);
        }
        let quiet_from = opening.filled_at.plus_ms(*lag_ms);
        if opening.filled_at.is_some() && asked <= quiet_from {
            opening.begun_at = UnixNanos::NONE;
            // Later than that, by as little as there is.
            return Err(quiet_from.plus_ms(1));
        }
        opening.begun_at = now;
        Ok(())
    }

    /// Whether there is a doubt that nobody was told of.
    pub(super) const fn in_doubt(&self) -> bool {
        self.doubts > 0
    }

    /// A position that is to begin again; each doubt once.
    pub(super) fn take_doubt(&mut self) -> Option<Doubt> {
        if self.doubts == 0 {
            return None;
        }
        let Openings { by_instrument, lag_ms, doubts, .. } = self;
        for (index, place) in by_instrument.iter_mut().enumerate() {
            let Some(opening) = place.as_mut().filter(|opening| opening.doubted) else { continue };
            opening.doubted = false;
            *doubts = doubts.saturating_sub(1);
            let until = opening.filled_at.plus_ms(*lag_ms).plus_ms(1);
            return Some(Doubt { venue: opening.venue, instrument: InstrumentId(index as u32), until });
        }
        *doubts = 0;
        None
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VENUE: Venue = Venue::Coinbase;
    const BTC: InstrumentId = InstrumentId(3);
    const LAG_MS: u64 = 1_000;
    const START: UnixNanos = UnixNanos(1_800_000_000_000_000_000);

    fn at(ms: u64) -> UnixNanos {
        START.plus_ms(ms)
    }

    fn openings() -> Openings {
        let mut openings = Openings::new(LAG_MS);
        openings.know(VENUE, BTC);
        openings
    }

    /// A fill told at one time, of an order whose last byte left at another.
    fn fill(told_ms: u64, sent_ms: Option<u64>) -> ExecutionRecord {
        let mut record = ExecutionRecord::new(ExecutionKind::Fill, VENUE, BTC);
        (record.last_quantity, record.recv) = (1, at(told_ms));
        record.sent = sent_ms.map_or(UnixNanos::NONE, at);
        record
    }

    fn doubt(until_ms: u64) -> Option<Doubt> {
        Some(Doubt { venue: VENUE, instrument: BTC, until: at(until_ms) })
    }

    #[test]
    fn a_balance_asked_for_while_fills_come_is_no_beginning() {
        let mut openings = openings();
        openings.moved(&fill(5_000, Some(4_000)));
        assert_eq!(openings.begin(at(6_500), BTC, at(6_000)), Err(at(6_001)), "it may lack the fill");
        assert_eq!(openings.begin(at(6_500), BTC, at(6_001)), Ok(()));
        assert!(!openings.in_doubt());
    }

    #[test]
    fn a_fill_told_later_is_no_doubt_if_its_order_was_sent_since_or_all_before_was_told() {
        let mut openings = openings();
        openings.begin(at(100), BTC, at(50)).unwrap();
        openings.moved(&fill(200, Some(101)));
        assert_eq!(openings.take_doubt(), None);
        openings.moved(&fill(300, Some(100)));
        assert_eq!((openings.take_doubt(), openings.take_doubt()), (doubt(1_301), None));
        openings.begin(at(2_000), BTC, at(1_400)).unwrap();
        openings.told_until(VENUE, at(2_999));
        openings.moved(&fill(9_000, None));
        assert_eq!(openings.take_doubt(), doubt(10_001), "history may have lacked it");
        openings.begin(at(11_000), BTC, at(10_500)).unwrap();
        openings.told_until(VENUE, at(12_000));
        openings.moved(&fill(12_500, None));
        assert!(!openings.in_doubt());
        // Of a dead session: no position counts it, whenever it was.
        openings.moved(&ExecutionRecord { flags: EXECUTION_FLAG_REPLAYED, ..fill(13_000, None) });
        assert!(openings.in_doubt());
    }

    #[test]
    fn what_moves_nothing_is_no_doubt() {
        let mut openings = openings();
        openings.begin(at(100), BTC, at(50)).unwrap();
        let nothing = ExecutionRecord { last_quantity: 0, ..fill(200, None) };
        let detail = ExecutionRecord { kind: ExecutionKind::FillDetail, ..fill(200, None) };
        let elsewhere = ExecutionRecord { instrument: InstrumentId(4), ..fill(200, None) };
        [nothing, detail, elsewhere].iter().for_each(|record| openings.moved(record));
        assert_eq!((openings.in_doubt(), openings.take_doubt()), (false, None));
        assert_eq!(openings.begin(at(200), InstrumentId(4), at(100)), Ok(()), "it has no opening");
    }

    /// A fill of one unit: when it was made, of an order sent at, and when it is told.
    #[derive(Debug, Clone, Copy)]
    struct Made {
        at: u64,
        sent: u64,
        told: u64,
    }

    proptest! {
        /// Whenever orders are sent and filled, however late each fill is told by a stream, or found in a history that lags,
        /// and as of whichever moment the venue states a balance: a position that is known has every fill once as soon as
        /// all of them are told, and it does become known.
        #[test]
        fn a_position_that_has_begun_has_every_fill_once(
            orders in prop::collection::vec(
                (0u64..3_000, prop::collection::vec((1u64..1_500, 0u64..2_500, any::<bool>()), 0..4)),
                0..6,
            ),
            lags in prop::collection::vec((0u64..=LAG_MS, 10u64..800, 0u64..=1_000), 1..6),
            (first_ask, history_ms) in (0u64..5_000, 1_500u64..3_000),
        ) {
            let mut made: Vec<Made> = Vec::new();
            for (sent, fills) in &orders {
                for (after, late, dropped) in fills {
                    let done = sent + after;
                    // What the stream drops, history tells: when a reading is over that was begun long enough after.
                    let found = ((done + LAG_MS) / history_ms + 1) * history_ms + 50;
                    made.push(Made { at: done, sent: *sent, told: if *dropped { found } else { (done + late).min(found) } });
                }
            }
            let mut openings = openings();
            let (mut position, mut known, mut told_sum) = (0_i64, false, 0_i64);
            // When balances are asked for; what the answer will say, and when.
            let (mut ask_at, mut answer, mut asked_count) = (Some(first_ask), None::<(u64, u64, i64)>, 0);
            for now in (0..20_000u64).step_by(10) {
                for fill in made.iter().filter(|fill| fill.told / 10 == now / 10) {
                    (position, told_sum) = (position + 1, told_sum + 1);
                    openings.moved(&self::fill(now, Some(fill.sent / 10 * 10)));
                    if let Some(doubt) = openings.take_doubt() {
                        known = false;
                        ask_at = Some(doubt.until.since(START) / 1_000_000);
                    }
                }
                if now % history_ms < 10 {
                    // Read at once, 50 ms before what it found is told as told above: set when that is over.
                } else if now >= 60 && (now - 50) % history_ms < 10 {
                    openings.told_until(VENUE, at((now - 50) / history_ms * history_ms));
                }
                if let Some((asked, _, held)) = answer.filter(|(_, due, _)| *due <= now) {
                    answer = None;
                    position = held;
                    match openings.begin(at(now), BTC, at(asked)) {
                        Ok(()) => known = true,
                        Err(again) => ask_at = Some(again.since(START) / 1_000_000),
                    }
                }
                if answer.is_none() && ask_at.is_some_and(|ask_at| ask_at <= now) {
                    ask_at = None;
                    let (lag, way, share) = lags[asked_count % lags.len()];
                    asked_count += 1;
                    // As of some moment between so long before it was asked for and its answer.
                    let stated = (now + way * share / 1_000).saturating_sub(lag);
                    let held = made.iter().filter(|fill| fill.at / 10 * 10 <= stated).count() as i64;
                    answer = Some((now, now + way, held));
                }
                if known {
                    let executed = made.iter().filter(|fill| fill.at <= now + 10).count() as i64;
                    prop_assert!((told_sum..=executed).contains(&position), "{now} ms: {position}, told {told_sum} of {executed}");
                }
            }
            prop_assert!(known, "it is known at last");
            prop_assert_eq!(position, made.len() as i64);
        }
    }
}
