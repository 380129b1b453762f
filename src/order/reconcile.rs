//! What has to be asked of the venue, and when.
//!
//! Owns when which query is due: for orders of unknown outcome, for open orders that a re-opened user stream has not
//! confirmed, and for executions a healthy stream may have dropped. The engine takes queries by [`Orders::next_query`],
//! has the venue session carry them out (their rows come in as ordinary facts) and reports each by
//! [`Orders::query_done`]. Guarantees that an order is never sent again, and that a question which fails is repeated with
//! growing pauses. What follows from what an answer lacks is `silence`'s. Never sends, never emits anything but that
//! judgement and the repeated notices of [`Orders::tick`].

use super::cancel::CANCEL_CONFIRM_MS;
use super::check::pause;
use super::entry::Entry;
use super::holdings::BalanceQuestion;
use super::query::{Query, QueryEnd, QueryId, ReconcileRules};
use super::state::OrderState;
use super::table::Orders;
use super::Executions;
use crate::record::{InstrumentId, PerVenue, UnixNanos, Venue};
use arrayvec::ArrayVec;

/// Most queries under way at a time.
pub const QUERIES_MAX: usize = 8;
/// The stream gets so long to say by itself what a query would tell.
pub(super) const CHECK_DELAY_MS: u64 = 1_000;
const _: () = assert!(CHECK_DELAY_MS < CANCEL_CONFIRM_MS);
/// Executions are asked for as long as this after the last order of the venue closed: listings lag.
const FILLS_AFTER_CLOSE_MS: u64 = 90_000;
const NANOS_PER_MS: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Open orders; all of them, or ours.
    Open {
        venue: Venue,
        whole: bool,
    },
    Orders,
    Fills(Venue),
    /// Orders of dead sessions.
    Recall(Venue),
    Balances(Venue),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub id: QueryId,
    subject: Subject,
    pub begun: UnixNanos,
    /// Number of the latest evidence when it began.
    pub evidence: u64,
    /// Which opening of the user stream it belongs to.
    opening: u64,
}

/// What is to be asked of one venue as a whole.
#[derive(Debug, Clone, Copy)]
struct VenueState {
    up: bool,
    opening: u64,
    needs_fills: bool,
    needs_listing: bool,
    /// The listing that is due is of all orders.
    whole: bool,
    /// The user stream was re-opened, and no listing was read since.
    reopened: bool,
    /// Open orders that the listing lacked and that no evidence has confirmed yet.
    owed: usize,
    listing_at: UnixNanos,
    /// A listing begun before this does not answer what was asked.
    listing_from: UnixNanos,
    listing_pause_ms: u64,
    fills_at: UnixNanos,
    balances: BalanceQuestion,
    /// A query for executions is under way.
    fills_asked: bool,
    fills_pause_ms: u64,
    fills_from: UnixNanos,
    fills_until: UnixNanos,
}

impl VenueState {
    /// When balances are to be asked for; orders come first.
    const fn balances_due(&self) -> UnixNanos {
        match self.up && !self.needs_fills && !self.needs_listing {
            true => self.balances.at(),
            false => UnixNanos::MAX,
        }
    }
}

/// All of reconciliation that is not about one order.
#[derive(Debug)]
pub(super) struct Reconciliation {
    rules: ReconcileRules,
    venues: PerVenue<VenueState>,
    in_flight: ArrayVec<InFlight, QUERIES_MAX>,
    handed_out: u64,
}

impl Reconciliation {
    pub fn new(rules: ReconcileRules) -> Reconciliation {
        let venue = VenueState {
            up: false,
            opening: 0,
            needs_fills: false,
            needs_listing: true,
            whole: true,
            reopened: false,
            owed: 0,
            listing_at: UnixNanos::MAX,
            listing_from: UnixNanos::NONE,
            listing_pause_ms: 0,
            fills_at: UnixNanos::MAX,
            balances: BalanceQuestion::FIRST,
            fills_asked: false,
            fills_pause_ms: 0,
            fills_from: UnixNanos::NONE,
            fills_until: UnixNanos::NONE,
        };
        Reconciliation { rules, venues: PerVenue::new(|_| venue), in_flight: ArrayVec::new(), handed_out: 0 }
    }

