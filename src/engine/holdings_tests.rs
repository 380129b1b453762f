use super::super::desk::Desk;
use super::super::portfolio::NO_PRICE;
use super::super::publish::Market;
use super::super::trading::Trading;
use super::super::ConnId;
use super::*;
use crate::order::{
    ClientOrderIds, FactSource, FillFact, OrderFact, OrderLimits, OrderStatus, Orders, PlaceReply, ReconcileRules,
};
use crate::record::{
    BookSide, ClientOrderId, ExecutionId, Fixed, InlineText, Instrument, Liquidity, Listing, OrderCommand, PerVenue,
    RejectClass, RequestId, Side, StrategyId, TradingStatus, UnixNanos, Venue, VenueOrderId, EXECUTION_FLAG_LAST,
    EXECUTION_FLAG_LATE, EXECUTION_FLAG_REPLAYED,
};
use crate::sim::FakeOutputs;
use crate::venue::{BookEvent, BookEventKind};

const EUR: InstrumentId = InstrumentId(0);
const NOW: UnixNanos = UnixNanos(1_800_000_000_000_000_000);
const PIP: i64 = 10_000;
const UNIT: i64 = 10_000_000;

fn instrument(venue: Venue) -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let listing = Listing {
        venue,
        symbol: "EUR_USD".into(),
        streamed_as: None,
        base: "EUR".into(),
        quote: "USD".into(),
        tick: fixed("0.00001"),
        lot: fixed("1"),
        quote_lot: fixed("0.00001"),
        size_min: fixed("1"),
        size_max: fixed("100000000"),
        notional_min: Fixed::default(),
        status: TradingStatus::Online,
    };
    Instrument::new(EUR, AssetId(0), AssetId(7), listing)
}

struct Desks {
    venue: Venue,
    market: Market,
    trading: Trading,
    out: FakeOutputs,
}

impl Desks {
    /// One strategy, whose order 50 rests at OANDA.
    fn new() -> Desks {
        Desks::at(Venue::Oanda, Side::Sell)
    }

    /// The same at any venue, on either side.
    fn at(venue: Venue, side: Side) -> Desks {
        let orders =
            Orders::new(ClientOrderIds::new("xc", 1).unwrap(), OrderLimits::default(), ReconcileRules::default());
        let desks = PerVenue::new(|_| Desk::idle(0));
        let mut all = Desks {
            venue,
            market: Market::new(64, false),
            trading: Trading::new(orders, desks, None, 1),
            out: FakeOutputs::new(1, 1),
        };
        all.trading.delivery.add(StrategyId(0));
        let instrument = instrument(venue);
        assert!(all.market.put(instrument.clone()));
        all.trading.portfolio.know(&instrument);
        all.trading.purse.know(&instrument, &mut all.trading.orders);
        for (code, asset) in [("EUR", instrument.base), ("USD", instrument.quote)] {
            all.trading.orders.name_asset(venue, code, asset);
        }
        let command =
            OrderCommand::limit(EUR, side, 12_000 * PIP, 300 * UNIT).stamped(RequestId::new(StrategyId(0), 1), NOW);
        let placed = all.trading.orders.place(&command, &instrument).unwrap();
        let (orders, mut sink) = all.trading.orders_and_sink(&mut all.out);
        let reply = PlaceReply::Accepted { venue_order_id: order("50") };
        orders.place_reply(NOW, placed.slot, &reply, &mut sink);
        all.out.executions[0].clear();
        all
    }

    fn ear(&mut self) -> Ear<'_, FakeOutputs> {
        let Desks { venue, market, trading, out } = self;
        Ear { market, trading, out, conn: ConnId(0), venue: *venue, now: NOW }
    }

    fn take(&mut self) -> Vec<ExecutionRecord> {
        std::mem::take(&mut self.out.executions[0])
    }
}

fn order(id: &str) -> VenueOrderId {
    VenueOrderId::new(id).unwrap()
}

/// The venue says how order 50 stands: so much executed for so much.
fn stands(side: Side, status: OrderStatus, units: i64, value: Option<&str>) -> OrderFact {
    OrderFact {
        source: FactSource::Stream,
        instrument: Some(EUR),
        unknown_symbol: InlineText::EMPTY,
        venue_order_id: order("50"),
        client_order_id: ClientOrderId::EMPTY,
        status,
        side,
        cumulative_quantity: units * UNIT,
        cumulative_value: value.map(money),
        cumulative_fees: None,
        limit_price: 12_000 * PIP,
        quantity: 300 * UNIT,
        venue_time: NOW,
        reject: RejectClass::None,
        code: InlineText::EMPTY,
    }
}

