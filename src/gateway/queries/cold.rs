//! One venue's cold requests: a share of its rate limit, a connection of the dialer's, and errors that name what was tried.

use crate::codec::http1::{Excerpt, Method};
use crate::dialer::{
    Build, ColdHandle, ColdJob, Endpoint, ExchangeError as DialerError, ExchangeReason, OwnedResponse, Written,
};
use crate::gateway::error::ExchangeError;
use crate::guard::{Cost, Counted, Governor, Priority, RateLimit, RetryAt, WindowGovernor};
use crate::journal::ColdAudit;
use crate::keeper::Clock;
use crate::record::{AuditCall, AuditEntry, CallEnd, CallOutcome, CallStep, InlineText, UnixNanos, Venue};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest body of a cold reply: the longest lists of products are about 2 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a wait for a permit sleeps before it looks whether we are shutting down.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The share of a venue's rate limit, counted as the venue counts.
pub(in crate::gateway) enum Pace {
    /// So many requests a second.
    Requests(Governor),
    /// So much weight in each minute of the venue's clock.
    Weight(Box<WindowGovernor>),
}

impl Pace {
    /// At most so many requests in any second.
    pub(in crate::gateway) fn requests_per_second(requests: usize) -> Pace {
        Pace::Requests(Governor::new(requests, 1_000, 100))
    }

    /// At most so much weight in any minute of a clock that is a few seconds off ours at most; requests take at most
    /// `delay_ms_max` to arrive.
    pub(in crate::gateway) fn weight_per_minute(limit: u32, delay_ms_max: u64) -> Pace {
        let limit = RateLimit { counted: Counted::Weight, window_ms: 60_000, limit };
        Pace::Weight(Box::new(WindowGovernor::new(&[limit], delay_ms_max)))
    }

    /// Counts a request that leaves now, or says when it may.
    fn take(&mut self, now: UnixNanos, weight: u32) -> Result<(), RetryAt> {
        match self {
            Pace::Requests(governor) => governor.take(now, Priority::Cancel),
            Pace::Weight(governor) => {
                let taken = governor.take(now, Cost { weight, orders: 0 }, Priority::Cancel);
                taken.map(drop).map_err(|throttled| RetryAt(throttled.retry_at().unwrap_or(UnixNanos::MAX)))
            }
        }
    }

    fn block_until(&mut self, until: UnixNanos) {
        match self {
            Pace::Requests(governor) => governor.block_until(until),
            Pace::Weight(governor) => governor.block_until(until),
        }
    }
}

/// See the module's documentation.
pub(in crate::gateway) struct ColdClient {
    pub(super) venue: Venue,
    pub(super) authority: String,
    pub(super) clock: Clock,
    cold: ColdHandle,
    rest: Endpoint,
    pace: Mutex<Pace>,
    timeout_ms: u64,
    audit: ColdAudit,
}

impl ColdClient {
    /// Asks `rest`, no faster than `pace`.
    pub(in crate::gateway) fn new(
        venue: Venue,
        cold: ColdHandle,
        rest: Endpoint,
        clock: Clock,
        pace: Pace,
        timeout_ms: u64,
        audit: ColdAudit,
    ) -> ColdClient {
        ColdClient { venue, authority: rest.authority(), clock, cold, rest, pace: Mutex::new(pace), timeout_ms, audit }
    }

    /// One request and its reply, whatever its status. `weight` counts where the venue counts weight. `ambiguous`: whether
    /// it may have had an effect if its reply is lost.
    pub(super) fn run(
        &self,
        operation: &'static str,
        method: Method,
        weight: u32,
        build: Build,
        ambiguous: bool,
    ) -> Result<OwnedResponse, ExchangeError> {
        self.wait_for_permit(operation, weight)?;
        let (venue, timeout_ms) = (self.venue, self.timeout_ms);
        let job = ColdJob { endpoint: self.rest.clone(), method, build, timeout_ms, body_bytes_max: BODY_BYTES_MAX };
        let (call, sent_at) = (self.audit.call(), self.clock.now());
        self.audit.push(AuditEntry::Call(AuditCall::new(sent_at, call, venue, operation, CallStep::Sent)));
        let result = self.cold.run(job);
        let now = self.clock.now();
        let end = CallStep::Ended(end_of(&result, now.since(sent_at)));
        self.audit.push(AuditEntry::Call(AuditCall::new(now, call, venue, operation, end)));
        let reply = result.map_err(|DialerError { host, reason, .. }| match *reason {
            ExchangeReason::Timeout => ExchangeError::Timeout { venue, operation, timeout_ms, ambiguous },
            ExchangeReason::Shutdown => ExchangeError::Stopped,
            reason => {
                let cause = format!("no answer from {host}: {reason}");
                ExchangeError::Transport { venue, operation, cause, ambiguous }
            }
        })?;
        match foreign(&reply) {
            Some(cause) => Err(self.unreadable(operation, &cause)),
            None => Ok(reply),
        }
    }

