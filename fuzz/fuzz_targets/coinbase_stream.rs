//! Any messages of a Coinbase stream, framed properly or not at all, in pieces of any length. Holds that nothing panics,
//! that every call makes progress, and that how the bytes are cut changes nothing about what is told.
#![no_main]
#![forbid(unsafe_code)]

mod ear;

use ear::{instrument, Ear};
use exchange_connectors::record::UnixNanos;
use exchange_connectors::venue::coinbase::{StreamConfig, StreamRole, StreamSession};
use exchange_connectors::venue::Channels;
use libfuzzer_sys::fuzz_target;

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
/// Messages that come before the input: answers to heartbeats and each channel.
const SUBSCRIPTIONS: usize = 4;
/// Between two messages of one input.
const SEPARATOR: u8 = b'\n';

fuzz_target!(|input: &[u8]| {
    let Some((&[role, piece], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let user = role & 1 == 1;
    // Raw bytes as the wire, or each line as a text message with a number of its own where it leaves room for one.
    let wire = if role & 2 == 2 { rest.to_vec() } else { framed(rest) };
    let whole = read(user, &wire, usize::MAX);
    let parts = read(user, &wire, usize::from(piece) + 1);
    assert_eq!(whole, parts, "the cut changes nothing");
});

fn framed(lines: &[u8]) -> Vec<u8> {
    let texts = lines.split(|b| *b == SEPARATOR).enumerate();
    texts
        .flat_map(|(number, line)| {
            let number = (SUBSCRIPTIONS + number).to_string();
            framed_one(&String::from_utf8_lossy(line).replace("#N#", &number))
        })
        .collect()
}

fn framed_one(text: &str) -> Vec<u8> {
    let mut wire = match u8::try_from(text.len()) {
        Ok(len @ 0..126) => vec![0x81, len],
        _ => {
            let [a, b] = u16::try_from(text.len()).unwrap_or_default().to_be_bytes();
            vec![0x81, 126, a, b]
        }
    };
    wire.extend_from_slice(text.as_bytes());
    wire
}

/// What was told, and whether the session ended.
fn read(user: bool, wire: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let role = if user { StreamRole::User } else { StreamRole::Market };
    let mut session = StreamSession::new(role, StreamConfig::default());
    let mut ear = Ear::default();
    let channels = if user { Channels::NONE } else { Channels::BOOK | Channels::TRADES | Channels::TICKER };
    for (id, symbol) in [(0, "BTC-USD"), (1, "ETH-USD")] {
        session.want(&instrument(id, symbol), channels).expect("two books are allowed");
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
    let mut buffer = Vec::new();
    for piece in wire.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match session.bytes(now, &mut buffer, &mut ear) {
                Ok(progress) => {
                    assert!(progress.consumed <= buffer.len());
                    assert!(!progress.more || progress.consumed > 0 || !buffer.is_empty(), "more without input");
                    buffer.drain(..progress.consumed);
                    if !progress.more {
                        break;
                    }
                }
                Err(end) => {
                    let kind = format!("{end:?}");
                    return (ear.told, Some(kind.split(['(', ' ']).next().unwrap_or_default().to_owned()));
                }
            }
        }
    }
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    (ear.told, None)
}
