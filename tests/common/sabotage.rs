//! A gateway whose reactor can be made to fail: a handler on its thread does what a test wants at the next market event.
//!
//! The same stage for every venue: a local venue with a market that moves only when told to, open orders of ours, one of a
//! stranger's, and a connection for emergencies that was rehearsed.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::common::ear::{self, hears, Ear, LOOK};
use super::common::{is_for_want_of_a_path, is_state, RootFile, PATIENCE};
use super::venues::{Local, Setup};
use exchange_connectors::gateway::{Channels, EmergencyState, Gateway, GatewayBuilder, Handler, InlineOrders};
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Instrument, MarketRecord, OrderCommand, RequestId,
    Venue,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

/// The stranger's client order id.
pub const STRANGER: &str = "somebody-else-1";

/// Does what it was made for at the first market event after it was armed.
struct Saboteur {
    armed: Arc<AtomicBool>,
    act: Box<dyn FnMut() + Send>,
}

impl Handler for Saboteur {
    fn on_market(&mut self, _: &[MarketRecord], _: &mut InlineOrders) {
        if self.armed.swap(false, Ordering::SeqCst) {
            (self.act)();
        }
    }
}

/// See the module's documentation.
pub struct Stage {
    pub local: Arc<Local>,
    pub gateway: Option<Gateway>,
    ear: Ear,
    pub traded: Arc<Instrument>,
    /// Our open orders, as they were accepted.
    pub open: Vec<ExecutionRecord>,
    armed: Arc<AtomicBool>,
    _roots: RootFile,
}

hears!(Stage);

impl Stage {
    /// With three open orders of ours and one of a stranger's.
    pub fn set(
        at: Venue,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        act: impl FnMut() + Send + 'static,
    ) -> Stage {
        let (local, _, builder, roots) = Setup::direct().prepare(at);
        let builder = change(builder.reactor_silence_ms_max(3_000));
        let armed = Arc::new(AtomicBool::new(false));
        let saboteur = Saboteur { armed: armed.clone(), act: Box::new(act) };
        let gateway = builder.start_with_handler(Box::new(saboteur)).unwrap();
        let strategy = gateway.strategy().unwrap();
        let symbol = local.symbol();
        let traded = gateway.subscribe(strategy.id(), at, symbol, Channels::NONE).unwrap();
        gateway.subscribe(gateway.inline_strategy().unwrap(), at, symbol, Channels::BOOK).unwrap();
        let (gateway, ear) = (Some(gateway), Ear::of(strategy));
        let mut stage = Stage { local, gateway, ear, traded, open: Vec::new(), armed, _roots: roots };
        stage.until("the rehearsal", |stage| stage.gateway().emergency().is_ready());
        stage.until("the account's stream", |stage| {
            stage.market.iter().any(|r| is_state(r, ConnectionRole::User, ConnectionState::Healthy))
        });
        for _ in 0..3 {
            let accepted = stage.place_accepted();
            stage.open.push(accepted);
        }
        stage.local.strangers_bid(symbol, STRANGER);
        stage
    }

    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The next market event goes wrong.
    pub fn sabotage(&self) {
        self.armed.store(true, Ordering::SeqCst);
        // One step may happen to change no book.
        let deadline = Instant::now() + PATIENCE;
        while self.armed.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "no market event came");
            self.local.step();
            std::thread::sleep(LOOK);
        }
    }

    /// A bid that rests far below the market.
    pub fn bid(&self) -> OrderCommand {
        self.local.bid(&self.traded)
    }

    pub fn submit(&mut self) -> RequestId {
        let bid = self.bid();
        self.strategy.orders.submit(bid).unwrap()
    }

    /// Places a bid; what is refused for want of a token or a connection is submitted again.
    pub fn place_accepted(&mut self) -> ExecutionRecord {
        loop {
            let request = self.submit();
            let first = self.until_some("an answer", |stage| stage.first(request, |_| true));
            if !is_for_want_of_a_path(&first) {
                assert_eq!(first.kind, ExecutionKind::Accepted, "{first:?}");
                return first;
            }
        }
    }

    pub fn first(&self, request: RequestId, is: impl Fn(&ExecutionRecord) -> bool) -> Option<ExecutionRecord> {
        self.executions.iter().find(|r| r.request == request && is(r)).copied()
    }

    /// How the emergency stands.
    pub fn state(&self) -> EmergencyState {
        self.gateway().emergency().of(self.local.venue()).unwrap().clone()
    }

    /// Every order of ours is cancelled at the venue, and the stranger's is open.
    #[track_caller]
    pub fn assert_only_ours_were_cancelled(&self) {
        for order in &self.open {
            let id = order.client_order_id.as_str();
            let state = self.local.state_of(id);
            assert!(matches!(state, Some("CANCELLED" | "CANCELED")), "{id}: {state:?}");
        }
        assert!(self.local.holds(STRANGER), "{:?}", self.local.state_of(STRANGER));
    }

    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Stage) -> bool) {
        self.until_some(what, |stage| is_so(stage).then_some(()));
    }

    #[track_caller]
    pub fn until_some<T>(&mut self, what: &str, mut found: impl FnMut(&Stage) -> Option<T>) -> T {
        ear::until(self, what, |stage| found(stage))
    }
}
