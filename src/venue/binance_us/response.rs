//! Replies to our requests, the same over REST and the WebSocket API: what they prove, and the rows of listings.
//!
//! Owns the law of outcomes (DESIGN section 7): an order counts as rejected only on 401, 403, 418 or 429 with any body or
//! on another 4xx with the venue's own error, unless its code says that the outcome is unknown; as accepted only on 200
//! with an order id. Everything else proves nothing and is ambiguous. Never decides what to do about it.

use super::products::Products;
use super::reject;
use super::stream::venue_time;
use super::user::{self, Execution, OrderRow};
use super::VenueMs;
use crate::codec::json::{Cursor, JsonError, JsonKind};
use crate::order::{CancelReply, Denial, FactSource, PlaceReply, ReplaceReply};
use crate::record::{ClientOrderId, Fixed, InlineText, RejectClass, Side, VenueOrderId};
use crate::venue::fault::{announce, http_code, Fault};
use crate::venue::Facts;

mod catalog;
mod usage;

pub use catalog::{listings, Catalog, CatalogError, Market};
pub use usage::{Usage, Wait};

/// The venue's error object (Binance.US reference 4).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ErrorBody<'i> {
    pub code: i64,
    pub message: &'i str,
    /// Of the WebSocket API: when to come again, ms since 1970.
    pub retry_after_ms: Option<u64>,
}

impl ErrorBody<'_> {
    /// `-2010 Duplicate order sent.`, cut to fit.
    pub fn text(&self) -> InlineText<32> {
        use std::fmt::Write as _;
        let mut text = arrayvec::ArrayString::<256>::new();
        let _ = write!(text, "{} ", self.code);
        for c in self.message.chars() {
            if text.try_push(c).is_err() {
                break;
            }
        }
        InlineText::truncated(text.trim_end())
    }
}

/// What a reply of this status with this error proves; it is no success.
pub(super) fn denial(status: u16, error: Option<&ErrorBody<'_>>) -> Denial {
    let by_status = reject::status_class(status);
    match error {
        Some(error) if reject::says_nothing_of_the_outcome(error.code) => Denial::Unclear { code: error.text() },
        // 408 says that the server waited, or somebody before it: no verdict, whatever the body.
        _ if !(400..500).contains(&status) || status == 408 => Denial::Unclear { code: http_code(status) },
        Some(error) => {
            let class = match by_status {
                Some(class @ RejectClass::RateLimited) => class,
                _ => reject::class(error.code, error.message),
            };
            Denial::Refused { class, code: error.text() }
        }
        None => match by_status {
            Some(class) => Denial::Refused { class, code: http_code(status) },
            None => Denial::Unclear { code: http_code(status) },
        },
    }
}

/// Reads the members of an error; `data` is left to `data`.
pub(super) fn error_body<'i>(
    cursor: &mut Cursor<'_, 'i>,
    mut data: impl FnMut(&mut Cursor<'_, 'i>) -> Result<(), Fault>,
) -> Result<Option<ErrorBody<'i>>, Fault> {
    let mut error = ErrorBody::default();
    let mut seen = false;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "code" => {
                error.code = cursor.i64()?;
                seen = true;
            }
            "msg" => error.message = cursor.str_or_null()?.unwrap_or_default(),
            "data" if !cursor.take_null() => {
                error.retry_after_ms = retry_after(&mut cursor.clone())?;
                data(cursor)?;
            }
            "data" => {}
            _ => cursor.skip()?,
        }
    }
    Ok(seen.then_some(error))
}

fn retry_after(cursor: &mut Cursor<'_, '_>) -> Result<Option<u64>, JsonError> {
    let mut found = None;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "retryAfter" => found = Some(cursor.u64()?),
            _ => cursor.skip()?,
        }
    }
    Ok(found)
}

/// The answer to a place request: an id proves that the venue has it. What it says of the order's state is told too.
/// After an error nothing was told.
pub(super) fn placed(
    cursor: &mut Cursor<'_, '_>,
    sent: &ClientOrderId,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let row = order_row(cursor)?;
    if !row.client_order_id.is_empty() && row.client_order_id != sent.as_str() {
        // The answer to another order: nothing of ours is proved by it.
        return Err(Fault::Value { key: "clientOrderId" });
    }
    let venue_order_id = user::venue_order_id(row.order_id)?;
    facts.place_reply(sent, PlaceReply::Accepted { venue_order_id });
    tell_state(&row, products, facts);
    Ok(())
}

