//! Random interleavings against a small venue that knows the truth, in each venue's way of telling it.
//!
//! The venue lists late, its stream drops, repeats and reorders, replies get lost, connections break, sessions die and
//! others follow; the table must keep the law at every step and, once every piece of evidence was given at least once,
//! agree with the truth exactly.

mod happens;
mod told;
mod venue;

use super::*;
use happens::Op;
use proptest::prelude::*;
use told::{agrees, Checker};
use venue::{Fate, Style, Truth};
use ExecutionKind as K;

const ORDERS_MAX: usize = 4;
/// A request reaches the venue within this of its sending, or never; and so long may a listing lack what happened.
const DELAY_MS_MAX: u64 = 3_000;

fn style() -> impl Strategy<Value = Style> {
    (0..Style::ALL.len()).prop_map(|at| Style::ALL[at])
}

fn ops() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 1..160)
}

struct World {
    style: Style,
    orders: Orders,
    checker: Checker,
    truths: Vec<Truth>,
    cancels: Vec<CancelSend>,
    now: UnixNanos,
    requests: u64,
    epoch: u64,
    died_at: UnixNanos,
    /// The user stream is.
    up: bool,
    /// Requests may reach the venue long after every grace.
    hostile: bool,
}

fn orders_after(epoch: u64, died_at: UnixNanos) -> Orders {
    let limits = OrderLimits { open_max: 8, closed_kept: 8, executions_kept: 256, strangers_kept: 8 };
    let earlier: Vec<u64> = (7..epoch).collect();
    let ids = ClientOrderIds::new("xc", epoch).unwrap();
    let ids = if earlier.is_empty() { ids } else { ids.after(&earlier, died_at) };
    Orders::new(ids, limits, ReconcileRules::default())
}

impl World {
    fn new(style: Style, hostile: bool) -> World {
        World {
            style,
            orders: orders_after(7, UnixNanos::NONE),
            checker: Checker::default(),
            truths: vec![],
            cancels: vec![],
            now: T0,
            requests: 0,
            epoch: 7,
            died_at: UnixNanos::NONE,
            up: false,
            hostile,
        }
    }

    const fn venue(&self) -> Venue {
        self.style.venue()
    }

