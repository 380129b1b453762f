//! Orders of dead sessions: taken back into the table as they stand, with what befell them since.
//!
//! Owns what has to be asked for it: every execution of an order that was taken back, the state of orders that only
//! the history of executions shows because they ended while nobody was there, and that history once more in an instrument
//! that was not known when it was read. Guarantees that an order is taken back
//! once, that each execution since the dead session told the last one is told once (as a Fill flagged REPLAYED; the listed
//! cumulative quantity has it already), and that the venue does not count as reconciled before all of it was answered.
//! Never decides what becomes of an order that was taken back.

use super::check::pause;
use super::entry::{Entry, Place, Slot};
use super::fact::{FillFact, OrderFact};
use super::index::{hash_text, hash_word, Recent};
use super::query::{Query, QueryEnd, QueryId, ReconcileRules, RestartPolicy};
use super::reconcile::{before, InFlight, Subject};
use super::state::Order;
use super::table::Orders;
use super::told::stranger;
use super::Executions;
use crate::record::{Instrument, InstrumentId, PerVenue, RequestId, UnixNanos, Venue, VenueOrderId};
use arrayvec::ArrayVec;

/// Orders of dead sessions that wait for their history, at most; further ones are reported as strangers'.
pub(super) const RECALLED_MAX: usize = 1_024;
/// Executions are told again from so long before the moment up to which a dead session told them, ms: what it may not have
/// heard yet, a fill that its stream dropped among it, or all of a stream that had gone silent and was not yet given up.
pub const REPLAY_MARGIN_MS: u64 = 120_000;
/// Rows held back at most; further ones count as they come.
const ROWS_HELD_MAX: usize = 16_384;
/// Venue ids remembered as looked up: of an order of others that is enough to ask once. More than one history of
/// executions has rows, so that one that is read again gets on.
const LOOKED_UP_KEPT: usize = 16_384;

/// What is to be asked about one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Its executions are listed and its own state is not known: whose is it?
    State,
    /// All of its executions.
    Executions,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    venue: Venue,
    id: VenueOrderId,
    instrument: InstrumentId,
    want: Want,
    asked: Option<QueryId>,
}

/// A part of the history of executions that has to be read once more.
#[derive(Debug, Clone, Copy)]
struct Reread {
    venue: Venue,
    /// It became known after the history was read; `None` if rows found no room then, whatever they are of.
    instrument: Option<InstrumentId>,
    asked: Option<QueryId>,
}

/// How one venue stands.
#[derive(Debug, Clone, Copy)]
struct VenueRecall {
    at: UnixNanos,
    pause_ms: u64,
    /// When the listing began by which every order of a dead session was there, however late it arrived; `MAX` before.
    settled_at: UnixNanos,
    /// An order could not be taken back because its instrument was not known.
    unread: bool,
    /// One of them is to be swept and was still listed.
    unswept: bool,
    /// Orders that are being swept and are not over.
    sweeping: usize,
    /// It was reconciled once.
    done_once: bool,
    /// It was listed: once more from then on, after what was on its way when the dead session died has arrived. `NONE`
    /// before.
    settles_at: UnixNanos,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Recall {
    /// Executions since are looked for; `NONE` on a first start.
    since: UnixNanos,
    wanted: Vec<Wanted>,
    /// Rows of orders whose executions are being read: they count once all are there, oldest first.
    rows: Vec<(Venue, FillFact)>,
    rereads: Vec<Reread>,
    /// Instruments whose executions were asked for, or will be with all others.
    read: Vec<InstrumentId>,
    looked_up: Recent<(Venue, VenueOrderId)>,
    venues: PerVenue<VenueRecall>,
    adopted: u64,
}

impl Recall {
    pub fn new() -> Recall {
        let venue = VenueRecall {
            at: UnixNanos::MAX,
            pause_ms: 0,
            settled_at: UnixNanos::MAX,
            unread: false,
            unswept: false,
            sweeping: 0,
            done_once: false,
            settles_at: UnixNanos::NONE,
        };
        Recall {
            since: UnixNanos::NONE,
            wanted: Vec::new(),
            rows: Vec::new(),
            rereads: Vec::new(),
            read: Vec::new(),
            looked_up: Recent::new(LOOKED_UP_KEPT),
            venues: PerVenue::new(|_| venue),
            adopted: 0,
        }
    }

