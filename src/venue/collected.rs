//! What cold queries keep of the facts a reply tells: orders, executions, balances, and the first complaint.
//!
//! Owns lists that grow: never on the hot thread. Everything else a reply might tell is none of a cold query's business.

use super::{Anomaly, BalanceFact, BookEvent, Facts, GapScope, QuoteFact, StreamFact, TickerFact, TradeFact};
use crate::order::{CancelReply, FillFact, OrderFact, PlaceReply, ReplaceReply};
use crate::record::{BookSide, ClientOrderId, GapCause, InstrumentId, TradingStatus, UnixNanos, VenueOrderId};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub orders: Vec<OrderFact>,
    pub balances: Vec<BalanceFact>,
    pub fills: Vec<FillFact>,
    /// What could not be read, in words.
    pub trouble: Option<String>,
}

impl Facts for Collected {
    fn order(&mut self, fact: &OrderFact) {
        self.orders.push(*fact);
    }

    fn fill(&mut self, fact: &FillFact) {
        self.fills.push(*fact);
    }

    fn balance(&mut self, fact: &BalanceFact) {
        self.balances.push(*fact);
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
}
