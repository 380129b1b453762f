//! What was asked against what the venue says it serves, and whose turn it is to ask.

use super::*;

fn books(count: u32) -> Line {
    let names: Vec<String> = (0..count).map(|id| format!("A{id}-USD")).collect();
    let wants: Vec<_> = names.iter().enumerate().map(|(id, name)| (id as u32, name.as_str(), Channels::BOOK)).collect();
    let mut line = Line::open(StreamRole::Market, &wants);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ear.take();
    line
}

/// Products of the one message sent since the last call.
fn asked_for(line: &mut Line) -> usize {
    let asked = line.asked();
    let message: serde_json::Value = serde_json::from_str(asked.last().expect("something was asked")).unwrap();
    message["product_ids"].as_array().unwrap().len()
}

#[test]
fn a_refused_book_message_is_tried_with_half_as_many_since_the_venues_limit_was_lower_before() {
    let mut line = books(16);
    assert_eq!(asked_for(&mut line), 16);
    line.try_text(r#"{"type":"error","message":"too many L2 streams requested in a single session"}"#).unwrap();
    let refused = line.streams();
    assert_eq!(refused.len(), 16);
    assert_eq!(refused[3], not_as_asked(SubscribedChannel::Book, InstrumentId(3), Difference::Refused));
    line.wait(limits::RETRY_MS_MIN + 50);
    assert_eq!(asked_for(&mut line), 8);
    for id in 0..8 {
        line.events("l2_data", &book("snapshot", &format!("A{id}-USD"), 2));
    }
    let names: Vec<_> = (0..8).map(|id| format!("\"A{id}-USD\"")).collect();
    line.ack(&format!(r#"{{"heartbeats":["heartbeats"],"level2":[{}]}}"#, names.join(",")));
    assert_eq!(line.streams().len(), 8, "these are served");
    line.wait(150);
    assert_eq!(asked_for(&mut line), 8, "the others after them");
}

#[test]
fn a_product_still_served_after_it_was_given_up_is_reported() {
    let mut line = Line::with_books();
    line.session.want(&instrument(1, "ETH-USD"), Channels::NONE).unwrap();
    line.wait(50);
    line.ack(BOOKS);
    line.wait(limits::ACK_GRACE_MS + 50);
    assert_eq!(line.streams(), [not_as_asked(SubscribedChannel::Book, ETH, Difference::StillServed)]);
}

#[test]
fn every_new_channel_is_asked_for_by_its_name_and_confirmed_by_it() {
    let slow = Channels::TICKER_BATCH | Channels::CANDLES | Channels::STATUS;
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", slow)]);
    line.asked();
    let mut listed = r#""heartbeats":["heartbeats"]"#.to_owned();
    for name in ["ticker_batch", "candles", "status"] {
        line.ack(&format!("{{{listed}}}"));
        line.wait(150);
        assert_eq!(line.asked(), [format!(r#"{{"type":"subscribe","product_ids":["BTC-USD"],"channel":"{name}"}}"#)]);
        listed.push_str(&format!(r#","{name}":["BTC-USD"]"#));
    }
    line.ack(&format!("{{{listed}}}"));
    assert!(line.session.healthy());
    use SubscribedChannel::{Candles, Status, TickerBatch};
    let confirmed = [TickerBatch, Candles, Status].map(|channel| StreamFact::Subscribed(channel, BTC));
    assert_eq!(line.streams(), confirmed);
}

#[test]
fn nothing_unauthenticated_is_sent_while_others_of_the_address_have_their_turn() {
    let mut session = StreamSession::new(StreamRole::Market, StreamConfig::default());
    session.want(&instrument(0, "BTC-USD"), Channels::TRADES).unwrap();
    let mut line = Line { session, ear: Ear::default(), now: UnixNanos(1_000_000_000), sequence: 0 };
    line.session.hold(line.now, line.now.plus_ms(400));
    line.session.opened(line.now, &mut line.ear).unwrap();
    assert!(line.session.is_mute() && !line.session.take_spoke());
    assert_eq!(line.session.deadline(), Some(line.now.plus_ms(400)));
    line.wait(390);
    assert_eq!(line.asked(), [""; 0]);
    line.wait(10);
    assert_eq!(line.asked(), [r#"{"type":"subscribe","channel":"heartbeats"}"#]);
    assert!(line.session.take_spoke() && !line.session.take_spoke() && !line.session.is_mute());
    // A repetition waits for its turn as well.
    line.session.hold(line.now, line.now.plus_ms(limits::ACK_GRACE_MS + 300));
    for _ in 0..=limits::ACK_GRACE_MS / 50 {
        line.now = line.now.plus_ms(50);
        // A sign of life, and nothing else.
        line.session.bytes(line.now, &mut frame(0x8a, b""), &mut line.ear).unwrap();
        if line.session.deadline().is_some_and(|deadline| deadline <= line.now) {
            line.session.time(line.now, &mut line.ear).unwrap();
        }
    }
    assert_eq!(line.asked(), [""; 0]);
}

#[test]
fn a_message_with_a_token_does_not_wait_for_the_address() {
    let mut line = Line::open(StreamRole::User, &[]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.asked();
    line.session.take_spoke();
    line.session.hold(line.now, line.now.plus_ms(10_000));
    line.session.give_token("a.b.c".into(), line.now, &mut line.ear).unwrap();
    assert_eq!(line.asked().len(), 1);
    assert!(!line.session.take_spoke(), "nor does it take a place");
}

/// A user connection that also wants the futures' balances, its user channel served.
fn with_futures() -> Line {
    let config = StreamConfig { futures_balance: true, ..StreamConfig::default() };
    let session = StreamSession::new(StreamRole::User, config);
    let mut line = Line { session, ear: Ear::default(), now: UnixNanos(1_000_000_000), sequence: 0 };
    line.session.opened(line.now, &mut line.ear).unwrap();
    line.ack(NO_BOOKS);
    line.wait(150);
    line.session.give_token("a.b.1".into(), line.now, &mut line.ear).unwrap();
    line.events("user", r#"{"type":"snapshot","orders":[]}"#);
    line.ack(r#"{"heartbeats":["heartbeats"],"user":["0"]}"#);
    line.asked();
    line.ear.take();
    line
}

const FUTURES: &str = r#"{"type":"subscribe","channel":"futures_balance_summary","jwt":"a.b.2"}"#;

#[test]
fn the_futures_balance_is_asked_for_after_the_user_channel_with_a_token_of_its_own() {
    let mut line = with_futures();
    assert!(line.session.healthy(), "trading does not wait for it");
    assert!(line.session.needs_token(line.now));
    line.wait(150);
    line.session.give_token("a.b.2".into(), line.now, &mut line.ear).unwrap();
    assert_eq!(line.asked(), [FUTURES]);
    line.ack(r#"{"heartbeats":["heartbeats"],"user":["0"],"futures_balance_summary":["0"]}"#);
    line.wait(60_000);
    assert_eq!((line.asked(), line.streams()), (vec![], vec![]));
    assert!(!line.session.needs_token(line.now));
}

#[test]
fn a_refused_futures_balance_is_told_and_the_connection_stays() {
    let mut line = with_futures();
    line.wait(150);
    line.session.give_token("a.b.2".into(), line.now, &mut line.ear).unwrap();
    line.try_text(r#"{"type":"error","message":"authentication failure"}"#).unwrap();
    let futures = |difference| not_as_asked(SubscribedChannel::FuturesBalance, InstrumentId::NONE, difference);
    assert_eq!(line.streams(), [futures(Difference::Refused)]);
    assert!(line.session.healthy() && !line.session.needs_token(line.now), "with a pause");
    line.wait(limits::RETRY_MS_MIN + 50);
    assert!(line.session.needs_token(line.now));
    line.session.give_token("a.b.2".into(), line.now, &mut line.ear).unwrap();
    line.ear.take();
    line.wait(limits::ACK_GRACE_MS + 50);
    assert_eq!(line.streams(), [futures(Difference::Missing)], "no answer at all");
}
