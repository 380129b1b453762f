//! Names to addresses, with the timeout that `getaddrinfo` lacks.
//!
//! Owns one detached thread per venue that asks, and the addresses that worked last. Guarantees that a caller waits no
//! longer than its patience, and that a name which resolved once still has addresses when DNS does not answer. The thread
//! cannot be interrupted inside the system's call: it is left behind on shutdown and ends with that call.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::{DialReason, Phase};
use crate::link::Patience;

/// Asks the system for the addresses of a host and port; may take as long as it likes.
pub type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The system's resolver.
///
/// # Errors
/// The system's.
pub fn system_lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

struct Question {
    host: String,
    port: u16,
    /// Nobody waits for the answer after that.
    deadline: Instant,
    answer: Sender<io::Result<Vec<SocketAddr>>>,
}

/// Which addresses of a name to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// What DNS says now, or what was known before if it does not answer.
    Asked,
    /// Those that were known before. DNS is asked only if there are none, or none of them takes a connection.
    Remembered,
}

/// See the module's documentation.
pub(super) struct Resolver {
    questions: Mutex<Sender<Question>>,
    remembered: Mutex<BTreeMap<(String, u16), Vec<SocketAddr>>>,
}

impl Resolver {
    pub(super) fn start(venue: &str, lookup: Arc<Lookup>) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel::<Question>();
        std::thread::Builder::new().name(format!("resolve-{venue}")).spawn(move || {
            for Question { host, port, deadline, answer } in asked {
                if Instant::now() < deadline {
                    // Nobody may be waiting any more.
                    let _ = answer.send(lookup(&host, port));
                }
            }
        })?;
        Ok(Self { questions: Mutex::new(questions), remembered: Mutex::default() })
    }

    /// The addresses of a host, newest knowledge first.
    pub(super) fn resolve(&self, host: &str, port: u16, patience: Patience<'_>) -> Result<Vec<SocketAddr>, DialReason> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let key = (host.to_owned(), port);
        let remembered = self.remembered(host, port);
        // With something to fall back on, leave half of the time for connecting to it.
        let left = patience.deadline.saturating_duration_since(Instant::now());
        let deadline = if remembered.is_some() { Instant::now() + left / 2 } else { patience.deadline };
        let asked = self.ask(host, port, Patience { deadline, ..patience });
        match (asked, remembered) {
            (Err(DialReason::Shutdown), _) => Err(DialReason::Shutdown),
            (Ok(addresses), _) => {
                lock(&self.remembered).insert(key, addresses.clone());
                Ok(addresses)
            }
            (Err(reason), Some(addresses)) => {
                tracing::warn!(host, %reason, "dialing the addresses that were known before");
                Ok(addresses)
            }
            (Err(reason), None) => Err(reason),
        }
    }

    /// The addresses a host had when it was resolved last.
    pub(super) fn remembered(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        lock(&self.remembered).get(&(host.to_owned(), port)).cloned()
    }

    fn ask(&self, host: &str, port: u16, patience: Patience<'_>) -> Result<Vec<SocketAddr>, DialReason> {
        let (answer, answered) = mpsc::channel();
        let question = Question { host: host.to_owned(), port, deadline: patience.deadline, answer };
        let gone = || DialReason::Resolve(io::Error::other("the resolving thread is gone"));
        lock(&self.questions).send(question).map_err(|_| gone())?;
        match wait(&answered, patience)? {
            None => Err(gone()),
            Some(Err(error)) => Err(DialReason::Resolve(error)),
            Some(Ok(addresses)) if addresses.is_empty() => Err(DialReason::NoAddress { local_bound: false }),
            Some(Ok(addresses)) => Ok(addresses),
        }
    }
}

fn wait<T>(answered: &Receiver<T>, patience: Patience<'_>) -> Result<Option<T>, DialReason> {
    loop {
        let slice = patience.slice().map_err(|gave_up| DialReason::gave_up(gave_up, Phase::Resolve))?;
        match answered.recv_timeout(slice) {
            Ok(answer) => return Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// What another thread left behind when it panicked is whole: every change here is a single call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
