//! What a connection is subscribed to: what is wanted, what was asked, what the venue confirmed.
//!
//! Owns the difference between the three and the next message that narrows it. Guarantees one message in flight, so that
//! an acknowledgement or an error frame has an author (Coinbase reference 6.1); pacing; that a missing confirmation is
//! announced after a grace time and asked for again with growing pauses; and that a doubtful book is unsubscribed and
//! subscribed again, since a repeated subscribe brings no snapshot. Never reads or writes a byte.

use super::limits::{RETRY_MS_MAX, RETRY_MS_MIN};
use super::products::{BookState, Product, Products};
use super::session::StreamConfig;
use super::stream::{subscribed, ListedSession};
use crate::record::{GapCause, UnixNanos};
use crate::venue::{Channels, Facts, GapScope, StreamFact};

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Heartbeats,
    User,
    /// One of [`CHANNELS`], for the members.
    Market(usize),
}

impl Topic {
    /// The name in subscribe messages.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Heartbeats => "heartbeats",
            Topic::User => "user",
            Topic::Market(0) => "market_trades",
            Topic::Market(1) => "ticker",
            Topic::Market(_) => "level2",
        }
    }
}

/// In the order of subscription: level2 last, since its snapshots hold up everything behind them.
const CHANNELS: [Channels; 3] = [Channels::TRADES, Channels::TICKER, Channels::BOOK];
const BOOK: usize = 2;

/// One message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub subscribe: bool,
    pub topic: Topic,
}

/// A message that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    request: Request,
    give_up: UnixNanos,
    repeated: bool,
}

/// One channel of one product, or one of the session.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    wanted: bool,
    asked: bool,
    confirmed: bool,
    /// When to stop believing in it without a confirmation; NONE while there is no doubt.
    doubt_at: UnixNanos,
    /// Not to be asked before.
    retry_at: UnixNanos,
    tries: u32,
}

impl State {
    fn asked(&mut self, doubt_at: UnixNanos) {
        (self.asked, self.confirmed, self.doubt_at, self.retry_at) = (true, false, doubt_at, UnixNanos::NONE);
    }

    fn forget(&mut self) {
        *self = State { wanted: self.wanted, ..State::default() };
    }

    fn refused(&mut self, now: UnixNanos) {
        let tries = self.tries.saturating_add(1);
        *self = State { wanted: self.wanted, retry_at: now.plus_ms(pause_ms(tries)), tries, ..State::default() };
    }
}

/// The pause before the `tries`-th repetition, from 1.
fn pause_ms(tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1).min(20);
    RETRY_MS_MIN.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(RETRY_MS_MAX)
}

/// The subscriptions of one product; same index as in [`Products`].
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    channels: [State; 3],
    /// When the doubtful book is to be unsubscribed; NONE if it is not.
    resync_at: UnixNanos,
    resyncs: u32,
    last_resync: UnixNanos,
    /// When its snapshot is overdue.
    snapshot_by: UnixNanos,
}

impl Item {
    fn book(&mut self) -> &mut State {
        let [_, _, book] = &mut self.channels;
        book
    }
}

#[derive(Debug)]
pub(super) struct Subscriptions {
    items: Vec<Item>,
    heartbeats: State,
    user: State,
    pending: Option<Pending>,
    /// Products of the pending message.
    members: Vec<usize>,
    next_send: UnixNanos,
    /// Waiting times start again here: a long message holds everything up (Coinbase reference 6.1).
    held_up_until: UnixNanos,
    config: StreamConfig,
}

impl Subscriptions {
    pub fn new(config: StreamConfig, user: bool) -> Subscriptions {
        let wanted = State { wanted: true, ..State::default() };
        Subscriptions {
            items: Vec::new(),
            heartbeats: wanted,
            user: State { wanted: user, ..State::default() },
            pending: None,
            members: Vec::new(),
            next_send: UnixNanos::NONE,
            held_up_until: UnixNanos::NONE,
            config,
        }
    }

    /// A connection opened: nothing is asked.
    pub fn opened(&mut self) {
        self.pending = None;
        self.members.clear();
        (self.next_send, self.held_up_until) = (UnixNanos::NONE, UnixNanos::NONE);
        self.heartbeats.forget();
        self.user.forget();
        for item in &mut self.items {
            for state in &mut item.channels {
                state.forget();
            }
            *item = Item { channels: item.channels, ..Item::default() };
        }
    }

