//! A session dies with orders open at all three venues; the next one takes them back or sweeps them, strangers' orders are
//! left alone and reported, and a second process is refused.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::decimal;
use common::scratch::Scratch;
use exchange_connectors::gateway::{GatewayError, KillScope, RestartPolicy, Shutdown};
use exchange_connectors::journal::verify::{verify, Rules};
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, GuardEvent, OrderCommand, OrderRef, EXECUTION_FLAG_REPLAYED,
};
use exchange_connectors::state::StateError;
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::Duration;
use venues::{rest_at, Local, Rig, Setup};

const STRANGER: &str = "somebody-else-1";

/// A state directory of its own.
struct State(Scratch);

impl State {
    fn new() -> State {
        State(Scratch::new("restart"))
    }

    /// A session at venues that run already; it may be refused.
    fn session(&self, at: &[Arc<Local>], policy: RestartPolicy) -> Result<Rig, GatewayError> {
        Setup::direct().try_start(at, |builder| builder.state_directory(&self.0.path).restart(policy))
    }

    /// The first session there is, ready to trade.
    fn first_session(&self) -> Rig {
        let mut rig = self.session(&Local::everywhere(), RestartPolicy::Adopt).unwrap();
        rig.each(Rig::healthy);
        rig
    }

    /// One more, ready to trade.
    fn next_session(&self, at: &[Arc<Local>], policy: RestartPolicy) -> Rig {
        let mut rig = self.session(at, policy).unwrap();
        rig.each(Rig::healthy);
        rig
    }
}

/// What this session's strategy was told of an order of an earlier one.
fn of(rig: &Rig, order: &ExecutionRecord) -> Vec<ExecutionRecord> {
    let of = rig.executions.iter().filter(|r| r.client_order_id == order.client_order_id);
    of.filter(|r| r.kind != K::FillDetail).copied().collect()
}

fn kinds(rig: &Rig, order: &ExecutionRecord) -> Vec<K> {
    of(rig, order).iter().map(|r| r.kind).collect()
}

/// An order of a dead session is cancelled by the id that session gave it.
fn cancel(rig: &mut Rig, order: &ExecutionRecord) -> ExecutionRecord {
    rig.submit(OrderCommand::cancel(rig.traded.id, OrderRef::Client(order.client_order_id)));
    rig.until("the end", |rig| of(rig, order).into_iter().find(|r| r.kind == K::Cancelled))
}

