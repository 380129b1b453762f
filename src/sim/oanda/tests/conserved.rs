//! Whatever is done and however prices move, money, units and ids add up.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Market(bool, i64, bool),
    Limit(i64, i64),
    Close(bool),
    Move(bool, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (any::<bool>(), -300_000_i64..300_000, any::<bool>()).prop_map(|(yen, n, exits)| Step::Market(yen, n, exits)),
        (-50_000_i64..50_000, -50_i64..50).prop_map(|(n, at)| Step::Limit(n, at)),
        any::<bool>().prop_map(Step::Close),
        (any::<bool>(), -300_i64..300).prop_map(|(yen, by)| Step::Move(yen, by)),
    ];
    proptest::collection::vec(step, 1..25)
}

fn name(yen: bool) -> &'static str {
    if yen {
        "USD_JPY"
    } else {
        "EUR_USD"
    }
}

fn take(desk: &mut Desk, step: &Step) {
    match step {
        Step::Market(yen, units, exits) => {
            let mut order = json!({"type": "MARKET", "instrument": name(*yen), "units": units.to_string()});
            if *exits {
                let distance = if *yen { "0.200" } else { "0.00200" };
                order["trailingStopLossOnFill"] = json!({"distance": distance});
                order["stopLossOnFill"] = json!({"distance": distance});
            }
            desk.ask("POST", "/orders", json!({"order": order}));
        }
        Step::Limit(units, at) => {
            let price = (d("1.20016") + Decimal::new(*at, 4)).to_string();
            let order = json!({"type": "LIMIT", "instrument": "EUR_USD", "units": units.to_string(), "price": price});
            desk.ask("POST", "/orders", json!({"order": order}));
        }
        Step::Close(yen) => {
            let long = !desk.venue.exchange.account.units(desk.venue.index(name(*yen)).unwrap(), true).is_zero();
            let body = if long { json!({"shortUnits": "NONE"}) } else { json!({"longUnits": "NONE"}) };
            desk.ask("PUT", &format!("/positions/{}/close", name(*yen)), body);
        }
        Step::Move(yen, by) => {
            let (mid, point, spread) = if *yen { ("150.000", 3, 12) } else { ("1.20010", 5, 12) };
            let bid = d(mid) + Decimal::new(*by, point);
            let ask = bid + Decimal::new(spread, point);
            desk.set(name(*yen), &bid.to_string(), &ask.to_string());
        }
    }
}

/// What the log alone says the account should be.
fn check(desk: &Desk) {
    let exchange = &desk.venue.exchange;
    let (mut balance, mut units) = (d("100000"), BTreeMap::<String, Decimal>::new());
    for id in 1..=exchange.log.last() {
        let transaction: Value = serde_json::from_str(exchange.log.text(id)).unwrap();
        assert_eq!(transaction["id"], id.to_string(), "ids are consecutive");
        if transaction["type"] == "ORDER_FILL" {
            balance += d(transaction["pl"].as_str().unwrap());
            assert_eq!(d(transaction["accountBalance"].as_str().unwrap()), balance);
            let instrument = transaction["instrument"].as_str().unwrap().to_owned();
            *units.entry(instrument).or_default() += d(transaction["units"].as_str().unwrap());
            let parts = transaction["tradesClosed"].as_array().cloned().unwrap_or_default();
            let one = |name: &str| transaction.get(name).cloned();
            let parts = parts.into_iter().chain(one("tradeReduced")).chain(one("tradeOpened"));
            let sum: Decimal = parts.map(|p| d(p["units"].as_str().unwrap())).sum();
            assert_eq!(sum, d(transaction["units"].as_str().unwrap()), "a fill is the sum of its trades");
        }
    }
    assert_eq!(exchange.account.balance, balance);
    let totals = exchange.account.totals.values();
    assert_eq!(totals.map(|t| t.long_pl + t.short_pl).sum::<Decimal>(), balance - d("100000"));
    for (instrument, net) in units {
        let index = exchange.market_index(&instrument).unwrap();
        assert_eq!(exchange.account.units(index, true) + exchange.account.units(index, false), net);
        if !exchange.account.hedging {
            assert!(exchange.account.units(index, true).is_zero() || exchange.account.units(index, false).is_zero());
        }
    }
    if exchange.open_markets().is_empty() {
        assert_eq!((exchange.margin_used(), exchange.nav()), (Decimal::ZERO, balance));
    }
    for id in &exchange.pending {
        let order = &exchange.orders[id];
        assert!(order.trade.is_none_or(|t| exchange.account.trades[&t].is_open()), "no exit outlives its trade");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn money_units_and_margin_add_up(steps in steps(), hedging in any::<bool>()) {
        let mut desk = Desk::with(Config { hedging, ..Config::quiet() });
        for step in &steps {
            take(&mut desk, step);
            let exchange = &desk.venue.exchange;
            prop_assert!(exchange.margin_used() <= exchange.nav() * Decimal::TWO, "closed out before");
        }
        check(&desk);
    }
}
