//! Positions and margin: what executions and the venue's own figures become for the strategies.
//!
//! Owns how holdings are laid into execution records. They concern no request, so every strategy is told. Decides
//! nothing: an execution that contradicts what is held is announced, and the position goes on as far as it is known.

use super::contract::Outputs;
use super::delivery::OneEvent;
use super::ear::Ear;
use super::purse::balance;
use super::trading::Trading;
use crate::order::Executions;
use crate::position::{Execution, Lot, PositionError};
use crate::record::{
    AssetId, ExecutionKind, ExecutionRecord, Fixed128, InlineText, InstrumentId, Side, UnixNanos, Venue,
    EXECUTION_FLAG_DERIVED, EXECUTION_FLAG_RECONCILED,
};
use crate::venue::{AccountFact, Anomaly, BalanceFact, Facts, HeldTrade, PositionFact, TradeEffect, TradeFill};

impl<O: Outputs> Ear<'_, O> {
    /// The parts of one fill: one event of its order, and of what is held then.
    pub(super) fn tell_fills(&mut self, parts: &[TradeFill]) {
        let (now, venue) = (self.now, self.venue);
        for part in parts {
            let Some(instrument) = part.fill.instrument else { continue };
            let Some(traded) = self.market.get(instrument) else { continue };
            let lot = match part.effect {
                TradeEffect::Opened => Lot::Opens(part.trade_id),
                TradeEffect::Reduced | TradeEffect::Closed => Lot::Closes(part.trade_id),
            };
            let (price_exponent, size_exponent) = traded.instrument.exponents();
            // Two 64-bit numbers always fit 128 bits.
            let value = i128::from(part.fill.price).saturating_mul(part.fill.quantity.into());
            let execution = Execution {
                instrument,
                side: part.fill.side,
                quantity: part.fill.quantity,
                value: Some(Fixed128::new(value, price_exponent.saturating_add(size_exponent))),
                lot,
                account_profit: part.realised,
            };
            let executed = self.trading.portfolio.of_mut(venue).execute(&execution).map(|_| ());
            self.doubt(executed);
            self.trading.portfolio.changed(venue, instrument, part.fill.venue_time);
            self.trading.figures_stale = true;
            if part.effect == TradeEffect::Opened {
                self.trading.credit.opened(part.trade_id, instrument, part.fill.quantity, self.market);
            }
        }
        self.trading.event(now, self.market, self.out, |orders, sink| {
            let mut event = OneEvent::new(sink);
            for part in parts {
                orders.fill_fact(now, venue, &part.fill, &mut event);
            }
            event.finish();
        });
    }

    /// A trade of a picture; what follows from it waits for the whole.
    pub(super) fn tell_held(&mut self, fact: &HeldTrade) {
        self.trading.held.push(*fact);
    }

    /// What is held of every instrument of this venue is what the picture just read says, and nothing else. What was told
    /// otherwise, by executions that came before it, is told again.
    pub(super) fn restore_held(&mut self) {
        for index in 0..self.market.traded.len() {
            let traded = self.market.traded.get(index).and_then(Option::as_ref);
            let Some(id) = traded.map(|t| &t.instrument).filter(|i| i.listing.venue == self.venue).map(|i| i.id) else {
                continue;
            };
            if self.contradicted(id) {
                self.trading.portfolio.changed(self.venue, id, UnixNanos::NONE);
            }
            self.trading.portfolio.of_mut(self.venue).clear_of(id);
        }
        let mut held = std::mem::take(&mut self.trading.held);
        for HeldTrade { instrument, side, trade_id, units, price } in held.drain(..) {
            let restored = self.trading.portfolio.of_mut(self.venue).restore(instrument, side, trade_id, units, price);
            self.doubt(restored);
        }
        // Its memory stays.
        self.trading.held = held;
        for index in 0..self.market.traded.len() {
            let id = self.market.traded.get(index).and_then(Option::as_ref).map(|traded| traded.instrument.id);
            let net = id.and_then(|id| Some((id, self.trading.portfolio.of(self.venue).get(id)?.net_units())));
            if let Some((id, net)) = net {
                self.trading.orders.set_position(id, net);
            }
        }
    }

    /// Whether what is held of an instrument, as far as executions told it, is not what the picture just read says.
    fn contradicted(&self, id: InstrumentId) -> bool {
        let Some(told) = self.trading.portfolio.of(self.venue).get(id).filter(|position| position.touched) else {
            return false;
        };
        let pictured = |side| {
            let of = |trade: &&HeldTrade| trade.instrument == id && trade.side == side;
            self.trading.held.iter().filter(of).fold(0_i64, |units, trade| units.saturating_add(trade.units))
        };
        told.doubtful || [Side::Buy, Side::Sell].into_iter().any(|side| told.side(side).units != pictured(side))
    }

    fn doubt(&mut self, result: Result<(), PositionError>) {
        if let Err(error) = result {
            self.anomaly(Anomaly::UnknownValue, &error.to_string());
        }
    }

    /// One side as the venue states it.
    pub(super) fn tell_stated(&mut self, fact: &PositionFact) {
        let Some(traded) = self.market.get(fact.instrument) else { return };
        let (price_exponent, size_exponent) = traded.instrument.exponents();
        let mut record = ExecutionRecord::new(ExecutionKind::Position, self.venue, fact.instrument);
        (record.recv, record.venue_time, record.side) = (self.now, fact.venue_time, fact.side);
        (record.price_exponent, record.size_exponent) = (price_exponent, size_exponent);
        record.last_quantity = fact.units;
        record.flags = EXECUTION_FLAG_RECONCILED;
        match fact.average_price.rescale(price_exponent).ok().and_then(|price| i64::try_from(price).ok()) {
            Some(price) => record.last_price = price,
            // Finer than the field: told by the executions.
            None => record.flags |= EXECUTION_FLAG_DERIVED,
        }
        put_value(&mut record, fact.realised);
        put_fee(&mut record, fact.unrealised);
        self.tell_everybody(record);
    }

    pub(super) fn tell_account(&mut self, fact: &AccountFact) {
        self.trading.credit.stated(fact);
        let mut record = ExecutionRecord::new(ExecutionKind::Balance, self.venue, InstrumentId::NONE);
        (record.recv, record.venue_time, record.fee_asset) = (self.now, fact.venue_time, AssetId::NONE);
        if fact.balance.is_some() {
            let mut balance = record;
            put_value(&mut balance, fact.balance);
            self.tell_everybody(balance);
        }
        if fact.margin_used.is_some() || fact.margin_available.is_some() {
            let mut margin = ExecutionRecord { kind: ExecutionKind::Margin, ..record };
            put_value(&mut margin, fact.margin_used);
            put_fee(&mut margin, fact.margin_available);
            self.tell_everybody(margin);
        }
        if let Some(on) = fact.margin_call {
            let last_quantity = i64::from(on);
            self.tell_everybody(ExecutionRecord { kind: ExecutionKind::MarginCall, last_quantity, ..record });
        }
    }

    /// What the account holds of an asset. One that has no number here, since no instrument is made of it, is not told.
    pub(super) fn tell_balance(&mut self, fact: &BalanceFact) {
        let asset = self.trading.orders.asset(self.venue, &fact.asset);
        let Some(asset) = asset else { return };
        let Some(total) = total_of(fact.available, fact.hold) else { return };
        let Trading { purse, orders, .. } = &mut *self.trading;
        purse.stated(self.venue, asset, (total, fact.hold), orders.balances_asked(self.venue), orders);
        self.tell_everybody(balance(self.venue, asset, (total, fact.hold), (self.now, fact.venue_time)));
    }

    /// One record that is an event.
    fn tell_everybody(&mut self, record: ExecutionRecord) {
        let (_, mut sink) = self.trading.orders_and_sink(self.out);
        let mut event = OneEvent::new(&mut sink);
        event.emit(&record);
        event.finish();
    }
}

