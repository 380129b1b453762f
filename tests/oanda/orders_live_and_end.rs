//! OANDA orders: placed, filled, changed and cancelled through gateway, rings and the local venue, and through every
//! doubt, each told once.

use crate::common::decimal;
use crate::oanda::OandaRig;
use exchange_connectors::gateway::{Channels, KillScope};
use exchange_connectors::record::{
    ExecutionKind as K, Fixed128, GuardEvent, MarketRecord, OandaOptions, OrderCommand, OrderQuantity, OrderRef,
    OrderShape, OrderTerms, PositionFill, PreparedOrder, RejectClass, Side, StopLoss, TradingStatus, Venue, View,
    EXECUTION_FLAG_RECONCILED,
};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule};

const PLACE: &str = "POST /orders";

#[test]
fn an_order_rests_and_is_cancelled() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    assert_eq!(rig.venue.order(accepted.client_order_id.as_str()).unwrap().unwrap().1, "PENDING");
    let cancel = rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!((rig.law(request), rig.law(cancel)), (vec![K::Accepted, K::Cancelled], vec![]));
    assert_eq!((rig.received(&accepted), rig.gateway.open_orders().unwrap()), (1, 0));
    assert_eq!(rig.venue.requests("PUT /orders/*/cancel").unwrap(), 1);
}

#[test]
fn an_order_that_finds_too_little_is_filled_in_part_and_its_rest_is_cancelled() {
    let mut rig = OandaRig::trading(|config| config);
    let asks = [(decimal("1.20010"), decimal("300"))];
    rig.venue.set_liquidity("EUR_USD", &[(decimal("1.20000"), decimal("300"))], &asks).unwrap();
    let request = rig.submit(rig.market(Side::Buy, "500"));
    let fill = rig.expect(request, K::Fill);
    assert_eq!((fill.quantity().to_string(), fill.price().to_string()), ("300".into(), "1.2001".into()));
    let end = rig.expect(request, K::Cancelled);
    assert_eq!(end.cumulative().to_string(), "300");
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Cancelled]);
    assert_eq!(rig.net().as_deref(), Some("300"));
    assert_eq!(rig.venue.position("EUR_USD").unwrap().long, decimal("300"));
}

#[test]
fn a_fill_tells_position_balance_and_margin() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.market(Side::Buy, "1000"));
    rig.expect(request, K::Filled);
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Filled]);
    rig.until("the margin that the position binds", |rig| {
        let bound = |r: &&exchange_connectors::record::ExecutionRecord| r.kind == K::Margin && r.value > 0;
        rig.executions.iter().find(bound).map(|_| ())
    });
    assert!(rig.executions.iter().any(|r| r.kind == K::Balance));
    assert_eq!(rig.net().as_deref(), Some("1000"));
}

#[test]
fn an_order_against_the_position_closes_and_opens_in_one_fill() {
    let mut rig = OandaRig::trading(|config| config);
    let bought = rig.submit(rig.market(Side::Buy, "100"));
    rig.expect(bought, K::Filled);
    let sold = rig.submit(rig.market(Side::Sell, "250"));
    rig.expect(sold, K::Filled);
    // One execution closes the long trade, one opens the short one.
    assert_eq!(rig.law(sold), [K::Accepted, K::Fill, K::Fill, K::Filled]);
    let parts: Vec<_> = rig.executions.iter().filter(|r| r.request == sold && r.kind == K::Fill).collect();
    let quantities: Vec<_> = parts.iter().map(|r| r.quantity().to_string()).collect();
    assert_eq!(quantities, ["100", "150"]);
    assert_eq!(rig.net().as_deref(), Some("-150"));
    let held = rig.venue.position("EUR_USD").unwrap();
    assert_eq!((held.long, held.short), (decimal("0"), decimal("-150")));
    // 100 bought at 1.20010 and sold at 1.20000.
    let realised = rig.executions.iter().rev().find(|r| r.kind == K::Position && r.value != 0).unwrap();
    assert_eq!(Fixed128::new(realised.value, realised.value_exponent).to_string(), "-0.01");
}

#[test]
fn an_order_is_replaced_and_goes_on_under_another_id() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    let target = OrderRef::Request(request);
    let change = rig.submit(OrderCommand::replace(rig.eur.id, target, rig.price("1.11000"), rig.units("150")));
    let replaced = rig.expect(change, K::Replaced);
    assert_ne!(replaced.venue_order_id, accepted.venue_order_id);
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!((rig.law(request), rig.law(change)), (vec![K::Accepted, K::Cancelled], vec![K::Replaced]));
    assert_eq!(rig.gateway.open_orders().unwrap(), 0);
}