/// The answer to a cancel request: the order as it was left. After an error nothing was told.
pub(super) fn cancelled(
    cursor: &mut Cursor<'_, '_>,
    asked: &VenueOrderId,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let row = order_row(cursor)?;
    let id = told_id(&row, asked)?;
    facts.cancel_reply(&id, CancelReply::Queued);
    tell_state(&row, products, facts);
    Ok(())
}

/// The id of the order that a cancel's answer is about.
fn told_id(row: &OrderRow<'_>, asked: &VenueOrderId) -> Result<VenueOrderId, Fault> {
    // A cancel of one leg of a pair is answered with the list (Binance.US reference 3): it has no order id of its own.
    match row.order_id {
        Some(_) if asked.is_empty() => user::venue_order_id(row.order_id),
        _ => Ok(*asked),
    }
}

/// The answer to a pair of orders of which one has this id: the list of both (Binance.US reference 3, OCO). After an
/// error nothing was told.
pub(super) fn pair_placed(
    cursor: &mut Cursor<'_, '_>,
    sent: &ClientOrderId,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let mut found = None;
    let mut look = cursor.clone();
    let mut fields = look.object()?;
    while let Some(key) = fields.next_key(&mut look)? {
        if key != "orders" {
            look.skip()?;
            continue;
        }
        let mut items = look.array()?;
        while items.next_item(&mut look)? {
            let row = order_row(&mut look)?;
            if row.client_order_id == sent.as_str() {
                found = row.order_id;
            }
        }
    }
    let venue_order_id = user::venue_order_id(found)?;
    facts.place_reply(sent, PlaceReply::Accepted { venue_order_id });
    if let Err(fault) = report(cursor, products, facts) {
        announce(&fault, facts);
    }
    Ok(())
}

/// The reports in the answer to a request about many orders: an array of orders and lists, or one list (Binance.US
/// reference 3). Returns how many orders were told.
pub(super) fn reports(
    cursor: &mut Cursor<'_, '_>,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<usize, Fault> {
    if cursor.peek() != JsonKind::Array {
        return report(cursor, products, facts);
    }
    let mut told = 0_usize;
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        told = told.saturating_add(report(cursor, products, facts)?);
    }
    Ok(told)
}

fn report(cursor: &mut Cursor<'_, '_>, products: &mut Products, facts: &mut impl Facts) -> Result<usize, Fault> {
    let mut look = cursor.clone();
    let mut fields = look.object()?;
    while let Some(key) = fields.next_key(&mut look)? {
        if key != "orderReports" {
            look.skip()?;
            continue;
        }
        let mut told = 0_usize;
        let mut items = look.array()?;
        while items.next_item(&mut look)? {
            tell_state(&order_row(&mut look)?, products, facts);
            told = told.saturating_add(1);
        }
        cursor.skip()?;
        return Ok(told);
    }
    tell_state(&order_row(cursor)?, products, facts);
    Ok(1)
}

/// What a reply says of an order's state, if it says it (ACK does not). A row that cannot be read is announced; the
/// reply it came with stands.
fn tell_state(row: &OrderRow<'_>, products: &mut Products, facts: &mut impl Facts) {
    if row.status.is_empty() {
        return;
    }
    match user::order_fact(products, row, FactSource::Stream, facts) {
        Ok(fact) => facts.order(&fact),
        Err(fault) => announce(&fault, facts),
    }
}

