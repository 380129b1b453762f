//! A hedging account at OANDA: long and short live side by side, each is told and closed for itself, wholly, in part or not
//! at all, and what it earns and binds is what the venue says.

use crate::common::decimal;
use crate::oanda::{self, OandaRig};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{
    ExecutionKind as K, ExecutionRecord, Fixed, Fixed128, MarketKind, Side, Venue, EXECUTION_FLAG_RECONCILED,
};
use exchange_connectors::venue::oanda::request::{CloseUnits, OrderSpecifier};

fn rig() -> OandaRig {
    let venue = oanda::quiet_venue(|config| config.hedging = true);
    let rig = OandaRig::trading_at(venue, |config| config, |builder| builder);
    // Profit that is not realised yet needs the book.
    rig.gateway.subscribe(rig.strategy.id(), Venue::Oanda, "EUR_USD", Channels::BOOK).unwrap();
    rig
}

/// The last word on one side of the position, as counted from executions.
fn last(rig: &OandaRig, side: Side) -> Option<ExecutionRecord> {
    let of = |r: &&ExecutionRecord| r.kind == K::Position && r.side == side && !r.has(EXECUTION_FLAG_RECONCILED);
    rig.executions.iter().rev().find(of).copied()
}

/// Waits until this much is held long and short; the net is what that makes.
#[track_caller]
fn until_held(rig: &mut OandaRig, long: i64, short: i64) {
    rig.until(&format!("{long} long and {short} short"), |rig| {
        let (buy, sell) = (last(rig, Side::Buy)?, last(rig, Side::Sell)?);
        let net = (long - short).to_string();
        let told = [buy, sell].map(|r| (r.quantity().to_string(), r.cumulative().to_string()));
        (told == [(long.to_string(), net.clone()), (short.to_string(), net)]).then_some(())
    });
    let there = rig.venue.position("EUR_USD").unwrap();
    assert_eq!((there.long, there.short), (long.into(), (-short).into()), "the venue holds the same");
}

/// Realised, not realised.
fn profit(record: &ExecutionRecord) -> [String; 2] {
    [(record.value, record.value_exponent), (record.fee, record.fee_exponent)]
        .map(|(mantissa, exponent)| Fixed128::new(mantissa, exponent).to_string())
}

fn units(text: &str) -> CloseUnits {
    CloseUnits::Units(Fixed::parse(text).unwrap())
}

#[test]
fn each_side_is_told_and_closed_for_itself() {
    let mut rig = rig();
    let bought = rig.submit(rig.market(Side::Buy, "1000"));
    rig.expect(bought, K::Filled);
    let sold = rig.submit(rig.market(Side::Sell, "400"));
    rig.expect(sold, K::Filled);
    // One fill opens, and closes nothing.
    assert_eq!(rig.law(sold), [K::Accepted, K::Fill, K::Filled]);
    until_held(&mut rig, 1_000, 400);
    let queries = rig.gateway.oanda().unwrap();
    assert!(queries.summary().unwrap().hedging);

    let long = queries.open_trades().unwrap().into_iter().find(|trade| trade.initial_units.mantissa() > 0).unwrap();
    let id = long.id.to_string();
    queries.close_trade(&rig.eur, OrderSpecifier::Id(&id), units("300")).unwrap();
    until_held(&mut rig, 700, 400);
    queries.close_position(&rig.eur, CloseUnits::None, units("100")).unwrap();
    until_held(&mut rig, 700, 300);
    queries.close_position(&rig.eur, units("200"), CloseUnits::All).unwrap();
    until_held(&mut rig, 500, 0);
    queries.close_position(&rig.eur, CloseUnits::All, CloseUnits::None).unwrap();
    until_held(&mut rig, 0, 0);
}

#[test]
fn profit_and_margin_are_the_venues() {
    let mut rig = rig();
    rig.until("a book", |rig| (rig.of(rig.eur.id, MarketKind::Level) >= 2).then_some(()));
    // 1000 at 1.20010 and 400 at 1.20000; then the market stands at 1.21000 to 1.21010.
    for (side, units) in [(Side::Buy, "1000"), (Side::Sell, "400")] {
        let request = rig.submit(rig.market(side, units));
        rig.expect(request, K::Filled);
    }
    let levels = rig.of(rig.eur.id, MarketKind::Level);
    rig.venue.set_price("EUR_USD", decimal("1.21000"), decimal("1.21010")).unwrap();
    rig.until("the new price", |rig| (rig.of(rig.eur.id, MarketKind::Level) > levels).then_some(()));
    let queries = rig.gateway.oanda().unwrap();
    let long = queries.open_trades().unwrap().into_iter().find(|trade| trade.initial_units.mantissa() > 0).unwrap();
    queries.close_trade(&rig.eur, OrderSpecifier::Id(&long.id.to_string()), units("500")).unwrap();
    until_held(&mut rig, 500, 400);
    let (buy, sell) = (last(&rig, Side::Buy).unwrap(), last(&rig, Side::Sell).unwrap());
    // 500 * 0.0099 earned and as much still open; 400 * -0.0101 on the other side.
    assert_eq!(profit(&buy), ["4.95", "4.95"]);
    assert_eq!(profit(&sell), ["4.95", "-4.04"]);

    // The larger side binds margin.
    let summary = rig.until("the margin of what is left", |rig| {
        let summary = rig.gateway.oanda().unwrap().summary().unwrap();
        let told = rig.executions.iter().rev().find(|r| r.kind == K::Margin)?;
        let told = [(told.value, told.value_exponent), (told.fee, told.fee_exponent)];
        let told = told.map(|(mantissa, exponent)| Fixed128::new(mantissa, exponent).to_string());
        (told == [summary.margin_used.to_string(), summary.margin_available.to_string()]).then_some(summary)
    });
    assert!(summary.margin_used.mantissa() > 0);
    let balance = rig.executions.iter().rev().find(|r| r.kind == K::Balance).unwrap();
    assert_eq!(Fixed128::new(balance.value, balance.value_exponent).to_string(), summary.balance.to_string());
    assert_eq!(summary.balance.to_string(), "100004.95");
}
