//! The rules of the module's documentation, one by one; what no sequence of events may break is in `invariants`.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod invariants;

use super::*;
use crate::book::{BlockPool, OrderBook};
use crate::order::{CancelReply, FillFact, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::{
    parse_any, AssetId, BookSide, ClientOrderId, Fixed, Fixed128, InlineText, Instrument, InstrumentId, Listing,
    OrderType, Side, TimeInForce, TradingStatus, UnixNanos, Venue, VenueOrderId,
};
use crate::venue::{PlaceIntent, ReplaceIntent, TradeFact};
use rust_decimal::Decimal;
use Side::{Buy, Sell};

const ID: InstrumentId = InstrumentId(0);

fn instrument(venue: Venue) -> Instrument {
    let listing = Listing {
        venue,
        symbol: "BTC-USD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: Fixed::new(1, 0),
        lot: Fixed::new(1, 0),
        quote_lot: Fixed::new(1, -2),
        size_min: Fixed::new(1, 0),
        size_max: Fixed::new(1_000_000, 0),
        notional_min: Fixed::new(0, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(ID, AssetId(0), AssetId(1), listing)
}

struct OneBook {
    pool: BlockPool,
    book: OrderBook,
    whole: bool,
}

impl Books for OneBook {
    fn shown(&self, _: InstrumentId) -> Option<Shown<'_>> {
        self.whole.then(|| Shown::new(&self.book, &self.pool))
    }
}

struct Bench {
    venue: PaperVenue,
    market: OneBook,
    instrument: Instrument,
    now: u64,
    placed: u64,
    news: Vec<Told>,
}

fn config(venue: Venue) -> PaperConfig {
    let config = PaperConfig::new(venue).fees(Decimal::new(1, 2), Decimal::new(2, 2)).unwrap();
    let with = |config: PaperConfig, asset, amount: i64| config.balance(asset, Decimal::from(amount)).unwrap();
    with(with(config, "USD", 100_000), "BTC", 100)
}

/// Prices and sizes in whole units: bids 99 (5), 98 (10), asks 101 (5), 102 (10).
impl Bench {
    fn of(config: &PaperConfig) -> Bench {
        let instrument = instrument(config.venue());
        let mut venue = PaperVenue::new(config);
        venue.know(&instrument);
        let market = OneBook { pool: BlockPool::new(64), book: OrderBook::new(), whole: true };
        let mut bench = Bench { venue, market, instrument, now: 1_000, placed: 0, news: vec![] };
        for (side, price, size) in
            [(BookSide::Bid, 99, 5), (BookSide::Bid, 98, 10), (BookSide::Ask, 101, 5), (BookSide::Ask, 102, 10)]
        {
            bench.put(side, price, size);
        }
        bench.told();
        bench.show(&[]);
        bench
    }

    fn new() -> Bench {
        Bench::of(&config(Venue::Coinbase))
    }

    fn binance_us() -> Bench {
        Bench::of(&config(Venue::BinanceUs))
    }

    fn price(&self, price: i64) -> i64 {
        Fixed::new(price, 0).rescale(self.instrument.price_exponent).unwrap()
    }

    fn size(&self, size: i64) -> i64 {
        Fixed::new(size, 0).rescale(self.instrument.size_exponent).unwrap()
    }

    fn put(&mut self, side: BookSide, price: i64, size: i64) {
        let (price, size) = (self.price(price), self.size(size));
        self.market.book.set(&mut self.market.pool, side, price, size).unwrap();
    }

    /// Levels change, and the event ends.
    fn show(&mut self, levels: &[(BookSide, i64, i64)]) {
        self.now += 10;
        for (side, price, size) in levels {
            self.put(*side, *price, *size);
        }
        let shown = Shown::new(&self.market.book, &self.market.pool);
        self.venue.book(UnixNanos(self.now), ID, UnixNanos(self.now), shown);
    }

    /// Somebody trades: `side` is the aggressor's.
    fn trade(&mut self, side: Side, price: i64, size: i64) {
        self.now += 10;
        self.trade_at(self.now, side, price, size);
    }

    fn trade_at(&mut self, at: u64, side: Side, price: i64, size: i64) {
        let (price, size) = (self.price(price), self.size(size));
        let fact = TradeFact {
            instrument: ID,
            side,
            price,
            size,
            trade_id: 1,
            venue_time: UnixNanos(at),
            sequence: 0,
            snapshot: false,
            last: true,
        };
        self.venue.trade(UnixNanos(self.now), &fact);
    }

    fn submit(
        &mut self,
        change: impl FnOnce(&mut PlaceIntent<'_>),
        side: Side,
        price: i64,
        size: i64,
    ) -> ClientOrderId {
        self.placed += 1;
        let client: ClientOrderId = InlineText::new(&format!("c{}", self.placed)).unwrap();
        let mut intent = PlaceIntent {
            instrument: &self.instrument,
            client_order_id: &client,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
            price: self.price(price),
            quantity: self.size(size),
            quantity_in_quote: false,
            composite: None,
        };
        change(&mut intent);
        let asked = self.venue.asked(UnixNanos(self.now), &intent).unwrap();
        self.venue.place(UnixNanos(self.now), asked, &client);
        self.venue.arrive(UnixNanos(self.now), &self.market);
        client
    }

    fn limit(&mut self, side: Side, price: i64, size: i64) -> ClientOrderId {
        self.submit(|_| {}, side, price, size)
    }

    fn told(&mut self) {
        while let Some(told) = self.venue.next_news(UnixNanos(self.now)) {
            self.news.push(told);
        }
    }

    /// What was said of an order so far, in short: its answers, and its status with what is filled.
    fn said(&mut self, client: ClientOrderId) -> Vec<String> {
        self.told();
        let size = self.size(1);
        let id = self.id_of(client);
        let said = self.news.iter().filter_map(|told| match told {
            Told::Answer(Answer::Place(of, PlaceReply::Accepted { .. })) if *of == client => Some("accepted".into()),
            Told::Answer(Answer::Place(of, PlaceReply::Rejected { class, .. })) if *of == client => {
                Some(format!("rejected {class:?}"))
            }
            Told::Answer(Answer::Cancel(of, CancelReply::Rejected { class, .. })) if Some(*of) == id => {
                Some(format!("cancel rejected {class:?}"))
            }
            Told::Answer(Answer::Replace(of, ReplaceReply::Rejected { class, .. })) if Some(*of) == id => {
                Some(format!("replace rejected {class:?}"))
            }
            Told::Order(fact) if fact.client_order_id == client => {
                Some(format!("{:?} {}", fact.status, fact.cumulative_quantity / size))
            }
            _ => None,
        });
        said.collect()
    }

    fn id_of(&self, client: ClientOrderId) -> Option<VenueOrderId> {
        self.news.iter().find_map(|told| match told {
            Told::Answer(Answer::Place(of, PlaceReply::Accepted { venue_order_id })) if *of == client => {
                Some(*venue_order_id)
            }
            _ => None,
        })
    }

    fn last(&mut self, client: ClientOrderId) -> String {
        self.said(client).pop().unwrap_or_default()
    }

    fn cancel(&mut self, client: ClientOrderId) {
        self.told();
        let id = self.id_of(client).unwrap();
        self.venue.cancel(UnixNanos(self.now), &id);
        self.venue.arrive(UnixNanos(self.now), &self.market);
    }

    fn replace(&mut self, client: ClientOrderId, price: i64, size: i64) {
        self.told();
        let id = self.id_of(client).unwrap();
        let intent = ReplaceIntent {
            instrument: &self.instrument,
            venue_order_id: &id,
            client_order_id: &client,
            side: Buy,
            price: self.price(price),
            quantity: self.size(size),
        };
        self.venue.replace(UnixNanos(self.now), &intent);
        self.venue.arrive(UnixNanos(self.now), &self.market);
    }

    fn swap(&mut self, old: ClientOrderId, anyway: bool, price: i64, size: i64) -> ClientOrderId {
        self.told();
        let id = self.id_of(old).unwrap();
        self.placed += 1;
        let client: ClientOrderId = InlineText::new(&format!("c{}", self.placed)).unwrap();
        let intent = PlaceIntent {
            instrument: &self.instrument,
            client_order_id: &client,
            side: Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            post_only: false,
            price: self.price(price),
            quantity: self.size(size),
            quantity_in_quote: false,
            composite: None,
        };
        let asked = self.venue.asked(UnixNanos(self.now), &intent).unwrap();
        self.venue.swap(UnixNanos(self.now), &id, (false, anyway), asked, &client);
        self.venue.arrive(UnixNanos(self.now), &self.market);
        client
    }

    fn balance(&self, asset: &str) -> (Fixed128, Fixed128) {
        let of = |(code, ..): &(InlineText<16>, Fixed128, Fixed128)| code.as_str() == asset;
        let (_, available, hold) = self.venue.balances().find(of).unwrap();
        (available, hold)
    }
}

fn amount(text: &str) -> Fixed128 {
    parse_any(text.as_bytes()).unwrap()
}

fn sum(a: Fixed128, b: Fixed128) -> Fixed128 {
    crate::record::money::plus(a, b).unwrap()
}

fn less(a: Fixed128, b: Fixed128) -> Fixed128 {
    crate::record::money::minus(a, b).unwrap()
}

fn ioc(intent: &mut PlaceIntent<'_>) {
    intent.time_in_force = TimeInForce::ImmediateOrCancel;
}

fn fok(intent: &mut PlaceIntent<'_>) {
    intent.time_in_force = TimeInForce::FillOrKill;
}

fn post_only(intent: &mut PlaceIntent<'_>) {
    intent.post_only = true;
}

fn market(intent: &mut PlaceIntent<'_>) {
    (intent.order_type, intent.time_in_force) = (OrderType::Market, TimeInForce::ImmediateOrCancel);
}

#[test]
fn an_order_is_filled_once_what_stood_before_it_has_traded() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 99, 4);
    bench.trade(Sell, 99, 3);
    assert_eq!(bench.said(bid), ["accepted", "Open 0"], "5 stand before it");
    bench.trade(Sell, 99, 3);
    assert_eq!(bench.last(bid), "Open 1");
    bench.trade(Sell, 99, 9);
    assert_eq!(bench.last(bid), "Filled 4");
}

#[test]
fn a_trade_that_is_in_the_level_already_does_not_count_twice() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 99, 4);
    let traded_at = bench.now + 5;
    bench.show(&[(BookSide::Bid, 99, 2)]);
    bench.trade_at(traded_at, Sell, 99, 3);
    bench.trade(Sell, 99, 2);
    assert_eq!(bench.last(bid), "Open 0", "5 stood before it: 3 and 2 traded");
    bench.trade(Sell, 99, 1);
    assert_eq!(bench.last(bid), "Open 1");
}

