//! Nothing a client sends stops the venue: every call with every kind of nonsense gets an answer.

use super::*;
use crate::sim::Model;
use proptest::prelude::*;

const NAMES: [&str; 26] = [
    "symbol",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "orderId",
    "origClientOrderId",
    "limit",
    "fromId",
    "startTime",
    "endTime",
    "interval",
    "symbols",
    "orderListId",
    "cancelReplaceMode",
    "cancelOrderId",
    "stopLimitPrice",
    "stopLimitTimeInForce",
    "listenKey",
    "recvWindow",
];
const VALUES: [&str; 26] = [
    "BTCUSD",
    "PEPEUSD",
    "BUY",
    "SELL",
    "LIMIT",
    "MARKET",
    "STOP_LOSS",
    "TAKE_PROFIT_LIMIT",
    "GTC",
    "FOK",
    "0",
    "1",
    "-1",
    "100",
    "0.00000001",
    "99999999999999999999",
    "18446744073709551615",
    "9223372036854775807.99999999",
    "1000000",
    "ACK",
    "1M",
    "[\"BTCUSD\"]",
    "[",
    "ALLOW_FAILURE",
    "",
    "2281896601",
];
const CALLS: [(&str, &str, &str); 22] = [
    ("POST", "order", "order.place"),
    ("POST", "order/test", "order.test"),
    ("POST", "order/oco", "orderList.place"),
    ("POST", "order/cancelReplace", "order.cancelReplace"),
    ("GET", "order", "order.status"),
    ("DELETE", "order", "order.cancel"),
    ("DELETE", "openOrders", "openOrders.cancelAll"),
    ("DELETE", "orderList", "orderList.cancel"),
    ("GET", "orderList", "orderList.status"),
    ("GET", "allOrderList", "allOrderLists"),
    ("GET", "allOrders", "allOrders"),
    ("GET", "myTrades", "myTrades"),
    ("GET", "myPreventedMatches", "myPreventedMatches"),
    ("GET", "exchangeInfo", "exchangeInfo"),
    ("GET", "depth", "depth"),
    ("GET", "trades", "trades.recent"),
    ("GET", "aggTrades", "trades.aggregate"),
    ("GET", "klines", "klines"),
    ("GET", "ticker/24hr", "ticker.24hr"),
    ("GET", "ticker/price", "ticker.price"),
    ("GET", "ticker", "ticker"),
    ("PUT", "userDataStream", "userDataStream.ping"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_call_with_any_parameters_is_answered_by_both_doors(
        calls in prop::collection::vec((0..CALLS.len(), prop::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..9)), 1..30)
    ) {
        let mut bench = Bench::new(Config { depth: 10, ..Config::quiet() });
        let conn = bench.listen();
        for (call, pairs) in calls {
            let (method, path, ws) = CALLS[call];
            let params: serde_json::Map<String, Value> =
                pairs.into_iter().map(|(name, value)| (NAMES[name].to_owned(), json!(VALUES[value]))).collect();
            let params = Value::Object(params);
            let (status, body) = bench.ask(method, path, &params);
            prop_assert!(status == 200 || body["code"].as_i64().is_some_and(|code| code < -1_000), "{} {}", status, body);
            let reply = bench.api(conn, ws, params);
            prop_assert!(reply["status"] == 200 || reply["error"]["code"].is_i64(), "{}", reply);
            bench.venue.step(bench.now, 3);
            bench.pass_ms(5);
        }
    }

    #[test]
    fn any_text_on_a_websocket_is_answered_or_ends_the_connection(texts in prop::collection::vec(".{0,60}", 1..8)) {
        let mut bench = Bench::plain();
        let (api, stream) = (bench.connect(DOOR_WS_API, "/ws-api/v3", ""), bench.connect(DOOR_STREAM, "/ws", ""));
        for text in texts {
            for conn in [api, stream] {
                bench.venue.text(bench.now, conn, &text);
                let answers = bench.frames(conn);
                prop_assert!(answers.len() == 1 || bench.closed(conn).is_some(), "{text}: {answers:?}");
            }
        }
    }
}
