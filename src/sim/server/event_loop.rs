//! The event loop of one venue: accepts, reads, asks the model, writes. One thread, no locks, no sleeps.
//!
//! A turn is: socket events, controls, replies whose time has come, the model's own deadlines, then everything that
//! is to be sent. A control is acknowledged only after its effects have been handed to the sockets.

use super::api::{CloseHow, ConnId, Door, Output, Request, Response, Venue};
use super::connection::{Arrived, Connection, Later, Waiting};
use super::fault::{Fault, Faults};
use super::http;
use super::stream::TlsStream;
use super::tls::{Certificate, Certificates};
use crate::codec::http1::format_http_date;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tungstenite::Message;

/// Token of the waker; doors are below, connections above.
pub(crate) const WAKER: Token = Token(1_000);
const FIRST_CONNECTION: u64 = 1_001;

/// Runs on the loop's thread; what it returns is called once the turn's output is out.
pub(crate) type Task<V> = Box<dyn FnOnce(&mut Core<V>, u64) -> Acknowledge + Send>;
pub(crate) type Acknowledge = Box<dyn FnOnce() + Send>;

/// Requests or messages of one connection served before the others have their turn.
const ARRIVALS_PER_TURN: usize = 64;

/// Connections that may wait to be accepted. Generous: this thread may not be given any time for a while.
const BACKLOG: i32 = 1_024;

/// One listening port.
struct DoorState {
    address: SocketAddr,
    listener: Option<TcpListener>,
    /// While nobody listens: keeps the port ours, and connections to it are refused.
    reserved: Option<Socket>,
    certificate: Certificate,
    stalled: bool,
}

/// What the loop's thread owns: the model, the connections, the faults. Tests reach it through `Server::call`.
pub struct Core<V> {
    /// The model.
    pub venue: V,
    pub(crate) faults: Faults,
    pub(crate) stopping: bool,
    /// Whether frames caused by a request leave before its reply.
    pub(crate) frames_before_reply: bool,
    fragment: Option<usize>,
    /// The venue's clock is so far ahead of this machine's.
    clock_ahead_ns: u64,
    poll: Poll,
    doors: Vec<DoorState>,
    certificates: Certificates,
    connections: BTreeMap<ConnId, Connection>,
    dirty: BTreeSet<ConnId>,
    /// Those that had more than one turn's worth.
    again: BTreeSet<ConnId>,
    next_conn: u64,
    accepted: u64,
    now_ns: u64,
}

/// Binds one port per entry of `ports` on loopback, 0 for a free one.
pub(crate) fn bind(ports: &[u16]) -> io::Result<Vec<std::net::TcpListener>> {
    let listen = |port: &u16| {
        reserve(SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port).into())
            .and_then(listening)
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))
    };
    ports.iter().map(listen).collect()
}

