//! Waking a sleeping thread without making an awake one pay for it: a flag says whether somebody sleeps, and a full
//! fence on both sides makes sure that either the sleeper sees the push or the ringer sees the sleeper.
//!
//! There is one [`Sleeper`] to any number of [`Doorbell`]s, by type. Strategies ring the reactor's bell
//! ([`Doorbell::waking`], which calls mio's waker); the reactor rings a strategy's ([`Doorbell::for_thread`]). The only
//! clock here is the one that ends [`ThreadSleeper::wait`].

use std::sync::atomic::{fence, AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use super::counters::Padded;

/// The ringing side: cloned into every ring whose consumer may sleep.
#[derive(Debug, Clone)]
pub struct Doorbell(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parked: Padded<AtomicBool>,
    wake: Wake,
}

enum Wake {
    Call(Box<dyn Fn() + Send + Sync>),
    /// Which thread sleeps; written by that thread before it parks, and only when it is another than last time.
    Unpark(RwLock<Option<Thread>>),
}

impl Doorbell {
    /// A bell whose ring calls `wake`, for a sleeper that waits in a call of its own (the reactor's poll). `wake` is
    /// called on the ringing thread and must not block; a call when nobody sleeps any more must do no harm.
    pub fn waking(wake: impl Fn() + Send + Sync + 'static) -> (Doorbell, Sleeper) {
        Self::with(Wake::Call(Box::new(wake)))
    }

    /// A bell for a thread that waits in [`ThreadSleeper::wait`], whichever thread that will be.
    pub fn for_thread() -> (Doorbell, ThreadSleeper) {
        let (bell, sleeper) = Self::with(Wake::Unpark(RwLock::new(None)));
        (bell, ThreadSleeper { sleeper, registered: None })
    }

    fn with(wake: Wake) -> (Doorbell, Sleeper) {
        let shared = Arc::new(Shared { parked: Padded::default(), wake });
        (Doorbell(shared.clone()), Sleeper(shared))
    }

    /// Wakes the sleeper if it sleeps. Call it after whatever the sleeper looks for has been made visible. Costs a
    /// fence, and a wake-up call for the one ringer that finds the sleeper parked.
    #[inline]
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.0.parked.0.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // Acquire: whoever sees the flag also sees which thread set it.
        if !self.0.parked.0.swap(false, Ordering::Acquire) {
            return;
        }
        match &self.0.wake {
            Wake::Call(wake) => wake(),
            // The lock is taken for writing only by a sleeper on its way to `park`, which will look for work after our
            // fence; so a failed try needs no wake-up, and the ringer never waits.
            Wake::Unpark(thread) => {
                if let Some(thread) = thread.try_read().ok().as_deref().and_then(Option::as_ref) {
                    thread.unpark();
                }
            }
        }
    }
}

/// The sleeping side of a [`Doorbell::waking`] bell; there is only one.
#[derive(Debug)]
pub struct Sleeper(Arc<Shared>);

impl Sleeper {
    /// Calls `sleep` unless `work` finds something to do. Every ring after `work` looked wakes `sleep` (or makes the
    /// next sleep return at once); `sleep` may also return for no reason. Returns whether it slept.
    pub fn park(&mut self, work: impl FnOnce() -> bool, sleep: impl FnOnce()) -> bool {
        self.0.parked.0.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        let idle = !work();
        if idle {
            sleep();
        }
        self.0.parked.0.store(false, Ordering::Relaxed);
        idle
    }
}

/// The sleeping side of a [`Doorbell::for_thread`] bell; there is only one. It may move between threads.
#[derive(Debug)]
pub struct ThreadSleeper {
    sleeper: Sleeper,
    registered: Option<ThreadId>,
}

impl ThreadSleeper {
    /// Parks the calling thread until `ready` says so or `timeout` has passed, and returns what `ready` said last.
    /// `ready` looks at every ring that shares the bell ([`super::Consumer::is_ready`]). Does not sleep if it is
    /// ready already. A stray [`Thread::unpark`] only makes it look once more.
    pub fn wait(&mut self, timeout: Duration, mut ready: impl FnMut() -> bool) -> bool {
        if ready() {
            return true;
        }
        self.register();
        let start = Instant::now();
        let mut left = timeout;
        while !left.is_zero() {
            self.sleeper.park(&mut ready, || thread::park_timeout(left));
            if ready() {
                return true;
            }
            left = timeout.saturating_sub(start.elapsed());
        }
        false
    }

    fn register(&mut self) {
        let current = thread::current();
        if self.registered == Some(current.id()) {
            return;
        }
        self.registered = Some(current.id());
        if let Wake::Unpark(thread) = &self.sleeper.0.wake {
            *thread.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
        }
    }
}

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Wake::Call(_) => "Call",
            Wake::Unpark(_) => "Unpark",
        })
    }
}
