//! Any local venue, and a gateway to it, behind one set of names: what a fault test shows, it shows for every venue.
//!
//! [`Local`] is a venue, [`Rig`] a gateway to it with one strategy and all it was told. By [`Setup::canned`] the REST API
//! is cans: what no can answers, the local venue's model answers, past all sockets. By [`Setup::start_everywhere`] one
//! gateway serves all three venues, and the rig speaks of one of them at a time.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_imports)]

mod books;
mod everywhere;
mod local;
mod start;

use super::canned::{Canned, Fallback};
use super::common::ear::{self, hears, speaks, Ear};
use super::common::{self, fast_rules, is_for_want_of_a_path, RootFile, PATIENCE};
pub use everywhere::rest_at;
use exchange_connectors::gateway::{BreakerRules, Channels, Gateway, GatewayBuilder, Idle};
use exchange_connectors::order::ReconcileRules;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, GuardEvent, Instrument, OrderCommand, OrderRef,
    RequestId, Venue, View, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_RECONCILED,
};
pub use local::{Levels, Local};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many gateways to a venue a test that needs many of them has at a time.
pub const GATEWAYS_AT_A_TIME: usize = 4;

/// More requests in a second than any test makes.
pub const UNLIMITED: usize = 256;

/// The same at every venue at once.
pub fn at_every_venue(show: impl Fn(Venue) + Sync) {
    std::thread::scope(|scope| {
        let shown = Local::ALL.map(|at| {
            (
                at,
                scope.spawn({
                    let show = &show;
                    move || show(at)
                }),
            )
        });
        for (at, shown) in shown {
            assert!(shown.join().is_ok(), "at {at}");
        }
    });
}

/// These in parts, each part against a gateway of its own, a few at a time. A connection that fails is dialled again later:
/// there is a fresh one for each of them. Doubts that follow each other closely ask more than our own rate limit lets.
pub fn in_parts<T: Sync>(setup: Setup, at: Venue, all: &[T], show: impl Fn(&mut Rig, &T) + Sync) {
    std::thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(GATEWAYS_AT_A_TIME)) {
            let (show, setup) = (&show, setup.clone());
            scope.spawn(move || {
                let (order_connections, requests_per_second) = (part.len() + 1, Some(UNLIMITED));
                let mut rig = Setup { order_connections, requests_per_second, ..setup }.start(at);
                part.iter().for_each(|one| show(&mut rig, one));
            });
        }
    });
}

/// How a [`Rig`] is set up.
#[derive(Clone)]
pub struct Setup {
    /// A reply that takes longer is none, ms.
    pub reply_timeout_ms: u64,
    pub order_connections: usize,
    /// Connections for orders that carry many, where the venue has them; over REST if 0.
    pub api_connections: usize,
    /// Requests the engine may make in a second, where they are counted so; as configured by default if `None`.
    pub requests_per_second: Option<usize>,
    pub reconcile: ReconcileRules,
    pub breaker: BreakerRules,
    pub query_timeout_ms: u64,
    pub channels: Channels,
    /// Idle connections are used this often, ms; as configured by default if `None`.
    pub warm_every_ms: Option<u64>,
    /// At OANDA the engine asks the account what queries ask, too: it does not if it may not trade.
    pub trades: bool,
    /// The account holds dollars and nothing else.
    pub dollars_only: bool,
    /// A stream that says nothing for so long is left, ms; the venues speak at least five times as often, but for Coinbase,
    /// whose heartbeats come each second. As it is by default if `None`.
    pub silence_ms: Option<u64>,
    /// See [`Setup::canned`].
    pub canned: bool,
}

