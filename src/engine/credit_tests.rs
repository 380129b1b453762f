//! What may be bound, against accounts and prices made up for it.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::engine::traded::Standing;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{parse_any, BookSide, OrderCommand, RequestId, Side, StrategyId, UnixNanos};
use crate::venue::oanda::testing::{fixed, instrument, rules, UNIT};

const EUR_USD: InstrumentId = InstrumentId(0);
const USD_JPY: InstrumentId = InstrumentId(1);
const EUR_JPY: InstrumentId = InstrumentId(2);
const GBP_USD: InstrumentId = InstrumentId(3);
const EUR_GBP: InstrumentId = InstrumentId(4);
const NAMES: [&str; 5] = ["EUR_USD", "USD_JPY", "EUR_JPY", "GBP_USD", "EUR_GBP"];

/// An account in US dollars at 2 % of margin.
struct Bench {
    credit: Credit,
    market: Market,
    orders: Orders,
    positions: Positions,
    placed: u64,
}

fn money(text: &str) -> Fixed128 {
    parse_any(text.as_bytes()).unwrap()
}

impl Bench {
    fn new() -> Bench {
        let limits = OrderLimits { open_max: 8, closed_kept: 8, executions_kept: 8, strangers_kept: 8 };
        let orders = Orders::new(ClientOrderIds::new("xc", 1).unwrap(), limits, ReconcileRules::default());
        let (credit, market) = (Credit::new(), Market::new(64, false));
        let mut bench = Bench { credit, market, orders, positions: Positions::default(), placed: 0 };
        for (id, name) in (0..).zip(NAMES) {
            let instrument = instrument(id, name);
            bench.positions.know(instrument.id, instrument.exponents());
            bench.orders.set_position(instrument.id, 0);
            bench.credit.set_rate(instrument.id, rules(name).margin_rate);
            bench.market.put(instrument);
        }
        bench.price(EUR_USD, "1.1998", "1.2");
        bench
    }

    fn price(&mut self, id: InstrumentId, bid: &str, ask: &str) {
        let Market { traded, pool, .. } = &mut self.market;
        let traded = traded[id.index()].as_mut().unwrap();
        traded.book.clear(pool);
        for (side, price) in [(BookSide::Bid, bid), (BookSide::Ask, ask)] {
            let price = fixed(price).rescale(traded.instrument.price_exponent).unwrap();
            traded.book.set(pool, side, price, UNIT).unwrap();
        }
        traded.standing = Standing::Whole;
    }

    fn stated(&mut self, free: &str, last_transaction: u64) {
        let currency = InlineText::truncated("USD");
        let margin_available = Some(money(free));
        self.credit.stated(&AccountFact { currency, margin_available, last_transaction, ..AccountFact::default() });
    }

    fn place(&mut self, id: InstrumentId, side: Side, units: i64) {
        self.placed += 1;
        let command = OrderCommand::limit(id, side, 1, units * UNIT);
        let command = command.stamped(RequestId::new(StrategyId(0), self.placed), UnixNanos(1));
        let instrument = &self.market.get(id).unwrap().instrument;
        self.orders.place(&command, instrument).unwrap();
    }

    fn hold(&mut self, id: InstrumentId, side: Side, units: i64) {
        self.placed += 1;
        self.positions.restore(id, side, self.placed, units * UNIT, 1).unwrap();
    }

    fn opened(&mut self, id: InstrumentId, trade_id: u64, units: i64) {
        self.credit.opened(trade_id, id, units * UNIT, &self.market);
    }

    /// Whole units that may be bought and sold.
    fn room(&self, id: InstrumentId) -> Result<(i128, i128), LimitBreach> {
        let ours = self.orders.exposure(id);
        let room = self.credit.room(id, &ours, &self.market, &self.orders, &self.positions)?;
        Ok((room.buy.div_euclid(UNIT.into()), room.sell.div_euclid(UNIT.into())))
    }
}

#[test]
fn margin_is_what_the_dearer_price_and_the_higher_rate_bind() {
    let mut bench = Bench::new();
    bench.stated("240", 0);
    assert_eq!(bench.room(EUR_USD), Ok((10_000, 10_000)), "1.2 x 0.02 each");
    bench.credit.stated(&AccountFact { margin_rate: Some(money("0.05")), ..AccountFact::default() });
    assert_eq!(bench.room(EUR_USD), Ok((4_000, 4_000)), "the client's own rate");
    bench.credit.stated(&AccountFact { margin_rate: Some(money("0.01")), ..AccountFact::default() });
    assert_eq!(bench.room(EUR_USD), Ok((10_000, 10_000)));
    bench.stated("-3", 0);
    assert_eq!(bench.room(EUR_USD), Ok((0, 0)), "and nothing less");
}

