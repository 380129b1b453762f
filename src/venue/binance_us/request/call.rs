//! One call: everything that differs between calls, in one table.

use super::{
    limits, self_trade_name, side_name, time_in_force, CancelOrder, InstrumentId, Method, NewOco, NewOrder, OrderId,
    Params, Quantity, ReplaceMode, ReplaceOrder, UnixNanos, VenueMs,
};

/// What a call needs besides its parameters (Binance.US reference 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Nothing.
    None,
    /// The key.
    Key,
    /// Key, timestamp and signature.
    Signed,
}

/// One call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call<'a> {
    /// A new order.
    Place(&'a NewOrder<'a>),
    /// The checks of a new order, nothing else: nothing reaches the engine.
    Test(&'a NewOrder<'a>),
    /// A cancel of one order.
    Cancel(&'a CancelOrder<'a>),
    /// A cancel of every open order of a symbol.
    CancelAll {
        /// The venue's name.
        symbol: &'a str,
    },
    /// Cancel and new order in one.
    Replace(&'a ReplaceOrder<'a>),
    /// A pair of orders.
    PlaceOco(&'a NewOco<'a>),
    /// A cancel of a pair.
    CancelList {
        /// The venue's name.
        symbol: &'a str,
        /// The pair, by its list id of either kind.
        list: OrderId<'a>,
    },
    /// One order.
    Order {
        /// The venue's name.
        symbol: &'a str,
        /// Which.
        id: OrderId<'a>,
    },
    /// Open orders, of one symbol or (ten times the weight) of all.
    OpenOrders {
        /// The venue's name; all if `None`.
        symbol: Option<&'a str>,
    },
    /// Orders of a symbol in any state, oldest first.
    AllOrders {
        /// The venue's name.
        symbol: &'a str,
        /// From this id on.
        from_order_id: Option<u64>,
        /// Created at or after; not restricted if none. Not together with `from_order_id`.
        since: UnixNanos,
        /// Rows, at most 1,000.
        limit: u32,
    },
    /// Our trades in a symbol, oldest first.
    MyTrades {
        /// The venue's name.
        symbol: &'a str,
        /// Of one order only.
        order_id: Option<u64>,
        /// From this trade id on.
        from_id: Option<u64>,
        /// At or after; not restricted if none. Not together with `order_id` or `from_id` (-1128).
        since: UnixNanos,
        /// Rows, at most 1,000.
        limit: u32,
    },
    /// Balances, commission rates, permissions.
    Account,
    /// The order counts as the venue counts them.
    OrderCounts,
    /// Filters that hold for this account only.
    MyFilters {
        /// The venue's name.
        symbol: &'a str,
    },
    /// The venue's clock.
    Time,
    /// Symbols, filters and rate limits, of one symbol or of all.
    ExchangeInfo {
        /// The venue's name; all if `None`.
        symbol: Option<&'a str>,
    },
    /// The average price of the last minutes, which filters refer to.
    AveragePrice {
        /// The venue's name.
        symbol: &'a str,
        /// Whose it is.
        instrument: InstrumentId,
    },
    /// A book snapshot.
    Depth {
        /// The venue's name.
        symbol: &'a str,
        /// Levels per side, 1 to 5,000.
        limit: u32,
    },
    /// A listenKey, new or the one that is.
    StartListenKey,
    /// Another 60 minutes for a listenKey.
    KeepListenKey {
        /// Which.
        key: &'a str,
    },
    /// The end of a listenKey, for every process that uses it.
    CloseListenKey {
        /// Which.
        key: &'a str,
    },
    /// User events on this WebSocket API connection; REST has no such call.
    SubscribeUser,
}

