//! Create, cancel, edit and the previews (Coinbase reference 3.1 to 3.3).

use crate::sim::coinbase::edit::EditFailure;
use crate::sim::coinbase::errors::{error, invalid_argument, rejected, Generation};
use crate::sim::coinbase::exchange::Placed;
use crate::sim::coinbase::funds::{cost, crosses};
use crate::sim::coinbase::model::Coinbase;
use crate::sim::coinbase::order::{average, Kind, NewOrder, Rests, Size};
use crate::sim::coinbase::parse::{self, Refusal};
use crate::sim::coinbase::reject::{CancelFailure, Reject};
use crate::sim::market::Side;
use crate::sim::server::{Request, Response};
use crate::sim::Json;
use rust_decimal::Decimal;
use serde_json::Value;

/// Most ids in one `batch_cancel` (reference 3.2).
const CANCELS_MAX: usize = 100;

/// What an order would cost and bring, for the previews.
#[derive(Clone, Copy, Default)]
struct Estimate {
    value: Decimal,
    fee: Decimal,
    base: Decimal,
    best_bid: Decimal,
    best_ask: Decimal,
}

impl Coinbase {
    pub(super) fn create(&mut self, now_ns: u64, request: &Request) -> Response {
        let asked = match parse::new_order(&request.body, &self.exchange, now_ns) {
            Ok(asked) => asked,
            Err(Refusal::Malformed(name, detail)) => return error(400, name, &detail),
            Err(Refusal::Business(reject, echo)) => return self.rejected(reject, &echo),
        };
        let echo = asked.configuration.clone();
        if let Some(reject) = self.forced_rejects.pop_front() {
            return self.rejected(Reject::Named(reject), &echo);
        }
        let exchange = &self.exchange;
        if self.unconfirmed.duplicates_refused && exchange.earlier(&asked.client_order_id).is_some() {
            return self.rejected(Reject::DuplicateClientOrderId, &echo);
        }
        let open_max = self.unconfirmed.open_orders_max;
        let full = || open_max > 0 && exchange.orders.iter().filter(|o| o.now.status.is_working()).count() >= open_max;
        let late = || {
            self.unconfirmed.post_only_fails_later && exchange.check(&asked).err() == Some(Reject::PostOnlyWouldCross)
        };
        let failure = match self.forced_failures.pop_front() {
            None if full() => Some("TOO_MANY_OPEN_ORDERS"),
            None if late() => Some("REJECT_REASON_UNSPECIFIED"),
            forced => forced,
        };
        let placed = match failure {
            Some(reason) => self.exchange.fail(now_ns, asked, reason),
            None => self.exchange.place(now_ns, asked),
        };
        match placed {
            Ok(Placed::New(index) | Placed::Earlier(index)) => self.accepted(index),
            Err(reject) => self.rejected(reject, &echo),
        }
    }

    fn rejected(&self, reject: Reject, echo: &str) -> Response {
        rejected(reject, echo, self.reason_place, self.generation)
    }

    fn accepted(&self, index: usize) -> Response {
        let Some(order) = self.exchange.orders.get(index) else {
            return error(500, "INTERNAL", "order lost");
        };
        let attached = order.attached.and_then(|i| self.exchange.orders.get(i));
        let body = Json::compact().object(|j| {
            j.raw("success", true);
            if self.generation == Generation::Before2024 {
                j.str("failure_reason", "UNKNOWN_FAILURE_REASON").str("order_id", &order.id);
            }
            j.obj("success_response", |j| {
                j.str("order_id", &order.id)
                    .str("product_id", &order.asked.product_id)
                    .str("side", order.asked.side.as_str())
                    .str("client_order_id", &order.asked.client_order_id);
                if let Some(attached) = attached {
                    j.str("attached_order_id", &attached.id);
                }
            })
            .raw("order_configuration", &order.asked.configuration);
        });
        Response::json(200, body)
    }

