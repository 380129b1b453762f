//! An ear that writes down what it is told, and instruments to be told about.

use exchange_connectors::order::{CancelReply, FillFact, OrderFact, PlaceReply, ReplaceReply};
use exchange_connectors::record::{
    AssetId, BookSide, ClientOrderId, Fixed, Fixed128, GapCause, Instrument, InstrumentId, Listing, TradingStatus,
    UnixNanos, Venue, VenueOrderId,
};
use exchange_connectors::venue::{
    AccountFact, Anomaly, BalanceFact, BookEvent, CandleFact, Facts, GapScope, HeldTrade, PositionFact, QuoteFact,
    StreamFact, TickerFact, TradeFact, TradeFill, Wire,
};

/// What was told, as text: facts have no common type.
#[derive(Default)]
pub struct Ear {
    pub told: Vec<String>,
    /// Place replies told.
    pub placed: usize,
    /// Levels told outside an event.
    pub stray_levels: usize,
    in_book: bool,
}

impl Ear {
    fn put(&mut self, what: impl std::fmt::Debug) {
        self.told.push(format!("{what:?}"));
    }
}

impl Facts for Ear {
    fn book(&mut self, event: BookEvent) {
        self.in_book = true;
        self.put(event);
    }

    fn level(&mut self, side: BookSide, price: i64, size: i64) {
        self.stray_levels += usize::from(!self.in_book);
        assert!(price >= 0 && size >= 0, "{price} {size}");
        self.put((side, price, size));
    }

    fn book_end(&mut self, last: bool) {
        assert!(std::mem::take(&mut self.in_book), "an event ends that never began");
        self.put(last);
    }

    fn trade(&mut self, fact: TradeFact) {
        assert!(fact.price >= 0 && fact.size >= 0, "{fact:?}");
        self.put(fact);
    }

    fn quote(&mut self, fact: QuoteFact) {
        self.put(fact);
    }

    fn ticker(&mut self, fact: TickerFact) {
        self.put(fact);
    }

    fn status(&mut self, instrument: InstrumentId, status: TradingStatus, venue_time: UnixNanos) {
        self.put((instrument, status, venue_time));
    }

    fn gap(&mut self, scope: GapScope, cause: GapCause, missed: u64) {
        self.put((scope, cause, missed));
    }

    fn stream(&mut self, fact: StreamFact) {
        self.put(fact);
    }

    fn order(&mut self, fact: &OrderFact) {
        assert!(fact.cumulative_quantity >= 0, "{fact:?}");
        self.put(fact);
    }

    fn place_reply(&mut self, client_order_id: &ClientOrderId, reply: PlaceReply) {
        self.placed += 1;
        self.put((client_order_id, reply));
    }

    fn cancel_reply(&mut self, venue_order_id: &VenueOrderId, reply: CancelReply) {
        self.put((venue_order_id, reply));
    }

    fn replace_reply(&mut self, venue_order_id: &VenueOrderId, reply: ReplaceReply) {
        self.put((venue_order_id, reply));
    }

    fn fill(&mut self, fact: &FillFact) {
        self.put(fact);
    }

    fn candle(&mut self, fact: CandleFact) {
        self.put(fact);
    }

    fn fills(&mut self, parts: &[TradeFill]) {
        self.put(parts);
    }

    fn renumbered(&mut self, old: &VenueOrderId, new: &VenueOrderId) {
        self.put((old, new));
    }

    fn held(&mut self, fact: &HeldTrade) {
        self.put(fact);
    }

    fn position(&mut self, fact: &PositionFact) {
        assert!(fact.units >= 0, "{fact:?}");
        self.put(fact);
    }

    fn account(&mut self, fact: &AccountFact) {
        self.put(fact);
    }

    fn balance(&mut self, fact: &BalanceFact) {
        self.put(fact);
    }

    fn balance_change(&mut self, asset: &str, change: Fixed128, venue_time: UnixNanos) {
        self.put((asset, change, venue_time));
    }

    fn anomaly(&mut self, anomaly: Anomaly, excerpt: &str) {
        assert!(excerpt.len() <= 1024, "an excerpt is short");
        self.put((anomaly, excerpt));
    }
}

impl Wire for Ear {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        build(&mut Vec::new());
    }

    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }

    fn retire(&mut self, _: Box<str>) {}
}

pub fn instrument(venue: Venue, id: u32, symbol: &str) -> Instrument {
    let fixed = |text| Fixed::parse(text).expect("a constant");
    let listing = Listing {
        venue,
        symbol: symbol.into(),
        streamed_as: None,
        base: "BASE".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(id), AssetId(0), AssetId(1), listing)
}
