//! All orders of all strategies, and everything that happens to them.
//!
//! Owns the bounded table of orders (found by their names in `lookup`), the memory of closed orders (so
//! that late evidence is recognised), of counted executions and of reported strangers. Every input ends in the sink as
//! whole records in an order that keeps the law of this floor. Memory is taken at construction; a full table refuses
//! new orders and forgets closed ones oldest first, never an open one. Never reads a clock and never sends anything:
//! what is to be sent is handed out, in `cancels` and `reconcile`.

use super::assets::{Assets, OtherFee};
use super::counters::OrderCounters;
use super::entry::{Due, Entry, Place, Slot};
use super::exposure::{Best, Exposures, Share};
use super::fact::{FillFact, OrderFact, PlaceReply};
use super::ids::ClientOrderIds;
use super::index::{hash_text, hash_word, Index, Recent};
use super::list::{List, NIL};
use super::lookup::Whose;
use super::query::ReconcileRules;
use super::recall::Recall;
use super::reconcile::{open_orders, Reconciliation, CHECK_DELAY_MS};
use super::refusal::Refusal;
use super::state::{Order, OrderState};
use super::told::stranger;
use super::Executions;
use crate::record::{
    AssetId, ClientOrderId, CommandKind, ExecutionId, ExecutionKind, ExecutionRecord, InlineText, Instrument,
    InstrumentId, OrderCommand, OrderRef, RejectClass, RequestId, StrategyId, UnixNanos, Venue, VenueOrderId,
    EXECUTION_FLAG_LAST,
};

/// Sizes of the table; all memory is taken at construction (about 0.6 kB per order, 0.2 kB per execution).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLimits {
    /// Open orders of all strategies together.
    pub open_max: usize,
    /// Closed orders remembered for late evidence.
    pub closed_kept: usize,
    /// Executions remembered so that a row listed twice counts once.
    pub executions_kept: usize,
    /// Orders of others remembered so that each is reported once.
    pub strangers_kept: usize,
}

impl Default for OrderLimits {
    fn default() -> Self {
        OrderLimits { open_max: 1_024, closed_kept: 8_192, executions_kept: 32_768, strangers_kept: 4_096 }
    }
}

/// An order that was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Where it stands.
    pub slot: Slot,
    /// Its client order id.
    pub client_order_id: ClientOrderId,
}

/// The table of orders.
#[derive(Debug)]
pub struct Orders {
    pub(super) entries: Vec<Entry>,
    pub(super) open: List,
    pub(super) due: Due,
    pub(super) reconciliation: Reconciliation,
    pub(super) counters: OrderCounters,
    /// Number of the latest evidence about any order.
    pub(super) evidence: u64,
    pub(super) recall: Recall,
    pub(super) free: Vec<u32>,
    pub(super) limits: OrderLimits,
    pub(super) by_request: Index,
    pub(super) by_venue_id: Index,
    /// Orders of dead sessions by our id: those of this one are found by their request.
    pub(super) by_client: Index,
    pub(super) strangers: Recent<(Venue, VenueOrderId)>,
    pub(super) placed: u64,
    closed: List,
    ids: ClientOrderIds,
    executions: Recent<(Venue, VenueOrderId, ExecutionId)>,
    /// Open orders by strategy: limits are checked on every command.
    open_by_strategy: [usize; StrategyId::COUNT_MAX],
    pub(super) exposures: Exposures,
    assets: Assets,
}

/// What an order looked like before an input.
#[derive(Debug, Clone, Copy)]
struct Before {
    state: OrderState,
    identified: bool,
    doubted: bool,
}

impl Orders {
    /// An empty table; takes all its memory now.
    pub fn new(ids: ClientOrderIds, limits: OrderLimits, rules: ReconcileRules) -> Orders {
        let total = limits.open_max.saturating_add(limits.closed_kept).min(NIL as usize);
        let told_until = ids.told_until();
        let mut orders = Orders {
            entries: std::iter::repeat_with(|| Entry::VACANT).take(total).collect(),
            open: List::EMPTY,
            closed: List::EMPTY,
            due: Due { cancel: UnixNanos::MAX, check: UnixNanos::MAX, repeat: UnixNanos::MAX },
            reconciliation: Reconciliation::new(rules),
            counters: OrderCounters::default(),
            evidence: 0,
            free: (0..total as u32).rev().collect(),
            ids,
            by_request: Index::new(total),
            by_venue_id: Index::new(total),
            by_client: Index::new(total),
            recall: Recall::new(),
            executions: Recent::new(limits.executions_kept),
            strangers: Recent::new(limits.strangers_kept),
            limits,
            placed: 0,
            open_by_strategy: [0; StrategyId::COUNT_MAX],
            exposures: Exposures::new(InstrumentId::COUNT_MAX),
            assets: Assets::new(),
        };
        orders.resume(told_until);
        orders
    }