#[test]
fn what_the_account_may_not_do_never_leaves() {
    let mut rig = OandaRig::trading(|config| config);
    let before = rig.venue.requests(PLACE).unwrap();
    for (command, class) in [
        (rig.limit(Side::Buy, "1.1", "0.5"), RejectClass::InvalidSize),
        (rig.limit(Side::Buy, "1.1", "20000000000"), RejectClass::InvalidSize),
        (rig.limit(Side::Buy, "1.100001", "100"), RejectClass::InvalidPrice),
        (rig.resting_bid().post_only(), RejectClass::Unsupported),
    ] {
        let request = rig.submit(command);
        let rejected = rig.expect(request, K::Rejected);
        assert_eq!(rejected.reject, class, "{rejected:?}");
    }
    assert_eq!(rig.venue.requests(PLACE).unwrap(), before);
}

#[test]
fn an_order_the_venue_refuses_or_cancels_at_birth_says_why() {
    let mut rig = OandaRig::trading(|config| config);
    rig.venue.reject_next_order("PENDING_ORDERS_ALLOWED_EXCEEDED").unwrap();
    let refused = rig.submit(rig.resting_bid());
    assert_eq!(rig.expect(refused, K::Rejected).reject, RejectClass::Limit);
    rig.venue.set_tradeable("EUR_USD", false).unwrap();
    let halted = rig.submit(rig.market(Side::Buy, "100"));
    let rejected = rig.expect(halted, K::Rejected);
    assert_eq!((rejected.reject, rejected.venue_code.as_str()), (RejectClass::NotTradable, "MARKET_HALTED"));
    assert_eq!((rig.law(refused), rig.law(halted)), (vec![K::Rejected], vec![K::Rejected]));
}

#[test]
fn exits_on_fill_come_with_a_prepared_order_and_close_the_trade() {
    let mut rig = OandaRig::trading(|config| config);
    let (stop, profit) = (rig.price("1.19000"), rig.price("1.21000"));
    let quantity = OrderQuantity::Base(rig.units("100"));
    let mut terms = OrderTerms::new(Side::Buy, quantity, OrderShape::Market { worst_price: Some(rig.price("1.21")) });
    terms.exits.stop_loss = Some(StopLoss::At(stop));
    terms.exits.take_profit = Some(profit);
    terms.options = OandaOptions { position_fill: Some(PositionFill::OpenOnly), ..OandaOptions::default() }.into();
    let order = PreparedOrder::new(&rig.eur, terms).unwrap();
    let slot = rig.strategy.orders.prepare(order).unwrap();
    let request = rig.submit(OrderCommand::prepared(slot));
    rig.expect(request, K::Filled);
    // The market rises: the venue takes the profit, for an order of its own.
    rig.venue.set_price("EUR_USD", decimal("1.21100"), decimal("1.21110")).unwrap();
    rig.until("the position closed by its exit", |rig| (rig.net().as_deref() == Some("0")).then_some(()));
    assert_eq!(rig.law(request), [K::Accepted, K::Fill, K::Filled]);
}

/// The venue has the order, its reply does not come, and the account's events are silent: only the history can tell.
#[test]
fn a_lost_reply_is_unknown_and_found_in_the_history_after_the_id_before_it() {
    let mut rig = OandaRig::trading(|config| config.reply_timeout_ms(300));
    rig.venue.hold_user_events().unwrap();
    let before = rig.venue.last_transaction().unwrap();
    rig.venue.inject(FaultRule::next("POST", &rig.orders_path(), Fault::ThenClose(CloseHow::Reset))).unwrap();
    let request = rig.submit(rig.resting_bid());
    rig.expect(request, K::Unknown);
    let accepted = rig.expect(request, K::Accepted);
    assert!(accepted.has(EXECUTION_FLAG_RECONCILED), "{accepted:?}");
    assert!(accepted.venue_order_id.as_str().parse::<u64>().unwrap() > before);
    rig.venue.release_user_events().unwrap();
    rig.submit(rig.cancel_of(request));
    rig.expect(request, K::Cancelled);
    assert_eq!(rig.law(request), [K::Unknown, K::Accepted, K::Cancelled]);
    assert_eq!(rig.received(&accepted), 1, "an order is never sent again");
}

