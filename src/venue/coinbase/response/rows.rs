//! The rows of listings: orders and fills (Coinbase reference 3.4, 3.5), and how their pages go on.

use super::super::products::{Product, Products};
use super::super::stream::{announce, number, order_fact, order_side, Fault, OrderRow};
use crate::codec::json::{ArraySlicer, Cursor, JsonError, Plain, Slice, SliceError};
use crate::codec::timestamp::parse_rfc3339;
use crate::order::FactSource;
use crate::record::{parse_any, ExecutionId, Fixed128, Liquidity, UnixNanos, VenueOrderId};
use crate::venue::{Anomaly, Facts, FillFact};

/// The arrays of listings: these replies are read slice by slice.
pub(in crate::venue::coinbase) const LIST_ARRAYS: &[&str] = &["orders", "fills", "accounts", "products"];

/// How a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// More rows follow at `cursor`.
    pub has_next: bool,
    /// What to ask for next.
    pub cursor: String,
}

/// Why a cold reply could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Not in the documented shape.
    #[error("Coinbase reply: {0}")]
    Json(#[from] JsonError),
    /// Cannot be read piece by piece.
    #[error("Coinbase reply: {0}")]
    Slice(#[from] SliceError),
    /// A value that does not fit.
    #[error("Coinbase reply: {0}")]
    Value(String),
}

impl From<Fault> for ReplyError {
    fn from(fault: Fault) -> ReplyError {
        match fault {
            Fault::Json(error) => ReplyError::Json(error),
            Fault::Slice(error) => ReplyError::Slice(error),
            other => ReplyError::Value(other.to_string()),
        }
    }
}

/// Every element of the long array of a whole body, then the page. For cold replies of any length.
pub(super) fn each_slice(
    body: &[u8],
    mut rows: impl FnMut(&mut Cursor<'_, '_>) -> Result<(), Fault>,
) -> Result<Page, ReplyError> {
    let mut slicer = ArraySlicer::new(LIST_ARRAYS);
    let mut plain = Plain::new(crate::codec::json::SLICE_BYTES_MAX);
    let mut left = body;
    let mut seen = false;
    loop {
        match slicer.next_slice()? {
            Slice::NeedMore => {
                let taken = slicer.push(left);
                left = left.get(taken..).unwrap_or_default();
                if left.is_empty() {
                    slicer.finish();
                }
            }
            Slice::Head { .. } => seen = true,
            Slice::Elements { text, .. } => plain.parse(text, |cursor| rows(cursor))?,
            Slice::End { text } => {
                let page = plain.parse(text, page_of)?;
                if !seen {
                    return Err(ReplyError::Value("the list is missing".into()));
                }
                return Ok(page);
            }
        }
    }
}

/// The page of a listing's envelope. Fills have no `has_next`: an empty cursor ends them (Coinbase reference 3.5).
pub(in crate::venue::coinbase) fn page_of(cursor: &mut Cursor<'_, '_>) -> Result<Page, Fault> {
    let mut page = Page::default();
    let mut has_next = None;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "has_next" => has_next = Some(cursor.bool()?),
            "cursor" => page.cursor.push_str(cursor.str_or_null()?.unwrap_or_default()),
            _ => cursor.skip()?,
        }
    }
    page.has_next = has_next.unwrap_or(true) && !page.cursor.is_empty();
    Ok(page)
}

/// How many rows a listing had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Rows, whatever became of them.
    pub seen: usize,
    /// Rows that could not be read: announced, and nothing follows from their absence.
    pub unreadable: usize,
}

/// Which rows a listing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::venue::coinbase) enum RowKind {
    Orders,
    Fills,
    Balances,
}

impl RowKind {
    /// The name of their array, one of [`LIST_ARRAYS`].
    pub(in crate::venue::coinbase) const fn array(self) -> &'static str {
        match self {
            RowKind::Orders => "orders",
            RowKind::Fills => "fills",
            RowKind::Balances => "accounts",
        }
    }
}

