//! One scenario: a strategy places, changes, cancels and is filled, and its venue ends orders by itself, while the network
//! fails and the account's stream drops and repeats events; perhaps its session dies and another one follows; then calm,
//! and the venue's own figures are compared with what was told.
//!
//! What is checked: no place request arrives twice; the law of records for every order and every change; when all is calm,
//! the fills told of each order are exactly what the venue executed (for an order of a dead session: what was listed plus
//! the fills since, and every execution since the death was told), every change was answered and its answer is true, no
//! order is open, and none that the venue holds open was told to be over.

use super::network::Network;
use super::subjects::Subject;
use super::told::{Answer, Told};
use crate::engine::{Control, Engine, Input};
use crate::order::{ClientOrderIds, ReconcileRules, RestartPolicy};
use crate::record::{
    ConnectionRole, ExecutionKind as K, ExecutionRecord, Instrument, OrderCommand, OrderRef, RequestId, Side,
    StrategyId, UnixNanos, EXECUTION_FLAG_RECONCILED,
};
use crate::sim::{FakeOutputs, Rng, VenueEnd, MILLISECOND_NS, SECOND_NS};
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

mod judge;

/// Lines kept of what happened.
const TRAIL_MAX: usize = 300;
/// When every scenario begins.
const START_NS: u64 = 1_793_613_600 * SECOND_NS;
/// Whose orders they are.
const STRATEGIES: [StrategyId; 2] = [StrategyId(0), StrategyId(1)];
/// Orders of one scenario.
const ORDERS_MAX: usize = 12;
/// What calm needs: unknown orders are judged, dropped fills are looked for, connections are dialled again.
const CALM_NS: u64 = 150 * SECOND_NS;
/// Executions so long before the death are told again: what the dead session had not heard is among them.
pub const REPLAY_MARGIN_MS: u64 = crate::order::REPLAY_MARGIN_MS;

/// What a scenario met, for whoever wants to know that it met anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Orders the strategy placed.
    pub orders: u64,
    /// Orders the venue had.
    pub arrived: u64,
    /// Fills made at the venue.
    pub fills: u64,
    /// Orders whose outcome was unknown for a while.
    pub unknown: u64,
    /// Changes that were told as done.
    pub changed: u64,
    /// Orders the venue ended by itself.
    pub ended: u64,
    /// Orders of a dead session that were taken back.
    pub adopted: u64,
    /// Requests that met a fault.
    pub faults: u64,
    /// Sessions that died.
    pub deaths: u64,
}

impl Summary {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Summary) -> Summary {
        Summary {
            orders: self.orders.saturating_add(other.orders),
            arrived: self.arrived.saturating_add(other.arrived),
            fills: self.fills.saturating_add(other.fills),
            unknown: self.unknown.saturating_add(other.unknown),
            changed: self.changed.saturating_add(other.changed),
            ended: self.ended.saturating_add(other.ended),
            adopted: self.adopted.saturating_add(other.adopted),
            faults: self.faults.saturating_add(other.faults),
            deaths: self.deaths.saturating_add(other.deaths),
        }
    }
}

/// A fill made at the venue.
#[derive(Debug, Clone, Copy)]
struct Fill {
    at: u64,
    quantity: i64,
}

/// One session of the strategy.
#[derive(Debug, Default)]
struct Session {
    epoch: u64,
    told: BTreeMap<String, Told>,
    placed: Vec<(RequestId, String)>,
    /// Changes asked for: of which order, and what was answered.
    changes: BTreeMap<RequestId, (String, Answer)>,
    /// Orders that were to be made by changes.
    made: Vec<String>,
    /// The net position told last.
    position: Option<i64>,
}

/// A scenario while it is played.
pub struct Scenario<S: Subject> {
    venue: S,
    engine: Engine,
    out: FakeOutputs,
    network: Network,
    instrument: Instrument,
    now: u64,
    rng: Rng,
    sessions: Vec<Session>,
    fills: BTreeMap<String, Vec<Fill>>,
    /// Up to when the session told what was executed, as its engine says.
    told_until: u64,
    /// The same of the session that died: what the next one goes by.
    died_at: Option<u64>,
    summary: Summary,
    wrong: Option<String>,
    /// What happened last, for whoever looks for a failure's cause.
    trail: std::collections::VecDeque<String>,
}

