//! Identifiers. Each has a type of its own, so that one cannot stand where another is meant.

use super::InlineText;

/// An instrument of one venue, numbered by the gateway from 0 in the order of first subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct InstrumentId(pub u32);

impl InstrumentId {
    /// Records that concern no single instrument (connection states, pulses, balances).
    pub const NONE: InstrumentId = InstrumentId(u32::MAX);
    /// Instruments one gateway can hold; tables of them have this size.
    pub const COUNT_MAX: usize = 1024;

    /// The number as an index; [`InstrumentId::NONE`] is past every table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An asset (currency), numbered by the gateway; its code is in the gateway's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct AssetId(pub u16);

impl AssetId {
    /// No asset.
    pub const NONE: AssetId = AssetId(u16::MAX);
}

/// A strategy: one set of handles, one thread. At most [`StrategyId::COUNT_MAX`] at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct StrategyId(pub u8);

impl StrategyId {
    /// Strategies fit one 64-bit set.
    pub const COUNT_MAX: usize = 64;

    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One command of one strategy; unique within a run of the gateway. The strategy's number is in the top 8 bits, its
/// own counter (from 1) in the other 56.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct RequestId(pub u64);

impl RequestId {
    /// No request: executions that no command of this run caused.
    pub const NONE: RequestId = RequestId(0);
    const COUNTER_BITS: u32 = 56;
    /// The top bit of a counter: no strategy ever counts so far.
    const ADOPTED: u64 = 1 << (Self::COUNTER_BITS - 1);

    /// The `counter`-th command of `strategy`.
    pub const fn new(strategy: StrategyId, counter: u64) -> RequestId {
        RequestId(((strategy.0 as u64) << Self::COUNTER_BITS) | (counter & ((1 << Self::COUNTER_BITS) - 1)))
    }

    /// What stands for the command of an earlier run that placed an order adopted as the `nth` one.
    pub const fn adopted(strategy: StrategyId, nth: u64) -> RequestId {
        RequestId::new(strategy, nth | Self::ADOPTED)
    }

    /// Whether it stands for a command of an earlier run: this run sent none of this number.
    pub const fn is_adopted(self) -> bool {
        self.0 & Self::ADOPTED != 0
    }

    /// Whose command it was.
    pub const fn strategy(self) -> StrategyId {
        StrategyId((self.0 >> Self::COUNTER_BITS) as u8)
    }

    /// The strategy's own count.
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.strategy().0, self.counter())
    }
}

/// The id we give an order; valid at every venue (at most 36 characters of `[A-Za-z0-9-]`).
pub type ClientOrderId = InlineText<36>;
/// The id the venue gives an order.
pub type VenueOrderId = InlineText<36>;
/// The venue's identity of one execution, where it has one.
pub type ExecutionId = InlineText<36>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_remembers_its_strategy_and_count() {
        let id = RequestId::new(StrategyId(63), 77);
        assert_eq!((id.strategy(), id.counter()), (StrategyId(63), 77));
        assert_eq!(id.to_string(), "63:77");
    }

    #[test]
    fn an_adopted_request_is_no_command_of_this_run() {
        let id = RequestId::adopted(StrategyId(5), 1);
        assert!(id.is_adopted() && !RequestId::new(StrategyId(5), 1).is_adopted());
        assert_eq!((id.strategy(), id == RequestId::new(StrategyId(5), 1)), (StrategyId(5), false));
    }
}
