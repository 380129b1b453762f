//! The hot thread: one mio poll loop that owns every established socket, the engine and the reactor's ends of all rings.
//!
//! It never blocks except in its idle strategy, never resolves, connects, shakes hands, signs with an elliptic curve,
//! opens a file or formats a log line at default levels. Everything slow is asked of the dialer and the keeper over
//! queues. The order rings are drained between one socket and the next, and between the pieces of a long message.

mod control;
mod dead_man;
mod handler;
mod idle;
mod prepare;
mod sink;
mod sockets;

pub use control::{ControlHandle, ControlMessage, PaperQuestion, Poller, CONTROL_QUEUE_MAX};
pub use dead_man::Heartbeat;
pub use handler::{Handler, InlineOrders, INLINE_COMMANDS_MAX};
pub use idle::Idle;
pub use prepare::{prepare, PrepareError};
pub use sink::StrategyRings;

use crate::dialer::{DialHandle, DialJob, DialResult};
use crate::engine::{Closed, ConnId, Control, Engine, Input, KillScope, Outputs};
use crate::journal::AuditTap;
use crate::keeper::{Clock, Heart, TokenSlot, TokenTap};
use crate::link::Flushed;
use crate::record::{
    AuditCall, AuditEntry, CallEnd, CallId, CallOutcome, CallStep, Caller, InstrumentId, OrderCommand, StrategyId,
    UnixNanos, Venue,
};
use crate::ring::Sleeper;
use crate::state::ToldUntil;
use crate::telemetry::{Counter, Counters, Hop, Hops};
use dead_man::DeadMan;
use sink::{Inline, Sink};
use sockets::Sockets;
use std::sync::mpsc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes read from one socket before the next one has its turn: one TLS record, more than the one piece of input handled in
/// that turn.
const READ_BYTES_PER_TURN_MAX: usize = 16 * 1024;
/// A turn longer than this is a bug with a counter.
const LONG_TURN_NS: u64 = 50_000;
/// A parked reactor looks around at least this often.
const PARK_MS_MAX: u64 = 100;
/// Told to end without a shutdown while the dead-man switch is on, it waits at most so long for the last cancels to be
/// confirmed, ms.
const LAST_CANCELS_MS: u64 = 2_000;
/// How often it says up to when executions were told, ms.
const TELL_EVERY_MS: u64 = 1_000;
/// Bytes of ours that may wait for a peer that does not read: far more than all orders that can be outstanding.
const UNSENT_BYTES_MAX: usize = 1 << 20;
/// Ready events taken from the poller per turn.
const EVENTS_MAX: usize = 64;
/// Free places a market ring needs before its recovery goes on.
const ROOM_MIN: usize = crate::venue::LEVELS_PER_CALL_MAX + 1;

/// Everything a reactor is made of; the gateway puts it together.
pub struct Parts {
    /// The poller, its letter box and its bell.
    pub poller: Poller,
    /// The protocol engine.
    pub engine: Engine,
    /// For each connection of the engine, by its number: what to dial, and who does it.
    pub dials: Vec<(DialHandle, DialJob)>,
    /// Where connections come back, one receiver per dialer.
    pub dialed: Vec<mpsc::Receiver<DialResult>>,
    /// Minted credentials, and where spent ones go to be wiped; `None` without credentials.
    pub tokens: Option<TokenTap>,
    /// The clock.
    pub clock: Clock,
    /// Per-hop latencies.
    pub hops: Hops,
    /// Counters.
    pub counters: Counters,
    /// The way to the audit log, if one is kept.
    pub audit: Option<AuditTap>,
    /// A strategy silent for longer, ms, trips the kill switch; off if `None`.
    pub dead_man_ms: Option<u64>,
    /// How others see that it turns.
    pub heart: Heart,
    /// Where it says up to when executions were told: what a session that follows looks for begins there.
    pub told: ToldUntil,
}

/// The poll loop. Run it on a thread of its own with [`Reactor::run`], or turn it yourself with [`Reactor::poll_once`].
pub struct Reactor {
    engine: Engine,
    sockets: Sockets,
    sink: Sink,
    dials: Vec<(DialHandle, DialJob)>,
    /// What the engine adds to the path of each connection's endpoint.
    addresses: Vec<Zeroizing<String>>,
    dialed: Vec<mpsc::Receiver<DialResult>>,
    /// Each connection's, for the audit log.
    venues: Vec<Venue>,
    control: ControlHandle,
    sleeper: Option<Sleeper>,
    clock: Clock,
    idle: Idle,
    killed: Option<KillScope>,
    dead_man: DeadMan,
    deadline: Option<UnixNanos>,
    /// To end by then, or once no order of ours is open.
    end_by: Option<UnixNanos>,
    stopped: bool,
    told: ToldUntil,
    tell_at: UnixNanos,
    /// Dropped with the reactor: says then how that came.
    heart: Heart,
}

