//! Text that is not UTF-8 fails the connection (RFC 6455 section 8.1), though the parser and not the reader checks it.

use super::*;

/// Close, masked with sevens, code 1007.
const CLOSE_1007: [u8; 8] = [0x88, 0x82, 7, 7, 7, 7, 0x03 ^ 7, 0xEF ^ 7];

/// A message whose product is these bytes, JSON or not.
fn message(product: &[u8]) -> Vec<u8> {
    let head = br#"{"channel":"l2_data","timestamp":"","sequence_num":9,"events":[{"type":"update","product_id":""#;
    [head, product, br#"","updates":[]}]}"#].concat()
}

/// What is not UTF-8, alone and together with what is not JSON for a reason noticed earlier or later.
const NOT_UTF8: [&[u8]; 7] =
    [b"\xff", b"\xed\xa0\x80", b"\\n\xc3", b"\xff\x01", b"\xff\\", b"\xc3\"\"", b"\\u00e\xc3\xbc\x80"];

#[test]
fn a_message_that_is_not_utf8_closes_with_1007_whatever_else_is_wrong_with_it() {
    for product in NOT_UTF8 {
        for text in [message(product), [b"{]", product].concat(), product.to_vec()] {
            let mut line = Line::with_books();
            let end = line.try_bytes(frame(0x81, &text));
            assert!(matches!(&end, Err(SessionError::Protocol(why)) if why.contains("UTF-8")), "{text:?}: {end:?}");
            assert_eq!(line.ear.sent, CLOSE_1007, "{text:?}");
            assert_eq!(line.ear.told, [], "{text:?}");
            let later = line.try_bytes(frame(0x81, b"{}"));
            assert_eq!(later, end, "nothing is read behind it");
        }
    }
}

#[test]
fn a_fragmented_message_that_is_not_utf8_closes_with_1007() {
    for product in NOT_UTF8 {
        let text = message(product);
        for cut in (0..text.len()).step_by(9).chain([text.len() - 18, text.len() - 17, text.len() - 16]) {
            let (first, second) = text.split_at(cut);
            let mut line = Line::with_books();
            let end = line.try_bytes([frame(0x01, first), frame(0x80, second)].concat());
            assert!(matches!(end, Err(SessionError::Protocol(_))), "{text:?} cut at {cut}: {end:?}");
            assert_eq!(line.ear.sent, CLOSE_1007);
        }
    }
}

#[test]
fn utf8_that_is_not_json_is_announced_and_the_connection_goes_on() {
    for product in ["\u{1}", "\\", "\"\"", "\\u00e\u{fc}", "\\n\u{20ac}\\x"] {
        let mut line = Line::with_books();
        line.try_bytes(frame(0x81, &message(product.as_bytes()))).unwrap();
        assert!(!line.ear.anomalies().is_empty(), "{product:?}");
    }
}