/// Plays the scenario of this seed.
///
/// # Errors
/// What was lost, doubled or told wrongly, with the seed.
pub fn play<S: Subject>(seed: u64) -> Result<Summary, String> {
    let mut scenario = Scenario::<S>::begin(seed)?;
    scenario.chaos();
    if scenario.rng.chance(40) {
        scenario.die();
        scenario.nobody_there();
        scenario.succeed()?;
        scenario.chaos();
    }
    scenario.calm();
    scenario.judge().map_err(|wrong| format!("{} seed {seed}: {wrong}\n{}", S::VENUE, scenario.trail()))?;
    Ok(scenario.summary)
}

impl<S: Subject> Scenario<S> {
    /// A venue and a session that is ready to trade, on a network without faults.
    ///
    /// # Errors
    /// The engine cannot be built.
    pub fn begin(seed: u64) -> Result<Self, String> {
        let ids = ids(1, None)?;
        let engine = S::engine(ids, ReconcileRules::default())?;
        let slots = engine.slots();
        let mut scenario = Scenario {
            venue: S::begin(seed, START_NS),
            out: FakeOutputs::new(seed, slots.len()),
            network: Network::new::<S>(&slots, seed),
            engine,
            instrument: S::instrument(),
            now: START_NS,
            rng: Rng::new(seed ^ 0x9e37_79b9_7f4a_7c15),
            sessions: vec![Session { epoch: 1, ..Session::default() }],
            fills: BTreeMap::new(),
            told_until: START_NS,
            died_at: None,
            summary: Summary::default(),
            wrong: None,
            trail: std::collections::VecDeque::new(),
        };
        scenario.introduce();
        scenario.pass(2 * SECOND_NS);
        Ok(scenario)
    }

    /// The clock, UNIX nanoseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// The venue's side.
    pub fn venue_mut(&mut self) -> &mut S {
        &mut self.venue
    }

    fn introduce(&mut self) {
        STRATEGIES.into_iter().for_each(|strategy| self.control(Control::AddStrategy(strategy)));
        self.control(Control::Instrument(Box::new(self.instrument.clone())));
        S::rules().into_iter().for_each(|rules| self.control(rules));
    }

    fn control(&mut self, control: Control) {
        self.engine.apply(UnixNanos(self.now), Input::Control(control), &mut self.out);
    }

    /// Lets so much time pass.
    pub fn pass(&mut self, ns: u64) {
        let end = self.now.saturating_add(ns);
        loop {
            self.turn();
            if self.now >= end {
                return;
            }
            let engine = self.engine.deadline().map(|at| at.0);
            let venue = self.venue.tick(self.now);
            let next = [engine, venue, self.network.deadline()].into_iter().flatten().min().unwrap_or(end);
            // A millisecond at least: the clock of the machine is no finer where it matters.
            self.now = next.max(self.now.saturating_add(MILLISECOND_NS)).min(end);
        }
    }

    /// Everything that is due now.
    fn turn(&mut self) {
        let Scenario { venue, engine, out, network, .. } = self;
        network.run(self.now, venue, engine, out);
        if engine.deadline().is_some_and(|at| at.0 <= self.now) {
            engine.apply(UnixNanos(self.now), Input::Time, out);
            network.run(self.now, venue, engine, out);
        }
        if let Some(until) = engine.told_until(UnixNanos(self.now), S::VENUE) {
            self.told_until = until.0;
        }
        for strategy in engine.wants_room().iter() {
            engine.apply(UnixNanos(self.now), Input::Room { strategy }, out);
        }
        self.out.offers.clear();
        for note in std::mem::take(&mut self.out.notes) {
            self.remember(note);
        }
        self.out.retired.clear();
        self.out.market.iter_mut().for_each(Vec::clear);
        self.hear();
    }

    fn remember(&mut self, what: String) {
        if self.trail.len() >= TRAIL_MAX {
            self.trail.pop_front();
        }
        let at_ms = self.now.saturating_sub(START_NS) / MILLISECOND_NS;
        self.trail.push_back(format!("{at_ms} ms: {what}"));
    }

    /// What happened last, a line each.
    pub fn trail(&self) -> String {
        let lines = self.trail.iter().cloned().chain([self.venue.asked()]);
        lines.map(|line| format!("{line}\n")).collect()
    }

