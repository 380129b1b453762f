//! One message at a time, whole or in slices.

use super::super::testing::{assert_bracketed, damaged, instrument, read_sliced, uncut, Ear, Told};
use super::*;
use crate::codec::test_captures;
use crate::order::{FactSource, OrderFact, OrderStatus};
use crate::record::{BookSide, Fixed, Fixed128, InstrumentId, RejectClass, Side, Ticker};
use crate::venue::{BookEvent, BookEventKind, Channels, StreamFact};
use proptest::prelude::*;

mod futures;
mod slow_channels;
mod user_orders;

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
const EVERYTHING: Channels = Channels::BOOK
    .with(Channels::TRADES)
    .with(Channels::TICKER)
    .with(Channels::TICKER_BATCH)
    .with(Channels::CANDLES)
    .with(Channels::STATUS);
/// 2026-09-30T02:39:53.407329Z
const TIME: UnixNanos = UnixNanos(1_790_735_993_407_329_000);

thread_local! {
    static PLAIN: std::cell::Cell<Option<Plain>> = const { std::cell::Cell::new(None) };
}

impl Drop for Feed {
    fn drop(&mut self) {
        PLAIN.set(Some(std::mem::replace(&mut self.plain, Plain::new(0))));
    }
}

struct Feed {
    decoder: Decoder,
    plain: Plain,
    ear: Ear,
}

impl Feed {
    /// BTC-USD and ETH-USD, subscribed and waiting for their snapshots.
    fn new() -> Feed {
        let mut decoder = Decoder::new();
        for (id, symbol) in [(0, "BTC-USD"), (1, "ETH-USD")] {
            let index = decoder.products.know(&instrument(id, symbol));
            let product = decoder.products.get_mut(index).unwrap();
            (product.book, product.wanted) = (BookState::Waiting, EVERYTHING);
        }
        // Building one costs more than most tests.
        let plain = PLAIN.take().unwrap_or_else(|| Plain::new(1 << 17));
        Feed { decoder, plain, ear: Ear::default() }
    }

    fn whole(&mut self, text: &str) -> Control {
        self.decoder.message(&mut self.plain, &mut text.as_bytes().to_vec(), &mut self.ear)
    }

    /// What one message tells.
    fn told(&mut self, text: &str) -> Vec<Told> {
        self.whole(text);
        self.ear.take()
    }

    fn sliced(&mut self, text: &[u8], slice_bytes: usize, slice_elements: usize) -> Control {
        read_sliced(&mut self.decoder, &mut self.plain, &mut self.ear, text, (slice_bytes, slice_elements))
    }

    fn book(&self, index: usize) -> BookState {
        self.decoder.products.get(index).unwrap().book
    }
}

fn l2(sequence: u64, kind: &str, product: &str, levels: &str) -> String {
    format!(
        r#"{{"channel":"l2_data","timestamp":"2026-09-30T02:39:53.670986313Z","sequence_num":{sequence},"events":[{{"type":"{kind}","product_id":"{product}","updates":[{levels}]}}]}}"#
    )
}

fn level(side: &str, price: &str, size: &str) -> String {
    format!(
        r#"{{"side":"{side}","event_time":"2026-09-30T02:39:53.407329Z","price_level":"{price}","new_quantity":"{size}"}}"#
    )
}

fn snapshot(sequence: u64) -> String {
    l2(
        sequence,
        "snapshot",
        "BTC-USD",
        &[level("bid", "83277.25", "0.00715626"), level("offer", "83277.26", "0.1")].join(","),
    )
}

fn event(kind: BookEventKind, sequence: u64) -> Told {
    Told::Book(BookEvent { instrument: BTC, kind, venue_time: TIME, sequence })
}

#[test]
fn a_snapshot_and_an_update_are_told_in_wire_order_with_exact_numbers() {
    let mut feed = Feed::new();
    assert_eq!(
        feed.told(&snapshot(0)),
        [
            event(BookEventKind::SnapshotFirst, 0),
            Told::Level(BookSide::Bid, 8_327_725_000_000, 715_626),
            Told::Level(BookSide::Ask, 8_327_726_000_000, 10_000_000),
            Told::BookEnd(true),
        ]
    );
    assert_eq!(
        feed.told(&l2(1, "update", "BTC-USD", &level("offer", "83328.01", "0.00000000"))),
        [event(BookEventKind::Update, 1), Told::Level(BookSide::Ask, 8_332_801_000_000, 0), Told::BookEnd(true)]
    );
    assert_eq!(feed.book(0), BookState::Held);
}

