//! JSON objects written straight into a buffer, and texts of foreign origin made safe to keep.
//!
//! Venues quote requests back at us, so their texts, and errors made of them, are searched for what looks like a
//! credential before they are written.

use std::io::Write;

/// Begins every JSON web token.
const TOKEN_START: &str = "eyJ";
/// What stands before a credential in a header.
const SCHEME: &str = "bearer";
/// A run of characters of base64 this long is a key or a signature; ids of venues have hyphens or are shorter.
const SECRET_CHARS_MIN: usize = 40;
const REDACTED: &str = "[redacted]";

/// A JSON object in the making; members are written in the order of the calls.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Ends the object and its line.
    pub(super) fn end_line(self) {
        self.out.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.quoted(key);
        self.out.push(b':');
    }

    /// A text member; an empty text is left out.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.key(key);
            self.quoted(text);
        }
    }

    /// A text member of foreign origin.
    pub(super) fn foreign(&mut self, key: &str, text: &str) {
        self.text(key, &scrubbed(text));
    }

    /// Whatever is shown by `Display`, as text.
    pub(super) fn shown(&mut self, key: &str, value: &dyn std::fmt::Display) {
        self.text(key, &value.to_string());
    }

    pub(super) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        // Writing into a Vec cannot fail.
        let _ = write!(self.out, "{number}");
    }

    /// A time, or a latency; 0 is none and is left out.
    pub(super) fn ns(&mut self, key: &str, ns: u64) {
        if ns != 0 {
            self.number(key, ns);
        }
    }

    /// A member that is true; left out if it is not.
    pub(super) fn set(&mut self, key: &str, is: bool) {
        if is {
            self.key(key);
            self.out.extend_from_slice(b"true");
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        for c in text.chars() {
            match c {
                '"' => self.out.extend_from_slice(b"\\\""),
                '\\' => self.out.extend_from_slice(b"\\\\"),
                '\n' => self.out.extend_from_slice(b"\\n"),
                c if (c as u32) < 0x20 => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                c => self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.out.push(b'"');
    }
}

/// The text without what looks like a credential.
pub(super) fn scrubbed(text: &str) -> std::borrow::Cow<'_, str> {
    let is_secret = |word: &str, before: &str| {
        word.contains(TOKEN_START) || word.len() >= SECRET_CHARS_MIN || before.eq_ignore_ascii_case(SCHEME)
    };
    let mut before = "";
    let mut clean = true;
    for word in text.split(|c: char| !is_of_secrets(c)).filter(|word| !word.is_empty()) {
        clean &= !is_secret(word, before);
        before = word;
    }
    if clean {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, "");
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_of_secrets(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        kept.push_str(if !word.is_empty() && is_secret(word, before) { REDACTED } else { word });
        before = if word.is_empty() { before } else { word };
        let gap = tail.find(is_of_secrets).unwrap_or(tail.len());
        let (between, tail) = tail.split_at(gap);
        kept.push_str(between);
        rest = tail;
    }
    kept.into()
}

/// Characters of base64, base64url and of the three parts of a token. No hyphen: ids of orders are made of short runs
/// between hyphens.
fn is_of_secrets(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '=' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_line_of_json() {
        let mut line = Vec::new();
        let mut object = Object::begin(&mut line);
        object.text("a\"b", "x\\y\n\u{1}\tü");
        object.text("none", "");
        object.number("n", u64::MAX);
        object.set("yes", true);
        object.set("no", false);
        object.end_line();
        let text = String::from_utf8(line).unwrap();
        assert_eq!(text, "{\"a\\\"b\":\"x\\\\y\\n\\u0001\\u0009ü\",\"n\":18446744073709551615,\"yes\":true}\n");
    }

    #[test]
    fn what_looks_like_a_credential_is_not_kept() {
        for (text, kept) in [
            ("401 for Bearer abc.def", "401 for Bearer [redacted]"),
            ("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIi-x1", "token [redacted]-x1"),
            ("key 9LbpCKoEFslM/9CT80GtoYSRv8VdP27j5KaT+W2WIm/Q!", "key [redacted]!"),
            (
                "order 8e8b6e09-7234-4149-94ac-6358b56d4697 is gone",
                "order 8e8b6e09-7234-4149-94ac-6358b56d4697 is gone",
            ),
            ("connection reset by peer (os error 104)", "connection reset by peer (os error 104)"),
            ("", ""),
        ] {
            assert_eq!(scrubbed(text), kept);
        }
    }
}
