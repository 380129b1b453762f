//! New orders, cancels, replacements and lists, as calls with a reply (Binance.US reference 3).

use super::account::order_name;
use super::exchange::{Ended, OrderName, Restriction};
use super::filters;
use super::model::BinanceUs;
use super::order::{Fill, NewOrder, Prevented, Resp};
use super::params::Params;
use super::parse;
use super::reject::Failure;
use crate::sim::Json;

impl BinanceUs {
    /// POST order/test: everything but the matching engine.
    pub(super) fn test_order(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        self.may_trade()?;
        let asked = parse::new_order(params, &mut self.exchange)?;
        filters::check(&self.exchange, now_ns, &asked, 0)?;
        Ok("{}".to_owned())
    }

    /// Whether the key has the permission.
    fn may_trade(&self) -> Result<(), Failure> {
        match self.key_may_trade {
            true => Ok(()),
            false => Err(Failure::with_status(401, -2015, "Invalid API-key, IP, or permissions for action.")),
        }
    }

    pub(super) fn place_order(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        self.may_trade()?;
        let asked = parse::new_order(params, &mut self.exchange)?;
        filters::check(&self.exchange, now_ns, &asked, 0)?;
        let index = self.place(now_ns, asked)?;
        Ok(Json::compact().object(|j| self.write_new(j, index)))
    }

    /// The exchange's own answer, unless a test asked for a refusal.
    fn place(&mut self, now_ns: u64, asked: NewOrder) -> Result<usize, Failure> {
        match self.forced_rejects.pop_front() {
            Some((code, message)) => Err(Failure::bad(code, message)),
            None => self.exchange.place(now_ns, asked),
        }
    }

    pub(super) fn cancel_order(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = parse::symbol(params, &self.exchange)?;
        let name = order_name(params, "orderId", "origClientOrderId")?;
        let (cancel_id, restriction) = (params.client_id("newClientOrderId")?, restriction(params)?);
        let ended = self.cancel(now_ns, symbol, &name, cancel_id, restriction)?;
        Ok(self.cancelled(ended))
    }

    fn cancel(
        &mut self,
        now_ns: u64,
        symbol: usize,
        name: &OrderName,
        cancel_id: Option<&str>,
        restriction: Option<Restriction>,
    ) -> Result<Ended, Failure> {
        // What a lagging venue does not show yet it does not cancel either (Binance.US reference 9).
        let shown = self.exchange.find(symbol, name).and_then(|at| self.exchange.orders.get(at));
        if shown.is_some_and(|order| order.created_ns > now_ns.saturating_sub(self.reports.listing_lag_ns)) {
            return Err(Failure::unknown_order());
        }
        self.exchange.cancel(now_ns, symbol, name, cancel_id, restriction)
    }

    /// The report of a cancel: of an order, or of the list it was in.
    fn cancelled(&self, ended: Ended) -> String {
        Json::compact().object(|j| match ended {
            Ended::Order(index) => self.write_cancel(j, index),
            Ended::List(at) => self.write_ended_list(j, at),
        })
    }

    pub(super) fn cancel_all(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = parse::symbol(params, &self.exchange)?;
        let open = |o: &super::order::Order| o.is_open() && o.asked.symbol == symbol;
        let ids: Vec<u64> = self.exchange.orders.iter().filter(|o| open(o)).map(|o| o.id).collect();
        let mut reports = Vec::new();
        for id in ids {
            // The second leg of a list is gone with the first.
            if let Ok(ended) = self.cancel(now_ns, symbol, &OrderName::Id(id), None, None) {
                reports.push(self.cancelled(ended));
            }
        }
        if reports.is_empty() {
            return Err(Failure::unknown_order());
        }
        Ok(format!("[{}]", reports.join(",")))
    }

