//! A session dies with orders open; the next one takes them back or sweeps them, and a second process is refused.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{decimal, Bench, Rig};
use exchange_connectors::gateway::{GatewayError, RestartPolicy, Shutdown};
use exchange_connectors::journal::verify::{verify, Rules};
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ExecutionKind as K, ExecutionRecord, OrderRef, EXECUTION_FLAG_REPLAYED};
use exchange_connectors::state::StateError;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A state directory of its own.
struct State(PathBuf);

impl State {
    fn new() -> State {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        State(std::env::temp_dir().join(format!("exchange-connectors-restart-{}-{count}", std::process::id())))
    }

    fn bench(&self, policy: RestartPolicy) -> Bench {
        let path = self.0.clone();
        Bench::new().gateway(move |builder| builder.state_directory(path).restart(policy))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the second session's strategy was told of an order of the first.
fn of<'a>(rig: &'a Rig, order: &ExecutionRecord) -> Vec<&'a ExecutionRecord> {
    rig.executions.iter().filter(|r| r.client_order_id == order.client_order_id).collect()
}

#[test]
fn open_orders_come_back_with_what_befell_them_and_can_be_cancelled() {
    let state = State::new();
    let mut first = state.bench(RestartPolicy::Adopt).start();
    let open = first.place_accepted(first.resting_bid());
    let gone = first.place_accepted(first.resting_bid());
    let venue = first.into_venue();
    venue.fill_order(open.client_order_id.as_str(), decimal("0.004")).unwrap();
    venue.fill_order(gone.client_order_id.as_str(), decimal("0.01")).unwrap();

    let audit = state.0.join("audit");
    let log = AuditConfig::new(&audit);
    let mut rig = state.bench(RestartPolicy::Adopt).gateway(move |builder| builder.audit(log)).start_at(venue);
    rig.healthy();
    rig.until_true("both orders with their fills", |rig| {
        let fills = rig.executions.iter().filter(|r| r.kind == K::Fill).count();
        fills == 2 && rig.executions.iter().any(|r| r.kind == K::Filled)
    });
    let told = of(&rig, &open);
    assert_eq!(told.iter().map(|r| r.kind).collect::<Vec<_>>(), [K::OrderListed, K::Fill]);
    assert_eq!((told[0].quantity().to_string(), told[0].cumulative().to_string()), ("0.01".into(), "0.004".into()));
    assert!(told[1].has(EXECUTION_FLAG_REPLAYED) && !told[1].execution_id.is_empty());
    assert_eq!((told[1].quantity().to_string(), told[1].price().to_string()), ("0.004".into(), "50000".into()));
    let mut ended: Vec<K> = of(&rig, &gone).iter().map(|r| r.kind).collect();
    ended.sort_by_key(|kind| *kind as u8);
    assert_eq!(ended, [K::Fill, K::OrderListed, K::Filled]);

    // Like every other order: it fills, and is cancelled by the id the dead session gave it.
    rig.venue.fill_order(open.client_order_id.as_str(), decimal("0.001")).unwrap();
    let fill = rig.until("a fill", |rig| {
        rig.executions.iter().find(|r| r.kind == K::Fill && !r.has(EXECUTION_FLAG_REPLAYED)).copied()
    });
    assert_eq!((fill.quantity().to_string(), fill.cumulative().to_string()), ("0.001".into(), "0.005".into()));
    let cancel = exchange_connectors::record::OrderCommand::cancel(rig.btc.id, OrderRef::Client(open.client_order_id));
    rig.submit(cancel);
    let end = rig.wait_for_execution("the end", |r| r.kind == K::Cancelled);
    assert_eq!((end.client_order_id, end.cumulative().to_string()), (open.client_order_id, "0.005".into()));

    // A new order has an id of its own.
    let new = rig.place_accepted(rig.resting_bid());
    assert_ne!(new.client_order_id, open.client_order_id);
    rig.shutdown(Shutdown::CancelOurs, 3_000).unwrap();
    let report = verify(&[audit], Rules::default()).unwrap();
    assert_eq!(report.violations_count, 0, "{:?}", report.violations);
}

#[test]
fn swept_orders_are_over_before_anything_leaves_and_strangers_stay() {
    let state = State::new();
    let mut first = state.bench(RestartPolicy::Adopt).start();
    let ours = first.place_accepted(first.resting_bid());
    first.strangers_bid("somebody-elses-3", "40000", "0.02");
    let venue = first.into_venue();
    let mut rig = state.bench(RestartPolicy::Sweep).start_at(venue);
    rig.healthy();
    assert_eq!(rig.at_venue(&ours).unwrap().0, "CANCELLED", "before the first order could leave");
    let kinds: Vec<K> = of(&rig, &ours).iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [K::OrderListed, K::Cancelled]);
    rig.wait_for_execution("the stranger", |r| r.kind == K::StrangerOrder);
    assert_eq!(rig.venue.order("somebody-elses-3").unwrap().unwrap().1, "OPEN");
}

#[test]
fn a_kill_reaches_the_orders_of_a_dead_session() {
    let state = State::new();
    let mut first = state.bench(RestartPolicy::Adopt).start();
    let ours = first.place_accepted(first.resting_bid());
    let venue = first.into_venue();
    let mut rig = state.bench(RestartPolicy::Adopt).start_at(venue);
    rig.healthy();
    rig.gateway().kill(exchange_connectors::gateway::KillScope::Ours);
    rig.wait_for_execution("the end", |r| r.kind == K::Cancelled);
    assert_eq!(rig.at_venue(&ours).unwrap().0, "CANCELLED");
}

#[test]
fn a_second_process_is_refused_by_name_while_the_first_lives() {
    let state = State::new();
    let rig = state.bench(RestartPolicy::Adopt).start();
    let error = state.bench(RestartPolicy::Adopt).try_start_at(rig.venue.clone()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, GatewayError::State(StateError::InUse { .. })), "{error:?}");
    let process = format!("process {}", std::process::id());
    assert!(error.to_string().contains("coinbase") && error.to_string().contains(&process), "{error}");
    let venue = rig.into_venue();
    state.bench(RestartPolicy::Adopt).start_at(venue).healthy();
}

#[test]
fn with_its_state_gone_it_starts_only_if_nothing_of_ours_is_open() {
    let state = State::new();
    let mut first = state.bench(RestartPolicy::Adopt).start();
    let open = first.place_accepted(first.resting_bid());
    let venue = first.into_venue();
    std::fs::remove_dir_all(&state.0).unwrap();
    let error = state.bench(RestartPolicy::Adopt).try_start_at(venue.clone()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, GatewayError::StateMissing { open: 1, .. }), "{error:?}");
    assert!(error.to_string().contains(open.client_order_id.as_str()), "{error}");
    // Another program's prefix is nothing of ours.
    let other = state.bench(RestartPolicy::Adopt).gateway(|builder| builder.order_id_prefix("other"));
    let mut other = other.start_at(venue.clone());
    other.healthy();
    let theirs = other.place_accepted(other.resting_bid());
    assert!(theirs.client_order_id.as_str().starts_with("other-"));
    drop(other.into_venue());
    std::fs::remove_dir_all(&state.0).unwrap();
    venue.fill_order(open.client_order_id.as_str(), decimal("0.01")).unwrap();
    let mut rig = state.bench(RestartPolicy::Adopt).start_at(venue);
    rig.healthy();
    rig.watch(Duration::from_millis(100));
    assert!(of(&rig, &open).is_empty(), "it is over, and of a session nobody knows");
}
