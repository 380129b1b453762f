//! Why a command is refused before anything of it was sent.

use crate::record::{RejectClass, UnixNanos};

/// A refusal of ours: nothing was written. Tell its strategy by [`Orders::refuse`](super::Orders::refuse).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("order refused ({class:?}): {reason}")]
pub struct Refusal {
    /// How it is classed.
    pub class: RejectClass,
    /// The reason, at most 32 characters.
    pub reason: &'static str,
    /// When the same command would be looked at again; `NONE` if time does not help.
    pub retry_at: UnixNanos,
}

impl Refusal {
    /// A refusal that time does not help.
    pub const fn new(class: RejectClass, reason: &'static str) -> Refusal {
        Refusal { class, reason, retry_at: UnixNanos::NONE }
    }

    /// The same refusal, with the time at which to try again.
    #[must_use]
    pub const fn until(self, retry_at: UnixNanos) -> Refusal {
        Refusal { retry_at, ..self }
    }
}
