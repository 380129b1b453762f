//! How long a venue wants nothing sent, by the status, headers and body of a reply: what is alike at venues whose
//! references say little about it.
//!
//! Owns the rule and no state. A venue with documented bans and limits has rules of its own.

/// Longest wait believed, seconds: a point in time taken for a wait must not stop us for decades.
const WAIT_S_MAX: u64 = 600;
/// Wait after a page of a firewall (403) that says nothing about it, ms: such blocks last minutes, and asking on prolongs
/// them.
pub(in crate::venue) const FORBIDDEN_MS: u64 = 120_000;

/// A body that is not the venue's own JSON: the page of a firewall or a proxy before it, or nothing at all.
#[must_use]
pub(crate) fn is_page(body: &[u8]) -> bool {
    !body.trim_ascii_start().starts_with(b"{")
}

/// How long to send nothing after a reply of this status, ms; `None` if it does not say so. `said_s` is its `Retry-After`,
/// `reset_s` what else it says about when it takes requests again; `throttled_ms` is the least wait after a 429.
pub(in crate::venue) fn wait_ms(
    status: u16,
    said_s: Option<u64>,
    reset_s: Option<u64>,
    page: bool,
    throttled_ms: u64,
) -> Option<u64> {
    let believed = |seconds: Option<u64>| seconds.filter(|s| *s <= WAIT_S_MAX).map(|s| s.saturating_mul(1_000));
    let said = believed(said_s);
    match status {
        429 => Some(said.or(believed(reset_s)).unwrap_or(0).max(throttled_ms)),
        403 if page => said.or(Some(FORBIDDEN_MS)),
        // 503 may carry it too.
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_venues_own_words_are_no_page() {
        assert!(!is_page(b" \r\n{\"error\":\"PERMISSION_DENIED\"}"));
        assert!(is_page(b"<html>") && is_page(b"") && is_page(b"Forbidden"));
    }

    #[test]
    fn a_throttle_waits_as_told_and_at_least_a_while() {
        assert_eq!(wait_ms(429, None, None, true, 1_000), Some(1_000));
        assert_eq!(wait_ms(429, Some(3), Some(9), true, 1_000), Some(3_000));
        assert_eq!(wait_ms(429, None, Some(9), true, 1_000), Some(9_000));
        assert_eq!(wait_ms(429, None, Some(1_793_613_600), true, 1_000), Some(1_000), "a date is no wait");
    }

    #[test]
    fn a_firewalls_page_waits_for_minutes_and_the_venues_refusal_for_nothing() {
        assert_eq!(wait_ms(403, None, None, true, 1_000), Some(FORBIDDEN_MS));
        assert_eq!(wait_ms(403, Some(30), None, true, 1_000), Some(30_000));
        assert_eq!(wait_ms(403, None, None, false, 1_000), None);
    }

    #[test]
    fn an_outage_waits_if_it_says_so() {
        assert_eq!(
            (wait_ms(503, Some(3), None, true, 1_000), wait_ms(503, None, Some(3), true, 1_000)),
            (Some(3_000), None)
        );
        assert_eq!(wait_ms(200, None, None, false, 1_000), None);
    }
}