    pub const fn rules(&self) -> &ReconcileRules {
        &self.rules
    }

    pub fn has_room(&self) -> bool {
        !self.in_flight.is_full()
    }

    pub fn deadline(&self) -> UnixNanos {
        let times = self.venues.iter().map(|(_, v)| v.listing_at.min(v.fills_at).min(v.balances_due()));
        times.min().unwrap_or(UnixNanos::MAX)
    }

    pub fn order_sent(&mut self, venue: Venue, at: UnixNanos) {
        let every = self.rules.fills_every_ms;
        let state = self.venue(venue);
        if state.fills_at == UnixNanos::MAX && !state.needs_fills && !state.fills_asked {
            state.fills_at = at.plus_ms(every);
            state.fills_from = at;
        }
        state.fills_until = state.fills_until.max(at.plus_ms(FILLS_AFTER_CLOSE_MS));
    }

    /// Open orders are to be listed at `at`, and executions until long enough after it: an order may come and go before.
    fn list_again(&mut self, venue: Venue, at: UnixNanos) {
        let state = self.venue(venue);
        (state.listing_at, state.whole) = (at, true);
        state.fills_until = state.fills_until.max(at.plus_ms(FILLS_AFTER_CLOSE_MS));
    }

    /// Whether the listing that was read is the first since the user stream was re-opened: it may have lagged, so that it
    /// showed as open what ended before.
    fn take_reopened(&mut self, venue: Venue) -> bool {
        std::mem::take(&mut self.venue(venue).reopened)
    }

    /// Our open orders are to be listed, unless a listing is due or under way anyway.
    fn sweep_open(&mut self, now: UnixNanos, venue: Venue) {
        let state = self.venue(venue);
        if state.up && !state.needs_listing && state.listing_at == UnixNanos::MAX {
            (state.listing_at, state.whole) = (now, false);
        }
    }

    /// Up to when the stream's word can be trusted: while executions are asked for, to the last time that was answered,
    /// since a stream may drop one. With no order open for long nothing is asked for.
    pub fn listed_until(&self, now: UnixNanos, venue: Venue) -> UnixNanos {
        let state = self.venues.get(venue);
        match state.fills_asked || state.fills_at != UnixNanos::MAX {
            true => state.fills_from.min(now),
            false => now,
        }
    }

    /// Whether a listing is still to come that answers what was asked.
    fn needs_listing(&self, venue: Venue) -> bool {
        self.venues.get(venue).needs_listing
    }

    /// Whether a question for executions since then was begun, and is not to be begun again by itself.
    pub fn asked_since(&self, venue: Venue, since: UnixNanos) -> bool {
        let state = self.venues.get(venue);
        state.fills_asked || state.fills_from != since
    }

    /// Executions are to be looked for from then on.
    pub fn fills_since(&mut self, venue: Venue, since: UnixNanos) {
        self.venue(venue).fills_from = since;
    }

    pub fn order_closed(&mut self, venue: Venue, now: UnixNanos) {
        let state = self.venue(venue);
        state.fills_until = state.fills_until.max(now.plus_ms(FILLS_AFTER_CLOSE_MS));
    }

    /// Nothing at this venue is certain before an open order was confirmed.
    pub fn owes(&mut self, venue: Venue) {
        let state = self.venue(venue);
        state.owed = state.owed.saturating_add(1);
    }

    /// An owed order was confirmed, or is over.
    pub fn settled(&mut self, venue: Venue) {
        let state = self.venue(venue);
        state.owed = state.owed.saturating_sub(1);
    }

    fn venue(&mut self, venue: Venue) -> &mut VenueState {
        self.venues.get_mut(venue)
    }

    pub fn begin(&mut self, subject: Subject, begun: UnixNanos, evidence: u64) -> QueryId {
        self.handed_out = self.handed_out.saturating_add(1);
        let id = QueryId(self.handed_out);
        let opening = match subject {
            Subject::Open { venue, .. } | Subject::Fills(venue) => self.venue(venue).opening,
            Subject::Orders | Subject::Recall(_) | Subject::Balances(_) => 0,
        };
        // The caller looked: there is room.
        let _full = self.in_flight.try_push(InFlight { id, subject, begun, evidence, opening });
        id
    }

