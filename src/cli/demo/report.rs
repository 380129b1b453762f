//! The demo's summary: for people as text with a per-hop latency table, for programs as one JSON object.

use super::strategy::Outcome;
use crate::gateway::{Balance, Telemetry};
use crate::telemetry::{Counter, Hop, Summary as HopSummary};
use serde_json::json;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

pub(super) struct Summary {
    outcome: Outcome,
    hops: Vec<(Hop, HopSummary)>,
    counters: Vec<(&'static str, u64)>,
    balances: Vec<Balance>,
    elapsed: Duration,
}

impl Summary {
    pub(super) fn new(outcome: Outcome, telemetry: &Telemetry, balances: &[Balance], elapsed: Duration) -> Summary {
        Summary {
            outcome,
            hops: telemetry.hops.table().filter(|(_, s)| s.count > 0).collect(),
            counters: Counter::ALL
                .iter()
                .map(|c| (c.name(), telemetry.counters.get(*c)))
                .filter(|(_, value)| *value > 0)
                .collect(),
            balances: balances.iter().filter(|b| !b.available.is_zero() || !b.hold.is_zero()).cloned().collect(),
            elapsed,
        }
    }

    /// Everything went as the script expects.
    fn ok(&self) -> bool {
        let orders = self.outcome.orders.len() == 4 && self.outcome.orders.iter().all(|o| o.as_expected);
        orders && self.outcome.books.iter().all(|b| b.equals_venue) && self.outcome.recoveries > 0
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
        let Outcome { levels, trades, quotes, tickers, gaps, recoveries, .. } = &self.outcome;
        // Writing to a String does not fail.
        let _ = writeln!(text, "\nSummary after {:.1} s", self.elapsed.as_secs_f32());
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
        let _ = writeln!(text, "  (blocking idle strategy on a shared machine: every hand-over includes a wake-up)");
        text
    }

    pub(super) fn json(&self) -> String {
        let books: Vec<_> = self
            .outcome
            .books
            .iter()
            .map(|b| {
                json!({"instrument": b.symbol, "bids": b.bids, "asks": b.asks, "best_bid": b.best_bid,
                       "best_ask": b.best_ask, "equals_venue": b.equals_venue})
            })
            .collect();
        let orders: Vec<_> = self
            .outcome
            .orders
            .iter()
            .map(|o| json!({"order": o.what, "events": o.events, "as_expected": o.as_expected}))
            .collect();
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
        let o = &self.outcome;
        json!({
            "ok": self.ok(),
            "elapsed_ms": self.elapsed.as_millis() as u64,
            "venues": ["coinbase"],
            "market": {"levels": o.levels, "trades": o.trades, "quotes": o.quotes, "tickers": o.tickers},
            "disconnect": {"gaps": o.gaps, "recoveries": o.recoveries, "recovery_ms": o.disconnect_ms},
            "books": books,
            "orders": orders,
            "hops": hops,
            "counters": counters,
        })
        .to_string()
    }
}

fn micros(ns: u64) -> String {
    format!("{}.{:02}", ns / 1_000, ns % 1_000 / 10)
}
