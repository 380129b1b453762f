//! The worker: begins attempts when they are due, within the budget, several at a time.
//!
//! Owns the queue of jobs. Guarantees exactly one result per job, panics and shutdown included, and a wake after each.

use std::collections::VecDeque;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ClientConfig;
use thiserror::Error;

use super::budget::{Budgeted, ConnectionBudget};
use super::cold::{ColdHandle, ColdWorkers};
use super::dial::{DialJob, DialResult, Timings, Venue};
use super::error::{DialError, DialReason};
use super::resolve::{system_lookup, Lookup, Resolver};
use crate::record::UnixNanos;

/// Attempts under way at once: market, user and a pool of order connections of one venue, reconnecting together.
const ATTEMPTS_MAX: usize = 8;
/// The system's clock may step while a job waits for its time; look again so often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Called after every result: the reactor's doorbell.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a dialer needs to know of its venue.
pub struct DialerSettings {
    /// The venue's name, for errors, logs and thread names.
    pub venue: Box<str>,
    /// Shared by all connections, so that sessions are resumed.
    pub tls: Arc<ClientConfig>,
    /// Connections the venue takes per second and address.
    pub connections_per_s: u32,
    /// Which connections that limit is about.
    pub budgeted: Budgeted,
    /// Called after every result.
    pub wake: Wake,
    /// Names to addresses; tests bring their own.
    pub lookup: Arc<Lookup>,
}

impl DialerSettings {
    /// With the system's resolver.
    #[must_use]
    pub fn new(venue: &str, tls: Arc<ClientConfig>, connections_per_s: u32, wake: Wake) -> Self {
        Self {
            venue: venue.into(),
            tls,
            connections_per_s,
            budgeted: Budgeted::default(),
            wake,
            lookup: Arc::new(system_lookup),
        }
    }
}

/// The dialer is gone; nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the dialer has ended")]
pub struct DialerStopped;

enum Message {
    Job(DialJob),
    Finished,
    Stop,
}

/// Asks for connections. Cheap to clone; never blocks.
#[derive(Clone)]
pub struct DialHandle {
    messages: Sender<Message>,
}

impl DialHandle {
    /// Asks for a connection. What becomes of it comes on the channel of results; asked in the very moment of shutdown,
    /// it may be that the channel just ends.
    ///
    /// # Errors
    /// The dialer has ended; there will be no result.
    pub fn dial(&self, job: DialJob) -> Result<(), DialerStopped> {
        self.messages.send(Message::Job(job)).map_err(|_| DialerStopped)
    }
}

/// One venue's dialing threads. Dropping it ends them, as [`Dialer::shutdown`] does.
pub struct Dialer {
    venue: Arc<Venue>,
    handle: DialHandle,
    worker: Option<JoinHandle<()>>,
    cold: ColdWorkers,
}

impl Dialer {
    /// Starts the threads. Results come on the receiver.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(settings: DialerSettings) -> io::Result<(Dialer, Receiver<DialResult>)> {
        let DialerSettings { venue: name, tls, connections_per_s, budgeted, wake, lookup } = settings;
        let resolver = Resolver::start(&name, lookup)?;
        let budget = Mutex::new(ConnectionBudget::new(connections_per_s));
        let (holds, stop) = (Mutex::default(), AtomicBool::new(false));
        let venue = Arc::new(Venue { name, tls, resolver, budget, budgeted, holds, stop });
        // Dropped on an error below, it ends its threads.
        let cold = ColdWorkers::start(&venue)?;
        let (results, results_out) = mpsc::channel();
        let (messages, inbox) = mpsc::channel();
        let worker = Worker {
            venue: venue.clone(),
            messages: messages.clone(),
            results,
            wake,
            waiting: VecDeque::new(),
            attempts: Vec::new(),
        };
        let thread = std::thread::Builder::new().name(format!("dial-{}", venue.name));
        let worker = thread.spawn(move || worker.run(&inbox))?;
        Ok((Dialer { venue, handle: DialHandle { messages }, worker: Some(worker), cold }, results_out))
    }

    /// For whoever wants connections.
    #[must_use]
    pub fn handle(&self) -> DialHandle {
        self.handle.clone()
    }

    /// For whoever wants answers.
    #[must_use]
    pub fn cold(&self) -> ColdHandle {
        self.cold.handle()
    }

    #[cfg(all(test, feature = "sim"))]
    pub(super) fn venue_for_tests(&self) -> Arc<Venue> {
        self.venue.clone()
    }

    /// For whoever must be answered when everything else is stuck: see [`ColdHandle`]. Every call makes a new one, with
    /// connections of its own.
    #[must_use]
    pub fn lifeline(&self) -> ColdHandle {
        ColdHandle::lifeline(self.venue.clone())
    }

    /// Gives up what is under way, delivers the last results and ends. Takes about a slice of
    /// [`SLICE_MS`](crate::link::SLICE_MS).
    pub fn shutdown(self) {}
}