/// Tells the rows of one array. A row that cannot be read is announced and counted; the others are still good.
pub(in crate::venue::coinbase) fn tell_rows(
    kind: RowKind,
    products: &mut Products,
    cursor: &mut Cursor<'_, '_>,
    rows: &mut Rows,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        rows.seen = rows.seen.saturating_add(1);
        let start = cursor.clone();
        let told = match kind {
            RowKind::Orders => tell_order(products, cursor, facts),
            RowKind::Fills => tell_fill(products, cursor, facts),
            RowKind::Balances => super::account::tell_balance(cursor, facts),
        };
        if let Err(fault) = told {
            rows.unreadable = rows.unreadable.saturating_add(1);
            announce(&fault, facts);
            *cursor = start;
            cursor.skip()?;
        }
    }
    Ok(())
}

fn tell_order(products: &mut Products, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let row = order_row(cursor)?;
    let fact = order_fact(products, &row, FactSource::Query, facts)?;
    facts.order(&fact);
    Ok(())
}

fn order_row<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<OrderRow<'i>, Fault> {
    let mut row = OrderRow::default();
    let (mut created, mut filled, mut updated) = ("", "", "");
    let mut edit = Edit::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "order_id" => &mut row.order_id,
            "client_order_id" => &mut row.client_order_id,
            "product_id" => &mut row.product,
            "side" => &mut row.side,
            "status" => &mut row.status,
            "filled_size" => &mut row.cumulative_quantity,
            "filled_value" => &mut row.filled_value,
            "total_fees" => &mut row.total_fees,
            "order_type" => &mut row.order_type,
            "reject_reason" => &mut row.reject_reason,
            // Both are words of the venue about an end; only one of them is ever filled.
            "reject_message" | "cancel_message" => {
                let words = cursor.str_or_null()?.unwrap_or_default();
                if !words.is_empty() {
                    row.cancel_reason = words;
                }
                continue;
            }
            "created_time" => &mut created,
            "last_fill_time" => &mut filled,
            "last_update_time" => &mut updated,
            "order_configuration" if !cursor.take_null() => {
                configuration(cursor, &mut row)?;
                continue;
            }
            "order_configuration" => continue,
            "edit_history" if !cursor.take_null() => {
                edit = last_edit(cursor)?;
                continue;
            }
            "edit_history" => continue,
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    // The configuration may still show what was first asked for.
    if !edit.price.is_empty() {
        row.limit_price = edit.price;
    }
    if !edit.size.is_empty() {
        row.base_size = edit.size;
    }
    let times = [updated, filled, created].into_iter().map(|text| parse_rfc3339(text).unwrap_or(0));
    row.time = times.map(UnixNanos).find(|time| time.is_some()).unwrap_or(UnixNanos::NONE);
    Ok(row)
}

/// The terms an accepted change gave an order.
#[derive(Debug, Clone, Copy, Default)]
struct Edit<'i> {
    accepted: &'i str,
    price: &'i str,
    size: &'i str,
}

/// The latest of a list of changes, whatever its order.
fn last_edit<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<Edit<'i>, JsonError> {
    let mut last = Edit::default();
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        let mut edit = Edit::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            let field = match key {
                "replace_accept_timestamp" => &mut edit.accepted,
                "price" => &mut edit.price,
                "size" => &mut edit.size,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            *field = cursor.str_or_null()?.unwrap_or_default();
        }
        if parse_rfc3339(edit.accepted).unwrap_or(0) >= parse_rfc3339(last.accepted).unwrap_or(0) {
            last = edit;
        }
    }
    Ok(last)
}

/// `{"limit_limit_gtc":{"base_size":"0.5","limit_price":"83000.5"}}`.
fn configuration<'i>(cursor: &mut Cursor<'_, 'i>, row: &mut OrderRow<'i>) -> Result<(), JsonError> {
    let mut members = cursor.object()?;
    while members.next_key(cursor)?.is_some() {
        if cursor.take_null() {
            continue;
        }
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "base_size" => row.base_size = cursor.str_or_null()?.unwrap_or_default(),
                "limit_price" => row.limit_price = cursor.str_or_null()?.unwrap_or_default(),
                _ => cursor.skip()?,
            }
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, Default)]
struct FillRow<'i> {
    trade_id: &'i str,
    order_id: &'i str,
    kind: &'i str,
    product: &'i str,
    side: &'i str,
    price: &'i str,
    size: &'i str,
    size_in_quote: bool,
    commission: &'i str,
    liquidity: &'i str,
    time: &'i str,
}

