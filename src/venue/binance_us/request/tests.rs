use super::super::auth::tests::documented;
use super::super::params::{RestParams, WsParams};
use super::*;
use crate::record::{AssetId, ClientOrderId, Instrument, InstrumentId, Listing, TradingStatus, Venue};

const STAMP: VenueMs = VenueMs(1_499_827_319_559);

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

fn limit() -> NewOrder<'static> {
    NewOrder {
        symbol: "LTCBTC",
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: Some(TimeInForce::GoodTilCancelled),
        quantity: Quantity::Base(fixed("1")),
        price: Some(fixed("0.1")),
        stop_price: None,
        trailing_delta: None,
        iceberg: None,
        client_order_id: "c-1",
        self_trade: None,
        detail: ResponseDetail::Ack,
    }
}

/// Parameters as REST sends them; every call is also written for the WebSocket API, which must sign the same text.
fn put(call: &Call<'_>) -> String {
    let mut out = Vec::new();
    call.put(STAMP, 5_000, &mut RestParams::new(&mut out));
    let (mut json, mut text) = (Vec::new(), Vec::new());
    let mut params = WsParams::signed(&mut json, &mut text, &documented());
    call.put(STAMP, 5_000, &mut params);
    params.sign(&documented());
    assert_eq!(text, out);
    let read: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
    let sorted: Vec<String> = read
        .iter()
        .filter(|(name, _)| *name != "apiKey" && *name != "signature")
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let mut expected = sorted.clone();
    expected.sort();
    assert_eq!((sorted.join("&"), &sorted), (String::from_utf8(out.clone()).unwrap(), &expected));
    String::from_utf8(out).unwrap()
}

