//! Helpers of this folder's tests: instruments, and an ear that writes down what it is told.

use super::auth::{AccessToken, AccountId};
use super::products::{GuaranteedStops, InstrumentRules};
use crate::order::{CancelReply, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{
    AssetId, BookSide, ClientOrderId, Fixed, GapCause, Instrument, InstrumentId, TradingStatus, UnixNanos, VenueOrderId,
};
use crate::venue::{
    AccountFact, Anomaly, BookEvent, Facts, FillFact, GapScope, HeldTrade, PositionFact, QuoteFact, StreamFact,
    TickerFact, TradeFact, TradeFill, Wire,
};

pub const NOW: UnixNanos = UnixNanos(1_800_000_000_000_000_000);

/// One unit at the size exponent of the instruments here.
pub const UNIT: i64 = 10_000_000;

pub fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

pub fn account() -> AccountId {
    AccountId::new("101-001-7654321-001").unwrap()
}

pub fn token() -> AccessToken {
    AccessToken::new("throwaway-test-token").unwrap()
}

/// Rules as most pairs have them: five decimals, three where yen are paid.
pub fn rules(name: &str) -> InstrumentRules {
    InstrumentRules {
        name: name.into(),
        kind: "CURRENCY".into(),
        display_precision: if name.ends_with("_JPY") { 3 } else { 5 },
        trade_units_precision: 0,
        pip_location: if name.ends_with("_JPY") { -2 } else { -4 },
        units_min: fixed("1"),
        units_max: fixed("100000000"),
        position_max: Fixed::default(),
        trailing_min: fixed("0.0005"),
        trailing_max: fixed("1"),
        margin_rate: fixed("0.02"),
        guaranteed_stops: GuaranteedStops::Disabled,
        guaranteed_distance_min: None,
    }
}

pub fn instrument(id: u32, name: &str) -> Instrument {
    Instrument::new(InstrumentId(id), AssetId(0), AssetId(1), rules(name).listing())
}

/// One thing told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Book(BookEvent),
    Level(BookSide, i64, i64),
    BookEnd(bool),
    Trade(TradeFact),
    Quote(QuoteFact),
    Ticker(TickerFact),
    Status(InstrumentId, TradingStatus, UnixNanos),
    Gap(GapScope, GapCause, u64),
    Stream(StreamFact),
    Order(OrderFact),
    Place(PlaceReply),
    Cancel(VenueOrderId, CancelReply),
    Replace(VenueOrderId, ReplaceReply),
    Renumbered(VenueOrderId, VenueOrderId),
    Held(HeldTrade),
    Fills(Vec<TradeFill>),
    Position(PositionFact),
    Account(AccountFact),
    Anomaly(Anomaly, String),
}

/// Writes everything down; also the wire.
#[derive(Debug, Default)]
pub struct Ear {
    pub told: Vec<Told>,
    pub sent: Vec<u8>,
}

impl Ear {
    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// What was sent since the last call.
    pub fn take_sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.sent)).unwrap()
    }

    pub fn anomalies(&self) -> Vec<(Anomaly, String)> {
        let found = self.told.iter().filter_map(|t| match t {
            Told::Anomaly(kind, text) => Some((*kind, text.clone())),
            _ => None,
        });
        found.collect()
    }

    pub fn orders(&self) -> Vec<OrderFact> {
        self.told.iter().filter_map(|t| if let Told::Order(fact) = t { Some(*fact) } else { None }).collect()
    }

    pub fn fills(&self) -> Vec<TradeFill> {
        let found =
            self.told.iter().filter_map(|t| if let Told::Fills(facts) = t { Some(facts.clone()) } else { None });
        found.flatten().collect()
    }
}

impl Facts for Ear {
    fn book(&mut self, event: BookEvent) {
        self.told.push(Told::Book(event));
    }
    fn level(&mut self, side: BookSide, price: i64, size: i64) {
        self.told.push(Told::Level(side, price, size));
    }
    fn book_end(&mut self, last: bool) {
        self.told.push(Told::BookEnd(last));
    }
    fn trade(&mut self, fact: TradeFact) {
        self.told.push(Told::Trade(fact));
    }
    fn quote(&mut self, fact: QuoteFact) {
        self.told.push(Told::Quote(fact));
    }
    fn ticker(&mut self, fact: TickerFact) {
        self.told.push(Told::Ticker(fact));
    }
    fn status(&mut self, instrument: InstrumentId, status: TradingStatus, venue_time: UnixNanos) {
        self.told.push(Told::Status(instrument, status, venue_time));
    }
    fn gap(&mut self, scope: GapScope, cause: GapCause, missed: u64) {
        self.told.push(Told::Gap(scope, cause, missed));
    }
    fn stream(&mut self, fact: StreamFact) {
        self.told.push(Told::Stream(fact));
    }
    fn order(&mut self, fact: &OrderFact) {
        self.told.push(Told::Order(*fact));
    }
    fn place_reply(&mut self, _: &ClientOrderId, reply: PlaceReply) {
        self.told.push(Told::Place(reply));
    }
    fn cancel_reply(&mut self, venue_order_id: &VenueOrderId, reply: CancelReply) {
        self.told.push(Told::Cancel(*venue_order_id, reply));
    }
    fn replace_reply(&mut self, venue_order_id: &VenueOrderId, reply: ReplaceReply) {
        self.told.push(Told::Replace(*venue_order_id, reply));
    }
    fn renumbered(&mut self, old: &VenueOrderId, new: &VenueOrderId) {
        self.told.push(Told::Renumbered(*old, *new));
    }
    fn held(&mut self, fact: &HeldTrade) {
        self.told.push(Told::Held(*fact));
    }
    fn fill(&mut self, fact: &FillFact) {
        panic!("OANDA fills have trades: {fact:?}");
    }
    fn fills(&mut self, parts: &[TradeFill]) {
        self.told.push(Told::Fills(parts.to_vec()));
    }
    fn position(&mut self, fact: &PositionFact) {
        self.told.push(Told::Position(*fact));
    }
    fn account(&mut self, fact: &AccountFact) {
        self.told.push(Told::Account(*fact));
    }
    fn anomaly(&mut self, anomaly: Anomaly, excerpt: &str) {
        self.told.push(Told::Anomaly(anomaly, excerpt.to_owned()));
    }
}

impl Wire for Ear {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        build(&mut self.sent);
    }
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn retire(&mut self, _: Box<str>) {}
}
