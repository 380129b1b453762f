//! How cold replies say single values: absent numbers are `""` or null, moments are RFC 3339, totals are bare JSON numbers.

use super::super::stream::Fault;
use super::rows::ReplyError;
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::codec::timestamp::parse_rfc3339;
use crate::record::{parse_any, Fixed128, UnixNanos};

/// Text; empty for null.
pub(super) fn words(cursor: &mut Cursor<'_, '_>) -> Result<Box<str>, JsonError> {
    Ok(cursor.str_or_null()?.unwrap_or_default().into())
}

/// An exact decimal; `None` for `""` and null.
pub(super) fn decimal(cursor: &mut Cursor<'_, '_>, key: &'static str) -> Result<Option<Fixed128>, Fault> {
    match cursor.str_or_null()?.unwrap_or_default() {
        "" => Ok(None),
        text => parse_any(text.as_bytes()).map(Some).map_err(|error| Fault::Number { key, error }),
    }
}

/// An exact decimal that must be there.
pub(super) fn required(cursor: &mut Cursor<'_, '_>, key: &'static str) -> Result<Fixed128, Fault> {
    decimal(cursor, key)?.ok_or(Fault::Missing { key })
}

/// A moment; `NONE` for null, `""`, the year 1 and what is no time.
pub(super) fn moment(cursor: &mut Cursor<'_, '_>) -> Result<UnixNanos, JsonError> {
    Ok(UnixNanos(cursor.str_or_null()?.and_then(|text| parse_rfc3339(text).ok()).unwrap_or(0)))
}

/// Seconds since 1970, as text.
pub(super) fn seconds(cursor: &mut Cursor<'_, '_>) -> Result<UnixNanos, JsonError> {
    Ok(UnixNanos::NONE.plus_ms(cursor.u64_or_text()?.saturating_mul(1_000)))
}

/// A flag; false for null.
pub(super) fn flag(cursor: &mut Cursor<'_, '_>) -> Result<bool, JsonError> {
    Ok(!cursor.take_null() && cursor.bool_or_text()?)
}

/// Every element of an array, or none for null.
pub(super) fn each<'t, 'i, T>(
    cursor: &mut Cursor<'t, 'i>,
    mut element: impl FnMut(&mut Cursor<'t, 'i>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut found = Vec::new();
    if cursor.take_null() {
        return Ok(found);
    }
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        found.push(element(cursor)?);
    }
    Ok(found)
}

/// Reads a whole small reply.
pub(super) fn whole<R>(
    body: &mut [u8],
    walk: impl for<'t, 'i> FnOnce(&mut Cursor<'t, 'i>) -> Result<R, Fault>,
) -> Result<R, ReplyError> {
    Ok(Plain::new(body.len()).parse(body, walk)?)
}

/// The same JSON with its bare numbers as text, so that none becomes a float on its way.
pub(super) fn quote_numbers(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len().saturating_add(64));
    let (mut in_text, mut escaped, mut in_number) = (false, false, false);
    for &byte in body {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            out.push(byte);
            continue;
        }
        let numeric = matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.') || (in_number && matches!(byte, b'e' | b'E'));
        if numeric != in_number {
            out.push(b'"');
        }
        in_number = numeric;
        in_text = byte == b'"';
        out.push(byte);
    }
    if in_number {
        out.push(b'"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_become_text_and_nothing_else_changes() {
        let quoted = quote_numbers(br#"{"a":-1.25,"b":[3,4e5],"c":"6 \"7\" -8","d":true,"e":null,"f":9}"#);
        assert_eq!(
            String::from_utf8(quoted).unwrap(),
            r#"{"a":"-1.25","b":["3","4e5"],"c":"6 \"7\" -8","d":true,"e":null,"f":"9"}"#
        );
        assert_eq!(quote_numbers(b"12"), b"\"12\"");
    }
}
