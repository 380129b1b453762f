//! Whatever numbers, times and shapes a body brings, the venue answers and its money stays whole.

use super::*;
use proptest::prelude::*;

const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "0.00000001",
    "0.000000000000000000000000001",
    "99.99",
    "100",
    "101",
    "3400",
    "1000000000",
    "150000000",
    "79228162514264337593543950335",
    "",
    "one",
];
const TEXTS: [&str; 12] = [
    "2026-11-02T10:00:05Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "STOP_DIRECTION_STOP_UP",
    "STOP_DIRECTION_STOP_DOWN",
    "INCREASING",
    "DECREASING",
    "FLAT",
    "1s",
    "0.000000001s",
    "99999999999999999999s",
    "-5s",
];
const NUMERIC: [&str; 14] = [
    "base_size",
    "quote_size",
    "limit_price",
    "stop_price",
    "stop_trigger_price",
    "number_buckets",
    "bucket_size",
    "num_orders",
    "min_price",
    "max_price",
    "size_diff",
    "size_ratio",
    "price",
    "size",
];
const TEXTUAL: [&str; 6] =
    ["end_time", "start_time", "stop_direction", "bucket_duration", "price_distribution", "size_distribution"];
const KINDS: [&str; 14] = [
    "market_market_ioc",
    "market_market_fok",
    "sor_limit_ioc",
    "limit_limit_gtc",
    "limit_limit_gtd",
    "limit_limit_fok",
    "stop_limit_stop_limit_gtc",
    "stop_limit_stop_limit_gtd",
    "trigger_bracket_gtc",
    "trigger_bracket_gtd",
    "twap_limit_gtd",
    "scaled_limit_gtc",
    "no_such_kind",
    "orders",
];

fn fields() -> impl Strategy<Value = Value> {
    let number = (prop::sample::select(&NUMERIC[..]), prop::sample::select(&NUMBERS[..]));
    let text = (prop::sample::select(&TEXTUAL[..]), prop::sample::select(&TEXTS[..]));
    let pairs = (prop::collection::vec(number, 0..8), prop::collection::vec(text, 0..5));
    pairs.prop_map(|(numbers, texts)| {
        numbers.into_iter().chain(texts).map(|(key, value)| (key.to_owned(), json!(value))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_body_gets_an_answer(bodies in prop::collection::vec((prop::sample::select(&KINDS[..]), fields(), fields(), any::<bool>(), 0_u8..4), 1..12)) {
        let mut bench = Bench::plain();
        bench.hit(Side::Sell, "100", "1");
        for (nth, (kind, first, second, buy, call)) in bodies.into_iter().enumerate() {
            let mut configuration = first;
            if kind == "scaled_limit_gtc" && buy {
                configuration["orders"] = json!([second.clone(), second.clone()]);
            }
            let mut body = order(&format!("c{nth}"), if buy { "BUY" } else { "SELL" }, json!({ kind: configuration }));
            if call == 0 {
                body["attached_order_configuration"] = json!({ "trigger_bracket_gtc": second.clone() });
            }
            let path = match call {
                1 => "/orders/preview",
                2 => "/orders/edit",
                3 => "/orders/edit_preview",
                _ => "/orders",
            };
            if call >= 2 {
                body = second;
                body["order_id"] = bench.venue.exchange.orders.last().map(|o| o.id.clone()).unwrap_or_default().into();
            }
            let (status, text) = bench.ask("POST", path, "", &body.to_string(), true);
            prop_assert!(status == 200 || status == 400, "{} {}", status, text);
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
            bench.pass_ms(700);
            prop_assert!(bench.money("USD").0 >= Decimal::ZERO && bench.money("BTC").0 >= Decimal::ZERO);
        }
        prop_assert_eq!(bench.ask("GET", "/orders/historical/batch", "", "", true).0, 200);
    }
}
