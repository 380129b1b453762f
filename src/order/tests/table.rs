//! The table of the manual against the state machine: every state, every kind of evidence.

use super::*;
use ExecutionKind as K;

const MANUAL: &str = include_str!("../../manual/lifecycle.rs");

type Make = fn() -> Bench;
type Apply = fn(&mut Bench);

const STATES: [(&str, Make); 9] = [
    ("New", Bench::new),
    ("Sent", Bench::sent),
    ("Unknown", Bench::unknown),
    ("Live", Bench::live),
    ("Filled", || over(OrderStatus::Filled, QUANTITY)),
    ("Cancelled", || over(OrderStatus::Cancelled, 0)),
    ("Expired", || over(OrderStatus::Expired, 0)),
    ("Rejected", rejected),
    ("Risen", || {
        let mut bench = rejected();
        bench.accept();
        bench
    }),
];

const EVENTS: [(&str, Apply); 18] = [
    ("first byte may have left", |b| b.orders.sent(b.now, b.slot, b.now)),
    ("refused by us before a byte", |b| {
        b.orders.abandon(b.now, b.slot, RejectClass::Busy, "busy", &mut b.log);
    }),
    ("connection lost", |b| b.orders.connection_lost(b.now, b.slot, &mut b.log)),
    ("no reply in time", |b| b.orders.reply_timeout(b.now, b.slot, &mut b.log)),
    ("reply: accepted", Bench::accept),
    ("reply: refused", |b| b.reject(RejectClass::InsufficientFunds)),
    ("reply: duplicate id", |b| b.reject(RejectClass::DuplicateId)),
    ("reply: proves nothing", |b| b.reply(PlaceReply::Ambiguous { code: InlineText::EMPTY })),
    ("stream: pending", |b| {
        b.tell(OrderStatus::Pending, 0);
    }),
    ("stream: open", |b| {
        b.tell(OrderStatus::Open, 0);
    }),
    ("stream: open, part filled", |b| {
        b.tell(OrderStatus::Open, QUANTITY / 2);
    }),
    ("stream: filled", |b| {
        b.tell(OrderStatus::Filled, QUANTITY);
    }),
    ("stream: cancelled", |b| {
        b.tell(OrderStatus::Cancelled, 0);
    }),
    ("stream: expired", |b| {
        b.tell(OrderStatus::Expired, 0);
    }),
    ("stream: failed", |b| {
        b.tell(OrderStatus::Failed, 0);
    }),
    ("history: a part executed", |b| {
        b.list("e-1", QUANTITY / 2);
    }),
    ("absent from one listing", |b| absent(b, 1)),
    ("absent from three listings", |b| absent(b, 3)),
];

fn over(status: OrderStatus, executed: i64) -> Bench {
    let mut bench = Bench::live();
    bench.tell(status, executed);
    bench
}

fn rejected() -> Bench {
    let mut bench = Bench::sent();
    bench.reject(RejectClass::InsufficientFunds);
    bench
}

/// Complete answers to whatever is asked, none of which mentions the order, long after its last sign of life.
fn absent(bench: &mut Bench, times: usize) {
    for _ in 0..times {
        bench.advance(20_000);
        while let Some((id, _)) = bench.query() {
            bench.done(id);
        }
    }
}

fn name(state: OrderState) -> &'static str {
    match state {
        OrderState::New => "New",
        OrderState::Sent => "Sent",
        OrderState::Live => "Live",
        OrderState::Unknown => "Unknown",
        OrderState::Closed(OrderEnd::Filled) => "Filled",
        OrderState::Closed(OrderEnd::Cancelled) => "Cancelled",
        OrderState::Closed(OrderEnd::Expired) => "Expired",
        OrderState::Closed(OrderEnd::Rejected) => "Rejected",
        OrderState::Risen => "Risen",
    }
}

/// What was told, with the flags that matter.
fn told(record: &ExecutionRecord) -> String {
    let flags = [
        (EXECUTION_FLAG_IMPLIED, " implied"),
        (EXECUTION_FLAG_RECONCILED, " reconciled"),
        (EXECUTION_FLAG_LATE, " late"),
    ];
    let flags: String = flags.iter().filter(|(flag, _)| record.has(*flag)).map(|(_, word)| *word).collect();
    format!("{:?}{flags}", record.kind)
}

fn cell(make: Make, apply: Apply) -> String {
    let mut bench = make();
    let before = bench.state();
    bench.log.0.clear();
    apply(&mut bench);
    let mut words = Vec::new();
    if bench.state() != before {
        words.push(format!("**{}**", name(bench.state())));
    }
    // The reminders of an unknown order come with time, whatever the evidence.
    let news = bench.log.0.iter().filter(|r| !(before == OrderState::Unknown && r.kind == K::Unknown));
    let news: Vec<String> = news.map(told).collect();
    if !news.is_empty() {
        words.push(news.join(" + "));
    }
    match words.is_empty() {
        true => "–".to_owned(),
        false => words.join(": "),
    }
}

fn table() -> Vec<String> {
    let row = |cells: Vec<String>| format!("//! | {} |", cells.join(" | "));
    let head = std::iter::once("evidence".to_owned()).chain(STATES.map(|(name, _)| name.to_owned())).collect();
    let rule = format!("//! |{}", "---|".repeat(STATES.len() + 1));
    let body = EVENTS.map(|(event, apply)| {
        row(std::iter::once(event.to_owned()).chain(STATES.map(|(_, make)| cell(make, apply))).collect())
    });
    [row(head), rule].into_iter().chain(body).collect()
}

#[test]
fn every_state_exists_under_its_name() {
    for (wanted, make) in STATES {
        assert_eq!(name(make().state()), wanted);
    }
}

#[test]
fn the_manual_says_what_the_state_machine_does() {
    let stated: Vec<&str> = MANUAL.lines().filter(|line| line.starts_with("//! |")).collect();
    let done = table();
    assert!(stated == done, "src/manual/lifecycle.rs should say:\n{}", done.join("\n"));
}
