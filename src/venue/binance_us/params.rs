//! The parameters of a request, written once for both forms of the API.
//!
//! Owns the two forms: percent-encoded text for REST (query or form body), JSON plus the text to sign for the WebSocket
//! API. Guarantees that names come in ascending order, as the WebSocket API signs them (Binance.US reference 8; REST
//! takes any order), that both texts of a value agree since numbers are written the same way in both, and that what is
//! signed is what is sent. Never allocates once its buffers have grown.

use super::auth::Credentials;
use crate::codec::text::{put_decimal, put_json_string, put_percent_encoded};
use crate::record::Fixed;

/// Takes parameters in ascending order of their names.
pub(super) trait Params {
    /// A text.
    fn text(&mut self, name: &'static str, value: &str);
    /// A decimal: always a string in JSON, so that the signed text is its text.
    fn decimal(&mut self, name: &'static str, value: Fixed);
    /// A number.
    fn integer(&mut self, name: &'static str, value: u64);
    /// An id of the venue's: digits, and in JSON a number.
    fn digits(&mut self, name: &'static str, value: &str);

    /// A text, if there is one.
    fn some(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A decimal, if there is one.
    fn some_decimal(&mut self, name: &'static str, value: Option<Fixed>) {
        if let Some(value) = value {
            self.decimal(name, value);
        }
    }

    /// A number, if there is one.
    fn some_integer(&mut self, name: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.integer(name, value);
        }
    }
}

/// Watches the order of the names: a fault of ours, found by any test.
#[derive(Debug, Default)]
struct Ascending(&'static str);

impl Ascending {
    /// True for the first name.
    fn next(&mut self, name: &'static str) -> bool {
        let last = std::mem::replace(&mut self.0, name);
        debug_assert!(last < name, "{name} after {last}");
        last.is_empty()
    }
}

/// A query or a form body.
#[derive(Debug)]
pub(super) struct RestParams<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    names: Ascending,
}

impl<'o> RestParams<'o> {
    /// Appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> RestParams<'o> {
        let start = out.len();
        RestParams { out, start, names: Ascending::default() }
    }

    fn name(&mut self, name: &'static str) {
        if !self.names.next(name) {
            self.out.push(b'&');
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'=');
    }

    /// Adds the signature over all of it, last.
    pub fn sign(self, credentials: &Credentials) {
        credentials.sign_rest_in_place(self.out, self.start);
    }
}

impl Params for RestParams<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        put_percent_encoded(self.out, value);
    }

    fn decimal(&mut self, name: &'static str, value: Fixed) {
        self.name(name);
        put_decimal(self.out, value.mantissa(), value.exponent());
    }

    fn integer(&mut self, name: &'static str, value: u64) {
        self.name(name);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn digits(&mut self, name: &'static str, value: &str) {
        self.text(name, value);
    }
}

/// The `params` of a WebSocket API request.
#[derive(Debug)]
pub(super) struct WsParams<'o> {
    json: &'o mut Vec<u8>,
    /// What is signed, but for `apiKey`.
    text: &'o mut Vec<u8>,
    names: Ascending,
}

impl<'o> WsParams<'o> {
    /// Opens the object in `json`; `text` is emptied and filled with what is to be signed.
    pub fn signed(json: &'o mut Vec<u8>, text: &'o mut Vec<u8>, credentials: &Credentials) -> WsParams<'o> {
        text.clear();
        json.extend_from_slice(b"{\"apiKey\":\"");
        // Letters and digits: nothing to escape.
        json.extend_from_slice(credentials.api_key().as_bytes());
        json.push(b'"');
        WsParams { json, text, names: Ascending::default() }
    }

    fn name(&mut self, name: &'static str) {
        if !self.names.next(name) {
            self.text.push(b'&');
        }
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b'=');
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    /// Adds the signature and closes the object.
    pub fn sign(self, credentials: &Credentials) {
        self.json.extend_from_slice(b",\"signature\":\"");
        credentials.sign_ws(self.text, self.json);
        self.json.extend_from_slice(b"\"}");
    }
}

impl Params for WsParams<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.text.extend_from_slice(value.as_bytes());
        put_json_string(self.json, value);
    }

    fn decimal(&mut self, name: &'static str, value: Fixed) {
        self.name(name);
        let start = self.text.len();
        put_decimal(self.text, value.mantissa(), value.exponent());
        self.json.push(b'"');
        self.json.extend_from_slice(self.text.get(start..).unwrap_or_default());
        self.json.push(b'"');
    }

    fn integer(&mut self, name: &'static str, value: u64) {
        self.name(name);
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(value).as_bytes();
        self.text.extend_from_slice(digits);
        self.json.extend_from_slice(digits);
    }

    fn digits(&mut self, name: &'static str, value: &str) {
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
            return self.text(name, value);
        }
        self.name(name);
        self.text.extend_from_slice(value.as_bytes());
        self.json.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::auth::tests::{documented, KEY};
    use super::*;

    fn write(params: &mut impl Params) {
        params.decimal("price", Fixed::new(5_200_000, -2));
        params.text("symbol", "BTC USDT");
        params.integer("timestamp", 1_645_423_376_532);
        params.some("type", None);
    }

    #[test]
    fn what_rest_signs_is_what_it_sends() {
        let mut out = b"/path?".to_vec();
        let mut params = RestParams::new(&mut out);
        write(&mut params);
        params.sign(&documented());
        let text = String::from_utf8(out).unwrap();
        let (sent, signature) = text.strip_prefix("/path?").unwrap().split_once("&signature=").unwrap();
        assert_eq!(sent, "price=52000&symbol=BTC%20USDT&timestamp=1645423376532");
        let mut expected = Vec::new();
        documented().sign_rest(sent.as_bytes(), b"", &mut expected);
        assert_eq!(signature.as_bytes(), expected);
    }

    #[test]
    fn what_the_websocket_api_signs_is_what_its_json_says_sorted_by_name() {
        let (mut json, mut text) = (Vec::new(), Vec::new());
        let mut params = WsParams::signed(&mut json, &mut text, &documented());
        write(&mut params);
        params.sign(&documented());
        assert_eq!(text, b"price=52000&symbol=BTC USDT&timestamp=1645423376532");
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let mut expected = Vec::new();
        documented().sign_ws(&text, &mut expected);
        assert_eq!(
            value,
            serde_json::json!({"apiKey": KEY, "price": "52000", "symbol": "BTC USDT", "timestamp": 1_645_423_376_532_u64,
                               "signature": String::from_utf8(expected).unwrap()})
        );
    }

    #[test]
    #[should_panic(expected = "symbol after timestamp")]
    fn a_name_out_of_order_is_found_by_tests() {
        let mut out = Vec::new();
        let mut params = RestParams::new(&mut out);
        params.integer("timestamp", 1);
        params.text("symbol", "A");
    }
}
