//! Writes JSON with the venue's key order, spacing and quoting, which a map-based serializer would not keep.
//!
//! Decimals go out as strings wherever the venue sends strings; nothing here ever formats a float.

use std::fmt::{Display, Write};

/// A JSON text being written, one member after the other.
#[derive(Debug)]
pub struct Json {
    text: String,
    comma: &'static str,
    fresh: bool,
}

impl Json {
    /// Compact, as on the WebSocket.
    pub fn compact() -> Self {
        Self::with_comma(",")
    }

    /// With a space after each comma, as REST bodies have them in places (Coinbase reference 3).
    pub fn spaced() -> Self {
        Self::with_comma(", ")
    }

    fn with_comma(comma: &'static str) -> Self {
        Self { text: String::with_capacity(512), comma, fresh: true }
    }

    /// A whole object: `write` adds its members.
    pub fn object(mut self, write: impl FnOnce(&mut Self)) -> String {
        self.braces('{', '}', write);
        self.text
    }

    /// A whole array: `write` adds its items.
    pub fn array(mut self, write: impl FnOnce(&mut Self)) -> String {
        self.braces('[', ']', write);
        self.text
    }

    /// A member whose value is a string; `value` is escaped.
    pub fn str(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.key(key);
        self.quoted(value);
        self
    }

    /// A member written as it is: a number, `true`, `null`, or JSON text made elsewhere.
    pub fn raw(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.key(key);
        let _ = write!(self.text, "{value}");
        self
    }

    /// A member that is an object.
    pub fn obj(&mut self, key: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key);
        self.braces('{', '}', write);
        self
    }

    /// A member that is an array; `write` adds its items.
    pub fn arr(&mut self, key: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key);
        self.braces('[', ']', write);
        self
    }

    /// An array item that is an object.
    pub fn item(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.braces('{', '}', write);
        self
    }

    /// An array item that is a string.
    pub fn item_str(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        self.quoted(value);
        self
    }

    /// An array item written as it is.
    pub fn item_raw(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        let _ = write!(self.text, "{value}");
        self
    }

    /// An array item that is an array.
    pub fn item_arr(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.braces('[', ']', write);
        self
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.fresh, false) {
            self.text.push_str(self.comma);
        }
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    fn braces(&mut self, open: char, close: char, write: impl FnOnce(&mut Self)) {
        self.text.push(open);
        self.fresh = true;
        write(self);
        self.text.push(close);
        self.fresh = false;
    }

    fn quoted(&mut self, value: impl Display) {
        self.text.push('"');
        let _ = write!(Escaped(&mut self.text), "{value}");
        self.text.push('"');
    }
}

/// Escapes what is written through it, without a second buffer.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                c if c < ' ' => write!(self.0, "\\u{:04x}", u32::from(c))?,
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_strings_are_escaped() {
        let text = Json::compact().object(|j| {
            j.str("z", "say \"hi\"\n\u{1}").raw("a", 1).arr("list", |j| {
                j.item_str("x").item(|j| {
                    j.raw("t", true);
                });
            });
            j.obj("none", |_| {});
        });
        assert_eq!(text, r#"{"z":"say \"hi\"\n\u0001","a":1,"list":["x",{"t":true}],"none":{}}"#);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["z"], "say \"hi\"\n\u{1}");
    }

    #[test]
    fn arrays_stand_alone_and_in_arrays() {
        let text = Json::compact().array(|j| {
            j.item_arr(|j| {
                j.item_raw(1).item_str("a");
            })
            .item_arr(|_| {})
            .item_raw("null");
        });
        assert_eq!(text, r#"[[1,"a"],[],null]"#);
    }

    #[test]
    fn rest_bodies_have_a_space_after_the_comma() {
        let text = Json::spaced().object(|j| {
            j.str("a", 1).str("b", 2);
        });
        assert_eq!(text, r#"{"a":"1", "b":"2"}"#);
    }
}
