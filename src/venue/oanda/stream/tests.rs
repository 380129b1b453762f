use super::super::testing::{instrument, Ear, Told, UNIT};
use super::*;
use crate::codec::test_captures;
use crate::record::{InstrumentId, UnixNanos};
use proptest::prelude::*;

const EUR: InstrumentId = InstrumentId(0);

fn decoder() -> Decoder {
    let mut decoder = Decoder::new();
    for (id, name) in ["EUR_USD", "USD_JPY", "EUR_JPY", "DE30_EUR"].into_iter().enumerate() {
        let index = decoder.products.know(&instrument(id as u32, name));
        decoder.products.get_mut(index).unwrap().wanted = Channels::BOOK | Channels::TICKER;
    }
    decoder.opened();
    decoder
}

/// What lines tell, in the fast way where there is one, or only in the plain one.
fn told(lines: &[&str], plain_only: bool) -> Ear {
    let (mut decoder, mut plain, mut ear) = (decoder(), Plain::new(64 * 1024), Ear::default());
    for line in lines {
        let mut line = line.as_bytes().to_vec();
        match plain_only {
            true => decoder.plain_pricing_line(&mut plain, &mut line, &mut ear),
            false => decoder.pricing_line(&mut plain, &mut line, &mut ear),
        }
    }
    ear
}

fn both(line: &str) -> Ear {
    let fast = told(&[line], false);
    assert_eq!(fast.told, told(&[line], true).told, "{line}");
    fast
}

fn quote(ear: &Ear) -> [i64; 4] {
    ear.told.iter().find_map(|t| if let Told::Quote(fact) = t { Some(fact.words) } else { None }).expect("a quote")
}

const PRICE: &str = r#"{"type":"PRICE","time":"2026-03-04T10:11:11.900000000Z","bids":[{"price":"1.20010","liquidity":500000},{"price":"1.20009","liquidity":2000000}],"asks":[{"price":"1.20022","liquidity":500000}],"closeoutBid":"1.20001","closeoutAsk":"1.20032","status":"tradeable","tradeable":true,"instrument":"EUR_USD"}"#;

#[test]
fn a_price_is_a_whole_book_and_a_quote() {
    assert!(Price::scan(PRICE.as_bytes()).is_some(), "the recorded order of keys goes the fast way");
    let ear = both(PRICE);
    let time = UnixNanos(1_772_619_071_900_000_000);
    let event = BookEvent { instrument: EUR, kind: BookEventKind::SnapshotFirst, venue_time: time, sequence: 0 };
    let words = [120_010_000, 500_000 * UNIT, 120_022_000, 500_000 * UNIT];
    assert_eq!(
        ear.told,
        [
            Told::Stream(StreamFact::Subscribed(SubscribedChannel::Book, EUR)),
            Told::Stream(StreamFact::Subscribed(SubscribedChannel::Ticker, EUR)),
            Told::Status(EUR, TradingStatus::Online, time),
            Told::Book(event),
            Told::Level(BookSide::Bid, 120_010_000, 500_000 * UNIT),
            Told::Level(BookSide::Bid, 120_009_000, 2_000_000 * UNIT),
            Told::Level(BookSide::Ask, 120_022_000, 500_000 * UNIT),
            Told::BookEnd(true),
            Told::Quote(QuoteFact { instrument: EUR, words, venue_time: time, sequence: 0, snapshot: true }),
        ]
    );
    // The second one confirms nothing again.
    let second = told(&[PRICE, PRICE], false);
    assert_eq!(second.told.len(), 9 + 6);
}

#[test]
fn the_best_price_is_not_the_first_one_and_equal_prices_add_up() {
    let unsorted = PRICE.replace(r#""1.20010","liquidity":500000"#, r#""1.20008","liquidity":1"#).replace(
        r#"{"price":"1.20022","liquidity":500000}"#,
        r#"{"price":"1.20030","liquidity":7},{"price":"1.20022","liquidity":2},{"price":"1.20022","liquidity":3}"#,
    );
    let ear = both(&unsorted);
    assert_eq!(quote(&ear), [120_009_000, 2_000_000 * UNIT, 120_022_000, 5 * UNIT]);
    let asks = ear.told.iter().filter(|t| matches!(t, Told::Level(BookSide::Ask, ..))).count();
    assert_eq!(asks, 2);
}

#[test]
fn empty_sides_and_halts_are_told_as_they_are() {
    let closed = r#"{"type":"PRICE","time":"2026-03-04T22:00:00.000000000Z","bids":[],"asks":[],"closeoutBid":"1.20001","closeoutAsk":"1.20032","status":"non-tradeable","tradeable":false,"instrument":"EUR_USD"}"#;
    let ear = both(closed);
    assert_eq!(quote(&ear), [0; 4]);
    assert!(ear.told.iter().any(|t| matches!(t, Told::Status(_, TradingStatus::Halted, _))));
    let changes = told(&[PRICE, PRICE, closed, closed, PRICE], false);
    let statuses = changes.told.iter().filter(|t| matches!(t, Told::Status(..))).count();
    assert_eq!(statuses, 3, "a status is told when it changes");
}

