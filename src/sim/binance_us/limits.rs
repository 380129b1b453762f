//! Request weight, raw requests and order counts in fixed windows aligned to UTC, and the ban of who does not listen
//! (Binance.US reference 5).
//!
//! Weight and raw requests belong to the address, shared by REST and the WebSocket API; orders to the account.

use super::order::ms;
use super::reject::Failure;
use crate::sim::{Json, MILLISECOND_NS, SECOND_NS};

const MINUTE_NS: u64 = 60 * SECOND_NS;
const DAY_NS: u64 = 86_400 * SECOND_NS;

/// The venue's limits; 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// REQUEST_WEIGHT per minute.
    pub weight_per_minute: u64,
    /// RAW_REQUESTS per five minutes.
    pub requests_per_5_minutes: u64,
    /// ORDERS per ten seconds.
    pub orders_per_10_s: u64,
    /// ORDERS per day.
    pub orders_per_day: u64,
    /// Messages a client may send on a stream connection per second, pings and pongs included.
    pub stream_messages_per_s: u32,
    /// Streams of one connection.
    pub streams_per_connection: usize,
    /// New connections per five minutes (documented for Binance.com only).
    pub connections_per_5_minutes: u64,
    /// Requests refused with 429 in one window before the address is banned.
    pub warnings_before_ban: u64,
    /// How long a ban lasts, ns; two minutes is the shortest the venue has.
    pub ban_ns: u64,
    /// Whether a 429 for too many orders has `Retry-After`: the US documentation says no, Binance.com's says yes.
    pub retry_after_on_orders: bool,
}

impl Default for Limits {
    /// As observed on 2026-09-27.
    fn default() -> Self {
        Self {
            weight_per_minute: 6_000,
            requests_per_5_minutes: 300_000,
            orders_per_10_s: 100,
            orders_per_day: 200_000,
            stream_messages_per_s: 5,
            streams_per_connection: 1_024,
            connections_per_5_minutes: 300,
            warnings_before_ban: 20,
            ban_ns: 120 * SECOND_NS,
            retry_after_on_orders: false,
        }
    }
}

impl Limits {
    /// The limits of the connections stay, nothing else is refused.
    pub const NO_COUNTS: Self = Self {
        weight_per_minute: 0,
        requests_per_5_minutes: 0,
        orders_per_10_s: 0,
        orders_per_day: 0,
        stream_messages_per_s: 5,
        streams_per_connection: 1_024,
        connections_per_5_minutes: 0,
        warnings_before_ban: 0,
        ban_ns: 0,
        retry_after_on_orders: false,
    };
}

/// A counter that starts anew with each window.
#[derive(Clone, Copy, Debug)]
struct Window {
    length_ns: u64,
    number: u64,
    used: u64,
}

impl Window {
    fn new(length_ns: u64) -> Self {
        Self { length_ns, number: 0, used: 0 }
    }

    fn used(&self, now_ns: u64) -> u64 {
        if now_ns / self.length_ns == self.number {
            self.used
        } else {
            0
        }
    }

    fn add(&mut self, now_ns: u64, amount: u64) -> u64 {
        self.used = self.used(now_ns) + amount;
        self.number = now_ns / self.length_ns;
        self.used
    }

    /// Whole seconds until the window ends, at least 1.
    fn left_s(&self, now_ns: u64) -> u64 {
        (self.length_ns - now_ns % self.length_ns).div_ceil(SECOND_NS)
    }
}

/// All counters of one address and one account.
#[derive(Debug)]
pub(crate) struct Usage {
    weight: Window,
    requests: Window,
    orders_10_s: Window,
    orders_day: Window,
    connections: Window,
    warnings: Window,
    banned_until_ns: u64,
    /// Requests and connections refused so far, bans included.
    pub(crate) refused: u64,
}

impl Usage {
    pub(crate) fn new() -> Self {
        Self {
            weight: Window::new(MINUTE_NS),
            requests: Window::new(5 * MINUTE_NS),
            orders_10_s: Window::new(10 * SECOND_NS),
            orders_day: Window::new(DAY_NS),
            connections: Window::new(5 * MINUTE_NS),
            warnings: Window::new(MINUTE_NS),
            banned_until_ns: 0,
            refused: 0,
        }
    }