    fn hear(&mut self) {
        STRATEGIES.into_iter().for_each(|strategy| self.hear_as(strategy));
    }

    fn hear_as(&mut self, strategy: StrategyId) {
        let records = self.out.executions.get_mut(strategy.index()).map(std::mem::take).unwrap_or_default();
        for record in &records {
            let (kind, reject, code) = (record.kind, record.reject, record.venue_code);
            self.remember(format!("{kind:?} {} {reject:?} {code}", record.client_order_id));
        }
        let Some(session) = self.sessions.last_mut() else { return };
        let of_executions =
            |record: &&ExecutionRecord| record.kind == K::Position && !record.has(EXECUTION_FLAG_RECONCILED);
        if let Some(record) = records.iter().rfind(of_executions) {
            session.position = Some(record.cumulative_quantity);
        }
        for record in records.iter().filter(|record| !record.client_order_id.is_empty()) {
            if let Some((_, answer)) = session.changes.get_mut(&record.request) {
                if let Err(wrong) = answer.record(record) {
                    self.wrong.get_or_insert(format!("{}: {wrong}", record.client_order_id));
                }
            }
            if record.request != RequestId::NONE && record.request.strategy() != strategy {
                self.wrong.get_or_insert(format!("{}: told to {strategy:?}: {record:?}", record.client_order_id));
            }
            let answers = matches!(record.kind, K::CancelRejected | K::CancelUnknown | K::ReplaceRejected);
            if answers || record.kind == K::Rejected && !record.request.is_adopted() && !record.sent.is_some() {
                // Of a request that never left.
                continue;
            }
            let told = session.told.entry(record.client_order_id.to_string()).or_default();
            if let Err(wrong) = told.record(record) {
                self.wrong.get_or_insert(format!("{}: {wrong}", record.client_order_id));
            }
        }
    }

    /// Places an order that rests; its client order id.
    pub fn place(&mut self) -> Option<String> {
        let session = self.sessions.last_mut()?;
        let strategy = STRATEGIES[session.placed.len() % STRATEGIES.len()];
        let request = RequestId::new(strategy, session.placed.len() as u64 + 1);
        let id = ids(session.epoch, None).ok()?.id_of(request).to_string();
        session.placed.push((request, id.clone()));
        let (price, quantity) = S::terms();
        let price = mantissa(price, self.instrument.price_exponent);
        let quantity = mantissa(quantity, self.instrument.size_exponent);
        let command = OrderCommand::limit(self.instrument.id, Side::Buy, price, quantity);
        self.submit(command.stamped(request, UnixNanos(self.now)));
        self.summary.orders += 1;
        Some(id)
    }

    /// Asks for the cancel of an order, of this session or an earlier one.
    pub fn cancel(&mut self, id: &str) {
        let placed = self.sessions.iter().flat_map(|session| &session.placed).find(|(_, placed)| placed == id);
        let Some(strategy) = placed.map(|(request, _)| request.strategy()) else { return };
        let Some(session) = self.sessions.last_mut() else { return };
        let Ok(target) = crate::record::ClientOrderId::new(id) else { return };
        session.placed.push((RequestId::NONE, String::new()));
        let request = RequestId::new(strategy, session.placed.len() as u64);
        let command = OrderCommand::cancel(self.instrument.id, OrderRef::Client(target));
        self.submit(command.stamped(request, UnixNanos(self.now)));
    }

    /// Asks for a change of an order of this session: so many ticks less, and so many tenths of the quantity of every
    /// order.
    pub fn replace(&mut self, id: &str, ticks: i64, tenths: i64) {
        let Some(session) = self.sessions.last_mut() else { return };
        let Some(strategy) = session.placed.iter().find(|(_, placed)| placed == id).map(|(r, _)| r.strategy()) else {
            return;
        };
        let Ok(target) = crate::record::ClientOrderId::new(id) else { return };
        let request = RequestId::new(strategy, session.placed.len() as u64 + 1);
        let new = match S::CHANGES_MAKE_ANOTHER {
            true => ids(session.epoch, None).map(|ids| ids.id_of(request).to_string()).unwrap_or_default(),
            false => String::new(),
        };
        match new.is_empty() {
            true => drop(session.changes.insert(request, (id.to_owned(), Answer::default()))),
            false => session.made.push(new.clone()),
        }
        session.placed.push((request, new));
        let (price, quantity) = S::terms();
        let price = mantissa(price, self.instrument.price_exponent).saturating_sub(ticks * self.tick());
        let quantity = mantissa(quantity, self.instrument.size_exponent) / 10 * tenths;
        let command = OrderCommand::replace(self.instrument.id, OrderRef::Client(target), price, quantity);
        self.submit(command.stamped(request, UnixNanos(self.now)));
    }

