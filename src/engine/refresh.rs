//! What a venue lists anew of instruments that are traded already.
//!
//! Owns how new figures take the place of old ones: at the exponents the instrument has, whole or not at all, told to
//! whoever listens if they are in a status record. Whoever runs the engine asks the venue; the engine says when what it
//! knows is doubtful, which is when a venue refuses the price or the size of an order that passed here. Asks nothing itself:
//! a catalog has no place on the hot path.

use super::contract::{Note, Outputs};
use super::{ConnId, Engine};
use crate::record::{ExecutionRecord, InstrumentId, Listing, RejectClass, UnixNanos, Venue};
use crate::telemetry::Counter;
use crate::venue::{Anomaly, Channels};

/// Whether a venue refused what our own check had let pass: it may have other rules by now.
pub(super) const fn doubts_rules(record: &ExecutionRecord) -> bool {
    let ours = !record.sent.is_some();
    !ours && matches!(record.reject, RejectClass::InvalidPrice | RejectClass::InvalidSize)
}

impl Engine {
    /// An instrument as its venue lists it now.
    pub(super) fn refresh(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, listing: &Listing) {
        let Some(traded) = self.market.get(id) else { return };
        let old = &traded.instrument;
        let venue = old.listing.venue;
        let Some(mut new) = old.with_listing(listing) else {
            let conn = self.conns.iter().position(|conn| conn.venue == venue).unwrap_or(0);
            let (conn, anomaly, excerpt) = (ConnId(conn as u16), Anomaly::Number, old.symbol());
            out.count(Counter::Anomalies, 1);
            out.note(Note::Anomaly { conn, venue, anomaly, excerpt });
            return;
        };
        // Where a stream says whether an instrument is traded, it is nearer to the moment than a list.
        let streamed = match venue {
            Venue::Coinbase => traded.wanted().contains(Channels::STATUS),
            Venue::BinanceUs => false,
            Venue::Oanda => true,
        };
        if streamed {
            new.listing.status = old.listing.status;
        }
        if new == *old {
            return;
        }
        let shown = |listing: &Listing| (listing.tick, listing.lot, listing.status);
        let (told, status) = (shown(&new.listing) != shown(&old.listing), new.listing.status);
        self.trading.pretrade.know(&new);
        if let Some(traded) = self.market.get_mut(id) {
            traded.instrument = new;
        }
        self.know_on_paper(id);
        if told {
            self.market.status(now, out, id, status, UnixNanos::NONE);
        }
    }
}

#[cfg(all(test, feature = "sim"))]
#[path = "refresh_tests.rs"]
mod tests;
