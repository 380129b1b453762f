//! Binance.US orders: over the WebSocket API, over REST while it is down, and through every doubt, each told once.

use crate::binance_us::BinanceRig;
use crate::common::decimal;
use crate::common::scratch::Scratch;
use exchange_connectors::record::{
    ConnectionRole, ConnectionState, ExecutionKind as K, Fixed, OrderCommand, OrderQuantity, OrderRef, OrderShape,
    OrderTerms, PreparedOrder, RejectClass, Side, EXECUTION_FLAG_RECONCILED, EXECUTION_FLAG_REPLAYED,
};
use exchange_connectors::sim::binance_us::{Limits, DOOR_WS_API};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};
use exchange_connectors::telemetry::Counter;

const WS_PLACE: &str = "WS order.place";
const REST_PLACE: &str = "POST /api/v3/order";

/// Placed, filled in part, cancelled.
fn lives_and_ends(rig: &mut BinanceRig) {
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    let fill = rig.expect(request, K::Fill);
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("0.004".into(), "50000".into()));
    rig.submit(rig.cancel_of(request));
    let end = rig.expect(request, K::Cancelled);
    assert_eq!(end.cumulative().to_string(), "0.004");
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Cancelled]);
    assert_eq!(rig.received(&accepted), 1);
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn an_order_goes_over_the_websocket_api_and_is_told_in_order() {
    let mut rig = BinanceRig::trading(|config| config);
    lives_and_ends(&mut rig);
    assert_eq!((rig.venue.requests(WS_PLACE).unwrap(), rig.venue.requests(REST_PLACE).unwrap()), (1, 0));
    assert_eq!(rig.venue.requests("WS order.cancel").unwrap(), 1);
    assert!(rig.executions.iter().any(|r| r.kind == K::Balance), "balances are told");
}

#[test]
fn without_a_websocket_api_connection_orders_go_over_rest() {
    let mut rig = BinanceRig::trading(|config| config.api_connections(0));
    lives_and_ends(&mut rig);
    assert_eq!((rig.venue.requests(WS_PLACE).unwrap(), rig.venue.requests(REST_PLACE).unwrap()), (0, 1));
}

#[test]
fn an_order_the_venue_refuses_says_why() {
    let mut rig = BinanceRig::trading(|config| config);
    rig.venue.reject_next_order(-2010, "Account has insufficient balance for requested action.").unwrap();
    let request = rig.submit(rig.resting_bid());
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, RejectClass::InsufficientFunds, "{rejected:?}");
    assert_eq!(rig.law(request), [K::Rejected]);
}

/// The venue has the order, its reply does not come, and the account's events are silent: only queries can tell.
fn unknown_then_accepted(over_rest: bool) {
    let mut rig =
        BinanceRig::trading(|config| config.reply_timeout_ms(300).api_connections(if over_rest { 0 } else { 1 }));
    rig.venue.hold_user_events().unwrap();
    match over_rest {
        true => rig.venue.inject(FaultRule::next("POST", "/api/v3/order", Fault::ThenClose(CloseHow::Reset))),
        false => rig.venue.inject_next_ws("order.place", Fault::ThenClose(CloseHow::Reset)),
    }
    .unwrap();
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Unknown);
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED), "{accepted:?}");
    rig.venue.release_user_events().unwrap();
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted, K::Cancelled]);
    assert_eq!(rig.received(&accepted), 1, "an order is never sent again");
}

#[test]
fn a_lost_reply_over_rest_is_unknown_and_reconciled() {
    unknown_then_accepted(true);
}

#[test]
fn a_lost_reply_over_the_websocket_api_is_unknown_and_reconciled() {
    unknown_then_accepted(false);
}

#[test]
fn listings_that_lag_are_no_evidence_that_an_order_is_not_there() {
    let mut rig = BinanceRig::trading(|config| config.reply_timeout_ms(300));
    rig.venue.hold_user_events().unwrap();
    // Longer than several queries take, shorter than the grace of absence allows to be judged three times.
    rig.venue.lag_listings(250_000_000).unwrap();
    rig.venue.inject_next_ws("order.place", Fault::ThenClose(CloseHow::Reset)).unwrap();
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Unknown);
    rig.expect(request, K::Accepted);
    assert!(rig.venue.requests("GET /api/v3/allOrders").unwrap() > 1, "asked while it was not listed yet");
    assert_eq!(rig.law(request)[..2], [K::Unknown, K::Accepted]);
}