    pub(super) fn batch_cancel(&mut self, now_ns: u64, request: &Request) -> Result<Response, Response> {
        let body: Value =
            serde_json::from_slice(&request.body).map_err(|e| invalid_argument(&format!("invalid JSON: {e}")))?;
        let ids = body.get("order_ids").and_then(Value::as_array).filter(|ids| !ids.is_empty());
        let ids: Vec<&str> =
            ids.ok_or_else(|| invalid_argument("order_ids is required"))?.iter().filter_map(Value::as_str).collect();
        if ids.len() > CANCELS_MAX {
            return Err(error(400, "InvalidArgument", &format!("order_ids: at most {CANCELS_MAX} per request")));
        }
        let seen_ns = now_ns.saturating_sub(self.unconfirmed.cancels_blind_ns);
        let cancel = |id: &str| {
            let order = self.exchange.order_index(id).and_then(|i| self.exchange.orders.get(i));
            match order.is_some_and(|o| o.created_ns <= seen_ns) {
                true => self.exchange.cancel(now_ns, id),
                false => Err(CancelFailure::UnknownOrder),
            }
        };
        let results: Vec<_> = ids.iter().copied().zip(ids.iter().copied().map(cancel)).collect();
        let body = Json::compact().object(|j| {
            j.arr("results", |j| {
                for (id, result) in results {
                    j.item(|j| {
                        let reason =
                            result.map_or_else(|failure| failure.as_str(), |()| "UNKNOWN_CANCEL_FAILURE_REASON");
                        j.raw("success", result.is_ok()).str("failure_reason", reason).str("order_id", id);
                    });
                }
            });
        });
        Ok(Response::json(200, body))
    }

    pub(super) fn edit(&mut self, now_ns: u64, request: &Request) -> Result<Response, Response> {
        let asked = parse::edit(&request.body).map_err(malformed)?;
        let result = match self.forced_edit_failures.pop_front() {
            Some(edit) => Err(EditFailure { edit, preview: "UNKNOWN_PREVIEW_FAILURE_REASON" }),
            None => self.exchange.edit(now_ns, &asked),
        };
        let old = self.generation == Generation::Before2024;
        let body = Json::compact().object(|j| {
            j.raw("success", result.is_ok());
            match result {
                Ok(()) if old => {
                    j.obj("success_response", |j| {
                        j.str("order_id", &asked.order_id);
                    });
                }
                Err(failure) if old => {
                    j.obj("error_response", |j| {
                        j.str("error_details", "").str("edit_order_failure_reason", failure.edit);
                    });
                }
                result => write_errors(j, result.err()),
            }
        });
        Ok(Response::json(200, body))
    }

    pub(super) fn edit_preview(&self, request: &Request) -> Result<Response, Response> {
        let asked = parse::edit(&request.body).map_err(malformed)?;
        let plan = self.exchange.plan_edit(&asked);
        let edited = plan.ok().and_then(|plan| {
            let order = self.exchange.orders.get(plan.order)?;
            let rests = Rests::UntilCancelled { post_only: order.is_post_only() };
            let kind = Kind::Limit { ticks: plan.ticks, rests };
            Some((NewOrder { kind, size: Size::Base(plan.lots), ..order.asked.clone() }, order.now.clone()))
        });
        let estimate = edited.as_ref().map(|(asked, _)| self.estimate(asked)).unwrap_or_default();
        let filled = edited.as_ref().and_then(|(asked, now)| Some(average(now, self.exchange.product_of(asked)?)));
        let body = Json::spaced().object(|j| {
            write_errors(j, plan.err());
            j.str("slippage", "0")
                .str("order_total", (estimate.value + estimate.fee).normalize())
                .str("commission_total", estimate.fee.normalize())
                .str("quote_size", estimate.value.normalize())
                .str("base_size", estimate.base.normalize())
                .str("best_bid", estimate.best_bid.normalize())
                .str("best_ask", estimate.best_ask.normalize())
                .str("average_filled_price", filled.unwrap_or_default());
        });
        Ok(Response::json(200, body))
    }

