//! A message in the one form it nearly always has, read without a tape.
//!
//! Owns a place in the text, and the few steps that recorded messages are made of: a literal, a text, a count.
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
const ESCAPES: u128 = ONES * b'\\' as u128;
const SPACES: u128 = ONES * b' ' as u128;

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

    /// The bytes of a text to its closing quote, which is taken; the opening one was. Printable ASCII that stands for
    /// itself: with an escape, or another character, it is not read here.
    // Always in line, as the numbers below: left to itself, the compiler stops at a few dozen places, and a message read by
    // a dozen calls takes a third longer (bench `binance_us`, trade).
    #[inline(always)]
    pub fn ascii(&mut self) -> Option<&'i [u8]> {
        let mut end = 0_usize;
        loop {
            let behind = self.rest.get(end..)?;
            let Some(&window) = behind.first_chunk() else {
                end = end.saturating_add(behind.iter().position(|byte| !stands_for_itself(*byte))?);
                break;
            };
            let marks = specials(u128::from_le_bytes(window));
            if marks != 0 {
                end = end.saturating_add((marks.trailing_zeros() / 8) as usize);
                break;
            }
            end = end.saturating_add(WINDOW);
        }
        let (text, rest) = self.rest.split_at_checked(end)?;
        let (b'"', rest) = rest.split_first()? else { return None };
        self.rest = rest;
        Some(text)
    }

    /// The same as text.
    #[inline(always)]
    pub fn text(&mut self) -> Option<&'i str> {
        std::str::from_utf8(self.ascii()?).ok()
    }

    /// The same with or without a sign. No `-0`.
    #[inline]
    pub fn signed(&mut self) -> Option<i64> {
        let negative = self.literal(b"-").is_some();
        let magnitude = i64::try_from(self.integer()?).ok()?;
        match negative {
            true => (magnitude != 0).then(|| magnitude.wrapping_neg()),
            false => Some(magnitude),
        }
    }

    /// `true` or `false`.
    #[inline]
    pub fn flag(&mut self) -> Option<bool> {
        match self.literal(b"true") {
            Some(()) => Some(true),
            None => self.literal(b"false").map(|()| false),
        }
    }

    /// One value that holds no others and means nothing here: a text, a whole number, `true`, `false`, `null`.
    #[inline]
    pub fn scalar(&mut self) -> Option<()> {
        match self.rest.first()? {
            b'"' => {
                self.literal(b"\"")?;
                self.ascii().map(|_| ())
            }
            b'-' | b'0'..=b'9' => self.signed().map(|_| ()),
            b'n' => self.literal(b"null"),
            _ => self.flag().map(|_| ()),
        }
    }

    /// A whole number as JSON has it, outside quotes: 1 to 15 digits, no sign, no zero in front.
    #[inline(always)]
    pub fn integer(&mut self) -> Option<u64> {
        let Some(&window) = self.rest.first_chunk() else { return self.integer_at_the_end() };
        let values = u128::from_le_bytes(window) ^ ZEROS;
        // Adding 0x76 sets the highest bit of every byte from ten on; what that carries upward is above the lowest mark.
        let marks = (values | values.wrapping_add(ONES.wrapping_mul(0x76))) & HIGH_BITS;
        if marks == 0 {
            return None;
        }
        self.integer_of((marks.trailing_zeros() / 8) as usize)
    }

    /// With less than a window left. Out of line: the way above is short then, and in line.
    #[cold]
    fn integer_at_the_end(&mut self) -> Option<u64> {
        self.integer_of(self.rest.iter().position(|byte| !byte.is_ascii_digit())?)
    }

    #[inline(always)]
    fn integer_of(&mut self, digits: usize) -> Option<u64> {
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        if digits.len() > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        self.rest = rest;
        integer(digits)
    }
}

/// Whether a byte within a text is a character by itself: no quote, no escape, no control, nothing beyond ASCII.
const fn stands_for_itself(byte: u8) -> bool {
    byte >= b' ' && byte.is_ascii() && byte != b'"' && byte != b'\\'
}

/// The highest bit of every byte that does not stand for itself, up to the lowest of them: only that one can be trusted,
/// since borrows run upward from it.
#[inline]
const fn specials(window: u128) -> u128 {
    let (quotes, escapes) = (window ^ QUOTES, window ^ ESCAPES);
    let quotes = quotes.wrapping_sub(ONES) & !quotes;
    let escapes = escapes.wrapping_sub(ONES) & !escapes;
    let controls = window.wrapping_sub(SPACES) & !window;
    (quotes | escapes | controls | window) & HIGH_BITS
}

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
        assert_eq!(scan.ascii(), Some(&b"83539.87"[..]));
        assert_eq!((scan.end(b"}]"), scan.end(b"}")), (None, Some(())));
    }

    #[test]
    fn whatever_is_not_plain_as_it_stands_is_left_to_the_plain_way() {
        for text in [r#"a\u0062""#, "a\tb\"", "\u{e9}\"", "unfinished and longer than a window", ""] {
            assert_eq!(Scan::new(text.as_bytes()).text(), None, "{text}");
        }
        for number in ["", "-1", "01", "00", "\"1\"", "1234567890123456", "x"] {
            assert_eq!(Scan::new(format!("{number}{BEHIND}").as_bytes()).integer(), None, "{number}");
        }
        assert_eq!((Scan::new(b"1}").integer(), Scan::new(b"1").integer()), (Some(1), None), "nothing behind it");
        assert_eq!(Scan::new(b"0.5 is no whole number").integer(), Some(0), "and the next literal will not be a point");
    }

    #[test]
    fn values_that_hold_no_others_are_stepped_over() {
        for value in ["\"a\"", "\"\"", "0", "-1", "12", "true", "false", "null"] {
            let text = format!("{value},");
            let mut scan = Scan::new(text.as_bytes());
            assert_eq!((scan.scalar(), scan.rest), (Some(()), &b","[..]), "{value}");
        }
        for other in ["-0,", "-,", "{},", "[],", "nul,", "\"a,", ""] {
            assert_eq!(Scan::new(other.as_bytes()).scalar(), None, "{other}");
        }
        assert_eq!(Scan::new(b"1.5,").scalar(), Some(()), "and the next literal will not be a point");
        assert_eq!((Scan::new(b"-12,").signed(), Scan::new(b"12,").signed()), (Some(-12), Some(12)));
    }

    proptest! {
        #[test]
        fn a_whole_number_is_what_its_digits_say(number in 0_u64..1_000_000_000_000_000, behind in "[^0-9].{0,30}") {
            let text = format!("{number}{behind}");
            let mut scan = Scan::new(text.as_bytes());
            prop_assert_eq!(scan.integer(), Some(number));
            prop_assert_eq!(scan.rest, behind.as_bytes());
        }

        #[test]
        fn a_text_ends_at_its_quote_or_is_not_read(
            text in prop_oneof!["[ -~]{0,40}", "\\PC{0,20}", "[\\x00-\\x7f]{0,20}"], behind in "\\PC{0,30}",
        ) {
            let whole = format!("{text}\"{behind}");
            let end = whole.bytes().position(|byte| !stands_for_itself(byte)).unwrap();
            let read = (whole.as_bytes()[end] == b'"').then(|| &whole[..end]);
            let mut scan = Scan::new(whole.as_bytes());
            prop_assert_eq!(scan.text(), read);
            if read.is_some() {
                prop_assert_eq!(scan.rest, &whole.as_bytes()[end + 1..]);
            }
        }
    }
}
