//! Money is conserved over random commands: what is in the accounts is what was there, plus what the trades brought.

use super::super::order::Order;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Command {
    Place { kind: usize, buy: bool, price: i64, size: u32, tif: usize, stp: usize, iceberg: bool },
    Oco { buy: bool, spread: i64, size: u32 },
    Cancel(usize),
    Replace { nth: usize, price: i64, size: u32 },
    Trade { buy: bool, price: i64, size: u32, rest: bool },
    CancelAll,
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let place = (0..7_usize, any::<bool>(), 90..112_i64, 1..400_u32, 0..3_usize, 0..5_usize, any::<bool>()).prop_map(
        |(kind, buy, price, size, tif, stp, iceberg)| Command::Place { kind, buy, price, size, tif, stp, iceberg },
    );
    let trade = (any::<bool>(), 92..110_i64, 1..600_u32, any::<bool>())
        .prop_map(|(buy, price, size, rest)| Command::Trade { buy, price, size, rest });
    let command = prop_oneof![
        6 => place,
        4 => trade,
        1 => (any::<bool>(), 1..6_i64, 1..300_u32).prop_map(|(buy, spread, size)| Command::Oco { buy, spread, size }),
        2 => any::<usize>().prop_map(Command::Cancel),
        1 => (any::<usize>(), 90..112_i64, 1..300_u32).prop_map(|(nth, price, size)| Command::Replace { nth, price, size }),
        1 => Just(Command::CancelAll),
    ];
    prop::collection::vec(command, 1..40)
}

fn order_params(command: &Command) -> Value {
    let Command::Place { kind, buy, price, size, tif, stp, iceberg } = command else { unreachable!() };
    let names = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"];
    let modes = ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"];
    let quantity = Decimal::new(i64::from(*size), 2).to_string();
    let mut order = json!({"symbol": "BTCUSD", "side": if *buy { "BUY" } else { "SELL" }, "type": names[*kind],
        "quantity": quantity, "selfTradePreventionMode": modes[*stp]});
    let mut put = |name: &str, value: Value| order = with(order.take(), name, value);
    if matches!(kind, 0 | 1 | 4 | 6) {
        put("price", json!(price.to_string()));
    }
    if matches!(kind, 0 | 4 | 6) {
        put("timeInForce", json!(["GTC", "IOC", "FOK"][*tif]));
    }
    if *kind == 0 && *tif == 0 && *iceberg {
        put("icebergQty", json!(Decimal::new(i64::from(size.div_ceil(3)), 2).to_string()));
    }
    if *kind >= 3 {
        if *iceberg {
            put("trailingDelta", json!(150))
        } else {
            put("stopPrice", json!(price.to_string()))
        }
    }
    order
}

fn run(bench: &mut Bench, command: &Command) {
    let open =
        |bench: &Bench| bench.venue.exchange.orders.iter().filter(|o| o.is_open()).map(|o| o.id).collect::<Vec<_>>();
    match command {
        Command::Place { .. } => {
            bench.ask("POST", "order", &order_params(command));
        }
        Command::Oco { buy, spread, size } => {
            let last = bench.venue.exchange.markets[BTCUSD].last() / 100;
            let sign = if *buy { -1 } else { 1 };
            let (price, stop) = (last + sign * (spread + 1), last - sign * (spread + 1));
            let (side, quantity) = (if *buy { "BUY" } else { "SELL" }, Decimal::new(i64::from(*size), 2).to_string());
            bench.ask(
                "POST",
                "order/oco",
                &json!({"symbol": "BTCUSD", "side": side, "quantity": quantity,
                "price": price.to_string(), "stopPrice": stop.to_string()}),
            );
        }
        Command::Cancel(nth) => {
            let ids = open(bench);
            if !ids.is_empty() {
                bench.call("DELETE", "order", &json!({"symbol": "BTCUSD", "orderId": ids[nth % ids.len()]}));
            }
        }
        Command::Replace { nth, price, size } => {
            let ids = open(bench);
            let id = if ids.is_empty() { 1 } else { ids[nth % ids.len()] };
            let quantity = Decimal::new(i64::from(*size), 2).to_string();
            bench.ask(
                "POST",
                "order/cancelReplace",
                &json!({"symbol": "BTCUSD", "side": "BUY", "type": "LIMIT",
                "timeInForce": "GTC", "price": price.to_string(), "quantity": quantity, "cancelOrderId": id,
                "cancelReplaceMode": "ALLOW_FAILURE"}),
            );
        }
        Command::Trade { buy, price, size, rest } => {
            let side = if *buy { Side::Buy } else { Side::Sell };
            let (price, size) = (Decimal::from(*price), Decimal::new(i64::from(*size), 2));
            bench.venue.participate(bench.now, "BTCUSD", side, price, size, *rest).unwrap();
        }
        Command::CancelAll => {
            bench.ask("DELETE", "openOrders", &json!({"symbol": "BTCUSD"}));
        }
    }
    bench.pass_ms(1);
}

