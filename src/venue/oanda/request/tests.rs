use super::check::check;
use super::*;
use crate::codec::test_captures;
use crate::record::{
    ClientLabels, ClientOrderId, Exits, Lifetime, OandaOptions, OnTrigger, OrderQuantity, OrderShape, OrderTerms,
    OrderType, PreparedOrder, Side, StopLoss, TimeInForce, Trigger, TriggerDirection,
};
use crate::venue::oanda::testing::{account, fixed, instrument, rules};
use crate::venue::PlaceIntent;
use proptest::prelude::*;
use serde_json::Value;

fn body(command: &Command<'_>) -> String {
    let mut out = Vec::new();
    command.put_body(&mut out);
    String::from_utf8(out).unwrap()
}

fn target(command: &Command<'_>) -> String {
    let mut out = Vec::new();
    command.put_target(&mut out, &account());
    String::from_utf8(out).unwrap()
}

fn labels() -> Labels<'static> {
    Labels { id: Some("my-1"), tag: Some("strat-a"), comment: Some("c") }
}

fn full_market() -> EntryOrder<'static> {
    EntryOrder {
        labels: labels(),
        trade_labels: Labels::id("trade-1"),
        on_fill: OnFill {
            take_profit: Some(Exit::at(TakeProfitAt(fixed("1.19500")))),
            stop_loss: Some(Exit::at(StopLevel::Distance(fixed("0.00500")))),
            trailing_stop: Some(Exit::at(ByDistance(fixed("0.006")))),
            ..OnFill::default()
        },
        ..EntryOrder::new("EUR_USD", fixed("-1000"), EntryKind::Market { price_bound: Some(fixed("1.19990")) })
    }
}

fn guaranteed() -> EntryOrder<'static> {
    EntryOrder {
        on_fill: OnFill { guaranteed_stop: Some(Exit::at(StopLevel::Price(fixed("1.1")))), ..OnFill::default() },
        ..EntryOrder::new("EUR_USD", fixed("1"), EntryKind::Market { price_bound: None })
    }
}

fn resting(kind: EntryKind) -> EntryOrder<'static> {
    EntryOrder::new("EUR_USD", fixed("100"), kind)
}

fn exit(kind: ExitKind) -> ExitOrder<'static> {
    ExitOrder {
        trade: OrderSpecifier::Id("102"),
        kind,
        expiry: Expiry::GoodTilCancelled,
        trigger: TriggerPrice::Default,
        labels: Labels::default(),
    }
}