    fn apply(&mut self, op: &Op) {
        let (now, venue) = (self.now, self.venue());
        match *op {
            Op::Place(fate) => self.place(fate),
            Op::Arrive(i) => self.arrive(i),
            Op::Execute(i, quantity) => self.at_venue(i, |t| t.execute(now, quantity)),
            Op::Finish(i, end) => self.at_venue(i, |t| t.finish(now, end)),
            Op::Stream(i, k, missing) => self.stream(i, k, missing),
            Op::Reply(i) => self.reply(i),
            Op::Lose(i) => self.with(i, |w, slot| w.orders.connection_lost(now, slot, &mut w.checker)),
            Op::Timeout(i) => self.with(i, |w, slot| w.orders.reply_timeout(now, slot, &mut w.checker)),
            // Nobody tells a transaction twice.
            Op::Row(..) if self.style == Style::Oanda => {}
            Op::Row(i, k) => {
                let Some(t) = self.truths.get(i).filter(|t| !t.executions.is_empty()) else { return };
                let row = t.row(k % t.executions.len());
                self.orders.fill_fact(now, venue, &row, &mut self.checker);
            }
            Op::Query { complete, stale } => {
                if let Some((id, query)) = self.orders.next_query(now, venue) {
                    self.answer(id, &query, complete, stale);
                }
            }
            Op::StreamUp => {
                self.orders.user_stream_up(now, venue);
                self.up = true;
            }
            Op::StreamDown => {
                self.orders.user_stream_down(venue);
                self.up = false;
            }
            Op::Cancel(i) => {
                let Some(client) = self.truths.get(i).map(|t| t.client) else { return };
                self.requests += 1;
                let command = OrderCommand::cancel(InstrumentId(0), OrderRef::Client(client));
                let command = command.stamped(request(self.requests), now);
                if let CancelStep::Send(send) = self.orders.cancel(now, venue, &command, &mut self.checker) {
                    self.cancels.push(send);
                }
            }
            Op::AnswerCancel { arrives, reply } => self.answer_cancel(arrives, reply),
            Op::Advance(ms) => self.now = now.plus_ms(ms),
            // What arrives after every grace belongs to nobody's session.
            Op::Restart { .. } if self.hostile => {}
            Op::Restart { gap_ms, meanwhile } => self.restart(gap_ms, meanwhile),
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
        let placed = self.orders.place(&place_command(self.requests), &self.style.instrument()).unwrap();
        self.orders.sent(self.now, placed.slot, self.now);
        self.truths.push(Truth {
            style: self.style,
            slot: Some(placed.slot),
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
            t.arrive(now);
        }
    }

    /// The session dies; what it had sent may still arrive; the next one begins.
    fn restart(&mut self, gap_ms: u64, meanwhile: u8) {
        self.died_at = self.now;
        for (at, send) in std::mem::take(&mut self.cancels).into_iter().enumerate() {
            let t = self.truths.iter_mut().find(|t| t.id == send.venue_order_id.as_str() && t.is_open());
            if let Some(t) = t.filter(|_| meanwhile >> at & 1 == 0) {
                t.cancel(self.now);
            }
        }
        self.now = self.now.plus_ms(gap_ms);
        for i in 0..self.truths.len() {
            self.arrive(i);
            let now = self.now;
            match meanwhile >> (2 * i) & 3 {
                1 => self.at_venue(i, |t| t.execute(now, 300)),
                2 => self.at_venue(i, |t| t.finish(now, OrderStatus::Cancelled)),
                _ => {}
            }
        }
        self.epoch += 1;
        self.orders = orders_after(self.epoch, self.died_at);
        self.up = false;
        self.checker = Checker::default();
        for t in &mut self.truths {
            t.slot = None;
            t.states.iter_mut().for_each(|state| (state.told, state.past) = (true, true));
        }
    }

    /// The stream tells the k-th state of an order, of those since it was opened.
    fn stream(&mut self, i: usize, k: usize, missing: usize) {
        let Some(t) = self.truths.get_mut(i) else { return };
        let k = k % t.states.len().max(1);
        let Some(state) = t.states.get(k).filter(|state| !state.past) else { return };
        let mut fact = state.fact;
        match self.style {
            Style::Coinbase => {
                if missing > 0 {
                    (fact.cumulative_value, fact.cumulative_fees) = (None, None);
                }
                if missing > 1 {
                    fact.cumulative_quantity = 0;
                }
                self.give(&fact);
            }
            Style::BinanceUs => {
                if let Some(row) = state.execution.map(|e| t.row(e)) {
                    let executed = fact.cumulative_quantity - row.quantity;
                    let value = fact.cumulative_value.unwrap().rescale(-16).unwrap()
                        - i128::from(row.quantity) * i128::from(row.price);
                    self.give(&OrderFact {
                        status: OrderStatus::Open,
                        cumulative_quantity: executed,
                        cumulative_value: Some(Fixed128::new(value, -16)),
                        ..fact
                    });
                    self.orders.fill_fact(self.now, self.venue(), &row, &mut self.checker);
                }
                self.give(&fact);
            }
            Style::Oanda => self.tell_transaction(i, k),
        }
    }

    /// A transaction is told unless it was.
    fn tell_transaction(&mut self, i: usize, k: usize) {
        let t = &mut self.truths[i];
        let state = &mut t.states[k];
        if std::mem::replace(&mut state.told, true) {
            return;
        }
        let (fact, execution) = (state.fact, state.execution);
        if let Some(row) = execution.map(|e| t.row(e)) {
            self.give(&OrderFact { status: OrderStatus::Unrecognised, cumulative_quantity: 0, ..fact });
            self.orders.fill_fact(self.now, self.venue(), &row, &mut self.checker);
        }
        self.give(&fact);
    }

    /// The history of the account: what was not told yet, and, if wanted, the past's executions and ends.
    fn tell_transactions(&mut self, behind: u64, rows: usize, again: bool) {
        let mut all = vec![];
        for (i, t) in self.truths.iter().enumerate() {
            let visible = t.states.iter().enumerate().filter(|(_, s)| s.at.plus_ms(behind) <= self.now);
            all.extend(visible.map(|(k, s)| (s.at, i, k, s.past)));
        }
        all.sort();
        for (_, i, k, past) in all.into_iter().take(rows) {
            let t = &self.truths[i];
            let (fact, execution) = (t.states[k].fact, t.states[k].execution);
            if !past {
                self.tell_transaction(i, k);
            } else if again && (execution.is_some() || fact.status.is_terminal()) {
                if let Some(row) = execution.map(|e| t.row(e)) {
                    self.orders.fill_fact(self.now, self.venue(), &row, &mut self.checker);
                }
                self.give(&OrderFact { source: FactSource::Query, ..fact });
            }
        }
    }

    /// As the engine does: an order of a dead session is taken back.
    fn give(&mut self, fact: &OrderFact) {
        let (now, venue) = (self.now, self.venue());
        if self.orders.order_fact(now, venue, (-8, -8), fact, &mut self.checker) == Whose::OurPrefixOtherSession {
            self.orders.adopt(now, &self.style.instrument(), fact, &mut self.checker);
        }
    }

    fn at_venue(&mut self, i: usize, act: impl FnOnce(&mut Truth)) {
        if let Some(t) = self.truths.get_mut(i).filter(|t| t.is_open()) {
            act(t);
        }
    }

    /// Of an order of this session.
    fn with(&mut self, i: usize, act: impl FnOnce(&mut World, Slot)) {
        if let Some(slot) = self.truths.get(i).and_then(|t| t.slot) {
            act(self, slot);
        }
    }

    fn reply(&mut self, i: usize) {
        let Some(t) = self.truths.get_mut(i).filter(|t| !t.replied) else { return };
        let Some(slot) = t.slot else { return };
        let reply = match t.fate {
            Fate::Lives if t.arrived => PlaceReply::Accepted { venue_order_id: venue_id(&t.id) },
            Fate::Refused => PlaceReply::Rejected { class: RejectClass::InsufficientFunds, code: InlineText::EMPTY },
            Fate::Lives | Fate::Lost => PlaceReply::Ambiguous { code: InlineText::truncated("http 502") },
        };
        t.replied = true;
        self.orders.place_reply(self.now, slot, &reply, &mut self.checker);
    }

    /// Answers a query from what the venue lists; a stale listing is behind by almost the longest delay.
    fn answer(&mut self, id: QueryId, query: &Query, complete: bool, stale: bool) {
        let (now, venue, behind) = (self.now, self.venue(), if stale { DELAY_MS_MAX - 1 } else { 0 });
        // A listing that failed half way gave some of its rows.
        let rows = if complete { usize::MAX } else { 1 };
        let mut end = if complete { QueryEnd::Complete } else { QueryEnd::Failed };
        match query {
            // Nothing about orders.
            Query::Balances { .. } => {}
            Query::RecentOrders { .. } if self.style == Style::Oanda => self.tell_transactions(behind, rows, false),
            Query::Fills { .. } | Query::FillsOf { .. } if self.style == Style::Oanda => {
                self.tell_transactions(behind, rows, true);
                let mut past = self.truths.iter().flat_map(|t| &t.states).filter(|s| s.past);
                if past.any(|s| s.at.plus_ms(behind) > now) {
                    end = QueryEnd::Failed;
                }
            }
            Query::Fills { .. } | Query::FillsOf { .. } => {
                let of = |t: &&Truth| match query {
                    Query::FillsOf { ids, .. } => ids.contains(&venue_id(&t.id)),
                    _ => true,
                };
                let all: Vec<_> = self.truths.iter().filter(of).flat_map(Truth::rows).collect();
                for row in all.iter().take(rows) {
                    self.orders.fill_fact(now, venue, row, &mut self.checker);
                }
            }
            Query::OpenOrders { .. } | Query::RecentOrders { .. } | Query::OrdersByIds { .. } => {
                let facts: Vec<_> = self.truths.iter().filter_map(|t| t.listed(now, behind)).copied().collect();
                for fact in facts.into_iter().filter(|f| wanted(query, f)).take(rows) {
                    self.give(&OrderFact { source: FactSource::Query, ..fact });
                }
            }
        }
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
                t.cancel(now);
                CancelReply::Queued
            }
            (false, _) => CancelReply::Ambiguous { code: InlineText::EMPTY },
        };
        let answer = if reply { answer } else { CancelReply::Ambiguous { code: InlineText::EMPTY } };
        self.orders.cancel_reply(now, self.style.venue(), &send.venue_order_id, &answer, &mut self.checker);
    }

