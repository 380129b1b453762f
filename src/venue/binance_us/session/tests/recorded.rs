//! The recorded stream and its snapshots: four books, what is missing noticed, and no damage that does harm.

use super::*;

const SYMBOLS: [&str; 4] = ["CRVUSDT", "COMPUSDT", "OMGBUSD", "ZRXUSDT"];

/// Replays the recorded frames, all but `dropped`, with the recorded snapshots at their recorded times.
fn replay(dropped: Option<usize>) -> Option<(Bench, usize)> {
    let frames = test_captures::text("binance_us/us_ws_20211012.frames.jsonl")?;
    let times = test_captures::text("binance_us/us_ws_20211012.recv_ts.txt")?;
    let snapshots = test_captures::text("binance_us/us_rest_depth_20211012.jsonl")?;
    let mut snapshots: Vec<(f64, usize, String)> = snapshots
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let url = row["url"].as_str().unwrap();
            let symbol = SYMBOLS.iter().position(|symbol| url.contains(symbol)).unwrap();
            (row["recv_ts"].as_f64().unwrap(), symbol, row["body"].to_string())
        })
        .collect();
    snapshots.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = Streams::DIFFS
        .with(Streams::AGGREGATED_TRADES)
        .with(Streams::QUOTES)
        .with(Streams::candles(CandleInterval::M1));
    let mut bench = Bench::ready(&SYMBOLS, all);
    // serde orders keys by name; the venue has lastUpdateId first.
    let reorder = |body: &str| {
        let value: serde_json::Value = serde_json::from_str(body).unwrap();
        format!(r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#, value["lastUpdateId"], value["bids"], value["asks"])
    };
    let mut depth = 0;
    let mut answered = [false; 4];
    for (at, (frame, time)) in frames.lines().zip(times.lines()).enumerate() {
        let time: f64 = time.split_whitespace().next().unwrap().parse().unwrap();
        while let Some((when, symbol, body)) = snapshots.first().cloned() {
            if when > time {
                break;
            }
            snapshots.remove(0);
            while bench.data.next_snapshot(bench.now).is_some() {}
            assert_eq!(
                bench.answer(crate::record::InstrumentId(symbol as u32), &reorder(&body)),
                SnapshotOutcome::Synced
            );
            answered[symbol] = true;
        }
        depth += usize::from(frame.contains("depthUpdate"));
        if dropped != Some(at) {
            bench.feed(frame);
        }
    }
    for (_, symbol, body) in snapshots {
        while bench.data.next_snapshot(bench.now).is_some() {}
        bench.answer(crate::record::InstrumentId(symbol as u32), &reorder(&body));
    }
    Some((bench, depth))
}

#[test]
fn the_recorded_stream_and_snapshots_give_four_books_in_sync_and_no_gap() {
    let Some((bench, diffs)) = replay(None) else { return };
    assert_eq!(diffs, 336);
    assert_eq!(bench.ear.anomalies(), []);
    assert_eq!(bench.ear.gaps(), []);
    for id in 0..4 {
        assert!(bench.data.is_synced(crate::record::InstrumentId(id)), "{}", SYMBOLS[id as usize]);
    }
    let books = Books::of(&bench.ear.told);
    for book in books.0.values() {
        let bid = book.keys().filter(|(bid, _)| *bid).map(|(_, price)| *price).max().unwrap();
        let ask = book.keys().filter(|(bid, _)| !*bid).map(|(_, price)| *price).min().unwrap();
        assert!(bid < ask, "crossed: {bid} {ask}");
    }
    let told = &bench.ear.told;
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Trade(_))).count(), 11);
    assert!(told.iter().filter(|t| matches!(t, Told::Quote(_))).count() > 50);
}

