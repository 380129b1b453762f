//! The thread that never waits for DNS or a connection, so that it can act when everything else is stuck.
//!
//! Owns the anchor of the clock, the minting of tokens, and the watch over the reactor. Guarantees that the clock is
//! re-anchored every few seconds, that every token slot is refilled within a tick, that spent tokens are wiped, and that a
//! reactor which panics or stands still is noticed; sleeps in between, at most [`TICK_MS`] while there are tokens. Never
//! logs a token; never touches the reactor's data but through rings and atomics.
//!
//! What it does about such a reactor: the kill switch is thrown, and at each venue an [`Emergency`], with a thread and a
//! connection of its own that was opened in advance, cancels our orders.

mod anchor;
mod clock;
mod emergency;
mod pulse;
mod thread;
mod tokens;
mod watch;

pub use anchor::{Adjustment, STEP_MIN_NS};
pub use clock::{Clock, ClockAnchor, ClockHealth};
pub use emergency::{Canceller, CancellerFailed, Emergency, EmergencyBell, EmergencyRules, EmergencyState};
pub use pulse::{Heart, Life, Pulse};
pub use thread::{Keeper, KeeperCounters, KeeperPanicked, KeeperSettings, TICK_MS};
pub use tokens::{
    Mint, MintFailed, Minted, Minter, SlotPlan, Token, TokenPool, TokenSlot, TokenTap, REISSUE_LEFT_MS, USABLE_LEFT_MS,
};
pub use watch::{Alarm, ReactorWatch};
