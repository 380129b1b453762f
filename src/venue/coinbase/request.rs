//! What we say to the venue's REST API, byte for byte.
//!
//! Owns paths, bodies and queries (Coinbase reference 3). Guarantees canonical decimals straight from mantissas, escaped
//! strings, and that an intent the venue has no form for is refused here. Never signs: a token per [`TokenPath`] comes
//! from outside. Writing a body or a query allocates nothing once its buffer has grown.

use super::composite;
use crate::codec::http1::Method;
use crate::codec::text::put_percent_encoded;
pub use crate::codec::text::{put_decimal, put_json_string};
use crate::codec::timestamp::format_rfc3339_us;
use crate::record::{OrderType, Side, TimeInForce, UnixNanos, VenueOrderId};
use crate::venue::PlaceIntent;

/// Paths that take a token, and are fixed: a token holds for method and path whatever the query (Coinbase reference
/// 2b), so tokens can be minted ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenPath {
    /// Create an order.
    Place,
    /// Cancel orders.
    BatchCancel,
    /// List orders.
    ListOrders,
    /// List fills.
    ListFills,
    /// Accounts and balances.
    Accounts,
    /// Products, with the account's view of them.
    Products,
    /// What the key may do.
    KeyPermissions,
    /// Fee tier.
    TransactionSummary,
}

impl TokenPath {
    /// Every fixed path.
    pub const ALL: [TokenPath; 8] = [
        TokenPath::Place,
        TokenPath::BatchCancel,
        TokenPath::ListOrders,
        TokenPath::ListFills,
        TokenPath::Accounts,
        TokenPath::Products,
        TokenPath::KeyPermissions,
        TokenPath::TransactionSummary,
    ];

    /// The method.
    pub const fn method(self) -> Method {
        match self {
            TokenPath::Place | TokenPath::BatchCancel => Method::Post,
            _ => Method::Get,
        }
    }

    /// The path, without a query.
    pub const fn path(self) -> &'static str {
        match self {
            TokenPath::Place => "/api/v3/brokerage/orders",
            TokenPath::BatchCancel => "/api/v3/brokerage/orders/batch_cancel",
            TokenPath::ListOrders => "/api/v3/brokerage/orders/historical/batch",
            TokenPath::ListFills => "/api/v3/brokerage/orders/historical/fills",
            TokenPath::Accounts => "/api/v3/brokerage/accounts",
            TokenPath::Products => "/api/v3/brokerage/products",
            TokenPath::KeyPermissions => "/api/v3/brokerage/key_permissions",
            TokenPath::TransactionSummary => "/api/v3/brokerage/transaction_summary",
        }
    }

    /// The token's `uri` claim: method, host, path; no scheme, no query (Coinbase reference 2b).
    pub fn uri(self, host: &str) -> String {
        format!("{} {}{}", self.method().as_str(), host, self.path())
    }
}

/// Server time; no token. Also what keeps an idle connection warm.
pub const TIME_PATH: &str = "/api/v3/brokerage/time";
/// The public list of products; no token.
pub const PUBLIC_PRODUCTS_PATH: &str = "/api/v3/brokerage/market/products";

