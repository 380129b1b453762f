//! What the audit log is told of requests: each when it is handed to its connection, and how it ended.
//!
//! Entries are collected while an input is handled and leave together at its end, so that whoever loads or unloads a
//! connection need not know of the log. Their number is bounded by the requests in flight.

use super::contract::{AuditNews, ConnId, Outputs};
use super::protect::GuardNews;
use super::trading::{Cargo, Carriage, Trading};
use super::Engine;
use crate::record::{
    AuditCall, AuditEntry, CallEnd, CallId, CallOutcome, CallStep, Caller, ClientOrderId, GuardEvent, InlineText,
    InstrumentId, RejectClass, RequestId, UnixNanos, Venue, VenueOrderId,
};
use crate::venue::coinbase::{Outcome, Reply, ReplyTo};
use crate::venue::{binance_us, oanda};

/// Entries one input can cause before their list takes more memory: a lost connection ends all it carried, and a request
/// names at most 32 orders.
const UNSAID_USUAL: usize = 128;

/// A step whose time and venue are added when it is told.
#[derive(Debug, Clone, Copy)]
struct Unsaid {
    conn: ConnId,
    number: u64,
    operation: &'static str,
    about: About,
    step: CallStep,
}

/// Which order a request is about.
#[derive(Debug, Clone, Copy)]
struct About {
    request: RequestId,
    instrument: InstrumentId,
    client_order_id: ClientOrderId,
    venue_order_id: VenueOrderId,
}

impl About {
    const NOTHING: About = About {
        request: RequestId::NONE,
        instrument: InstrumentId::NONE,
        client_order_id: ClientOrderId::EMPTY,
        venue_order_id: VenueOrderId::EMPTY,
    };
}

/// Numbers calls, and keeps what is to be told of them.
#[derive(Debug)]
pub(super) struct Calls {
    last: u64,
    unsaid: Vec<Unsaid>,
}

impl Calls {
    pub(super) fn new() -> Calls {
        Calls { last: 0, unsaid: Vec::with_capacity(UNSAID_USUAL) }
    }

    /// The number of a new call.
    pub(super) fn number(&mut self) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// A call is over, or part of it is to be told.
    fn say(&mut self, conn: ConnId, carriage: &Carriage, about: About, step: CallStep) {
        let operation = operation(&carriage.cargo);
        self.unsaid.push(Unsaid { conn, number: carriage.call, operation, about, step });
    }

    /// A call was answered, unless its end was told before: with what, nobody said.
    pub(super) fn answered(&mut self, conn: ConnId, carriage: &Carriage) {
        if !carriage.ended {
            let end = CallEnd::without_answer(CallOutcome::Answered, 0);
            self.say(conn, carriage, About::NOTHING, CallStep::Ended(end));
        }
    }

    /// A call ended without an answer, unless its end was told before.
    pub(super) fn abandoned(&mut self, conn: ConnId, carriage: &Carriage) {
        if carriage.ended {
            return;
        }
        let outcome = if carriage.began { CallOutcome::NoAnswer } else { CallOutcome::NotSent };
        self.say(conn, carriage, About::NOTHING, CallStep::Ended(CallEnd::without_answer(outcome, 0)));
    }
}

impl Trading {
    /// A request was handed to its connection.
    pub(super) fn say_sent(&mut self, conn: ConnId, carriage: &Carriage) {
        let about = self.about(&carriage.cargo);
        self.calls.say(conn, carriage, about, CallStep::Sent);
    }

    /// The request just handed over names these orders.
    pub(super) fn say_cancelled(&mut self, ids: &[VenueOrderId]) {
        let Some(first) = self.calls.unsaid.pop() else { return };
        for venue_order_id in ids {
            let about = About { venue_order_id: *venue_order_id, ..first.about };
            self.calls.unsaid.push(Unsaid { about, ..first });
        }
    }

    /// The oldest request of this kind was answered, or is known to get no answer; its latency is added here.
    pub(super) fn say_ended(&mut self, now: UnixNanos, conn: ConnId, answered: impl Fn(&Cargo) -> bool, end: CallEnd) {
        let Some(carriage) = self.carried_mut(conn).find(|c| !c.ended && answered(&c.cargo)) else { return };
        carriage.ended = true;
        let carriage = *carriage;
        let since = if carriage.written.is_some() { carriage.written } else { carriage.loaded };
        let about = self.about(&carriage.cargo);
        self.calls.say(conn, &carriage, about, CallStep::Ended(CallEnd { latency_ns: now.since(since), ..end }));
    }

    fn about(&self, cargo: &Cargo) -> About {
        let (slot, request) = match cargo {
            Cargo::Place(slot) | Cargo::Swap { new: slot, .. } => (*slot, None),
            Cargo::Change(slot, request) => (*slot, Some(*request)),
            Cargo::Cancel(_)
            | Cargo::Query
            | Cargo::Account
            | Cargo::Snapshot
            | Cargo::Average
            | Cargo::Subscribe
            | Cargo::Warm => return About::NOTHING,
        };
        self.orders.get(slot).map_or(About::NOTHING, |order| About {
            request: request.unwrap_or(order.request()),
            instrument: order.instrument(),
            client_order_id: *order.client_order_id(),
            venue_order_id: *order.venue_order_id(),
        })
    }
}

