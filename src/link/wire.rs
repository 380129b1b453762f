//! Socket and TLS state: the one place where ciphertext meets plaintext.
//!
//! Owns the socket, the rustls connection and the ciphertext that came. Guarantees: rustls is given one whole record at a
//! time, and only if the inbox has room for all it can hold, so nothing waits inside rustls; the next piece of plaintext is
//! encrypted only when the kernel took all ciphertext before it, so the offsets are exact. Never blocks on a non-blocking
//! socket; never closes it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::error::{LinkError, TlsReason};
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::record::CipherBuffer;

/// Plaintext encrypted at a time, in bytes: one TLS record.
const PIECE_BYTES_MAX: usize = 1 << 14;

/// See the module's documentation.
pub struct Wire<S> {
    socket: S,
    tls: ClientConnection,
    cipher: CipherBuffer,
    host: Box<str>,
    /// An event said that the peer closed its side, or an error: a short read proves nothing any more.
    closing: bool,
    /// The socket has read 0.
    at_eof: bool,
    /// The peer said goodbye.
    closed: bool,
    /// Plaintext offset behind all that was encrypted.
    encrypted_offset: u64,
    began_offset: u64,
    written_offset: u64,
}

/// What one [`Wire::fill`] read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Bytes read from the socket.
    pub bytes: usize,
    /// Why it stopped.
    pub to: FilledTo,
}

/// Why [`Wire::fill`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilledTo {
    /// The kernel has no more; an event will announce the next byte.
    Drained,
    /// Budget spent or buffer full: there may be more, and no event will say so.
    More,
    /// The peer closed its side.
    Eof,
}

/// How far [`Wire::decrypt`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decrypted {
    /// Every whole record.
    All,
    /// The inbox has no room for the next record: consume, then call again. No event will say so.
    InboxFull,
    /// The peer said goodbye: nothing will come any more.
    Closed,
}

/// What one [`Wire::receive`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Ciphertext bytes read from the socket.
    pub bytes: usize,
    /// Why it stopped.
    pub to: ReceivedTo,
}

/// Why [`Wire::receive`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedTo {
    /// All is in the inbox; an event will announce the next byte.
    Drained,
    /// Budget spent: call again without waiting for an event.
    More,
    /// The inbox is full: consume, then call again without waiting for an event.
    InboxFull,
    /// The peer said goodbye: what is in the inbox is the last.
    Closed,
}

/// How far plaintext has come, as offsets of [`Outbox::append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// The kernel has every byte before this offset.
    pub written_offset: u64,
    /// No byte behind this offset has left; never below `written_offset`. What lies between the two may or may not reach
    /// the peer if the connection is lost.
    pub began_offset: u64,
    /// The kernel takes no more: flush again when the socket is writable.
    pub blocked: bool,
}

impl<S> Wire<S> {
    /// A connection that has not shaken hands yet.
    ///
    /// # Errors
    /// rustls refuses the name or the configuration.
    pub fn new(socket: S, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, LinkError> {
        let host: Box<str> = name.to_str().into();
        let tls = ClientConnection::new(config, name)
            .map_err(|error| LinkError::Tls { host: host.clone(), reason: error.into() })?;
        Ok(Self {
            socket,
            tls,
            cipher: CipherBuffer::new(),
            host,
            closing: false,
            at_eof: false,
            closed: false,
            encrypted_offset: 0,
            began_offset: 0,
            written_offset: 0,
        })
    }

    /// The same over what `map` makes of the socket.
    ///
    /// # Errors
    /// Those of `map`.
    pub fn map_socket<T>(self, map: impl FnOnce(S) -> io::Result<T>) -> io::Result<Wire<T>> {
        Ok(Wire {
            socket: map(self.socket)?,
            tls: self.tls,
            cipher: self.cipher,
            host: self.host,
            closing: self.closing,
            at_eof: self.at_eof,
            closed: self.closed,
            encrypted_offset: self.encrypted_offset,
            began_offset: self.began_offset,
            written_offset: self.written_offset,
        })
    }

    /// Tell it of every event that is read-closed or an error. From then on the socket is read to its end: data and the
    /// end can come in one event, and a short read hides the end for good.
    pub fn note_closing(&mut self) {
        self.closing = true;
    }

    /// Queues TLS's goodbye; flush it.
    pub fn say_goodbye(&mut self) {
        self.tls.send_close_notify();
    }

    /// The socket, to register it.
    pub fn socket_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    /// The socket.
    pub const fn socket(&self) -> &S {
        &self.socket
    }

    /// The peer's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the handshake is still going on.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether a flush has anything to do: also after receiving, since TLS answers by itself (key updates, alerts).
    #[must_use]
    pub fn wants_flush(&self, outbox: &Outbox) -> bool {
        self.tls.wants_write() || !outbox.pending().is_empty()
    }

    /// How far plaintext has come; valid after an error of [`Wire::flush`] as well.
    #[must_use]
    pub fn flushed(&self) -> Flushed {
        Flushed {
            written_offset: self.written_offset,
            began_offset: self.began_offset,
            blocked: self.tls.wants_write(),
        }
    }

    /// Decrypts every whole record into `inbox`.
    ///
    /// # Errors
    /// No TLS, or broken TLS. What is in the inbox is valid; TLS may have an alert to flush.
    pub fn decrypt(&mut self, inbox: &mut Inbox) -> Result<Decrypted, LinkError> {
        while !self.closed {
            let Some(mut record) = self.cipher.record()? else { return Ok(Decrypted::All) };
            let record_bytes = record.len();
            // Never less than the plaintext in it.
            if !inbox.reserve(record_bytes) {
                return Ok(Decrypted::InboxFull);
            }
            while !record.is_empty() && self.tls.read_tls(&mut record)? > 0 {}
            let state = self.tls.process_new_packets().map_err(|error| self.tls_error(error.into()))?;
            let plain_bytes = state.plaintext_bytes_to_read();
            if plain_bytes > 0 {
                self.tls.reader().read_exact(inbox.spare(plain_bytes))?;
                inbox.commit(plain_bytes);
            }
            self.closed = state.peer_has_closed();
            self.cipher.consume(record_bytes);
        }
        Ok(Decrypted::Closed)
    }

    /// Bytes of a record that is not whole.
    pub(super) const fn partial_bytes(&self) -> usize {
        self.cipher.len()
    }

    fn tls_error(&self, reason: TlsReason) -> LinkError {
        LinkError::Tls { host: self.host.clone(), reason }
    }
}

impl<S: Read> Wire<S> {
    /// Reads the socket, at most `budget_bytes`.
    ///
    /// # Errors
    /// The socket's, except would-block and interrupted.
    pub fn fill(&mut self, budget_bytes: usize) -> io::Result<Filled> {
        let mut bytes = 0;
        let to = loop {
            let (read, wanted) = match self.read_once(budget_bytes - bytes) {
                Ok(None) => break FilledTo::More,
                Ok(Some(read_and_wanted)) => read_and_wanted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break FilledTo::Drained,
                Err(error) => return Err(error),
            };
            bytes += read;
            if read == 0 {
                break FilledTo::Eof;
            }
            if read < wanted && !self.closing {
                break FilledTo::Drained;
            }
        };
        Ok(Filled { bytes, to })
    }