    pub fn want(&mut self, index: usize, channels: Channels) {
        if self.items.len() <= index {
            self.items.resize(index.saturating_add(1), Item::default());
        }
        let Some(item) = self.items.get_mut(index) else { return };
        for (state, set) in item.channels.iter_mut().zip(CHANNELS) {
            state.wanted = channels.contains(set);
            (state.retry_at, state.tries) = (UnixNanos::NONE, 0);
        }
    }

    /// The products whose heartbeat is wanted have changed.
    pub fn ask_heartbeats_again(&mut self) {
        self.heartbeats.forget();
    }

    /// Products whose book is wanted, without this one.
    pub fn books_wanted_besides(&self, index: usize) -> usize {
        self.items
            .iter()
            .enumerate()
            .filter(|(i, item)| *i != index && item.channels.last().is_some_and(|s| s.wanted))
            .count()
    }

    /// A long message was in the way until now.
    pub fn held_up(&mut self, now: UnixNanos) {
        self.held_up_until = now;
    }

    pub fn user_due(&self, now: UnixNanos) -> bool {
        self.user.wanted && !self.user.asked && self.user.retry_at <= now
    }

    /// Takes note of books that became doubtful.
    pub fn note_doubts(&mut self, now: UnixNanos, products: &Products) {
        for (item, product) in self.items.iter_mut().zip(products.iter()) {
            if product.book != BookState::Doubtful || item.resync_at.is_some() || !item.book().asked {
                continue;
            }
            // The first time at once; again and again with growing pauses: a level that does not fit stays so.
            if now.since(item.last_resync) > RETRY_MS_MAX.saturating_mul(1_000_000) {
                item.resyncs = 0;
            }
            let pause = if item.resyncs == 0 { 0 } else { pause_ms(item.resyncs) };
            item.resyncs = item.resyncs.saturating_add(1);
            item.resync_at = now.plus_ms(pause);
            item.last_resync = item.resync_at;
            item.snapshot_by = UnixNanos::NONE;
        }
    }

    /// The message to send now, if any; [`Subscriptions::members`] are its products.
    pub fn choose(&mut self, now: UnixNanos, token: bool) -> Option<Request> {
        if self.pending.is_some() || now < self.next_send {
            return None;
        }
        self.wish(now, token)
    }

    fn wish(&mut self, now: UnixNanos, token: bool) -> Option<Request> {
        self.members.clear();
        // First, since a subscribe must come within 5 s, and heartbeats keep quiet channels open (Coinbase reference 6.1).
        if !self.heartbeats.asked && self.heartbeats.retry_at <= now {
            return Some(Request { subscribe: true, topic: Topic::Heartbeats });
        }
        if token && self.user_due(now) {
            return Some(Request { subscribe: true, topic: Topic::User });
        }
        for (channel, _) in CHANNELS.iter().enumerate() {
            for subscribe in [false, true] {
                for (index, item) in self.items.iter().enumerate() {
                    let Some(state) = item.channels.get(channel) else { continue };
                    let due = if subscribe {
                        state.wanted && !state.asked && state.retry_at <= now
                    } else {
                        let resync = channel == BOOK && item.resync_at.is_some() && item.resync_at <= now;
                        state.asked && (!state.wanted || resync)
                    };
                    if due {
                        self.members.push(index);
                    }
                }
                if !self.members.is_empty() {
                    return Some(Request { subscribe, topic: Topic::Market(channel) });
                }
            }
        }
        None
    }

    /// Product indices of the message chosen.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// The message chosen was sent.
    pub fn sent(&mut self, now: UnixNanos, request: Request, products: &mut Products) {
        self.next_send = now.plus_ms(self.config.message_gap_ms);
        let give_up = now.plus_ms(self.config.ack_grace_ms);
        let repeated = self.pending.is_some();
        self.pending = Some(Pending { request, give_up, repeated });
        match request.topic {
            Topic::Heartbeats => self.heartbeats.asked(give_up),
            Topic::User => self.user.asked(give_up),
            Topic::Market(channel) => {
                for index in &self.members {
                    let Some(item) = self.items.get_mut(*index) else { continue };
                    let Some(product) = products.get_mut(*index) else { continue };
                    // A repetition brings no snapshot (Coinbase reference 6.1): what is held stays held.
                    if channel == BOOK && !repeated {
                        sent_book(item, product, request.subscribe, now.plus_ms(self.config.snapshot_ms));
                    }
                    let Some(state) = item.channels.get_mut(channel) else { continue };
                    if request.subscribe {
                        state.asked(give_up);
                        product.seen = product.seen.without(CHANNELS.get(channel).copied().unwrap_or_default());
                    }
                }
            }
        }
    }

