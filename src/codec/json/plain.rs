//! The plain parser: a simd-json tape, refilled for every text and walked once.
//!
//! Owns the parser's buffers, so that a text costs no allocation once they have grown to the traffic; what a text may
//! cost is limited in bytes and in depth. Guarantees that only valid JSON reaches the walk, whole. Never keeps anything
//! of a text beyond the call, and never fails in a way that the next call could notice. Not for secrets: the buffers
//! keep the bytes of the last text until the next.

use super::cursor::Cursor;
use super::error::JsonError;
use core::mem;
use simd_json::{fill_tape, Buffers, ErrorType, Tape};

/// Deepest nesting followed. The deepest venue message (an OANDA transaction with its orders) has fewer than ten levels.
pub const DEPTH_MAX: usize = 64;

/// One element of the text that sizes the buffers: with two structural characters in eight bytes it is half as dense
/// again as level2 traffic (measured: one in six), so that venue messages up to the limit find their room.
const WARM_UP_ELEMENT: &[u8; 8] = b"1111111,";

/// The parser. Long-lived: make one per connection or per engine, at start-up.
pub struct Plain {
    buffers: Buffers,
    tape: Tape<'static>,
    text_bytes_max: usize,
}

impl Plain {
    /// A parser for texts of up to `text_bytes_max` bytes, its buffers allocated (about eight times that size). Texts
    /// denser in structure than any venue's may grow them once more, never beyond a fixed multiple of `text_bytes_max`.
    #[must_use]
    pub fn new(text_bytes_max: usize) -> Self {
        let mut plain = Self {
            buffers: Buffers::with_max_depth(text_bytes_max, DEPTH_MAX),
            tape: Tape(Vec::new()),
            text_bytes_max,
        };
        plain.warm_up();
        plain
    }

    /// Parses `text` (unescaping in place: afterwards its bytes are of no use) and hands the tape to `walk`. What the
    /// walk returns may borrow from the text.
    #[inline]
    pub fn parse<'i, R, E>(
        &mut self,
        text: &'i mut [u8],
        walk: impl for<'t> FnOnce(&mut Cursor<'t, 'i>) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<JsonError>,
    {
        let len = text.len();
        if len > self.text_bytes_max {
            return Err(JsonError::TooLong { len, max: self.text_bytes_max }.into());
        }
        // `Tape(Vec::new())` allocates nothing; `reset` keeps the capacity, on the error path too.
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let result = match fill_tape(text, &mut self.buffers, &mut tape) {
            Ok(()) => walk(&mut Cursor::new(&tape.0)),
            Err(error) => Err(refused(&error).into()),
        };
        self.tape = tape.reset();
        result
    }

    /// Longest text taken, in bytes.
    #[must_use]
    pub fn text_bytes_max(&self) -> usize {
        self.text_bytes_max
    }

    /// simd-json can only be given capacity by parsing something.
    fn warm_up(&mut self) {
        let elements = self.text_bytes_max.checked_div(WARM_UP_ELEMENT.len()).unwrap_or(0).saturating_sub(1);
        let mut text = Vec::with_capacity(self.text_bytes_max);
        text.push(b'[');
        for _ in 0..elements {
            text.extend_from_slice(WARM_UP_ELEMENT);
        }
        text.extend_from_slice(b"1]");
        let warm = self.parse(&mut text, |_| Ok::<(), JsonError>(()));
        debug_assert!(warm.is_ok() || self.text_bytes_max < 3, "the warm-up text is valid: {warm:?}");
    }
}

#[cold]
fn refused(error: &simd_json::Error) -> JsonError {
    match error.error() {
        ErrorType::InvalidUtf8 => JsonError::NotUtf8,
        // The scan, simd-json's first stage, looks at no single character; its second stage names the one it met.
        _ if error.character().is_none() => JsonError::Unscannable,
        ErrorType::DepthLimitExceeded => JsonError::TooDeep { max: DEPTH_MAX },
        _ => JsonError::Malformed { at: error.index() },
    }
}

