//! What was found: violations, and the figures of a log.

use super::read::Place;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Violations listed one by one; more are counted.
const VIOLATIONS_LISTED_MAX: usize = 100;

/// Something a log shows that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// In which file.
    pub file: PathBuf,
    /// On which line, from 1.
    pub line: usize,
    /// Of which request, order or call; empty if of none.
    pub subject: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { file, line, subject, what } = self;
        match subject.is_empty() {
            true => write!(f, "{}:{line}: {what}", file.display()),
            false => write!(f, "{}:{line}: {subject}: {what}", file.display()),
        }
    }
}

/// Latencies of one operation, ns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// The latency that so many thousandths of the calls did not exceed.
    pub fn permille(&self, permille: usize) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last.saturating_mul(permille) / 1_000).copied().unwrap_or(0)
    }
}

/// What a log shows. Its `Display` is the summary for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs of a gateway.
    pub runs: u64,
    /// Files.
    pub files: u64,
    /// Lines.
    pub lines: u64,
    /// Entries that found no room.
    pub lost: u64,
    /// Runs whose first files were not given, or were deleted by rotation.
    pub headless: u64,
    /// Runs without an end.
    pub unfinished: u64,
    /// Orders of which anything is told.
    pub orders: u64,
    /// Orders accepted and not over at the end.
    pub open: u64,
    /// Orders of unknown outcome at the end.
    pub unknown: u64,
    /// Calls of which no end is told.
    pub calls_without_end: u64,
    /// Changes of connections' states.
    pub connections: u64,
    /// Commands taken, by what they ask.
    pub commands: BTreeMap<String, u64>,
    /// Execution records, by kind.
    pub events: BTreeMap<String, u64>,
    /// Guard events, by name.
    pub guards: BTreeMap<String, u64>,
    /// Calls, by venue and operation.
    pub calls: BTreeMap<String, u64>,
    /// Ends of calls, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Latencies of answered calls, by operation.
    pub latencies: BTreeMap<String, Latencies>,
    /// All violations.
    pub violations_count: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
    /// Time of the first and the last line, UNIX ns.
    pub first_ns: Option<u64>,
    /// See [`Report::first_ns`].
    pub last_ns: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.violations_count == 0
    }

    pub(super) fn violation(&mut self, place: &Place, subject: &str, what: String) {
        self.violations_count += 1;
        if self.violations.len() < VIOLATIONS_LISTED_MAX {
            let (file, line) = (place.file.to_path_buf(), place.line);
            self.violations.push(Violation { file, line, subject: subject.to_owned(), what });
        }
    }

    pub(super) fn span(&mut self, ns: u64) {
        self.first_ns = Some(self.first_ns.map_or(ns, |first| first.min(ns)));
        self.last_ns = self.last_ns.max(ns);
    }

    pub(super) fn latency(&mut self, operation: &str, ns: u64) {
        if ns > 0 {
            self.latencies.entry(operation.to_owned()).or_default().0.push(ns);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.last_ns.saturating_sub(self.first_ns.unwrap_or(self.last_ns)) / 1_000_000_000;
        writeln!(f, "{} lines in {} files, {} runs, {seconds} s", self.lines, self.files, self.runs)?;
        if self.headless > 0 {
            writeln!(f, "{} runs begin before their first file given", self.headless)?;
        }
        if self.unfinished > 0 {
            writeln!(f, "{} runs without an end", self.unfinished)?;
        }
        writeln!(f, "orders       {}, of which open at the end {}, unknown {}", self.orders, self.open, self.unknown)?;
        for (title, counts) in [
            ("commands", &self.commands),
            ("events", &self.events),
            ("guards", &self.guards),
            ("calls", &self.calls),
            ("ended", &self.outcomes),
        ] {
            let listed: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(f, "{title:<12} {}", if listed.is_empty() { "none".to_owned() } else { listed.join(", ") })?;
        }
        for (operation, latencies) in &self.latencies {
            let [half, most, all] = [500, 990, 1_000].map(|permille| latencies.permille(permille) / 1_000);
            writeln!(f, "latency      {operation}: p50 {half} us, p99 {most} us, longest {all} us")?;
        }
        writeln!(f, "connections  {} changes of state", self.connections)?;
        for violation in &self.violations {
            writeln!(f, "VIOLATION    {violation}")?;
        }
        let more = self.violations_count.saturating_sub(self.violations.len() as u64);
        if more > 0 {
            writeln!(f, "VIOLATION    and {more} more")?;
        }
        match self.violations_count {
            0 => write!(f, "no violations"),
            count => write!(f, "{count} violations"),
        }
    }
}