impl Reactor {
    /// Puts a reactor together. Nothing is dialled before the first turn.
    pub fn new(parts: Parts) -> Reactor {
        let Parts { poller, engine, dials, dialed, tokens, clock, hops, counters, audit, dead_man_ms, heart, told } =
            parts;
        let Poller { poll, control, sleeper, idle } = poller;
        let sockets = Sockets::new(poll, dials.len(), EVENTS_MAX);
        let mut sink = Sink::new(dials.len(), clock.clone(), hops, counters, tokens);
        sink.audit = audit;
        let venues = engine.slots().iter().map(|slot| slot.venue).collect();
        Reactor {
            engine,
            sockets,
            sink,
            addresses: vec![Zeroizing::default(); dials.len()],
            dials,
            dialed,
            venues,
            control,
            sleeper,
            clock,
            idle,
            killed: None,
            dead_man: DeadMan::new(dead_man_ms),
            deadline: Some(UnixNanos::NONE),
            end_by: None,
            stopped: false,
            told,
            tell_at: UnixNanos::NONE,
            heart,
        }
    }

    /// Where other threads ask for changes and wake the reactor.
    pub fn control(&self) -> ControlHandle {
        self.control.clone()
    }

    /// Runs `handler` on this thread as the strategy `id`, which needs no rings.
    pub fn set_handler(&mut self, id: StrategyId, handler: Box<dyn Handler>) {
        let (orders, commands) = InlineOrders::new(id);
        self.sink.inline = Some(Inline { id, handler, orders, commands });
        self.apply(self.clock.now(), Input::Control(Control::AddStrategy(id)));
    }

    /// Where to say that a venue refused what passed here: what it lists may be other by now.
    pub fn set_doubts(&mut self, doubts: mpsc::SyncSender<InstrumentId>) {
        self.sink.doubts = Some(doubts);
    }

    /// Turns until stopped. From now on the keeper watches it, unless the gateway was built without that.
    pub fn run(mut self) {
        self.watch();
        while !self.stopped {
            let worked = self.poll_once();
            if !worked && !self.stopped {
                self.wait();
            }
        }
    }

    /// Promises the keeper that it turns all the time from now on, for loops of your own around [`Reactor::poll_once`]: if
    /// it then stands still for longer than the gateway's `reactor_silence_ms_max`, or is dropped without a shutdown, the
    /// kill switch is thrown and the keeper cancels our orders. [`Reactor::run`] promises it by itself. A panic that drops
    /// the reactor is noticed either way.
    pub fn watch(&self) {
        self.heart.watch();
    }

    /// Whether the gateway asked it to end; a loop of your own ends then too.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// One turn over everything that is ready, without waiting. True if anything was done.
    pub fn poll_once(&mut self) -> bool {
        self.heart.beat();
        let start = self.clock.now();
        let mut worked = self.take_control();
        if self.stopped {
            return true; // its ends of the rings are nobody's any more
        }
        worked |= self.take_dialed();
        worked |= self.take_tokens();
        worked |= self.take_orders();
        worked |= self.sockets.poll(Duration::ZERO);
        while let Some(conn) = self.sockets.next_ready() {
            worked = true;
            self.serve(conn);
            self.take_orders();
        }
        self.sockets.end_round();
        worked |= self.give_room();
        worked |= self.on_time();
        self.tell_audit();
        self.carry_out();
        if self.end_by.is_some_and(|by| self.engine.open_orders() == 0 || self.clock.now() >= by) {
            self.end();
        }
        if worked {
            let turn_ns = self.clock.now().since(start);
            self.sink.counters.max(Counter::LongestTurnNs, turn_ns);
            if turn_ns > LONG_TURN_NS {
                self.sink.counters.add(Counter::LongTurns, 1);
            }
        }
        worked
    }