    /// Cancels one order and places another: 200 if both went well, 409 if one, 400 if none (reference 3).
    pub(super) fn cancel_replace(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let stop_on_failure = match params.required("cancelReplaceMode")? {
            "STOP_ON_FAILURE" => true,
            "ALLOW_FAILURE" => false,
            _ => return Err(Failure::bad(-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")),
        };
        let name = order_name(params, "cancelOrderId", "cancelOrigClientOrderId")?;
        let (cancel_id, restriction) = (params.client_id("cancelNewClientOrderId")?, restriction(params)?);
        let asked = parse::new_order(params, &mut self.exchange)?;
        filters::check(&self.exchange, now_ns, &asked, 0)?;
        let cancel = self.cancel(now_ns, asked.symbol, &name, cancel_id, restriction);
        let cancel = cancel.map(|ended| self.cancelled(ended));
        let new = if cancel.is_err() && stop_on_failure { None } else { Some(self.replace(now_ns, asked)) };

        let result = |good: bool| if good { "SUCCESS" } else { "FAILURE" };
        let data = Json::compact().object(|j| {
            j.str("cancelResult", result(cancel.is_ok()))
                .str("newOrderResult", new.as_ref().map_or("NOT_ATTEMPTED", |new| result(new.is_ok())));
            match &cancel {
                Ok(report) => j.raw("cancelResponse", report),
                Err(failure) => j.raw("cancelResponse", failure.body()),
            };
            match &new {
                None => j.raw("newOrderResponse", "null"),
                Some(Ok(report)) => j.raw("newOrderResponse", report),
                Some(Err(failure)) => j.raw("newOrderResponse", failure.body()),
            };
        });
        let failure = match (cancel.is_ok(), new.is_some_and(|new| new.is_ok())) {
            (true, true) => return Ok(data),
            (false, false) => Failure::bad(-2022, "Order cancel-replace failed."),
            _ => Failure::with_status(409, -2021, "Order cancel-replace partially failed."),
        };
        Err(Failure { data: Some(data), ..failure })
    }

    fn replace(&mut self, now_ns: u64, asked: NewOrder) -> Result<String, Failure> {
        match self.place(now_ns, asked.clone()) {
            Ok(index) => Ok(Json::compact().object(|j| self.write_new(j, index))),
            Err(failure) => {
                let taken = self.exchange.latest(&asked.client_id).is_some();
                if !taken {
                    self.exchange.reject(now_ns, asked, reject_reason(&failure));
                }
                Err(failure)
            }
        }
    }

    pub(super) fn place_oco(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let (client_id, stop, limit) = parse::oco(params, &mut self.exchange)?;
        for leg in [&limit, &stop] {
            filters::check(&self.exchange, now_ns, leg, 2)?;
        }
        let resp = limit.resp;
        let at = self.exchange.place_oco(now_ns, client_id, stop, limit)?;
        Ok(Json::compact().object(|j| {
            let Some(list) = self.exchange.lists.get(at) else { return };
            self.exchange.write_list(j, list);
            if resp != Resp::Ack {
                j.arr("orderReports", |j| {
                    for leg in list.legs {
                        j.item(|j| self.write_new(j, leg));
                    }
                });
            }
        }))
    }

    pub(super) fn cancel_list(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let symbol = parse::symbol(params, &self.exchange)?;
        let (id, client_id) = (params.integer("orderListId")?, params.client_id("listClientOrderId")?);
        if id.is_none() && client_id.is_none() {
            return Err(Failure::missing("orderListId"));
        }
        let cancel_id = params.client_id("newClientOrderId")?;
        let at = self.exchange.cancel_list(now_ns, symbol, id, client_id, cancel_id)?;
        Ok(Json::compact().object(|j| self.write_ended_list(j, at)))
    }

    fn write_new(&self, j: &mut Json, index: usize) {
        let Some(order) = self.exchange.orders.get(index) else { return };
        let Some(symbol) = self.exchange.symbol(order.asked.symbol) else { return };
        let fills: Vec<&Fill> = self.exchange.fills.iter().filter(|fill| fill.order == index).collect();
        let of_order = |one: &&Prevented| one.taker == index;
        let prevented: Vec<String> =
            self.exchange.prevented.iter().filter(of_order).map(|one| self.prevented_row(one)).collect();
        order.write_new(j, symbol, self.exchange.list_id(order), &fills, &prevented);
    }

    fn write_cancel(&self, j: &mut Json, index: usize) {
        let Some(order) = self.exchange.orders.get(index) else { return };
        if let Some(symbol) = self.exchange.symbol(order.asked.symbol) {
            order.write_cancel(j, symbol, self.exchange.list_id(order));
        }
    }

    fn write_ended_list(&self, j: &mut Json, at: usize) {
        let Some(list) = self.exchange.lists.get(at) else { return };
        self.exchange.write_list(j, list);
        j.arr("orderReports", |j| {
            for leg in list.legs {
                j.item(|j| self.write_cancel(j, leg));
            }
        });
    }

    /// One prevented match, as `preventedMatches` and GET myPreventedMatches show it.
    pub(super) fn prevented_row(&self, one: &Prevented) -> String {
        let order = |at: usize| self.exchange.orders.get(at);
        let symbol = order(one.maker).and_then(|o| self.exchange.symbol(o.asked.symbol));
        let Some(symbol) = symbol else { return "{}".to_owned() };
        Json::compact().object(|j| {
            j.str("symbol", &symbol.id)
                .raw("preventedMatchId", one.id)
                .raw("takerOrderId", order(one.taker).map_or(0, |o| o.id))
                .raw("makerOrderId", order(one.maker).map_or(0, |o| o.id))
                .raw("tradeGroupId", 1)
                .str("selfTradePreventionMode", one.mode.as_str())
                .str("price", symbol.show_price(one.ticks))
                .str("makerPreventedQuantity", symbol.show_size(one.lots))
                .raw("transactTime", super::order::ms(one.at_ns));
        })
    }
}

fn restriction(params: &Params) -> Result<Option<Restriction>, Failure> {
    match params.get("cancelRestrictions")? {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(Restriction::OnlyNew)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(Restriction::OnlyPartiallyFilled)),
        Some(_) => Err(Failure::bad(-1145, "Invalid cancelRestrictions")),
    }
}

/// `r` of the report that tells a refused replacement.
fn reject_reason(failure: &Failure) -> &'static str {
    match failure.message.as_ref() {
        "Account has insufficient balance for requested action." => "INSUFFICIENT_BALANCES",
        "Order would immediately match and take." => "WOULD_MATCH_IMMEDIATELY",
        "Order would trigger immediately." => "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
        _ => "UNKNOWN",
    }
}
