//! A message in the one form it nearly always has, read without a tape.
//!
//! Owns a place in the text, and the few steps that recorded messages are made of: a literal, a text, an amount, a count.
//! Guarantees that what every step accepts is JSON with the meaning the plain way ([`Plain`](super::Plain)) would give it;
//! whatever is otherwise, be it white space, an escape, another order of keys or no JSON at all, is `None`. Then nothing may
//! have been told yet, and the plain way reads the message. Never guesses, never skips anything unread.

use crate::record::digits::integer;

/// What of a text is still to be read.
#[derive(Debug, Clone)]
pub struct Scan<'i> {
    rest: &'i [u8],
}

/// Bytes looked at together.
const WINDOW: usize = 16;
const ONES: u128 = u128::from_le_bytes([1; WINDOW]);
const HIGH_BITS: u128 = ONES << 7;
const ZEROS: u128 = ONES * b'0' as u128;
const QUOTES: u128 = ONES * b'"' as u128;

impl<'i> Scan<'i> {
    /// At the beginning of the text.
    #[inline]
    pub fn new(text: &'i [u8]) -> Scan<'i> {
        Scan { rest: text }
    }

    /// These very bytes.
    // Always in line: of known length, a comparison is a few instructions; out of line, it is a call.
    #[inline(always)]
    pub fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let (front, rest) = self.rest.split_first_chunk::<N>()?;
        if front != literal {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// These very bytes, and nothing behind them.
    #[inline(always)]
    pub fn end<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        (self.rest == literal).then_some(())
    }

    /// A text to its closing quote, which is taken; the opening one was. Only letters, digits and the signs of names and
    /// times: all that is plain as it stands.
    #[inline]
    pub fn text(&mut self) -> Option<&'i str> {
        let end = self.rest.iter().position(|byte| !PLAIN.get(usize::from(*byte)).copied().unwrap_or(false))?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        let (b'"', rest) = rest.split_first()? else { return None };
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    /// The bytes to the closing quote, which is taken; the opening one was. For amounts: whoever reads the number takes
    /// nothing but digits, a sign and a point.
    #[inline]
    pub fn amount(&mut self) -> Option<&'i [u8]> {
        let end = match self.rest.first_chunk() {
            // Marks bytes that are zero. Only the lowest mark can be trusted, since a borrow runs upward from it.
            Some(&window) => {
                let quotes = u128::from_le_bytes(window) ^ QUOTES;
                let marks = quotes.wrapping_sub(ONES) & !quotes & HIGH_BITS;
                (marks != 0).then_some((marks.trailing_zeros() / 8) as usize)
            }
            None => None,
        };
        let end = match end {
            Some(end) => end,
            None => self.rest.iter().position(|byte| *byte == b'"')?,
        };
        let (amount, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        Some(amount)
    }

    /// A whole number as JSON has it, outside quotes: 1 to 15 digits, no sign, no zero in front.
    #[inline]
    pub fn integer(&mut self) -> Option<u64> {
        let &window = self.rest.first_chunk()?;
        let values = u128::from_le_bytes(window) ^ ZEROS;
        // Adding 0x76 sets the highest bit of every byte from ten on; what that carries upward is above the lowest mark.
        let marks = (values | values.wrapping_add(ONES.wrapping_mul(0x76))) & HIGH_BITS;
        let (digits, rest) = self.rest.split_at_checked((marks.trailing_zeros() / 8) as usize)?;
        if marks == 0 || (digits.len() > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.rest = rest;
        integer(digits)
    }
}

/// Letters, digits and the signs of times, decimals and names.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_' | b'/' | b'@');
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Enough behind it for a whole window.
    const BEHIND: &str = ",\"and so on\":\"1\"";

    #[test]
    fn steps_take_what_they_name_and_stay_where_they_are_otherwise() {
        let mut scan = Scan::new(br#"{"a":"btcusd@trade","n":12,"p":"83539.87"}"#);
        assert_eq!(scan.literal(b"{\"b\":\""), None);
        assert_eq!(scan.literal(b"{\"a\":\""), Some(()));
        assert_eq!(scan.text(), Some("btcusd@trade"));
        assert_eq!(scan.literal(b",\"n\":"), Some(()));
        assert_eq!(scan.integer(), Some(12));
        assert_eq!(scan.literal(b",\"p\":\""), Some(()));
        assert_eq!(scan.amount(), Some(&b"83539.87"[..]));
        assert_eq!((scan.end(b"}]"), scan.end(b"}")), (None, Some(())));
    }

    #[test]
    fn whatever_is_not_plain_as_it_stands_is_left_to_the_plain_way() {
        for text in [r#"a\u0062""#, "a b\"", "\u{e9}\"", "unfinished", ""] {
            assert_eq!(Scan::new(text.as_bytes()).text(), None, "{text}");
        }
        for number in ["", "-1", "01", "00", "\"1\"", "1234567890123456", "x"] {
            assert_eq!(Scan::new(format!("{number}{BEHIND}").as_bytes()).integer(), None, "{number}");
        }
        assert_eq!(Scan::new(b"1").integer(), None, "nothing behind it");
        assert_eq!(Scan::new(b"0.5 is no whole number").integer(), Some(0), "and the next literal will not be a point");
    }

    proptest! {
        #[test]
        fn a_whole_number_is_what_its_digits_say(number in 0_u64..1_000_000_000_000_000, behind in "[^0-9].{15,30}") {
            let text = format!("{number}{behind}");
            let mut scan = Scan::new(text.as_bytes());
            prop_assert_eq!(scan.integer(), Some(number));
            prop_assert_eq!(scan.rest, behind.as_bytes());
        }

        #[test]
        fn an_amount_ends_at_the_first_quote(amount in "[^\"]{0,40}", behind in ".{0,30}") {
            let text = format!("{amount}\"{behind}");
            let mut scan = Scan::new(text.as_bytes());
            prop_assert_eq!(scan.amount(), Some(amount.as_bytes()));
            prop_assert_eq!(scan.rest, behind.as_bytes());
        }
    }
}