    /// Registers an order, checked by the guards before, and gives it its client order id. Nothing is told yet.
    ///
    /// # Errors
    /// [`Refusal`] `Busy` if the table is full, `Malformed` if the command is no stamped place command, `DuplicateId`
    /// if its request placed an order before.
    pub fn place(&mut self, command: &OrderCommand, instrument: &Instrument) -> Result<Placed, Refusal> {
        let request = command.request();
        if command.kind() != CommandKind::Place || request == RequestId::NONE {
            return Err(Refusal::new(RejectClass::Malformed, "not a numbered place command"));
        }
        if self.at_request(request).is_some() {
            return Err(Refusal::new(RejectClass::DuplicateId, "this request was placed before"));
        }
        let full = Refusal::new(RejectClass::Busy, "the order table is full");
        if self.open.len >= self.limits.open_max {
            return Err(full);
        }
        let at = self.free.pop().ok_or(full)?;
        let client_order_id = self.ids.id_of(request);
        self.placed = self.placed.saturating_add(1);
        let serial = self.placed;
        let Some(entry) = self.entries.get_mut(at as usize) else { return Err(full) };
        *entry = Entry {
            order: Order::new(command, instrument, client_order_id),
            place: Place::Open,
            generation: entry.generation,
            serial,
            ..Entry::VACANT
        };
        let slot = entry.slot(at);
        self.open.push(&mut self.entries, at);
        self.count_open(at, usize::saturating_add);
        self.expose(at, None);
        self.by_request.insert(hash_word(0, request.0), at);
        Ok(Placed { slot, client_order_id })
    }

    /// Tells a strategy that its command was refused before anything was registered or written: Rejected,
    /// CancelRejected or ReplaceRejected under the command's request.
    pub fn refuse(
        &self,
        now: UnixNanos,
        command: &OrderCommand,
        venue: Venue,
        refusal: &Refusal,
        out: &mut impl Executions,
    ) {
        let kind = match command.kind() {
            CommandKind::Place => ExecutionKind::Rejected,
            CommandKind::Cancel => ExecutionKind::CancelRejected,
            CommandKind::Replace => ExecutionKind::ReplaceRejected,
        };
        let target = command.target().and_then(|t| self.locate(venue, &t)).and_then(|at| self.entries.get(at as usize));
        let mut record = match target {
            Some(entry) => entry.order.record(kind, now, UnixNanos::NONE),
            None => ExecutionRecord::new(kind, venue, command.instrument()),
        };
        if target.is_none() {
            record.side = command.side();
            match command.target() {
                Some(OrderRef::Client(id)) => record.client_order_id = id,
                Some(OrderRef::Venue(id)) => record.venue_order_id = id,
                Some(OrderRef::Request(_)) | None => {}
            }
        }
        (record.request, record.recv, record.sent) = (command.request(), now, UnixNanos::NONE);
        (record.reject, record.venue_code) = (refusal.class, InlineText::truncated(refusal.reason));
        (record.venue_time, record.flags) = (refusal.retry_at, EXECUTION_FLAG_LAST);
        out.emit(&record);
    }

    /// Refuses a registered order of which no byte was written (no connection, no token, too late): Rejected. `false`,
    /// and nothing told, if a byte may have left.
    pub fn abandon(
        &mut self,
        now: UnixNanos,
        slot: Slot,
        class: RejectClass,
        reason: &str,
        out: &mut impl Executions,
    ) -> bool {
        let mut done = false;
        self.change(now, slot, |order, _| done = order.abandon(now, class, InlineText::truncated(reason), out));
        done
    }

    /// The first byte of the order may have left at `at`. To be called before anything is given to the kernel.
    pub fn sent(&mut self, now: UnixNanos, slot: Slot, at: UnixNanos) {
        if let Some(venue) = self.get(slot).map(Order::venue) {
            self.reconciliation.order_sent(venue, at);
        }
        self.change(now, slot, |order, _| order.sent(at));
    }

    /// The last byte of the order went to the kernel at `at`.
    pub fn written(&mut self, now: UnixNanos, slot: Slot, at: UnixNanos) {
        self.change(now, slot, |order, _| order.written(at));
    }