fn money(text: &str) -> Fixed128 {
    crate::record::parse_any(text.as_bytes()).unwrap()
}

/// A row of the history of order 50.
fn row(id: &str, side: Side, units: i64, pips: i64) -> FillFact {
    FillFact {
        execution_id: ExecutionId::new(id).unwrap(),
        fee: Fixed128::new(1, 0),
        fee_asset: Some(InlineText::truncated("EUR")),
        ..FillFact { side, ..part(0, TradeEffect::Opened, units, pips).fill }
    }
}

type Seen = (ExecutionKind, Side, i64, bool);

/// Kind, side, units and whether the event ends.
fn seen(records: &[ExecutionRecord]) -> Vec<Seen> {
    records.iter().map(|r| (r.kind, r.side, r.last_quantity / UNIT, r.has(EXECUTION_FLAG_LAST))).collect()
}

fn part(trade_id: u64, effect: TradeEffect, units: i64, pips: i64) -> TradeFill {
    let fill = FillFact {
        venue_order_id: order("50"),
        execution_id: ExecutionId::new(&format!("51-{trade_id}")).unwrap(),
        instrument: Some(EUR),
        side: Side::Sell,
        price: pips * PIP,
        quantity: units * UNIT,
        fee: Fixed128::default(),
        fee_asset: None,
        liquidity: Liquidity::Unknown,
        venue_time: NOW,
    };
    TradeFill { fill, trade_id, effect, realised: None }
}

#[test]
fn a_fill_that_closes_reduces_and_opens_is_one_event_with_the_position_behind_it() {
    let mut desks = Desks::new();
    let held = |trade_id, units| HeldTrade { instrument: EUR, side: Side::Buy, trade_id, units, price: 11_900 * PIP };
    desks.ear().held(&held(1, 100 * UNIT));
    desks.ear().held(&held(2, 50 * UNIT));
    desks.ear().restore_held();
    let parts = [
        part(1, TradeEffect::Closed, 100, 12_000),
        part(2, TradeEffect::Closed, 50, 12_000),
        part(51, TradeEffect::Opened, 150, 12_000),
    ];
    desks.ear().fills(&parts);
    let records = desks.take();
    let seen: Vec<_> = records.iter().map(|r| (r.kind, r.has(EXECUTION_FLAG_LAST), r.last_quantity / UNIT)).collect();
    assert_eq!(
        seen,
        [
            (ExecutionKind::Fill, false, 100),
            (ExecutionKind::Fill, false, 50),
            (ExecutionKind::Fill, false, 150),
            (ExecutionKind::Position, false, 0),
            (ExecutionKind::Position, true, 150),
        ]
    );
    let [.., long, short] = &records[..] else { panic!() };
    assert_eq!((long.side, short.side, short.last_price), (Side::Buy, Side::Sell, 12_000 * PIP));
    // 150 units from 1.19 to 1.20.
    assert_eq!((long.value().to_string(), short.value().to_string()), ("1.5".into(), "1.5".into()));
    assert_eq!((short.venue_code.as_str(), short.fee_asset), (NO_PRICE, AssetId(7)));
}

#[test]
fn a_position_told_before_the_picture_is_told_again_by_it_if_it_was_another() {
    let mut desks = Desks::new();
    let held = |trade_id, units| HeldTrade { instrument: EUR, side: Side::Buy, trade_id, units, price: 11_900 * PIP };
    let told = |desks: &mut Desks| {
        let Desks { market, trading, out, .. } = desks;
        trading.event(NOW, market, out, |_, _| ());
        seen(&desks.take()).into_iter().map(|(kind, side, units, _)| (kind, side, units)).collect::<Vec<_>>()
    };
    // It closes a trade of before: what was held then is not known yet.
    desks.ear().fills(&[part(1, TradeEffect::Reduced, 100, 12_000)]);
    assert_eq!(
        told(&mut desks)[1..],
        [(ExecutionKind::Position, Side::Buy, 0), (ExecutionKind::Position, Side::Sell, 0)]
    );
    for known in [false, true] {
        desks.trading.held.clear();
        desks.ear().held(&held(1, 200 * UNIT));
        desks.ear().restore_held();
        let again = [(ExecutionKind::Position, Side::Buy, 200), (ExecutionKind::Position, Side::Sell, 0)];
        assert_eq!(told(&mut desks), if known { &[][..] } else { &again[..] });
    }
}