/// A cancelReplace, whole or in the `data` of its error, told half by half (Binance.US reference 3): each half succeeded,
/// failed for a reason of its own, or was not attempted.
pub(super) fn replaced(
    cursor: &mut Cursor<'_, '_>,
    cancelled_id: &VenueOrderId,
    sent: &ClientOrderId,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let (mut cancel_result, mut order_result) = ("", "");
    let (mut cancel, mut order) = (None, None);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "cancelResult" => cancel_result = cursor.str()?,
            "newOrderResult" => order_result = cursor.str()?,
            "cancelResponse" => {
                cancel = Some(cursor.clone());
                cursor.skip()?;
            }
            "newOrderResponse" => {
                order = Some(cursor.clone());
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    // The halves are told one by one, each exactly once.
    let cancel = match (cancel_result, cancel) {
        ("SUCCESS", Some(mut half)) => cancelled_half(&mut half, cancelled_id, products, facts).map(|()| None),
        ("FAILURE", Some(mut half)) => failed_half(&mut half).map(Some),
        ("NOT_ATTEMPTED", _) => Ok(Some(not_attempted(None))),
        _ => Err(Fault::Value { key: "cancelResult" }),
    };
    let cancel = settled(cancel, facts);
    if let Some(denial) = cancel {
        facts.replace_reply(cancelled_id, denial.into());
    }
    let order = match (order_result, order) {
        ("SUCCESS", Some(mut half)) => placed(&mut half, sent, products, facts).map(|()| None),
        ("FAILURE", Some(mut half)) => failed_half(&mut half).map(Some),
        ("NOT_ATTEMPTED", _) => Ok(Some(not_attempted(cancel))),
        _ => Err(Fault::Value { key: "newOrderResult" }),
    };
    if let Some(denial) = settled(order, facts) {
        facts.place_reply(sent, denial.into());
    }
    Ok(())
}

/// The half that cancelled: the order as it was left. After an error nothing was told.
fn cancelled_half(
    cursor: &mut Cursor<'_, '_>,
    asked: &VenueOrderId,
    products: &mut Products,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let row = order_row(cursor)?;
    let id = told_id(&row, asked)?;
    facts.replace_reply(&id, ReplaceReply::Accepted);
    tell_state(&row, products, facts);
    Ok(())
}

fn failed_half(cursor: &mut Cursor<'_, '_>) -> Result<Denial, Fault> {
    let error = error_body(cursor, |data| Ok(data.skip()?))?;
    Ok(denial(HALF_STATUS, error.as_ref()))
}

/// What is left to tell of a half; one that cannot be read proves nothing.
fn settled(half: Result<Option<Denial>, Fault>, facts: &mut impl Facts) -> Option<Denial> {
    half.unwrap_or_else(|fault| {
        announce(&fault, facts);
        Some(unreadable())
    })
}

/// A half that failed is a refusal by itself, whatever the status of the whole (409 or 400).
const HALF_STATUS: u16 = 400;

/// A half that was left out, for the reason the other one failed.
fn not_attempted(other: Option<Denial>) -> Denial {
    match other {
        Some(refused @ Denial::Refused { .. }) => refused,
        _ => Denial::refused(RejectClass::Other, "not attempted"),
    }
}

pub(super) fn unreadable() -> Denial {
    Denial::unclear("unreadable reply")
}

/// A row of orders: of a listing, of one order, of a reply.
pub(super) fn order_row<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<OrderRow<'i>, Fault> {
    let mut row = OrderRow::default();
    let (mut created, mut updated, mut transacted) = (0, 0, 0);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "symbol" => &mut row.symbol,
            "clientOrderId" => &mut row.client_order_id,
            "origClientOrderId" => &mut row.original_client_id,
            "side" => &mut row.side,
            "status" => &mut row.status,
            "origQty" => &mut row.quantity,
            "price" => &mut row.price,
            "executedQty" => &mut row.cumulative_quantity,
            // The venue's own spelling.
            "cummulativeQuoteQty" => &mut row.cumulative_value,
            "expiryReason" => &mut row.reason,
            "orderId" => {
                row.order_id = Some(cursor.u64()?);
                continue;
            }
            "time" => {
                created = cursor.u64()?;
                continue;
            }
            "updateTime" => {
                updated = cursor.u64()?;
                continue;
            }
            "transactTime" => {
                transacted = cursor.u64()?;
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    row.time = [transacted, updated, created].into_iter().find(|time| *time > 0).unwrap_or(0);
    Ok(row)
}

/// How many rows a listing had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Rows, whatever became of them.
    pub seen: usize,
    /// Rows that could not be read: announced, and nothing follows from their absence.
    pub unreadable: usize,
    /// The largest id seen (order or trade): where the next page begins after.
    pub last_id: u64,
}

