//! Up to when the strategies of a session were told what was executed, venue by venue.
//!
//! Owns one number per venue, shared between the reactor, who says it, and the thread that notes it. Guarantees that
//! saying it costs one relaxed store. Reads no clock, touches no file.

use crate::record::{PerVenue, UnixNanos, Venue};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// See the module's documentation; cheap to clone.
#[derive(Debug, Clone)]
pub struct ToldUntil(Arc<PerVenue<AtomicU64>>);

impl Default for ToldUntil {
    fn default() -> Self {
        ToldUntil(Arc::new(PerVenue::new(|_| AtomicU64::new(UnixNanos::NONE.0))))
    }
}

impl ToldUntil {
    /// Everything executed there up to `until` was told. It may go back: what has to be looked for once more was not told.
    pub fn say(&self, venue: Venue, until: UnixNanos) {
        self.0.get(venue).store(until.0, Ordering::Relaxed);
    }

    /// What was said last; `None` before.
    #[must_use]
    pub fn of(&self, venue: Venue) -> Option<UnixNanos> {
        Some(UnixNanos(self.0.get(venue).load(Ordering::Relaxed))).filter(|until| until.is_some())
    }
}
