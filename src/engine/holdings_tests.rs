use super::super::desk::Desk;
use super::super::publish::Market;
use super::super::trading::Trading;
use super::super::ConnId;
use super::*;
use crate::order::{ClientOrderIds, FillFact, OrderLimits, Orders, PlaceReply, ReconcileRules};
use crate::record::{
    ExecutionId, Fixed, Instrument, Liquidity, Listing, OrderCommand, PerVenue, RequestId, StrategyId, TradingStatus,
    Venue, VenueOrderId, EXECUTION_FLAG_LAST,
};
use crate::sim::FakeOutputs;
use crate::venue::{BookEvent, BookEventKind};

const EUR: InstrumentId = InstrumentId(0);
const NOW: UnixNanos = UnixNanos(1_800_000_000_000_000_000);
const PIP: i64 = 10_000;
const UNIT: i64 = 10_000_000;

fn instrument() -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let listing = Listing {
        venue: Venue::Oanda,
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
    market: Market,
    trading: Trading,
    out: FakeOutputs,
}

impl Desks {
    /// One strategy, whose order 50 rests.
    fn new() -> Desks {
        let orders =
            Orders::new(ClientOrderIds::new("xc", 1).unwrap(), OrderLimits::default(), ReconcileRules::default());
        let desks = PerVenue::new(|_| Desk::idle(0));
        let mut all = Desks {
            market: Market::new(64, false),
            trading: Trading::new(orders, desks, None, 1),
            out: FakeOutputs::new(1, 1),
        };
        all.trading.delivery.add(StrategyId(0));
        assert!(all.market.put(instrument()));
        let command = OrderCommand::limit(EUR, Side::Sell, 12_000 * PIP, 300 * UNIT)
            .stamped(RequestId::new(StrategyId(0), 1), NOW);
        let placed = all.trading.orders.place(&command, &instrument()).unwrap();
        let (orders, mut sink) = all.trading.orders_and_sink(&mut all.out);
        let reply = PlaceReply::Accepted { venue_order_id: order("50") };
        orders.place_reply(NOW, placed.slot, &reply, &mut sink);
        all.out.executions[0].clear();
        all
    }

    fn ear(&mut self) -> Ear<'_, FakeOutputs> {
        let Desks { market, trading, out } = self;
        Ear { market, trading, out, conn: ConnId(0), venue: Venue::Oanda, now: NOW }
    }

    fn take(&mut self) -> Vec<ExecutionRecord> {
        std::mem::take(&mut self.out.executions[0])
    }
}

fn order(id: &str) -> VenueOrderId {
    VenueOrderId::new(id).unwrap()
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
fn a_fill_that_closes_reduces_and_opens_is_one_event_and_then_the_position() {
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
            (ExecutionKind::Fill, true, 150),
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
    let money = |text: &str| Some(crate::record::parse_any(text.as_bytes()).unwrap());
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
