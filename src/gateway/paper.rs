//! Paper accounts at the front door: what they hold and how their orders stand.

use super::error::GatewayError;
use super::queries::Balance;
use super::running::Gateway;
use crate::order::OrderFact;
use crate::reactor::{ControlMessage, PaperQuestion};
use crate::record::{Venue, VenueOrderId};

impl Gateway {
    /// Whether orders to this venue are filled on paper.
    pub fn is_paper(&self, venue: Venue) -> bool {
        *self.paper.get(venue)
    }

    /// What a paper account holds now, in the order in which its assets became known. Strategies are told of every change by
    /// records of kind [`Balance`](crate::record::ExecutionKind::Balance).
    ///
    /// # Errors
    /// [`GatewayError::NotOnPaper`], or [`GatewayError::Stopped`] if the reactor does not answer.
    pub fn paper_balances(&self, venue: Venue) -> Result<Vec<Balance>, GatewayError> {
        let balances = self.ask_paper(venue, |reply| PaperQuestion::Balances(venue, reply))?;
        let balance = |(asset, available, hold): (crate::record::InlineText<16>, _, _)| Balance {
            asset: asset.to_string(),
            available,
            hold,
        };
        Ok(balances.into_iter().map(balance).collect())
    }

    /// How an order stands on paper; `None` if the paper venue knows no such order, or has forgotten it: it remembers the
    /// last [`ORDERS_KEPT_MAX`](crate::paper::ORDERS_KEPT_MAX).
    ///
    /// # Errors
    /// As [`Gateway::paper_balances`].
    pub fn paper_order(&self, venue: Venue, order: &VenueOrderId) -> Result<Option<OrderFact>, GatewayError> {
        self.ask_paper(venue, |reply| PaperQuestion::Order(venue, *order, reply))
    }

    fn ask_paper<T>(
        &self,
        venue: Venue,
        question: impl FnOnce(std::sync::mpsc::SyncSender<T>) -> PaperQuestion,
    ) -> Result<T, GatewayError> {
        if !self.is_paper(venue) {
            return Err(GatewayError::NotOnPaper(venue));
        }
        self.ask(|reply| ControlMessage::Paper(question(reply)))
    }
}
