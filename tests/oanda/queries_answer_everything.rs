//! OANDA's own questions and changes, off the hot path: the account, trades, positions, orders, closes and exits; what they
//! change reaches the strategies as transactions.

use crate::common::decimal;
use crate::oanda::OandaRig;
use exchange_connectors::gateway::ExchangeError;
use exchange_connectors::record::{ExecutionKind as K, Fixed, RejectClass, Side};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use exchange_connectors::venue::oanda::request::{
    ByDistance, Change, CloseUnits, Exit, Labels, OrderSpecifier, StopLevel, TakeProfitAt, TradeExits,
};

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

#[test]
fn the_account_and_all_that_is_in_it() {
    let mut rig = OandaRig::trading(|config| config);
    let bought = rig.submit(rig.market(Side::Buy, "1000"));
    let filled = rig.expect(bought, K::Filled);
    let resting = rig.submit(rig.resting_bid());
    let accepted = rig.expect(resting, K::Accepted);
    let queries = rig.gateway.oanda().unwrap();

    let accounts = queries.accounts().unwrap();
    assert_eq!(accounts.iter().map(|row| row.mt4).collect::<Vec<_>>(), [false, true]);
    let account = queries.account().unwrap();
    assert_eq!((account.orders.len(), account.trades.len()), (1, 1));
    let summary = queries.summary().unwrap();
    assert_eq!((summary.open_trades, summary.pending_orders, &*summary.currency), (1, 1, "USD"));
    assert!(queries.instruments().unwrap().len() > 3);
    assert!(queries.rules("EUR_USD").unwrap().display_precision == 5);

    let trade = queries.open_trades().unwrap().remove(0);
    let id = trade.id.to_string();
    assert_eq!(queries.trade(OrderSpecifier::Id(&id)).unwrap().unwrap().id, trade.id);
    assert_eq!(queries.trade(OrderSpecifier::Id("999999")).unwrap(), None);
    let position = queries.position("EUR_USD").unwrap().unwrap();
    assert_eq!((position.long.units.to_string(), position.long.trade_ids.len()), ("1000".into(), 1));
    assert_eq!(queries.open_positions().unwrap().len(), 1);
    assert_eq!(queries.position("USD_JPY").unwrap(), None, "never traded");

    let by_client = OrderSpecifier::Client(accepted.client_order_id.as_str());
    assert_eq!(queries.order_row(by_client).unwrap().unwrap().id.to_string(), accepted.venue_order_id.as_str());
    let by_id = OrderSpecifier::Id(filled.venue_order_id.as_str());
    assert_eq!(&*queries.order_row(by_id).unwrap().unwrap().state, "FILLED");
    assert_eq!(queries.pending_orders().unwrap().len(), 1);
    assert!(queries.orders(Some("EUR_USD"), None).unwrap().len() >= 2);

    let changes = queries.changes_since(account.summary.last_transaction - 1).unwrap();
    assert_eq!(changes.state.last_transaction, summary.last_transaction);
    assert_eq!(queries.prices(&["EUR_USD"]).unwrap().prices.len(), 1);
    assert_eq!(&*queries.candles("EUR_USD", "M1", 5).unwrap().instrument, "EUR_USD");
}

#[test]
fn trades_and_positions_are_closed_in_part_and_wholly_and_strategies_are_told() {
    let mut rig = OandaRig::trading(|config| config);
    let bought = rig.submit(rig.market(Side::Buy, "1000"));
    rig.expect(bought, K::Filled);
    let queries = rig.gateway.oanda().unwrap();
    let trade = queries.open_trades().unwrap().remove(0).id.to_string();
    let trade = OrderSpecifier::Id(&trade);

    queries.close_trade(&rig.eur, trade, CloseUnits::Units(fixed("300"))).unwrap();
    rig.until("a part closed", |rig| (rig.net().as_deref() == Some("700")).then_some(()));
    queries.close_position(&rig.eur, CloseUnits::Units(fixed("200")), CloseUnits::None).unwrap();
    rig.until("another part closed", |rig| (rig.net().as_deref() == Some("500")).then_some(()));
    queries.close_position(&rig.eur, CloseUnits::All, CloseUnits::None).unwrap();
    rig.until("all of it closed", |rig| (rig.net().as_deref() == Some("0")).then_some(()));
    assert_eq!(rig.venue.position("EUR_USD").unwrap().long, decimal("0"));

    let nothing = queries.close_position(&rig.eur, CloseUnits::All, CloseUnits::None).unwrap_err();
    assert!(matches!(nothing, ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }), "{nothing:?}");
    let fraction = queries.close_position(&rig.eur, CloseUnits::Units(fixed("0.5")), CloseUnits::None).unwrap_err();
    assert!(matches!(fraction, ExchangeError::InvalidArgument { argument: "UNITS_PRECISION_EXCEEDED", .. }));
}

