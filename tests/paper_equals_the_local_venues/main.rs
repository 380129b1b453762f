//! The same commands in the same market, once at a local venue and once on paper over its market data: every order is told
//! the same things in the same order, and the accounts hold the same in the end.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/binance_us.rs"]
mod binance_us;
mod books;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/feed.rs"]
mod feed;
#[path = "../common/oanda.rs"]
mod oanda;
mod quotes;
mod stage;

use books::{Books, BALANCES};
use common::decimal;
use exchange_connectors::gateway::ExchangeError;
use exchange_connectors::record::{ExecutionKind as K, Fixed, Venue};
use quotes::Quotes;
use rust_decimal::Decimal;
use stage::{Market, Stage};

type Scripts<M> = [(&'static str, fn(&mut Stage<M>))];

/// Plays every script at a local venue and on paper, and compares.
fn compare<M: Market>((live, paper): (&mut Stage<M>, &mut Stage<M>), reset: fn(&mut Stage<M>), scripts: &Scripts<M>) {
    for (name, script) in scripts {
        let told = [&mut *live, &mut *paper].map(|stage| {
            reset(stage);
            script(stage);
            stage.told()
        });
        let [live, paper] = told;
        assert!(!live.is_empty(), "{name}: nothing was told");
        assert_eq!(live, paper, "{name} (left: at the local venue, right: on paper)");
    }
    reset(live);
    reset(paper);
}

fn compare_books(stage: fn(bool) -> Books) {
    let (mut live, mut paper) = (stage(false), stage(true));
    compare((&mut live, &mut paper), Books::reset, books::SCRIPTS);
    // Positions in a spot market are what was bought less what was sold.
    assert_eq!(live.net, paper.net);
    assert_ne!(live.net, 0, "nothing was traded");
    let balances = paper.gateway.paper_balances(paper.venue).unwrap();
    for (asset, _) in BALANCES {
        let on_paper = balances.iter().find(|balance| balance.asset == asset).unwrap();
        let (available, hold) = live.market.balance(asset);
        let on_paper = (on_paper.available.to_decimal().unwrap(), on_paper.hold.to_decimal().unwrap());
        assert_eq!(on_paper, (available.normalize(), hold.normalize()), "{asset}: on paper, at the local venue");
    }
    // Nothing but market data ever went there.
    assert_eq!(paper.market.balance("USD"), (decimal("1000000"), Decimal::ZERO));
}

/// Two venues and two gateways each: on two cores, three of them at once are late enough to meet the market in another order.
fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn every_script_is_told_alike_at_coinbase_and_on_paper() {
    let _turn = one_at_a_time();
    compare_books(Books::coinbase);
}

#[test]
fn every_script_is_told_alike_at_binance_us_and_on_paper() {
    let _turn = one_at_a_time();
    compare_books(Books::binance_us);
}

#[test]
fn every_script_is_told_alike_at_oanda_and_on_paper() {
    let _turn = one_at_a_time();
    let (mut live, mut paper) = (Quotes::oanda(false), Quotes::oanda(true));
    compare((&mut live, &mut paper), Quotes::reset, quotes::SCRIPTS);
    // Every position that was held on the way, every one of its sides.
    assert_eq!(live.positions, paper.positions);
    assert!(live.positions.len() > 20, "{:?}", live.positions);
    for stage in [&mut live, &mut paper] {
        let last = stage.place(quotes::market(stage, "1234"));
        stage.over(last);
    }
    let cash = live.market.venue.balance().unwrap();
    let of_live = live.gateway.oanda().unwrap().summary().unwrap();
    let of_paper = paper.gateway.paper_balances(paper.venue).unwrap().remove(0);
    assert_eq!((&*of_paper.asset, &*of_live.currency), ("USD", "USD"));
    assert_eq!(of_paper.available.normalized(), of_live.margin_available.normalized());
    assert_eq!(of_paper.hold.normalized(), of_live.margin_used.normalized());
    assert!(of_paper.hold.mantissa() > 0, "the position binds margin");
    let told = paper.until("the balance", |stage| stage.money.iter().rev().find(|r| r.kind == K::Balance).copied());
    assert_eq!(told.value().to_decimal().unwrap(), cash.normalize());
    // Nothing but prices was ever asked for.
    assert_eq!(paper.market.venue.balance().unwrap(), decimal("100000"));
    assert_eq!(paper.market.venue.requests("POST /orders").unwrap(), 0);
    assert!(live.market.venue.requests("POST /orders").unwrap() > 0);
    // Not even by hand, although the token would do for it.
    let by_hand = paper.gateway.oanda().unwrap().set_margin_rate(Fixed::new(5, -2)).unwrap_err();
    assert!(matches!(by_hand, ExchangeError::Unsupported(Venue::Oanda, _)), "{by_hand}");
}
