//! The feed's messages one at a time, whole or in slices, the recorded stream, and a connection from its opening on.

use super::super::dialect::Dialect;
use super::super::limits;
use super::super::products::BookState;
use super::super::stream::Control;
use super::super::testing::{assert_bracketed, damaged, frame, instrument, read_sliced, uncut, Ear, Told};
use super::*;
use crate::codec::json::Plain;
use crate::codec::test_captures;
use crate::record::{BookSide, GapCause, InstrumentId, Side, UnixNanos};
use crate::venue::{Anomaly, BookEvent, BookEventKind, Channels, GapScope, StreamFact, SubscribedChannel};
use proptest::prelude::*;
use std::collections::BTreeMap;

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
/// 2026-09-30T02:03:12.699555Z
const TIME: UnixNanos = UnixNanos(1_790_733_792_699_555_000);
const RECORDED: &str = "coinbase/fastmm/exchange_md_stream.jsonl";
const SNAPSHOT: &str = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["83420.21","0.08080000"],["83421.13","0.1"]],"bids":[["83420.20","1.5"]],"time":"2026-09-30T02:03:12.699555Z"}"#;
const UPDATE: &str = r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","83404.02","0.00000000"],["sell","83420.21","0.5"]],"time":"2026-09-30T02:03:12.699555Z"}"#;

struct Feed {
    decoder: ExchangeDecoder,
    plain: Plain,
    ear: Ear,
}

impl Feed {
    /// BTC-USD and ETH-USD, subscribed and waiting for their snapshots.
    fn new() -> Feed {
        let mut decoder = ExchangeDecoder::new(None);
        for (id, symbol) in [(0, "BTC-USD"), (1, "ETH-USD")] {
            let index = decoder.products_mut().know(&instrument(id, symbol));
            let product = decoder.products_mut().get_mut(index).unwrap();
            (product.book, product.wanted) = (BookState::Waiting, Channels::BOOK | Channels::TRADES | Channels::TICKER);
        }
        Feed { decoder, plain: Plain::new(1 << 16), ear: Ear::default() }
    }

    fn whole(&mut self, text: &str) -> Control {
        self.decoder.message(&mut self.plain, &mut text.as_bytes().to_vec(), &mut self.ear)
    }

    fn told(&mut self, text: &str) -> Vec<Told> {
        self.whole(text);
        self.ear.take()
    }

    fn sliced(&mut self, text: &[u8], limits: (usize, usize)) -> Control {
        read_sliced(&mut self.decoder, &mut self.plain, &mut self.ear, text, limits)
    }

    fn book(&self, index: usize) -> BookState {
        self.decoder.products().get(index).unwrap().book
    }

    fn trades(&self, of: InstrumentId) -> Vec<(u64, bool)> {
        let trade = |told: &Told| match told {
            Told::Trade(trade) if trade.instrument == of => Some((trade.trade_id, trade.snapshot)),
            _ => None,
        };
        self.ear.told.iter().filter_map(trade).collect()
    }
}

fn trade(kind: &str, id: u64, side: &str) -> String {
    format!(
        r#"{{"type":"{kind}","trade_id":{id},"maker_order_id":"m","taker_order_id":"t","side":"{side}","size":"0.01","price":"83420.2","product_id":"BTC-USD","sequence":9,"time":"2026-09-30T02:03:12.699555Z"}}"#
    )
}

fn heartbeat(last: u64) -> String {
    format!(
        r#"{{"type":"heartbeat","last_trade_id":{last},"product_id":"BTC-USD","sequence":9,"time":"2026-09-30T02:03:13.000000Z"}}"#
    )
}

fn event(kind: BookEventKind) -> Told {
    Told::Book(BookEvent { instrument: BTC, kind, venue_time: TIME, sequence: 0 })
}