    /// The direct answer to the place request.
    pub fn place_reply(&mut self, now: UnixNanos, slot: Slot, reply: &PlaceReply, out: &mut impl Executions) {
        if let PlaceReply::Accepted { venue_order_id } = reply {
            self.identify(slot.at, slot, venue_order_id);
            if self.get(slot).is_some() {
                self.witness(slot.at);
            }
        }
        self.change(now, slot, |order, counters| order.reply(now, reply, counters, out));
    }

    /// The connection that carried the order is gone: Rejected if not one byte was written, else Unknown.
    pub fn connection_lost(&mut self, now: UnixNanos, slot: Slot, out: &mut impl Executions) {
        if self.abandon(now, slot, RejectClass::NotConnected, "connection lost before sending", out) {
            return;
        }
        let code = InlineText::truncated("connection lost");
        self.place_reply(now, slot, &PlaceReply::Ambiguous { code }, out);
    }

    /// No answer in time: Unknown. An order of which nothing was written is left alone; refuse it by
    /// [`Orders::abandon`].
    pub fn reply_timeout(&mut self, now: UnixNanos, slot: Slot, out: &mut impl Executions) {
        if self.get(slot).is_some_and(|order| order.state() != OrderState::New) {
            let code = InlineText::truncated("no reply in time");
            self.place_reply(now, slot, &PlaceReply::Ambiguous { code }, out);
        }
    }

    /// The venue states how an order stands. `exponents` are the (price, size) exponents of the fact's numbers, used to
    /// report strangers.
    pub fn order_fact(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        exponents: (i8, i8),
        fact: &OrderFact,
        out: &mut impl Executions,
    ) -> Whose {
        self.looked_up(venue, &fact.venue_order_id);
        let whose = self.whose(venue, &fact.venue_order_id, &fact.client_order_id);
        match whose {
            Whose::Ours(slot) => {
                self.identify(slot.at, slot, &fact.venue_order_id);
                self.witness(slot.at);
                if fact.source == super::FactSource::Query {
                    self.answered(slot.at);
                }
                self.observe_change(now, slot, fact, out);
                self.change(now, slot, |order, counters| order.fact(now, fact, counters, out));
            }
            Whose::Stranger => self.report_stranger(now, venue, exponents, fact, out),
            Whose::Twin(_) if !fact.status.is_terminal() => {
                let hash = hash_text(venue as u64, fact.venue_order_id.as_str());
                if self.strangers.insert(hash, (venue, fact.venue_order_id)) {
                    let mut record = stranger(now, venue, exponents, fact);
                    if let Whose::Twin(slot) = whose {
                        record.request = self.get(slot).map_or(RequestId::NONE, Order::request);
                        self.counters.conflicts = self.counters.conflicts.saturating_add(1);
                    }
                    out.emit(&record);
                }
            }
            Whose::Forgotten => self.counters.forgotten = self.counters.forgotten.saturating_add(1),
            Whose::Twin(_) | Whose::OurPrefixOtherSession => {}
        }
        whose
    }

    /// A row of the venue's history of executions. Rows of orders whose venue id is not known yet are
    /// [`Whose::Stranger`] and count when they are listed again.
    pub fn fill_fact(&mut self, now: UnixNanos, venue: Venue, fact: &FillFact, out: &mut impl Executions) -> Whose {
        let Some(slot) = self.at_venue_id(venue, &fact.venue_order_id).and_then(|at| self.slot_at(at)) else {
            self.look_for(now, venue, fact);
            return Whose::Stranger;
        };
        self.witness(slot.at);
        if !self.hold_back(venue, fact) {
            self.count_row(now, slot, venue, fact, out);
        }
        Whose::Ours(slot)
    }

    /// Counts a row of an order's history, if it was not counted before.
    pub(super) fn count_row(
        &mut self,
        now: UnixNanos,
        slot: Slot,
        venue: Venue,
        fact: &FillFact,
        out: &mut impl Executions,
    ) {
        if fact.execution_id.is_empty() {
            self.counters.refused_rows = self.counters.refused_rows.saturating_add(1);
            return;
        }
        let hash = hash_text(hash_text(venue as u64, fact.venue_order_id.as_str()), fact.execution_id.as_str());
        if self.executions.insert(hash, (venue, fact.venue_order_id, fact.execution_id)) {
            let other = self.get(slot).and_then(|order| OtherFee::of(fact, order, &self.assets));
            self.change(now, slot, |order, counters| order.row(now, fact, other, counters, out));
        } else {
            self.counters.duplicate_rows = self.counters.duplicate_rows.saturating_add(1);
        }
    }

    /// The number of an asset that fees may be taken in.
    pub fn name_asset(&mut self, venue: Venue, code: &str, id: AssetId) {
        self.assets.put(venue, code, id);
    }

