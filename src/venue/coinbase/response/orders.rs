//! Orders of a cold reply: the same rows as on the hot path, collected instead of told.

use super::super::products::Products;
use super::rows::{each_slice, tell_rows, ReplyError, RowKind, Rows};
use crate::order::{CancelReply, FillFact, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{
    BookSide, ClientOrderId, GapCause, Instrument, InstrumentId, TradingStatus, UnixNanos, VenueOrderId,
};
use crate::venue::{Anomaly, BookEvent, Facts, GapScope, QuoteFact, StreamFact, TickerFact, TradeFact};

/// The orders of one page, read with the exponents of `instrument`. Orders of other instruments carry no quantities.
///
/// # Errors
/// [`ReplyError`]: not an order list, or a row that cannot be read.
pub fn orders(body: &[u8], instrument: &Instrument) -> Result<Vec<OrderFact>, ReplyError> {
    let mut products = Products::default();
    products.know(instrument);
    let (mut rows, mut found) = (Rows::default(), Collected::default());
    each_slice(body, |cursor| tell_rows(RowKind::Orders, &mut products, cursor, &mut rows, &mut found))?;
    match found.trouble {
        Some(trouble) if rows.unreadable > 0 => Err(ReplyError::Value(trouble)),
        _ => Ok(found.orders),
    }
}

/// Keeps orders and the first complaint; a list of orders tells nothing else.
#[derive(Default)]
struct Collected {
    orders: Vec<OrderFact>,
    trouble: Option<String>,
}

impl Facts for Collected {
    fn order(&mut self, fact: &OrderFact) {
        self.orders.push(*fact);
    }

    fn anomaly(&mut self, anomaly: Anomaly, excerpt: &str) {
        self.trouble.get_or_insert_with(|| format!("{anomaly:?}: {excerpt}"));
    }

    fn book(&mut self, _: BookEvent) {}
    fn level(&mut self, _: BookSide, _: i64, _: i64) {}
    fn book_end(&mut self, _: bool) {}
    fn trade(&mut self, _: TradeFact) {}
    fn quote(&mut self, _: QuoteFact) {}
    fn ticker(&mut self, _: TickerFact) {}
    fn status(&mut self, _: InstrumentId, _: TradingStatus, _: UnixNanos) {}
    fn gap(&mut self, _: GapScope, _: GapCause, _: u64) {}
    fn stream(&mut self, _: StreamFact) {}
    fn place_reply(&mut self, _: &ClientOrderId, _: PlaceReply) {}
    fn cancel_reply(&mut self, _: &VenueOrderId, _: CancelReply) {}
    fn replace_reply(&mut self, _: &VenueOrderId, _: ReplaceReply) {}
    fn fill(&mut self, _: &FillFact) {}
}
