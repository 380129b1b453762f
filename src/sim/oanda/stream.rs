//! The two streams: lines of JSON on a reply without an end (OANDA reference 6 and 7).
//!
//! Prices are told once per window and connection, the last one of it; heartbeats run on a timer of the connection.

use super::log::Transaction;
use super::model::Oanda;
use super::reject::{too_many, Failure};
use super::rest::{segments, wants_unix};
use super::text::with_unix_times;
use crate::sim::server::{ConnId, Output, Request, Response};
use crate::sim::stamp::rfc3339_full;
use crate::sim::Json;
use std::collections::BTreeMap;

/// What one stream tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// Prices: instrument and the version of its price told last; end of the present window.
    Prices { told: BTreeMap<usize, u64>, window_end_ns: u64 },
    /// Transactions after this one.
    Transactions { after: u64 },
}

/// One open stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) told: Told,
    unix_times: bool,
    next_heartbeat_ns: u64,
}

/// What a stream request asks for.
#[derive(Debug)]
pub(crate) enum Wanted {
    Prices { instruments: Vec<usize>, snapshot: bool },
    Transactions,
}

impl Oanda {
    /// Reads a request on the stream host; the error is the ordinary reply it gets instead.
    pub(crate) fn wanted(&mut self, request: &Request) -> Result<Wanted, Response> {
        self.wanted_stream(request).map_err(|failure| failure.response()).and_then(|wanted| {
            let full = self.limits.streams > 0 && self.streams.len() >= self.limits.streams;
            if full {
                Err(too_many("active streams. Allowed: 20"))
            } else {
                Ok(wanted)
            }
        })
    }

    fn wanted_stream(&mut self, request: &Request) -> Result<Wanted, Failure> {
        self.let_in(request)?;
        let path = segments(&request.path);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["v3", "accounts", account, what, "stream"] = path.as_slice() else {
            return Err(Failure::new(404, "Not Found"));
        };
        self.owned(account)?;
        if request.method != "GET" {
            return Err(Failure::new(405, "Method Not Allowed"));
        }
        let query = request.query_pairs();
        let query = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match *what {
            "transactions" => Ok(Wanted::Transactions),
            "pricing" => {
                let csv = query("instruments").filter(|csv| !csv.is_empty());
                let instruments = self.named(csv.ok_or_else(|| Failure::parameter("instruments"))?)?;
                let snapshot = !query("snapshot").is_some_and(|v| v.eq_ignore_ascii_case("false"));
                Ok(Wanted::Prices { instruments, snapshot })
            }
            _ => Err(Failure::new(404, "Not Found")),
        }
    }

    /// Opens a stream; gives the head of its reply with its first lines.
    pub(crate) fn begin_stream(&mut self, now_ns: u64, conn: ConnId, request: &Request, wanted: Wanted) -> Response {
        let mut first = String::new();
        let told = match wanted {
            Wanted::Transactions => Told::Transactions { after: self.exchange.log.last() },
            Wanted::Prices { instruments, snapshot } => {
                let version = |i: usize| self.exchange.markets.get(i).map_or(0, |m| m.version);
                let told = instruments.iter().map(|i| (*i, version(*i))).collect();
                if snapshot {
                    instruments.iter().for_each(|i| first.push_str(&self.price_line(*i)));
                }
                Told::Prices { told, window_end_ns: now_ns.saturating_add(self.window_ns) }
            }
        };
        let unix_times = wants_unix(request);
        let next_heartbeat_ns = now_ns.saturating_add(self.heartbeat_ns);
        self.streams.insert(conn, Stream { told, unix_times, next_heartbeat_ns });
        let head = Response {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/octet-stream".to_owned())],
            body: first.into_bytes(),
        };
        let id = self.next_request_id();
        self.dressed(head, request, id)
    }

    fn price_line(&self, index: usize) -> String {
        let market = self.exchange.markets.get(index);
        let line = market.map(|m| Json::compact().object(|j| m.put_price(j)));
        line.map(|line| line + "\n").unwrap_or_default()
    }

