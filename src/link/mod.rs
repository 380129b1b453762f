//! One TLS connection, the same object on the dialer's thread, the reactor's and the keeper's.
//!
//! Owns a socket, its rustls connection, the ciphertext that came, the plaintext that came and the plaintext that is to
//! leave. Guarantees that no byte hides in a second buffer: every byte enters rustls out of our ciphertext buffer, one
//! whole TLS record at a time, so a [`Link`] can be moved to another thread, or from a blocking to a non-blocking socket,
//! between any two calls. Guarantees that what it says of offsets is true: bytes up to [`Flushed::written_offset`] are in
//! the kernel, bytes past [`Flushed::began_offset`] never left. Certificates are always verified. Never retries, never
//! reconnects, never interprets the plaintext; allocates nothing of its own once open (rustls makes one block a record).
//!
//! The reactor keeps receive halves ([`Inbox`]) and send halves ([`Outbox`]) in separate tables, hence the open fields.

mod blocking;
mod config;
mod error;
mod inbox;
mod outbox;
mod record;
mod wire;

#[cfg(all(test, feature = "sim"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use blocking::{Arrived, Patience, SLICE_MS};
pub use config::{tls_config, TlsConfigError};
pub use error::{GaveUp, LinkError, TlsReason};
pub use inbox::{Inbox, INBOX_BYTES_MAX};
pub use outbox::Outbox;
pub use record::RECORD_BYTES_MAX;
pub use wire::{Decrypted, Filled, FilledTo, Flushed, Received, ReceivedTo, Wire};

use std::io;

/// A connection whole. Take it apart where halves live in tables of their own; put it together again to hand it over.
pub struct Link<S> {
    /// Socket, TLS state and the ciphertext that came.
    pub wire: Wire<S>,
    /// Plaintext that came.
    pub inbox: Inbox,
    /// Plaintext that is to leave.
    pub outbox: Outbox,
}

impl<S> Link<S> {
    /// The same connection over what `map` makes of its socket.
    ///
    /// # Errors
    /// Those of `map`; the connection is then gone.
    pub fn map_socket<T>(self, map: impl FnOnce(S) -> io::Result<T>) -> io::Result<Link<T>> {
        let Link { wire, inbox, outbox } = self;
        Ok(Link { wire: wire.map_socket(map)?, inbox, outbox })
    }
}

impl Link<std::net::TcpStream> {
    /// Hands the connection over to a poll loop: non-blocking from here on. Bytes that came already stay where they are,
    /// and no event will ever announce them: give the link one turn before the first poll.
    ///
    /// # Errors
    /// The socket cannot be made non-blocking; the connection is then gone.
    pub fn into_nonblocking(self) -> io::Result<Link<mio::net::TcpStream>> {
        self.map_socket(|socket| {
            socket.set_nonblocking(true)?;
            Ok(mio::net::TcpStream::from_std(socket))
        })
    }
}

impl<S> std::fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("wire", &self.wire)
            .field("inbox", &self.inbox)
            .field("outbox", &self.outbox)
            .finish()
    }
}
