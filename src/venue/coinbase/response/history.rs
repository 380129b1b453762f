//! Orders and fills in full, as the account's history lists them (Coinbase reference 3.4, 3.5). They allocate; never on
//! the hot thread. Words of open lists stay the venue's own: new ones come without notice.

use super::super::stream::{order_side_of, order_status_of, Fault};
use super::fields::{decimal, flag, moment, required, whole, words};
use super::rows::{each_slice, Page, ReplyError};
use crate::codec::json::Cursor;
use crate::order::OrderStatus;
use crate::record::{Fixed128, Liquidity, Side, UnixNanos};

/// One order of the account's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetail {
    /// The venue's id.
    pub order_id: Box<str>,
    /// The id its client gave it.
    pub client_order_id: Box<str>,
    /// What it trades.
    pub product: Box<str>,
    /// Buy or sell.
    pub side: Side,
    /// How it stands.
    pub status: OrderStatus,
    /// How it stands, in the venue's word.
    pub status_text: Box<str>,
    /// The member of `order_configuration`, such as `limit_limit_gtc`.
    pub configuration: Box<str>,
    /// Size in the base asset, if it has one.
    pub base_size: Option<Fixed128>,
    /// Size in the quote asset, if it has one.
    pub quote_size: Option<Fixed128>,
    /// Limit price.
    pub limit_price: Option<Fixed128>,
    /// Price that triggers it, of stops and brackets.
    pub stop_price: Option<Fixed128>,
    /// When it expires; `NONE` if never.
    pub end_time: UnixNanos,
    /// Must not take liquidity.
    pub post_only: bool,
    /// Kind of order, in the venue's word.
    pub order_type: Box<str>,
    /// Lifetime, in the venue's word.
    pub time_in_force: Box<str>,
    /// When it was created.
    pub created: UnixNanos,
    /// When it was last filled; `NONE` if never.
    pub last_fill: UnixNanos,
    /// When it last changed; `NONE` if not told.
    pub updated: UnixNanos,
    /// Executed quantity, base asset.
    pub filled_size: Fixed128,
    /// Executed value, quote asset.
    pub filled_value: Fixed128,
    /// Value over quantity, as the venue rounds it.
    pub average_price: Option<Fixed128>,
    /// Fees so far, quote asset.
    pub total_fees: Fixed128,
    /// Value with fees.
    pub total_value_after_fees: Option<Fixed128>,
    /// How many executions.
    pub fills: u64,
    /// How much of it is executed, percent.
    pub completion_percent: Option<Fixed128>,
    /// What the order holds of the account's funds.
    pub hold: Option<Fixed128>,
    /// A cancel is queued.
    pub pending_cancel: bool,
    /// `base_size` counts the quote asset.
    pub size_in_quote: bool,
    /// Settled.
    pub settled: bool,
    /// Whether a trigger was reached, in the venue's word.
    pub trigger_status: Box<str>,
    /// Why it was refused, in the venue's word; empty if it was not.
    pub reject_reason: Box<str>,
    /// The same in a sentence.
    pub reject_message: Box<str>,
    /// Why it was cancelled, in a sentence.
    pub cancel_message: Box<str>,
    /// The order this one was attached to.
    pub originating_order_id: Box<str>,
    /// The order attached to this one.
    pub attached_order_id: Box<str>,
    /// Where it was placed, in the venue's word.
    pub placement_source: Box<str>,
}

impl OrderDetail {
    const BLANK_SIDE: Side = Side::Buy;