    /// An acknowledgement came: the whole current set.
    pub fn listed(&mut self, now: UnixNanos, listed: ListedSession, products: &mut Products, facts: &mut impl Facts) {
        for (state, listed) in [(&mut self.heartbeats, listed.heartbeats), (&mut self.user, listed.user)] {
            if listed && state.asked {
                (state.confirmed, state.doubt_at, state.tries) = (true, UnixNanos::NONE, 0);
            }
        }
        let doubt_at = now.plus_ms(self.config.ack_grace_ms);
        for (item, product) in self.items.iter_mut().zip(products.iter_mut()) {
            for (state, set) in item.channels.iter_mut().zip(CHANNELS) {
                if product.listed.contains(set) {
                    confirm(state, set, product, facts);
                } else if state.asked && state.confirmed && !state.doubt_at.is_some() {
                    // An empty list in the middle of live data has been seen (Coinbase reference 6.1): wait and see.
                    state.doubt_at = doubt_at;
                    product.seen = product.seen.without(set);
                }
            }
        }
        if self.is_answered(listed, products) {
            self.answered();
        }
    }

    /// Whether the last list answers the pending message.
    fn is_answered(&self, listed: ListedSession, products: &Products) -> bool {
        let Some(Pending { request, .. }) = self.pending else { return false };
        let Topic::Market(channel) = request.topic else {
            return if request.topic == Topic::User { listed.user } else { listed.heartbeats };
        };
        let set = CHANNELS.get(channel).copied().unwrap_or_default();
        let mut lists = self.members.iter().map(|i| products.get(*i).is_some_and(|p| p.listed.contains(set)));
        if request.subscribe {
            lists.any(|listed| listed)
        } else {
            lists.all(|listed| !listed)
        }
    }

    /// The pending message is done with.
    fn answered(&mut self) {
        let Some(Pending { request, .. }) = self.pending.take() else { return };
        let Topic::Market(channel) = request.topic else { return };
        if request.subscribe {
            return;
        }
        for index in &self.members {
            let Some(state) = self.items.get_mut(*index).and_then(|item| item.channels.get_mut(channel)) else {
                continue;
            };
            state.forget();
        }
    }

    /// An error frame came: the pending message was refused whole. `None`: nothing is pending.
    pub fn refused(&mut self, now: UnixNanos, products: &mut Products, facts: &mut impl Facts) -> Option<Topic> {
        let Pending { request, .. } = self.pending?;
        if !request.subscribe {
            // Whatever it says, what follows is a subscribe that will tell.
            self.answered();
            return Some(request.topic);
        }
        self.pending = None;
        match request.topic {
            Topic::Heartbeats => self.heartbeats.refused(now),
            Topic::User => self.user.refused(now),
            Topic::Market(channel) => {
                for index in &self.members {
                    let Some(item) = self.items.get_mut(*index) else { continue };
                    let Some(product) = products.get_mut(*index) else { continue };
                    deny(item, channel, product, now, facts);
                }
            }
        }
        Some(request.topic)
    }