#[test]
fn a_snapshot_and_its_changes_are_told_with_exact_numbers_and_their_time() {
    let mut feed = Feed::new();
    assert_eq!(
        feed.told(SNAPSHOT),
        [
            event(BookEventKind::SnapshotFirst),
            Told::Level(BookSide::Ask, 8_342_021_000_000, 8_080_000),
            Told::Level(BookSide::Ask, 8_342_113_000_000, 10_000_000),
            Told::Level(BookSide::Bid, 8_342_020_000_000, 150_000_000),
            Told::BookEnd(true),
        ]
    );
    assert_eq!(feed.book(0), BookState::Held);
    assert_eq!(
        feed.told(UPDATE),
        [
            event(BookEventKind::Update),
            Told::Level(BookSide::Bid, 8_340_402_000_000, 0),
            Told::Level(BookSide::Ask, 8_342_021_000_000, 50_000_000),
            Told::BookEnd(true),
        ]
    );
    assert_eq!(feed.told(r#"{"type":"l2update","product_id":"BTC-USD","changes":[],"time":""}"#), []);
}

#[test]
fn an_empty_snapshot_still_empties_the_book() {
    let mut feed = Feed::new();
    let told = feed.told(r#"{"type":"snapshot","product_id":"BTC-USD","asks":[],"bids":[]}"#);
    assert!(matches!(told[..], [Told::Book(_), Told::BookEnd(true)]), "{told:?}");
}

#[test]
fn a_match_names_the_maker_and_a_ticker_the_taker_and_both_mean_the_same_aggressor() {
    let mut feed = Feed::new();
    let told = feed.told(&trade("match", 7, "sell"));
    let [Told::Trade(fact)] = told[..] else { panic!("{told:?}") };
    assert_eq!((fact.side, fact.price, fact.size), (Side::Buy, 8_342_020_000_000, 1_000_000));
    assert_eq!((fact.trade_id, fact.sequence, fact.venue_time), (7, 9, TIME));
    assert!(!fact.snapshot && fact.last);

    // The ticker of the same trade.
    let told = feed.told(
        r#"{"type":"ticker","sequence":9,"product_id":"BTC-USD","price":"83420.2","open_24h":"82900","volume_24h":"4000.5","low_24h":"82000","high_24h":"84000","volume_30d":"200000.5","best_bid":"83420.19","best_bid_size":"0.5","best_ask":"83420.21","best_ask_size":"0.25","side":"buy","time":"2026-09-30T02:03:12.699555Z","trade_id":7,"last_size":"0.01"}"#,
    );
    let [Told::Ticker(ticker), Told::Quote(quote)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(ticker.ticker.last_side, Some(Side::Buy));
    assert_eq!(ticker.ticker.high_24h.unwrap().to_string(), "84000");
    assert_eq!(ticker.ticker.volume_24h.unwrap().to_string(), "4000.5");
    assert_eq!(quote.words, [8_342_019_000_000, 50_000_000, 8_342_021_000_000, 25_000_000]);
    assert_eq!((quote.venue_time, quote.sequence), (TIME, 9));
}

#[test]
fn a_ticker_of_2021_without_the_two_sizes_carries_no_quote() {
    let mut feed = Feed::new();
    let told = feed.told(
        r#"{"type":"ticker","sequence":1,"product_id":"BTC-USD","price":"14.7","open_24h":"14.6","volume_24h":"1","low_24h":"14.3","high_24h":"16.5","volume_30d":"2","best_bid":"14.7","best_ask":"14.8","side":"sell","time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}"#,
    );
    assert!(matches!(&told[..], [Told::Ticker(t)] if t.ticker.last_side == Some(Side::Sell)), "{told:?}");
}

#[test]
fn the_last_match_before_the_subscription_is_no_news_and_begins_the_count() {
    let mut feed = Feed::new();
    feed.told(SNAPSHOT);
    let told = feed.told(&trade("last_match", 100, "buy"));
    assert!(matches!(told[..], [Told::Trade(fact)] if fact.snapshot && fact.side == Side::Sell), "{told:?}");
    assert_eq!(feed.told(&trade("match", 101, "buy")).len(), 1);
    let told = feed.told(&trade("match", 104, "buy"));
    assert_eq!(told[0], Told::Gap(GapScope::Instrument(BTC), GapCause::Sequence, 2));
    assert!(matches!(told[1], Told::Trade(fact) if fact.trade_id == 104), "what did arrive counts");
    assert_eq!(feed.book(0), BookState::Doubtful);
    assert!(feed.decoder.take_doubts());
    assert_eq!(feed.book(1), BookState::Waiting, "the other product lost nothing");
    let told = feed.told(&trade("match", 104, "buy"));
    assert!(matches!(told[..], [Told::Anomaly(Anomaly::Malformed, _)]), "{told:?}");
}

#[test]
fn a_heartbeat_tells_of_trades_that_never_came() {
    let mut feed = Feed::new();
    feed.told(SNAPSHOT);
    feed.told(&trade("last_match", 100, "buy"));
    assert_eq!(feed.told(&heartbeat(103)), [Told::Stream(StreamFact::Heartbeat)], "they may be on their way");
    assert_eq!(
        feed.told(&heartbeat(103)),
        [Told::Gap(GapScope::Instrument(BTC), GapCause::Sequence, 3), Told::Stream(StreamFact::Heartbeat)]
    );
    assert_eq!(feed.book(0), BookState::Doubtful);
    assert_eq!(feed.told(&heartbeat(103)), [Told::Stream(StreamFact::Heartbeat)]);
    assert_eq!(feed.told(&trade("match", 104, "buy")).len(), 1);
}

#[test]
fn acknowledgements_are_understood_by_the_names_they_use() {
    let mut feed = Feed::new();
    let control = feed.whole(
        r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["ETH-USD","BTC-USD"],"account_ids":null},{"name":"matches","product_ids":["BTC-USD"],"account_ids":null},{"name":"heartbeat","product_ids":["BTC-USD","ETH-USD"],"account_ids":null}]}"#,
    );
    assert_eq!((control, feed.ear.take()), (Control::Listed, vec![]));
    let listed = |feed: &Feed| [0, 1].map(|i| feed.decoder.products().get(i).unwrap().listed);
    assert_eq!(listed(&feed), [Channels::BOOK | Channels::TRADES, Channels::BOOK]);
    assert!(feed.decoder.listed().heartbeats);
    assert_eq!(feed.whole(r#"{"type":"subscriptions","channels":[]}"#), Control::Listed);
    assert_eq!(listed(&feed), [Channels::NONE; 2]);
}

#[test]
fn an_error_says_what_and_why() {
    let mut feed = Feed::new();
    let text = r#"{"type":"error","message":"Failed to subscribe","reason":"nosuch is not a valid channel"}"#;
    assert_eq!(feed.whole(text), Control::Error);
    assert_eq!(feed.decoder.error(), "Failed to subscribe: nosuch is not a valid channel");
    assert!(matches!(&feed.ear.take()[..], [Told::Anomaly(Anomaly::VenueError, text)] if text.contains("nosuch")));
}

#[test]
fn what_cannot_be_read_doubts_what_it_may_have_changed() {
    for (text, doubted, other) in [
        ("{", BookState::Doubtful, BookState::Doubtful),
        (r#"{"product_id":"BTC-USD"}"#, BookState::Doubtful, BookState::Doubtful),
        (r#"{"type":"l2update","changes":[]}"#, BookState::Doubtful, BookState::Doubtful),
        (r#"{"type":"l2update","product_id":"BTC-USD"}"#, BookState::Doubtful, BookState::Waiting),
        (
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1"]]}"#,
            BookState::Doubtful,
            BookState::Waiting,
        ),
        (
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["bid","1","1"]]}"#,
            BookState::Doubtful,
            BookState::Waiting,
        ),
        (r#"{"type":"match","product_id":"BTC-USD","trade_id":1}"#, BookState::Held, BookState::Waiting),
        (r#"{"type":"done","product_id":"BTC-USD"}"#, BookState::Held, BookState::Waiting),
    ] {
        let mut feed = Feed::new();
        feed.told(SNAPSHOT);
        let told = feed.told(text);
        assert_bracketed(&told);
        assert!(told.iter().any(|t| matches!(t, Told::Anomaly(..))), "{text}: {told:?}");
        assert_eq!((feed.book(0), feed.book(1)), (doubted, other), "{text}");
        assert_eq!(told.iter().any(|t| matches!(t, Told::Gap(..))), doubted == BookState::Doubtful, "{text}");
    }
}

#[test]
fn what_is_not_utf8_is_said_to_be_so_and_nothing_of_it_is_told() {
    for bytes in [&b"\xff"[..], b"{\"type\":\"\xed\xa0\x80\"}", b"{\"type\":\"heartbeat\",\"sequence\":\xc3}"] {
        let mut feed = Feed::new();
        let control = feed.decoder.message(&mut feed.plain, &mut bytes.to_vec(), &mut feed.ear);
        assert_eq!((control, feed.ear.take()), (Control::NotUtf8, vec![]), "{bytes:?}");
    }
}

#[test]
fn a_sliced_snapshot_brings_its_time_with_its_last_level() {
    let mut feed = Feed::new();
    feed.sliced(SNAPSHOT.as_bytes(), (64, 1));
    let last = feed.ear.told.iter().rposition(|t| matches!(t, Told::Book(_))).unwrap();
    assert_eq!(
        feed.ear.told[last..],
        [
            event(BookEventKind::SnapshotMore),
            Told::Level(BookSide::Bid, 8_342_020_000_000, 150_000_000),
            Told::BookEnd(true)
        ]
    );
    assert_eq!(feed.book(0), BookState::Held);
}

#[test]
fn a_sliced_snapshot_without_its_second_side_is_none() {
    let mut feed = Feed::new();
    feed.sliced(br#"{"type":"snapshot","product_id":"BTC-USD","asks":[["1","1"],["2","1"]],"time":""}"#, (64, 1));
    assert_eq!(feed.book(0), BookState::Doubtful);
    assert_eq!(feed.ear.gaps().len(), 1);
    assert_bracketed(&feed.ear.told);
}

fn recorded() -> Vec<String> {
    test_captures::text(RECORDED).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn the_recorded_stream_is_read_without_an_anomaly_or_a_gap() {
    let lines = recorded();
    for sliced in [false, true] {
        let mut feed = Feed::new();
        for line in &lines {
            match sliced {
                false => feed.whole(line),
                true => feed.sliced(line.as_bytes(), (1_024, 16)),
            };
        }
        assert_eq!((feed.ear.anomalies(), feed.ear.gaps()), (vec![], vec![]));
        if lines.is_empty() {
            continue;
        }
        assert_eq!(lines.len(), 400);
        assert_eq!((feed.book(0), feed.book(1)), (BookState::Held, BookState::Held));
        let (btc, eth) = (feed.trades(BTC), feed.trades(ETH));
        assert_eq!(btc.len() + eth.len(), 61 + 2);
        for ids in [btc, eth] {
            assert!(ids.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1 && !pair[1].1) && ids[0].1, "{ids:?}");
        }
        let ends = feed.ear.told.iter().filter(|t| **t == Told::BookEnd(true)).count();
        assert_eq!(ends, 314 + 2, "every update and both snapshots");
    }
}

#[test]
fn the_recorded_books_are_never_crossed() {
    let mut feed = Feed::new();
    for line in recorded() {
        feed.whole(&line);
    }
    let mut books: [[BTreeMap<i64, i64>; 2]; 2] = Default::default();
    let mut of = 0;
    for told in &feed.ear.told {
        match told {
            Told::Book(event) => of = event.instrument.index(),
            Told::Level(side, price, 0) => {
                books[of][*side as usize].remove(price);
            }
            Told::Level(side, price, size) => {
                books[of][*side as usize].insert(*price, *size);
            }
            Told::BookEnd(true) => {
                let [bids, asks] = &books[of];
                let best = (bids.last_key_value().unwrap().0, asks.first_key_value().unwrap().0);
                assert!(best.0 < best.1, "{best:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn one_recorded_match_removed_is_noticed_whichever_it_is() {
    let lines = recorded();
    let matches: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with(r#"{"type":"match""#)).collect();
    for removed in &matches {
        let mut feed = Feed::new();
        for (_, line) in lines.iter().enumerate().filter(|(at, _)| at != removed) {
            feed.whole(line);
        }
        // The last trades of the recording have neither a trade nor two heartbeats behind them.
        let told: u64 = feed.ear.gaps().iter().map(|(_, _, missed)| missed).sum();
        let product = if lines[*removed].contains("BTC-USD") { "BTC-USD" } else { "ETH-USD" };
        let later = |kind: &str| {
            let kind = format!(r#"{{"type":"{kind}""#);
            lines[removed + 1..].iter().filter(|l| l.starts_with(&kind) && l.contains(product)).count()
        };
        let noticeable = later("match") > 0 || later("heartbeat") > 1;
        assert_eq!(told, u64::from(noticeable), "line {removed}");
        let index = usize::from(product == "ETH-USD");
        assert_eq!(feed.book(index) == BookState::Doubtful, noticeable, "line {removed}");
        assert_eq!(feed.book(1 - index), BookState::Held, "line {removed}");
    }
    assert!(lines.is_empty() || matches.len() == 61);
}

#[test]
fn the_synthetic_frames_are_read_but_for_their_own_error_and_the_full_channel() {
    let text = test_captures::text("coinbase/synthetic/exchange_feed.jsonl").unwrap_or_default();
    let mut feed = Feed::new();
    for line in text.lines() {
        feed.whole(line);
    }
    let found: Vec<_> = feed.ear.anomalies().into_iter().map(|(kind, _)| kind).collect();
    if !text.is_empty() {
        // `received`, `open`, `change`, `done`: the full channel is never subscribed, and said to be unknown.
        use Anomaly::{UnknownChannel, VenueError};
        assert_eq!(found, [UnknownChannel, UnknownChannel, UnknownChannel, UnknownChannel, VenueError]);
    }
    assert_eq!(feed.ear.gaps(), []);
}

fn levels(count: usize, side: Option<&str>) -> String {
    let level = |i: usize| {
        let side = side.map(|side| format!("\"{side}\",")).unwrap_or_default();
        format!(r#"[{side}"{}.25","0.{:08}"]"#, 100_000 + i, i + 1)
    };
    (0..count).map(level).collect::<Vec<_>>().join(",")
}

fn any_message() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_usize..600, 0_usize..600).prop_map(|(asks, bids)| format!(
            r#"{{"type":"snapshot","product_id":"BTC-USD","asks":[{}],"bids":[{}],"time":"2026-09-30T02:03:12.699555Z"}}"#,
            levels(asks, None),
            levels(bids, None)
        )),
        (0_usize..600).prop_map(|changes| format!(
            r#"{{"type":"l2update","product_id":"BTC-USD","changes":[{}],"time":"2026-09-30T02:03:12.699555Z"}}"#,
            levels(changes, Some("buy"))
        )),
        Just(trade("match", 7, "sell")),
        Just(heartbeat(7)),
        Just(r#"{"type":"subscriptions","channels":[]}"#.to_owned()),
    ]
}

#[test]
fn a_message_of_an_unknown_type_is_announced_however_long_it_is() {
    let changes = levels(300, Some("buy"));
    let text = format!(r#"{{"type":"l3update","product_id":"BTC-USD","changes":[{changes}]}}"#);
    let (mut whole, mut sliced) = (Feed::new(), Feed::new());
    whole.whole(&text);
    sliced.sliced(text.as_bytes(), (512, 16));
    let kinds = |feed: &Feed| feed.ear.anomalies().into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    assert_eq!((kinds(&whole), kinds(&sliced)), (vec![Anomaly::UnknownChannel], vec![Anomaly::UnknownChannel]));
}

/// Without the times of book events: a sliced one knows its own only at its end.
fn timeless(told: &[Told]) -> Vec<Told> {
    let mut told = uncut(told);
    for told in &mut told {
        if let Told::Book(event) = told {
            event.venue_time = UnixNanos::NONE;
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn slices_tell_what_the_whole_tells(text in any_message(), bytes in 256_usize..4_000, elements in 1_usize..200) {
        let (mut whole, mut sliced) = (Feed::new(), Feed::new());
        for feed in [&mut whole, &mut sliced] {
            feed.told(SNAPSHOT);
        }
        let control = whole.whole(&text);
        prop_assert_eq!(sliced.sliced(text.as_bytes(), (bytes, elements)), control);
        assert_bracketed(&sliced.ear.told);
        prop_assert_eq!(timeless(&sliced.ear.told), timeless(&whole.ear.told));
        prop_assert_eq!(sliced.book(0), whole.book(0));
    }

    #[test]
    fn no_damage_makes_it_panic_or_leaves_a_book_silently_wrong(
        text in any_message(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        truncate in any::<bool>(),
        sliced in any::<bool>(),
    ) {
        let mut feed = Feed::new();
        feed.told(SNAPSHOT);
        let bytes = damaged(text, &changes, truncate.then_some(cut));
        if sliced {
            feed.sliced(&bytes, (512, 16));
        } else {
            feed.whole(std::str::from_utf8(&bytes).unwrap());
        }
        assert_bracketed(&feed.ear.told);
        let doubtful = feed.book(0) == BookState::Doubtful;
        prop_assert!(!doubtful || !feed.ear.gaps().is_empty());
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_err() {
            prop_assert!(!feed.ear.anomalies().is_empty());
            prop_assert!(doubtful || sliced, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// A session and the venue's end of its connection.
struct Line {
    session: ExchangeSession,
    ear: Ear,
    now: UnixNanos,
}

impl Line {
    fn open(key: Option<ExchangeKey>, wants: &[(u32, &str, Channels)]) -> Line {
        let mut session = ExchangeSession::exchange(key, StreamConfig::default());
        for (id, symbol, channels) in wants {
            session.want(&instrument(*id, symbol), *channels).unwrap();
        }
        let mut line = Line { session, ear: Ear::default(), now: UnixNanos(1_793_613_600_000_000_000) };
        line.session.opened(line.now, &mut line.ear).unwrap();
        line
    }

    fn text(&mut self, text: &str) {
        let mut bytes = frame(0x81, text.as_bytes());
        let mut start = 0;
        loop {
            let progress = self.session.bytes(self.now, &mut bytes[start..], &mut self.ear).unwrap();
            start += progress.consumed;
            if !progress.more {
                break;
            }
        }
        assert_eq!(start, bytes.len());
    }

    fn ack(&mut self, sets: &[(&str, &str)]) {
        let channels: Vec<_> = sets
            .iter()
            .map(|(name, products)| format!(r#"{{"name":"{name}","product_ids":{products},"account_ids":null}}"#))
            .collect();
        self.text(&format!(r#"{{"type":"subscriptions","channels":[{}]}}"#, channels.join(",")));
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.session.time(self.now, &mut self.ear).unwrap();
    }

    fn asked(&mut self) -> Vec<String> {
        self.ear.take_frames().into_iter().map(|(_, text)| text).collect()
    }
}

#[test]
fn a_book_is_subscribed_behind_its_heartbeat_and_the_matches_that_tell_of_its_losses() {
    let mut line = Line::open(None, &[(0, "BTC-USD", Channels::BOOK)]);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["heartbeat"]}"#]);
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#)]);
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}"#]);
    line.text(&trade("last_match", 100, "buy"));
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#), ("matches", r#"["BTC-USD"]"#)]);
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#]);
    line.text(SNAPSHOT);
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#), ("matches", r#"["BTC-USD"]"#), ("level2_50", r#"["BTC-USD"]"#)]);
    assert!(line.session.healthy());
    let streams: Vec<_> = line.ear.told.iter().filter(|t| matches!(t, Told::Stream(_))).collect();
    assert_eq!(
        streams,
        [
            &Told::Stream(StreamFact::Subscribed(SubscribedChannel::Trades, BTC)),
            &Told::Stream(StreamFact::Subscribed(SubscribedChannel::Book, BTC)),
        ]
    );

    // A trade is missing: the book is fetched again, and nothing of it counts before its snapshot.
    line.text(&trade("match", 102, "buy"));
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#]);
    line.ear.take();
    line.text(UPDATE);
    assert_eq!(line.ear.take(), []);
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#), ("matches", r#"["BTC-USD"]"#)]);
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#]);
    line.text(SNAPSHOT);
    assert!(matches!(line.ear.told[0], Told::Book(BookEvent { kind: BookEventKind::SnapshotFirst, .. })));
}

#[test]
fn a_connection_without_wishes_is_kept_open_by_a_heartbeat() {
    let mut line = Line::open(None, &[]);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["heartbeat"]}"#]);
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#)]);
    line.text(&heartbeat(5));
    assert_eq!(line.ear.anomalies(), []);
    assert!(line.session.healthy());
    // Something is wanted of a product: its own heartbeat follows.
    line.session.want(&instrument(1, "ETH-USD"), Channels::TICKER).unwrap();
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["ETH-USD"],"channels":["heartbeat"]}"#]);
}

#[test]
fn with_a_key_every_subscription_is_signed_and_the_book_is_the_unbatched_one() {
    // Base64 of 16 zero bytes.
    let key = ExchangeKey::new("key-name", "AAAAAAAAAAAAAAAAAAAAAA==", "pass").unwrap();
    let mut line = Line::open(Some(key), &[(0, "BTC-USD", Channels::BOOK)]);
    let mut asked = line.asked();
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#)]);
    line.wait(limits::MESSAGE_GAP_MS);
    line.ack(&[("heartbeat", r#"["BTC-USD"]"#), ("matches", r#"["BTC-USD"]"#)]);
    line.wait(limits::MESSAGE_GAP_MS);
    asked.extend(line.asked());
    assert_eq!(asked.len(), 3);
    for (text, channel) in asked.iter().zip(["heartbeat", "matches", "level2"]) {
        let message: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(message["channels"][0], channel);
        assert_eq!((message["key"].as_str(), message["passphrase"].as_str()), (Some("key-name"), Some("pass")));
        assert_eq!(message["timestamp"], "1793613600");
        assert_eq!(message["signature"].as_str().map(str::len), Some(44));
    }
}

#[test]
fn silence_ends_the_connection() {
    let mut line = Line::open(None, &[(0, "BTC-USD", Channels::BOOK)]);
    line.now = line.now.plus_ms(limits::SILENCE_MS_MAX + 1);
    let error = line.session.time(line.now, &mut line.ear).unwrap_err();
    assert!(error.to_string().contains("silent"), "{error}");
}