#[test]
fn profit_not_realised_is_reckoned_at_the_books_best_prices() {
    let mut desks = Desks::new();
    let mut ear = desks.ear();
    ear.book(BookEvent { instrument: EUR, kind: BookEventKind::SnapshotFirst, venue_time: NOW, sequence: 0 });
    ear.level(BookSide::Bid, 11_989 * PIP, UNIT);
    ear.level(BookSide::Ask, 11_990 * PIP, UNIT);
    ear.book_end(true);
    ear.fills(&[part(51, TradeEffect::Opened, 300, 12_000)]);
    let short = desks.take().pop().unwrap();
    assert_eq!((short.kind, short.side), (ExecutionKind::Position, Side::Sell));
    assert_eq!((short.fee().to_string(), short.venue_code.as_str()), ("0.3".into(), ""));
}

#[test]
fn an_order_goes_on_under_the_id_the_venue_gave_it() {
    let mut desks = Desks::new();
    desks.ear().renumbered(&order("50"), &order("60"));
    let find = |desks: &Desks, id| desks.trading.orders.find(Venue::Oanda, &crate::record::OrderRef::Venue(order(id)));
    assert!(find(&desks, "60").is_some() && find(&desks, "50").is_none());
    assert!(!desks.trading.orders.renumber(Venue::Oanda, &order("50"), &order("70")));
}

#[test]
fn the_venues_own_figures_are_records_of_the_account() {
    let mut desks = Desks::new();
    let money = |text: &str| Some(money(text));
    let position = PositionFact {
        instrument: EUR,
        side: Side::Buy,
        units: 3 * UNIT,
        average_price: money("1.2").unwrap(),
        realised: money("-0.5"),
        unrealised: money("0.25"),
        venue_time: UnixNanos::NONE,
    };
    desks.ear().position(&position);
    let account = AccountFact {
        balance: money("100.5"),
        margin_used: money("2.4"),
        margin_available: money("98.1"),
        margin_call: Some(true),
        ..AccountFact::default()
    };
    desks.ear().account(&account);
    let records = desks.take();
    let seen: Vec<_> = records.iter().map(|r| (r.kind, r.value().to_string(), r.fee().to_string())).collect();
    let text = |kind, value: &str, fee: &str| (kind, value.to_owned(), fee.to_owned());
    assert_eq!(
        seen,
        [
            text(ExecutionKind::Position, "-0.5", "0.25"),
            text(ExecutionKind::Balance, "100.5", "0"),
            text(ExecutionKind::Margin, "2.4", "98.1"),
            text(ExecutionKind::MarginCall, "0", "0"),
        ]
    );
    assert!(records[0].has(EXECUTION_FLAG_RECONCILED) && records.iter().all(|r| r.has(EXECUTION_FLAG_LAST)));
    assert_eq!(records[3].last_quantity, 1);
}

#[test]
fn what_contradicts_the_position_is_announced() {
    let mut desks = Desks::new();
    desks.ear().fills(&[part(9, TradeEffect::Closed, 10, 12_000)]);
    assert!(desks.out.notes.iter().any(|note| note.contains("not held")), "{:?}", desks.out.notes);
}

const SPOT: [Venue; 2] = [Venue::Coinbase, Venue::BinanceUs];

/// The balance at the start: 1,000 EUR, of which 20 are held. Nothing was executed before that would still be told.
fn begins(desks: &mut Desks) {
    let asset = InlineText::truncated("EUR");
    let venue_time = NOW;
    desks.ear().balance(&BalanceFact { asset, available: money("980"), hold: money("20"), venue_time });
    desks.trading.open_position(NOW, desks.venue, EUR, NOW);
    let lag_ms = desks.trading.orders.listing_lag_ms();
    desks.trading.portfolio.openings.told_until(desks.venue, NOW.plus_ms(lag_ms));
    desks.take();
}

#[test]
fn a_fill_at_a_spot_venue_is_one_event_with_both_sides_of_the_position_behind_it() {
    for venue in SPOT {
        let mut desks = Desks::at(venue, Side::Buy);
        begins(&mut desks);
        desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, Some("119.5")));
        let (fill, position) = (ExecutionKind::Fill, ExecutionKind::Position);
        let records = desks.take();
        let first = [(fill, Side::Buy, 100, false), (position, Side::Buy, 100, false), (position, Side::Sell, 0, true)];
        assert_eq!(seen(&records), first, "{venue}");
        let [_, long, short] = &records[..] else { panic!() };
        assert_eq!((long.last_price, long.has(EXECUTION_FLAG_DERIVED)), (11_950 * PIP, false), "{venue}: divides");
        assert_eq!([long, short].map(|r| r.cumulative_quantity / UNIT), [1_100; 2], "{venue}: as the limit sees it");
        assert_eq!([long, short].map(|r| r.request), [RequestId::NONE; 2], "{venue}");
        assert_eq!((long.venue_code.as_str(), long.fee_asset), (NO_PRICE, AssetId(7)), "{venue}");
        desks.ear().order(&stands(Side::Buy, OrderStatus::Filled, 300, Some("359.5")));
        let records = desks.take();
        let rest = [
            (fill, Side::Buy, 200, false),
            (ExecutionKind::Filled, Side::Buy, 0, false),
            (position, Side::Buy, 300, false),
            (position, Side::Sell, 0, true),
        ];
        assert_eq!(seen(&records), rest, "{venue}");
        // 359.5 over 300 does not divide.
        assert_eq!((records[2].last_price, records[2].has(EXECUTION_FLAG_DERIVED)), (119_833_333, true), "{venue}");
        assert_eq!(desks.trading.orders.exposure(EUR).position, records[3].cumulative_quantity, "{venue}");
    }
}