    pub fn deadline(&self) -> UnixNanos {
        self.venues.iter().map(|(_, venue)| venue.at).min().unwrap_or(UnixNanos::MAX)
    }

    /// Whether nothing is left to ask, and nothing to sweep, at a venue.
    pub fn is_done(&self, venue: Venue) -> bool {
        // An instrument that becomes known later holds nobody up.
        let unread = |reread: &Reread| reread.venue == venue && reread.instrument.is_none();
        self.venues.get(venue).sweeping == 0
            && !self.wanted.iter().any(|wanted| wanted.venue == venue)
            && !self.rereads.iter().any(unread)
    }

    /// Whether history is to be read once more at a venue.
    fn rereads(&self, venue: Venue) -> bool {
        self.rereads.iter().any(|reread| reread.venue == venue)
    }

    /// History is to be read once more, unless that is due already.
    fn reread(&mut self, now: UnixNanos, venue: Venue, instrument: Option<InstrumentId>) {
        let is_due = |r: &Reread| r.venue == venue && r.instrument == instrument && r.asked.is_none();
        if !self.rereads.iter().any(is_due) {
            self.rereads.push(Reread { venue, instrument, asked: None });
        }
        let state = self.venues.get_mut(venue);
        state.at = state.at.min(now);
    }

    /// Open orders were listed, beginning at `begun`. When they are to be listed once more, `at` the earliest: a request of
    /// the dead session may still be on its way, and a listing may lag. One that came before its time, since the stream was
    /// opened again, does not take the place of that.
    pub fn relist(&mut self, venue: Venue, begun: UnixNanos, at: UnixNanos) -> Option<UnixNanos> {
        let state = self.venues.get_mut(venue);
        if !state.settles_at.is_some() {
            state.settles_at = at;
        }
        if begun < state.settles_at {
            return Some(state.settles_at);
        }
        state.settled_at = state.settled_at.min(begun);
        None
    }

    /// Whether the last listing had an order that is to be swept and could not be taken back.
    pub fn take_unswept(&mut self, venue: Venue) -> bool {
        std::mem::take(&mut self.venues.get_mut(venue).unswept)
    }

    /// A swept order is over.
    pub fn swept(&mut self, venue: Venue) {
        let state = self.venues.get_mut(venue);
        state.sweeping = state.sweeping.saturating_sub(1);
    }

    fn want(&mut self, now: UnixNanos, venue: Venue, id: VenueOrderId, instrument: InstrumentId, want: Want) -> bool {
        if self.wanted.len() >= RECALLED_MAX {
            return false;
        }
        self.wanted.push(Wanted { venue, id, instrument, want, asked: None });
        let state = self.venues.get_mut(venue);
        state.at = state.at.min(now);
        true
    }

    /// The next question about a venue's recalled orders: whose they are first, then their executions, then what has to be
    /// read once more: by then there is room for what it shows.
    fn next(&mut self, venue: Venue, id: QueryId) -> Option<Query> {
        self.venues.get_mut(venue).at = UnixNanos::MAX;
        let free = |wanted: &Wanted, want| wanted.venue == venue && wanted.asked.is_none() && wanted.want == want;
        let want = [Want::State, Want::Executions]
            .into_iter()
            .find(|want| self.wanted.iter().any(|wanted| free(wanted, *want)));
        let Some(want) = want else {
            let reread = self.rereads.iter_mut().find(|reread| reread.venue == venue && reread.asked.is_none())?;
            reread.asked = Some(id);
            return Some(Query::Fills { venue, instrument: reread.instrument, since: self.since });
        };
        let mut ids = ArrayVec::new();
        for wanted in self.wanted.iter_mut().filter(|wanted| free(wanted, want)) {
            if ids.try_push(wanted.id).is_err() {
                break;
            }
            wanted.asked = Some(id);
        }
        Some(match want {
            Want::State => Query::OrdersByIds { venue, ids },
            Want::Executions => Query::FillsOf { venue, ids },
        })
    }