impl Setup {
    /// Fast reconciliation, no limits, and a breaker that never opens: what fails, fails for itself.
    pub fn direct() -> Setup {
        let never = u32::MAX;
        Setup {
            reply_timeout_ms: 400,
            order_connections: common::ORDER_CONNECTIONS,
            api_connections: 0,
            requests_per_second: None,
            reconcile: fast_rules(),
            breaker: BreakerRules {
                outcomes_min: never,
                timeouts_max: never,
                server_errors_max: never,
                ..BreakerRules::default()
            },
            // A question may wait for a connection: OANDA lets two be opened in a second.
            query_timeout_ms: 5_000,
            channels: Channels::NONE,
            warm_every_ms: None,
            trades: true,
            dollars_only: false,
            silence_ms: None,
            canned: false,
        }
    }

    /// The same, the REST API being cans.
    pub fn canned() -> Setup {
        Setup { canned: true, ..Setup::direct() }
    }

    /// The venue, the cans, and the gateway's configuration.
    pub fn prepare(&self, at: Venue) -> (Arc<Local>, Option<Canned>, GatewayBuilder, RootFile) {
        common::logs();
        let local = Arc::new(Local::start_for(at, self));
        let canned = self.canned.then(|| {
            let model = local.clone();
            Canned::before(Fallback::new(move |request| model.serve(request)))
        });
        let roots = canned.as_ref().map_or("", |canned| &canned.ca_pem);
        let roots = RootFile::write(&format!("{}{roots}", local.ca_pem()));
        let rest = canned.as_ref().map(Canned::url);
        let builder = local.configure(self.builder(&roots), rest.as_deref(), self);
        (local, canned, builder, roots)
    }

    /// A gateway's configuration without any venue.
    fn builder(&self, roots: &RootFile) -> GatewayBuilder {
        GatewayBuilder::default()
            .without_limits()
            .without_state()
            .idle(Idle::Block)
            .reconcile(self.reconcile)
            .breaker(self.breaker)
            .query_timeout_ms(self.query_timeout_ms)
            // Its listings would be counted, and meet the faults, that tests mean for the engine's.
            .without_reactor_watch()
            .root_certificates(&roots.path)
    }

    /// Starts everything and waits until orders may leave.
    pub fn start(self, at: Venue) -> Rig {
        self.start_by(at, |builder| builder)
    }

    /// The same with a gateway of another kind.
    pub fn start_by(self, at: Venue, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Rig {
        let (local, canned, builder, roots) = self.prepare(at);
        let gateway = change(builder).start().unwrap();
        let strategy = gateway.strategy().unwrap();
        let traded = gateway.subscribe(strategy.id(), at, local.symbol(), self.channels).unwrap();
        let (ear, others) = (Ear::of(strategy), vec![]);
        let mut rig = Rig { gateway, ear, traded, canned, local, others, _roots: roots };
        rig.healthy();
        rig
    }
}

/// A venue, a gateway to it, one strategy and all it was told. Of a gateway to several venues: the one that is spoken of.
pub struct Rig {
    pub gateway: Gateway,
    ear: Ear,
    pub traded: Arc<Instrument>,
    canned: Option<Canned>,
    pub local: Arc<Local>,
    /// The venues that are not spoken of now, and what is traded there.
    others: Vec<(Arc<Local>, Arc<Instrument>)>,
    _roots: RootFile,
}

hears!(Rig);
speaks!(Rig);

impl Rig {
    pub fn canned(&self) -> &Canned {
        self.canned.as_ref().expect("a setup with cans")
    }

    /// Takes records until `done` says so; fails the test after [`PATIENCE`].
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, done: impl FnMut(&mut Rig) -> Option<T>) -> T {
        ear::until(self, what, done)
    }

    /// How connections of a role to the venue that is spoken of stand, as last told.
    pub fn state(&self, of: ConnectionRole) -> Option<ConnectionState> {
        self.market.iter().rev().find_map(|record| match record.view() {
            View::State(now) if now.role == of && now.venue == self.local.venue() => Some(now.state),
            _ => None,
        })
    }

    /// Waits until the venue that is spoken of takes every command.
    #[track_caller]
    pub fn healthy(&mut self) {
        let venue = self.local.venue();
        self.until_ready(venue);
    }