#[test]
fn a_position_that_has_not_begun_is_flagged_and_told_again_once_it_has() {
    for venue in SPOT {
        let mut desks = Desks::at(venue, Side::Buy);
        let lag_ms = desks.trading.orders.listing_lag_ms();
        let sides = |desks: &mut Desks| {
            let Desks { market, trading, out, .. } = desks;
            trading.event(NOW, market, out, |_, _| ());
            let told = desks.take();
            let positions = told.iter().filter(|record| record.kind == ExecutionKind::Position);
            positions.map(|r| (r.cumulative_quantity / UNIT, r.has(EXECUTION_FLAG_DERIVED))).collect::<Vec<_>>()
        };
        desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, Some("120")));
        assert_eq!(sides(&mut desks), [(100, true); 2], "{venue}: fills alone");
        let asset = InlineText::truncated("EUR");
        let balance = BalanceFact { asset, available: money("1100"), hold: money("0"), venue_time: NOW };
        desks.ear().balance(&balance);
        let (soon, late) = (NOW.plus_ms(lag_ms), NOW.plus_ms(lag_ms).plus_ms(1));
        desks.trading.open_position(soon, venue, EUR, soon);
        assert_eq!(sides(&mut desks), [(1_100, true); 2], "{venue}: perhaps");
        assert!(!desks.trading.orders.exposure(EUR).position_known, "{venue}");
        desks.trading.open_position(late, venue, EUR, late);
        assert_eq!(sides(&mut desks), [(1_100, false); 2], "{venue}: for certain");
        desks.trading.open_position(late, venue, EUR, late);
        assert_eq!(sides(&mut desks), [], "{venue}: once");
        // A fill that may be older than the balance.
        desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 150, Some("180")));
        assert_eq!(sides(&mut desks), [(1_150, true); 2], "{venue}: in doubt");
        assert!(!desks.trading.orders.exposure(EUR).position_known, "{venue}");
    }
}

#[test]
fn what_was_held_before_is_sold_short_of_this_session_and_bought_back_with_profit() {
    for venue in SPOT {
        let mut desks = Desks::at(venue, Side::Sell);
        begins(&mut desks);
        let mut ear = desks.ear();
        ear.book(BookEvent { instrument: EUR, kind: BookEventKind::SnapshotFirst, venue_time: NOW, sequence: 0 });
        ear.level(BookSide::Bid, 11_980 * PIP, UNIT);
        ear.level(BookSide::Ask, 11_990 * PIP, UNIT);
        ear.book_end(true);
        ear.order(&stands(Side::Sell, OrderStatus::Open, 100, Some("120")));
        let [.., long, short] = &desks.take()[..] else { panic!() };
        assert_eq!((long.last_quantity, short.last_quantity / UNIT, short.last_price), (0, 100, 12_000 * PIP));
        assert_eq!((short.cumulative_quantity / UNIT, short.fee().to_string()), (900, "0.1".into()), "{venue}");
        // Another order of ours buys 40 of them back at 1.19.
        let command =
            OrderCommand::limit(EUR, Side::Buy, 11_900 * PIP, 40 * UNIT).stamped(RequestId::new(StrategyId(0), 2), NOW);
        let placed = desks.trading.orders.place(&command, &instrument(venue)).unwrap();
        let reply = PlaceReply::Accepted { venue_order_id: order("51") };
        let (orders, mut sink) = desks.trading.orders_and_sink(&mut desks.out);
        orders.place_reply(NOW, placed.slot, &reply, &mut sink);
        let bought = FillFact { venue_order_id: order("51"), ..row("e1", Side::Buy, 40, 11_900) };
        desks.ear().fill(&bought);
        let [.., long, short] = &desks.take()[..] else { panic!() };
        assert_eq!((long.last_quantity, short.last_quantity / UNIT), (0, 60), "{venue}");
        assert_eq!((short.value().to_string(), short.cumulative_quantity / UNIT), ("0.4".into(), 940), "{venue}");
    }
}