/// A port that is taken, and refuses connections.
fn reserve(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections that have ended do not hold the port. (Elsewhere the option means something else.)
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listening(reserved: Socket) -> io::Result<std::net::TcpListener> {
    reserved.listen(BACKLOG)?;
    Ok(reserved.into())
}

/// Whether accepting again at once may succeed.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

/// UNIX time in ns.
pub(crate) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl<V: Venue> Core<V> {
    pub(crate) fn new(
        venue: V,
        poll: Poll,
        listeners: Vec<std::net::TcpListener>,
        certificates: Certificates,
    ) -> io::Result<Self> {
        let mut core = Self {
            venue,
            faults: Faults::default(),
            stopping: false,
            frames_before_reply: false,
            fragment: None,
            clock_ahead_ns: 0,
            poll,
            doors: Vec::new(),
            certificates,
            connections: BTreeMap::new(),
            dirty: BTreeSet::new(),
            again: BTreeSet::new(),
            next_conn: FIRST_CONNECTION,
            accepted: 0,
            now_ns: unix_now(),
        };
        for listener in listeners {
            let address = listener.local_addr()?;
            core.doors.push(DoorState {
                address,
                listener: None,
                reserved: None,
                certificate: Certificate::Good,
                stalled: false,
            });
            core.listen(core.doors.len() - 1, listener)?;
        }
        Ok(core)
    }

    fn listen(&mut self, door: Door, listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        self.poll.registry().register(&mut listener, Token(door), Interest::READABLE)?;
        if let Some(state) = self.doors.get_mut(door) {
            state.listener = Some(listener);
        }
        Ok(())
    }

    /// Turns until told to stop.
    pub(crate) fn run(mut self, controls: &Receiver<Task<V>>) {
        let mut events = Events::with_capacity(256);
        let mut deadline = Some(self.now_ns);
        while !self.stopping {
            let deadline_now = (!self.again.is_empty()).then_some(0);
            let timeout = deadline_now.or(deadline).map(|at| Duration::from_nanos(at.saturating_sub(self.clock())));
            match self.poll.poll(&mut events, timeout) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
            // The model's time never runs backwards, whatever the system clock does.
            self.now_ns = self.now_ns.max(self.clock());
            let again = std::mem::take(&mut self.again);
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(door) if door < self.doors.len() => self.accept(door),
                    Token(conn) => self.ready(ConnId(conn as u64)),
                }
            }
            again.into_iter().for_each(|conn| self.ready(conn));
            let now_ns = self.now_ns;
            let acknowledge: Vec<Acknowledge> = controls.try_iter().map(|control| control(&mut self, now_ns)).collect();
            self.run_due();
            let venue_deadline = self.publish();
            self.remove_gone();
            for done in acknowledge {
                done();
            }
            let own = self.connections.values().filter_map(Connection::deadline);
            deadline = own.chain(venue_deadline).min();
        }
    }

    /// The venue's clock.
    fn clock(&self) -> u64 {
        unix_now().saturating_add(self.clock_ahead_ns)
    }

    fn accept(&mut self, door: Door) {
        while let Some(state) = self.doors.get(door) {
            let mut sock = match state.listener.as_ref().map(TcpListener::accept) {
                Some(Ok((sock, _))) => sock,
                // One of them gave up or a signal came: there may be others, and no event comes for those.
                Some(Err(error)) if is_passing(&error) => continue,
                _ => return,
            };
            let Ok(tls) = rustls::ServerConnection::new(self.certificates.get(state.certificate)) else { return };
            let conn = ConnId(self.next_conn);
            let token = Token(self.next_conn as usize);
            let registered = self.poll.registry().register(&mut sock, token, Interest::READABLE | Interest::WRITABLE);
            if sock.set_nodelay(true).is_ok() && registered.is_ok() {
                self.next_conn += 1;
                self.accepted += 1;
                let mut connection = Connection::new(door, TlsStream::new(sock, tls), state.stalled);
                connection.refusal = self.venue.connected(self.now_ns, door, conn);
                self.connections.insert(conn, connection);
            }
        }
    }

    fn ready(&mut self, conn: ConnId) {
        self.dirty.insert(conn);
        for _ in 0..ARRIVALS_PER_TURN {
            let Some(connection) = self.connections.get_mut(&conn) else { return };
            match connection.receive() {
                Some(Arrived::Request(request)) => self.request(conn, request),
                Some(Arrived::Text(text)) => self.venue.text(self.now_ns, conn, &text),
                Some(Arrived::Control(control)) => self.venue.control(self.now_ns, conn, &control),
                Some(Arrived::Unfit(code)) => self.close(conn, CloseHow::Frame(code.into())),
                Some(Arrived::Noise) => {}
                None => return,
            }
        }
        self.again.insert(conn);
    }

    fn request(&mut self, conn: ConnId, request: Request) {
        let Some(door) = self.connections.get(&conn).map(|c| c.door) else { return };
        // A quick client's next request comes within the turn that answered the one before, and has a time of its own.
        self.now_ns = self.now_ns.max(self.clock());
        self.venue.arrived(self.now_ns, door, &request);
        if let Some(refusal) = self.connections.get_mut(&conn).and_then(|c| c.refusal.take()) {
            self.send(conn, &http::serialize(&refusal, false, None), Some(CloseHow::Clean));
            return;
        }
        match self.faults.take(door, &request) {
            Some(Fault::Delay(delay_ns)) => self.wait(conn, delay_ns, Later::Process(request)),
            fault => self.process(conn, door, request, fault),
        }
    }

    fn process(&mut self, conn: ConnId, door: Door, request: Request, fault: Option<Fault>) {
        if fault.as_ref().is_none_or(Fault::lets_process) {
            let keep_alive = http::keeps_alive(&request);
            let reply = if http::wants_upgrade(&request) {
                match self.upgrade(conn, door, &request, &fault) {
                    Ok(()) => return,
                    Err(refusal) => refusal,
                }
            } else if let Some(head) = self.open_ended(conn, door, &request, &fault) {
                self.begin_open_ended(conn, &self.dated(head));
                return;
            } else {
                self.venue.http(self.now_ns, door, &request)
            };
            if self.frames_before_reply {
                self.publish();
            }
            if request.method == "HEAD" {
                let end = (!keep_alive).then_some(CloseHow::Clean);
                self.send(conn, &http::serialize_head(&self.dated(reply), keep_alive), end);
                return;
            }
            self.reply(conn, reply, keep_alive, fault);
        } else {
            match fault {
                Some(Fault::Reply(reply)) => self.reply(conn, reply, true, None),
                Some(Fault::Raw(bytes)) => self.send(conn, &bytes, Some(CloseHow::Clean)),
                Some(Fault::Close(how)) => self.close(conn, how),
                _ => self.wait(conn, u64::MAX, Later::Never),
            }
        }
    }

    /// A reply without an end, unless a fault is about to replace it: there must be no session behind another reply.
    fn open_ended(&mut self, conn: ConnId, door: Door, request: &Request, fault: &Option<Fault>) -> Option<Response> {
        let replaced = fault.as_ref().is_some_and(Fault::replaces_reply);
        if replaced {
            None
        } else {
            self.venue.open_ended(self.now_ns, door, conn, request)
        }
    }

    fn begin_open_ended(&mut self, conn: ConnId, head: &Response) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.open_ended(&http::serialize_open_ended(head));
            connection.flush(self.now_ns);
        }
    }

    fn upgrade(&mut self, conn: ConnId, door: Door, request: &Request, fault: &Option<Fault>) -> Result<(), Response> {
        if fault.as_ref().is_some_and(Fault::replaces_reply) {
            // Those answer something else than 101: there must be no session behind it.
            return Err(Response::text(503, "Service Unavailable\n"));
        }
        let mut head = http::switching(request)?;
        self.venue.upgrade(self.now_ns, door, conn, request)?;
        if let Some(Fault::WithUpgrade(frames)) = fault {
            for text in frames {
                head.extend_from_slice(&http::text_frame(text));
            }
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.upgrade(&head);
        }
        Ok(())
    }

    fn dated(&self, reply: Response) -> Response {
        reply.with_header("Date", format_http_date(self.now_ns))
    }

    fn reply(&mut self, conn: ConnId, reply: Response, keep_alive: bool, fault: Option<Fault>) {
        let reply = self.dated(reply);
        let plain = http::serialize(&reply, keep_alive, None);
        let end = (!keep_alive).then_some(CloseHow::Clean);
        match fault {
            Some(Fault::ThenReply(other)) => self.send(conn, &http::serialize(&other, keep_alive, None), end),
            Some(Fault::ThenRaw(bytes)) => self.send(conn, &bytes, Some(CloseHow::Clean)),
            Some(Fault::ThenClose(how)) => self.close(conn, how),
            Some(Fault::ThenSilence) => self.wait(conn, u64::MAX, Later::Never),
            Some(Fault::ThenHold) => self.wait(conn, u64::MAX, Later::Send(plain, end)),
            Some(Fault::ThenDelay(delay_ns)) => self.wait(conn, delay_ns, Later::Send(plain, end)),
            Some(Fault::ThenCut { keep, how }) => {
                let head = plain.len() - reply.body.len();
                let part = plain.get(..head.saturating_add(keep)).unwrap_or(&plain);
                self.send(conn, part, Some(how));
            }
            Some(Fault::ThenSlow { chunk, interval_ns }) => {
                self.wait(conn, 0, Later::Trickle { rest: plain, chunk: chunk.max(1), interval_ns });
            }
            Some(Fault::ThenChunked { chunk }) => {
                self.send(conn, &http::serialize(&reply, keep_alive, Some(chunk)), end);
            }
            _ => self.send(conn, &plain, end),
        }
    }

    fn send(&mut self, conn: ConnId, bytes: &[u8], then: Option<CloseHow>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.send(bytes, then);
            // At once, not at the end of the turn: the model's own work does not delay a reply.
            connection.flush(self.now_ns);
        }
    }

    fn close(&mut self, conn: ConnId, how: CloseHow) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.close(self.now_ns, how);
        }
    }

    fn wait(&mut self, conn: ConnId, delay_ns: u64, what: Later) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.waiting = Some(Waiting { due_ns: self.now_ns.saturating_add(delay_ns), what });
        }
    }

    fn run_due(&mut self) {
        let now_ns = self.now_ns;
        let due: Vec<(ConnId, Door, Later)> = self
            .connections
            .iter_mut()
            .filter_map(|(conn, connection)| Some((*conn, connection.door, connection.due(now_ns)?)))
            .collect();
        for (conn, door, later) in due {
            match later {
                Later::Send(bytes, then) => self.send(conn, &bytes, then),
                Later::Process(request) => self.process(conn, door, request, None),
                Later::Trickle { mut rest, chunk, interval_ns } => {
                    let tail = rest.split_off(chunk.min(rest.len()));
                    self.send(conn, &rest, None);
                    if !tail.is_empty() {
                        self.wait(conn, interval_ns, Later::Trickle { rest: tail, chunk, interval_ns });
                    }
                }
                Later::Never => {}
            }
            // A request may already be waiting behind the reply.
            self.ready(conn);
        }
    }

    /// Lets the model do what is due and sends everything it has to say.
    fn publish(&mut self) -> Option<u64> {
        let deadline = self.venue.tick(self.now_ns);
        for output in self.venue.take_outputs() {
            match output {
                Output::Text { conn, text } => {
                    if let Some(connection) = self.connections.get_mut(&conn) {
                        connection.send_text(text, self.fragment);
                        self.dirty.insert(conn);
                    }
                }
                Output::Ping { conn, payload } => {
                    if let Some(connection) = self.connections.get_mut(&conn) {
                        connection.send_message(Message::Ping(payload.into()));
                        self.dirty.insert(conn);
                    }
                }
                Output::Close { conn, how } => self.close(conn, how),
            }
        }
        for conn in std::mem::take(&mut self.dirty) {
            if let Some(connection) = self.connections.get_mut(&conn) {
                connection.flush(self.now_ns);
                if connection.goes_on() {
                    self.again.insert(conn);
                }
            }
        }
        deadline
    }

    fn remove_gone(&mut self) {
        let gone: Vec<ConnId> = self.connections.iter().filter(|(_, c)| c.is_gone()).map(|(conn, _)| *conn).collect();
        for conn in gone {
            self.forget(conn);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        if let Some(mut connection) = self.connections.remove(&conn) {
            if let Some(stream) = connection.stream() {
                let _ = self.poll.registry().deregister(&mut stream.sock);
            }
            self.venue.closed(self.now_ns, conn);
        }
    }
}

