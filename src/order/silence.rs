//! How the venue's silence about an order is judged.
//!
//! An order that a complete listing lacks is asked for by its id; what that lacks too is absent once. Guarantees: absence
//! counts only from complete answers begun long enough after the order's last byte can have left, or after its last sign of
//! life; a Live order is never ended by absence alone; one that was sent just before a listing is not judged by it. When
//! which question is due, is `reconcile`'s.

use super::entry::{Place, Slot};
use super::query::QueryEnd;
use super::reconcile::InFlight;
use super::state::OrderState;
use super::table::Orders;
use super::Executions;
use crate::record::{UnixNanos, Venue};

impl Orders {
    /// The listing of open orders is complete: those it lacks are asked for by id before anything follows.
    pub(super) fn owe(&mut self, now: UnixNanos, venue: Venue, query: &InFlight) {
        let mut at = self.open.first;
        while let Some(entry) = self.entries.get_mut(at as usize) {
            let live = matches!(entry.order.state(), OrderState::Live | OrderState::Risen);
            let listed = entry.seen > query.evidence;
            if entry.order.venue() == venue && live && !listed && entry.check.identified {
                if !std::mem::replace(&mut entry.owed, true) {
                    self.reconciliation.owes(venue);
                }
                entry.check.arm(now);
                self.due.check = self.due.check.min(entry.check.at);
            }
            at = entry.link.after;
        }
    }

    /// Our open orders were listed while the stream is healthy: those that are not there are asked for by id, until that is
    /// answered once. One sent just before may not be listed yet; the next listing is soon enough for it.
    pub(super) fn doubt_unlisted(&mut self, now: UnixNanos, venue: Venue, query: &InFlight) {
        let grace_ms = self.reconciliation.rules().absence_grace_ms;
        let mut at = self.open.first;
        while let Some(entry) = self.entries.get_mut(at as usize) {
            let live = matches!(entry.order.state(), OrderState::Live | OrderState::Risen);
            let listed = entry.seen > query.evidence;
            let ripe = query.begun >= entry.order.sent_at().plus_ms(grace_ms);
            if entry.order.venue() == venue && live && !listed && ripe && entry.check.identified {
                entry.check.arm_again(now);
                self.due.check = self.due.check.min(entry.check.at);
            }
            at = entry.link.after;
        }
    }

    /// Answers about single orders ended: what they say of those they were asked about, by what is not in them too.
    pub(super) fn judge(&mut self, now: UnixNanos, query: &InFlight, end: QueryEnd, out: &mut impl Executions) {
        let rules = *self.reconciliation.rules();
        let mut at = self.open.first;
        while let Some(entry) = self.entries.get_mut(at as usize) {
            let (this, slot) = (at, entry.slot(at));
            at = entry.link.after;
            if entry.check.query != Some(query.id) {
                continue;
            }
            entry.check.ended(query.begun, end);
            let absent = end == QueryEnd::Complete && entry.seen <= query.evidence;
            if absent && entry.order.state() != OrderState::Unknown {
                self.counters.denied = self.counters.denied.saturating_add(1);
            }
            if end == QueryEnd::Complete {
                self.change_evidence(now, slot, out, |entry| entry.change.answered(query.begun, &rules));
            }
            let Some(entry) = self.entries.get_mut(this as usize) else { continue };
            let proven = absent && entry.check.absent(query.begun, entry.order.watermark(), &rules);
            if proven {
                self.conclude(now, slot, out);
            }
            let Some(entry) = self.entries.get_mut(this as usize).filter(|e| e.place == Place::Open) else { continue };
            let overdue = entry.check.later <= now;
            if entry.order.wants_check() || entry.owed || entry.change.is_unknown() || overdue {
                entry.check.again(now, &rules);
            } else {
                entry.check.pause_ms = 0;
            }
            if !overdue {
                entry.check.at = entry.check.at.min(entry.check.later);
            }
            self.due.check = self.due.check.min(entry.check.at);
        }
    }

    /// Enough listings lack the order.
    fn conclude(&mut self, now: UnixNanos, slot: Slot, out: &mut impl Executions) {
        let mut over = false;
        self.change(now, slot, |order, _| over = order.absent(now, out));
        if !over {
            // Denied, but only by listings: it stays Live until the venue also refuses a request about it.
            self.excuse(slot);
        }
    }
}
