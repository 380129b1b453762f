//! The handle of a running server: where it listens, whom to trust, and how to reach its thread.

use super::api::{CloseHow, Door, Venue};
use super::event_loop::{bind, unix_now, Core, Task, WAKER};
use super::fault::{Fault, FaultRule};
use super::tls::{Certificate, Certificates, TlsError};
use mio::{Poll, Waker};
use std::io;
use std::sync::mpsc::{channel, Sender};
use std::thread::JoinHandle;
use thiserror::Error;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port could not be bound, or another system call failed.
    #[error("cannot start the local venue: {0}")]
    Io(#[from] io::Error),
    /// Certificates could not be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The key could not be made or read.
    #[error(transparent)]
    Key(#[from] crate::sim::KeyError),
}

/// The server's thread is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the local venue has stopped")]
pub struct Stopped;

/// A running server. Dropping it stops it.
pub struct Server<V: Venue> {
    ports: Vec<u16>,
    ca_pem: String,
    controls: Sender<Task<V>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl<V: Venue> Server<V> {
    /// Binds one loopback port per entry of `ports` (0: a free one), makes certificates and the model, and starts the
    /// thread. The model is made when the ports are known, since tokens name them.
    ///
    /// # Errors
    /// When a port is taken or certificates cannot be made.
    pub fn start(name: &str, ports: &[u16], venue: impl FnOnce(&[u16], u64) -> V) -> Result<Self, StartError> {
        let listeners = bind(ports)?;
        let ports = listeners.iter().map(|l| Ok(l.local_addr()?.port())).collect::<io::Result<Vec<u16>>>()?;
        let certificates = Certificates::new()?;
        let ca_pem = certificates.ca_pem.clone();
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let core = Core::new(venue(&ports, unix_now()), poll, listeners, certificates)?;
        let (controls, inbox) = channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || core.run(&inbox))?;
        Ok(Self { ports, ca_pem, controls, waker, thread: Some(thread) })
    }

    /// The port of a door, 0 if there is no such door.
    pub fn port(&self, door: Door) -> u16 {
        self.ports.get(door).copied().unwrap_or(0)
    }

    /// The certificate authority to trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Runs `f` on the server's thread and waits until it is done and what it caused has been handed to the sockets.
    /// Its second argument is the time of the turn.
    ///
    /// # Errors
    /// [`Stopped`] if the thread is gone.
    pub fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Core<V>, u64) -> R + Send + 'static,
    ) -> Result<R, Stopped> {
        let (done, wait) = channel();
        let control: Task<V> = Box::new(move |core, now_ns| {
            let result = f(core, now_ns);
            Box::new(move || {
                let _ = done.send(result);
            })
        });
        self.controls.send(control).map_err(|_| Stopped)?;
        self.waker.wake().map_err(|_| Stopped)?;
        wait.recv().map_err(|_| Stopped)
    }

    /// Adds a fault rule.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn inject(&self, rule: FaultRule) -> Result<(), Stopped> {
        self.call(move |core, _| core.faults.add(rule))
    }

    /// Adds a fault for the next request of that method and path.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn inject_next(&self, method: &str, path: &str, fault: Fault) -> Result<(), Stopped> {
        self.inject(FaultRule::next(method, path, fault))
    }

    /// Drops all fault rules.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn clear_faults(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.faults.clear())
    }

    /// Lets replies go that [`Fault::ThenHold`] holds.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn release_held(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.release_held())
    }

    /// Whether frames caused by a request leave before its reply (default: the reply goes first).
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn frames_before_reply(&self, before: bool) -> Result<(), Stopped> {
        self.call(move |core, _| core.frames_before_reply = before)
    }

    /// Ends all connections of a door, or of all doors; says how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn kill_connections(&self, door: Option<Door>, how: CloseHow) -> Result<usize, Stopped> {
        self.call(move |core, _| core.kill_connections(door, how))
    }

    /// Sends a text frame, or a chunk, past the model to all WebSockets and endless replies of a door; says to how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn send_raw(&self, door: Door, text: &str) -> Result<usize, Stopped> {
        let text = text.to_owned();
        self.call(move |core, _| core.send_raw(door, &text))
    }

    /// Writes bytes that are no frame or chunk to all WebSockets and endless replies of a door; says to how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn send_bytes(&self, door: Door, bytes: &[u8]) -> Result<usize, Stopped> {
        let bytes = bytes.to_vec();
        self.call(move |core, _| core.send_bytes(door, &bytes))
    }

    /// Sends a protocol ping to all WebSockets of a door; says to how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn ping(&self, door: Door, payload: &[u8]) -> Result<usize, Stopped> {
        let payload = payload.to_vec();
        self.call(move |core, _| core.ping(door, &payload))
    }

    /// The model's messages leave in WebSocket frames or chunks of at most so many bytes each; whole if `None`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn fragment_messages(&self, bytes: Option<usize>) -> Result<(), Stopped> {
        self.call(move |core, _| core.fragment_messages(bytes))
    }

    /// An outage: no door listens, every connection is reset. The model keeps its state and its market runs on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn down(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.down())
    }

    /// The end of the outage, on the same ports.
    ///
    /// # Errors
    /// [`Stopped`]; a port that could be neither kept nor had again as the inner error.
    pub fn up(&self) -> Result<io::Result<()>, Stopped> {
        self.call(|core, _| core.up())
    }

    /// Which certificate new connections of a door get.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_certificate(&self, door: Door, certificate: Certificate) -> Result<(), Stopped> {
        self.call(move |core, _| core.set_certificate(door, certificate))
    }

    /// Whether new connections of a door hang before the TLS handshake.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_stalled(&self, door: Door, stalled: bool) -> Result<(), Stopped> {
        self.call(move |core, _| core.set_stalled(door, stalled))
    }

    /// Freezes the connections a door has now, or lets them go on: nothing is read or answered, the peer's bytes are taken
    /// by the kernel, and nobody says that anything is wrong (half-open). New connections are served. Says how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_frozen(&self, door: Door, frozen: bool) -> Result<usize, Stopped> {
        self.call(move |core, _| core.set_frozen(door, frozen))
    }

    /// The venue's clock jumps so many ns ahead of this machine's; it never goes back.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn step_clock(&self, ahead_ns: u64) -> Result<(), Stopped> {
        self.call(move |core, _| core.step_clock(ahead_ns))
    }

    /// Open connections of a door.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn open_connections(&self, door: Door) -> Result<usize, Stopped> {
        self.call(move |core, _| core.open_connections(door))
    }

    /// Stops the thread and closes everything.
    pub fn stop(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.call(|core, _| core.stopping = true);
            let _ = thread.join();
        }
    }
}

impl<V: Venue> Drop for Server<V> {
    fn drop(&mut self) {
        self.shut();
    }
}

impl<V: Venue> std::fmt::Debug for Server<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("ports", &self.ports).finish_non_exhaustive()
    }
}
