//! The network between an engine and a model: bytes on their way, each with the moment it arrives.
//!
//! A request may reach the venue and its reply nobody; it may be written in part, or not at all, before its connection
//! falls; it may arrive long after that; a reply may be cut in the middle. What is never done: a request that arrives
//! twice, or a reply that belongs to another one.

use super::subjects::Subject;
use super::websocket::{self, Message};
use crate::engine::{Carrier, Closed, ConnId, Engine, Input, Slot};
use crate::record::UnixNanos;
use crate::sim::server::http::{parse, put_chunk, serialize, serialize_open_ended, Parsed};
use crate::sim::server::{ConnId as VenueConn, Control, Door, Output, Request, Response};
use crate::sim::{FakeOutputs, Rng, MILLISECOND_NS, SECOND_NS};

/// A message takes at least and at most so long, unless it is late.
const LATENCY_NS: [u64; 2] = [MILLISECOND_NS, 20 * MILLISECOND_NS];
/// A late request arrives after at most so long: less than the grace after which absence counts.
const LATE_NS_MAX: u64 = 6 * SECOND_NS;

/// Of a hundred writes that meet a fault so many are cut.
const CUT_PERCENT: u64 = 20;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    /// It never arrives, and the connection falls.
    Lost,
    /// It is served, and the connection falls before the reply.
    Unanswered,
    /// The connection falls, and it is served later.
    Late,
    /// It is served, and the reply never comes.
    Swallowed,
    /// It is served, and the connection falls in the middle of the reply.
    Torn,
    /// A page of a proxy instead, served or not.
    Page {
        served: bool,
    },
}

/// What the bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Requests and replies.
    Requests,
    /// One request, and a reply without an end.
    EndlessReply,
    /// WebSocket messages.
    Messages,
}

impl Framing {
    fn of<S: Subject>(slot: &Slot) -> Framing {
        match slot.carrier {
            Carrier::Rest => Framing::Requests,
            Carrier::Stream if S::STREAMS_ARE_REPLIES => Framing::EndlessReply,
            Carrier::Stream | Carrier::Api | Carrier::Events => Framing::Messages,
        }
    }
}

/// Something on its way to the venue.
#[derive(Debug)]
struct Up {
    at: u64,
    conn: Option<ConnId>,
    what: Message,
    request: Option<Request>,
    fate: Fate,
}

#[derive(Debug)]
struct Line {
    slot: Slot,
    door: Door,
    framing: Framing,
    venue: Option<VenueConn>,
    /// Bytes the engine sent that make no whole message yet.
    unsent: Vec<u8>,
    /// Bytes sent since it was opened.
    sent: u64,
    /// On their way to the engine, in order.
    down: Vec<(u64, Vec<u8>)>,
    inbox: Vec<u8>,
    /// When it falls, in the middle of a reply: with the last of `down`.
    torn_at: Option<u64>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Network {
    lines: Vec<Line>,
    up: Vec<Up>,
    dials: Vec<(ConnId, u64)>,
    connections: u64,
    rng: Rng,
    /// Faults happen to so many of a hundred requests.
    pub faults_percent: u64,
    /// Requests that met a fault.
    pub faults: u64,
}

impl Network {
    /// Between an engine with these connections and its venue; nothing is open.
    pub fn new<S: Subject>(slots: &[Slot], seed: u64) -> Network {
        let line = |slot: &Slot| Line {
            slot: *slot,
            door: S::door(slot),
            framing: Framing::of::<S>(slot),
            venue: None,
            unsent: Vec::new(),
            sent: 0,
            down: Vec::new(),
            inbox: Vec::new(),
            torn_at: None,
        };
        Network {
            lines: slots.iter().map(line).collect(),
            up: Vec::new(),
            dials: Vec::new(),
            connections: 0,
            rng: Rng::new(seed),
            faults_percent: 0,
            faults: 0,
        }
    }

    /// When something arrives next.
    pub fn deadline(&self) -> Option<u64> {
        let down = self.lines.iter().filter_map(|line| line.down.first().map(|(at, _)| *at));
        let up = self.up.iter().map(|up| up.at);
        down.chain(up).chain(self.dials.iter().map(|(_, at)| *at)).min()
    }

