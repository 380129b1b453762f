//! Measurements that are always on: where the time of each hop goes, and how often each notable thing happened.
//!
//! This floor owns the latency histogram ([`Histogram`]), the set of them per [`Hop`] ([`Hops`]) and the named counters
//! ([`Counters`]). It guarantees: recording is wait-free, never allocates, never fails, and never disturbs another
//! thread; any thread may read at any time without stopping the writer. It never reads a clock (durations are
//! arguments), never prints, and never resets: who wants an interval subtracts two snapshots.
//!
//! # Threads
//! Everything here has ONE writer, by type: recording takes `&mut self`. Each thread that measures owns a set of its
//! own, and a reader merges their snapshots.
//!
//! | what | who | costs |
//! |---|---|---|
//! | [`Histogram::record`], [`Hops::record`] | the owning thread | a few ns: one load and one store, in memory only it writes |
//! | [`Counters::add`], [`Counters::max`] | the owning thread | about 1 ns: one load and one store |
//! | [`HistogramReader`], [`HopsReader`], [`CountersReader`] | any thread, at any time | some microseconds per histogram, one load per counter; allocates |
//!
//! The figures of one snapshot are each exact, but they are read one after the other while the writer goes on.

mod counters;
mod histogram;
mod hops;

pub use counters::{Counter, Counters, CountersReader, CountersSnapshot};
pub use histogram::{Histogram, HistogramReader, Snapshot, Summary, ERROR_PARTS};
pub use hops::{Hop, Hops, HopsReader, HopsSnapshot};