/// What controls do to the server itself.
impl<V: Venue> Core<V> {
    /// Ends all connections of one door, or of all, and counts them. The model hears of it at once.
    pub fn kill_connections(&mut self, door: Option<Door>, how: CloseHow) -> usize {
        let chosen: Vec<ConnId> =
            self.connections.iter().filter(|(_, c)| door.is_none_or(|d| d == c.door)).map(|(conn, _)| *conn).collect();
        for conn in &chosen {
            self.venue.closed(self.now_ns, *conn);
            self.close(*conn, how);
        }
        self.remove_gone();
        chosen.len()
    }

    /// Sends a text frame or chunk past the model to every WebSocket or endless reply of a door, and counts them.
    pub fn send_raw(&mut self, door: Door, text: &str) -> usize {
        self.each_streaming(door, |connection| connection.send_text(text.to_owned(), None))
    }

    /// Writes bytes that are no frame or chunk, or a broken one, to every WebSocket or endless reply of a door, and counts
    /// them.
    pub fn send_bytes(&mut self, door: Door, bytes: &[u8]) -> usize {
        self.each_streaming(door, |connection| connection.send_bytes(bytes))
    }

    /// Sends a protocol ping to every WebSocket of a door, and counts them.
    pub fn ping(&mut self, door: Door, payload: &[u8]) -> usize {
        self.each_streaming(door, |connection| connection.send_message(Message::Ping(payload.to_vec().into())))
    }

