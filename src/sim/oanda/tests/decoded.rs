//! What the local venue says is what this crate's own decoders of the real venue understand.

use super::*;
use crate::venue::oanda::response::{self as decode, Candles, Changes};

fn body(desk: &mut Desk, path: &str) -> Vec<u8> {
    let request = desk.request("GET", path, None);
    let response = desk.send(&request);
    assert_eq!(response.status, 200, "{path}");
    response.body
}

#[test]
fn every_listing_is_decoded_with_the_values_the_model_has() {
    let mut desk = Desk::new();
    let exits = json!({"price": "1.3", "clientExtensions": {"id": "tp"}});
    desk.place(json!({"type": "MARKET", "instrument": "EUR_USD", "units": "-100", "trailingStopLossOnFill": {"distance": "0.01"}}));
    desk.place(
        json!({"type": "MARKET", "instrument": "USD_JPY", "units": "200", "takeProfitOnFill": {"price": "180"}}),
    );
    let rests = json!({"type": "LIMIT", "instrument": "EUR_USD", "units": "5", "price": "1.1", "takeProfitOnFill": exits,
        "clientExtensions": {"id": "rests"}});
    desk.place(rests);

    let request = Request { path: "/v3/accounts".into(), ..desk.request("GET", "", None) };
    assert_eq!(decode::accounts(&desk.send(&request).body).unwrap().len(), 2);
    decode::summary(&body(&mut desk, "/summary")).unwrap();
    let account = decode::account(&body(&mut desk, "")).unwrap();
    assert_eq!((account.trades.len(), account.positions.len(), account.orders.len()), (2, 2, 3));
    let (rows, left_out) = decode::instruments(&body(&mut desk, "/instruments")).unwrap();
    assert_eq!((rows.len(), left_out.len()), (desk.venue.exchange.markets.len(), 0));
    let Changes { transactions, .. } = decode::changes(&body(&mut desk, "/changes?sinceTransactionID=3")).unwrap();
    assert_eq!(transactions, (4..=desk.venue.exchange.log.last()).collect::<Vec<_>>());
    assert_eq!(decode::orders(&body(&mut desk, "/orders?state=ALL")).unwrap().len(), 5);
    let order = decode::order(&body(&mut desk, "/orders/@rests")).unwrap();
    assert_eq!((&*order.state, &*order.client_id, order.price.is_some()), ("PENDING", "rests", true));
    let trades = decode::trades(&body(&mut desk, "/openTrades")).unwrap();
    assert_eq!(trades.len(), 2);
    assert_eq!(decode::trade(&body(&mut desk, &format!("/trades/{}", trades[0].id))).unwrap(), trades[0]);
    let positions = decode::positions(&body(&mut desk, "/openPositions")).unwrap();
    assert_eq!(positions[0], decode::position(&body(&mut desk, "/positions/EUR_USD")).unwrap());
    assert_eq!(positions[0].short.trade_ids.len(), 1);
    let prices = decode::prices(&body(&mut desk, "/pricing?instruments=EUR_USD&includeHomeConversions=true")).unwrap();
    assert_eq!((prices.prices.len(), prices.prices[0].bids.len(), prices.prices[0].tradeable), (1, 7, true));
    let Candles { candles, .. } = decode::candles(&body(&mut desk, "/instruments/EUR_USD/candles?price=MBA")).unwrap();
    assert!(candles.last().is_some_and(|c| c.bid.is_some() && c.mid.is_some() && c.ask.is_some()));
    let pages = decode::pages(&body(&mut desk, "/transactions?from=2026-03-01T00:00:00Z")).unwrap();
    assert_eq!((pages.count, pages.pages[0].to), (pages.last_transaction, pages.last_transaction));
}
