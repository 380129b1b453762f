//! Handlers that change something: orders, trades, positions, settings (OANDA reference 4 and 5).

use super::close::{Part, SideClosed};
use super::exchange::Placed;
use super::log::Batch;
use super::model::Oanda;
use super::order::Kind;
use super::parse::{self, Body, Draft};
use super::reject::{message, Failure};
use super::rest::Call;
use crate::sim::server::Response;
use crate::sim::Json;
use rust_decimal::Decimal;
use serde_json::Value;

/// Members of `PUT /trades/{x}/orders`, their order and the name of their transactions.
const TRADE_ORDERS: [(&str, Kind); 4] = [
    ("takeProfit", Kind::TakeProfit),
    ("stopLoss", Kind::StopLoss),
    ("trailingStopLoss", Kind::TrailingStopLoss),
    ("guaranteedStopLoss", Kind::GuaranteedStopLoss),
];

/// A member's name and the transaction it shows.
type Shown = (String, u64);

fn json(body: &[u8]) -> Result<Value, Failure> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body).map_err(|_| Failure::new(400, "The request body is not valid JSON"))
}

impl Oanda {
    /// A reply with transactions, the ids of their batch, and an error if there is one.
    fn told(&self, status: u16, shown: &[Shown], batch: &Batch, error: Option<&str>) -> Response {
        let log = &self.exchange.log;
        let body = Json::compact().object(|j| {
            for (name, id) in shown {
                j.raw(name, log.text(*id));
            }
            j.arr("relatedTransactionIDs", |j| {
                batch.ids.iter().for_each(|id| {
                    j.item_str(id);
                });
            });
            j.str("lastTransactionID", log.last());
            if let Some(code) = error {
                j.str("errorMessage", message(code)).str("errorCode", code);
            }
        });
        Response::json(status, body)
    }

    fn location(&self, response: Response, kind: &str, id: u64) -> Response {
        let place = format!("{}/v3/accounts/{}/{kind}/{id}", self.base_url, self.identity.account);
        response.with_header("Location", place)
    }

    /// `POST /orders`.
    pub(crate) fn create_order(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let value = json(call.body)?;
        let draft = self.draft(&value, call.now_ns)?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let reject = draft.reject.clone().or_else(|| self.exchange.refusal(&draft.order, None));
        if let Some(reason) = reject {
            return Ok(self.refused(&mut batch, &draft, &reason));
        }
        let placed = self.exchange.place(&mut batch, draft.order);
        let response = self.told(201, &shown_as("order", placed), &batch, None);
        Ok(self.location(response, "orders", placed.create))
    }

    fn draft(&self, value: &Value, now_ns: u64) -> Result<Draft, Failure> {
        let body = Body::new(value)?.object("order")?.ok_or_else(Failure::missing)?;
        parse::order(&body, &self.exchange, now_ns)
    }

    fn refused(&mut self, batch: &mut Batch, draft: &Draft, reason: &str) -> Response {
        let reject = self.exchange.reject(batch, draft, reason);
        let status = if draft.target_missing { 404 } else { 400 };
        self.told(status, &[("orderRejectTransaction".to_owned(), reject)], batch, Some(reason))
    }

    /// The pending order a request names, looked for as listings see it.
    fn pending(&self, call: &Call<'_>) -> Option<u64> {
        let order = self.exchange.order(&call.specifier)?;
        let known = order.created_ns <= self.as_of(call.now_ns);
        (known && self.exchange.pending.contains(&order.id)).then_some(order.id)
    }

    fn no_such_order(&mut self, call: &Call<'_>, batch: &mut Batch) -> Response {
        let reject = self.exchange.reject_cancel(batch, &call.specifier);
        self.told(404, &[("orderCancelRejectTransaction".to_owned(), reject)], batch, Some("ORDER_DOESNT_EXIST"))
    }

