//! What may be asked, by which names, with which key, at which weight (Binance.US reference 3 and 8).
//!
//! REST and the WebSocket API are two spellings of one table. Where a post-upgrade weight was not announced, the
//! Binance.com value stands: never lower than the truth.

use super::params::Params;
use super::reject::Failure;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Ping,
    Time,
    ExchangeInfo,
    Depth,
    Trades,
    HistoricalTrades,
    AggTrades,
    Klines,
    AveragePrice,
    Ticker24h,
    TickerRolling,
    TickerPrice,
    TickerBook,
    PlaceOrder,
    TestOrder,
    QueryOrder,
    CancelOrder,
    OpenOrders,
    CancelAll,
    CancelReplace,
    PlaceOco,
    QueryList,
    CancelList,
    AllLists,
    OpenLists,
    AllOrders,
    Account,
    MyTrades,
    OrderCounts,
    PreventedMatches,
    MyFilters,
    StartListenKey,
    KeepListenKey,
    CloseListenKey,
    Subscribe,
    Unsubscribe,
}

/// What a call has to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// Nothing.
    None,
    /// The API key.
    Key,
    /// The API key and a signature.
    Signed,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub(crate) op: Op,
    /// Method and path below `/api/v3/`.
    pub(crate) rest: Option<(&'static str, &'static str)>,
    /// Method of the WebSocket API.
    pub(crate) ws: Option<&'static str>,
    pub(crate) security: Security,
}

const fn line(
    op: Op,
    rest: Option<(&'static str, &'static str)>,
    ws: Option<&'static str>,
    security: Security,
) -> Endpoint {
    Endpoint { op, rest, ws, security }
}

use Security::{Key, None as Open, Signed};

const TABLE: [Endpoint; 36] = [
    line(Op::Ping, Some(("GET", "ping")), Some("ping"), Open),
    line(Op::Time, Some(("GET", "time")), Some("time"), Open),
    line(Op::ExchangeInfo, Some(("GET", "exchangeInfo")), Some("exchangeInfo"), Open),
    line(Op::Depth, Some(("GET", "depth")), Some("depth"), Open),
    line(Op::Trades, Some(("GET", "trades")), Some("trades.recent"), Open),
    line(Op::HistoricalTrades, Some(("GET", "historicalTrades")), Some("trades.historical"), Key),
    line(Op::AggTrades, Some(("GET", "aggTrades")), Some("trades.aggregate"), Open),
    line(Op::Klines, Some(("GET", "klines")), Some("klines"), Open),
    line(Op::AveragePrice, Some(("GET", "avgPrice")), Some("avgPrice"), Open),
    line(Op::Ticker24h, Some(("GET", "ticker/24hr")), Some("ticker.24hr"), Open),
    line(Op::TickerRolling, Some(("GET", "ticker")), Some("ticker"), Open),
    line(Op::TickerPrice, Some(("GET", "ticker/price")), Some("ticker.price"), Open),
    line(Op::TickerBook, Some(("GET", "ticker/bookTicker")), Some("ticker.book"), Open),
    line(Op::PlaceOrder, Some(("POST", "order")), Some("order.place"), Signed),
    line(Op::TestOrder, Some(("POST", "order/test")), Some("order.test"), Signed),
    line(Op::QueryOrder, Some(("GET", "order")), Some("order.status"), Signed),
    line(Op::CancelOrder, Some(("DELETE", "order")), Some("order.cancel"), Signed),
    line(Op::OpenOrders, Some(("GET", "openOrders")), Some("openOrders.status"), Signed),
    line(Op::CancelAll, Some(("DELETE", "openOrders")), Some("openOrders.cancelAll"), Signed),
    line(Op::CancelReplace, Some(("POST", "order/cancelReplace")), Some("order.cancelReplace"), Signed),
    line(Op::PlaceOco, Some(("POST", "order/oco")), Some("orderList.place"), Signed),
    line(Op::QueryList, Some(("GET", "orderList")), Some("orderList.status"), Signed),
    line(Op::CancelList, Some(("DELETE", "orderList")), Some("orderList.cancel"), Signed),
    line(Op::AllLists, Some(("GET", "allOrderList")), Some("allOrderLists"), Signed),
    line(Op::OpenLists, Some(("GET", "openOrderList")), Some("openOrderLists.status"), Signed),
    line(Op::AllOrders, Some(("GET", "allOrders")), Some("allOrders"), Signed),
    line(Op::Account, Some(("GET", "account")), Some("account.status"), Signed),
    line(Op::MyTrades, Some(("GET", "myTrades")), Some("myTrades"), Signed),
    line(Op::OrderCounts, Some(("GET", "rateLimit/order")), Some("account.rateLimits.orders"), Signed),
    line(Op::PreventedMatches, Some(("GET", "myPreventedMatches")), Some("myPreventedMatches"), Signed),
    line(Op::MyFilters, Some(("GET", "myFilters")), None, Signed),
    line(Op::StartListenKey, Some(("POST", "userDataStream")), Some("userDataStream.start"), Key),
    line(Op::KeepListenKey, Some(("PUT", "userDataStream")), Some("userDataStream.ping"), Key),
    line(Op::CloseListenKey, Some(("DELETE", "userDataStream")), Some("userDataStream.stop"), Key),
    line(Op::Subscribe, None, Some("userDataStream.subscribe.signature"), Signed),
    line(Op::Unsubscribe, None, Some("userDataStream.unsubscribe"), Open),
];

