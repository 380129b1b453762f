//! A connection from its opening on, byte for byte.

use super::super::subscribe::Subscriptions;
use super::super::testing::{frame, instrument, Ear, Told};
use super::*;
use crate::record::{Difference, GapCause, Subscription};
use crate::venue::{GapScope, StreamFact, SubscribedChannel, LEVELS_PER_CALL_MAX};
use proptest::prelude::*;

mod acknowledgements;
mod long_messages;
mod shared_streams;
mod utf8;

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
const ALL: Channels = Channels::BOOK.with(Channels::TRADES).with(Channels::TICKER);

/// A session, the venue's end of its connection, and a clock.
struct Line {
    session: StreamSession,
    ear: Ear,
    now: UnixNanos,
    sequence: u64,
}

impl Line {
    fn open(role: StreamRole, wants: &[(u32, &str, Channels)]) -> Line {
        let mut session = StreamSession::new(role, StreamConfig::default());
        for (id, symbol, channels) in wants {
            session.want(&instrument(*id, symbol), *channels).unwrap();
        }
        let mut line = Line { session, ear: Ear::default(), now: UnixNanos(1_000_000_000), sequence: 0 };
        line.session.opened(line.now, &mut line.ear).unwrap();
        line
    }

    /// Open, subscribed to the books of both products, both held; everything told and sent so far forgotten.
    fn with_books() -> Line {
        let mut line =
            Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK), (1, "ETH-USD", Channels::BOOK)]);
        line.ack(r#"{"heartbeats":["heartbeats"]}"#);
        line.wait(150);
        line.snapshots();
        line.ack(BOOKS);
        assert!(line.session.healthy());
        line.wait(limits::MESSAGE_GAP_MS);
        line.asked();
        line.ear.take();
        line
    }

    fn snapshots(&mut self) {
        self.events("l2_data", &book("snapshot", "BTC-USD", 2));
        self.events("l2_data", &book("snapshot", "ETH-USD", 2));
    }

    /// The venue sends a message; returns the first error.
    fn try_text(&mut self, text: &str) -> Result<(), SessionError> {
        self.try_bytes(frame(0x81, text.as_bytes()))
    }

    fn try_bytes(&mut self, mut bytes: Vec<u8>) -> Result<(), SessionError> {
        let mut start = 0;
        loop {
            let progress = self.session.bytes(self.now, &mut bytes[start..], &mut self.ear)?;
            start += progress.consumed;
            if !progress.more {
                assert_eq!(start, bytes.len(), "whole frames are taken whole");
                return Ok(());
            }
        }
    }

    fn try_events(&mut self, channel: &str, events: &str) -> Result<(), SessionError> {
        let sequence = self.sequence;
        self.sequence += 1;
        self.try_text(&format!(
            r#"{{"channel":"{channel}","timestamp":"2026-09-30T02:39:53Z","sequence_num":{sequence},"events":[{events}]}}"#
        ))
    }

    fn events(&mut self, channel: &str, events: &str) {
        self.try_events(channel, events).unwrap();
    }

    fn ack(&mut self, set: &str) {
        self.events("subscriptions", &format!(r#"{{"subscriptions":{set}}}"#));
    }

    /// Time passes in small steps, with heartbeats each second.
    fn wait(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        let mut beat = self.now.plus_ms(1_000);
        while self.now < end {
            self.now = self.now.plus_ms(50).min(end);
            if self.now >= beat {
                beat = beat.plus_ms(1_000);
                self.events("heartbeats", r#"{"current_time":"x","heartbeat_counter":1}"#);
            }
            if self.session.deadline().is_some_and(|deadline| deadline <= self.now) {
                self.session.time(self.now, &mut self.ear).unwrap();
            }
        }
    }

    /// What we sent since the last call, unmasked: opcode and text.
    fn frames(&mut self) -> Vec<(u8, String)> {
        self.ear.take_frames()
    }

    /// The messages we sent since the last call.
    fn asked(&mut self) -> Vec<String> {
        self.frames().into_iter().map(|(_, text)| text).collect()
    }

    fn streams(&mut self) -> Vec<StreamFact> {
        let told = self.ear.take().into_iter();
        told.filter_map(|t| if let Told::Stream(fact) = t { Some(fact) } else { None })
            .filter(|fact| *fact != StreamFact::Heartbeat)
            .collect()
    }
}

const BOOKS: &str = r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"]}"#;
const NO_BOOKS: &str = r#"{"heartbeats":["heartbeats"]}"#;
const SUBSCRIBE_BOOKS: &str = r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}"#;
const UNSUBSCRIBE_BOOKS: &str = r#"{"type":"unsubscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}"#;

fn not_as_asked(channel: SubscribedChannel, instrument: InstrumentId, difference: Difference) -> StreamFact {
    StreamFact::NotAsAsked(instrument, Subscription { channel, difference })
}

fn missing(channel: SubscribedChannel, instrument: InstrumentId) -> StreamFact {
    not_as_asked(channel, instrument, Difference::Missing)
}

/// A book event with so many levels.
fn book(kind: &str, product: &str, levels: usize) -> String {
    let level = |i| {
        let (side, price) = if i % 2 == 0 { ("bid", 100_000 - i) } else { ("offer", 100_001 + i) };
        format!(
            r#"{{"side":"{side}","event_time":"2026-09-30T02:39:53.4Z","price_level":"{price}.25","new_quantity":"0.5"}}"#
        )
    };
    let levels: Vec<_> = (0..levels).map(level).collect();
    format!(r#"{{"type":"{kind}","product_id":"{product}","updates":[{}]}}"#, levels.join(","))
}

#[test]
fn heartbeats_are_asked_first_and_books_last_one_message_at_a_time() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", ALL), (1, "ETH-USD", Channels::TRADES)]);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","channel":"heartbeats"}"#]);
    line.wait(1_000);
    assert_eq!(line.asked(), [""; 0], "one in flight");
    line.ack(r#"{"heartbeats":["heartbeats"]}"#);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD","ETH-USD"]}"#);
    assert_eq!(line.asked(), [""; 0], "paced");
    line.wait(150);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD","ETH-USD"],"ticker":["BTC-USD"]}"#);
    line.wait(150);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
    assert!(!line.session.healthy());
    // Data precedes the acknowledgement.
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD","ETH-USD"],"ticker":["BTC-USD"],"level2":["BTC-USD"]}"#);
    assert!(line.session.healthy());
    use SubscribedChannel::{Book, Ticker, Trades};
    assert_eq!(
        line.streams(),
        [
            StreamFact::Subscribed(Trades, BTC),
            StreamFact::Subscribed(Trades, ETH),
            StreamFact::Subscribed(Ticker, BTC),
            StreamFact::Subscribed(Book, BTC),
        ]
    );
}

#[test]
fn a_product_left_out_of_the_acknowledgement_is_announced_after_the_grace_time_and_asked_again() {
    let mut line =
        Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::TRADES), (1, "ETH-USD", Channels::TRADES)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD"]}"#);
    assert_eq!(line.streams(), [StreamFact::Subscribed(SubscribedChannel::Trades, BTC)]);
    assert!(!line.session.healthy());
    line.asked();
    line.wait(limits::ACK_GRACE_MS);
    assert_eq!(line.streams(), [missing(SubscribedChannel::Trades, ETH)]);
    assert!(line.session.healthy(), "grace is over");
    assert_eq!(line.asked(), [""; 0]);
    line.wait(limits::RETRY_MS_MIN + 50);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["ETH-USD"],"channel":"market_trades"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD","ETH-USD"]}"#);
    assert_eq!(line.streams(), [StreamFact::Subscribed(SubscribedChannel::Trades, ETH)]);
}

