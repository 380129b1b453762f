//! Messages too long for one call: told in parts, and given up whole.

use super::*;

#[test]
fn a_long_snapshot_is_told_in_parts_within_the_budget_and_other_work_comes_in_between() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ear.take();
    let count = 5_000;
    let text = format!(
        r#"{{"channel":"l2_data","timestamp":"","sequence_num":{},"events":[{}]}}"#,
        line.sequence,
        book("snapshot", "BTC-USD", count)
    );
    line.sequence += 1;
    let mut bytes = frame(0x81, text.as_bytes());
    assert!(bytes.len() > 500_000);
    let (mut start, mut calls, mut levels) = (0, 0, 0);
    // The receive buffer never holds more than 64 KiB of it.
    let mut received = 0;
    while start < bytes.len() {
        received = (start + 65_536).min(bytes.len()).max(received);
        let progress = line.session.bytes(line.now, &mut bytes[start..received], &mut line.ear).unwrap();
        start += progress.consumed;
        calls += 1;
        let told = line.ear.told.iter().filter(|t| matches!(t, Told::Level(..))).count();
        assert!(told - levels <= LEVELS_PER_CALL_MAX, "{}", told - levels);
        levels = told;
        assert!(!line.session.healthy());
    }
    while line.session.bytes(line.now, &mut [], &mut line.ear).unwrap().more {}
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#);
    assert!(line.session.healthy() && calls >= 30, "{calls}");
    let told = line.ear.take();
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Level(..))).count(), count);
    let firsts =
        told.iter().filter(|t| matches!(t, Told::Book(b) if b.kind == crate::venue::BookEventKind::SnapshotFirst));
    assert_eq!(firsts.count(), 1);
    let ends: Vec<_> =
        told.iter().filter_map(|t| if let Told::BookEnd(last) = t { Some(*last) } else { None }).collect();
    assert_eq!(ends.iter().filter(|last| **last).count(), 1);
    assert_eq!(ends.last(), Some(&true));
}

#[test]
fn while_a_long_message_comes_its_bytes_are_the_sign_of_life_and_no_grace_time_ends() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ear.take();
    let text = format!(
        r#"{{"channel":"l2_data","timestamp":"","sequence_num":{},"events":[{}]}}"#,
        line.sequence,
        book("snapshot", "BTC-USD", 1_000)
    );
    line.sequence += 1;
    // 20 s for the message: longer than every grace time, never silent for 5 s.
    for piece in frame(0x81, text.as_bytes()).chunks_mut(10_000) {
        line.now = line.now.plus_ms(2_000);
        line.session.time(line.now, &mut line.ear).unwrap();
        let mut start = 0;
        loop {
            let progress = line.session.bytes(line.now, &mut piece[start..], &mut line.ear).unwrap();
            start += progress.consumed;
            if !progress.more {
                break;
            }
        }
    }
    line.session.time(line.now, &mut line.ear).unwrap();
    assert_eq!(line.streams(), []);
    line.ack(r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#);
    assert!(line.session.healthy());
}

#[test]
fn a_long_message_that_stops_is_silence() {
    let mut line = Line::with_books();
    let text = format!(
        r#"{{"channel":"l2_data","timestamp":"","sequence_num":9,"events":[{}]}}"#,
        book("update", "BTC-USD", 1_000)
    );
    let mut bytes = frame(0x81, text.as_bytes());
    line.session.bytes(line.now, &mut bytes[..20_000], &mut line.ear).unwrap();
    line.now = line.now.plus_ms(limits::SILENCE_MS_MAX + 1);
    assert!(matches!(line.session.time(line.now, &mut line.ear), Err(SessionError::Silent { .. })));
}

#[test]
fn a_long_message_that_cannot_be_read_to_its_end_is_thrown_away_and_the_book_fetched_again() {
    for damage in ["[", "}", "\"", "x"] {
        let mut line = Line::with_books();
        let event = book("snapshot", "BTC-USD", 1_000);
        let at = event.len() / 2;
        let at = event[at..].find("},{").unwrap() + at + 1;
        let event = format!("{}{damage}{}", &event[..at], &event[at..]);
        line.events("l2_data", &event);
        let gaps = line.ear.gaps();
        assert_eq!(gaps.len(), 1, "{damage}: {gaps:?}");
        assert!(!line.session.healthy());
        line.wait(50);
        assert!(line.asked()[0].starts_with(r#"{"type":"unsubscribe","product_ids":["BTC-USD""#), "{damage}");
        // The feed goes on behind it.
        line.events("l2_data", &book("update", "ETH-USD", 1));
    }
}

#[test]
fn long_trades_are_turned_round_over_all_slices() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::TRADES)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.ear.take();
    let row = |id: u64| {
        format!(r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"1.5","size":"2","time":"","side":"BUY"}}"#)
    };
    let rows: Vec<_> = (1..=700).rev().map(row).collect();
    line.events("market_trades", &format!(r#"{{"type":"update","trades":[{}]}}"#, rows.join(",")));
    let ids: Vec<_> = line
        .ear
        .take()
        .iter()
        .filter_map(|t| if let Told::Trade(t) = t { Some((t.trade_id, t.last)) } else { None })
        .collect();
    assert_eq!(ids, (1..=700).map(|id| (id, id == 700)).collect::<Vec<_>>());
}