    /// A good-til-cancelled bid that rests far below the market.
    pub fn resting_bid(&self) -> OrderCommand {
        self.local.bid(&self.traded)
    }

    pub fn cancel_of(&self, order: RequestId) -> OrderCommand {
        OrderCommand::cancel(self.traded.id, OrderRef::Request(order))
    }

    /// [`Rig::place_order`] of a resting bid.
    #[track_caller]
    pub fn place(&mut self) -> ExecutionRecord {
        self.place_order(self.resting_bid())
    }

    /// Submits an order until it leaves: what is refused here for want of a token or a connection is submitted again, as
    /// the refusal says. Gives its first record.
    #[track_caller]
    pub fn place_order(&mut self, order: OrderCommand) -> ExecutionRecord {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.submit(order);
            let first = self.first(request);
            if !is_for_want_of_a_path(&first) || Instant::now() > deadline {
                return first;
            }
            self.strategy.wait(Duration::from_millis(1));
        }
    }

    /// Places a resting bid and waits until it is accepted.
    #[track_caller]
    pub fn place_accepted(&mut self) -> ExecutionRecord {
        let first = self.place();
        assert_eq!(first.kind, ExecutionKind::Accepted, "{first:?}");
        first
    }

    /// Waits for the first record of a request.
    #[track_caller]
    pub fn first(&mut self, request: RequestId) -> ExecutionRecord {
        self.until("the first record", |rig| rig.executions.iter().find(|r| r.request == request).copied())
    }

    /// Waits for news of a guard.
    #[track_caller]
    pub fn guard(&mut self, event: GuardEvent) -> ExecutionRecord {
        self.until(&format!("{event:?}"), |rig| {
            let here = |r: &&ExecutionRecord| r.kind == ExecutionKind::Guard && r.venue == rig.local.venue();
            rig.executions.iter().filter(here).find(|r| r.guard == event).copied()
        })
    }

    /// Waits until an order whose answer nobody can believe is proven to live, and gives the kinds of its records. OANDA
    /// names its newest transaction in every heartbeat: there it may be told of before the answer is given up, and is never
    /// Unknown.
    #[track_caller]
    pub fn accepted_in_doubt(&mut self, request: RequestId) -> (ExecutionRecord, Vec<ExecutionKind>) {
        let accepted = self.expect(request, ExecutionKind::Accepted);
        let (told, at) = (self.law(request), self.local.venue());
        let proof = match told.as_slice() {
            [ExecutionKind::Unknown, ExecutionKind::Accepted] => EXECUTION_FLAG_RECONCILED,
            [ExecutionKind::Accepted] if at == Venue::Oanda => EXECUTION_FLAG_IMPLIED,
            other => panic!("{at}: {other:?}"),
        };
        let both = EXECUTION_FLAG_RECONCILED | EXECUTION_FLAG_IMPLIED;
        assert_eq!(accepted.flags & both, proof, "{at}: by a listing, not by the answer: {accepted:?}");
        (accepted, told)
    }

    /// A part of an order that rests trades, the rest is cancelled; where orders trade whole, all of it trades. Waits for
    /// the end, and gives the kinds of the records that makes.
    #[track_caller]
    pub fn trade_to_the_end(&mut self, order: &ExecutionRecord) -> [ExecutionKind; 2] {
        let parts = self.local.parts();
        self.local.fill(order.client_order_id.as_str(), parts[0]);
        if parts.len() == 1 {
            self.expect(order.request, ExecutionKind::Filled);
            return [ExecutionKind::Fill, ExecutionKind::Filled];
        }
        self.expect(order.request, ExecutionKind::Fill);
        self.cancel(order.request);
        [ExecutionKind::Fill, ExecutionKind::Cancelled]
    }

    /// Cancels an order and waits for the end.
    #[track_caller]
    pub fn cancel(&mut self, request: RequestId) {
        self.submit(self.cancel_of(request));
        self.expect(request, ExecutionKind::Cancelled);
    }
}