#[test]
fn an_empty_list_in_the_middle_of_live_data_drops_nothing() {
    let mut line = Line::with_books();
    line.ack("{}");
    for _ in 0..6 {
        line.events("l2_data", &book("update", "BTC-USD", 1));
        line.events("l2_data", &book("update", "ETH-USD", 1));
        line.wait(1_000);
    }
    assert_eq!((line.streams(), line.asked()), (vec![], vec![]));
    assert!(line.session.healthy());
}

#[test]
fn a_subscription_dropped_in_silence_is_announced_with_a_gap_and_asked_again() {
    let mut line = Line::with_books();
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#);
    line.wait(limits::ACK_GRACE_MS);
    assert_eq!(line.ear.gaps(), [(GapScope::Instrument(ETH), GapCause::Stale, 0)]);
    assert_eq!(line.streams(), [missing(SubscribedChannel::Book, ETH)]);
    line.wait(limits::RETRY_MS_MIN + 50);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["ETH-USD"],"channel":"level2"}"#]);
}

#[test]
fn an_acknowledgement_lost_in_a_gap_is_asked_for_again() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::TRADES)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.asked();
    line.sequence += 1;
    line.wait(limits::ACK_GRACE_MS + 50);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"market_trades":["BTC-USD"]}"#);
    assert_eq!(line.streams(), [StreamFact::Subscribed(SubscribedChannel::Trades, BTC)]);
}

