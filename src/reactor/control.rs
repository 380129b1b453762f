//! How other threads ask the reactor for changes, and wake it when it sleeps.

use super::idle::Idle;
use super::sink::StrategyRings;
use crate::engine::{Control, KillScope};
use crate::order::OrderFact;
use crate::record::{Fixed128, InlineText, StrategyId, Venue, VenueOrderId};
use crate::ring::{Doorbell, Sleeper};
use crossbeam_queue::ArrayQueue;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{mpsc, Arc};

/// Control messages that can wait.
pub const CONTROL_QUEUE_MAX: usize = 1024;
/// The token of the waker; connections are numbered from 0.
pub(super) const WAKER: mio::Token = mio::Token(usize::MAX);

/// A request to the reactor.
#[derive(Debug)]
pub enum ControlMessage {
    /// A new strategy's rings.
    AddStrategy(Box<StrategyRings>),
    /// A strategy's handles are gone.
    RemoveStrategy(StrategyId),
    /// A change for the engine.
    Engine(Control),
    /// How many of our orders are open? The answer comes on the channel.
    CountOpen(mpsc::SyncSender<usize>),
    /// Something about a paper account.
    Paper(PaperQuestion),
    /// Say goodbye on every connection and end.
    End,
}

/// What can be asked about a paper account; the answer comes on the channel.
#[derive(Debug)]
pub enum PaperQuestion {
    /// Every asset: what is free, and what is held.
    Balances(Venue, mpsc::SyncSender<Vec<(InlineText<16>, Fixed128, Fixed128)>>),
    /// How an order stands; `None` if it is not known.
    Order(Venue, VenueOrderId, mpsc::SyncSender<Option<OrderFact>>),
}

/// The reactor's letter box and bell; cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlHandle {
    queue: Arc<ArrayQueue<ControlMessage>>,
    kill: Arc<AtomicU8>,
    bell: Option<Doorbell>,
}

/// A poller with its letter box, made before the reactor, so that whoever wakes it can be started first.
#[derive(Debug)]
pub struct Poller {
    pub(super) poll: mio::Poll,
    pub(super) control: ControlHandle,
    pub(super) sleeper: Option<Sleeper>,
    pub(super) idle: Idle,
}

impl Poller {
    /// A poller that waits as `idle` says.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub fn new(idle: Idle) -> io::Result<Poller> {
        let poll = mio::Poll::new()?;
        let (bell, sleeper) = match idle {
            // They never sleep: nobody pays for a bell.
            Idle::Busy | Idle::Yield => (None, None),
            Idle::Block => {
                let waker = mio::Waker::new(poll.registry(), WAKER)?;
                let (bell, sleeper) = Doorbell::waking(move || {
                    // A waker fails only if the poller is gone, and then nobody sleeps.
                    let _ = waker.wake();
                });
                (Some(bell), Some(sleeper))
            }
        };
        let queue = Arc::new(ArrayQueue::new(CONTROL_QUEUE_MAX));
        let control = ControlHandle { queue, kill: Arc::new(AtomicU8::new(0)), bell };
        Ok(Poller { poll, control, sleeper, idle })
    }

    /// Where other threads ask for changes and wake the reactor.
    pub fn control(&self) -> ControlHandle {
        self.control.clone()
    }
}

impl ControlHandle {
    /// Hands a message over.
    ///
    /// # Errors
    /// The message back, if [`CONTROL_QUEUE_MAX`] wait already.
    pub fn send(&self, message: ControlMessage) -> Result<(), ControlMessage> {
        self.queue.push(message)?;
        self.wake();
        Ok(())
    }

    /// Throws the kill switch. It is a latch and no message: no full queue keeps it out, and a reactor that was stuck finds
    /// it thrown. A wider scope replaces a narrower one, never the other way round.
    pub fn kill(&self, scope: KillScope) {
        self.kill.fetch_max(scope as u8, Ordering::AcqRel);
        self.wake();
    }

    /// Releases the kill switch.
    pub fn release_kill(&self) {
        self.kill.store(0, Ordering::Release);
        self.wake();
    }

    /// What is to be killed, if anything.
    pub fn killed(&self) -> Option<KillScope> {
        match self.kill.load(Ordering::Acquire) {
            0 => None,
            1 => Some(KillScope::Ours),
            _ => Some(KillScope::WholeAccount),
        }
    }

    /// Wakes the reactor if it sleeps.
    pub fn wake(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// The bell a command ring rings; `None` if the reactor never sleeps.
    pub fn doorbell(&self) -> Option<Doorbell> {
        self.bell.clone()
    }

    pub(super) fn pop(&self) -> Option<ControlMessage> {
        self.queue.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
