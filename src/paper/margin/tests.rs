//! The account of margin: what the local venue's scripts cannot show, and what no sequence of events may break.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::book::{BlockPool, OrderBook};
use crate::order::{OrderStatus, PlaceReply, ReplaceReply};
use crate::paper::{Answer, Books, PaperConfig, PaperVenue, Shown, Told};
use crate::record::{
    parse_any, AssetId, BookSide, ClientOrderId, Fixed, Fixed128, InlineText, Instrument, InstrumentId, Listing,
    OrderType, RejectClass, Side, TimeInForce, TradingStatus, UnixNanos, Venue, VenueOrderId,
};
use crate::venue::{AccountFact, PlaceIntent, ReplaceIntent};
use proptest::prelude::*;
use rust_decimal::Decimal;
use Side::{Buy, Sell};

const NAMES: [(&str, &str, &str); 4] =
    [("EUR", "USD", "0.00001"), ("USD", "JPY", "0.001"), ("EUR", "GBP", "0.00001"), ("GBP", "USD", "0.00001")];
const EUR_USD: usize = 0;
const USD_JPY: usize = 1;
const EUR_GBP: usize = 2;
const GBP_USD: usize = 3;

struct AllBooks {
    pool: BlockPool,
    books: Vec<OrderBook>,
    whole: bool,
}

impl Books for AllBooks {
    fn shown(&self, id: InstrumentId) -> Option<Shown<'_>> {
        self.books.get(id.index()).filter(|_| self.whole).map(|book| Shown::new(book, &self.pool))
    }
}

struct Bench {
    venue: PaperVenue,
    books: AllBooks,
    instruments: Vec<Instrument>,
    now: u64,
    placed: u32,
    news: Vec<Told>,
}

fn amount(text: &str) -> Fixed128 {
    parse_any(text.as_bytes()).unwrap()
}

