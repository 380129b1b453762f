//! What is said and heard on one stream connection: subscriptions out, the meaning of messages in.
//!
//! Owns the decoder, the subscriptions and the token of one connection. Guarantees that a lost message and a doubtful book
//! are acted on before the next message is read. Never counts silence, cuts frames or bounds a call: the frames do.

use super::super::dialect::Dialect;
use super::super::limits;
use super::super::request::put_json_string;
use super::super::stream::{Control, Fault};
use super::super::subscribe::{Request, Subscriptions, Topic};
use super::{StreamConfig, StreamRole, CONNECTION_GAPS_MAX};
use crate::codec::json::Plain;
use crate::codec::websocket::{self, Data};
use crate::record::UnixNanos;
use crate::venue::websocket::{mask, Reader, Unread};
use crate::venue::{Facts, SessionError, Wire};

/// The product whose heartbeat keeps a connection open on which nothing is wanted yet.
const ANCHOR: &str = "BTC-USD";

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Talk<D> {
    pub role: StreamRole,
    pub config: StreamConfig,
    pub decoder: D,
    pub subscriptions: Subscriptions,
    pub token: Option<Box<str>>,
    pub user_snapshot: bool,
    /// An unauthenticated message was sent.
    pub spoke: bool,
    /// What the long message being read was, once it is read to its end.
    long: Control,
    /// Connection-wide losses since `gaps_since`.
    gaps: u32,
    gaps_since: UnixNanos,
    text: Vec<u8>,
}

impl<D: Dialect> Talk<D> {
    pub fn new(decoder: D, role: StreamRole, config: StreamConfig) -> Talk<D> {
        Talk {
            role,
            config,
            decoder,
            subscriptions: Subscriptions::new(config, role == StreamRole::User),
            token: None,
            user_snapshot: false,
            spoke: false,
            long: Control::None,
            gaps: 0,
            gaps_since: UnixNanos::NONE,
            text: Vec::with_capacity(1024),
        }
    }

    /// The connection is up.
    pub fn opened(&mut self, now: UnixNanos) {
        self.decoder.opened();
        self.subscriptions.opened();
        (self.user_snapshot, self.long) = (false, Control::None);
        (self.gaps, self.gaps_since) = (0, now);
    }