    /// `PUT /orders/{x}`.
    pub(crate) fn replace_order(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let value = json(call.body)?;
        let draft = self.draft(&value, call.now_ns)?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let Some(old) = self.pending(call) else { return Ok(self.no_such_order(call, &mut batch)) };
        let before = self.exchange.orders.get(&old).map(|o| (o.kind, o.market, o.trade));
        let same = before == Some((draft.order.kind, draft.order.market, draft.order.trade));
        let other = (!same).then(|| "REPLACING_ORDER_INVALID".to_owned());
        let reject = draft.reject.clone().or(other).or_else(|| self.exchange.refusal(&draft.order, Some(old)));
        if let Some(reason) = reject {
            return Ok(self.refused(&mut batch, &draft, &reason));
        }
        let (cancel, placed) = self.exchange.replace(&mut batch, old, draft.order);
        let mut shown = vec![("orderCancelTransaction".to_owned(), cancel)];
        shown.push(("orderCreateTransaction".to_owned(), placed.create));
        shown.extend(placed.fill.map(|id| ("orderFillTransaction".to_owned(), id)));
        shown.extend(placed.cancel.map(|id| ("replacingOrderCancelTransaction".to_owned(), id)));
        let response = self.told(201, &shown, &batch, None);
        Ok(self.location(response, "orders", placed.create))
    }

    /// `PUT /orders/{x}/cancel`.
    pub(crate) fn cancel_order(&mut self, call: &Call<'_>) -> Response {
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let Some(id) = self.pending(call) else { return self.no_such_order(call, &mut batch) };
        let cancel = self.exchange.cancel(&mut batch, id, "CLIENT_REQUEST", &[]);
        self.told(200, &[("orderCancelTransaction".to_owned(), cancel)], &batch, None)
    }

    /// `PUT /orders/{x}/clientExtensions`.
    pub(crate) fn relabel_order(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let value = json(call.body)?;
        let body = Body::new(&value)?;
        let (own, of_trade) = (body.extensions("clientExtensions")?, body.extensions("tradeClientExtensions")?);
        let id = self.pending(call).ok_or_else(|| self.missing("NO_SUCH_ORDER"))?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let written = self.exchange.relabel_order(&mut batch, id, &own, &of_trade);
        Ok(self.told(200, &[("orderClientExtensionsModifyTransaction".to_owned(), written)], &batch, None))
    }

    /// `PUT /trades/{x}/clientExtensions`.
    pub(crate) fn relabel_trade(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let value = json(call.body)?;
        let labels = Body::new(&value)?.extensions("clientExtensions")?;
        let id = self.exchange.trade(&call.specifier).map(|t| t.id).ok_or_else(|| self.missing("NO_SUCH_TRADE"))?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let written = self.exchange.relabel_trade(&mut batch, id, &labels);
        Ok(self.told(200, &[("tradeClientExtensionsModifyTransaction".to_owned(), written)], &batch, None))
    }

    /// A trade is named by digits or by `@` and a client id.
    fn check_trade_id(call: &Call<'_>) -> Result<(), Failure> {
        let digits = call.specifier.bytes().all(|b| b.is_ascii_digit());
        if digits || call.specifier.starts_with('@') {
            Ok(())
        } else {
            Err(Failure::parameter("tradeID"))
        }
    }

    /// `PUT /trades/{x}/close`.
    pub(crate) fn close_trade(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        Self::check_trade_id(call)?;
        let value = json(call.body)?;
        let body = Body::new(&value)?;
        let part = Part::parse(body.text("units")?.as_deref()).ok_or_else(|| body.bad("units"))?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        Ok(match self.exchange.close_trade(&mut batch, &call.specifier, &part) {
            Ok(placed) => self.told(200, &shown_as("order", placed), &batch, None),
            Err((reject, reason)) => {
                let status = if reason == "TRADE_DOESNT_EXIST" { 404 } else { 400 };
                self.told(status, &[("orderRejectTransaction".to_owned(), reject)], &batch, Some(reason))
            }
        })
    }

