//! OANDA: a new instrument opens a new price stream while the old one goes on; prices are told once and in order.

use crate::common::decimal;
use crate::oanda::{quiet_venue, OandaRig};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState, GapCause, MarketKind, Venue, View};
use exchange_connectors::sim::oanda::DOOR_STREAM;
use exchange_connectors::sim::server::CloseHow;
use rust_decimal::Decimal;

const STREAM: &str = "GET /pricing/stream";

/// Bids of EUR_USD as they were told.
fn bids(rig: &OandaRig) -> Vec<String> {
    let bid = |record: &exchange_connectors::record::MarketRecord| match record.view() {
        View::Quote(quote) if record.instrument() == rig.eur.id => Some(quote.bid.to_string()),
        _ => None,
    };
    rig.market.iter().filter_map(bid).collect()
}

#[test]
fn instruments_added_while_running_cost_no_price_of_the_others() {
    let mut rig = OandaRig::prices(quiet_venue(|_| {}));
    rig.until("the first price", |rig| (!bids(rig).is_empty()).then_some(()));
    let mut expected = bids(&rig);
    let told = |rig: &OandaRig, name| {
        let instrument = rig.gateway.directory().find(Venue::Oanda, name);
        instrument.is_some_and(|instrument| rig.of(instrument.id, MarketKind::Level) > 0)
    };
    // The market moves all the while, at the pace at which it is told: of two prices under way on the two streams the newer
    // one may win, and the older one is no news then.
    let mut bid = decimal("1.20000");
    for name in ["USD_JPY", "GBP_USD", "AUD_USD"] {
        rig.gateway.subscribe(rig.strategy.id(), Venue::Oanda, name, Channels::BOOK).unwrap();
        while !told(&rig, name) {
            bid += Decimal::new(1, 5);
            rig.venue.set_price("EUR_USD", bid, bid + decimal("0.0001")).unwrap();
            expected.push(bid.normalize().to_string());
            rig.until("the price", |rig| (bids(rig).last() == expected.last()).then_some(()));
        }
    }
    assert_eq!((bids(&rig), rig.gaps()), (expected, vec![]));
    assert_eq!(rig.venue.requests(STREAM).unwrap(), 4, "one stream more for each");
    let states = rig.states(ConnectionRole::Market);
    assert_eq!(states, [ConnectionState::Connecting, ConnectionState::Open, ConnectionState::Healthy]);
    rig.until("the old streams closed", |rig| (rig.venue.open_streams().unwrap() == 1).then_some(()));
}

#[test]
fn a_stream_that_falls_is_a_gap_and_comes_back_with_a_whole_picture() {
    let mut rig = OandaRig::prices(quiet_venue(|_| {}));
    rig.until_state(ConnectionRole::Market, ConnectionState::Healthy);
    rig.venue.kill_connections(Some(DOOR_STREAM), CloseHow::Reset).unwrap();
    rig.until("the end of the gap", |rig| rig.gaps().iter().any(|gap| gap.recovered).then_some(()));
    let causes: Vec<_> = rig.gaps().iter().map(|gap| (gap.cause, gap.recovered)).collect();
    assert_eq!(causes, [(GapCause::Disconnected, false), (GapCause::Disconnected, true)]);
    rig.until_state(ConnectionRole::Market, ConnectionState::Healthy);
}

#[test]
fn the_status_follows_tradeable() {
    let mut rig = OandaRig::prices(quiet_venue(|_| {}));
    rig.until_state(ConnectionRole::Market, ConnectionState::Healthy);
    rig.venue.set_tradeable("EUR_USD", false).unwrap();
    rig.until("the market closed", |rig| (rig.of(rig.eur.id, MarketKind::Status) == 2).then_some(()));
}

/// Lines bear no number, and each carries the whole book: a lost one is no gap, the next one makes it good.
#[test]
fn a_line_that_never_came_is_made_good_by_the_next() {
    let mut rig = OandaRig::prices(quiet_venue(|_| {}));
    rig.until("the first price", |rig| (bids(rig) == ["1.2"]).then_some(()));
    rig.venue.drop_prices("EUR_USD", 1).unwrap();
    rig.venue.set_price("EUR_USD", decimal("1.20100"), decimal("1.20110")).unwrap();
    rig.until("the line to be lost", |rig| (rig.venue.observed().unwrap().lines_dropped == 1).then_some(()));
    rig.venue.set_price("EUR_USD", decimal("1.20200"), decimal("1.20210")).unwrap();
    rig.until("the next one", |rig| (bids(rig).last().is_some_and(|bid| bid == "1.202")).then_some(()));
    assert_eq!((bids(&rig), rig.gaps()), (vec!["1.2".to_owned(), "1.202".to_owned()], vec![]));
}
