//! A price as sent, and the fast way to it.
//!
//! [`Price::scan`] reads the one order of keys that every recording since 2017 has (OANDA reference 6) without a tape:
//! it goes over the line once, comparing literals. Anything else, escapes included, is `None`: the plain way reads it.
//! Never guesses.

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
        let mut scan = Scan { rest: line };
        let mut price = Price::default();
        scan.literal(b"{\"type\":\"PRICE\",\"time\":\"")?;
        price.time = scan.text()?;
        scan.literal(b",\"bids\":[")?;
        scan.buckets(&mut price.bids)?;
        scan.literal(b",\"asks\":[")?;
        scan.buckets(&mut price.asks)?;
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
        (scan.rest == b"}").then_some(price)
    }
}

/// What of a line is still to be read.
struct Scan<'i> {
    rest: &'i [u8],
}

impl<'i> Scan<'i> {
    #[inline]
    fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let (front, rest) = self.rest.split_first_chunk::<N>()?;
        if front != literal {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// A text to its closing quote, which is taken. Only plain characters: every one these fields really have.
    #[inline]
    fn text(&mut self) -> Option<&'i str> {
        let end = self.rest.iter().position(|byte| !PLAIN.get(usize::from(*byte)).copied().unwrap_or(false))?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        let (b'"', rest) = rest.split_first()? else { return None };
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    #[inline]
    fn buckets(&mut self, side: &mut ArrayVec<Bucket<'i>, BUCKETS_MAX>) -> Option<()> {
        if self.literal(b"]").is_some() {
            return Some(());
        }
        loop {
            self.literal(b"{\"price\":\"")?;
            let price = self.text()?;
            self.literal(b",\"liquidity\":")?;
            let units = self.integer()?;
            self.literal(b"}")?;
            side.try_push(Bucket { price, text: "", units }).ok()?;
            match self.rest.split_first()? {
                (b',', rest) => self.rest = rest,
                (b']', rest) => {
                    self.rest = rest;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Digits as JSON has them, no longer than cannot overflow.
    #[inline]
    fn integer(&mut self) -> Option<u64> {
        let mut value: u64 = 0;
        let mut count = 0_usize;
        for byte in self.rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            count = count.wrapping_add(1);
        }
        let padded = count > 1 && self.rest.first() == Some(&b'0');
        if count == 0 || count > 18 || padded {
            return None;
        }
        self.rest = self.rest.get(count..)?;
        Some(value)
    }
}

/// Letters, digits and the signs of times, decimals and names.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_' | b'/');
        byte += 1;
    }
    plain
};
