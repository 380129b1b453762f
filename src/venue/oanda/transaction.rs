//! One transaction to facts (OANDA reference 7).
//!
//! Owns the reading of a transaction, whoever brought it: a line of the stream, an answer, the history. Guarantees that
//! nothing depends on the order of keys, that a fill is never lost to a number finer than its field (the price is cut and
//! that is announced) or to an amount of money that cannot be read, that whatever else of it cannot be read leaves the rest
//! told, and that what a transaction proves is told in an order the order table can use: who the order is, then its
//! executions, then how it stands. Applies nothing twice only if [`Ledger`](super::Ledger) was asked before.

use super::ledger::Ledger;
use super::products::{Product, Products};
use super::reject;
use crate::codec::json::{Cursor, JsonError};
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::{FactSource, OrderFact, OrderStatus};
use crate::record::{
    parse_any, ClientOrderId, DecimalError, ExecutionId, Fixed128, InlineText, Liquidity, RejectClass, Side, UnixNanos,
    VenueOrderId,
};
use crate::venue::fault::{announce, excerpt, number, Fault};
use crate::venue::{AccountFact, Anomaly, Facts, FillFact, TradeEffect, TradeFill};
use arrayvec::ArrayVec;

/// Parts of a fill told in one call; a fill of more trades is told in several.
const PARTS_MAX: usize = 32;

/// A transaction as sent: texts, and the places of what is read once its instrument is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Transaction<'t, 'i> {
    pub id: u64,
    pub kind: &'i str,
    /// Of its batch: the id of the first transaction of the same event.
    pub batch: u64,
    pub time: &'i str,
    pub instrument: &'i str,
    pub units: &'i str,
    requested_units: &'i str,
    price: &'i str,
    vwap: &'i str,
    pub order_id: &'i str,
    /// Of the creation of an order: the one it replaces.
    replaces: &'i str,
    /// Of the cancel of an order: the one that replaces it.
    replaced_by: &'i str,
    /// Of an order: the id in its extensions; of what happens to one: the venue repeats it.
    pub client_order_id: &'i str,
    pub reason: &'i str,
    pub reject_reason: &'i str,
    commission: &'i str,
    guaranteed_fee: &'i str,
    balance: &'i str,
    opened: Option<Cursor<'t, 'i>>,
    reduced: Option<Cursor<'t, 'i>>,
    closed: Option<Cursor<'t, 'i>>,
}

/// One trade of a fill.
#[derive(Debug, Clone, Copy, Default)]
struct Part<'i> {
    trade_id: u64,
    units: &'i str,
    price: &'i str,
    realised: &'i str,
    guaranteed_fee: &'i str,
}

/// A text, `""` for null (OANDA reference 2: rare, but seen).
fn text<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<&'i str, JsonError> {
    Ok(cursor.str_or_null()?.unwrap_or_default())
}

