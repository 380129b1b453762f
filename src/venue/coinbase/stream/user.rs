//! Orders, as the user channel sends them (Coinbase reference 6.8) and as listings do (3.4): the same facts under
//! different names.

use super::super::products::Products;
use super::super::reject;
use super::{excerpt, At, Channel, Control, Decoder, Fault};
use crate::codec::json::Cursor;
use crate::order::{FactSource, OrderFact, OrderStatus};
use crate::record::{parse_any, ClientOrderId, Fixed128, InlineText, RejectClass, Side, UnixNanos, VenueOrderId};
use crate::venue::fault::{number, side};
use crate::venue::{Anomaly, Facts, StreamFact};

/// One order as sent. Every field may be missing (Coinbase reference 6.8).
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::venue::coinbase) struct OrderRow<'i> {
    pub order_id: &'i str,
    pub client_order_id: &'i str,
    pub product: &'i str,
    pub side: &'i str,
    pub status: &'i str,
    pub cumulative_quantity: &'i str,
    pub filled_value: &'i str,
    pub total_fees: &'i str,
    pub limit_price: &'i str,
    /// Base currency, of a limit order that is not over: filled and leaves, or `base_size`.
    pub leaves_quantity: &'i str,
    pub base_size: &'i str,
    pub order_type: &'i str,
    pub reject_reason: &'i str,
    pub cancel_reason: &'i str,
    pub time: UnixNanos,
}

impl Decoder {
    /// The orders of one array.
    pub(super) fn orders(
        &mut self,
        snapshot: bool,
        time: UnixNanos,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let source = if snapshot { FactSource::StreamSnapshot } else { FactSource::Stream };
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            self.snapshot_rows = self.snapshot_rows.saturating_add(1);
            let start = cursor.clone();
            match streamed_row(cursor).and_then(|row| {
                let row = OrderRow { time, ..row };
                order_fact(&mut self.products, &row, source, facts)
            }) {
                Ok(fact) => facts.order(&fact),
                Err(fault) => {
                    // Announces the loss, so that the engine asks for the orders.
                    self.fault(&fault, facts);
                    self.at = At::Channel(Channel::User);
                    *cursor = start;
                    cursor.skip()?;
                }
            }
        }
        Ok(())
    }

    /// After the rows of a message: the first snapshot message with fewer than a batch ends the snapshot.
    pub(super) fn snapshot_batch(&mut self, snapshot: bool, facts: &mut impl Facts) -> Control {
        if !snapshot || self.snapshot_rows >= super::super::limits::USER_SNAPSHOT_BATCH {
            return Control::None;
        }
        facts.stream(StreamFact::UserSnapshotComplete);
        Control::UserSnapshotComplete
    }
}

fn streamed_row<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<OrderRow<'i>, Fault> {
    let mut row = OrderRow::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "order_id" => &mut row.order_id,
            "client_order_id" => &mut row.client_order_id,
            "product_id" => &mut row.product,
            "order_side" => &mut row.side,
            "status" => &mut row.status,
            "cumulative_quantity" => &mut row.cumulative_quantity,
            "filled_value" => &mut row.filled_value,
            "total_fees" => &mut row.total_fees,
            "limit_price" => &mut row.limit_price,
            "leaves_quantity" => &mut row.leaves_quantity,
            "order_type" => &mut row.order_type,
            // The documents' own table misspells it.
            "reject_reason" | "reject_Reason" => &mut row.reject_reason,
            "cancel_reason" => &mut row.cancel_reason,
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    Ok(row)
}

