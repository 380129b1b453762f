use super::super::super::products::BookState;
use super::super::super::testing::{instrument, Ear, Told};
use super::*;
use crate::codec::json::Plain;
use crate::codec::test_captures;
use proptest::prelude::*;

const SYMBOLS: [&str; 2] = ["BTC-USD", "ETH-USD"];

/// What messages tell one after the other, how the books stand then, and how many messages went the fast way.
fn told(texts: &[Vec<u8>], plain_only: bool) -> (Vec<Told>, Vec<BookState>, usize) {
    let (mut decoder, mut ear, mut plain) = (Decoder::new(), Ear::default(), Plain::new(1 << 17));
    for (id, symbol) in SYMBOLS.into_iter().enumerate() {
        let index = decoder.products.know(&instrument(id as u32, symbol));
        let product = decoder.products.get_mut(index).unwrap();
        (product.book, product.wanted) = (BookState::Waiting, Channels::BOOK.with(Channels::TRADES));
    }
    let mut fast = 0;
    for text in texts {
        if !plain_only && decoder.recorded(text, &mut ear).is_some() {
            fast += 1;
            continue;
        }
        decoder.plain_message(&mut plain, &mut text.clone(), &mut ear);
    }
    let books = (0..SYMBOLS.len()).map(|index| decoder.products.get(index).unwrap().book).collect();
    (ear.told, books, fast)
}

fn both(texts: &[Vec<u8>]) -> (Vec<Told>, usize) {
    let (fast, plain) = (told(texts, false), told(texts, true));
    assert_eq!((&fast.0, &fast.1), (&plain.0, &plain.1), "{}", String::from_utf8_lossy(&texts.join(&b'\n')));
    (fast.0, fast.2)
}

