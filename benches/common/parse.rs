//! A parser's floor and a parser's ear: the JSON tape alone, and facts that are only counted.

use super::engine::ROUND;
use exchange_connectors::order::{CancelReply, OrderFact, PlaceReply, ReplaceReply};
use exchange_connectors::record::{
    BookSide, ClientOrderId, GapCause, InstrumentId, TradingStatus, UnixNanos, VenueOrderId,
};
use exchange_connectors::venue::{
    Anomaly, BookEvent, Facts, FillFact, GapScope, QuoteFact, StreamFact, TickerFact, TradeFact, Wire,
};
use simd_json::{fill_tape, Buffers, Tape};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The tape alone over the payloads of the same messages.
pub struct Tapes {
    buffers: Buffers,
    tape: Tape<'static>,
    sequence: u64,
}

impl Tapes {
    /// `sequence` is the number of the first message made.
    pub fn new(sequence: u64) -> Tapes {
        Tapes { buffers: Buffers::new(4096), tape: Tape(Vec::new()), sequence }
    }

    /// One round of messages.
    pub fn round(&mut self, make: fn(u64) -> String) -> Duration {
        let mut texts: Vec<Vec<u8>> = (0..ROUND).map(|i| make(self.sequence + i).into_bytes()).collect();
        self.sequence += ROUND;
        let start = Instant::now();
        for text in &mut texts {
            let mut filled = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            assert!(fill_tape(text, &mut self.buffers, &mut filled).is_ok());
            black_box(&filled.0);
            self.tape = filled.reset();
        }
        start.elapsed()
    }
}

/// Counts what it is told, and keeps the compiler from leaving any of it out.
#[derive(Default)]
pub struct Count {
    /// Levels, trades, orders and fills.
    pub told: usize,
    /// Of everything.
    pub sum: i64,
}

impl Facts for Count {
    fn book(&mut self, event: BookEvent) {
        self.sum = self.sum.wrapping_add(event.venue_time.0 as i64);
    }
    fn level(&mut self, _: BookSide, price: i64, size: i64) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(price ^ size);
    }
    fn book_end(&mut self, _: bool) {}
    fn trade(&mut self, fact: TradeFact) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(fact.price ^ fact.size ^ fact.venue_time.0 as i64);
    }
    fn quote(&mut self, _: QuoteFact) {}
    fn ticker(&mut self, _: TickerFact) {}
    fn status(&mut self, _: InstrumentId, _: TradingStatus, _: UnixNanos) {}
    fn gap(&mut self, _: GapScope, cause: GapCause, _: u64) {
        panic!("no gap here: {cause:?}");
    }
    fn stream(&mut self, _: StreamFact) {}
    fn order(&mut self, fact: &OrderFact) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(fact.cumulative_quantity ^ fact.venue_time.0 as i64);
    }
    fn place_reply(&mut self, _: &ClientOrderId, _: PlaceReply) {}
    fn cancel_reply(&mut self, _: &VenueOrderId, _: CancelReply) {}
    fn replace_reply(&mut self, _: &VenueOrderId, _: ReplaceReply) {}
    fn fill(&mut self, fact: &FillFact) {
        self.told += 1;
        self.sum = self.sum.wrapping_add(fact.price ^ fact.quantity);
    }
    fn anomaly(&mut self, _: Anomaly, excerpt: &str) {
        panic!("nothing is wrong here: {excerpt}");
    }
}

impl Wire for Count {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        build(&mut Vec::new());
    }
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn retire(&mut self, _: Box<str>) {}
}