    pub fn ended(&mut self, now: UnixNanos, venue: Venue, query: &InFlight, end: QueryEnd, rules: &ReconcileRules) {
        let state = self.venues.get_mut(venue);
        match end {
            QueryEnd::Complete => {
                state.pause_ms = 0;
                self.wanted.retain(|wanted| wanted.asked != Some(query.id));
                self.rereads.retain(|reread| reread.asked != Some(query.id));
                let rereads = self.rereads.iter().any(|reread| reread.venue == venue);
                if rereads || self.wanted.iter().any(|wanted| wanted.venue == venue) {
                    state.at = now;
                }
            }
            QueryEnd::Failed => {
                state.pause_ms = pause(state.pause_ms, rules);
                state.at = now.plus_ms(state.pause_ms);
                for wanted in self.wanted.iter_mut().filter(|wanted| wanted.asked == Some(query.id)) {
                    wanted.asked = None;
                }
                for reread in self.rereads.iter_mut().filter(|reread| reread.asked == Some(query.id)) {
                    reread.asked = None;
                }
            }
        }
    }

    /// Whose an order is need not be asked any more.
    fn known(&mut self, venue: Venue, id: &VenueOrderId) {
        let asks = |wanted: &Wanted| wanted.want == Want::State && wanted.asked.is_none();
        self.wanted.retain(|wanted| !(asks(wanted) && wanted.venue == venue && wanted.id == *id));
    }

    fn is_looked_up(&self, venue: Venue, id: &VenueOrderId) -> bool {
        self.wanted.iter().any(|wanted| wanted.venue == venue && wanted.id == *id && wanted.want == Want::State)
    }
}

impl Orders {
    /// The sessions before this one told what was executed up to `told_until`: their orders are taken back, and executions
    /// are looked for from then on. `NONE` on a first start.
    pub(super) fn resume(&mut self, told_until: UnixNanos) {
        let since = if told_until.is_some() { before(told_until, REPLAY_MARGIN_MS) } else { told_until };
        self.recall.since = since;
        if since.is_some() {
            for venue in Venue::ALL {
                self.reconciliation.fills_since(venue, since);
            }
        }
    }

    /// Takes an order of a dead session back: it is told as listed, then its executions since are asked for. `None`, and
    /// nothing told, if it is over and nobody asked for it, or known already; reported as a stranger's if the table has
    /// no room for it.
    pub fn adopt(
        &mut self,
        now: UnixNanos,
        instrument: &Instrument,
        fact: &OrderFact,
        out: &mut impl Executions,
    ) -> Option<Slot> {
        let venue = instrument.listing.venue;
        let dead = self.ids().dead_request_of(&fact.client_order_id)?;
        let over = fact.status.is_terminal();
        if over && !self.recall.is_looked_up(venue, &fact.venue_order_id) {
            return None;
        }
        if self.at_venue_id(venue, &fact.venue_order_id).is_some() || fact.venue_order_id.is_empty() {
            return None;
        }
        let room = self.open.len < self.limits.open_max;
        let wanted = room && self.recall.want(now, venue, fact.venue_order_id, instrument.id, Want::Executions);
        let free = if wanted { self.free.pop() } else { None };
        let Some(at) = free else {
            self.report_stranger(now, venue, instrument.exponents(), fact, out);
            return None;
        };
        self.recall.known(venue, &fact.venue_order_id);
        self.recall.adopted = self.recall.adopted.saturating_add(1);
        let request = RequestId::adopted(dead.strategy(), self.recall.adopted);
        self.placed = self.placed.saturating_add(1);
        let serial = self.placed;
        let entry = self.entries.get_mut(at as usize)?;
        *entry = Entry {
            order: Order::adopted(now, request, instrument, fact, self.recall.since),
            place: Place::Open,
            generation: entry.generation,
            serial,
            ..Entry::VACANT
        };
        entry.check.identified = true;
        entry.change.unknown_past(now);
        let (slot, listed) = (entry.slot(at), entry.order.listed(now));
        self.open.push(&mut self.entries, at);
        self.count_open(at, usize::saturating_add);
        self.expose(at, None);
        self.by_request.insert(hash_word(0, request.0), at);
        self.by_venue_id.insert(hash_text(venue as u64, fact.venue_order_id.as_str()), at);
        self.by_client.insert(hash_text(0, fact.client_order_id.as_str()), at);
        self.witness(at);
        if let Some(listed) = listed {
            out.emit(&listed);
        }
        if over {
            self.change(now, slot, |order, counters| order.fact(now, fact, counters, out));
        } else if self.reconciliation.rules().restart == RestartPolicy::Sweep {
            self.sweep(now, slot);
        }
        Some(slot)
    }