impl<'t, 'i> Transaction<'t, 'i> {
    /// Reads the object at the cursor.
    pub fn read(cursor: &mut Cursor<'t, 'i>) -> Result<Transaction<'t, 'i>, Fault> {
        let mut found = Transaction::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            found.field(key, cursor)?;
        }
        if found.kind.is_empty() {
            return Err(Fault::Missing { key: "type" });
        }
        if found.id == 0 {
            return Err(Fault::Missing { key: "id" });
        }
        Ok(found)
    }

    /// Reads one member.
    pub fn field(&mut self, key: &str, cursor: &mut Cursor<'t, 'i>) -> Result<(), Fault> {
        let field = match key {
            "id" => {
                self.id = cursor.u64_or_text()?;
                return Ok(());
            }
            "batchID" => {
                self.batch = cursor.u64_or_text()?;
                return Ok(());
            }
            "clientExtensions" if !cursor.take_null() => {
                let mut fields = cursor.object()?;
                while let Some(key) = fields.next_key(cursor)? {
                    match key {
                        "id" => self.client_order_id = text(cursor)?,
                        _ => cursor.skip()?,
                    }
                }
                return Ok(());
            }
            "tradeOpened" | "tradeReduced" | "tradesClosed" if !cursor.take_null() => {
                let place = Some(cursor.clone());
                match key {
                    "tradeOpened" => self.opened = place,
                    "tradeReduced" => self.reduced = place,
                    _ => self.closed = place,
                }
                return Ok(cursor.skip()?);
            }
            "clientExtensions" | "tradeOpened" | "tradeReduced" | "tradesClosed" => return Ok(()),
            "type" => &mut self.kind,
            "time" => &mut self.time,
            "instrument" => &mut self.instrument,
            "units" => &mut self.units,
            "requestedUnits" => &mut self.requested_units,
            "price" => &mut self.price,
            "fullVWAP" => &mut self.vwap,
            "orderID" => &mut self.order_id,
            "replacesOrderID" => &mut self.replaces,
            "replacedByOrderID" => &mut self.replaced_by,
            "clientOrderID" => &mut self.client_order_id,
            "reason" => &mut self.reason,
            "rejectReason" => &mut self.reject_reason,
            "commission" => &mut self.commission,
            "guaranteedExecutionFee" => &mut self.guaranteed_fee,
            "accountBalance" => &mut self.balance,
            _ => return Ok(cursor.skip()?),
        };
        *field = text(cursor)?;
        Ok(())
    }

    /// Notes the order it replaces. False if it creates one that was replaced since: that one goes on under another id, and
    /// there is nothing to tell of it by this one.
    pub fn stands(&self, ledger: &mut Ledger) -> bool {
        if let Ok(old) = self.replaces.parse() {
            ledger.replaced(old);
        }
        !(self.creates_order() && ledger.was_replaced(self.id))
    }

    /// Whether it creates an order.
    pub fn creates_order(&self) -> bool {
        self.kind.ends_with("_ORDER")
    }

    /// Whether an order that this transaction ends was created in the same batch: it never rested.
    pub fn at_birth(&self) -> bool {
        let order = self.order_id.parse::<u64>().unwrap_or(0);
        self.batch != 0 && order >= self.batch
    }

    /// Tells what it proves.
    ///
    /// # Errors
    /// The first of its values that could not be read. The rest was told, but what is held is known to nobody any more: see
    /// [`Ledger::doubt`](super::Ledger::doubt).
    pub fn tell(
        &self,
        source: FactSource,
        products: &mut Products,
        times: &mut Rfc3339Cache,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let time = venue_time(self.time, times, facts);
        let told = self.tell_effect(source, time, products, facts);
        if let Some(balance) = money_or_none("accountBalance", self.balance, facts) {
            facts.account(&AccountFact { balance: Some(balance), venue_time: time, ..AccountFact::default() });
        }
        told
    }

    /// Tells what became of orders, trades and the margin.
    fn tell_effect(
        &self,
        source: FactSource,
        time: UnixNanos,
        products: &mut Products,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        match self.kind {
            "ORDER_FILL" => self.tell_fill(source, time, products, false, facts)?,
            // It goes on under another id: the transaction that created that one follows in the same batch.
            "ORDER_CANCEL" if !self.replaced_by.is_empty() => {}
            "ORDER_CANCEL" => {
                let (status, reject) = reject::ending(self.reason, self.at_birth());
                let fact = OrderFact { status, reject, ..self.order(self.order_named()?, source, time) };
                facts.order(&OrderFact { code: InlineText::truncated(self.reason), ..fact });
            }
            // They never rest: what became of them stands in the same batch (OANDA reference 4).
            "MARKET_ORDER" | "FIXED_PRICE_ORDER" => {}
            kind if kind.ends_with("_ORDER") => self.tell_resting(source, time, products, facts)?,
            kind if kind.ends_with("_ORDER_REJECT") => {
                // Without a name of ours it concerns nobody: there never was an order.
                if !self.client_order_id.is_empty() {
                    let fact = OrderFact { status: OrderStatus::Failed, ..self.order(order_id(self.id), source, time) };
                    let reject = reject::class(self.reject_reason);
                    facts.order(&OrderFact { reject, code: InlineText::truncated(self.reject_reason), ..fact });
                }
            }
            "MARGIN_CALL_ENTER" | "MARGIN_CALL_EXTEND" | "MARGIN_CALL_EXIT" => {
                let margin_call = Some(self.kind != "MARGIN_CALL_EXIT");
                facts.account(&AccountFact { margin_call, venue_time: time, ..AccountFact::default() });
            }
            "DAILY_FINANCING" | "TRANSFER_FUNDS" | "DIVIDEND_ADJUSTMENT" => {}
            kind if is_silent(kind) => {}
            other => facts.anomaly(Anomaly::UnknownValue, excerpt(other)),
        }
        Ok(())
    }

    /// Tells what it says of orders from before our time: their executions, and how they ended. What it did to the account
    /// is in the picture we began with.
    pub fn tell_again(
        &self,
        products: &mut Products,
        times: &mut Rfc3339Cache,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        match self.kind {
            "ORDER_FILL" => {
                let time = venue_time(self.time, times, facts);
                self.tell_fill(FactSource::Query, time, products, true, facts)
            }
            "ORDER_CANCEL" if self.replaced_by.is_empty() => {
                let time = venue_time(self.time, times, facts);
                let (status, reject) = reject::ending(self.reason, self.at_birth());
                let fact = self.order(self.order_named()?, FactSource::Query, time);
                facts.order(&OrderFact { status, reject, code: InlineText::truncated(self.reason), ..fact });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The order that something happened to.
    fn order_named(&self) -> Result<VenueOrderId, Fault> {
        match self.order_id {
            "" => Err(Fault::Missing { key: "orderID" }),
            id => VenueOrderId::new(id).map_err(|_| Fault::TooLong { key: "orderID" }),
        }
    }

    /// The fact of an order with nothing but its names.
    fn order(&self, venue_order_id: VenueOrderId, source: FactSource, venue_time: UnixNanos) -> OrderFact {
        OrderFact {
            source,
            instrument: None,
            unknown_symbol: InlineText::EMPTY,
            venue_order_id,
            // Ours are at most 36 long; a longer one is a stranger's and cannot match.
            client_order_id: ClientOrderId::new(self.client_order_id).unwrap_or(ClientOrderId::EMPTY),
            status: OrderStatus::Unrecognised,
            side: Side::Buy,
            cumulative_quantity: 0,
            cumulative_value: None,
            cumulative_fees: None,
            limit_price: 0,
            quantity: 0,
            venue_time,
            reject: RejectClass::None,
            code: InlineText::EMPTY,
        }
    }

    /// An order that rests. One that closes a trade names neither instrument nor units: they are the trade's.
    fn tell_resting(
        &self,
        source: FactSource,
        time: UnixNanos,
        products: &mut Products,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut fact = OrderFact { status: OrderStatus::Open, ..self.order(order_id(self.id), source, time) };
        fact.side = side_of(self.units);
        if let Some(product) = products.named(self.instrument) {
            fact.instrument = Some(product.instrument);
            fact.quantity = quantity("units", self.units, product)?;
            fact.limit_price = price(self.price, product, facts)?;
        }
        if !self.replaces.is_empty() {
            let old = VenueOrderId::new(self.replaces).map_err(|_| Fault::TooLong { key: "replacesOrderID" })?;
            facts.renumbered(&old, &fact.venue_order_id);
        }
        facts.order(&fact);
        Ok(())
    }

    /// `again`: it was applied before our time, so only the order's own history is told.
    fn tell_fill(
        &self,
        source: FactSource,
        venue_time: UnixNanos,
        products: &mut Products,
        again: bool,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut fact = OrderFact { side: side_of(self.units), ..self.order(self.order_named()?, source, venue_time) };
        let Some(product) = products.named(self.instrument) else {
            // In an instrument nobody trades here: exponents unknown, so no quantities.
            fact.status = OrderStatus::Filled;
            facts.order(&fact);
            return Ok(());
        };
        fact.instrument = Some(product.instrument);
        let filled = quantity("units", self.units, product);
        // Undocumented; where it is absent a fill is whole (OANDA reference 4).
        let asked = quantity("requestedUnits", self.requested_units, product).unwrap_or(0);
        fact.quantity = asked.max(filled.unwrap_or(0));
        if !self.client_order_id.is_empty() && !again {
            // Executions are matched by the venue's id: whose it is, is told before them.
            facts.order(&fact);
        }
        let told = self.tell_parts(&fact, filled, product, again, facts);
        // Parts that could not be read are in it all the same.
        fact.cumulative_quantity = filled.unwrap_or(0);
        fact.status = OrderStatus::Filled;
        if filled.map_or(true, |filled| asked > filled) {
            // Nothing is filled in part and rests on (OANDA reference 7): one that only reduces is over with what there was
            // to reduce, an immediate one with the cancel that follows. Which it is stands elsewhere, so this is no more
            // than a hint to ask. Nor is it more where nobody can say how much was filled.
            fact.source = FactSource::Stream;
        }
        facts.order(&fact);
        filled.and(told)
    }

    /// One execution for each trade: closed, reduced, opened, in this order. What cannot be read of one keeps the others
    /// from nothing.
    fn tell_parts(
        &self,
        order: &OrderFact,
        filled: Result<i64, Fault>,
        product: &Product,
        again: bool,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut parts = ArrayVec::<TradeFill, PARTS_MAX>::new();
        let mut told = Ok(());
        let mut named = false;
        self.each_trade(|effect, part| {
            named = true;
            let part = part.and_then(|part| {
                // Their units carry the sign of the fill (OANDA reference 7), which is not known without its own.
                let side = if filled.is_ok() { order.side } else { side_of(part.units) };
                self.part(&part, effect, &OrderFact { side, ..*order }, product, facts)
            });
            match part {
                Ok(part) => push(&mut parts, part, again, facts),
                Err(fault) if told.is_ok() => told = Err(fault),
                Err(fault) => announce(&fault, facts),
            }
        });
        if !named && filled.is_ok_and(|filled| filled > 0) {
            // Names no trade at all: one execution of the whole.
            let whole = Part { units: self.units, guaranteed_fee: self.guaranteed_fee, ..Part::default() };
            let part = self.part(&whole, TradeEffect::Opened, order, product, facts);
            told = part.map(|part| push(&mut parts, part, again, facts));
        }
        // The commission is the fill's: it stands on its last part.
        if let (Some(last), Some(commission)) = (parts.last_mut(), money_or_none("commission", self.commission, facts))
        {
            match sum(last.fill.fee, commission) {
                Ok(fee) => last.fill.fee = fee,
                Err(fault) => announce(&fault, facts),
            }
        }
        tell_all(&parts, again, facts);
        told
    }

    /// Hands on the trades it names: closed, reduced, opened, in this order.
    fn each_trade(&self, mut take: impl FnMut(TradeEffect, Result<Part<'i>, Fault>)) {
        if let Some(mut closed) = self.closed.clone() {
            if let Err(fault) = each_closed(&mut closed, |part| take(TradeEffect::Closed, part)) {
                take(TradeEffect::Closed, Err(fault));
            }
        }
        for (place, effect) in [(&self.reduced, TradeEffect::Reduced), (&self.opened, TradeEffect::Opened)] {
            if let Some(mut place) = place.clone() {
                take(effect, Part::read(&mut place));
            }
        }
    }

    fn part(
        &self,
        part: &Part<'_>,
        effect: TradeEffect,
        order: &OrderFact,
        product: &Product,
        facts: &mut impl Facts,
    ) -> Result<TradeFill, Fault> {
        let whole_price = if self.price.is_empty() { self.vwap } else { self.price };
        let fill = FillFact {
            venue_order_id: order.venue_order_id,
            execution_id: execution_id(self.id, part.trade_id),
            instrument: order.instrument,
            side: order.side,
            price: price(if part.price.is_empty() { whole_price } else { part.price }, product, facts)?,
            quantity: quantity("units", part.units, product)?,
            fee: money_or_none("guaranteedExecutionFee", part.guaranteed_fee, facts).unwrap_or_default(),
            fee_asset: None,
            // The venue is the counterparty of every fill: there is no maker.
            liquidity: Liquidity::Unknown,
            venue_time: order.venue_time,
        };
        Ok(TradeFill {
            fill,
            trade_id: part.trade_id,
            effect,
            realised: money_or_none("realizedPL", part.realised, facts),
        })
    }
}

/// Hands on every trade of an array, readable or not.
fn each_closed<'i>(cursor: &mut Cursor<'_, 'i>, mut take: impl FnMut(Result<Part<'i>, Fault>)) -> Result<(), Fault> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        let start = cursor.clone();
        let part = Part::read(cursor);
        if part.is_err() {
            *cursor = start;
            cursor.skip()?;
        }
        take(part);
    }
    Ok(())
}

