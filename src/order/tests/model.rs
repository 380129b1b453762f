//! Random interleavings against a small venue that knows the truth.
//!
//! The venue lists late, its stream drops, repeats and reorders, replies get lost, connections break; the table must
//! keep the law at every step and, once every piece of evidence was given at least once, agree with the truth exactly.

use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use ExecutionKind as K;

const ORDERS_MAX: usize = 3;
/// A request reaches the venue within this of its sending, or never; and so long may a listing lack what happened.
const DELAY_MS_MAX: u64 = 3_000;

/// What befalls an order at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    Refused,
    Lost,
}

#[derive(Debug, Clone)]
enum Op {
    Place(Fate),
    Arrive(usize),
    Execute(usize, i64),
    Finish(usize, OrderStatus),
    /// The k-th state; how much of it is left out: nothing, the money, all that was executed.
    Stream(usize, usize, usize),
    Reply(usize),
    Lose(usize),
    Timeout(usize),
    Row(usize, usize),
    Query {
        complete: bool,
        stale: bool,
    },
    StreamUp,
    StreamDown,
    Cancel(usize),
    AnswerCancel {
        arrives: bool,
        reply: bool,
    },
    Advance(u64),
    /// Half a minute in which every question is answered truthfully.
    Quiet,
}

/// Decoded from one random word: generating them as strategies costs ten times what testing them does.
impl From<u32> for Op {
    fn from(word: u32) -> Op {
        let [pick, i, k, flag] = word.to_le_bytes();
        let (i, k, flag, other) = (usize::from(i) % ORDERS_MAX, usize::from(k), flag % 2 == 0, flag % 4 < 2);
        match pick % 40 {
            0..=2 => Op::Place(match k % 16 {
                0 => Fate::Refused,
                1 => Fate::Lost,
                _ => Fate::Lives,
            }),
            3..=7 => Op::Arrive(i),
            8..=11 => Op::Execute(i, 1 + k as i64 * 4),
            12 => Op::Finish(
                i,
                [OrderStatus::Filled, OrderStatus::Cancelled, OrderStatus::Expired, OrderStatus::Failed][k % 4],
            ),
            13..=18 => Op::Stream(i, k, usize::from(flag) + usize::from(other)),
            19..=20 => Op::Reply(i),
            21 => Op::Lose(i),
            22 => Op::Timeout(i),
            23..=26 => Op::Row(i, k),
            27..=30 => Op::Query { complete: flag, stale: other },
            31 => Op::StreamUp,
            32 => Op::StreamDown,
            33 => Op::Cancel(i),
            34..=35 => Op::AnswerCancel { arrives: flag, reply: other },
            36 if flag && other => Op::Quiet,
            37 => Op::Advance(500 + k as u64 * 30),
            _ => Op::Advance(1 + k as u64 * 2),
        }
    }
}

fn ops() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 1..160)
}

/// One order as the venue knows it, and as it was sent.
struct Truth {
    slot: Slot,
    client: ClientOrderId,
    id: String,
    fate: Fate,
    sent: UnixNanos,
    arrived: bool,
    replied: bool,
    /// (quantity, price) of each execution.
    executions: Vec<(i64, i64)>,
    /// Every state the venue went through, with the moment it began.
    states: Vec<(UnixNanos, OrderFact)>,
}

impl Truth {
    fn executed(&self) -> i64 {
        self.executions.iter().map(|(q, _)| q).sum()
    }

    fn value(&self) -> Fixed128 {
        Fixed128::new(self.executions.iter().map(|(q, p)| i128::from(*q) * i128::from(*p)).sum(), -16)
    }

    fn fees(&self) -> Fixed128 {
        Fixed128::new(self.executions.iter().map(|(q, _)| fee_of(*q)).sum(), -12)
    }

    fn end(&self) -> Option<OrderStatus> {
        self.states.last().map(|(_, f)| f.status).filter(|s| s.is_terminal())
    }

    fn is_open(&self) -> bool {
        self.arrived && self.end().is_none()
    }