    /// The session is gone: its connections fall, what is on its way arrives all the same.
    pub fn cut_all<S: Subject>(&mut self, now: u64, venue: &mut S) {
        for line in &mut self.lines {
            if let Some(conn) = line.venue.take() {
                venue.closed(now, conn);
            }
            (line.unsent, line.down, line.inbox) = (Vec::new(), Vec::new(), Vec::new());
            line.torn_at = None;
        }
        for up in &mut self.up {
            up.conn = None;
        }
        self.dials.clear();
    }

    /// Cuts one of the connections, if it is open.
    pub fn cut<S: Subject>(
        &mut self,
        now: u64,
        index: usize,
        venue: &mut S,
        engine: &mut Engine,
        out: &mut FakeOutputs,
    ) {
        let id = ConnId(index as u16);
        if self.lines.get(index).is_some_and(|line| line.venue.is_some()) {
            self.fall(now, id, "connection reset", venue, engine, out);
        }
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.lines.len()
    }

    /// Lets everything happen that is due by `now`.
    pub fn run<S: Subject>(&mut self, now: u64, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) {
        for _ in 0..10_000 {
            let mut busy = self.collect(now, venue, engine, out);
            busy |= self.dial(now, venue, engine, out);
            busy |= self.arrive(now, venue);
            venue.tick(now);
            busy |= self.publish(now, venue, engine, out);
            busy |= self.deliver(now, venue, engine, out);
            if !busy {
                return;
            }
        }
        debug_assert!(false, "the network never comes to rest");
    }

    /// Takes what the engine asked for: dials, closes, bytes.
    fn collect<S: Subject>(&mut self, now: u64, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) -> bool {
        let mut busy = false;
        for (conn, at) in std::mem::take(&mut out.dials) {
            self.dials.push((conn, at.0.max(now)));
            busy = true;
        }
        for (conn, why) in std::mem::take(&mut out.closes) {
            self.fall(now, conn, &why, venue, engine, out);
            busy = true;
        }
        for index in 0..self.lines.len() {
            let id = ConnId(index as u16);
            let bytes = out.take_sent(id);
            if bytes.is_empty() {
                continue;
            }
            busy = true;
            let cut = self.cut_at(index, bytes.len());
            let Some(line) = self.lines.get_mut(index).filter(|line| line.venue.is_some()) else { continue };
            let left = bytes.get(..cut.unwrap_or(bytes.len())).unwrap_or(&bytes);
            line.sent = line.sent.saturating_add(left.len() as u64);
            line.unsent.extend_from_slice(left);
            if cut.is_none() {
                let total = line.sent;
                engine.apply(UnixNanos(now), Input::Written { conn: id, began: total, total }, out);
            }
            self.send(now, id, venue, engine, out);
            if cut.is_some() {
                self.faults = self.faults.saturating_add(1);
                self.fall(now, id, "broken pipe", venue, engine, out);
            }
        }
        busy
    }

    /// After how many of the bytes that are to be written to a connection for requests it falls; `None` if it does not.
    fn cut_at(&mut self, index: usize, bytes: usize) -> Option<usize> {
        let line = self.lines.get(index).filter(|line| line.venue.is_some())?;
        let asks = line.framing == Framing::Requests || line.slot.carrier == Carrier::Api;
        let cut = asks && self.rng.chance(self.faults_percent) && self.rng.chance(CUT_PERCENT);
        // Nothing at all, all but the last byte, or something between.
        cut.then(|| match self.rng.below(3) {
            0 => 0,
            1 => bytes.saturating_sub(1),
            _ => self.rng.below(bytes as u64) as usize,
        })
    }