impl Drop for Dialer {
    fn drop(&mut self) {
        self.venue.stop.store(true, Ordering::Relaxed);
        // Fails if the worker has ended, and then there is nothing to stop.
        let _ = self.handle.messages.send(Message::Stop);
        if self.worker.take().is_some_and(|worker| worker.join().is_err()) {
            tracing::error!(venue = %self.venue.name, "the dialer's worker panicked");
        }
    }
}

struct Worker {
    venue: Arc<Venue>,
    messages: Sender<Message>,
    results: Sender<DialResult>,
    wake: Wake,
    waiting: VecDeque<DialJob>,
    attempts: Vec<JoinHandle<()>>,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let message = match self.begin_what_is_due() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => inbox.recv_timeout(wait),
            };
            match message {
                Ok(Message::Job(job)) => self.waiting.push_back(job),
                Ok(Message::Finished) => self.attempts.retain(|attempt| !attempt.is_finished()),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.attempts.retain(|attempt| !attempt.is_finished()),
            }
        }
        self.wind_up(inbox);
    }

    /// How long to wait for what is not due yet; `None` if only a message can change anything.
    fn begin_what_is_due(&mut self) -> Option<Duration> {
        loop {
            let now = system_now();
            let due = self.waiting.iter().map(|job| job.not_before.max(self.venue.held_until(&job.endpoint)));
            let (index, due_in) =
                due.enumerate().min_by_key(|(_, at)| *at).map(|(index, at)| (index, at.since(now)))?;
            if due_in > 0 {
                return Some(Duration::from_nanos(due_in).min(LOOK_AGAIN));
            }
            if self.attempts.len() >= ATTEMPTS_MAX {
                // A finished attempt says so just before its thread ends.
                return Some(LOOK_AGAIN.min(Duration::from_millis(crate::link::SLICE_MS)));
            }
            let kind = self.waiting.get(index)?.endpoint.kind;
            if let Err(wait) = self.venue.take_budget(kind) {
                return Some(wait);
            }
            let job = self.waiting.remove(index)?;
            self.begin(job);
        }
    }

    fn begin(&mut self, job: DialJob) {
        let (venue, messages) = (self.venue.clone(), self.messages.clone());
        let (results, wake) = (self.results.clone(), self.wake.clone());
        let failed = nothing_of(&job);
        let (name, endpoint) = (venue.name.clone(), job.endpoint.clone());
        let thread = std::thread::Builder::new().name(format!("dial-{name}-{}", job.conn));
        let spawned = thread.spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| venue.dial(&job, system_now))).unwrap_or_else(|_| {
                tracing::error!(venue = %venue.name, endpoint = %job.endpoint, "a dialing thread panicked");
                nothing_of(&job)(DialError::new(&venue.name, &job.endpoint, DialReason::Panicked))
            });
            report(&results, &wake, result);
            // The worker may be gone, and then nobody counts.
            let _ = messages.send(Message::Finished);
        });
        match spawned {
            Ok(attempt) => self.attempts.push(attempt),
            Err(error) => {
                let error = DialError::new(&self.venue.name, &endpoint, DialReason::Local(error));
                report(&self.results, &self.wake, failed(error));
            }
        }
    }

    fn wind_up(self, inbox: &Receiver<Message>) {
        for attempt in self.attempts {
            // Panics were caught inside.
            let _ = attempt.join();
        }
        let asked_meanwhile = inbox.try_iter().filter_map(|message| match message {
            Message::Job(job) => Some(job),
            _ => None,
        });
        for job in self.waiting.into_iter().chain(asked_meanwhile) {
            let error = DialError::new(&self.venue.name, &job.endpoint, DialReason::Shutdown);
            report(&self.results, &self.wake, nothing_of(&job)(error));
        }
    }
}

fn report(results: &Sender<DialResult>, wake: &Wake, result: DialResult) {
    match &result.outcome {
        // Wanted, so no warning.
        Err(error) if matches!(*error.reason, DialReason::Shutdown) => {
            tracing::debug!(conn = result.conn, attempt = result.attempt, "dial given up, shutting down");
        }
        Err(error) => tracing::warn!(conn = result.conn, attempt = result.attempt, %error, "dial failed"),
        Ok(_) => tracing::debug!(conn = result.conn, attempt = result.attempt, timings = ?result.timings, "dialed"),
    }
    // The asker may be gone on shutdown; the connection then closes with the result.
    let _ = results.send(result);
    wake();
}

/// A result of a job that came nowhere.
fn nothing_of(job: &DialJob) -> impl FnOnce(DialError) -> DialResult {
    let (conn, attempt) = (job.conn, job.attempt);
    move |error| DialResult { conn, attempt, outcome: Err(error), peer: None, local: None, timings: Timings::default() }
}

fn system_now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
