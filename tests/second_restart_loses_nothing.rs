//! Whatever dies between two sessions that trade, and however late an instrument is subscribed to: what was executed is told,
//! and what is taken back is tradable.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::scratch::Scratch;
use common::{is_for_want_of_a_path, PATIENCE};
use exchange_connectors::gateway::{Channels, Gateway, GatewayBuilder, RestartPolicy, Strategy};
use exchange_connectors::record::{
    ClientOrderId, ConnectionRole, ConnectionState, ExecutionKind as K, ExecutionRecord, Venue, View,
    EXECUTION_FLAG_REPLAYED,
};
use exchange_connectors::sim::server::{Fault, FaultRule, Response};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use venues::{at_every_venue, Local, Setup};

/// The stamp of the account's lock.
fn stamp(state: &Scratch) -> SystemTime {
    let files = std::fs::read_dir(&state.path).unwrap().map(|entry| entry.unwrap().path());
    let lock = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "lock")).unwrap();
    std::fs::metadata(lock).unwrap().modified().unwrap()
}

/// A gateway with one strategy, which has subscribed to nothing yet.
struct Session {
    gateway: Gateway,
    strategy: Strategy,
    local: Arc<Local>,
    executions: Vec<ExecutionRecord>,
}

impl Session {
    /// Started, and its venue reconciled.
    fn start(local: &Arc<Local>, builder: &GatewayBuilder) -> Session {
        let gateway = builder.clone().start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let mut session = Session { gateway, strategy, local: local.clone(), executions: vec![] };
        let (mut user, mut orders) = (false, false);
        session.until("order entry", |session| {
            while let Some(record) = session.strategy.market.pop() {
                let View::State(now) = record.view() else { continue };
                user |= (now.role, now.state) == (ConnectionRole::User, ConnectionState::Healthy);
                orders |= now.role == ConnectionRole::Orders && now.open == now.wanted;
            }
            (user && orders).then_some(())
        });
        session
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut done: impl FnMut(&mut Session) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(record) = self.strategy.executions.pop() {
                self.executions.push(record);
            }
            if let Some(found) = done(self) {
                return found;
            }
            let at = self.local.venue();
            assert!(Instant::now() < deadline, "{at}: {what} did not come; executions: {:#?}", self.executions);
            self.strategy.wait(Duration::from_millis(2));
        }
    }

    /// Subscribes, and places a bid that rests, as soon as there is a connection for it.
    #[track_caller]
    fn place_accepted(&mut self) -> ClientOrderId {
        let (at, id) = (self.local.venue(), self.strategy.id());
        let traded = self.gateway.subscribe(id, at, self.local.symbol(), Channels::NONE).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.strategy.orders.submit(self.local.bid(&traded)).unwrap();
            let first = self.until("the first record", |session| {
                session.executions.iter().find(|record| record.request == request).copied()
            });
            if !is_for_want_of_a_path(&first) || Instant::now() >= deadline {
                assert_eq!(first.kind, K::Accepted, "{at}: {first:?}");
                return first.client_order_id;
            }
            self.strategy.wait(Duration::from_millis(5));
        }
    }

    fn told(&self, order: &ClientOrderId) -> Vec<&ExecutionRecord> {
        self.executions.iter().filter(|record| record.client_order_id == *order).collect()
    }
}

#[test]
fn at_every_venue_and_after_any_number_of_deaths() {
    at_every_venue(|at| {
        let (local, _, builder, _roots) = Setup::direct().prepare(at);
        let state = Scratch::new("second-restart");
        let builder = builder.state_directory(&state.path);

        let mut first = Session::start(&local, &builder);
        let gone = first.place_accepted();
        drop(first);
        let told_until = stamp(&state);
        for part in local.parts() {
            local.fill(gone.as_str(), part);
        }
        // One that dies before it reconciled: its reactor never turns.
        for _ in 0..2 {
            drop(builder.clone().build().unwrap());
            assert_eq!(stamp(&state), told_until, "{at}: it told nothing");
        }

        // No order is open, so that nothing makes the instrument known before somebody subscribes.
        let mut second = Session::start(&local, &builder);
        assert!(second.told(&gone).is_empty(), "{at}");
        let open = second.place_accepted();
        second.until("what befell the order of the first session", |session| {
            let kinds = |kind| session.told(&gone).iter().filter(|record| record.kind == kind).count();
            (kinds(K::OrderListed) == 1 && kinds(K::Filled) == 1 && kinds(K::Fill) == local.parts().len()).then_some(())
        });
        let fills = second.told(&gone).into_iter().filter(|record| record.kind == K::Fill);
        assert!(fills.into_iter().all(|fill| fill.has(EXECUTION_FLAG_REPLAYED)), "{at}");
        drop(second);
        assert!(stamp(&state) > told_until, "{at}: it told everything");

        // What trades is known by the open order; new orders of it leave all the same.
        let mut third = Session::start(&local, &builder);
        third.until("the order that is taken back", |session| {
            session.told(&open).iter().any(|record| record.kind == K::OrderListed).then_some(())
        });
        third.place_accepted();
    });
}

/// What a venue is asked about an instrument.
fn product_path(at: Venue) -> &'static str {
    match at {
        Venue::Coinbase => "/api/v3/brokerage/market/products/*",
        Venue::BinanceUs => "/api/v3/exchangeInfo",
        Venue::Oanda => "/v3/accounts/101-001-7654321-001/instruments",
    }
}

#[test]
fn an_order_whose_instrument_cannot_be_read_keeps_no_start_waiting_and_is_swept() {
    at_every_venue(|at| {
        let (local, _, builder, _roots) = Setup::direct().prepare(at);
        let state = Scratch::new("second-restart");
        let builder = builder.state_directory(&state.path).restart(RestartPolicy::Sweep);
        let mut first = Session::start(&local, &builder);
        let open = first.place_accepted();
        drop(first);

        let broken = Fault::Reply(Response::text(500, "for the test"));
        local.inject(FaultRule::next("GET", product_path(at), broken).times(u32::MAX));
        let mut second = Session::start(&local, &builder);
        assert!(!local.holds(open.as_str()), "{at}: before the first order could leave");
        second.until("the report", |session| {
            session.told(&open).iter().any(|record| record.kind == K::StrangerOrder).then_some(())
        });
        local.clear_faults();
        second.place_accepted();
    });
}