#[test]
fn exits_are_placed_changed_and_cancelled_on_a_trade() {
    let mut rig = OandaRig::trading(|config| config);
    let bought = rig.submit(rig.market(Side::Buy, "100"));
    rig.expect(bought, K::Filled);
    let queries = rig.gateway.oanda().unwrap();
    let trade = queries.open_trades().unwrap().remove(0).id.to_string();
    let trade = OrderSpecifier::Id(&trade);
    let exits = TradeExits {
        take_profit: Change::Set(Exit::at(TakeProfitAt(fixed("1.25")))),
        stop_loss: Change::Set(Exit::at(StopLevel::Price(fixed("1.15")))),
        ..TradeExits::default()
    };
    queries.change_exits(&rig.eur, trade, &exits).unwrap();
    assert_eq!(queries.pending_orders().unwrap().len(), 2);
    let exits = TradeExits {
        take_profit: Change::Cancel,
        trailing_stop: Change::Set(Exit::at(ByDistance(fixed("0.00500")))),
        ..TradeExits::default()
    };
    queries.change_exits(&rig.eur, trade, &exits).unwrap();
    let mut kinds: Vec<_> = queries.pending_orders().unwrap().into_iter().map(|order| order.kind).collect();
    kinds.sort();
    assert_eq!(kinds.iter().map(|kind| &**kind).collect::<Vec<_>>(), ["STOP_LOSS", "TRAILING_STOP_LOSS"]);
    let near =
        TradeExits { trailing_stop: Change::Set(Exit::at(ByDistance(fixed("0.00001")))), ..TradeExits::default() };
    let refused = queries.change_exits(&rig.eur, trade, &near).unwrap_err();
    assert!(matches!(refused, ExchangeError::InvalidArgument { argument: "PRICE_DISTANCE_MINIMUM_NOT_MET", .. }));
}

#[test]
fn an_order_is_cancelled_by_our_id_from_any_thread() {
    let mut rig = OandaRig::trading(|config| config);
    let request = rig.submit(rig.resting_bid());
    let accepted = rig.expect(request, K::Accepted);
    let queries = rig.gateway.oanda().unwrap();
    queries.cancel_by_client_id(&accepted.client_order_id).unwrap();
    rig.expect(request, K::Cancelled);
    let again = queries.cancel_by_client_id(&accepted.client_order_id).unwrap_err();
    assert!(matches!(again, ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }), "{again:?}");
}

#[test]
fn what_names_nothing_is_refused_by_its_argument_and_not_asked() {
    let rig = OandaRig::trading(|config| config);
    let queries = rig.gateway.oanda().unwrap();
    let changes = rig.venue.requests("PUT /").unwrap();
    for nobody in [OrderSpecifier::Id(""), OrderSpecifier::Client("")] {
        for (argument, answer) in [
            ("order", queries.cancel(nobody).map(drop)),
            ("order", queries.label_order(nobody, Labels::default(), Labels::default()).map(drop)),
            ("order", queries.order_row(nobody).map(drop)),
            ("trade", queries.label_trade(nobody, Labels::default()).map(drop)),
            ("trade", queries.close_trade(&rig.eur, nobody, CloseUnits::All).map(drop)),
            ("trade", queries.change_exits(&rig.eur, nobody, &TradeExits::default()).map(drop)),
            ("trade", queries.trade(nobody).map(drop)),
        ] {
            let error = answer.unwrap_err();
            assert!(
                matches!(&error, ExchangeError::InvalidArgument { argument: a, .. } if *a == argument),
                "{error:?}"
            );
        }
    }
    for rate in ["0", "-0.02"] {
        let error = queries.set_margin_rate(fixed(rate)).map(drop).unwrap_err();
        assert!(matches!(&error, ExchangeError::InvalidArgument { argument: "margin_rate", .. }), "{error:?}");
    }
    assert_eq!(rig.venue.requests("PUT /").unwrap(), changes);
}

#[test]
fn a_close_whose_answer_is_lost_or_is_no_verdict_is_ambiguous() {
    let mut rig = OandaRig::trading(|config| config);
    let bought = rig.submit(rig.market(Side::Buy, "100"));
    rig.expect(bought, K::Filled);
    let queries = rig.gateway.oanda().unwrap();
    let path = format!("/v3/accounts/{}/positions/EUR_USD/close", rig.venue.account_id());
    rig.venue.inject(FaultRule::next("PUT", &path, Fault::ThenClose(CloseHow::Reset))).unwrap();
    let lost = queries.close_position(&rig.eur, CloseUnits::All, CloseUnits::None).unwrap_err();
    assert!(lost.is_ambiguous() && !lost.is_retryable(), "{lost:?}");
    rig.until("the close told by its transaction", |rig| (rig.net().as_deref() == Some("0")).then_some(()));
    // Not the venue's words: whoever stands before it may have passed the request on.
    for (status, ambiguous) in [(404, true), (400, true), (502, true), (401, false), (403, false)] {
        let page = Fault::Reply(Response::html(status, "<html>nothing here</html>"));
        rig.venue.inject(FaultRule::next("PUT", &path, page)).unwrap();
        let error = queries.close_position(&rig.eur, CloseUnits::All, CloseUnits::None).unwrap_err();
        assert_eq!(error.is_ambiguous(), ambiguous, "{status}: {error:?}");
    }
}