fn place(change: impl FnOnce(&mut NewOrder<'static>)) -> Result<String, Unsupported> {
    let mut order = limit();
    change(&mut order);
    order.check()?;
    Ok(put(&Call::Place(&order)))
}

#[test]
fn every_order_kind_has_its_parameters() {
    let head = "newClientOrderId=c-1&newOrderRespType=ACK";
    let stamp = "timestamp=1499827319559";
    let with = |kind: OrderKind| move |o: &mut NewOrder<'static>| o.kind = kind;
    assert_eq!(
        place(|_| ()).unwrap(),
        format!(
            "{head}&price=0.1&quantity=1&recvWindow=5000&side=BUY&symbol=LTCBTC&timeInForce=GTC&{stamp}&type=LIMIT"
        )
    );
    assert_eq!(
        place(|o| {
            with(OrderKind::LimitMaker)(o);
            (o.time_in_force, o.side) = (None, Side::Sell);
        })
        .unwrap(),
        format!("{head}&price=0.1&quantity=1&recvWindow=5000&side=SELL&symbol=LTCBTC&{stamp}&type=LIMIT_MAKER")
    );
    let market = |o: &mut NewOrder<'static>| (o.kind, o.time_in_force, o.price) = (OrderKind::Market, None, None);
    assert_eq!(
        place(market).unwrap(),
        format!("{head}&quantity=1&recvWindow=5000&side=BUY&symbol=LTCBTC&{stamp}&type=MARKET")
    );
    assert_eq!(
        place(|o| {
            market(o);
            o.quantity = Quantity::Quote(fixed("25.5"));
            o.self_trade = Some(SelfTradePrevention::ExpireBoth);
        })
        .unwrap(),
        format!("{head}&quoteOrderQty=25.5&recvWindow=5000&selfTradePreventionMode=EXPIRE_BOTH&side=BUY&symbol=LTCBTC&{stamp}&type=MARKET")
    );
    for (kind, name) in [(OrderKind::StopLoss, "STOP_LOSS"), (OrderKind::TakeProfit, "TAKE_PROFIT")] {
        assert_eq!(
            place(|o| {
                market(o);
                (o.kind, o.stop_price) = (kind, Some(fixed("0.09")));
            })
            .unwrap(),
            format!("{head}&quantity=1&recvWindow=5000&side=BUY&stopPrice=0.09&symbol=LTCBTC&{stamp}&type={name}")
        );
    }
    for (kind, name) in
        [(OrderKind::StopLossLimit, "STOP_LOSS_LIMIT"), (OrderKind::TakeProfitLimit, "TAKE_PROFIT_LIMIT")]
    {
        assert_eq!(
            place(|o| {
                (o.kind, o.trailing_delta, o.iceberg) = (kind, Some(100), Some(fixed("0.25")));
                o.stop_price = Some(fixed("0.09"));
                o.detail = ResponseDetail::Full;
            })
            .unwrap(),
            format!("icebergQty=0.25&newClientOrderId=c-1&newOrderRespType=FULL&price=0.1&quantity=1&recvWindow=5000&side=BUY&stopPrice=0.09&symbol=LTCBTC&timeInForce=GTC&{stamp}&trailingDelta=100&type={name}")
        );
    }
    let ioc = place(|o| o.time_in_force = Some(TimeInForce::ImmediateOrCancel)).unwrap();
    let fok = place(|o| o.time_in_force = Some(TimeInForce::FillOrKill)).unwrap();
    assert!(ioc.contains("&timeInForce=IOC&") && fok.contains("&timeInForce=FOK&"));
}

#[test]
fn what_the_venue_has_no_form_for_is_refused() {
    assert_eq!(place(|o| o.price = None), Err(Unsupported::Price));
    assert_eq!(place(|o| o.time_in_force = None), Err(Unsupported::TimeInForce));
    assert_eq!(place(|o| o.kind = OrderKind::LimitMaker), Err(Unsupported::TimeInForce));
    assert_eq!(place(|o| o.quantity = Quantity::Quote(fixed("1"))), Err(Unsupported::QuoteQuantity));
    assert_eq!(place(|o| o.stop_price = Some(fixed("1"))), Err(Unsupported::Trigger));
    assert_eq!(place(|o| o.kind = OrderKind::StopLossLimit), Err(Unsupported::Trigger));
    assert_eq!(place(|o| o.iceberg = Some(fixed("1.1"))), Err(Unsupported::Iceberg));
    assert_eq!(
        place(|o| (o.iceberg, o.time_in_force) = (Some(fixed("0.5")), Some(TimeInForce::FillOrKill))),
        Err(Unsupported::Iceberg)
    );
    assert_eq!(place(|o| o.quantity = Quantity::Base(fixed("0"))), Err(Unsupported::NotPositive));
    assert_eq!(place(|o| o.price = Some(fixed("-1"))), Err(Unsupported::NotPositive));
    assert_eq!(place(|o| o.trailing_delta = Some(0)), Err(Unsupported::NotPositive));
}

fn instrument() -> Instrument {
    let listing = Listing {
        venue: Venue::BinanceUs,
        symbol: "BTCUSD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00001"),
        quote_lot: fixed("0.00000001"),
        size_min: fixed("0.00001"),
        size_max: fixed("9000"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

#[test]
fn hot_intents_have_their_orders() {
    let (instrument, id) = (instrument(), ClientOrderId::new("x-1").unwrap());
    let intent = PlaceIntent {
        instrument: &instrument,
        client_order_id: &id,
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
        price: 6_000_010_000_000,
        quantity: 100_000,
        quantity_in_quote: false,
        composite: None,
    };
    let of = |intent: PlaceIntent<'_>| NewOrder::of_intent(&intent).map(|order| put(&Call::Place(&order)));
    let stamp = "timestamp=1499827319559";
    let head = "newClientOrderId=x-1&newOrderRespType=ACK";
    assert_eq!(
        of(intent).unwrap(),
        format!("{head}&price=60000.1&quantity=0.001&recvWindow=5000&side=SELL&symbol=BTCUSD&{stamp}&type=LIMIT_MAKER")
    );
    let ioc = PlaceIntent { post_only: false, time_in_force: TimeInForce::ImmediateOrCancel, ..intent };
    assert!(of(ioc).unwrap().ends_with(&format!("&timeInForce=IOC&{stamp}&type=LIMIT")));
    let market = PlaceIntent { order_type: OrderType::Market, quantity_in_quote: true, ..ioc };
    assert_eq!(
        of(market).unwrap(),
        format!("{head}&quoteOrderQty=0.001&recvWindow=5000&side=SELL&symbol=BTCUSD&{stamp}&type=MARKET")
    );
    assert_eq!(of(PlaceIntent { post_only: true, ..ioc }), Err(Unsupported::PostOnly));
    let resting_market = PlaceIntent { time_in_force: TimeInForce::GoodTilCancelled, ..market };
    assert_eq!(of(resting_market), Err(Unsupported::MarketTimeInForce));
    assert_eq!(of(PlaceIntent { quantity: 0, ..intent }), Err(Unsupported::NotPositive));
}

#[test]
fn cancels_replaces_and_pairs_have_their_parameters() {
    let cancel =
        |id, restriction| put(&Call::Cancel(&CancelOrder { symbol: "LTCBTC", id, cancel_id: None, restriction }));
    let tail = "recvWindow=5000&symbol=LTCBTC&timestamp=1499827319559";
    assert_eq!(cancel(OrderId::Venue("28"), None), format!("orderId=28&{tail}"));
    assert_eq!(
        cancel(OrderId::Client("c-1"), Some(CancelRestriction::OnlyNew)),
        format!("cancelRestrictions=ONLY_NEW&origClientOrderId=c-1&{tail}")
    );
    assert_eq!(put(&Call::CancelAll { symbol: "LTCBTC" }), tail);
    for (mode, name) in [(ReplaceMode::StopOnFailure, "STOP_ON_FAILURE"), (ReplaceMode::AllowFailure, "ALLOW_FAILURE")]
    {
        let replace = ReplaceOrder {
            cancel: OrderId::Venue("7"),
            cancel_id: Some("xc-7-1C"),
            restriction: Some(CancelRestriction::OnlyPartiallyFilled),
            mode,
            order: limit(),
        };
        assert_eq!(
            put(&Call::Replace(&replace)),
            format!(
                "cancelNewClientOrderId=xc-7-1C&cancelOrderId=7&cancelReplaceMode={name}&cancelRestrictions=ONLY_PARTIALLY_FILLED&{}",
                place(|_| ()).unwrap()
            )
        );
    }
    let oco = NewOco {
        symbol: "LTCBTC",
        side: Side::Sell,
        quantity: fixed("3"),
        price: fixed("0.2"),
        stop_price: fixed("0.05"),
        stop_limit: Some((fixed("0.04"), TimeInForce::GoodTilCancelled)),
        trailing_delta: Some(20),
        limit_iceberg: Some(fixed("1")),
        stop_iceberg: Some(fixed("2")),
        list_client_order_id: "l",
        limit_client_order_id: "a",
        stop_client_order_id: "b",
        self_trade: None,
        detail: ResponseDetail::Result,
    };
    assert_eq!(oco.check(), Ok(()));
    assert_eq!(
        put(&Call::PlaceOco(&oco)),
        "limitClientOrderId=a&limitIcebergQty=1&listClientOrderId=l&newOrderRespType=RESULT&price=0.2&quantity=3&recvWindow=5000&side=SELL&stopClientOrderId=b&stopIcebergQty=2&stopLimitPrice=0.04&stopLimitTimeInForce=GTC&stopPrice=0.05&symbol=LTCBTC&timestamp=1499827319559&trailingDelta=20"
    );
    assert_eq!(NewOco { side: Side::Buy, ..oco }.check(), Err(Unsupported::Trigger));
    assert_eq!(NewOco { stop_price: fixed("0.2"), ..oco }.check(), Err(Unsupported::Trigger));
    assert_eq!(NewOco { stop_limit: None, ..oco }.check(), Err(Unsupported::Iceberg));
    assert_eq!(NewOco { limit_iceberg: Some(fixed("3.5")), ..oco }.check(), Err(Unsupported::Iceberg));
    assert_eq!(
        put(&Call::CancelList { symbol: "LTCBTC", list: OrderId::Client("l") }),
        format!("listClientOrderId=l&{tail}")
    );
    assert_eq!(put(&Call::CancelList { symbol: "LTCBTC", list: OrderId::Venue("2") }), format!("orderListId=2&{tail}"));
}

#[test]
fn queries_have_their_parameters() {
    let tail = "recvWindow=5000&symbol=BTCUSD&timestamp=1499827319559";
    let symbol = "BTCUSD";
    assert_eq!(put(&Call::Order { symbol, id: OrderId::Client("c") }), format!("origClientOrderId=c&{tail}"));
    assert_eq!(put(&Call::OpenOrders { symbol: Some(symbol) }), tail);
    assert_eq!(put(&Call::OpenOrders { symbol: None }), "recvWindow=5000&timestamp=1499827319559");
    let all = Call::AllOrders { symbol, from_order_id: Some(9), since: UnixNanos::NONE, limit: 1_000 };
    assert_eq!(put(&all), format!("limit=1000&orderId=9&{tail}"));
    let trades = |order_id, from_id, since| put(&Call::MyTrades { symbol, order_id, from_id, since, limit: 500 });
    assert_eq!(trades(Some(4), Some(5), UnixNanos::NONE), format!("fromId=5&limit=500&orderId=4&{tail}"));
    assert_eq!(
        trades(None, None, UnixNanos::NONE.plus_ms(1_000)),
        "limit=500&recvWindow=5000&startTime=1000&symbol=BTCUSD&timestamp=1499827319559"
    );
    assert_eq!(put(&Call::Account), "recvWindow=5000&timestamp=1499827319559");
    assert_eq!(put(&Call::SubscribeUser), "recvWindow=5000&timestamp=1499827319559");
    assert_eq!(put(&Call::Depth { symbol, limit: 9_000 }), "limit=5000&symbol=BTCUSD");
    assert_eq!(put(&Call::ExchangeInfo { symbol: None }), "");
    assert_eq!(put(&Call::KeepListenKey { key: "k" }), "listenKey=k");
}

#[test]
fn weights_are_never_below_what_the_venue_announced() {
    let depth = |limit| Call::Depth { symbol: "A", limit }.weight();
    assert_eq!([1, 100, 101, 500, 501, 1_000, 1_001, 5_000].map(depth), [5, 5, 25, 25, 50, 50, 250, 250]);
    assert_eq!(Call::OpenOrders { symbol: None }.weight(), 80);
    assert_eq!((Call::Place(&limit()).weight(), Call::Place(&limit()).orders()), (1, 1));
    assert_eq!(Call::CancelAll { symbol: "A" }.orders(), 0);
}