#[test]
fn open_orders_come_back_with_what_befell_them_and_can_be_cancelled() {
    let state = State::new();
    let mut first = state.first_session();
    let (part, gone, resting) =
        (first.each(Rig::place_accepted), first.each(Rig::place_accepted), first.each(Rig::place_accepted));
    let locals = first.die();
    for (index, local) in locals.iter().enumerate() {
        let parts = local.parts();
        if let [one, _] = parts {
            local.fill(part[index].client_order_id.as_str(), one);
        }
        for size in parts {
            local.fill(gone[index].client_order_id.as_str(), size);
        }
    }

    let audit = state.0.path.join("audit");
    let log = AuditConfig::new(&audit);
    let builder = |builder: exchange_connectors::gateway::GatewayBuilder| {
        builder.state_directory(&state.0.path).restart(RestartPolicy::Adopt).audit(log)
    };
    let mut rig = Setup::direct().try_start(&locals, builder).unwrap();
    for index in 0..locals.len() {
        let (part, gone, resting) = (&part[index], &gone[index], &resting[index]);
        let at = part.venue;
        rig.turn_to(at);
        rig.healthy();
        let in_parts = rig.local.parts().len() > 1;
        let (price, whole) = (decimal(rig.local.bid_terms().0), decimal(rig.local.bid_terms().1));
        rig.until("the end of the one that is gone", |rig| kinds(rig, gone).contains(&K::Filled).then_some(()));
        rig.until("what is open", |rig| {
            let told = kinds(rig, part).len() >= if in_parts { 2 } else { 1 };
            (told && !kinds(rig, resting).is_empty()).then_some(())
        });
        assert_eq!(kinds(&rig, resting), [K::OrderListed], "{at}");
        let listed = of(&rig, part)[0];
        assert_eq!(listed.kind, K::OrderListed, "{at}");
        assert_eq!(decimal(&listed.quantity().to_string()), whole, "{at}");
        if in_parts {
            let told = of(&rig, part);
            assert_eq!(told.iter().map(|r| r.kind).collect::<Vec<_>>(), [K::OrderListed, K::Fill], "{at}");
            assert_eq!(told[0].cumulative().to_string(), "0.004", "{at}");
            assert!(told[1].has(EXECUTION_FLAG_REPLAYED) && !told[1].execution_id.is_empty(), "{at}");
            let terms = (told[1].quantity().to_string(), decimal(&told[1].price().to_string()));
            assert_eq!(terms, ("0.004".into(), price), "{at}");
        } else {
            assert_eq!(kinds(&rig, part), [K::OrderListed], "{at}: nothing of it traded");
        }
        let told = of(&rig, gone);
        let fills: Vec<_> = told.iter().filter(|r| r.kind == K::Fill).collect();
        let filled: Decimal = fills.iter().map(|r| decimal(&r.quantity().to_string())).sum();
        assert_eq!((fills.len(), filled), (rig.local.parts().len(), whole), "{at}: {told:#?}");
        assert!(fills.iter().all(|r| r.has(EXECUTION_FLAG_REPLAYED) && !r.execution_id.is_empty()), "{at}");
        let count = |kind| told.iter().filter(|r| r.kind == kind).count();
        assert_eq!((count(K::OrderListed), count(K::Filled), told.len()), (1, 1, fills.len() + 2), "{at}: {told:#?}");

        // Like every other order: it fills, and is cancelled by the id the dead session gave it.
        let mut cumulative = Decimal::ZERO;
        if in_parts {
            rig.local.fill(part.client_order_id.as_str(), "0.001");
            let fill = rig.until("a fill", |rig| {
                of(rig, part).into_iter().find(|r| r.kind == K::Fill && !r.has(EXECUTION_FLAG_REPLAYED))
            });
            cumulative = decimal("0.005");
            assert_eq!((fill.quantity().to_string(), fill.cumulative().to_string()), ("0.001".into(), "0.005".into()));
        }
        let end = cancel(&mut rig, part);
        assert_eq!(decimal(&end.cumulative().to_string()), cumulative, "{at}");
        assert!(!rig.rests(part), "{at}");
    }
    // Where everything is accounted for a new order leaves, under an id of its own; and it fills whole.
    rig.each_of(&resting, |rig, order| {
        let new = rig.place_accepted();
        assert!(![part, gone, resting].as_flattened().iter().any(|old| old.client_order_id == new.client_order_id));
        for size in rig.local.parts() {
            rig.local.fill(order.client_order_id.as_str(), size);
        }
        rig.until("the end", |rig| kinds(rig, order).contains(&K::Filled).then_some(()));
        assert_eq!(kinds(rig, order).iter().filter(|kind| **kind == K::OrderListed).count(), 1, "{}", order.venue);
    });
    rig.gateway.shutdown(Shutdown::CancelOurs, 5_000).unwrap();
    let report = verify(&[audit], Rules::default()).unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_sweep_cancels_what_is_ours_and_a_kill_reaches_it_too() {
    let state = State::new();
    let mut first = state.first_session();
    let swept = first.each(Rig::place_accepted);
    first.each(|rig| rig.local.strangers_bid(rig.local.symbol(), STRANGER));
    let locals = first.die();
    let mut rig = state.session(&locals, RestartPolicy::Sweep).unwrap();
    rig.each_of(&swept, |rig, order| {
        let at = order.venue;
        rig.healthy();
        assert!(!rig.rests(order), "{at}: before the first order could leave");
        rig.until("its end", |rig| kinds(rig, order).contains(&K::Cancelled).then_some(()));
        assert_eq!(kinds(rig, order), [K::OrderListed, K::Cancelled], "{at}");
        let stranger = |r: &&ExecutionRecord| r.kind == K::StrangerOrder && r.venue == at;
        rig.until("the stranger", |rig| rig.executions.iter().find(stranger).copied());
        assert_eq!(rig.executions.iter().filter(stranger).count(), 1, "{at}");
        assert!(rig.local.holds(STRANGER), "{at}");
    });

    let killed = rig.each(Rig::place_accepted);
    let locals = rig.die();
    let mut rig = state.next_session(&locals, RestartPolicy::Adopt);
    rig.gateway.kill(KillScope::Ours);
    rig.each_of(&killed, |rig, order| {
        rig.until("its end", |rig| kinds(rig, order).contains(&K::Cancelled).then_some(()));
        rig.guard(GuardEvent::KillConfirmed);
        assert!(!rig.rests(order) && rig.local.holds(STRANGER), "{}", order.venue);
    });
}

#[test]
fn a_second_process_is_refused_by_name_while_the_first_lives() {
    let state = State::new();
    let rig = state.first_session();
    for local in rig.locals() {
        let refused = state.session(std::slice::from_ref(&local), RestartPolicy::Adopt);
        let error = refused.map(|_| ()).unwrap_err();
        assert!(matches!(&error, GatewayError::State(StateError::InUse { .. })), "{error:?}");
        let (at, process) = (local.venue().name(), format!("process {}", std::process::id()));
        assert!(error.to_string().contains(at) && error.to_string().contains(&process), "{error}");
    }
    let locals = rig.die();
    state.next_session(&locals, RestartPolicy::Adopt);
}

#[test]
fn with_its_state_gone_it_starts_only_if_nothing_of_ours_is_open() {
    let state = State::new();
    let mut first = state.first_session();
    let open = first.each(Rig::place_accepted);
    let locals = first.die();
    std::fs::remove_dir_all(&state.0.path).unwrap();
    for (local, open) in locals.iter().zip(&open) {
        let error = state.session(std::slice::from_ref(local), RestartPolicy::Adopt).map(|_| ()).unwrap_err();
        assert!(matches!(&error, GatewayError::StateMissing { open: 1, .. }), "{error:?}");
        assert!(error.to_string().contains(open.client_order_id.as_str()), "{error}");
    }

    // Another program's prefix is nothing of ours.
    let other = |builder: exchange_connectors::gateway::GatewayBuilder| {
        builder.state_directory(&state.0.path).order_id_prefix("other")
    };
    let mut other = Setup::direct().try_start(&locals, other).unwrap();
    other.each(Rig::healthy);
    let theirs = other.each(Rig::place_accepted);
    assert!(theirs.iter().all(|order| order.client_order_id.as_str().starts_with("other-")), "{theirs:?}");
    other.die();

    std::fs::remove_dir_all(&state.0.path).unwrap();
    for (local, open) in locals.iter().zip(&open) {
        for size in local.parts() {
            local.fill(open.client_order_id.as_str(), size);
        }
    }
    let mut rig = state.next_session(&locals, RestartPolicy::Adopt);
    rig.watch(Duration::from_millis(100));
    rig.each_of(&open, |rig, order| {
        assert!(of(rig, order).is_empty(), "{}: it is over, and of a session nobody knows", order.venue);
    });
    assert_eq!(rest_at(&locals, &theirs), [true; 3]);
}
