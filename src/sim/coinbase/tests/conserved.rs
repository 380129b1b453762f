//! Whatever is ordered, edited, hit, cancelled and waited for: no money is made or lost, and the book holds exactly what
//! the orders have left.

use super::*;
use crate::sim::coinbase::order::{Kind, Size, Status};
use crate::sim::rfc3339_nanos;
use crate::sim::Model;
use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
struct Action {
    what: u8,
    buy: bool,
    distance: i64,
    lots: i64,
}

fn action() -> impl Strategy<Value = Action> {
    (0_u8..16, any::<bool>(), 1_i64..400, 2_000_i64..8_000).prop_map(|(what, buy, distance, lots)| Action {
        what,
        buy,
        distance,
        lots,
    })
}

impl Bench {
    fn act(&mut self, nth: usize, Action { what, buy, distance, lots }: Action) {
        let mid = self.venue.exchange.markets[0].last();
        let (side, away) = if buy { ("BUY", -1) } else { ("SELL", 1) };
        let price = |ticks: i64| Decimal::new(mid + ticks, 2).to_string();
        // From well inside the other side to well away from the market.
        let limit = price(away * (distance - 200));
        let size = Decimal::new(lots, 5).to_string();
        let end = rfc3339_nanos(self.now + distance as u64 * 1_000_000);
        let way = if buy { "STOP_DIRECTION_STOP_UP" } else { "STOP_DIRECTION_STOP_DOWN" };
        let (beyond, worse) = (price(-away * distance / 8), price(-away * (distance / 8 + 50)));
        let configuration = match what {
            0 => json!({"limit_limit_gtc": {"base_size": size, "limit_price": limit}}),
            1 => json!({"limit_limit_gtc": {"base_size": size, "limit_price": limit, "post_only": true}}),
            2 => json!({"sor_limit_ioc": {"base_size": size, "limit_price": limit}}),
            3 => json!({"limit_limit_fok": {"quote_size": "3000", "limit_price": limit}}),
            4 => json!({"market_market_ioc": {"base_size": size}}),
            5 if buy => json!({"market_market_ioc": {"quote_size": lots.to_string()}}),
            6 => json!({"limit_limit_gtd": {"base_size": size, "limit_price": limit, "end_time": end}}),
            7 => {
                json!({"stop_limit_stop_limit_gtc": {"base_size": size, "limit_price": worse, "stop_price": beyond, "stop_direction": way}})
            }
            8 => {
                json!({"trigger_bracket_gtc": {"base_size": size, "limit_price": price(away * 20), "stop_trigger_price": beyond}})
            }
            9 => {
                json!({"twap_limit_gtd": {"base_size": size, "limit_price": worse, "start_time": rfc3339_nanos(self.now),
                        "end_time": end, "number_buckets": "4", "bucket_duration": format!("{}s", Decimal::new(distance / 4, 3))}})
            }
            10 => {
                json!({"scaled_limit_gtc": {"base_size": size, "num_orders": 4, "min_price": price(-distance - 5), "max_price": price(distance)}})
            }
            11 => {
                let open: Vec<String> = self
                    .venue
                    .exchange
                    .orders
                    .iter()
                    .filter(|o| o.now.status.is_working())
                    .map(|o| o.id.clone())
                    .collect();
                if let Some(id) = open.get(lots as usize % open.len().max(1)) {
                    self.post("/orders/edit", &json!({"order_id": id, "price": limit, "size": size}));
                }
                return;
            }
            12 => {
                let id = self.venue.exchange.orders.get(lots as usize % 40).map(|o| o.id.clone()).unwrap_or_default();
                self.cancel(&[&id]);
                return;
            }
            _ => return self.venue.step(self.now, 40),
        };
        let mut body = order(&format!("c{nth}"), side, configuration);
        if distance % 3 == 0 && buy && what < 7 {
            body["attached_order_configuration"] =
                json!({"trigger_bracket_gtc": {"limit_price": price(450), "stop_trigger_price": price(-450)}});
        }
        if lots % 5 == 0 {
            body["product_id"] = "BTC-USDC".into();
        }
        self.post("/orders", &body);
    }

    /// Sum of what the orders that spend a currency hold.
    fn held(&self, currency: &str) -> Decimal {
        let exchange = &self.venue.exchange;
        exchange.orders.iter().filter(|o| exchange.spends(&o.asked) == currency).map(|o| o.now.hold).sum()
    }

