//! Numbers and times as OANDA writes them (OANDA reference 2), and the way back.

use crate::sim::{parse_rfc3339, SECOND_NS};
use rust_decimal::Decimal;

/// Decimals of account money.
pub(crate) const MONEY_DECIMALS: u32 = 4;

/// Account money: four decimals, never a negative zero.
pub(crate) fn money(value: Decimal) -> String {
    price(value, MONEY_DECIMALS)
}

/// With exactly so many decimals.
pub(crate) fn price(value: Decimal, decimals: u32) -> String {
    let rounded = value.round_dp(decimals);
    let shown = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{shown:.*}", decimals as usize)
}

/// The shortest form.
pub(crate) fn units(value: Decimal) -> String {
    if value.is_zero() {
        "0".to_owned()
    } else {
        value.normalize().to_string()
    }
}

/// A decimal as clients may write it: digits with a sign and a point, nothing else.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    if plain {
        text.parse().ok()
    } else {
        None
    }
}

/// A time as clients may write it: RFC 3339, or UNIX seconds with a fraction.
pub(crate) fn time(text: &str) -> Option<u64> {
    parse_rfc3339(text).or_else(|| {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        seconds.parse::<u64>().ok()?.checked_mul(SECOND_NS)?.checked_add(fraction)
    })
}

/// The same body with its times as UNIX seconds, for `Accept-Datetime-Format: UNIX`: every string that has exactly the
/// form in which this venue writes times.
pub(crate) fn with_unix_times(body: &str) -> String {
    const LEN: usize = "2026-03-04T10:11:12.123456789Z".len();
    let mut out = String::with_capacity(body.len());
    let mut pieces = body.split('"');
    out.push_str(pieces.next().unwrap_or(""));
    for piece in pieces {
        out.push('"');
        match parse_rfc3339(piece).filter(|_| piece.len() == LEN && piece.ends_with('Z')) {
            Some(ns) => out.push_str(&format!("{}.{:09}", ns / SECOND_NS, ns % SECOND_NS)),
            None => out.push_str(piece),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_four_decimals_and_no_negative_zero() {
        assert_eq!(money("-0.00001".parse().unwrap()), "0.0000");
        assert_eq!(money("49999.99".parse().unwrap()), "49999.9900");
        assert_eq!(price("1.2".parse().unwrap(), 5), "1.20000");
        assert_eq!((units("1.50".parse().unwrap()), units("0.0".parse().unwrap())), ("1.5".into(), "0".into()));
    }

    #[test]
    fn what_is_no_plain_decimal_is_none() {
        assert_eq!(decimal("-1.5"), Some("-1.5".parse().unwrap()));
        assert!(["", "1e5", "abc", "1_000", " 1"].iter().all(|text| decimal(text).is_none()));
    }

    #[test]
    fn times_are_turned_in_place_and_read_in_both_forms() {
        let body = r#"{"time":"2026-03-04T10:11:12.123456789Z","id":"1","comment":"2026-03-04"}"#;
        let unix = r#"{"time":"1772619072.123456789","id":"1","comment":"2026-03-04"}"#;
        assert_eq!(with_unix_times(body), unix);
        assert_eq!(time("1772619072.123456789"), time("2026-03-04T10:11:12.123456789Z"));
        assert_eq!(time("tomorrow"), None);
    }
}