fn instrument(index: usize) -> Instrument {
    let (base, quote, tick) = NAMES[index];
    let listing = Listing {
        venue: Venue::Oanda,
        symbol: format!("{base}_{quote}").into(),
        streamed_as: None,
        base: base.into(),
        quote: quote.into(),
        tick: Fixed::parse(tick).unwrap(),
        lot: Fixed::new(1, 0),
        quote_lot: Fixed::parse(tick).unwrap(),
        size_min: Fixed::new(1, 0),
        size_max: Fixed::new(100_000_000, 0),
        notional_min: Fixed::new(0, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(index as u32), AssetId(0), AssetId(1), listing)
}

impl Bench {
    fn new() -> Bench {
        let config = PaperConfig::new(Venue::Oanda).balance("USD", Decimal::from(10_000)).unwrap();
        let mut venue = PaperVenue::new(&config);
        let instruments: Vec<Instrument> = (0..NAMES.len()).map(instrument).collect();
        instruments.iter().for_each(|instrument| venue.know(instrument));
        let books = NAMES.iter().map(|_| OrderBook::new()).collect();
        let books = AllBooks { pool: BlockPool::new(64), books, whole: true };
        Bench { venue, books, instruments, now: 1_000, placed: 0, news: vec![] }
    }

    /// One bucket a side.
    fn quote(&mut self, index: usize, bid: &str, ask: &str, units: i64) {
        self.now += 10;
        let instrument = &self.instruments[index];
        let size = Fixed::new(units, 0).rescale(instrument.size_exponent).unwrap();
        let AllBooks { pool, books, .. } = &mut self.books;
        books[index].clear(pool);
        for (side, price) in [(BookSide::Bid, bid), (BookSide::Ask, ask)] {
            let price = Fixed::parse(price).unwrap().rescale(instrument.price_exponent).unwrap();
            books[index].set(pool, side, price, size).unwrap();
        }
        // Nothing is shown of a book that is not whole.
        if let Some(shown) = self.books.shown(instrument.id) {
            self.venue.book(UnixNanos(self.now), instrument.id, UnixNanos(self.now), shown);
        }
        self.hear();
    }

    fn submit(&mut self, index: usize, side: Side, price: Option<&str>, units: i64) -> ClientOrderId {
        self.placed += 1;
        self.now += 10;
        let client: ClientOrderId = InlineText::new(&format!("c{}", self.placed)).unwrap();
        let instrument = &self.instruments[index];
        let price = price.map(|price| Fixed::parse(price).unwrap().rescale(instrument.price_exponent).unwrap());
        let intent = PlaceIntent {
            instrument,
            client_order_id: &client,
            side,
            order_type: if price.is_some() { OrderType::Limit } else { OrderType::Market },
            time_in_force: match price {
                Some(_) => TimeInForce::GoodTilCancelled,
                None => TimeInForce::ImmediateOrCancel,
            },
            post_only: false,
            price: price.unwrap_or(0),
            quantity: Fixed::new(units, 0).rescale(instrument.size_exponent).unwrap(),
            quantity_in_quote: false,
            composite: None,
        };
        let asked = self.venue.asked(UnixNanos(self.now), &intent).unwrap();
        self.venue.place(UnixNanos(self.now), asked, &client);
        self.venue.arrive(UnixNanos(self.now), &self.books);
        self.hear();
        client
    }

    /// The id an order has now, if it was accepted.
    fn id_of(&self, client: ClientOrderId) -> Option<VenueOrderId> {
        self.news.iter().fold(None, |id, told| match told {
            Told::Answer(Answer::Place(of, PlaceReply::Accepted { venue_order_id })) if *of == client => {
                Some(*venue_order_id)
            }
            Told::Renumbered(old, new) if id == Some(*old) => Some(*new),
            _ => id,
        })
    }

    /// How an order stands, as far as the venue knows it.
    fn stands(&self, client: ClientOrderId) -> Option<OrderStatus> {
        self.venue.order_fact(&self.id_of(client)?).map(|fact| fact.status)
    }

    fn replace(&mut self, index: usize, client: ClientOrderId, price: &str, units: i64) {
        let Some(id) = self.id_of(client) else { return };
        let instrument = &self.instruments[index];
        let intent = ReplaceIntent {
            instrument,
            venue_order_id: &id,
            client_order_id: &client,
            side: Buy,
            price: Fixed::parse(price).unwrap().rescale(instrument.price_exponent).unwrap(),
            quantity: Fixed::new(units, 0).rescale(instrument.size_exponent).unwrap(),
        };
        self.venue.replace(UnixNanos(self.now), &intent);
        self.venue.arrive(UnixNanos(self.now), &self.books);
        self.hear();
    }

    fn cancel(&mut self, client: ClientOrderId) {
        let Some(id) = self.id_of(client) else { return };
        self.venue.cancel(UnixNanos(self.now), &id);
        self.venue.arrive(UnixNanos(self.now), &self.books);
        self.hear();
    }

    fn market(&mut self, index: usize, side: Side, units: i64) -> ClientOrderId {
        self.submit(index, side, None, units)
    }

    fn hear(&mut self) {
        while let Some(told) = self.venue.next_news(UnixNanos(self.now)) {
            self.news.push(told);
        }
    }

    fn account(&self) -> AccountFact {
        let last = self.news.iter().rev().find_map(|told| match told {
            Told::Account(fact) => Some(*fact),
            _ => None,
        });
        last.expect("figures were told")
    }

    fn balance(&self) -> Fixed128 {
        self.account().balance.unwrap().normalized()
    }

    fn refusal(&self, client: ClientOrderId) -> Option<(RejectClass, String)> {
        self.news.iter().find_map(|told| match told {
            Told::Answer(Answer::Place(of, PlaceReply::Rejected { class, code })) if *of == client => {
                Some((*class, code.to_string()))
            }
            _ => None,
        })
    }

    fn status(&self, client: ClientOrderId) -> Option<OrderStatus> {
        self.news.iter().rev().find_map(|told| match told {
            Told::Order(fact) if fact.client_order_id == client => Some(fact.status),
            _ => None,
        })
    }
}

#[test]
fn a_profit_in_another_currency_is_converted_at_a_cost() {
    let mut bench = Bench::new();
    bench.quote(USD_JPY, "150.000", "150.010", 100_000);
    bench.market(USD_JPY, Buy, 1_000);
    bench.quote(USD_JPY, "151.000", "151.010", 100_000);
    bench.market(USD_JPY, Sell, 1_000);
    // 990 JPY at 1 / 151.005, 0.00662230, less one hundredth: 0.00655608.
    assert_eq!(bench.balance(), amount("10006.4905"));
    bench.market(USD_JPY, Sell, 1_000);
    bench.quote(USD_JPY, "151.000", "151.010", 100_000);
    bench.market(USD_JPY, Buy, 1_000);
    // A loss of 10 JPY at 0.00662230 and one hundredth, 0.00668852.
    assert_eq!(bench.balance(), amount("10006.4236"));
}

#[test]
fn what_cannot_be_converted_is_not_traded() {
    let mut bench = Bench::new();
    bench.quote(EUR_GBP, "0.89420", "0.89430", 100_000);
    let unknown = bench.market(EUR_GBP, Buy, 100);
    assert_eq!(bench.refusal(unknown), Some((RejectClass::NotTradable, "INSTRUMENT_PRICE_UNKNOWN".to_owned())));
    bench.quote(GBP_USD, "1.34200", "1.34220", 100_000);
    let known = bench.market(EUR_GBP, Buy, 100);
    assert_eq!((bench.refusal(known), bench.status(known)), (None, Some(OrderStatus::Filled)));
}

#[test]
fn margin_is_bound_by_what_is_held_and_free_again_without_it() {
    let mut bench = Bench::new();
    bench.quote(EUR_USD, "1.20000", "1.20010", 1_000_000);
    bench.market(EUR_USD, Buy, 100_000);
    let account = bench.account();
    // 100,000 at 1.20005, one fiftieth of it; and the spread is lost already.
    assert_eq!(account.margin_used.unwrap().normalized(), amount("2400.1"));
    assert_eq!(account.unrealised.unwrap().normalized(), amount("-10"));
    assert_eq!(account.margin_available.unwrap().normalized(), amount("7589.9"));
    let more = bench.market(EUR_USD, Buy, 400_000);
    assert_eq!(bench.refusal(more), Some((RejectClass::InsufficientFunds, "INSUFFICIENT_MARGIN".to_owned())));
    bench.market(EUR_USD, Sell, 100_000);
    let account = bench.account();
    assert_eq!(account.margin_used.unwrap().normalized(), amount("0"));
    assert_eq!((bench.balance(), account.net_value.unwrap().normalized()), (amount("9990"), amount("9990")));
}

#[test]
fn an_account_that_is_lost_is_closed_instrument_by_instrument_with_its_next_price() {
    let mut bench = Bench::new();
    bench.quote(EUR_USD, "1.20000", "1.20010", 1_000_000);
    bench.quote(GBP_USD, "1.34200", "1.34210", 1_000_000);
    bench.market(EUR_USD, Buy, 300_000);
    bench.market(GBP_USD, Buy, 20_000);
    bench.quote(EUR_USD, "1.17500", "1.17510", 1_000_000);
    // 300,000 lost 2.51 cents each: twice what was left was less than the margin.
    assert_eq!(bench.balance(), amount("2470"));
    assert_eq!(bench.account().margin_used.unwrap().normalized(), amount("536.82"), "there is enough for the other");
    bench.quote(GBP_USD, "1.21000", "1.21010", 1_000_000);
    assert_eq!(bench.balance(), amount("-172"), "the second one's loss is more than what was left");
    assert_eq!(bench.account().margin_used.unwrap().normalized(), amount("0"));
}

#[test]
fn an_order_waits_while_its_instrument_cannot_be_traded() {
    let mut bench = Bench::new();
    bench.quote(EUR_USD, "1.20000", "1.20010", 1_000);
    let bid = bench.submit(EUR_USD, Buy, Some("1.19000"), 500);
    bench.venue.set_tradeable(InstrumentId(0), false);
    bench.quote(EUR_USD, "1.18000", "1.18010", 1_000);
    assert_eq!(bench.status(bid), Some(OrderStatus::Open));
    bench.venue.set_tradeable(InstrumentId(0), true);
    bench.quote(EUR_USD, "1.18000", "1.18010", 400);
    assert_eq!(bench.status(bid), Some(OrderStatus::Open), "never in part");
    bench.quote(EUR_USD, "1.18500", "1.18510", 1_000);
    assert_eq!(bench.status(bid), Some(OrderStatus::Filled));
}

#[test]
fn a_change_that_meets_no_book_is_refused_and_the_order_stands_as_it_stood() {
    for fate in ["fills", "is cancelled"] {
        let mut bench = Bench::new();
        bench.quote(EUR_USD, "1.20000", "1.20010", 1_000);
        let bid = bench.submit(EUR_USD, Buy, Some("1.19000"), 500);
        let id = bench.id_of(bid).unwrap();
        bench.books.whole = false;
        bench.replace(EUR_USD, bid, "1.18000", 400);
        let refused = |told: &Told| {
            matches!(told, Told::Answer(Answer::Replace(of, ReplaceReply::Rejected { class, .. }))
                if *of == id && *class == RejectClass::NotTradable)
        };
        assert!(bench.news.iter().any(refused), "{:?}", bench.news);
        bench.books.whole = true;
        assert_eq!((bench.id_of(bid), bench.stands(bid)), (Some(id), Some(OrderStatus::Open)), "before it {fate}");
        let ends = match fate {
            "fills" => {
                bench.quote(EUR_USD, "1.18990", "1.19000", 1_000);
                OrderStatus::Filled
            }
            _ => {
                bench.cancel(bid);
                OrderStatus::Cancelled
            }
        };
        assert_eq!((bench.stands(bid), bench.status(bid)), (Some(ends), Some(ends)), "it {fate}");
    }
}

/// What somebody does next, with an instrument and at a price in points above or below.
#[derive(Debug, Clone, Copy)]
enum Step {
    Place {
        buys: bool,
        units: i64,
        limit: bool,
    },
    Replace {
        at: usize,
        units: i64,
    },
    Cancel {
        at: usize,
    },
    /// The books are whole, or not.
    Whole(bool),
}

fn step() -> impl Strategy<Value = (usize, i64, Step)> {
    let step = prop_oneof![
        6 => (any::<bool>(), 1i64..40_000, any::<bool>())
            .prop_map(|(buys, units, limit)| Step::Place { buys, units, limit }),
        2 => (0usize..12, 1i64..40_000).prop_map(|(at, units)| Step::Replace { at, units }),
        1 => (0usize..12).prop_map(|at| Step::Cancel { at }),
        1 => any::<bool>().prop_map(Step::Whole),
    ];
    (0usize..2, -300i64..300, step)
}

/// No order is forgotten: one that was accepted and is not over rests under the id told last.
fn check_orders(bench: &Bench, placed: &[(usize, ClientOrderId)]) {
    for (index, client) in placed {
        let Some(id) = bench.id_of(*client) else { continue };
        let fact = bench.venue.order_fact(&id).expect("an order that was accepted is known");
        let resting = &bench.venue.markets[*index].as_ref().unwrap().resting;
        let rests = resting.iter().any(|slot| bench.venue.order(*slot).unwrap().id == id);
        assert_eq!(rests, !fact.status.is_terminal(), "{fact:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_balance_is_its_beginning_and_what_was_realised_and_the_same_events_give_the_same_news(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let play = || {
            let mut bench = Bench::new();
            let mut placed = Vec::new();
            bench.quote(EUR_USD, "1.20000", "1.20010", 30_000);
            bench.quote(USD_JPY, "150.000", "150.010", 30_000);
            for (index, points, step) in &steps {
                let (middle, places) = [(120_000, 5), (150_000, 3)][*index];
                let at = |points: i64| Decimal::new(middle + points, places).to_string();
                let price = at(*points);
                match *step {
                    Step::Place { buys, units, limit } => {
                        let side = if buys { Buy } else { Sell };
                        placed.push((*index, bench.submit(*index, side, limit.then_some(price.as_str()), units)));
                    }
                    Step::Replace { at: nth, units } => {
                        if let Some((index, client)) = placed.get(nth) {
                            let (middle, places) = [(120_000, 5), (150_000, 3)][*index];
                            let price = Decimal::new(middle + points, places).to_string();
                            bench.replace(*index, *client, &price, units);
                        }
                    }
                    Step::Cancel { at } => {
                        if let Some((_, client)) = placed.get(at) {
                            bench.cancel(*client);
                        }
                    }
                    Step::Whole(whole) => bench.books.whole = whole,
                }
                check_orders(&bench, &placed);
                bench.quote(*index, &at(*points), &at(*points + 10), 30_000);
                check_orders(&bench, &placed);
            }
            bench
        };
        let mut bench = play();
        prop_assert_eq!(&bench.news, &play().news);
        let (mut realised, mut net) = (Decimal::ZERO, [0i64; 4]);
        let parts = std::mem::take(&mut bench.venue.outbox.parts);
        for part in &parts {
            realised += part.realised.map_or(Decimal::ZERO, |profit| profit.to_decimal().unwrap());
            let signed = if part.fill.side == Buy { part.fill.quantity } else { -part.fill.quantity };
            net[part.fill.instrument.unwrap().index()] += signed;
        }
        let account = bench.venue.margin.as_deref().unwrap();
        prop_assert_eq!(account.balance.to_decimal().unwrap(), Decimal::from(10_000) + realised);
        for (index, net) in net.iter().enumerate() {
            let quoted = account.get(InstrumentId(index as u32)).unwrap();
            prop_assert_eq!(quoted.net(), *net);
            // Netting: never long and short at once.
            prop_assert!(quoted.trades.iter().all(|trade| trade.units.signum() == quoted.net().signum()));
        }
        let figures = account.figures().unwrap();
        prop_assert!(figures.margin_available.mantissa() >= 0);
    }
}
