//! Editing a resting order (Coinbase reference 3.3).
//!
//! The venue does not document queue priority; here a smaller size at the same price keeps its place, anything else
//! goes to the end of the queue, as the order books of most venues have it. Limit GTC orders only.

use super::exchange::Exchange;
use super::funds::crosses;
use super::order::{Edit, Kind, NewOrder, Rests, Size, Status};
use super::product::Product;
use crate::sim::market::book::Owner;
use rust_decimal::Decimal;

/// Edits one order may have; the venue's own number is not documented.
const EDITS_MAX: usize = 1_000;
const UNKNOWN_PREVIEW: &str = "UNKNOWN_PREVIEW_FAILURE_REASON";

/// Why an edit is refused: `edit_failure_reason` and `preview_failure_reason` (reference 3.3, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EditFailure {
    pub(crate) edit: &'static str,
    pub(crate) preview: &'static str,
}

impl EditFailure {
    fn of(edit: &'static str) -> Self {
        Self { edit, preview: UNKNOWN_PREVIEW }
    }

    /// Refused by the engine for a reason a new order would be refused for.
    fn engine(preview: &'static str) -> Self {
        Self { edit: "COMMANDER_REJECTED_EDIT_ORDER", preview }
    }
}

/// What an edit asks for; an omitted number is read as 0 (reference 3.3).
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) order_id: String,
    pub(crate) price: Decimal,
    pub(crate) size: Decimal,
    /// Whether a stop price was given, which no editable order has.
    pub(crate) stop_price: bool,
    /// Whether another bracket was given, which only a new order may bring.
    pub(crate) attached: bool,
    /// The bracket attached to the order goes.
    pub(crate) cancel_attached: bool,
}

/// An edit that passed every check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) order: usize,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    cancel_attached: bool,
}

impl Exchange {
    /// Checks an edit without making it.
    pub(crate) fn plan_edit(&self, asked: &Asked) -> Result<Plan, EditFailure> {
        let fail = |reason| Err(EditFailure::of(reason));
        let index = self.order_index(&asked.order_id).ok_or(EditFailure::of("ORDER_NOT_FOUND"))?;
        let order = self.orders.get(index).ok_or(EditFailure::of("ORDER_NOT_FOUND"))?;
        let product = self.product_of(&order.asked).ok_or(EditFailure::of("ORDER_NOT_FOUND"))?;
        match order.now.status {
            Status::Open => {}
            Status::CancelQueued => return fail("CANNOT_EDIT_ORDER_PENDING_CANCEL"),
            Status::EditQueued => return fail("ORDER_IS_ALREADY_BEING_REPLACED"),
            _ => return fail("ONLY_OPEN_ORDERS_CAN_BE_EDITED"),
        }
        let Kind::Limit { rests: Rests::UntilCancelled { post_only }, .. } = order.asked.kind else {
            return fail("ONLY_LIMIT_ORDER_EDITS_SUPPORTED");
        };
        if order.asked.end_ns.is_some() {
            return fail("ONLY_LIMIT_ORDER_EDITS_SUPPORTED");
        }
        if order.asked.in_quote {
            return fail("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED");
        }
        if asked.stop_price {
            return fail("FIELD_STOPPRICE_NOT_SUPPORTED");
        }
        if asked.attached {
            return fail("CANNOT_EDIT_ATTACHED_ORDER_CONFIGURATION_AFTER_CREATION");
        }
        if order.edits.len() >= EDITS_MAX {
            return fail("EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT");
        }
        let ticks = product.ticks(asked.price).ok_or(EditFailure::of("INVALID_EDITED_PRICE"))?;
        let in_range = asked.size >= product.base_min_size && asked.size <= product.base_max_size;
        let lots = product.lots(asked.size).filter(|_| in_range).ok_or(EditFailure::of("INVALID_EDITED_SIZE"))?;
        if (order.now.limit, order.now.size) == (Some(ticks), Size::Base(lots)) && !asked.cancel_attached {
            return fail("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST");
        }
        if lots <= order.now.lots {
            return fail("CANNOT_EDIT_TO_BELOW_FILLED_SIZE");
        }
        let plan = Plan { order: index, ticks, lots, cancel_attached: asked.cancel_attached };
        if post_only && self.would_take(&plan) {
            return Err(EditFailure::engine("PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"));
        }
        self.more_hold(&plan).ok_or(EditFailure::engine("PREVIEW_INSUFFICIENT_FUND"))?;
        Ok(plan)
    }

