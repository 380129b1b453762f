//! Histories that may be told verify, whichever they are; and what may not be told is found, whatever surrounds it. All of
//! them go through the real lines and back.

use super::super::escape::Object;
use super::super::line;
use super::super::thread::Names;
use super::read::lines_in;
use super::run::Run;
use super::{Report, Rules};
use crate::record::{
    AssetId, AuditCall, AuditEntry, CallEnd, CallId, CallOutcome, CallStep, Caller, ClientOrderId, ExecutionId,
    ExecutionKind as K, ExecutionRecord, GuardEvent, Instrument, InstrumentId, LossPlace, OrderCommand, OrderRef,
    RequestId, Side, StrategyId, UnixNanos, Venue, VenueOrderId, EXECUTION_FLAG_IMPLIED, EXECUTION_FLAG_LATE,
    EXECUTION_FLAG_RECONCILED,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

const NOW: UnixNanos = UnixNanos(1_790_000_000_000_000_000);
const BTC: InstrumentId = InstrumentId(0);

struct Nobody;

impl Names for Nobody {
    fn instrument(&self, _: InstrumentId) -> Option<Arc<Instrument>> {
        None
    }

    fn asset(&self, _: AssetId) -> Option<String> {
        None
    }
}

/// The lines of a run of these entries, from beginning to end.
fn log(entries: &[AuditEntry]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |members: &dyn Fn(&mut Object<'_>)| {
        let mut bytes = Vec::new();
        let mut object = Object::begin(&mut bytes);
        object.number("seq", lines.len() as u64 + 1);
        members(&mut object);
        object.end_line();
        lines.push(String::from_utf8(bytes).unwrap());
    };
    line(&|object| {
        object.number("ns", NOW.0);
        object.text("kind", "part");
        object.number("run", 1);
        object.number("part", 1);
    });
    for entry in entries {
        line(&|object| line::entry(object, entry, &Nobody));
    }
    line(&|object| {
        object.number("ns", NOW.0);
        object.text("kind", "end");
    });
    lines
}

fn check(lines: &[String], rules: Rules) -> Report {
    let mut report = Report::default();
    let mut run = Run::default();
    for line in lines_in(lines.concat().into_bytes(), Path::new("audit.jsonl")).unwrap() {
        run.line(&mut report, rules, &line);
    }
    run.end(&mut report, rules);
    report
}

fn report(entries: &[AuditEntry]) -> Report {
    check(&log(entries), Rules::default())
}

#[track_caller]
fn assert_found(entries: &[AuditEntry], what: &str) {
    let report = report(entries);
    let found = report.violations.iter().any(|violation| violation.what.contains(what));
    assert!(found, "{what:?} was not found: {report}");
}

fn request(number: u64) -> RequestId {
    RequestId::new(StrategyId(1), number)
}

fn place(number: u64) -> AuditEntry {
    let command = OrderCommand::limit(BTC, Side::Buy, 1, 100).stamped(request(number), NOW);
    AuditEntry::Command { at: NOW, venue: Some(Venue::Coinbase), command }
}

fn cancel(number: u64, of: u64) -> AuditEntry {
    let command = OrderCommand::cancel(BTC, OrderRef::Request(request(of))).stamped(request(number), NOW);
    AuditEntry::Command { at: NOW, venue: Some(Venue::Coinbase), command }
}

fn told(number: u64, kind: K) -> ExecutionRecord {
    let mut record = ExecutionRecord::new(kind, Venue::Coinbase, BTC);
    (record.request, record.recv) = (request(number), NOW);
    record.client_order_id = ClientOrderId::new(&format!("xc-{number}")).unwrap();
    record.venue_order_id = VenueOrderId::new(&format!("v-{number}")).unwrap();
    record
}

fn event(number: u64, kind: K, flags: u8, quantity: i64, cumulative: i64) -> AuditEntry {
    let mut record = told(number, kind);
    (record.flags, record.last_quantity, record.cumulative_quantity) = (flags, quantity, cumulative);
    AuditEntry::Execution(record)
}

fn plain(number: u64, kind: K) -> AuditEntry {
    event(number, kind, 0, 0, 0)
}

fn sent(call: u64, number: u64) -> AuditEntry {
    let call = CallId { caller: Caller::Engine, number: call };
    let about = AuditCall::new(NOW, call, Venue::Coinbase, "place", CallStep::Sent);
    AuditEntry::Call(AuditCall {
        request: request(number),
        client_order_id: ClientOrderId::new(&format!("xc-{number}")).unwrap(),
        ..about
    })
}

fn ended(call: u64) -> AuditEntry {
    let call = CallId { caller: Caller::Engine, number: call };
    let end = CallEnd::without_answer(CallOutcome::Answered, 5_000);
    AuditEntry::Call(AuditCall::new(NOW, call, Venue::Coinbase, "place", CallStep::Ended(end)))
}

/// How an order goes.
#[derive(Debug, Clone)]
struct Life {
    unknowns: usize,
    lives: bool,
    implied: bool,
    fills: Vec<i64>,
    cancel: Option<bool>,
    end: Option<K>,
    late: Vec<i64>,
}

prop_compose! {
    fn lives()(
        unknowns in 0usize..3,
        lives in prop::bool::weighted(0.8),
        implied: bool,
        fills in prop::collection::vec(0i64..5, 0..4),
        cancel in prop::option::of(any::<bool>()),
        end in prop::option::of(prop::sample::select(vec![K::Filled, K::Cancelled, K::Expired])),
        late in prop::collection::vec(1i64..5, 0..3),
    ) -> Life {
        Life { unknowns, lives, implied, fills, cancel, end, late }
    }
}

/// What is told of it, in order. The order's number is `number`, its cancel's the next.
fn history(number: u64, life: &Life) -> Vec<AuditEntry> {
    let mut entries = vec![place(number), sent(number, number)];
    entries.extend((0..life.unknowns).map(|_| plain(number, K::Unknown)));
    let settled = if life.unknowns > 0 { EXECUTION_FLAG_RECONCILED } else { 0 };
    if !life.lives {
        entries.extend([event(number, K::Rejected, settled, 0, 0), ended(number)]);
        return entries;
    }
    let implied = if life.implied && settled == 0 { EXECUTION_FLAG_IMPLIED } else { settled };
    entries.extend([event(number, K::Accepted, implied, 0, 0), ended(number)]);
    let mut cumulative = 0;
    for (index, fill) in life.fills.iter().enumerate() {
        cumulative += fill;
        entries.push(event(number, K::Fill, 0, *fill, cumulative));
        let mut detail = told(number, K::FillDetail);
        detail.execution_id = ExecutionId::new(&format!("x-{index}")).unwrap();
        detail.cumulative_quantity = cumulative;
        entries.push(AuditEntry::Execution(detail));
    }
    if let Some(refused) = life.cancel {
        entries.push(cancel(number + 1, number));
        if refused || life.end.is_none() {
            let mut answer = told(number, K::CancelRejected);
            (answer.request, answer.cumulative_quantity) = (request(number + 1), cumulative);
            entries.push(AuditEntry::Execution(answer));
        }
    }
    let Some(end) = life.end else { return entries };
    entries.push(event(number, end, 0, 0, cumulative));
    for fill in &life.late {
        cumulative += fill;
        entries.push(event(number, K::Fill, EXECUTION_FLAG_LATE, *fill, cumulative));
    }
    entries
}

/// All histories at once, each in its own order; `turns` says whose turn it is.
fn interleaved(lives: &[Life], turns: &[usize]) -> Vec<AuditEntry> {
    let mut waiting: Vec<_> =
        lives.iter().enumerate().map(|(i, life)| history(10 * i as u64 + 1, life).into_iter()).collect();
    let mut entries = Vec::new();
    for turn in turns {
        let count = waiting.len();
        entries.extend(waiting[turn % count].next());
    }
    entries.extend(waiting.into_iter().flatten());
    entries
}

/// Something nobody may tell.
#[derive(Debug, Clone, Copy)]
enum Forgery {
    AnswerDropped,
    AcceptedTwice,
    RejectedAfterAccepted,
    ReconciledUnflagged,
    EndTwice,
    FillAfterEnd,
    CumulativeOff,
    FillDropped,
    SentTwice,
    CommandForged,
}

/// A clean log with something forged into it; `None` where it holds no place for it.
fn forged(mut entries: Vec<AuditEntry>, forgery: Forgery) -> Option<Vec<AuditEntry>> {
    let is = |entry: &AuditEntry, kind: K| matches!(entry, AuditEntry::Execution(record) if record.kind == kind);
    let ends = |entry: &AuditEntry| matches!(entry, AuditEntry::Execution(r) if r.kind.is_terminal());
    let find = |wanted: &dyn Fn(&AuditEntry) -> bool| entries.iter().position(wanted);
    match forgery {
        Forgery::AnswerDropped => {
            let answer = |e: &AuditEntry| is(e, K::Accepted) || is(e, K::Rejected);
            let at = find(&answer)?;
            entries.remove(at);
        }
        Forgery::AcceptedTwice => {
            let at = find(&|e| is(e, K::Accepted))?;
            entries.insert(at, entries[at]);
        }
        Forgery::RejectedAfterAccepted => {
            let at = find(&|e| is(e, K::Accepted))?;
            let AuditEntry::Execution(mut record) = entries[at] else { return None };
            record.kind = K::Rejected;
            entries.insert(at + 1, AuditEntry::Execution(record));
        }
        Forgery::ReconciledUnflagged => {
            let flagged = |e: &AuditEntry| matches!(e, AuditEntry::Execution(r) if r.has(EXECUTION_FLAG_RECONCILED));
            let at = find(&flagged)?;
            let AuditEntry::Execution(record) = &mut entries[at] else { return None };
            record.flags = 0;
        }
        Forgery::EndTwice => {
            let at = find(&ends)?;
            entries.insert(at, entries[at]);
        }
        Forgery::FillAfterEnd => {
            let late = |e: &AuditEntry| matches!(e, AuditEntry::Execution(r) if r.has(EXECUTION_FLAG_LATE));
            let at = find(&late)?;
            let AuditEntry::Execution(record) = &mut entries[at] else { return None };
            record.flags = 0;
        }
        Forgery::CumulativeOff => {
            let at = find(&|e| is(e, K::Fill))?;
            let AuditEntry::Execution(record) = &mut entries[at] else { return None };
            record.cumulative_quantity += 1;
        }
        Forgery::FillDropped => {
            let moves =
                |e: &AuditEntry| matches!(e, AuditEntry::Execution(r) if r.kind == K::Fill && r.last_quantity > 0);
            let at = find(&moves)?;
            let AuditEntry::Execution(fill) = entries[at] else { return None };
            // Without a record behind it, nothing shows that a fill is missing.
            let measured = |e: &AuditEntry| matches!(e, AuditEntry::Execution(r) if r.request == fill.request && (r.kind == K::Fill || r.kind.is_terminal()));
            entries[at + 1..].iter().position(measured)?;
            entries.remove(at);
        }
        Forgery::SentTwice => {
            let at = find(&|e| matches!(e, AuditEntry::Call(AuditCall { step: CallStep::Sent, .. })))?;
            let AuditEntry::Call(mut call) = entries[at] else { return None };
            call.call.number += 1_000;
            entries.push(AuditEntry::Call(call));
        }
        Forgery::CommandForged => {
            let at = find(&|e| matches!(e, AuditEntry::Command { .. }))?;
            entries.remove(at);
        }
    }
    Some(entries)
}

const FORGERIES: [Forgery; 10] = [
    Forgery::AnswerDropped,
    Forgery::AcceptedTwice,
    Forgery::RejectedAfterAccepted,
    Forgery::ReconciledUnflagged,
    Forgery::EndTwice,
    Forgery::FillAfterEnd,
    Forgery::CumulativeOff,
    Forgery::FillDropped,
    Forgery::SentTwice,
    Forgery::CommandForged,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_history_that_may_be_told_verifies(
        lives in prop::collection::vec(lives(), 1..6),
        turns in prop::collection::vec(0usize..6, 0..60),
    ) {
        let report = report(&interleaved(&lives, &turns));
        prop_assert!(report.is_clean(), "{}", report);
        prop_assert_eq!(report.orders, lives.len() as u64);
    }

    #[test]
    fn every_forgery_is_found(
        lives in prop::collection::vec(lives(), 1..6),
        turns in prop::collection::vec(0usize..6, 0..60),
        forgery in prop::sample::select(FORGERIES.to_vec()),
    ) {
        if let Some(entries) = forged(interleaved(&lives, &turns), forgery) {
            prop_assert!(!report(&entries).is_clean(), "{:?} was not found in {:#?}", forgery, log(&entries));
        }
    }

    #[test]
    fn every_missing_or_repeated_line_is_found(
        lives in prop::collection::vec(lives(), 1..4),
        at: prop::sample::Index,
        repeated: bool,
    ) {
        let mut lines = log(&interleaved(&lives, &[]));
        // The first line may be missing: then the log begins later. A missing last line is a run without an end.
        let at = 1 + at.index(lines.len() - 1);
        if repeated { lines.insert(at, lines[at].clone()) } else { lines.remove(at); }
        prop_assert!(!check(&lines, Rules::default()).is_clean());
    }
}

#[test]
fn each_violation_says_what_it_is() {
    assert_found(&[place(1)], "place without an answer");
    assert_found(&[place(1), plain(1, K::Unknown)], "still unknown at the end");
    assert_found(&[place(1), plain(1, K::Fill)], "a fill before the order was accepted");
    assert_found(&[place(1), plain(1, K::Accepted), cancel(2, 1)], "cancel without an answer");
    assert_found(&[place(1), plain(1, K::Rejected), plain(1, K::Accepted)], "accepted after its end");
    assert_found(&[plain(1, K::Accepted)], "of a command never taken");
    assert_found(&[place(1), plain(1, K::Accepted), place(1)], "of this number was taken before");
    assert_found(&[ended(1)], "a call ended that never began");
    let lost = AuditEntry::Lost { at: NOW, count: 7, place: LossPlace::Ring };
    assert_found(&[lost], "7 entries found no room (ring)");
}

#[test]
fn an_execution_is_told_once() {
    let mut detail = told(1, K::FillDetail);
    detail.execution_id = ExecutionId::new("x-1").unwrap();
    let detail = AuditEntry::Execution(detail);
    assert_found(&[place(1), plain(1, K::Accepted), detail, detail], "execution x-1 told twice");
}

#[test]
fn the_answer_to_the_latest_cancel_answers_all_of_the_same_order() {
    let mut refused = told(1, K::CancelRejected);
    refused.request = request(3);
    let entries =
        [place(1), plain(1, K::Accepted), cancel(2, 1), cancel(3, 1), AuditEntry::Execution(refused), cancel(4, 1)];
    assert!(report(&entries[..5]).is_clean());
    assert_found(&entries, "cancel without an answer");
}

#[test]
fn an_unfinished_log_may_leave_its_last_lines_open() {
    let mut lines = log(&[place(1), plain(1, K::Accepted), place(2), place(3), plain(3, K::Unknown)]);
    lines.pop();
    let torn = lines.last_mut().unwrap();
    torn.truncate(torn.len() / 2);
    assert!(check(&lines, Rules { unfinished: true }).is_clean());
    let strict = check(&lines, Rules::default());
    let found: Vec<_> = strict.violations.iter().map(|violation| violation.what.as_str()).collect();
    assert!(found.iter().any(|what| what.contains("middle of a line")), "{found:?}");
    assert!(found.iter().any(|what| what.contains("does not end here")), "{found:?}");
    assert_eq!(found.iter().filter(|what| what.contains("place without an answer")).count(), 2, "{found:?}");
}

#[test]
fn a_log_whose_beginning_was_rotated_away_is_believed_from_where_it_begins() {
    let entries = [
        place(1),
        plain(1, K::Accepted),
        event(1, K::Fill, 0, 2, 2),
        event(1, K::Fill, 0, 3, 5),
        event(1, K::Filled, 0, 0, 5),
    ];
    let report = check(&log(&entries)[4..], Rules::default());
    assert!(report.is_clean() && report.headless == 1, "{report}");
}

#[test]
fn guards_and_strangers_are_no_orders_of_ours() {
    let mut guard = ExecutionRecord::new(K::Guard, Venue::Coinbase, InstrumentId::NONE);
    guard.guard = GuardEvent::KillPending;
    guard.last_quantity = 2;
    let mut stranger = told(9, K::StrangerOrder);
    stranger.request = RequestId::NONE;
    let report = report(&[AuditEntry::Execution(guard), AuditEntry::Execution(stranger)]);
    assert!(report.is_clean() && report.orders == 0, "{report}");
    assert_eq!(report.guards.get("kill_pending"), Some(&1));
}

#[test]
fn every_kind_of_event_is_read_back_as_it_was_written() {
    for kind in K::ALL {
        let entries = [place(1), plain(1, K::Accepted), plain(1, kind)];
        let report = report(&entries);
        let expected = if kind == K::Accepted { 2 } else { 1 };
        assert_eq!(report.events.get(&format!("{kind:?}")), Some(&expected), "{report}");
    }
}

fn replace(number: u64, of: u64) -> AuditEntry {
    let command = OrderCommand::replace(BTC, OrderRef::Request(request(of)), 2, 100).stamped(request(number), NOW);
    AuditEntry::Command { at: NOW, venue: Some(Venue::BinanceUs), command }
}

#[test]
fn a_replace_that_is_a_new_order_goes_by_its_own_number() {
    let beginning = [place(1), plain(1, K::Accepted), replace(2, 1)];
    let then = |rest: &[AuditEntry]| [&beginning[..], rest].concat();
    for order in [[plain(1, K::Cancelled), plain(2, K::Accepted)], [plain(2, K::Accepted), plain(1, K::Cancelled)]] {
        let report = report(&then(&order));
        assert!(report.violations.is_empty(), "{report}");
        assert_eq!((report.orders, report.open), (2, 1));
    }
    let refused = then(&[plain(2, K::Rejected)]);
    assert!(report(&refused).violations.is_empty());
    assert_found(&then(&[]), "replace without an answer");
    assert_found(&then(&[plain(2, K::Unknown)]), "still unknown");
    assert_found(&then(&[plain(2, K::Accepted), plain(2, K::Accepted)]), "accepted twice");
    assert_found(&[place(1), plain(1, K::Accepted), cancel(2, 1), plain(2, K::Accepted)], "never taken");
}
