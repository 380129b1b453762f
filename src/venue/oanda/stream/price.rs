//! A price as sent, and the fast way to it.
//!
//! [`Price::scan`] reads the one order of keys that every recording since 2017 has (OANDA reference 6) without a tape:
//! it goes over the line once, comparing literals. Anything else, escapes included, is `None`: the plain way reads it.
//! Never guesses.

use crate::codec::json::Scan;
use crate::record::{parse_mantissa, DecimalError};
use crate::venue::fault::{number, Fault};
use crate::venue::oanda::limits::BUCKETS_MAX;
use arrayvec::ArrayVec;

/// How much there is at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket<'i> {
    pub price: &'i str,
    /// As a text, if it came as one.
    pub text: &'i str,
    /// As a number, if it came as one.
    pub units: u64,
}

/// One price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Price<'i> {
    pub time: &'i str,
    pub instrument: &'i str,
    pub tradeable: bool,
    pub bids: ArrayVec<Bucket<'i>, BUCKETS_MAX>,
    pub asks: ArrayVec<Bucket<'i>, BUCKETS_MAX>,
}

impl Bucket<'_> {
    /// Its size, mantissa at the exponent.
    #[inline]
    pub fn liquidity(&self, exponent: i8) -> Result<i64, Fault> {
        if !self.text.is_empty() {
            return number("liquidity", self.text, exponent);
        }
        let fault = |error| Fault::Number { key: "liquidity", error };
        let units = i64::try_from(self.units).map_err(|_| fault(DecimalError::Overflow))?;
        match POWERS.get(usize::from(exponent.unsigned_abs())) {
            Some(power) if exponent <= 0 => units.checked_mul(*power).ok_or(fault(DecimalError::Overflow)),
            // A size in thousands of units or the like: not met, but exact all the same.
            _ => parse_mantissa(itoa::Buffer::new().format(units).as_bytes(), exponent).map_err(fault),
        }
    }
}

const POWERS: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut at = 1;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

impl<'i> Price<'i> {
    /// Reads a line in the recorded order of keys; `None` for every other.
    #[inline]
    pub fn scan(line: &'i [u8]) -> Option<Price<'i>> {
        let mut scan = Scan::new(line);
        let mut price = Price::default();
        scan.literal(b"{\"type\":\"PRICE\",\"time\":\"")?;
        price.time = scan.text()?;
        scan.literal(b",\"bids\":[")?;
        buckets(&mut scan, &mut price.bids)?;
        scan.literal(b",\"asks\":[")?;
        buckets(&mut scan, &mut price.asks)?;
        scan.literal(b",\"closeoutBid\":\"")?;
        scan.text()?;
        scan.literal(b",\"closeoutAsk\":\"")?;
        scan.text()?;
        scan.literal(b",\"status\":\"")?;
        scan.text()?;
        scan.literal(b",\"tradeable\":")?;
        price.tradeable = match scan.literal(b"true") {
            Some(()) => true,
            None => {
                scan.literal(b"false")?;
                false
            }
        };
        scan.literal(b",\"instrument\":\"")?;
        price.instrument = scan.text()?;
        scan.end(b"}").map(|()| price)
    }
}

/// The buckets of one side, to the end of their array.
#[inline]
fn buckets<'i>(scan: &mut Scan<'i>, side: &mut ArrayVec<Bucket<'i>, BUCKETS_MAX>) -> Option<()> {
    if scan.literal(b"]").is_some() {
        return Some(());
    }
    loop {
        scan.literal(b"{\"price\":\"")?;
        let price = scan.text()?;
        scan.literal(b",\"liquidity\":")?;
        let units = scan.integer()?;
        scan.literal(b"}")?;
        side.try_push(Bucket { price, text: "", units }).ok()?;
        if scan.literal(b",").is_none() {
            return scan.literal(b"]");
        }
    }
}
