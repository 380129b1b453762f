//! The engine against OANDA's REST API that a test plays: the bench that tests of several files stand on.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::contract::{ConnId, Control, Input};
use super::{Carrier, Engine, EngineConfig, OandaOrders, OandaSetup};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{StrategyId, UnixNanos};
use crate::sim::FakeOutputs;
use crate::venue::oanda::{auth, OandaEndpoints, OrderConfig, StreamConfig};

/// The account itself: its figures, its orders and the trades it holds.
pub(super) const PICTURE: &str = "";

/// An engine that knows the account up to transaction 7; the test is the REST API.
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) out: FakeOutputs,
    pub(super) now: UnixNanos,
    pub(super) rest: Vec<ConnId>,
}

impl Bench {
    pub(super) fn new(warm_every_ms: u64) -> Bench {
        let endpoints = OandaEndpoints::practice();
        let setup = OandaSetup {
            stream: endpoints.stream,
            account: auth::AccountId::new("101-001-7654321-001").unwrap(),
            token: auth::AccessToken::new("throwaway-token").unwrap().into(),
            streams: StreamConfig::default(),
            orders: Some(OandaOrders {
                rest: endpoints.rest,
                session: OrderConfig::default(),
                warm_every_ms,
                order_connections: 2,
                requests_per_second: 50,
            }),
        };
        let config = EngineConfig {
            coinbase: None,
            binance_us: None,
            oanda: Some(setup),
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker: BreakerRules::default(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 16,
        };
        let engine = Engine::new(config).unwrap();
        let slots = engine.slots();
        let rest = (0..slots.len()).filter(|i| slots[*i].carrier == Carrier::Rest).map(|i| ConnId(i as u16)).collect();
        let out = FakeOutputs::new(1, slots.len());
        let mut bench = Bench { engine, out, now: UnixNanos(1_793_613_600_000_000_000), rest };
        bench.apply(Input::Control(Control::AddStrategy(StrategyId(0))));
        for conn in bench.rest.clone() {
            bench.apply(Input::Opened { conn });
        }
        let (conn, target) = bench.request();
        assert_eq!(target, PICTURE);
        bench.answer(conn, r#"{"account":{"balance":"1"},"lastTransactionID":"7"}"#);
        assert_eq!(bench.engine.oanda.ledger.complete_to(), 7);
        bench
    }

    pub(super) fn apply(&mut self, input: Input<'_>) {
        self.engine.apply(self.now, input, &mut self.out);
    }

    /// Lets time pass until a request leaves: its connection and target.
    pub(super) fn request(&mut self) -> (ConnId, String) {
        for _ in 0..10_000 {
            if let Some(conn) = self.rest.iter().copied().find(|conn| !self.out.sent[conn.index()].is_empty()) {
                let sent = String::from_utf8(self.out.take_sent(conn)).unwrap();
                self.apply(Input::Written { conn, began: u64::MAX, total: u64::MAX });
                let target = sent.split(' ').nth(1).unwrap();
                return (conn, target.trim_start_matches("/v3/accounts/101-001-7654321-001").to_owned());
            }
            self.now = self.engine.deadline().unwrap_or(self.now).max(self.now.plus_ms(1));
            self.apply(Input::Time);
        }
        panic!("nothing is asked");
    }

    pub(super) fn answer(&mut self, conn: ConnId, body: &str) {
        self.reply(conn, "200 OK", body);
    }

    pub(super) fn refuse(&mut self, conn: ConnId, status: &str) {
        self.reply(conn, status, "");
    }

    fn reply(&mut self, conn: ConnId, status: &str, body: &str) {
        let mut wire = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        loop {
            let progress = self.engine.apply(self.now, Input::Bytes { conn, plain: &mut wire }, &mut self.out);
            wire.drain(..progress.consumed);
            if !progress.more {
                break;
            }
        }
    }
}