    pub fn end(&mut self, id: QueryId) -> Option<InFlight> {
        let at = self.in_flight.iter().position(|q| q.id == id)?;
        self.in_flight.pop_at(at)
    }

    /// What is due about a venue as a whole: executions first, then the listing, so that no order is judged before its
    /// fills are booked.
    fn next(
        &mut self,
        now: UnixNanos,
        venue: Venue,
        any_open: impl FnOnce() -> bool,
        evidence: u64,
    ) -> Option<(QueryId, Query)> {
        let (overlap, margin) = (self.rules.fills_overlap_ms, self.rules.since_margin_ms);
        let state = self.venue(venue);
        if state.fills_at <= now {
            let idle = now > state.fills_until && state.fills_pause_ms == 0 && !state.needs_fills && !any_open();
            state.fills_at = UnixNanos::MAX;
            if !idle {
                let since = before(state.fills_from, overlap.saturating_add(margin));
                state.fills_asked = true;
                let id = self.begin(Subject::Fills(venue), now, evidence);
                return Some((id, Query::Fills { venue, instrument: None, since }));
            }
        }
        let state = self.venue(venue);
        if state.listing_at <= now {
            state.listing_at = UnixNanos::MAX;
            let whole = state.whole;
            return Some((
                self.begin(Subject::Open { venue, whole }, now, evidence),
                Query::OpenOrders { venue, whole },
            ));
        }
        None
    }

    /// Balances, after everything about orders.
    fn next_balances(&mut self, now: UnixNanos, venue: Venue, evidence: u64) -> Option<(QueryId, Query)> {
        let state = self.venue(venue);
        if state.balances_due() > now {
            return None;
        }
        state.balances.ask();
        Some((self.begin(Subject::Balances(venue), now, evidence), Query::Balances { venue }))
    }

    /// When the balances of a venue are asked for.
    pub fn balances(&mut self, venue: Venue) -> &mut BalanceQuestion {
        &mut self.venue(venue).balances
    }

    /// When the balances that are being told were asked for.
    pub fn balances_asked(&self, venue: Venue) -> Option<UnixNanos> {
        self.in_flight.iter().find(|query| query.subject == Subject::Balances(venue)).map(|query| query.begun)
    }

    /// Executions were read, or not. Returns whether they were, and nobody waits for the orders of a re-opened stream.
    fn fills_done(&mut self, now: UnixNanos, venue: Venue, query: &InFlight, end: QueryEnd) -> bool {
        let rules = self.rules;
        let state = self.venue(venue);
        state.fills_asked = false;
        if end == QueryEnd::Failed {
            state.fills_pause_ms = pause(state.fills_pause_ms, &rules);
            state.fills_at = now.plus_ms(state.fills_pause_ms);
            return false;
        }
        state.fills_from = query.begun;
        state.fills_pause_ms = 0;
        if !state.needs_fills {
            state.fills_at = now.plus_ms(rules.fills_every_ms);
            return true;
        }
        if query.opening == state.opening {
            state.needs_fills = false;
            if state.up {
                state.listing_at = now;
            }
            state.fills_at = now.plus_ms(rules.fills_every_ms);
        } else {
            // Begun under an earlier opening of the user stream: what happened in between may be missing.
            state.fills_at = now;
        }
        false
    }

    /// Whether the listing counts.
    fn listing_done(&mut self, now: UnixNanos, (venue, whole): (Venue, bool), query: &InFlight, end: QueryEnd) -> bool {
        let rules = self.rules;
        let state = self.venue(venue);
        if query.opening != state.opening {
            return false;
        }
        if end == QueryEnd::Failed {
            state.listing_pause_ms = pause(state.listing_pause_ms, &rules);
            state.listing_at = now.plus_ms(state.listing_pause_ms);
            return false;
        }
        state.listing_pause_ms = 0;
        // Otherwise another one was asked for meanwhile, which is due already.
        state.needs_listing &= !whole || query.begun < state.listing_from;
        true
    }
}

