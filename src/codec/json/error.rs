//! What can be wrong with a JSON text, said so that a person can act on it.
//!
//! Owns the error of the plain parser. Guarantees to be small, `Copy` and free of allocation. Never carries a value of
//! the message, only the name of the key it stood under (shortened): a reply may hold a secret.

use arrayvec::ArrayString;
use core::fmt;

/// Longest part of a key that an error repeats, in bytes. The longest venue keys of interest
/// (`overnight_margin_window_measure`) are recognisable by it.
const KEY_TEXT_BYTES_MAX: usize = 30;

/// Why a JSON text could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON, or holds an integer of more than 64 bits.
    #[error("not valid JSON (noticed near byte {at})")]
    Malformed {
        /// Offset in bytes at which the parser noticed; may lie behind the actual fault.
        at: usize,
    },
    /// No JSON text looks like this even before its structure is read: empty, an open string, or a control character
    /// inside one.
    #[error("not valid JSON (empty, an open string, or a control character in one)")]
    Unscannable,
    /// The text is not UTF-8.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// The text is longer than the parser was built for.
    #[error("JSON text of {len} bytes is over this parser's limit of {max}")]
    TooLong {
        /// Length of the text in bytes.
        len: usize,
        /// The parser's limit in bytes.
        max: usize,
    },
    /// Arrays and objects are nested deeper than the parser follows.
    #[error("JSON text is nested deeper than {max} levels")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// A value of another type than the one asked for.
    #[error("expected {expected} at key {key}, found {found}")]
    Unexpected {
        /// What the caller asked for.
        expected: JsonKind,
        /// What the text holds.
        found: JsonKind,
        /// The last key read before it.
        key: KeyText,
    },
    /// A number with a fraction or exponent outside quotes. The tape holds it as a float, which is not exact, so it is
    /// refused instead of read.
    #[error("the number at key {key} is not quoted and not a 64-bit integer: refused, since a float is not exact")]
    UnquotedNumber {
        /// The last key read before it.
        key: KeyText,
    },
    /// An integer, or the text of one, outside the range asked for.
    #[error("the value at key {key} is not an integer in the range of {wanted}")]
    OutOfRange {
        /// The type asked for.
        wanted: &'static str,
        /// The last key read before it.
        key: KeyText,
    },
    /// A key that the caller cannot do without is absent.
    #[error("required key {key:?} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// The walk left the structure of the text: a value was read twice, or not at all, inside the object or array that
    /// just ended. A fault of the calling code, never of the text.
    #[error("the walk lost step with the JSON text near key {key}: a value was taken twice or not at all")]
    OutOfStep {
        /// The last key read before it.
        key: KeyText,
    },
}

impl JsonError {
    /// Whether `text`, which [`Plain::parse`](super::Plain::parse) has just refused with this error, is not UTF-8. Exact
    /// also where the parser noticed another fault first.
    #[cold]
    #[must_use]
    pub fn is_of_bad_utf8(&self, text: &[u8]) -> bool {
        match self {
            Self::NotUtf8 => true,
            // Refused unread, or by the scan, which names other faults first: nothing was unescaped in place yet. What is
            // found later is found in UTF-8 only.
            Self::TooLong { .. } | Self::Unscannable => simdutf8::basic::from_utf8(text).is_err(),
            _ => false,
        }
    }
}

/// The type of a JSON value, as far as a caller can tell values apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number that fits `i64` or `u64`.
    Integer,
    /// Any other number.
    Fraction,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
    /// No value: the text is used up.
    Nothing,
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Fraction => "an unquoted fraction",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Nothing => "the end of the text",
        })
    }
}

/// The beginning of a key, kept inside an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyText(ArrayString<KEY_TEXT_BYTES_MAX>);

impl KeyText {
    pub(super) fn new(key: &str) -> Self {
        let mut text = ArrayString::new();
        for character in key.chars() {
            if text.try_push(character).is_err() {
                break;
            }
        }
        Self(text)
    }

    /// The kept part; empty where no key was read before the fault.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Quoted and escaped: keys come from the wire and may hold anything.
impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
