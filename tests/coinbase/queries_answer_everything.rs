//! The cold handle answers every question of the Coinbase reference, typed, exact, page by page and whole.

use crate::common::{decimal, Bench, BTC};
use exchange_connectors::order::{CancelReply, OrderStatus};
use exchange_connectors::record::{ClientOrderId, ExecutionKind as K, Liquidity, RejectClass, Side, UnixNanos};
use exchange_connectors::venue::coinbase::cold::{FillFilter, Granularity, OrderFilter};
use exchange_connectors::venue::ReplaceIntent;
use exchange_connectors::ExchangeError;

#[test]
fn orders_and_fills_are_listed_page_by_page_and_whole() {
    let mut rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    let orders: Vec<_> = (0..5).map(|_| rig.place_accepted(rig.resting_bid().post_only())).collect();
    for order in &orders[..3] {
        rig.venue.fill_order(order.client_order_id.as_str(), decimal("0.004")).unwrap();
        rig.expect(order.request, K::Fill);
    }
    let filter = OrderFilter { products: vec![BTC.into()], rows_per_page: 2, ..OrderFilter::default() };
    let first = queries.orders_page(&filter, "").unwrap();
    assert_eq!((first.rows.len(), first.next.is_some()), (2, true));
    let all = queries.orders(&filter).unwrap();
    let mut listed: Vec<_> = all.iter().map(|order| order.client_order_id.to_string()).collect();
    let mut placed: Vec<_> = orders.iter().map(|order| order.client_order_id.to_string()).collect();
    listed.sort();
    placed.sort();
    assert_eq!(listed, placed);
    let one = queries.order(&orders[0].venue_order_id).unwrap().unwrap();
    assert_eq!((one.status, one.side, one.post_only), (OrderStatus::Open, Side::Buy, true));
    assert_eq!((one.filled_size.to_string(), one.filled_value.to_string()), ("0.004".into(), "200".into()));
    assert_eq!(one.limit_price.unwrap().to_string(), "50000");
    assert_eq!(queries.order(&"11111111-2222-4333-8444-555555555555".parse().unwrap()), Ok(None));
    let none = OrderFilter { side: Some(Side::Sell), ..filter };
    assert_eq!(queries.orders(&none), Ok(vec![]));

    let fills = queries.fills(&FillFilter { rows_per_page: 1, ..FillFilter::default() }).unwrap();
    assert_eq!(fills.len(), 3);
    assert!(fills.iter().all(|fill| fill.liquidity == Liquidity::Maker && fill.size.to_string() == "0.004"));
    let of_one = FillFilter { order_ids: vec![orders[1].venue_order_id], ..FillFilter::default() };
    assert_eq!(queries.fills(&of_one).unwrap().len(), 1);
}

#[test]
fn the_account_its_fees_its_key_and_the_clock() {
    let rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    let accounts = queries.accounts().unwrap();
    let usd = accounts.iter().find(|account| account.currency.as_ref() == "USD").unwrap();
    assert_eq!((usd.available.to_string(), usd.active), ("1000000".into(), true));
    assert_eq!(queries.account(&usd.uuid).unwrap().as_ref(), Some(usd));
    assert_eq!(queries.account("11111111-2222-4333-8444-555555555555"), Ok(None));
    let fees = queries.fees().unwrap();
    assert!(fees.maker_rate.is_some() && fees.taker_rate.is_some(), "{fees:?}");
    let key = queries.key_permissions().unwrap();
    assert!(key.can_view && key.can_trade && !key.can_transfer, "{key:?}");
    let clock = queries.clock().unwrap();
    assert!(clock.offset_ns.unsigned_abs() <= clock.uncertainty_ns + 2_000_000, "one machine, one clock: {clock:?}");
}

#[test]
fn the_market_with_a_key_and_without() {
    for bench in [Bench::new(), Bench::new().without_credentials()] {
        let rig = bench.start_unready();
        let queries = rig.gateway().coinbase().unwrap();
        rig.venue.step(200).unwrap();
        let book = queries.product_book(BTC, 3).unwrap();
        assert_eq!((book.bids.len(), book.asks.len()), (3, 3));
        let best = rig.venue.best(BTC).unwrap();
        let text = |level: Option<rust_decimal::Decimal>| level.unwrap().normalize().to_string();
        assert_eq!((book.bids[0].price.to_string(), book.asks[0].price.to_string()), (text(best.0), text(best.1)));
        let trades = queries.trades(BTC, 10).unwrap();
        assert!(!trades.trades.is_empty() && trades.trades.windows(2).all(|two| two[0].time >= two[1].time));
        let until = rig.gateway().now();
        let since = UnixNanos(until.0 - 600 * 60 * 1_000_000_000);
        let candles = queries.candles(BTC, Granularity::OneMinute, since, until).unwrap();
        assert!(candles.windows(2).all(|two| two[0].start < two[1].start));
        assert!(candles.iter().all(|candle| candle.start >= UnixNanos(since.0 - 60_000_000_000)));
    }
    let rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    let tops = queries.best_bid_ask(&[BTC, "ETH-USD"]).unwrap();
    let mut names: Vec<_> = tops.iter().map(|top| top.product.as_ref()).collect();
    names.sort_unstable();
    assert_eq!(names, [BTC, "ETH-USD"]);
    assert!(tops.iter().all(|top| top.bids.len() == 1 && top.asks.len() == 1));
    assert_eq!(queries.product(BTC).unwrap().symbol.as_ref(), BTC);
    let backwards = queries.candles(BTC, Granularity::OneHour, UnixNanos(2), UnixNanos(1)).unwrap_err();
    assert!(matches!(backwards, ExchangeError::InvalidArgument { argument: "until", .. }));
}

#[test]
fn what_a_change_would_do_and_cancels_with_a_result_for_each() {
    let mut rig = Bench::new().start();
    let queries = rig.gateway().coinbase().unwrap();
    let order = rig.place_accepted(rig.resting_bid());
    let gone: exchange_connectors::record::VenueOrderId = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let change = |id| ReplaceIntent {
        instrument: &rig.btc,
        venue_order_id: id,
        client_order_id: &ClientOrderId::EMPTY,
        side: Side::Buy,
        price: rig.price("49000"),
        quantity: rig.size("0.02"),
    };
    let preview = queries.edit_preview(&change(&order.venue_order_id)).unwrap();
    assert_eq!((preview.refusal(), preview.quote_size.map(|v| v.to_string())), (None, Some("980".into())));
    let preview = queries.edit_preview(&change(&gone)).unwrap();
    assert_eq!(preview.refusal(), Some(RejectClass::UnknownOrder), "{preview:?}");

    let results = queries.cancel_orders(&[gone, order.venue_order_id]).unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        match result.order_id == gone {
            true => assert!(matches!(result.reply, CancelReply::Rejected { class: RejectClass::UnknownOrder, .. })),
            false => assert_eq!(result.reply, CancelReply::Queued),
        }
    }
    rig.expect(order.request, K::Cancelled);
    let error = queries.cancel_orders(&[gone; 101]).unwrap_err().to_string();
    assert!(error.contains("1 to 100 orders") && error.contains("101"), "{error}");
}
