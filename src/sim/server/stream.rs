//! A non-blocking TLS stream with `Read` and `Write`: `WouldBlock` means "come back on the next event".

use mio::net::TcpStream;
use rustls::ServerConnection;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

/// Plaintext taken per `write`, below the limit at which rustls stops taking any.
const WRITE_MAX: usize = 16 * 1024;

pub(crate) struct TlsStream {
    pub(crate) sock: TcpStream,
    tls: ServerConnection,
}

impl TlsStream {
    pub(crate) fn new(sock: TcpStream, tls: ServerConnection) -> Self {
        Self { sock, tls }
    }

    /// Sends what rustls has ready; `WouldBlock` if the socket took only part of it.
    fn push(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.sock)?;
        }
        Ok(())
    }

    /// The same, not minding a full socket.
    fn push_some(&mut self) -> io::Result<()> {
        match self.push() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    /// Says `close_notify` and FIN. What the peer still sends is to be read and thrown away.
    pub(crate) fn close_clean(&mut self) {
        self.tls.send_close_notify();
        let _ = self.push();
        let _ = self.sock.shutdown(Shutdown::Write);
    }

    /// FIN without `close_notify`.
    pub(crate) fn close_truncated(&mut self) {
        let _ = self.sock.shutdown(Shutdown::Write);
    }

    /// Makes the coming drop send a RST.
    pub(crate) fn arm_reset(&mut self) {
        let _ = socket2::SockRef::from(&self.sock).set_linger(Some(Duration::ZERO));
    }
}

impl Read for TlsStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buf) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.tls.read_tls(&mut self.sock)?;
            let processed = self.tls.process_new_packets();
            // An alert, a session ticket or the handshake's next flight may have to go out.
            self.push_some()?;
            processed.map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.push()?;
        let piece = buf.get(..WRITE_MAX).unwrap_or(buf);
        let taken = self.tls.writer().write(piece)?;
        self.push_some()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}
