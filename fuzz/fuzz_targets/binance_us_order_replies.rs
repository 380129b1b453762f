//! Any bytes as the reply of Binance.US to a place, a cancel, a cancel-replace, a listing or a snapshot, over REST or over
//! the WebSocket API, in pieces of any length. Holds that nothing panics, that a place is answered exactly once whatever
//! comes, and that how the bytes are cut does not change the verdict.
#![no_main]
#![forbid(unsafe_code)]

mod ear;
mod wire;

use std::sync::Arc;

use ear::{instrument, Ear};
use exchange_connectors::record::{
    ClientOrderId, Fixed, Instrument, OrderType, Side, TimeInForce, UnixNanos, Venue, VenueOrderId,
};
use exchange_connectors::venue::binance_us::auth::Credentials;
use exchange_connectors::venue::binance_us::request::{
    Call, NewOrder, OrderId, OrderKind, Quantity, ReplaceMode, ReplaceOrder, ResponseDetail,
};
use exchange_connectors::venue::binance_us::{
    ApiConfig, ApiSession, BinanceUsEndpoints, MarketData, OrderConfig, OrderSession, Requests, StreamConfig,
    StreamSession, Streams, VenueMs,
};
use exchange_connectors::venue::PlaceIntent;
use libfuzzer_sys::fuzz_target;
use wire::{feed, framed, messages, response, Over};

const NOW: UnixNanos = UnixNanos(1_790_735_993_000_000_000);
const STAMP: VenueMs = VenueMs(1_790_735_993_000);
const OURS: &str = "xc-0001-00000001";
const PLACE: u8 = 0;

/// Answers over the WebSocket API, as documented (Binance.US reference 8).
const SAMPLES: [&str; 6] = [
    r#"{"id":1,"status":200,"result":{"symbol":"BTCUSD","orderId":12569099453,"orderListId":-1,"clientOrderId":"xc-0001-00000001","transactTime":1660801715639},"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":12}]}"#,
    r#"{"id":1,"status":400,"error":{"code":-1102,"msg":"Mandatory parameter was not sent."},"rateLimits":[]}"#,
    r#"{"id":1,"status":409,"error":{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"symbol":"BTCUSD","origClientOrderId":"a","orderId":4,"clientOrderId":"b","price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY"},"newOrderResponse":{"code":-2010,"msg":"Order would immediately match and take."}}}}"#,
    r#"{"id":1,"status":418,"error":{"code":-1003,"msg":"Way too much request weight used; IP banned until 1790736993000.","data":{"serverTime":1790735993000,"retryAfter":1790736993000}}}"#,
    r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1759347763167,"s":"BTCUSD","c":"xc-0001-00000001","S":"BUY","q":"1","p":"1","C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0","z":"0","L":"0","n":"0","N":null,"T":1759347763167,"t":-1,"m":false,"Z":"0","Y":"0"}}"#,
    r#"{"id":1,"status":200,"result":{"symbol":"BTCUSD","orderId":4,"clientOrderId":"xc-0001-00000001","price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","fills":[{"price":"1","qty":"1","commission":"0","commissionAsset":"USD","tradeId":57}]}}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&[what, status, piece], rest)) = input.split_first_chunk::<3>() else {
        return;
    };
    let (raw, request) = (what & 8 == 8, what & 7);
    let read = |piece| match what & 16 == 16 {
        true => api(request, &if raw { rest.to_vec() } else { framed(&messages(rest, &SAMPLES)) }, piece),
        false => rest_api(request, &if raw { rest.to_vec() } else { response(status, rest) }, piece),
    };
    assert_eq!(read(usize::MAX), read(usize::from(piece) + 1), "the cut changes nothing");
});

fn intent<'a>(instrument: &'a Instrument, id: &'a ClientOrderId) -> PlaceIntent<'a> {
    PlaceIntent {
        instrument,
        client_order_id: id,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
        price: 8_353_987_000_000,
        quantity: 1_775_000,
        quantity_in_quote: false,
        composite: None,
    }
}

fn replacement() -> ReplaceOrder<'static> {
    let order = NewOrder {
        symbol: "BTCUSD",
        side: Side::Buy,
        kind: OrderKind::LimitMaker,
        time_in_force: None,
        quantity: Quantity::Base(Fixed::new(1, 0)),
        price: Some(Fixed::new(1, 0)),
        stop_price: None,
        trailing_delta: None,
        iceberg: None,
        client_order_id: OURS,
        self_trade: None,
        detail: ResponseDetail::Full,
    };
    ReplaceOrder { cancel: OrderId::Venue("4"), cancel_id: None, restriction: None, mode: ReplaceMode::AllowFailure, order }
}