    /// Counts one request of that weight; refuses it if the address has used up a limit or is banned.
    pub(crate) fn request(&mut self, now_ns: u64, limits: &Limits, weight: u64) -> Result<(), Failure> {
        if now_ns < self.banned_until_ns {
            self.refused += 1;
            return Err(self.ban(now_ns));
        }
        let requests = self.requests.add(now_ns, 1);
        let used = self.weight.add(now_ns, weight);
        let over = |used: u64, limit: u64| limit > 0 && used > limit;
        let (message, window) = if over(used, limits.weight_per_minute) {
            let limit = limits.weight_per_minute;
            let text = format!(
                "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use \
                 WebSocket Streams for live updates to avoid polling the API."
            );
            (text, self.weight)
        } else if over(requests, limits.requests_per_5_minutes) {
            let limit = limits.requests_per_5_minutes;
            (format!("Too many requests; current limit is {limit} requests per 5 MINUTE."), self.requests)
        } else {
            return Ok(());
        };
        self.refused += 1;
        if over(self.warnings.add(now_ns, 1), limits.warnings_before_ban) {
            self.banned_until_ns = now_ns.saturating_add(limits.ban_ns);
            return Err(self.ban(now_ns));
        }
        let mut failure = Failure::with_status(429, -1003, message);
        failure.retry_after_s = Some(window.left_s(now_ns));
        failure.data = Some(retry_data(now_ns, now_ns + window.left_s(now_ns) * SECOND_NS));
        Err(failure)
    }

    fn ban(&self, now_ns: u64) -> Failure {
        let until_ms = ms(self.banned_until_ns);
        let message = format!(
            "Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates \
             to avoid bans."
        );
        let mut failure = Failure::with_status(418, -1003, message);
        failure.retry_after_s = Some((self.banned_until_ns - now_ns).div_ceil(SECOND_NS));
        failure.data = Some(retry_data(now_ns, self.banned_until_ns));
        failure
    }

    /// Bans the address for so long from now on.
    pub(crate) fn ban_for(&mut self, now_ns: u64, ban_ns: u64) {
        self.banned_until_ns = now_ns.saturating_add(ban_ns);
    }

    /// Counts so many new orders, or refuses them all.
    pub(crate) fn orders(&mut self, now_ns: u64, limits: &Limits, count: u64) -> Result<(), Failure> {
        let full = |window: &Window, limit: u64| limit > 0 && window.used(now_ns) + count > limit;
        let (window, text) = if full(&self.orders_10_s, limits.orders_per_10_s) {
            (self.orders_10_s, format!("{} orders per 10 SECOND", limits.orders_per_10_s))
        } else if full(&self.orders_day, limits.orders_per_day) {
            (self.orders_day, format!("{} orders per 1 DAY", limits.orders_per_day))
        } else {
            self.orders_10_s.add(now_ns, count);
            self.orders_day.add(now_ns, count);
            return Ok(());
        };
        self.refused += 1;
        let mut failure = Failure::with_status(429, -1015, format!("Too many new orders; current limit is {text}."));
        failure.retry_after_s = limits.retry_after_on_orders.then(|| window.left_s(now_ns));
        Err(failure)
    }

    /// Counts a new WebSocket connection if there is room for it.
    pub(crate) fn connection(&mut self, now_ns: u64, limits: &Limits) -> bool {
        let limit = limits.connections_per_5_minutes;
        let room = limit == 0 || self.connections.used(now_ns) < limit;
        if room {
            self.connections.add(now_ns, 1);
        } else {
            self.refused += 1;
        }
        room
    }

    /// Weight used in the present minute, orders in the present ten seconds and day.
    pub(crate) fn used(&self, now_ns: u64) -> (u64, u64, u64) {
        (self.weight.used(now_ns), self.orders_10_s.used(now_ns), self.orders_day.used(now_ns))
    }

    /// `rateLimits` of a WebSocket reply: with the order counts for those who place orders (reference 8).
    pub(crate) fn write(&self, j: &mut Json, now_ns: u64, limits: &Limits, with_orders: bool) {
        if with_orders {
            self.write_orders(j, now_ns, limits);
        }
        let used = self.weight.used(now_ns);
        write_limit(j, "REQUEST_WEIGHT", ("MINUTE", 1), limits.weight_per_minute, Some(used));
    }

