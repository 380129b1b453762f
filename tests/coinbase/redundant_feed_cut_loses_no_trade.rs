//! Two connections for one instrument: while one is cut no trade is lost or told twice, and the book changes over to the
//! other's, announced as a gap, handed over as a snapshot, the gap's end behind it.

use crate::common::{self, decimal, Bench, Rig};
use crate::feed::{count, gaps_since, snapshot_ends, wait_recovered, Feed};
use exchange_connectors::gateway::{Channels, MarketSource};
use exchange_connectors::record::{ConnectionRole, ConnectionState, GapCause, View};
use exchange_connectors::sim::coinbase::{Side, DOOR_EXCHANGE, DOOR_MARKET};
use exchange_connectors::sim::server::{CloseHow, Door};
use exchange_connectors::telemetry::Counter;

fn buy(rig: &Rig) {
    rig.venue.trade_against("BTC-USD", Side::Buy, decimal("90000"), decimal("0.00000001")).unwrap();
}

fn trade_ids(rig: &Rig) -> Vec<u64> {
    let id = |r: &exchange_connectors::record::MarketRecord| match r.view() {
        View::Trade(trade) => Some(trade.trade_id),
        _ => None,
    };
    rig.market.iter().filter_map(id).collect()
}

/// Advanced Trade and the Exchange feed, both up, their books held, trades flowing over both.
fn redundant() -> (Rig, Feed) {
    let bench = Bench::new().without_credentials().channels(Channels::BOOK | Channels::TRADES);
    let mut rig = bench.coinbase(|c| c.redundant_market_source(MarketSource::Exchange)).start_unready();
    let feed = Feed::of(&mut rig);
    rig.until_true("both healthy", |rig| {
        let healthy = |r: &&_| common::is_state(r, ConnectionRole::Market, ConnectionState::Healthy);
        rig.market.iter().filter(healthy).count() >= 2
    });
    holds_both(&mut rig);
    (rig, feed)
}

/// Waits until both connections have brought their book: what comes over one after the venue has sent it, comes behind it.
fn holds_both(rig: &mut Rig) {
    rig.until_true("both books asked for", |rig| {
        let asked = [rig.venue.books_per_connection(), rig.venue.exchange_books_per_connection()];
        asked.map(|books| books.unwrap().iter().sum::<usize>()) == [1, 1]
    });
    // Of the trades so far each is counted at most once; any more came over both since.
    let (repeated, so_far) = (count(rig, Counter::TradesRepeated), trade_ids(rig).len() as u64);
    rig.until_true("trades over both", |rig| {
        buy(rig);
        count(rig, Counter::TradesRepeated) > repeated + so_far + 2
    });
}

/// The door of the connection whose book is followed.
fn followed(rig: &Rig) -> Door {
    match count(rig, Counter::BookSwitches) % 2 {
        0 => DOOR_MARKET,
        _ => DOOR_EXCHANGE,
    }
}

#[test]
fn the_followed_connection_cut_is_one_gap_one_snapshot_and_no_trade_lost() {
    let (mut rig, mut feed) = redundant();
    let (from, door, switches) = (rig.market.len(), followed(&rig), count(&rig, Counter::BookSwitches));
    rig.venue.kill_connections(Some(door), CloseHow::Reset).unwrap();
    (0..20).for_each(|_| buy(&rig));
    let gaps = wait_recovered(&mut rig, from);
    let told: Vec<_> = gaps.iter().map(|g| (g.cause, g.recovered)).collect();
    assert_eq!(told, [(GapCause::Disconnected, false), (GapCause::Disconnected, true)]);
    assert_eq!((snapshot_ends(&rig, from), count(&rig, Counter::BookSwitches)), ((1, 1), switches + 1));
    feed.wait_equal(&mut rig);

    // Until the lost one is back and trades come over both again.
    let repeated = count(&rig, Counter::TradesRepeated);
    rig.until_true("trades over both", |rig| {
        buy(rig);
        count(rig, Counter::TradesRepeated) > repeated + 2
    });
    feed.wait_equal(&mut rig);
    let mut ids = trade_ids(&rig);
    let told = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told, "none twice");
    assert_eq!(ids.last().unwrap() - ids.first().unwrap() + 1, told as u64, "none lost");
    let figures = rig.gateway().telemetry().feeds();
    assert!(figures.trades_first.iter().sum::<u64>() > 0 && figures.win_permille().is_some(), "{figures:?}");
}

#[test]
fn the_standby_cut_is_no_gap_at_all() {
    let (mut rig, mut feed) = redundant();
    let from = rig.market.len();
    let standby = if followed(&rig) == DOOR_MARKET { DOOR_EXCHANGE } else { DOOR_MARKET };
    rig.venue.kill_connections(Some(standby), CloseHow::Reset).unwrap();
    rig.until_true("it is back", |rig| {
        buy(rig);
        count(rig, Counter::Reconnects) == 1
    });
    feed.wait_equal(&mut rig);
    assert_eq!(gaps_since(&rig, from), []);
}