    fn each_streaming(&mut self, door: Door, mut f: impl FnMut(&mut Connection)) -> usize {
        let mut count = 0;
        for (conn, connection) in &mut self.connections {
            if connection.door == door && connection.is_streaming() {
                f(connection);
                self.dirty.insert(*conn);
                count += 1;
            }
        }
        count
    }

    /// The model's messages leave in WebSocket frames or chunks of at most so many bytes each; whole if `None`.
    pub fn fragment_messages(&mut self, bytes: Option<usize>) {
        self.fragment = bytes;
    }

    /// Stops listening everywhere and resets every connection. The ports stay this venue's.
    pub fn down(&mut self) {
        for state in &mut self.doors {
            if let Some(mut listener) = state.listener.take() {
                let _ = self.poll.registry().deregister(&mut listener);
                drop(listener);
                // Who dials a port nobody has may be given that very port, and talk to himself. If it cannot be had,
                // `up` tries again and says so.
                state.reserved = reserve(state.address).ok();
            }
        }
        self.kill_connections(None, CloseHow::Reset);
    }

    /// Listens again on the ports it had.
    ///
    /// # Errors
    /// The system's, if a port could be neither kept nor had again.
    pub fn up(&mut self) -> io::Result<()> {
        for door in 0..self.doors.len() {
            let Some(state) = self.doors.get_mut(door).filter(|state| state.listener.is_none()) else { continue };
            let reserved = state.reserved.take().map_or_else(|| reserve(state.address), Ok)?;
            self.listen(door, listening(reserved)?)?;
        }
        Ok(())
    }