/// The fact of a row.
pub(in crate::venue::coinbase) fn order_fact(
    products: &mut Products,
    row: &OrderRow<'_>,
    source: FactSource,
    facts: &mut impl Facts,
) -> Result<OrderFact, Fault> {
    if row.order_id.is_empty() {
        return Err(Fault::Missing { key: "order_id" });
    }
    let venue_order_id = VenueOrderId::new(row.order_id).map_err(|_| Fault::TooLong { key: "order_id" })?;
    let status = status(row.status, facts);
    let (reject, code) = reason(status, row);
    let mut fact = OrderFact {
        source,
        instrument: None,
        unknown_symbol: InlineText::EMPTY,
        venue_order_id,
        // Ours are at most 36 long; a longer one is a stranger's and cannot match.
        client_order_id: ClientOrderId::new(row.client_order_id).unwrap_or(ClientOrderId::EMPTY),
        status,
        side: order_side(row.side, facts)?,
        cumulative_quantity: 0,
        cumulative_value: money("filled_value", row.filled_value)?,
        cumulative_fees: money("total_fees", row.total_fees)?,
        limit_price: 0,
        quantity: 0,
        venue_time: row.time,
        reject,
        code,
    };
    let Some(product) = products.find(row.product).and_then(|index| products.get(index)) else {
        // A stranger's order in a product nobody trades here: exponents unknown, so no quantities.
        return Ok(fact);
    };
    fact.instrument = Some(product.instrument);
    fact.cumulative_quantity = optional("cumulative_quantity", row.cumulative_quantity, product.size_exponent)?;
    fact.limit_price = optional("limit_price", row.limit_price, product.price_exponent)?;
    fact.quantity = if row.base_size.is_empty() {
        // `leaves_quantity` is in the currency the order was sized in, and 0 once it is over (Coinbase reference 6.8).
        let limit = row.order_type.eq_ignore_ascii_case("limit");
        let leaves = optional("leaves_quantity", row.leaves_quantity, product.size_exponent).unwrap_or(0);
        if limit && !status.is_terminal() && leaves > 0 {
            fact.cumulative_quantity.saturating_add(leaves)
        } else {
            0
        }
    } else {
        optional("base_size", row.base_size, product.size_exponent)?
    };
    Ok(fact)
}

/// A row without a side is still evidence of its order, whose side we know if it is ours: counted, and taken.
pub(in crate::venue::coinbase) fn order_side(text: &str, facts: &mut impl Facts) -> Result<Side, Fault> {
    if text.is_empty() {
        facts.anomaly(Anomaly::Malformed, "order without order_side");
        return Ok(Side::Buy);
    }
    side("order_side", text)
}

fn status(text: &str, facts: &mut impl Facts) -> OrderStatus {
    order_status_of(text).unwrap_or_else(|| {
        facts.anomaly(Anomaly::UnknownValue, excerpt(text));
        OrderStatus::Unrecognised
    })
}

/// A state by the venue's word; `None` for a word we do not know.
pub(in crate::venue::coinbase) fn order_status_of(text: &str) -> Option<OrderStatus> {
    Some(match text {
        "PENDING" | "QUEUED" => OrderStatus::Pending,
        "OPEN" => OrderStatus::Open,
        "CANCEL_QUEUED" => OrderStatus::CancelQueued,
        "EDIT_QUEUED" => OrderStatus::EditQueued,
        "FILLED" => OrderStatus::Filled,
        "CANCELLED" => OrderStatus::Cancelled,
        "EXPIRED" => OrderStatus::Expired,
        "FAILED" => OrderStatus::Failed,
        "UNKNOWN_ORDER_STATUS" => OrderStatus::Unrecognised,
        _ => return None,
    })
}

/// A side by the venue's word.
pub(in crate::venue::coinbase) fn order_side_of(text: &str) -> Result<Side, Fault> {
    side("side", text)
}

/// Why it failed; of a cancelled one only the venue's words.
fn reason(status: OrderStatus, row: &OrderRow<'_>) -> (RejectClass, InlineText<32>) {
    match status {
        OrderStatus::Failed => {
            let words = [row.reject_reason, row.cancel_reason]
                .into_iter()
                .find(|w| !reject::says_nothing(w))
                .unwrap_or_default();
            (reject::order_class(words), InlineText::truncated(words))
        }
        OrderStatus::Cancelled | OrderStatus::Expired => (RejectClass::None, InlineText::truncated(row.cancel_reason)),
        _ => (RejectClass::None, InlineText::EMPTY),
    }
}

fn money(key: &'static str, text: &str) -> Result<Option<Fixed128>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_any(text.as_bytes()).map(Some).map_err(|error| Fault::Number { key, error })
}

/// Absent numbers are `""` (Coinbase reference 3).
fn optional(key: &'static str, text: &str, exponent: i8) -> Result<i64, Fault> {
    if text.is_empty() {
        return Ok(0);
    }
    number(key, text, exponent)
}
