//! REST: who is let in, which operation a path is, and the headers of every reply (OANDA reference 1, 3, 8 and 9).

use super::model::Oanda;
use super::reject::{too_many, Failure};
use super::text::with_unix_times;
use crate::sim::server::{decode, Request, Response};

/// What a path and method ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Account,
    Summary,
    Instruments,
    Configure,
    Changes,
    CreateOrder,
    Orders,
    PendingOrders,
    Order,
    ReplaceOrder,
    CancelOrder,
    RelabelOrder,
    Trades,
    OpenTrades,
    Trade,
    CloseTrade,
    RelabelTrade,
    TradeOrders,
    Positions,
    OpenPositions,
    Position,
    ClosePosition,
    TransactionPages,
    Transaction,
    IdRange,
    SinceId,
    Pricing,
    Candles,
    LatestCandles,
}

/// Operations of a path below the account, by method.
fn operations(path: &[&str]) -> &'static [(&'static str, Op)] {
    match path {
        [] => &[("GET", Op::Account)],
        ["summary"] => &[("GET", Op::Summary)],
        ["instruments"] => &[("GET", Op::Instruments)],
        ["configuration"] => &[("PATCH", Op::Configure)],
        ["changes"] => &[("GET", Op::Changes)],
        ["orders"] => &[("POST", Op::CreateOrder), ("GET", Op::Orders)],
        ["pendingOrders"] => &[("GET", Op::PendingOrders)],
        ["orders", _] => &[("GET", Op::Order), ("PUT", Op::ReplaceOrder)],
        ["orders", _, "cancel"] => &[("PUT", Op::CancelOrder)],
        ["orders", _, "clientExtensions"] => &[("PUT", Op::RelabelOrder)],
        ["trades"] => &[("GET", Op::Trades)],
        ["openTrades"] => &[("GET", Op::OpenTrades)],
        ["trades", _] => &[("GET", Op::Trade)],
        ["trades", _, "close"] => &[("PUT", Op::CloseTrade)],
        ["trades", _, "clientExtensions"] => &[("PUT", Op::RelabelTrade)],
        ["trades", _, "orders"] => &[("PUT", Op::TradeOrders)],
        ["positions"] => &[("GET", Op::Positions)],
        ["openPositions"] => &[("GET", Op::OpenPositions)],
        ["positions", _] => &[("GET", Op::Position)],
        ["positions", _, "close"] => &[("PUT", Op::ClosePosition)],
        ["transactions"] => &[("GET", Op::TransactionPages)],
        ["transactions", "idrange"] => &[("GET", Op::IdRange)],
        ["transactions", "sinceid"] => &[("GET", Op::SinceId)],
        ["transactions", _] => &[("GET", Op::Transaction)],
        ["pricing"] => &[("GET", Op::Pricing)],
        ["instruments", _, "candles"] => &[("GET", Op::Candles)],
        ["candles", "latest"] => &[("GET", Op::LatestCandles)],
        _ => &[],
    }
}

/// A request that has been let in, with what handlers ask of it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) now_ns: u64,
    /// Id of the request.
    pub(crate) id: u64,
    /// Second part of the path below the account: an order, a trade, an instrument.
    pub(crate) specifier: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
}

impl Call<'_> {
    /// A query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let read = |text: &str| text.parse().map_err(|_| Failure::parameter(name));
        self.query(name).map(read).transpose()
    }

    /// A query parameter that is a time.
    pub(crate) fn time(&self, name: &str) -> Result<Option<u64>, Failure> {
        let read = |text: &str| super::text::time(text).ok_or_else(|| Failure::parameter(name));
        self.query(name).map(read).transpose()
    }
}

impl Oanda {
    /// Serves one REST request.
    pub(crate) fn rest(&mut self, now_ns: u64, request: &Request) -> Response {
        let id = self.next_request_id();
        let response = match self.serve(now_ns, id, request) {
            Ok(response) => response,
            Err(failure) => failure.response(),
        };
        self.dressed(response, request, id)
    }

    /// The same reply with this venue's headers and the times the client wants.
    pub(crate) fn dressed(&self, mut response: Response, request: &Request, id: u64) -> Response {
        if wants_unix(request) {
            if let Ok(text) = std::str::from_utf8(&response.body) {
                response.body = with_unix_times(text).into_bytes();
            }
        }
        response
            .with_header("RequestID", id)
            .with_header("Access-Control-Allow-Origin", "*")
            .with_header(
                "Access-Control-Allow-Headers",
                "Authorization, Content-Type, Accept-Datetime-Format, OANDA-Agent, ETag",
            )
            .with_header("Access-Control-Expose-Headers", "ETag, RequestID")
    }

