//! What replies say about our rate: headers of REST, `rateLimits` of the WebSocket API (Binance.US reference 5).

use super::super::{limits, reject};
use super::ErrorBody;
use crate::codec::http1::Headers;
use crate::codec::json::{Cursor, JsonError};
use crate::record::UnixNanos;

/// The venue's own counts; all optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Request weight used in the current minute.
    pub weight_1m: Option<u32>,
    /// Orders placed in the current 10 seconds.
    pub orders_10s: Option<u32>,
    /// Orders placed today.
    pub orders_1d: Option<u32>,
    /// Raw requests in the current 5 minutes.
    pub raw_5m: Option<u32>,
    /// `Retry-After`, seconds.
    pub retry_after_s: Option<u64>,
}

/// How long to send nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// So long from now on, ms.
    For(u64),
    /// Until the venue's clock says so, ms since 1970.
    UntilVenue(u64),
}

impl Wait {
    /// The end of it by our clock, which the venue's is ahead of by `offset_ns`; bounded.
    pub fn end(self, now: UnixNanos, offset_ns: i64) -> UnixNanos {
        let most = now.plus_ms(limits::WAIT_MS_MAX);
        match self {
            Wait::For(ms) => now.plus_ms(ms).min(most),
            Wait::UntilVenue(ms) => {
                let ours = UnixNanos::NONE.plus_ms(ms).0.saturating_add_signed(offset_ns.saturating_neg());
                UnixNanos(ours).clamp(now, most)
            }
        }
    }
}

impl Usage {
    /// Out of the headers of any reply, whatever the case of their names.
    pub(in super::super) fn of_headers(headers: Headers<'_>) -> Usage {
        let count = |name| headers.number(name).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        Usage {
            weight_1m: count("x-mbx-used-weight-1m").or_else(|| count("x-mbx-used-weight")),
            orders_10s: count("x-mbx-order-count-10s"),
            orders_1d: count("x-mbx-order-count-1d"),
            raw_5m: None,
            retry_after_s: headers.number("retry-after"),
        }
    }

    /// Out of the array `rateLimits` of a WebSocket API reply.
    pub(in super::super) fn of_rate_limits(cursor: &mut Cursor<'_, '_>) -> Result<Usage, JsonError> {
        let mut usage = Usage::default();
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let (mut kind, mut interval, mut count, mut number) = ("", "", None, 0);
            let mut fields = cursor.object()?;
            while let Some(key) = fields.next_key(cursor)? {
                match key {
                    "rateLimitType" => kind = cursor.str()?,
                    "interval" => interval = cursor.str()?,
                    "intervalNum" => number = cursor.u64()?,
                    "count" => count = Some(u32::try_from(cursor.u64()?).unwrap_or(u32::MAX)),
                    _ => cursor.skip()?,
                }
            }
            match (kind, interval, number) {
                ("REQUEST_WEIGHT", "MINUTE", 1) => usage.weight_1m = count,
                ("ORDERS", "SECOND", 10) => usage.orders_10s = count,
                ("ORDERS", "DAY", 1) => usage.orders_1d = count,
                ("RAW_REQUESTS", "MINUTE", 5) => usage.raw_5m = count,
                _ => {}
            }
        }
        Ok(usage)
    }

    /// How long to send nothing after a reply of this status, if at all (Binance.US reference 4).
    pub(in super::super) fn wait(&self, status: u16, error: Option<&ErrorBody<'_>>) -> Option<Wait> {
        let told = error.and_then(|error| error.retry_after_ms.or_else(|| reject::ban_end_ms(error.message)));
        let told = told.map(Wait::UntilVenue);
        let header = self.retry_after_s.map(|s| Wait::For(s.saturating_mul(1_000)));
        let too_many = error.is_some_and(|error| error.code == reject::TOO_MANY_REQUESTS);
        match status {
            418 => told.or(header).or(Some(Wait::For(limits::BANNED_MS))),
            429 => header.or(told).or(Some(Wait::For(limits::THROTTLED_MS))),
            // The firewall's: everything it sees for a while is refused, and more makes it worse.
            403 if error.is_none() => header.or(Some(Wait::For(limits::FORBIDDEN_MS))),
            _ if too_many => told.or(header).or(Some(Wait::For(limits::THROTTLED_MS))),
            // 503 may carry it too.
            _ => header,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i64, message: &str) -> ErrorBody<'_> {
        ErrorBody { code, message, retry_after_ms: None }
    }

    #[test]
    fn a_ban_lasts_until_the_venue_says_and_a_throttle_as_long_as_its_header() {
        let none = Usage::default();
        let header = Usage { retry_after_s: Some(7), ..none };
        let ban = error(-1003, "Way too much request weight used; IP banned until 1659146400000.");
        assert_eq!(none.wait(418, Some(&ban)), Some(Wait::UntilVenue(1_659_146_400_000)));
        assert_eq!(header.wait(418, None), Some(Wait::For(7_000)));
        assert_eq!(none.wait(418, None), Some(Wait::For(limits::BANNED_MS)));
        assert_eq!(header.wait(429, Some(&error(-1003, "Too much"))), Some(Wait::For(7_000)));
        assert_eq!(none.wait(429, Some(&error(-1015, "Too many new orders"))), Some(Wait::For(limits::THROTTLED_MS)));
        assert_eq!(none.wait(403, None), Some(Wait::For(limits::FORBIDDEN_MS)));
        assert_eq!(none.wait(403, Some(&error(-2015, "Invalid API-key"))), None);
        assert_eq!(none.wait(200, None), None);
        let told = ErrorBody { retry_after_ms: Some(1_659_146_400_000), ..error(-1003, "Way too much") };
        assert_eq!(none.wait(418, Some(&told)), Some(Wait::UntilVenue(1_659_146_400_000)));
    }

    #[test]
    fn waits_end_by_our_clock_and_never_in_a_decade() {
        let now = UnixNanos(1_659_142_907_531_000_000);
        assert_eq!(Wait::For(1_000).end(now, 0), now.plus_ms(1_000));
        assert_eq!(Wait::UntilVenue(1_659_146_400_000).end(now, 2_000_000_000).0, 1_659_146_398_000_000_000);
        assert_eq!(Wait::UntilVenue(1).end(now, 0), now);
        assert_eq!(Wait::UntilVenue(u64::MAX).end(now, 0), now.plus_ms(limits::WAIT_MS_MAX));
        assert_eq!(Wait::For(u64::MAX).end(now, 0), now.plus_ms(limits::WAIT_MS_MAX));
    }
}
