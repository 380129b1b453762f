//! Any messages of the Coinbase Exchange feed, framed properly or not at all, in pieces of any length. Holds that nothing
//! panics, that every call makes progress, and that how the bytes are cut changes nothing about what is told, but for how much
//! of a message is told that breaks the wire.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use ear::{instrument, Ear};
use exchange_connectors::record::{UnixNanos, Venue};
use exchange_connectors::venue::coinbase::exchange::ExchangeSession;
use exchange_connectors::venue::coinbase::StreamConfig;
use exchange_connectors::venue::Channels;
use libfuzzer_sys::fuzz_target;
use wire::{assert_same, feed, framed, framed_one, kind, messages};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
const PRODUCTS: &str = r#"["BTC-USD","ETH-USD"]"#;
/// Channels in the order in which they are subscribed.
const CHANNELS: [&str; 4] = ["heartbeat", "matches", "ticker", "level2_50"];

/// Shaped as recorded (Coinbase reference 8).
const SAMPLES: [&str; 6] = [
    r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["83420.21","0.08080000"],["83421.13","0.1"]],"bids":[["83420.20","1.5"]],"time":"2026-09-30T02:03:12.699555Z"}"#,
    r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","83404.02","0.00000000"],["sell","83420.21","0.5"]],"time":"2026-09-30T02:03:12.699555Z"}"#,
    r#"{"type":"match","trade_id":101,"maker_order_id":"m","taker_order_id":"t","side":"sell","size":"0.01","price":"83420.2","product_id":"BTC-USD","sequence":9,"time":"2026-09-30T02:03:12.699555Z"}"#,
    r#"{"type":"last_match","trade_id":100,"maker_order_id":"m","taker_order_id":"t","side":"buy","size":"0.01","price":"83420.2","product_id":"BTC-USD","sequence":9,"time":"2026-09-30T02:03:12.699555Z"}"#,
    r#"{"type":"heartbeat","last_trade_id":101,"product_id":"BTC-USD","sequence":9,"time":"2026-09-30T02:03:13.000000Z"}"#,
    r#"{"type":"ticker","sequence":9,"product_id":"BTC-USD","price":"83420.2","open_24h":"82900","volume_24h":"4000.5","low_24h":"82000","high_24h":"84000","volume_30d":"200000.5","best_bid":"83420.19","best_bid_size":"0.5","best_ask":"83420.21","best_ask_size":"0.25","side":"buy","time":"2026-09-30T02:03:12.699555Z","trade_id":7,"last_size":"0.01"}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[role, piece], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    // Raw bytes as the wire, or each line as a text message.
    let wire = if role & 2 == 2 { rest.to_vec() } else { framed(&messages(rest, &SAMPLES)) };
    let whole = read(&wire, usize::MAX);
    let parts = read(&wire, usize::from(piece) + 1);
    assert_same(&whole, &parts);
});

/// What was told, and what ended the session.
fn read(wire: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let mut session = ExchangeSession::exchange(None, StreamConfig::default());
    let mut ear = Ear::default();
    for (id, symbol) in [(0, "BTC-USD"), (1, "ETH-USD")] {
        let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER;
        session.want(&instrument(Venue::Coinbase, id, symbol), channels).expect("two books are allowed");
    }
    session.opened(NOW, &mut ear).expect("opens");
    // Every subscription has left and is answered before anything else comes.
    let mut now = NOW;
    let mut subscribed = Vec::new();
    for name in CHANNELS {
        subscribed.push(format!(r#"{{"name":"{name}","product_ids":{PRODUCTS},"account_ids":null}}"#));
        let mut answer = framed_one(&format!(r#"{{"type":"subscriptions","channels":[{}]}}"#, subscribed.join(",")));
        session.bytes(now, &mut answer, &mut ear).expect("an answer as documented");
        now = now.plus_ms(160);
        session.time(now, &mut ear).expect("all is well");
    }
    let (end, _) = feed(wire, piece, |bytes| session.bytes(now, bytes, &mut ear));
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    (ear.told, end.map(kind))
}