/// Adds a part; where there is no more room, those before it are told first.
fn push(parts: &mut ArrayVec<TradeFill, PARTS_MAX>, part: TradeFill, again: bool, facts: &mut impl Facts) {
    if parts.is_full() {
        tell_all(parts, again, facts);
        parts.clear();
    }
    parts.push(part);
}

/// Tells the parts of a fill; `again`: as executions of their order, not as changes of what is held.
fn tell_all(parts: &[TradeFill], again: bool, facts: &mut impl Facts) {
    match again {
        true => parts.iter().for_each(|part| facts.fill(&part.fill)),
        false => facts.fills(parts),
    }
}

impl<'i> Part<'i> {
    fn read(cursor: &mut Cursor<'_, 'i>) -> Result<Part<'i>, Fault> {
        let mut part = Part::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            let field = match key {
                "tradeID" => {
                    part.trade_id = cursor.u64_or_text()?;
                    continue;
                }
                "units" => &mut part.units,
                "price" => &mut part.price,
                "realizedPL" => &mut part.realised,
                "guaranteedExecutionFee" => &mut part.guaranteed_fee,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            *field = text(cursor)?;
        }
        Ok(part)
    }
}

/// Types that change no order, position or balance (OANDA reference 7).
fn is_silent(kind: &str) -> bool {
    kind.ends_with("_MODIFY")
        || kind.ends_with("_REJECT")
        || matches!(
            kind,
            "CREATE" | "CLOSE" | "REOPEN" | "CLIENT_CONFIGURE" | "DELAYED_TRADE_CLOSURE" | "RESET_RESETTABLE_PL"
        )
}