/// A question.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Query<'a> {
    /// Orders by their ids.
    OrdersById {
        /// The venue's ids.
        ids: &'a [VenueOrderId],
    },
    /// Open orders, not the pending ones (Coinbase reference 3.4).
    OpenOrders {
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// All orders of a product since a time, whatever their state.
    OrdersSince {
        /// The venue's name; all if `None`.
        product: Option<&'a str>,
        /// Created at or after; not restricted if none.
        since: UnixNanos,
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// Fills, of these orders if any are named.
    Fills {
        /// The venue's ids; empty for all.
        ids: &'a [VenueOrderId],
        /// The venue's name; all if `None`.
        product: Option<&'a str>,
        /// Sequenced at or after; not restricted if none.
        since: UnixNanos,
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// Accounts with their balances.
    Accounts {
        /// Rows per page, at most 250.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// All spot products, public.
    PublicProducts,
    /// One product, public.
    PublicProduct {
        /// The venue's name.
        id: &'a str,
    },
    /// All spot products as the account sees them.
    Products,
    /// Server time, public.
    Time,
    /// What the key may do.
    KeyPermissions,
    /// Fee tier.
    TransactionSummary,
}

impl Query<'_> {
    /// The token it needs; `None` if it is public.
    pub const fn token_path(&self) -> Option<TokenPath> {
        match self {
            Query::OrdersById { .. } | Query::OpenOrders { .. } | Query::OrdersSince { .. } => {
                Some(TokenPath::ListOrders)
            }
            Query::Fills { .. } => Some(TokenPath::ListFills),
            Query::Accounts { .. } => Some(TokenPath::Accounts),
            Query::Products => Some(TokenPath::Products),
            Query::KeyPermissions => Some(TokenPath::KeyPermissions),
            Query::TransactionSummary => Some(TokenPath::TransactionSummary),
            Query::PublicProducts | Query::PublicProduct { .. } | Query::Time => None,
        }
    }

    /// Appends path and query.
    pub fn put_target(&self, out: &mut Vec<u8>) {
        if let Some(path) = self.token_path() {
            out.extend_from_slice(path.path().as_bytes());
        }
        let mut query = Parameters { out, first: true };
        match *self {
            Query::OrdersById { ids } => query.ids(ids),
            Query::OpenOrders { limit, cursor } => {
                query.text("order_status", "OPEN");
                query.page(limit, cursor);
            }
            Query::OrdersSince { product, since, limit, cursor } => {
                query.some("product_ids", product);
                query.time("start_date", since);
                query.page(limit, cursor);
            }
            Query::Fills { ids, product, since, limit, cursor } => {
                query.ids(ids);
                query.some("product_ids", product);
                query.time("start_sequence_timestamp", since);
                query.page(limit, cursor);
            }
            Query::Accounts { limit, cursor } => query.page(limit, cursor),
            Query::Products => {
                query.text("product_type", "SPOT");
                // Fills `view_only` (Coinbase reference 3.7).
                query.text("get_tradability_status", "true");
            }
            Query::PublicProducts => {
                query.out.extend_from_slice(PUBLIC_PRODUCTS_PATH.as_bytes());
                query.text("product_type", "SPOT");
            }
            Query::PublicProduct { id } => {
                query.out.extend_from_slice(PUBLIC_PRODUCTS_PATH.as_bytes());
                query.out.push(b'/');
                put_percent_encoded(query.out, id);
            }
            Query::Time => query.out.extend_from_slice(TIME_PATH.as_bytes()),
            Query::KeyPermissions | Query::TransactionSummary => {}
        }
    }
}

/// Why an intent has no form here; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Market orders are immediate-or-cancel on spot (Coinbase reference 3.1).
    #[error("Coinbase spot market orders are immediate-or-cancel only")]
    MarketTimeInForce,
    /// Post-only makes sense only for an order that may rest.
    #[error("post-only is for good-til-cancelled limit orders only")]
    PostOnly,
    /// Only a market buy is sized in quote currency.
    #[error("only market buys can be sized in quote currency on Coinbase")]
    QuoteQuantity,
    /// Quantities and limit prices are positive.
    #[error("quantity and limit price must be positive")]
    NotPositive,
    /// A composite order without its terms.
    #[error("a composite order needs the terms it was prepared with")]
    NoTerms,
    /// Terms of a composite order for which the venue has no configuration.
    #[error("Coinbase has no {0}")]
    Configuration(&'static str),
}

/// Appends the body that creates an order (Coinbase reference 3.1).
///
/// # Errors
/// [`Unsupported`]; nothing was appended.
pub fn put_place(out: &mut Vec<u8>, now: UnixNanos, intent: &PlaceIntent<'_>) -> Result<(), Unsupported> {
    if let Some(order) = intent.composite {
        composite::check(order)?;
        put_head(out, intent);
        composite::put(out, now, intent.instrument, order);
        out.push(b'}');
        return Ok(());
    }
    let configuration = configuration(intent)?;
    put_head(out, intent);
    out.extend_from_slice(b"\"order_configuration\":{\"");
    out.extend_from_slice(configuration.as_bytes());
    let (size, exponent): (&[u8], i8) = if intent.quantity_in_quote {
        (b"\":{\"quote_size\":\"", intent.instrument.quote_exponent)
    } else {
        (b"\":{\"base_size\":\"", intent.instrument.size_exponent)
    };
    out.extend_from_slice(size);
    put_decimal(out, intent.quantity, exponent);
    out.push(b'"');
    if intent.order_type == OrderType::Limit {
        out.extend_from_slice(b",\"limit_price\":\"");
        put_decimal(out, intent.price, intent.instrument.price_exponent);
        out.push(b'"');
        if intent.time_in_force == TimeInForce::GoodTilCancelled {
            out.extend_from_slice(if intent.post_only { b",\"post_only\":true" } else { b",\"post_only\":false" });
        }
    }
    out.extend_from_slice(b"}}}");
    Ok(())
}

/// Whose order of what on which side: the members every order has.
fn put_head(out: &mut Vec<u8>, intent: &PlaceIntent<'_>) {
    out.extend_from_slice(b"{\"client_order_id\":");
    put_json_string(out, intent.client_order_id.as_str());
    out.extend_from_slice(b",\"product_id\":");
    put_json_string(out, intent.instrument.symbol());
    out.extend_from_slice(match intent.side {
        Side::Buy => b",\"side\":\"BUY\",",
        Side::Sell => b",\"side\":\"SELL\",",
    });
}

/// The member of `order_configuration`, if there is one for the intent.
fn configuration(intent: &PlaceIntent<'_>) -> Result<&'static str, Unsupported> {
    let limit = intent.order_type == OrderType::Limit;
    if intent.quantity <= 0 || (limit && intent.price <= 0) {
        return Err(Unsupported::NotPositive);
    }
    if intent.quantity_in_quote && (limit || intent.side == Side::Sell) {
        return Err(Unsupported::QuoteQuantity);
    }
    if intent.post_only && !(limit && intent.time_in_force == TimeInForce::GoodTilCancelled) {
        return Err(Unsupported::PostOnly);
    }
    match (intent.order_type, intent.time_in_force) {
        (OrderType::Limit, TimeInForce::GoodTilCancelled) => Ok("limit_limit_gtc"),
        // There is no limit_limit_ioc (Coinbase reference 3.1).
        (OrderType::Limit, TimeInForce::ImmediateOrCancel) => Ok("sor_limit_ioc"),
        (OrderType::Limit, TimeInForce::FillOrKill) => Ok("limit_limit_fok"),
        (OrderType::Market, TimeInForce::ImmediateOrCancel) => Ok("market_market_ioc"),
        (OrderType::Market, _) => Err(Unsupported::MarketTimeInForce),
        // Its terms came with it, or it is none.
        (OrderType::Composite, _) => Err(Unsupported::NoTerms),
    }
}

/// Appends the body that cancels orders (Coinbase reference 3.2).
pub fn put_cancel(out: &mut Vec<u8>, ids: &[VenueOrderId]) {
    out.extend_from_slice(b"{\"order_ids\":[");
    for (place, id) in ids.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        put_json_string(out, id.as_str());
    }
    out.extend_from_slice(b"]}");
}

/// The query being written.
struct Parameters<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Parameters<'_> {
    fn text(&mut self, key: &str, value: &str) {
        self.out.push(if std::mem::replace(&mut self.first, false) { b'?' } else { b'&' });
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        put_percent_encoded(self.out, value);
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A key is repeated for each element (Coinbase reference 3.4).
    fn ids(&mut self, ids: &[VenueOrderId]) {
        for id in ids {
            self.text("order_ids", id.as_str());
        }
    }

    fn time(&mut self, key: &str, time: UnixNanos) {
        if time.is_some() {
            self.text(key, "");
            format_rfc3339_us(time.0, self.out);
        }
    }

    fn page(&mut self, limit: u32, cursor: &str) {
        self.text("limit", itoa::Buffer::new().format(limit));
        if !cursor.is_empty() {
            self.text("cursor", cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::instrument;
    use super::*;
    use crate::record::ClientOrderId;

    fn place(change: impl FnOnce(&mut PlaceIntent<'_>)) -> Result<String, Unsupported> {
        let instrument = instrument(0, "BTC-USD");
        let id = ClientOrderId::new("c-1").unwrap();
        let mut intent = PlaceIntent {
            instrument: &instrument,
            client_order_id: &id,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: true,
            price: 6_000_010_000_000,
            quantity: 100_000,
            quantity_in_quote: false,
            composite: None,
        };
        change(&mut intent);
        let mut out = Vec::new();
        let done = put_place(&mut out, UnixNanos::NONE, &intent);
        assert!(done.is_ok() || out.is_empty());
        done.map(|()| String::from_utf8(out).unwrap())
    }

    /// Coinbase reference 3.1.
    #[test]
    fn every_order_kind_has_its_body() {
        assert_eq!(
            place(|_| {}).unwrap(),
            r#"{"client_order_id":"c-1","product_id":"BTC-USD","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"0.001","limit_price":"60000.1","post_only":true}}}"#
        );
        let ioc =
            place(|i| (i.time_in_force, i.post_only, i.side) = (TimeInForce::ImmediateOrCancel, false, Side::Sell));
        assert_eq!(
            ioc.unwrap(),
            r#"{"client_order_id":"c-1","product_id":"BTC-USD","side":"SELL","order_configuration":{"sor_limit_ioc":{"base_size":"0.001","limit_price":"60000.1"}}}"#
        );
        let fok = place(|i| (i.time_in_force, i.post_only) = (TimeInForce::FillOrKill, false)).unwrap();
        assert!(fok.contains(r#"{"limit_limit_fok":{"base_size":"0.001","limit_price":"60000.1"}}"#), "{fok}");
        let market = |i: &mut PlaceIntent<'_>| {
            (i.order_type, i.time_in_force, i.post_only) = (OrderType::Market, TimeInForce::ImmediateOrCancel, false);
        };
        assert!(place(market).unwrap().contains(r#"{"market_market_ioc":{"base_size":"0.001"}}"#));
        let quote = place(|i| {
            market(i);
            (i.quantity_in_quote, i.quantity) = (true, 1_050_000_000);
        });
        assert!(quote.unwrap().contains(r#"{"market_market_ioc":{"quote_size":"10.5"}}"#));
    }

    #[test]
    fn what_the_venue_has_no_form_for_is_refused() {
        let market = |i: &mut PlaceIntent<'_>| (i.order_type, i.post_only) = (OrderType::Market, false);
        assert_eq!(place(market), Err(Unsupported::MarketTimeInForce));
        assert_eq!(place(|i| i.time_in_force = TimeInForce::FillOrKill), Err(Unsupported::PostOnly));
        assert_eq!(place(|i| i.quantity_in_quote = true), Err(Unsupported::QuoteQuantity));
        assert_eq!(place(|i| i.quantity = 0), Err(Unsupported::NotPositive));
        assert_eq!(place(|i| i.price = -1), Err(Unsupported::NotPositive));
    }

    #[test]
    fn a_cancel_names_its_orders() {
        let mut out = Vec::new();
        put_cancel(&mut out, &[VenueOrderId::new("o-1").unwrap(), VenueOrderId::new("o-\"2").unwrap()]);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"order_ids":["o-1","o-\"2"]}"#);
    }

    #[test]
    fn queries_have_their_targets() {
        let target = |query: Query<'_>| {
            let mut out = Vec::new();
            query.put_target(&mut out);
            String::from_utf8(out).unwrap()
        };
        let ids = [VenueOrderId::new("a").unwrap(), VenueOrderId::new("b").unwrap()];
        assert_eq!(
            target(Query::OrdersById { ids: &ids }),
            "/api/v3/brokerage/orders/historical/batch?order_ids=a&order_ids=b"
        );
        assert_eq!(
            target(Query::OpenOrders { limit: 100, cursor: "a+/=" }),
            "/api/v3/brokerage/orders/historical/batch?order_status=OPEN&limit=100&cursor=a%2B%2F%3D"
        );
        let since = UnixNanos(1_790_735_849_298_765_000);
        assert_eq!(
            target(Query::Fills { ids: &[], product: Some("BTC-USD"), since, limit: 50, cursor: "" }),
            "/api/v3/brokerage/orders/historical/fills?product_ids=BTC-USD&start_sequence_timestamp=2026-09-30T02:37:29.298765Z&limit=50"
        );
        assert_eq!(
            target(Query::OrdersSince { product: None, since: UnixNanos::NONE, limit: 1, cursor: "" }),
            "/api/v3/brokerage/orders/historical/batch?limit=1"
        );
        assert_eq!(target(Query::Time), "/api/v3/brokerage/time");
        assert_eq!(target(Query::PublicProduct { id: "BTC-USD" }), "/api/v3/brokerage/market/products/BTC-USD");
        assert_eq!(target(Query::PublicProducts), "/api/v3/brokerage/market/products?product_type=SPOT");
        assert_eq!(target(Query::KeyPermissions), "/api/v3/brokerage/key_permissions");
    }

    #[test]
    fn a_token_holds_for_method_host_and_path_without_query() {
        assert_eq!(TokenPath::Place.uri("api.coinbase.com"), "POST api.coinbase.com/api/v3/brokerage/orders");
        for path in TokenPath::ALL {
            assert!(!path.path().contains('?') && path.path().starts_with("/api/v3/brokerage/"));
        }
    }
}
