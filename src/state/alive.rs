//! A thread that says once a second that the session lives, by the time stamp of its lock files. A thread of its own: a
//! disk that hangs holds nobody else up.

use std::fs::File;
use std::io;
use std::sync::{mpsc, Arc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// The thread; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Alive {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Alive {
    pub(super) fn start(files: Arc<[File]>) -> io::Result<Alive> {
        let (stop, stopped) = mpsc::channel();
        let say = move || loop {
            for file in files.iter() {
                if let Err(error) = file.set_modified(SystemTime::now()) {
                    tracing::warn!(%error, "state directory: cannot note that the session lives");
                }
            }
            if stopped.recv_timeout(EVERY) != Err(mpsc::RecvTimeoutError::Timeout) {
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
