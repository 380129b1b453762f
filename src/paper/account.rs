//! The made-up account: what is free and what is held of each asset.
//!
//! Guarantees that neither is ever negative, and that their sum changes by fills and fees only.

use crate::record::money::{covers, minus, plus, ZERO};
use crate::record::{Fixed128, InlineText};

/// One asset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) asset: InlineText<16>,
    pub(super) available: Fixed128,
    pub(super) hold: Fixed128,
    touched: bool,
}

/// All assets of one venue.
#[derive(Debug)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
}

impl Ledger {
    pub(super) fn new(balances: &[(InlineText<16>, Fixed128)]) -> Ledger {
        let account = |(asset, available): &(InlineText<16>, Fixed128)| Account {
            asset: *asset,
            available: *available,
            hold: ZERO,
            touched: true,
        };
        Ledger { accounts: balances.iter().map(account).collect() }
    }

    /// The place of an asset; it is made, empty, if there was none.
    pub(super) fn place_of(&mut self, asset: &str) -> usize {
        let known = self.accounts.iter().position(|account| account.asset.as_str() == asset);
        known.unwrap_or_else(|| {
            let asset = InlineText::truncated(asset);
            self.accounts.push(Account { asset, available: ZERO, hold: ZERO, touched: true });
            self.accounts.len().saturating_sub(1)
        })
    }

    pub(super) fn get(&self, place: usize) -> Option<&Account> {
        self.accounts.get(place)
    }

    /// Every asset.
    pub(super) fn all(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    /// Holds what is free; false, and nothing held, if there is not so much.
    pub(super) fn hold(&mut self, place: usize, amount: Fixed128) -> bool {
        self.change(place, |account| {
            let free = minus(account.available, amount).filter(|left| left.mantissa() >= 0)?;
            Some((free, plus(account.hold, amount)?))
        })
    }

    /// Frees what was held.
    pub(super) fn release(&mut self, place: usize, amount: Fixed128) -> bool {
        self.change(place, |account| {
            let hold = minus(account.hold, amount).filter(|left| left.mantissa() >= 0)?;
            Some((plus(account.available, amount)?, hold))
        })
    }

    /// Spends what was held.
    pub(super) fn spend(&mut self, place: usize, amount: Fixed128) -> bool {
        self.change(place, |account| {
            let hold = minus(account.hold, amount).filter(|left| left.mantissa() >= 0)?;
            Some((account.available, hold))
        })
    }

    /// Something comes in.
    pub(super) fn credit(&mut self, place: usize, amount: Fixed128) -> bool {
        self.change(place, |account| Some((plus(account.available, amount)?, account.hold)))
    }

    /// Whether so much is free.
    pub(super) fn has(&self, place: usize, amount: Fixed128) -> bool {
        self.accounts.get(place).is_some_and(|account| covers(account.available, amount))
    }

    /// The next asset that changed since it was last taken here.
    pub(super) fn take_touched(&mut self) -> Option<Account> {
        let touched = self.accounts.iter_mut().find(|account| account.touched)?;
        touched.touched = false;
        Some(*touched)
    }

    /// Every asset is told again.
    pub(super) fn touch_all(&mut self) {
        self.accounts.iter_mut().for_each(|account| account.touched = true);
    }

    fn change(&mut self, place: usize, to: impl FnOnce(&Account) -> Option<(Fixed128, Fixed128)>) -> bool {
        let Some(account) = self.accounts.get_mut(place) else { return false };
        let Some((available, hold)) = to(account) else { return false };
        (account.available, account.hold, account.touched) = (available, hold, true);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USD: usize = 0;

    fn ledger() -> Ledger {
        Ledger::new(&[(InlineText::truncated("USD"), Fixed128::new(100, 0))])
    }

    fn state(ledger: &Ledger) -> (Fixed128, Fixed128) {
        ledger.get(USD).map(|account| (account.available, account.hold)).unwrap()
    }

    #[test]
    fn nothing_is_held_or_spent_that_is_not_there() {
        let mut ledger = ledger();
        assert!(!ledger.hold(USD, Fixed128::new(101, 0)));
        assert!(ledger.hold(USD, Fixed128::new(60, 0)));
        assert!(!ledger.spend(USD, Fixed128::new(61, 0)));
        assert!(!ledger.release(USD, Fixed128::new(61, 0)));
        assert_eq!(state(&ledger), (Fixed128::new(40, 0), Fixed128::new(60, 0)));
        assert!(ledger.spend(USD, Fixed128::new(10, 0)) && ledger.release(USD, Fixed128::new(50, 0)));
        assert_eq!(state(&ledger), (Fixed128::new(90, 0), ZERO));
    }

    #[test]
    fn a_change_is_told_once() {
        let mut ledger = ledger();
        assert!(ledger.take_touched().is_some() && ledger.take_touched().is_none());
        ledger.credit(USD, Fixed128::new(1, -2));
        assert_eq!(ledger.take_touched().map(|account| account.available), Some(Fixed128::new(10_001, -2)));
    }
}
