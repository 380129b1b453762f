//! Any messages of a Coinbase stream, framed properly or not at all, in pieces of any length. Holds that nothing panics,
//! that every call makes progress, and that how the bytes are cut changes nothing about what is told, but for how much of a
//! message is told that breaks the wire.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use ear::{instrument, Ear};
use exchange_connectors::record::{UnixNanos, Venue};
use exchange_connectors::venue::coinbase::{StreamConfig, StreamRole, StreamSession};
use exchange_connectors::venue::Channels;
use libfuzzer_sys::fuzz_target;
use wire::{assert_same, feed, framed, framed_one, kind, messages};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
/// Messages that come before the input: answers to heartbeats and each channel.
const SUBSCRIPTIONS: usize = 4;

/// Shaped as recorded (Coinbase reference 6).
const SAMPLES: [&str; 5] = [
    r##"{"channel":"l2_data","client_id":"","timestamp":"2026-09-30T02:39:53.542Z","sequence_num":#N#,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-09-30T02:39:53.495541Z","price_level":"83277.25","new_quantity":"0.5"},{"side":"offer","event_time":"2026-09-30T02:39:53.495541Z","price_level":"83277.26","new_quantity":"1"}]}]}"##,
    r##"{"channel":"l2_data","client_id":"","timestamp":"2026-09-30T02:39:53.542Z","sequence_num":#N#,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-09-30T02:39:53.495541Z","price_level":"83277.25","new_quantity":"0"}]}]}"##,
    r##"{"channel":"market_trades","client_id":"","timestamp":"2026-09-30T02:39:53.542Z","sequence_num":#N#,"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1","price":"83277.25","size":"0.5","side":"BUY","time":"2026-09-30T02:39:53.495541Z"}]}]}"##,
    r##"{"channel":"heartbeats","client_id":"","timestamp":"2026-09-30T02:39:53.542Z","sequence_num":#N#,"events":[{"current_time":"2026-09-30 02:39:53.5 +0000 UTC m=+1","heartbeat_counter":"12240"}]}"##,
    r##"{"channel":"user","client_id":"","timestamp":"2026-09-30T02:39:53.542Z","sequence_num":#N#,"events":[{"type":"snapshot","orders":[{"order_id":"o-1","client_order_id":"cl-0001","product_id":"BTC-USD","order_side":"BUY","order_type":"Limit","status":"OPEN","cumulative_quantity":"0","filled_value":"0","total_fees":"0","limit_price":"83000","leaves_quantity":"1","creation_time":"2026-09-30T02:39:53.495541Z"}]}]}"##,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[role, piece], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let user = role & 1 == 1;
    // Raw bytes as the wire, or each line as a text message with a number of its own where it leaves room for one.
    let wire = if role & 2 == 2 { rest.to_vec() } else { framed(&numbered(rest)) };
    let whole = read(user, &wire, usize::MAX);
    let parts = read(user, &wire, usize::from(piece) + 1);
    assert_same(&whole, &parts);
});

/// The messages, `#N#` in each replaced by the number that is due.
fn numbered(input: &[u8]) -> Vec<Vec<u8>> {
    let texts = messages(input, &SAMPLES).into_iter().enumerate();
    let number = |(number, text): (usize, Vec<u8>)| {
        let number = (SUBSCRIPTIONS + number).to_string();
        String::from_utf8_lossy(&text).replace("#N#", &number).into_bytes()
    };
    texts.map(number).collect()
}

/// What was told, and whether the session ended.
fn read(user: bool, wire: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let role = if user { StreamRole::User } else { StreamRole::Market };
    let mut session = StreamSession::new(role, StreamConfig::default());
    let mut ear = Ear::default();
    let channels = if user { Channels::NONE } else { Channels::BOOK | Channels::TRADES | Channels::TICKER };
    for (id, symbol) in [(0, "BTC-USD"), (1, "ETH-USD")] {
        session.want(&instrument(Venue::Coinbase, id, symbol), channels).expect("two books are allowed");
    }
    session.opened(NOW, &mut ear).expect("opens");
    if user {
        session.give_token("a.b.c".into(), NOW, &mut ear).expect("takes a token");
    }
    // Every subscription has left and is answered before anything else comes.
    let mut now = NOW;
    let mut subscribed = String::from(r#""heartbeats":["heartbeats"]"#);
    let channels: &[&str] = if user { &["user"] } else { &["market_trades", "ticker", "level2"] };
    for sequence in 0..SUBSCRIPTIONS {
        let mut answer = framed_one(&format!(
            r#"{{"channel":"subscriptions","timestamp":"","sequence_num":{sequence},"events":[{{"subscriptions":{{{subscribed}}}}}]}}"#
        ));
        session.bytes(now, &mut answer, &mut ear).expect("an answer as documented");
        now = now.plus_ms(160);
        session.time(now, &mut ear).expect("all is well");
        if let Some(channel) = channels.get(sequence) {
            subscribed.push_str(&format!(r#","{channel}":["BTC-USD","ETH-USD"]"#));
        }
    }
    let (end, _) = feed(wire, piece, |bytes| session.bytes(now, bytes, &mut ear));
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    (ear.told, end.map(kind))
}
