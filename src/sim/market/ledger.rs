//! Balances: what is free, what is locked for open orders.
//!
//! Guarantees: `free + locked` of an asset changes only by [`Ledger::credit`] and [`Ledger::spend`]; nothing is locked
//! that is not there. Every asset touched is remembered until asked for.

use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// One asset's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) asset: String,
    pub(crate) free: Decimal,
    pub(crate) locked: Decimal,
}

/// All balances of one client.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: Vec<Account>,
    touched: BTreeSet<usize>,
}

impl Ledger {
    /// Everything free.
    pub(crate) fn new(balances: &[(String, Decimal)]) -> Self {
        let account =
            |(asset, free): &(String, Decimal)| Account { asset: asset.clone(), free: *free, locked: Decimal::ZERO };
        Self { accounts: balances.iter().map(account).collect(), touched: BTreeSet::new() }
    }

    /// All accounts, in their order.
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// One asset's account.
    pub(crate) fn account(&self, asset: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.asset == asset)
    }

    /// Locks an amount; false, and nothing changed, if so much is not free.
    #[must_use]
    pub(crate) fn lock(&mut self, asset: &str, amount: Decimal) -> bool {
        let account = self.touch(asset);
        let enough = account.free >= amount;
        if enough {
            account.free -= amount;
            account.locked += amount;
        }
        enough
    }

    /// Frees an amount that was locked.
    pub(crate) fn unlock(&mut self, asset: &str, amount: Decimal) {
        let account = self.touch(asset);
        account.locked -= amount;
        account.free += amount;
    }

    /// Pays out of what is locked.
    pub(crate) fn spend(&mut self, asset: &str, amount: Decimal) {
        self.touch(asset).locked -= amount;
    }

    /// Adds to what is free; a negative amount takes away.
    pub(crate) fn credit(&mut self, asset: &str, amount: Decimal) {
        self.touch(asset).free += amount;
    }

    /// The accounts touched since the last call, in their order.
    pub(crate) fn take_touched(&mut self) -> Vec<Account> {
        std::mem::take(&mut self.touched).into_iter().filter_map(|at| self.accounts.get(at).cloned()).collect()
    }

    /// The account of an asset, opened empty if there was none.
    fn touch(&mut self, asset: &str) -> &mut Account {
        let at = self.accounts.iter().position(|a| a.asset == asset).unwrap_or(self.accounts.len());
        if at == self.accounts.len() {
            self.accounts.push(Account { asset: asset.to_owned(), free: Decimal::ZERO, locked: Decimal::ZERO });
        }
        self.touched.insert(at);
        let last = self.accounts.len() - 1;
        &mut self.accounts[at.min(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(ledger: &Ledger, asset: &str) -> (Decimal, Decimal) {
        ledger.account(asset).map(|a| (a.free, a.locked)).unwrap()
    }

    #[test]
    fn money_moves_between_free_and_locked_and_leaves_only_when_spent() {
        let mut ledger = Ledger::new(&[("USD".to_owned(), Decimal::TEN)]);
        assert!(ledger.lock("USD", Decimal::from(6)));
        assert!(!ledger.lock("USD", Decimal::from(5)), "only 4 are free");
        assert_eq!(both(&ledger, "USD"), (Decimal::from(4), Decimal::from(6)));
        ledger.spend("USD", Decimal::from(2));
        ledger.unlock("USD", Decimal::from(4));
        assert_eq!(both(&ledger, "USD"), (Decimal::from(8), Decimal::ZERO));
    }

    #[test]
    fn what_was_touched_is_told_once_and_a_new_asset_opens_an_account() {
        let mut ledger = Ledger::new(&[("USD".to_owned(), Decimal::TEN), ("BTC".to_owned(), Decimal::ONE)]);
        ledger.credit("ETH", Decimal::TWO);
        ledger.credit("USD", Decimal::ONE);
        let touched: Vec<String> = ledger.take_touched().into_iter().map(|a| a.asset).collect();
        assert_eq!(touched, ["USD", "ETH"]);
        assert!(ledger.take_touched().is_empty());
    }
}