fn tell_fill(products: &mut Products, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let row = fill_row(cursor)?;
    if row.kind != "FILL" && !row.kind.is_empty() {
        // A correction or reversal is no execution; a person must look.
        return Err(Fault::Value { key: "trade_type" });
    }
    let fact = fill_fact(products, &row, facts)?;
    facts.fill(&fact);
    Ok(())
}

fn fill_row<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<FillRow<'i>, Fault> {
    let mut row = FillRow::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "trade_id" => &mut row.trade_id,
            "order_id" => &mut row.order_id,
            "trade_type" => &mut row.kind,
            "product_id" => &mut row.product,
            "side" => &mut row.side,
            "price" => &mut row.price,
            "size" => &mut row.size,
            "commission" => &mut row.commission,
            "liquidity_indicator" => &mut row.liquidity,
            "trade_time" => &mut row.time,
            "size_in_quote" => {
                row.size_in_quote = cursor.bool_or_text()?;
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    Ok(row)
}

fn fill_fact(products: &mut Products, row: &FillRow<'_>, facts: &mut impl Facts) -> Result<FillFact, Fault> {
    let id = |key, text: &str| match VenueOrderId::new(text) {
        Ok(id) if !id.is_empty() => Ok(id),
        Ok(_) => Err(Fault::Missing { key }),
        Err(_) => Err(Fault::TooLong { key }),
    };
    let execution_id: ExecutionId = id("trade_id", row.trade_id)?;
    let commission = if row.commission.is_empty() { "0" } else { row.commission };
    let mut fact = FillFact {
        venue_order_id: id("order_id", row.order_id)?,
        execution_id,
        instrument: None,
        side: order_side(row.side, facts)?,
        price: 0,
        quantity: 0,
        fee: parse_any(commission.as_bytes()).map_err(|error| Fault::Number { key: "commission", error })?,
        fee_asset: None,
        liquidity: match row.liquidity {
            "MAKER" => Liquidity::Maker,
            "TAKER" => Liquidity::Taker,
            _ => Liquidity::Unknown,
        },
        venue_time: UnixNanos(parse_rfc3339(row.time).unwrap_or(0)),
    };
    if let Some(product) = products.find(row.product).and_then(|index| products.get(index)) {
        fact.instrument = Some(product.instrument);
        fact.price = number("price", row.price, product.price_exponent)?;
        fact.quantity = match quantity(row, product) {
            Some(quantity) => quantity,
            None => {
                facts.anomaly(Anomaly::Number, "size of a fill does not fit: quantity left out");
                0
            }
        };
    }
    Ok(fact)
}

/// The quantity in base currency; `None` if it is not exact at the size exponent.
fn quantity(row: &FillRow<'_>, product: &Product) -> Option<i64> {
    let size = parse_any(row.size.as_bytes()).ok()?;
    if !row.size_in_quote {
        return i64::try_from(size.rescale(product.size_exponent).ok()?).ok();
    }
    // size / price, scaled so that one division decides.
    let price = parse_any(row.price.as_bytes()).ok()?;
    let exponent = size.exponent().checked_sub(price.exponent())?;
    let scaled = Fixed128::new(size.mantissa(), exponent).rescale(product.size_exponent);
    let (scaled, divisor) = match scaled {
        Ok(scaled) => (scaled, price.mantissa()),
        // Digits finer than the exponent: they may still divide out.
        Err(_) => (size.mantissa(), Fixed128::new(price.mantissa(), product.size_exponent).rescale(exponent).ok()?),
    };
    if scaled.checked_rem(divisor)? != 0 {
        return None;
    }
    i64::try_from(scaled.checked_div(divisor)?).ok()
}
