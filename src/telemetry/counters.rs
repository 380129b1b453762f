//! Named counters. One writer per set; a set per thread, merged for display. A new counter is one line in the table
//! below.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $merge:ident,)+) => {
        /// What is counted. Sets of several threads merge by sum, those named a greatest value by the greatest.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Counter {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Counter {
            /// Every counter, in the order of display.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// The name used in tables and JSON output.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Counter::$variant => $name,)+
                }
            }

            const fn merge(self) -> Merge {
                match self {
                    $(Counter::$variant => Merge::$merge,)+
                }
            }
        }
    };
}

/// How the values of several threads become one.
enum Merge {
    Sum,
    Max,
}

counters! {
    /// Plaintext bytes received.
    BytesReceived "bytes_received" Sum,
    /// Market and statistics records published to at least one consumer.
    RecordsPublished "records_published" Sum,
    /// Market and statistics records that a consumer's ring had no room for, each consumer's counted.
    RecordsRefused "records_refused" Sum,
    /// Execution records handed to a strategy.
    ExecutionsEmitted "executions_emitted" Sum,
    /// Messages or fields that could not be read as documented; each was also announced or survived by the slow path.
    Anomalies "anomalies" Sum,
    /// Channels that a venue does not serve as they were asked; each was announced.
    SubscriptionsWrong "subscriptions_wrong" Sum,
    /// Gaps announced.
    Gaps "gaps" Sum,
    /// Recoveries from a gap announced.
    Recoveries "recoveries" Sum,
    /// Times a feed was silent longer than its venue promises.
    Stale "stale" Sum,
    /// Trades of redundant feeds that the first connection brought before the second, or alone.
    FeedOneTradesFirst "feed_one_trades_first" Sum,
    /// The same of the second connection.
    FeedTwoTradesFirst "feed_two_trades_first" Sum,
    /// Trades of redundant feeds that the other connection had brought already.
    TradesRepeated "trades_repeated" Sum,
    /// Trades of redundant feeds too far behind the newest one to tell whether they were told.
    TradesTooOld "trades_too_old" Sum,
    /// Times a product changed over to the book of its other connection.
    BookSwitches "book_switches" Sum,
    /// Price levels that found the book pool full.
    LevelsRefused "levels_refused" Sum,
    /// Connections lost after they were established.
    Disconnects "disconnects" Sum,
    /// Connections established in place of a lost or retired one.
    Reconnects "reconnects" Sum,
    /// Connections relieved by another one before their known end.
    ConnectionsRelieved "connections_relieved" Sum,
    /// Attempts to connect that failed.
    DialFailures "dial_failures" Sum,
    /// Commands taken from the strategies' rings.
    CommandsTaken "commands_taken" Sum,
    /// Order placements written to a venue.
    OrdersSent "orders_sent" Sum,
    /// Order placements refused before a byte was written.
    OrdersRefused "orders_refused" Sum,
    /// Order placements rejected by a venue with evidence.
    OrdersRejected "orders_rejected" Sum,
    /// Orders whose outcome became unknown.
    OrdersUnknown "orders_unknown" Sum,
    /// Unknown outcomes settled by evidence.
    OrdersReconciled "orders_reconciled" Sum,
    /// Cancels written to a venue, repeated ones included.
    CancelsSent "cancels_sent" Sum,
    /// Changes of resting orders written to a venue connection.
    ChangesSent "changes_sent" Sum,
    /// Fill records handed to a strategy.
    Fills "fills" Sum,
    /// Requests held back or refused by the rate governor.
    RateLimited "rate_limited" Sum,
    /// Times a venue said that we ask too much.
    VenueRateLimited "venue_rate_limited" Sum,
    /// Times a circuit breaker opened.
    BreakerTrips "breaker_trips" Sum,
    /// Times the kill switch or a dead-man switch fired.
    Kills "kills" Sum,
    /// Emergencies begun: the reactor was given up, and its orders at one venue were cancelled without it.
    Emergencies "emergencies" Sum,
    /// Orders named in the cancels of an emergency, repeated ones included.
    EmergencyCancels "emergency_cancels" Sum,
    /// Steps of an emergency, or of a rehearsal of one, that failed.
    EmergencyFailures "emergency_failures" Sum,
    /// Tokens dropped unused because they were about to expire.
    TokensExpired "tokens_expired" Sum,
    /// Times an order found no token ready.
    TokensMissing "tokens_missing" Sum,
    /// Turns of the reactor longer than 50 us, each a bug.
    LongTurns "long_turns" Sum,
    /// Longest turn of the reactor, ns; a greatest value.
    LongestTurnNs "longest_turn_ns" Max,
}

const COUNTERS: usize = Counter::ALL.len();

/// The writing end of one thread's counters.
#[derive(Debug)]
pub struct Counters(Arc<Shared>);

