//! Coinbase messages as recorded, with running sequence numbers and times.

use exchange_connectors::record::{AssetId, Fixed, Instrument, InstrumentId, Listing, TradingStatus, Venue};

/// The instrument of all messages.
pub fn btc() -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap_or_default();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: "BTC-USD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

/// The envelope (Coinbase reference 6.2).
pub fn message(sequence: u64, channel: &str, events: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","timestamp":"2026-09-30T02:39:53.{:09}Z","sequence_num":{sequence},"events":[{events}]}}"#,
        690_696_234 + sequence
    )
}

/// Three levels as recorded (Coinbase reference 6.4); the time changes with each message.
pub fn three_levels(sequence: u64) -> String {
    let level = |side: &str, price: u64, size: &str| {
        format!(
            r#"{{"side":"{side}","event_time":"2026-09-30T02:39:53.{:06}Z","price_level":"{price}.{:02}","new_quantity":"{size}"}}"#,
            495_541 + sequence % 500_000,
            10 + sequence % 90
        )
    };
    let levels = [level("bid", 83_242, "0.0601005"), level("bid", 83_193, "0"), level("offer", 83_328, "0.00715626")];
    let event = format!(r#"{{"type":"update","product_id":"BTC-USD","updates":[{}]}}"#, levels.join(","));
    message(sequence, "l2_data", &event)
}

/// One trade (Coinbase reference 6.5).
pub fn one_trade(sequence: u64) -> String {
    let event = format!(
        r#"{{"type":"update","trades":[{{"product_id":"BTC-USD","trade_id":"{}","price":"83277.26","size":"0.00058346","time":"2026-09-30T02:39:53.{:06}Z","side":"SELL"}}]}}"#,
        1_100_253_488 + sequence,
        977_543 - sequence % 900_000
    );
    message(sequence, "market_trades", &event)
}

/// A server's frame.
pub fn frame(payload: &str) -> Vec<u8> {
    let mut out = vec![0x81];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..126) => out.push(len as u8),
        Ok(len) => {
            out.push(126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload.as_bytes());
    out
}