impl core::fmt::Debug for Plain {
    /// Without the buffers: they hold the last text.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plain").field("text_bytes_max", &self.text_bytes_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a walk makes of a text, as a `serde_json::Value`: the oracle's type.
    fn value(cursor: &mut Cursor<'_, '_>) -> Result<serde_json::Value, JsonError> {
        use super::super::JsonKind;
        Ok(match cursor.peek() {
            JsonKind::Null => {
                assert!(cursor.take_null());
                serde_json::Value::Null
            }
            JsonKind::Bool => cursor.bool()?.into(),
            JsonKind::Integer => match cursor.i64() {
                Ok(value) => value.into(),
                Err(_) => cursor.u64()?.into(),
            },
            JsonKind::Fraction | JsonKind::Nothing => return Err(cursor.str().map(|_| ()).unwrap_err()),
            JsonKind::String => cursor.str()?.into(),
            JsonKind::Array => {
                let mut items = cursor.array()?;
                let mut out = Vec::new();
                while items.next_item(cursor)? {
                    out.push(value(cursor)?);
                }
                out.into()
            }
            JsonKind::Object => {
                let mut fields = cursor.object()?;
                let mut out = serde_json::Map::new();
                while let Some(key) = fields.next_key(cursor)? {
                    let member = value(cursor)?;
                    out.insert(key.to_owned(), member);
                }
                out.into()
            }
        })
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((".{0,6}", inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_parser_survives_a_bad_text_and_reads_the_next() {
        let mut plain = Plain::new(64);
        let bad = plain.parse(&mut b"{\"a\":".to_vec(), |_| Ok::<(), JsonError>(()));
        assert!(matches!(bad, Err(JsonError::Malformed { .. })));
        let mut good = b"[7]".to_vec();
        assert_eq!(plain.parse(&mut good, value), Ok(serde_json::json!([7])));
        let mut long = vec![b' '; 65];
        assert_eq!(plain.parse(&mut long, value), Err(JsonError::TooLong { len: 65, max: 64 }));
    }

    #[test]
    fn a_level2_message_of_full_length_fits_the_tape_allocated_at_the_start() {
        let level =
            r#"{"side":"bid","event_time":"2026-09-30T02:39:53.495541Z","price_level":"72867.6","new_quantity":"0"},"#;
        let levels = level.repeat(16 * 1024 / level.len() - 1);
        let message = format!(r#"{{"updates":[{}]}}"#, levels.trim_end_matches(','));
        let mut plain = Plain::new(16 * 1024);
        let (room, place) = (plain.tape.0.capacity(), plain.tape.0.as_ptr());
        for _ in 0..3 {
            plain.parse(&mut message.clone().into_bytes(), |cursor| cursor.skip()).unwrap();
            assert!(plain.parse(&mut b"[".to_vec(), |cursor| cursor.skip()).is_err());
        }
        assert_eq!((plain.tape.0.capacity(), plain.tape.0.as_ptr()), (room, place));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        let mut plain = Plain::new(4096);
        assert!(plain.parse(&mut nested(DEPTH_MAX - 1), value).is_ok());
        assert_eq!(plain.parse(&mut nested(DEPTH_MAX + 2), value), Err(JsonError::TooDeep { max: DEPTH_MAX }));
        assert!(plain.parse(&mut "[".repeat(4000).into_bytes(), value).is_err());
    }

    #[test]
    fn results_may_borrow_from_the_text() {
        let mut text = br#""abc""#.to_vec();
        let read: &str = Plain::new(16).parse(&mut text, |cursor| cursor.str()).unwrap();
        assert_eq!(read, "abc");
    }

    #[test]
    fn a_parser_of_any_size_can_be_built() {
        for size in [0, 1, 2, 3, 7, 8, 9, 1 << 16] {
            let mut plain = Plain::new(size);
            let read = plain.parse(&mut b"{}".to_vec(), |cursor| cursor.skip());
            assert_eq!(read.is_ok(), size >= 2);
        }
    }

    proptest! {
        #[test]
        fn any_document_reads_as_serde_reads_it(document in any_value()) {
            let mut text = serde_json::to_vec(&document).unwrap();
            let read = Plain::new(1 << 16).parse(&mut text, value);
            prop_assert_eq!(read, Ok(document));
        }

        #[test]
        fn what_is_not_utf8_is_told_from_what_is_not_json(mut bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            prop::collection::vec(prop::sample::select(b"{}[]\",:\\n\x01ue019 \xc3\xbc\xff".to_vec()), 0..80),
            // One document, spoilt in one place: mostly by a byte above 0x7f, also behind an escape and a long letter.
            (any_value(), any::<prop::sample::Index>(), prop::sample::select(b"\xff\xc3\x80\"}".to_vec()))
                .prop_map(|(value, at, byte)| {
                    let mut text = serde_json::to_vec(&serde_json::json!(["\n\u{fc}", value, "\\\u{20ac}"])).unwrap();
                    let at = at.index(text.len());
                    text[at] = byte;
                    text
                })]) {
            let valid = std::str::from_utf8(&bytes).is_ok();
            let read = Plain::new(64).parse(&mut bytes, value);
            let told = read.is_err_and(|error| error.is_of_bad_utf8(&bytes));
            prop_assert_eq!(told, !valid);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ue019-.tfn ".to_vec())], 0..200)) {
            let valid = serde_json::from_slice::<serde_json::Value>(&bytes);
            let read = Plain::new(1 << 10).parse(&mut bytes, value);
            if read.is_ok() {
                prop_assert!(valid.is_ok());
            }
        }
    }
}