#[test]
fn a_frame_dropped_from_the_recording_is_noticed_and_only_its_symbol_resynchronised() {
    let Some(frames) = test_captures::text("binance_us/us_ws_20211012.frames.jsonl") else { return };
    let (mut noticed, mut last_of_its_symbol) = (0, 0);
    let diffs: Vec<(usize, String)> = frames
        .lines()
        .enumerate()
        .filter(|(_, frame)| frame.contains("depthUpdate"))
        .map(|(at, frame)| (at, frame.split('@').next().unwrap().rsplit('"').next().unwrap().to_ascii_uppercase()))
        .collect();
    // Every eleventh diff after the snapshots.
    for (at, symbol) in diffs.iter().filter(|(at, _)| *at > 60).step_by(11) {
        let (bench, _) = replay(Some(*at)).unwrap();
        let concerned = crate::record::InstrumentId(SYMBOLS.iter().position(|s| s == symbol).unwrap() as u32);
        if !diffs.iter().any(|(later, of)| later > at && of == symbol) {
            last_of_its_symbol += 1;
            continue;
        }
        let gaps = bench.ear.gaps();
        assert!(
            matches!(gaps[..], [(GapScope::Instrument(id), GapCause::Sequence, missed)] if id == concerned && missed > 0),
            "frame {at}: {gaps:?}"
        );
        for id in 0..4 {
            let id = crate::record::InstrumentId(id);
            assert_eq!(bench.data.is_synced(id), id != concerned);
        }
        noticed += 1;
    }
    assert!(noticed > 15 && last_of_its_symbol < 5, "{noticed} {last_of_its_symbol}");
}

#[test]
fn the_frames_after_the_upgrade_are_read_without_an_anomaly() {
    let Some(text) = test_captures::text("binance_us/us_ws_depth_20260928.jsonl") else { return };
    let mut bench = Bench::ready(&["BTCUSD", "ETHUSD", "PEPEUSD"], Streams::DIFFS);
    bench.ear.take();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        bench.feed(&row["frame"].to_string());
    }
    assert_eq!(bench.ear.anomalies(), []);
}

/// Messages of every kind, to be damaged.
const KINDS: [&str; 6] = [
    r#"{"stream":"btcusd@trade","data":{"e":"trade","E":1672515782136,"s":"BTCUSD","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}}"#,
    r#"{"stream":"btcusd@depth@100ms","data":{"e":"depthUpdate","E":1790612332757,"s":"BTCUSD","U":1001,"u":1001,"b":[["83539.87","0.01"]],"a":[]}}"#,
    r#"{"stream":"ethusd@depth5@100ms","data":{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}}"#,
    r#"{"stream":"btcusd@bookTicker","data":{"u":2000,"s":"BTCUSD","b":"99.01","B":"30.28","a":"99.02","A":"31.57"}}"#,
    r#"{"stream":"btcusd@miniTicker","data":{"e":"24hrMiniTicker","E":1,"s":"BTCUSD","c":"0.0025","o":"1","h":"1","l":"1","v":"1","q":"18"}}"#,
    r#"{"result":null,"id":1}"#,
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]
    /// Whatever is damaged in whichever message: nothing panics, events are well formed, and a diff that was lost by it
    /// is noticed at the next one.
    #[test]
    fn no_damage_makes_it_panic_or_leaves_a_book_silently_wrong(
        kind in 0usize..KINDS.len(), cut in 0usize..400, at in 0usize..400, byte in b' '..127u8, whole in proptest::prelude::any::<bool>(),
    ) {
        let mut bench = Bench::ready(&["BTCUSD", "ETHUSD"], Streams::DIFFS.with(Streams::TRADES).with(Streams::QUOTES));
        while bench.snapshot(r#"{"lastUpdateId":1000,"bids":[["1","1"]],"asks":[]}"#).is_some() {}
        bench.ear.take();
        let mut text = KINDS[kind].as_bytes().to_vec();
        if !whole {
            text.truncate(cut.min(text.len()));
        }
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        let text = String::from_utf8(text).unwrap();
        let mut bytes = frame(&text);
        let _ = bench.session.bytes(bench.now, &mut bytes, &mut bench.data, &mut bench.ear);
        Books::of(&bench.ear.take());
        let btc = crate::record::InstrumentId(0);
        // A book that missed the diff must notice at the next; damage may have left a valid diff of other ids.
        let before = bench.data.synced_id(btc);
        bench.feed(&diff("BTCUSD", 1002, 1002, "", ""));
        let after = bench.data.synced_id(btc);
proptest::prop_assert!(!(before == Some(1000) && after.is_some()), "{:?} {:?} {}", before, after, text);
    }
}