#[test]
fn who_leaves_a_level_is_taken_to_have_stood_behind() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 99, 4);
    bench.show(&[(BookSide::Bid, 99, 20)]);
    bench.show(&[(BookSide::Bid, 99, 6)]);
    bench.trade(Sell, 99, 5);
    assert_eq!(bench.last(bid), "Open 0");
    bench.trade(Sell, 99, 1);
    assert_eq!(bench.last(bid), "Open 1");
}

#[test]
fn trades_before_an_order_joined_do_not_concern_it() {
    let mut bench = Bench::new();
    let before = bench.now - 5;
    let bid = bench.limit(Buy, 99, 4);
    bench.trade_at(before, Sell, 98, 50);
    bench.trade_at(before, Sell, 99, 50);
    assert_eq!(bench.last(bid), "Open 0");
}

#[test]
fn a_trade_at_a_worse_price_fills_up_to_its_size_the_best_first() {
    let mut bench = Bench::new();
    let (low, high) = (bench.limit(Buy, 99, 4), bench.limit(Buy, 100, 2));
    bench.trade(Sell, 98, 3);
    assert_eq!((bench.last(high), bench.last(low)), ("Filled 2".into(), "Open 1".into()));
    bench.trade(Buy, 98, 3);
    assert_eq!(bench.last(low), "Open 1", "a buyer meets no bids");
}