#[test]
fn key_order_types_and_unknown_keys_do_not_matter() {
    let drifted = r#" { "instrument":"EUR_USD", "asks":[{"liquidity":"500000","price":"1.20022"}], "new":{"x":[1]}, "tradeable":true,"time":"2026-03-04T10:11:11.900000000Z","bids":[{"liquidity":500000,"price":"1.20010","y":null},{"price":"1.20009","liquidity":"2000000"}],"type":"PRICE"}"#;
    assert_eq!(told(&[drifted], false).told, both(PRICE).told);
    // 2016: no type, no tradeable (OANDA reference 6).
    let old = drifted.replace(r#","type":"PRICE""#, "").replace(r#""tradeable":true"#, r#""status":"tradeable""#);
    assert_eq!(told(&[&old], false).told, both(PRICE).told);
}

#[test]
fn what_cannot_be_read_changes_nothing_and_makes_the_book_doubtful() {
    let gap = |scope| Told::Gap(scope, GapCause::Malformed, 1);
    for (bad, scope) in [
        (PRICE.replace("1.20010", "1.2001x"), GapScope::Instrument(EUR)),
        (PRICE.replace("1.20010", "1.2001000001"), GapScope::Instrument(EUR)),
        (PRICE.replace("500000", "5e5"), GapScope::Connection),
        (PRICE.replace(r#","instrument":"EUR_USD""#, ""), GapScope::Connection),
        (PRICE.replace('}', ""), GapScope::Connection),
        (r#"["PRICE"]"#.to_owned(), GapScope::Connection),
    ] {
        let ear = both(&bad);
        let [Told::Anomaly(..), last] = &ear.told[..] else { panic!("{bad}: {:?}", ear.told) };
        assert_eq!(last, &gap(scope), "{bad}");
    }
    let many: String = (0..33).map(|i| format!(r#"{{"price":"1.{i:05}","liquidity":1}},"#)).collect();
    let long = PRICE.replace(r#"{"price":"1.20022","liquidity":500000}"#, many.trim_end_matches(','));
    assert!(matches!(both(&long).told[0], Told::Anomaly(Anomaly::TooLarge, _)));
    let other = both(&PRICE.replace("EUR_USD", "XAU_USD"));
    assert_eq!(other.told, [Told::Anomaly(Anomaly::UnknownInstrument, "XAU_USD".into())]);
}

#[test]
fn heartbeats_are_signs_of_life() {
    let ear = both(r#"{"type":"HEARTBEAT","time":"2026-03-04T10:11:16.000000001Z"}"#);
    assert_eq!(ear.told, [Told::Stream(StreamFact::Heartbeat)]);
}

#[test]
fn every_recorded_line_says_the_same_in_both_ways() {
    let mut fast = 0;
    for name in ["synthetic_observed_2026/pricing_stream.jsonl", "oandapyV20/pricing_stream_2016.jsonl"] {
        let Some(text) = test_captures::text(&format!("oanda/{name}")) else { return };
        for line in text.lines() {
            assert_eq!(both(line).anomalies(), [], "{line}");
            fast += usize::from(Price::scan(line.as_bytes()).is_some());
        }
    }
    assert_eq!(fast, 5, "prices of 2026 go the fast way");
}

fn bucket() -> impl Strategy<Value = (u32, u32)> {
    (0u32..200_000, 0u32..20_000_000)
}

proptest! {
    /// Prices in the recorded order, sound or damaged in one place, say the same in both ways.
    #[test]
    fn the_fast_way_says_what_the_plain_one_says(
        bids in proptest::collection::vec(bucket(), 0..12),
        asks in proptest::collection::vec(bucket(), 0..12),
        tradeable in any::<bool>(),
        damage in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let side = |buckets: &[(u32, u32)]| {
            let rows: Vec<_> = buckets
                .iter()
                .map(|(price, size)| format!(r#"{{"price":"{}.{:05}","liquidity":{size}}}"#, price / 100_000, price % 100_000))
                .collect();
            rows.join(",")
        };
        let mut line = format!(
            r#"{{"type":"PRICE","time":"2026-03-04T10:11:11.900000000Z","bids":[{}],"asks":[{}],"closeoutBid":"1","closeoutAsk":"2","status":"x","tradeable":{tradeable},"instrument":"EUR_USD"}}"#,
            side(&bids), side(&asks)
        ).into_bytes();
        prop_assert!(Price::scan(&line).is_some());
        if let Some((at, byte)) = damage {
            let at = at.index(line.len());
            line[at] = byte;
        }
        let run = |plain_only| {
            let (mut decoder, mut plain, mut ear) = (decoder(), Plain::new(4 * 1024), Ear::default());
            let mut line = line.clone();
            if plain_only {
                decoder.plain_pricing_line(&mut plain, &mut line, &mut ear);
            } else {
                decoder.pricing_line(&mut plain, &mut line, &mut ear);
            }
            ear.told
        };
        prop_assert_eq!(run(false), run(true));
    }
}