impl Call<'_> {
    /// The REST method.
    pub const fn method(&self) -> Method {
        match self {
            Call::Place(_) | Call::Test(_) | Call::Replace(_) | Call::PlaceOco(_) | Call::StartListenKey => {
                Method::Post
            }
            Call::Cancel(_) | Call::CancelAll { .. } | Call::CancelList { .. } | Call::CloseListenKey { .. } => {
                Method::Delete
            }
            Call::KeepListenKey { .. } => Method::Put,
            _ => Method::Get,
        }
    }

    /// The REST path; none for a call that only the WebSocket API has.
    pub const fn path(&self) -> Option<&'static str> {
        Some(match self {
            Call::Place(_) | Call::Cancel(_) | Call::Order { .. } => "/api/v3/order",
            Call::Test(_) => "/api/v3/order/test",
            Call::CancelAll { .. } | Call::OpenOrders { .. } => "/api/v3/openOrders",
            Call::Replace(_) => "/api/v3/order/cancelReplace",
            Call::PlaceOco(_) => "/api/v3/order/oco",
            Call::CancelList { .. } => "/api/v3/orderList",
            Call::AllOrders { .. } => "/api/v3/allOrders",
            Call::MyTrades { .. } => "/api/v3/myTrades",
            Call::Account => "/api/v3/account",
            Call::OrderCounts => "/api/v3/rateLimit/order",
            Call::MyFilters { .. } => "/api/v3/myFilters",
            Call::Time => "/api/v3/time",
            Call::ExchangeInfo { .. } => "/api/v3/exchangeInfo",
            Call::AveragePrice { .. } => "/api/v3/avgPrice",
            Call::Depth { .. } => "/api/v3/depth",
            Call::StartListenKey | Call::KeepListenKey { .. } | Call::CloseListenKey { .. } => "/api/v3/userDataStream",
            Call::SubscribeUser => return None,
        })
    }

    /// The WebSocket API method (Binance.US reference 8).
    pub const fn ws_method(&self) -> &'static str {
        match self {
            Call::Place(_) => "order.place",
            Call::Test(_) => "order.test",
            Call::Cancel(_) => "order.cancel",
            Call::CancelAll { .. } => "openOrders.cancelAll",
            Call::Replace(_) => "order.cancelReplace",
            Call::PlaceOco(_) => "orderList.place",
            Call::CancelList { .. } => "orderList.cancel",
            Call::Order { .. } => "order.status",
            Call::OpenOrders { .. } => "openOrders.status",
            Call::AllOrders { .. } => "allOrders",
            Call::MyTrades { .. } => "myTrades",
            Call::Account => "account.status",
            Call::OrderCounts => "account.rateLimits.orders",
            Call::MyFilters { .. } => "myFilters",
            Call::Time => "time",
            Call::ExchangeInfo { .. } => "exchangeInfo",
            Call::AveragePrice { .. } => "avgPrice",
            Call::Depth { .. } => "depth",
            Call::StartListenKey => "userDataStream.start",
            Call::KeepListenKey { .. } => "userDataStream.ping",
            Call::CloseListenKey { .. } => "userDataStream.stop",
            Call::SubscribeUser => "userDataStream.subscribe.signature",
        }
    }

    /// What it needs.
    pub const fn security(&self) -> Security {
        match self {
            Call::Time | Call::ExchangeInfo { .. } | Call::AveragePrice { .. } | Call::Depth { .. } => Security::None,
            Call::StartListenKey | Call::KeepListenKey { .. } | Call::CloseListenKey { .. } => Security::Key,
            _ => Security::Signed,
        }
    }

    /// Its request weight: where the sources differ, the highest that may still hold (Binance.US reference 3).
    pub const fn weight(&self) -> u32 {
        match self {
            Call::Place(_) | Call::Test(_) | Call::Cancel(_) | Call::CancelAll { .. } => 1,
            Call::Replace(_) | Call::PlaceOco(_) | Call::CancelList { .. } | Call::Time => 1,
            Call::Order { .. } => 4,
            Call::OpenOrders { symbol: Some(_) } => 6,
            Call::OpenOrders { symbol: None } => 80,
            Call::AllOrders { .. } | Call::Account | Call::ExchangeInfo { .. } => 20,
            Call::MyTrades { order_id: Some(_), .. } => 10,
            Call::MyTrades { order_id: None, .. } => 20,
            Call::OrderCounts | Call::MyFilters { .. } => 40,
            Call::Depth { limit, .. } => depth_weight(*limit),
            Call::StartListenKey | Call::KeepListenKey { .. } | Call::CloseListenKey { .. } => 2,
            Call::SubscribeUser | Call::AveragePrice { .. } => 2,
        }
    }

    /// How many orders it counts as (Binance.US reference 5): a pair is two, a cancelReplace one even if not attempted,
    /// cancels none.
    pub const fn orders(&self) -> u32 {
        match self {
            Call::Place(_) | Call::Replace(_) => 1,
            Call::PlaceOco(_) => 2,
            _ => 0,
        }
    }

    /// Writes the parameters but `apiKey` and `signature`. `stamp` is used where the call is signed.
    pub(in crate::venue::binance_us) fn put(&self, stamp: VenueMs, recv_window_ms: u32, params: &mut impl Params) {
        let signed = Signed { stamp, recv_window_ms: recv_window_ms.min(limits::RECV_WINDOW_MS_MAX) };
        match *self {
            Call::Place(order) | Call::Test(order) => put_order(order, signed, params),
            Call::Cancel(cancel) => {
                params.some("cancelRestrictions", cancel.restriction.map(|r| r.name()));
                params.some("newClientOrderId", cancel.cancel_id);
                put_id(cancel.id, params);
                signed.window(params);
                params.text("symbol", cancel.symbol);
                signed.time(params);
            }
            Call::CancelAll { symbol } => signed.with_symbol(symbol, params),
            Call::Replace(replace) => put_replace(replace, signed, params),
            Call::PlaceOco(oco) => put_oco(oco, signed, params),
            Call::CancelList { symbol, list } => {
                match list {
                    OrderId::Client(id) => params.text("listClientOrderId", id),
                    OrderId::Venue(id) => params.digits("orderListId", id),
                }
                signed.with_symbol(symbol, params);
            }
            Call::Order { symbol, id } => {
                put_id(id, params);
                signed.with_symbol(symbol, params);
            }
            Call::OpenOrders { symbol } => {
                signed.window(params);
                params.some("symbol", symbol);
                signed.time(params);
            }
            Call::AllOrders { symbol, from_order_id, since, limit } => {
                params.integer("limit", limit.into());
                params.some_integer("orderId", from_order_id);
                signed.window(params);
                params.some_integer("startTime", millis(since));
                params.text("symbol", symbol);
                signed.time(params);
            }
            Call::MyTrades { symbol, order_id, from_id, since, limit } => {
                params.some_integer("fromId", from_id);
                params.integer("limit", limit.into());
                params.some_integer("orderId", order_id);
                signed.window(params);
                params.some_integer("startTime", millis(since));
                params.text("symbol", symbol);
                signed.time(params);
            }
            Call::Account | Call::OrderCounts | Call::SubscribeUser => {
                signed.window(params);
                signed.time(params);
            }
            Call::MyFilters { symbol } => signed.with_symbol(symbol, params),
            Call::Time | Call::StartListenKey => {}
            Call::ExchangeInfo { symbol } => params.some("symbol", symbol),
            Call::AveragePrice { symbol, .. } => params.text("symbol", symbol),
            Call::Depth { symbol, limit } => {
                params.integer("limit", limit.clamp(1, limits::SNAPSHOT_LEVELS_MAX).into());
                params.text("symbol", symbol);
            }
            Call::KeepListenKey { key } | Call::CloseListenKey { key } => params.text("listenKey", key),
        }
    }
}

