//! What the writer makes, read back by tungstenite's server side.

use super::*;

/// Reads a client's frames as a server would.
fn as_server(wire: &[u8]) -> Vec<Message> {
    judge(wire, Role::Server).0
}

#[test]
fn the_builder_makes_what_encode_makes_at_every_length_form() {
    for length in [0, 1, 7, 8, 9, 125, 126, 127, 600, 65_535, 65_536, 70_001] {
        let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let (mut whole, mut built) = (b"before".to_vec(), b"before".to_vec());
        encode(&mut whole, Data::Binary, [1, 2, 3, 4], &payload);
        let mut builder = FrameBuilder::begin(&mut built, Data::Binary);
        let (front, back) = payload.split_at(payload.len() / 3);
        builder.append(front);
        builder.buffer().extend_from_slice(back);
        builder.finish([1, 2, 3, 4]);
        assert!(whole == built, "{length}");
        assert_eq!(as_server(&built[6..]), [Message::binary(payload)]);
    }
}

#[test]
fn a_builder_that_is_dropped_leaves_no_trace() {
    let mut out = b"before".to_vec();
    let mut builder = FrameBuilder::begin(&mut out, Data::Text);
    builder.append(b"half an order");
    drop(builder);
    assert_eq!(out, b"before");
}

#[test]
fn a_close_carries_its_code_and_a_reason_cut_at_a_code_point() {
    let mut out = Vec::new();
    encode_close(
        &mut out,
        [9, 8, 7, 6],
        Some(CloseCode::TOO_BIG),
        &"€".repeat(60),
    );
    let [Message::Close(Some(close))] = &as_server(&out)[..] else {
        panic!()
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1009, "€".repeat(41).as_str())
    );
    out.clear();
    encode_close(&mut out, [9, 8, 7, 6], None, "left out");
    assert_eq!(as_server(&out), [Message::Close(None)]);
}

#[test]
fn a_control_payload_that_does_not_fit_is_refused_and_nothing_is_appended() {
    let mut out = Vec::new();
    assert_eq!(
        encode_ping(&mut out, [0; 4], &[0; 126]),
        Err(ControlTooLong { bytes: 126 })
    );
    assert!(out.is_empty());
    encode_ping(&mut out, [0; 4], &[5; 125]).unwrap();
    assert_eq!(as_server(&out), [Message::Ping(vec![5; 125].into())]);
}

proptest! {
    #[test]
    fn tungstenite_reads_what_we_write(payload in proptest::collection::vec(any::<u8>(), 0..300), mask: [u8; 4]) {
        let mut out = Vec::new();
        encode(&mut out, Data::Binary, mask, &payload);
        prop_assert_eq!(as_server(&out), [Message::binary(payload)]);
    }
}
