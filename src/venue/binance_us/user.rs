//! The account's events: orders, executions, balances (Binance.US reference 7).
//!
//! Owns the reading of one event, the same over both transports. Guarantees that keys which differ only by case are kept
//! apart, that unknown keys mean nothing, that an execution is told once per report with the venue's trade id as its
//! identity (a report repeated over another connection is the same execution), and that an event of the account which
//! cannot be read is a gap: the engine then asks for orders and trades. Never sends.

use super::products::{Product, Products};
use super::stream::venue_time;
use crate::codec::json::{Cursor, Fields};
use crate::order::{FactSource, FillFact, OrderFact, OrderStatus};
use crate::record::{
    parse_any, ClientOrderId, ExecutionId, Fixed128, GapCause, InlineText, Liquidity, RejectClass, Side, UnixNanos,
    VenueOrderId,
};
use crate::venue::fault::{announce, excerpt, number, side, Fault};
use crate::venue::{Anomaly, BalanceFact, Facts, GapScope};

mod recorded;

pub(super) use recorded::report as recorded_report;

/// What an event means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserControl {
    /// Told, or of no use.
    None,
    /// No more events will come: subscribe again, or get another listenKey.
    Ended,
    /// The server will close this connection.
    Shutdown,
}

/// One order as a report or a row of a listing states it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OrderRow<'i> {
    pub symbol: &'i str,
    pub order_id: Option<u64>,
    pub client_order_id: &'i str,
    /// The order's own id where `client_order_id` is that of its cancel.
    pub original_client_id: &'i str,
    pub side: &'i str,
    pub status: &'i str,
    pub quantity: &'i str,
    pub price: &'i str,
    pub cumulative_quantity: &'i str,
    pub cumulative_value: &'i str,
    pub reason: &'i str,
    pub time: u64,
}

/// One execution as a report or a row of a listing states it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Execution<'i> {
    pub symbol: &'i str,
    pub order_id: Option<u64>,
    pub trade_id: u64,
    pub side: Option<Side>,
    pub price: &'i str,
    pub quantity: &'i str,
    pub commission: &'i str,
    pub commission_asset: &'i str,
    pub maker: Option<bool>,
    pub time: u64,
}

/// Reads one event, whatever comes before it in its envelope. A fault is a gap.
pub(super) fn event(cursor: &mut Cursor<'_, '_>, products: &mut Products, facts: &mut impl Facts) -> UserControl {
    match read_event(cursor, products, facts) {
        Ok(control) => control,
        Err(fault) => {
            lost(&fault, facts);
            UserControl::None
        }
    }
}

/// Something of the account was not read.
#[cold]
pub(super) fn lost(fault: &Fault, facts: &mut impl Facts) {
    announce(fault, facts);
    facts.gap(GapScope::Connection, GapCause::Malformed, 1);
}

fn read_event(
    cursor: &mut Cursor<'_, '_>,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<UserControl, Fault> {
    let start = cursor.clone();
    let mut fields = cursor.object()?;
    let kind = match fields.next_key(cursor)? {
        // Every recorded event begins with it.
        Some("e") => cursor.str()?,
        _ => {
            *cursor = start;
            let kind = kind_of(&mut cursor.clone())?;
            fields = cursor.object()?;
            kind
        }
    };
    event_rest(kind, fields, cursor, products, facts)
}

fn kind_of<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<&'i str, Fault> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        if key == "e" {
            return Ok(cursor.str()?);
        }
        cursor.skip()?;
    }
    Err(Fault::Missing { key: "e" })
}