    fn serve(&mut self, now_ns: u64, id: u64, request: &Request) -> Result<Response, Failure> {
        if !self.requests.take(now_ns, self.limits.requests_per_s) {
            return Ok(too_many("requests"));
        }
        self.let_in(request)?;
        let path: Vec<String> = segments(&request.path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (account, rest) = match path.as_slice() {
            ["v3", "accounts"] if request.method == "GET" => return Ok(Response::json(200, self.accounts())),
            ["v3", "accounts"] => return Err(Failure::new(405, "Method Not Allowed")),
            ["v3", "accounts", account, rest @ ..] => (Some(*account), rest),
            // Without an account, as older clients ask for candles.
            ["v3", rest @ ..] if matches!(rest, ["instruments", _, "candles"]) => (None, rest),
            _ => return Err(Failure::new(404, "Not Found")),
        };
        if let Some(account) = account {
            self.owned(account)?;
        }
        let operations = operations(rest);
        let Some((_, op)) = operations.iter().find(|(method, _)| *method == request.method) else {
            return Err(match operations {
                [] => Failure::new(404, "Not Found"),
                _ => Failure::new(405, "Method Not Allowed"),
            });
        };
        let specifier = rest.get(1).copied().unwrap_or_default().to_owned();
        let call = Call { now_ns, id, specifier, query: request.query_pairs(), body: &request.body };
        self.operate(*op, &call)
    }

    /// Checks the token.
    pub(crate) fn let_in(&mut self, request: &Request) -> Result<(), Failure> {
        let token = request.header("authorization").and_then(|v| v.strip_prefix("Bearer "));
        let good = token == Some(self.token.text()) && !self.token_revoked;
        if !good {
            self.observed.token_refusals += 1;
            return Err(Failure::unauthorized());
        }
        Ok(())
    }

    /// Checks that the token may use an account: MT4 accounts are listed and not served.
    pub(crate) fn owned(&self, account: &str) -> Result<(), Failure> {
        let dashed = account.split('-').filter(|part| part.bytes().all(|b| b.is_ascii_digit())).count() == 4;
        if !dashed {
            return Err(Failure::parameter("accountID"));
        }
        if account == self.identity.account && !self.account_forbidden {
            Ok(())
        } else {
            Err(Failure::forbidden())
        }
    }

    fn operate(&mut self, op: Op, call: &Call<'_>) -> Result<Response, Failure> {
        match op {
            Op::Account => Ok(self.account()),
            Op::Summary => Ok(self.summary()),
            Op::Instruments => self.instruments(call),
            Op::Configure => self.configure(call),
            Op::Changes => self.changes(call),
            Op::CreateOrder => self.create_order(call),
            Op::Orders => self.orders(call),
            Op::PendingOrders => Ok(self.pending_orders(call)),
            Op::Order => self.order(call),
            Op::ReplaceOrder => self.replace_order(call),
            Op::CancelOrder => Ok(self.cancel_order(call)),
            Op::RelabelOrder => self.relabel_order(call),
            Op::Trades => self.trades(call),
            Op::OpenTrades => Ok(self.open_trades()),
            Op::Trade => self.trade(call),
            Op::CloseTrade => self.close_trade(call),
            Op::RelabelTrade => self.relabel_trade(call),
            Op::TradeOrders => self.trade_orders(call),
            Op::Positions => Ok(self.positions(false)),
            Op::OpenPositions => Ok(self.positions(true)),
            Op::Position => self.position(call),
            Op::ClosePosition => self.close_position(call),
            Op::TransactionPages => self.transaction_pages(call),
            Op::Transaction => self.transaction(call),
            Op::IdRange => self.id_range(call),
            Op::SinceId => self.since_id(call),
            Op::Pricing => self.pricing(call),
            Op::Candles => self.candles(call),
            Op::LatestCandles => self.latest_candles(call),
        }
    }
}

/// Whether times are wanted as UNIX seconds.
pub(crate) fn wants_unix(request: &Request) -> bool {
    request.header("accept-datetime-format").is_some_and(|v| v.eq_ignore_ascii_case("unix"))
}

/// Decoded parts of a path; a plus in a path is a plus.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(|part| decode(&part.replace('+', "%2B"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_operations_and_no_others() {
        assert_eq!(operations(&["orders", "@mine", "cancel"]), [("PUT", Op::CancelOrder)]);
        assert_eq!(operations(&["transactions", "sinceid"]), [("GET", Op::SinceId)]);
        assert_eq!(operations(&["transactions", "7"]), [("GET", Op::Transaction)]);
        assert!(operations(&["order"]).is_empty() && operations(&["orders", "1", "x"]).is_empty());
        assert_eq!(segments("/v3/accounts/1-2/orders/%40a+b"), ["v3", "accounts", "1-2", "orders", "@a+b"]);
    }
}
