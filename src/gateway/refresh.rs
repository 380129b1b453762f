//! What venues list of the instruments that are traded, asked again while they are: off the hot path, now and then, and soon
//! after a venue refused what our own check had let pass.
//!
//! Owns a thread of its own that asks over the connections of cold queries, within their share of the rate limits, and hands
//! the answers to the engine. Guarantees that a venue is asked no more often than every minute, however many orders it
//! refuses, and that a question without an answer is asked again. Changes nothing itself: the engine takes an answer at the
//! exponents the instrument has, or not at all.

use super::directory::Directory;
use super::error::GatewayError;
use super::queries::Queries;
use crate::engine::Control;
use crate::reactor::{ControlHandle, ControlMessage};
use crate::record::{Instrument, InstrumentId, Listing, PerVenue, Venue};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rules of a venue are asked at most this often; those that doubt them meanwhile get the next answer.
const PAUSE: Duration = Duration::from_secs(60);
/// Doubts that wait to be read; one more says nothing new.
const DOUBTS_MAX: usize = 64;

/// When which venue is asked.
#[derive(Debug)]
struct Schedule {
    every: Duration,
    pause: Duration,
    /// Not before this, whatever is doubted.
    rests_until: PerVenue<Instant>,
    due: PerVenue<Instant>,
}

impl Schedule {
    fn new(now: Instant, every: Duration) -> Schedule {
        let pause = PAUSE.min(every);
        Schedule { every, pause, rests_until: PerVenue::new(|_| now), due: PerVenue::new(|_| now + every) }
    }

    /// What is known of a venue's rules is doubtful, or was not told.
    fn doubted(&mut self, now: Instant, venue: Venue) {
        let soonest = now.max(*self.rests_until.get(venue));
        let due = self.due.get_mut(venue);
        *due = soonest.min(*due);
    }

    /// A venue to be asked now; it has its time behind it then.
    fn take_due(&mut self, now: Instant) -> Option<Venue> {
        let venue = Venue::ALL.into_iter().find(|venue| *self.due.get(*venue) <= now)?;
        *self.due.get_mut(venue) = now + self.every;
        *self.rests_until.get_mut(venue) = now + self.pause;
        Some(venue)
    }

    fn wait(&self, now: Instant) -> Duration {
        let earliest = self.due.iter().map(|(_, due)| *due).min().unwrap_or(now);
        earliest.saturating_duration_since(now)
    }
}

/// The thread. Dropping it ends it, once the question under way has ended.
#[derive(Debug)]
pub(super) struct Refresher {
    doubts: mpsc::SyncSender<InstrumentId>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Refresher {
    pub(super) fn start(
        every: Duration,
        queries: PerVenue<Option<Queries>>,
        directory: Directory,
        control: ControlHandle,
    ) -> io::Result<Refresher> {
        let (doubts, doubted) = mpsc::sync_channel(DOUBTS_MAX);
        let ends = Arc::new(AtomicBool::new(false));
        let worker = Worker { queries, directory, control, ends: ends.clone() };
        let schedule = Schedule::new(Instant::now(), every);
        let thread = std::thread::Builder::new().name("refresher".to_owned());
        let thread = thread.spawn(move || worker.run(schedule, &doubted))?;
        Ok(Refresher { doubts, ends, thread: Some(thread) })
    }

    /// Where to say that the rules of an instrument are doubtful; what finds no room there need not be said again.
    pub(super) fn doubts(&self) -> mpsc::SyncSender<InstrumentId> {
        self.doubts.clone()
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // A full queue wakes it just as well.
        let _ = self.doubts.try_send(InstrumentId::NONE);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that refreshes instruments ended in a panic");
        }
    }
}

