//! The questions only cold callers ask: lists of any length, previews, market snapshots (Coinbase reference 3.3 to 3.8).
//!
//! Owns their methods, targets and bodies, and which need a token. Allocates; never on the hot thread. Never signs.

use super::query::{put_percent_encoded, Parameters};
use super::request::{self, TokenPath, Unsupported};
use crate::codec::http1::Method;
use crate::record::{Instrument, PreparedOrder, Side, UnixNanos, VenueOrderId};
use crate::venue::ReplaceIntent;

const PREFIX: &str = "/api/v3/brokerage";
/// Rows asked per page of accounts: the venue's greatest (Coinbase reference 3.6).
pub const ACCOUNTS_PER_PAGE: u32 = 250;
/// Rows asked per page of orders and fills, unless told otherwise.
pub const ROWS_PER_PAGE: u32 = 250;
/// Candles in one answer (Coinbase reference 3).
pub const CANDLES_MAX: u64 = 350;

/// One request, unsigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdRequest {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// JSON, or nothing.
    pub body: Vec<u8>,
    /// Whether it needs a token for method and path.
    pub signed: bool,
}

impl ColdRequest {
    /// What the token is for: the path without its query (Coinbase reference 2b).
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }
}

/// Which orders to list; everything is optional. The words of open lists (`statuses` and below) are the venue's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Only these.
    pub order_ids: Vec<VenueOrderId>,
    /// Only of these products.
    pub products: Vec<String>,
    /// Only in these states, such as `OPEN`; the venue refuses `OPEN` together with others.
    pub statuses: Vec<String>,
    /// Only with these lifetimes, such as `GOOD_UNTIL_CANCELLED`.
    pub time_in_forces: Vec<String>,
    /// Only of these kinds, such as `LIMIT`.
    pub order_types: Vec<String>,
    /// Only on this side.
    pub side: Option<Side>,
    /// Created at or after.
    pub since: UnixNanos,
    /// Created before.
    pub until: UnixNanos,
    /// `SPOT` or `FUTURE`.
    pub product_type: Option<String>,
    /// Where it was placed; the venue leaves out `RETAIL_SIMPLE` unless it is named.
    pub placement_source: Option<String>,
    /// `EXPIRING` or `PERPETUAL`.
    pub contract_expiry_type: Option<String>,
    /// Only with these assets.
    pub assets: Vec<String>,
    /// How to sort; the venue calls paging of anything but its own order unstable.
    pub sort_by: Option<String>,
    /// Total values reckoned without fees in between.
    pub simplified_total_value: Option<bool>,
    /// The currency of totals.
    pub native_currency: Option<String>,
    /// Rows per page; 0 for [`ROWS_PER_PAGE`].
    pub rows_per_page: u32,
}

/// Which fills to list; everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FillFilter {
    /// Only of these orders.
    pub order_ids: Vec<VenueOrderId>,
    /// Only these.
    pub trade_ids: Vec<String>,
    /// Only of these products.
    pub products: Vec<String>,
    /// Sequenced at or after.
    pub since: UnixNanos,
    /// Sequenced before.
    pub until: UnixNanos,
    /// `PRICE` or `TRADE_TIME`.
    pub sort_by: Option<String>,
    /// Rows per page; 0 for [`ROWS_PER_PAGE`].
    pub rows_per_page: u32,
}

/// The length of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// 1 minute.
    OneMinute,
    /// 5 minutes.
    FiveMinutes,
    /// 15 minutes.
    FifteenMinutes,
    /// 30 minutes.
    ThirtyMinutes,
    /// 1 hour.
    OneHour,
    /// 2 hours.
    TwoHours,
    /// 6 hours.
    SixHours,
    /// 1 day.
    OneDay,
}

impl Granularity {
    /// The venue's word.
    pub const fn name(self) -> &'static str {
        match self {
            Granularity::OneMinute => "ONE_MINUTE",
            Granularity::FiveMinutes => "FIVE_MINUTE",
            Granularity::FifteenMinutes => "FIFTEEN_MINUTE",
            Granularity::ThirtyMinutes => "THIRTY_MINUTE",
            Granularity::OneHour => "ONE_HOUR",
            Granularity::TwoHours => "TWO_HOUR",
            Granularity::SixHours => "SIX_HOUR",
            Granularity::OneDay => "ONE_DAY",
        }
    }

    /// Its length, seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Granularity::OneMinute => 60,
            Granularity::FiveMinutes => 300,
            Granularity::FifteenMinutes => 900,
            Granularity::ThirtyMinutes => 1_800,
            Granularity::OneHour => 3_600,
            Granularity::TwoHours => 7_200,
            Granularity::SixHours => 21_600,
            Granularity::OneDay => 86_400,
        }
    }
}