/// The members that are left of an event of this kind.
pub(super) fn event_rest(
    kind: &str,
    fields: Fields,
    cursor: &mut Cursor<'_, '_>,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<UserControl, Fault> {
    match kind {
        "executionReport" => read_report(fields, cursor)?.tell(products, facts)?,
        "outboundAccountPosition" => position(fields, cursor, facts)?,
        "balanceUpdate" => balance_update(fields, cursor, facts)?,
        // What it says of a pair, the reports of its orders say too. Read to its end for its form.
        "listStatus" => fields.skip_rest(cursor)?,
        "eventStreamTerminated" | "listenKeyExpired" => {
            fields.skip_rest(cursor)?;
            return Ok(UserControl::Ended);
        }
        "serverShutdown" => {
            fields.skip_rest(cursor)?;
            return Ok(UserControl::Shutdown);
        }
        unknown => {
            facts.anomaly(Anomaly::UnknownChannel, excerpt(unknown));
            fields.skip_rest(cursor)?;
        }
    }
    Ok(UserControl::None)
}

/// An execution report as sent.
struct Report<'i> {
    row: OrderRow<'i>,
    execution: Execution<'i>,
    kind: &'i str,
    last_value: &'i str,
    expiry: &'i str,
    trade_id: i64,
}

impl Default for Report<'_> {
    fn default() -> Self {
        let (row, execution) = (OrderRow::default(), Execution::default());
        Report { row, execution, kind: "", last_value: "", expiry: "", trade_id: -1 }
    }
}

impl<'i> Report<'i> {
    /// Where the text of this member belongs; `None`: it is no text, or means nothing here.
    #[inline]
    fn text(&mut self, key: &[u8]) -> Option<&mut &'i str> {
        // By bytes: matched as one decision, where texts are compared one after the other.
        Some(match key {
            [b's'] => &mut self.row.symbol,
            [b'c'] => &mut self.row.client_order_id,
            [b'S'] => &mut self.row.side,
            [b'q'] => &mut self.row.quantity,
            [b'p'] => &mut self.row.price,
            [b'C'] => &mut self.row.original_client_id,
            [b'x'] => &mut self.kind,
            [b'X'] => &mut self.row.status,
            [b'r'] => &mut self.row.reason,
            [b'l'] => &mut self.execution.quantity,
            [b'z'] => &mut self.row.cumulative_quantity,
            [b'L'] => &mut self.execution.price,
            [b'n'] => &mut self.execution.commission,
            [b'N'] => &mut self.execution.commission_asset,
            [b'Z'] => &mut self.row.cumulative_value,
            [b'Y'] => &mut self.last_value,
            [b'e', b'R'] => &mut self.expiry,
            _ => return None,
        })
    }

    fn tell(mut self, products: &mut Products, facts: &mut impl Facts) -> Result<(), Fault> {
        if !matches!(self.expiry, "" | "NONE") {
            self.row.reason = self.expiry;
        }
        let row = &self.row;
        let fact = order_fact(products, row, FactSource::Stream, facts)?;
        // Prevented trades carry no execution (Binance.US reference 0).
        if let ("TRADE", Ok(trade_id)) = (self.kind, u64::try_from(self.trade_id)) {
            let execution = Execution {
                symbol: row.symbol,
                order_id: row.order_id,
                trade_id,
                side: Some(fact.side),
                time: row.time,
                ..self.execution
            };
            // How the order stood before: binds our id to the venue's should the report of its acceptance be lost, and
            // shows executions that were.
            facts.order(&before(&fact, &execution, self.last_value, products)?);
            tell_execution(products, &execution, facts)?;
        }
        facts.order(&fact);
        Ok(())
    }
}

/// Tells what a report says. A fault is a gap.
fn tell_report(report: Report<'_>, products: &mut Products, facts: &mut impl Facts) {
    if let Err(fault) = report.tell(products, facts) {
        lost(&fault, facts);
    }
}

fn read_report<'i>(mut fields: Fields, cursor: &mut Cursor<'_, 'i>) -> Result<Report<'i>, Fault> {
    let mut report = Report::default();
    while let Some(key) = fields.next_key(cursor)? {
        let key = key.as_bytes();
        if let Some(field) = report.text(key) {
            *field = cursor.str_or_null()?.unwrap_or_default();
            continue;
        }
        match key {
            b"i" => report.row.order_id = Some(cursor.u64()?),
            b"T" => report.row.time = cursor.u64()?,
            b"t" => report.trade_id = cursor.i64()?,
            b"m" => report.execution.maker = Some(cursor.bool()?),
            _ => cursor.skip()?,
        }
    }
    Ok(report)
}