    /// Which certificate new connections of a door get.
    pub fn set_certificate(&mut self, door: Door, certificate: Certificate) {
        if let Some(state) = self.doors.get_mut(door) {
            state.certificate = certificate;
        }
    }

    /// Whether new connections of a door are accepted and then left alone, without so much as a TLS reply.
    pub fn set_stalled(&mut self, door: Door, stalled: bool) {
        if let Some(state) = self.doors.get_mut(door) {
            state.stalled = stalled;
        }
    }

    /// Whether the connections a door has now are frozen: nothing is read, said or answered, and the peer hears of no end.
    /// What was to be said is said when they go on.
    pub fn set_frozen(&mut self, door: Door, frozen: bool) -> usize {
        let mut changed = Vec::new();
        for (conn, connection) in self.connections.iter_mut().filter(|(_, connection)| connection.door == door) {
            connection.stalled = frozen;
            changed.push(*conn);
        }
        if !frozen {
            // What arrived meanwhile: no event comes for it any more.
            changed.iter().for_each(|conn| self.ready(*conn));
        }
        changed.len()
    }

    /// The venue's clock jumps ahead of this machine's; it never goes back.
    pub fn step_clock(&mut self, ahead_ns: u64) {
        self.clock_ahead_ns = self.clock_ahead_ns.saturating_add(ahead_ns);
    }

    /// Lets held replies go.
    pub fn release_held(&mut self) {
        for connection in self.connections.values_mut() {
            connection.release(self.now_ns);
        }
    }

    /// Open connections of a door.
    pub fn open_connections(&self, door: Door) -> usize {
        self.connections.values().filter(|c| c.door == door && !c.is_ending()).count()
    }

    /// Connections accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }
}
