//! What everything is worth now: conversion into the account's currency, unrealised profit, net asset value, margin.
//!
//! Reads prices and bookkeeping, changes neither.

use super::account::{Conversion, Trade};
use super::exchange::Exchange;
use crate::sim::market::Side;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Decimals of conversion factors.
const FACTOR_DECIMALS: u32 = 8;

impl Exchange {
    /// Account currency per unit of `currency` halfway between bid and offer; `None` without a pair for it.
    pub(crate) fn home_mid(&self, currency: &str) -> Option<Decimal> {
        if currency == self.home {
            return Some(Decimal::ONE);
        }
        let pair = |base: &str, quote: &str| {
            self.markets.iter().find(|m| m.instrument.base() == base && m.instrument.quote() == quote)
        };
        let direct = pair(currency, &self.home).map(|m| m.mid());
        let mid = direct.or_else(|| Decimal::ONE.checked_div(pair(&self.home, currency)?.mid()))?;
        Some(mid.round_dp(FACTOR_DECIMALS))
    }

    /// How a currency is converted. What has no pair was left out at the start.
    pub(crate) fn conversion_of(&self, currency: &str) -> Conversion {
        let mid = self.home_mid(currency).unwrap_or(Decimal::ONE);
        let cost = if currency == self.home { Decimal::ZERO } else { self.conversion_cost };
        let times = |factor: Decimal| (mid * factor).round_dp(FACTOR_DECIMALS);
        Conversion { gain: times(Decimal::ONE - cost), loss: times(Decimal::ONE + cost), mid }
    }

    /// How an instrument's quote currency is converted.
    pub(crate) fn conversion(&self, market: usize) -> Conversion {
        self.conversion_of(self.markets.get(market).map_or("", |m| m.instrument.quote()))
    }

    /// What a trade would realise now.
    pub(crate) fn unrealized(&self, trade: &Trade) -> Decimal {
        let closes = if trade.is_long() { Side::Sell } else { Side::Buy };
        let Some(market) = self.markets.get(trade.market).filter(|_| trade.is_open()) else { return Decimal::ZERO };
        self.conversion(trade.market).realize((market.best(closes) - trade.price) * trade.units)
    }

    /// What all open trades, or those of one instrument's side, would realise now.
    pub(crate) fn unrealized_all(&self) -> Decimal {
        self.account.open_trades().map(|t| self.unrealized(t)).sum()
    }

    /// Balance and unrealised profit.
    pub(crate) fn nav(&self) -> Decimal {
        self.account.balance + self.unrealized_all()
    }

    /// Value of so many units.
    pub(crate) fn value(&self, market: usize, units: Decimal) -> Decimal {
        let mid = self.markets.get(market).map_or(Decimal::ZERO, |m| m.mid());
        units.abs() * mid * self.conversion(market).mid
    }

    /// Margin for so many units.
    pub(crate) fn margin(&self, market: usize, units: Decimal) -> Decimal {
        let own = self.markets.get(market).map_or(Decimal::ZERO, |m| m.instrument.margin_rate);
        (self.value(market, units) * own.max(self.account.margin_rate)).round_dp(super::text::MONEY_DECIMALS)
    }

    /// Units of an instrument that need margin: the larger side, which on a netting account is the only one.
    pub(crate) fn exposed(&self, market: usize) -> Decimal {
        self.account.units(market, true).max(self.account.units(market, false).abs())
    }

    /// Instruments with open trades.
    pub(crate) fn open_markets(&self) -> BTreeSet<usize> {
        self.account.open_trades().map(|t| t.market).collect()
    }

    /// Margin of everything open.
    pub(crate) fn margin_used(&self) -> Decimal {
        self.open_markets().into_iter().map(|m| self.margin(m, self.exposed(m))).sum()
    }

    /// Value of everything open.
    pub(crate) fn position_value(&self) -> Decimal {
        self.open_markets().into_iter().map(|m| self.value(m, self.exposed(m))).sum()
    }
}