impl Engine {
    /// Tells every strategy how the audit log fares. It is one log for all venues: the record names the first.
    pub(super) fn tell_audit(&mut self, now: UnixNanos, out: &mut impl Outputs, news: AuditNews) {
        let venue = self.trading_venues().next().unwrap_or(Venue::Coinbase);
        let news = match news {
            AuditNews::Troubled(why) => GuardNews::new(venue, GuardEvent::AuditTroubled, why),
            AuditNews::Recovered(lost) => {
                let news = GuardNews::new(venue, GuardEvent::AuditRecovered, "the audit log goes on");
                GuardNews { count: lost, ..news }
            }
        };
        self.tell_guard(now, out, news);
    }

    /// Tells what was collected.
    pub(super) fn say_calls(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Engine { conns, trading, market, .. } = self;
        if trading.calls.unsaid.is_empty() {
            return;
        }
        let mut unsaid = std::mem::take(&mut trading.calls.unsaid);
        for said in unsaid.drain(..) {
            let venue = conns.get(said.conn.index()).map(|c| c.venue);
            let Some(venue) = venue.or_else(|| Engine::paper_venue_of(market, said.conn)) else { continue };
            if said.step == CallStep::Sent {
                if let Some(carriage) = trading.carried_mut(said.conn).find(|c| c.call == said.number) {
                    carriage.loaded = now;
                }
            }
            let call = CallId { caller: Caller::Engine, number: said.number };
            let About { request, instrument, client_order_id, venue_order_id } = said.about;
            let named = AuditCall {
                request,
                instrument,
                client_order_id,
                venue_order_id,
                conn: said.conn.0,
                ..AuditCall::new(now, call, venue, said.operation, said.step)
            };
            out.audit(&AuditEntry::Call(named));
        }
        // Its memory stays.
        trading.calls.unsaid = unsaid;
    }
}

const fn operation(cargo: &Cargo) -> &'static str {
    match cargo {
        Cargo::Place(_) => "place",
        Cargo::Cancel(_) => "cancel",
        Cargo::Change(..) | Cargo::Swap { .. } => "replace",
        Cargo::Query => "list",
        Cargo::Account => "account",
        Cargo::Snapshot => "book_snapshot",
        Cargo::Average => "average_price",
        Cargo::Subscribe => "subscribe_account",
        Cargo::Warm => "keep_warm",
    }
}

/// Whether a reply of Coinbase answers such a request.
pub(super) const fn answers(cargo: &Cargo, to: ReplyTo) -> bool {
    matches!(
        (cargo, to),
        (Cargo::Place(_), ReplyTo::Place)
            | (Cargo::Cancel(_), ReplyTo::Cancel)
            | (Cargo::Change(..), ReplyTo::Edit)
            | (Cargo::Query, ReplyTo::Orders | ReplyTo::Fills | ReplyTo::Balances)
            | (Cargo::Warm, ReplyTo::Time)
    )
}

/// How a request to Coinbase ended.
pub(super) const fn end_of(reply: &Reply) -> CallEnd {
    match &reply.outcome {
        Outcome::Refused { class, code } => refused(reply.status, *class, *code),
        Outcome::Failed { code } => failed(reply.status, *code),
        Outcome::Answered | Outcome::Listed { .. } | Outcome::Time(_) => answered(reply.status),
    }
}

/// How a request to Binance.US ended.
pub(super) const fn end_of_binance_us(reply: &binance_us::Reply) -> CallEnd {
    match &reply.outcome {
        binance_us::Outcome::Refused { class, code } => refused(reply.status, *class, *code),
        binance_us::Outcome::Failed { code } => failed(reply.status, *code),
        _ => answered(reply.status),
    }
}

/// How a request to OANDA ended.
pub(super) const fn end_of_oanda(reply: &oanda::Reply) -> CallEnd {
    match &reply.outcome {
        oanda::Outcome::Refused { class, code } => refused(reply.status, *class, *code),
        oanda::Outcome::Failed { code } => failed(reply.status, *code),
        _ => answered(reply.status),
    }
}

const fn answered(status: u16) -> CallEnd {
    CallEnd { status, ..CallEnd::without_answer(CallOutcome::Answered, 0) }
}

const fn refused(status: u16, reject: RejectClass, code: InlineText<32>) -> CallEnd {
    CallEnd { status, reject, code, ..CallEnd::without_answer(CallOutcome::Refused, 0) }
}

const fn failed(status: u16, code: InlineText<32>) -> CallEnd {
    let outcome = if status == 0 { CallOutcome::NoAnswer } else { CallOutcome::Failed };
    CallEnd { status, code, ..CallEnd::without_answer(outcome, 0) }
}
