//! What the reader, the writer and the handshake promise, shown from outside: the RFC's own examples, each rule broken by
//! name, any cut of any stream, and tungstenite as the judge.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::Message;

use super::*;

mod handshake;
mod properties;
mod reader;
mod writer;

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
