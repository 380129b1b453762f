//! The account's figures at OANDA after fills: balance, margin used and free are asked for, since no transaction tells
//! them all.
//!
//! Guarantees that the last fill is always followed by a question that left after it and was answered; that the first
//! after a quiet time asks at once; and that however quickly fills follow each other, the questions are paced: each is a
//! request of the governor's, and has the connection for questions to itself. Never holds anything else up.

use super::contract::{ConnId, Outputs};
use super::oanda_desk::VENUE;
use super::Engine;
use crate::guard::{Priority, RetryAt};
use crate::record::UnixNanos;
use crate::telemetry::Counter;
use crate::venue::oanda::request::Query;

/// Two questions are at least so far apart, ms: quick enough for a person and for a margin check between orders, and at
/// four a second a small part of the requests the venue takes (OANDA reference 9: 120 in a second).
const SPACING_MS: u64 = 250;
/// One that failed is asked again after this, ms: what failed once may go on failing.
const AGAIN_MS: u64 = 1_000;

/// When the figures are asked for next.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Not before this.
    due: UnixNanos,
    /// On their way over this connection.
    asked: Option<ConnId>,
}

impl Figures {
    /// What a connection was to bring was answered, or was not. Whether these figures are to be asked for again.
    fn ended(&mut self, now: UnixNanos, id: ConnId, told: bool) -> bool {
        let again = self.asked.take_if(|asked| *asked == id).is_some() && !told;
        if again {
            self.due = now.plus_ms(AGAIN_MS);
        }
        again
    }
}

impl Engine {
    /// Asks for the figures if a fill has changed them and it is time to.
    pub(super) fn ask_figures(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        if !self.trading.figures_stale || self.oanda.figures.due > now {
            return;
        }
        let ready = self.trading.desks.get(VENUE).governor.ready(now, Priority::Housekeeping);
        if let Err(RetryAt(at)) = ready {
            out.count(Counter::RateLimited, 1);
            self.oanda.figures.due = at;
        } else if self.ask_account(now, out, id, &Query::Summary, Priority::Housekeeping) {
            self.oanda.figures.due = now.plus_ms(SPACING_MS);
            self.oanda.figures.asked = Some(id);
            self.trading.figures_stale = false;
        }
    }

    /// A request of a connection ended, told or not.
    pub(super) fn figures_ended(&mut self, now: UnixNanos, id: ConnId, told: bool) {
        self.trading.figures_stale |= self.oanda.figures.ended(now, id, told);
    }

    /// When they are to be asked for. What is due and waits for the connection is asked when that is free.
    pub(super) fn figures_deadline(&self, now: UnixNanos) -> Option<UnixNanos> {
        Some(self.oanda.figures.due).filter(|due| self.trading.figures_stale && *due > now)
    }
}

#[cfg(all(test, feature = "sim"))]
#[path = "oanda_figures_tests.rs"]
mod tests;