    /// The number of an asset, if it was told.
    pub fn asset(&self, venue: Venue, code: &InlineText<16>) -> Option<AssetId> {
        self.assets.of(venue, code)
    }

    /// The order in a slot; `None` if the slot was reused since.
    pub fn get(&self, slot: Slot) -> Option<&Order> {
        self.entries.get(slot.at as usize).filter(|e| e.generation == slot.generation).map(|e| &e.order)
    }

    /// The open orders of a strategy placed after serial number `after` (0: all), in the order of their placement. For
    /// instalments, continue after the serial of the last one handled.
    pub fn open_of(&self, strategy: StrategyId, after: u64) -> impl Iterator<Item = (Slot, u64, &Order)> {
        self.open_slots().filter_map(move |(slot, entry)| {
            let wanted = entry.order.request().strategy() == strategy && entry.serial > after;
            wanted.then_some((slot, entry.serial, &entry.order))
        })
    }

    /// All open orders.
    pub fn open(&self) -> impl Iterator<Item = (Slot, &Order)> {
        self.open_slots().map(|(slot, entry)| (slot, &entry.order))
    }

    /// How many orders are open, of all strategies.
    pub const fn open_count(&self) -> usize {
        self.open.len
    }

    /// How many orders of one strategy are open.
    pub fn open_count_of(&self, strategy: StrategyId) -> usize {
        self.open_by_strategy.get(strategy.index()).copied().unwrap_or(0)
    }

    /// Makes and reads client order ids of this session.
    pub const fn ids(&self) -> &ClientOrderIds {
        &self.ids
    }

    /// What was ignored or found odd.
    pub const fn counters(&self) -> &OrderCounters {
        &self.counters
    }

    /// The next moment at which a cancel, a query or a repeated notice may be due.
    pub fn deadline(&self) -> Option<UnixNanos> {
        let queries = if self.reconciliation.has_room() {
            self.due.check.min(self.reconciliation.deadline()).min(self.recall.deadline())
        } else {
            UnixNanos::MAX
        };
        Some(self.due.cancel.min(self.due.repeat).min(queries)).filter(|at| *at != UnixNanos::MAX)
    }

