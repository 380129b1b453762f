//! Times as the venue writes them: RFC 3339 in UTC with trailing zeros of the fraction trimmed (Go's `RFC3339Nano`,
//! Coinbase reference 6.2), to nanoseconds or cut to microseconds, and the way back for query parameters.

use super::SECOND_NS;
use std::fmt::Write;

const SECONDS_PER_DAY: u64 = 86_400;

/// `2026-09-30T02:39:53.76027728Z`: up to nine fractional digits, trailing zeros trimmed, none if the fraction is 0.
pub fn rfc3339_nanos(unix_ns: u64) -> String {
    let mut text = date_and_time(unix_ns, 'T');
    push_fraction(&mut text, unix_ns % SECOND_NS);
    text.push('Z');
    text
}

/// The same with all nine digits, as OANDA writes times (OANDA reference 2).
pub(crate) fn rfc3339_full(unix_ns: u64) -> String {
    let mut text = date_and_time(unix_ns, 'T');
    let _ = write!(text, ".{:09}Z", unix_ns % SECOND_NS);
    text
}

/// The same cut to microseconds, as inner times (`event_time`, trade `time`) are.
pub fn rfc3339_micros(unix_ns: u64) -> String {
    rfc3339_nanos(unix_ns / 1_000 * 1_000)
}

/// Go's `time.String()` with its monotonic reading, as `current_time` of a heartbeat carries it (Coinbase reference 6.3).
pub(crate) fn go_time_string(unix_ns: u64, uptime_ns: u64) -> String {
    let mut text = date_and_time(unix_ns, ' ');
    let _ =
        write!(text, ".{:09} +0000 UTC m=+{}.{:09}", unix_ns % SECOND_NS, uptime_ns / SECOND_NS, uptime_ns % SECOND_NS);
    text
}

/// Reads an RFC 3339 time in UTC (`Z`, `+00:00` or any other offset); `None` before 1970 or when malformed.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let rest = rest.strip_prefix(['T', 't', ' ']).filter(|_| (1..=12).contains(&month) && (1..=31).contains(&day))?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let offset_s = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (h, m) = zone.get(1..)?.split_once(':')?;
            sign * (h.parse::<i64>().ok()? * 3_600 + m.parse::<i64>().ok()? * 60)
        }
    };
    let fraction_ns: u64 = match fraction {
        "" => 0,
        digits => format!("{digits:0<9}").get(..9)?.parse().ok()?,
    };
    let seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY as i64 + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds - offset_s).ok()?.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

fn date_and_time(unix_ns: u64, between: char) -> String {
    let seconds = unix_ns / SECOND_NS;
    let (year, month, day) = civil_from_days((seconds / SECONDS_PER_DAY) as i64);
    let s = seconds % SECONDS_PER_DAY;
    format!("{year:04}-{month:02}-{day:02}{between}{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

fn push_fraction(text: &mut String, fraction_ns: u64) {
    if fraction_ns > 0 {
        let digits = format!("{fraction_ns:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

/// Days since 1970-01-01 to a date (Howard Hinnant's algorithm).
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_of_the_fraction_are_trimmed() {
        let second = 1_790_735_993 * SECOND_NS;
        assert_eq!(rfc3339_nanos(second + 760_277_280), "2026-09-30T02:39:53.76027728Z");
        assert_eq!(rfc3339_nanos(second), "2026-09-30T02:39:53Z");
        assert_eq!(rfc3339_nanos(second + 1), "2026-09-30T02:39:53.000000001Z");
        assert_eq!(rfc3339_full(second + 760_000_000), "2026-09-30T02:39:53.760000000Z");
        assert_eq!(rfc3339_micros(second + 407_329_999), "2026-09-30T02:39:53.407329Z");
    }

    #[test]
    fn what_is_written_reads_back() {
        for ns in [0, 1, 1_790_735_993_760_277_280, 1_709_164_800_000_000_000, 4_102_444_799_999_999_999] {
            assert_eq!(parse_rfc3339(&rfc3339_nanos(ns)), Some(ns), "{}", rfc3339_nanos(ns));
        }
        assert_eq!(parse_rfc3339("2026-09-30T04:39:53+02:00"), Some(1_790_735_993 * SECOND_NS));
        assert_eq!(parse_rfc3339("2026-09-30"), None);
        assert_eq!(parse_rfc3339("2026-13-30T04:39:53Z"), None);
        assert_eq!(parse_rfc3339("0001-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_heartbeat_time_is_go_text() {
        let text = go_time_string(1_790_735_994_167_689_127, 12_240_233_883_420);
        assert_eq!(text, "2026-09-30 02:39:54.167689127 +0000 UTC m=+12240.233883420");
    }
}
