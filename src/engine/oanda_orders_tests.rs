//! What the engine asks the account after a transaction that cannot be read.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::engine::oanda_bench::{Bench, PICTURE};

/// Connections are kept warm this often, ms.
const WARM_EVERY_MS: u64 = 1_000;

/// Answers what is asked until the history is, which the newest transaction's number leads to.
fn until_history(bench: &mut Bench, last: u64) -> ConnId {
    for _ in 0..100 {
        let (conn, target) = bench.request();
        if target == "/transactions/sinceid?id=7" {
            return conn;
        }
        bench.answer(conn, &format!(r#"{{"account":{{}},"lastTransactionID":"{last}"}}"#));
    }
    panic!("the history is not asked");
}

#[test]
fn a_transaction_that_cannot_be_read_has_the_account_asked_again() {
    // A fill of nobody's order, and one that is no transaction at all.
    for row in [r#""type":"ORDER_FILL""#, r#""type":[]"#] {
        let mut bench = Bench::new(WARM_EVERY_MS);
        let conn = until_history(&mut bench, 8);
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
    let mut bench = Bench::new(WARM_EVERY_MS);
    let conn = until_history(&mut bench, 8);
    bench.answer(conn, r#"{"transactions":[{"id":"8","type":"CLIENT_CONFIGURE"}],"lastTransactionID":"8"}"#);
    for _ in 0..5 {
        let (conn, target) = bench.request();
        assert_ne!(target, PICTURE);
        bench.answer(conn, r#"{"account":{},"lastTransactionID":"8"}"#);
    }
}
