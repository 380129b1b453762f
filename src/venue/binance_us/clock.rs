//! The venue's clock as seen from ours: every signed request is stamped with the venue's time, never with our clock alone.
//!
//! Owns the bounds of the offset between the two. One answer of `GET /api/v3/time` proves that the venue's clock, at some
//! moment between our sending and our receiving, stood within the millisecond it names; so each sample bounds the offset
//! from both sides, samples intersect, and the bounds widen with the time since (both clocks drift). Guarantees that the
//! true offset lies within `error_ns` of the one given, unless a clock was set meanwhile; a sample that contradicts the
//! bounds shows that, and starts afresh. Never reads a clock and never sends.

use super::limits;
use crate::record::UnixNanos;

/// A time of the venue's clock, ms since 1970: what the parameter `timestamp` takes. Only [`TimeSync::stamp`] makes one
/// of our own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VenueMs(pub u64);

/// How far the venue's clock is ahead of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Venue time less our time, ns.
    pub ns: i64,
    /// The true offset is at most this much more or less, ns.
    pub error_ns: u64,
}

/// No request can be stamped now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSynced {
    /// No sample yet, or none since the venue refused a stamp.
    #[error("the Binance.US clock is not known yet")]
    Unknown,
    /// The bounds are wider than the venue's tolerance.
    #[error("the Binance.US clock is known to {error_ms} ms only")]
    TooVague {
        /// The error bound, ms.
        error_ms: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    low_ns: i64,
    high_ns: i64,
    /// When they held.
    at: UnixNanos,
}

impl Bounds {
    /// The bounds as they are now: both clocks may have drifted.
    fn at(&self, now: UnixNanos) -> Bounds {
        let elapsed = i64::try_from(now.since(self.at)).unwrap_or(i64::MAX);
        let drift = elapsed.checked_div(limits::CLOCK_DRIFT_ONE_IN).unwrap_or(0);
        Bounds { low_ns: self.low_ns.saturating_sub(drift), high_ns: self.high_ns.saturating_add(drift), at: now }
    }