    pub(super) fn preview(&mut self, now_ns: u64, request: &Request) -> Result<Response, Response> {
        let (asked, reject) = match parse::preview(&request.body, &self.exchange, now_ns) {
            Ok(asked) => {
                let reject = self.exchange.check(&asked).err();
                (Some(asked), reject)
            }
            Err(Refusal::Business(reject, _)) => (None, Some(reject)),
            Err(refusal) => return Err(malformed(refusal)),
        };
        let estimate = asked.as_ref().map(|asked| self.estimate(asked)).unwrap_or_default();
        let total = match asked.as_ref().map(|a| a.side) {
            Some(Side::Sell) => estimate.value - estimate.fee,
            _ => estimate.value + estimate.fee,
        };
        let preview_id = self.exchange.id_rng.uuid();
        let body = Json::spaced().object(|j| {
            j.str("order_total", total.normalize())
                .str("commission_total", estimate.fee.normalize())
                .arr("errs", |j| {
                    if let Some(reject) = reject {
                        j.item_str(preview_name(reject));
                    }
                })
                .arr("warning", |_| {})
                .str("quote_size", estimate.value.normalize())
                .str("base_size", estimate.base.normalize())
                .str("best_bid", estimate.best_bid.normalize())
                .str("best_ask", estimate.best_ask.normalize())
                .raw("is_max", false)
                .str("order_margin_total", "0")
                .str("leverage", "0")
                .str("long_leverage", "0")
                .str("short_leverage", "0")
                .str("slippage", "0")
                .str("preview_id", preview_id)
                .str("current_liquidation_buffer", "0")
                .str("projected_liquidation_buffer", "0")
                .str("max_leverage", "")
                .raw("pnl_configuration", "null");
        });
        Ok(Response::json(200, body))
    }

    /// What an order would cost if it were filled: a taker at the present book, a resting order at its limit.
    fn estimate(&self, asked: &NewOrder) -> Estimate {
        let Some(market) = self.exchange.markets.get(asked.market) else { return Estimate::default() };
        let (product, fees) = (&market.product, self.exchange.fees);
        let best = |side: Side| market.book.front(side).map(|front| front.ticks);
        let price = |ticks: Option<i64>| ticks.map(|t| product.price(t)).unwrap_or_default();
        let opposite = best(asked.side.opposite());
        let (value, base, taker) = match (asked.size, asked.kind) {
            (Size::Quote(quote), _) => {
                let value = quote / (Decimal::ONE + fees.taker);
                (value, value.checked_div(price(opposite)).unwrap_or_default(), true)
            }
            (Size::Base(lots), Kind::Market) if asked.side == Side::Buy => {
                (cost(market, lots), product.size(lots), true)
            }
            (Size::Base(lots), Kind::Market) => (price(opposite) * product.size(lots), product.size(lots), true),
            (Size::Base(lots), Kind::Scaled) => (
                asked.rungs.iter().map(|r| product.price(r.ticks) * product.size(r.lots)).sum(),
                product.size(lots),
                false,
            ),
            (
                Size::Base(lots),
                Kind::Limit { ticks, .. }
                | Kind::StopLimit { ticks, .. }
                | Kind::Bracket { ticks, .. }
                | Kind::Twap { ticks, .. },
            ) => (product.price(ticks) * product.size(lots), product.size(lots), crosses(asked.side, ticks, opposite)),
        };
        let fee = value * if taker { fees.taker } else { fees.maker };
        let (best_bid, best_ask) = (price(best(Side::Buy)), price(best(Side::Sell)));
        Estimate { value: value.round_dp(16), fee: fee.round_dp(16), base: base.round_dp(16), best_bid, best_ask }
    }
}

/// The preview enum's name of a rejection.
fn preview_name(reject: Reject) -> String {
    match reject.words() {
        (name, "UNKNOWN_PREVIEW_FAILURE_REASON", _) => format!("PREVIEW_{name}"),
        (_, preview, _) => preview.to_owned(),
    }
}

fn write_errors(j: &mut Json, failure: Option<EditFailure>) {
    j.arr("errors", |j| {
        if let Some(failure) = failure {
            j.item(|j| {
                j.str("edit_failure_reason", failure.edit).str("preview_failure_reason", failure.preview);
            });
        }
    });
}

fn malformed(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Malformed(name, detail) => error(400, name, &detail),
        Refusal::Business(reject, _) => invalid_argument(reject.words().0),
    }
}