    /// Nothing told may be more than the truth, at any moment.
    fn check_against_truth(&self) {
        let open = self.orders.open_of(request(1).strategy(), 0).count();
        assert_eq!(self.orders.open_count_of(request(1).strategy()), open);
        self.check_exposure();
        for t in &self.truths {
            let Some(told) = self.checker.told.get(&t.client) else { continue };
            let all = told.listed.unwrap_or(0) + told.quantity;
            assert!(all <= t.executed(), "more filled than was executed: {told:?}");
            assert!(told.replayed + told.quantity <= t.executed(), "told twice: {told:?}");
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
        let fills = |r: &&ExecutionRecord| r.kind == K::Fill && !r.has(EXECUTION_FLAG_REPLAYED);
        let filled = self.checker.records.iter().filter(fills).map(|r| signed(r.side, r.last_quantity));
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
        assert_eq!(self.orders.open_count_at(self.venue()), expected.open_orders);
    }

    /// Answers every question when it falls due.
    fn run_until(&mut self, end: UnixNanos) {
        loop {
            while let Some((id, query)) = self.orders.next_query(self.now, self.venue()) {
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

    /// Answers every question for two minutes and compares what was executed and how it ended; then gives every piece of
    /// evidence at least once and compares all of it.
    fn settle(&mut self) {
        for i in 0..self.truths.len() {
            self.apply(&Op::Timeout(i));
        }
        if !self.up {
            // Otherwise whatever a healthy stream dropped has to be found without a reconnect.
            self.orders.user_stream_up(self.now, self.venue());
        }
        self.run_until(self.now.plus_ms(120_000));
        if !self.hostile {
            // Where requests arrive in time, whoever asks learns it.
            self.truths.iter().for_each(|t| self.judge_end(t));
        }
        for i in 0..self.truths.len() {
            match (self.style, self.truths[i].states.len()) {
                (Style::Oanda, _) => (0..self.truths[i].states.len()).for_each(|k| self.tell_transaction(i, k)),
                (_, 0) => {}
                (_, states) => {
                    let fact = self.truths[i].states[states - 1].fact;
                    self.give(&fact);
                }
            }
        }
        // What that has brought to light is asked about.
        self.run_until(self.now.plus_ms(30_000));
        for t in &self.truths {
            match t.slot {
                Some(_) => self.judge_own(t),
                None => self.judge_dead(t),
            }
        }
        assert!(self.orders.is_reconciled(self.venue()));
    }

    fn judge_end(&self, t: &Truth) {
        let Some(told) = self.checker.told.get(&t.client) else { return };
        let inherited = told.listed.unwrap_or(0);
        assert_eq!(inherited + told.quantity, t.executed(), "{told:?}");
        if t.arrived && !told.risen && told.end != Some(K::Rejected) {
            assert!(told.end.map_or(t.end().is_none(), |end| agrees(end, t.end())), "{told:?} {:?}", t.end());
        }
    }

    fn judge_own(&self, t: &Truth) {
        let told = &self.checker.told[&t.client];
        let (value, fees) = (t.value().rescale(-16).unwrap(), t.fees().rescale(-12).unwrap());
        assert_eq!(told.quantity, t.executed(), "{told:?}");
        if self.style == Style::Coinbase {
            assert_eq!((told.value, told.fees), (value, fees), "{told:?}");
        }
        // Nobody looks for executions as long after as requests may arrive in a hostile world.
        if !self.hostile {
            assert_eq!(told.executions.len(), t.executions.len(), "each execution with its own figures: {told:?}");
            assert_eq!((told.exact_value, told.exact_fees), (value, fees), "{told:?}");
        }
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

    fn judge_dead(&self, t: &Truth) {
        let since = UnixNanos(self.died_at.0 - REPLAY_MARGIN_MS * 1_000_000);
        let Some(told) = self.checker.told.get(&t.client) else {
            assert!(!t.is_open(), "an open order of a dead session was not taken back");
            assert_eq!(t.executed_since(since), 0, "executed while nobody was there, and nobody was told");
            return;
        };
        let listed = told.listed.expect("told without being taken back");
        assert_eq!(listed + told.quantity, t.executed(), "{told:?}");
        assert_eq!(told.replayed + told.quantity, t.executed_since(since), "{told:?}");
        assert!(told.end.map_or(t.end().is_none(), |end| agrees(end, t.end())), "{told:?} {:?}", t.end());
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
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_keeps_the_law_and_ends_at_the_truth(style in style(), ops in ops()) {
        let mut world = World::new(style, false);
        for word in ops {
            world.apply(&Op::from(word));
        }
        world.settle();
        prop_assert_eq!(world.orders.counters().risen, 0);
        prop_assert_eq!(world.orders.counters().refused_rows, 0);
    }

    #[test]
    fn an_unknown_order_that_arrives_in_time_is_never_told_dead(
        style in style(), ops in proptest::collection::vec(any::<u32>(), 10..80)
    ) {
        let mut world = World::new(style, false);
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
    fn even_when_requests_arrive_after_every_grace_nothing_is_lost_or_left_alive(style in style(), ops in ops()) {
        let mut world = World::new(style, true);
        for word in ops {
            world.apply(&Op::from(word));
        }
        world.settle();
    }
}

#[test]
fn an_order_that_arrives_after_it_was_given_up_is_found_and_cancelled() {
    let mut world = World::new(Style::Coinbase, true);
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