    /// An order of a dead session cannot be taken back yet: its instrument is not known. Reported once. Whether it is to be
    /// cancelled all the same, since it would be swept: its venue is not reconciled before a listing lacks it.
    pub fn cannot_adopt(&mut self, now: UnixNanos, venue: Venue, fact: &OrderFact, out: &mut impl Executions) -> bool {
        if fact.status.is_terminal() {
            return false;
        }
        let sweeps = self.reconciliation.rules().restart == RestartPolicy::Sweep;
        let state = self.recall.venues.get_mut(venue);
        (state.unread, state.unswept) = (true, state.unswept || sweeps);
        self.report_stranger(now, venue, (0, 0), fact, out);
        sweeps
    }

    /// Whether an order of a dead session may be open that could not be taken back.
    pub fn leaves_unread(&self, venue: Venue) -> bool {
        self.recall.venues.get(venue).unread
    }

    /// An instrument became known: orders that could not be taken back are listed again, and executions in it that were
    /// passed over are asked for.
    pub fn instrument_known(&mut self, now: UnixNanos, venue: Venue, instrument: InstrumentId) {
        let since = self.recall.since;
        if since.is_some() && !self.recall.read.contains(&instrument) {
            self.recall.read.push(instrument);
            if self.reconciliation.asked_since(venue, since) {
                self.recall.reread(now, venue, Some(instrument));
            }
        }
        if std::mem::take(&mut self.recall.venues.get_mut(venue).unread) {
            self.list_open(now, venue);
        }
    }

    /// An order that was taken back is to be cancelled before anything else: its venue is not reconciled before it is over,
    /// and a refusal ends nothing.
    pub fn sweep(&mut self, now: UnixNanos, slot: Slot) {
        let Some(entry) = self.entry(slot) else { return };
        if entry.place != Place::Open || std::mem::replace(&mut entry.swept, true) {
            return;
        }
        let venue = entry.order.venue();
        let state = self.recall.venues.get_mut(venue);
        state.sweeping = state.sweeping.saturating_add(1);
        if let super::CancelStep::Send(send) = self.cancel_slot(now, slot, RequestId::NONE) {
            // Due at once: it leaves with the others.
            self.cancel_delayed(send.slot, now);
        }
    }

    /// The venue was reconciled at least once.
    pub fn was_reconciled(&self, venue: Venue) -> bool {
        self.recall.venues.get(venue).done_once
    }

    /// Up to when everything that was executed at a venue was told; `None` while that is not known, which is as long as the
    /// venue is not reconciled.
    pub fn told_until(&self, now: UnixNanos, venue: Venue) -> Option<UnixNanos> {
        if !self.is_reconciled(venue) {
            return None;
        }
        match self.recall.rereads(venue) {
            // What the dead session did not tell is not told either.
            true => Some(self.ids().told_until()),
            false => Some(self.reconciliation.listed_until(now, venue)),
        }
    }

    /// Notes which venues are reconciled now.
    pub fn note_reconciled(&mut self) {
        for venue in Venue::ALL {
            if !self.recall.venues.get(venue).done_once && self.is_reconciled(venue) {
                self.recall.venues.get_mut(venue).done_once = true;
            }
        }
    }

