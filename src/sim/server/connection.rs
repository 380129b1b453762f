//! One accepted connection: TLS, then HTTP with keep-alive, then perhaps a WebSocket, then its end.
//!
//! Moves bytes and says what arrived; decides nothing about requests. Never blocks: whatever would is taken up again
//! on the next event.

use super::api::{CloseHow, Control, Door, Request, Response};
use super::http::{self, Parsed};
use super::stream::TlsStream;
use crate::sim::SECOND_NS;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// A consumer this far behind is cut off.
const BACKLOG_BYTES_MAX: usize = 64 << 20;
/// Replies a client has not read yet; beyond that no further request of its is read.
const UNREAD_BYTES_MAX: usize = 1 << 20;
/// What is read of a client that waits for a reply.
const EARLY_BYTES_MAX: usize = 64 * 1024;
/// What is read and thrown away at a time, in pieces.
const DISCARDED_MAX: usize = 64;
/// After our FIN the peer has so long to close, its last bytes being read and thrown away.
const LINGER_NS: u64 = SECOND_NS;

enum Io {
    Http(Box<TlsStream>),
    WebSocket(Box<WebSocket<TlsStream>>),
    /// Being swapped; never seen outside a method.
    Gone,
}

/// A reply that waits for its time.
pub(crate) struct Waiting {
    pub(crate) due_ns: u64,
    pub(crate) what: Later,
}

pub(crate) enum Later {
    /// Bytes, and the end of the connection after them if any.
    Send(Vec<u8>, Option<CloseHow>),
    /// A request not processed yet.
    Process(Request),
    /// Bytes in pieces.
    Trickle { rest: Vec<u8>, chunk: usize, interval_ns: u64 },
    /// Nothing, ever.
    Never,
}

/// What arrived.
pub(crate) enum Arrived {
    Request(Request),
    Text(String),
    Control(Control),
    /// A message that no venue takes, and the close code that says so.
    Unfit(CloseCode),
    /// Something nobody listens to.
    Noise,
}

pub(crate) struct Connection {
    pub(crate) door: Door,
    /// Set while a reply is outstanding: no further request is read.
    pub(crate) waiting: Option<Waiting>,
    /// The model did not want this connection: its first request gets this.
    pub(crate) refusal: Option<Response>,
    io: Io,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: usize,
    /// The client of the request that is coming in has been told to send its body.
    continued: bool,
    /// The reply has no end: what is sent are chunks of its body, and no further request is read.
    open_ended: bool,
    close_when_sent: Option<CloseHow>,
    /// Nothing is read until it has taken its replies.
    held_back: bool,
    linger_until_ns: Option<u64>,
    /// The test froze it: nothing is read, said or answered, not even the handshake.
    pub(crate) stalled: bool,
    /// What is to be said once it goes on.
    held: VecDeque<Message>,
    gone: bool,
}

