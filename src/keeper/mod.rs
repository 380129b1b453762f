//! The thread that never waits for DNS or a connection, so that it can act when everything else is stuck.
//!
//! Owns the anchor of the clock and the minting of tokens. Guarantees that the clock is re-anchored every few seconds,
//! that every token slot is refilled within a tick, and that spent tokens are wiped; sleeps in between, at most
//! [`TICK_MS`]. Never logs a token; never touches the reactor's data but through rings and atomics.
//!
//! The reactor's heartbeat watch and the emergency connections belong on this thread as further steps of its turn.

mod anchor;
mod clock;
mod thread;
mod tokens;

pub use anchor::{Adjustment, STEP_MIN_NS};
pub use clock::{Clock, ClockAnchor, ClockHealth};
pub use thread::{Keeper, KeeperCounters, KeeperPanicked, KeeperSettings, TICK_MS};
pub use tokens::{
    Mint, MintFailed, Minted, Minter, SlotPlan, Token, TokenPool, TokenSlot, TokenTap, REISSUE_LEFT_MS, USABLE_LEFT_MS,
};