    /// Waits as the idle strategy says, until something may be ready.
    fn wait(&mut self) {
        match self.idle {
            Idle::Busy => std::hint::spin_loop(),
            Idle::Yield => std::thread::yield_now(),
            Idle::Block => {
                let mut timeout = Duration::from_millis(PARK_MS_MAX);
                if let Some(deadline) = self.deadline {
                    let left_ns = deadline.since(self.clock.now());
                    // mio rounds up to whole milliseconds anyway.
                    timeout = timeout.min(Duration::from_nanos(left_ns.max(1_000_000)));
                }
                if !self.engine.wants_room().is_empty() {
                    timeout = Duration::from_millis(1); // a consumer that makes room wakes nobody
                }
                let Reactor { sleeper, sockets, sink, control, .. } = self;
                let Some(sleeper) = sleeper else { return };
                let hot = sockets.is_hot();
                let killed = self.killed;
                let work = || {
                    hot || !control.is_empty()
                        || control.killed() != killed
                        || sink.rings.iter().flatten().any(|r| !r.orders.is_empty())
                };
                sleeper.park(work, || {
                    sockets.poll(timeout);
                });
            }
        }
    }

    fn apply(&mut self, now: UnixNanos, input: Input<'_>) {
        self.engine.apply(now, input, &mut self.sink);
        self.deadline = self.engine.deadline();
    }

    fn take_control(&mut self) -> bool {
        let mut worked = false;
        let killed = self.control.killed();
        if killed != self.killed {
            (self.killed, worked) = (killed, true);
            let control = match (killed, self.heart.was_given_up()) {
                (None, _) => Control::Release,
                (Some(KillScope::Ours), true) => Control::GivenUp,
                (Some(scope), _) => Control::Kill(scope),
            };
            let now = self.clock.now();
            if killed.is_none() {
                self.dead_man.rearm(now);
            }
            self.apply(now, Input::Control(control));
        }
        while let Some(control) = self.sink.inline.as_mut().and_then(|inline| inline.orders.take_control()) {
            worked = true;
            self.apply(self.clock.now(), Input::Control(control));
        }
        while let Some(message) = self.control.pop() {
            worked = true;
            let now = self.clock.now();
            match message {
                ControlMessage::AddStrategy(rings) => {
                    let id = rings.id;
                    self.sink.add(*rings);
                    self.apply(now, Input::Control(Control::AddStrategy(id)));
                }
                ControlMessage::RemoveStrategy(id) => {
                    if self.dead_man.is_armed() {
                        self.bury(now, Some(id));
                    }
                    self.apply(now, Input::Control(Control::RemoveStrategy(id)));
                    self.sink.remove(id);
                }
                ControlMessage::Engine(control) => {
                    if matches!(control, Control::Stop(_)) {
                        self.dead_man.disarm();
                    }
                    self.apply(now, Input::Control(control));
                }
                ControlMessage::CountOpen(reply) => {
                    let _ = reply.send(self.engine.open_orders());
                }
                ControlMessage::Paper(PaperQuestion::Balances(venue, reply)) => {
                    let _ = reply.send(self.engine.paper_balances(venue));
                }
                ControlMessage::Paper(PaperQuestion::Order(venue, id, reply)) => {
                    let _ = reply.send(self.engine.paper_order(venue, &id));
                }
                ControlMessage::End if self.dead_man.is_on() && self.engine.open_orders() > 0 => {
                    if self.dead_man.is_armed() {
                        self.bury(now, None);
                    }
                    self.end_by = Some(now.plus_ms(LAST_CANCELS_MS));
                }
                ControlMessage::End => self.end(),
            }
        }
        worked
    }

    fn take_dialed(&mut self) -> bool {
        let mut worked = false;
        for index in 0..self.dialed.len() {
            while let Some(result) = self.dialed.get(index).and_then(|dialed| dialed.try_recv().ok()) {
                worked = true;
                let now = self.clock.now();
                let conn = ConnId(result.conn);
                self.audit_dial(now, conn, &result);
                let opened = match result.outcome {
                    Ok(link) => self.sockets.adopt(conn, *link, &mut self.sink.outboxes).map_err(|e| e.to_string()),
                    Err(error) => {
                        self.sink.counters.add(Counter::DialFailures, 1);
                        Err(error.to_string())
                    }
                };
                match opened {
                    Ok(()) => self.apply(now, Input::Opened { conn }),
                    Err(why) => self.apply(
                        now,
                        Input::Closed { conn, closed: Closed { why, clean: false, began: 0 }, rest: &mut [] },
                    ),
                }
                self.carry_out();
            }
        }
        worked
    }

    fn take_tokens(&mut self) -> bool {
        let mut worked = false;
        while let Some(token) = self.sink.tokens.as_mut().and_then(TokenTap::take) {
            worked = true;
            let Some(venue) = Venue::from_u8(token.venue) else { continue };
            let (TokenSlot(slot), expires) = (token.slot, token.expires);
            self.apply(self.clock.now(), Input::Token { venue, slot, token: token.into_text(), expires });
        }
        worked
    }

