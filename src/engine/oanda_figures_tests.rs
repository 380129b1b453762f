//! How often the account's figures are asked for after fills.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::engine::contract::{Control, Input};
use crate::engine::oanda_bench::Bench;
use crate::engine::Carrier;
use crate::venue::oanda::testing::instrument;

/// No connection is kept warm, which would ask for the figures too.
const NEVER_MS: u64 = 86_400_000;

const FIGURES: &str = "/summary";
const TOLD: &str = r#"{"account":{"balance":"2"},"lastTransactionID":"7"}"#;

/// An account whose transactions come over an open stream.
struct Account {
    bench: Bench,
    stream: ConnId,
    newest: u64,
}

impl Account {
    fn new() -> Account {
        let mut bench = Bench::new(NEVER_MS);
        bench.apply(Input::Control(Control::Instrument(Box::new(instrument(0, "EUR_USD")))));
        let slots = bench.engine.slots();
        // The two before it bring prices.
        let stream = (0..slots.len()).rfind(|index| slots[*index].carrier == Carrier::Stream).unwrap();
        let stream = ConnId(stream as u16);
        bench.apply(Input::Opened { conn: stream });
        let mut account = Account { bench, stream, newest: 7 };
        account.hear("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        account.quiet();
        account
    }

    fn hear(&mut self, wire: &str) {
        let mut plain = wire.as_bytes().to_vec();
        let (conn, bench) = (self.stream, &mut self.bench);
        let progress = bench.engine.apply(bench.now, Input::Bytes { conn, plain: &mut plain }, &mut bench.out);
        assert_eq!(progress.consumed, plain.len());
    }

    /// A fill of an order of somebody's comes over the stream.
    fn fill(&mut self) {
        self.newest += 1;
        let id = self.newest;
        let line = format!(
            r#"{{"id":"{id}","batchID":"{id}","accountID":"101-001-7654321-001","time":"2026-11-02T10:11:12.123456789Z","type":"ORDER_FILL","orderID":"5","clientOrderID":"c","instrument":"EUR_USD","units":"3","requestedUnits":"3","price":"1.2","tradeOpened":{{"tradeID":"{id}","units":"3","price":"1.2"}}}}"#
        ) + "\n";
        self.hear(&format!("{:x}\r\n{line}\r\n", line.len()));
    }

    /// What is asked at this moment, if anything.
    fn asked(&mut self) -> Option<(ConnId, String)> {
        let conn = self.bench.rest.iter().copied().find(|conn| !self.bench.out.sent[conn.index()].is_empty())?;
        let (_, target) = self.bench.request();
        Some((conn, target))
    }

    /// Lets time pass, in steps of a millisecond; gives the first question.
    fn within(&mut self, ms: u64) -> Option<(ConnId, String)> {
        for _ in 0..ms {
            if let Some(asked) = self.asked() {
                return Some(asked);
            }
            self.bench.now = self.bench.now.plus_ms(1);
            self.bench.apply(Input::Time);
        }
        self.asked()
    }

    /// Answers whatever is asked until nothing is.
    fn quiet(&mut self) {
        while let Some((conn, _)) = self.within(2_000) {
            let body =
                format!(r#"{{"account":{{}},"transactions":[],"orders":[],"lastTransactionID":"{}"}}"#, self.newest);
            self.bench.answer(conn, &body);
        }
    }

    /// The figures are asked for now.
    #[track_caller]
    fn figures(&mut self) -> ConnId {
        let (conn, target) = self.asked().expect("a question");
        assert_eq!(target, FIGURES);
        conn
    }
}

#[test]
fn the_first_fill_after_a_quiet_time_has_them_asked_at_once() {
    let mut account = Account::new();
    account.fill();
    let conn = account.figures();
    account.bench.answer(conn, TOLD);
    assert_eq!(account.within(2_000), None, "once");
    account.fill();
    account.figures();
}

#[test]
fn fills_that_follow_each_other_have_them_asked_a_few_times_in_a_second_and_once_after_the_last() {
    let mut account = Account::new();
    let (start, mut asked, mut last_fill) = (account.bench.now, Vec::new(), UnixNanos::NONE);
    // A fill each 10 ms for 2 s, answered at once; then nothing.
    for ms in 0..4_000u64 {
        if ms < 2_000 && ms % 10 == 0 {
            account.fill();
            last_fill = account.bench.now;
        }
        if let Some((conn, target)) = account.asked() {
            assert_eq!(target, FIGURES);
            asked.push(account.bench.now);
            account.bench.answer(conn, TOLD);
        }
        account.bench.now = start.plus_ms(ms + 1);
        account.bench.apply(Input::Time);
    }
    assert_eq!(asked[0], start);
    let apart: Vec<_> = asked.windows(2).map(|two| two[1].since(two[0]) / 1_000_000).collect();
    assert!(apart.iter().all(|ms| *ms == SPACING_MS), "{apart:?}");
    let last = asked[asked.len() - 1];
    assert!(last > last_fill && last.since(last_fill) <= SPACING_MS * 1_000_000, "after the last fill, and soon");
}

#[test]
fn what_was_filled_while_they_were_on_their_way_has_them_asked_again() {
    let mut account = Account::new();
    account.fill();
    let conn = account.figures();
    account.fill();
    account.bench.answer(conn, TOLD);
    let (_, target) = account.within(SPACING_MS).expect("another question");
    assert_eq!(target, FIGURES);
}

#[test]
fn a_question_that_is_not_answered_is_asked_again() {
    let mut account = Account::new();
    account.fill();
    let conn = account.figures();
    account.bench.refuse(conn, "503 Service Unavailable");
    assert_eq!(account.within(AGAIN_MS - 1), None, "after a pause");
    let (conn, target) = account.within(1).expect("again");
    assert_eq!(target, FIGURES);
    account.bench.answer(conn, TOLD);
    assert_eq!(account.within(2_000), None, "no more");
}