    /// Whole messages leave, each with its fate.
    fn send<S: Subject>(&mut self, now: u64, id: ConnId, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) {
        loop {
            let Some(line) = self.lines.get_mut(id.index()) else { return };
            let rest = line.framing == Framing::Requests;
            let requests = line.framing != Framing::Messages;
            let request = if requests { take_request(&mut line.unsent) } else { None };
            let what = match (requests, request.is_some()) {
                (true, true) => Message::Other,
                (true, false) => return,
                (false, _) => match websocket::take_message(&mut line.unsent) {
                    Some(message) => message,
                    None => return,
                },
            };
            let asks = rest || (line.slot.carrier == Carrier::Api && matches!(what, Message::Text(_)));
            let fate = self.fate(asks, rest);
            self.faults = self.faults.saturating_add(u64::from(fate != Fate::Served));
            let at = now.saturating_add(self.latency());
            let late = now.saturating_add(SECOND_NS).saturating_add(self.rng.below(LATE_NS_MAX - SECOND_NS));
            match fate {
                Fate::Lost => {}
                Fate::Late | Fate::Unanswered => {
                    let at = if fate == Fate::Late { late } else { now };
                    self.up.push(Up { at, conn: None, what, request, fate });
                }
                _ => self.up.push(Up { at, conn: Some(id), what, request, fate }),
            }
            if matches!(fate, Fate::Lost | Fate::Late | Fate::Unanswered) {
                self.fall(now, id, "connection reset", venue, engine, out);
                return;
            }
        }
    }

    fn fate(&mut self, asks: bool, rest: bool) -> Fate {
        if !asks || !self.rng.chance(self.faults_percent) {
            return Fate::Served;
        }
        match self.rng.below(7) {
            0 => Fate::Lost,
            1 => Fate::Unanswered,
            2 => Fate::Late,
            3 => Fate::Swallowed,
            4 if rest => Fate::Torn,
            n if rest => Fate::Page { served: n == 5 },
            _ => Fate::Unanswered,
        }
    }

    fn latency(&mut self) -> u64 {
        LATENCY_NS[0].saturating_add(self.rng.below(LATENCY_NS[1] - LATENCY_NS[0]))
    }

    fn dial<S: Subject>(&mut self, now: u64, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) -> bool {
        let Some(at) = self.dials.iter().position(|(_, at)| *at <= now) else { return false };
        let (id, _) = self.dials.swap_remove(at);
        self.connections = self.connections.saturating_add(1);
        let conn = VenueConn(self.connections);
        let Some(line) = self.lines.get_mut(id.index()) else { return true };
        if line.framing == Framing::Messages {
            let request = Request { method: "GET".into(), path: S::path(&line.slot).into(), ..Request::default() };
            if let Err(refused) = venue.upgrade(now, line.door, conn, &request) {
                let closed = Closed { why: format!("http {}", refused.status), clean: false, began: 0 };
                engine.apply(UnixNanos(now), Input::Closed { conn: id, closed, rest: &mut [] }, out);
                return true;
            }
        }
        (line.venue, line.sent, line.unsent, line.inbox) = (Some(conn), 0, Vec::new(), Vec::new());
        out.restart(id);
        venue.opened(now, &line.slot, engine, out);
        engine.apply(UnixNanos(now), Input::Opened { conn: id }, out);
        true
    }

    /// Requests and messages arrive at the venue, in the order of their moments.
    fn arrive<S: Subject>(&mut self, now: u64, venue: &mut S) -> bool {
        let due = self.up.iter().enumerate().filter(|(_, up)| up.at <= now).min_by_key(|(index, up)| (up.at, *index));
        let Some((index, _)) = due else { return false };
        let Up { conn, what, request, fate, .. } = self.up.remove(index);
        let line = conn.and_then(|id| self.lines.get_mut(id.index()));
        let venue_conn = line.as_ref().and_then(|line| line.venue);
        if let Some(request) = request {
            let door = line.as_ref().map_or(S::REST, |line| line.door);
            venue.arrived(now, door, &request);
            let opened = venue_conn.and_then(|conn| venue.open_ended(now, door, conn, &request));
            if let (Some(head), Some(line)) = (opened, line) {
                let at = now.saturating_add(LATENCY_NS[0]);
                line.down.push((at, serialize_open_ended(&head)));
                return true;
            }
            let response = match fate {
                Fate::Page { served } => {
                    if served {
                        venue.http(now, door, &request);
                    }
                    Response::html(502, "<html>Bad Gateway</html>")
                }
                _ => venue.http(now, door, &request),
            };
            let at = now.saturating_add(self.latency());
            let mut bytes = serialize(&response, true, None);
            let torn = fate == Fate::Torn;
            if torn {
                bytes.truncate(self.rng.below(bytes.len() as u64) as usize);
            }
            let line = conn.and_then(|id| self.lines.get_mut(id.index()));
            if let Some(line) = line.filter(|line| line.venue.is_some() && fate != Fate::Swallowed) {
                line.down.push((at, bytes));
                line.torn_at = torn.then_some(at);
            }
            return true;
        }
        match (what, venue_conn, fate) {
            (Message::Text(text), Some(conn), Fate::Swallowed) => venue.unheard(now, Some(conn), &text),
            (Message::Text(text), Some(conn), _) => venue.text(now, conn, &text),
            // Its connection fell; the request goes on alone.
            (Message::Text(text), None, _) => venue.unheard(now, None, &text),
            (Message::Pong(payload), Some(conn), _) => venue.control(now, conn, &Control::Pong(payload)),
            (Message::Pong(_), None, _) | (Message::Other, ..) => {}
        }
        true
    }

