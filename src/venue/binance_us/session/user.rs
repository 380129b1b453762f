//! One listenKey connection: the account's events where the WebSocket API does not serve them (Binance.US reference 7).
//!
//! Owns the framing and nothing else: the key is started, kept alive and closed by calls over another connection
//! ([`Call::StartListenKey`](super::super::request::Call::StartListenKey)), every
//! [`LISTEN_KEY_KEEP_MS`](super::super::limits::LISTEN_KEY_KEEP_MS). A 404 or 410 to such a call is permanent: the venue
//! has no listenKeys any more. Guarantees that an expired key and silence end the connection.

use super::super::products::Products;
use super::super::user::{self, UserControl};
use super::streams;
use super::StreamConfig;
use crate::codec::json::{Cursor, Plain, Scan};
use crate::record::{Instrument, UnixNanos};
use crate::venue::fault::Fault;
use crate::venue::websocket::{check_text, Frames, Reader, Unread};
use crate::venue::{Deadline, Facts, SessionError, SessionProgress, StreamFact, Wire};

/// See the module's documentation.
#[derive(Debug)]
pub struct UserSession {
    config: StreamConfig,
    open: bool,
    frames: Frames,
    products: Products,
    opened_at: UnixNanos,
    shutdown_at: UnixNanos,
}

impl UserSession {
    /// A session, closed. Of the configuration only what every WebSocket has counts.
    #[must_use]
    pub fn new(config: StreamConfig) -> UserSession {
        UserSession {
            config,
            open: false,
            frames: Frames::new(streams(&[], config.silence_ms_max)),
            products: Products::default(),
            opened_at: UnixNanos::NONE,
            shutdown_at: UnixNanos::NONE,
        }
    }

    /// A session of the same kind, closed, that knows what this one knows: a replacement.
    #[must_use]
    pub fn successor(&self) -> UserSession {
        UserSession { products: self.products.clone(), ..UserSession::new(self.config) }
    }

    /// Orders and trades of this instrument can be read in full from now on.
    pub fn know(&mut self, instrument: &Instrument) {
        self.products.know(instrument);
    }

    /// The connection is up: events flow without being asked for.
    pub fn opened<IO: Facts>(&mut self, now: UnixNanos, io: &mut IO) -> Deadline {
        self.open = true;
        self.frames.opened(now);
        (self.opened_at, self.shutdown_at) = (now, UnixNanos::NONE);
        io.stream(StreamFact::UserSnapshotComplete);
        self.deadline()
    }

    /// The connection is gone.
    pub fn closed(&mut self) {
        self.open = false;
    }

    /// Reads from `plain`, the unread bytes of the connection, within the budget of one call.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection; [`SessionError::Resync`] after the key expired: get another one first.
    pub fn bytes<IO: Facts + Wire>(
        &mut self,
        now: UnixNanos,
        plain: &mut [u8],
        io: &mut IO,
    ) -> Result<SessionProgress, SessionError> {
        let mut reader = UserReader { products: &mut self.products, shutdown: false };
        let progress = self.frames.read(now, plain, &mut reader, io)?;
        if reader.shutdown {
            self.shutdown_at = now;
        }
        Ok(progress)
    }

    /// Does what is due and says when to come again.
    ///
    /// # Errors
    /// [`SessionError::Silent`]: close the connection.
    pub fn time<IO: Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<Deadline, SessionError> {
        if self.open {
            self.frames.time(now, io)?;
        }
        Ok(self.deadline())
    }

    /// When [`Self::time`] is due next.
    pub fn deadline(&self) -> Deadline {
        self.open.then(|| self.frames.deadline())
    }

    /// When a replacement is to be opened; `None` while closed.
    pub fn replace_at(&self) -> Deadline {
        let by_age = self.opened_at.plus_ms(self.config.replace_after_ms);
        self.open.then_some(if self.shutdown_at.is_some() { by_age.min(self.shutdown_at) } else { by_age })
    }
}

impl UserSession {
    /// How long it is listened to beside its replacement, ms.
    pub fn overlap_ms(&self) -> u64 {
        self.config.overlap_ms
    }
}

struct UserReader<'a> {
    products: &'a mut Products,
    shutdown: bool,
}

impl UserReader<'_> {
    /// The fast way, for reports alone.
    #[inline]
    fn recorded(&mut self, text: &[u8], io: &mut impl Facts) -> Option<()> {
        let mut scan = Scan::new(text);
        if scan.literal(b"{\"stream\":").is_none() {
            return user::recorded_report(scan, b"", self.products, io);
        }
        scan.scalar()?;
        scan.literal(b",\"data\":")?;
        user::recorded_report(scan, b"}", self.products, io)
    }

    /// The event itself, or in the combined envelope.
    fn walk(&mut self, cursor: &mut Cursor<'_, '_>, io: &mut impl Facts) -> Result<UserControl, Fault> {
        let start = cursor.clone();
        let mut fields = cursor.object()?;
        let mut control = None;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "data" => control = Some(user::event(cursor, self.products, io)),
                "stream" => cursor.skip()?,
                _ if control.is_none() => {
                    *cursor = start.clone();
                    return Ok(user::event(cursor, self.products, io));
                }
                _ => cursor.skip()?,
            }
            if control.is_some() {
                // After a fault the cursor stands inside the event.
                fields.skip_rest(cursor)?;
                break;
            }
        }
        Ok(control.unwrap_or(UserControl::None))
    }
}

impl<IO: Facts> Reader<IO> for UserReader<'_> {
    fn message(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<usize, Unread> {
        if self.recorded(text, io).is_some() {
            return Ok(0);
        }
        match parser.parse(&mut *text, |cursor| self.walk(cursor, io)) {
            Ok(UserControl::Ended) => return Err(SessionError::Resync("the listenKey expired").into()),
            Ok(UserControl::Shutdown) => self.shutdown = true,
            Ok(UserControl::None) => {}
            Err(fault) => {
                check_text(&fault, text)?;
                user::lost(&fault, io);
            }
        }
        Ok(0)
    }

    fn long_failed(&mut self, fault: &Fault, io: &mut IO) {
        user::lost(fault, io);
    }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
