//! The user stream: listen keys, and the way of an event to those who listen (Binance.US reference 7).

use super::model::BinanceUs;
use super::params::Params;
use super::reject::Failure;
use super::report;
use super::session::ApiSession;
use crate::sim::server::Output;
use crate::sim::Json;

/// Characters of a listen key.
const LISTEN_KEY_CHARS: usize = 60;

/// The account's one listen key.
#[derive(Clone, Debug)]
pub(crate) struct ListenKey {
    pub(crate) key: String,
    pub(crate) expires_ns: u64,
}

impl BinanceUs {
    /// POST: the same key while there is one, with its time renewed.
    pub(super) fn start_listen_key(&mut self, now_ns: u64) -> String {
        let made: String = std::iter::repeat_with(|| self.exchange.made_id()).take(3).collect();
        let made = made.get(..LISTEN_KEY_CHARS).unwrap_or(&made).to_owned();
        let expires_ns = now_ns.saturating_add(self.listen_key_ns);
        let held = self.listen_key.get_or_insert(ListenKey { key: made, expires_ns });
        held.expires_ns = expires_ns;
        Json::compact().object(|j| {
            j.str("listenKey", &held.key);
        })
    }

    /// PUT: the key lives on.
    pub(super) fn keep_listen_key(&mut self, now_ns: u64, params: &Params) -> Result<String, Failure> {
        let expires_ns = now_ns.saturating_add(self.listen_key_ns);
        let held = self.held_listen_key(params)?;
        held.expires_ns = expires_ns;
        Ok("{}".to_owned())
    }

    /// DELETE: nobody hears anything on it any more.
    pub(super) fn close_listen_key(&mut self, params: &Params) -> Result<String, Failure> {
        self.held_listen_key(params)?;
        self.listen_key = None;
        Ok("{}".to_owned())
    }

    fn held_listen_key(&mut self, params: &Params) -> Result<&mut ListenKey, Failure> {
        let named = params.required("listenKey")?;
        let held = self.listen_key.as_mut().filter(|held| held.key == named);
        held.ok_or_else(|| Failure::bad(-1125, "This listenKey does not exist."))
    }

    /// Ends the listen key if its time is over; says when that will be.
    pub(crate) fn expire_listen_key(&mut self, now_ns: u64) -> Option<u64> {
        let held = self.listen_key.as_ref()?;
        if held.expires_ns > now_ns {
            return Some(held.expires_ns);
        }
        let event = report::listen_key_expired(now_ns, &held.key);
        for (conn, session) in &self.streams {
            if session.listen_key.as_ref() == Some(&held.key) {
                self.outputs.push(Output::Text { conn: *conn, text: session.wrap(&held.key, &event) });
            }
        }
        self.listen_key = None;
        None
    }

    /// Sends the user events that are due; says when the next one is.
    pub(crate) fn publish_user(&mut self, now_ns: u64) -> Option<u64> {
        let due_ns = now_ns.saturating_add(self.reports.delay_ns);
        for event in self.exchange.events.drain(..) {
            self.user_events.extend(self.reports.copies((due_ns, event)));
        }
        if self.reports.held {
            return None;
        }
        while self.user_events.front().is_some_and(|(due_ns, _)| *due_ns <= now_ns) {
            let Some((_, event)) = self.user_events.pop_front() else { break };
            let about = event.order.and_then(|at| self.exchange.orders.get(at));
            if about.is_some_and(|order| self.reports.suppressed.contains(&order.asked.client_id)) {
                continue;
            }
            let held = self.listen_key.as_ref().map(|held| held.key.as_str());
            for (conn, session) in &self.streams {
                // A key that ended is heard no more, and nobody says so (Binance.US reference 9).
                if let Some(key) = session.listen_key.as_deref().filter(|key| Some(*key) == held) {
                    self.outputs.push(Output::Text { conn: *conn, text: session.wrap(key, &event.text) });
                }
            }
            for (conn, session) in &self.apis {
                if let Some(number) = session.subscription {
                    self.outputs.push(Output::Text { conn: *conn, text: ApiSession::wrap(number, &event.text) });
                }
            }
        }
        self.user_events.front().map(|(due_ns, _)| *due_ns)
    }

    /// Tells the ends of subscriptions, once the replies that ended them are out.
    pub(crate) fn say_farewells(&mut self) {
        let ends = std::mem::take(&mut self.farewells);
        self.outputs.extend(ends.into_iter().map(|(conn, text)| Output::Text { conn, text }));
    }
}