    /// Every command that waits, of every strategy; what they make leaves together.
    fn take_orders(&mut self) -> bool {
        let mut worked = false;
        for id in self.sink.present.iter() {
            while let Some(command) = self.next_command(|sink| {
                sink.rings.get_mut(id.index()).and_then(Option::as_mut).and_then(|rings| rings.orders.pop())
            }) {
                worked = true;
                self.command(&command);
            }
        }
        while let Some(command) =
            self.next_command(|sink| sink.inline.as_mut().and_then(|inline| inline.commands.pop()))
        {
            worked = true;
            self.command(&command);
        }
        if worked {
            self.carry_out();
        }
        worked
    }

    /// A command may have found the order to end in the letter box: those behind it are not taken any more.
    fn next_command(&mut self, pop: impl FnOnce(&mut Sink) -> Option<OrderCommand>) -> Option<OrderCommand> {
        if self.stopped {
            return None;
        }
        pop(&mut self.sink)
    }

    fn command(&mut self, command: &OrderCommand) {
        let killed = self.control.killed() != self.killed;
        if killed || command.prepared_slot().is_some() || !self.control.is_empty() {
            // What was sent to the letter box before the command was pushed comes first: a new instrument, an order in its
            // slot, a subscription. And a kill comes before every order: the turn at hand may have begun long before it.
            self.take_control();
            if self.stopped {
                return;
            }
        }
        let taken = self.clock.now();
        self.sink.hops.record(Hop::CommandWait, taken.since(command.submitted()));
        self.apply(taken, Input::Command(command));
        let built = self.clock.now();
        self.sink.hops.record(Hop::Build, built.since(taken));
    }

    /// One turn of one connection: read, decrypt, parse one piece. The order rings come between any two turns.
    fn serve(&mut self, conn: ConnId) {
        self.flush_if_wanted(conn);
        let read_at = self.clock.now();
        let received = self.sockets.receive(conn, READ_BYTES_PER_TURN_MAX, read_at);
        let decrypted_at = self.clock.now();
        if received.bytes > 0 {
            self.sink.counters.add(Counter::BytesReceived, received.bytes as u64);
            self.sink.hops.record(Hop::Decrypt, decrypted_at.since(read_at));
        }
        self.sink.decrypted_at = decrypted_at;
        // A session may have work left although every byte was consumed: pieces of a long message it holds itself.
        let mut more = self.sockets.take_more(conn);
        // One piece per turn: a full one takes tens of microseconds (bench `snapshot_turn`), and others wait.
        if let Some((recv, plain)) = self.sockets.unread(conn).filter(|(_, plain)| more || !plain.is_empty()) {
            let progress = self.engine.apply(recv, Input::Bytes { conn, plain }, &mut self.sink);
            self.deadline = self.engine.deadline();
            self.sockets.consume(conn, progress.consumed);
            self.carry_out();
            more = progress.more;
        }
        self.sockets.keep_more(conn, more);
        let hot = received.more || more;
        self.sink.decrypted_at = UnixNanos::NONE;
        self.flush_if_wanted(conn);
        self.sockets.set_hot(conn, hot);
        if let Some(why) = received.closed {
            if !hot {
                self.close(conn, why);
            } else {
                self.sockets.keep_closing(conn, why);
            }
        }
    }

    fn give_room(&mut self) -> bool {
        let wants = self.engine.wants_room();
        if wants.is_empty() {
            return false;
        }
        let mut worked = false;
        for strategy in wants.iter() {
            let rings = self.sink.rings.get(strategy.index()).and_then(Option::as_ref);
            let room =
                rings.is_none_or(|r| r.market.free() >= ROOM_MIN.min(r.market.capacity()) && r.executions.free() > 0);
            if room {
                worked = true;
                self.apply(self.clock.now(), Input::Room { strategy });
            }
        }
        worked
    }

    fn end(&mut self) {
        self.stopped = true;
        self.tell(self.clock.now());
        self.heart.stop();
        self.sockets.say_goodbye(&mut self.sink.outboxes);
        // From here on nothing happens that could be remembered; the journal waits for this end.
        self.sink.audit = None;
    }

    /// Says up to when executions were told.
    fn tell(&mut self, now: UnixNanos) {
        self.tell_at = now.plus_ms(TELL_EVERY_MS);
        for venue in Venue::ALL {
            if let Some(until) = self.engine.told_until(now, venue) {
                self.told.say(venue, until);
            }
        }
    }