    fn blank() -> OrderDetail {
        OrderDetail {
            order_id: "".into(),
            client_order_id: "".into(),
            product: "".into(),
            side: Self::BLANK_SIDE,
            status: OrderStatus::Unrecognised,
            status_text: "".into(),
            configuration: "".into(),
            base_size: None,
            quote_size: None,
            limit_price: None,
            stop_price: None,
            end_time: UnixNanos::NONE,
            post_only: false,
            order_type: "".into(),
            time_in_force: "".into(),
            created: UnixNanos::NONE,
            last_fill: UnixNanos::NONE,
            updated: UnixNanos::NONE,
            filled_size: Fixed128::new(0, 0),
            filled_value: Fixed128::new(0, 0),
            average_price: None,
            total_fees: Fixed128::new(0, 0),
            total_value_after_fees: None,
            fills: 0,
            completion_percent: None,
            hold: None,
            pending_cancel: false,
            size_in_quote: false,
            settled: false,
            trigger_status: "".into(),
            reject_reason: "".into(),
            reject_message: "".into(),
            cancel_message: "".into(),
            originating_order_id: "".into(),
            attached_order_id: "".into(),
            placement_source: "".into(),
        }
    }
}

/// One execution of the account's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillDetail {
    /// The venue's identity of the execution; unrelated to the numbers of public trades.
    pub trade_id: Box<str>,
    /// The venue's number of the row.
    pub entry_id: Box<str>,
    /// The order.
    pub order_id: Box<str>,
    /// What was traded.
    pub product: Box<str>,
    /// The account's side.
    pub side: Side,
    /// What kind of row: `FILL`, or a correction in the venue's word.
    pub kind: Box<str>,
    /// Price.
    pub price: Fixed128,
    /// Size, of the quote asset if `size_in_quote`.
    pub size: Fixed128,
    /// `size` counts the quote asset.
    pub size_in_quote: bool,
    /// Fee.
    pub commission: Fixed128,
    /// Made or took.
    pub liquidity: Liquidity,
    /// When it happened.
    pub time: UnixNanos,
    /// When it was listed; what filters by time compare.
    pub sequenced: UnixNanos,
}

/// The orders of one page, in full, and the page.
///
/// # Errors
/// [`ReplyError`]: nothing of the page counts.
pub fn order_details(body: &[u8]) -> Result<(Vec<OrderDetail>, Page), ReplyError> {
    let mut found = Vec::new();
    let page = each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            found.push(order(cursor)?);
        }
        Ok(())
    })?;
    Ok((found, page))
}

/// The order of a reply about one.
///
/// # Errors
/// [`ReplyError`].
pub fn order_detail(body: &mut [u8]) -> Result<OrderDetail, ReplyError> {
    whole(body, |cursor| {
        let mut found = None;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "order" => found = Some(order(cursor)?),
                _ => cursor.skip()?,
            }
        }
        found.ok_or(Fault::Missing { key: "order" })
    })
}

/// The fills of one page, and the page.
///
/// # Errors
/// [`ReplyError`]: nothing of the page counts.
pub fn fill_details(body: &[u8]) -> Result<(Vec<FillDetail>, Page), ReplyError> {
    let mut found = Vec::new();
    let page = each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            found.push(fill(cursor)?);
        }
        Ok(())
    })?;
    Ok((found, page))
}

