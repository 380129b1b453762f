//! One slot of the table of orders: the order and what is under way about it.
//!
//! Owns the layout of a slot and the name of one that goes stale with its reuse.

use super::cancel::CancelProgress;
use super::change::ChangeProgress;
use super::check::Check;
use super::list::{Link, Linked};
use super::state::Order;
use crate::record::UnixNanos;

/// Names an order's place in the table; recognised as stale once the place is reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    pub(super) at: u32,
    pub(super) generation: u32,
}

/// Which list a slot is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Vacant,
    Open,
    Closed,
}

/// One slot of the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub order: Order,
    pub cancel: CancelProgress,
    pub change: ChangeProgress,
    pub check: Check,
    pub place: Place,
    /// Number of the latest evidence about it.
    pub seen: u64,
    /// Since the user stream was re-opened nothing was heard of it.
    pub owed: bool,
    /// It is being swept: its venue waits for its end.
    pub swept: bool,
    /// When to tell again that it is unknown.
    pub repeat_at: UnixNanos,
    pub link: Link,
    /// How often the slot was reused.
    pub generation: u32,
    /// Number of the order in the order of placement.
    pub serial: u64,
}

impl Linked for Entry {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Entry {
    pub const VACANT: Entry = Entry {
        order: Order::VACANT,
        cancel: CancelProgress::NONE,
        change: ChangeProgress::NONE,
        check: Check::NONE,
        place: Place::Vacant,
        seen: 0,
        owed: false,
        swept: false,
        repeat_at: UnixNanos::MAX,
        link: Link::NONE,
        generation: 0,
        serial: 0,
    };

    pub const fn slot(&self, at: u32) -> Slot {
        Slot { at, generation: self.generation }
    }
}

/// Earliest moments at which something may be due; never later than the truth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub cancel: UnixNanos,
    pub check: UnixNanos,
    pub repeat: UnixNanos,
}
