//! RFC 3339 times to and from UNIX nanoseconds.
//!
//! Owns the conversion and a cache that makes it cheap for streams, where many times differ in nothing but the fraction
//! of a second. Guarantees exactness to the nanosecond from 1970 to 2554, the range of a `u64`. Never reads a
//! clock and never guesses: what is not a time is a typed [`TimestampError`].
//!
//! Venues say "none" in four ways: no member, `null`, `""` and a zero time (Coinbase reference 7.3). The latter two are
//! 0 here: `""`, `0001-01-01T00:00:00Z` and of course `1970-01-01T00:00:00Z`.
//!
//! A leap second `23:59:60` (UTC) is read as the last nanosecond of `23:59:59`: UNIX time has no room for it, and this
//! keeps times in order. Any other `:60` is refused.

use crate::record::digits::billionths;

const NS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const NS_PER_DAY: u64 = SECONDS_PER_DAY * NS_PER_SECOND;
/// Bytes of the date, `2026-11-22`.
const DATE_BYTES: usize = 10;
/// Bytes up to the second, `2026-11-22T01:02:03`.
const SECOND_BYTES: usize = 19;
/// The end of those bytes in a leap second.
const LEAP_SECOND: &[u8] = b"60";
/// What Go and Java services send for "no time".
const YEAR_ONE: &[u8; SECOND_BYTES] = b"0001-01-01T00:00:00";
/// The first year whose end lies beyond a `u64` of nanoseconds.
const YEAR_MAX: u64 = 2554;

/// Why a text is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not of the form `2026-11-22T01:02:03.456789Z`, or a field out of its range.
    #[error("not an RFC 3339 time")]
    Malformed,
    /// More than nine digits behind the point.
    #[error("RFC 3339 time is finer than nanoseconds")]
    TooFine,
    /// Before 1970 (and not the zero time of year 1) or after the year 2554.
    #[error("RFC 3339 time is outside 1970 to 2554")]
    OutOfRange,
}

/// Reads a time as UNIX nanoseconds; 0 means "none" (see the module).
#[inline]
pub fn parse_rfc3339(text: &str) -> Result<u64, TimestampError> {
    let bytes = text.as_bytes();
    let Some((date, time)) = bytes.split_first_chunk::<DATE_BYTES>() else {
        return if bytes.is_empty() { Ok(0) } else { Err(TimestampError::Malformed) };
    };
    match day_of(date) {
        Ok(day) => at_time(day, time),
        Err(error) => zero_time(bytes).ok_or(error),
    }
}

/// Reads times of one stream: the text up to the second is read when it changes, of which there is one a second; the
/// fraction behind it always.
#[derive(Debug, Clone)]
pub struct Rfc3339Cache {
    second: [u8; SECOND_BYTES],
    /// UNIX time of that second in UTC, ns.
    second_ns: u64,
}

impl Default for Rfc3339Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Rfc3339Cache {
    /// A cache of the first second of UNIX time.
    #[must_use]
    pub const fn new() -> Self {
        Self { second: *b"1970-01-01T00:00:00", second_ns: 0 }
    }

    /// The same as [`parse_rfc3339`], for every text and whatever was read before.
    #[inline]
    pub fn parse(&mut self, text: &str) -> Result<u64, TimestampError> {
        match plain_utc(text) {
            Some((second, fraction_ns)) if *second == self.second => {
                self.second_ns.checked_add(fraction_ns).ok_or(TimestampError::OutOfRange)
            }
            _ => self.parse_and_keep(text),
        }
    }

    #[inline(never)]
    fn parse_and_keep(&mut self, text: &str) -> Result<u64, TimestampError> {
        let ns = parse_rfc3339(text)?;
        if let Some((second, fraction_ns)) = plain_utc(text) {
            // Neither a zero time nor a leap second: with these the fraction counts otherwise.
            if ns > 0 && !second.ends_with(LEAP_SECOND) {
                (self.second, self.second_ns) = (*second, ns.saturating_sub(fraction_ns));
            }
        }
        Ok(ns)
    }
}