impl Connection {
    pub(crate) fn new(door: Door, stream: TlsStream, stalled: bool) -> Self {
        Self {
            door,
            waiting: None,
            refusal: None,
            io: Io::Http(Box::new(stream)),
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            continued: false,
            open_ended: false,
            close_when_sent: None,
            held_back: false,
            linger_until_ns: None,
            stalled,
            held: VecDeque::new(),
            gone: false,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Gone, or closed by us and waiting for the peer to notice.
    pub(crate) fn is_ending(&self) -> bool {
        self.gone || self.linger_until_ns.is_some()
    }

    /// Whether the model may write to it at any time: a WebSocket, or a reply without an end.
    pub(crate) fn is_streaming(&self) -> bool {
        matches!(self.io, Io::WebSocket(_)) || self.open_ended
    }

    pub(crate) fn stream(&mut self) -> Option<&mut TlsStream> {
        match &mut self.io {
            Io::Http(stream) => Some(stream),
            Io::WebSocket(ws) => Some(ws.get_mut()),
            Io::Gone => None,
        }
    }

    /// When this connection wants attention without an event.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let waiting = self.waiting.as_ref().map(|w| w.due_ns).filter(|at| *at != u64::MAX);
        [waiting, self.linger_until_ns].into_iter().flatten().min()
    }

    /// Takes in what the socket has. Call again while it yields something: one request or message at a time.
    pub(crate) fn receive(&mut self) -> Option<Arrived> {
        if self.stalled || self.gone {
            return None;
        }
        if self.linger_until_ns.is_some() {
            self.discard();
            return None;
        }
        match &mut self.io {
            Io::Http(_) => self.receive_http(),
            // Nothing is read behind a message that ends the connection.
            Io::WebSocket(_) if self.close_when_sent.is_some() => None,
            Io::WebSocket(ws) => loop {
                match ws.read() {
                    Ok(Message::Text(text)) => return Some(Arrived::Text(text.to_string())),
                    Ok(Message::Ping(payload)) => return Some(Arrived::Control(Control::Ping(payload.to_vec()))),
                    Ok(Message::Pong(payload)) => return Some(Arrived::Control(Control::Pong(payload.to_vec()))),
                    Ok(Message::Binary(_)) => return Some(Arrived::Unfit(CloseCode::Unsupported)),
                    Ok(_) => {}
                    Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => return None,
                    Err(tungstenite::Error::Capacity(_)) => return Some(Arrived::Unfit(CloseCode::Size)),
                    Err(_) => {
                        self.gone = true;
                        return None;
                    }
                }
            },
            Io::Gone => None,
        }
    }

    fn receive_http(&mut self) -> Option<Arrived> {
        if self.open_ended {
            let more = self.fill();
            self.input.clear();
            return more.then_some(Arrived::Noise);
        }
        if self.waiting.is_some() || self.close_when_sent.is_some() {
            while self.input.len() < EARLY_BYTES_MAX && self.fill() {}
            return None;
        }
        if self.unread() > UNREAD_BYTES_MAX {
            self.held_back = true;
            return None;
        }
        // What is here already goes before what may come, so that a client that never stops fills no memory.
        loop {
            match http::parse(&self.input) {
                Parsed::Whole(request, used) => {
                    self.input.drain(..used);
                    self.continued = false;
                    return Some(Arrived::Request(request));
                }
                Parsed::Expects if !self.continued => {
                    self.continued = true;
                    self.send(http::CONTINUE, None);
                }
                Parsed::Partial | Parsed::Expects => {
                    if !self.fill() {
                        return None;
                    }
                }
                Parsed::Bad(response) => {
                    self.input.clear();
                    self.send(&http::serialize(&response, false, None), Some(CloseHow::Clean));
                    return None;
                }
            }
        }
    }

    /// Reads a piece; whether there was one.
    fn fill(&mut self) -> bool {
        let Io::Http(stream) = &mut self.io else { return false };
        let mut piece = [0_u8; 16 * 1024];
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => {
                self.input.extend_from_slice(piece.get(..n).unwrap_or_default());
                true
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => false,
            _ => {
                self.gone = true;
                false
            }
        }
    }

    fn unread(&self) -> usize {
        self.output.len() - self.sent
    }

    /// True once after replies that held a client back have left: it may have sent more meanwhile.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.held_back && self.unread() == 0 && std::mem::take(&mut self.held_back)
    }

    fn discard(&mut self) {
        let mut piece = [0_u8; 4096];
        for _ in 0..DISCARDED_MAX {
            let Some(stream) = self.stream() else { return };
            match stream.read(&mut piece) {
                Ok(n) if n > 0 => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => {
                    self.gone = true;
                    return;
                }
            }
        }
    }

    /// Queues HTTP bytes, and the end of the connection after them.
    pub(crate) fn send(&mut self, bytes: &[u8], then: Option<CloseHow>) {
        self.output.extend_from_slice(bytes);
        self.close_when_sent = self.close_when_sent.or(then);
    }

