//! The WebSocket API: requests and replies by id on one connection (Binance.US reference 8).
//!
//! Faults of single requests are those of REST, under the method `WS` and the API's own method as the path.

use super::endpoint::{by_method, Op, Security};
use super::model::{BinanceUs, DOOR_WS_API};
use super::params::Params;
use super::reject::Failure;
use super::report;
use super::session::ApiSession;
use crate::sim::server::{ConnId, Fault, Output, Request};
use crate::sim::Json;
use serde_json::Value;

/// Something of this connection that waits for its time.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// `None` until released.
    pub(crate) due_ns: Option<u64>,
    pub(crate) conn: ConnId,
    pub(crate) what: Later,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum Later {
    /// A request not processed yet.
    Request(String),
    /// A reply.
    Reply(String),
}

impl BinanceUs {
    /// One message of a client, before any fault.
    pub(crate) fn api_message(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        let method = serde_json::from_str::<Value>(text).ok().and_then(|m| Some(m.get("method")?.as_str()?.to_owned()));
        let request = Request { method: "WS".to_owned(), path: method.unwrap_or_default(), ..Request::default() };
        self.observed.arrived_ws(now_ns, &request.path, text);
        let fault = self.ws_faults.take(DOOR_WS_API, &request);
        match fault {
            None => self.answer(now_ns, conn, text),
            Some(Fault::Reply(reply)) => self.send(conn, String::from_utf8_lossy(&reply.body).into_owned()),
            Some(Fault::Raw(bytes)) => self.send(conn, String::from_utf8_lossy(&bytes).into_owned()),
            Some(Fault::Close(how)) => self.drop_connection(conn, how),
            Some(Fault::Silence) => {}
            Some(Fault::Delay(delay_ns)) => {
                let due_ns = Some(now_ns.saturating_add(delay_ns));
                self.waiting.push(Waiting { due_ns, conn, what: Later::Request(text.to_owned()) });
            }
            Some(then) => {
                let reply = self.process(now_ns, conn, text);
                self.reply_with_fault(now_ns, conn, reply, then);
            }
        }
    }

    /// A message that is served although its answer reaches nobody.
    pub(crate) fn process_unheard(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        let method = serde_json::from_str::<Value>(text).ok().and_then(|m| Some(m.get("method")?.as_str()?.to_owned()));
        self.observed.arrived_ws(now_ns, &method.unwrap_or_default(), text);
        self.process(now_ns, conn, text);
    }

    fn reply_with_fault(&mut self, now_ns: u64, conn: ConnId, reply: String, fault: Fault) {
        let waiting = |due_ns| Waiting { due_ns, conn, what: Later::Reply(reply.clone()) };
        match fault {
            Fault::ThenReply(other) => self.send(conn, String::from_utf8_lossy(&other.body).into_owned()),
            Fault::ThenRaw(bytes) => self.send(conn, String::from_utf8_lossy(&bytes).into_owned()),
            Fault::ThenClose(how) | Fault::ThenCut { how, .. } => self.drop_connection(conn, how),
            Fault::ThenSilence => {}
            Fault::ThenDelay(delay_ns) => self.waiting.push(waiting(Some(now_ns.saturating_add(delay_ns)))),
            Fault::ThenHold => self.waiting.push(waiting(None)),
            // The others are about bytes of HTTP.
            _ => self.send(conn, reply),
        }
    }

    /// Does what waited long enough; says when the next is due.
    pub(crate) fn run_waiting(&mut self, now_ns: u64) -> Option<u64> {
        while let Some(at) = self.waiting.iter().position(|w| w.due_ns.is_some_and(|due| due <= now_ns)) {
            let waited = self.waiting.remove(at);
            match waited.what {
                Later::Request(text) => self.answer(now_ns, waited.conn, &text),
                Later::Reply(text) => self.send(waited.conn, text),
            }
        }
        self.waiting.iter().filter_map(|w| w.due_ns).min()
    }

    fn answer(&mut self, now_ns: u64, conn: ConnId, text: &str) {
        let reply = self.process(now_ns, conn, text);
        if self.events_before_reply {
            self.publish_user(now_ns);
        }
        self.send(conn, reply);
    }