    /// Asks for an edit. `Ok` means queued; it is made at once unless edits are held.
    pub(crate) fn edit(&mut self, now_ns: u64, asked: &Asked) -> Result<(), EditFailure> {
        let plan = self.plan_edit(asked)?;
        self.change(now_ns, plan.order, |p| p.status = Status::EditQueued);
        self.announce(plan.order);
        self.queued_edits.push(plan);
        self.run_edits(now_ns);
        Ok(())
    }

    /// Makes queued edits unless they are held.
    pub(crate) fn run_edits(&mut self, now_ns: u64) {
        if self.edits_held {
            return;
        }
        for plan in std::mem::take(&mut self.queued_edits) {
            self.make(now_ns, &plan);
        }
        self.run_triggers(now_ns);
    }

    fn make(&mut self, now_ns: u64, plan: &Plan) {
        let Some(order) = self.orders.get(plan.order).filter(|o| o.now.status == Status::EditQueued) else { return };
        // Fills or other orders may have come between the request and now: then the order stays as it was.
        let refused = plan.lots <= order.now.lots || (order.is_post_only() && self.would_take(plan));
        let Some(more) = self.more_hold(plan).filter(|_| !refused) else {
            return self.conclude(now_ns, plan.order, true);
        };
        let (asked, attached, filled) = (order.asked.clone(), order.attached, order.now.lots);
        let (old_limit, old_left) = (order.now.limit, order.left());
        self.reserve(now_ns, self.spends(&asked).to_owned().as_str(), more);
        let Plan { ticks, lots, .. } = *plan;
        self.change(now_ns, plan.order, |p| {
            p.limit = Some(ticks);
            p.size = Size::Base(lots);
            p.hold += more;
        });
        if let Some(order) = self.orders.get_mut(plan.order) {
            order.edits.push(Edit { ticks, lots, at_ns: now_ns });
        }
        if let Some(attached) = attached.filter(|_| plan.cancel_attached) {
            self.finish(now_ns, attached, Status::Cancelled, "Attached order was cancelled by an edit");
        }
        let left = lots - filled;
        let keeps_place = old_limit == Some(ticks) && left <= old_left;
        let stays = if keeps_place {
            if let Some(market) = self.markets.get_mut(asked.market) {
                market.shrink(now_ns, asked.side, ticks, Owner::Client(plan.order), old_left - left);
            }
            true
        } else {
            self.withdraw(now_ns, plan.order);
            self.take_and_rest(now_ns, plan.order, ticks, left)
        };
        self.conclude(now_ns, plan.order, stays);
    }

    /// What the edited order would hold more than now; `None` if there is not so much.
    fn more_hold(&self, plan: &Plan) -> Option<Decimal> {
        let order = self.orders.get(plan.order)?;
        let rests = Rests::UntilCancelled { post_only: order.is_post_only() };
        let edited = NewOrder {
            kind: Kind::Limit { ticks: plan.ticks, rests },
            size: Size::Base(plan.lots - order.now.lots),
            ..order.asked.clone()
        };
        let more = self.hold(&edited).ok()? - order.now.hold;
        let account = self.account(self.spends(&order.asked))?;
        (more <= account.available).then_some(more)
    }

    fn would_take(&self, plan: &Plan) -> bool {
        let Some(order) = self.orders.get(plan.order) else { return false };
        let best = self.markets.get(order.asked.market).and_then(|m| m.book.front(order.asked.side.opposite()));
        crosses(order.asked.side, plan.ticks, best.map(|front| front.ticks))
    }

    pub(crate) fn product_of(&self, asked: &NewOrder) -> Option<&Product> {
        self.markets.get(asked.market).map(|m| &m.product)
    }
}
