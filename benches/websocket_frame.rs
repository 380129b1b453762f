//! Reading a server's frame, and building one of ours. Baselines: the UTF-8 check of the payload, which every text frame
//! must pass; a copy of the payload, which every frame that is sent costs.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::coinbase::{frame, one_trade, three_levels};
use common::{time, Comparisons};
use exchange_connectors::codec::websocket::{encode, Data, FrameReader, Item, Limits};
use std::hint::black_box;

const FRAMES: u64 = 5_000;

fn main() {
    let mut table = Comparisons::default();
    for (name, text) in [("3 levels", three_levels(3)), ("one trade", one_trade(3))] {
        let mut bytes = frame(&text);
        let mut reader = FrameReader::new(Limits { message_bytes_max: 1 << 24, whole_bytes_max: 1 << 16 });
        table.compare(
            &format!("read, {name}, {} bytes", text.len()),
            None,
            FRAMES,
            || time(FRAMES, || simdutf8::basic::from_utf8(black_box(text.as_bytes())).is_ok()),
            || time(FRAMES, || matches!(reader.next(black_box(&mut bytes)).unwrap().item, Item::Message { .. })),
        );
        let (mut copied, mut sent) = (Vec::with_capacity(1 << 12), Vec::with_capacity(1 << 12));
        table.compare(
            &format!("write, {name}, {} bytes", text.len()),
            None,
            FRAMES,
            || {
                time(FRAMES, || {
                    copied.clear();
                    copied.extend_from_slice(black_box(text.as_bytes()));
                    black_box(&copied).len()
                })
            },
            || {
                time(FRAMES, || {
                    sent.clear();
                    encode(&mut sent, Data::Text, black_box([1, 2, 3, 4]), black_box(text.as_bytes()));
                    black_box(&sent).len()
                })
            },
        );
    }
    table.print("read: simdutf8 of the payload; write: a copy of it");
}
