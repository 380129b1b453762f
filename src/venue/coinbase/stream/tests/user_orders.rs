//! Orders of the user channel (Coinbase reference 6.8).

use super::*;

#[test]
fn an_order_update_is_a_fact_with_exact_figures() {
    let told = Feed::new().told(&order(
        r#""order_id":"o-1","client_order_id":"c-1","product_id":"BTC-USD","order_side":"SELL","order_type":"Limit","status":"OPEN","cumulative_quantity":"0.2","leaves_quantity":"0.3","filled_value":"16600.1","total_fees":"9.9600600000000001","limit_price":"83000.5","reject_reason":"""#,
    ));
    let [Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        *fact,
        OrderFact {
            source: FactSource::Stream,
            instrument: Some(BTC),
            unknown_symbol: InlineText::EMPTY,
            venue_order_id: "o-1".parse().unwrap(),
            client_order_id: "c-1".parse().unwrap(),
            status: OrderStatus::Open,
            side: Side::Sell,
            cumulative_quantity: 20_000_000,
            cumulative_value: Some(Fixed128::new(166_001, -1)),
            cumulative_fees: Some(Fixed128::new(99_600_600_000_000_001, -16)),
            limit_price: 8_300_050_000_000,
            quantity: 50_000_000,
            venue_time: TIME,
            reject: RejectClass::None,
            code: InlineText::EMPTY,
        }
    );
}

#[test]
fn a_failed_order_says_why_and_a_strangers_has_no_quantities() {
    let told = Feed::new().told(&order(
        r#""order_id":"o-2","client_order_id":"a client id that is far too long to be one of ours","product_id":"DOGE-USD","order_side":"BUY","status":"FAILED","cumulative_quantity":"5","reject_reason":"INSUFFICIENT_FUNDS""#,
    ));
    let [Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((fact.instrument, fact.cumulative_quantity, fact.client_order_id.is_empty()), (None, 0, true));
    assert_eq!((fact.reject, fact.code.as_str()), (RejectClass::InsufficientFunds, "INSUFFICIENT_FUNDS"));
}

#[test]
fn an_unreadable_order_is_a_gap_of_the_connection_and_an_unknown_status_is_not() {
    let mut feed = Feed::new();
    feed.whole(&order(
        r#""order_id":"o-3","product_id":"BTC-USD","order_side":"BUY","status":"OPEN","cumulative_quantity":"x""#,
    ));
    assert_eq!(feed.ear.gaps(), [(GapScope::Connection, GapCause::Malformed, 1)]);
    let told =
        Feed::new().told(&order(r#""order_id":"o-3","product_id":"BTC-USD","order_side":"BUY","status":"PONDERING""#));
    let [Told::Anomaly(Anomaly::UnknownValue, _), Told::Order(fact)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(fact.status, OrderStatus::Unrecognised);
}

#[test]
fn the_first_snapshot_batch_below_fifty_ends_the_snapshot() {
    let batch = |sequence: u64, rows: usize| {
        let rows =
            vec![r#"{"order_id":"o","product_id":"BTC-USD","order_side":"BUY","status":"OPEN"}"#; rows].join(",");
        format!(
            r#"{{"channel":"user","timestamp":"","sequence_num":{sequence},"events":[{{"type":"snapshot","orders":[{rows}]}}]}}"#
        )
    };
    let mut feed = Feed::new();
    assert_eq!(feed.whole(&batch(0, 50)), Control::None);
    assert_eq!(feed.sliced(batch(1, 50).as_bytes(), 512, 7), Control::None);
    assert_eq!(feed.whole(&batch(2, 0)), Control::UserSnapshotComplete);
    assert_eq!(feed.ear.told.last(), Some(&Told::Stream(StreamFact::UserSnapshotComplete)));
    let sources =
        feed.ear.told.iter().filter(|t| matches!(t, Told::Order(f) if f.source == FactSource::StreamSnapshot));
    assert_eq!(sources.count(), 100);
    assert_eq!(Feed::new().sliced(batch(0, 49).as_bytes(), 512, 7), Control::UserSnapshotComplete);
}
