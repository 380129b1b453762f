//! What no sequence of events may break: money is conserved, and the same events give the same news.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Place { side: bool, price: i64, size: i64, kind: u8 },
    Cancel(usize),
    Replace(usize, i64, i64),
    Level { bid: bool, price: i64, size: i64 },
    Trade { side: bool, price: i64, size: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (any::<bool>(), 95i64..106, 1i64..30, 0u8..6)
            .prop_map(|(side, price, size, kind)| Step::Place { side, price, size, kind }),
        1 => (0usize..12).prop_map(Step::Cancel),
        1 => (0usize..12, 95i64..106, 1i64..30).prop_map(|(at, price, size)| Step::Replace(at, price, size)),
        4 => (any::<bool>(), 0i64..6, 0i64..30).prop_map(|(bid, price, size)| Step::Level { bid, price, size }),
        4 => (any::<bool>(), 95i64..106, 1i64..20).prop_map(|(side, price, size)| Step::Trade { side, price, size }),
    ];
    proptest::collection::vec(step, 1..40)
}

fn run(venue: Venue, steps: &[Step]) -> Bench {
    let mut bench = Bench::of(&config(venue));
    let mut placed = Vec::new();
    for step in steps {
        let side = |buys: bool| if buys { Buy } else { Sell };
        match *step {
            Step::Place { side: buys, price, size, kind } => {
                let change = |intent: &mut PlaceIntent<'_>| match kind {
                    0 => ioc(intent),
                    1 => fok(intent),
                    2 => post_only(intent),
                    3 => market(intent),
                    _ => {}
                };
                placed.push(bench.submit(change, side(buys), price, size));
            }
            Step::Cancel(at) => {
                bench.told();
                if let Some(client) = placed.get(at).filter(|client| bench.id_of(**client).is_some()) {
                    bench.cancel(*client);
                }
            }
            Step::Replace(at, price, size) => {
                bench.told();
                if let Some(client) = placed.get(at).filter(|client| bench.id_of(**client).is_some()) {
                    bench.replace(*client, price, size);
                }
            }
            Step::Level { bid: true, price, size } => bench.show(&[(BookSide::Bid, 95 + price, size)]),
            Step::Level { bid: false, price, size } => bench.show(&[(BookSide::Ask, 101 + price, size)]),
            Step::Trade { side: buys, price, size } => bench.trade(side(buys), price, size),
        }
        check(&bench);
    }
    bench.told();
    bench
}

/// Money moves by fills and fees only, and what is held is what open orders hold.
fn check(bench: &Bench) {
    let venue = &bench.venue;
    let (mut usd, mut btc) = (amount("100000"), amount("100"));
    for fill in &venue.fills {
        let market = venue.markets[0].as_ref().unwrap();
        let (value, size) = (market.value(fill.price, fill.quantity), market.amount(fill.quantity));
        match fill.side {
            Buy => (usd, btc) = (less(usd, value), sum(btc, size)),
            Sell => (usd, btc) = (sum(usd, value), less(btc, size)),
        }
        match fill.fee_asset {
            None => usd = less(usd, fill.fee),
            Some(_) => btc = less(btc, fill.fee),
        }
    }
    for (asset, total, side) in [("USD", usd, Buy), ("BTC", btc, Sell)] {
        let (available, hold) = bench.balance(asset);
        assert!(available.mantissa() >= 0 && hold.mantissa() >= 0, "{asset}: {available} {hold}");
        assert_eq!(sum(available, hold), total, "{asset}");
        let open = venue.orders.iter().filter(|order| order.serial > 0 && order.is_open() && order.side == side);
        assert_eq!(open.fold(amount("0"), |total, order| sum(total, order.hold)), hold, "{asset}");
    }
    for order in venue.orders.iter().filter(|order| order.serial > 0) {
        if let super::super::order::Size::Base(quantity) = order.size {
            assert!(order.filled <= quantity);
            assert!(order.status != OrderStatus::Filled || order.filled == quantity);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn money_is_conserved_and_the_same_events_give_the_same_news(steps in steps()) {
        for venue in [Venue::Coinbase, Venue::BinanceUs] {
            let (once, again) = (run(venue, &steps), run(venue, &steps));
            prop_assert_eq!(&once.news, &again.news);
        }
    }
}
