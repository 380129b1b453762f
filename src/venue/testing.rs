//! What the tests of every venue share: an ear that writes down what it is told, and frames as a server sends them.

use super::{
    AccountFact, Anomaly, BalanceFact, BookEvent, CandleFact, Facts, FillFact, FuturesFact, GapScope, HeldTrade,
    PositionFact, QuoteFact, StreamFact, TickerFact, TradeFact, TradeFill, Wire,
};
use crate::order::{CancelReply, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{
    BookSide, ClientOrderId, Fixed, Fixed128, GapCause, InstrumentId, TradingStatus, UnixNanos, VenueOrderId,
};

/// One thing told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Book(BookEvent),
    Level(BookSide, i64, i64),
    BookEnd(bool),
    Trade(TradeFact),
    Quote(QuoteFact),
    Ticker(TickerFact),
    TickerBatch(TickerFact),
    Candle(CandleFact),
    Futures(FuturesFact),
    Increments(InstrumentId, Fixed, Fixed),
    Status(InstrumentId, TradingStatus, UnixNanos),
    Gap(GapScope, GapCause, u64),
    Stream(StreamFact),
    Order(OrderFact),
    Place(PlaceReply),
    Cancel(VenueOrderId, CancelReply),
    Replace(VenueOrderId, ReplaceReply),
    Renumbered(VenueOrderId, VenueOrderId),
    Fill(FillFact),
    Fills(Vec<TradeFill>),
    Held(HeldTrade),
    Position(PositionFact),
    Account(AccountFact),
    Balance(BalanceFact),
    BalanceChange(String, Fixed128),
    Anomaly(Anomaly, String),
}

/// Writes everything down; also the wire.
#[derive(Debug, Default)]
pub struct Ear {
    pub told: Vec<Told>,
    pub sent: Vec<u8>,
    pub retired: Vec<Box<str>>,
}

impl Ear {
    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// What was sent since the last call, where it is text throughout.
    pub fn take_sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.sent)).unwrap()
    }

    /// What was sent since the last call, as frames, unmasked: opcode and text.
    pub fn take_frames(&mut self) -> Vec<(u8, String)> {
        let sent = std::mem::take(&mut self.sent);
        let mut rest = &sent[..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (header, len) = match rest[1] & 0x7f {
                126 => (8, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
                len => (6, usize::from(len)),
            };
            assert_eq!(rest[1] & 0x80, 0x80, "masked");
            let text: Vec<u8> = rest[header..header + len].iter().map(|byte| byte ^ 7).collect();
            found.push((rest[0], String::from_utf8_lossy(&text).into_owned()));
            rest = &rest[header + len..];
        }
        found
    }

    pub fn anomalies(&self) -> Vec<(Anomaly, String)> {
        self.only(|told| if let Told::Anomaly(kind, text) = told { Some((*kind, text.clone())) } else { None })
    }

    pub fn gaps(&self) -> Vec<(GapScope, GapCause, u64)> {
        let gap = |told: &Told| {
            if let Told::Gap(scope, cause, missed) = told {
                Some((*scope, *cause, *missed))
            } else {
                None
            }
        };
        self.only(gap)
    }

    pub fn orders(&self) -> Vec<OrderFact> {
        self.only(|told| if let Told::Order(fact) = told { Some(*fact) } else { None })
    }

    /// The parts of all fills, of a venue that keeps trades: there, no fill comes without its trade.
    pub fn fills(&self) -> Vec<TradeFill> {
        assert!(!self.told.iter().any(|told| matches!(told, Told::Fill(_))), "a fill without a trade: {:?}", self.told);
        self.only(|told| if let Told::Fills(parts) = told { Some(parts.clone()) } else { None }).concat()
    }

    fn only<T>(&self, pick: impl Fn(&Told) -> Option<T>) -> Vec<T> {
        self.told.iter().filter_map(pick).collect()
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
    fn ticker_batch(&mut self, fact: TickerFact) {
        self.told.push(Told::TickerBatch(fact));
    }
    fn candle(&mut self, fact: CandleFact) {
        self.told.push(Told::Candle(fact));
    }
    fn futures(&mut self, fact: FuturesFact) {
        self.told.push(Told::Futures(fact));
    }
    fn increments(&mut self, instrument: InstrumentId, tick: Fixed, lot: Fixed) {
        self.told.push(Told::Increments(instrument, tick, lot));
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
    fn replace_reply(&mut self, venue_order_id: &VenueOrderId, reply: ReplaceReply) {
        self.told.push(Told::Replace(*venue_order_id, reply));
    }
    fn cancel_reply(&mut self, venue_order_id: &VenueOrderId, reply: CancelReply) {
        self.told.push(Told::Cancel(*venue_order_id, reply));
    }
    fn fill(&mut self, fact: &FillFact) {
        self.told.push(Told::Fill(*fact));
    }
    fn fills(&mut self, parts: &[TradeFill]) {
        self.told.push(Told::Fills(parts.to_vec()));
    }
    fn renumbered(&mut self, old: &VenueOrderId, new: &VenueOrderId) {
        self.told.push(Told::Renumbered(*old, *new));
    }
    fn held(&mut self, fact: &HeldTrade) {
        self.told.push(Told::Held(*fact));
    }
    fn position(&mut self, fact: &PositionFact) {
        self.told.push(Told::Position(*fact));
    }
    fn account(&mut self, fact: &AccountFact) {
        self.told.push(Told::Account(*fact));
    }
    fn balance(&mut self, fact: &BalanceFact) {
        self.told.push(Told::Balance(*fact));
    }
    fn balance_change(&mut self, asset: &str, change: Fixed128, _: UnixNanos) {
        self.told.push(Told::BalanceChange(asset.to_owned(), change));
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
    fn retire(&mut self, token: Box<str>) {
        self.retired.push(token);
    }
}

/// What was told, without the places where book events were cut.
pub fn uncut(told: &[Told]) -> Vec<Told> {
    let mut out: Vec<Told> = Vec::new();
    let mut continued = false;
    for told in told {
        match told {
            Told::BookEnd(false) => continued = true,
            Told::Book(_) if continued => continued = false,
            other => out.push(other.clone()),
        }
    }
    out
}

/// Every event that begins ends, and levels come only in between.
pub fn assert_bracketed(told: &[Told]) {
    let mut inside = false;
    for told in told {
        match told {
            Told::Book(_) => assert!(!std::mem::replace(&mut inside, true), "began twice"),
            Told::BookEnd(_) => assert!(std::mem::replace(&mut inside, false), "ended without a beginning"),
            Told::Level(..) => assert!(inside, "a level outside of an event"),
            _ => {}
        }
    }
    assert!(!inside, "never ended");
}

/// A server's frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![opcode];
    match payload.len() {
        len @ 0..126 => out.push(len as u8),
        len @ 126..65_536 => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// A message with some bytes changed, and cut off somewhere if so wished.
pub fn damaged(
    text: String,
    changes: &[(proptest::sample::Index, u8)],
    cut: Option<proptest::sample::Index>,
) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    // Frames that are not UTF-8 never come this far.
    String::from_utf8_lossy(&bytes).into_owned().into_bytes()
}