    /// Trips the kill switch for a strategy that is gone or silent; for all of them if the gateway is.
    fn bury(&mut self, now: UnixNanos, strategy: Option<StrategyId>) {
        let strategy = strategy.map(|id| id.0);
        tracing::error!(strategy, "dead-man switch: nobody is heard from there, all orders are cancelled");
        self.dead_man.trip();
        // The latch first: whoever is told of the kill may release it at once, and must find it thrown.
        self.control.kill(KillScope::Ours);
        self.apply(now, Input::Control(Control::DeadMan));
        // What the engine was told, not what the latch holds: a wider kill thrown meanwhile is a difference still to be told.
        self.killed = Some(KillScope::Ours);
    }

    /// What becomes of the audit log is told like a guard's change: whoever trades on it must know when it has holes.
    fn tell_audit(&mut self) {
        let Reactor { sink, clock, .. } = self;
        let news = sink.audit.as_mut().and_then(|audit| audit.news(|| clock.now()));
        if let Some(news) = news {
            self.apply(self.clock.now(), Input::Control(Control::Audit(news)));
        }
    }

    fn audit_dial(&mut self, now: UnixNanos, conn: ConnId, result: &DialResult) {
        let Some(venue) = self.venues.get(conn.index()) else { return };
        let outcome = if result.outcome.is_ok() { CallOutcome::Answered } else { CallOutcome::Failed };
        let call = CallId { caller: Caller::Dialer, number: self.sink.next_dial() };
        let step = CallStep::Ended(CallEnd::without_answer(outcome, result.timings.total_ns()));
        let call = AuditCall { conn: conn.0, ..AuditCall::new(now, call, *venue, "connect", step) };
        self.sink.audit(&AuditEntry::Call(call));
    }

    fn on_time(&mut self) -> bool {
        let now = self.clock.now();
        let rings = self.sink.rings.iter().flatten().map(|rings| (rings.id, &rings.heart));
        if let Some(silent) = self.dead_man.silent(now, rings) {
            self.bury(now, Some(silent));
        }
        if now >= self.tell_at {
            self.tell(now);
        }
        let due = self.deadline.is_some_and(|deadline| deadline <= now);
        if due {
            self.apply(now, Input::Time);
        }
        due
    }

    /// What the engine asked for: bytes to the kernel, dials to the dialer, connections to close.
    fn carry_out(&mut self) {
        while let Some(conn) = self.sink.dirty.pop() {
            self.flush(conn);
        }
        while let Some((conn, path)) = self.sink.addresses.pop() {
            if let Some(address) = self.addresses.get_mut(conn.index()) {
                *address = path;
            }
        }
        while let Some((conn, not_before)) = self.sink.dials.pop() {
            if let Some((dialer, job)) = self.dials.get(conn.index()) {
                let mut job = DialJob { not_before, ..job.clone() };
                job.endpoint.path.extend(self.addresses.get(conn.index()).map(|path| path.as_str()));
                // A dialer that has ended takes no jobs: the gateway is going down.
                let _ = dialer.dial(job);
            }
        }
        while let Some((conn, why)) = self.sink.closing.pop() {
            self.close(conn, why);
        }
    }

    /// A socket that became writable again, or TLS that answers by itself (key updates, alerts).
    fn flush_if_wanted(&mut self, conn: ConnId) {
        if self.sink.outboxes.get(conn.index()).is_some_and(|outbox| self.sockets.wants_flush(conn, outbox)) {
            self.flush(conn);
        }
    }

    fn flush(&mut self, conn: ConnId) {
        let Some(outbox) = self.sink.outboxes.get_mut(conn.index()) else { return };
        let before = self.clock.now();
        match self.sockets.flush(conn, outbox) {
            Ok(Some(flushed)) => {
                let now = self.clock.now();
                if !flushed.blocked {
                    self.sink.hops.record(Hop::Write, now.since(before));
                }
                let Flushed { began_offset: began, written_offset: total, blocked } = flushed;
                let waiting = outbox.pending().len();
                self.apply(now, Input::Written { conn, began, total });
                if blocked && waiting > UNSENT_BYTES_MAX {
                    self.close(conn, format!("the venue does not read: {waiting} bytes wait to be sent"));
                }
            }
            Ok(None) => {}
            Err(why) => self.close(conn, why),
        }
    }

    fn close(&mut self, conn: ConnId, why: String) {
        let Some(outbox) = self.sink.outboxes.get_mut(conn.index()) else { return };
        if let Some(mut ended) = self.sockets.close(conn, outbox) {
            let closed = Closed { why, clean: ended.clean, began: ended.began };
            self.apply(self.clock.now(), Input::Closed { conn, closed, rest: ended.inbox.unread() });
        }
    }
}

#[cfg(test)]
mod tests;