/// The order as it stood before the execution that its report tells.
fn before(
    fact: &OrderFact,
    execution: &Execution<'_>,
    last_value: &str,
    products: &mut Products,
) -> Result<OrderFact, Fault> {
    let exponent = products.find(execution.symbol).and_then(|index| products.get(index)).map(|p| p.size_exponent);
    let quantity = match exponent {
        Some(exponent) => number("l", execution.quantity, exponent)?,
        None => 0,
    };
    let value = match last_value {
        "" => None,
        text => Some(money("Y", text)?),
    };
    let cumulative_value = match (fact.cumulative_value, value) {
        (Some(total), Some(last)) => total.checked_sub(last).ok(),
        _ => None,
    };
    Ok(OrderFact {
        status: OrderStatus::Open,
        cumulative_quantity: fact.cumulative_quantity.saturating_sub(quantity).max(0),
        cumulative_value,
        ..*fact
    })
}

/// Tells an execution.
pub(super) fn tell_execution(
    products: &mut Products,
    execution: &Execution<'_>,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let fee = match execution.commission {
        "" => Fixed128::new(0, 0),
        text => money("commission", text)?,
    };
    let venue_order_id = venue_order_id(execution.order_id)?;
    let execution_id: ExecutionId = digits(execution.trade_id);
    let product = products.find(execution.symbol).and_then(|index| products.get(index));
    let in_quote = execution.commission_asset.is_empty()
        || product.is_none_or(|product| product.quote.as_ref() == execution.commission_asset);
    let venue_time = venue_time(execution.time);
    let mut fact = FillFact {
        venue_order_id,
        execution_id,
        instrument: None,
        side: execution.side.unwrap_or(Side::Buy),
        price: 0,
        quantity: 0,
        fee,
        fee_asset: match execution.commission_asset {
            _ if in_quote => None,
            asset => Some(InlineText::new(asset).map_err(|_| Fault::TooLong { key: "N" })?),
        },
        liquidity: match execution.maker {
            Some(true) => Liquidity::Maker,
            Some(false) => Liquidity::Taker,
            None => Liquidity::Unknown,
        },
        venue_time,
    };
    if let Some(product) = product {
        fact.instrument = Some(product.instrument);
        fact.price = number("price", execution.price, product.price_exponent)?;
        fact.quantity = number("quantity", execution.quantity, product.size_exponent)?;
    }
    facts.fill(&fact);
    Ok(())
}

/// The fact of a row.
pub(super) fn order_fact(
    products: &mut Products,
    row: &OrderRow<'_>,
    source: FactSource,
    facts: &mut impl Facts,
) -> Result<OrderFact, Fault> {
    let status = status(row.status, facts);
    // After a cancel the id is that of the cancel, and the order's own is the original (Binance.US reference 3).
    let client = if row.original_client_id.is_empty() { row.client_order_id } else { row.original_client_id };
    let reason = if row.reason == "NONE" { "" } else { row.reason };
    let mut fact = OrderFact {
        source,
        instrument: None,
        unknown_symbol: InlineText::EMPTY,
        venue_order_id: venue_order_id(row.order_id)?,
        // Ours are at most 36 long; a longer one is a stranger's and cannot match.
        client_order_id: ClientOrderId::new(client).unwrap_or(ClientOrderId::EMPTY),
        status,
        side: side("side", row.side)?,
        cumulative_quantity: 0,
        cumulative_value: None,
        cumulative_fees: None,
        limit_price: 0,
        quantity: 0,
        venue_time: venue_time(row.time),
        reject: if status == OrderStatus::Failed { reject_class(reason) } else { RejectClass::None },
        code: InlineText::truncated(reason),
    };
    let value = money("cumulative value", row.cumulative_value)?;
    // Negative: not available, on old orders (Binance.US reference 3).
    fact.cumulative_value = (value.mantissa() >= 0).then_some(value);
    let Some(Product { instrument, price_exponent, size_exponent, .. }) =
        products.find(row.symbol).and_then(|index| products.get(index))
    else {
        // A stranger's order in a symbol nobody trades here: exponents unknown, so no quantities.
        fact.unknown_symbol = InlineText::new(row.symbol).unwrap_or(InlineText::EMPTY);
        return Ok(fact);
    };
    fact.instrument = Some(*instrument);
    fact.cumulative_quantity = number("cumulative quantity", row.cumulative_quantity, *size_exponent)?;
    fact.limit_price = number("price", row.price, *price_exponent)?;
    fact.quantity = number("quantity", row.quantity, *size_exponent)?;
    Ok(fact)
}

