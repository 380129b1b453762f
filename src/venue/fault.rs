//! Why a part of what a venue sent could not be used, and how that is announced.
//!
//! Owns the faults that all venues' parsers share, and the reading of exact numbers that raises most of them. Guarantees
//! that what is announced holds keys and sizes, never values. Never decides what a fault touches.

use super::facts::{Anomaly, Facts};
use crate::codec::json::{JsonError, SliceError};
use crate::record::{parse_mantissa, DecimalError, InlineText, Side};

/// Why a message, or a part of it, could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Json(#[from] JsonError),
    #[error("{key}: {error}")]
    Number { key: &'static str, error: DecimalError },
    #[error("{key}: unknown value")]
    Value { key: &'static str },
    #[error("{key} is missing")]
    Missing { key: &'static str },
    #[error("{key} is too long")]
    TooLong { key: &'static str },
    #[error("{0}")]
    Slice(#[from] SliceError),
}

impl Fault {
    /// How it is counted.
    pub(in crate::venue) const fn anomaly(&self) -> Anomaly {
        match self {
            Fault::Json(JsonError::TooLong { .. }) | Fault::TooLong { .. } | Fault::Slice(_) => Anomaly::TooLarge,
            Fault::Json(JsonError::UnquotedNumber { .. } | JsonError::OutOfRange { .. }) | Fault::Number { .. } => {
                Anomaly::Number
            }
            Fault::Value { .. } => Anomaly::UnknownValue,
            Fault::Json(_) | Fault::Missing { .. } => Anomaly::Malformed,
        }
    }
}

/// The text of a price or a size at an exponent: never below zero, which none is.
#[inline(always)]
pub(in crate::venue) fn number(key: &'static str, text: &str, exponent: i8) -> Result<i64, Fault> {
    let number = parse_mantissa(text.as_bytes(), exponent);
    let number = number.and_then(|number| if number < 0 { Err(DecimalError::Negative) } else { Ok(number) });
    number.map_err(
        #[cold]
        |error| Fault::Number { key, error },
    )
}

/// The same where another reader finds fault with what it is not.
#[inline(always)]
pub(in crate::venue) fn plain_number(text: &[u8], exponent: i8) -> Option<i64> {
    parse_mantissa(text, exponent).ok().filter(|number| *number >= 0)
}

/// `BUY` or `SELL`.
#[inline]
pub(in crate::venue) fn side(key: &'static str, text: &str) -> Result<Side, Fault> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        "" => Err(Fault::Missing { key }),
        _ => Err(Fault::Value { key }),
    }
}

/// Counts and logs a fault. Its text holds keys and sizes, never values, and is cut where it is too long.
#[cold]
pub(in crate::venue) fn announce(fault: &Fault, facts: &mut impl Facts) {
    use std::fmt::Write as _;
    let mut text = arrayvec::ArrayString::<EXCERPT_BYTES_MAX>::new();
    let _ = write!(text, "{fault}");
    facts.anomaly(fault.anomaly(), &text);
}

/// What is said of an answer that is known by its status only: `http 502`.
pub(in crate::venue) fn http_code(status: u16) -> InlineText<32> {
    use std::fmt::Write as _;
    let mut text = arrayvec::ArrayString::<16>::new();
    let _ = write!(text, "http {status}");
    InlineText::truncated(&text)
}

/// Longest excerpt handed to a log.
const EXCERPT_BYTES_MAX: usize = 200;

/// As much of the text as a log may see.
pub(in crate::venue) fn excerpt(text: &str) -> &str {
    let end = (0..=EXCERPT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_price_and_no_size_is_below_zero() {
        for (text, expected) in [("0", Some(0)), ("-0", Some(0)), ("1.5", Some(150)), ("-0.01", None), ("-1", None)] {
            assert_eq!(number("size", text, -2).ok(), expected, "{text}");
            assert_eq!(plain_number(text.as_bytes(), -2), expected, "{text}");
        }
        let fault = number("price_level", "-1", -2).unwrap_err();
        assert_eq!(
            (fault.anomaly(), fault.to_string()),
            (Anomaly::Number, "price_level: number below zero".to_owned())
        );
    }
}