#[test]
fn an_offer_at_its_price_or_better_fills_it_once_at_its_own_price() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 100, 7);
    bench.show(&[(BookSide::Ask, 99, 3)]);
    assert_eq!(bench.last(bid), "Open 3");
    bench.show(&[(BookSide::Ask, 99, 3)]);
    assert_eq!(bench.last(bid), "Open 3", "the same offer");
    bench.show(&[(BookSide::Ask, 99, 5)]);
    assert_eq!(bench.last(bid), "Open 5");
    let held = bench.balance("USD").1;
    assert_eq!(held, amount("209"), "7 at 100 and the taker's fee, less 5 at 100 and the maker's, until it is over");
}

#[test]
fn a_taker_walks_the_book_and_what_it_took_is_gone() {
    let mut bench = Bench::new();
    let first = bench.submit(ioc, Buy, 102, 8);
    assert_eq!(bench.said(first), ["accepted", "Filled 8"]);
    // 5 at 101 and 3 at 102, and 2 % of that.
    assert_eq!(bench.balance("USD").0, amount("99172.78"));
    assert_eq!(bench.balance("BTC").0, amount("108"));
    let second = bench.submit(ioc, Buy, 102, 9);
    assert_eq!(bench.said(second), ["accepted", "Cancelled 7"], "7 of 15 were left");
    assert_eq!(bench.balance("USD").1, amount("0"));
    let third = bench.submit(market, Sell, 0, 20);
    assert_eq!(bench.said(third), ["accepted", "Cancelled 15"]);
}