impl Orders {
    /// The user stream of a venue is open: what happened before is unknown until executions and open orders were
    /// listed. Every open order the listing lacks is then asked for by its id.
    pub fn user_stream_up(&mut self, now: UnixNanos, venue: Venue) {
        let state = self.reconciliation.venue(venue);
        state.opening = state.opening.saturating_add(1);
        (state.up, state.needs_listing, state.whole, state.reopened) = (true, true, true, true);
        if state.fills_from.is_some() {
            state.needs_fills = true;
            if !state.fills_asked {
                state.fills_at = now;
            }
        } else {
            state.listing_at = now;
        }
    }

    /// Asks for the open orders of a venue, whoever placed them, as soon as it can be asked. It is not reconciled before
    /// a listing begun from now on is complete.
    pub fn list_open(&mut self, now: UnixNanos, venue: Venue) {
        let state = self.reconciliation.venue(venue);
        (state.needs_listing, state.whole, state.listing_from) = (true, true, now);
        if state.up && !state.needs_fills {
            state.listing_at = state.listing_at.min(now);
        }
    }

    /// The user stream of a venue is gone.
    pub fn user_stream_down(&mut self, venue: Venue) {
        let state = self.reconciliation.venue(venue);
        state.opening = state.opening.saturating_add(1);
        state.up = false;
        state.listing_at = UnixNanos::MAX;
    }

    /// Whether the user stream is open and every open order was confirmed since. Orders of unknown outcome do not
    /// delay this: they are told to be unknown.
    pub fn is_reconciled(&self, venue: Venue) -> bool {
        let state = self.reconciliation.venues.get(venue);
        state.up && !state.needs_fills && !state.needs_listing && state.owed == 0 && self.recall.is_done(venue)
    }

    /// The next query that is due at a venue. One that cannot be sent is reported as [`QueryEnd::Failed`] and comes again.
    pub fn next_query(&mut self, now: UnixNanos, venue: Venue) -> Option<(QueryId, Query)> {
        if !self.reconciliation.has_room() {
            return None;
        }
        let (open, entries) = (self.open.first, &self.entries);
        let any_open = || is_any_open(entries, open, venue);
        if let Some(query) = self.reconciliation.next(now, venue, any_open, self.evidence) {
            return Some(query);
        }
        if let Some(query) = self.next_recall(now, venue) {
            return Some(query);
        }
        if now >= self.due.check {
            if let Some(query) = self.next_check(now, venue) {
                return Some(query);
            }
        }
        self.reconciliation.next_balances(now, venue, self.evidence)
    }

