//! What a connection is subscribed to: what is wanted, what was asked, what the venue confirmed.
//!
//! Owns the difference between the three and the next message that narrows it. Guarantees one message in flight, so that
//! an acknowledgement or an error frame has an author (Coinbase reference 6.1); pacing; that a missing confirmation is
//! announced after a grace time and asked for again with growing pauses; and that a doubtful book is unsubscribed and
//! subscribed again, since a repeated subscribe brings no snapshot. Never reads or writes a byte.
//!
//! Products that share a stream are one subscription, that of the stream's head (see [`Products`]): the venue counts and
//! answers streams.

use super::limits::RETRY_MS_MAX;
use super::products::{BookState, Products};
use super::session::StreamConfig;
use super::stream::{subscribed, ListedSession};
use crate::record::{Difference, InstrumentId, SubscribedChannel, Subscription, UnixNanos};
use crate::venue::{Channels, Facts, StreamFact};
use item::{confirm, deny, pause_ms, renew, sent_book, Item, State};
use topic::{set_of, BOOK, CHANNELS};

mod item;
mod topic;

pub use topic::{Request, Topic};

/// A message that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    request: Request,
    give_up: UnixNanos,
    repeated: bool,
}

#[derive(Debug)]
pub(super) struct Subscriptions {
    items: Vec<Item>,
    heartbeats: State,
    user: State,
    futures: State,
    pending: Option<Pending>,
    /// Products of the pending message.
    members: Vec<usize>,
    next_send: UnixNanos,
    /// Waiting times start again here: a long message holds everything up (Coinbase reference 6.1).
    held_up_until: UnixNanos,
    /// Others of this address had their turn: nothing unauthenticated is sent before.
    hold_until: UnixNanos,
    /// Most products in one book message: halved when the venue refuses one, whose limit was lower before (Coinbase
    /// reference 5).
    books_per_message: usize,
    config: StreamConfig,
}

impl Subscriptions {
    pub fn new(config: StreamConfig, user: bool) -> Subscriptions {
        let wanted = State { wanted: true, ..State::default() };
        Subscriptions {
            items: Vec::new(),
            heartbeats: wanted,
            user: State { wanted: user, ..State::default() },
            futures: State { wanted: user && config.futures_balance, ..State::default() },
            pending: None,
            members: Vec::new(),
            next_send: UnixNanos::NONE,
            held_up_until: UnixNanos::NONE,
            hold_until: UnixNanos::NONE,
            books_per_message: usize::MAX,
            config,
        }
    }

    /// A connection opened: nothing is asked.
    pub fn opened(&mut self) {
        self.pending = None;
        self.members.clear();
        (self.next_send, self.held_up_until) = (UnixNanos::NONE, UnixNanos::NONE);
        self.books_per_message = usize::MAX;
        self.heartbeats.forget();
        self.user.forget();
        self.futures.forget();
        for item in &mut self.items {
            for state in &mut item.channels {
                state.forget();
            }
            *item = Item { channels: item.channels, ..Item::default() };
        }
    }

    /// What is wanted of a product is what it says in [`Products`] from now on; it was `before`.
    pub fn want(&mut self, index: usize, before: Channels, products: &mut Products) {
        let head = products.head_of(index);
        if self.items.len() <= index {
            self.items.resize(index.saturating_add(1), Item::default());
        }
        let Some(item) = self.items.get_mut(head) else { return };
        let wanted = products.wanted_of_stream(head);
        for (state, set) in item.channels.iter_mut().zip(CHANNELS) {
            state.wanted = wanted.contains(set);
            (state.retry_at, state.tries) = (UnixNanos::NONE, 0);
        }
        let Some(product) = products.get_mut(index) else { return };
        match (before.contains(Channels::BOOK), product.wanted.contains(Channels::BOOK)) {
            // The snapshot is over: for the others of the stream, or for one that was given up and is not yet dropped.
            (false, true) => item.renew = item.book().asked,
            // Nothing of it counts from now on, whatever is still on its way.
            (true, false) => product.book = BookState::Unwanted,
            _ => {}
        }
    }

    /// The products whose heartbeat is wanted have changed.
    pub fn ask_heartbeats_again(&mut self) {
        self.heartbeats.forget();
    }

    /// Streams whose book is wanted, without that of this product.
    pub fn books_wanted_besides(&self, head: usize) -> usize {
        self.items.iter().enumerate().filter(|(i, item)| *i != head && item.book().wanted).count()
    }

