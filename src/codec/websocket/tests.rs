//! What the reader, the writer and the handshake promise, shown from outside: the RFC's own examples, each rule broken by
//! name, any cut of any stream, and tungstenite as the judge.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::Message;

use super::*;

/// What came out of a stream, without regard to how a long message was cut into pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Data { text: bool, payload: Vec<u8> },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

const SMALL: Limits = Limits {
    message_bytes_max: 1 << 20,
    whole_bytes_max: 20,
};

/// Runs a reader over `wire` as a receive buffer would: reads of the lengths in `reads` (repeated), and of every piece
/// that has a successor it keeps as many bytes as `keeps` says (repeated).
fn read_all(
    wire: &[u8],
    reads: &[usize],
    keeps: &[usize],
    limits: Limits,
) -> (Vec<Event>, Result<(), WsError>) {
    let (mut reader, mut events) = (FrameReader::new(limits), Vec::new());
    let (mut buffer, mut wire, mut long, mut kept) =
        (Vec::new(), wire, None::<Vec<u8>>, Vec::new());
    let mut keeps = keeps.iter().cycle();
    for read in reads.iter().cycle() {
        let (now, later) = wire.split_at((*read).clamp(1, wire.len().max(1)).min(wire.len()));
        buffer.extend_from_slice(now);
        wire = later;
        loop {
            let Step { consumed, item } = match reader.next(&mut buffer) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(
                        reader.next(&mut buffer).unwrap_err(),
                        error,
                        "an error is final"
                    );
                    return (events, Err(error));
                }
            };
            let mut advance = consumed;
            let mut stop = false;
            match item {
                Item::Incomplete { bytes_wanted } => {
                    assert!(bytes_wanted > 0);
                    stop = true;
                }
                Item::Message { text, payload } => {
                    assert!(long.is_none() && payload.len() <= limits.whole_bytes_max);
                    events.push(Event::Data {
                        text,
                        payload: payload.to_vec(),
                    });
                }
                Item::Piece {
                    text,
                    payload,
                    first,
                    last,
                } => {
                    assert_eq!(first, long.is_none(), "exactly the first piece opens");
                    assert!(
                        payload.starts_with(&kept),
                        "what was kept comes again, in front"
                    );
                    let new = &payload[kept.len()..];
                    assert!(
                        last || !new.is_empty(),
                        "only the last piece may bring nothing"
                    );
                    assert!(new.len() <= limits.whole_bytes_max);
                    let message = long.get_or_insert_default();
                    message.extend_from_slice(new);
                    let payload = payload.to_vec();
                    let keep = reader.keep(*keeps.next().unwrap());
                    assert!(keep <= payload.len() && !(last && keep > 0));
                    kept = payload[payload.len() - keep..].to_vec();
                    advance -= keep;
                    if last {
                        events.push(Event::Data {
                            text,
                            payload: long.take().unwrap(),
                        });
                    }
                }
                Item::Ping { payload } => events.push(Event::Ping(payload.to_vec())),
                Item::Pong { payload } => events.push(Event::Pong(payload.to_vec())),
                Item::Close { code, reason } => {
                    events.push(Event::Close(code.map(CloseCode::get), reason.to_owned()))
                }
            }
            buffer.drain(..advance);
            if stop {
                break;
            }
        }
        if wire.is_empty() {
            return (events, Ok(()));
        }
    }
    unreachable!("`reads` is not empty")
}

fn events(wire: &[u8]) -> Vec<Event> {
    let (events, outcome) = read_all(wire, &[usize::MAX], &[0], Limits::default());
    assert_eq!(outcome, Ok(()));
    events
}

fn text(payload: &str) -> Event {
    Event::Data {
        text: true,
        payload: payload.as_bytes().to_vec(),
    }
}

fn binary(payload: &[u8]) -> Event {
    Event::Data {
        text: false,
        payload: payload.to_vec(),
    }
}

