//! Publishing an event on a strategy's ring, against a bare `push_entire_slice` of the same records. The ring is emptied
//! outside of what is measured, by the same thread.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{time, Comparisons};
use exchange_connectors::record::{BookSide, Flags, Head, InstrumentId, MarketRecord, Stamp, UnixNanos};
use exchange_connectors::ring::ring;
use std::hint::black_box;

/// Records the rings hold.
const RING: usize = 8_192;
/// The part of it that is filled before it is emptied.
const FILLED: usize = RING / 4;

fn event(records: usize) -> Vec<MarketRecord> {
    let stamp = Stamp { recv: UnixNanos(2), venue: UnixNanos(1), sequence: 1 };
    let head = Head { stamp, instrument: InstrumentId(0), exponents: (-8, -8), flags: Flags::NONE };
    (0..records).map(|i| MarketRecord::level(head, BookSide::Bid, i as i64, 1)).collect()
}

fn main() {
    let mut table = Comparisons::default();
    for records in [1, 3, 10, 40] {
        let event = event(records);
        let events = (FILLED / records) as u64;
        let (mut bare, mut bare_out) = rtrb::RingBuffer::<MarketRecord>::new(RING);
        let (mut ours, mut ours_out) = ring::<MarketRecord>(RING, None);
        table.compare(
            &format!("event of {records}"),
            Some(1.5),
            events,
            || {
                let spent = time(events, || bare.push_entire_slice(black_box(&event)).is_ok());
                while bare_out.pop().is_ok() {}
                spent
            },
            || {
                let spent = time(events, || ours.push_all(black_box(&event)));
                while ours_out.pop().is_some() {}
                spent
            },
        );
    }
    table.print("rtrb push_entire_slice");
}