fn message(channel: &str, sequence: u64, event: &str) -> Vec<u8> {
    let time = "2026-09-30T02:39:53.670986313Z";
    format!(r#"{{"channel":"{channel}","timestamp":"{time}","sequence_num":{sequence},"events":[{{{event}}}]}}"#).into()
}

fn level(side: &str, price: &str, size: &str) -> String {
    let time = "2026-09-30T02:39:53.407329Z";
    format!(r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{size}"}}"#)
}

fn book(sequence: u64, kind: &str, product: &str, levels: &[String]) -> Vec<u8> {
    let levels = levels.join(",");
    message("l2_data", sequence, &format!(r#""type":"{kind}","product_id":"{product}","updates":[{levels}]"#))
}

fn trade(product: &str, id: &str, price: &str, size: &str, side: &str) -> String {
    let time = "2026-09-30T02:39:53.977543Z";
    format!(
        r#"{{"product_id":"{product}","trade_id":"{id}","price":"{price}","size":"{size}","time":"{time}","side":"{side}"}}"#
    )
}

fn trades(sequence: u64, trades: &[String]) -> Vec<u8> {
    message("market_trades", sequence, &format!(r#""type":"update","trades":[{}]"#, trades.join(",")))
}

#[test]
fn updates_and_trades_as_recorded_go_the_fast_way() {
    let bid = level("bid", "83277.25", "0.00715626");
    let sold = |id| trade("BTC-USD", id, "83277.26", "0.00058346", "SELL");
    let texts = [
        book(0, "snapshot", "BTC-USD", std::slice::from_ref(&bid)),
        book(1, "update", "BTC-USD", &[bid.clone(), level("offer", "83328", "0")]),
        trades(2, &[sold("1100253489"), sold("1100253488")]),
        book(3, "update", "ETH-USD", &[bid]),
    ];
    let (told, fast) = both(&texts);
    assert_eq!(fast, 3, "all but the snapshot: {told:?}");
    let ids = told.iter().filter_map(|told| if let Told::Trade(fact) = told { Some(fact.trade_id) } else { None });
    assert_eq!(ids.collect::<Vec<_>>(), [1_100_253_488, 1_100_253_489], "oldest first");
}

#[test]
fn whatever_is_unusual_says_the_same_in_both_ways() {
    let bid = || level("bid", "83277.25", "0.00715626");
    let good = || trade("BTC-USD", "7", "1", "1", "BUY");
    let mut texts = vec![
        book(0, "snapshot", "BTC-USD", &[bid()]),
        book(1, "update", "BTC-USD", &[level("both", "1", "1")]),
        book(2, "update", "BTC-USD", &[bid()]),
        book(3, "snapshot", "BTC-USD", &[bid()]),
        book(4, "update", "BTC-USD", &[bid(), level("bid", "1x", "1")]),
        book(5, "snapshot", "BTC-USD", &[bid()]),
        book(6, "update", "BTC-USD", &[level("bid", "1", "1").replace("2026-09-30T", "2026-09-31 ")]),
        book(7, "update", "BTC-USD", &[]),
        book(8, "update", "NOBODYS", &[bid()]),
        book(9, "new", "BTC-USD", &[bid()]),
        trades(10, &[good(), trade("NOBODYS", "1", "1", "1", "BUY"), good()]),
        trades(11, &[good(), trade("BTC-USD", "1", "1", "1", "NEITHER"), trade("BTC-USD", "+1", "1", "1", "BUY")]),
        trades(12, &[]),
        trades(12, &[good()]),
        trades(15, &[good()]),
        book(16, "update", "BTC-USD", &[bid()]),
        message("ticker", 17, r#""type":"update","tickers":[]"#),
        book(18, "update", "ETH-USD", &vec![bid(); LEVELS_MAX]),
        book(19, "update", "ETH-USD", &vec![bid(); LEVELS_MAX + 1]),
        trades(20, &vec![good(); TRADES_MAX + 1]),
    ];
    texts.push(
        String::from_utf8(trades(18, &[good()]))
            .unwrap()
            .replace(",\"timestamp\"", ",\"client_id\":\"\",\"timestamp\"")
            .into(),
    );
    let (told, fast) = both(&texts);
    assert!(fast > 3 && told.iter().any(|told| matches!(told, Told::Gap(..))), "{fast} {told:?}");
}

#[test]
fn every_recorded_frame_says_the_same_in_both_ways() {
    // All updates but one of 57 trades.
    for (name, expected) in [("fastmm/advanced_md_stream.jsonl", 236), ("synthetic/advanced_public_channels.jsonl", 0)]
    {
        let Some(text) = test_captures::text(&format!("coinbase/{name}")) else { return };
        let texts: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        let (_, fast) = both(&texts);
        assert!(fast >= expected, "{name}: {fast} of {} went the fast way", texts.len());
    }
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u64..200_000, 0u32..100).prop_map(|(whole, part)| format!("{whole}.{part:02}")),
        (0u64..200_000).prop_map(|whole| whole.to_string()),
        (0u64..90, 0u32..100_000_000).prop_map(|(whole, part)| format!("{whole}.{part:08}")),
        "-?[0-9.]{0,20}",
    ]
}

fn any_message() -> impl Strategy<Value = (bool, Vec<String>, bool)> {
    let product = || proptest::sample::select(vec!["BTC-USD", "BTC-USD", "ETH-USD", "NOBODYS"]);
    let side = |a, b| proptest::sample::select(vec![a, b]);
    let levels = proptest::collection::vec((side("bid", "offer"), amount(), amount()), 0..20)
        .prop_map(|rows| rows.iter().map(|(side, price, size)| level(side, price, size)).collect());
    let rows = proptest::collection::vec((product(), 0u64..99, amount(), amount(), side("BUY", "SELL")), 0..9)
        .prop_map(|rows| {
            rows.iter().map(|(p, id, price, size, side)| trade(p, &id.to_string(), price, size, side)).collect()
        });
    prop_oneof![(Just(true), levels, any::<bool>()), (Just(false), rows, Just(false))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Messages in the recorded form, sound or damaged in one place, say the same in both ways, one after the other.
    #[test]
    fn the_fast_way_says_what_the_plain_one_says(
        messages in proptest::collection::vec(any_message(), 1..10),
        damage in proptest::option::of((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let mut texts: Vec<Vec<u8>> = messages
            .iter()
            .zip(0..)
            .map(|((is_book, rows, snapshot), sequence)| match is_book {
                true => book(sequence, if *snapshot { "snapshot" } else { "update" }, "BTC-USD", rows),
                false => trades(sequence, rows),
            })
            .collect();
        if let Some((which, place, byte)) = damage {
            let which = which.index(texts.len());
            let place = place.index(texts[which].len());
            texts[which][place] = byte;
        }
        both(&texts);
    }
}
