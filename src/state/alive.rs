//! A thread that notes once a second, by the time stamp of each lock file, up to when its account's executions were told.
//! A thread of its own: a disk that hangs holds nobody else up.

use super::told::ToldUntil;
use crate::record::{PerVenue, UnixNanos, Venue};
use std::fs::File;
use std::io;
use std::sync::{mpsc, Arc};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// The thread; ends when it is dropped, after a last note.
#[derive(Debug)]
pub(super) struct Alive {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Alive {
    pub(super) fn start(files: Arc<[(Venue, File)]>, told: ToldUntil) -> io::Result<Alive> {
        let (stop, stopped) = mpsc::channel();
        let mut noted = PerVenue::new(|_| UnixNanos::NONE);
        let say = move || loop {
            let ends = stopped.recv_timeout(EVERY) != Err(mpsc::RecvTimeoutError::Timeout);
            for (venue, file) in files.iter() {
                // Nothing was told yet: the stamp of the session before holds on.
                let Some(until) = told.of(*venue).filter(|until| until != noted.get(*venue)) else { continue };
                *noted.get_mut(*venue) = until;
                if let Err(error) = file.set_modified(UNIX_EPOCH + Duration::from_nanos(until.0)) {
                    tracing::warn!(%venue, %error, "state directory: cannot note how far executions were told");
                }
            }
            if ends {
                return;
            }
        };
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(say)?;
        Ok(Alive { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.stop.take();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the state thread ended in a panic");
        }
    }
}
