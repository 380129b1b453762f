//! The demo's summary: for people as text with a per-hop latency table, for programs as one JSON object.

use super::strategy::{BookLine, OrderLine, Outcome};
use crate::gateway::{Balance, Telemetry};
use crate::record::Venue;
use crate::telemetry::{Counter, Hop, Summary as HopSummary};
use serde_json::json;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

/// How it went at one venue.
pub(super) struct AtVenue {
    outcome: Outcome,
    balances: Vec<Balance>,
}

pub(super) struct Summary {
    venues: Vec<AtVenue>,
    hops: Vec<(Hop, HopSummary)>,
    counters: Vec<(&'static str, u64)>,
    elapsed: Duration,
}

/// Orders of the script.
const ORDERS: usize = 4;

impl AtVenue {
    pub(super) fn new(outcome: Outcome, mut balances: Vec<Balance>) -> AtVenue {
        balances.retain(|b| !b.available.is_zero() || !b.hold.is_zero());
        AtVenue { outcome, balances }
    }

    /// Everything went as the script expects.
    fn ok(&self) -> bool {
        let Outcome { orders, books, recoveries, .. } = &self.outcome;
        let orders_ok = orders.len() == ORDERS && orders.iter().all(|o| o.as_expected);
        orders_ok && !books.is_empty() && books.iter().all(|b| b.equals_venue) && *recoveries > 0
    }

    fn name(&self) -> &'static str {
        self.outcome.venue.map_or("", Venue::name)
    }

    fn put(&self, text: &mut String) {
        let Outcome { levels, trades, quotes, tickers, gaps, recoveries, .. } = &self.outcome;
        // Writing to a String does not fail.
        let _ = writeln!(text, "\n  {}: {}", self.name(), if self.ok() { "as expected" } else { "NOT AS EXPECTED" });
        let _ = writeln!(text, "  market data   {levels} levels, {trades} trades, {quotes} quotes, {tickers} tickers");
        let _ = writeln!(
            text,
            "  disconnect    {gaps} gaps announced, {recoveries} books recovered, {} ms from cut to whole",
            self.outcome.disconnect_ms
        );
        for book in &self.outcome.books {
            let verdict = if book.equals_venue { "equal to the venue's" } else { "NOT the venue's" };
            let _ = writeln!(
                text,
                "  book          {}: {} bids, {} asks, best {} / {}, {verdict}",
                book.symbol, book.bids, book.asks, book.best_bid, book.best_ask
            );
        }
        for order in &self.outcome.orders {
            let verdict = if order.as_expected { "as expected" } else { "NOT AS EXPECTED" };
            let _ = writeln!(text, "  order         {}: {} ({verdict})", order.what, order.events.join(", "));
        }
        for balance in &self.balances {
            let _ =
                writeln!(text, "  balance       {} {} free, {} held", balance.asset, balance.available, balance.hold);
        }
    }

    fn json(&self) -> serde_json::Value {
        let o = &self.outcome;
        let book = |b: &BookLine| {
            json!({"instrument": b.symbol, "bids": b.bids, "asks": b.asks, "best_bid": b.best_bid,
                   "best_ask": b.best_ask, "equals_venue": b.equals_venue})
        };
        let order = |o: &OrderLine| json!({"order": o.what, "events": o.events, "as_expected": o.as_expected});
        json!({
            "venue": self.name(),
            "ok": self.ok(),
            "market": {"levels": o.levels, "trades": o.trades, "quotes": o.quotes, "tickers": o.tickers},
            "disconnect": {"gaps": o.gaps, "recoveries": o.recoveries, "recovery_ms": o.disconnect_ms},
            "books": o.books.iter().map(book).collect::<Vec<_>>(),
            "orders": o.orders.iter().map(order).collect::<Vec<_>>(),
        })
    }
}

impl Summary {
    pub(super) fn new(venues: Vec<AtVenue>, telemetry: &Telemetry, elapsed: Duration) -> Summary {
        Summary {
            venues,
            hops: telemetry.hops.table().filter(|(_, s)| s.count > 0).collect(),
            counters: Counter::ALL
                .iter()
                .map(|c| (c.name(), telemetry.counters.get(*c)))
                .filter(|(_, value)| *value > 0)
                .collect(),
            elapsed,
        }
    }

    /// Everything went as the script expects, at every venue.
    fn ok(&self) -> bool {
        !self.venues.is_empty() && self.venues.iter().all(AtVenue::ok)
    }

    pub(super) fn verdict(&self) -> Result<(), Box<dyn Error>> {
        if self.ok() {
            Ok(())
        } else {
            Err("the demo did not go as it should; see the summary".into())
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "\nSummary after {:.1} s", self.elapsed.as_secs_f32());
        for venue in &self.venues {
            venue.put(&mut text);
        }
        let _ = writeln!(
            text,
            "\n  hop                     count        p50        p99      p99.9        max   (microseconds)"
        );
        for (hop, s) in &self.hops {
            let _ = writeln!(
                text,
                "  {:<20} {:>8} {:>10} {:>10} {:>10} {:>10}",
                hop.name(),
                s.count,
                micros(s.p50),
                micros(s.p99),
                micros(s.p999),
                micros(s.max)
            );
        }
        let _ = writeln!(
            text,
            "  (blocking idle strategy on a shared machine: every hand-over includes a wake-up. Most records are"
        );
        let _ =
            writeln!(text, "   levels of whole books, and the last one of a book waits until all before it are read)");
        if cfg!(debug_assertions) {
            let _ = writeln!(text, "  (a debug build: with `cargo run --release` these are several times less)");
        }
        text
    }

    pub(super) fn json(&self) -> String {
        let hops: serde_json::Map<String, serde_json::Value> = self
            .hops
            .iter()
            .map(|(hop, s)| {
                let figures = json!({"count": s.count, "p50_ns": s.p50, "p99_ns": s.p99, "p999_ns": s.p999,
                                     "max_ns": s.max});
                (hop.name().to_owned(), figures)
            })
            .collect();
        let counters: serde_json::Map<String, serde_json::Value> =
            self.counters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "ok": self.ok(),
            "elapsed_ms": self.elapsed.as_millis() as u64,
            "venues": self.venues.iter().map(AtVenue::json).collect::<Vec<_>>(),
            "hops": hops,
            "counters": counters,
        })
        .to_string()
    }
}

fn micros(ns: u64) -> String {
    format!("{}.{:02}", ns / 1_000, ns % 1_000 / 10)
}