/// The bodies of OANDA reference 4, but for the padding zeros we do not send.
#[test]
fn every_order_kind_has_its_body() {
    assert_eq!(
        body(&Command::Place(&full_market())),
        r#"{"order":{"type":"MARKET","instrument":"EUR_USD","units":"-1000","priceBound":"1.1999","timeInForce":"FOK","positionFill":"DEFAULT","clientExtensions":{"id":"my-1","tag":"strat-a","comment":"c"},"takeProfitOnFill":{"price":"1.195","timeInForce":"GTC"},"stopLossOnFill":{"distance":"0.005","timeInForce":"GTC"},"trailingStopLossOnFill":{"distance":"0.006","timeInForce":"GTC"},"tradeClientExtensions":{"id":"trade-1"}}}"#
    );
    let limit = EntryOrder {
        expiry: Expiry::GoodTilDate(UnixNanos(1_796_083_200_000_000_000)),
        trigger: TriggerPrice::Mid,
        position_fill: PositionFill::OpenOnly,
        ..resting(EntryKind::Limit { price: fixed("149.5") })
    };
    assert_eq!(
        body(&Command::Place(&limit)),
        r#"{"order":{"type":"LIMIT","instrument":"EUR_USD","units":"100","price":"149.5","timeInForce":"GTD","gtdTime":"2026-12-01T00:00:00.000000000Z","positionFill":"OPEN_ONLY","triggerCondition":"MID"}}"#
    );
    let stop = resting(EntryKind::Stop { price: fixed("1.21"), price_bound: Some(fixed("1.2105")) });
    assert_eq!(
        body(&Command::Place(&stop)),
        r#"{"order":{"type":"STOP","instrument":"EUR_USD","units":"100","price":"1.21","priceBound":"1.2105","timeInForce":"GTC","positionFill":"DEFAULT"}}"#
    );
    let touched = EntryOrder {
        expiry: Expiry::GoodForDay,
        ..resting(EntryKind::MarketIfTouched { price: fixed("1.19"), price_bound: None })
    };
    assert!(body(&Command::Place(&touched)).contains(r#""type":"MARKET_IF_TOUCHED""#));
    assert!(body(&Command::Place(&touched)).contains(r#""timeInForce":"GFD""#));
    assert!(body(&Command::Place(&guaranteed()))
        .contains(r#""guaranteedStopLossOnFill":{"price":"1.1","timeInForce":"GTC"}"#));
}

#[test]
fn exits_of_a_trade_have_their_bodies() {
    let take_profit = ExitOrder { labels: labels(), ..exit(ExitKind::TakeProfit(TakeProfitAt(fixed("1.21")))) };
    assert_eq!(
        body(&Command::PlaceExit(&take_profit)),
        r#"{"order":{"type":"TAKE_PROFIT","tradeID":"102","price":"1.21","timeInForce":"GTC","clientExtensions":{"id":"my-1","tag":"strat-a","comment":"c"}}}"#
    );
    let stop = ExitOrder {
        trade: OrderSpecifier::Client("t-1"),
        trigger: TriggerPrice::Bid,
        ..exit(ExitKind::StopLoss(StopLevel::Distance(fixed("0.005"))))
    };
    assert_eq!(
        body(&Command::PlaceExit(&stop)),
        r#"{"order":{"type":"STOP_LOSS","clientTradeID":"t-1","distance":"0.005","timeInForce":"GTC","triggerCondition":"BID"}}"#
    );
    let exits = TradeExits {
        take_profit: Change::Set(Exit::at(TakeProfitAt(fixed("1.3")))),
        stop_loss: Change::Cancel,
        ..TradeExits::default()
    };
    let change = Command::ChangeExits(OrderSpecifier::Id("102"), &exits);
    assert_eq!(body(&change), r#"{"takeProfit":{"price":"1.3","timeInForce":"GTC"},"stopLoss":null}"#);
    assert_eq!(target(&change), "/v3/accounts/101-001-7654321-001/trades/102/orders");
}

#[test]
fn closes_say_both_sides() {
    let close = |long, short| Command::ClosePosition { instrument: "EUR_USD", long, short, labels: labels() };
    assert_eq!(
        body(&close(CloseUnits::Units(fixed("10")), CloseUnits::None)),
        r#"{"longUnits":"10","shortUnits":"NONE","longClientExtensions":{"id":"my-1","tag":"strat-a","comment":"c"}}"#
    );
    let all = close(CloseUnits::All, CloseUnits::All);
    assert!(body(&all).starts_with(r#"{"longUnits":"ALL","shortUnits":"ALL","#));
    assert_eq!(target(&all), "/v3/accounts/101-001-7654321-001/positions/EUR_USD/close");
    let part = Command::CloseTrade(OrderSpecifier::Client("t 1"), CloseUnits::Units(fixed("2.5")));
    assert_eq!(body(&part), r#"{"units":"2.5"}"#);
    assert_eq!(target(&part), "/v3/accounts/101-001-7654321-001/trades/@t%201/close");
}

#[test]
fn paths_and_methods_are_those_of_the_reference() {
    let order = full_market();
    let id = OrderSpecifier::Id("103");
    for (command, method, path) in [
        (Command::Place(&order), Method::Post, "/orders"),
        (Command::Replace(id, &order), Method::Put, "/orders/103"),
        (Command::Cancel(id), Method::Put, "/orders/103/cancel"),
        (Command::Cancel(OrderSpecifier::Client("my-2")), Method::Put, "/orders/@my-2/cancel"),
        (Command::LabelOrder(id, labels(), Labels::default()), Method::Put, "/orders/103/clientExtensions"),
        (Command::LabelTrade(id, labels()), Method::Put, "/trades/103/clientExtensions"),
        (Command::Configure { margin_rate: fixed("0.05") }, Method::Patch, "/configuration"),
    ] {
        assert_eq!(command.method(), method, "{path}");
        assert_eq!(target(&command), format!("/v3/accounts/101-001-7654321-001{path}"));
    }
    assert_eq!(body(&Command::Cancel(id)), "");
    let ask = |query: Query<'_>| {
        let mut out = Vec::new();
        query.put_target(&mut out, &account());
        String::from_utf8(out).unwrap()
    };
    let base = "/v3/accounts/101-001-7654321-001";
    let orders = Query::Orders { state: StateFilter::All, instrument: Some("EUR_USD"), count: 500, before: Some("9") };
    let (since, to) = (UnixNanos(1_796_083_200_000_000_000), UnixNanos::NONE);
    let pricing = Query::Pricing { instruments: &["EUR_USD", "USD_CAD"], since, home_conversions: true };
    for (query, path) in [
        (Query::Account, ""),
        (Query::Summary, "/summary"),
        (Query::Instruments { names: &[] }, "/instruments"),
        (Query::Instruments { names: &["EUR_USD", "USD_JPY"] }, "/instruments?instruments=EUR_USD%2CUSD_JPY"),
        (Query::Changes { since: 7 }, "/changes?sinceTransactionID=7"),
        (Query::PendingOrders, "/pendingOrders"),
        (orders, "/orders?state=ALL&instrument=EUR_USD&count=500&beforeID=9"),
        (Query::Order(OrderSpecifier::Client("a/b")), "/orders/@a%2Fb"),
        (Query::OpenTrades, "/openTrades"),
        (Query::OpenPositions, "/openPositions"),
        (Query::Position { instrument: "EUR_USD" }, "/positions/EUR_USD"),
        (Query::TransactionsSince { id: 101 }, "/transactions/sinceid?id=101"),
        (Query::TransactionRange { from: 1, to: 100 }, "/transactions/idrange?from=1&to=100"),
        (Query::Transaction { id: 5 }, "/transactions/5"),
        (
            Query::TransactionPages { from: since, to, page_size: 1000 },
            "/transactions?from=2026-12-01T00:00:00.000000000Z&pageSize=1000",
        ),
        (
            pricing,
            "/pricing?instruments=EUR_USD%2CUSD_CAD&since=2026-12-01T00:00:00.000000000Z&includeHomeConversions=true",
        ),
    ] {
        assert_eq!(ask(query), format!("{base}{path}"));
    }
    assert_eq!(ask(Query::Accounts), "/v3/accounts");
    let candles = Query::Candles { instrument: "EUR_USD", granularity: "M1", price: "BA", count: 10 };
    assert_eq!(ask(candles), "/v3/instruments/EUR_USD/candles?price=BA&granularity=M1&count=10");
    let mut stream = Vec::new();
    put_pricing_stream_target(&mut stream, &account(), ["EUR_USD", "USD_JPY"]);
    assert_eq!(stream, format!("{base}/pricing/stream?instruments=EUR_USD%2CUSD_JPY").into_bytes());
}

#[test]
fn an_intent_is_an_order_with_a_sign_and_what_has_no_form_is_refused() {
    let (instrument, id) = (instrument(0, "EUR_USD"), ClientOrderId::new("c-1").unwrap());
    let (price_exponent, size_exponent) = instrument.exponents();
    let base = PlaceIntent {
        instrument: &instrument,
        client_order_id: &id,
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: false,
        price: fixed("1.23456").rescale(price_exponent).unwrap(),
        quantity: fixed("1000").rescale(size_exponent).unwrap(),
        quantity_in_quote: false,
        composite: None,
    };
    let order = entry_order(UnixNanos(1), &base).unwrap();
    assert_eq!(
        body(&Command::Place(&order)),
        r#"{"order":{"type":"LIMIT","instrument":"EUR_USD","units":"-1000","price":"1.23456","timeInForce":"GTC","positionFill":"DEFAULT","clientExtensions":{"id":"c-1"}}}"#
    );
    assert_eq!(check(&order, &rules("EUR_USD")), Ok(()));
    let market = PlaceIntent { order_type: OrderType::Market, time_in_force: TimeInForce::ImmediateOrCancel, ..base };
    assert!(body(&Command::Place(&entry_order(UnixNanos(1), &market).unwrap())).contains(r#""timeInForce":"IOC""#));
    for (intent, why) in [
        (PlaceIntent { post_only: true, ..base }, Unsupported::PostOnly),
        (PlaceIntent { quantity_in_quote: true, ..base }, Unsupported::QuoteQuantity),
        (PlaceIntent { time_in_force: TimeInForce::GoodTilCancelled, ..market }, Unsupported::MarketTimeInForce),
        (PlaceIntent { quantity: 0, ..base }, Unsupported::NotPositive),
        (PlaceIntent { price: -1, ..base }, Unsupported::NotPositive),
    ] {
        assert_eq!(entry_order(UnixNanos(1), &intent), Err(why));
    }
}

#[test]
fn prepared_terms_have_their_orders_and_what_has_no_form_is_named() {
    let instrument = instrument(0, "EUR_USD");
    let (price_exponent, size_exponent) = instrument.exponents();
    let (price, size) =
        (|text| fixed(text).rescale(price_exponent).unwrap(), fixed("10").rescale(size_exponent).unwrap());
    let triggered = |direction| OrderShape::Triggered {
        trigger: Trigger::Price { at: price("1.2"), direction },
        then: OnTrigger::Market { worst_price: Some(price("1.3")) },
    };
    let submit = |terms: OrderTerms| {
        let prepared = PreparedOrder::new(&instrument, terms).unwrap();
        let id = ClientOrderId::new("c-1").unwrap();
        let intent = PlaceIntent {
            instrument: &instrument,
            client_order_id: &id,
            side: prepared.terms().side,
            order_type: OrderType::Composite,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
            price: 0,
            quantity: 0,
            quantity_in_quote: false,
            composite: Some(&prepared),
        };
        assert_eq!(check_terms(&prepared), entry_order(UnixNanos(1), &intent).map(|_| ()));
        let order = entry_order(UnixNanos(1), &intent)?;
        assert_eq!(check(&order, &rules("EUR_USD")), Ok(()));
        Ok::<_, Unsupported>(body(&Command::Place(&order)))
    };
    let terms = |side, shape| OrderTerms::new(side, OrderQuantity::Base(size), shape);
    let options = OandaOptions {
        position_fill: Some(crate::record::PositionFill::ReduceOnly),
        trigger_price: Some(crate::record::TriggerPrice::Mid),
        order_labels: ClientLabels { tag: Some("t".into()), ..ClientLabels::default() },
        trade_labels: ClientLabels { id: Some("trade".into()), ..ClientLabels::default() },
    };
    let exits = Exits {
        take_profit: Some(price("1.4")),
        stop_loss: Some(StopLoss::Distance(price("0.01"))),
        trailing_stop: Some(price("0.02")),
        lifetime: Lifetime::Day,
    };
    let stop = terms(Side::Buy, triggered(TriggerDirection::Up)).living(Lifetime::For { ms: 1 });
    assert_eq!(
        submit(stop.with_exits(exits).with_options(options)).unwrap(),
        r#"{"order":{"type":"STOP","instrument":"EUR_USD","units":"10","price":"1.2","priceBound":"1.3","timeInForce":"GTD","gtdTime":"1970-01-01T00:00:00.001000001Z","positionFill":"REDUCE_ONLY","triggerCondition":"MID","clientExtensions":{"id":"c-1","tag":"t"},"takeProfitOnFill":{"price":"1.4","timeInForce":"GFD"},"stopLossOnFill":{"distance":"0.01","timeInForce":"GFD"},"trailingStopLossOnFill":{"distance":"0.02","timeInForce":"GFD"},"tradeClientExtensions":{"id":"trade"}}}"#
    );
    for (side, direction, kind) in [
        (Side::Buy, TriggerDirection::Down, "MARKET_IF_TOUCHED"),
        (Side::Sell, TriggerDirection::Up, "MARKET_IF_TOUCHED"),
        (Side::Sell, TriggerDirection::Down, "STOP"),
    ] {
        let text = submit(OrderTerms { shape: triggered(direction), ..terms(side, triggered(direction)) });
        let text = text.unwrap();
        assert!(text.contains(&format!(r#""type":"{kind}""#)), "{text}");
    }
    let limit = |post_only, shown| OrderShape::Limit { price: price("1.2"), post_only, shown };
    let bounded = terms(Side::Buy, OrderShape::Market { worst_price: Some(price("1.3")) });
    assert!(submit(bounded).unwrap().contains(r#""priceBound":"1.3","timeInForce":"IOC""#));
    assert!(submit(terms(Side::Buy, limit(false, None)).living(Lifetime::Day)).unwrap().contains("GFD"));
    assert_eq!(submit(terms(Side::Buy, limit(true, None))), Err(Unsupported::PostOnly));
    assert_eq!(submit(terms(Side::Buy, limit(false, Some(size / 2)))), Err(Unsupported::Terms("icebergs")));
    let quote = OrderTerms { quantity: OrderQuantity::Quote(1), ..terms(Side::Buy, limit(false, None)) };
    assert_eq!(submit(quote), Err(Unsupported::QuoteQuantity));
    let foreign = terms(Side::Buy, limit(false, None)).with_options(crate::record::CoinbaseOptions::default());
    assert!(matches!(submit(foreign), Err(Unsupported::Terms(_))));
}

#[test]
fn a_replacement_is_a_whole_order_that_inherits_its_labels() {
    let (instrument, id) = (instrument(0, "EUR_USD"), crate::record::VenueOrderId::new("103").unwrap());
    let intent = crate::venue::ReplaceIntent {
        instrument: &instrument,
        venue_order_id: &id,
        client_order_id: &ClientOrderId::EMPTY,
        side: Side::Sell,
        price: fixed("1.25").rescale(instrument.exponents().0).unwrap(),
        quantity: fixed("500000").rescale(instrument.exponents().1).unwrap(),
    };
    let order = replacement(&intent);
    assert_eq!(
        body(&Command::Replace(OrderSpecifier::Id("103"), &order)),
        r#"{"order":{"type":"LIMIT","instrument":"EUR_USD","units":"-500000","price":"1.25","timeInForce":"GTC","positionFill":"DEFAULT"}}"#
    );
}

/// What the official description of 2018 does not know yet (OANDA reference 4): guaranteed stops as an order of their
/// own and on fill.
const NEWER_THAN_THE_SPEC: [&str; 3] = ["guaranteedStopLossOnFill", "guaranteedStopLoss", "GUARANTEED_STOP_LOSS"];

/// Every way in which `value` departs from the schema; what the spec is too old for is only noted.
fn departures(spec: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.trim_start_matches("#/definitions/");
        return departures(spec, &spec["definitions"][name], value, path, found);
    }
    match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(members)) => {
            for (key, member) in members {
                match schema["properties"].get(key) {
                    Some(schema) => departures(spec, schema, member, &format!("{path}.{key}"), found),
                    None if NEWER_THAN_THE_SPEC.contains(&key.as_str()) => {
                        println!("newer than the spec: {path}.{key}")
                    }
                    None => found.push(format!("{path}.{key} is not in the spec")),
                }
            }
        }
        (Some("string"), Value::String(text)) => {
            let known = schema["enum"].as_array().is_none_or(|values| values.iter().any(|v| v == text));
            if !known && !NEWER_THAN_THE_SPEC.contains(&text.as_str()) {
                found.push(format!("{path}: {text} is no value of its enum"));
            }
            let decimal = schema["format"].as_str().is_some_and(|format| format.starts_with("A decimal number"));
            if decimal && crate::record::Fixed::parse(text).is_err() {
                found.push(format!("{path}: {text} is no decimal"));
            }
        }
        // `null` cancels an exit, as the text of the spec says (OANDA reference 5).
        (Some("object"), Value::Null) => {}
        (kind, value) => found.push(format!("{path}: {value} where {kind:?} is due")),
    }
}

fn schema_of<'v>(spec: &'v Value, path: &str, method: &str) -> &'v Value {
    let parameters = spec["paths"][path][method]["parameters"].as_array().expect(path);
    let body = parameters.iter().find(|parameter| parameter["in"] == "body").expect("a body");
    &body["schema"]
}

#[test]
fn requests_are_valid_against_the_official_description() {
    let Some(spec) = test_captures::json("oanda/v20-openapi/v20.json") else { return };
    let definition = |name: &str| spec["definitions"].get(name).unwrap_or_else(|| panic!("{name}"));
    let price = fixed("1.2");
    let (stop, level) = (StopLevel::Price(price), StopLevel::Distance(fixed("0.005")));
    let entries = [
        ("MarketOrderRequest", full_market()),
        ("MarketOrderRequest", guaranteed()),
        ("LimitOrderRequest", resting(EntryKind::Limit { price })),
        ("StopOrderRequest", resting(EntryKind::Stop { price, price_bound: Some(price) })),
        (
            "MarketIfTouchedOrderRequest",
            EntryOrder {
                expiry: Expiry::GoodTilDate(UnixNanos(1)),
                trigger: TriggerPrice::Inverse,
                position_fill: PositionFill::ReduceFirst,
                labels: labels(),
                ..resting(EntryKind::MarketIfTouched { price, price_bound: Some(price) })
            },
        ),
    ];
    let exits = [
        ("TakeProfitOrderRequest", exit(ExitKind::TakeProfit(TakeProfitAt(price)))),
        ("StopLossOrderRequest", exit(ExitKind::StopLoss(stop))),
        ("StopLossOrderRequest", exit(ExitKind::StopLoss(level))),
        // No definition of its own in 2018; its fields are those of a stop-loss.
        ("StopLossOrderRequest", exit(ExitKind::GuaranteedStopLoss(stop))),
        ("TrailingStopLossOrderRequest", exit(ExitKind::TrailingStopLoss(ByDistance(fixed("0.005"))))),
    ];
    let mut found = Vec::new();
    let mut seen = 0;
    let mut compare = |schema: &Value, value: &Value, name: &str| {
        seen += 1;
        departures(&spec, schema, value, name, &mut found);
    };
    let value = |command: &Command<'_>| -> Value { serde_json::from_str(&body(command)).unwrap() };
    for (name, order) in &entries {
        compare(definition(name), &value(&Command::Place(order))["order"], name);
    }
    for (name, order) in &exits {
        compare(definition(name), &value(&Command::PlaceExit(order))["order"], name);
    }
    let id = OrderSpecifier::Id("1");
    let changes = TradeExits {
        take_profit: Change::Set(Exit { labels: labels(), ..Exit::at(TakeProfitAt(price)) }),
        stop_loss: Change::Set(Exit::at(level)),
        trailing_stop: Change::Cancel,
        guaranteed_stop: Change::Set(Exit::at(stop)),
    };
    let close = Command::ClosePosition {
        instrument: "EUR_USD",
        long: CloseUnits::All,
        short: CloseUnits::All,
        labels: labels(),
    };
    let account_path = "/accounts/{accountID}";
    for (command, path) in [
        (Command::ChangeExits(id, &changes), "/trades/{tradeSpecifier}/orders"),
        (Command::CloseTrade(id, CloseUnits::All), "/trades/{tradeSpecifier}/close"),
        (Command::LabelTrade(id, labels()), "/trades/{tradeSpecifier}/clientExtensions"),
        (Command::LabelOrder(id, labels(), labels()), "/orders/{orderSpecifier}/clientExtensions"),
        (close, "/positions/{instrument}/close"),
    ] {
        compare(schema_of(&spec, &format!("{account_path}{path}"), "put"), &value(&command), path);
    }
    let configure = Command::Configure { margin_rate: fixed("0.05") };
    compare(schema_of(&spec, &format!("{account_path}/configuration"), "patch"), &value(&configure), "configuration");
    assert_eq!((found, seen), (Vec::<String>::new(), 16));
    // The comparison itself notices.
    let mut wrong = Vec::new();
    let bad: Value = serde_json::from_str(r#"{"type":"MARKT","units":5,"size":"1","price":"x"}"#).unwrap();
    departures(&spec, definition("LimitOrderRequest"), &bad, "bad", &mut wrong);
    assert_eq!(wrong.len(), 4, "{wrong:?}");
}

proptest! {
    #[test]
    fn units_and_prices_are_the_exact_text_of_their_mantissas(
        units in any::<i64>(), price in 1i64.., exponent in -10i8..=0, id in "\\PC{1,20}",
    ) {
        let order = EntryOrder {
            labels: Labels::id(&id),
            ..EntryOrder::new("EUR_USD", Fixed::new(units, exponent), EntryKind::Limit { price: Fixed::new(price, exponent) })
        };
        let read: Value = serde_json::from_str(&body(&Command::Place(&order))).unwrap();
        let order = &read["order"];
        prop_assert_eq!(order["units"].as_str().unwrap(), Fixed::new(units, exponent).to_string());
        prop_assert_eq!(order["price"].as_str().unwrap(), Fixed::new(price, exponent).to_string());
        prop_assert_eq!(order["clientExtensions"]["id"].as_str().unwrap(), id);
    }

    #[test]
    fn no_client_id_breaks_out_of_its_path(id in "\\PC{0,20}") {
        let path = target(&Command::Cancel(OrderSpecifier::Client(&id)));
        prop_assert!(path.bytes().all(|b| b.is_ascii_graphic()) && !path.contains(['?', '#']));
        prop_assert_eq!(path.split('/').count(), 7);
    }
}