    /// Serves a request; the reply, ready to send.
    fn process(&mut self, now_ns: u64, conn: ConnId, text: &str) -> String {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let id = message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64()).cloned();
        let params = Params::of_json(message.get("params"));
        let method = message.get("method").and_then(Value::as_str);
        let endpoint = method.and_then(by_method);
        let served = match (message.is_object(), endpoint) {
            (false, _) => Err(Failure::bad(-1135, "JSON sent for parameter 'request' is not valid.")),
            (true, None) => Err(Failure::bad(-1020, "This operation is not supported.")),
            (true, Some(endpoint)) => {
                let weight = endpoint.op.weight(&params, self.exchange.markets.len()).unwrap_or(1);
                self.usage
                    .request(now_ns, &self.limits, weight)
                    .and_then(|()| self.let_in(now_ns, endpoint.security, &params))
                    .and_then(|()| self.serve(now_ns, endpoint.op, &params, Some(conn)))
            }
        };
        let shows = self.apis.get(&conn).is_none_or(|s| s.show_rate_limits);
        let shows = params.flag("returnRateLimits").ok().flatten().unwrap_or(shows);
        let (status, failure) = match &served {
            Ok(_) => (200, None),
            Err(failure) => (failure.status, Some(failure.body())),
        };
        // Two replies name their body differently (reference 8).
        let keeps_key = endpoint.is_some_and(|e| matches!(e.op, Op::KeepListenKey | Op::CloseListenKey));
        Json::compact().object(|j| {
            j.raw("id", id.unwrap_or_default()).raw("status", status);
            match (&served, failure) {
                (Ok(body), _) => j.raw(if keeps_key { "response" } else { "result" }, body),
                (Err(_), body) => j.raw("error", body.unwrap_or_default()),
            };
            if shows {
                let with_orders = endpoint.is_some_and(|e| e.op.shows_orders());
                j.arr("rateLimits", |j| self.usage.write(j, now_ns, &self.limits, with_orders));
            }
        })
    }

    fn let_in(&mut self, now_ns: u64, security: Security, params: &Params) -> Result<(), Failure> {
        let key = params.get("apiKey")?;
        match security {
            Security::None => Ok(()),
            Security::Key => self.check_key(key),
            Security::Signed => self.check_signed(now_ns, key, params, &params.sorted_payload()),
        }
    }

    /// `userDataStream.subscribe.signature`: one subscription per connection.
    pub(super) fn subscribe_user(&mut self, conn: Option<ConnId>) -> Result<String, Failure> {
        let session = conn.and_then(|conn| self.apis.get_mut(&conn));
        let session = session.ok_or_else(|| Failure::bad(-1020, "This operation is not supported."))?;
        if session.subscription.is_some() {
            return Err(Failure::bad(-2035, "User Data Stream subscription already active."));
        }
        let number = session.next_subscription;
        session.next_subscription += 1;
        session.subscription = Some(number);
        Ok(format!(r#"{{"subscriptionId":{number}}}"#))
    }

    /// `userDataStream.unsubscribe`: the stream's own end follows the reply.
    pub(super) fn unsubscribe_user(
        &mut self,
        now_ns: u64,
        conn: Option<ConnId>,
        params: &Params,
    ) -> Result<String, Failure> {
        let named = params.integer("subscriptionId")?;
        let session = conn.and_then(|conn| Some((conn, self.apis.get_mut(&conn)?)));
        let held = session.and_then(|(conn, session)| {
            let number = session.subscription.filter(|number| named.is_none_or(|named| named == *number))?;
            session.subscription = None;
            Some((conn, number))
        });
        let (conn, number) = held.ok_or_else(|| Failure::bad(-2036, "User Data Stream subscription not active."))?;
        let ended = ApiSession::wrap(number, &report::bare(now_ns, "eventStreamTerminated"));
        self.farewells.push((conn, ended));
        Ok("{}".to_owned())
    }

    /// The key is revoked: every subscription ends, every connection is told (reference 8).
    pub(crate) fn revoke_key(&mut self, now_ns: u64) {
        self.key_revoked = true;
        let failure = Failure::with_status(401, -2015, "Invalid API-key, IP, or permissions for action.");
        let told = format!(r#"{{"id":null,"status":401,"error":{}}}"#, failure.body());
        let ended = report::bare(now_ns, "eventStreamTerminated");
        for (conn, session) in &mut self.apis {
            if let Some(number) = session.subscription.take() {
                self.outputs.push(Output::Text { conn: *conn, text: ApiSession::wrap(number, &ended) });
            }
            self.outputs.push(Output::Text { conn: *conn, text: told.clone() });
        }
        self.listen_key = None;
    }

    /// `serverShutdown` to everybody: the connections end soon (reference 6 and 7).
    pub(crate) fn announce_shutdown(&mut self, now_ns: u64) {
        let event = report::bare(now_ns, "serverShutdown");
        for (conn, session) in &self.streams {
            let text = session.wrap("!serverShutdown", &event);
            self.outputs.push(Output::Text { conn: *conn, text });
        }
        for conn in self.apis.keys() {
            self.outputs.push(Output::Text { conn: *conn, text: format!(r#"{{"event":{event}}}"#) });
        }
    }
}