fn ids() -> (ClientOrderId, VenueOrderId) {
    (OURS.parse().expect("a constant"), "4".parse().expect("a constant"))
}

fn rest_api(what: u8, wire: &[u8], piece: usize) -> Vec<String> {
    let credentials = Some(Arc::new(Credentials::new("key", "secret").expect("a constant")));
    let endpoint = BinanceUsEndpoints::default().rest;
    let mut session = OrderSession::new(&endpoint, credentials, OrderConfig::default()).expect("a constant");
    let (btc, (ours, theirs)) = (instrument(Venue::BinanceUs, 0, "BTCUSD"), ids());
    let (mut data, mut ear) = (MarketData::default(), Ear::default());
    session.know(&btc);
    session.opened();
    let sent = match what {
        PLACE => session.place(NOW, STAMP, &intent(&btc, &ours), &mut ear),
        1 => session.cancel(NOW, STAMP, "BTCUSD", &theirs, &ours, &mut ear),
        2 => session.replace(NOW, STAMP, &replacement(), theirs, ours, &mut ear),
        3 => session.query(NOW, STAMP, &Call::OpenOrders { symbol: None }, &mut ear),
        4 => session.query(NOW, STAMP, &Call::Account, &mut ear),
        5 => {
            let mut stream = StreamSession::new(StreamConfig::default());
            stream.want(&btc, Streams::DIFFS, &mut data).expect("one stream");
            stream.opened(NOW, &mut data, &mut ear).expect("opens");
            let mut done = wire::framed_one(r#"{"result":null,"id":1}"#);
            stream.bytes(NOW, &mut done, &mut data, &mut ear).expect("an answer as documented");
            match data.next_snapshot(NOW) {
                Some(request) => session.snapshot(NOW, &request, &data, &mut ear),
                None => session.warm(NOW, &mut ear),
            }
        }
        6 => session.query(NOW, STAMP, &Call::CancelAll { symbol: "BTCUSD" }, &mut ear),
        _ => session.warm(NOW, &mut ear),
    };
    assert_eq!(sent, Ok(()));
    let (end, mut rest) = feed(wire, piece, |bytes| {
        let step = session.bytes(NOW, bytes, &mut data, &mut ear).map_err(|_| Over::Failed)?;
        if step.reply.is_some() {
            Err(Over::Answered)
        } else {
            Ok(step.progress)
        }
    });
    if end != Some(Over::Answered) && session.eof(NOW, &mut rest, &mut data, &mut ear).is_none() {
        session.closed(NOW, &mut data, &mut ear);
    }
    if what == PLACE {
        assert_eq!(ear.placed, 1, "a place is answered once: {:?}", ear.told);
    }
    assert_eq!(ear.stray_levels, 0, "levels belong to an event");
    ear.told
}

fn api(what: u8, wire: &[u8], piece: usize) -> Vec<String> {
    let credentials = Arc::new(Credentials::new("key", "secret").expect("a constant"));
    let mut session = ApiSession::new(credentials, ApiConfig { user_events: true, ..ApiConfig::default() });
    let (btc, (ours, theirs)) = (instrument(Venue::BinanceUs, 0, "BTCUSD"), ids());
    let mut ear = Ear::default();
    session.know(&btc);
    session.opened(NOW);
    let sent = match what {
        PLACE => session.place(NOW, STAMP, &intent(&btc, &ours), &mut ear),
        1 => session.cancel(NOW, STAMP, "BTCUSD", &theirs, &ours, &mut ear),
        2 => session.replace(NOW, STAMP, &replacement(), theirs, ours, &mut ear),
        3 => session.subscribe_user(NOW, STAMP, &mut ear),
        _ => session.query(NOW, STAMP, &Call::Time, &mut ear),
    };
    assert_eq!(sent, Ok(()));
    feed(wire, piece, |bytes| session.bytes(NOW, bytes, &mut ear));
    session.closed(&mut ear);
    if what == PLACE {
        assert_eq!(ear.placed, 1, "a place is answered once: {:?}", ear.told);
    }
    let mut told = std::mem::take(&mut ear.told);
    told.extend(std::iter::from_fn(|| session.next_reply()).map(|reply| format!("{reply:?}")));
    told
}
