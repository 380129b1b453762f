//! Helpers of this floor's tests: one instrument, a sink that keeps what it is told, and short ways to say evidence.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod cancels;
mod changes;
mod lifecycle;
mod model;
mod recall;
mod reconcile;
mod swaps;
mod table;

use super::*;
use crate::record::*;

pub const T0: UnixNanos = UnixNanos(1_700_000_000_000_000_000);
pub const V: Venue = Venue::Coinbase;
pub const QUANTITY: i64 = 1_000;
const PRICE: i64 = 10_000_000_000;

#[derive(Default)]
pub struct Log(pub Vec<ExecutionRecord>);

impl Executions for Log {
    fn emit(&mut self, record: &ExecutionRecord) {
        self.0.push(*record);
    }
}

impl Log {
    pub fn kinds(&self) -> Vec<ExecutionKind> {
        self.0.iter().map(|r| r.kind).collect()
    }

    pub fn last(&self) -> &ExecutionRecord {
        self.0.last().unwrap()
    }
}

pub fn instrument() -> Instrument {
    let fixed = |text: &str| Fixed::parse(text).unwrap();
    let listing = Listing {
        venue: V,
        symbol: "BTC-USD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

pub fn orders_of(limits: OrderLimits) -> Orders {
    Orders::new(ClientOrderIds::new("xc", 7).unwrap(), limits, ReconcileRules::default())
}

pub fn request(counter: u64) -> RequestId {
    RequestId::new(StrategyId(3), counter)
}

pub fn place_command(counter: u64) -> OrderCommand {
    OrderCommand::limit(InstrumentId(0), Side::Buy, PRICE, QUANTITY).stamped(request(counter), T0)
}

pub fn venue_id(text: &str) -> VenueOrderId {
    VenueOrderId::new(text).unwrap()
}

pub fn fact(client: &ClientOrderId, id: &str, status: OrderStatus, executed: i64) -> OrderFact {
    OrderFact {
        source: FactSource::Stream,
        instrument: Some(InstrumentId(0)),
        unknown_symbol: InlineText::EMPTY,
        venue_order_id: venue_id(id),
        client_order_id: *client,
        status,
        side: Side::Buy,
        cumulative_quantity: executed,
        cumulative_value: Some(Fixed128::new(i128::from(executed) * i128::from(PRICE), -16)),
        cumulative_fees: Some(Fixed128::new(i128::from(executed), -8)),
        limit_price: PRICE,
        quantity: QUANTITY,
        venue_time: T0,
        reject: RejectClass::None,
        code: InlineText::EMPTY,
    }
}

pub fn row(id: &str, execution: &str, quantity: i64) -> FillFact {
    FillFact {
        venue_order_id: venue_id(id),
        execution_id: ExecutionId::new(execution).unwrap(),
        instrument: Some(InstrumentId(0)),
        side: Side::Buy,
        price: PRICE,
        quantity,
        fee: Fixed128::new(i128::from(quantity), -8),
        fee_asset: None,
        liquidity: Liquidity::Maker,
        venue_time: T0,
    }
}

/// A table with one order that was sent, and what it said.
pub struct Bench {
    pub orders: Orders,
    pub log: Log,
    pub slot: Slot,
    pub client: ClientOrderId,
    pub now: UnixNanos,
}

impl Bench {
    pub fn new() -> Bench {
        let mut orders = orders_of(OrderLimits { open_max: 4, closed_kept: 4, executions_kept: 16, strangers_kept: 4 });
        let placed = orders.place(&place_command(1), &instrument()).unwrap();
        Bench { orders, log: Log::default(), slot: placed.slot, client: placed.client_order_id, now: T0 }
    }

    pub fn sent() -> Bench {
        let mut bench = Bench::new();
        bench.orders.sent(T0, bench.slot, T0);
        bench
    }

    pub fn live() -> Bench {
        let mut bench = Bench::sent();
        bench.accept();
        bench
    }

    pub fn unknown() -> Bench {
        let mut bench = Bench::sent();
        bench.orders.connection_lost(bench.now, bench.slot, &mut bench.log);
        bench
    }

    pub fn state(&self) -> OrderState {
        self.orders.get(self.slot).unwrap().state()
    }

    pub fn advance(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    pub fn accept(&mut self) {
        self.reply(PlaceReply::Accepted { venue_order_id: venue_id("v-1") });
    }

    pub fn reject(&mut self, class: RejectClass) {
        self.reply(PlaceReply::Rejected { class, code: InlineText::truncated("CODE") });
    }

    pub fn reply(&mut self, reply: PlaceReply) {
        self.orders.place_reply(self.now, self.slot, &reply, &mut self.log);
    }

    pub fn tell(&mut self, status: OrderStatus, executed: i64) -> Whose {
        let fact = fact(&self.client, "v-1", status, executed);
        self.give(&fact)
    }

    pub fn tell_by_query(&mut self, status: OrderStatus, executed: i64) -> Whose {
        let fact = OrderFact { source: FactSource::Query, ..fact(&self.client, "v-1", status, executed) };
        self.give(&fact)
    }

    pub fn give(&mut self, fact: &OrderFact) -> Whose {
        self.orders.order_fact(self.now, V, (-8, -8), fact, &mut self.log)
    }

    pub fn list(&mut self, execution: &str, quantity: i64) -> Whose {
        self.orders.fill_fact(self.now, V, &row("v-1", execution, quantity), &mut self.log)
    }

    pub fn query(&mut self) -> Option<(QueryId, Query)> {
        loop {
            match self.orders.next_query(self.now, V)? {
                // Balances are asked for once everything else was; they are no news about orders.
                (id, Query::Balances { .. }) => self.done(id),
                query => return Some(query),
            }
        }
    }

    pub fn done(&mut self, id: QueryId) {
        self.orders.query_done(self.now, id, QueryEnd::Complete, &mut self.log);
    }
}
