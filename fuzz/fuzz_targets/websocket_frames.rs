//! Any bytes as a server's stream. Holds that the reader never panics, judges the same however the stream is cut and
//! whatever is kept of its pieces, delivers what tungstenite delivers, and accepts nothing that tungstenite refuses.
#![no_main]
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};

use exchange_connectors::codec::websocket::{FrameReader, Item, Limits, Step, WsError};
use libfuzzer_sys::fuzz_target;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Small, so that a short input already makes pieces.
const LIMITS: Limits = Limits { message_bytes_max: 1 << 16, whole_bytes_max: 16 };

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Data(bool, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

fuzz_target!(|input: &[u8]| {
    let Some((&[read, keep], wire)) = input.split_first_chunk::<2>() else {
        return;
    };
    let whole = read_all(wire, usize::MAX, 0);
    let parts = read_all(wire, usize::from(read % 32) + 1, usize::from(keep % 32));
    assert_eq!(whole, parts, "the cut decided");
    let (events, outcome) = whole;
    let (theirs, refused) = judge(wire);
    match outcome {
        // 1014 is in the IANA registry, but tungstenite reports it as a protocol error of its own.
        Ok(()) if matches!(events.last(), Some(Event::Close(Some(1014), _))) => {
            let before = events.len() - 1;
            assert_eq!(theirs.len(), events.len());
            assert_eq!(theirs[..before], events[..before]);
        }
        Ok(()) => {
            assert!(!refused, "tungstenite refuses, we do not");
            assert_eq!(events, theirs);
        }
        Err(_) => assert!(theirs.starts_with(&events), "{events:?} {theirs:?}"),
    }
});

fn read_all(mut wire: &[u8], read: usize, keep: usize) -> (Vec<Event>, Result<(), WsError>) {
    let (mut reader, mut events) = (FrameReader::new(LIMITS), Vec::new());
    let (mut buffer, mut message, mut kept) = (Vec::new(), Vec::new(), 0);
    loop {
        let (now, later) = wire.split_at(read.min(wire.len()));
        buffer.extend_from_slice(now);
        wire = later;
        loop {
            let Step { consumed, item } = match reader.next(&mut buffer) {
                Ok(step) => step,
                Err(error) => return (events, Err(error)),
            };
            let (mut advance, mut stop) = (consumed, false);
            match item {
                Item::Incomplete { bytes_wanted } => {
                    assert!(bytes_wanted > 0);
                    stop = true;
                }
                Item::Message { text, payload } => events.push(Event::Data(text, payload.to_vec())),
                Item::Piece { text, payload, first, last } => {
                    assert!(!first || (message.is_empty() && kept == 0));
                    assert!(message.ends_with(&payload[..kept]));
                    message.extend_from_slice(&payload[kept..]);
                    kept = reader.keep(keep);
                    advance -= kept;
                    if last {
                        assert_eq!(kept, 0);
                        events.push(Event::Data(text, std::mem::take(&mut message)));
                    }
                }
                Item::Ping { payload } => events.push(Event::Ping(payload.to_vec())),
                Item::Pong { payload } => events.push(Event::Pong(payload.to_vec())),
                Item::Close { code, reason } => {
                    events.push(Event::Close(code.map(|code| code.get()), reason.to_owned()));
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
}

/// Bytes to read, and nowhere for what tungstenite answers by itself.
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

fn judge(wire: &[u8]) -> (Vec<Event>, bool) {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let mut socket = WebSocket::from_raw_socket(Tape(wire), Role::Client, Some(config));
    let mut events = Vec::new();
    loop {
        let message = match socket.read() {
            Ok(message) => message,
            Err(tungstenite::Error::Io(_)) => return (events, false),
            Err(_) => return (events, true),
        };
        let closed = message.is_close();
        events.push(match message {
            Message::Text(text) => Event::Data(true, text.as_bytes().to_vec()),
            Message::Binary(bytes) => Event::Data(false, bytes.to_vec()),
            Message::Ping(bytes) => Event::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Event::Pong(bytes.to_vec()),
            Message::Close(None) => Event::Close(None, String::new()),
            Message::Close(Some(close)) => Event::Close(Some(close.code.into()), close.reason.to_string()),
            Message::Frame(_) => unreachable!("never read"),
        });
        if closed {
            return (events, false);
        }
    }
}
