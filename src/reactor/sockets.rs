//! The table of established connections: poller, TLS, receive buffers, and who is still hot.
//!
//! mio is edge-triggered: what is not read to its end now is announced by nobody later. So every connection whose bytes
//! may remain, in the kernel or in our buffers, stays on the hot list until it is drained; a connection handed over by
//! the dialer starts there, since its first bytes may have come with the handshake.

use super::control::WAKER;
use crate::engine::ConnId;
use crate::link::{Flushed, Inbox, Link, LinkError, Outbox, ReceivedTo, Wire};
use crate::record::UnixNanos;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::time::Duration;

struct Socket {
    wire: Wire<TcpStream>,
    inbox: Inbox,
    /// When the bytes at hand were read.
    recv: UnixNanos,
    /// The peer is gone, but input is left to handle.
    closing: Option<String>,
    /// The peer ended the TLS session in order.
    clean: bool,
    /// The session has work left without further bytes.
    more: bool,
}

/// What one read of a connection gave.
pub(super) struct Read {
    pub(super) bytes: usize,
    /// More may wait in the kernel, or in the ciphertext buffer.
    pub(super) more: bool,
    /// Nothing further will come.
    pub(super) closed: Option<String>,
}

/// What is left of a connection.
pub(super) struct Ended {
    /// Offset from which on nothing can have left.
    pub(super) began: u64,
    /// The peer said goodbye in order.
    pub(super) clean: bool,
    /// What it sent and nobody consumed.
    pub(super) inbox: Inbox,
}

pub(super) struct Sockets {
    poll: Poll,
    events: Events,
    sockets: Vec<Option<Socket>>,
    /// Connections to serve in this round, and those already known for the next.
    ready: Vec<ConnId>,
    next_round: Vec<ConnId>,
}

impl Sockets {
    pub(super) fn new(poll: Poll, connections: usize, events_max: usize) -> Sockets {
        Sockets {
            poll,
            events: Events::with_capacity(events_max),
            sockets: (0..connections).map(|_| None).collect(),
            ready: Vec::with_capacity(connections),
            next_round: Vec::with_capacity(connections),
        }
    }