#[test]
fn keys_in_any_order_and_unknown_keys_change_nothing() {
    let usual = Feed::new().told(&snapshot(0));
    let turned = r#"{"events":[{"updates":[{"new_quantity":"0.00715626","x":[1],"price_level":"83277.25","event_time":"2026-09-30T02:39:53.407329Z","side":"bid"},{"price_level":"83277.26","side":"offer","new_quantity":"0.1","event_time":null}],"new_key":{},"product_id":"BTC-USD","type":"snapshot"}],"sequence_num":"0","client_id":"","timestamp":"2026-09-30T02:39:53.670986313Z","channel":"l2_data"}"#;
    assert_eq!(Feed::new().told(turned), usual);
}

#[test]
fn an_update_before_the_snapshot_means_nothing() {
    let mut feed = Feed::new();
    assert_eq!(feed.told(&l2(0, "update", "BTC-USD", &level("bid", "1", "1"))), []);
    assert_eq!(feed.book(0), BookState::Waiting);
}

#[test]
fn an_empty_snapshot_empties_the_book() {
    let told = Feed::new().told(&l2(0, "snapshot", "BTC-USD", ""));
    let Told::Book(head) = told[0] else { panic!("{told:?}") };
    assert_eq!((head.kind, head.venue_time), (BookEventKind::SnapshotFirst, UnixNanos::NONE));
    assert_eq!(told[1..], [Told::BookEnd(true)]);
}

#[test]
fn a_number_that_does_not_fit_ends_the_event_with_a_gap_and_nothing_of_the_book_counts_until_it_is_fetched_again() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    let levels = [level("bid", "83277.24", "1"), level("bid", "83277.123456789", "1"), level("bid", "1", "1")];
    assert_eq!(
        feed.told(&l2(1, "update", "BTC-USD", &levels.join(","))),
        [
            event(BookEventKind::Update, 1),
            Told::Level(BookSide::Bid, 8_327_724_000_000, 100_000_000),
            Told::Anomaly(Anomaly::Number, "price_level: number finer than the precision of its field".into()),
            Told::BookEnd(true),
            Told::Gap(GapScope::Instrument(BTC), GapCause::Malformed, 0),
        ]
    );
    assert_eq!((feed.book(0), feed.decoder.doubts), (BookState::Doubtful, true));
    assert_eq!(feed.told(&l2(2, "update", "BTC-USD", &level("bid", "1", "1"))), []);
    assert_eq!(feed.told(&snapshot(3)), []);
    assert_eq!(feed.book(1), BookState::Waiting, "the other book is not touched");
}