#[test]
fn what_cannot_be_taken_at_once_rests_before_an_empty_queue() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 101, 7);
    assert_eq!(bench.said(bid), ["accepted", "Open 5"]);
    bench.trade(Sell, 101, 1);
    assert_eq!(bench.last(bid), "Open 6");
    bench.cancel(bid);
    assert_eq!(bench.last(bid), "Cancelled 6");
    assert_eq!(bench.balance("USD").1, amount("0"));
    bench.cancel(bid);
    assert_eq!(bench.last(bid), "cancel rejected UnknownOrder");
}

#[test]
fn all_or_nothing_is_all_or_nothing() {
    let mut bench = Bench::new();
    let (killed, filled) = (bench.submit(fok, Buy, 101, 6), bench.submit(fok, Buy, 101, 5));
    assert_eq!(bench.said(killed), ["accepted", "Cancelled 0"]);
    assert_eq!(bench.said(filled), ["accepted", "Filled 5"]);
}

#[test]
fn refusals_are_the_venues_own() {
    let mut bench = Bench::new();
    let refused = [bench.submit(post_only, Buy, 101, 1), bench.limit(Buy, 90, 100_000), bench.limit(Sell, 110, 101)];
    let said = refused.map(|client| bench.last(client));
    assert_eq!(said, ["rejected WouldTake", "rejected InsufficientFunds", "rejected InsufficientFunds"]);
    bench.market.whole = false;
    let blind = bench.limit(Buy, 90, 1);
    assert_eq!(bench.last(blind), "rejected NotTradable");
    bench.market.whole = true;
    bench.show(&[(BookSide::Ask, 101, 0), (BookSide::Ask, 102, 0)]);
    let dry = bench.submit(market, Buy, 0, 1);
    assert_eq!(bench.last(dry), "rejected NoLiquidity");
    assert_eq!(bench.balance("USD"), (amount("100000"), amount("0")), "nothing was held");
}

#[test]
fn a_purchase_by_quote_pays_its_fee_out_of_the_amount() {
    let mut bench = Bench::new();
    let quote = |intent: &mut PlaceIntent<'_>| {
        market(intent);
        intent.quantity_in_quote = true;
        intent.quantity = Fixed::new(700, 0).rescale(intent.instrument.quote_exponent).unwrap();
    };
    let order = bench.submit(quote, Buy, 0, 0);
    // 5 lots at 103.02 and one at 104.04; a seventh would be too dear.
    assert_eq!(bench.last(order), "Filled 6");
    assert_eq!(bench.balance("USD"), (amount("99380.86"), amount("0")));
    let mut bench = Bench::binance_us();
    let order = bench.submit(quote, Buy, 0, 0);
    assert_eq!(bench.last(order), "Filled 6", "505 + 102, fees are taken from what is received");
    assert_eq!((bench.balance("USD").0, bench.balance("BTC").0), (amount("99393"), amount("105.88")));
}

