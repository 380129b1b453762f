//! Bounded single-producer single-consumer rings: the only way records and commands cross threads.
//!
//! This floor owns the two ends of a ring ([`Producer`], [`Consumer`]) with an exact account of what was lost
//! ([`RingCounters`]), the [`Doorbell`] that wakes a sleeping thread, and the handle a strategy submits orders through
//! ([`OrderProducer`]). It guarantees: records come out in the order they went in; an event goes in whole or not at
//! all, and what did not go in is counted; nothing here blocks or allocates except a [`ThreadSleeper`] told to wait,
//! and creation; a push is never lost on a thread that is just falling asleep. It never opens a socket, never reads
//! the time of day, and never decides what to do about a full ring: that is the caller's business.
//!
//! # Threads
//! | what | who | costs |
//! |---|---|---|
//! | [`Producer::push_all`], [`Producer::push`] | the producing thread | the bare copy and about a tenth more: one store to a cache line of its own |
//! | [`Consumer::pop`], [`Consumer::read`] | the consuming thread | the bare copy plus one store to a cache line of its own |
//! | [`RingCounters`] | any thread, at any time | one relaxed load per figure |
//! | [`Doorbell::ring`] | every producer, in Block mode only | a full fence (some 5 ns); a wake-up call only if the sleeper is parked |
//!
//! In the Busy and Yield modes no doorbell exists (`None` at creation) and a push pays one predictable branch for it.

mod channel;
mod counters;
mod doorbell;
mod orders;
mod prepared;
#[cfg(test)]
mod tests;

pub use channel::{ring, Consumer, Producer};
pub use counters::{RingCounters, RingFigures, HIGH_WATER_STEPS};
pub use doorbell::{Doorbell, Sleeper, ThreadSleeper};
pub use orders::{Malformed, OrderProducer, SubmitError};
pub use prepared::PreparedSlots;