/// Which rows a listing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// Orders.
    Orders,
    /// Our trades.
    Trades,
    /// Balances.
    Balances,
}

impl RowKind {
    /// The name of their array; listings of orders and trades are bare arrays, read as `{"rows":[..]}`.
    pub(super) const fn array(self) -> &'static str {
        match self {
            RowKind::Orders | RowKind::Trades => "rows",
            RowKind::Balances => "balances",
        }
    }
}

/// Tells the rows of one array. A row that cannot be read is announced and counted; the others are still good.
pub(super) fn tell_rows(
    kind: RowKind,
    products: &mut Products,
    cursor: &mut Cursor<'_, '_>,
    rows: &mut Rows,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    if kind == RowKind::Balances {
        rows.seen = rows.seen.saturating_add(1);
        return user::balances(crate::record::UnixNanos::NONE, cursor, facts);
    }
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        rows.seen = rows.seen.saturating_add(1);
        let start = cursor.clone();
        let told = match kind {
            RowKind::Orders => tell_order(products, cursor, facts),
            _ => tell_trade(products, cursor, facts),
        };
        match told {
            Ok(id) => rows.last_id = rows.last_id.max(id),
            Err(fault) => {
                rows.unreadable = rows.unreadable.saturating_add(1);
                announce(&fault, facts);
                *cursor = start;
                cursor.skip()?;
            }
        }
    }
    Ok(())
}

/// One order of a query; returns its id.
pub(super) fn tell_order(
    products: &mut Products,
    cursor: &mut Cursor<'_, '_>,
    facts: &mut impl Facts,
) -> Result<u64, Fault> {
    let row = order_row(cursor)?;
    let fact = user::order_fact(products, &row, FactSource::Query, facts)?;
    facts.order(&fact);
    Ok(row.order_id.unwrap_or(0))
}

fn tell_trade(products: &mut Products, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<u64, Fault> {
    let mut row = Execution::default();
    let mut id = None;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "symbol" => &mut row.symbol,
            "price" => &mut row.price,
            "qty" => &mut row.quantity,
            "commission" => &mut row.commission,
            "commissionAsset" => &mut row.commission_asset,
            "id" => {
                id = Some(cursor.u64()?);
                continue;
            }
            "orderId" => {
                row.order_id = Some(cursor.u64()?);
                continue;
            }
            "time" => {
                row.time = cursor.u64()?;
                continue;
            }
            "isBuyer" => {
                row.side = Some(if cursor.bool()? { Side::Buy } else { Side::Sell });
                continue;
            }
            "isMaker" => {
                row.maker = Some(cursor.bool()?);
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    row.trade_id = id.ok_or(Fault::Missing { key: "id" })?;
    user::tell_execution(products, &row, facts)?;
    Ok(row.trade_id)
}

/// The venue's clock.
pub(super) fn server_time(cursor: &mut Cursor<'_, '_>) -> Result<VenueMs, Fault> {
    let mut fields = cursor.object()?;
    let mut found = None;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "serverTime" => found = Some(cursor.u64()?),
            _ => cursor.skip()?,
        }
    }
    let time = found.ok_or(Fault::Missing { key: "serverTime" })?;
    Ok(VenueMs(venue_time(time).0.checked_div(1_000_000).unwrap_or(0)))
}

/// The average price of the last minutes.
pub(super) fn average_price(cursor: &mut Cursor<'_, '_>) -> Result<Fixed, Fault> {
    let mut fields = cursor.object()?;
    let mut found = None;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "price" => found = Some(cursor.str()?),
            _ => cursor.skip()?,
        }
    }
    let text = found.ok_or(Fault::Missing { key: "price" })?;
    Fixed::parse(text).map_err(|error| Fault::Number { key: "price", error })
}

/// A listenKey: a text without a secret's care, since it opens nothing but this account's events to read.
pub(super) fn listen_key(cursor: &mut Cursor<'_, '_>) -> Result<Option<Box<str>>, Fault> {
    let mut found = None;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "listenKey" => found = Some(cursor.str()?.into()),
            _ => cursor.skip()?,
        }
    }
    Ok(found)
}