    /// The order counts alone, as GET rateLimit/order has them.
    pub(crate) fn write_orders(&self, j: &mut Json, now_ns: u64, limits: &Limits) {
        let counts = (self.orders_10_s.used(now_ns), self.orders_day.used(now_ns));
        write_limit(j, "ORDERS", ("SECOND", 10), limits.orders_per_10_s, Some(counts.0));
        write_limit(j, "ORDERS", ("DAY", 1), limits.orders_per_day, Some(counts.1));
    }
}

impl Limits {
    /// `rateLimits` of exchangeInfo, in the recorded order.
    pub(crate) fn write(&self, j: &mut Json) {
        write_limit(j, "REQUEST_WEIGHT", ("MINUTE", 1), self.weight_per_minute, None);
        write_limit(j, "ORDERS", ("SECOND", 10), self.orders_per_10_s, None);
        write_limit(j, "ORDERS", ("DAY", 1), self.orders_per_day, None);
        write_limit(j, "RAW_REQUESTS", ("MINUTE", 5), self.requests_per_5_minutes, None);
    }
}

fn write_limit(j: &mut Json, kind: &str, (interval, number): (&str, u32), limit: u64, count: Option<u64>) {
    // A limit switched off is shown as one that nobody reaches.
    let limit = if limit == 0 { 1_000_000_000 } else { limit };
    j.item(|j| {
        j.str("rateLimitType", kind).str("interval", interval).raw("intervalNum", number).raw("limit", limit);
        if let Some(count) = count {
            j.raw("count", count);
        }
    });
}

fn retry_data(now_ns: u64, until_ns: u64) -> String {
    format!(r#"{{"serverTime":{},"retryAfter":{}}}"#, ms(now_ns), until_ns / MILLISECOND_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_790_769_600 * SECOND_NS;

    #[test]
    fn the_minute_is_the_clocks_minute_and_not_a_sliding_one() {
        let limits = Limits::default();
        let mut usage = Usage::new();
        let late = NOON + 59 * SECOND_NS;
        assert_eq!(usage.request(late, &limits, 6_000), Ok(()));
        let refused = usage.request(late, &limits, 1).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.retry_after_s), (429, -1003, Some(1)));
        assert_eq!(usage.request(NOON + 60 * SECOND_NS, &limits, 6_000), Ok(()), "a new minute, a second later");
    }

    #[test]
    fn who_goes_on_after_429_is_banned_and_told_until_when() {
        let limits = Limits { warnings_before_ban: 2, ..Limits::default() };
        let mut usage = Usage::new();
        assert!(usage.request(NOON, &limits, 6_000).is_ok());
        let statuses = [0; 4].map(|_| usage.request(NOON, &limits, 1).unwrap_err().status);
        assert_eq!(statuses, [429, 429, 418, 418]);
        let banned = usage.request(NOON + 60 * SECOND_NS, &limits, 1).unwrap_err();
        assert_eq!((banned.status, banned.retry_after_s), (418, Some(60)), "the next minute does not lift it");
        assert!(banned.message.contains(&format!("banned until {}", ms(NOON) + 120_000)), "{}", banned.message);
        assert!(usage.request(NOON + 120 * SECOND_NS, &limits, 1).is_ok());
        assert_eq!(usage.refused, 5);
    }

    #[test]
    fn orders_are_counted_in_ten_seconds_and_in_the_day() {
        let limits = Limits { orders_per_day: 150, ..Limits::default() };
        let mut usage = Usage::new();
        assert!((0..100).all(|_| usage.orders(NOON, &limits, 1).is_ok()));
        let refused = usage.orders(NOON + 9 * SECOND_NS, &limits, 1).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.retry_after_s), (429, -1015, None));
        assert!(usage.orders(NOON + 10 * SECOND_NS, &limits, 50).is_ok());
        let refused = usage.orders(NOON + 10 * SECOND_NS, &limits, 1).unwrap_err();
        assert!(refused.message.contains("150 orders per 1 DAY"), "{}", refused.message);
        assert_eq!(usage.used(NOON + 10 * SECOND_NS), (0, 50, 150));
    }

    #[test]
    fn a_limit_of_zero_is_no_limit() {
        let mut usage = Usage::new();
        assert!((0..1_000).all(|_| usage.request(NOON, &Limits::NO_COUNTS, 1_000).is_ok()));
        assert!((0..1_000).all(|_| usage.orders(NOON, &Limits::NO_COUNTS, 1).is_ok()));
    }
}
