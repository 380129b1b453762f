//! One run of a gateway: the chain of its lines, the answers to its commands, the calls it made.

use super::history::{History, Stage};
use super::read::{Body, CallLine, CommandLine, ExecutionLine, Ids, Line, Place};
use super::summary::Report;
use super::Rules;
use crate::record::ExecutionKind as K;
use std::collections::{BTreeMap, BTreeSet};

/// A cancel or a change that was taken.
#[derive(Debug)]
struct Asked {
    what: String,
    target: Ids,
    place: Place,
}

/// An order of this run.
#[derive(Debug)]
struct Placed {
    history: History,
    place: Place,
}

/// A call of this run.
#[derive(Debug)]
struct Call {
    op: String,
    ended: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Run {
    last: Option<u64>,
    /// The beginning, or something since, is not in the log.
    incomplete: bool,
    ended: bool,
    orders: BTreeMap<String, Placed>,
    /// Cancels and changes without an answer yet.
    asked: BTreeMap<String, Asked>,
    /// Every cancel and change, answered or not, and which it is.
    known: BTreeMap<String, String>,
    calls: BTreeMap<String, Call>,
    /// Orders handed to a connection, by venue and our id.
    sent: BTreeSet<(String, String)>,
    tail: Option<Place>,
}

impl Run {
    pub(super) fn line(&mut self, report: &mut Report, rules: Rules, line: &Line) {
        report.lines += 1;
        if matches!(line.body, Body::Torn) {
            if !rules.unfinished {
                report.violation(&line.place, "", "the file ends in the middle of a line".to_owned());
            }
            return;
        }
        self.chain(report, line);
        report.span(line.ns);
        match &line.body {
            Body::Part { .. } | Body::Torn => {}
            Body::Command(command) => self.command(report, line, command),
            Body::Execution(execution) => self.execution(report, line, execution),
            Body::Sent(call) => self.call_sent(report, line, call),
            Body::Ended { call, outcome, latency_ns } => self.call_ended(report, line, call, outcome, *latency_ns),
            Body::Connection => report.connections += 1,
            Body::Lost { count, place } => {
                self.incomplete = true;
                report.lost += count;
                report.violation(&line.place, "", format!("{count} entries found no room ({place}) and are missing"));
            }
            Body::End => self.ended = true,
        }
        self.tail = Some(line.place.clone());
    }

    /// Every line's number follows the one before.
    fn chain(&mut self, report: &mut Report, line: &Line) {
        let due = match self.last.replace(line.sequence) {
            Some(last) => last.saturating_add(1),
            None => {
                if line.sequence != 1 {
                    self.incomplete = true;
                    report.headless += 1;
                }
                return;
            }
        };
        if line.sequence > due {
            let missing = line.sequence.saturating_sub(due);
            self.incomplete = true;
            report.violation(&line.place, "", format!("a hole: {missing} lines from number {due} on are missing"));
        } else if line.sequence < due {
            report.violation(&line.place, "", format!("number {} where {due} was due", line.sequence));
        }
        if self.ended {
            report.violation(&line.place, "", "a line after the end of the run".to_owned());
        }
    }

    fn command(&mut self, report: &mut Report, line: &Line, command: &CommandLine) {
        *report.commands.entry(command.op.clone()).or_default() += 1;
        let request = &command.request;
        if self.known.contains_key(request) || self.orders.contains_key(request) {
            report.violation(&line.place, request, "a command of this number was taken before".to_owned());
            return;
        }
        if command.op == "place" {
            self.orders.insert(request.clone(), Placed { history: History::begun(), place: line.place.clone() });
            return;
        }
        self.known.insert(request.clone(), command.op.clone());
        let asked = Asked { what: command.op.clone(), target: command.target.clone(), place: line.place.clone() };
        self.asked.insert(request.clone(), asked);
    }