fn order(cursor: &mut Cursor<'_, '_>) -> Result<OrderDetail, Fault> {
    let mut row = OrderDetail::blank();
    let mut sided = false;
    let zero = Fixed128::new(0, 0);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "order_id" => row.order_id = words(cursor)?,
            "client_order_id" => row.client_order_id = words(cursor)?,
            "product_id" => row.product = words(cursor)?,
            "side" => (row.side, sided) = (order_side_of(cursor.str()?)?, true),
            "status" => {
                row.status_text = words(cursor)?;
                row.status = order_status_of(&row.status_text).unwrap_or(OrderStatus::Unrecognised);
            }
            "order_configuration" => configuration(cursor, &mut row)?,
            "order_type" => row.order_type = words(cursor)?,
            "time_in_force" => row.time_in_force = words(cursor)?,
            "created_time" => row.created = moment(cursor)?,
            "last_fill_time" => row.last_fill = moment(cursor)?,
            "last_update_time" => row.updated = moment(cursor)?,
            "filled_size" => row.filled_size = decimal(cursor, "filled_size")?.unwrap_or(zero),
            "filled_value" => row.filled_value = decimal(cursor, "filled_value")?.unwrap_or(zero),
            "average_filled_price" => row.average_price = decimal(cursor, "average_filled_price")?,
            "total_fees" => row.total_fees = decimal(cursor, "total_fees")?.unwrap_or(zero),
            "total_value_after_fees" => {
                row.total_value_after_fees = decimal(cursor, "total_value_after_fees")?;
            }
            "number_of_fills" => row.fills = cursor.str_or_null()?.and_then(|n| n.parse().ok()).unwrap_or(0),
            "completion_percentage" => row.completion_percent = decimal(cursor, "completion_percentage")?,
            "outstanding_hold_amount" => row.hold = decimal(cursor, "outstanding_hold_amount")?,
            "pending_cancel" => row.pending_cancel = flag(cursor)?,
            "size_in_quote" => row.size_in_quote = flag(cursor)?,
            "settled" => row.settled = flag(cursor)?,
            "trigger_status" => row.trigger_status = words(cursor)?,
            "reject_reason" => {
                row.reject_reason = words(cursor)?;
                if super::reject::says_nothing(&row.reject_reason) {
                    row.reject_reason = "".into();
                }
            }
            "reject_message" => row.reject_message = words(cursor)?,
            "cancel_message" => row.cancel_message = words(cursor)?,
            "originating_order_id" => row.originating_order_id = words(cursor)?,
            "attached_order_id" => row.attached_order_id = words(cursor)?,
            "order_placement_source" => row.placement_source = words(cursor)?,
            _ => cursor.skip()?,
        }
    }
    match (row.order_id.is_empty(), sided) {
        (true, _) => Err(Fault::Missing { key: "order_id" }),
        (_, false) => Err(Fault::Missing { key: "side" }),
        _ => Ok(row),
    }
}

/// `{"limit_limit_gtc":{"base_size":"0.5","limit_price":"83000.5","post_only":true}}`, or null.
fn configuration(cursor: &mut Cursor<'_, '_>, row: &mut OrderDetail) -> Result<(), Fault> {
    if cursor.take_null() {
        return Ok(());
    }
    let mut members = cursor.object()?;
    while let Some(member) = members.next_key(cursor)? {
        // All members may be listed, all but one as null.
        if cursor.take_null() {
            continue;
        }
        row.configuration = member.into();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "base_size" => row.base_size = decimal(cursor, "base_size")?,
                "quote_size" => row.quote_size = decimal(cursor, "quote_size")?,
                "limit_price" => row.limit_price = decimal(cursor, "limit_price")?,
                "stop_price" => row.stop_price = decimal(cursor, "stop_price")?,
                "stop_trigger_price" => row.stop_price = decimal(cursor, "stop_trigger_price")?,
                "end_time" => row.end_time = moment(cursor)?,
                "post_only" => row.post_only = flag(cursor)?,
                _ => cursor.skip()?,
            }
        }
    }
    Ok(())
}