#[test]
fn another_currency_is_converted_by_a_pair_here_either_way_round() {
    let mut bench = Bench::new();
    bench.stated("240", 0);
    bench.price(EUR_JPY, "179.9", "180");
    assert_eq!(bench.room(EUR_JPY), Err(LimitBreach::NoConversion));
    bench.price(USD_JPY, "150", "150.1");
    assert_eq!(bench.room(EUR_JPY), Ok((10_000, 10_000)), "180 / 150 x 0.02");
    bench.price(EUR_GBP, "0.79", "0.8");
    bench.price(GBP_USD, "1.49", "1.5");
    assert_eq!(bench.room(EUR_GBP), Ok((10_000, 10_000)), "0.8 x 1.5 x 0.02");
}

#[test]
fn what_nobody_said_is_refused_by_name() {
    let mut bench = Bench::new();
    assert_eq!(bench.room(EUR_USD), Err(LimitBreach::BalanceUnknown));
    bench.stated("240", 0);
    assert_eq!(bench.room(GBP_USD), Err(LimitBreach::NoBook));
    bench.credit.set_rate(EUR_USD, fixed("0"));
    assert_eq!(bench.room(EUR_USD), Err(LimitBreach::BalanceUnknown), "no rate");
    let ours = Exposure { position_known: false, ..bench.orders.exposure(EUR_USD) };
    let room = bench.credit.room(EUR_USD, &ours, &bench.market, &bench.orders, &bench.positions);
    assert_eq!(room, Err(LimitBreach::PositionUnknown));
}

#[test]
fn open_orders_of_every_instrument_are_taken_off_one_side_or_the_other() {
    let mut bench = Bench::new();
    bench.stated("240", 0);
    bench.place(EUR_USD, Side::Buy, 1_000);
    assert_eq!(bench.room(EUR_USD), Ok((9_000, 10_000)), "to sell binds no more than the bid may already");
    bench.place(EUR_USD, Side::Sell, 400);
    assert_eq!(bench.room(EUR_USD), Ok((9_000, 9_600)));
    bench.price(GBP_USD, "1.4999", "1.5");
    bench.place(GBP_USD, Side::Sell, 4_000);
    assert_eq!(bench.room(EUR_USD), Ok((4_000, 4_600)), "120 of 240 are for the pounds");
}

#[test]
fn what_closes_binds_nothing_on_either_kind_of_account() {
    let mut bench = Bench::new();
    bench.stated("24", 0);
    bench.hold(EUR_USD, Side::Buy, 5_000);
    assert_eq!(bench.room(EUR_USD), Ok((1_000, 11_000)), "closed, turned round, and 1,000 more");
    bench.place(EUR_USD, Side::Sell, 5_000);
    assert_eq!(bench.room(EUR_USD), Ok((1_000, 6_000)));
    bench.credit.stated(&AccountFact { hedging: Some(true), ..AccountFact::default() });
    assert_eq!(bench.room(EUR_USD), Ok((1_000, 1_000)), "the short side grows beside the long one");
    bench.hold(EUR_USD, Side::Sell, 2_000);
    assert_eq!(bench.room(EUR_USD), Ok((2_000, 0)), "it may outgrow the long side by 2,000 already");
}

#[test]
fn fills_are_taken_off_until_the_venue_has_counted_them() {
    let mut bench = Bench::new();
    bench.stated("240", 7);
    bench.opened(EUR_USD, 8, 1_000);
    bench.opened(EUR_USD, 9, 2_000);
    bench.opened(EUR_USD, 7, 5_000);
    assert_eq!(bench.room(EUR_USD), Ok((7_000, 7_000)), "what was there before is counted");
    bench.stated("216", 8);
    assert_eq!(bench.room(EUR_USD), Ok((7_000, 7_000)));
    bench.stated("168", 9);
    assert_eq!(bench.room(EUR_USD), Ok((7_000, 7_000)));
    bench.opened(GBP_USD, 10, 1);
    assert_eq!(bench.room(EUR_USD), Ok((0, 0)), "nobody can tell what pounds bind now");
    bench.stated("120", 10);
    assert_eq!(bench.room(EUR_USD), Ok((5_000, 5_000)));
}

#[test]
fn a_word_that_a_newer_one_overtook_brings_nothing_back() {
    let mut bench = Bench::new();
    bench.stated("240", 7);
    bench.opened(EUR_USD, 8, 1_000);
    bench.stated("216", 8);
    bench.stated("240", 7);
    assert_eq!(bench.room(EUR_USD), Ok((9_000, 9_000)));
}

#[test]
fn more_fills_than_are_kept_one_by_one_are_all_taken_off_until_the_last_is_counted() {
    let mut bench = Bench::new();
    bench.stated("240", 0);
    let fills = UNSEEN_KEPT as u64 + 10;
    for trade in 1..=fills {
        bench.opened(EUR_USD, trade, 10);
    }
    let left = 10_000 - 10 * i128::from(fills);
    assert_eq!(bench.room(EUR_USD), Ok((left, left)));
    bench.stated("240", fills - 1);
    let left = 10_000 - 110;
    assert_eq!(bench.room(EUR_USD), Ok((left, left)), "the eleven newest are one");
    bench.stated("240", fills);
    assert_eq!(bench.room(EUR_USD), Ok((10_000, 10_000)));
}