/// An order has the id of the transaction that created it (OANDA reference 2).
pub(super) fn order_id(transaction: u64) -> VenueOrderId {
    VenueOrderId::truncated(itoa::Buffer::new().format(transaction))
}

/// The venue has one id per event; with the trade's it is one per execution.
fn execution_id(transaction: u64, trade: u64) -> ExecutionId {
    use std::fmt::Write as _;
    // Two numbers of 20 digits would not fit; ids have about 10.
    let mut text = arrayvec::ArrayString::<41>::new();
    let _ = if trade == 0 { write!(text, "{transaction}") } else { write!(text, "{transaction}-{trade}") };
    ExecutionId::truncated(&text)
}

/// Units are signed: negative sells (OANDA reference 2).
pub(super) fn side_of(units: &str) -> Side {
    if units.starts_with('-') {
        Side::Sell
    } else {
        Side::Buy
    }
}

/// Units without their sign; 0 for none.
pub(super) fn quantity(key: &'static str, units: &str, product: &Product) -> Result<i64, Fault> {
    match units.strip_prefix('-').unwrap_or(units) {
        "" => Ok(0),
        digits => number(key, digits, product.size_exponent),
    }
}

/// A price; 0 for none. One with more digits than its field (an average may have) is cut, and that is announced.
pub(super) fn price(text: &str, product: &Product, facts: &mut impl Facts) -> Result<i64, Fault> {
    if text.is_empty() {
        return Ok(0);
    }
    match number("price", text, product.price_exponent) {
        Err(Fault::Number { error: DecimalError::TooFine, .. }) => {
            facts.anomaly(Anomaly::Number, "price finer than its field: cut");
            let places = usize::from(product.price_exponent.unsigned_abs());
            let end = text.find('.').map_or(text.len(), |point| point.saturating_add(1).saturating_add(places));
            number("price", text.get(..end).unwrap_or(text), product.price_exponent)
        }
        result => result,
    }
}