/// All of an asset.
fn total_of(available: Fixed128, hold: Fixed128) -> Option<Fixed128> {
    let hold_less = Fixed128::default().checked_sub(hold).ok()?;
    available.checked_sub(hold_less).ok()
}

impl Trading {
    /// What a venue on paper holds, of which strategies are told by news.
    pub(super) fn read_balances(
        &mut self,
        venue: Venue,
        balances: impl Iterator<Item = (InlineText<16>, Fixed128, Fixed128)>,
    ) {
        let Trading { purse, orders, .. } = self;
        for (code, available, hold) in balances {
            let (asset, total) = (orders.asset(venue, &code), total_of(available, hold));
            if let (Some(asset), Some(total)) = (asset, total) {
                purse.stated(venue, asset, (total, hold), None, orders);
            }
        }
    }
}

fn put_value(record: &mut ExecutionRecord, amount: Option<Fixed128>) {
    let amount = amount.unwrap_or_default();
    (record.value, record.value_exponent) = (amount.mantissa(), amount.exponent());
}

fn put_fee(record: &mut ExecutionRecord, amount: Option<Fixed128>) {
    let amount = amount.unwrap_or_default();
    (record.fee, record.fee_exponent) = (amount.mantissa(), amount.exponent());
}

#[cfg(all(test, feature = "sim"))]
#[path = "holdings_tests.rs"]
mod tests;
