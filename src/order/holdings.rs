//! What is ours of each instrument, and when a venue is asked what else is held.
//!
//! Owns when balances are asked for: once for each instrument whose position nobody has told, again and again where the
//! rules say so, and always after everything about orders. Guarantees that a position is never taken from an answer that was
//! asked for before somebody waited for it. Whether it begins with what such an answer says, the engine decides: it knows
//! what was told meanwhile.

use super::check::pause;
use super::exposure::{Exposure, HeldSum};
use super::query::{QueryEnd, ReconcileRules};
use super::table::Orders;
use crate::record::{InstrumentId, UnixNanos, Venue};

/// When the balances of one venue are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct BalanceQuestion {
    at: UnixNanos,
    /// Asked for before this they do not tell what is to be known.
    from: UnixNanos,
    pause_ms: u64,
}

impl BalanceQuestion {
    /// At once.
    pub const FIRST: BalanceQuestion = BalanceQuestion { at: UnixNanos::NONE, from: UnixNanos::NONE, pause_ms: 0 };

    pub const fn at(&self) -> UnixNanos {
        self.at
    }

    /// It is asked now.
    pub fn ask(&mut self) {
        self.at = UnixNanos::MAX;
    }

    /// What is told from now on is to be known, and asked for at `at` at the latest.
    fn want(&mut self, now: UnixNanos, at: UnixNanos) {
        (self.from, self.at) = (now, self.at.min(at));
    }

    /// What was asked for at `asked` was answered. Returns whether every balance that was to be known is.
    pub fn ended(&mut self, now: UnixNanos, asked: UnixNanos, end: QueryEnd, rules: &ReconcileRules) -> bool {
        let whole = end == QueryEnd::Complete && asked >= self.from;
        self.pause_ms = if end == QueryEnd::Failed { pause(self.pause_ms, rules) } else { 0 };
        self.at = match whole {
            true if rules.balances => now.plus_ms(rules.fills_every_ms),
            true => UnixNanos::MAX,
            false => now.plus_ms(self.pause_ms),
        };
        whole
    }
}

impl Orders {
    /// What is ours in an instrument.
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        self.exposures.get(instrument)
    }

    /// Orders of all strategies open, or on their way, at a venue.
    pub const fn open_count_at(&self, venue: Venue) -> u32 {
        self.exposures.open_at(venue)
    }

    /// Another sum of what open orders hold of an asset.
    pub fn add_held_sum(&mut self) -> HeldSum {
        self.exposures.add_held_sum()
    }

    /// What open orders in an instrument hold is in these sums from now on: what buys reserve of the quote asset, and what
    /// sells may still sell of the base asset. To be called once for each instrument.
    pub fn sum_held(&mut self, instrument: InstrumentId, quote: HeldSum, base: HeldSum) {
        self.exposures.sum_held(instrument, quote, base);
    }

    /// What open orders hold by this sum, at the exponent of its instruments.
    pub fn held(&self, sum: HeldSum) -> i128 {
        self.exposures.held(sum)
    }

    /// The position is this, every fill told so far in it: mantissa at the size exponent, long positive.
    pub fn set_position(&mut self, instrument: InstrumentId, position: i64) {
        self.exposures.set_position(instrument, position);
    }

    /// The position is about this, and not known: a fill may be in it twice, or lack.
    pub fn suppose_position(&mut self, instrument: InstrumentId, position: i64) {
        self.exposures.suppose_position(instrument, position);
    }

    /// The position is what fills made of it: nothing was held before.
    pub fn know_position(&mut self, instrument: InstrumentId) {
        self.exposures.know_position(instrument);
    }

    /// What is held of an instrument is to be told by the balances of the account: they are asked for, if nobody has told
    /// it. [`Exposure::position_known`] says when it is.
    pub fn await_position(&mut self, now: UnixNanos, venue: Venue, instrument: InstrumentId) {
        if self.exposures.await_position(venue, instrument) {
            self.reconciliation.balances(venue).want(now, now);
        }
    }

    /// The position is not known, or not any more: it is to be told by balances asked for at `at`.
    pub fn doubt_position(&mut self, now: UnixNanos, venue: Venue, instrument: InstrumentId, at: UnixNanos) {
        self.exposures.doubt_position(venue, instrument);
        self.reconciliation.balances(venue).want(now, at);
    }

    /// Every balance of the account was told, asked for at `asked`.
    pub(super) fn balances_told(&mut self, venue: Venue, asked: UnixNanos) {
        self.exposures.balances_told(venue, asked);
    }

    /// An instrument that waited for the balances of its account, all of which were told since, and when they were asked
    /// for; each once.
    pub fn take_told_position(&mut self) -> Option<(InstrumentId, UnixNanos)> {
        self.exposures.take_told()
    }

    /// When the balances that are being told were asked for; `None` if none are.
    pub fn balances_asked(&self, venue: Venue) -> Option<UnixNanos> {
        self.reconciliation.balances_asked(venue)
    }

    /// A listing may lack what happened in so many ms before it was asked for.
    pub const fn listing_lag_ms(&self) -> u64 {
        self.reconciliation.rules().absence_grace_ms
    }
}