#[test]
fn a_book_whose_acknowledgement_was_lost_stays_held_when_it_is_asked_for_again() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.asked();
    line.wait(limits::ACK_GRACE_MS);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
    line.ear.take();
    line.events("l2_data", &book("update", "BTC-USD", 1));
    assert!(matches!(line.ear.take()[..], [Told::Book(_), Told::Level(..), Told::BookEnd(true)]));
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#);
    assert!(line.session.healthy());
    line.wait(60_000);
    assert_eq!(line.asked(), [""; 0]);
}

#[test]
fn no_deadline_lies_in_the_past_after_time_was_told() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", ALL), (1, "ETH-USD", ALL)]);
    line.ack(NO_BOOKS);
    for step in 0..600 {
        line.now = line.now.plus_ms(100);
        if step % 10 == 0 {
            line.events("heartbeats", r#"{"heartbeat_counter":1}"#);
        }
        if step == 300 {
            line.sequence += 1;
        }
        match line.session.time(line.now, &mut line.ear) {
            Ok(deadline) => assert!(deadline.unwrap() > line.now, "{step}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn an_error_frame_belongs_to_the_message_in_flight() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.try_text(r#"{"type":"error","message":"too many L2 streams requested in a single session"}"#).unwrap();
    assert_eq!(line.streams(), [not_as_asked(SubscribedChannel::Book, BTC, Difference::Refused)]);
    assert!(line.session.healthy(), "refused, and said so");
}

#[test]
fn a_lost_message_fetches_every_book_again_on_the_same_connection() {
    let mut line = Line::with_books();
    line.sequence += 2;
    line.wait(1_000);
    assert_eq!(line.ear.gaps(), [(GapScope::Connection, GapCause::Sequence, 2)]);
    assert_eq!(line.asked(), [UNSUBSCRIBE_BOOKS]);
    assert!(!line.session.healthy());
    // What is still on its way means nothing, not even a whole book.
    line.ear.take();
    line.events("l2_data", &book("update", "BTC-USD", 1));
    line.events("l2_data", &book("snapshot", "ETH-USD", 1));
    assert_eq!(line.ear.take(), []);
    line.ack(NO_BOOKS);
    line.wait(150);
    assert_eq!(line.asked(), [SUBSCRIBE_BOOKS]);
    line.snapshots();
    line.ack(BOOKS);
    assert!(line.session.healthy());
    assert_eq!(line.ear.gaps(), []);
}

#[test]
fn a_book_that_cannot_be_read_is_fetched_again_alone_and_with_pauses_if_it_stays_so() {
    let mut line = Line::with_books();
    let bad = book("update", "BTC-USD", 1).replace("0.5", "half");
    line.events("l2_data", &bad);
    assert_eq!(line.ear.gaps(), [(GapScope::Instrument(BTC), GapCause::Malformed, 0)]);
    line.wait(50);
    assert_eq!(line.asked(), [r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["ETH-USD"]}"#);
    line.wait(150);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
    line.events("l2_data", &bad.replace("\"update\"", "\"snapshot\""));
    line.ack(BOOKS);
    line.wait(limits::RETRY_MS_MIN - 100);
    assert_eq!(line.asked(), [""; 0], "paused");
    line.wait(200);
    assert_eq!(line.asked(), [r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
}

#[test]
fn the_engine_can_ask_for_a_fresh_book() {
    let mut line = Line::with_books();
    line.session.resync(ETH);
    assert!(line.session.deadline().unwrap() <= line.now);
    line.wait(50);
    assert_eq!(line.asked(), [r#"{"type":"unsubscribe","product_ids":["ETH-USD"],"channel":"level2"}"#]);
    assert_eq!(line.ear.gaps(), []);
}

#[test]
fn repeated_losses_ask_for_a_new_connection() {
    let mut line = Line::with_books();
    let mut seen = 0;
    let end = loop {
        line.sequence += 1;
        if let Err(error) = line.try_events("heartbeats", r#"{"heartbeat_counter":1}"#) {
            break error;
        }
        seen += 1;
    };
    assert_eq!((end, seen), (SessionError::Resync("repeated losses on one connection"), CONNECTION_GAPS_MAX));
}

#[test]
fn a_snapshot_that_does_not_come_asks_for_a_new_connection() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#);
    line.wait(limits::SNAPSHOT_MS_MAX - 1_000);
    line.now = line.now.plus_ms(1_000);
    let end = line.session.time(line.now, &mut line.ear);
    assert_eq!(end, Err(SessionError::Resync("a snapshot that did not come")));
}

#[test]
fn silence_ends_the_connection_and_any_message_is_life() {
    let mut line = Line::with_books();
    line.wait(60_000);
    line.now = line.now.plus_ms(limits::SILENCE_MS_MAX);
    assert!(line.session.time(line.now, &mut line.ear).is_ok());
    line.now = line.now.plus_ms(1_001);
    let end = line.session.time(line.now, &mut line.ear);
    assert!(matches!(end, Err(SessionError::Silent { silent_ms: 5_001..7_000 })), "{end:?}");
}

#[test]
fn wishes_change_while_the_connection_is_open() {
    let mut line = Line::with_books();
    line.session.want(&instrument(0, "BTC-USD"), Channels::TRADES).unwrap();
    line.wait(50);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"],"market_trades":["BTC-USD"]}"#);
    line.wait(150);
    assert_eq!(line.asked(), [r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]);
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["ETH-USD"],"market_trades":["BTC-USD"]}"#);
    line.wait(10_000);
    assert_eq!(line.asked(), [""; 0]);
    assert!(line.session.healthy());
    assert_eq!(line.ear.gaps(), []);
}

#[test]
fn a_new_connection_asks_for_everything_again_heartbeats_too() {
    let mut line = Line::with_books();
    assert_eq!(line.session.closed(), None);
    assert!(!line.session.healthy() && line.session.deadline().is_none());
    line.session.opened(line.now, &mut line.ear).unwrap();
    line.sequence = 0;
    assert_eq!(line.asked(), [r#"{"type":"subscribe","channel":"heartbeats"}"#]);
    line.ack(NO_BOOKS);
    line.wait(150);
    assert_eq!(line.asked(), [SUBSCRIBE_BOOKS]);
    assert_eq!(line.ear.gaps(), []);
}

#[test]
fn more_books_than_the_venue_takes_are_refused_before_they_are_asked() {
    let mut session = StreamSession::new(StreamRole::Market, StreamConfig::default());
    let symbol = |id| format!("A{id}-USD");
    for id in 0..30 {
        session.want(&instrument(id, &symbol(id)), Channels::BOOK).unwrap();
    }
    session.want(&instrument(3, &symbol(3)), ALL).unwrap();
    let one_more = instrument(30, &symbol(30));
    assert_eq!(session.want(&one_more, Channels::BOOK), Err(WantError::TooManyBooks { max: 30 }));
    session.want(&instrument(4, &symbol(4)), Channels::NONE).unwrap();
    session.want(&one_more, Channels::BOOK).unwrap();
}

#[test]
fn a_ping_is_answered_with_its_payload_and_a_close_with_its_code() {
    let mut line = Line::with_books();
    line.try_bytes(frame(0x89, b"are you there")).unwrap();
    assert_eq!(line.frames(), [(0x8a, "are you there".to_owned())]);
    let end = line.try_bytes(frame(0x88, b"\x03\xf4bye"));
    assert_eq!(end, Err(SessionError::ClosedByPeer("1012 bye".into())));
    assert_eq!(line.frames(), [(0x88, "\u{3}\u{fffd}".to_owned())]);
}

#[test]
fn a_broken_frame_is_answered_with_the_code_it_calls_for() {
    let mut line = Line::with_books();
    let end = line.try_bytes(frame(0x81, b"\xff\xfe"));
    assert!(matches!(end, Err(SessionError::Protocol(_))), "{end:?}");
    assert_eq!(line.frames(), [(0x88, "\u{3}\u{fffd}".to_owned())]);
    let end = Line::with_books().try_bytes(vec![0xC1, 0x00]);
    assert!(matches!(end, Err(SessionError::Protocol(_))), "{end:?}");
}

#[test]
fn the_user_channel_waits_for_its_token_and_the_token_goes_back_when_spent() {
    let mut line = Line::open(StreamRole::User, &[(0, "BTC-USD", Channels::NONE)]);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","channel":"heartbeats"}"#], "the 5 s rule needs no token");
    assert!(line.session.needs_token(line.now));
    line.ack(NO_BOOKS);
    line.wait(150);
    assert_eq!(line.asked(), [""; 0]);
    line.session.give_token("a.b.c".into(), line.now, &mut line.ear).unwrap();
    assert_eq!(line.asked(), [r#"{"type":"subscribe","channel":"user","jwt":"a.b.c"}"#]);
    assert_eq!(line.ear.retired, ["a.b.c".into()]);
    assert!(!line.session.needs_token(line.now));
    line.events("user", r#"{"type":"snapshot","orders":[]}"#);
    line.ack(r#"{"heartbeats":["heartbeats"],"user":["0"]}"#);
    assert_eq!(line.streams(), [StreamFact::UserSnapshotComplete]);
    assert!(line.session.healthy());
}

#[test]
fn a_refused_token_ends_the_connection_and_an_unused_one_comes_back() {
    let mut line = Line::open(StreamRole::User, &[]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.session.give_token("bad".into(), line.now, &mut line.ear).unwrap();
    let end = line.try_text(r#"{"type":"error","message":"authentication failure"}"#);
    assert_eq!(end, Err(SessionError::Refused("user channel: authentication failure".into())));
    let mut line = Line::open(StreamRole::User, &[]);
    line.session.give_token("unused".into(), line.now, &mut line.ear).unwrap();
    assert_eq!(line.session.closed(), Some("unused".into()));
}

#[test]
fn a_gap_on_the_user_connection_is_announced_and_the_stream_stays() {
    let mut line = Line::open(StreamRole::User, &[]);
    line.sequence += 1;
    for _ in 0..10 {
        line.sequence += 1;
        line.ack(NO_BOOKS);
    }
    assert_eq!(line.ear.gaps().len(), 10);
    assert_eq!(line.session.want(&instrument(0, "BTC-USD"), Channels::BOOK), Err(WantError::NotMarket));
}

/// A day of a connection: snapshots short and long, updates, trades, pings between, something unreadable.
fn stream() -> Vec<u8> {
    let mut out = Vec::new();
    let messages = [
        ("subscriptions", r#"{"subscriptions":{"heartbeats":["heartbeats"]}}"#.to_owned()),
        ("l2_data", book("snapshot", "BTC-USD", 300)),
        ("l2_data", book("snapshot", "ETH-USD", 3)),
        ("subscriptions", format!(r#"{{"subscriptions":{BOOKS}}}"#)),
        ("l2_data", book("update", "BTC-USD", 9)),
        ("heartbeats", r#"{"heartbeat_counter":1}"#.to_owned()),
        ("l2_data", book("update", "ETH-USD", 200)),
        ("l2_data", book("update", "ETH-USD", 2).replace("0.5", "x")),
        ("l2_data", book("update", "BTC-USD", 1)),
    ];
    for (sequence, (channel, events)) in messages.into_iter().enumerate() {
        let text = format!(r#"{{"channel":"{channel}","timestamp":"","sequence_num":{sequence},"events":[{events}]}}"#);
        let (a, b) = text.as_bytes().split_at(text.len() / 3);
        if sequence % 2 == 0 {
            out.extend(frame(0x81, text.as_bytes()));
        } else {
            out.extend(frame(0x01, a));
            out.extend(frame(0x89, b"?"));
            out.extend(frame(0x80, b));
        }
    }
    out
}

/// A session that waits for both books, its messages sent.
fn waiting() -> Line {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK), (1, "ETH-USD", Channels::BOOK)]);
    line.session.talk.subscriptions =
        Subscriptions::new(StreamConfig { message_gap_ms: 0, ..StreamConfig::default() }, false);
    for index in [0, 1] {
        line.session.talk.subscriptions.want(index, Channels::NONE, &mut line.session.talk.decoder.products);
    }
    line.session.time(line.now, &mut line.ear).unwrap();
    line
}

/// Gives the bytes in reads of these sizes; what was told, uncut.
fn read(mut bytes: Vec<u8>, sizes: &[usize]) -> (Result<(), SessionError>, Vec<Told>) {
    let mut line = waiting();
    let (mut start, mut end) = (0, 0);
    let mut sizes = sizes.iter().cycle();
    let mut result = Ok(());
    'all: while end < bytes.len() {
        end = (end + sizes.next().unwrap()).min(bytes.len());
        loop {
            match line.session.bytes(line.now, &mut bytes[start..end], &mut line.ear) {
                Ok(progress) => {
                    start += progress.consumed;
                    if !progress.more {
                        break;
                    }
                }
                Err(error) => {
                    result = Err(error);
                    break 'all;
                }
            }
        }
    }
    let mut out = Vec::new();
    let mut continued = false;
    for told in line.ear.take() {
        match told {
            Told::BookEnd(false) => continued = true,
            Told::Book(_) if continued => continued = false,
            other => out.push(other),
        }
    }
    (result, out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_told_does_not_depend_on_how_the_bytes_came(sizes in prop::collection::vec(1_usize..5_000, 1..8)) {
        let bytes = stream();
        let whole = read(bytes.clone(), &[bytes.len()]);
        prop_assert!(whole.0.is_ok());
        prop_assert!(whole.1.iter().filter(|t| matches!(t, Told::Level(..))).count() > 500, "{:?}", whole.1.iter().filter(|t| !matches!(t, Told::Level(..))).collect::<Vec<_>>());
        prop_assert_eq!(read(bytes, &sizes), whole);
    }

    #[test]
    fn no_damage_to_the_stream_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        size in 100_usize..20_000,
    ) {
        let mut bytes = stream();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read(bytes, &[size]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(bytes, &[64]);
    }
}