#[test]
fn while_the_order_connection_is_down_orders_go_over_rest() {
    let mut rig = BinanceRig::trading(|config| config);
    rig.venue.inject_next_ws("order.place", Fault::ThenClose(CloseHow::Reset)).unwrap();
    // However often it is dialled again, it stays away until the order after it has left.
    let never = FaultRule::next("GET", "*", Fault::Close(CloseHow::Reset)).on(DOOR_WS_API).times(u32::MAX);
    rig.venue.inject(never).unwrap();
    let lost = rig.submit(rig.resting_bid());
    rig.until_state(ConnectionRole::Orders, ConnectionState::Connecting);
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Accepted);
    assert_eq!((rig.venue.requests(WS_PLACE).unwrap(), rig.venue.requests(REST_PLACE).unwrap()), (1, 1));
    rig.expect(lost, K::Accepted);
    // And it is the fast path again once it is back.
    rig.venue.clear_faults().unwrap();
    rig.until_state(ConnectionRole::Orders, ConnectionState::Healthy);
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Accepted);
    assert_eq!((rig.venue.requests(WS_PLACE).unwrap(), rig.venue.requests(REST_PLACE).unwrap()), (2, 1));
}

#[test]
fn after_the_websocket_api_fell_everything_is_accounted_for_before_the_next_order() {
    let mut rig = BinanceRig::trading(|config| config);
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    let listings = rig.venue.requests("GET /api/v3/openOrders").unwrap();
    rig.venue.hold_user_events().unwrap();
    rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.004")).unwrap();
    rig.venue.drop_user_events().unwrap();
    rig.venue.kill_connections(Some(DOOR_WS_API), CloseHow::Reset).unwrap();
    rig.venue.release_user_events().unwrap();
    // The event of the fill is lost for good: the listing tells it.
    let fill = rig.expect(request, K::Fill);
    assert_eq!(fill.quantity().to_string(), "0.004");
    rig.until_state(ConnectionRole::User, ConnectionState::Healthy);
    assert!(rig.venue.requests("GET /api/v3/openOrders").unwrap() > listings);
    assert_eq!(rig.law(request), [K::Accepted, K::Fill]);
}

#[test]
fn a_prepared_iceberg_is_submitted_by_its_slot() {
    let mut rig = BinanceRig::trading(|config| config);
    let (price, size) = (rig.price("50000"), rig.size("0.01"));
    let shape = OrderShape::Limit { price, post_only: false, shown: Some(size / 2) };
    let terms = OrderTerms::new(Side::Buy, OrderQuantity::Base(size), shape);
    let prepared = PreparedOrder::new(&rig.btc, terms).unwrap();
    let slot = rig.strategy.orders.prepare(prepared).unwrap();
    for _ in 0..2 {
        let request = rig.submit(OrderCommand::prepared(slot));
        let accepted = rig.expect(request, K::Accepted);
        rig.submit(rig.cancel_of(request));
        rig.expect(request, K::Cancelled);
        assert_eq!(rig.received(&accepted), 1);
    }
    assert_eq!(rig.venue.requests(WS_PLACE).unwrap(), 2);
}

/// The fee and its asset in every record of an order that has one.
fn fees(rig: &BinanceRig, request: exchange_connectors::record::RequestId) -> Vec<(String, String)> {
    let directory = rig.gateway.directory();
    let of = |r: &&exchange_connectors::record::ExecutionRecord| r.request == request && !r.fee().is_zero();
    let told = rig.executions.iter().filter(of);
    told.map(|r| (r.fee().to_string(), directory.asset_code(r.fee_asset).unwrap_or_default())).collect()
}

#[test]
fn a_fee_is_told_in_the_asset_it_was_taken_in() {
    let bnb = exchange_connectors::sim::binance_us::Fees {
        maker: decimal("0.001"),
        taker: decimal("0.001"),
        instead: Some(("BNB", decimal("500"))),
    };
    let usual = exchange_connectors::sim::binance_us::Fees { instead: None, ..bnb };
    for (fees_of_venue, buy, sell) in
        [(usual, ("0.00001", "BTC"), ("0.5", "USD")), (bnb, ("0.001", "BNB"), ("0.001", "BNB"))]
    {
        let mut rig = BinanceRig::trading_at(|venue| venue.fees = fees_of_venue, |builder| builder, |config| config);
        rig.venue.clear_liquidity("BTCUSD").unwrap();
        for (side, (fee, asset)) in [(Side::Buy, buy), (Side::Sell, sell)] {
            let request = rig.submit(rig.limit(side, "50000", "0.01"));
            let accepted = rig.expect(request, K::Accepted);
            rig.venue.fill_order(accepted.client_order_id.as_str(), decimal("0.01")).unwrap();
            rig.expect(request, K::Filled);
            assert_eq!(fees(&rig, request), [(fee.to_owned(), asset.to_owned())]);
        }
    }
}

