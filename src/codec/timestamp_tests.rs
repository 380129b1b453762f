use super::*;
use crate::codec::test_captures;
use proptest::prelude::*;

fn text_of(format: fn(u64, &mut Vec<u8>), ns: u64) -> String {
    let mut out = Vec::new();
    format(ns, &mut out);
    String::from_utf8(out).unwrap()
}

/// Counts days one month at a time: slow and plain, sharing nothing with the code under test.
fn oracle_ns(year: u64, month: u64, day: u64, seconds_of_day: u64, ns: u64) -> u128 {
    let leap = |y: u64| y.is_multiple_of(400) || (y.is_multiple_of(4) && !y.is_multiple_of(100));
    let length = |y: u64, m: u64| match m {
        2 => 28 + u64::from(leap(y)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let mut days = 0;
    for y in 1970..year {
        days += 365 + u64::from(leap(y));
    }
    for m in 1..month {
        days += length(year, m);
    }
    days += day - 1;
    u128::from(days * 86_400 + seconds_of_day) * 1_000_000_000 + u128::from(ns)
}

#[test]
fn reads_what_the_venues_send() {
    for (text, ns) in [
        ("2026-09-30T02:39:53.76027728Z", 1_790_735_993_760_277_280),
        ("2026-09-30T02:39:59.3399403Z", 1_790_735_999_339_940_300),
        ("2026-09-30T02:39:53Z", 1_790_735_993_000_000_000),
        ("2026-09-30T02:39:53.5z", 1_790_735_993_500_000_000),
        ("2026-09-30t02:39:53.500000000Z", 1_790_735_993_500_000_000),
        ("2016-06-22T18:41:36.201836422Z", 1_466_620_896_201_836_422),
        ("2026-09-30T04:39:53+02:00", 1_790_735_993_000_000_000),
        ("2026-09-29T21:09:53-05:30", 1_790_735_993_000_000_000),
        ("2026-10-01T00:00:00+23:59", 1_790_726_460_000_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
        ("2554-07-21T23:34:33.709551615Z", u64::MAX),
    ] {
        assert_eq!(parse_rfc3339(text), Ok(ns), "{text}");
        assert_eq!(Rfc3339Cache::new().parse(text), Ok(ns), "{text}");
    }
}

#[test]
fn every_way_to_say_none_is_zero() {
    for text in [
        "",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000Z",
        "0001-01-01T00:00:00+00:00",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000000000Z",
        "1970-01-01T01:00:00+01:00",
    ] {
        assert_eq!(parse_rfc3339(text), Ok(0), "{text:?}");
    }
}

#[test]
fn what_is_not_a_time_is_said_to_be_none() {
    use TimestampError::{Malformed, OutOfRange, TooFine};
    for (text, error) in [
        ("2026-09-30", Malformed),
        ("2026-09-30T02:39:53", Malformed),
        ("2026-09-30T02:39:53.Z", Malformed),
        ("2026-09-30T02:39:53,5Z", Malformed),
        ("2026-09-30T02:39:53.5", Malformed),
        ("2026-09-30T02:39:53.5ZZ", Malformed),
        (" 2026-09-30T02:39:53Z", Malformed),
        ("2026-09-30 02:39:54.167689127 +0000 UTC m=+12240.233883420", Malformed),
        ("2026-13-01T00:00:00Z", Malformed),
        ("2026-00-01T00:00:00Z", Malformed),
        ("2026-02-29T00:00:00Z", Malformed),
        ("2100-02-29T00:00:00Z", Malformed),
        ("2026-04-31T00:00:00Z", Malformed),
        ("2026-04-00T00:00:00Z", Malformed),
        ("2026-04-01T24:00:00Z", Malformed),
        ("2026-04-01T00:60:00Z", Malformed),
        ("2026-04-01T00:00:61Z", Malformed),
        ("2026-04-01T00:00:00+24:00", Malformed),
        ("2026-04-01T00:00:00+00:60", Malformed),
        ("2026-04-01T00:00:00+0000", Malformed),
        ("2O26-04-01T00:00:00Z", Malformed),
        ("null", Malformed),
        ("２０２６-04-01", Malformed),
        ("2026-04-01T00:00:00.0000000001Z", TooFine),
        ("1969-12-31T23:59:59Z", OutOfRange),
        ("1970-01-01T00:59:59+01:00", OutOfRange),
        ("0001-01-01T00:00:01Z", OutOfRange),
        ("0001-01-02T00:00:00Z", OutOfRange),
        ("0001-01-01T00:00:00+01:00", OutOfRange),
        ("2554-07-21T23:34:33.709551616Z", OutOfRange),
        ("9999-12-31T23:59:59Z", OutOfRange),
    ] {
        assert_eq!(parse_rfc3339(text), Err(error), "{text}");
        assert_eq!(Rfc3339Cache::new().parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_leap_second_is_the_last_nanosecond_before_it() {
    let midnight = parse_rfc3339("2017-01-01T00:00:00Z").unwrap();
    for text in ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.25Z", "2017-01-01T00:59:60+01:00"] {
        assert_eq!(parse_rfc3339(text), Ok(midnight - 1), "{text}");
    }
    for text in ["2016-12-31T23:58:60Z", "2016-12-31T22:59:60Z", "2016-12-31T23:59:60+01:00"] {
        assert_eq!(parse_rfc3339(text), Err(TimestampError::Malformed), "{text}");
    }
}

#[test]
fn a_failed_text_does_not_spoil_the_cache() {
    let mut cache = Rfc3339Cache::new();
    let good = "2026-09-30T02:39:53.76027728Z";
    let ns = cache.parse(good).unwrap();
    assert!(cache.parse("2026-09-30T02:39:53.76027728").is_err());
    assert!(cache.parse("2026-09-30X").is_err());
    assert_eq!(cache.parse(good), Ok(ns));
    assert_eq!(cache.parse(""), Ok(0));
    assert_eq!(cache.parse("0001-01-01T00:00:00Z"), Ok(0));
    assert_eq!(cache.parse("2026-09-30T02:39:53.76027729Z"), Ok(ns + 10));
    assert_eq!(cache.parse("2026-10-01T02:39:53.76027729Z"), Ok(ns + 10 + NS_PER_DAY));
}

#[test]
fn writes_three_precisions() {
    let ns = 1_790_735_993_760_277_289;
    assert_eq!(text_of(format_rfc3339_ns, ns), "2026-09-30T02:39:53.760277289Z");
    assert_eq!(text_of(format_rfc3339_us, ns), "2026-09-30T02:39:53.760277Z");
    assert_eq!(text_of(format_rfc3339_s, ns), "2026-09-30T02:39:53Z");
    assert_eq!(text_of(format_rfc3339_ns, 0), "1970-01-01T00:00:00.000000000Z");
    assert_eq!(text_of(format_rfc3339_ns, u64::MAX), "2554-07-21T23:34:33.709551615Z");
}

#[test]
fn every_day_of_six_centuries_is_right() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for days in 0..213_503_u64 {
        let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
        assert_eq!(parse_rfc3339(&text), Ok(days * NS_PER_DAY));
        assert_eq!(civil_from_days(days), (year, month, day));
        day += 1;
        let next = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
        if parse_rfc3339(&next).is_err() {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert_eq!((year, month), (2554, 7), "the walk came as far as the range does");
}

#[test]
fn the_recorded_streams_read_in_order() {
    let Some(text) = test_captures::text("coinbase/fastmm/advanced_md_stream.jsonl") else {
        return;
    };
    let mut cache = Rfc3339Cache::new();
    let mut seen = 0;
    for line in text.lines() {
        let frame: serde_json::Value = serde_json::from_str(line).unwrap();
        let stamp = frame["timestamp"].as_str().unwrap();
        let ns = cache.parse(stamp).unwrap();
        assert_eq!(parse_rfc3339(stamp), Ok(ns));
        // The venue trims trailing zeros, the writer does not.
        let written = text_of(format_rfc3339_ns, ns);
        assert_eq!(
            written.trim_end_matches('Z').trim_end_matches('0'),
            stamp.trim_end_matches('Z').trim_end_matches('0')
        );
        seen += 1;
    }
    assert!(seen > 100);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(ns in any::<u64>()) {
        prop_assert_eq!(parse_rfc3339(&text_of(format_rfc3339_ns, ns)), Ok(ns));
        prop_assert_eq!(parse_rfc3339(&text_of(format_rfc3339_us, ns)), Ok(ns / 1_000 * 1_000));
        prop_assert_eq!(parse_rfc3339(&text_of(format_rfc3339_s, ns)), Ok(ns / NS_PER_SECOND * NS_PER_SECOND));
    }

    #[test]
    fn reads_as_the_plain_oracle_does(year in 1970_u64..2554, month in 1_u64..13, day in 1_u64..29,
                                      second in 0_u64..86_400, ns in 0_u64..1_000_000_000, digits in 0_usize..10,
                                      offset_min in -1439_i64..1440) {
        let fraction = format!("{ns:09}");
        let kept: u64 = format!("{:0<9}", &fraction[..digits]).parse().unwrap();
        let point = if digits == 0 { "" } else { "." };
        let (hours, minutes) = (offset_min.abs() / 60, offset_min.abs() % 60);
        let sign = if offset_min < 0 { '-' } else { '+' };
        let text = format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{point}{}{sign}{hours:02}:{minutes:02}",
                           second / 3600, second / 60 % 60, second % 60, &fraction[..digits]);
        let expected = i128::try_from(oracle_ns(year, month, day, second, kept)).unwrap()
            - i128::from(offset_min) * 60_000_000_000;
        match u64::try_from(expected) {
            Ok(ns) => prop_assert_eq!(parse_rfc3339(&text), Ok(ns)),
            Err(_) => prop_assert_eq!(parse_rfc3339(&text), Err(TimestampError::OutOfRange)),
        }
    }

    #[test]
    fn the_cache_answers_as_if_it_were_not_there(texts in prop::collection::vec(prop_oneof![
        "(2026-09-30|2026-10-01|0001-01-01|1969-12-31)T0[0-9]:00:0[0-9](\\.[0-9]{1,10})?(Z|\\+0[0-9]:00|)",
        // Few seconds, so that they repeat: zero times, leap seconds, the last second there is.
        "(0001-01-01T00:00:00|1970-01-01T00:00:00|2016-12-31T23:59:(59|60)|2554-07-21T23:34:33)(\\.[0-9]{0,10})?[Zz]",
        "[0-9T:.Z-]{0,36}", Just(String::new())], 1..12)) {
        let mut cache = Rfc3339Cache::new();
        for text in texts.iter().chain(&texts) {
            prop_assert_eq!(cache.parse(text), parse_rfc3339(text), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = parse_rfc3339(&text);
        let _ = Rfc3339Cache::new().parse(&text);
    }
}