    /// The venue wants nothing before then.
    pub(super) fn block_until(&self, until: UnixNanos) {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).block_until(until);
    }

    /// A reply that cannot be read.
    pub(super) fn unreadable(&self, operation: &'static str, cause: &dyn std::fmt::Display) -> ExchangeError {
        ExchangeError::Unreadable { venue: self.venue, operation, cause: cause.to_string() }
    }

    /// Waits until our share of the rate limit allows a request.
    fn wait_for_permit(&self, operation: &'static str, weight: u32) -> Result<(), ExchangeError> {
        let ColdClient { pace, clock, timeout_ms, venue, cold, .. } = self;
        let start = clock.now();
        loop {
            let now = clock.now();
            let taken = pace.lock().unwrap_or_else(PoisonError::into_inner).take(now, weight);
            let Err(RetryAt(at)) = taken else { return Ok(()) };
            if at.since(start) > timeout_ms.saturating_mul(1_000_000) {
                let retry_in_ms = at.since(now).div_ceil(1_000_000);
                return Err(ExchangeError::Throttled { venue: *venue, operation, retry_in_ms });
            }
            while clock.now() < at {
                if cold.is_stopping() {
                    return Err(ExchangeError::Stopped);
                }
                std::thread::sleep(LOOK_UP.min(Duration::from_nanos(at.since(clock.now()))));
            }
        }
    }
}

/// What is no venue's answer though it says that all is well: whoever stands between is told of, not the byte that is no
/// JSON.
fn foreign(reply: &OwnedResponse) -> Option<String> {
    if !(200..300).contains(&reply.status) {
        return None;
    }
    let coding = reply.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if let Some(coding) = coding {
        let coding = Excerpt::of(coding);
        return Some(format!("it is compressed ({}), and we never ask for that: look for a proxy", coding.as_str()));
    }
    let page = reply.body.trim_ascii_start().starts_with(b"<");
    page.then(|| {
        format!("a web page came instead ({}): look for a proxy or a login", Excerpt::of(&reply.body).as_str())
    })
}

/// How a cold request ended, for the audit log.
fn end_of(result: &Result<OwnedResponse, DialerError>, latency_ns: u64) -> CallEnd {
    let outcome = match result {
        Ok(response) if response.status < 300 => CallOutcome::Answered,
        Ok(response) if response.status < 500 => CallOutcome::Refused,
        Ok(_) => CallOutcome::Failed,
        Err(error) if error.written == Written::Nothing => CallOutcome::NotSent,
        Err(_) => CallOutcome::NoAnswer,
    };
    let mut end = CallEnd::without_answer(outcome, latency_ns);
    match result {
        Ok(response) => end.status = response.status,
        Err(error) => end.code = InlineText::truncated(&error.reason.to_string()),
    }
    end
}

impl std::fmt::Debug for ColdClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColdClient").field("venue", &self.venue).field("rest", &self.authority).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_answers_and_pages_are_told_as_what_they_are() {
        let reply = |status, headers: &[(&str, &str)], body: &str| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
            foreign(&OwnedResponse { status, headers, body: body.as_bytes().to_vec() })
        };
        let compressed = reply(200, &[("Content-Encoding", "gzip")], "\u{1f}").unwrap();
        assert!(compressed.contains("compressed (gzip)"), "{compressed}");
        let page = reply(200, &[], "\n<html><title>Sign in</title></html>").unwrap();
        assert!(page.contains("web page") && page.contains("Sign in"), "{page}");
        assert_eq!(reply(200, &[("content-encoding", "identity")], "{}"), None);
        assert_eq!(reply(503, &[], "<html>"), None, "a status says more");
    }
}