/// A GET being written.
fn get(signed: bool, path: &[&str], put: impl FnOnce(&mut Parameters<'_>)) -> ColdRequest {
    let mut out = PREFIX.as_bytes().to_vec();
    for part in path {
        out.push(b'/');
        put_percent_encoded(&mut out, part);
    }
    put(&mut Parameters { out: &mut out, first: true });
    // Percent-encoded: ASCII.
    let target = String::from_utf8(out).unwrap_or_default();
    ColdRequest { method: Method::Get, target, body: Vec::new(), signed }
}

/// A GET that has a public twin under `/market`: signed if there is a key, since the public one is cached.
fn market(signed: bool, path: &[&str], put: impl FnOnce(&mut Parameters<'_>)) -> ColdRequest {
    if signed {
        return get(true, path, put);
    }
    let public: Vec<&str> = std::iter::once("market").chain(path.iter().copied()).collect();
    get(false, &public, put)
}

fn each<T: AsRef<str>>(query: &mut Parameters<'_>, key: &str, values: &[T]) {
    for value in values {
        query.text(key, value.as_ref());
    }
}

const fn rows(asked: u32) -> u32 {
    if asked == 0 {
        ROWS_PER_PAGE
    } else {
        asked
    }
}

/// A page of orders (Coinbase reference 3.4).
pub fn orders(filter: &OrderFilter, cursor: &str) -> ColdRequest {
    get(true, &["orders", "historical", "batch"], |query| {
        query.ids(&filter.order_ids);
        each(query, "product_ids", &filter.products);
        query.some("product_type", filter.product_type.as_deref());
        each(query, "order_status", &filter.statuses);
        each(query, "time_in_forces", &filter.time_in_forces);
        each(query, "order_types", &filter.order_types);
        query.some("order_side", filter.side.map(side));
        query.time("start_date", filter.since);
        query.time("end_date", filter.until);
        query.some("order_placement_source", filter.placement_source.as_deref());
        query.some("contract_expiry_type", filter.contract_expiry_type.as_deref());
        each(query, "asset_filters", &filter.assets);
        query.page(rows(filter.rows_per_page), cursor);
        query.some("sort_by", filter.sort_by.as_deref());
        let simplified = filter.simplified_total_value.map(|on| if on { "true" } else { "false" });
        query.some("use_simplified_total_value_calculation", simplified);
        query.some("user_native_currency", filter.native_currency.as_deref());
    })
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// One order (Coinbase reference 3.4).
pub fn order(id: &VenueOrderId) -> ColdRequest {
    get(true, &["orders", "historical", id.as_str()], |_| ())
}

/// A page of fills (Coinbase reference 3.5).
pub fn fills(filter: &FillFilter, cursor: &str) -> ColdRequest {
    get(true, &["orders", "historical", "fills"], |query| {
        query.ids(&filter.order_ids);
        each(query, "trade_ids", &filter.trade_ids);
        each(query, "product_ids", &filter.products);
        query.time("start_sequence_timestamp", filter.since);
        query.time("end_sequence_timestamp", filter.until);
        query.page(rows(filter.rows_per_page), cursor);
        query.some("sort_by", filter.sort_by.as_deref());
    })
}

/// A page of accounts (Coinbase reference 3.6).
pub fn accounts(cursor: &str) -> ColdRequest {
    get(true, &["accounts"], |query| query.page(ACCOUNTS_PER_PAGE, cursor))
}

/// One account (Coinbase reference 3.6).
pub fn account(uuid: &str) -> ColdRequest {
    get(true, &["accounts", uuid], |_| ())
}

/// Fees and volume (Coinbase reference 3.8).
pub fn transaction_summary() -> ColdRequest {
    get(true, &["transaction_summary"], |_| ())
}

/// What the key may do (Coinbase reference 3.8).
pub fn key_permissions() -> ColdRequest {
    get(true, &["key_permissions"], |_| ())
}

/// The venue's clock (Coinbase reference 3.8).
pub fn time() -> ColdRequest {
    get(false, &["time"], |_| ())
}

/// Best bid and ask of some products, or of all (Coinbase reference 3.8). There is no public twin.
pub fn best_bid_ask(products: &[&str]) -> ColdRequest {
    get(true, &["best_bid_ask"], |query| each(query, "product_ids", products))
}

/// A book (Coinbase reference 3.8).
pub fn product_book(signed: bool, product: &str, limit: u32, aggregation: Option<&str>) -> ColdRequest {
    market(signed, &["product_book"], |query| {
        query.text("product_id", product);
        query.text("limit", itoa::Buffer::new().format(limit));
        query.some("aggregation_price_increment", aggregation);
    })
}

/// The latest trades of a product, or those between two moments (Coinbase reference 3.8).
pub fn trades(signed: bool, product: &str, limit: u32, since: UnixNanos, until: UnixNanos) -> ColdRequest {
    market(signed, &["products", product, "ticker"], |query| {
        query.text("limit", itoa::Buffer::new().format(limit));
        seconds(query, "start", since);
        seconds(query, "end", until);
    })
}

/// Candles that begin between two moments, at most [`CANDLES_MAX`] (Coinbase reference 3).
pub fn candles(signed: bool, product: &str, each: Granularity, since: UnixNanos, until: UnixNanos) -> ColdRequest {
    market(signed, &["products", product, "candles"], |query| {
        seconds(query, "start", since);
        seconds(query, "end", until);
        query.text("granularity", each.name());
    })
}

/// One product as the account sees it (Coinbase reference 3.7).
pub fn product(product: &str) -> ColdRequest {
    // Fills `view_only`.
    get(true, &["products", product], |query| query.text("get_tradability_status", "true"))
}

fn seconds(query: &mut Parameters<'_>, key: &str, at: UnixNanos) {
    if at.is_some() {
        query.text(key, itoa::Buffer::new().format(at.seconds()));
    }
}

/// What an order would cost.
///
/// # Errors
/// [`Unsupported`]: the venue has no form for it.
pub fn preview(now: UnixNanos, instrument: &Instrument, order: &PreparedOrder) -> Result<ColdRequest, Unsupported> {
    let mut body = Vec::new();
    request::put_preview(&mut body, now, instrument, order)?;
    Ok(post("/orders/preview", body))
}

/// What a change of an order would do (Coinbase reference 3.3).
pub fn edit_preview(intent: &ReplaceIntent<'_>) -> ColdRequest {
    let mut body = Vec::new();
    request::put_edit(&mut body, intent);
    post("/orders/edit_preview", body)
}

/// Cancels up to [`super::limits::CANCELS_PER_REQUEST_MAX`] orders (Coinbase reference 3.2): idempotent, so it may be
/// repeated.
pub fn batch_cancel(ids: &[VenueOrderId]) -> ColdRequest {
    let mut body = Vec::new();
    request::put_cancel(&mut body, ids);
    ColdRequest { method: Method::Post, target: TokenPath::BatchCancel.path().to_owned(), body, signed: true }
}

fn post(path: &str, body: Vec<u8>) -> ColdRequest {
    ColdRequest { method: Method::Post, target: format!("{PREFIX}{path}"), body, signed: true }
}

#[cfg(test)]
mod tests {
    use super::super::testing::instrument;
    use super::*;
    use crate::record::{ClientOrderId, OrderQuantity, OrderShape, OrderTerms};

    const AT: UnixNanos = UnixNanos(1_790_735_849_298_765_000);

    #[test]
    fn every_filter_has_its_parameter() {
        let filter = OrderFilter {
            order_ids: vec!["o-1".parse().unwrap(), "o-2".parse().unwrap()],
            products: vec!["BTC-USD".into(), "ETH-USD".into()],
            statuses: vec!["OPEN".into()],
            time_in_forces: vec!["FILL_OR_KILL".into()],
            order_types: vec!["LIMIT".into()],
            side: Some(Side::Sell),
            since: AT,
            until: AT.plus_ms(1_000),
            product_type: Some("SPOT".into()),
            placement_source: Some("RETAIL_ADVANCED".into()),
            contract_expiry_type: Some("PERPETUAL".into()),
            assets: vec!["BTC".into()],
            sort_by: Some("LIMIT_PRICE".into()),
            simplified_total_value: Some(true),
            native_currency: Some("USD".into()),
            rows_per_page: 7,
        };
        assert_eq!(
            orders(&filter, "a b").target,
            "/api/v3/brokerage/orders/historical/batch?order_ids=o-1&order_ids=o-2&product_ids=BTC-USD&product_ids=ETH-USD&product_type=SPOT&order_status=OPEN&time_in_forces=FILL_OR_KILL&order_types=LIMIT&order_side=SELL&start_date=2026-09-30T02:37:29.298765Z&end_date=2026-09-30T02:37:30.298765Z&order_placement_source=RETAIL_ADVANCED&contract_expiry_type=PERPETUAL&asset_filters=BTC&limit=7&cursor=a%20b&sort_by=LIMIT_PRICE&use_simplified_total_value_calculation=true&user_native_currency=USD"
        );
        let filter = FillFilter {
            order_ids: vec!["o-1".parse().unwrap()],
            trade_ids: vec!["t-1".into()],
            products: vec!["BTC-USD".into()],
            since: AT,
            until: AT,
            sort_by: Some("PRICE".into()),
            rows_per_page: 0,
        };
        assert_eq!(
            fills(&filter, "").target,
            "/api/v3/brokerage/orders/historical/fills?order_ids=o-1&trade_ids=t-1&product_ids=BTC-USD&start_sequence_timestamp=2026-09-30T02:37:29.298765Z&end_sequence_timestamp=2026-09-30T02:37:29.298765Z&limit=250&sort_by=PRICE"
        );
        assert_eq!(orders(&OrderFilter::default(), "").target, "/api/v3/brokerage/orders/historical/batch?limit=250");
    }

    #[test]
    fn market_questions_go_to_the_public_twin_without_a_key() {
        let none = UnixNanos::NONE;
        for (signed, prefix) in [(true, "/api/v3/brokerage"), (false, "/api/v3/brokerage/market")] {
            for (request, rest) in [
                (
                    product_book(signed, "BTC-USD", 5, Some("10")),
                    "/product_book?product_id=BTC-USD&limit=5&aggregation_price_increment=10",
                ),
                (trades(signed, "BTC-USD", 3, none, none), "/products/BTC-USD/ticker?limit=3"),
                (
                    trades(signed, "BTC-USD", 3, AT, AT),
                    "/products/BTC-USD/ticker?limit=3&start=1790735849&end=1790735849",
                ),
                (
                    candles(signed, "BTC-USD", Granularity::OneHour, AT, AT),
                    "/products/BTC-USD/candles?start=1790735849&end=1790735849&granularity=ONE_HOUR",
                ),
            ] {
                assert_eq!((request.target, request.signed), (format!("{prefix}{rest}"), signed));
            }
        }
    }

    #[test]
    fn a_token_is_for_the_path_without_the_query_and_names_cannot_leave_their_place() {
        assert_eq!(
            best_bid_ask(&["BTC-USD", "A&B"]).target,
            "/api/v3/brokerage/best_bid_ask?product_ids=BTC-USD&product_ids=A%26B"
        );
        assert_eq!(best_bid_ask(&["BTC-USD"]).path(), "/api/v3/brokerage/best_bid_ask");
        assert_eq!(account("../orders").target, "/api/v3/brokerage/accounts/..%2Forders");
        assert_eq!(order(&"o/1".parse().unwrap()).target, "/api/v3/brokerage/orders/historical/o%2F1");
        assert!(!time().signed && key_permissions().signed && transaction_summary().signed);
    }

    #[test]
    fn previews_are_the_order_without_an_id() {
        let instrument = instrument(0, "BTC-USD");
        let shape = OrderShape::Limit { price: 6_000_000_000_000, post_only: true, shown: None };
        let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(100_000), shape);
        let order = PreparedOrder::new(&instrument, terms).unwrap();
        let request = preview(AT, &instrument, &order).unwrap();
        assert_eq!((request.method, request.target.as_str()), (Method::Post, "/api/v3/brokerage/orders/preview"));
        assert_eq!(
            String::from_utf8(request.body).unwrap(),
            r#"{"product_id":"BTC-USD","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"0.001","limit_price":"60000","post_only":true}}}"#
        );
        let id = "o-1".parse().unwrap();
        let intent = ReplaceIntent {
            instrument: &instrument,
            venue_order_id: &id,
            client_order_id: &ClientOrderId::EMPTY,
            side: Side::Buy,
            price: 6_000_100_000_000,
            quantity: 200_000,
        };
        let request = edit_preview(&intent);
        assert_eq!(request.target, "/api/v3/brokerage/orders/edit_preview");
        assert_eq!(request.body, br#"{"order_id":"o-1","price":"60001","size":"0.002"}"#);
    }
}