    fn open_slots(&self) -> impl Iterator<Item = (Slot, &Entry)> {
        let mut at = self.open.first;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            let slot = entry.slot(at);
            at = entry.link.after;
            Some((slot, entry))
        })
    }

    /// Something was heard of an order.
    pub(super) fn witness(&mut self, at: u32) {
        self.evidence = self.evidence.saturating_add(1);
        let evidence = self.evidence;
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.seen = evidence;
            entry.check.refuted();
            if std::mem::take(&mut entry.owed) {
                self.reconciliation.settled(entry.order.venue());
            }
        }
    }

    /// An order the venue keeps denying no longer delays its connection's health.
    pub(super) fn excuse(&mut self, slot: Slot) {
        if let Some(entry) = self.entry(slot) {
            if std::mem::take(&mut entry.owed) {
                let venue = entry.order.venue();
                self.reconciliation.settled(venue);
            }
        }
    }

    /// A query told the full state of an order: what was to be asked is answered.
    fn answered(&mut self, at: u32) {
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.check.rest();
        }
    }

    /// Applies one input to one order and draws the consequences for the table.
    pub(super) fn change(&mut self, now: UnixNanos, slot: Slot, apply: impl FnOnce(&mut Order, &mut OrderCounters)) {
        let Orders { entries, counters, .. } = self;
        let entry = entries.get_mut(slot.at as usize).filter(|e| e.generation == slot.generation);
        let Some(entry) = entry else {
            counters.unexpected = counters.unexpected.saturating_add(1);
            return;
        };
        let (state, identified, doubted) = (entry.order.state(), entry.check.identified, entry.order.is_doubted());
        let before = Before { state, identified, doubted };
        let share = Share::of(&entry.order);
        apply(&mut entry.order, counters);
        self.expose(slot.at, Some(share));
        self.settle(now, slot.at, before);
    }

    fn settle(&mut self, now: UnixNanos, at: u32, before: Before) {
        let Orders { entries, due, reconciliation, .. } = self;
        let Some(entry) = entries.get_mut(at as usize) else { return };
        let state = entry.order.state();
        if before.doubted && !entry.order.is_doubted() && matches!(state, OrderState::Live | OrderState::Risen) {
            // What refutes a doubt may be older than it: a listing lags, a row is of the past. Later ones are not.
            entry.check.arm_again(now.plus_ms(reconciliation.rules().absence_grace_ms));
        }
        entry.check.identified = !entry.order.venue_order_id().is_empty();
        if entry.check.identified && !before.identified {
            entry.cancel.identified(now);
            entry.check.rest();
        }
        if state == OrderState::Unknown && before.state != OrderState::Unknown {
            entry.check.arm(now);
            entry.repeat_at = now.plus_ms(reconciliation.rules().unknown_repeat_ms);
            due.repeat = due.repeat.min(entry.repeat_at);
        }
        if before.state == OrderState::Unknown && state != OrderState::Unknown {
            entry.check.rest();
            entry.repeat_at = UnixNanos::MAX;
        }
        if entry.order.wants_check() || entry.change.is_unknown() {
            entry.check.arm(now.plus_ms(CHECK_DELAY_MS));
        }
        due.check = due.check.min(entry.check.at);
        due.cancel = due.cancel.min(entry.cancel.deadline());
        match (entry.place, state) {
            (Place::Open, OrderState::Closed(_)) => self.bury(now, at),
            (Place::Closed, OrderState::Risen) => self.raise(now, at),
            _ => {}
        }
    }

    /// Moves a closed order to the remembered ones and forgets the oldest of those if there are too many.
    fn bury(&mut self, now: UnixNanos, at: u32) {
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.cancel.stop();
            entry.change.stop();
            entry.check.stop();
            entry.place = Place::Closed;
            if std::mem::take(&mut entry.owed) {
                self.reconciliation.settled(entry.order.venue());
            }
            self.reconciliation.order_closed(entry.order.venue(), now);
            if std::mem::take(&mut entry.swept) {
                self.recall.swept(entry.order.venue());
            }
        }
        self.open.remove(&mut self.entries, at);
        self.count_open(at, usize::saturating_sub);
        self.closed.push(&mut self.entries, at);
        if self.closed.len > self.limits.closed_kept {
            self.forget(self.closed.first);
        }
    }

    /// An order told to be dead lives: open again, and to be cancelled.
    fn raise(&mut self, now: UnixNanos, at: u32) {
        self.closed.remove(&mut self.entries, at);
        self.open.push(&mut self.entries, at);
        self.count_open(at, usize::saturating_add);
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.place = Place::Open;
            entry.cancel.ask(RequestId::NONE, false, now);
            if entry.check.identified {
                entry.cancel.identified(now);
            }
            self.due.cancel = self.due.cancel.min(entry.cancel.deadline());
        }
    }

    /// Applies something to a slot that may change what its order adds to what is ours; `None` if the slot was reused.
    pub(super) fn exposing<R>(&mut self, slot: Slot, apply: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let entry = self.entry(slot)?;
        let share = Share::of(&entry.order);
        let result = apply(entry);
        self.expose(slot.at, Some(share));
        Some(result)
    }

    /// The order in a slot adds something else than before to what is ours.
    pub(super) fn expose(&mut self, at: u32, before: Option<Share>) {
        let Orders { entries, exposures, open, .. } = self;
        let Some(order) = entries.get(at as usize).map(|entry| &entry.order) else { return };
        let (instrument, share) = (order.instrument(), Share::of(order));
        if let Best::Lost(side) = exposures.changed(order.venue(), instrument, before, share) {
            let mine = open_orders(entries, open.first).map(|entry| &entry.order);
            let mine = mine.filter(|order| order.instrument() == instrument && order.side() == side);
            exposures.find_best(instrument, side, mine.filter_map(|order| Share::of(order).price()));
        }
    }

    pub(super) fn count_open(&mut self, at: u32, change: fn(usize, usize) -> usize) {
        let Some(strategy) = self.entries.get(at as usize).map(|e| e.order.request().strategy()) else { return };
        if let Some(count) = self.open_by_strategy.get_mut(strategy.index()) {
            *count = change(*count, 1);
        }
    }

    fn forget(&mut self, at: u32) {
        let Some(order) = self.entries.get(at as usize).map(|e| e.order) else { return };
        self.closed.remove(&mut self.entries, at);
        self.by_request.remove(hash_word(0, order.request().0), |i| i == at);
        if order.request().is_adopted() {
            self.by_client.remove(hash_text(0, order.client_order_id().as_str()), |i| i == at);
        }
        if !order.venue_order_id().is_empty() {
            let hash = hash_text(order.venue() as u64, order.venue_order_id().as_str());
            self.by_venue_id.remove(hash, |i| i == at);
        }
        if let Some(entry) = self.entries.get_mut(at as usize) {
            *entry = Entry { generation: entry.generation.wrapping_add(1), ..Entry::VACANT };
        }
        self.free.push(at);
    }
}