#[test]
fn hammering_trips_our_own_governor_and_never_the_venues() {
    let mut rig = BinanceRig::trading_at(|venue| venue.limits = Limits::default(), |builder| builder, |config| config);
    let mut answers = Vec::new();
    for _ in 0..250 {
        let request = rig.submit(rig.resting_bid());
        answers.push(rig.until("an answer", |rig| rig.executions.iter().find(|r| r.request == request).copied()));
    }
    let refused = answers.iter().filter(|r| r.kind == K::Rejected).inspect(|r| {
        assert_eq!(r.reject, RejectClass::RateLimited, "{r:?}");
    });
    assert!(refused.count() >= 250 - 2 * 80, "the reserve for cancels is kept in at most two windows");
    let accepted: Vec<_> = answers.iter().filter(|r| r.kind == K::Accepted).map(|r| r.request).collect();
    assert!(accepted.len() >= 80, "{}", accepted.len());
    // Cancels pass whatever orders used up.
    for request in accepted.iter().take(20) {
        rig.submit(rig.cancel_of(*request));
        rig.expect(*request, K::Cancelled);
    }
    assert_eq!(rig.gateway.telemetry().counters.get(Counter::VenueRateLimited), 0);
}

#[test]
fn orders_of_a_session_that_died_come_back_with_their_fills_in_every_symbol() {
    let state = Scratch::new("binance-us-restart");
    let mut first = BinanceRig::trading_by(|builder| builder.state_directory(&state.path), |config| config);
    let in_btc = first.submit(first.resting_bid());
    let in_btc = first.expect(in_btc, K::Accepted).client_order_id;
    let fixed = |text, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
    let (price, size) = (fixed("1500", first.eth.price_exponent), fixed("0.1", first.eth.size_exponent));
    let in_eth = first.submit(OrderCommand::limit(first.eth.id, Side::Buy, price, size));
    let in_eth = first.expect(in_eth, K::Accepted).client_order_id;
    let venue = first.into_venue();
    // While nobody listens: one in part, the other whole.
    venue.fill_order(in_btc.as_str(), decimal("0.004")).unwrap();
    venue.fill_order(in_eth.as_str(), decimal("0.1")).unwrap();

    let mut rig = BinanceRig::trading_with(venue, |builder| builder.state_directory(&state.path), |config| config);
    let told = |rig: &BinanceRig, id| {
        let of = rig.executions.iter().filter(|r| r.client_order_id == id && r.kind != K::FillDetail);
        of.map(|r| (r.kind, r.instrument)).collect::<Vec<_>>()
    };
    rig.until("both orders with their fills", |rig| {
        (told(rig, in_btc).len() == 2 && told(rig, in_eth).len() == 3).then_some(())
    });
    let (btc, eth) = (rig.btc.id, rig.eth.id);
    assert_eq!(told(&rig, in_btc), [(K::OrderListed, btc), (K::Fill, btc)]);
    let mut ended = told(&rig, in_eth);
    ended.sort_by_key(|(kind, _)| *kind as u8);
    assert_eq!(ended, [(K::Fill, eth), (K::OrderListed, eth), (K::Filled, eth)]);
    let fill = rig.executions.iter().find(|r| r.kind == K::Fill && r.client_order_id == in_eth).copied().unwrap();
    assert!(fill.has(EXECUTION_FLAG_REPLAYED) && !fill.execution_id.is_empty(), "{fill:?}");
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("0.1".into(), "1500".into()));
    // What is still open is cancelled by the id the dead session gave it.
    rig.submit(OrderCommand::cancel(btc, OrderRef::Client(in_btc)));
    rig.until("the end", |rig| {
        rig.executions.iter().find(|r| r.kind == K::Cancelled && r.client_order_id == in_btc).copied()
    });
}
