//! The audit entry: what crosses the ring to the journal, before anybody formats it.

use super::{
    ClientOrderId, ConnectionRole, ConnectionState, ExecutionRecord, InlineText, InstrumentId, OrderCommand,
    RejectClass, RequestId, UnixNanos, Venue, VenueOrderId,
};

/// One thing to be remembered. Copied into the ring as it is: the hot thread formats nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AuditEntry {
    /// A strategy's command was taken.
    Command {
        /// When.
        at: UnixNanos,
        /// Whom it is for; `None` if its instrument is not known.
        venue: Option<Venue>,
        /// As submitted.
        command: OrderCommand,
    } = 1,
    /// An execution record was made, whether or not its strategy's ring has room for it.
    Execution(ExecutionRecord) = 2,
    /// A step of an API call.
    Call(AuditCall) = 3,
    /// A connection changed its state.
    Connection(AuditConnection) = 4,
    /// Entries are missing here.
    Lost {
        /// When that was noticed.
        at: UnixNanos,
        /// How many, exactly.
        count: u64,
        /// Where they found no room.
        place: LossPlace,
    } = 5,
}

const _: () = assert!(std::mem::size_of::<AuditEntry>() == 320);

/// One step of an API call: the request leaves, or the call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct AuditCall {
    /// When.
    pub at: UnixNanos,
    /// Which call; both steps name it.
    pub call: CallId,
    /// What is asked, such as `place`.
    pub operation: &'static str,
    /// The command it serves; [`RequestId::NONE`] if none.
    pub request: RequestId,
    /// The instrument, where it concerns one.
    pub instrument: InstrumentId,
    /// The engine's connection; `u16::MAX` for calls that have none.
    pub conn: u16,
    /// The venue.
    pub venue: Venue,
    /// Which step.
    pub step: CallStep,
    /// Our id of the order it is about. A request that names several orders is told once per order.
    pub client_order_id: ClientOrderId,
    /// The venue's id of the order it is about.
    pub venue_order_id: VenueOrderId,
}

impl AuditCall {
    /// A call that names no order.
    pub const fn new(at: UnixNanos, call: CallId, venue: Venue, operation: &'static str, step: CallStep) -> AuditCall {
        AuditCall {
            at,
            call,
            operation,
            request: RequestId::NONE,
            instrument: InstrumentId::NONE,
            conn: u16::MAX,
            venue,
            step,
            client_order_id: ClientOrderId::EMPTY,
            venue_order_id: VenueOrderId::EMPTY,
        }
    }
}

/// A call's name within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct CallId {
    /// Who calls.
    pub caller: Caller,
    /// The caller's own count, from 1.
    pub number: u64,
}

/// Who calls a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Caller {
    /// The engine, on an established connection.
    Engine = 1,
    /// A cold query, on a connection of the dialer's.
    Cold = 2,
    /// The dialer, to establish a connection.
    Dialer = 3,
    /// The keeper: an emergency, or a rehearsal of one.
    Keeper = 4,
}

impl Caller {
    /// `engine`, `cold`, `dialer` or `keeper`.
    pub const fn name(self) -> &'static str {
        match self {
            Caller::Engine => "engine",
            Caller::Cold => "cold",
            Caller::Dialer => "dialer",
            Caller::Keeper => "keeper",
        }
    }
}

/// A step of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CallStep {
    /// The request was handed to its connection.
    Sent = 1,
    /// It is over.
    Ended(CallEnd) = 2,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct CallEnd {
    /// From the request's last byte (or from its start, where that is not known) to the end, ns.
    pub latency_ns: u64,
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    /// What became of it.
    pub outcome: CallOutcome,
    /// Why it was refused.
    pub reject: RejectClass,
    /// The venue's code, or what went wrong, cut to fit.
    pub code: InlineText<32>,
}

impl CallEnd {
    /// An end without an answer.
    pub const fn without_answer(outcome: CallOutcome, latency_ns: u64) -> CallEnd {
        CallEnd { latency_ns, status: 0, outcome, reject: RejectClass::None, code: InlineText::EMPTY }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CallOutcome {
    /// Answered as documented; what the answer says of orders is in their execution records.
    Answered = 1,
    /// The venue refused it.
    Refused = 2,
    /// No use could be made of the answer.
    Failed = 3,
    /// There was no answer; the venue may have acted on it.
    NoAnswer = 4,
    /// Nothing of it left.
    NotSent = 5,
}

impl CallOutcome {
    /// `answered`, `refused`, `failed`, `no_answer` or `not_sent`.
    pub const fn name(self) -> &'static str {
        match self {
            CallOutcome::Answered => "answered",
            CallOutcome::Refused => "refused",
            CallOutcome::Failed => "failed",
            CallOutcome::NoAnswer => "no_answer",
            CallOutcome::NotSent => "not_sent",
        }
    }
}

/// A connection's new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct AuditConnection {
    /// When.
    pub at: UnixNanos,
    /// Which.
    pub conn: u16,
    /// Its venue.
    pub venue: Venue,
    /// What it is for.
    pub role: ConnectionRole,
    /// How it stands now.
    pub state: ConnectionState,
    /// Why it went down, cut to fit.
    pub why: InlineText<120>,
}

/// Where an audit entry found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LossPlace {
    /// The reactor's ring.
    Ring = 1,
    /// The queue of cold queries.
    ColdQueue = 2,
}

impl LossPlace {
    /// `ring` or `cold_queue`.
    pub const fn name(self) -> &'static str {
        match self {
            LossPlace::Ring => "ring",
            LossPlace::ColdQueue => "cold_queue",
        }
    }
}
