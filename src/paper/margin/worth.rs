//! What everything is worth now: conversion into the account's currency, profit, net value and margin.

use super::{MarginAccount, Quoted, Trade};
use crate::record::money::{divided, minus, plus, rounded, times, ZERO};
use crate::record::{Fixed, Fixed128, Side};

/// Money of the account has four decimals (OANDA reference 2).
const MONEY_EXPONENT: i8 = -4;
/// Conversion factors are cut here.
const FACTOR_EXPONENT: i8 = -8;
const ONE: Fixed128 = Fixed128::new(1, 0);
const HALF: Fixed128 = Fixed128::new(5, -1);

/// Quote currency to account currency: a profit is worth a little less, a loss a little more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conversion {
    pub(super) gain: Fixed128,
    pub(super) loss: Fixed128,
    mid: Fixed128,
}

impl Conversion {
    /// What so many signed units bought (or sold) at one price and closed at another bring, account currency.
    pub(super) fn profit(&self, quoted: &Quoted, (opened, closed): (i64, i64), units: i64) -> Option<Fixed128> {
        self.realise(minus(quoted.value(closed, units)?, quoted.value(opened, units)?)?)
    }

    fn unrealised(&self, quoted: &Quoted, trade: &Trade) -> Option<Fixed128> {
        let closes_at = quoted.best(if trade.units < 0 { Side::Buy } else { Side::Sell });
        self.profit(quoted, (trade.price, closes_at), trade.units)
    }

    fn realise(&self, quote: Fixed128) -> Option<Fixed128> {
        let factor = if quote.mantissa() < 0 { self.loss } else { self.gain };
        Some(rounded(times(quote, factor)?, MONEY_EXPONENT))
    }
}

/// The account as a whole, account currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::paper) struct Figures {
    pub(in crate::paper) balance: Fixed128,
    /// Profit not realised yet.
    pub(in crate::paper) unrealised: Fixed128,
    /// Both together.
    pub(in crate::paper) net_value: Fixed128,
    pub(in crate::paper) margin_used: Fixed128,
    /// Never negative.
    pub(in crate::paper) margin_available: Fixed128,
}

impl Quoted {
    /// Halfway between the best prices.
    fn mid(&self) -> Option<Fixed128> {
        let sum = i128::from(self.bid).checked_add(i128::from(self.ask))?;
        times(Fixed128::new(sum, self.price_exponent), HALF).filter(|_| self.is_priced())
    }

    /// `price x units`, quote currency, exact.
    pub(super) fn value(&self, price: i64, units: i64) -> Option<Fixed128> {
        times(
            Fixed128::new(i128::from(price), self.price_exponent),
            Fixed128::new(i128::from(units), self.size_exponent),
        )
    }
}

impl MarginAccount {
    /// Account currency per unit of a currency; `None` if no instrument of that pair was priced.
    fn home_mid(&self, currency: &str) -> Option<Fixed128> {
        if currency == self.currency.as_str() {
            return Some(ONE);
        }
        let pair = |base: &str, quote: &str| {
            let of = |quoted: &&Quoted| quoted.base.as_str() == base && quoted.quote.as_str() == quote;
            self.all().find(of).and_then(Quoted::mid)
        };
        match pair(currency, self.currency.as_str()) {
            Some(mid) => Some(rounded(mid, FACTOR_EXPONENT)),
            None => divided(ONE, pair(self.currency.as_str(), currency)?, FACTOR_EXPONENT),
        }
    }

    /// How the quote currency of an instrument is converted; `None` if it cannot be now.
    pub(super) fn conversion(&self, quoted: &Quoted) -> Option<Conversion> {
        let mid = self.home_mid(quoted.quote.as_str())?;
        let home = quoted.quote == self.currency;
        let cost = if home { ZERO } else { Fixed128::from(self.conversion_cost) };
        let factor = |factor| Some(rounded(times(mid, factor)?, FACTOR_EXPONENT));
        Some(Conversion { gain: factor(minus(ONE, cost)?)?, loss: factor(plus(ONE, cost)?)?, mid })
    }

    /// Margin that so many units bind, account currency.
    pub(super) fn margin(&self, quoted: &Quoted, units: i64) -> Option<Fixed128> {
        self.margin_at(quoted, units, &self.conversion(quoted)?)
    }

    fn margin_at(&self, quoted: &Quoted, units: i64, conversion: &Conversion) -> Option<Fixed128> {
        let units = Fixed128::new(i128::from(units.saturating_abs()), quoted.size_exponent);
        let value = times(times(units, quoted.mid()?)?, conversion.mid)?;
        Some(rounded(times(value, Fixed128::from(self.higher(quoted.margin_rate)))?, MONEY_EXPONENT))
    }

    /// The instrument's own rate, or the account's if that is higher.
    fn higher(&self, own: Fixed) -> Fixed {
        match minus(own.into(), self.rate.into()) {
            Some(more) if more.mantissa() > 0 => own,
            _ => self.rate,
        }
    }

    /// The whole account; `None` if something held cannot be converted now.
    pub(in crate::paper) fn figures(&self) -> Option<Figures> {
        let (mut unrealised, mut margin_used) = (ZERO, ZERO);
        for quoted in self.all().filter(|quoted| !quoted.trades.is_empty()) {
            // To find it looks at every instrument, so once for all trades of one.
            let conversion = self.conversion(quoted)?;
            for trade in &quoted.trades {
                unrealised = plus(unrealised, conversion.unrealised(quoted, trade)?)?;
            }
            margin_used = plus(margin_used, self.margin_at(quoted, quoted.net(), &conversion)?)?;
        }
        let net_value = plus(self.balance, unrealised)?;
        let free = minus(net_value, margin_used)?;
        let margin_available = if free.mantissa() < 0 { ZERO } else { free };
        Some(Figures { balance: self.balance, unrealised, net_value, margin_used, margin_available })
    }

    /// Whether the venue closes everything: half the margin is more than the account is worth (OANDA reference 10).
    pub(in crate::paper) fn is_lost(&self) -> bool {
        let Some(figures) = self.figures() else { return false };
        let twice = plus(figures.net_value, figures.net_value);
        !figures.margin_used.is_zero()
            && twice.and_then(|twice| minus(figures.margin_used, twice)).is_some_and(|short| short.mantissa() > 0)
    }
}
