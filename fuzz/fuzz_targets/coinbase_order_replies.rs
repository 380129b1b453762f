//! Any bytes as the reply to a place, a cancel, a change or a listing, in pieces of any length. Holds that nothing panics, that
//! a place is answered exactly once whatever comes, and that how the bytes are cut does not change the verdict.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use ear::{instrument, Ear};
use exchange_connectors::record::{OrderType, Side, TimeInForce, UnixNanos, Venue};
use exchange_connectors::venue::coinbase::request::Query;
use exchange_connectors::venue::coinbase::{Endpoint, OrderConfig, OrderSession};
use exchange_connectors::venue::{PlaceIntent, ReplaceIntent};
use libfuzzer_sys::fuzz_target;
use wire::{feed, response, Over};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);

fuzz_target!(|input: &[u8]| {
    let Some((&[what, status, piece], rest)) = input.split_first_chunk::<3>() else {
        return;
    };
    // Raw bytes as the wire, or a body under a proper head.
    let wire = if what & 4 == 4 { rest.to_vec() } else { response(status, rest) };
    let request = if what & 8 == 8 { 4 } else { what & 3 };
    let whole = read(request, &wire, usize::MAX);
    let parts = read(request, &wire, usize::from(piece) + 1);
    assert_eq!(whole, parts, "the cut changes nothing");
});

fn read(what: u8, wire: &[u8], piece: usize) -> Vec<String> {
    let endpoint = Endpoint::https("https://localhost").expect("a constant");
    let config = OrderConfig { user_agent: "fuzz/1".into(), ..OrderConfig::default() };
    let mut session = OrderSession::new(&endpoint, config).expect("a constant");
    let instrument = instrument(Venue::Coinbase, 0, "BTC-USD");
    session.know(&instrument);
    session.opened();
    let mut ear = Ear::default();
    let sent = match what {
        0 => {
            let id = "cl-0001".parse().expect("a constant");
            let intent = PlaceIntent {
                instrument: &instrument,
                client_order_id: &id,
                side: Side::Buy,
                order_type: OrderType::Limit,
                time_in_force: TimeInForce::GoodTilCancelled,
                post_only: true,
                price: 8_300_050_000_000,
                quantity: 50_000_000,
                quantity_in_quote: false,
                composite: None,
            };
            session.place(NOW, &intent, "a.b.c".into(), &mut ear)
        }
        1 => {
            let ids = ["o-1", "o-2"].map(|id| id.parse().expect("a constant"));
            session.cancel(NOW, &ids, "a.b.c".into(), &mut ear)
        }
        2 => {
            let query = Query::OpenOrders { limit: 12, cursor: "" };
            session.query(NOW, &query, Some("a.b.c".into()), &mut ear)
        }
        4 => {
            let id = "o-1".parse().expect("a constant");
            let ours = "cl-0001".parse().expect("a constant");
            let intent = ReplaceIntent {
                instrument: &instrument,
                venue_order_id: &id,
                client_order_id: &ours,
                side: Side::Buy,
                price: 8_300_060_000_000,
                quantity: 60_000_000,
            };
            session.replace(NOW, &intent, "a.b.c".into(), &mut ear)
        }
        _ => session.warm(NOW, &mut ear),
    };
    assert!(sent.is_ok());
    let (end, mut rest) = feed(wire, piece, |bytes| {
        let step = session.bytes(NOW, bytes, &mut ear).map_err(|_| Over::Failed)?;
        if step.reply.is_some() {
            Err(Over::Answered)
        } else {
            Ok(step.progress)
        }
    });
    if end != Some(Over::Answered) && session.eof(&mut rest, &mut ear).is_none() {
        session.closed(&mut ear);
    }
    if what == 0 {
        assert_eq!(ear.placed, 1, "a place is answered once: {:?}", ear.told);
    }
    // Which anomaly it was may hang on how much was there when it was noticed.
    ear.told
}