#[test]
fn only_a_fill_with_a_quantity_moves_a_spot_position_and_only_once() {
    for venue in SPOT {
        let mut desks = Desks::at(venue, Side::Buy);
        desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, Some("120")));
        desks.take();
        desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, Some("120")));
        assert_eq!(seen(&desks.take()), [], "{venue}: said again");
        // The row of the same execution enriches it; a fee in the base asset is not in the position.
        desks.ear().fill(&row("e1", Side::Buy, 100, 12_000));
        assert_eq!(seen(&desks.take()), [(ExecutionKind::FillDetail, Side::Buy, 100, true)], "{venue}");
        desks.ear().order(&stands(Side::Buy, OrderStatus::Cancelled, 100, Some("120")));
        assert_eq!(seen(&desks.take()), [(ExecutionKind::Cancelled, Side::Buy, 0, true)], "{venue}");
        // One found after the end moves it all the same.
        desks.ear().fill(&row("e2", Side::Buy, 50, 12_300));
        let records = desks.take();
        assert!(records[0].has(EXECUTION_FLAG_LATE), "{venue}: {records:?}");
        let late = [
            (ExecutionKind::Fill, Side::Buy, 50, false),
            (ExecutionKind::Position, Side::Buy, 150, false),
            (ExecutionKind::Position, Side::Sell, 0, true),
        ];
        assert_eq!(seen(&records), late, "{venue}");
        assert_eq!((records[1].last_price, records[1].cumulative_quantity / UNIT), (12_100 * PIP, 150), "{venue}");
    }
}

#[test]
fn a_value_the_venue_leaves_out_is_not_guessed_and_made_up_for() {
    let mut desks = Desks::at(Venue::Coinbase, Side::Buy);
    desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, None));
    let [_, long, _] = desks.take()[..] else { panic!() };
    let told = (long.last_quantity / UNIT, long.last_price, long.has(EXECUTION_FLAG_DERIVED), long.fee);
    assert_eq!((told, long.venue_code.as_str()), ((100, 0, true, 0), NO_PRICE));
    desks.ear().order(&stands(Side::Buy, OrderStatus::Open, 100, Some("119")));
    let records = desks.take();
    let made_up = [
        (ExecutionKind::Fill, Side::Buy, 0, false),
        (ExecutionKind::Position, Side::Buy, 100, false),
        (ExecutionKind::Position, Side::Sell, 0, true),
    ];
    assert_eq!((&seen(&records)[..], records[1].last_price), (&made_up[..], 11_900 * PIP));
    assert_eq!(records[1].cumulative_quantity / UNIT, 100, "moved once");
}

#[test]
fn what_a_dead_sessions_order_executed_meanwhile_is_in_the_balance_of_the_start() {
    for venue in SPOT {
        let mut desks = Desks::at(venue, Side::Buy);
        begins(&mut desks);
        let replayed = ExecutionRecord {
            last_quantity: 100 * UNIT,
            flags: EXECUTION_FLAG_REPLAYED,
            ..ExecutionRecord::new(ExecutionKind::Fill, venue, EUR)
        };
        let (_, mut sink) = desks.trading.orders_and_sink(&mut desks.out);
        sink.emit(&replayed);
        assert!(!desks.trading.portfolio.has_untold(), "{venue}");
        assert_eq!(desks.trading.portfolio.of(venue).get(EUR).unwrap().net_units(), 0, "{venue}");
    }
}

#[test]
fn several_orders_of_one_answer_are_told_with_the_position_they_leave() {
    // Executions that are found by a query move it as those of a stream do, whoever called the table.
    let mut desks = Desks::at(Venue::BinanceUs, Side::Buy);
    let Desks { market, trading, out, .. } = &mut desks;
    trading.event(NOW, market, out, |orders, event| {
        for (id, pips) in [("e1", 11_900), ("e2", 12_000)] {
            orders.fill_fact(NOW, Venue::BinanceUs, &row(id, Side::Buy, 50, pips), event);
        }
    });
    let records = desks.take();
    let together = [
        (ExecutionKind::Fill, Side::Buy, 50, true),
        (ExecutionKind::Fill, Side::Buy, 50, false),
        (ExecutionKind::Position, Side::Buy, 100, false),
        (ExecutionKind::Position, Side::Sell, 0, true),
    ];
    assert_eq!((&seen(&records)[..], records[2].last_price), (&together[..], 11_950 * PIP));
}