    /// Waiting times that are over. The message to repeat, if the pending one must be; `Err` names what a connection
    /// that works would have done.
    pub fn expire(
        &mut self,
        now: UnixNanos,
        products: &mut Products,
        facts: &mut impl Facts,
    ) -> Result<Option<Request>, &'static str> {
        if let Some(pending) = self.pending.filter(|p| self.over(p.give_up, now)) {
            // Its answer may have been lost in a gap; a repetition does no harm (Coinbase reference 6.1).
            let user = pending.request.topic == Topic::User;
            if !pending.repeated && pending.request.subscribe && !user {
                return Ok(Some(pending.request));
            }
            if user || pending.request.topic == Topic::Heartbeats {
                return Err("a subscription without answer");
            }
            self.answered();
        }
        for index in 0..self.items.len() {
            let Some(mut item) = self.items.get(index).copied() else { continue };
            let Some(product) = products.get_mut(index) else { continue };
            if product.book == BookState::Held {
                item.snapshot_by = UnixNanos::NONE;
            }
            if item.snapshot_by.is_some() && self.over(item.snapshot_by, now) && item.book().confirmed {
                return Err("a snapshot that did not come");
            }
            for (channel, set) in CHANNELS.into_iter().enumerate() {
                let Some(state) = item.channels.get_mut(channel) else { continue };
                if !state.doubt_at.is_some() || !self.over(state.doubt_at, now) || self.is_pending(channel, index) {
                    continue;
                }
                if product.seen.contains(set) {
                    // Data is the better confirmation.
                    confirm(state, set, product, facts);
                } else {
                    deny(&mut item, channel, product, now, facts);
                }
            }
            if let Some(place) = self.items.get_mut(index) {
                *place = item;
            }
        }
        Ok(None)
    }

    fn is_pending(&self, channel: usize, index: usize) -> bool {
        self.pending.is_some_and(|p| p.request.topic == Topic::Market(channel)) && self.members.contains(&index)
    }

    fn over(&self, deadline: UnixNanos, now: UnixNanos) -> bool {
        now >= self.effective(deadline)
    }

    /// A waiting time, counted again from the end of the last long message.
    fn effective(&self, deadline: UnixNanos) -> UnixNanos {
        if self.held_up_until.is_some() {
            deadline.max(self.held_up_until.plus_ms(self.config.ack_grace_ms))
        } else {
            deadline
        }
    }

    /// When [`Subscriptions::expire`] or [`Subscriptions::choose`] will have something to do.
    pub fn deadline(&mut self, now: UnixNanos, token: bool) -> UnixNanos {
        let mut next = UnixNanos::MAX;
        // What is past was done, or waits for the answer to the pending message.
        let mut at = |time: UnixNanos| {
            if time > now {
                next = next.min(time);
            }
        };
        // What is due already waits for a message that may be sent: for the answer to the pending one, or for its turn
        // below. Coming again for it before that would be for nothing, forever.
        let later = |time: UnixNanos| if time > now { time } else { UnixNanos::NONE };
        if let Some(pending) = self.pending {
            at(self.effective(pending.give_up));
        }
        for state in [&self.heartbeats, &self.user] {
            if state.wanted && !state.asked {
                at(later(state.retry_at));
            }
        }
        for (index, item) in self.items.iter().enumerate() {
            at(later(item.resync_at));
            let [_, _, book] = &item.channels;
            let snapshot_by = self.effective_if_some(item.snapshot_by);
            at(if book.confirmed { snapshot_by } else { later(snapshot_by) });
            for (channel, state) in item.channels.iter().enumerate() {
                let doubt_at = self.effective_if_some(state.doubt_at);
                at(if self.is_pending(channel, index) { later(doubt_at) } else { doubt_at });
                if state.wanted && !state.asked {
                    at(later(state.retry_at));
                }
            }
        }
        if self.pending.is_none() && self.wish(now, token).is_some() {
            next = next.min(self.next_send.max(UnixNanos(1)));
        }
        next
    }

    fn effective_if_some(&self, deadline: UnixNanos) -> UnixNanos {
        if deadline.is_some() {
            self.effective(deadline)
        } else {
            UnixNanos::NONE
        }
    }

    /// Whether everything wanted is confirmed or given up for now, and the books are held.
    pub fn settled(&self, products: &Products) -> bool {
        let session = self.heartbeats.confirmed && (!self.user.wanted || self.user.confirmed);
        let settled = |state: &State| !state.wanted || state.confirmed || state.retry_at.is_some();
        session
            && self.items.iter().zip(products.iter()).all(|(item, product)| {
                let [_, _, book] = item.channels;
                item.channels.iter().all(settled) && (!book.wanted || !book.asked || product.book == BookState::Held)
            })
    }
}

fn sent_book(item: &mut Item, product: &mut Product, subscribe: bool, snapshot_by: UnixNanos) {
    if subscribe {
        product.book = BookState::Waiting;
        item.snapshot_by = snapshot_by;
    } else {
        (item.resync_at, item.snapshot_by) = (UnixNanos::NONE, UnixNanos::NONE);
        product.book = BookState::Unwanted;
    }
}

fn confirm(state: &mut State, set: Channels, product: &Product, facts: &mut impl Facts) {
    if !state.asked {
        return;
    }
    (state.doubt_at, state.tries) = (UnixNanos::NONE, 0);
    if !std::mem::replace(&mut state.confirmed, true) {
        facts.stream(StreamFact::Subscribed(subscribed(set), product.instrument));
    }
}

/// The venue does not serve it; asked again later.
fn deny(item: &mut Item, channel: usize, product: &mut Product, now: UnixNanos, facts: &mut impl Facts) {
    if channel == BOOK {
        if product.book == BookState::Held {
            facts.gap(GapScope::Instrument(product.instrument), GapCause::Stale, 0);
        }
        product.book = BookState::Unwanted;
        (item.resync_at, item.snapshot_by) = (UnixNanos::NONE, UnixNanos::NONE);
    }
    let Some(state) = item.channels.get_mut(channel) else { return };
    state.refused(now);
    let set = CHANNELS.get(channel).copied().unwrap_or_default();
    facts.stream(StreamFact::NotSubscribed(subscribed(set), product.instrument));
}
