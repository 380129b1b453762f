//! How one stream stands with each of its channels, and what a change means for the products that share it.
//!
//! Owns the waiting times of one stream. Guarantees that every product that wants a channel is told of it, and that no
//! book is left held that is no longer fed. Never decides what to send.

use super::super::limits::{RETRY_MS_MAX, RETRY_MS_MIN};
use super::super::products::{BookState, Product, Products};
use super::super::stream::subscribed;
use super::topic::{set_of, BOOK, CHANNELS};
use crate::record::{Difference, GapCause, Subscription, UnixNanos};
use crate::venue::{Channels, Facts, GapScope, StreamFact};

/// One channel of one product, or one of the session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub wanted: bool,
    pub asked: bool,
    pub confirmed: bool,
    /// When to stop believing in it without a confirmation; NONE while there is no doubt.
    pub doubt_at: UnixNanos,
    /// Not to be asked before.
    pub retry_at: UnixNanos,
    pub tries: u32,
}

impl State {
    pub fn asked(&mut self, doubt_at: UnixNanos) {
        (self.asked, self.confirmed, self.doubt_at, self.retry_at) = (true, false, doubt_at, UnixNanos::NONE);
    }

    pub fn is_due(&self, now: UnixNanos) -> bool {
        self.wanted && !self.asked && self.retry_at <= now
    }

    pub fn forget(&mut self) {
        *self = State { wanted: self.wanted, ..State::default() };
    }

    pub fn refused(&mut self, now: UnixNanos) {
        let tries = self.tries.saturating_add(1);
        *self = State { wanted: self.wanted, retry_at: now.plus_ms(pause_ms(tries)), tries, ..State::default() };
    }
}

/// The pause before the `tries`-th repetition, from 1.
pub(super) fn pause_ms(tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1).min(20);
    RETRY_MS_MIN.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(RETRY_MS_MAX)
}

/// The subscriptions of one stream, at the index of its head in [`Products`]; those of other members stay empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    pub channels: [State; CHANNELS.len()],
    /// A member wants the book whose snapshot went to the others: it must come again.
    pub renew: bool,
    /// When the doubtful book is to be unsubscribed; NONE if it is not.
    pub resync_at: UnixNanos,
    pub resyncs: u32,
    pub last_resync: UnixNanos,
    /// When its snapshot is overdue.
    pub snapshot_by: UnixNanos,
}

impl Item {
    pub fn book(&self) -> &State {
        let [.., book] = &self.channels;
        book
    }
}

/// Calls `act` for every product of a stream.
fn each_member(head: usize, products: &mut Products, mut act: impl FnMut(&mut Product)) {
    let mut next = Some(head);
    while let Some(index) = next {
        if let Some(product) = products.get_mut(index) {
            act(product);
        }
        next = products.next_member(index);
    }
}

pub(super) fn sent_book(
    item: &mut Item,
    head: usize,
    products: &mut Products,
    subscribe: bool,
    snapshot_by: UnixNanos,
) {
    // A subscribe brings the snapshot that anybody may wait for.
    item.renew &= !subscribe;
    item.resync_at = UnixNanos::NONE;
    item.snapshot_by = if subscribe { snapshot_by } else { UnixNanos::NONE };
    each_member(head, products, |product| {
        let waits = subscribe && product.wanted.contains(Channels::BOOK);
        product.book = if waits { BookState::Waiting } else { BookState::Unwanted };
    });
}

/// A snapshot comes again for a member that joined: the others' books stand still until then, and that is announced.
pub(super) fn renew(item: &mut Item, head: usize, now: UnixNanos, products: &mut Products, facts: &mut impl Facts) {
    each_member(head, products, |product| {
        if product.book == BookState::Held {
            product.book = BookState::Doubtful;
            facts.gap(GapScope::Instrument(product.instrument), GapCause::Stale, 0);
        }
    });
    if !item.resync_at.is_some() {
        item.resync_at = now;
    }
}

pub(super) fn confirm(state: &mut State, set: Channels, head: usize, products: &mut Products, facts: &mut impl Facts) {
    if !state.asked {
        return;
    }
    (state.doubt_at, state.tries) = (UnixNanos::NONE, 0);
    if !std::mem::replace(&mut state.confirmed, true) {
        each_member(head, products, |product| {
            if product.wanted.contains(set) {
                facts.stream(StreamFact::Subscribed(subscribed(set), product.instrument));
            }
        });
    }
}

/// The venue does not serve it; asked again later.
pub(super) fn deny(
    item: &mut Item,
    channel: usize,
    (head, products): (usize, &mut Products),
    now: UnixNanos,
    difference: Difference,
    facts: &mut impl Facts,
) {
    if channel == BOOK {
        (item.resync_at, item.snapshot_by) = (UnixNanos::NONE, UnixNanos::NONE);
    }
    let set = set_of(channel);
    if let Some(state) = item.channels.get_mut(channel) {
        state.refused(now);
    }
    each_member(head, products, |product| {
        if channel == BOOK && std::mem::replace(&mut product.book, BookState::Unwanted) == BookState::Held {
            facts.gap(GapScope::Instrument(product.instrument), GapCause::Stale, 0);
        }
        if product.wanted.contains(set) {
            let subscription = Subscription { channel: subscribed(set), difference };
            facts.stream(StreamFact::NotAsAsked(product.instrument, subscription));
        }
    });
}