/// An amount of money of any precision; `None` for none.
pub(super) fn money(key: &'static str, text: &str) -> Result<Option<Fixed128>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_any(text.as_bytes()).map(Some).map_err(|error| Fault::Number { key, error })
}

/// The same of a transaction, where no amount decides over executions: one that cannot be read is announced, and none.
fn money_or_none(key: &'static str, text: &str, facts: &mut impl Facts) -> Option<Fixed128> {
    money(key, text).unwrap_or_else(|fault| {
        announce(&fault, facts);
        None
    })
}

fn sum(a: Fixed128, b: Fixed128) -> Result<Fixed128, Fault> {
    let fault = |error| Fault::Number { key: "commission", error };
    let negated = b.mantissa().checked_neg().ok_or(fault(DecimalError::Overflow))?;
    a.checked_sub(Fixed128::new(negated, b.exponent())).map_err(fault)
}

/// A time; `"0"` and absent are none (OANDA reference 2), and what is no time is counted.
pub(super) fn venue_time(text: &str, times: &mut Rfc3339Cache, facts: &mut impl Facts) -> UnixNanos {
    if text == "0" {
        return UnixNanos::NONE;
    }
    match times.parse(text) {
        Ok(ns) => UnixNanos(ns),
        Err(_) => {
            facts.anomaly(Anomaly::BadTime, excerpt(text));
            UnixNanos::NONE
        }
    }
}

#[cfg(test)]
mod tests;