    fn tick(&self) -> i64 {
        self.instrument.listing.tick.rescale(self.instrument.price_exponent).unwrap_or(1)
    }

    fn submit(&mut self, command: OrderCommand) {
        self.engine.apply(UnixNanos(self.now), Input::Command(&command), &mut self.out);
        self.turn();
    }

    /// So many tenths of an order are executed, as far as they are left.
    pub fn fill(&mut self, id: &str, tenths: u32) {
        self.execute(id, tenths);
        self.turn();
    }

    fn execute(&mut self, id: &str, tenths: u32) {
        let asked = S::terms().1 * Decimal::new(i64::from(tenths), 1);
        let traded = self.venue.fill(self.now, id, asked);
        if !traded.is_zero() {
            let quantity = mantissa(traded, self.instrument.size_exponent);
            self.fills.entry(id.to_owned()).or_default().push(Fill { at: self.now, quantity });
            self.summary.fills += 1;
        }
    }

    /// What the current session's strategy was told of an order as executed; `None` if it was told nothing.
    pub fn told_filled(&self, id: &str) -> Option<i64> {
        self.sessions.last()?.told.get(id).map(|told| told.filled)
    }

    /// How the current session's strategy was told that an order ended, if it was.
    pub fn told_end(&self, id: &str) -> Option<K> {
        self.sessions.last()?.told.get(id)?.end
    }

    /// The account's stream falls; it is dialled again by itself.
    pub fn cut_user_stream(&mut self) {
        let Scenario { venue, engine, out, network, .. } = self;
        let slots = engine.slots();
        for index in slots.iter().enumerate().filter(|(_, s)| s.role == ConnectionRole::User).map(|(index, _)| index) {
            network.cut(self.now, index, venue, engine, out);
        }
        self.turn();
    }

    /// The venue ends an order that nobody asked it to end.
    pub fn end(&mut self, id: &str, end: VenueEnd) {
        self.end_unheard(id, end);
        self.turn();
    }

    fn end_unheard(&mut self, id: &str, end: VenueEnd) {
        self.summary.ended += u64::from(self.venue.end_order(self.now, id, end));
    }

    /// The orders placed so far, of all sessions.
    fn placed(&self) -> Vec<String> {
        let all = self.sessions.iter().flat_map(|session| &session.placed);
        all.filter(|(_, id)| !id.is_empty()).map(|(_, id)| id.clone()).collect()
    }

    fn chaos(&mut self) {
        self.network.faults_percent = 5 + self.rng.below(30);
        for _ in 0..self.rng.below(60) + 10 {
            let placed = self.placed();
            let some = placed.get(self.rng.below(placed.len().max(1) as u64) as usize).cloned();
            match (self.rng.below(20), some) {
                (0..=3, _) if placed.len() < ORDERS_MAX => {
                    self.place();
                }
                (4..=7, Some(id)) => {
                    let tenths = self.rng.below(7) as u32 + 1;
                    self.fill(&id, tenths);
                }
                (8, Some(id)) => self.cancel(&id),
                (9, Some(id)) => {
                    let silent = self.rng.chance(50);
                    self.venue.silence(&id, silent);
                }
                (10, _) => {
                    let lag = self.rng.below(4) * SECOND_NS;
                    self.venue.lag(lag);
                }
                (11, _) => {
                    let index = self.rng.below(self.network.connections() as u64) as usize;
                    let Scenario { venue, engine, out, network, .. } = self;
                    network.cut(self.now, index, venue, engine, out);
                    self.turn();
                }
                (12..=14, Some(id)) => {
                    let (ticks, tenths) = (self.rng.below(3) as i64, self.rng.below(3) as i64 + 9);
                    self.replace(&id, ticks, tenths);
                }
                (15, Some(id)) if self.rng.chance(50) => {
                    let end = self.any_end();
                    self.end(&id, end);
                }
                (16, _) => {
                    let times = self.rng.below(3) as usize;
                    self.venue.repeat(times);
                }
                (17, _) => self.venue.forget_user_events(),
                _ => {}
            }
            let pause = [5, 50, 500, 5_000][self.rng.below(4) as usize];
            let pause = self.rng.below(pause) + 1;
            self.tend();
            self.pass(pause * MILLISECOND_NS);
        }
    }

