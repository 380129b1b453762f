//! Bytes of a Coinbase frame to records on a strategy's ring, against the JSON tape alone.
//!
//! Baseline: simd-json's `fill_tape` into reused buffers over the same payloads, the floor of any walk over a tape.
//! `parser`: deframing, UTF-8 check, tape, sequence check, product, times, numbers, facts into a sink that counts.
//! `engine`: the parser, the book of 2,000 levels, and each event pushed whole on a real ring. `stamped`: the same with
//! the clock readings and histogram entries the reactor makes per event. Ratios travel; nanoseconds do not.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::coinbase::{btc, frame, one_trade, three_levels};
use common::engine::{acknowledgements, snapshot, stream_config, Running, NOW, ROUND};
use common::parse::{Count, Tapes};
use common::Comparisons;
use exchange_connectors::venue::coinbase::{StreamRole, StreamSession};
use exchange_connectors::venue::Channels;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The session alone.
struct Parser {
    session: StreamSession,
    count: Count,
    sequence: u64,
}

impl Parser {
    fn new() -> Parser {
        let mut session = StreamSession::new(StreamRole::Market, stream_config());
        session.want(&btc(), Channels::BOOK.with(Channels::TRADES)).unwrap();
        let mut count = Count::default();
        session.opened(NOW, &mut count).unwrap();
        for text in acknowledgements().into_iter().chain([snapshot(2)]) {
            let mut bytes = frame(&text);
            let mut at = 0;
            loop {
                let progress = session.bytes(NOW, bytes.get_mut(at..).unwrap_or_default(), &mut count).unwrap();
                at += progress.consumed;
                if at >= bytes.len() && !progress.more {
                    break;
                }
            }
        }
        Parser { session, count, sequence: 3 }
    }

    fn round(&mut self, make: fn(u64) -> String, facts: usize) -> Duration {
        let mut frames: Vec<Vec<u8>> = (0..ROUND).map(|i| frame(&make(self.sequence + i))).collect();
        self.sequence += ROUND;
        self.count.told = 0;
        let start = Instant::now();
        for bytes in &mut frames {
            let _ = black_box(self.session.bytes(NOW, bytes, &mut self.count));
        }
        let spent = start.elapsed();
        black_box(self.count.sum);
        assert_eq!(self.count.told, facts * ROUND as usize, "every message was told");
        spent
    }
}

fn main() {
    let mut table = Comparisons::default();
    for (name, make, records) in
        [("l2 update, 3 levels", three_levels as fn(u64) -> String, 3), ("one trade", one_trade, 1)]
    {
        let (mut tapes, mut parser) = (Tapes::new(3), Parser::new());
        let (mut plain, mut stamped) = (Running::with_book(false), Running::with_book(true));
        let limit = Some(1.5);
        table.compare(&format!("{name}: parser"), limit, ROUND, || tapes.round(make), || parser.round(make, records));
        // Book and ring are no parsing: shown, not limited.
        table.compare(&format!("{name}: engine"), None, ROUND, || tapes.round(make), || plain.round(make, records));
        table.compare(&format!("{name}: stamped"), None, ROUND, || tapes.round(make), || stamped.round(make, records));
    }
    table.print("simd-json fill_tape, reused buffers, same bytes");
}
