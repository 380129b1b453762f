//! When a day of trading ends: 17:00 in New York, where good-for-day orders end (OANDA reference 4).

use crate::sim::stamp::civil_from_days;
use crate::sim::SECOND_NS;

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;
/// New York's close, in hours of its own clock.
const CLOSE_HOUR: u64 = 17;

/// The next 17:00 in New York after `now_ns`.
pub(crate) fn new_york_close(now_ns: u64) -> u64 {
    let now_s = now_ns / SECOND_NS;
    let today = now_s / DAY_S;
    let close = |day: u64| day * DAY_S + (CLOSE_HOUR + if is_summer(day) { 4 } else { 5 }) * HOUR_S;
    let found = [today, today + 1].into_iter().map(close).find(|at| *at > now_s);
    found.unwrap_or(now_s + DAY_S).saturating_mul(SECOND_NS)
}

/// Whether New York has summer time at the close of that day: from March's second Sunday to before November's first.
fn is_summer(day: u64) -> bool {
    let day = i64::try_from(day).unwrap_or(i64::MAX / 2);
    let (_, month, date) = civil_from_days(day);
    // 1970-01-01 was a Thursday; 0 is a Sunday.
    let weekday = (day + 4).rem_euclid(7);
    let last_sunday = date - weekday;
    match month {
        4..=10 => true,
        3 => last_sunday >= 8,
        11 => last_sunday < 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::parse_rfc3339;

    #[test]
    fn the_close_follows_new_yorks_clock() {
        for (now, close) in [
            ("2026-03-04T10:00:00Z", "2026-03-04T22:00:00Z"),
            ("2026-03-07T22:00:00Z", "2026-03-08T21:00:00Z"),
            ("2026-07-01T21:00:00Z", "2026-07-02T21:00:00Z"),
            ("2026-10-31T10:00:00Z", "2026-10-31T21:00:00Z"),
            ("2026-11-01T10:00:00Z", "2026-11-01T22:00:00Z"),
            ("2026-12-31T23:00:00Z", "2027-01-01T22:00:00Z"),
        ] {
            assert_eq!(Some(new_york_close(parse_rfc3339(now).unwrap())), parse_rfc3339(close), "{now}");
        }
    }
}
