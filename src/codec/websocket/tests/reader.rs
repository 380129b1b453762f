//! The RFC's own examples, each rule broken by name, and the shapes of messages.

use super::*;

mod rfc_section_5_7 {
    use super::*;

    #[test]
    fn a_single_unmasked_text_frame() {
        assert_eq!(events(&[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]), [text("Hello")]);
    }

    #[test]
    fn a_single_masked_text_frame_is_what_the_writer_makes() {
        let mut out = Vec::new();
        encode(&mut out, Data::Text, [0x37, 0xfa, 0x21, 0x3d], b"Hello");
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn a_fragmented_unmasked_text_message() {
        assert_eq!(events(&[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]), [text("Hello")]);
    }

    #[test]
    fn an_unmasked_ping_and_its_masked_answer() {
        assert_eq!(events(&[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]), [Event::Ping(b"Hello".to_vec())]);
        let mut out = Vec::new();
        encode_pong(&mut out, [0x37, 0xfa, 0x21, 0x3d], b"Hello").unwrap();
        assert_eq!(out, [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn binary_of_256_bytes_and_of_64_kib() {
        let (middle, long) = (vec![7; 256], vec![9; 65_536]);
        let wire = [&[0x82, 0x7E, 0x01, 0x00], &middle[..], &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], &long[..]].concat();
        assert_eq!(events(&wire), [binary(&middle), binary(&long)]);
    }
}

#[test]
fn every_broken_rule_is_refused_by_its_name_and_with_its_close_code() {
    let long_close = [&1000_u16.to_be_bytes()[..], &[b'x'; 124]].concat();
    let cases: Vec<(&str, Vec<u8>, WsError, CloseCode)> = vec![
        ("masked", vec![0x81, 0x81, 1, 2, 3, 4, 5], WsError::Masked, CloseCode::PROTOCOL_ERROR),
        ("RSV1", frame(0xC1, b"x"), WsError::ReservedBits { bits: 4 }, CloseCode::PROTOCOL_ERROR),
        ("RSV2", frame(0xA1, b"x"), WsError::ReservedBits { bits: 2 }, CloseCode::PROTOCOL_ERROR),
        ("RSV3 on a ping", frame(0x99, b"x"), WsError::ReservedBits { bits: 1 }, CloseCode::PROTOCOL_ERROR),
        ("reserved data opcode", frame(0x83, b""), WsError::ReservedOpcode { bits: 3 }, CloseCode::PROTOCOL_ERROR),
        ("reserved control opcode", frame(0x8B, b""), WsError::ReservedOpcode { bits: 0xB }, CloseCode::PROTOCOL_ERROR),
        (
            "fragmented ping",
            frame(0x09, b""),
            WsError::FragmentedControl { opcode: Opcode::Ping },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "fragmented close",
            frame(0x08, b""),
            WsError::FragmentedControl { opcode: Opcode::Close },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "ping of 126 bytes",
            frame(0x89, &[0; 126]),
            WsError::ControlTooLong { opcode: Opcode::Ping },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close of 126 bytes",
            frame(0x88, &long_close),
            WsError::ControlTooLong { opcode: Opcode::Close },
            CloseCode::PROTOCOL_ERROR,
        ),
        ("continuation without start", frame(0x80, b"x"), WsError::ContinuationWithoutStart, CloseCode::PROTOCOL_ERROR),
        (
            "unfinished continuation without start",
            frame(0x00, b"x"),
            WsError::ContinuationWithoutStart,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "continuation after a finished message",
            [frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat(),
            WsError::ContinuationWithoutStart,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "text inside a message",
            [frame(0x01, b"a"), frame(0x81, b"b")].concat(),
            WsError::DataInsideMessage,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "binary inside an empty beginning",
            [frame(0x01, b""), frame(0x82, b"b")].concat(),
            WsError::DataInsideMessage,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "16-bit length of 125",
            vec![0x81, 126, 0, 125],
            WsError::NonMinimalLength { length: 125 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "64-bit length of 65535",
            vec![0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255],
            WsError::NonMinimalLength { length: 65_535 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "64-bit length with its top bit",
            vec![0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0],
            WsError::LengthTopBit,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "too big in one frame",
            vec![0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1],
            WsError::MessageTooBig { bytes: (16 << 20) + 1, bytes_max: 16 << 20 },
            CloseCode::TOO_BIG,
        ),
        (
            "too big in sum",
            [frame(0x02, b"x"), vec![0x80, 127, 0, 0, 0, 0, 1, 0, 0, 0]].concat(),
            WsError::MessageTooBig { bytes: (16 << 20) + 1, bytes_max: 16 << 20 },
            CloseCode::TOO_BIG,
        ),
        ("text that is not UTF-8", frame(0x81, b"\xFF"), WsError::InvalidUtf8, CloseCode::INVALID_DATA),
        ("text that ends inside a code point", frame(0x81, b"\xE2\x82"), WsError::InvalidUtf8, CloseCode::INVALID_DATA),
        (
            "fragmented text that ends inside a code point",
            [frame(0x01, b"\xE2"), frame(0x80, b"\x82")].concat(),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        ("unfinished text with a bad byte", frame(0x01, b"ab\xC0"), WsError::InvalidUtf8, CloseCode::INVALID_DATA),
        (
            "code point broken by the next fragment",
            [frame(0x01, b"\xE2"), frame(0x00, b"a")].concat(),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        ("close of one byte", frame(0x88, b"x"), WsError::CloseOfOneByte, CloseCode::PROTOCOL_ERROR),
        ("close code 0", frame(0x88, &[0, 0]), WsError::BadCloseCode { code: 0 }, CloseCode::PROTOCOL_ERROR),
        (
            "close code 1005",
            frame(0x88, &1005_u16.to_be_bytes()),
            WsError::BadCloseCode { code: 1005 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close code 1006",
            frame(0x88, &1006_u16.to_be_bytes()),
            WsError::BadCloseCode { code: 1006 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close code 2999",
            frame(0x88, &2999_u16.to_be_bytes()),
            WsError::BadCloseCode { code: 2999 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close code 5000",
            frame(0x88, &5000_u16.to_be_bytes()),
            WsError::BadCloseCode { code: 5000 },
            CloseCode::PROTOCOL_ERROR,
        ),
        ("close reason that is not UTF-8", frame(0x88, b"\x03\xE8\xFF"), WsError::InvalidUtf8, CloseCode::INVALID_DATA),
    ];
    for (name, wire, error, close_code) in cases {
        for read in [1, 2, 3, usize::MAX] {
            let (_, outcome) = read_all(&wire, &[read], &[0], Limits::default());
            assert_eq!(outcome, Err(error), "{name}, reads of {read}");
        }
        assert_eq!(error.close_code(), close_code, "{name}");
    }
}

#[test]
fn bad_text_in_a_long_message_is_noticed_before_the_message_is_complete() {
    let mut wire = frame(0x81, &[b'a'; 100]);
    wire[50] = 0xFF;
    let (_, outcome) = read_all(&wire[..60], &[1], &[0], SMALL);
    assert_eq!(outcome, Err(WsError::InvalidUtf8));
}

#[test]
fn control_frames_come_between_fragments_in_their_order() {
    let wire = [frame(0x01, "€".as_bytes()), frame(0x89, b"1"), frame(0x00, b""), frame(0x8A, b"2"), frame(0x80, b"!")]
        .concat();
    let expected = [Event::Ping(b"1".to_vec()), Event::Pong(b"2".to_vec()), text("€!")];
    assert_eq!(events(&wire), expected);
}

#[test]
fn a_message_of_empty_fragments_is_one_empty_piece() {
    let wire = [frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")].concat();
    let mut wire = wire;
    let mut reader = FrameReader::new(Limits::default());
    let step = reader.next(&mut wire).unwrap();
    assert_eq!(step.consumed, 6);
    assert_eq!(step.item, Item::Piece { text: true, payload: &mut [], first: true, last: true });
}

#[test]
fn an_empty_message_is_a_message() {
    assert_eq!(events(&[frame(0x81, b""), frame(0x82, b"")].concat()), [text(""), binary(b"")]);
}

#[test]
fn close_frames_give_code_and_reason_and_end_the_stream() {
    assert_eq!(events(&frame(0x88, b"")), [Event::Close(None, String::new())]);
    let wire = [frame(0x88, b"\x03\xF4restart"), frame(0x81, b"late"), vec![0xFF; 9]].concat();
    assert_eq!(events(&wire), [Event::Close(Some(1012), "restart".to_owned())]);
    let mut reader = FrameReader::new(Limits::default());
    let mut wire = frame(0x88, b"");
    assert!(!reader.is_closed());
    reader.next(&mut wire).unwrap();
    assert!(reader.is_closed());
}

#[test]
fn an_incomplete_message_says_how_many_bytes_it_wants() {
    let mut wire = frame(0x81, &[b'a'; 300]);
    let mut reader = FrameReader::new(Limits::default());
    let step = reader.next(&mut wire[..104]).unwrap();
    assert_eq!((step.consumed, step.item), (0, Item::Incomplete { bytes_wanted: 200 }));
}

#[test]
fn a_five_megabyte_message_passes_through_a_small_buffer() {
    let payload: Vec<u8> = (0..5_000_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    let wire = frame(0x81, &payload);
    let (events, outcome) = read_all(&wire, &[4096], &[0], Limits::default());
    assert_eq!(outcome, Ok(()));
    assert!(events == [Event::Data { text: true, payload }]);
}

#[test]
fn what_is_kept_of_a_piece_joins_the_next_one_across_a_frame_boundary_and_a_ping() {
    let mut buffer = [frame(0x01, b"[{\"a\":1},{\"b"), frame(0x89, b"hi"), frame(0x80, b"\":2}]")].concat();
    let mut reader = FrameReader::new(Limits::default());
    let step = reader.next(&mut buffer).unwrap();
    assert!(matches!(step.item, Item::Piece { last: false, .. }));
    let mut start = step.consumed - reader.keep(3);
    let step = reader.next(&mut buffer[start..]).unwrap();
    assert_eq!(step.item, Item::Ping { payload: b"hi" });
    start += step.consumed;
    assert_eq!(reader.keep(2), 0, "after a ping there is nothing to keep");
    let step = reader.next(&mut buffer[start..]).unwrap();
    let Item::Piece { payload, first: false, last: true, .. } = step.item else { panic!("{:?}", step.item) };
    assert_eq!(payload, b"{\"b\":2}]");
    assert_eq!(start + step.consumed, buffer.len());
}

#[test]
fn a_caller_may_check_whole_text_itself_and_refuse_it_but_pieces_are_checked_here() {
    let unchecked = || FrameReader::new(SMALL).leaving_whole_text_unchecked();
    let mut reader = unchecked();
    let mut wire = [frame(0x81, b"\xff"), frame(0x81, b"late")].concat();
    let step = reader.next(&mut wire).unwrap();
    assert_eq!(step.item, Item::Message { text: true, payload: &mut [0xff] });
    let start = step.consumed;
    assert_eq!(reader.refuse_text(), WsError::InvalidUtf8);
    assert_eq!(reader.next(&mut wire[start..]).unwrap_err(), WsError::InvalidUtf8, "nothing is delivered behind it");
    let long = [[b'a'; 29].as_slice(), b"\xff"].concat();
    let mut wires = [[frame(0x01, b"\xff"), frame(0x80, b"")].concat(), frame(0x81, &long)];
    for wire in &mut wires {
        let mut reader = unchecked();
        let outcome = reader.next(wire).map(|step| step.consumed).and_then(|start| reader.next(&mut wire[start..]));
        assert_eq!(outcome.unwrap_err(), WsError::InvalidUtf8);
    }
}
