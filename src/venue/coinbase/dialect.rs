//! What differs between the venue's two stream protocols, Advanced Trade and the Exchange feed: how messages are read and
//! how subscriptions are written.
//!
//! Owns the seam only. The connection itself (frames, slices of long messages, watchdog, subscriptions, resynchronisation)
//! is [`StreamSession`](super::session::StreamSession)'s, once for both. Never holds state.

use super::products::Products;
use super::stream::{Control, Decoder, Fault, ListedSession, LONG_ARRAYS};
use super::subscribe::Request;
use crate::codec::json::Plain;
use crate::record::UnixNanos;
use crate::venue::{Channels, Facts};
use std::fmt::Debug;

/// Reads one protocol's messages and writes its subscriptions. One per connection.
pub trait Dialect: Debug {
    /// Keys of the arrays that can be long.
    const LONG_ARRAYS: &'static [&'static str];
    /// Heartbeats are subscribed per product (Coinbase reference 8), not once for the connection (6.3).
    const HEARTBEATS_NAME_PRODUCTS: bool;

    /// The channels there are; others cannot be wanted.
    const SERVED: Channels;

    /// The channels to subscribe so that `channels` can be trusted.
    fn widened(channels: Channels) -> Channels;

    /// The products of the connection.
    fn products(&self) -> &Products;
    /// The same, to change.
    fn products_mut(&mut self) -> &mut Products;
    /// Whether a book became doubtful since the last [`Dialect::take_doubts`].
    fn has_doubts(&self) -> bool;
    /// The same, and forgets it.
    fn take_doubts(&mut self) -> bool;
    /// A book became doubtful for a reason of the caller's.
    fn note_doubt(&mut self);
    /// Losses that touched the whole connection since the last call.
    fn take_connection_gaps(&mut self) -> u32;
    /// Subscriptions without a product that the last acknowledgement listed.
    fn listed(&self) -> ListedSession;
    /// What the last error frame said.
    fn error(&self) -> &str;
    /// Levels told since [`Dialect::forget_levels`].
    fn levels(&self) -> usize;
    /// A new call begins.
    fn forget_levels(&mut self);

    /// Forgets the connection, keeps the products.
    fn opened(&mut self);
    /// Reads one whole message.
    fn message(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control;
    /// A long message begins.
    fn long_begins(&mut self);
    /// The text up to an array that opens. False: nothing more of this message is of use.
    fn long_head(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> bool;
    /// Elements of the array that opened last. False: nothing more of this message is of use.
    fn long_elements(&mut self, plain: &mut Plain, text: &mut [u8], last: bool, facts: &mut impl Facts) -> bool;
    /// The whole text with its long arrays empty.
    fn long_end(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control;
    /// The message cannot be read any further.
    fn long_failed(&mut self, fault: &Fault, facts: &mut impl Facts);
    /// Tells what was held back of a long message; true while more is left. Nothing else may be read before.
    fn long_rest(&mut self, facts: &mut impl Facts) -> bool;

    /// Appends the members of a (un)subscribe message that stand behind its products: `,"channel":…`. True: what was
    /// written must be wiped once it is sent.
    fn put_channel(&self, request: Request, token: Option<&str>, now: UnixNanos, text: &mut Vec<u8>) -> bool;
}

impl Dialect for Decoder {
    const LONG_ARRAYS: &'static [&'static str] = LONG_ARRAYS;
    const HEARTBEATS_NAME_PRODUCTS: bool = false;
    const SERVED: Channels = Channels::COMMON;

    fn widened(channels: Channels) -> Channels {
        channels
    }

    fn products(&self) -> &Products {
        &self.products
    }

    fn products_mut(&mut self) -> &mut Products {
        &mut self.products
    }

    fn has_doubts(&self) -> bool {
        self.doubts
    }

    fn take_doubts(&mut self) -> bool {
        std::mem::take(&mut self.doubts)
    }

    fn note_doubt(&mut self) {
        self.doubts = true;
    }

    fn take_connection_gaps(&mut self) -> u32 {
        Decoder::take_connection_gaps(self)
    }

    fn listed(&self) -> ListedSession {
        self.listed
    }

    fn error(&self) -> &str {
        self.error.as_str()
    }

    fn levels(&self) -> usize {
        self.levels
    }

    fn forget_levels(&mut self) {
        self.levels = 0;
    }

    fn opened(&mut self) {
        Decoder::opened(self);
    }

    #[inline]
    fn message(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        Decoder::message(self, plain, text, facts)
    }

    fn long_begins(&mut self) {
        Decoder::long_begins(self);
    }

    fn long_head(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> bool {
        Decoder::long_head(self, plain, text, facts)
    }

    fn long_elements(&mut self, plain: &mut Plain, text: &mut [u8], last: bool, facts: &mut impl Facts) -> bool {
        Decoder::long_elements(self, plain, text, last, facts)
    }

    fn long_end(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        Decoder::long_end(self, plain, text, facts)
    }

    fn long_failed(&mut self, fault: &Fault, facts: &mut impl Facts) {
        Decoder::long_failed(self, fault, facts);
    }

    fn long_rest(&mut self, facts: &mut impl Facts) -> bool {
        self.long_trades(facts)
    }

    fn put_channel(&self, request: Request, token: Option<&str>, _: UnixNanos, text: &mut Vec<u8>) -> bool {
        text.extend_from_slice(b",\"channel\":");
        super::request::put_json_string(text, request.topic.name());
        if let Some(token) = token {
            super::auth::put_ws_members(text, token);
        }
        token.is_some()
    }
}
