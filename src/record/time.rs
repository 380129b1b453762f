//! Points in time as every record carries them. Owns no clock: somebody above reads it and passes it down.

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted; 0 means "none". Good until the year 2554.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct UnixNanos(pub u64);

impl UnixNanos {
    /// No time known.
    pub const NONE: UnixNanos = UnixNanos(0);
    /// Later than every other point in time.
    pub const MAX: UnixNanos = UnixNanos(u64::MAX);

    /// The point `ms` milliseconds after this one, saturating.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> UnixNanos {
        UnixNanos(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// The point `ns` nanoseconds after this one, saturating.
    #[must_use]
    pub const fn plus_ns(self, ns: u64) -> UnixNanos {
        UnixNanos(self.0.saturating_add(ns))
    }

    /// Nanoseconds from `earlier` to this point; 0 if `earlier` is later.
    pub const fn since(self, earlier: UnixNanos) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Whether a time is known at all.
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(UnixNanos(5).plus_ms(2), UnixNanos(2_000_005));
        assert_eq!(UnixNanos::MAX.plus_ms(1), UnixNanos::MAX);
        assert_eq!(UnixNanos(5).since(UnixNanos(9)), 0);
        assert_eq!(UnixNanos(1_999_999_999).seconds(), 1);
    }
}