struct Worker {
    queries: PerVenue<Option<Queries>>,
    directory: Directory,
    control: ControlHandle,
    ends: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self, mut schedule: Schedule, doubted: &mpsc::Receiver<InstrumentId>) {
        loop {
            let heard = doubted.recv_timeout(schedule.wait(Instant::now()));
            if self.ends.load(Ordering::Acquire) || heard == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let now = Instant::now();
            if let Some(instrument) = heard.ok().and_then(|id| self.directory.instrument(id)) {
                schedule.doubted(now, instrument.listing.venue);
            }
            while let Some(venue) = schedule.take_due(now) {
                if let Err(error) = self.ask(venue) {
                    tracing::warn!(%venue, %error, "what the venue lists could not be asked again");
                    schedule.doubted(now, venue);
                }
            }
        }
    }

    /// Asks a venue for every instrument known of it, and tells what it says.
    fn ask(&self, venue: Venue) -> Result<(), GatewayError> {
        let mut known = self.directory.instruments();
        known.retain(|instrument| instrument.listing.venue == venue);
        let (Some(queries), Some(first)) = (self.queries.get(venue), known.first()) else { return Ok(()) };
        match queries {
            Queries::Coinbase(queries) => {
                for instrument in &known {
                    self.tell(instrument, queries.product(instrument.symbol())?);
                }
            }
            Queries::BinanceUs(queries) => {
                // One question costs the same for one symbol and for all.
                let one = Some(first.symbol()).filter(|_| known.len() == 1);
                let catalog = queries.catalog(one)?;
                self.send(Control::RateLimits(venue, catalog.limits));
                for market in catalog.markets {
                    let Some(instrument) = named(&known, &market.listing) else { continue };
                    self.tell(instrument, market.listing.clone());
                    self.send(Control::Market(instrument.id, Box::new(market)));
                }
            }
            Queries::Oanda(queries) => {
                for rules in queries.instruments()? {
                    let listing = rules.listing();
                    let Some(instrument) = named(&known, &listing) else { continue };
                    self.tell(instrument, listing);
                    self.send(Control::OandaRules(instrument.id, Box::new(rules)));
                }
            }
        }
        Ok(())
    }

    fn tell(&self, instrument: &Instrument, listing: Listing) {
        self.directory.renew(instrument.id, &listing);
        self.send(Control::Listing(instrument.id, Box::new(listing)));
    }

    fn send(&self, control: Control) {
        // A reactor that does not empty its queue has worse troubles; the next answer comes.
        if self.control.send(ControlMessage::Engine(control)).is_err() {
            tracing::warn!("the reactor has no room for what a venue lists anew");
        }
    }
}

fn named<'a>(known: &'a [Arc<Instrument>], listing: &Listing) -> Option<&'a Arc<Instrument>> {
    known.iter().find(|instrument| instrument.symbol() == &*listing.symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const SECOND: Duration = Duration::from_secs(1);

    fn all_due(schedule: &mut Schedule, now: Instant) -> Vec<Venue> {
        std::iter::from_fn(|| schedule.take_due(now)).collect()
    }

    #[test]
    fn every_venue_is_asked_in_its_time_and_not_before() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, HOUR);
        assert_eq!((schedule.wait(start), all_due(&mut schedule, start + HOUR - SECOND)), (HOUR, vec![]));
        assert_eq!(all_due(&mut schedule, start + HOUR), Venue::ALL);
        assert_eq!((schedule.wait(start + HOUR), all_due(&mut schedule, start + HOUR)), (HOUR, vec![]));
    }

    #[test]
    fn a_doubt_brings_the_question_forward_and_many_of_them_no_second_one_within_a_minute() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, HOUR);
        schedule.doubted(start, Venue::Oanda);
        assert_eq!(schedule.wait(start), Duration::ZERO);
        assert_eq!(all_due(&mut schedule, start), [Venue::Oanda]);
        for second in 1..60 {
            schedule.doubted(start + SECOND * second, Venue::Oanda);
            assert_eq!(all_due(&mut schedule, start + SECOND * second), []);
        }
        // None of them is forgotten.
        assert_eq!(schedule.wait(start + SECOND), SECOND * 59);
        assert_eq!(all_due(&mut schedule, start + PAUSE), [Venue::Oanda]);
        assert_eq!(all_due(&mut schedule, start + PAUSE * 2), []);
    }
}