/// The line of a REST request; `Err(true)` if the path exists with another method.
pub(crate) fn by_path(method: &str, path: &str) -> Result<&'static Endpoint, bool> {
    let at_path = |e: &&Endpoint| e.rest.is_some_and(|(_, p)| p == path);
    let found = TABLE.iter().filter(at_path).find(|e| e.rest.is_some_and(|(m, _)| m == method));
    found.ok_or_else(|| TABLE.iter().any(|e| at_path(&e)))
}

/// The line of a WebSocket method; a `v3/` before it is allowed.
pub(crate) fn by_method(method: &str) -> Option<&'static Endpoint> {
    let method = method.strip_prefix("v3/").unwrap_or(method);
    TABLE.iter().find(|e| e.ws == Some(method))
}

impl Op {
    /// Orders it adds to the account's count: an OCO two, a cancelReplace one whatever becomes of it (reference 5).
    pub(crate) fn orders(self) -> u64 {
        match self {
            Self::PlaceOrder | Self::CancelReplace => 1,
            Self::PlaceOco => 2,
            _ => 0,
        }
    }

    /// Whether WebSocket replies show the order counts.
    pub(crate) fn shows_orders(self) -> bool {
        self.orders() > 0
    }

    /// What it adds to the address's weight. `symbols` is how many there are.
    pub(crate) fn weight(self, params: &Params, symbols: usize) -> Result<u64, Failure> {
        let named = params.has("symbol");
        let several = params.names("symbols")?.map(|names| names.len());
        Ok(match self {
            Self::Depth => match params.integer("limit")?.unwrap_or(100) {
                0..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
            Self::Ticker24h if named => 2,
            Self::Ticker24h => match several.unwrap_or(symbols.max(101)) {
                0..=20 => 2,
                21..=100 => 40,
                _ => 80,
            },
            Self::TickerRolling => (4 * several.unwrap_or(1) as u64).min(200),
            Self::OpenOrders if !named => 80,
            Self::MyTrades if params.has("orderId") => 5,
            Self::PreventedMatches if params.has("orderId") => 20,
            Self::ExchangeInfo | Self::AllOrders | Self::AllLists | Self::Account | Self::MyTrades => 20,
            Self::Trades | Self::HistoricalTrades => 25,
            Self::TickerPrice | Self::TickerBook if !named => 4,
            Self::AggTrades | Self::QueryOrder | Self::QueryList => 4,
            Self::OpenOrders | Self::OpenLists => 6,
            Self::OrderCounts | Self::MyFilters => 40,
            Self::Klines | Self::AveragePrice | Self::TickerPrice | Self::TickerBook | Self::PreventedMatches => 2,
            Self::Subscribe | Self::Unsubscribe | Self::StartListenKey | Self::KeepListenKey | Self::CloseListenKey => {
                2
            }
            Self::Ping | Self::Time | Self::PlaceOrder | Self::TestOrder | Self::CancelOrder => 1,
            Self::CancelAll | Self::CancelReplace | Self::PlaceOco | Self::CancelList => 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn weight(method: &str, params: serde_json::Value) -> u64 {
        by_method(method).unwrap().op.weight(&Params::of_json(Some(&params)), 600).unwrap()
    }

    #[test]
    fn weights_are_those_announced_for_the_upgrade() {
        let depth = |limit: u64| weight("depth", json!({"symbol": "X", "limit": limit}));
        assert_eq!([1, 100, 101, 500, 501, 1_000, 1_001, 5_000].map(depth), [5, 5, 25, 25, 50, 50, 250, 250]);
        assert_eq!(weight("trades.recent", json!({})), 25);
        assert_eq!(weight("trades.aggregate", json!({})), 4);
        assert_eq!((weight("myTrades", json!({})), weight("myTrades", json!({"orderId": 1}))), (20, 5));
    }

    #[test]
    fn asking_for_everything_costs_more() {
        assert_eq!(
            (weight("openOrders.status", json!({})), weight("openOrders.status", json!({"symbol": "X"}))),
            (80, 6)
        );
        assert_eq!((weight("ticker.24hr", json!({})), weight("ticker.24hr", json!({"symbols": ["X", "Y"]}))), (80, 2));
        assert_eq!((weight("ticker.book", json!({})), weight("ticker.book", json!({"symbol": "X"}))), (4, 2));
        assert_eq!(
            (weight("ticker", json!({"symbol": "X"})), weight("ticker", json!({"symbols": ["X", "Y"]}))),
            (4, 8)
        );
        assert_eq!(weight("ticker", json!({"symbols": vec!["X"; 51]})), 200);
    }

    #[test]
    fn each_operation_has_one_line_and_both_spellings_find_it() {
        for (i, one) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(i + 1).all(|other| other.op != one.op));
            if let Some((method, path)) = one.rest {
                assert_eq!(by_path(method, path).unwrap().op, one.op);
            }
            if let Some(method) = one.ws {
                assert_eq!(by_method(&format!("v3/{method}")).unwrap().op, one.op);
            }
        }
        assert!(by_path("PATCH", "order").unwrap_err(), "a path with another method");
        assert!(!by_path("GET", "orders").unwrap_err(), "no such path");
    }
}