    /// Takes a connection over from the dialer.
    pub(super) fn adopt(&mut self, conn: ConnId, link: Link<TcpStream>, outboxes: &mut [Outbox]) -> io::Result<()> {
        let Link { mut wire, inbox, outbox } = link;
        let (Some(place), Some(out)) = (self.sockets.get_mut(conn.index()), outboxes.get_mut(conn.index())) else {
            return Err(io::Error::other("the dialer returned a connection nobody asked for"));
        };
        self.poll.registry().register(
            wire.socket_mut(),
            Token(conn.index()),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        *out = outbox;
        *place = Some(Socket { wire, inbox, recv: UnixNanos::NONE, closing: None, clean: false, more: false });
        // No event ever comes for bytes that are already in our buffers.
        self.mark_ready(conn);
        Ok(())
    }

    /// Asks the poller; true if it named anything.
    pub(super) fn poll(&mut self, timeout: Duration) -> bool {
        if let Err(error) = self.poll.poll(&mut self.events, Some(timeout)) {
            if error.kind() != io::ErrorKind::Interrupted {
                tracing::error!(%error, "the poller failed");
            }
            return false;
        }
        let mut any = false;
        for event in &self.events {
            if event.token() == WAKER {
                continue;
            }
            any = true;
            let conn = ConnId(event.token().0 as u16);
            if let Some(Some(socket)) = self.sockets.get_mut(conn.index()) {
                if event.is_read_closed() || event.is_error() {
                    socket.wire.note_closing();
                }
                if !self.ready.contains(&conn) {
                    self.ready.push(conn);
                }
            }
        }
        any
    }

    /// The next connection to serve in this round.
    pub(super) fn next_ready(&mut self) -> Option<ConnId> {
        self.ready.pop()
    }

    /// Ends the round: connections that are still hot are served again in the next.
    pub(super) fn end_round(&mut self) {
        std::mem::swap(&mut self.ready, &mut self.next_round);
    }

    /// Whether anything waits to be served without a further event.
    pub(super) fn is_hot(&self) -> bool {
        !self.ready.is_empty() || !self.next_round.is_empty()
    }

    pub(super) fn set_hot(&mut self, conn: ConnId, hot: bool) {
        if hot {
            self.mark_next(conn);
        }
    }

    fn mark_ready(&mut self, conn: ConnId) {
        if !self.ready.contains(&conn) {
            self.ready.push(conn);
        }
    }

    fn mark_next(&mut self, conn: ConnId) {
        if !self.next_round.contains(&conn) {
            self.next_round.push(conn);
        }
    }

    /// Reads and decrypts, at most about `budget_bytes`.
    pub(super) fn receive(&mut self, conn: ConnId, budget_bytes: usize, now: UnixNanos) -> Read {
        let Some(socket) = self.sockets.get_mut(conn.index()).and_then(Option::as_mut) else {
            return Read { bytes: 0, more: false, closed: None };
        };
        if let Some(why) = socket.closing.take() {
            return Read { bytes: 0, more: false, closed: Some(why) };
        }
        match socket.wire.receive(&mut socket.inbox, budget_bytes) {
            Ok(received) => {
                if received.bytes > 0 || !socket.recv.is_some() {
                    socket.recv = now;
                }
                socket.clean = received.to == ReceivedTo::Closed;
                let closed = socket.clean.then(|| "closed by the venue".to_owned());
                let more = matches!(received.to, ReceivedTo::More | ReceivedTo::InboxFull);
                Read { bytes: received.bytes, more, closed }
            }
            Err(error) => {
                socket.recv = now;
                Read { bytes: 0, more: false, closed: Some(describe(&error)) }
            }
        }
    }

    /// Decrypted bytes not handled yet, and when they were read.
    pub(super) fn unread(&mut self, conn: ConnId) -> Option<(UnixNanos, &mut [u8])> {
        let socket = self.sockets.get_mut(conn.index()).and_then(Option::as_mut)?;
        Some((socket.recv, socket.inbox.unread()))
    }

    /// Whether the session said that it has work left.
    pub(super) fn take_more(&mut self, conn: ConnId) -> bool {
        self.sockets.get_mut(conn.index()).and_then(Option::as_mut).is_some_and(|s| std::mem::take(&mut s.more))
    }

    /// The session has work left, whatever bytes come.
    pub(super) fn keep_more(&mut self, conn: ConnId, more: bool) {
        if let Some(socket) = self.sockets.get_mut(conn.index()).and_then(Option::as_mut) {
            socket.more = more;
        }
    }

    pub(super) fn consume(&mut self, conn: ConnId, bytes: usize) {
        if let Some(socket) = self.sockets.get_mut(conn.index()).and_then(Option::as_mut) {
            socket.inbox.consume(bytes);
        }
    }

    /// The peer is gone, but input it sent before is still being handled.
    pub(super) fn keep_closing(&mut self, conn: ConnId, why: String) {
        if let Some(socket) = self.sockets.get_mut(conn.index()).and_then(Option::as_mut) {
            socket.closing = Some(why);
        }
    }

    /// Writes what is pending; how far it came, if there is such a connection.
    pub(super) fn flush(&mut self, conn: ConnId, outbox: &mut Outbox) -> Result<Option<Flushed>, String> {
        let Some(socket) = self.sockets.get_mut(conn.index()).and_then(Option::as_mut) else { return Ok(None) };
        match socket.wire.flush(outbox) {
            Ok(flushed) => Ok(Some(flushed)),
            Err(error) => Err(describe(&error)),
        }
    }

    /// Whether TLS or the outbox has something to write.
    pub(super) fn wants_flush(&self, conn: ConnId, outbox: &Outbox) -> bool {
        self.sockets.get(conn.index()).and_then(Option::as_ref).is_some_and(|s| s.wire.wants_flush(outbox))
    }

    /// Ends a connection; `None` if there was none.
    pub(super) fn close(&mut self, conn: ConnId, outbox: &mut Outbox) -> Option<Ended> {
        let mut socket = self.sockets.get_mut(conn.index()).and_then(Option::take)?;
        let began = socket.wire.flushed().began_offset;
        // TLS's goodbye, if the kernel takes it at once; nothing of the outbox may leave any more.
        socket.wire.say_goodbye();
        let _ = socket.wire.flush(&mut Outbox::new());
        let _ = self.poll.registry().deregister(socket.wire.socket_mut());
        *outbox = Outbox::new();
        self.ready.retain(|c| *c != conn);
        self.next_round.retain(|c| *c != conn);
        Some(Ended { began, clean: socket.clean, inbox: socket.inbox })
    }

    /// Says goodbye on every connection and forgets them.
    pub(super) fn say_goodbye(&mut self, outboxes: &mut [Outbox]) {
        for (index, outbox) in outboxes.iter_mut().enumerate() {
            if let Some(Some(socket)) = self.sockets.get_mut(index) {
                let _ = socket.wire.flush(outbox);
            }
            let _ = self.close(ConnId(index as u16), outbox);
        }
    }
}

fn describe(error: &LinkError) -> String {
    error.to_string()
}