/// The text up to the second and the fraction behind it in nanoseconds, of a text that is that, 1 to 9 digits and `Z`.
#[inline]
fn plain_utc(text: &str) -> Option<(&[u8; SECOND_BYTES], u64)> {
    match text.as_bytes().split_first_chunk() {
        Some((second, [b'.', digits @ .., b'Z'])) => Some((second, billionths(digits)?)),
        _ => None,
    }
}

/// Appends a time with nine digits behind the point: `2026-11-22T01:02:03.456789012Z`.
pub fn format_rfc3339_ns(unix_ns: u64, out: &mut Vec<u8>) {
    format(unix_ns, out, 9);
}

/// Appends a time with six digits behind the point, cut off rather than rounded: `2026-11-22T01:02:03.456789Z`.
pub fn format_rfc3339_us(unix_ns: u64, out: &mut Vec<u8>) {
    format(unix_ns, out, 6);
}

/// Appends a time to the second, cut off rather than rounded: `2026-11-22T01:02:03Z`.
pub fn format_rfc3339_s(unix_ns: u64, out: &mut Vec<u8>) {
    format(unix_ns, out, 0);
}

/// Days since 1970 of a date.
#[inline]
fn day_of(date: &[u8; DATE_BYTES]) -> Result<u64, TimestampError> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = date else {
        return Err(TimestampError::Malformed);
    };
    let year = two(y0, y1)?.wrapping_mul(100).wrapping_add(two(y2, y3)?);
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(TimestampError::Malformed),
    };
    if day == 0 || day > days_in_month {
        return Err(TimestampError::Malformed);
    }
    if !(1970..=YEAR_MAX).contains(&year) {
        return Err(TimestampError::OutOfRange);
    }
    Ok(days_from_civil(year, month, day))
}

/// Days since 1970 (H. Hinnant's days_from_civil; years begin in March so that the leap day is the last). Wrapping
/// arithmetic throughout: the callers keep the fields in range, and nothing wraps there.
#[inline]
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year.wrapping_sub(1) } else { year };
    let month = if month > 2 { month.wrapping_sub(3) } else { month.wrapping_add(9) };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(day).wrapping_sub(1);
    let leap_days = (year_of_era / 4).wrapping_sub(year_of_era / 100);
    let day_of_era = year_of_era.wrapping_mul(365).wrapping_add(leap_days).wrapping_add(day_of_year);
    era.wrapping_mul(146_097).wrapping_add(day_of_era).wrapping_sub(719_468)
}

/// The reverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days.wrapping_add(719_468);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = day_of_era
        .wrapping_sub(day_of_era / 1_460)
        .wrapping_add(day_of_era / 36_524)
        .wrapping_sub(day_of_era / 146_096)
        / 365;
    let leap_days = (year_of_era / 4).wrapping_sub(year_of_era / 100);
    let day_of_year = day_of_era.wrapping_sub(year_of_era.wrapping_mul(365).wrapping_add(leap_days));
    let month = day_of_year.wrapping_mul(5).wrapping_add(2) / 153;
    let day = day_of_year.wrapping_sub(month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(1);
    let month = if month < 10 { month.wrapping_add(3) } else { month.wrapping_sub(9) };
    let year = era.wrapping_mul(400).wrapping_add(year_of_era).wrapping_add(u64::from(month <= 2));
    (year, month, day)
}