    fn enter(&mut self, now: UnixNanos, status: OrderStatus) {
        let fact = OrderFact {
            cumulative_quantity: self.executed(),
            cumulative_value: Some(self.value()),
            cumulative_fees: Some(self.fees()),
            ..fact(&self.client, &self.id, status, 0)
        };
        self.states.push((now, fact));
    }

    fn row(&self, k: usize) -> FillFact {
        let (quantity, price) = self.executions[k];
        FillFact {
            price,
            fee: Fixed128::new(fee_of(quantity), -12),
            fee_asset: None,
            ..row(&self.id, &format!("{}-{k}", self.id), quantity)
        }
    }

    /// The state a listing begun at `now` shows; `behind` ms old if the listing lags.
    fn listed(&self, now: UnixNanos, behind: u64) -> Option<&OrderFact> {
        self.states.iter().rev().find(|(at, _)| at.plus_ms(behind) <= now).map(|(_, fact)| fact)
    }
}

fn fee_of(quantity: i64) -> i128 {
    i128::from(quantity) * 7 + 3
}

/// What was told of one order, checked as it comes.
#[derive(Default, Debug)]
struct Told {
    unknown: bool,
    accepted: bool,
    end: Option<K>,
    quantity: i64,
    value: i128,
    fees: i128,
    executions: HashSet<String>,
    risen: bool,
}

#[derive(Default)]
struct Checker {
    told: HashMap<ClientOrderId, Told>,
    records: Vec<ExecutionRecord>,
}

impl Executions for Checker {
    fn emit(&mut self, r: &ExecutionRecord) {
        self.records.push(*r);
        let told = self.told.entry(r.client_order_id).or_default();
        let settled = told.accepted || told.end.is_some();
        let late = r.has(EXECUTION_FLAG_LATE);
        match r.kind {
            K::Unknown => {
                assert!(!settled, "unknown after it was settled: {told:?}");
                told.unknown = true;
            }
            K::Accepted => {
                assert!(!settled, "accepted twice or late: {told:?}");
                assert_eq!(r.has(EXECUTION_FLAG_RECONCILED), told.unknown);
                told.accepted = true;
            }
            K::Rejected => {
                assert!(!settled, "rejected twice or late: {told:?}");
                assert_eq!(r.has(EXECUTION_FLAG_RECONCILED), told.unknown);
                assert_ne!(r.reject, RejectClass::None);
                told.end = Some(r.kind);
            }
            K::Cancelled | K::Expired | K::Filled => {
                assert!(told.accepted && told.end.is_none(), "end without beginning, or second end: {told:?}");
                assert_eq!(r.cumulative_quantity, told.quantity);
                told.end = Some(r.kind);
            }
            K::Fill => {
                assert_eq!(late, told.end.is_some(), "late is what comes after the end: {told:?}");
                assert!(told.accepted || late);
                assert!(r.last_quantity >= 0);
                told.quantity += r.last_quantity;
                assert_eq!(r.cumulative_quantity, told.quantity);
                told.value += r.value().rescale(-16).unwrap();
                told.fees += r.fee().rescale(-12).unwrap();
                if !r.execution_id.is_empty() {
                    assert!(told.executions.insert(r.execution_id.to_string()), "one execution twice");
                }
            }
            K::FillDetail => assert!(told.executions.insert(r.execution_id.to_string()), "one execution twice"),
            K::StrangerOrder => {
                assert!(late && told.end == Some(K::Rejected) && !told.risen);
                told.risen = true;
            }
            K::CancelUnknown | K::CancelRejected => assert!(told.end.is_none() || r.reject == RejectClass::OrderClosed),
            kind => panic!("{kind:?}"),
        }
    }
}

struct World {
    orders: Orders,
    checker: Checker,
    truths: Vec<Truth>,
    cancels: Vec<CancelSend>,
    now: UnixNanos,
    requests: u64,
    /// Requests may reach the venue long after every grace.
    hostile: bool,
}

