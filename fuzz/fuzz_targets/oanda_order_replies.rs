//! Any bytes as the reply of OANDA to a place, a cancel, a replace or a listing, in pieces of any length. Holds that
//! nothing panics, that a place is answered exactly once whatever comes, and that how the bytes are cut does not change
//! the verdict.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use std::sync::Arc;

use ear::{instrument, Ear};
use exchange_connectors::record::{OrderType, Side, TimeInForce, UnixNanos, Venue};
use exchange_connectors::venue::oanda::auth::{AccessToken, AccountId};
use exchange_connectors::venue::oanda::request::Query;
use exchange_connectors::venue::oanda::{Ledger, OandaEndpoints, OrderConfig, OrderSession};
use exchange_connectors::venue::{PlaceIntent, ReplaceIntent};
use libfuzzer_sys::fuzz_target;
use wire::{feed, messages, response, Over};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
const PLACE: u8 = 0;

/// Bodies as documented (OANDA reference 4).
const SAMPLES: [&str; 6] = [
    r#"{"orderCreateTransaction":{"id":"101","batchID":"101","time":"2026-03-04T10:11:12Z","type":"MARKET_ORDER","instrument":"EUR_USD","units":"1","clientExtensions":{"id":"ours-1"}},"orderFillTransaction":{"id":"102","batchID":"101","time":"2026-03-04T10:11:12Z","type":"ORDER_FILL","orderID":"101","clientOrderID":"ours-1","instrument":"EUR_USD","units":"1","price":"1.20022","tradeOpened":{"price":"1.20022","tradeID":"102","units":"1"}},"relatedTransactionIDs":["101","102"],"lastTransactionID":"102"}"#,
    r#"{"orderRejectTransaction":{"id":"101","batchID":"101","time":"2026-03-04T10:11:12Z","type":"MARKET_ORDER_REJECT","instrument":"EUR_USD","units":"1","rejectReason":"INSUFFICIENT_MARGIN","clientExtensions":{"id":"ours-1"}},"errorCode":"INSUFFICIENT_MARGIN","errorMessage":"x","relatedTransactionIDs":["101"],"lastTransactionID":"101"}"#,
    r#"{"orderCancelTransaction":{"id":"101","batchID":"101","time":"2026-03-04T10:11:12Z","type":"ORDER_CANCEL","orderID":"7","reason":"CLIENT_REQUEST"},"relatedTransactionIDs":["101"],"lastTransactionID":"101"}"#,
    r#"{"orders":[{"id":"7","createTime":"2026-03-04T10:11:12Z","type":"LIMIT","instrument":"EUR_USD","units":"100","timeInForce":"GTC","price":"1.2","state":"PENDING","clientExtensions":{"id":"ours-1"}}],"lastTransactionID":"101"}"#,
    r#"{"transactions":[{"id":"101","batchID":"101","time":"2026-03-04T10:11:12Z","type":"ORDER_CANCEL","orderID":"7","reason":"CLIENT_REQUEST"}],"lastTransactionID":"101"}"#,
    r#"{"positions":[{"instrument":"EUR_USD","pl":"0","unrealizedPL":"0","long":{"units":"100","averagePrice":"1.2","tradeIDs":["1"]},"short":{"units":"0"}}],"lastTransactionID":"101"}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[what, status, piece], rest)) = input.split_first_chunk::<3>() else {
        return;
    };
    // Raw bytes as the wire, or the first message as a body under a proper head.
    let wire = match messages(rest, &SAMPLES).into_iter().next() {
        Some(body) if what & 8 == 0 => response(status, &body),
        _ => rest.to_vec(),
    };
    let whole = read(what & 7, &wire, usize::MAX);
    let parts = read(what & 7, &wire, usize::from(piece) + 1);
    assert_eq!(whole, parts, "the cut changes nothing");
});

fn read(what: u8, wire: &[u8], piece: usize) -> Vec<String> {
    let (account, token) = (AccountId::new("101-001-7654321-001"), AccessToken::new("throwaway"));
    let (Ok(account), Ok(token)) = (account, token) else { panic!("constants") };
    let endpoint = OandaEndpoints::practice().rest;
    let mut session =
        OrderSession::new(&endpoint, account, Arc::new(token), OrderConfig::default()).expect("a constant");
    let instrument = instrument(Venue::Oanda, 0, "EUR_USD");
    session.know(&instrument);
    session.opened();
    let (mut ledger, mut ear) = (Ledger::new(), Ear::default());
    ledger.begin(100);
    let (ours, theirs) = ("ours-1".parse().expect("a constant"), "7".parse().expect("a constant"));
    let sent = match what {
        PLACE => {
            let intent = PlaceIntent {
                instrument: &instrument,
                client_order_id: &ours,
                side: Side::Buy,
                order_type: OrderType::Market,
                time_in_force: TimeInForce::FillOrKill,
                post_only: false,
                price: 0,
                quantity: 100_000_000,
                quantity_in_quote: false,
                composite: None,
            };
            session.place(NOW, &intent, &ledger, &mut ear)
        }
        1 => session.cancel(NOW, &theirs, &ledger, &mut ear),
        2 => {
            let intent = ReplaceIntent {
                instrument: &instrument,
                venue_order_id: &theirs,
                client_order_id: &ours,
                side: Side::Buy,
                price: 120_000_000,
                quantity: 100_000_000,
            };
            session.replace(NOW, &intent, &ledger, &mut ear)
        }
        3 => session.query(NOW, &Query::PendingOrders, &mut ear),
        4 => session.query(NOW, &Query::TransactionsSince { id: 100 }, &mut ear),
        5 => session.query(NOW, &Query::OpenPositions, &mut ear),
        6 => session.query(NOW, &Query::Account, &mut ear),
        _ => session.warm(NOW, &mut ear),
    };
    assert_eq!(sent, Ok(()));
    let (end, mut rest) = feed(wire, piece, |bytes| {
        let step = session.bytes(NOW, bytes, &mut ledger, &mut ear).map_err(|_| Over::Failed)?;
        if step.reply.is_some() {
            Err(Over::Answered)
        } else {
            Ok(step.progress)
        }
    });
    if end != Some(Over::Answered) && session.eof(&mut rest, &mut ledger, &mut ear).is_none() {
        session.closed(&mut ear);
    }
    if what == PLACE {
        assert_eq!(ear.placed, 1, "a place is answered once: {:?}", ear.told);
    }
    ear.told
}