    /// What an order trades, of one that is known or asked about.
    pub fn instrument_of(&self, venue: Venue, id: &VenueOrderId) -> Option<InstrumentId> {
        let known = self.at_venue_id(venue, id).and_then(|at| self.entries.get(at as usize));
        known.map(|entry| entry.order.instrument()).or_else(|| {
            let wanted = self.recall.wanted.iter().find(|wanted| wanted.venue == venue && wanted.id == *id);
            wanted.map(|wanted| wanted.instrument)
        })
    }

    /// A row of an order the table does not know: it may be of a dead session's order, if it happened before all of those
    /// were known.
    pub(super) fn look_for(&mut self, now: UnixNanos, venue: Venue, fact: &FillFact) {
        let (since, until) = (self.recall.since, self.recall.venues.get(venue).settled_at);
        let between = since.is_some() && fact.venue_time >= since && fact.venue_time <= until;
        let Some(instrument) = fact.instrument.filter(|_| between && self.ids().has_earlier()) else { return };
        let hash = hash_text(venue as u64, fact.venue_order_id.as_str());
        let known = self.recall.looked_up.contains(hash, (venue, fact.venue_order_id));
        if known || self.recall.is_looked_up(venue, &fact.venue_order_id) {
            return;
        }
        if !self.recall.want(now, venue, fact.venue_order_id, instrument, Want::State) {
            self.counters.put_off = self.counters.put_off.saturating_add(1);
            self.recall.reread(now, venue, None);
        }
    }

    /// The venue said how an order stands: whose it is need not be asked again. A listing that lags may lack it, and then it
    /// is asked again with the next row.
    pub(super) fn looked_up(&mut self, venue: Venue, id: &VenueOrderId) {
        if self.recall.is_looked_up(venue, id) {
            self.recall.looked_up.insert(hash_text(venue as u64, id.as_str()), (venue, *id));
        }
    }

    /// Whether a row waits for the others of its order.
    pub(super) fn hold_back(&mut self, venue: Venue, fact: &FillFact) -> bool {
        let Recall { wanted, rows, .. } = &mut self.recall;
        let waits = |wanted: &Wanted| wanted.venue == venue && wanted.id == fact.venue_order_id;
        let held = wanted.iter().any(|wanted| wanted.want == Want::Executions && waits(wanted));
        if held && rows.len() < ROWS_HELD_MAX {
            rows.push((venue, *fact));
            return true;
        }
        false
    }

    /// A question about recalled orders ended. Of orders whose executions are all there, the rows count now.
    pub(super) fn recalled(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        query: &InFlight,
        end: QueryEnd,
        out: &mut impl Executions,
    ) {
        let rules = *self.reconciliation.rules();
        self.recall.ended(now, venue, query, end, &rules);
        if end == QueryEnd::Failed {
            return;
        }
        let mut rows = std::mem::take(&mut self.recall.rows);
        // A listing may begin with the newest; those of one moment by their identity, so that the order is one.
        rows.sort_by(|(_, a), (_, b)| {
            (a.venue_time, a.execution_id.as_str()).cmp(&(b.venue_time, b.execution_id.as_str()))
        });
        for (venue, fact) in rows {
            if self.hold_back(venue, &fact) {
                continue;
            }
            let slot = self.at_venue_id(venue, &fact.venue_order_id).and_then(|at| self.slot_at(at));
            if let Some(slot) = slot {
                self.count_row(now, slot, venue, &fact, out);
            }
        }
    }

    pub(super) fn next_recall(&mut self, now: UnixNanos, venue: Venue) -> Option<(QueryId, Query)> {
        if self.recall.venues.get(venue).at > now {
            return None;
        }
        let id = self.reconciliation.begin(Subject::Recall(venue), now, self.evidence);
        let query = self.recall.next(venue, id);
        if query.is_none() {
            self.reconciliation.end(id);
        }
        query.map(|query| (id, query))
    }

    pub(super) fn report_stranger(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        exponents: (i8, i8),
        fact: &OrderFact,
        out: &mut impl Executions,
    ) {
        let hash = hash_text(venue as u64, fact.venue_order_id.as_str());
        if !fact.status.is_terminal() && self.strangers.insert(hash, (venue, fact.venue_order_id)) {
            out.emit(&stranger(now, venue, exponents, fact));
        }
    }
}
