//! Pieces of text that go into requests of every venue: JSON strings, decimals, percent-encoding.
//!
//! Owns their writing into a buffer that the caller keeps. Guarantees that a decimal is the exact value in its shortest
//! form, and that no text breaks out of its string or parameter. Never allocates once the buffer has grown.

/// Appends a JSON string with its quotes.
pub fn put_json_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x00..=0x1f => {
                out.extend_from_slice(b"\\u00");
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends `mantissa x 10^exponent` as plain decimal text without padding zeros: `0.001`, `60000.1`, `12000`.
pub fn put_decimal(out: &mut Vec<u8>, mantissa: i64, exponent: i8) {
    if mantissa < 0 {
        out.push(b'-');
    }
    let mut digits = mantissa.unsigned_abs();
    let mut exponent = i32::from(exponent);
    if digits == 0 {
        exponent = 0;
    }
    while exponent < 0 && digits.is_multiple_of(10) {
        digits /= 10;
        exponent = exponent.saturating_add(1);
    }
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(digits).as_bytes();
    let Some(places) = usize::try_from(exponent.saturating_neg()).ok().filter(|places| *places > 0) else {
        out.extend_from_slice(text);
        let zeros = usize::try_from(exponent).unwrap_or(0);
        out.resize(out.len().saturating_add(zeros), b'0');
        return;
    };
    let (whole, fraction) = text.split_at_checked(text.len().saturating_sub(places)).unwrap_or((b"", text));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    out.push(b'.');
    let padding = places.saturating_sub(fraction.len());
    out.resize(out.len().saturating_add(padding), b'0');
    out.extend_from_slice(fraction);
}

/// Appends text percent-encoded as RFC 3986 has it: everything but letters, digits and `-._~`.
pub fn put_percent_encoded(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fixed;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_unreserved_is_percent_encoded() {
        let mut out = Vec::new();
        put_percent_encoded(&mut out, "a-._~Z9 [\"é\"]");
        assert_eq!(out, b"a-._~Z9%20%5B%22%C3%A9%22%5D");
    }

    proptest! {
        #[test]
        fn decimals_are_the_canonical_text_of_their_value(mantissa in any::<i64>(), exponent in -20i8..6) {
            let mut out = Vec::new();
            put_decimal(&mut out, mantissa, exponent);
            prop_assert_eq!(String::from_utf8(out).unwrap(), Fixed::new(mantissa, exponent).to_string());
        }

        #[test]
        fn any_text_is_one_json_string(text in any::<String>()) {
            let mut out = Vec::new();
            put_json_string(&mut out, &text);
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