    fn execution(&mut self, report: &mut Report, line: &Line, execution: &ExecutionLine) {
        *report.events.entry(format!("{:?}", execution.event)).or_default() += 1;
        if execution.event == K::Guard {
            *report.guards.entry(execution.guard.clone()).or_default() += 1;
        }
        let request = &execution.ids.request;
        match execution.event {
            K::Accepted
            | K::Rejected
            | K::Unknown
            | K::Fill
            | K::FillDetail
            | K::Filled
            | K::Cancelled
            | K::Expired
                if !request.is_empty() =>
            {
                let known = self.orders.contains_key(request);
                // Where a change is a cancel and a new order, that order goes by the change's number.
                if !known && self.known.get(request).is_some_and(|what| what == "replace") {
                    self.asked.remove(request);
                    let placed = Placed { history: History::begun(), place: line.place.clone() };
                    self.orders.insert(request.clone(), placed);
                } else if !known && !self.incomplete {
                    report.violation(&line.place, request, format!("{:?} of a command never taken", execution.event));
                }
                let placed = self
                    .orders
                    .entry(request.clone())
                    .or_insert_with(|| Placed { history: History::joined(), place: line.place.clone() });
                if let Err(wrong) = placed.history.record(execution) {
                    report.violation(&line.place, request, wrong);
                }
            }
            // Of a run before this one: its strategy got it back.
            K::OrderListed if !request.is_empty() && !self.orders.contains_key(request) => {
                let adopted = Placed { history: History::adopted(execution), place: line.place.clone() };
                self.orders.insert(request.clone(), adopted);
            }
            K::CancelRejected | K::Replaced | K::ReplaceRejected => {
                if request.is_empty() {
                    return;
                }
                if !self.known.contains_key(request) && !self.incomplete {
                    report.violation(&line.place, request, format!("{:?} of a command never taken", execution.event));
                }
                let was_open = self.asked.remove(request);
                if was_open.is_none() && self.known.contains_key(request) {
                    report.violation(&line.place, request, format!("{:?} after its answer", execution.event));
                }
                if let (K::CancelRejected, Some(answered)) = (execution.event, was_open) {
                    // Cancels of one order are one intention: the answer names the latest.
                    let order = &execution.ids;
                    self.asked.retain(|_, other| {
                        other.what != "cancel" || !(other.target.meet(order) || other.target.meet(&answered.target))
                    });
                }
            }
            _ => {}
        }
        if execution.event.is_terminal() {
            // The order's own end answers whatever was asked of it.
            self.asked.retain(|_, asked| !asked.target.meet(&execution.ids));
        }
    }

    fn call_sent(&mut self, report: &mut Report, line: &Line, call: &CallLine) {
        if call.op == "place" && !call.client.is_empty() && !self.sent.insert((line.venue.clone(), call.client.clone()))
        {
            report.violation(&line.place, &call.client, "the order was sent twice".to_owned());
        }
        // A request that names several orders has a line for each.
        let known = self.calls.insert(call.call.clone(), Call { op: call.op.clone(), ended: false });
        match known {
            None => *report.calls.entry(format!("{} {}", line.venue, call.op)).or_default() += 1,
            Some(known) if known.op != call.op || known.ended => {
                report.violation(&line.place, &call.call, "two calls of one number".to_owned());
            }
            Some(_) => {}
        }
    }

    fn call_ended(&mut self, report: &mut Report, line: &Line, call: &CallLine, outcome: &str, latency_ns: u64) {
        if call.call.starts_with("dialer") {
            *report.calls.entry(format!("{} {}", line.venue, call.op)).or_default() += 1;
        } else {
            match self.calls.get_mut(&call.call) {
                Some(Call { ended, .. }) if !*ended => *ended = true,
                Some(_) => report.violation(&line.place, &call.call, "the call ended twice".to_owned()),
                None if self.incomplete => {}
                None => report.violation(&line.place, &call.call, "a call ended that never began".to_owned()),
            }
        }
        *report.outcomes.entry(outcome.to_owned()).or_default() += 1;
        report.latency(&call.op, latency_ns);
    }

    /// The last line was given.
    pub(super) fn end(self, report: &mut Report, rules: Rules) {
        let finished = self.ended;
        let tolerant = rules.unfinished && !finished;
        if !finished {
            report.unfinished += 1;
            if let Some(tail) = self.tail.filter(|_| !tolerant) {
                let what = "the run does not end here: its process died, is still writing, or a later file is missing";
                report.violation(&tail, "", what.to_owned());
            }
        }
        for (request, placed) in &self.orders {
            match placed.history.stage {
                Stage::Silent if !tolerant => {
                    report.violation(&placed.place, request, "place without an answer".to_owned());
                }
                Stage::Unknown => {
                    report.unknown += 1;
                    if !tolerant {
                        let what = "its outcome was still unknown at the end: ask the venue";
                        report.violation(&placed.place, request, what.to_owned());
                    }
                }
                Stage::Live => report.open += 1,
                Stage::Silent | Stage::Joined | Stage::Over(_) => {}
            }
        }
        for (request, asked) in self.asked.iter().filter(|_| !tolerant) {
            report.violation(&asked.place, request, format!("{} without an answer", asked.what));
        }
        report.orders += self.orders.len() as u64;
        report.calls_without_end += self.calls.values().filter(|call| !call.ended).count() as u64;
    }
}