/// The weight of a snapshot of this many levels per side.
const fn depth_weight(limit: u32) -> u32 {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    }
}

/// What every signed call ends with; `symbol` lies between the two.
#[derive(Clone, Copy)]
struct Signed {
    stamp: VenueMs,
    recv_window_ms: u32,
}

impl Signed {
    fn window(self, params: &mut impl Params) {
        params.integer("recvWindow", self.recv_window_ms.into());
    }

    fn time(self, params: &mut impl Params) {
        params.integer("timestamp", self.stamp.0);
    }

    fn with_symbol(self, symbol: &str, params: &mut impl Params) {
        self.window(params);
        params.text("symbol", symbol);
        self.time(params);
    }
}

fn put_id(id: OrderId<'_>, params: &mut impl Params) {
    match id {
        OrderId::Venue(id) => params.digits("orderId", id),
        OrderId::Client(id) => params.text("origClientOrderId", id),
    }
}

fn put_replace(replace: &ReplaceOrder<'_>, signed: Signed, params: &mut impl Params) {
    params.some("cancelNewClientOrderId", replace.cancel_id);
    match replace.cancel {
        OrderId::Venue(id) => params.digits("cancelOrderId", id),
        OrderId::Client(id) => params.text("cancelOrigClientOrderId", id),
    }
    params.text(
        "cancelReplaceMode",
        match replace.mode {
            ReplaceMode::StopOnFailure => "STOP_ON_FAILURE",
            ReplaceMode::AllowFailure => "ALLOW_FAILURE",
        },
    );
    params.some("cancelRestrictions", replace.restriction.map(|r| r.name()));
    put_order(&replace.order, signed, params);
}