/// The time of day and the offset behind the date.
#[inline]
fn at_time(day: u64, time: &[u8]) -> Result<u64, TimestampError> {
    let (&[b'T' | b't', h0, h1, b':', m0, m1, b':', s0, s1], rest) =
        time.split_first_chunk::<9>().ok_or(TimestampError::Malformed)?
    else {
        return Err(TimestampError::Malformed);
    };
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    if hour > 23 || minute > 59 || second > 60 {
        return Err(TimestampError::Malformed);
    }
    let (fraction_ns, rest) = fraction(rest)?;
    let of_day = hour.wrapping_mul(3_600).wrapping_add(minute.wrapping_mul(60)).wrapping_add(second.min(59));
    let local =
        day.checked_mul(SECONDS_PER_DAY).and_then(|s| s.checked_add(of_day)).ok_or(TimestampError::OutOfRange)?;
    let seconds = match rest {
        b"Z" | b"z" => local,
        &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two(h0, h1)?, two(m0, m1)?);
            if hours > 23 || minutes > 59 {
                return Err(TimestampError::Malformed);
            }
            let offset = hours.wrapping_mul(3_600).wrapping_add(minutes.wrapping_mul(60));
            let utc = if sign == b'+' { local.checked_sub(offset) } else { local.checked_add(offset) };
            utc.ok_or(TimestampError::OutOfRange)?
        }
        _ => return Err(TimestampError::Malformed),
    };
    let ns = if second == 60 {
        if seconds % SECONDS_PER_DAY != SECONDS_PER_DAY.wrapping_sub(1) {
            return Err(TimestampError::Malformed);
        }
        NS_PER_SECOND.wrapping_sub(1)
    } else {
        fraction_ns
    };
    seconds.checked_mul(NS_PER_SECOND).and_then(|whole| whole.checked_add(ns)).ok_or(TimestampError::OutOfRange)
}

/// The digits behind a point, if there is one, in nanoseconds; and what follows.
#[inline]
fn fraction(text: &[u8]) -> Result<(u64, &[u8]), TimestampError> {
    let Some((b'.', digits)) = text.split_first() else {
        return Ok((0, text));
    };
    let mut ns = 0_u64;
    let mut scale = NS_PER_SECOND;
    let mut rest = digits;
    while let Some((&byte @ b'0'..=b'9', behind)) = rest.split_first() {
        if scale == 1 {
            return Err(TimestampError::TooFine);
        }
        scale /= 10;
        ns = ns.wrapping_mul(10).wrapping_add(u64::from(byte & 0x0f));
        rest = behind;
    }
    if scale == NS_PER_SECOND {
        return Err(TimestampError::Malformed);
    }
    Ok((ns.wrapping_mul(scale), rest))
}

/// The zero time of year 1, in UTC, with any fraction of zeros.
#[cold]
fn zero_time(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(YEAR_ONE)?;
    match fraction(rest) {
        Ok((0, b"Z" | b"z" | b"+00:00" | b"-00:00")) => Some(0),
        _ => None,
    }
}

#[inline]
fn two(high: u8, low: u8) -> Result<u64, TimestampError> {
    let (high, low) = (high.wrapping_sub(b'0'), low.wrapping_sub(b'0'));
    if high > 9 || low > 9 {
        return Err(TimestampError::Malformed);
    }
    Ok(u64::from(high.wrapping_mul(10).wrapping_add(low)))
}

fn format(unix_ns: u64, out: &mut Vec<u8>, fraction_digits: usize) {
    let (year, month, day) = civil_from_days(unix_ns / NS_PER_DAY);
    let seconds = unix_ns / NS_PER_SECOND % SECONDS_PER_DAY;
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let (date_time, behind) = text.split_at_mut(19);
    put(date_time, 0..4, year);
    put(date_time, 5..7, month);
    put(date_time, 8..10, day);
    put(date_time, 11..13, seconds / 3_600);
    put(date_time, 14..16, seconds / 60 % 60);
    put(date_time, 17..19, seconds % 60);
    put(behind, 1..10, unix_ns % NS_PER_SECOND);
    out.extend_from_slice(date_time);
    if fraction_digits > 0 {
        out.extend(behind.iter().take(fraction_digits.saturating_add(1)));
    }
    out.push(b'Z');
}

/// Writes the last digits of `value` over a field.
fn put(text: &mut [u8], field: core::ops::Range<usize>, mut value: u64) {
    for digit in text.get_mut(field).unwrap_or_default().iter_mut().rev() {
        // Below ten: fits.
        *digit = b'0'.wrapping_add((value % 10) as u8);
        value /= 10;
    }
}

#[cfg(test)]
#[path = "timestamp_tests.rs"]
mod tests;
