//! The exact body of every `order_configuration` of Coinbase reference 3.1, and what has none.

use super::super::request::put_place;
use super::super::testing::instrument;
use super::*;
use crate::record::{ClientOrderId, OandaOptions, OrderType, ScaledPart, TimeInForce, TrailingDistance};
use crate::venue::PlaceIntent;

/// 2026-09-30T02:37:29.298765Z.
const NOW: UnixNanos = UnixNanos(1_790_735_849_298_765_000);
const E8: i64 = 100_000_000;
/// 0.001 of the base asset.
const SIZE: OrderQuantity = OrderQuantity::Base(100_000);
const LIMIT: OrderShape = OrderShape::Limit { price: 60_000 * E8, post_only: false, shown: None };
const MARKET: OrderShape = OrderShape::Market { worst_price: None };
const STOP: OrderShape = OrderShape::Triggered {
    trigger: Trigger::Price { at: 59_000 * E8, direction: TriggerDirection::Down },
    then: OnTrigger::Limit { price: 58_900 * E8, shown: None },
};
const BRACKET: OrderShape = OrderShape::Bracket { take_profit: 65_000 * E8, stop: 55_000 * E8, stop_limit: None };

fn body(terms: OrderTerms) -> Result<String, Unsupported> {
    let instrument = instrument(0, "BTC-USD");
    let order = PreparedOrder::new(&instrument, terms).unwrap();
    let id = ClientOrderId::new("c-1").unwrap();
    let command = order.command();
    let intent = PlaceIntent {
        instrument: &instrument,
        client_order_id: &id,
        side: command.side(),
        order_type: OrderType::Composite,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: command.is_post_only(),
        price: command.price(),
        quantity: command.quantity(),
        quantity_in_quote: command.is_quantity_in_quote(),
        composite: Some(&order),
    };
    let mut out = Vec::new();
    let done = put_place(&mut out, NOW, &intent);
    assert_eq!(done, check(&order), "what can be prepared can be written");
    assert!(done.is_ok() || out.is_empty());
    let text = String::from_utf8(out).unwrap();
    if done.is_ok() {
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
    done.map(|()| text)
}

#[track_caller]
fn assert_body(terms: OrderTerms, side: &str, rest: &str) {
    let head = format!(r#"{{"client_order_id":"c-1","product_id":"BTC-USD","side":"{side}","order_configuration":"#);
    assert_eq!(body(terms).unwrap(), format!("{head}{rest}}}"));
}

fn buy(shape: OrderShape) -> OrderTerms {
    OrderTerms::new(Side::Buy, SIZE, shape)
}

fn sell(shape: OrderShape) -> OrderTerms {
    OrderTerms::new(Side::Sell, SIZE, shape)
}

const HOUR: Lifetime = Lifetime::For { ms: 3_600_000 };
const QUOTE: OrderQuantity = OrderQuantity::Quote(10 * E8 + E8 / 2);

#[test]
fn market_orders_by_base_and_by_quote() {
    assert_body(sell(MARKET), "SELL", r#"{"market_market_ioc":{"base_size":"0.001"}}"#);
    assert_body(OrderTerms { quantity: QUOTE, ..buy(MARKET) }, "BUY", r#"{"market_market_ioc":{"quote_size":"10.5"}}"#);
    let options = CoinbaseOptions { rfq_disabled: Some(true), ..CoinbaseOptions::default() };
    assert_body(
        buy(MARKET).with_options(options),
        "BUY",
        r#"{"market_market_ioc":{"base_size":"0.001","rfq_disabled":true}}"#,
    );
    let fok = buy(MARKET).living(Lifetime::FillOrKill);
    assert_body(fok, "BUY", r#"{"market_market_fok":{"base_size":"0.001"}}"#);
}

#[test]
fn limit_orders_of_every_lifetime() {
    assert_body(
        buy(LIMIT),
        "BUY",
        r#"{"limit_limit_gtc":{"base_size":"0.001","limit_price":"60000","post_only":false}}"#,
    );
    let in_quote = OrderTerms { quantity: QUOTE, ..buy(LIMIT) };
    assert_body(
        in_quote,
        "BUY",
        r#"{"limit_limit_gtc":{"quote_size":"10.5","limit_price":"60000","post_only":false}}"#,
    );
    let post_only = OrderShape::Limit { price: 60_000 * E8, post_only: true, shown: None };
    assert_body(
        buy(post_only).living(HOUR),
        "BUY",
        r#"{"limit_limit_gtd":{"base_size":"0.001","limit_price":"60000","end_time":"2026-09-30T03:37:29.298765Z","post_only":true}}"#,
    );
    assert_body(
        buy(LIMIT).living(Lifetime::Until(NOW)),
        "BUY",
        r#"{"limit_limit_gtd":{"base_size":"0.001","limit_price":"60000","end_time":"2026-09-30T02:37:29.298765Z","post_only":false}}"#,
    );
    assert_body(
        buy(LIMIT).living(Lifetime::ImmediateOrCancel),
        "BUY",
        r#"{"sor_limit_ioc":{"base_size":"0.001","limit_price":"60000"}}"#,
    );
    assert_body(
        buy(LIMIT).living(Lifetime::FillOrKill),
        "BUY",
        r#"{"limit_limit_fok":{"base_size":"0.001","limit_price":"60000"}}"#,
    );
}

#[test]
fn stop_limit_orders_name_the_direction() {
    assert_body(
        sell(STOP),
        "SELL",
        r#"{"stop_limit_stop_limit_gtc":{"base_size":"0.001","limit_price":"58900","stop_price":"59000","stop_direction":"STOP_DIRECTION_STOP_DOWN"}}"#,
    );
    let up = OrderShape::Triggered {
        trigger: Trigger::Price { at: 61_000 * E8, direction: TriggerDirection::Up },
        then: OnTrigger::Limit { price: 61_100 * E8, shown: None },
    };
    assert_body(
        buy(up).living(HOUR),
        "BUY",
        r#"{"stop_limit_stop_limit_gtd":{"base_size":"0.001","limit_price":"61100","stop_price":"61000","end_time":"2026-09-30T03:37:29.298765Z","stop_direction":"STOP_DIRECTION_STOP_UP"}}"#,
    );
}

#[test]
fn brackets_with_and_without_an_end() {
    assert_body(
        sell(BRACKET),
        "SELL",
        r#"{"trigger_bracket_gtc":{"base_size":"0.001","limit_price":"65000","stop_trigger_price":"55000"}}"#,
    );
    assert_body(
        sell(BRACKET).living(HOUR),
        "SELL",
        r#"{"trigger_bracket_gtd":{"base_size":"0.001","limit_price":"65000","stop_trigger_price":"55000","end_time":"2026-09-30T03:37:29.298765Z"}}"#,
    );
}

#[test]
fn slices_over_time() {
    let twap = |start, slice_size| {
        OrderShape::Twap(Twap { limit: 60_000 * E8, start, slices: Some(12), slice_size, slice_s: Some(300) })
    };
    assert_body(
        buy(twap(None, Some(10_000))).living(HOUR),
        "BUY",
        r#"{"twap_limit_gtd":{"base_size":"0.001","start_time":"2026-09-30T02:37:29.298765Z","end_time":"2026-09-30T03:37:29.298765Z","limit_price":"60000","number_buckets":"12","bucket_size":"0.0001","bucket_duration":"300s"}}"#,
    );
    let start = NOW.plus_ms(60_000);
    let in_quote = OrderTerms { quantity: QUOTE, ..buy(twap(Some(start), Some(E8))) };
    assert_body(
        in_quote.living(HOUR),
        "BUY",
        r#"{"twap_limit_gtd":{"quote_size":"10.5","start_time":"2026-09-30T02:38:29.298765Z","end_time":"2026-09-30T03:37:29.298765Z","limit_price":"60000","number_buckets":"12","bucket_size":"1","bucket_duration":"300s"}}"#,
    );
}

#[test]
fn scaled_orders_computed_by_the_venue_or_stated() {
    let even = Scaled {
        parts: 3,
        price_min: 58_000 * E8,
        price_max: 60_000 * E8,
        prices: Some(Spread::Even),
        sizes: Some(Spread::Increasing),
        size_difference: Some(Fixed::parse("0.0001").unwrap()),
        size_ratio: Some(Fixed::parse("1.5").unwrap()),
        stated: Vec::new(),
    };
    assert_body(
        buy(OrderShape::Scaled(even.clone())),
        "BUY",
        r#"{"scaled_limit_gtc":{"base_size":"0.001","num_orders":3,"min_price":"58000","max_price":"60000","price_distribution":"FLAT","size_distribution":"INCREASING","size_diff":"0.0001","size_ratio":"1.5"}}"#,
    );
    let part = |price, post_only| ScaledPart { quantity: OrderQuantity::Base(50_000), price, post_only };
    let stated = vec![part(58_000 * E8, true), part(60_000 * E8, false)];
    let scaled = Scaled {
        parts: 2,
        stated,
        prices: Some(Spread::Decreasing),
        sizes: Some(Spread::Even),
        size_difference: None,
        size_ratio: None,
        ..even
    };
    assert_body(
        buy(OrderShape::Scaled(scaled)),
        "BUY",
        r#"{"scaled_limit_gtc":{"orders":[{"base_size":"0.0005","limit_price":"58000","post_only":true},{"base_size":"0.0005","limit_price":"60000","post_only":false}],"base_size":"0.001","num_orders":2,"min_price":"58000","max_price":"60000","price_distribution":"LINEAR_DECREASING","size_distribution":"EVENLY_SPLIT"}}"#,
    );
}

#[test]
fn attached_exits_carry_no_size_and_options_stand_beside_the_configuration() {
    let exits =
        Exits { take_profit: Some(65_000 * E8), stop_loss: Some(StopLoss::At(55_000 * E8)), ..Exits::default() };
    assert_body(
        buy(LIMIT).with_exits(exits),
        "BUY",
        r#"{"limit_limit_gtc":{"base_size":"0.001","limit_price":"60000","post_only":false}},"attached_order_configuration":{"trigger_bracket_gtc":{"limit_price":"65000","stop_trigger_price":"55000"}}"#,
    );
    let options = CoinbaseOptions {
        leverage: Some(Fixed::parse("2.5").unwrap()),
        margin_type: Some(MarginType::Isolated),
        preview_id: Some("p-\"1".into()),
        smart_routing: Some(false),
        rfq_disabled: None,
        cost_basis_method: Some("FIFO".into()),
        portfolio_id: Some("f-1".into()),
        self_trade_prevention_id: Some("s-1".into()),
    };
    assert_body(
        buy(MARKET).with_exits(exits).with_options(options),
        "BUY",
        r#"{"market_market_ioc":{"base_size":"0.001"}},"leverage":"2.5","margin_type":"ISOLATED","preview_id":"p-\"1","attached_order_configuration":{"trigger_bracket_gtc":{"limit_price":"65000","stop_trigger_price":"55000"}},"sor_preference":"SOR_DISABLED","cost_basis_method":"FIFO","retail_portfolio_id":"f-1","self_trade_prevention_id":"s-1""#,
    );
}

#[test]
fn what_has_no_configuration_is_refused_when_it_is_prepared() {
    let trailing = OrderShape::Triggered {
        trigger: Trigger::Trailing {
            distance: TrailingDistance::BasisPoints(50),
            activation: None,
            direction: TriggerDirection::Down,
        },
        then: OnTrigger::Limit { price: E8, shown: None },
    };
    let stop_market = OrderShape::Triggered {
        trigger: Trigger::Price { at: E8, direction: TriggerDirection::Down },
        then: OnTrigger::Market { worst_price: None },
    };
    let rfq = CoinbaseOptions { rfq_disabled: Some(true), ..CoinbaseOptions::default() };
    let trailing_exit = Exits { trailing_stop: Some(E8), ..Exits::default() };
    let distance_exit = Exits { stop_loss: Some(StopLoss::Distance(E8)), ..Exits::default() };
    let timed_exit = Exits { take_profit: Some(65_000 * E8), lifetime: HOUR, ..Exits::default() };
    let exit = Exits { take_profit: Some(65_000 * E8), ..Exits::default() };
    let cases = [
        (buy(LIMIT).with_options(OandaOptions::default()), "another venue's options"),
        (buy(LIMIT).with_options(rfq), "rfq_disabled"),
        (buy(LIMIT).living(Lifetime::Day), "end of the day"),
        (buy(OrderShape::Market { worst_price: Some(E8) }), "worst price"),
        (OrderTerms { quantity: QUOTE, ..sell(MARKET) }, "only market buys"),
        (buy(OrderShape::Limit { price: E8, post_only: false, shown: Some(1_000) }), "icebergs"),
        (sell(trailing), "trailing"),
        (sell(stop_market), "stop-market"),
        (sell(STOP).living(Lifetime::FillOrKill), "fill-or-kill"),
        (sell(OrderShape::Bracket { take_profit: 3, stop: 2, stop_limit: Some(1) }), "limit price of its own"),
        (OrderTerms { quantity: QUOTE, ..sell(BRACKET) }, "sized in quote"),
        (sell(STOP).with_exits(exit), "attached exits but on market and limit"),
        (buy(LIMIT).with_exits(trailing_exit), "fixed prices"),
        (buy(LIMIT).with_exits(distance_exit), "fixed prices"),
        (buy(LIMIT).with_exits(timed_exit), "exits with an end"),
    ];
    for (terms, why) in cases {
        let refused = body(terms.clone()).unwrap_err().to_string();
        assert!(refused.contains(why), "{terms:?}: {refused}");
    }
}
