//! [`FakeOutputs`]: an engine's results, kept in memory, under a fuzzer, a property test or a replay.
//!
//! Owns what the engine put out and nothing else: no socket, clock or thread. Deterministic: the same seed and the same
//! inputs give the same refusals and the same entropy, byte for byte. Its rings refuse whole events at random, as often
//! as told, and never in part.

use super::Rng;
use crate::engine::{ConnId, Note, Outputs, StrategySet};
use crate::record::{ExecutionRecord, InstrumentId, MarketRecord, StatisticsRecord, StrategyId, UnixNanos};
use crate::telemetry::{Counter, Counters};

/// One market event as it was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// To whom.
    pub to: StrategySet,
    /// Who had no room for it.
    pub refused: StrategySet,
    /// How many records it has.
    pub records: usize,
}

/// See the module's documentation. What piles up in the public fields is the caller's to take.
#[derive(Debug)]
pub struct FakeOutputs {
    /// Market records taken, by strategy number.
    pub market: Vec<Vec<MarketRecord>>,
    /// Statistics taken, by strategy number.
    pub statistics: Vec<Vec<StatisticsRecord>>,
    /// Execution records taken, by strategy number.
    pub executions: Vec<Vec<ExecutionRecord>>,
    /// Every market event offered, in order.
    pub offers: Vec<Offer>,
    /// Bytes sent, by connection number.
    pub sent: Vec<Vec<u8>>,
    /// Dials asked for.
    pub dials: Vec<(ConnId, UnixNanos)>,
    /// What was told to be added to paths, by connection number.
    pub addresses: Vec<String>,
    /// Closes asked for, and why.
    pub closes: Vec<(ConnId, String)>,
    /// Tokens given back.
    pub retired: Vec<Box<str>>,
    /// Notes, as text.
    pub notes: Vec<String>,
    /// Instruments whose rules were said to be doubtful, each as often as it was said.
    pub outdated: Vec<InstrumentId>,
    /// Counters.
    pub counters: Counters,
    offsets: Vec<u64>,
    refusals: Vec<u64>,
    rng: Rng,
}

impl FakeOutputs {
    /// Outputs of an engine with so many connections; nothing is refused yet.
    pub fn new(seed: u64, connections: usize) -> FakeOutputs {
        let strategies = StrategyId::COUNT_MAX;
        FakeOutputs {
            market: vec![Vec::new(); strategies],
            statistics: vec![Vec::new(); strategies],
            executions: vec![Vec::new(); strategies],
            offers: Vec::new(),
            sent: vec![Vec::new(); connections],
            dials: Vec::new(),
            addresses: vec![String::new(); connections],
            closes: Vec::new(),
            retired: Vec::new(),
            notes: Vec::new(),
            outdated: Vec::new(),
            counters: Counters::new(),
            offsets: vec![0; connections],
            refusals: vec![0; strategies],
            rng: Rng::new(seed),
        }
    }

    /// From now on the rings of a strategy refuse so many of a hundred events.
    pub fn refuse(&mut self, strategy: StrategyId, percent: u64) {
        if let Some(place) = self.refusals.get_mut(strategy.index()) {
            *place = percent;
        }
    }

    /// The market records a strategy has taken since the last call.
    pub fn take_market(&mut self, strategy: StrategyId) -> Vec<MarketRecord> {
        self.market.get_mut(strategy.index()).map(std::mem::take).unwrap_or_default()
    }

    /// The bytes sent on a connection since the last call.
    pub fn take_sent(&mut self, conn: ConnId) -> Vec<u8> {
        self.sent.get_mut(conn.index()).map(std::mem::take).unwrap_or_default()
    }

    /// A connection was opened: its sent stream begins anew.
    pub fn restart(&mut self, conn: ConnId) {
        self.take_sent(conn);
        if let Some(offset) = self.offsets.get_mut(conn.index()) {
            *offset = 0;
        }
    }

    fn refuses(&mut self, strategy: StrategyId) -> bool {
        let percent = self.refusals.get(strategy.index()).copied().unwrap_or(0);
        percent > 0 && self.rng.chance(percent)
    }
}

impl Outputs for FakeOutputs {
    fn event(&mut self, to: StrategySet, records: &[MarketRecord]) -> StrategySet {
        let mut refused = StrategySet::NONE;
        for strategy in to.iter() {
            if self.refuses(strategy) {
                refused = refused.with(StrategySet::one(strategy));
            } else if let Some(taken) = self.market.get_mut(strategy.index()) {
                taken.extend_from_slice(records);
            }
        }
        self.offers.push(Offer { to, refused, records: records.len() });
        refused
    }

    fn statistics(&mut self, to: StrategySet, record: &StatisticsRecord) -> StrategySet {
        let mut refused = StrategySet::NONE;
        for strategy in to.iter() {
            if self.refuses(strategy) {
                refused = refused.with(StrategySet::one(strategy));
            } else if let Some(taken) = self.statistics.get_mut(strategy.index()) {
                taken.push(*record);
            }
        }
        refused
    }

    fn execution(&mut self, to: StrategyId, record: &ExecutionRecord) -> bool {
        if self.refuses(to) {
            return false;
        }
        if let Some(taken) = self.executions.get_mut(to.index()) {
            taken.push(*record);
        }
        true
    }

    fn execution_room(&self, _to: StrategyId) -> usize {
        usize::MAX
    }

    fn transmit(&mut self, conn: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let (Some(sent), Some(offset)) = (self.sent.get_mut(conn.index()), self.offsets.get_mut(conn.index())) else {
            return 0;
        };
        let before = sent.len();
        build(sent);
        *offset = offset.saturating_add(sent.len().saturating_sub(before) as u64);
        *offset
    }

    fn dial(&mut self, conn: ConnId, not_before: UnixNanos) {
        self.dials.push((conn, not_before));
    }

    fn address(&mut self, conn: ConnId, path: &str) {
        if let Some(address) = self.addresses.get_mut(conn.index()) {
            *address = path.to_owned();
        }
    }

    fn close(&mut self, conn: ConnId, why: String) {
        self.closes.push((conn, why));
    }

    fn retire(&mut self, token: Box<str>) {
        self.retired.push(token);
    }

    fn entropy(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.rng.next_u64() as u8;
        }
    }

    fn count(&mut self, counter: Counter, n: u64) {
        self.counters.add(counter, n);
    }

    fn measured(&mut self, _: crate::telemetry::Hop, _: u64) {}

    fn outdated(&mut self, instrument: InstrumentId) {
        self.outdated.push(instrument);
    }

    fn note(&mut self, note: Note<'_>) {
        self.notes.push(format!("{note:?}"));
    }
}
