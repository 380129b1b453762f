//! `ticker_batch`, `candles` and `status` (Coinbase reference 6.6 and 6.7), and the times of all channels (7.3).

use super::super::super::testing::streamed_as;
use super::*;
use crate::record::{Candle, TradingStatus};

fn message(channel: &str, event: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","timestamp":"2026-09-30T02:39:53.407329Z","sequence_num":0,"events":[{event}]}}"#
    )
}

fn candles(kind: &str, rows: &[String]) -> String {
    message("candles", &format!(r#"{{"type":"{kind}","candles":[{}]}}"#, rows.join(",")))
}

fn row(start: u64, product: &str) -> String {
    format!(
        r#"{{"start":"{start}","high":"1867.72","low":"1865.63","open":"1867.38","close":"1866.81","volume":"0.20269406","product_id":"{product}"}}"#
    )
}

fn status(kind: &str, id: &str, status: &str, tick: &str) -> String {
    let row = format!(
        r#"{{"product_type":"SPOT","id":"{id}","base_currency":"BTC","quote_currency":"USD","base_increment":"0.00000001","quote_increment":"{tick}","display_name":"BTC/USD","status":"{status}","status_message":"","min_market_funds":"1"}}"#
    );
    message("status", &format!(r#"{{"type":"{kind}","products":[{row}]}}"#))
}

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

#[test]
fn a_ticker_batch_is_told_as_such_and_carries_no_quote() {
    let told = Feed::new().told(&TICKER.replace(r#""channel":"ticker""#, r#""channel":"ticker_batch""#));
    let [Told::TickerBatch(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.instrument, fact.ticker.price), (BTC, Some(fixed("83001"))));
}

#[test]
fn a_ticker_whose_texts_are_all_empty_is_no_news() {
    let empty = r#"{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"","volume_24_h":"","low_24_h":"","high_24_h":"","low_52_w":"","high_52_w":"","price_percent_chg_24_h":""}]}"#;
    let mut feed = Feed::new();
    assert_eq!(feed.told(&message("ticker_batch", empty)), []);
    assert!(feed.decoder.products.get(0).unwrap().seen.contains(Channels::TICKER_BATCH), "the channel is alive");
}

#[test]
fn a_candle_is_told_with_its_start_and_exact_figures() {
    let told = Feed::new().told(&candles("snapshot", &[row(1_688_998_200, "ETH-USD")]));
    let [Told::Candle(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.instrument, fact.venue_time, fact.sequence, fact.snapshot), (ETH, TIME, 0, true));
    let expected = Candle {
        start: UnixNanos(1_688_998_200_000_000_000),
        interval_s: 300,
        open: fixed("1867.38"),
        high: fixed("1867.72"),
        low: fixed("1865.63"),
        close: fixed("1866.81"),
        volume: fixed("0.20269406"),
    };
    assert_eq!(fact.candle, expected);
}

#[test]
fn a_candle_that_cannot_be_read_is_counted_and_the_others_are_told() {
    for broken in [row(1, "BTC-USD").replace("1867.38", ""), row(1, "BTC-USD").replace(r#""start":"1","#, "")] {
        let told = Feed::new().told(&candles("update", &[broken, row(2, "BTC-USD")]));
        let [Told::Anomaly(..), Told::Candle(fact)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(fact.candle.start, UnixNanos(2_000_000_000));
    }
}

#[test]
fn a_long_history_of_candles_is_told_whole_slice_by_slice() {
    let rows: Vec<_> = (0..350).map(|i| row(300 * i, "BTC-USD")).collect();
    let text = candles("snapshot", &rows);
    let mut whole = Feed::new();
    let whole = whole.told(&text);
    assert_eq!(whole.iter().filter(|t| matches!(t, Told::Candle(_))).count(), 350);
    let mut sliced = Feed::new();
    sliced.sliced(text.as_bytes(), 4_096, 16);
    assert_eq!(sliced.ear.take(), whole);
}

#[test]
fn a_status_is_told_with_its_increments_and_repetitions_are_not() {
    let mut feed = Feed::new();
    let mut told = |text: &str| {
        feed.decoder.sequence = Sequence::default();
        feed.told(text)
    };
    let (tick, lot) = (fixed("0.01"), fixed("0.00000001"));
    let online = [Told::Increments(BTC, tick, lot), Told::Status(BTC, TradingStatus::Online, TIME)];
    assert_eq!(told(&status("snapshot", "BTC-USD", "online", "0.01")), online);
    assert_eq!(told(&status("update", "BTC-USD", "online", "0.01")), []);
    let finer = [Told::Increments(BTC, fixed("0.001"), lot), Told::Status(BTC, TradingStatus::Online, TIME)];
    assert_eq!(told(&status("update", "BTC-USD", "online", "0.001")), finer);
    let offline = [Told::Increments(BTC, fixed("0.001"), lot), Told::Status(BTC, TradingStatus::Halted, TIME)];
    assert_eq!(told(&status("update", "BTC-USD", "offline", "0.001")), offline);
    assert_eq!(told(&status("update", "DOGE-USD", "online", "0.01")), [], "nobody asked for it");
    let unknown = told(&status("update", "BTC-USD", "pondering", ""));
    let [Told::Anomaly(Anomaly::UnknownValue, _), Told::Status(_, TradingStatus::Unknown, _)] = &unknown[..] else {
        panic!("{unknown:?}")
    };
}

#[test]
fn a_status_counts_for_every_product_of_the_stream_and_its_increments_for_the_one_named() {
    let mut feed = Feed::new();
    let usdc = feed.decoder.products.know(&streamed_as(7, "BTC-USDC", "BTC-USD"));
    feed.decoder.products.get_mut(usdc).unwrap().wanted = Channels::STATUS;
    let told = feed.told(&status("snapshot", "BTC-USD", "offline", "0.01"));
    assert_eq!(
        told,
        [
            Told::Increments(BTC, fixed("0.01"), fixed("0.00000001")),
            Told::Status(BTC, TradingStatus::Halted, TIME),
            Told::Status(InstrumentId(7), TradingStatus::Halted, TIME),
        ]
    );
}

/// Coinbase reference 6.2: trailing zeros of the fraction are trimmed, from nine digits to none.
#[test]
fn times_of_no_to_nine_digits_are_exact_on_every_channel() {
    for digits in 0..=9 {
        let fraction: String = "123456789".chars().take(digits).collect();
        let point = if digits > 0 { "." } else { "" };
        let time = format!("2026-09-30T02:39:53{point}{fraction}Z");
        let ns = 1_790_735_993_000_000_000 + format!("{fraction:0<9}").parse::<u64>().unwrap();
        let level = format!(
            r#"{{"type":"snapshot","product_id":"BTC-USD","updates":[{{"side":"bid","event_time":"{time}","price_level":"1","new_quantity":"1"}}]}}"#
        );
        let trade = format!(
            r#"{{"type":"update","trades":[{{"product_id":"BTC-USD","trade_id":"1","price":"1","size":"1","time":"{time}","side":"BUY"}}]}}"#
        );
        let mut feed = Feed::new();
        let mut told = |text: &str| {
            feed.decoder.sequence = Sequence::default();
            feed.told(&text.replace("2026-09-30T02:39:53.407329Z", &time))
        };
        let mut times = Vec::new();
        for text in [
            message("l2_data", &level),
            message("market_trades", &trade),
            TICKER.to_owned(),
            candles("update", &[row(1, "BTC-USD")]),
            status("snapshot", "BTC-USD", "online", "0.01"),
        ] {
            let told = told(&text);
            times.extend(told.iter().filter_map(|told| match told {
                Told::Book(event) => Some(event.venue_time),
                Told::Trade(fact) => Some(fact.venue_time),
                Told::Ticker(fact) => Some(fact.venue_time),
                Told::Candle(fact) => Some(fact.venue_time),
                Told::Status(_, _, time) => Some(*time),
                _ => None,
            }));
        }
        assert_eq!(times, [UnixNanos(ns); 5], "{time}");
    }
}