#[test]
fn our_orders_do_not_trade_with_each_other() {
    let mut bench = Bench::new();
    let ask = bench.limit(Sell, 101, 4);
    let bid = bench.limit(Buy, 101, 7);
    assert_eq!(bench.said(bid), ["accepted", "Cancelled 5"], "the 5 before ours, and no further");
    assert_eq!(bench.last(ask), "Open 0");
    let mut bench = Bench::binance_us();
    let ask = bench.limit(Sell, 100, 4);
    let bid = bench.limit(Buy, 101, 7);
    assert_eq!(bench.last(ask), "Expired 0");
    assert_eq!(bench.last(bid), "Open 5");
}

#[test]
fn binance_us_tells_every_execution_and_expires_what_is_not_filled() {
    let mut bench = Bench::binance_us();
    let order = bench.submit(ioc, Buy, 102, 20);
    assert_eq!(bench.said(order), ["accepted", "Open 0", "Expired 15"]);
    let fills: Vec<_> = bench
        .news
        .iter()
        .filter_map(|told| match told {
            Told::Fill(fill) => Some((fill.price / bench.price(1), fill.quantity / bench.size(1), *fill)),
            _ => None,
        })
        .collect();
    assert_eq!(fills.iter().map(|(price, size, _)| (*price, *size)).collect::<Vec<_>>(), [(101, 5), (102, 10)]);
    let in_base = |fill: &FillFact| fill.fee_asset.is_some_and(|asset| asset.as_str() == "BTC") && !fill.fee.is_zero();
    assert!(fills.iter().all(|(_, _, fill)| in_base(fill)), "a purchase pays in what it receives");
}

#[test]
fn commands_and_news_take_their_time_and_the_market_moves_meanwhile() {
    let config = config(Venue::Coinbase).latency_ns(100, 50).unwrap();
    let mut bench = Bench::of(&config);
    bench.now += 50;
    bench.told();
    let order = bench.submit(ioc, Buy, 101, 5);
    assert_eq!(bench.venue.deadline(), Some(UnixNanos(bench.now + 100)));
    bench.show(&[(BookSide::Ask, 101, 2)]);
    bench.now += 90;
    bench.venue.arrive(UnixNanos(bench.now), &bench.market);
    assert_eq!(bench.said(order), Vec::<String>::new(), "it has met the market, and nobody knows yet");
    bench.now += 50;
    assert_eq!(bench.said(order), ["accepted", "Cancelled 2"]);
}

#[test]
fn a_smaller_size_keeps_the_place_and_anything_else_joins_the_end() {
    let mut bench = Bench::new();
    let bid = bench.limit(Buy, 99, 4);
    bench.trade(Sell, 99, 4);
    bench.show(&[(BookSide::Bid, 99, 9)]);
    bench.replace(bid, 99, 3);
    bench.trade(Sell, 99, 2);
    assert_eq!(bench.last(bid), "Open 1", "1 stood before it");
    bench.replace(bid, 98, 3);
    bench.trade(Sell, 98, 1);
    assert_eq!(bench.last(bid), "Open 1", "10 stand before it");
    assert_eq!(bench.balance("USD").1, amount("199.92"), "2 at 98 and the taker's fee");
    bench.replace(bid, 98, 1);
    assert_eq!(bench.last(bid), "replace rejected InvalidSize");
    bench.replace(bid, 102, 3);
    assert_eq!(bench.last(bid), "Filled 3");
}

#[test]
fn a_swap_that_meets_no_book_leaves_the_old_order_as_it_stood() {
    for anyway in [false, true] {
        let mut bench = Bench::binance_us();
        let old = bench.limit(Buy, 99, 4);
        bench.market.whole = false;
        let new = bench.swap(old, anyway, 98, 3);
        assert_eq!(bench.said(old), ["accepted", "Open 0", "replace rejected NotTradable"], "{anyway}");
        assert_eq!(bench.said(new), ["rejected NotTradable"], "{anyway}");
        bench.market.whole = true;
        bench.trade(Sell, 98, 4);
        assert_eq!(bench.last(old), "Filled 4", "{anyway}");
    }
}