/// How an order stands; open-ended.
fn status(text: &str, facts: &mut impl Facts) -> OrderStatus {
    match text {
        "NEW" | "PARTIALLY_FILLED" => OrderStatus::Open,
        "PENDING_NEW" => OrderStatus::Pending,
        "PENDING_CANCEL" => OrderStatus::CancelQueued,
        "FILLED" => OrderStatus::Filled,
        "CANCELED" => OrderStatus::Cancelled,
        "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Expired,
        "REJECTED" => OrderStatus::Failed,
        other => {
            facts.anomaly(Anomaly::UnknownValue, excerpt(other));
            OrderStatus::Unrecognised
        }
    }
}

/// The class of a reject reason `r`.
fn reject_class(reason: &str) -> RejectClass {
    if reason.contains("INSUFFICIENT") {
        RejectClass::InsufficientFunds
    } else if reason.contains("WOULD_MATCH") {
        RejectClass::WouldTake
    } else if reason.contains("TRIGGER") || reason.contains("PRICE") {
        RejectClass::InvalidPrice
    } else {
        RejectClass::Other
    }
}

fn position(mut fields: Fields, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let (mut time, mut early) = (UnixNanos::NONE, None);
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "u" => time = venue_time(cursor.u64()?),
            "B" if time.is_some() => balances(time, cursor, facts)?,
            "B" => {
                early = Some(cursor.clone());
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    match early {
        Some(mut rows) => balances(time, &mut rows, facts),
        None => Ok(()),
    }
}

/// Balances: keys of events (`a`, `f`, `l`) or of the account query (`asset`, `free`, `locked`).
pub(super) fn balances(
    venue_time: UnixNanos,
    cursor: &mut Cursor<'_, '_>,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        let (mut asset, mut free, mut locked) = ("", "", "");
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "a" | "asset" => asset = cursor.str()?,
                "f" | "free" => free = cursor.str()?,
                "l" | "locked" => locked = cursor.str()?,
                _ => cursor.skip()?,
            }
        }
        if asset.is_empty() {
            return Err(Fault::Missing { key: "asset" });
        }
        facts.balance(&BalanceFact {
            asset: InlineText::new(asset).map_err(|_| Fault::TooLong { key: "asset" })?,
            available: money("free", free)?,
            hold: money("locked", locked)?,
            venue_time,
        });
    }
    Ok(())
}

fn balance_update(mut fields: Fields, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let (mut asset, mut change, mut time) = ("", "", 0);
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "a" => asset = cursor.str()?,
            "d" => change = cursor.str()?,
            "T" => time = cursor.u64()?,
            _ => cursor.skip()?,
        }
    }
    facts.balance_change(asset, money("d", change)?, venue_time(time));
    Ok(())
}

fn money(key: &'static str, text: &str) -> Result<Fixed128, Fault> {
    parse_any(text.as_bytes()).map_err(|error| Fault::Number { key, error })
}

/// The venue's id of an order, a number on the wire.
pub(super) fn venue_order_id(id: Option<u64>) -> Result<VenueOrderId, Fault> {
    id.map(digits).ok_or(Fault::Missing { key: "orderId" })
}

/// A number as an inline id: at most 20 digits.
fn digits(number: u64) -> InlineText<36> {
    InlineText::truncated(itoa::Buffer::new().format(number))
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
