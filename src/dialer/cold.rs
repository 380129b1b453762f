//! Cold queries for whoever may block: a request goes to a worker, the caller waits for the reply.
//!
//! Owns [`WORKERS`] threads per venue, so that one long list does not hold up a reconciliation. Guarantees one reply per
//! job, within its timeout and a little; a job that waited too long in the queue is never sent. A lifeline is the same
//! without queue and workers, on the caller's thread: nothing that is stuck can be in its way.

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::dial::Venue;
use super::endpoint::Endpoint;
use super::exchange::{ColdClient, ColdRequest, ExchangeError, ExchangeReason, OwnedResponse, Written};
use super::resolve::{lock, Names};
use crate::codec::http1::Method;

/// Exchanges at once per venue.
const WORKERS: usize = 2;
/// Longest timeout there is: nobody waits for a year.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How much longer than the timeout a caller waits: workers notice the end by slices.
const GRACE: Duration = Duration::from_millis(500);

/// Appends the request, signed for now, to the bytes; or says why it cannot.
pub type Build = Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), Box<str>> + Send>;

/// A query for the workers.
pub struct ColdJob {
    /// Where to.
    pub endpoint: Endpoint,
    /// As in the request. GET and HEAD may be repeated on a new connection if the kept one died.
    pub method: Method,
    /// Makes the request on the worker's thread, just before it leaves: signatures are young, and none is made for nothing.
    pub build: Build,
    /// For all of it, in ms, from submission.
    pub timeout_ms: u64,
    /// Longest body of the response, in bytes.
    pub body_bytes_max: usize,
}

struct Queued {
    job: ColdJob,
    deadline: Instant,
    reply: Sender<Result<OwnedResponse, ExchangeError>>,
}

enum Message {
    Job(Box<Queued>),
    Stop,
}

/// Runs cold queries. Cheap to clone, usable from any thread that may block.
#[derive(Clone)]
pub struct ColdHandle {
    way: Way,
    venue: Arc<Venue>,
}

#[derive(Clone)]
enum Way {
    Workers(Sender<Message>),
    /// On the caller's thread, over connections of its own.
    Lifeline(Arc<Mutex<ColdClient>>),
}

impl ColdHandle {
    /// One with connections of its own, to addresses known before: it waits for no worker, and for DNS only if no such
    /// address takes a connection.
    pub(super) fn lifeline(venue: Arc<Venue>) -> ColdHandle {
        let client = ColdClient::new(venue.clone(), Names::Remembered);
        ColdHandle { way: Way::Lifeline(Arc::new(Mutex::new(client))), venue }
    }

    /// Whether the dialer is shutting down: whatever runs ends early, and nothing new is sent.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.venue.stop.load(Ordering::Relaxed)
    }

    /// Runs the query and waits for its response.
    ///
    /// # Errors
    /// Why there is none, and whether any byte of the request may have left.
    pub fn run(&self, job: ColdJob) -> Result<OwnedResponse, ExchangeError> {
        let timeout = Duration::from_millis(job.timeout_ms).min(TIMEOUT_MAX);
        let deadline = Instant::now() + timeout;
        let messages = match &self.way {
            Way::Lifeline(client) => return answer_or_panic(&mut lock(client), job, deadline),
            Way::Workers(messages) => messages,
        };
        let host: Box<str> = job.endpoint.host.as_str().into();
        let failed = |written, reason| ExchangeError {
            venue: self.venue.name.clone(),
            host: host.clone(),
            written,
            reason: Box::new(reason),
        };
        let (reply, replied) = mpsc::channel();
        let queued = Box::new(Queued { job, deadline, reply });
        if messages.send(Message::Job(queued)).is_err() {
            return Err(failed(Written::Nothing, ExchangeReason::Shutdown));
        }
        replied.recv_timeout(timeout + GRACE).unwrap_or_else(|error| {
            Err(match error {
                mpsc::RecvTimeoutError::Timeout => failed(Written::MayHaveLeft, ExchangeReason::Timeout),
                // Dropped in the queue: workers reply to whatever they took out of it.
                mpsc::RecvTimeoutError::Disconnected => failed(Written::Nothing, ExchangeReason::Shutdown),
            })
        })
    }
}

/// The workers of one venue. Dropping it waits for them: raise the venue's stop flag first.
pub(super) struct ColdWorkers {
    venue: Arc<Venue>,
    messages: Sender<Message>,
    threads: Vec<JoinHandle<()>>,
}

impl ColdWorkers {
    pub(super) fn start(venue: &Arc<Venue>) -> io::Result<Self> {
        let (messages, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = Self { venue: venue.clone(), messages, threads: Vec::new() };
        for index in 0..WORKERS {
            let (client, queue) = (ColdClient::new(venue.clone(), Names::Asked), queue.clone());
            let thread = std::thread::Builder::new().name(format!("cold-{}-{index}", venue.name));
            workers.threads.push(thread.spawn(move || work(client, &queue))?);
        }
        Ok(workers)
    }

    pub(super) fn handle(&self) -> ColdHandle {
        ColdHandle { way: Way::Workers(self.messages.clone()), venue: self.venue.clone() }
    }
}

impl Drop for ColdWorkers {
    fn drop(&mut self) {
        for _ in &self.threads {
            // Fails if all have ended.
            let _ = self.messages.send(Message::Stop);
        }
        for thread in self.threads.drain(..) {
            // Panics were caught inside.
            let _ = thread.join();
        }
    }
}

fn work(mut client: ColdClient, queue: &Mutex<Receiver<Message>>) {
    loop {
        // Waiting under the lock: the other worker waits for the lock instead of for the queue.
        let message = lock(queue).recv();
        let Ok(Message::Job(queued)) = message else { return };
        let Queued { job, deadline, reply } = *queued;
        // The caller may have given up.
        let _ = reply.send(answer_or_panic(&mut client, job, deadline));
    }
}

fn answer_or_panic(client: &mut ColdClient, job: ColdJob, deadline: Instant) -> Result<OwnedResponse, ExchangeError> {
    let endpoint = job.endpoint.clone();
    catch_unwind(AssertUnwindSafe(|| answer(client, job, deadline))).unwrap_or_else(|_| {
        tracing::error!(%endpoint, "a cold query panicked");
        Err(client.error(&endpoint, Written::MayHaveLeft, ExchangeReason::Panicked))
    })
}

fn answer(client: &mut ColdClient, job: ColdJob, deadline: Instant) -> Result<OwnedResponse, ExchangeError> {
    if let Err(gave_up) = client.patience(deadline) {
        return Err(client.error(&job.endpoint, Written::Nothing, gave_up.into()));
    }
    // Tokens and keys are in it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    if let Err(why) = (job.build)(&mut bytes) {
        return Err(client.error(&job.endpoint, Written::Nothing, ExchangeReason::Request(why)));
    }
    let request =
        ColdRequest { endpoint: &job.endpoint, method: job.method, bytes: &bytes, body_bytes_max: job.body_bytes_max };
    client.exchange_until(request, deadline)
}