    /// `PUT /positions/{instrument}/close`.
    pub(crate) fn close_position(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let market = self.exchange.market_index(&call.specifier).ok_or_else(|| Failure::parameter("instrument"))?;
        let value = json(call.body)?;
        let body = Body::new(&value)?;
        let side = |name: &str, labels: &str| {
            let part = Part::parse(body.text(name)?.as_deref()).ok_or_else(|| body.bad(name))?;
            Ok::<_, Failure>((part, body.extensions(labels)?))
        };
        let asked = [side("longUnits", "longClientExtensions")?, side("shortUnits", "shortClientExtensions")?];
        if asked.iter().all(|(part, _)| *part == Part::None) {
            return Err(Failure { code: Some("CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION"), ..Failure::missing() });
        }
        let open = !self.exchange.exposed(market).is_zero();
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let done = self.exchange.close_position(&mut batch, market, asked);
        let (mut shown, mut error) = (Vec::new(), None);
        for (name, side) in ["longOrder", "shortOrder"].iter().zip(done) {
            match side {
                None => {}
                Some(SideClosed::Ok(placed)) => shown.extend(shown_as(name, placed)),
                Some(SideClosed::Err((id, reason))) => {
                    shown.push((format!("{name}RejectTransaction"), id));
                    // The side at fault names the error, not the one refused along with it.
                    error = error.filter(|_| reason == "CLOSEOUT_POSITION_REJECT").or(Some(reason));
                }
            }
        }
        let status = match error {
            None => 200,
            Some("CLOSEOUT_POSITION_DOESNT_EXIST") if !open => 404,
            Some(_) => 400,
        };
        Ok(self.told(status, &shown, &batch, error))
    }

    /// `PUT /trades/{x}/orders`.
    pub(crate) fn trade_orders(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        Self::check_trade_id(call)?;
        let value = json(call.body)?;
        let body = Body::new(&value)?;
        let trade = self.exchange.trade(&call.specifier).filter(|t| t.is_open()).map(|t| (t.id, t.market));
        let (trade, market) = trade.ok_or_else(|| self.missing("NO_SUCH_TRADE"))?;
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        let mut asked = Vec::new();
        for (name, kind) in TRADE_ORDERS {
            if body.has(name) {
                asked.push((name, kind, body.object(name)?.map(|b| parse::exit(&b, kind)).transpose()?));
            }
        }
        let (mut refused, mut code) = (Vec::new(), None);
        for (name, _, exit) in &asked {
            let (Some(exit), Some(market)) = (exit, self.exchange.markets.get(market)) else { continue };
            if let Some(reason) = parse::exit_fault(exit, false, market, call.now_ns) {
                let reject = self.exchange.reject_exit(&mut batch, trade, exit, &reason);
                refused.push((format!("{name}OrderRejectTransaction"), reject));
                code = code.or(Some(reason));
            }
        }
        if let Some(code) = code {
            return Ok(self.told(400, &refused, &batch, Some(&code)));
        }
        let mut shown = Vec::new();
        for (name, kind, exit) in asked {
            let (cancel, placed) = self.exchange.change_exit(&mut batch, trade, kind, exit.as_ref());
            shown.extend(cancel.map(|id| (format!("{name}OrderCancelTransaction"), id)));
            if let Some(placed) = placed {
                shown.push((format!("{name}OrderTransaction"), placed.create));
                shown.extend(placed.fill.map(|id| (format!("{name}OrderFillTransaction"), id)));
                shown.extend(placed.cancel.map(|id| (format!("{name}OrderCreatedCancelTransaction"), id)));
            }
        }
        Ok(self.told(200, &shown, &batch, None))
    }

    /// `PATCH /configuration`.
    pub(crate) fn configure(&mut self, call: &Call<'_>) -> Result<Response, Failure> {
        let value = json(call.body)?;
        let body = Body::new(&value)?;
        let (alias, rate) = (body.text("alias")?, body.decimal("marginRate")?);
        let mut batch = Batch::new(call.now_ns, Some(call.id));
        if rate.is_some_and(|rate| rate <= Decimal::ZERO || rate > Decimal::ONE) {
            let about = super::log::About::default();
            let reject = self.exchange.log.write(&mut batch, "CLIENT_CONFIGURE_REJECT", about, |j| {
                j.str("rejectReason", "MARGIN_RATE_INVALID");
            });
            let shown = [("clientConfigureRejectTransaction".to_owned(), reject)];
            return Ok(self.told(400, &shown, &batch, Some("MARGIN_RATE_INVALID")));
        }
        let written = self.exchange.configure(&mut batch, alias.as_deref(), rate);
        Ok(self.told(200, &[("clientConfigureTransaction".to_owned(), written)], &batch, None))
    }
}

fn shown_as(name: &str, placed: Placed) -> Vec<Shown> {
    let mut shown = vec![(format!("{name}CreateTransaction"), placed.create)];
    shown.extend(placed.fill.map(|id| (format!("{name}FillTransaction"), id)));
    shown.extend(placed.cancel.map(|id| (format!("{name}CancelTransaction"), id)));
    shown
}
