//! What the Exchange says of the connection itself: heartbeats, what is subscribed, errors (Coinbase reference 8).

use super::super::super::stream::{excerpt, Control, Fault, ListedSession};
use super::super::messages::Members;
use super::ExchangeDecoder;
use crate::record::{GapCause, InlineText};
use crate::venue::{Anomaly, Channels, Facts, StreamFact};

impl ExchangeDecoder {
    pub(super) fn heartbeat(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Control {
        // Of a product nobody asked for: the one that keeps an idle connection open.
        if let Some(index) = self.products.find_streamed(all.product) {
            let missed = self.line(index).map_or(0, |line| line.heartbeat(all.last_trade_id));
            if missed > 0 {
                self.doubt(index, GapCause::Sequence, missed, facts);
            }
        }
        facts.stream(StreamFact::Heartbeat);
        Control::Heartbeat
    }

    /// An acknowledgement lists the whole current set, with names of its own for some channels.
    pub(super) fn subscriptions(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Result<Control, Fault> {
        for product in self.products.iter_mut() {
            product.listed = Channels::NONE;
        }
        self.listed = ListedSession::default();
        let mut cursor = all.channels.clone().ok_or(Fault::Missing { key: "channels" })?;
        let mut channels = cursor.array()?;
        while channels.next_item(&mut cursor)? {
            let (mut name, mut products) = ("", None);
            let mut fields = cursor.object()?;
            while let Some(key) = fields.next_key(&mut cursor)? {
                match key {
                    "name" => name = cursor.str()?,
                    "product_ids" => {
                        products = Some(cursor.clone());
                        cursor.skip()?;
                    }
                    _ => cursor.skip()?,
                }
            }
            let set = match name {
                "level2" | "level2_batch" | "level2_50" => Channels::BOOK,
                "matches" => Channels::TRADES,
                "ticker" => Channels::TICKER,
                "heartbeat" => {
                    self.listed.heartbeats = true;
                    continue;
                }
                other => {
                    facts.anomaly(Anomaly::UnknownChannel, excerpt(other));
                    continue;
                }
            };
            if let Some(mut products) = products {
                self.products.list(set, &mut products, facts)?;
            }
        }
        for (line, product) in self.lines.iter_mut().zip(self.products.iter()) {
            if !product.listed.contains(Channels::TRADES) {
                line.end();
            }
        }
        Ok(Control::Listed)
    }

    #[cold]
    pub(super) fn error_message(&mut self, all: &Members<'_, '_>, facts: &mut impl Facts) -> Control {
        let mut text = arrayvec::ArrayString::<200>::new();
        for part in [all.message, if all.reason.is_empty() { "" } else { ": " }, all.reason] {
            // What does not fit is left out: it is for people.
            let _ = text.try_push_str(excerpt(part));
        }
        facts.anomaly(Anomaly::VenueError, &text);
        self.error = InlineText::truncated(&text);
        Control::Error
    }
}
