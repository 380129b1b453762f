//! Helpers of this folder's tests: instruments, and an ear that writes down what it is told.

use super::dialect::Dialect;
use super::stream::{Control, Fault};
use crate::codec::json::{ArraySlicer, Plain, Slice, SliceLimits};
use crate::order::{CancelReply, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{
    AssetId, BookSide, ClientOrderId, Fixed, Fixed128, GapCause, Instrument, InstrumentId, Listing, TradingStatus,
    UnixNanos, Venue, VenueOrderId,
};
use crate::venue::{
    Anomaly, BalanceFact, BookEvent, CandleFact, Facts, FeeFact, FillFact, FuturesFact, GapScope, QuoteFact,
    StreamFact, TickerFact, TradeFact, Wire,
};

/// An instrument with a tick of 0.01, a lot of 1e-8 and exponents of -8.
pub fn instrument(id: u32, symbol: &str) -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let (base, quote) = symbol.split_once('-').unwrap();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: symbol.into(),
        streamed_as: None,
        base: base.into(),
        quote: quote.into(),
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

/// The same for a product that public channels send under another name.
pub fn streamed_as(id: u32, symbol: &str, stream: &str) -> Instrument {
    let plain = instrument(id, symbol);
    let listing = Listing { streamed_as: Some(stream.into()), ..plain.listing };
    Instrument::new(plain.id, plain.base, plain.quote, listing)
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
    Fill(FillFact),
    Fee(FeeFact),
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

    /// What was sent since the last call, unmasked: opcode and text.
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
        let found = self.told.iter().filter_map(|t| match t {
            Told::Anomaly(kind, text) => Some((*kind, text.clone())),
            _ => None,
        });
        found.collect()
    }

    pub fn gaps(&self) -> Vec<(GapScope, GapCause, u64)> {
        let found = self.told.iter().filter_map(|t| match t {
            Told::Gap(scope, cause, missed) => Some((*scope, *cause, *missed)),
            _ => None,
        });
        found.collect()
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
    fn fee(&mut self, fact: &FeeFact) {
        self.told.push(Told::Fee(*fact));
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

/// Reads a message as the session reads long ones: in slices of so many bytes and elements.
pub fn read_sliced<D: Dialect>(
    decoder: &mut D,
    plain: &mut Plain,
    ear: &mut Ear,
    text: &[u8],
    (bytes, elements): (usize, usize),
) -> Control {
    let limits =
        SliceLimits { slice_bytes_max: bytes, slice_elements_max: elements, assembly_bytes: bytes.max(text.len()) * 2 };
    let mut slicer = ArraySlicer::with_limits(D::LONG_ARRAYS, limits);
    assert_eq!(slicer.push(text), text.len());
    slicer.finish();
    decoder.long_begins();
    loop {
        let useful = match slicer.next_slice() {
            Ok(Slice::NeedMore) => panic!("everything was pushed"),
            Ok(Slice::Head { text, .. }) => decoder.long_head(plain, text, ear),
            Ok(Slice::Elements { text, last }) => decoder.long_elements(plain, text, last, ear),
            Ok(Slice::End { text }) => {
                let control = decoder.long_end(plain, text, ear);
                while decoder.long_rest(ear) {}
                return control;
            }
            Err(error) => {
                decoder.long_failed(&Fault::Slice(error), ear);
                false
            }
        };
        if !useful {
            return Control::None;
        }
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
