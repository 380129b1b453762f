//! The blocking use of a link: handshake, send and wait, on threads that may.
//!
//! Guarantees that no call outlives its [`Patience`] by more than one slice of [`SLICE_MS`], whatever the peer does, and
//! that a raised stop flag ends it as soon. Blocks inside the kernel; never spins.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::ClientConfig;

use super::error::{GaveUp, LinkError};
use super::{Decrypted, Inbox, Link, Outbox, Wire};

/// Longest single wait in ms: how soon a stop is noticed.
pub const SLICE_MS: u64 = 50;
/// Shortest wait: the kernel takes 0 for "for ever".
const WAIT_MIN: Duration = Duration::from_millis(1);

/// How long to wait, and what ends it early.
#[derive(Debug, Clone, Copy)]
pub struct Patience<'a> {
    /// No longer than this.
    pub deadline: Instant,
    /// Raised on shutdown.
    pub stop: &'a AtomicBool,
}

impl Patience<'_> {
    /// How long to wait before asking again.
    ///
    /// # Errors
    /// It is over.
    pub fn slice(&self) -> Result<Duration, GaveUp> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(GaveUp::Stopped);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(GaveUp::TimedOut);
        }
        Ok(left.clamp(WAIT_MIN, Duration::from_millis(SLICE_MS)))
    }
}

/// What a blocking wait brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// More plaintext is in the inbox.
    Bytes,
    /// The inbox is full: consume first.
    InboxFull,
    /// The peer said goodbye: what is in the inbox is the last.
    Closed,
}

impl Link<TcpStream> {
    /// Shakes hands over a connected socket.
    ///
    /// # Errors
    /// Why there is no TLS; certificates that are not acceptable are told apart.
    pub fn handshake(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        patience: Patience<'_>,
    ) -> Result<Self, LinkError> {
        let mut link = Link { wire: Wire::new(socket, config, name)?, inbox: Inbox::new(), outbox: Outbox::new() };
        loop {
            link.send(patience)?;
            if !link.wire.is_handshaking() {
                return Ok(link);
            }
            link.wait_for_record(patience)?;
        }
    }

    /// Writes all that is in the outbox.
    ///
    /// # Errors
    /// As [`Wire::flush`], and [`GaveUp`].
    pub fn send(&mut self, patience: Patience<'_>) -> Result<(), LinkError> {
        loop {
            self.wire.socket().set_write_timeout(Some(patience.slice()?))?;
            if !self.wire.flush(&mut self.outbox)?.blocked {
                return Ok(());
            }
        }
    }

    /// Waits until more plaintext is in the inbox.
    ///
    /// # Errors
    /// Why nothing more will come; what is in the inbox is valid.
    pub fn wait(&mut self, patience: Patience<'_>) -> Result<Arrived, LinkError> {
        let had = self.inbox.len();
        loop {
            match self.decrypt()? {
                Decrypted::InboxFull => return Ok(Arrived::InboxFull),
                _ if self.inbox.len() > had => return Ok(Arrived::Bytes),
                Decrypted::Closed => return Ok(Arrived::Closed),
                Decrypted::All => {}
            }
            self.read(patience)?;
        }
    }

    /// Whether an idle connection can still be used: nothing came, and nothing ended. A peer may close an idle
    /// connection at any time; a request on one that is closed already would have an unknown outcome for no reason.
    pub fn is_idle_and_open(&mut self) -> bool {
        if self.wire.socket().set_nonblocking(true).is_err() {
            return false;
        }
        let received = self.wire.receive(&mut self.inbox, super::RECORD_BYTES_MAX);
        let drained = matches!(received, Ok(received) if received.to == super::ReceivedTo::Drained);
        drained && self.inbox.is_empty() && self.wire.socket().set_nonblocking(false).is_ok()
    }

    fn wait_for_record(&mut self, patience: Patience<'_>) -> Result<(), LinkError> {
        self.read(patience)?;
        let decrypted = self.decrypt().inspect_err(|_| {
            // Tell the peer why; whether it hears it changes nothing.
            let _ = self.wire.socket().set_write_timeout(Some(WAIT_MIN));
            let _ = self.wire.flush(&mut Outbox::new());
        });
        match decrypted? {
            Decrypted::All => Ok(()),
            _ => Err(LinkError::Truncated { partial_bytes: 0 }),
        }
    }

    fn decrypt(&mut self) -> Result<Decrypted, LinkError> {
        self.wire.decrypt(&mut self.inbox)
    }

    /// One read, however long it takes within `patience`.
    fn read(&mut self, patience: Patience<'_>) -> Result<(), LinkError> {
        loop {
            self.wire.socket().set_read_timeout(Some(patience.slice()?))?;
            match self.wire.read_once(usize::MAX) {
                // `None`: whole records wait; the caller decrypts them.
                Ok(None | Some((1.., _))) => return Ok(()),
                Ok(Some((0, _))) => return Err(LinkError::Truncated { partial_bytes: self.wire.partial_bytes() }),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