/// A server frame with the given first byte and a length in its shortest form.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![first];
    match payload.len() {
        short @ 0..=125 => wire.push(short as u8),
        middle @ 126..=0xFFFF => {
            wire.push(126);
            wire.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            wire.push(127);
            wire.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    wire.extend_from_slice(payload);
    wire
}

mod rfc_section_5_7 {
    use super::*;

    #[test]
    fn a_single_unmasked_text_frame() {
        assert_eq!(
            events(&[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
            [text("Hello")]
        );
    }

    #[test]
    fn a_single_masked_text_frame_is_what_the_writer_makes() {
        let mut out = Vec::new();
        encode(&mut out, Data::Text, [0x37, 0xfa, 0x21, 0x3d], b"Hello");
        assert_eq!(
            out,
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
    }

    #[test]
    fn a_fragmented_unmasked_text_message() {
        assert_eq!(
            events(&[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]),
            [text("Hello")]
        );
    }

    #[test]
    fn an_unmasked_ping_and_its_masked_answer() {
        assert_eq!(
            events(&[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
            [Event::Ping(b"Hello".to_vec())]
        );
        let mut out = Vec::new();
        encode_pong(&mut out, [0x37, 0xfa, 0x21, 0x3d], b"Hello").unwrap();
        assert_eq!(
            out,
            [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
    }

    #[test]
    fn binary_of_256_bytes_and_of_64_kib() {
        let (middle, long) = (vec![7; 256], vec![9; 65_536]);
        let wire = [
            &[0x82, 0x7E, 0x01, 0x00],
            &middle[..],
            &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0],
            &long[..],
        ]
        .concat();
        assert_eq!(events(&wire), [binary(&middle), binary(&long)]);
    }
}

#[test]
fn every_broken_rule_is_refused_by_its_name_and_with_its_close_code() {
    let long_close = [&1000_u16.to_be_bytes()[..], &[b'x'; 124]].concat();
    let cases: Vec<(&str, Vec<u8>, WsError, CloseCode)> = vec![
        (
            "masked",
            vec![0x81, 0x81, 1, 2, 3, 4, 5],
            WsError::Masked,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "RSV1",
            frame(0xC1, b"x"),
            WsError::ReservedBits { bits: 4 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "RSV2",
            frame(0xA1, b"x"),
            WsError::ReservedBits { bits: 2 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "RSV3 on a ping",
            frame(0x99, b"x"),
            WsError::ReservedBits { bits: 1 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "reserved data opcode",
            frame(0x83, b""),
            WsError::ReservedOpcode { bits: 3 },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "reserved control opcode",
            frame(0x8B, b""),
            WsError::ReservedOpcode { bits: 0xB },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "fragmented ping",
            frame(0x09, b""),
            WsError::FragmentedControl {
                opcode: Opcode::Ping,
            },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "fragmented close",
            frame(0x08, b""),
            WsError::FragmentedControl {
                opcode: Opcode::Close,
            },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "ping of 126 bytes",
            frame(0x89, &[0; 126]),
            WsError::ControlTooLong {
                opcode: Opcode::Ping,
            },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close of 126 bytes",
            frame(0x88, &long_close),
            WsError::ControlTooLong {
                opcode: Opcode::Close,
            },
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "continuation without start",
            frame(0x80, b"x"),
            WsError::ContinuationWithoutStart,
            CloseCode::PROTOCOL_ERROR,
        ),
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
            WsError::MessageTooBig {
                bytes: (16 << 20) + 1,
                bytes_max: 16 << 20,
            },
            CloseCode::TOO_BIG,
        ),
        (
            "too big in sum",
            [frame(0x02, b"x"), vec![0x80, 127, 0, 0, 0, 0, 1, 0, 0, 0]].concat(),
            WsError::MessageTooBig {
                bytes: (16 << 20) + 1,
                bytes_max: 16 << 20,
            },
            CloseCode::TOO_BIG,
        ),
        (
            "text that is not UTF-8",
            frame(0x81, b"\xFF"),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        (
            "text that ends inside a code point",
            frame(0x81, b"\xE2\x82"),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        (
            "fragmented text that ends inside a code point",
            [frame(0x01, b"\xE2"), frame(0x80, b"\x82")].concat(),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        (
            "unfinished text with a bad byte",
            frame(0x01, b"ab\xC0"),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        (
            "code point broken by the next fragment",
            [frame(0x01, b"\xE2"), frame(0x00, b"a")].concat(),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
        (
            "close of one byte",
            frame(0x88, b"x"),
            WsError::CloseOfOneByte,
            CloseCode::PROTOCOL_ERROR,
        ),
        (
            "close code 0",
            frame(0x88, &[0, 0]),
            WsError::BadCloseCode { code: 0 },
            CloseCode::PROTOCOL_ERROR,
        ),
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
        (
            "close reason that is not UTF-8",
            frame(0x88, b"\x03\xE8\xFF"),
            WsError::InvalidUtf8,
            CloseCode::INVALID_DATA,
        ),
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
    let wire = [
        frame(0x01, "€".as_bytes()),
        frame(0x89, b"1"),
        frame(0x00, b""),
        frame(0x8A, b"2"),
        frame(0x80, b"!"),
    ]
    .concat();
    let expected = [
        Event::Ping(b"1".to_vec()),
        Event::Pong(b"2".to_vec()),
        text("€!"),
    ];
    assert_eq!(events(&wire), expected);
}

#[test]
fn a_message_of_empty_fragments_is_one_empty_piece() {
    let wire = [frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")].concat();
    let mut wire = wire;
    let mut reader = FrameReader::new(Limits::default());
    let step = reader.next(&mut wire).unwrap();
    assert_eq!(step.consumed, 6);
    assert_eq!(
        step.item,
        Item::Piece {
            text: true,
            payload: &mut [],
            first: true,
            last: true
        }
    );
}

#[test]
fn an_empty_message_is_a_message() {
    assert_eq!(
        events(&[frame(0x81, b""), frame(0x82, b"")].concat()),
        [text(""), binary(b"")]
    );
}

#[test]
fn close_frames_give_code_and_reason_and_end_the_stream() {
    assert_eq!(
        events(&frame(0x88, b"")),
        [Event::Close(None, String::new())]
    );
    let wire = [
        frame(0x88, b"\x03\xF4restart"),
        frame(0x81, b"late"),
        vec![0xFF; 9],
    ]
    .concat();
    assert_eq!(
        events(&wire),
        [Event::Close(Some(1012), "restart".to_owned())]
    );
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
    assert_eq!(
        (step.consumed, step.item),
        (0, Item::Incomplete { bytes_wanted: 200 })
    );
}

#[test]
fn a_five_megabyte_message_passes_through_a_small_buffer() {
    let payload: Vec<u8> = (0..5_000_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    let wire = frame(0x81, &payload);
    let (events, outcome) = read_all(&wire, &[4096], &[0], Limits::default());
    assert_eq!(outcome, Ok(()));
    assert!(
        events
            == [Event::Data {
                text: true,
                payload
            }]
    );
}

#[test]
fn what_is_kept_of_a_piece_joins_the_next_one_across_a_frame_boundary_and_a_ping() {
    let mut buffer = [
        frame(0x01, b"[{\"a\":1},{\"b"),
        frame(0x89, b"hi"),
        frame(0x80, b"\":2}]"),
    ]
    .concat();
    let mut reader = FrameReader::new(Limits::default());
    let step = reader.next(&mut buffer).unwrap();
    assert!(matches!(step.item, Item::Piece { last: false, .. }));
    let mut start = step.consumed - reader.keep(3);
    let step = reader.next(&mut buffer[start..]).unwrap();
    assert_eq!(step.item, Item::Ping { payload: b"hi" });
    start += step.consumed;
    assert_eq!(reader.keep(2), 0, "after a ping there is nothing to keep");
    let step = reader.next(&mut buffer[start..]).unwrap();
    let Item::Piece {
        payload,
        first: false,
        last: true,
        ..
    } = step.item
    else {
        panic!("{:?}", step.item)
    };
    assert_eq!(payload, b"{\"b\":2}]");
    assert_eq!(start + step.consumed, buffer.len());
}

mod writer {
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
}

/// Bytes to read, and nowhere for the answers that tungstenite writes by itself.
struct Tape<'a>(&'a [u8]);

impl Read for Tape<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.read(out)
    }
}

impl Write for Tape<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite makes of the bytes, and whether it refused them.
fn judge(wire: &[u8], role: Role) -> (Vec<Message>, bool) {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let mut socket = tungstenite::WebSocket::from_raw_socket(Tape(wire), role, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => {
                let closed = message.is_close();
                messages.push(message);
                if closed {
                    return (messages, false);
                }
            }
            Err(tungstenite::Error::Io(_)) => return (messages, false),
            Err(_) => return (messages, true),
        }
    }
}

fn as_event(message: &Message) -> Event {
    match message {
        Message::Text(payload) => text(payload.as_str()),
        Message::Binary(payload) => binary(payload),
        Message::Ping(payload) => Event::Ping(payload.to_vec()),
        Message::Pong(payload) => Event::Pong(payload.to_vec()),
        Message::Close(close) => Event::Close(
            close.as_ref().map(|close| close.code.into()),
            close
                .as_ref()
                .map(|close| close.reason.to_string())
                .unwrap_or_default(),
        ),
        Message::Frame(_) => unreachable!("never read"),
    }
}

/// One message or control frame, and its bytes on the wire.
fn any_part() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        "\\PC{0,60}".prop_map(|text| frame(0x81, text.as_bytes())),
        any_bytes(200).prop_map(|bytes| frame(0x82, &bytes))
    ];
    let control = prop_oneof![
        any_bytes(125).prop_map(|bytes| frame(0x89, &bytes)),
        any_bytes(20).prop_map(|bytes| frame(0x8A, &bytes))
    ];
    let fragmented = (
        "\\PC{0,60}",
        proptest::collection::vec((0_usize..90, proptest::option::of(any_bytes(9))), 1..5),
    )
        .prop_map(|(text, mut cuts)| {
            cuts.sort_by_key(|cut| cut.0);
            let (mut wire, mut start, mut first) = (Vec::new(), 0, 0x01);
            for (cut, ping) in cuts {
                let end = cut.clamp(start, text.len());
                wire.extend(frame(first, &text.as_bytes()[start..end]));
                wire.extend(ping.map(|ping| frame(0x89, &ping)).unwrap_or_default());
                (start, first) = (end, 0x00);
            }
            wire.extend(frame(0x80, &text.as_bytes()[start..]));
            wire
        });
    prop_oneof![3 => whole, 1 => control, 3 => fragmented]
}

fn any_bytes(bytes_max: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=bytes_max)
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let close = prop_oneof![
        Just(Vec::new()),
        Just(frame(0x88, b"")),
        "\\PC{0,9}".prop_map(|reason| frame(0x88, &[&[0x03, 0xE8], reason.as_bytes()].concat()))
    ];
    (proptest::collection::vec(any_part(), 0..6), close)
        .prop_map(|(parts, close)| [parts.concat(), close].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_good_stream_gives_what_tungstenite_gives_however_it_is_cut_and_whatever_is_kept(
        wire in any_stream(),
        reads in proptest::collection::vec(1_usize..50, 1..6),
        keeps in proptest::collection::vec(0_usize..30, 1..6),
    ) {
        let expected: Vec<Event> = judge(&wire, Role::Client).0.iter().map(as_event).collect();
        for (reads, keeps, limits) in [(&reads[..], &keeps[..], SMALL), (&[1], &[0], SMALL), (&reads, &[0], Limits::default())] {
            let (events, outcome) = read_all(&wire, reads, keeps, limits);
            prop_assert_eq!(outcome, Ok(()));
            prop_assert_eq!(&events, &expected);
        }
    }

    #[test]
    fn a_damaged_stream_is_judged_the_same_however_it_is_cut_and_never_more_kindly_than_by_tungstenite(
        mut wire in any_stream(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        read in 1_usize..50,
    ) {
        prop_assume!(!wire.is_empty());
        for (at, byte) in damage {
            *at.get_mut(&mut wire) = byte;
        }
        let (events, outcome) = read_all(&wire, &[usize::MAX], &[0], SMALL);
        prop_assert_eq!(read_all(&wire, &[read], &[7], SMALL), (events.clone(), outcome));
        let (messages, refused) = judge(&wire, Role::Client);
        let theirs: Vec<Event> = messages.iter().map(as_event).collect();
        match outcome {
            Ok(()) => {
                prop_assert!(!refused, "tungstenite refuses, we do not");
                prop_assert_eq!(events, theirs);
            }
            // We may refuse what it lets pass (long forms of a length, close codes, early UTF-8), never deliver else than it.
            Err(_) => prop_assert!(theirs.starts_with(&events), "{:?} {:?}", events, theirs),
        }
    }

    #[test]
    fn garbage_never_panics(wire in any_bytes(80), read in 1_usize..20) {
        let _ = read_all(&wire, &[read], &[3], SMALL);
    }
}

mod handshake {
    use super::*;
    use crate::codec::http1::{HttpError, Received};

    /// RFC 6455 section 1.3: this key has this digest.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn read(answer: &str) -> Result<Upgrade, HandshakeError> {
        let whole = UpgradeReader::new(KEY).read(&mut answer.as_bytes().to_vec(), true);
        let mut reader = UpgradeReader::new(KEY);
        let mut buffer = Vec::new();
        for byte in answer.bytes() {
            buffer.push(byte);
            match reader.read(&mut buffer, false) {
                Ok(Upgrade::Incomplete) => {}
                outcome => {
                    assert_eq!(outcome, whole, "byte by byte");
                    return whole;
                }
            }
        }
        whole
    }

    #[test]
    fn the_request_is_what_the_rfc_asks_for() {
        let mut out = Vec::new();
        let request = UpgradeRequest {
            host: "ws.example:8443",
            path: "/ws?stream=a",
            headers: &[("User-Agent", "us/1")],
        };
        request.write(&mut out, *b"the sample nonce").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("GET /ws?stream=a HTTP/1.1\r\nHost: ws.example:8443\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nuser-agent: us/1\r\n\r\n")
        );
    }

    #[test]
    fn requests_that_cannot_go_on_the_wire_are_refused() {
        let write = |host, path, headers: &[(&str, &str)]| {
            let mut out = Vec::new();
            let outcome = UpgradeRequest {
                host,
                path,
                headers,
            }
            .write(&mut out, [0; 16])
            .map(|_| ());
            assert_eq!(out.is_empty(), outcome.is_err());
            outcome
        };
        assert_eq!(write("h", "/", &[("X-A", "b")]), Ok(()));
        assert_eq!(
            write("h\r\nX: y", "/", &[]),
            Err(HandshakeError::BadRequest)
        );
        assert_eq!(write("", "/", &[]), Err(HandshakeError::BadRequest));
        assert_eq!(
            write("h", "/ HTTP/1.1\r\nX: y", &[]),
            Err(HandshakeError::BadRequest)
        );
        assert_eq!(
            write("h", "http://other/", &[]),
            Err(HandshakeError::BadRequest)
        );
        assert_eq!(
            write("h", "/", &[("X-A", "b\r\nX: y")]),
            Err(HandshakeError::BadRequest)
        );
        assert_eq!(
            write(
                "h",
                "/",
                &[("Sec-WebSocket-Extensions", "permessage-deflate")]
            ),
            Err(HandshakeError::ReservedHeader)
        );
        assert_eq!(
            write("h", "/", &[("host", "other")]),
            Err(HandshakeError::ReservedHeader)
        );
    }

    #[test]
    fn frames_behind_the_answer_are_left_where_they_are() {
        let head = format!("{ACCEPTED}\r\n");
        let consumed = head.len();
        assert_eq!(
            read(&(head + "\u{1}\u{2}frames")),
            Ok(Upgrade::Accepted { consumed })
        );
    }

    #[test]
    fn token_lists_letter_case_and_interim_answers_do_not_matter() {
        let answer = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 OK\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(
            read(answer),
            Ok(Upgrade::Accepted {
                consumed: answer.len()
            })
        );
    }

    #[test]
    fn answers_that_agree_to_something_else_are_refused_by_name() {
        let with = |from: &str, to: &str| format!("{ACCEPTED}\r\n").replace(from, to);
        let cases = [
            (
                with("Upgrade: websocket\r\n", ""),
                HandshakeError::NoUpgrade,
            ),
            (
                with("Upgrade: websocket", "Upgrade: h2c"),
                HandshakeError::NoUpgrade,
            ),
            (with("HTTP/1.1", "HTTP/1.0"), HandshakeError::NoUpgrade),
            (
                with("Connection: Upgrade\r\n", ""),
                HandshakeError::NoConnectionUpgrade,
            ),
            (
                with("Connection: Upgrade", "Connection: upgraded"),
                HandshakeError::NoConnectionUpgrade,
            ),
            (with("s3pP", "S3pP"), HandshakeError::WrongAccept),
            (
                with("Sec-WebSocket-Accept", "X"),
                HandshakeError::WrongAccept,
            ),
            (
                with("Connection:", "Sec-WebSocket-Accept: again\r\nConnection:"),
                HandshakeError::WrongAccept,
            ),
            (
                format!("{ACCEPTED}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
                HandshakeError::UnaskedExtension,
            ),
            (
                format!("{ACCEPTED}Sec-WebSocket-Protocol: chat\r\n\r\n"),
                HandshakeError::UnaskedProtocol,
            ),
        ];
        for (answer, error) in cases {
            assert_eq!(read(&answer), Err(error), "{answer}");
        }
    }

    #[test]
    fn a_refusal_shows_its_status_and_its_reason() {
        let refused = |answer: &str| match read(answer) {
            Err(HandshakeError::Refused {
                status,
                retry_after_s,
                excerpt,
            }) => (status, retry_after_s, excerpt.as_str().to_owned()),
            other => panic!("{other:?}"),
        };
        let page = "<html><head><title>429 Too Many Requests</title></head></html>";
        let answer = format!(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        );
        assert_eq!(
            refused(&answer),
            (429, Some(7), "429 Too Many Requests".to_owned())
        );
        let answer = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nnot in\r\n9\r\n your land\r\n0\r\n\r\n".replace("9\r\n", "a\r\n");
        assert_eq!(refused(&answer), (403, None, "not in your land".to_owned()));
        assert_eq!(
            refused("HTTP/1.1 503 No\r\nContent-Length: 900\r\n\r\ncut off"),
            (503, None, "cut off".to_owned())
        );
        assert_eq!(
            refused("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            (200, None, "hi".to_owned())
        );
    }

    #[test]
    fn a_redirect_is_an_error_that_says_where_to() {
        let Err(error) = read("HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n") else { panic!() };
        assert_eq!(error.to_string(), "websocket upgrade redirected with status 301 to https://elsewhere.example/; redirects are never followed, configure the new endpoint");
    }

    #[test]
    fn an_answer_that_ends_early_or_is_no_http_is_an_error() {
        assert_eq!(
            read("HTTP/1.1 101 Sw"),
            Err(HttpError::Truncated {
                received: Received::PartOfHead { bytes: 15 }
            }
            .into())
        );
        assert_eq!(
            read(""),
            Err(HttpError::Truncated {
                received: Received::Nothing
            }
            .into())
        );
        assert!(matches!(
            read("SSH-2.0-OpenSSH\r\n"),
            Err(HandshakeError::Http(HttpError::MalformedHead { .. }))
        ));
    }

    #[test]
    fn tungstenite_accepts_our_request_and_we_accept_its_answer() {
        use tungstenite::handshake::server::{create_response, write_response};
        let mut out = Vec::new();
        let mut reader = UpgradeRequest {
            host: "h",
            path: "/a",
            headers: &[],
        }
        .write(&mut out, [7; 16])
        .unwrap();
        let mut table = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Request::new(&mut table);
        assert!(parsed.parse(&out).unwrap().is_complete());
        let mut request = http::Request::get("/a");
        for header in parsed.headers.iter() {
            request = request.header(header.name, header.value);
        }
        let response = create_response(&request.body(()).unwrap()).unwrap();
        let mut answer = Vec::new();
        write_response(&mut answer, &response).unwrap();
        assert_eq!(
            reader.read(&mut answer, false),
            Ok(Upgrade::Accepted {
                consumed: answer.len()
            })
        );
    }
}