    /// Tells what is due on every stream; says when something will be next.
    pub(crate) fn run_streams(&mut self, now_ns: u64) -> Option<u64> {
        let mut lines: Vec<(ConnId, String)> = Vec::new();
        let mut next = self.tell_transactions(now_ns, &mut lines);
        let mut streams = std::mem::take(&mut self.streams);
        for (conn, stream) in &mut streams {
            if let Told::Prices { told, window_end_ns } = &mut stream.told {
                if *window_end_ns <= now_ns {
                    self.tell_prices(*conn, told, &mut lines);
                    let passed = (now_ns - *window_end_ns).checked_div(self.window_ns).map_or(0, |n| n + 1);
                    *window_end_ns = window_end_ns.saturating_add(passed.saturating_mul(self.window_ns));
                }
                let behind = told.iter().any(|(i, v)| self.exchange.markets.get(*i).is_some_and(|m| m.version != *v));
                next = [next, behind.then_some(*window_end_ns)].into_iter().flatten().min();
            }
            if stream.next_heartbeat_ns <= now_ns {
                stream.next_heartbeat_ns = now_ns.saturating_add(self.heartbeat_ns);
                lines.push((*conn, self.heartbeat(now_ns, &stream.told)));
            }
            next = [next, Some(stream.next_heartbeat_ns)].into_iter().flatten().min();
        }
        self.streams = streams;
        for (conn, line) in lines {
            let unix = self.streams.get(&conn).is_some_and(|s| s.unix_times);
            let text = if unix { with_unix_times(&line) } else { line };
            self.outputs.push(Output::Text { conn, text });
        }
        next
    }

    fn tell_prices(&mut self, conn: ConnId, told: &mut BTreeMap<usize, u64>, lines: &mut Vec<(ConnId, String)>) {
        for (index, version) in told {
            let Some(market) = self.exchange.markets.get(*index).filter(|m| m.version != *version) else { continue };
            *version = market.version;
            if let Some(left) = self.prices_to_drop.get_mut(&market.instrument.name).filter(|left| **left > 0) {
                *left -= 1;
                self.observed.lines_dropped += 1;
                continue;
            }
            lines.push((conn, self.price_line(*index)));
        }
    }

    fn tell_transactions(&mut self, now_ns: u64, lines: &mut Vec<(ConnId, String)>) -> Option<u64> {
        while self.queued < self.exchange.log.last() {
            self.queued += 1;
            let due_ns = now_ns.saturating_add(self.reports.delay_ns);
            self.transactions_due.extend(self.reports.copies((due_ns, self.queued)));
        }
        if self.reports.held {
            return None;
        }
        while let Some((_, id)) = self.transactions_due.front().copied().filter(|(due, _)| *due <= now_ns) {
            self.transactions_due.pop_front();
            let Some(transaction) = self.exchange.log.get(id) else { continue };
            if self.is_suppressed(transaction) {
                self.observed.lines_dropped += 1;
                continue;
            }
            let line = format!("{}\n", transaction.text);
            for (conn, stream) in &self.streams {
                if matches!(stream.told, Told::Transactions { after } if after < id) {
                    lines.push((*conn, line.clone()));
                }
            }
        }
        self.transactions_due.front().map(|(due, _)| *due)
    }

    fn is_suppressed(&self, transaction: &Transaction) -> bool {
        transaction.about.client_order_id.as_ref().is_some_and(|id| self.reports.suppressed.contains(id))
    }

    fn heartbeat(&self, now_ns: u64, told: &Told) -> String {
        let line = Json::compact().object(|j| {
            j.str("type", "HEARTBEAT");
            if matches!(told, Told::Transactions { .. }) {
                j.str("lastTransactionID", self.exchange.log.last());
            }
            j.str("time", rfc3339_full(now_ns));
        });
        line + "\n"
    }
}
