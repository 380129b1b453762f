//! The journal's thread: takes entries, makes lines, writes them, and tells when it cannot.

use super::config::AuditConfig;
use super::disk::{Disk, Folder};
use super::line;
use super::tap::{AuditTap, ColdAudit, Intake, Shared};
use super::writer::Writer;
use crate::keeper::Clock;
use crate::record::{AssetId, AuditEntry, Instrument, InstrumentId, UnixNanos};
use crate::ring::ring;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the thread sleeps when nothing waits. Nobody rings for it: that would cost the reactor a system call.
const IDLE: Duration = Duration::from_millis(2);
/// How soon a disk that refused is tried again.
const RETRY: Duration = Duration::from_millis(20);
/// Lines made before they are written: what a refusing disk makes us hold.
const LINES_AT_ONCE: usize = 256;
/// At the end: how long a disk that refuses, or a reactor that is not gone yet, is waited for. The reactor may take 2 s for
/// its last cancels.
const END_MAX: Duration = Duration::from_secs(3);

/// What the numbers in entries mean.
pub trait Names: Send {
    /// The instrument of a number.
    fn instrument(&self, id: InstrumentId) -> Option<Arc<Instrument>>;
    /// The code of an asset.
    fn asset(&self, id: AssetId) -> Option<String>;
}

/// How the log ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditEnd {
    /// All that was told is in the files and forced to the disk; what was lost before is said there.
    Complete,
    /// So many entries, the last ones, are not in the files.
    Incomplete {
        /// How many.
        missing: u64,
        /// Why.
        why: String,
    },
}

/// The running journal. Dropping it ends it as [`Journal::end`] does.
#[derive(Debug)]
pub struct Journal {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<AuditEnd>>,
}

impl Journal {
    /// Opens the first file and starts the thread; gives the reactor's way in, and that of cold queries.
    ///
    /// # Errors
    /// The directory or the file cannot be made, or the system gives no thread.
    pub fn start(
        config: &AuditConfig,
        names: Box<dyn Names>,
        clock: Clock,
    ) -> io::Result<(Journal, AuditTap, ColdAudit)> {
        let now = clock.now();
        let folder = Folder::open(config.directory.clone(), now.0, config.files_max)?;
        let mut writer = Writer::new(folder, now.0, config.rotate_bytes, config.fsync);
        writer.ready(now)?;
        let shared = Arc::new(Shared::default());
        let (producer, ring) = ring(config.ring_entries, None);
        let cold = ColdAudit::new(shared.clone());
        let intake = Intake { ring, cold: cold.clone(), shared: shared.clone() };
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker { intake, writer, names, clock, stop: stop.clone(), ended: false };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || worker.run())?;
        Ok((Journal { stop, thread: Some(thread) }, AuditTap::new(producer, shared), cold))
    }

    /// Takes all that waits, ends the log, forces it to the disk. The reactor should be gone: it is waited for only a
    /// little.
    pub fn end(mut self) -> AuditEnd {
        self.finish()
    }

    fn finish(&mut self) -> AuditEnd {
        self.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return AuditEnd::Complete };
        thread.thread().unpark();
        thread.join().unwrap_or_else(|_| AuditEnd::Incomplete { missing: 0, why: "its thread panicked".to_owned() })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Worker<D: Disk> {
    intake: Intake,
    writer: Writer<D>,
    names: Box<dyn Names>,
    clock: Clock,
    stop: Arc<AtomicBool>,
    /// The last line is made.
    ended: bool,
}

impl<D: Disk> Worker<D> {
    fn run(mut self) -> AuditEnd {
        let mut give_up_at = None;
        loop {
            // Looked at first: what was pushed before it is seen by the turn.
            let stopping = self.stop.load(Ordering::Acquire);
            let abandoned = self.intake.ring.is_abandoned();
            let late = stopping && Instant::now() >= *give_up_at.get_or_insert_with(|| Instant::now() + END_MAX);
            match self.turn() {
                Ok(true) => {}
                Ok(false) if stopping && (abandoned || late) => match self.close() {
                    Ok(()) => return AuditEnd::Complete,
                    Err(error) if late => return self.give_up(&error),
                    Err(error) => self.troubled(&error),
                },
                Ok(false) => std::thread::park_timeout(IDLE),
                Err(error) if late => return self.give_up(&error),
                Err(error) => self.troubled(&error),
            }
        }
    }

    /// Takes what waits and writes it; whether anything waited.
    fn turn(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        // Nothing is taken that could not be written: what waits meanwhile waits in the ring, which counts.
        self.writer.ready(now)?;
        self.recovered();
        let mut worked = false;
        for _ in 0..LINES_AT_ONCE {
            if self.writer.is_full() {
                break;
            }
            let Some(entry) = self.intake.next(now) else { break };
            self.line(&entry);
            worked = true;
        }
        if worked {
            self.writer.ready(self.clock.now())?;
        }
        Ok(worked)
    }

    fn line(&mut self, entry: &AuditEntry) {
        let Worker { writer, names, .. } = self;
        writer.line(|object| line::entry(object, entry, names.as_ref()));
    }

    /// The last lines: what the reactor could not tell, and that this is the end.
    fn close(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        self.writer.ready(now)?;
        if let Some(lost) = self.intake.lost_at_the_end(now) {
            self.line(&lost);
        }
        if !std::mem::replace(&mut self.ended, true) {
            self.writer.line(|object| {
                object.number("ns", now.0);
                object.text("kind", "end");
            });
        }
        self.writer.flush(now)?;
        self.writer.sync()
    }

    fn give_up(mut self, error: &io::Error) -> AuditEnd {
        let now = UnixNanos::NONE;
        let mut missing = self.writer.unwritten();
        while let Some(entry) = self.intake.next(now).or_else(|| self.intake.lost_at_the_end(now)) {
            missing = missing.saturating_add(match entry {
                AuditEntry::Lost { count, .. } => count,
                _ => 1,
            });
        }
        tracing::error!(missing, %error, "the audit log ends incomplete");
        AuditEnd::Incomplete { missing, why: error.to_string() }
    }

    fn troubled(&mut self, error: &io::Error) {
        if !self.intake.shared.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the disk refuses the audit log; entries wait, and are counted when they find no room");
        }
        std::thread::park_timeout(RETRY);
    }

    fn recovered(&mut self) {
        if self.intake.shared.failing.load(Ordering::Relaxed) {
            self.intake.shared.failing.store(false, Ordering::Relaxed);
            tracing::warn!("the audit log goes on");
        }
    }
}