    /// Acts on answers that do not come.
    pub fn expire<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) -> Result<(), SessionError> {
        let expired = self.subscriptions.expire(now, self.decoder.products_mut(), io);
        if let Some(request) = expired.map_err(SessionError::Resync)? {
            self.say(request, now, io);
        }
        Ok(())
    }

    /// Sends the next message, if one may be sent.
    pub fn pump<IO: Facts + Wire>(&mut self, now: UnixNanos, io: &mut IO) {
        if self.decoder.take_doubts() {
            self.subscriptions.note_doubts(now, self.decoder.products());
        }
        if let Some(request) = self.subscriptions.choose(now, self.token.is_some()) {
            self.say(request, now, io);
        }
    }

    /// Acts on what a message was; true if anything may be due earlier or later by it.
    #[cold]
    fn react<IO: Facts + Wire>(&mut self, control: Control, now: UnixNanos, io: &mut IO) -> Result<bool, Unread> {
        match control {
            Control::None => {}
            Control::Heartbeat if !self.decoder.has_doubts() => return Ok(false),
            Control::Heartbeat => {}
            Control::Listed => {
                let listed = self.decoder.listed();
                self.subscriptions.listed(now, listed, self.decoder.products_mut(), io);
            }
            Control::UserSnapshotComplete => self.user_snapshot = true,
            Control::NotUtf8 => return Err(Unread::NotUtf8),
            Control::Error => {
                let topic = self.subscriptions.refused(now, self.decoder.products_mut(), io);
                if topic == Some(Topic::User) {
                    let why = format!("user channel: {}", self.decoder.error());
                    return Err(SessionError::Refused(why).into());
                }
            }
        }
        self.check_gaps(now)?;
        self.pump(now, io);
        Ok(true)
    }

    fn check_gaps(&mut self, now: UnixNanos) -> Result<(), SessionError> {
        let new = self.decoder.take_connection_gaps();
        if new == 0 || self.role == StreamRole::User {
            return Ok(());
        }
        if now.since(self.gaps_since) > limits::RETRY_MS_MAX.saturating_mul(1_000_000) {
            (self.gaps, self.gaps_since) = (0, now);
        }
        self.gaps = self.gaps.saturating_add(new);
        if self.gaps > CONNECTION_GAPS_MAX {
            return Err(SessionError::Resync("repeated losses on one connection"));
        }
        Ok(())
    }

    /// Sends one (un)subscribe message.
    fn say<IO: Facts + Wire>(&mut self, request: Request, now: UnixNanos, io: &mut IO) {
        let text = &mut self.text;
        text.clear();
        text.extend_from_slice(if request.subscribe {
            b"{\"type\":\"subscribe\""
        } else {
            b"{\"type\":\"unsubscribe\""
        });
        let products = self.decoder.products();
        let all = D::HEARTBEATS_NAME_PRODUCTS && request.topic == Topic::Heartbeats;
        if all || matches!(request.topic, Topic::Market(_)) {
            text.extend_from_slice(b",\"product_ids\":[");
            let first = text.len();
            let members = self.subscriptions.members().iter().filter_map(|index| products.get(*index));
            for product in members.chain(products.wanted_heads().filter(|_| all)) {
                if text.len() > first {
                    text.push(b',');
                }
                put_json_string(text, &product.streamed_as);
            }
            if all && text.len() == first {
                // Nothing wanted yet: a heartbeat all the same, or the venue ends the connection (Coinbase reference 8).
                put_json_string(text, ANCHOR);
            }
            text.push(b']');
        }
        let token = if request.topic.needs_token() { self.token.take() } else { None };
        let secret = self.decoder.put_channel(request, token.as_deref(), now, text);
        text.push(b'}');
        let mask = mask(io);
        io.send(|out| websocket::encode(out, Data::Text, mask, text));
        self.spoke |= token.is_none();
        if secret {
            // Not to linger here: the buffer is used again for other messages.
            text.fill(0);
            text.clear();
        }
        if let Some(token) = token {
            io.retire(token);
        }
        self.subscriptions.sent(now, request, self.decoder.products_mut());
    }
}

/// The messages of one call.
#[derive(Debug)]
pub(super) struct Hearing<'a, D> {
    pub now: UnixNanos,
    pub talk: &'a mut Talk<D>,
    /// Something may be due earlier or later by what was heard.
    pub acted: bool,
}

impl<D: Dialect, IO: Facts + Wire> Reader<IO> for Hearing<'_, D> {
    #[inline]
    fn message(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<usize, Unread> {
        self.talk.decoder.forget_levels();
        let control = self.talk.decoder.message(parser, text, io);
        if control != Control::None || self.talk.decoder.has_doubts() {
            self.acted |= self.talk.react(control, self.now, io)?;
        }
        Ok(self.talk.decoder.levels())
    }

    fn long_begins(&mut self) {
        self.talk.long = Control::None;
        self.talk.decoder.long_begins();
    }

    fn long_head(&mut self, parser: &mut Plain, text: &mut [u8], _: usize, io: &mut IO) -> bool {
        self.talk.decoder.long_head(parser, text, io)
    }

    fn long_elements(&mut self, parser: &mut Plain, text: &mut [u8], last: bool, io: &mut IO) -> bool {
        self.talk.decoder.long_elements(parser, text, last, io)
    }

    fn long_end(&mut self, parser: &mut Plain, text: &mut [u8], io: &mut IO) -> Result<(), Unread> {
        self.talk.long = self.talk.decoder.long_end(parser, text, io);
        Ok(())
    }

    fn long_rest(&mut self, io: &mut IO) -> bool {
        self.talk.decoder.long_rest(io)
    }

    fn long_failed(&mut self, fault: &Fault, io: &mut IO) {
        self.talk.decoder.long_failed(fault, io);
    }

    fn long_over(&mut self, io: &mut IO) -> Result<(), Unread> {
        self.talk.subscriptions.held_up(self.now);
        let control = std::mem::replace(&mut self.talk.long, Control::None);
        self.acted |= self.talk.react(control, self.now, io)?;
        Ok(())
    }
}