    /// The next question about single orders of a venue.
    fn next_check(&mut self, now: UnixNanos, venue: Venue) -> Option<(QueryId, Query)> {
        let (mut at, mut next) = (self.open.first, UnixNanos::MAX);
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.check.at <= now && entry.order.venue() == venue {
                let instrument = entry.order.instrument();
                let id = self.reconciliation.begin(Subject::Orders, now, self.evidence);
                if entry.order.wants_identity() {
                    return Some((id, self.search(id, now, venue, instrument)));
                }
                return Some((id, self.look_up(id, now, venue)));
            }
            next = next.min(entry.check.at);
            at = entry.link.after;
        }
        self.due.check = next;
        None
    }

    /// A query ended; its rows were given in before. Emits Rejected (`NeverArrived`) where absence is proven.
    pub fn query_done(&mut self, now: UnixNanos, id: QueryId, end: QueryEnd, out: &mut impl Executions) {
        let Some(query) = self.reconciliation.end(id) else {
            self.counters.unexpected = self.counters.unexpected.saturating_add(1);
            return;
        };
        match query.subject {
            Subject::Fills(venue) => {
                if self.reconciliation.fills_done(now, venue, &query, end) && self.any_open_at(venue) {
                    // A stream that dropped a fill may have dropped an end as well, of which history says nothing.
                    self.reconciliation.sweep_open(now, venue);
                }
            }
            Subject::Open { venue, whole: false } => {
                if self.reconciliation.listing_done(now, (venue, false), &query, end) {
                    self.doubt_unlisted(now, venue, &query);
                }
            }
            Subject::Open { venue, whole: true } => {
                if self.reconciliation.listing_done(now, (venue, true), &query, end) {
                    self.owe(now, venue, &query);
                    // One that is due already is not put off.
                    let settled = !self.reconciliation.needs_listing(venue);
                    let after = now.plus_ms(self.reconciliation.rules.absence_grace_ms);
                    let late = if settled { self.recall.relist(venue, query.begun, after) } else { None };
                    let late = late.filter(|_| self.ids().has_earlier());
                    let reopened = settled && self.reconciliation.take_reopened(venue) && self.any_open_at(venue);
                    if let Some(at) = late.max(reopened.then_some(after)) {
                        self.reconciliation.list_again(venue, at);
                    }
                    if settled && self.recall.take_unswept(venue) {
                        self.list_open(now, venue);
                        let pause_ms = self.reconciliation.rules().query_pause_ms_max;
                        self.reconciliation.list_again(venue, now.plus_ms(pause_ms));
                    }
                }
            }
            Subject::Orders => self.judge(now, &query, end, out),
            Subject::Balances(venue) => {
                let rules = *self.reconciliation.rules();
                if self.reconciliation.balances(venue).ended(now, query.begun, end, &rules) {
                    self.balances_told(venue, query.begun);
                }
            }
            Subject::Recall(venue) => self.recalled(now, venue, &query, end, out),
        }
    }

    /// Tells again which orders are still unknown. To be called when [`Orders::deadline`] has passed.
    pub fn tick(&mut self, now: UnixNanos, out: &mut impl Executions) {
        if now < self.due.repeat {
            return;
        }
        let (mut at, mut next) = (self.open.first, UnixNanos::MAX);
        while let Some(entry) = self.entries.get_mut(at as usize) {
            if entry.repeat_at <= now {
                entry.repeat_at = now.plus_ms(self.reconciliation.rules.unknown_repeat_ms);
                if entry.order.state() == OrderState::Unknown {
                    out.emit(&entry.order.still_unknown(now));
                }
            }
            next = next.min(entry.repeat_at);
            at = entry.link.after;
        }
        self.due.repeat = next;
    }

    /// How many orders have an unknown outcome.
    pub fn unknown_count(&self) -> usize {
        self.open().filter(|(_, order)| order.state() == OrderState::Unknown).count()
    }

    /// One search for every order of an instrument whose venue id is not known.
    fn search(&mut self, id: QueryId, now: UnixNanos, venue: Venue, instrument: InstrumentId) -> Query {
        let (mut at, mut since) = (self.open.first, now);
        while let Some(entry) = self.entries.get_mut(at as usize) {
            let order = &entry.order;
            let same = order.venue() == venue && order.instrument() == instrument;
            if same && order.wants_identity() && entry.check.query.is_none() {
                since = since.min(order.sent_at());
                entry.check.asked(id);
            }
            at = entry.link.after;
        }
        Query::RecentOrders { venue, instrument, since: before(since, self.reconciliation.rules.since_margin_ms) }
    }

    /// One look-up for as many orders as are due and fit.
    fn look_up(&mut self, id: QueryId, now: UnixNanos, venue: Venue) -> Query {
        let mut ids = ArrayVec::new();
        let mut at = self.open.first;
        while let Some(entry) = self.entries.get_mut(at as usize).filter(|_| !ids.is_full()) {
            let due = entry.check.at <= now && entry.order.venue() == venue && !entry.order.wants_identity();
            if due && ids.try_push(*entry.order.venue_order_id()).is_ok() {
                entry.change.asked();
                entry.check.asked(id);
            }
            at = entry.link.after;
        }
        Query::OrdersByIds { venue, ids }
    }

    fn any_open_at(&self, venue: Venue) -> bool {
        is_any_open(&self.entries, self.open.first, venue)
    }
}

/// The open orders' entries, from the first on.
pub(super) fn open_orders(entries: &[Entry], first: u32) -> impl Iterator<Item = &Entry> {
    std::iter::successors(entries.get(first as usize), |entry| entries.get(entry.link.after as usize))
}

fn is_any_open(entries: &[Entry], first: u32, venue: Venue) -> bool {
    open_orders(entries, first).any(|entry| entry.order.venue() == venue)
}

/// `ms` milliseconds before a moment.
pub(super) fn before(at: UnixNanos, ms: u64) -> UnixNanos {
    UnixNanos(at.0.saturating_sub(ms.saturating_mul(NANOS_PER_MS)).max(1))
}