#[test]
fn an_order_that_never_arrived_is_rejected_after_proof() {
    let mut rig = OandaRig::trading(|config| config.reply_timeout_ms(300));
    rig.venue.inject(FaultRule::next("POST", &rig.orders_path(), Fault::Close(CloseHow::Reset))).unwrap();
    let request = rig.submit(rig.market(Side::Buy, "100"));
    rig.expect(request, K::Unknown);
    let rejected = rig.expect(request, K::Rejected);
    assert_eq!(rejected.reject, RejectClass::NeverArrived);
    assert!(rig.venue.requests("GET /transactions/sinceid").unwrap() >= 3);
}

#[test]
fn the_kill_switch_cancels_every_order_and_confirms() {
    let mut rig = OandaRig::trading(|config| config);
    let requests: Vec<_> = ["1.10", "1.11", "1.12"].map(|price| rig.limit(Side::Buy, price, "100")).into();
    let requests: Vec<_> = requests
        .into_iter()
        .map(|order| {
            let request = rig.submit(order);
            rig.expect(request, K::Accepted);
            request
        })
        .collect();
    rig.gateway.kill(KillScope::Ours);
    rig.until("the kill confirmed", |rig| {
        rig.executions.iter().any(|r| r.guard == GuardEvent::KillConfirmed).then_some(())
    });
    for request in requests {
        assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    }
    let refused = rig.submit(rig.resting_bid());
    assert_eq!(rig.expect(refused, K::Rejected).reject, RejectClass::Stopped);
}

#[test]
fn in_a_closed_market_only_what_rests_leaves_and_nothing_is_known_once_nobody_listens() {
    let mut rig = OandaRig::trading(|config| config);
    let prices = Channels::BOOK | Channels::STATUS;
    rig.gateway.subscribe(rig.strategy.id(), Venue::Oanda, "EUR_USD", prices).unwrap();
    rig.venue.set_tradeable("EUR_USD", false).unwrap();
    rig.until("the market closed", |rig| {
        let status = |record: &MarketRecord| match record.view() {
            View::Status(status) => Some(status.status),
            _ => None,
        };
        (rig.market.iter().filter_map(status).next_back() == Some(TradingStatus::Halted)).then_some(())
    });
    let sent = rig.venue.requests(PLACE).unwrap();
    let market = rig.submit(rig.market(Side::Buy, "100"));
    assert_eq!(rig.expect(market, K::Rejected).reject, RejectClass::NotTradable);
    assert_eq!(rig.venue.requests(PLACE).unwrap(), sent, "it never left");
    let resting = rig.submit(rig.resting_bid());
    rig.expect(resting, K::Accepted);
    rig.submit(rig.cancel_of(resting));
    rig.expect(resting, K::Cancelled);

    rig.gateway.unsubscribe(rig.strategy.id(), &rig.eur, prices).unwrap();
    let rejected = rig.until("the venue's own word", |rig| {
        let request = rig.submit(rig.market(Side::Buy, "100"));
        let rejected = rig.expect(request, K::Rejected);
        (!rejected.venue_code.is_empty() && rejected.sent.is_some()).then_some(rejected)
    });
    assert_eq!((rejected.reject, rejected.venue_code.as_str()), (RejectClass::NotTradable, "MARKET_HALTED"));
}

#[test]
fn an_order_that_is_created_and_cancelled_in_one_answer_ends_with_the_reason() {
    let mut rig = OandaRig::trading(|config| config);
    rig.venue.cancel_next_order("INSUFFICIENT_MARGIN").unwrap();
    let request = rig.submit(rig.resting_bid());
    let end = rig.expect(request, K::Cancelled);
    assert_eq!((end.reject, end.venue_code.as_str()), (RejectClass::InsufficientFunds, "INSUFFICIENT_MARGIN"));
    assert_eq!(rig.law(request), [K::Accepted, K::Cancelled]);
    assert_eq!((rig.received(&end), rig.gateway.open_orders().unwrap()), (1, 0));
}

#[test]
fn an_account_that_is_not_served_any_more_refuses_orders_and_leaves_what_is_open() {
    let mut rig = OandaRig::trading(|config| config);
    let open = rig.submit(rig.resting_bid());
    rig.expect(open, K::Accepted);
    rig.venue.forbid_account(true).unwrap();
    let refused = rig.submit(rig.resting_bid());
    assert_eq!(rig.expect(refused, K::Rejected).reject, RejectClass::Forbidden);
    assert_eq!(rig.law(open), [K::Accepted]);
    rig.venue.forbid_account(false).unwrap();
    rig.submit(rig.cancel_of(open));
    rig.expect(open, K::Cancelled);
}
