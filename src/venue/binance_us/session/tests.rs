use super::super::snapshot::{SnapshotOutcome, SnapshotReader};
use super::super::subscribe::CandleInterval;
use super::super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::json::ArraySlicer;
use crate::codec::test_captures;
use crate::record::{BookSide, Difference, GapCause, Side, SubscribedChannel};
use crate::venue::{BookEventKind, GapScope, StreamFact, BYTES_PER_CALL_MAX, LEVELS_PER_CALL_MAX};
use std::collections::BTreeMap;

mod recorded;

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

/// A server's text frame.
pub(super) fn frame(text: &str) -> Vec<u8> {
    let mut out = vec![0x81];
    match text.len() {
        len @ 0..=125 => out.push(len as u8),
        len @ 126..=65_535 => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
    out
}

/// Our own frames, unmasked, one text each; pongs as `pong:..`.
pub(super) fn sent(ear: &mut Ear) -> Vec<String> {
    let mut bytes = std::mem::take(&mut ear.sent);
    let mut out = Vec::new();
    let mut rest = bytes.as_mut_slice();
    while let [first, second, tail @ ..] = rest {
        let (opcode, short) = (*first & 0x0f, usize::from(*second & 0x7f));
        let (len, tail) = if short == 126 {
            let (len, tail) = tail.split_at_mut(2);
            (usize::from(u16::from_be_bytes([len[0], len[1]])), tail)
        } else {
            (short, tail)
        };
        let (mask, tail) = tail.split_at_mut(4);
        let (payload, tail) = tail.split_at_mut(len);
        payload.iter_mut().enumerate().for_each(|(i, byte)| *byte ^= mask[i % 4]);
        let text = String::from_utf8(payload.to_vec()).unwrap();
        out.push(match opcode {
            1 => text,
            10 => format!("pong:{text}"),
            other => format!("{other}:{text}"),
        });
        rest = tail;
    }
    out
}

struct Bench {
    session: StreamSession,
    data: MarketData,
    ear: Ear,
    now: UnixNanos,
}

impl Bench {
    fn new(symbols: &[&str], streams: Streams) -> Bench {
        let mut bench = Bench {
            session: StreamSession::new(StreamConfig::default()),
            data: MarketData::default(),
            ear: Ear::default(),
            now: NOW,
        };
        for (id, symbol) in symbols.iter().enumerate() {
            bench.session.want(&instrument(id as u32, symbol), streams, &mut bench.data).unwrap();
        }
        bench.session.opened(NOW, &mut bench.data, &mut bench.ear).unwrap();
        bench
    }

    /// With everything acknowledged.
    fn ready(symbols: &[&str], streams: Streams) -> Bench {
        let mut bench = Bench::new(symbols, streams);
        bench.acknowledge();
        bench
    }

    fn acknowledge(&mut self) {
        for _ in 0..100 {
            self.time();
            let Some(text) = sent(&mut self.ear).pop() else {
                if self.session.subscriptions.settled() {
                    return;
                }
                self.now = self.now.plus_ms(limits::MESSAGE_GAP_MS);
                continue;
            };
            let id = text.rsplit(':').next().unwrap().trim_end_matches('}').to_owned();
            self.feed(&format!(r#"{{"result":null,"id":{id}}}"#));
        }
        panic!("never settled");
    }

    fn time(&mut self) {
        self.session.time(self.now, &mut self.data, &mut self.ear).unwrap();
    }

    /// Feeds one message, in calls of the engine's kind; checks their budget.
    fn feed(&mut self, text: &str) -> usize {
        let mut bytes = frame(text);
        let (mut at, mut calls) = (0, 0);
        loop {
            let told = self.ear.told.len();
            let progress = self.session.bytes(self.now, &mut bytes[at..], &mut self.data, &mut self.ear).unwrap();
            let levels = self.ear.told[told..].iter().filter(|t| matches!(t, Told::Level(..))).count();
            assert!(levels <= 2 * LEVELS_PER_CALL_MAX, "{levels} levels in one call");
            at += progress.consumed;
            calls += 1;
            if !progress.more && (at == bytes.len() || progress.consumed == 0) {
                assert_eq!(at, bytes.len());
                return calls;
            }
        }
    }

    /// Answers the next snapshot request, if one is due, with this body.
    fn snapshot(&mut self, body: &str) -> Option<SnapshotOutcome> {
        let request = self.data.next_snapshot(self.now)?;
        Some(self.answer(request.instrument, body))
    }

    fn answer(&mut self, instrument: crate::record::InstrumentId, body: &str) -> SnapshotOutcome {
        let mut slicer = ArraySlicer::new(&["bids", "asks"]);
        assert_eq!(slicer.push(body.as_bytes()), body.len());
        slicer.finish();
        let (mut plain, mut reader) = (Plain::new(BYTES_PER_CALL_MAX), SnapshotReader::new(instrument));
        loop {
            let told = self.ear.told.len();
            let outcome = reader.step(self.now, &mut slicer, &mut plain, &mut self.data, &mut self.ear);
            let levels = self.ear.told[told..].iter().filter(|t| matches!(t, Told::Level(..))).count();
            assert!(levels <= LEVELS_PER_CALL_MAX + 1, "{levels} levels in one step");
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }
}

/// What a consumer of the facts holds.
#[derive(Debug, Default, PartialEq, Clone)]
struct Books(BTreeMap<u32, BTreeMap<(bool, i64), i64>>);

impl Books {
    fn apply(&mut self, told: &[Told]) {
        let mut current = None;
        for fact in told {
            match fact {
                Told::Book(event) => {
                    assert!(current.is_none(), "an event inside an event");
                    let book = self.0.entry(event.instrument.0).or_default();
                    if event.kind == BookEventKind::SnapshotFirst {
                        book.clear();
                    }
                    current = Some(event.instrument.0);
                }
                Told::Level(side, price, size) => {
                    let book = self.0.get_mut(&current.expect("a level inside an event")).unwrap();
                    let key = (*side == BookSide::Bid, *price);
                    if *size == 0 {
                        book.remove(&key);
                    } else {
                        book.insert(key, *size);
                    }
                }
                Told::BookEnd(_) => assert!(current.take().is_some(), "an end without an event"),
                _ => {}
            }
        }
        assert!(current.is_none());
    }

    fn of(told: &[Told]) -> Books {
        let mut books = Books::default();
        books.apply(told);
        books
    }
}

fn diff(symbol: &str, first: u64, last: u64, bids: &str, asks: &str) -> String {
    let time = NOW.0 / 1_000_000 + last;
    format!(
        r#"{{"stream":"{}@depth@100ms","data":{{"e":"depthUpdate","E":{time},"s":"{symbol}","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#,
        symbol.to_ascii_lowercase()
    )
}

#[test]
fn streams_are_subscribed_by_message_acknowledged_by_id_and_given_up_first() {
    let mut bench = Bench::new(&["BTCUSD", "ETHUSD"], Streams::TRADES.with(Streams::DIFFS));
    assert_eq!(
        sent(&mut bench.ear),
        [
            r#"{"method":"SUBSCRIBE","params":["btcusd@trade","btcusd@depth@100ms","ethusd@trade","ethusd@depth@100ms"],"id":1}"#
        ]
    );
    assert_eq!(bench.data.next_snapshot(NOW), None, "not before the diffs flow");
    bench.feed(r#"{"result":null,"id":1}"#);
    let confirmed =
        bench.ear.take().into_iter().filter(|t| matches!(t, Told::Stream(StreamFact::Subscribed(..)))).count();
    assert_eq!(confirmed, 4);
    assert!(bench.data.next_snapshot(NOW).is_some() && bench.data.next_snapshot(NOW).is_some());
    bench.session.want(&instrument(0, "BTCUSD"), Streams::QUOTES, &mut bench.data).unwrap();
    bench.now = NOW.plus_ms(limits::MESSAGE_GAP_MS);
    bench.time();
    assert_eq!(
        sent(&mut bench.ear),
        [r#"{"method":"UNSUBSCRIBE","params":["btcusd@trade","btcusd@depth@100ms"],"id":2}"#]
    );
    bench.feed(r#"{"result":null,"id":2}"#);
    bench.now = bench.now.plus_ms(limits::MESSAGE_GAP_MS);
    bench.time();
    assert_eq!(sent(&mut bench.ear), [r#"{"method":"SUBSCRIBE","params":["btcusd@bookTicker"],"id":3}"#]);
    assert!(!bench.session.healthy(&bench.data));
}

#[test]
fn messages_and_pongs_together_stay_below_the_venues_five_in_a_second() {
    let names: Vec<String> = (0..400).map(|n| format!("A{n}USD")).collect();
    let symbols: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&symbols, Streams::TRADES);
    let mut times = Vec::new();
    let mut pings = 0;
    for ms in 0..8_000_u64 {
        bench.now = NOW.plus_ms(ms);
        if bench.session.deadline().is_some_and(|due| due <= bench.now) {
            bench.time();
        }
        if ms % 130 == 0 {
            // Far more often than the venue does.
            let mut ping = vec![0x89, 2, b'p', b'0' + (ms % 10) as u8];
            bench.session.bytes(bench.now, &mut ping, &mut bench.data, &mut bench.ear).unwrap();
            pings += 1;
        }
        for text in sent(&mut bench.ear) {
            times.push(ms);
            if let Some((_, id)) = text.rsplit_once("\"id\":") {
                bench.feed(&format!(r#"{{"result":null,"id":{id}"#));
            }
        }
    }
    assert!(times.windows(5).all(|w| w[4] - w[0] > 1_000), "five in a second");
    assert!(bench.session.subscriptions.settled() && pings > 50);
    let mut ping = b"\x89\x02hi".to_vec();
    bench.now = bench.now.plus_ms(2_000);
    bench.session.bytes(bench.now, &mut ping, &mut bench.data, &mut bench.ear).unwrap();
    assert_eq!(sent(&mut bench.ear), ["pong:hi"], "at once where the limit allows it");
}

#[test]
fn a_connection_takes_1024_streams_and_not_one_more() {
    let mut bench = Bench::new(&[], Streams::NONE);
    for n in 0..512 {
        let streams = Streams::TRADES.with(Streams::DIFFS);
        bench.session.want(&instrument(n, &format!("A{n}USD")), streams, &mut bench.data).unwrap();
    }
    assert_eq!(bench.session.places_left(), 0);
    let one_more = bench.session.want(&instrument(600, "BTCUSD"), Streams::TRADES, &mut bench.data);
    assert_eq!(one_more, Err(WantError::TooManyStreams { max: 1_024 }));
    bench.session.want(&instrument(0, "A0USD"), Streams::NONE, &mut bench.data).unwrap();
    bench.session.want(&instrument(600, "BTCUSD"), Streams::TRADES, &mut bench.data).unwrap();
}

#[test]
fn a_refused_message_is_asked_again_stream_by_stream_and_the_bad_one_is_named() {
    let mut bench = Bench::new(&["BTCUSD", "BADUSD"], Streams::TRADES);
    sent(&mut bench.ear);
    bench.feed(r#"{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}"#);
    for (id, answer) in [(2, r#"{"result":null,"id":2}"#), (3, r#"{"code":2,"msg":"Invalid request"}"#)] {
        bench.now = bench.now.plus_ms(limits::MESSAGE_GAP_MS);
        bench.time();
        let text = sent(&mut bench.ear).pop().unwrap();
        assert!(text.ends_with(&format!("\"id\":{id}}}")) && text.matches('@').count() == 1, "{text}");
        bench.feed(answer);
    }
    let notices: Vec<_> =
        bench.ear.take().into_iter().filter_map(|t| if let Told::Stream(f) = t { Some(f) } else { None }).collect();
    assert!(
        matches!(notices[..], [StreamFact::Subscribed(SubscribedChannel::Trades, _), StreamFact::NotAsAsked(id, s)]
        if id.0 == 1 && s.difference == Difference::Refused)
    );
    assert!(bench.session.subscriptions.settled());
    bench.now = bench.now.plus_ms(limits::RETRY_MS_MIN);
    bench.time();
    assert_eq!(sent(&mut bench.ear).len(), 1, "asked again later");
}

#[test]
fn a_message_without_answer_is_repeated_once_and_then_ends_the_connection() {
    let mut bench = Bench::new(&["BTCUSD"], Streams::DIFFS);
    assert_eq!(sent(&mut bench.ear).len(), 1);
    bench.now = NOW.plus_ms(limits::ACK_GRACE_MS);
    bench.time();
    assert_eq!(sent(&mut bench.ear), [r#"{"method":"SUBSCRIBE","params":["btcusd@depth@100ms"],"id":2}"#]);
    bench.now = bench.now.plus_ms(limits::ACK_GRACE_MS);
    let ended = bench.session.time(bench.now, &mut bench.data, &mut bench.ear);
    assert!(matches!(ended, Err(SessionError::Resync(_))), "{ended:?}");
}

#[test]
fn silence_of_a_minute_ends_the_connection() {
    let mut bench = Bench::ready(&["BTCUSD"], Streams::TRADES);
    let deadline = bench.session.deadline().unwrap();
    assert_eq!(deadline, bench.now.plus_ms(limits::SILENCE_MS_MAX + 1));
    let ended = bench.session.time(deadline, &mut bench.data, &mut bench.ear);
    assert!(matches!(ended, Err(SessionError::Silent { .. })), "{ended:?}");
}

#[test]
fn a_connection_says_when_it_is_to_be_replaced() {
    let mut bench = Bench::ready(&["BTCUSD"], Streams::TRADES);
    assert_eq!(bench.session.replace_at(), Some(NOW.plus_ms(limits::REPLACE_AFTER_MS)));
    for text in [
        r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#,
        r#"{"e":"serverShutdown","E":1770123456789}"#,
    ] {
        bench.session.shutdown_at = UnixNanos::NONE;
        bench.feed(text);
        assert!(bench.session.shutdown_announced());
        assert_eq!(bench.session.replace_at(), Some(bench.now));
    }
}

#[test]
fn a_second_connection_takes_over_without_a_loss_or_a_repetition() {
    let mut bench = Bench::ready(&["BTCUSD"], Streams::TRADES.with(Streams::DIFFS).with(Streams::QUOTES));
    bench.feed(&diff("BTCUSD", 11, 12, r#"["100.00","1"]"#, ""));
    assert_eq!(
        bench.snapshot(r#"{"lastUpdateId":10,"bids":[["99","1"]],"asks":[["101","1"]]}"#),
        Some(SnapshotOutcome::Synced)
    );
    assert!(bench.session.healthy(&bench.data));
    let trade = |id: u64| {
        format!(
            r#"{{"stream":"btcusd@trade","data":{{"e":"trade","E":1,"s":"BTCUSD","t":{id},"p":"100","q":"1","T":1,"m":true,"M":true}}}}"#
        )
    };
    bench.feed(&trade(5));
    bench.ear.take();
    // The replacement, over the same memory.
    let mut second = StreamSession::new(StreamConfig::default());
    let wishes: Vec<_> = bench.session.wanted().collect();
    for (id, streams) in wishes {
        second.want(&instrument(id.0, "BTCUSD"), streams, &mut bench.data).unwrap();
    }
    second.opened(bench.now, &mut bench.data, &mut bench.ear).unwrap();
    let mut first = std::mem::replace(&mut bench.session, second);
    bench.acknowledge();
    assert!(bench.session.healthy(&bench.data), "without another snapshot");
    assert_eq!(bench.data.next_snapshot(bench.now), None);
    for text in [
        trade(5),
        trade(6),
        diff("BTCUSD", 11, 12, r#"["100.00","7"]"#, ""),
        diff("BTCUSD", 13, 13, r#"["100.00","2"]"#, ""),
    ] {
        bench.feed(&text);
    }
    std::mem::swap(&mut first, &mut bench.session);
    for text in [
        trade(6),
        trade(7),
        diff("BTCUSD", 13, 13, r#"["100.00","2"]"#, ""),
        diff("BTCUSD", 14, 14, "", r#"["101.00","0"]"#),
    ] {
        bench.feed(&text);
    }
    bench.session.closed(&mut bench.data);
    bench.session = first;
    bench.feed(&diff("BTCUSD", 15, 15, "", r#"["102.00","3"]"#));
    let told = bench.ear.take();
    let trades: Vec<u64> =
        told.iter().filter_map(|t| if let Told::Trade(f) = t { Some(f.trade_id) } else { None }).collect();
    let diffs: Vec<u64> =
        told.iter().filter_map(|t| if let Told::Book(e) = t { Some(e.sequence) } else { None }).collect();
    assert_eq!((trades, diffs), (vec![6, 7], vec![13, 14, 15]));
    assert!(!told.iter().any(|t| matches!(t, Told::Gap(..) | Told::Anomaly(..))));
    // Without any connection the book is given up and comes back by a snapshot.
    bench.session.closed(&mut bench.data);
    assert!(!bench.data.is_synced(crate::record::InstrumentId(0)));
}

#[test]
fn a_gap_resynchronises_one_symbol_and_the_diff_that_shows_it_is_not_lost() {
    let mut bench = Bench::ready(&["BTCUSD", "ETHUSD"], Streams::DIFFS);
    for _ in 0..2 {
        assert_eq!(
            bench.snapshot(r#"{"lastUpdateId":10,"bids":[["99","1"]],"asks":[]}"#),
            Some(SnapshotOutcome::Synced)
        );
    }
    bench.ear.take();
    bench.feed(&diff("BTCUSD", 11, 11, r#"["98","1"]"#, ""));
    bench.feed(&diff("BTCUSD", 14, 15, r#"["97","1"]"#, ""));
    bench.feed(&diff("ETHUSD", 11, 11, r#"["98","1"]"#, ""));
    let told = bench.ear.take();
    let btc = crate::record::InstrumentId(0);
    assert!(told.contains(&Told::Gap(GapScope::Instrument(btc), GapCause::Sequence, 2)));
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Gap(..))).count(), 1);
    assert!(bench.data.is_synced(crate::record::InstrumentId(1)) && !bench.data.is_synced(btc));
    let request = bench.data.next_snapshot(bench.now).unwrap();
    assert_eq!((request.instrument, request.limit, request.weight), (btc, 1_000, 50));
    assert_eq!(bench.data.next_snapshot(bench.now), None, "one symbol only");
    assert_eq!(bench.answer(btc, r#"{"lastUpdateId":12,"bids":[],"asks":[]}"#), SnapshotOutcome::TooOld);
    bench.now = bench.now.plus_ms(limits::SNAPSHOT_TOO_OLD_MS);
    assert_eq!(bench.snapshot(r#"{"lastUpdateId":13,"bids":[["90","1"]],"asks":[]}"#), Some(SnapshotOutcome::Synced));
    let books = Books::of(&bench.ear.take());
    assert_eq!(books.0[&0].keys().map(|(_, price)| price / 100_000_000).collect::<Vec<_>>(), [90, 97]);
}

#[test]
fn diffs_of_thousands_of_levels_are_told_in_parts_and_give_the_same_book() {
    let levels = |from: u32, count: u32| {
        (from..from + count).map(|n| format!(r#"["{n}.01000000","1.00000000"]"#)).collect::<Vec<_>>().join(",")
    };
    for (bids, asks) in [(2_144, 2_144), (2_144, 0), (0, 2_144), (600, 1)] {
        let mut bench = Bench::ready(&["BTCUSD"], Streams::DIFFS);
        assert_eq!(
            bench.snapshot(r#"{"lastUpdateId":10,"bids":[["1","1"]],"asks":[]}"#),
            Some(SnapshotOutcome::Synced)
        );
        let mut books = Books::of(&bench.ear.take());
        let text = diff("BTCUSD", 11, 20, &levels(10_000, bids), &levels(20_000, asks));
        assert!(bench.feed(&text) > 1);
        let told = bench.ear.take();
        books.apply(&told);
        assert_eq!(books.0[&0].len() as u32, 1 + bids + asks);
        assert!(!told.iter().any(|t| matches!(t, Told::Gap(..) | Told::Anomaly(..))));
        let ends: Vec<bool> =
            told.iter().filter_map(|t| if let Told::BookEnd(last) = t { Some(*last) } else { None }).collect();
        assert!(ends.iter().rev().skip(1).all(|last| !last) && ends.last() == Some(&true), "{ends:?}");
        let last_event = told.iter().rposition(|t| matches!(t, Told::Book(_))).unwrap();
        assert!(matches!(told[last_event + 1], Told::Level(..)), "the last part is never empty");
        // The same while the snapshot is still to come.
        let mut waiting = Bench::ready(&["BTCUSD"], Streams::DIFFS);
        waiting.feed(&text);
        assert_eq!(
            waiting.snapshot(r#"{"lastUpdateId":10,"bids":[["1","1"]],"asks":[]}"#),
            Some(SnapshotOutcome::Synced)
        );
        assert_eq!(Books::of(&waiting.ear.take()), books);
    }
}

#[test]
fn what_is_left_of_a_long_diff_does_not_follow_a_snapshot_that_came_meanwhile() {
    let btc = crate::record::InstrumentId(0);
    let mut bench = Bench::ready(&["BTCUSD"], Streams::DIFFS);
    bench.snapshot(r#"{"lastUpdateId":10,"bids":[],"asks":[]}"#);
    let levels = (1..3_000).map(|n| format!(r#"["{n}.01","1"]"#)).collect::<Vec<_>>().join(",");
    let mut bytes = frame(&diff("BTCUSD", 11, 20, &levels, ""));
    let read = |bench: &mut Bench, bytes: &mut [u8]| {
        let mut at = 0;
        loop {
            let progress = bench.session.bytes(bench.now, &mut bytes[at..], &mut bench.data, &mut bench.ear).unwrap();
            at += progress.consumed;
            if !progress.more && (at == bytes.len() || progress.consumed == 0) {
                return at;
            }
        }
    };
    let half = bytes.len() / 2;
    let begun = read(&mut bench, &mut bytes[..half]);
    assert!(bench.ear.told.iter().filter(|told| matches!(told, Told::Level(..))).count() > 500, "it was begun");
    // The engine found the book crossed.
    bench.data.resync(btc, bench.now);
    bench.now = bench.now.plus_ms(1_000);
    let snapshot = r#"{"lastUpdateId":30,"bids":[["1.00","7"],["2.01","5"]],"asks":[]}"#;
    assert_eq!(bench.snapshot(snapshot), Some(SnapshotOutcome::Synced));
    assert_eq!(begun + read(&mut bench, &mut bytes[begun..]), bytes.len());
    bench.feed(&diff("BTCUSD", 31, 31, r#"["1.00","8"]"#, ""));
    let told = bench.ear.take();
    let books = Books::of(&told);
    let held: Vec<_> = books.0[&0].values().copied().collect();
    assert_eq!(held, [800_000_000, 500_000_000], "two levels, of the snapshot and of what followed it");
    assert!(bench.data.is_synced(btc) && !told.iter().any(|told| matches!(told, Told::Gap(..))), "and it goes on");
}

#[test]
fn a_long_diff_that_breaks_off_is_a_gap_of_its_symbol() {
    let mut bench = Bench::ready(&["BTCUSD", "ETHUSD"], Streams::DIFFS);
    for _ in 0..2 {
        bench.snapshot(r#"{"lastUpdateId":10,"bids":[],"asks":[]}"#);
    }
    bench.ear.take();
    let levels = (0..1_500).map(|n| format!(r#"["{n}.01","1"]"#)).collect::<Vec<_>>().join(",");
    bench.feed(&diff("ETHUSD", 11, 12, &levels, r#"["1","no number"]"#));
    assert_eq!(bench.ear.gaps(), [(GapScope::Instrument(crate::record::InstrumentId(1)), GapCause::Malformed, 0)]);
    assert!(
        bench.data.is_synced(crate::record::InstrumentId(0)) && !bench.data.is_synced(crate::record::InstrumentId(1))
    );
}

#[test]
fn quotes_never_go_behind_each_other_nor_behind_the_book() {
    let mut bench = Bench::ready(&["BTCUSD"], Streams::DIFFS.with(Streams::QUOTES));
    let quote = |id: u64| {
        format!(
            r#"{{"stream":"btcusd@bookTicker","data":{{"u":{id},"s":"BTCUSD","b":"99.01","B":"30.28","a":"99.02","A":"31.57"}}}}"#
        )
    };
    bench.feed(&quote(9));
    bench.snapshot(r#"{"lastUpdateId":10,"bids":[],"asks":[]}"#);
    for text in [quote(10), quote(12), quote(11), diff("BTCUSD", 11, 15, "", ""), quote(14), quote(16)] {
        bench.feed(&text);
    }
    let quotes: Vec<_> =
        bench.ear.take().into_iter().filter_map(|t| if let Told::Quote(q) = t { Some(q) } else { None }).collect();
    assert_eq!(quotes.iter().map(|q| q.sequence).collect::<Vec<_>>(), [9, 12, 16]);
    assert_eq!(quotes[0].words, [9_901_000_000, 3_028_000_000, 9_902_000_000, 3_157_000_000]);
}

#[test]
fn every_other_stream_is_told_and_told_once() {
    let all = Streams::TRADES
        .with(Streams::AGGREGATED_TRADES)
        .with(Streams::DEPTH_5)
        .with(Streams::TICKER)
        .with(Streams::MINI_TICKER)
        .with(Streams::candles(CandleInterval::M1));
    let mut bench = Bench::ready(&["BNBBTC"], all);
    bench.ear.take();
    let texts = [
        r#"{"stream":"bnbbtc@aggTrade","data":{"e":"aggTrade","E":1633998288468,"s":"BNBBTC","a":425085,"p":"13.80480000","q":"2.10000000","f":439577,"l":439578,"T":1633998288467,"m":false,"M":true}}"#,
        r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":439578,"p":"0.001","q":"100","b":88,"a":50,"T":1672515782136,"m":true,"M":true}}"#,
        r#"{"stream":"bnbbtc@trade","data":{"M":true,"m":true,"T":1672515782136,"q":"100","p":"0.001","t":439579,"s":"BNBBTC","E":1672515782137,"e":"trade","new":[{}]}}"#,
        r#"{"stream":"bnbbtc@depth5@100ms","data":{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}}"#,
        r#"{"data":{"asks":[],"bids":[["0.0025","11"]],"lastUpdateId":161},"stream":"bnbbtc@depth5@100ms"}"#,
        r#"{"stream":"bnbbtc@kline_1m","data":{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}}"#,
        r#"{"stream":"bnbbtc@ticker","data":{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}}"#,
        r#"{"stream":"bnbbtc@miniTicker","data":{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}}"#,
    ];
    for text in texts.iter().chain(&texts) {
        bench.feed(text);
    }
    assert_eq!(bench.ear.anomalies(), []);
    let told = bench.ear.take();
    let trades: Vec<_> = told
        .iter()
        .filter_map(|t| if let Told::Trade(f) = t { Some((f.trade_id, f.side, f.price, f.size)) } else { None })
        .collect();
    assert_eq!(
        trades,
        [(439_578, Side::Buy, 1_380_480_000, 210_000_000), (439_579, Side::Sell, 100_000, 10_000_000_000)]
    );
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Book(e) if e.kind == BookEventKind::SnapshotFirst)).count(), 2);
    assert_eq!(Books::of(&told).0[&0].len(), 1);
    let tickers: Vec<_> = told
        .iter()
        .filter_map(|t| if let Told::Ticker(f) | Told::TickerBatch(f) = t { Some(f.ticker) } else { None })
        .collect();
    assert_eq!(tickers.len(), 2);
    assert_eq!(tickers[0].change_24h_percent.unwrap().to_string(), "250");
    assert_eq!((tickers[1].price.unwrap().to_string(), tickers[1].bid), ("0.0025".into(), None));
}

#[test]
fn what_cannot_be_read_is_named_and_touches_only_what_it_may_have_changed() {
    let mut bench = Bench::ready(&["BTCUSD", "ETHUSD"], Streams::DIFFS);
    let synced = |bench: &mut Bench, id: usize| {
        bench.now = bench.now.plus_ms(100_000);
        while bench.snapshot(&format!(r#"{{"lastUpdateId":{id},"bids":[],"asks":[]}}"#)).is_some() {}
        bench.ear.take();
    };
    synced(&mut bench, 1_000);
    let cases = [
        (
            r#"{"stream":"btcusd@trade","data":{"e":"trade","E":1,"s":"BTCUSD","t":1,"p":"1e9","q":"1","T":1,"m":true}}"#,
            0,
        ),
        (r#"{"stream":"btcusd@trade","data":{"e":"trade","s":"NOBODY","t":1,"p":"1","q":"1","T":1,"m":true}}"#, 0),
        (r#"{"stream":"btcusd@trade","data":{"e":"trade","#, 0),
        (r#"{"stream":"btcusd@new","data":{"e":"somethingNew","E":1}}"#, 0),
        (
            r#"{"stream":"btcusd@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSD","U":NEXT,"u":NEXT,"b":[["1"]],"a":[]}}"#,
            1,
        ),
        (r#"{"stream":"btcusd@depth@100ms","data":{"e":"depthUpdate","E":1,"#, 1),
        (r#"{"stream":"btcusd@depth@100ms","data":{"e":"depthUpdate","E":1,"b":[],"a":[]}}"#, 1),
        ("no JSON at all", 2),
        ("[]", 2),
    ];
    for (at, (text, gaps)) in cases.into_iter().enumerate() {
        let id = 1_000 + at;
        bench.feed(&text.replace("NEXT", &(id + 1).to_string()));
        assert_eq!((bench.ear.gaps().len(), bench.ear.anomalies().len()), (gaps, 1), "{text}");
        synced(&mut bench, id + 1);
    }
}
