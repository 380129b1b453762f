//! What the engine asks the account after a transaction that cannot be read.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::engine::contract::{Control, Input};
use crate::engine::{Carrier, EngineConfig};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::StrategyId;
use crate::sim::FakeOutputs;
use crate::venue::oanda::{auth, OandaEndpoints, OrderConfig, StreamConfig};

/// An engine that knows the account up to transaction 7; the test is the REST API.
struct Bench {
    engine: Engine,
    out: FakeOutputs,
    now: UnixNanos,
    rest: Vec<ConnId>,
}

impl Bench {
    fn new() -> Bench {
        let endpoints = OandaEndpoints::practice();
        let setup = OandaSetup {
            stream: endpoints.stream,
            account: auth::AccountId::new("101-001-7654321-001").unwrap(),
            token: auth::AccessToken::new("throwaway-token").unwrap().into(),
            streams: StreamConfig::default(),
            orders: Some(OandaOrders {
                rest: endpoints.rest,
                session: OrderConfig::default(),
                warm_every_ms: 1_000,
                order_connections: 1,
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

    fn apply(&mut self, input: Input<'_>) {
        self.engine.apply(self.now, input, &mut self.out);
    }

    /// Lets time pass until a request leaves: its connection and target.
    fn request(&mut self) -> (ConnId, String) {
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

    fn answer(&mut self, conn: ConnId, body: &str) {
        let mut wire = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        loop {
            let progress = self.engine.apply(self.now, Input::Bytes { conn, plain: &mut wire }, &mut self.out);
            wire.drain(..progress.consumed);
            if !progress.more {
                break;
            }
        }
    }

    /// Answers what is asked until the history is, which the newest transaction's number leads to.
    fn until_history(&mut self, last: u64) -> ConnId {
        for _ in 0..100 {
            let (conn, target) = self.request();
            if target == "/transactions/sinceid?id=7" {
                return conn;
            }
            self.answer(conn, &format!(r#"{{"account":{{}},"lastTransactionID":"{last}"}}"#));
        }
        panic!("the history is not asked");
    }
}

/// The account itself: its figures, its orders and the trades it holds.
const PICTURE: &str = "";

#[test]
fn a_transaction_that_cannot_be_read_has_the_account_asked_again() {
    // A fill of nobody's order, and one that is no transaction at all.
    for row in [r#""type":"ORDER_FILL""#, r#""type":[]"#] {
        let mut bench = Bench::new();
        let conn = bench.until_history(8);
        bench.answer(conn, &format!(r#"{{"transactions":[{{"id":"8",{row}}}],"lastTransactionID":"8"}}"#));
        assert!(bench.engine.oanda.ledger.is_complete(), "{row}: it does not come again");
        let (conn, target) = bench.request();
        assert_eq!(target, PICTURE, "{row}: what is held is asked of the account");
        bench.answer(conn, r#"{"account":{"trades":[]},"lastTransactionID":"8"}"#);
        for _ in 0..5 {
            let (conn, target) = bench.request();
            assert_ne!(target, PICTURE, "{row}: once");
            bench.answer(conn, r#"{"account":{},"lastTransactionID":"8"}"#);
        }
    }
}

#[test]
fn a_transaction_that_was_read_has_nothing_asked_again() {
    let mut bench = Bench::new();
    let conn = bench.until_history(8);
    bench.answer(conn, r#"{"transactions":[{"id":"8","type":"CLIENT_CONFIGURE"}],"lastTransactionID":"8"}"#);
    for _ in 0..5 {
        let (conn, target) = bench.request();
        assert_ne!(target, PICTURE);
        bench.answer(conn, r#"{"account":{},"lastTransactionID":"8"}"#);
    }
}