impl World {
    fn new(hostile: bool) -> World {
        let limits = OrderLimits { open_max: 8, closed_kept: 8, executions_kept: 256, strangers_kept: 8 };
        World {
            orders: orders_of(limits),
            checker: Checker::default(),
            truths: vec![],
            cancels: vec![],
            now: T0,
            requests: 0,
            hostile,
        }
    }

    fn apply(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Place(fate) => self.place(fate),
            Op::Arrive(i) => self.arrive(i),
            Op::Execute(i, quantity) => self.at_venue(i, |t| {
                let quantity = quantity.min(QUANTITY - t.executed());
                if quantity > 0 {
                    t.executions.push((quantity, PRICE + t.executions.len() as i64 * 31));
                    let filled = t.executed() == QUANTITY && t.executions.len() % 2 == 0;
                    t.enter(now, if filled { OrderStatus::Filled } else { OrderStatus::Open });
                }
            }),
            Op::Finish(i, end) => self.at_venue(i, |t| {
                let whole = t.executed() == QUANTITY;
                let possible = match end {
                    OrderStatus::Filled => whole,
                    OrderStatus::Failed => t.executed() == 0,
                    _ => !whole,
                };
                if possible {
                    t.enter(now, end);
                }
            }),
            Op::Stream(i, k, missing) => {
                let Some((_, fact)) = self.truths.get(i).and_then(|t| t.states.get(k % t.states.len().max(1))) else {
                    return;
                };
                let mut fact = *fact;
                if missing > 0 {
                    (fact.cumulative_value, fact.cumulative_fees) = (None, None);
                }
                if missing > 1 {
                    fact.cumulative_quantity = 0;
                }
                self.orders.order_fact(now, V, (-8, -8), &fact, &mut self.checker);
            }
            Op::Reply(i) => self.reply(i),
            Op::Lose(i) => self.with(i, |w, t| w.orders.connection_lost(now, w.truths[t].slot, &mut w.checker)),
            Op::Timeout(i) => self.with(i, |w, t| w.orders.reply_timeout(now, w.truths[t].slot, &mut w.checker)),
            Op::Row(i, k) => {
                let Some(t) = self.truths.get(i).filter(|t| !t.executions.is_empty()) else { return };
                let row = t.row(k % t.executions.len());
                self.orders.fill_fact(now, V, &row, &mut self.checker);
            }
            Op::Query { complete, stale } => {
                if let Some((id, query)) = self.orders.next_query(now, V) {
                    self.answer(id, &query, complete, stale);
                }
            }
            Op::StreamUp => self.orders.user_stream_up(now, V),
            Op::StreamDown => self.orders.user_stream_down(V),
            Op::Cancel(i) => self.with(i, |w, t| {
                w.requests += 1;
                let target = OrderRef::Client(w.truths[t].client);
                let command = OrderCommand::cancel(InstrumentId(0), target).stamped(request(w.requests), now);
                if let CancelStep::Send(send) = w.orders.cancel(now, V, &command, &mut w.checker) {
                    w.cancels.push(send);
                }
            }),
            Op::AnswerCancel { arrives, reply } => self.answer_cancel(arrives, reply),
            Op::Advance(ms) => self.now = now.plus_ms(ms),
            Op::Quiet => self.run_until(now.plus_ms(30_000)),
        }
        while let Some(send) = self.orders.next_due_cancel(self.now) {
            self.cancels.push(send);
        }
        self.orders.tick(self.now, &mut self.checker);
        self.check_against_truth();
    }

    fn place(&mut self, fate: Fate) {
        if self.truths.len() == ORDERS_MAX {
            return;
        }
        self.requests += 1;
        let placed = self.orders.place(&place_command(self.requests), &instrument()).unwrap();
        self.orders.sent(self.now, placed.slot, self.now);
        self.truths.push(Truth {
            slot: placed.slot,
            client: placed.client_order_id,
            id: format!("v-{}", self.truths.len()),
            fate,
            sent: self.now,
            arrived: false,
            replied: false,
            executions: vec![],
            states: vec![],
        });
    }

    fn arrive(&mut self, i: usize) {
        let (now, hostile) = (self.now, self.hostile);
        let Some(t) = self.truths.get_mut(i).filter(|t| !t.arrived) else { return };
        if t.fate == Fate::Lives && (hostile || now <= t.sent.plus_ms(DELAY_MS_MAX)) {
            t.arrived = true;
            t.enter(now, OrderStatus::Pending);
            t.enter(now, OrderStatus::Open);
        }
    }

    fn at_venue(&mut self, i: usize, act: impl FnOnce(&mut Truth)) {
        if let Some(t) = self.truths.get_mut(i).filter(|t| t.is_open()) {
            act(t);
        }
    }

    fn with(&mut self, i: usize, act: impl FnOnce(&mut World, usize)) {
        if i < self.truths.len() {
            act(self, i);
        }
    }

    fn reply(&mut self, i: usize) {
        let Some(t) = self.truths.get_mut(i).filter(|t| !t.replied) else { return };
        let reply = match t.fate {
            Fate::Lives if t.arrived => PlaceReply::Accepted { venue_order_id: venue_id(&t.id) },
            Fate::Refused => PlaceReply::Rejected { class: RejectClass::InsufficientFunds, code: InlineText::EMPTY },
            Fate::Lives | Fate::Lost => PlaceReply::Ambiguous { code: InlineText::truncated("http 502") },
        };
        t.replied = true;
        self.orders.place_reply(self.now, t.slot, &reply, &mut self.checker);
    }

    /// Answers a query from what the venue lists; a stale listing is behind by almost the longest delay.
    fn answer(&mut self, id: QueryId, query: &Query, complete: bool, stale: bool) {
        let (now, behind) = (self.now, if stale { DELAY_MS_MAX - 1 } else { 0 });
        // A listing that failed half way gave some of its rows.
        let rows = if complete { usize::MAX } else { 1 };
        match query {
            Query::FillsOf { .. } => unreachable!("nobody died"),
            // Nothing about orders.
            Query::Balances { .. } => {}
            Query::Fills { .. } => {
                let all: Vec<_> =
                    self.truths.iter().flat_map(|t| (0..t.executions.len()).map(move |k| t.row(k))).collect();
                for row in all.iter().take(rows) {
                    self.orders.fill_fact(now, V, row, &mut self.checker);
                }
            }
            Query::OpenOrders { .. } | Query::RecentOrders { .. } | Query::OrdersByIds { .. } => {
                let facts: Vec<_> = self.truths.iter().filter_map(|t| t.listed(now, behind)).copied().collect();
                for fact in facts.into_iter().filter(|f| wanted(query, f)).take(rows) {
                    let fact = OrderFact { source: FactSource::Query, ..fact };
                    self.orders.order_fact(now, V, (-8, -8), &fact, &mut self.checker);
                }
            }
        }
        let end = if complete { QueryEnd::Complete } else { QueryEnd::Failed };
        self.orders.query_done(now, id, end, &mut self.checker);
    }

    fn answer_cancel(&mut self, arrives: bool, reply: bool) {
        if self.cancels.is_empty() {
            return;
        }
        let send = self.cancels.remove(0);
        let now = self.now;
        let known = self.truths.iter_mut().find(|t| t.id == send.venue_order_id.as_str());
        let Some(t) = known else { panic!("a cancel of an order the venue never had") };
        let refused = |class| CancelReply::Rejected { class, code: InlineText::EMPTY };
        let answer = match (arrives, t.is_open()) {
            (false, _) if reply => refused(RejectClass::RateLimited),
            (true, false) => {
                refused(if t.executions.len() % 2 == 0 { RejectClass::OrderClosed } else { RejectClass::UnknownOrder })
            }
            (true, true) => {
                t.enter(now, OrderStatus::CancelQueued);
                if t.executed() < QUANTITY {
                    t.enter(now, OrderStatus::Cancelled);
                }
                CancelReply::Queued
            }
            (false, _) => CancelReply::Ambiguous { code: InlineText::EMPTY },
        };
        let answer = if reply { answer } else { CancelReply::Ambiguous { code: InlineText::EMPTY } };
        self.orders.cancel_reply(now, V, &send.venue_order_id, &answer, &mut self.checker);
    }

    /// Nothing told may be more than the truth, at any moment.
    fn check_against_truth(&self) {
        let open = self.orders.open_of(request(1).strategy(), 0).count();
        assert_eq!(self.orders.open_count_of(request(1).strategy()), open);
        self.check_exposure();
        for t in &self.truths {
            let Some(told) = self.checker.told.get(&t.client) else { continue };
            assert!(told.quantity <= t.executed(), "more filled than was executed");
            assert!(!told.accepted || t.arrived, "accepted without evidence");
            match told.end {
                Some(K::Rejected) if t.fate == Fate::Lives && !self.hostile => {
                    assert!(!t.arrived || t.end() == Some(OrderStatus::Failed), "told dead, but it lived");
                }
                Some(K::Rejected) | None => {}
                Some(end) => assert!(agrees(end, t.end()), "{end:?} without evidence"),
            }
        }
    }

    /// What is followed change by change equals what the table says as a whole.
    fn check_exposure(&self) {
        let exposure = self.orders.exposure(InstrumentId(0));
        let signed = |side: Side, quantity: i64| if side == Side::Buy { quantity } else { -quantity };
        let filled = self.checker.records.iter().filter(|r| r.kind == K::Fill).map(|r| signed(r.side, r.last_quantity));
        let open = |side| self.orders.open().map(|(_, order)| order).filter(move |order| order.side() == side);
        let rest = |side| open(side).map(|order| (order.quantity() - order.executed()).max(0)).sum::<i64>();
        let expected = Exposure {
            position: filled.sum(),
            position_known: false,
            open_buy: rest(Side::Buy),
            open_sell: rest(Side::Sell),
            open_orders: self.orders.open().count() as u32,
            bid_max: open(Side::Buy).map(Order::price).max().unwrap_or(Exposure::NO_BID),
            ask_min: open(Side::Sell).map(Order::price).min().unwrap_or(Exposure::NO_ASK),
            reserved: open(Side::Buy)
                .map(|order| i128::from((order.quantity() - order.executed()).max(0)) * i128::from(order.price()))
                .sum(),
        };
        assert_eq!(exposure, expected);
        assert_eq!(self.orders.open_count_at(V), expected.open_orders);
    }

    /// Answers every question when it falls due.
    fn run_until(&mut self, end: UnixNanos) {
        loop {
            while let Some((id, query)) = self.orders.next_query(self.now, V) {
                self.answer(id, &query, true, false);
            }
            while let Some(send) = self.orders.next_due_cancel(self.now) {
                self.cancels.push(send);
            }
            while !self.cancels.is_empty() {
                self.answer_cancel(true, true);
            }
            self.orders.tick(self.now, &mut self.checker);
            self.check_against_truth();
            match self.orders.deadline().filter(|at| *at <= end) {
                Some(at) => {
                    assert!(at > self.now, "a deadline that nothing meets");
                    self.now = at;
                }
                None => break,
            }
        }
        self.now = end;
    }

    /// Gives every piece of evidence at least once, answers every question for two minutes, and compares.
    fn settle(&mut self) {
        for i in 0..self.truths.len() {
            self.apply(&Op::Timeout(i));
        }
        self.orders.user_stream_up(self.now, V);
        self.run_until(self.now.plus_ms(120_000));
        let finals: Vec<_> = self.truths.iter().filter_map(|t| t.states.last()).map(|(_, f)| *f).collect();
        for fact in finals {
            self.orders.order_fact(self.now, V, (-8, -8), &fact, &mut self.checker);
        }
        self.check_against_truth();
        for t in &self.truths {
            let told = &self.checker.told[&t.client];
            let (value, fees) = (t.value().rescale(-16).unwrap(), t.fees().rescale(-12).unwrap());
            assert_eq!((told.quantity, told.value, told.fees), (t.executed(), value, fees), "{told:?}");
            assert!(told.accepted || told.end == Some(K::Rejected), "never settled: {told:?}");
            if !t.arrived {
                assert_eq!(told.end, Some(K::Rejected));
            } else if !told.risen && told.end != Some(K::Rejected) {
                assert!(told.end.map_or(t.end().is_none(), |end| agrees(end, t.end())), "{told:?} {:?}", t.end());
            }
            if told.risen {
                // A hostile delay revived it: it must have been cancelled, or have ended by itself.
                assert!(t.end().is_some() || t.executed() == QUANTITY, "an order told dead was left alive");
            }
        }
        assert!(self.orders.is_reconciled(V));
    }
}