    /// Streams of which anything is wanted, without that of this product.
    pub fn streams_wanted_besides(&self, head: usize) -> usize {
        let others = self.items.iter().enumerate().filter(|(i, _)| *i != head);
        others.filter(|(_, item)| item.channels.iter().any(|state| state.wanted)).count()
    }

    /// Whether anything is wanted besides heartbeats.
    pub fn wants_anything(&self) -> bool {
        self.user.wanted || self.items.iter().any(|item| item.channels.iter().any(|state| state.wanted))
    }

    /// Nothing unauthenticated is to be sent before this time.
    pub fn hold(&mut self, until: UnixNanos) {
        self.hold_until = self.hold_until.max(until);
    }

    /// Whether nothing was asked since the connection opened: it is dropped if that takes too long (Coinbase reference
    /// 6.1).
    pub fn is_mute(&self) -> bool {
        !self.next_send.is_some()
    }

    /// A long message was in the way until now.
    pub fn held_up(&mut self, now: UnixNanos) {
        self.held_up_until = now;
    }

    /// Whether something that needs a token is due.
    pub fn token_due(&self, now: UnixNanos) -> bool {
        self.user.is_due(now) || self.futures.is_due(now)
    }

    /// Takes note of books that became doubtful.
    pub fn note_doubts(&mut self, now: UnixNanos, products: &Products) {
        for (head, item) in self.items.iter_mut().enumerate() {
            let doubtful = |i: usize| products.get(i).is_some_and(|p| p.book == BookState::Doubtful);
            if item.resync_at.is_some() || !item.book().asked || !products.members(head).any(doubtful) {
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
        // With a token it does not count among the address's messages (Coinbase reference 5).
        self.wish(now, token).filter(|wish| now >= self.hold_until || wish.topic.needs_token())
    }

    fn wish(&mut self, now: UnixNanos, token: bool) -> Option<Request> {
        self.members.clear();
        // First, since a subscribe must come within 5 s, and heartbeats keep quiet channels open (Coinbase reference 6.1).
        if !self.heartbeats.asked && self.heartbeats.retry_at <= now {
            return Some(Request { subscribe: true, topic: Topic::Heartbeats });
        }
        for (state, topic) in [(&self.user, Topic::User), (&self.futures, Topic::FuturesBalance)] {
            if token && state.is_due(now) {
                return Some(Request { subscribe: true, topic });
            }
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
                    let full = channel == BOOK && subscribe && self.members.len() >= self.books_per_message;
                    if due && !full {
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

    /// Product indices of the message chosen: heads.
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
            Topic::FuturesBalance => self.futures.asked(give_up),
            Topic::Market(channel) => {
                for head in &self.members {
                    let Some(item) = self.items.get_mut(*head) else { continue };
                    // A repetition brings no snapshot (Coinbase reference 6.1): what is held stays held.
                    if channel == BOOK && !repeated {
                        sent_book(item, *head, products, request.subscribe, now.plus_ms(self.config.snapshot_ms));
                    }
                    let Some(state) = item.channels.get_mut(channel) else { continue };
                    if let Some(product) = products.get_mut(*head).filter(|_| request.subscribe) {
                        state.asked(give_up);
                        product.seen = product.seen.without(set_of(channel));
                    }
                }
            }
        }
    }

    /// An acknowledgement came: the whole current set.
    pub fn listed(&mut self, now: UnixNanos, listed: ListedSession, products: &mut Products, facts: &mut impl Facts) {
        for (state, listed) in [
            (&mut self.heartbeats, listed.heartbeats),
            (&mut self.user, listed.user),
            (&mut self.futures, listed.futures),
        ] {
            if listed && state.asked {
                (state.confirmed, state.doubt_at, state.tries) = (true, UnixNanos::NONE, 0);
            }
        }
        let doubt_at = now.plus_ms(self.config.ack_grace_ms);
        for (head, item) in self.items.iter_mut().enumerate() {
            let Some(listed) = products.get(head).map(|p| p.listed) else { continue };
            for (state, set) in item.channels.iter_mut().zip(CHANNELS) {
                if listed.contains(set) {
                    confirm(state, set, head, products, facts);
                } else if state.asked && state.confirmed && !state.doubt_at.is_some() {
                    // An empty list in the middle of live data has been seen (Coinbase reference 6.1): wait and see.
                    state.doubt_at = doubt_at;
                    if let Some(product) = products.get_mut(head) {
                        product.seen = product.seen.without(set);
                    }
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
        let channel = match request.topic {
            Topic::Heartbeats => return listed.heartbeats,
            Topic::User => return listed.user,
            Topic::FuturesBalance => return listed.futures,
            Topic::Market(channel) => channel,
        };
        let set = set_of(channel);
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
            Topic::FuturesBalance => self.no_futures(now, Difference::Refused, facts),
            Topic::Market(channel) => {
                if channel == BOOK {
                    // Refused whole (Coinbase reference 5): of fewer some may still fit.
                    self.books_per_message = self.members.len().checked_div(2).unwrap_or(0).max(1);
                }
                for head in &self.members {
                    let Some(item) = self.items.get_mut(*head) else { continue };
                    deny(item, channel, (*head, products), now, Difference::Refused, facts);
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
        // A repetition takes its turn among the address's messages like any other.
        if let Some(pending) = self.pending.filter(|p| now >= self.effective(p.give_up).max(self.hold_until)) {
            // Its answer may have been lost in a gap; a repetition does no harm (Coinbase reference 6.1).
            let topic = pending.request.topic;
            if !pending.repeated && pending.request.subscribe && !topic.needs_token() {
                return Ok(Some(pending.request));
            }
            match topic {
                Topic::User | Topic::Heartbeats => return Err("a subscription without answer"),
                Topic::FuturesBalance => self.no_futures(now, Difference::Missing, facts),
                Topic::Market(_) => {}
            }
            if let (Topic::Market(channel), false) = (pending.request.topic, pending.request.subscribe) {
                self.report_still_listed(channel, products, facts);
            }
            self.answered();
        }
        for index in 0..self.items.len() {
            let Some(mut item) = self.items.get(index).copied() else { continue };
            if std::mem::take(&mut item.renew) && item.book().asked {
                renew(&mut item, index, now, products, facts);
            }
            if products.books_held(index) {
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
                if products.get(index).is_some_and(|p| p.seen.contains(set)) {
                    // Data is the better confirmation.
                    confirm(state, set, index, products, facts);
                } else {
                    deny(&mut item, channel, (index, products), now, Difference::Missing, facts);
                }
            }
            if let Some(place) = self.items.get_mut(index) {
                *place = item;
            }
        }
        Ok(None)
    }

    /// The account's futures are not served; asked again later.
    fn no_futures(&mut self, now: UnixNanos, difference: Difference, facts: &mut impl Facts) {
        self.futures.refused(now);
        let subscription = Subscription { channel: SubscribedChannel::FuturesBalance, difference };
        facts.stream(StreamFact::NotAsAsked(InstrumentId::NONE, subscription));
    }

    /// An unsubscribe whose products the venue lists to the end of the waiting time.
    fn report_still_listed(&self, channel: usize, products: &Products, facts: &mut impl Facts) {
        let set = set_of(channel);
        for head in &self.members {
            if let Some(product) = products.get(*head).filter(|p| p.listed.contains(set)) {
                let subscription = Subscription { channel: subscribed(set), difference: Difference::StillServed };
                facts.stream(StreamFact::NotAsAsked(product.instrument, subscription));
            }
        }
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
        if self.items.iter().any(|item| item.renew) {
            return UnixNanos(1);
        }
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
            at(self.effective(pending.give_up).max(self.hold_until));
        }
        for state in [&self.heartbeats, &self.user, &self.futures] {
            if state.wanted && !state.asked {
                at(later(state.retry_at));
            }
        }
        for (index, item) in self.items.iter().enumerate() {
            at(later(item.resync_at));
            let snapshot_by = self.effective_if_some(item.snapshot_by);
            at(if item.book().confirmed { snapshot_by } else { later(snapshot_by) });
            for (channel, state) in item.channels.iter().enumerate() {
                let doubt_at = self.effective_if_some(state.doubt_at);
                at(if self.is_pending(channel, index) { later(doubt_at) } else { doubt_at });
                if state.wanted && !state.asked {
                    at(later(state.retry_at));
                }
            }
        }
        if self.pending.is_none() {
            if let Some(wish) = self.wish(now, token) {
                let hold = if wish.topic.needs_token() { UnixNanos::NONE } else { self.hold_until };
                next = next.min(self.next_send.max(hold).max(UnixNanos(1)));
            }
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
            && self.items.iter().enumerate().all(|(head, item)| {
                let book = item.book();
                item.channels.iter().all(settled) && (!book.wanted || !book.asked || products.books_held(head))
            })
    }
}