    fn any_end(&mut self) -> VenueEnd {
        match self.rng.chance(50) {
            true => VenueEnd::Cancelled,
            false => VenueEnd::Expired,
        }
    }

    /// Credentials that are made ahead of time.
    fn tend(&mut self) {
        let Scenario { venue, engine, out, .. } = self;
        for slot in engine.slots() {
            venue.opened(self.now, &slot, engine, out);
        }
    }

    /// The session dies.
    pub(super) fn die(&mut self) {
        self.network.cut_all(self.now, &mut self.venue);
        self.died_at = Some(self.told_until);
        self.summary.deaths += 1;
    }

    /// Fills go on although nobody hears of them.
    fn nobody_there(&mut self) {
        for _ in 0..self.rng.below(6) {
            self.now += self.rng.below(4 * SECOND_NS);
            let placed = self.placed();
            if let Some(id) = placed.get(self.rng.below(placed.len().max(1) as u64) as usize) {
                let tenths = self.rng.below(12) as u32 + 1;
                self.execute(id, tenths);
                if self.rng.chance(20) {
                    let (id, end) = (id.clone(), self.any_end());
                    self.end_unheard(&id, end);
                }
            }
            self.venue.tick(self.now);
            self.venue.take_outputs();
        }
    }

    /// Another session follows.
    pub(super) fn succeed(&mut self) -> Result<(), String> {
        let epoch = self.sessions.len() as u64 + 1;
        let restart = if self.rng.chance(30) { RestartPolicy::Sweep } else { RestartPolicy::Adopt };
        self.engine = S::engine(ids(epoch, self.died_at)?, ReconcileRules { restart, ..ReconcileRules::default() })?;
        let connections = self.engine.slots().len();
        self.out = FakeOutputs::new(epoch, connections);
        self.sessions.push(Session { epoch, ..Session::default() });
        self.introduce();
        self.pass(SECOND_NS);
        Ok(())
    }

    /// No more faults; then everything that is left is cancelled.
    pub(super) fn calm(&mut self) {
        self.summary.faults = self.network.faults;
        self.network.faults_percent = 0;
        self.venue.lag(0);
        self.venue.repeat(0);
        for id in self.placed() {
            self.venue.silence(&id, false);
        }
        self.quiet(CALM_NS);
        // Whatever happened, the venue is traded at again.
        if let Some(id) = self.place() {
            self.pass(SECOND_NS);
            let told = self.sessions.last().and_then(|session| session.told.get(&id));
            if !told.is_some_and(|told| told.accepted) {
                self.wrong.get_or_insert(format!("{id} was not accepted in calm: {told:?}"));
            }
        }
        for id in self.placed() {
            if self.venue.truth(&id).is_some_and(|truth| truth.open) {
                self.cancel(&id);
            }
        }
        self.quiet(30 * SECOND_NS);
    }

    fn quiet(&mut self, ns: u64) {
        let end = self.now.saturating_add(ns);
        while self.now < end {
            self.tend();
            self.pass(10 * SECOND_NS);
        }
    }
}

fn ids(epoch: u64, died_at: Option<u64>) -> Result<ClientOrderIds, String> {
    let ids = ClientOrderIds::new("xc", epoch).map_err(|error| error.to_string())?;
    let earlier: Vec<u64> = (1..epoch).collect();
    Ok(match died_at {
        Some(at) => ids.after(&earlier, UnixNanos(at)),
        None => ids,
    })
}

fn mantissa(value: Decimal, exponent: i8) -> i64 {
    let scale = Decimal::from(10i64.saturating_pow(u32::from(exponent.unsigned_abs())));
    (value * scale).to_i64().unwrap_or(0)
}