/// The reading end of one thread's counters.
#[derive(Debug, Clone)]
pub struct CountersReader(Arc<Shared>);

/// Aligned so that two threads' sets share no cache line (neighbouring lines are fetched in pairs).
#[derive(Debug)]
#[repr(align(128))]
struct Shared([AtomicU64; COUNTERS]);

/// What the counters held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountersSnapshot([u64; COUNTERS]);

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Counters at 0.
    pub fn new() -> Counters {
        Counters(Arc::new(Shared(std::array::from_fn(|_| AtomicU64::new(0)))))
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.update(counter, |value| value.wrapping_add(n));
    }

    /// Raises the value to `value` if that is greater.
    #[inline]
    pub fn max(&mut self, counter: Counter, value: u64) {
        self.update(counter, |old| old.max(value));
    }

    /// The value now.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter)
    }

    /// A reading end.
    pub fn reader(&self) -> CountersReader {
        CountersReader(self.0.clone())
    }

    #[inline]
    fn update(&mut self, counter: Counter, change: impl FnOnce(u64) -> u64) {
        // A plain load and store: there is no other writer.
        if let Some(cell) = self.0 .0.get(counter as usize) {
            cell.store(change(cell.load(Relaxed)), Relaxed);
        }
    }
}

impl Shared {
    fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).map_or(0, |cell| cell.load(Relaxed))
    }
}

impl CountersReader {
    /// The value now.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter)
    }

    /// All values now.
    pub fn snapshot(&self) -> CountersSnapshot {
        CountersSnapshot(self.0 .0.each_ref().map(|cell| cell.load(Relaxed)))
    }
}

impl CountersSnapshot {
    /// All values 0, to merge those of all threads into.
    pub const fn empty() -> CountersSnapshot {
        CountersSnapshot([0; COUNTERS])
    }

    /// Takes in another thread's values.
    pub fn merge(&mut self, other: &CountersSnapshot) {
        for ((counter, mine), theirs) in Counter::ALL.iter().zip(&mut self.0).zip(other.0) {
            *mine = match counter.merge() {
                Merge::Sum => mine.wrapping_add(theirs),
                Merge::Max => theirs.max(*mine),
            };
        }
    }

    /// One value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or(0)
    }

    /// Every counter with its value, in the order of display.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().copied().zip(self.0)
    }
}

/// One line per counter that is not 0.
impl std::fmt::Display for CountersSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for (counter, value) in self.iter().filter(|(_, value)| *value != 0) {
            write!(f, "{separator}{:<20}{value:>16}", counter.name())?;
            separator = "\n";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_raise_and_merge_by_their_kind() {
        let (mut reactor, mut dialer) = (Counters::new(), Counters::new());
        let readers = [reactor.reader(), dialer.reader()];
        reactor.add(Counter::Reconnects, 2);
        dialer.add(Counter::Reconnects, 3);
        reactor.max(Counter::LongestTurnNs, 40_000);
        reactor.max(Counter::LongestTurnNs, 30_000);
        dialer.max(Counter::LongestTurnNs, 35_000);
        assert_eq!((reactor.get(Counter::Reconnects), readers[1].get(Counter::Reconnects)), (2, 3));
        let mut all = CountersSnapshot::empty();
        readers.iter().for_each(|reader| all.merge(&reader.snapshot()));
        assert_eq!((all.get(Counter::Reconnects), all.get(Counter::LongestTurnNs)), (5, 40_000));
        assert_eq!(all.iter().filter(|(_, value)| *value > 0).count(), 2);
    }

    #[test]
    fn every_counter_has_its_own_place_and_name() {
        let names: std::collections::BTreeSet<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        assert_eq!(names.len(), COUNTERS);
        for (index, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(*counter as usize, index);
            let words = format!("{counter:?}").chars().fold(String::new(), |mut name, c| {
                if c.is_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.extend(c.to_lowercase());
                name
            });
            assert_eq!(counter.name(), words);
        }
    }

    #[test]
    fn only_what_happened_is_shown() {
        let mut counters = Counters::new();
        assert_eq!(counters.reader().snapshot().to_string(), "");
        counters.add(Counter::Gaps, 1);
        counters.add(Counter::Fills, 12);
        let shown = counters.reader().snapshot().to_string();
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), ["gaps", "1", "fills", "12"]);
    }

    /// The code of the crate but this floor, as one text.
    fn code(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !entry.ends_with("telemetry") {
                code(&entry, all);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                all.push_str(&std::fs::read_to_string(&entry).unwrap());
            }
        }
    }

    #[test]
    fn every_counter_is_counted_somewhere() {
        let mut all = String::new();
        code(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let words: std::collections::BTreeSet<_> = all.split(|c: char| !c.is_alphanumeric() && c != ':').collect();
        for counter in Counter::ALL {
            assert!(words.contains(format!("Counter::{counter:?}").as_str()), "{counter:?} is told, and never counted");
        }
    }
}