    /// [`Wire::fill`] and [`Wire::decrypt`] in turns: at most about `budget_bytes` from the socket, all of it decrypted.
    ///
    /// # Errors
    /// Why nothing more will come. What is in the inbox is valid: hand it over first.
    pub fn receive(&mut self, inbox: &mut Inbox, budget_bytes: usize) -> Result<Received, LinkError> {
        let mut bytes = 0;
        let mut drained = false;
        let to = loop {
            match self.decrypt(inbox)? {
                Decrypted::Closed => break ReceivedTo::Closed,
                Decrypted::InboxFull => break ReceivedTo::InboxFull,
                Decrypted::All if self.at_eof => return Err(LinkError::Truncated { partial_bytes: self.cipher.len() }),
                Decrypted::All if drained => break ReceivedTo::Drained,
                Decrypted::All if bytes >= budget_bytes => break ReceivedTo::More,
                Decrypted::All => {}
            }
            let filled = self.fill(budget_bytes - bytes)?;
            bytes += filled.bytes;
            drained = filled.to == FilledTo::Drained;
        };
        Ok(Received { bytes, to })
    }

    /// One read of at most `budget_bytes`: how much came of how much was asked for; `None` if nothing may be asked for.
    pub(super) fn read_once(&mut self, budget_bytes: usize) -> io::Result<Option<(usize, usize)>> {
        let spare = self.cipher.spare();
        let wanted = spare.len().min(budget_bytes);
        if wanted == 0 {
            return Ok(None);
        }
        let spare = spare.get_mut(..wanted).unwrap_or_default();
        let read = loop {
            match self.socket.read(spare) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.at_eof |= read == 0;
        self.cipher.commit(read);
        Ok(Some((read, wanted)))
    }
}

impl<S: Write> Wire<S> {
    /// Encrypts and writes what is in `outbox`, and what TLS has to say by itself, until all left or the kernel takes no
    /// more.
    ///
    /// # Errors
    /// The socket's or TLS's. [`Wire::flushed`] says what may have left.
    pub fn flush(&mut self, outbox: &mut Outbox) -> Result<Flushed, LinkError> {
        loop {
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut self.socket) {
                    Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                    Ok(_) => self.began_offset = self.encrypted_offset,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(self.flushed()),
                    Err(error) => return Err(error.into()),
                }
            }
            self.written_offset = self.encrypted_offset;
            let pending = outbox.pending();
            if pending.is_empty() {
                return Ok(self.flushed());
            }
            let taken = self.tls.writer().write(pending.get(..PIECE_BYTES_MAX).unwrap_or(pending))?;
            if taken == 0 || !self.tls.wants_write() {
                // Before the handshake, or after our goodbye, rustls would keep or drop it; neither may pass for written.
                return Err(self.tls_error(TlsReason::Protocol("plaintext outside of an open session".to_owned())));
            }
            outbox.advance(taken);
            self.encrypted_offset = self.encrypted_offset.saturating_add(taken as u64);
        }
    }
}

impl<S> std::fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("host", &self.host)
            .field("cipher_bytes", &self.cipher.len())
            .field("flushed", &self.flushed())
            .finish_non_exhaustive()
    }
}