/// What the fills say should be in the accounts.
fn expected(bench: &Bench, start: &BTreeMap<String, Decimal>) -> BTreeMap<String, Decimal> {
    let mut sums = start.clone();
    let mut add = |asset: &str, amount: Decimal| *sums.entry(asset.to_owned()).or_default() += amount;
    for fill in &bench.venue.exchange.fills {
        let sign = match bench.venue.exchange.orders[fill.order].asked.side {
            Side::Buy => Decimal::ONE,
            Side::Sell => -Decimal::ONE,
        };
        add("BTC", sign * Decimal::new(fill.lots, 5));
        add("USD", -sign * fill.value);
        add(&fill.fee_asset, -fill.fee);
    }
    sums
}

fn check(bench: &Bench, start: &BTreeMap<String, Decimal>) -> Result<(), TestCaseError> {
    let exchange = &bench.venue.exchange;
    let sums: BTreeMap<String, Decimal> =
        exchange.ledger.accounts().iter().map(|a| (a.asset.clone(), a.free + a.locked)).collect();
    prop_assert_eq!(&sums, &expected(bench, start));
    for (asset, side) in [("USD", Side::Buy), ("BTC", Side::Sell)] {
        let (free, locked) = bench.money(asset);
        let holds: Decimal = exchange.orders.iter().filter(|o| o.asked.side == side).map(|o| o.now.hold).sum();
        prop_assert_eq!(locked, holds, "{} locked and held by orders", asset);
        prop_assert!(free >= Decimal::ZERO && locked >= Decimal::ZERO, "{asset} {free} {locked}");
    }
    let over = |o: &&Order| o.now.status.is_terminal();
    prop_assert!(exchange.orders.iter().filter(over).all(|o| o.now.hold.is_zero()));
    prop_assert!(exchange.orders.iter().all(|o| o.left() >= 0 && o.now.hold >= Decimal::ZERO));
    let market = &exchange.markets[BTCUSD];
    let crossed =
        market.book.front(Side::Buy).zip(market.book.front(Side::Sell)).is_some_and(|(b, a)| b.ticks >= a.ticks);
    prop_assert!(!crossed, "the book is crossed");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn no_command_makes_or_loses_money(commands in commands()) {
        let mut bench = Bench::plain();
        let accounts = bench.venue.exchange.ledger.accounts();
        let start: BTreeMap<String, Decimal> = accounts.iter().map(|a| (a.asset.clone(), a.free)).collect();
        for command in &commands {
            run(&mut bench, command);
            check(&bench, &start)?;
        }
        bench.ask("DELETE", "openOrders", &json!({"symbol": "BTCUSD"}));
        prop_assert_eq!((bench.money("USD").1, bench.money("BTC").1), (Decimal::ZERO, Decimal::ZERO));
    }
}