#[test]
fn wrong_types_and_unknown_sides_are_gaps_of_their_book() {
    for (levels, kind) in [
        (r#"{"side":"bid","price_level":83277.25,"new_quantity":"1"}"#, Anomaly::Number),
        (r#"{"side":"bid","price_level":"1","new_quantity":null}"#, Anomaly::Malformed),
        (r#"{"side":"ask","price_level":"1","new_quantity":"1"}"#, Anomaly::UnknownValue),
        (r#"{"price_level":"1","new_quantity":"1"}"#, Anomaly::Malformed),
        (r#"7"#, Anomaly::Malformed),
    ] {
        let mut feed = Feed::new();
        feed.told(&snapshot(0));
        feed.whole(&l2(1, "update", "BTC-USD", levels));
        assert_eq!(feed.ear.anomalies().iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [kind], "{levels}");
        assert_eq!(feed.ear.gaps(), [(GapScope::Instrument(BTC), GapCause::Malformed, 0)], "{levels}");
    }
}

#[test]
fn a_fault_in_one_event_leaves_the_others_of_the_message_good() {
    let mut feed = Feed::new();
    let text = r#"{"channel":"l2_data","timestamp":"","sequence_num":0,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"x","new_quantity":"1"}]},{"type":"snapshot","product_id":"ETH-USD","updates":[{"side":"bid","price_level":"2","new_quantity":"3"}]}]}"#;
    feed.whole(text);
    assert_eq!((feed.book(0), feed.book(1)), (BookState::Doubtful, BookState::Held));
    assert!(feed.ear.told.contains(&Told::Level(BookSide::Bid, 200_000_000, 300_000_000)));
}

#[test]
fn a_lost_message_doubts_every_book_before_the_message_that_shows_it_is_read() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    assert_eq!(
        feed.told(&l2(3, "update", "BTC-USD", &level("bid", "1", "1"))),
        [Told::Gap(GapScope::Connection, GapCause::Sequence, 2)]
    );
    assert_eq!((feed.book(0), feed.book(1)), (BookState::Doubtful, BookState::Doubtful));
    assert_eq!(feed.decoder.take_connection_gaps(), 1);
}

#[test]
fn a_message_from_behind_is_ignored_and_counted() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    let told = feed.told(&snapshot(0));
    assert!(matches!(told[..], [Told::Anomaly(Anomaly::Malformed, _)]), "{told:?}");
    assert_eq!(feed.book(0), BookState::Held);
}

#[test]
fn a_count_that_begins_again_is_a_gap_and_no_silence() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    feed.told(&l2(1_000, "update", "BTC-USD", ""));
    feed.told(&snapshot(1_001));
    let heartbeat = |sequence| format!(r#"{{"channel":"heartbeats","sequence_num":{sequence},"events":[]}}"#);
    for sequence in 0..7 {
        let told = feed.told(&heartbeat(sequence));
        assert!(matches!(told[..], [Told::Anomaly(Anomaly::Malformed, _)]), "{told:?}");
    }
    feed.whole(&heartbeat(7));
    assert_eq!(feed.ear.gaps(), [(GapScope::Connection, GapCause::Sequence, 7)]);
    assert_eq!(feed.book(0), BookState::Doubtful, "what was ignored may have been of a book");
    feed.ear.take();
    assert_eq!(feed.told(&heartbeat(8)), []);
}

#[test]
fn what_is_no_json_doubts_everything_once() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    let text = l2(1, "update", "BTC-USD", "");
    feed.whole(&text[..text.len() - 1]);
    assert_eq!(feed.ear.gaps(), [(GapScope::Connection, GapCause::Malformed, 1)]);
    assert_eq!(feed.book(0), BookState::Doubtful);
    feed.ear.take();
    // Its number was 1: the next one is 2, and nothing else is missing.
    assert_eq!(feed.told(r#"{"channel":"heartbeats","sequence_num":2,"events":[]}"#), []);
}

#[test]
fn unknown_products_channels_and_event_types_are_named() {
    let mut feed = Feed::new();
    let kinds = |told: Vec<Told>| {
        let of = |t| match t {
            Told::Anomaly(kind, text) => (kind, text),
            other => panic!("{other:?}"),
        };
        told.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(feed.told(&l2(0, "snapshot", "DOGE-USD", ""))),
        [(Anomaly::UnknownInstrument, "DOGE-USD".to_owned())]
    );
    assert_eq!(
        kinds(feed.told(r#"{"channel":"rumours","sequence_num":1,"events":[{"x":1}]}"#)),
        [(Anomaly::UnknownChannel, "rumours".to_owned())]
    );
    let trades = r#"{"channel":"market_trades","sequence_num":2,"events":[{"type":"revision","trades":[]}]}"#;
    assert_eq!(kinds(feed.told(trades)), [(Anomaly::UnknownValue, "type: unknown value".to_owned())]);
    feed.told(&l2(3, "correction", "BTC-USD", ""));
    assert_eq!(feed.book(0), BookState::Doubtful, "a book event of an unknown kind may have changed the book");
}

fn trades(kind: &str, ids: &[u64]) -> String {
    let rows = ids.iter().map(|id| {
        format!(r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"83277.26","size":"0.00058346","time":"2026-09-30T02:39:53.407329Z","side":"SELL"}}"#)
    });
    let rows = rows.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"channel":"market_trades","timestamp":"","sequence_num":0,"events":[{{"type":"{kind}","trades":[{rows}]}}]}}"#
    )
}

/// Coinbase reference 6.5: the maker's side, newest first.
#[test]
fn trades_carry_the_aggressors_side_and_come_oldest_first() {
    let told = Feed::new().told(&trades("update", &[9, 8, 7]));
    let found: Vec<_> = told
        .iter()
        .map(|told| match told {
            Told::Trade(t) => (t.trade_id, t.side, t.price, t.size, t.venue_time, t.snapshot, t.last),
            other => panic!("{other:?}"),
        })
        .collect();
    let row = |id, last| (id, Side::Buy, 8_327_726_000_000, 58_346, TIME, false, last);
    assert_eq!(found, [row(7, false), row(8, false), row(9, true)]);
}

#[test]
fn trades_already_oldest_first_are_left_so_and_history_is_flagged() {
    let told = Feed::new().told(&trades("snapshot", &[7, 8]));
    let found: Vec<_> = told
        .iter()
        .map(|told| match told {
            Told::Trade(t) => (t.trade_id, t.snapshot),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [(7, true), (8, true)]);
}

#[test]
fn a_bad_trade_is_counted_and_the_others_are_told_and_no_book_is_doubted() {
    let mut feed = Feed::new();
    feed.told(&snapshot(0));
    let text = trades("update", &[9, 8]).replacen("0.00058346", "many", 1).replace(r#"_num":0"#, r#"_num":1"#);
    let told = feed.told(&text);
    assert!(matches!(told[..], [Told::Anomaly(Anomaly::Number, _), Told::Trade(_)]), "{told:?}");
    assert_eq!(feed.book(0), BookState::Held);
}

const TICKER: &str = r#"{"channel":"ticker","timestamp":"2026-09-30T02:39:53.407329Z","sequence_num":0,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"83001","volume_24_h":"4000.6","low_24_h":"82000","high_24_h":"84000","low_52_w":"57000","high_52_w":"126000","price_percent_chg_24_h":"0.25541069034937","best_bid":"83000.99","best_ask":"83001","best_bid_quantity":"1","best_ask_quantity":"0.5"}]}]}"#;

#[test]
fn a_ticker_is_told_with_the_quote_it_carries() {
    let told = Feed::new().told(TICKER);
    let [Told::Ticker(ticker), Told::Quote(quote)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(ticker.ticker.price, Some(Fixed::new(83_001, 0)));
    assert_eq!(ticker.ticker.change_24h_percent, Some(Fixed::new(25_541_069_034_937, -14)));
    assert_eq!((ticker.venue_time, ticker.snapshot), (TIME, false));
    assert_eq!(quote.words, [8_300_099_000_000, 100_000_000, 8_300_100_000_000, 50_000_000]);
}

#[test]
fn a_ticker_has_holes_where_figures_are_missing_and_one_that_does_not_fit_is_counted() {
    let ticker = r#"{"channel":"ticker","timestamp":"","sequence_num":0,"events":[{"type":"update","tickers":[{"product_id":"BTC-USD","price":"7","volume_24_h":"99999999999999999999.5","low_24_h":null}]}]}"#;
    let told = Feed::new().told(ticker);
    let [Told::Anomaly(Anomaly::Number, _), Told::Ticker(fact)] = &told[..] else { panic!("{told:?}") };
    let price = Some(Fixed::new(7, 0));
    assert_eq!((fact.ticker, fact.venue_time), (Ticker { price, ..Ticker::default() }, UnixNanos::NONE));
}

/// Coinbase reference 7.3.
#[test]
fn every_way_to_say_no_time_is_none_and_what_is_no_time_is_counted() {
    for text in ["\"1970-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00Z\"", "\"\"", "null"] {
        let message = snapshot(0).replace("\"2026-09-30T02:39:53.407329Z\"", text);
        let told = Feed::new().told(&message);
        let Told::Book(head) = told[0] else { panic!("{text}: {told:?}") };
        assert_eq!(head.venue_time, UnixNanos::NONE, "{text}");
    }
    let told = Feed::new().told(&snapshot(0).replace("2026-09-30T02:39:53.407329Z", "yesterday"));
    assert_eq!(told[0], Told::Anomaly(Anomaly::BadTime, "yesterday".into()));
    assert_eq!(told.last(), Some(&Told::BookEnd(true)));
}

#[test]
fn heartbeats_count_in_digits_or_text() {
    for counter in ["12240", "\"12240\""] {
        let text = format!(
            r#"{{"channel":"heartbeats","timestamp":"","sequence_num":0,"events":[{{"current_time":"x","heartbeat_counter":{counter}}}]}}"#
        );
        let mut feed = Feed::new();
        assert_eq!(feed.whole(&text), Control::Heartbeat);
        assert_eq!(feed.ear.take(), [Told::Stream(StreamFact::Heartbeat)]);
    }
}

#[test]
fn a_message_without_a_long_array_is_read_whole_wherever_it_was_cut() {
    let mut feed = Feed::new();
    let beat = r#"{"channel":"heartbeats","timestamp":"","sequence_num":0,"events":[{"heartbeat_counter":7}]}"#;
    assert_eq!(feed.sliced(beat.as_bytes(), 64, 4), Control::Heartbeat);
    assert_eq!(feed.ear.take(), [Told::Stream(StreamFact::Heartbeat)]);
    let error = br#"{"type":"error","message":"failure to subscribe"}"#;
    assert_eq!(feed.sliced(error, 64, 4), Control::Error);
    feed.ear.take();
    feed.whole(r#"{"channel":"heartbeats","timestamp":"","sequence_num":1,"events":[]}"#);
    assert_eq!(feed.ear.gaps(), []);
}

#[test]
fn an_acknowledgement_lists_the_whole_set() {
    let mut feed = Feed::new();
    let text = r#"{"channel":"subscriptions","timestamp":"","sequence_num":0,"events":[{"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"],"market_trades":["ETH-USD"],"user":["0"]}}]}"#;
    assert_eq!(feed.whole(text), Control::Listed);
    let listed = |feed: &Feed, index| feed.decoder.products.get(index).unwrap().listed;
    assert_eq!((listed(&feed, 0), listed(&feed, 1)), (Channels::BOOK, Channels::BOOK | Channels::TRADES));
    assert_eq!(feed.decoder.listed, ListedSession { heartbeats: true, user: true, futures: false });
    feed.whole(r#"{"channel":"subscriptions","timestamp":"","sequence_num":1,"events":[{"subscriptions":{}}]}"#);
    assert_eq!((listed(&feed, 0), feed.decoder.listed), (Channels::NONE, ListedSession::default()));
}

#[test]
fn an_error_frame_is_told_and_does_not_count() {
    let mut feed = Feed::new();
    let control = feed.whole(r#"{"type":"error","message":"authentication failure"}"#);
    assert_eq!((control, feed.decoder.error.as_str()), (Control::Error, "authentication failure"));
    assert_eq!(feed.ear.take(), [Told::Anomaly(Anomaly::VenueError, "authentication failure".into())]);
    feed.told(&snapshot(0));
    assert_eq!(feed.book(0), BookState::Held);
}

fn order(fields: &str) -> String {
    format!(
        r#"{{"channel":"user","client_id":"","timestamp":"2026-09-30T02:39:53.407329Z","sequence_num":0,"events":[{{"type":"update","orders":[{{{fields}}}],"positions":{{}}}}]}}"#
    )
}

fn lines(name: &str) -> Vec<String> {
    test_captures::text(name).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

const RECORDED: &str = "coinbase/fastmm/advanced_md_stream.jsonl";

#[test]
fn the_recorded_stream_is_read_without_an_anomaly_or_a_gap() {
    let lines = lines(RECORDED);
    let mut feed = Feed::new();
    for line in &lines {
        feed.whole(line);
    }
    assert_eq!((feed.ear.anomalies(), feed.ear.gaps()), (vec![], vec![]));
    if !lines.is_empty() {
        assert_eq!(lines.len(), 250);
        assert_eq!((feed.book(0), feed.book(1)), (BookState::Held, BookState::Held));
        // 186 BTC and 121 ETH trade ids are contiguous (Coinbase reference 6.5), snapshots and updates together.
        for (instrument, count) in [(BTC, 186), (ETH, 121)] {
            let mut ids: Vec<u64> = feed.ear.told.iter().filter_map(|t| trade_id(t, instrument)).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count);
            assert_eq!(ids.last().unwrap() - ids.first().unwrap(), count as u64 - 1);
        }
    }
}

fn trade_id(told: &Told, instrument: InstrumentId) -> Option<u64> {
    match told {
        Told::Trade(trade) if trade.instrument == instrument => Some(trade.trade_id),
        _ => None,
    }
}

#[test]
fn one_message_removed_from_the_recorded_stream_is_noticed() {
    let lines = lines(RECORDED);
    for removed in [1, 57, 248] {
        let mut feed = Feed::new();
        for (place, line) in lines.iter().enumerate() {
            if place != removed {
                feed.whole(line);
            }
        }
        if !lines.is_empty() {
            assert_eq!(feed.ear.gaps(), [(GapScope::Connection, GapCause::Sequence, 1)], "{removed}");
            assert_eq!((feed.book(0), feed.book(1)), (BookState::Doubtful, BookState::Doubtful));
        }
    }
}

#[test]
fn the_other_recordings_are_read_without_an_anomaly_but_their_own_error_frames() {
    for (name, errors) in [
        ("coinbase/jkorf/advanced_frames_20241004.jsonl", 0),
        ("coinbase/synthetic/advanced_public_channels.jsonl", 4),
        ("coinbase/synthetic/advanced_user_channel.jsonl", 0),
    ] {
        let lines = lines(name);
        let mut feed = Feed::new();
        feed.decoder.products.know(&instrument(2, "ETH-USDT"));
        feed.decoder.products.know(&instrument(3, "XXX-USD"));
        for line in &lines {
            // The jkorf frames are of several connections.
            if name.contains("jkorf") {
                feed.decoder.opened();
                feed.decoder.sequence.lose_count();
                feed.decoder.sequence.lose_count();
            }
            feed.whole(line);
        }
        let found = feed.ear.anomalies();
        let errors = if lines.is_empty() { 0 } else { errors };
        assert_eq!(found.len(), errors, "{name}: {found:?}");
        assert!(found.iter().all(|(kind, _)| *kind == Anomaly::VenueError), "{found:?}");
        assert_eq!(feed.ear.gaps(), [], "{name}");
    }
}

fn any_level() -> impl Strategy<Value = String> {
    (any::<bool>(), 0_u32..99_999_999, 0_u32..9_999).prop_map(|(bid, price, size)| {
        level(
            if bid { "bid" } else { "offer" },
            &format!("{}.{:02}", price / 100, price % 100),
            &format!("0.{size:04}"),
        )
    })
}

fn any_message() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any_level(), 0..600).prop_map(|levels| l2(0, "snapshot", "BTC-USD", &levels.join(","))),
        prop::collection::vec(1_u64..u64::MAX, 0..300).prop_map(|mut ids| {
            ids.sort_unstable_by(|a, b| b.cmp(a));
            trades("update", &ids)
        }),
        (0_usize..60).prop_map(|rows| {
            let row = r#"{"order_id":"o","product_id":"BTC-USD","order_side":"BUY","status":"OPEN","limit_price":"1.5"}"#;
            format!(
                r#"{{"channel":"user","timestamp":"","sequence_num":0,"events":[{{"type":"snapshot","orders":[{}]}}]}}"#,
                vec![row; rows].join(",")
            )
        }),
        Just(TICKER.to_owned()),
        Just(order(r#""order_id":"o","product_id":"BTC-USD","order_side":"BUY","status":"OPEN""#)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn slices_tell_what_the_whole_tells(text in any_message(), bytes in 256_usize..4_000, elements in 1_usize..200) {
        let (mut whole, mut sliced) = (Feed::new(), Feed::new());
        let control = whole.whole(&text);
        prop_assert_eq!(sliced.sliced(text.as_bytes(), bytes, elements), control);
        assert_bracketed(&sliced.ear.told);
        prop_assert_eq!(uncut(&sliced.ear.told), uncut(&whole.ear.told));
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
        feed.told(&snapshot(0));
        let text = text.replacen("\"sequence_num\":0", "\"sequence_num\":1", 1);
        let bytes = damaged(text, &changes, truncate.then_some(cut));
        // What is not UTF-8 ends the connection: the session's tests.
        let bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
        if sliced {
            feed.sliced(&bytes, 512, 16);
        } else {
            feed.whole(std::str::from_utf8(&bytes).unwrap());
        }
        assert_bracketed(&feed.ear.told);
        let doubtful = feed.book(0) == BookState::Doubtful;
        let gaps = feed.ear.gaps();
        prop_assert!(!doubtful || !gaps.is_empty());
        prop_assert!(doubtful || gaps.iter().all(|(scope, _, _)| *scope != GapScope::Instrument(BTC)));
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_err() {
            prop_assert!(!feed.ear.anomalies().is_empty());
            // A slice may have told already that the message concerns no book.
            prop_assert!(doubtful || sliced, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