fn fill(cursor: &mut Cursor<'_, '_>) -> Result<FillDetail, Fault> {
    let (mut trade_id, mut entry_id, mut order_id): (Box<str>, Box<str>, Box<str>) = Default::default();
    let (mut product, mut kind): (Box<str>, Box<str>) = Default::default();
    let (mut side, mut price, mut size) = (None, None, None);
    let (mut size_in_quote, mut commission, mut liquidity) = (false, Fixed128::new(0, 0), Liquidity::Unknown);
    let (mut time, mut sequenced) = (UnixNanos::NONE, UnixNanos::NONE);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "trade_id" => trade_id = words(cursor)?,
            "entry_id" => entry_id = words(cursor)?,
            "order_id" => order_id = words(cursor)?,
            "product_id" => product = words(cursor)?,
            "trade_type" => kind = words(cursor)?,
            "side" => side = Some(order_side_of(cursor.str()?)?),
            "price" => price = Some(required(cursor, "price")?),
            "size" => size = Some(required(cursor, "size")?),
            "size_in_quote" => size_in_quote = flag(cursor)?,
            "commission" => commission = decimal(cursor, "commission")?.unwrap_or(Fixed128::new(0, 0)),
            "liquidity_indicator" => {
                liquidity = match cursor.str_or_null()? {
                    Some("MAKER") => Liquidity::Maker,
                    Some("TAKER") => Liquidity::Taker,
                    _ => Liquidity::Unknown,
                }
            }
            "trade_time" => time = moment(cursor)?,
            "sequence_timestamp" => sequenced = moment(cursor)?,
            _ => cursor.skip()?,
        }
    }
    for (key, text) in [("trade_id", &trade_id), ("order_id", &order_id)] {
        if text.is_empty() {
            return Err(Fault::Missing { key });
        }
    }
    Ok(FillDetail {
        trade_id,
        entry_id,
        order_id,
        product,
        side: side.ok_or(Fault::Missing { key: "side" })?,
        kind,
        price: price.ok_or(Fault::Missing { key: "price" })?,
        size: size.ok_or(Fault::Missing { key: "size" })?,
        size_in_quote,
        commission,
        liquidity,
        time,
        sequenced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;

    #[test]
    fn the_recorded_order_and_fill_are_read_in_full() {
        let Some(body) = test_captures::text("coinbase/ccxt/orders_batch_filled_20231126.json") else { return };
        let (orders, page) = order_details(body.as_bytes()).unwrap();
        let order = orders.first().unwrap();
        assert_eq!((order.product.as_ref(), order.side, order.status), ("ADA-USDT", Side::Sell, OrderStatus::Filled));
        assert_eq!((order.configuration.as_ref(), order.order_type.as_ref()), ("market_market_ioc", "MARKET"));
        assert_eq!((order.filled_size.to_string(), order.filled_value.to_string()), ("10".into(), "3.92".into()));
        assert_eq!((order.total_fees.to_string(), order.fills), ("0.03136".into(), 1));
        assert_eq!(order.average_price.map(|p| p.to_string()).as_deref(), Some("0.392"));
        assert!(order.settled && order.reject_reason.is_empty() && page.has_next);

        let body = test_captures::text("coinbase/ccxt/fills_spot_20231126.json").unwrap();
        let (fills, _) = fill_details(body.as_bytes()).unwrap();
        let fill = fills.first().unwrap();
        assert_eq!((fill.price.to_string(), fill.size.to_string()), ("0.392".into(), "10".into()));
        assert_eq!((fill.liquidity, fill.kind.as_ref()), (Liquidity::Taker, "FILL"));
    }

    #[test]
    fn an_order_of_today_with_what_may_be_null_or_new_is_read() {
        let body = r#"{"order":{"order_id":"o-1","side":"BUY","status":"SOMETHING_NEW","order_configuration":{"limit_limit_gtc":null,"scaled_limit_gtc":{"orders":[{"base_size":"1","limit_price":"2"}],"base_size":"3","num_orders":2}},"last_fill_time":null,"average_filled_price":"","reject_reason":"REJECT_REASON_UNSPECIFIED","workable_size":{"a":[1]},"edit_history":[]}}"#;
        let order = order_detail(&mut body.as_bytes().to_vec()).unwrap();
        assert_eq!((order.status, order.status_text.as_ref()), (OrderStatus::Unrecognised, "SOMETHING_NEW"));
        assert_eq!((order.configuration.as_ref(), order.base_size), ("scaled_limit_gtc", Some(Fixed128::new(3, 0))));
        assert_eq!((order.average_price, order.last_fill, order.limit_price), (None, UnixNanos::NONE, None));
        assert!(order_detail(&mut b"{}".to_vec()).is_err());
        let listed = format!(r#"{{"orders":[{}],"has_next":false,"cursor":""}}"#, &body[9..body.len() - 1]);
        assert_eq!(order_details(listed.as_bytes()).unwrap().0, [order], "an inner list of orders is no list");
    }
}
