//! Money text to a mantissa, against the standard library reading the same digits as an integer.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{time, Comparisons};
use exchange_connectors::record::parse_mantissa;
use std::hint::black_box;

const CALLS: u64 = 5_000;

fn main() {
    let mut table = Comparisons::default();
    for text in ["83277.26", "0.00058346", "0", "0.0601005", "104512.48000000"] {
        let digits = text.replace('.', "");
        table.compare(
            text,
            None,
            CALLS,
            || time(CALLS, || black_box(digits.as_str()).parse::<u64>()),
            || time(CALLS, || parse_mantissa(black_box(text.as_bytes()), black_box(-8))),
        );
    }
    table.print("str::parse::<u64> of the digits without the point");
}