    fn error_ns(&self) -> u64 {
        self.high_ns.abs_diff(self.low_ns).div_ceil(2)
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct TimeSync {
    bounds: Option<Bounds>,
    sampled: UnixNanos,
    /// The venue refused a stamp since the last sample.
    refused: bool,
    steps: u64,
}

impl TimeSync {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> TimeSync {
        TimeSync::default()
    }

    /// The venue said `server` in an answer to a request that left at `sent` and was answered at `received`.
    pub fn sample(&mut self, sent: UnixNanos, received: UnixNanos, server: VenueMs) {
        let server_ns = signed(UnixNanos::NONE.plus_ms(server.0));
        let received = received.max(sent);
        // Of the moment the venue looked at its clock, whenever that was: what drifted meanwhile counts, too.
        let new = Bounds {
            low_ns: server_ns.saturating_sub(signed(received)),
            // The venue cuts its time to the millisecond.
            high_ns: server_ns.saturating_add(1_000_000).saturating_sub(signed(sent)),
            at: sent,
        }
        .at(received);
        let known = self.bounds.filter(|_| !self.refused).map(|bounds| bounds.at(received));
        let merged = known.map(|known| Bounds {
            low_ns: known.low_ns.max(new.low_ns),
            high_ns: known.high_ns.min(new.high_ns),
            at: received,
        });
        self.bounds = match merged {
            Some(merged) if merged.low_ns <= merged.high_ns => Some(merged),
            Some(_) => {
                // One of the clocks was set: only the new sample counts.
                self.steps = self.steps.saturating_add(1);
                Some(new)
            }
            None => Some(new),
        };
        (self.sampled, self.refused) = (received, false);
    }

    /// The venue refused a stamp (-1021): what we know is wrong until the next sample.
    pub fn refused(&mut self) {
        self.refused = true;
    }

    /// The offset now; `None` while unknown.
    pub fn offset(&self, now: UnixNanos) -> Option<Offset> {
        let bounds = self.bounds.filter(|_| !self.refused)?.at(now);
        let half = i64::try_from(bounds.error_ns()).unwrap_or(i64::MAX);
        Some(Offset { ns: bounds.low_ns.saturating_add(half), error_ns: bounds.error_ns() })
    }

    /// The venue's time now.
    ///
    /// # Errors
    /// [`NotSynced`].
    #[inline]
    pub fn stamp(&self, now: UnixNanos) -> Result<VenueMs, NotSynced> {
        let offset = self.offset(now).ok_or(NotSynced::Unknown)?;
        let error_ms = offset.error_ns.div_ceil(1_000_000);
        if error_ms > limits::CLOCK_ERROR_MS_MAX {
            return Err(NotSynced::TooVague { error_ms });
        }
        let venue = now.0.saturating_add_signed(offset.ns);
        Ok(VenueMs(venue.checked_div(1_000_000).unwrap_or(0)))
    }

    /// When the next sample is due; may lie in the past.
    pub fn due_at(&self, now: UnixNanos) -> UnixNanos {
        match self.offset(now) {
            None => UnixNanos(1),
            Some(offset) if offset.error_ns > limits::CLOCK_ERROR_NS_WANTED => {
                self.sampled.plus_ms(limits::CLOCK_RETRY_MS)
            }
            Some(_) => self.sampled.plus_ms(limits::CLOCK_REFRESH_MS),
        }
    }

    /// How often a sample showed that a clock was set.
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

fn signed(time: UnixNanos) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

    fn ms(at: UnixNanos) -> VenueMs {
        VenueMs(at.0 / 1_000_000)
    }

    #[test]
    fn nothing_is_stamped_before_the_first_sample_nor_after_a_refusal() {
        let mut sync = TimeSync::new();
        assert_eq!((sync.stamp(NOW), sync.due_at(NOW) <= NOW), (Err(NotSynced::Unknown), true));
        sync.sample(NOW, NOW.plus_ms(20), ms(NOW.plus_ms(2_010)));
        assert_eq!(sync.stamp(NOW.plus_ms(20)), Ok(ms(NOW.plus_ms(2_020))));
        sync.refused();
        assert_eq!((sync.stamp(NOW.plus_ms(30)), sync.due_at(NOW) <= NOW), (Err(NotSynced::Unknown), true));
        sync.sample(NOW.plus_ms(40), NOW.plus_ms(60), ms(NOW.plus_ms(50)));
        assert_eq!(sync.stamp(NOW.plus_ms(60)), Ok(ms(NOW.plus_ms(60))));
    }

    #[test]
    fn a_slow_answer_after_a_fast_one_does_not_make_it_worse() {
        let mut sync = TimeSync::new();
        sync.sample(NOW, NOW.plus_ms(10), ms(NOW.plus_ms(505)));
        let good = sync.offset(NOW.plus_ms(10)).unwrap();
        // Half of the way there and back and of the millisecond, and what drifted on the way.
        assert!(good.error_ns <= 5_500_500, "{good:?}");
        sync.sample(NOW.plus_ms(100), NOW.plus_ms(900), ms(NOW.plus_ms(1_350)));
        let after = sync.offset(NOW.plus_ms(900)).unwrap();
        assert!(after.error_ns <= good.error_ns + 100_000, "{after:?}");
    }

    #[test]
    fn what_drifted_while_the_answer_was_on_its_way_is_within_the_bound() {
        let mut sync = TimeSync::new();
        // The venue looked at its clock, a moment before its next millisecond, as the request left; and gains 40 ppm.
        let server = UnixNanos(NOW.0 + 999_999);
        sync.sample(NOW, NOW.plus_ms(250), ms(server));
        let offset = sync.offset(NOW.plus_ms(250)).unwrap();
        assert!(offset.ns.abs_diff(999_999 + 10_000) <= offset.error_ns + 1, "{offset:?}");
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let mut sync = TimeSync::new();
        sync.sample(NOW, NOW.plus_ms(10), ms(NOW));
        let set_back = UnixNanos(NOW.0 + 3_600_000_000_000);
        sync.sample(set_back, set_back.plus_ms(10), ms(NOW.plus_ms(1_000)));
        assert_eq!(sync.steps(), 1);
        assert_eq!(
            sync.stamp(set_back.plus_ms(10)).map(|stamp| stamp.0.abs_diff(ms(NOW.plus_ms(1_005)).0) <= 5),
            Ok(true)
        );
    }

    #[test]
    fn bounds_that_are_too_wide_refuse_and_ask_again_soon() {
        let mut sync = TimeSync::new();
        sync.sample(NOW, NOW.plus_ms(4_000), ms(NOW.plus_ms(2_000)));
        assert!(matches!(sync.stamp(NOW.plus_ms(4_000)), Err(NotSynced::TooVague { .. })));
        assert_eq!(sync.due_at(NOW.plus_ms(4_000)), NOW.plus_ms(4_000 + limits::CLOCK_RETRY_MS));
    }

    proptest! {
        /// However the delays fall and the clocks drift within the allowance, the true offset is within the bound.
        #[test]
        fn the_true_offset_is_always_within_the_bound(
            offset_ms in -100_000i64..100_000, drift_ppm in -40i64..40,
            steps in proptest::collection::vec((0u64..90_000, 0u64..300, 0u64..300), 1..30),
        ) {
            let mut sync = TimeSync::new();
            let true_offset = |at: UnixNanos| offset_ms * 1_000_000 + (at.0 - NOW.0) as i64 / 1_000_000 * drift_ppm;
            let mut now = NOW;
            for (pause_ms, there_ms, back_ms) in steps {
                let sent = now.plus_ms(pause_ms);
                let at_venue = sent.plus_ms(there_ms);
                now = at_venue.plus_ms(back_ms);
                let server = UnixNanos(at_venue.0.saturating_add_signed(true_offset(at_venue)));
                sync.sample(sent, now, ms(server));
                let known = sync.offset(now).unwrap();
                prop_assert_eq!(sync.steps(), 0);
                prop_assert!(known.ns.abs_diff(true_offset(now)) <= known.error_ns + 1, "{:?} {}", known, true_offset(now));
            }
        }
    }
}
