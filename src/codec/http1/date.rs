//! The time a server sends its reply at, to and from UNIX nanoseconds.
//!
//! Owns the one form senders must use (RFC 9110 section 5.6.7, IMF-fixdate); the two obsolete ones are no time here. Exact
//! to the second, as the form is. Never reads a clock.

use crate::codec::timestamp::{format_rfc3339_s, parse_rfc3339};
use arrayvec::ArrayString;
use std::fmt::Write as _;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1 January 1970 was the first of these.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// `2026-11-22T01:02:03Z`: whatever is longer is no time.
const RFC3339_BYTES: usize = 20;
const NS_PER_DAY: u64 = 86_400_000_000_000;

/// Reads `Sun, 22 Nov 2026 01:02:03 GMT` as UNIX nanoseconds; `None` if it is anything else. The day of the week is not
/// compared with the date.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<u64> {
    let (_, date) = text.split_once(", ")?;
    let mut fields = date.split(' ');
    let (day, month, year, time) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if fields.next()? != "GMT" || fields.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?.saturating_add(1);
    let mut text = ArrayString::<RFC3339_BYTES>::new();
    write!(text, "{year}-{month:02}-{day}T{time}Z").ok()?;
    parse_rfc3339(&text).ok()
}

/// The time as a `Date` header says it, cut off to the second.
#[must_use]
pub fn format_http_date(unix_ns: u64) -> String {
    let mut text = Vec::with_capacity(32);
    format_rfc3339_s(unix_ns, &mut text);
    let text = String::from_utf8_lossy(&text);
    let field = |range| text.get(range).unwrap_or_default();
    let (year, day, time) = (field(0..4), field(8..10), field(11..19));
    let month = field(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let weekday = usize::try_from(unix_ns / NS_PER_DAY % 7).ok().and_then(|day| WEEKDAYS.get(day));
    let (month, weekday) = (month.copied().unwrap_or_default(), weekday.copied().unwrap_or_default());
    format!("{weekday}, {day} {month} {year} {time} GMT")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_standard_is_read_and_written() {
        let (text, unix_ns) = ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000_000_000);
        assert_eq!(parse_http_date(text), Some(unix_ns));
        assert_eq!(format_http_date(unix_ns + 999_999_999), text);
    }

    #[test]
    fn what_is_not_of_the_form_is_no_time() {
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT and more",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_is_read_as_it_was_written(second in 0u64..18_446_744_073) {
            prop_assert_eq!(parse_http_date(&format_http_date(second * 1_000_000_000)), Some(second * 1_000_000_000));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_http_date(&text);
        }
    }
}
