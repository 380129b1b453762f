//! What we say to the venue's REST API, byte for byte.
//!
//! Owns paths, bodies and queries (Coinbase reference 3). Guarantees canonical decimals straight from mantissas, escaped
//! strings, and that an intent the venue has no form for is refused here. Never signs: a token per [`TokenPath`] comes
//! from outside. Writing a body or a query allocates nothing once its buffer has grown.

use super::composite;
use crate::codec::http1::Method;
pub use crate::codec::text::{put_decimal, put_json_string};
use crate::record::{Instrument, OrderType, PreparedOrder, Side, TimeInForce, UnixNanos, VenueOrderId};
use crate::venue::{PlaceIntent, ReplaceIntent};

/// Paths that take a token, and are fixed: a token holds for method and path whatever the query (Coinbase reference
/// 2b), so tokens can be minted ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenPath {
    /// Create an order.
    Place,
    /// Cancel orders.
    BatchCancel,
    /// Change an order.
    Edit,
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
    pub const ALL: [TokenPath; 9] = [
        TokenPath::Place,
        TokenPath::BatchCancel,
        TokenPath::Edit,
        TokenPath::ListOrders,
        TokenPath::ListFills,
        TokenPath::Accounts,
        TokenPath::Products,
        TokenPath::KeyPermissions,
        TokenPath::TransactionSummary,
    ];

    /// Those the engine asks: tokens for them are made ahead. The others are asked by cold queries, which sign for themselves.
    pub const OF_ENGINE: [TokenPath; 6] = [
        TokenPath::Place,
        TokenPath::BatchCancel,
        TokenPath::Edit,
        TokenPath::ListOrders,
        TokenPath::ListFills,
        TokenPath::Accounts,
    ];

    /// The method.
    pub const fn method(self) -> Method {
        match self {
            TokenPath::Place | TokenPath::BatchCancel | TokenPath::Edit => Method::Post,
            _ => Method::Get,
        }
    }

    /// The path, without a query.
    pub const fn path(self) -> &'static str {
        match self {
            TokenPath::Place => "/api/v3/brokerage/orders",
            TokenPath::BatchCancel => "/api/v3/brokerage/orders/batch_cancel",
            TokenPath::Edit => "/api/v3/brokerage/orders/edit",
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

pub use super::query::Query;

/// Server time; no token. Also what keeps an idle connection warm.
pub const TIME_PATH: &str = "/api/v3/brokerage/time";
/// The public list of products; no token.
pub const PUBLIC_PRODUCTS_PATH: &str = "/api/v3/brokerage/market/products";

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

/// Appends the body that asks what an order would cost: the order without an id (Coinbase reference 3, preview).
///
/// # Errors
/// [`Unsupported`]; nothing was appended.
pub fn put_preview(
    out: &mut Vec<u8>,
    now: UnixNanos,
    instrument: &Instrument,
    order: &PreparedOrder,
) -> Result<(), Unsupported> {
    composite::check(order)?;
    out.push(b'{');
    put_what(out, instrument, order.terms().side);
    composite::put(out, now, instrument, order);
    out.push(b'}');
    Ok(())
}

/// Whose order of what on which side: the members every order has.
fn put_head(out: &mut Vec<u8>, intent: &PlaceIntent<'_>) {
    out.extend_from_slice(b"{\"client_order_id\":");
    put_json_string(out, intent.client_order_id.as_str());
    out.push(b',');
    put_what(out, intent.instrument, intent.side);
}

fn put_what(out: &mut Vec<u8>, instrument: &Instrument, side: Side) {
    out.extend_from_slice(b"\"product_id\":");
    put_json_string(out, instrument.symbol());
    out.extend_from_slice(match side {
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

/// Appends the body that changes an order, or asks what a change would do (Coinbase reference 3.3). Price and size are
/// both said: an omitted size is read as 0.
pub fn put_edit(out: &mut Vec<u8>, intent: &ReplaceIntent<'_>) {
    out.extend_from_slice(b"{\"order_id\":");
    put_json_string(out, intent.venue_order_id.as_str());
    out.extend_from_slice(b",\"price\":\"");
    put_decimal(out, intent.price, intent.instrument.price_exponent);
    out.extend_from_slice(b"\",\"size\":\"");
    put_decimal(out, intent.quantity, intent.instrument.size_exponent);
    out.extend_from_slice(b"\"}");
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
    fn an_edit_says_price_and_size() {
        let (instrument, id) = (instrument(0, "BTC-USD"), VenueOrderId::new("o-1").unwrap());
        let intent = ReplaceIntent {
            instrument: &instrument,
            venue_order_id: &id,
            client_order_id: &ClientOrderId::EMPTY,
            side: Side::Buy,
            price: 6_000_100_000_000,
            quantity: 200_000,
        };
        let mut out = Vec::new();
        put_edit(&mut out, &intent);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"order_id":"o-1","price":"60001","size":"0.002"}"#);
    }

    #[test]
    fn a_cancel_names_its_orders() {
        let mut out = Vec::new();
        put_cancel(&mut out, &[VenueOrderId::new("o-1").unwrap(), VenueOrderId::new("o-\"2").unwrap()]);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"order_ids":["o-1","o-\"2"]}"#);
    }

    #[test]
    fn a_token_holds_for_method_host_and_path_without_query() {
        assert_eq!(TokenPath::Place.uri("api.coinbase.com"), "POST api.coinbase.com/api/v3/brokerage/orders");
        for path in TokenPath::ALL {
            assert!(!path.path().contains('?') && path.path().starts_with("/api/v3/brokerage/"));
        }
    }
}