fn put_order(order: &NewOrder<'_>, signed: Signed, params: &mut impl Params) {
    params.some_decimal("icebergQty", order.iceberg);
    params.text("newClientOrderId", order.client_order_id);
    params.text("newOrderRespType", order.detail.name());
    params.some_decimal("price", order.price);
    match order.quantity {
        Quantity::Base(quantity) => params.decimal("quantity", quantity),
        Quantity::Quote(quantity) => params.decimal("quoteOrderQty", quantity),
    }
    signed.window(params);
    params.some("selfTradePreventionMode", order.self_trade.map(self_trade_name));
    params.text("side", side_name(order.side));
    params.some_decimal("stopPrice", order.stop_price);
    params.text("symbol", order.symbol);
    params.some("timeInForce", order.time_in_force.map(time_in_force));
    signed.time(params);
    params.some_integer("trailingDelta", order.trailing_delta.map(u64::from));
    params.text("type", order.kind.name());
}

fn put_oco(oco: &NewOco<'_>, signed: Signed, params: &mut impl Params) {
    params.text("limitClientOrderId", oco.limit_client_order_id);
    params.some_decimal("limitIcebergQty", oco.limit_iceberg);
    params.text("listClientOrderId", oco.list_client_order_id);
    params.text("newOrderRespType", oco.detail.name());
    params.decimal("price", oco.price);
    params.decimal("quantity", oco.quantity);
    signed.window(params);
    params.some("selfTradePreventionMode", oco.self_trade.map(self_trade_name));
    params.text("side", side_name(oco.side));
    params.text("stopClientOrderId", oco.stop_client_order_id);
    params.some_decimal("stopIcebergQty", oco.stop_iceberg);
    params.some_decimal("stopLimitPrice", oco.stop_limit.map(|(price, _)| price));
    params.some("stopLimitTimeInForce", oco.stop_limit.map(|(_, tif)| time_in_force(tif)));
    params.decimal("stopPrice", oco.stop_price);
    params.text("symbol", oco.symbol);
    signed.time(params);
    params.some_integer("trailingDelta", oco.trailing_delta.map(u64::from));
}

fn millis(time: UnixNanos) -> Option<u64> {
    time.is_some().then(|| time.0.checked_div(1_000_000).unwrap_or(0))
}