    /// Lots in the book that belong to each order.
    fn resting(&self, index: usize) -> i64 {
        let order = &self.venue.exchange.orders[index];
        let book = &self.venue.exchange.markets[order.asked.market].book;
        order.resting.iter().map(|ticks| book.lots_of(order.asked.side, *ticks, index)).sum()
    }
}

/// What the property is worth: the same actions let orders of every kind in and bring them to every end.
#[test]
fn the_actions_reach_every_kind_and_every_end() {
    let mut bench = Bench::new(Config { seed: 7, ..Config::quiet() });
    let mut rng = crate::sim::Rng::new(7);
    for nth in 0..1_500 {
        let (what, buy) = (rng.below(16) as u8, rng.chance(50));
        bench.act(nth, Action { what, buy, distance: rng.between(1, 399), lots: rng.between(2_000, 7_999) });
        bench.pass_ms(20);
    }
    let orders = &bench.venue.exchange.orders;
    for kind in ["MARKET", "LIMIT", "STOP_LIMIT", "BRACKET", "TWAP", "SCALED"] {
        let of_kind: Vec<_> = orders.iter().filter(|o| o.kind_name() == kind).collect();
        assert!(of_kind.iter().any(|o| o.now.fills > 0), "{kind} filled");
        assert!(of_kind.iter().any(|o| o.now.status == Status::Filled), "{kind} filled whole");
    }
    for (what, reached) in [
        ("cancelled", orders.iter().any(|o| o.now.status == Status::Cancelled && o.now.fills > 0)),
        ("expired", orders.iter().any(|o| o.now.status == Status::Expired)),
        ("stop triggered", orders.iter().any(|o| o.now.triggered && o.asked.kind != Kind::Market)),
        ("bracket woken", orders.iter().any(|o| o.originating.is_some() && o.now.size != Size::Base(0))),
        ("edited", orders.iter().any(|o| !o.edits.is_empty() && o.now.fills > 0)),
        ("alias", orders.iter().any(|o| o.asked.quote == "USDC" && o.now.fills > 0)),
    ] {
        assert!(reached, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn money_is_conserved(actions in prop::collection::vec(action(), 1..60), seed in 0_u64..1_000) {
        let mut bench = Bench::new(Config { seed, ..Config::quiet() });
        let currencies = ["USD", "USDC", "BTC"];
        let before = currencies.map(|currency| bench.money(currency).0);
        for (nth, action) in actions.into_iter().enumerate() {
            bench.act(nth, action);
            bench.pass_ms(20);
            for currency in currencies {
                let (available, hold) = bench.money(currency);
                prop_assert!(available >= Decimal::ZERO, "{}", currency);
                prop_assert_eq!(hold, bench.held(currency), "{}", currency);
            }
            for (index, order) in bench.venue.exchange.orders.iter().enumerate() {
                let resting = bench.resting(index);
                if order.now.status.is_terminal() {
                    prop_assert_eq!((resting, order.now.hold), (0, Decimal::ZERO), "{:?}", order);
                } else {
                    prop_assert!(resting == 0 || resting == order.left(), "{} in the book of {:?}", resting, order);
                }
                prop_assert!(order.left() >= 0 && order.now.hold >= Decimal::ZERO, "{:?}", order);
            }
        }
        let open: Vec<String> = bench.venue.exchange.orders.iter().filter(|o| !o.now.status.is_terminal()).map(|o| o.id.clone()).collect();
        for id in &open {
            bench.cancel(&[id]);
        }
        // Ended orders may have woken their brackets.
        let woken: Vec<String> = bench.venue.exchange.orders.iter().filter(|o| !o.now.status.is_terminal()).map(|o| o.id.clone()).collect();
        for id in &woken {
            bench.cancel(&[id]);
        }
        let mut moved = [Decimal::ZERO; 3];
        for fill in &bench.venue.exchange.fills {
            let asked = &bench.venue.exchange.orders[fill.order].asked;
            let product = &bench.venue.exchange.markets[0].product;
            let (value, size) = (product.price(fill.ticks) * product.size(fill.lots), product.size(fill.lots));
            let quote = usize::from(asked.quote == "USDC");
            match asked.side {
                Side::Buy => { moved[quote] -= value + fill.fee; moved[2] += size; }
                Side::Sell => { moved[quote] += value - fill.fee; moved[2] -= size; }
            }
        }
        for (i, currency) in currencies.into_iter().enumerate() {
            prop_assert_eq!(bench.money(currency), (before[i] + moved[i], Decimal::ZERO), "{}", currency);
        }
    }
}