    /// Turns into a WebSocket: `head` is the 101 reply, with or without first frames.
    pub(crate) fn upgrade(&mut self, head: &[u8]) {
        let Io::Http(mut stream) = std::mem::replace(&mut self.io, Io::Gone) else { return };
        // It leaves whole or the socket of a brand-new connection is broken: there is nothing before it.
        if send_all(&mut stream, head, &mut 0).is_err() {
            self.gone = true;
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(BACKLOG_BYTES_MAX)
            .max_message_size(Some(1 << 20))
            .max_frame_size(Some(1 << 20));
        let early = std::mem::take(&mut self.input);
        let ws = WebSocket::from_partially_read(*stream, early, Role::Server, Some(config));
        self.io = Io::WebSocket(Box::new(ws));
    }

    /// Begins a reply without an end: `head` has its headers and perhaps the first chunk.
    pub(crate) fn open_ended(&mut self, head: &[u8]) {
        self.open_ended = true;
        self.send(head, None);
    }

    /// Queues a text message, or the next piece of an endless body; with `fragment`, in frames or chunks of at most so
    /// many bytes.
    pub(crate) fn send_text(&mut self, text: String, fragment: Option<usize>) {
        if self.open_ended {
            for piece in text.as_bytes().chunks(fragment.unwrap_or(usize::MAX).max(1)) {
                http::put_chunk(&mut self.output, piece);
            }
            if self.unread() > BACKLOG_BYTES_MAX {
                self.end(0, CloseHow::Reset);
            }
            return;
        }
        match fragment.filter(|size| *size < text.len()) {
            None => self.send_message(Message::text(text)),
            Some(size) => {
                let mut pieces = text.as_bytes().chunks(size.max(1)).enumerate().peekable();
                while let Some((i, piece)) = pieces.next() {
                    let kind = if i == 0 { Data::Text } else { Data::Continue };
                    let last = pieces.peek().is_none();
                    self.send_message(Message::Frame(Frame::message(piece.to_vec(), OpCode::Data(kind), last)));
                }
            }
        }
    }

    /// Queues a WebSocket message. On anything but a WebSocket it does nothing.
    pub(crate) fn send_message(&mut self, message: Message) {
        if self.stalled || !self.held.is_empty() {
            self.held.push_back(message);
            return;
        }
        self.write_message(message);
    }

    fn write_message(&mut self, message: Message) {
        if let Io::WebSocket(ws) = &mut self.io {
            match ws.write(message) {
                Ok(()) => {}
                Err(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.end(0, CloseHow::Reset),
            }
        }
    }

    /// Writes bytes of our own between the frames or chunks, for a peer that must refuse them.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        if self.open_ended {
            self.output.extend_from_slice(bytes);
            return;
        }
        if let Io::WebSocket(ws) = &mut self.io {
            let sent = ws.flush().is_ok() && send_all(ws.get_mut(), bytes, &mut 0).is_ok();
            self.gone |= !sent;
        }
    }

    /// Sends what is queued, as far as the socket takes it, and closes if that was the last.
    pub(crate) fn flush(&mut self, now_ns: u64) {
        if self.stalled || self.gone || self.linger_until_ns.is_some() {
            return;
        }
        while let Some(message) = self.held.pop_front() {
            self.write_message(message);
        }
        let flushed = match &mut self.io {
            Io::Http(stream) => send_all(stream, &self.output, &mut self.sent),
            Io::WebSocket(ws) => match ws.flush() {
                Ok(()) => Ok(()),
                Err(tungstenite::Error::Io(e)) => Err(e),
                Err(_) => Err(io::Error::from(ErrorKind::ConnectionAborted)),
            },
            Io::Gone => Ok(()),
        };
        match flushed {
            Ok(()) => {
                self.output.clear();
                self.sent = 0;
                if let Some(how) = self.close_when_sent.take() {
                    self.end(now_ns, how);
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone = true,
        }
    }

    /// Ends the connection once what is queued has left.
    pub(crate) fn close(&mut self, now_ns: u64, how: CloseHow) {
        if how == CloseHow::Reset {
            self.end(now_ns, how);
            return;
        }
        if let (CloseHow::Frame(code), Io::WebSocket(ws)) = (how, &mut self.io) {
            let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
            let _ = ws.close(Some(frame));
        }
        if self.open_ended && how == CloseHow::Clean {
            self.output.extend_from_slice(http::LAST_CHUNK);
        }
        self.close_when_sent = Some(how);
        self.flush(now_ns);
    }

    fn end(&mut self, now_ns: u64, how: CloseHow) {
        let Some(stream) = self.stream() else { return };
        match how {
            CloseHow::Reset => {
                stream.arm_reset();
                self.gone = true;
                return;
            }
            CloseHow::Truncated => stream.close_truncated(),
            CloseHow::Clean | CloseHow::Frame(_) => stream.close_clean(),
        }
        self.linger_until_ns = Some(now_ns.saturating_add(LINGER_NS));
        self.discard();
    }

    /// Ends lingering, and hands out a reply whose time has come.
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<Later> {
        if self.linger_until_ns.is_some_and(|until| until <= now_ns) {
            self.gone = true;
        }
        if self.waiting.as_ref().is_some_and(|w| w.due_ns <= now_ns) {
            return self.waiting.take().map(|w| w.what);
        }
        None
    }

    /// Makes a held reply due; a request that is never answered stays so.
    pub(crate) fn release(&mut self, now_ns: u64) {
        if let Some(waiting) = self.waiting.as_mut().filter(|w| matches!(w.what, Later::Send(..))) {
            waiting.due_ns = now_ns;
        }
    }
}

fn send_all(stream: &mut TlsStream, bytes: &[u8], sent: &mut usize) -> io::Result<()> {
    while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
        *sent += stream.write(rest)?;
    }
    stream.flush()
}
