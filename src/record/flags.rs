//! The flag byte of a market record.

/// A set of the flags a market record can carry; one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// Last record of one venue event: the book is consistent after it.
    pub const LAST: Flags = Flags(1);
    /// Part of a snapshot, not a change.
    pub const SNAPSHOT: Flags = Flags(1 << 1);
    /// The feed behind it is known to be silent for too long.
    pub const STALE: Flags = Flags(1 << 2);
    /// The book it belongs to may be wrong (a gap is open).
    pub const MAYBE_BAD_BOOK: Flags = Flags(1 << 3);
    /// The venue's time stamp was absent or unusable; `venue_ns` is 0.
    pub const BAD_TS: Flags = Flags(1 << 4);
    /// Computed by us, not sent by the venue.
    pub const DERIVED: Flags = Flags(1 << 5);
    /// First record of a snapshot: discard what you hold of this book before applying it.
    pub const FIRST: Flags = Flags(1 << 7);
    /// Sell or ask; without it buy or bid. Read it through the views.
    pub(super) const SELL: Flags = Flags(1 << 6);

    const NAMES: [(Flags, &'static str); 7] = [
        (Flags::LAST, "LAST"),
        (Flags::SNAPSHOT, "SNAPSHOT"),
        (Flags::STALE, "STALE"),
        (Flags::MAYBE_BAD_BOOK, "MAYBE_BAD_BOOK"),
        (Flags::BAD_TS, "BAD_TS"),
        (Flags::DERIVED, "DERIVED"),
        (Flags::FIRST, "FIRST"),
    ];

    /// These flags and `other`'s.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These flags without `other`'s.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the set flags, in the order of their bits; the side is not among them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names().map(|n| format_args!("{n}").to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_combine_and_name_themselves() {
        let flags = Flags::LAST | Flags::SNAPSHOT;
        assert!(flags.contains(Flags::LAST) && !flags.contains(Flags::STALE));
        assert_eq!(flags.names().collect::<Vec<_>>(), ["LAST", "SNAPSHOT"]);
        assert_eq!(flags.without(Flags::LAST), Flags::SNAPSHOT);
    }
}
