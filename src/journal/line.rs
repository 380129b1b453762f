//! One audit entry as the members of one JSON line. `verify` reads them back; the manual lists them.

use super::escape::Object;
use super::thread::Names;
use crate::record::{
    AuditCall, AuditConnection, AuditEntry, CallStep, CommandKind, ExecutionKind, ExecutionRecord, Fixed, GuardEvent,
    Instrument, InstrumentId, Liquidity, OrderCommand, OrderRef, OrderType, RejectClass, RequestId, Side, TimeInForce,
    EXECUTION_FLAG_DERIVED, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_LAST, EXECUTION_FLAG_LATE,
    EXECUTION_FLAG_RECONCILED, EXECUTION_FLAG_REPLAYED,
};
use std::sync::Arc;

/// `CamelCase`, as `Debug` shows a variant, in the lower case of every JSON this crate prints.
pub(super) fn snake(variant: &dyn std::fmt::Debug) -> String {
    let mut name = String::new();
    for c in format!("{variant:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

pub(super) fn entry(object: &mut Object<'_>, entry: &AuditEntry, names: &dyn Names) {
    match entry {
        AuditEntry::Command { at, venue, command: told } => {
            object.number("ns", at.0);
            object.text("kind", "command");
            object.text("venue", venue.map_or("", |venue| venue.name()));
            command(object, told, names);
        }
        AuditEntry::Execution(record) => {
            object.number("ns", record.recv.0);
            object.text("kind", "execution");
            object.text("venue", record.venue.name());
            execution(object, record, names);
        }
        AuditEntry::Call(told) => call(object, told, names),
        AuditEntry::Connection(AuditConnection { at, conn, venue, role, state, why }) => {
            object.number("ns", at.0);
            object.text("kind", "connection");
            object.text("venue", venue.name());
            object.number("conn", u64::from(*conn));
            object.text("role", role.name());
            object.text("state", state.name());
            object.foreign("why", why.as_str());
        }
        AuditEntry::Lost { at, count, place } => {
            object.number("ns", at.0);
            object.text("kind", "lost");
            object.number("count", *count);
            object.text("place", place.name());
        }
    }
}

fn command(object: &mut Object<'_>, command: &OrderCommand, names: &dyn Names) {
    request(object, command.request());
    let instrument = instrument(object, command.instrument(), names);
    object.text(
        "op",
        match command.kind() {
            CommandKind::Place => "place",
            CommandKind::Cancel => "cancel",
            CommandKind::Replace => "replace",
        },
    );
    match command.target() {
        None => {}
        Some(OrderRef::Request(target)) => object.shown("target_request", &target),
        Some(OrderRef::Client(id)) => object.foreign("target_client_order_id", id.as_str()),
        Some(OrderRef::Venue(id)) => object.foreign("target_venue_order_id", id.as_str()),
    }
    if let Some(slot) = command.prepared_slot() {
        object.number("prepared_slot", slot.index() as u64);
    }
    if command.kind() == CommandKind::Place {
        object.text("side", side(command.side()));
        object.text(
            "type",
            match command.order_type() {
                OrderType::Limit => "limit",
                OrderType::Market => "market",
                OrderType::Composite => "composite",
            },
        );
        object.text(
            "time_in_force",
            match command.tif() {
                TimeInForce::GoodTilCancelled => "gtc",
                TimeInForce::ImmediateOrCancel => "ioc",
                TimeInForce::FillOrKill => "fok",
            },
        );
        object.set("post_only", command.is_post_only());
        object.set("quantity_in_quote", command.is_quantity_in_quote());
    }
    if let Some(instrument) = instrument {
        let quantity_exponent =
            if command.is_quantity_in_quote() { instrument.quote_exponent } else { instrument.size_exponent };
        decimal(object, "price", Fixed::new(command.price(), instrument.price_exponent));
        decimal(object, "quantity", Fixed::new(command.quantity(), quantity_exponent));
    }
    object.ns("submitted_ns", command.submitted().0);
    object.ns("origin_ns", command.origin().0);
}

fn execution(object: &mut Object<'_>, record: &ExecutionRecord, names: &dyn Names) {
    request(object, record.request);
    object.text("event", &snake(&record.kind));
    object.foreign("client_order_id", record.client_order_id.as_str());
    object.foreign("venue_order_id", record.venue_order_id.as_str());
    instrument(object, record.instrument, names);
    let of_account = matches!(
        record.kind,
        ExecutionKind::Guard | ExecutionKind::Balance | ExecutionKind::Margin | ExecutionKind::MarginCall
    );
    if record.kind == ExecutionKind::Guard {
        object.text("guard", &snake(&record.guard));
        if !matches!(record.guard, GuardEvent::None) && record.last_quantity != 0 {
            object.number("count", record.last_quantity.unsigned_abs());
        }
    }
    if !of_account {
        object.text("side", side(record.side));
        object.foreign("execution_id", record.execution_id.as_str());
        if matches!(record.kind, ExecutionKind::Fill | ExecutionKind::FillDetail) || record.last_quantity != 0 {
            object.shown("quantity", &record.quantity());
        }
        object.shown("cumulative", &record.cumulative());
        decimal(object, "price", record.price());
    }
    if record.value != 0 {
        object.shown("value", &record.value());
    }
    if record.fee != 0 {
        object.shown("fee", &record.fee());
    }
    if record.fee != 0 || record.kind == ExecutionKind::Balance {
        object.foreign("asset", &names.asset(record.fee_asset).unwrap_or_default());
    }
    if record.liquidity != Liquidity::Unknown {
        object.text("liquidity", &snake(&record.liquidity));
    }
    refused(object, record.reject, record.venue_code.as_str());
    for (name, flag) in FLAGS {
        object.set(name, record.has(flag));
    }
    object.ns("sent_ns", record.sent.0);
    object.ns("venue_ns", record.venue_time.0);
    if record.sent.is_some() && record.recv.is_some() {
        object.ns("latency_ns", record.recv.since(record.sent));
    }
}

const FLAGS: [(&str, u8); 6] = [
    ("derived", EXECUTION_FLAG_DERIVED),
    ("implied", EXECUTION_FLAG_IMPLIED),
    ("reconciled", EXECUTION_FLAG_RECONCILED),
    ("late", EXECUTION_FLAG_LATE),
    ("replayed", EXECUTION_FLAG_REPLAYED),
    ("last", EXECUTION_FLAG_LAST),
];

fn call(object: &mut Object<'_>, call: &AuditCall, names: &dyn Names) {
    object.number("ns", call.at.0);
    object.text(
        "kind",
        match call.step {
            CallStep::Sent => "sent",
            CallStep::Ended(_) => "ended",
        },
    );
    object.text("venue", call.venue.name());
    object.shown("call", &format_args!("{}-{}", call.call.caller.name(), call.call.number));
    object.text("op", call.operation);
    request(object, call.request);
    object.foreign("client_order_id", call.client_order_id.as_str());
    object.foreign("venue_order_id", call.venue_order_id.as_str());
    instrument(object, call.instrument, names);
    if call.conn != u16::MAX {
        object.number("conn", u64::from(call.conn));
    }
    let CallStep::Ended(end) = call.step else { return };
    object.text("outcome", end.outcome.name());
    if end.status != 0 {
        object.number("status", u64::from(end.status));
    }
    refused(object, end.reject, end.code.as_str());
    object.ns("latency_ns", end.latency_ns);
}

fn request(object: &mut Object<'_>, request: RequestId) {
    if request != RequestId::NONE {
        object.shown("request", &request);
    }
}

/// Its symbol; its number, should nobody know it.
fn instrument(object: &mut Object<'_>, id: InstrumentId, names: &dyn Names) -> Option<Arc<Instrument>> {
    let known = names.instrument(id);
    match &known {
        Some(instrument) => object.foreign("instrument", instrument.symbol()),
        None if id != InstrumentId::NONE => object.number("instrument_number", u64::from(id.0)),
        None => {}
    }
    known
}

fn refused(object: &mut Object<'_>, class: RejectClass, code: &str) {
    if class != RejectClass::None {
        object.text("reject", &snake(&class));
    }
    object.foreign("code", code);
}

fn decimal(object: &mut Object<'_>, key: &str, value: Fixed) {
    if value.mantissa() != 0 {
        object.shown(key, &value);
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
