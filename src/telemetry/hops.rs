//! The hops of a message and of an order, each with a histogram of its own. Which thread measures which hop is written
//! at the hop; a thread records only the hops it sees, and the snapshots of all threads are merged for display.

use super::{Histogram, HistogramReader, Snapshot, Summary};

/// A stretch of the way from the venue to the strategy and back. Exhaustive within a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hop {
    /// Socket read to plaintext in our buffer. Reactor.
    Decrypt = 0,
    /// Plaintext to records ready: frame, JSON, books. Reactor.
    Parse = 1,
    /// Records ready to pushed on every consumer's ring. Reactor.
    Publish = 2,
    /// Published to popped, from pulse records. Strategy.
    HandOff = 3,
    /// Socket read to popped. Strategy.
    TickToStrategy = 4,
    /// Submitted to taken by the reactor. Reactor.
    CommandWait = 5,
    /// Taken to request bytes built: guards, order id, signature. Reactor.
    Build = 6,
    /// Request bytes built to their last byte taken by the kernel: encryption and write. Reactor.
    Write = 7,
    /// Socket read of the record that caused an order to the order's last byte taken by the kernel. Reactor.
    TickToTrade = 8,
    /// Last byte of a request taken by the kernel to its reply read. Reactor.
    VenueRoundTrip = 9,
}

impl Hop {
    /// Every hop, in the order of the way.
    pub const ALL: [Hop; 10] = [
        Hop::Decrypt,
        Hop::Parse,
        Hop::Publish,
        Hop::HandOff,
        Hop::TickToStrategy,
        Hop::CommandWait,
        Hop::Build,
        Hop::Write,
        Hop::TickToTrade,
        Hop::VenueRoundTrip,
    ];

    /// The name used in tables and JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Hop::Decrypt => "decrypt",
            Hop::Parse => "parse",
            Hop::Publish => "publish",
            Hop::HandOff => "hand_off",
            Hop::TickToStrategy => "tick_to_strategy",
            Hop::CommandWait => "command_wait",
            Hop::Build => "build",
            Hop::Write => "write",
            Hop::TickToTrade => "tick_to_trade",
            Hop::VenueRoundTrip => "venue_round_trip",
        }
    }
}

const _: () = {
    let mut i = 0;
    while i < Hop::ALL.len() {
        assert!(Hop::ALL[i] as usize == i);
        i += 1;
    }
};

/// One thread's histograms, by hop.
#[derive(Debug, Default)]
pub struct Hops([Histogram; Hop::ALL.len()]);

/// The reading end of one thread's [`Hops`].
#[derive(Debug, Clone)]
pub struct HopsReader([HistogramReader; Hop::ALL.len()]);

/// What the hops held at one moment. Displays as a table in microseconds; hops never taken are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopsSnapshot([Snapshot; Hop::ALL.len()]);

impl Hops {
    /// Empty histograms for every hop: the only allocation.
    pub fn new() -> Hops {
        Hops::default()
    }

    /// Counts one passage of `hop` that took `ns`.
    #[inline]
    pub fn record(&mut self, hop: Hop, ns: u64) {
        if let Some(histogram) = self.0.get_mut(hop as usize) {
            histogram.record(ns);
        }
    }

    /// A reading end.
    pub fn reader(&self) -> HopsReader {
        HopsReader(self.0.each_ref().map(Histogram::reader))
    }
}

impl HopsReader {
    /// What this thread's hops hold now.
    pub fn snapshot(&self) -> HopsSnapshot {
        HopsSnapshot(self.0.each_ref().map(HistogramReader::snapshot))
    }
}

impl HopsSnapshot {
    /// A snapshot of nothing, to merge those of all threads into.
    pub fn empty() -> HopsSnapshot {
        HopsSnapshot(std::array::from_fn(|_| Snapshot::empty()))
    }

    /// Adds what another thread's hops held.
    pub fn merge(&mut self, other: &HopsSnapshot) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }

    /// The distribution of every hop, in the order of the way.
    pub fn iter(&self) -> impl Iterator<Item = (Hop, &Snapshot)> {
        Hop::ALL.into_iter().zip(&self.0)
    }

    /// The rows of a table, in ns: every hop that was taken at least once.
    pub fn table(&self) -> impl Iterator<Item = (Hop, Summary)> + '_ {
        self.iter().filter(|(_, snapshot)| snapshot.count() > 0).map(|(hop, snapshot)| (hop, snapshot.summary()))
    }
}

impl std::fmt::Display for HopsSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = ["count", "min", "p50", "p99", "p99.9", "max"];
        write!(f, "{:<18}", "hop (us)")?;
        columns.into_iter().try_for_each(|column| write!(f, "{column:>12}"))?;
        for (hop, s) in self.table() {
            write!(f, "\n{:<18}{:>12}", hop.name(), s.count)?;
            for ns in [s.min, s.p50, s.p99, s.p999, s.max] {
                write!(f, "{:>8}.{:03}", ns / 1_000, ns % 1_000)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_record_their_own_hops_and_a_reader_merges_them() {
        let (mut reactor, mut strategy) = (Hops::new(), Hops::new());
        let readers = [reactor.reader(), strategy.reader()];
        reactor.record(Hop::Parse, 70);
        reactor.record(Hop::Parse, 90);
        strategy.record(Hop::HandOff, 55);
        let mut all = HopsSnapshot::empty();
        readers.iter().for_each(|reader| all.merge(&reader.snapshot()));
        let rows: Vec<_> = all.table().map(|(hop, s)| (hop, s.count, s.min, s.max)).collect();
        assert_eq!(rows, [(Hop::Parse, 2, 70, 90), (Hop::HandOff, 1, 55, 55)]);
    }

    #[test]
    fn the_table_shows_microseconds_and_only_hops_that_were_taken() {
        let mut hops = Hops::new();
        assert_eq!(hops.reader().snapshot().to_string().lines().count(), 1);
        hops.record(Hop::TickToTrade, 25_600);
        let table = hops.reader().snapshot().to_string();
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["tick_to_trade", "1", "25.600", "25.600", "25.600", "25.600", "25.600"]);
        assert!(table.lines().all(|line| line.len() == table.find('\n').unwrap()));
    }
}