fn agrees(told: K, truth: Option<OrderStatus>) -> bool {
    match truth {
        Some(OrderStatus::Filled) => told == K::Filled,
        Some(OrderStatus::Expired) => told == K::Expired,
        Some(OrderStatus::Cancelled | OrderStatus::Failed) => told == K::Cancelled,
        _ => false,
    }
}

fn wanted(query: &Query, fact: &OrderFact) -> bool {
    match query {
        // As Coinbase: pending orders are not among the open ones.
        Query::OpenOrders { .. } => !fact.status.is_terminal() && fact.status != OrderStatus::Pending,
        Query::OrdersByIds { ids, .. } => ids.contains(&fact.venue_order_id),
        Query::RecentOrders { .. } | Query::Fills { .. } | Query::FillsOf { .. } | Query::Balances { .. } => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_keeps_the_law_and_ends_at_the_truth(ops in ops()) {
        let mut world = World::new(false);
        for word in ops {
            world.apply(&Op::from(word));
        }
        world.settle();
        prop_assert_eq!(world.orders.counters().risen, 0);
        prop_assert_eq!(world.orders.counters().refused_rows, 0);
    }

    #[test]
    fn an_unknown_order_that_arrives_in_time_is_never_told_dead(
        ops in proptest::collection::vec(any::<u32>(), 10..80)
    ) {
        let mut world = World::new(false);
        for op in [Op::Place(Fate::Lives), Op::Place(Fate::Lives), Op::Lose(0), Op::Timeout(1)] {
            world.apply(&op);
        }
        for word in ops {
            let [pick, i, k, flag] = word.to_le_bytes();
            world.apply(&match pick % 16 {
                0 => Op::Arrive(usize::from(i) % 2),
                1 => Op::Execute(usize::from(i) % 2, i64::from(k)),
                2..=9 => Op::Query { complete: flag % 2 == 0, stale: flag % 4 < 2 },
                10..=14 => Op::Advance(u64::from(k) * 3),
                _ => Op::Advance(u64::from(k) * 40),
            });
        }
        world.settle();
    }

    #[test]
    fn even_when_requests_arrive_after_every_grace_nothing_is_lost_or_left_alive(ops in ops()) {
        let mut world = World::new(true);
        for word in ops {
            world.apply(&Op::from(word));
        }
        world.settle();
    }
}

#[test]
fn an_order_that_arrives_after_it_was_given_up_is_found_and_cancelled() {
    let mut world = World::new(true);
    for op in [Op::Place(Fate::Lives), Op::Lose(0)] {
        world.apply(&op);
    }
    for _ in 0..40 {
        world.apply(&Op::Advance(1_000));
        world.apply(&Op::Query { complete: true, stale: false });
    }
    assert_eq!(world.checker.records.last().unwrap().reject, RejectClass::NeverArrived);
    for op in [Op::Arrive(0), Op::Execute(0, 100), Op::Stream(0, 2, 0)] {
        world.apply(&op);
    }
    world.settle();
    assert_eq!(world.orders.counters().risen, 1);
    assert_eq!(world.truths[0].end(), Some(OrderStatus::Cancelled));
}