    /// What the venue wants sent leaves.
    fn publish<S: Subject>(&mut self, now: u64, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) -> bool {
        let outputs = venue.take_outputs();
        let busy = !outputs.is_empty();
        for output in outputs {
            let (Output::Text { conn: to, .. } | Output::Ping { conn: to, .. } | Output::Close { conn: to, .. }) =
                output;
            let Some(index) = self.lines.iter().position(|line| line.venue == Some(to)) else { continue };
            let endless = self.lines.get(index).is_some_and(|line| line.framing == Framing::EndlessReply);
            let bytes = match output {
                Output::Text { text, .. } if endless => Some(chunk(&text)),
                Output::Text { text, .. } => Some(websocket::text(&text)),
                Output::Ping { payload, .. } => Some(websocket::ping(&payload)),
                Output::Close { .. } => None,
            };
            let latency = self.latency();
            match (bytes, self.lines.get_mut(index)) {
                (Some(bytes), Some(line)) => {
                    // A stream keeps its order.
                    let after = line.down.last().map_or(0, |(at, _)| *at);
                    line.down.push((now.saturating_add(latency).max(after), bytes));
                }
                _ => self.fall(now, ConnId(index as u16), "closed by the venue", venue, engine, out),
            }
        }
        busy
    }

    /// Bytes arrive at the engine.
    fn deliver<S: Subject>(&mut self, now: u64, venue: &mut S, engine: &mut Engine, out: &mut FakeOutputs) -> bool {
        let mut busy = false;
        for index in 0..self.lines.len() {
            let Some(line) = self.lines.get_mut(index) else { continue };
            while line.down.first().is_some_and(|(at, _)| *at <= now) {
                line.inbox.extend(line.down.remove(0).1);
            }
            let mut more = !line.inbox.is_empty();
            while more && out.closes.is_empty() {
                busy = true;
                let input = Input::Bytes { conn: ConnId(index as u16), plain: &mut line.inbox };
                let progress = engine.apply(UnixNanos(now), input, out);
                line.inbox.drain(..progress.consumed);
                more = progress.more || (progress.consumed > 0 && !line.inbox.is_empty());
            }
            if line.torn_at.is_some_and(|at| at <= now) {
                busy = true;
                self.fall(now, ConnId(index as u16), "unexpected end", venue, engine, out);
            }
        }
        busy
    }

    /// A connection is gone, for both sides.
    fn fall<S: Subject>(
        &mut self,
        now: u64,
        id: ConnId,
        why: &str,
        venue: &mut S,
        engine: &mut Engine,
        out: &mut FakeOutputs,
    ) {
        let Some(line) = self.lines.get_mut(id.index()) else { return };
        let Some(conn) = line.venue.take() else { return };
        venue.closed(now, conn);
        let began = line.sent;
        line.down.clear();
        line.torn_at = None;
        let mut rest = std::mem::take(&mut line.inbox);
        for up in self.up.iter_mut().filter(|up| up.conn == Some(id)) {
            up.conn = None;
        }
        out.take_sent(id);
        let closed = Closed { why: why.to_owned(), clean: false, began };
        engine.apply(UnixNanos(now), Input::Closed { conn: id, closed, rest: &mut rest }, out);
    }
}

/// A piece of a reply without an end.
fn chunk(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len().saturating_add(16));
    put_chunk(&mut bytes, text.as_bytes());
    bytes
}

/// Takes the first whole request from the front of `bytes`; `None` if there is none yet.
fn take_request(bytes: &mut Vec<u8>) -> Option<Request> {
    let Parsed::Whole(request, taken) = parse(bytes) else { return None };
    bytes.drain(..taken);
    Some(request)
}
