//! How a counter becomes UNIX time: the pure part of the clock.
//!
//! Owns the point the counter is anchored at, the drift learned and the correction under way. Guarantees that time never
//! goes back and never runs off by more than [`RATE_MAX`], except when it steps. Reads nothing.
//!
//! The control loop: each reading gives an error. It is slewed away over the next [`SPAN_NS`]; a quarter of its rate is
//! taken for drift of the counter and kept. With a steady drift the error falls by a quarter per reading.

/// An error above this steps the clock at once: slewing 50 ms would take minutes, and it is no drift but somebody who set
/// the time.
pub const STEP_MIN_NS: u64 = 50_000_000;
/// A correction is spread over so much time; the same as between two readings.
pub(super) const SPAN_NS: u64 = 4_000_000_000;

/// Rates are fractions of 2^30.
const RATE_SHIFT: u32 = 30;
/// 500 parts per million, as the kernel slews.
const RATE_MAX: i64 = 536_871;
/// Errors above this are no drift and teach nothing: the slew is at its limit, learning would overshoot.
const LEARN_ERROR_NS_MAX: i64 = 1_000_000;
/// Part of an error's rate that is taken for drift.
const LEARN_SHARE: i64 = 4;

/// Time as a function of what the counter advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Point {
    /// The counter here.
    pub(super) raw: u64,
    /// UNIX ns here.
    pub(super) unix_ns: u64,
    /// Rate for ever.
    pub(super) drift: i64,
    /// Rate for the next [`SPAN_NS`] in addition.
    pub(super) slew: i64,
}

impl Point {
    /// UNIX ns when the counter advanced by `elapsed_ns`.
    #[inline]
    pub(super) fn at(&self, elapsed_ns: u64) -> u64 {
        let drifted = share(elapsed_ns, self.drift);
        let slewed = share(elapsed_ns.min(SPAN_NS), self.slew);
        self.unix_ns.wrapping_add(elapsed_ns).wrapping_add_signed(drifted + slewed)
    }
}

/// A rate's share of a time; saturates far beyond any time this clock goes without a reading.
#[inline]
fn share(elapsed_ns: u64, rate: i64) -> i64 {
    (elapsed_ns.min(1 << 42) as i64 * rate) >> RATE_SHIFT
}

/// What a reading did. Positive errors: the clock was behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// The error is being slewed away.
    Slewed {
        /// Found, ns.
        error_ns: i64,
    },
    /// The time jumped by this much.
    Stepped {
        /// Found, ns.
        error_ns: i64,
    },
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    point: Point,
}

impl Anchor {
    pub(super) const fn new(raw: u64, unix_ns: u64) -> Self {
        Self { point: Point { raw, unix_ns, drift: 0, slew: 0 } }
    }

    pub(super) const fn point(&self) -> Point {
        self.point
    }

    /// Takes a reading: the counter stands at `raw`, `elapsed_ns` after [`Anchor::point`], and it is `unix_ns`.
    pub(super) fn read(&mut self, raw: u64, elapsed_ns: u64, unix_ns: u64) -> Adjustment {
        let ours_ns = self.point.at(elapsed_ns);
        let error_ns = unix_ns.wrapping_sub(ours_ns) as i64;
        if error_ns.unsigned_abs() > STEP_MIN_NS {
            self.point = Point { raw, unix_ns, drift: self.point.drift, slew: 0 };
            return Adjustment::Stepped { error_ns };
        }
        let rate = (error_ns << RATE_SHIFT) / SPAN_NS as i64;
        let learned = if error_ns.abs() <= LEARN_ERROR_NS_MAX { rate / LEARN_SHARE } else { 0 };
        let drift = (self.point.drift + learned).clamp(-RATE_MAX, RATE_MAX);
        self.point = Point { raw, unix_ns: ours_ns, drift, slew: rate.clamp(-RATE_MAX, RATE_MAX) };
        Adjustment::Slewed { error_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START_NS: u64 = 1_780_000_000_000_000_000;

    #[test]
    fn an_error_is_slewed_away_within_one_span() {
        let mut anchor = Anchor::new(0, START_NS);
        let now = START_NS + SPAN_NS + 100_000;
        assert_eq!(anchor.read(SPAN_NS, SPAN_NS, now), Adjustment::Slewed { error_ns: 100_000 });
        let point = anchor.point();
        assert_eq!(point.at(0), START_NS + SPAN_NS, "nothing jumps");
        let half = point.at(SPAN_NS / 2) - point.at(0) - SPAN_NS / 2;
        assert!((40_000..70_000).contains(&half), "{half}");
        let whole = point.at(SPAN_NS) - point.at(0) - SPAN_NS;
        assert!((95_000..130_000).contains(&whole), "{whole}");
    }

    #[test]
    fn a_correction_ends_with_its_span_even_if_no_reading_follows() {
        let mut anchor = Anchor::new(0, START_NS);
        // Too large to be taken for drift.
        anchor.read(SPAN_NS, SPAN_NS, START_NS + SPAN_NS + 20_000_000);
        let point = anchor.point();
        let gained = |elapsed_ns: u64| point.at(elapsed_ns) - point.at(0) - elapsed_ns;
        assert!((1_990_000..=2_000_010).contains(&gained(SPAN_NS)), "{}: 500 ppm", gained(SPAN_NS));
        assert_eq!(gained(SPAN_NS), gained(20 * SPAN_NS));
    }

    #[test]
    fn a_large_error_steps_at_once_in_both_directions() {
        let mut anchor = Anchor::new(0, START_NS);
        let ahead = START_NS + 10 + 50_000_001;
        assert_eq!(anchor.read(10, 10, ahead), Adjustment::Stepped { error_ns: 50_000_001 });
        assert_eq!(anchor.point().at(0), ahead);
        let back = START_NS - 3_600_000_000_000;
        assert!(matches!(anchor.read(20, 10, back), Adjustment::Stepped { error_ns: ..=-3_600_000_000_000 }));
        assert_eq!(anchor.point().at(5), back + 5);
    }

    #[test]
    fn a_steady_drift_is_learned() {
        // The counter loses 40 us in each second.
        let mut anchor = Anchor::new(0, START_NS);
        let mut errors = Vec::new();
        for reading in 1..=40_u64 {
            let Adjustment::Slewed { error_ns } =
                anchor.read(reading * SPAN_NS, SPAN_NS, START_NS + reading * (SPAN_NS + 160_000))
            else {
                panic!("a step");
            };
            errors.push(error_ns);
        }
        assert_eq!(errors[0], 160_000);
        assert!(errors[20..].iter().all(|error| error.abs() < 2_000), "{errors:?}");
    }

    proptest! {
        #[test]
        fn time_never_goes_back_and_never_runs_off_whatever_is_read(
            readings in proptest::collection::vec((0_u64..12_000_000_000, -49_000_000_i64..49_000_000), 1..30)
        ) {
            let mut anchor = Anchor::new(0, START_NS);
            let (mut raw, mut last) = (0_u64, START_NS);
            for (elapsed, error) in readings {
                for part in 0..=4 {
                    let now = anchor.point().at(elapsed / 4 * part);
                    prop_assert!(now >= last);
                    last = now;
                }
                raw += elapsed;
                let ours = anchor.point().at(elapsed);
                let ran = ours - anchor.point().at(0);
                prop_assert!(ran.abs_diff(elapsed) <= elapsed / 990 + 2);
                anchor.read(raw, elapsed, ours.wrapping_add_signed(error));
                prop_assert!(anchor.point().at(0) >= last);
            }
        }
    }
}
