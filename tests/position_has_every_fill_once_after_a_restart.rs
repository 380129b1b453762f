//! An order of a dead session is filled while the next one asks what is held: with a limit on the position, not one lot more
//! is let out than what is really held allows, and not one lot less once that is known. At every venue, on whichever side
//! of the fill the answer was reckoned.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::scratch::Scratch;
use common::PATIENCE;
use exchange_connectors::gateway::{GatewayBuilder, InstrumentLimits, Limits};
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, Fixed, OrderCommand, RejectClass, Venue};
use exchange_connectors::sim::server::{Fault, FaultRule};
use std::sync::Arc;
use std::time::Instant;
use venues::{at_every_venue, Local, Rig, Setup};

/// Room for the bid that is filled, and for one more like it.
fn limits(at: Venue) -> Limits {
    let most = match at {
        Venue::Coinbase | Venue::BinanceUs => "10.02",
        Venue::Oanda => "200",
    };
    let position_max = Some(Fixed::parse(most).unwrap());
    Limits::new().every_instrument(InstrumentLimits { position_max, ..InstrumentLimits::default() })
}

/// How long the question is on its way.
const WAY_NS: u64 = 300_000_000;

fn session(state: &Scratch, local: &Arc<Local>, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Rig {
    let with_state = |builder: GatewayBuilder| change(builder.state_directory(&state.path));
    Setup::direct().try_start(std::slice::from_ref(local), with_state).unwrap()
}

/// The bid with so many lots more.
fn bid(rig: &Rig, lots: i64) -> OrderCommand {
    let bid = rig.resting_bid();
    OrderCommand::limit(rig.traded.id, bid.side(), bid.price(), bid.quantity() + lots * rig.traded.lot_mantissa())
}

/// The first word about the bid with so many lots more, once the position is known and there is a path for it.
fn judged(rig: &mut Rig, lots: i64) -> ExecutionRecord {
    let (order, deadline) = (bid(rig, lots), Instant::now() + PATIENCE);
    loop {
        let request = rig.submit(order);
        let first = rig.first(request);
        if first.reject != RejectClass::Busy {
            return first;
        }
        assert!(Instant::now() < deadline, "{first:?}");
    }
}

/// Not one lot more than the limit leaves room for.
fn assert_over(rig: &mut Rig) {
    let over = judged(rig, 1);
    let why = (over.kind, over.reject, over.venue_code.to_string());
    assert_eq!(why, (K::Rejected, RejectClass::Limit, "position over the limit".to_owned()), "{}", over.venue);
}

/// A session has died and left an order; the next one's first question for what is held fares like this. Gives the order's
/// id, as soon as the question has come.
fn asked(at: Venue, state: &Scratch, fault: Fault) -> (Rig, String) {
    let local = Arc::new(Local::start(at));
    let mut first = session(state, &local, |builder| builder);
    first.healthy();
    let order = first.place_accepted();
    assert_eq!(first.die().len(), 1);

    let held = local.paths().held;
    // Binance.US is asked for the account before, whether the key may trade.
    let (before, skip) = (local.asked(held), u32::from(at == Venue::BinanceUs));
    local.inject(FaultRule::next(held.0, held.1, fault).after(skip));
    let mut rig = session(state, &local, |builder| builder.limits(limits(at)));
    let come = |rig: &Rig| rig.local.asked(held) > before + u64::from(skip);
    rig.until("the question for what is held", |rig| come(rig).then_some(()));
    (rig, order.client_order_id.to_string())
}

fn fill(rig: &Rig, id: &str) {
    for part in rig.local.parts() {
        rig.local.fill(id, part);
    }
}

fn until_filled(rig: &mut Rig) {
    rig.until("the fill", |rig| rig.executions.iter().find(|r| r.kind == K::Filled).copied());
}

#[test]
fn that_was_told_before_an_answer_that_lacks_it() {
    at_every_venue(|at| {
        let state = Scratch::new("position");
        let (mut rig, id) = asked(at, &state, Fault::ThenHold);
        fill(&rig, &id);
        until_filled(&mut rig);
        rig.local.clear_faults();
        rig.local.release_held();
        assert_over(&mut rig);
        rig.healthy();
        let exactly = judged(&mut rig, 0);
        assert_eq!(exactly.kind, K::Accepted, "{at}: {exactly:?}");
    });
}

#[test]
fn that_is_told_after_an_answer_that_has_it() {
    at_every_venue(|at| {
        let state = Scratch::new("position");
        let (mut rig, id) = asked(at, &state, Fault::Delay(WAY_NS));
        rig.local.hold_user_events();
        fill(&rig, &id);
        // As long as nobody has told the fill, the order counts with all that it may still buy.
        assert_over(&mut rig);
        rig.local.release_user_events();
        until_filled(&mut rig);
        assert_over(&mut rig);
        rig.healthy();
        let exactly = judged(&mut rig, 0);
        assert_eq!(exactly.kind, K::Accepted, "{at}: {exactly:?}");
    });
}
