//! The audit log of a session with every kind of trouble at all three venues verifies, and holds every command, call and
//! event of it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/audit.rs"]
mod audit;
mod canned;
mod common;
mod venues;

use audit::AuditDirectory;
use exchange_connectors::gateway::Shutdown;
use exchange_connectors::journal::AuditConfig;
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind as K, OrderCommand, Side, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use serde_json::Value;
use venues::{Rig, Setup};

fn setup() -> Setup {
    Setup { reply_timeout_ms: 300, ..Setup::direct() }
}

/// What one venue's part of the log holds.
struct Lines(Vec<Value>);

impl Lines {
    fn of(log: &AuditDirectory, at: Venue) -> Lines {
        let lines = log.lines().into_iter();
        Lines(lines.filter(|line| line["venue"].is_null() || line["venue"] == at.name()).collect())
    }

    fn all(&self, members: &[(&str, &str)]) -> Vec<&Value> {
        let is = |line: &&Value| members.iter().all(|(key, value)| line[*key] == **value);
        self.0.iter().filter(is).collect()
    }

    #[track_caller]
    fn find(&self, members: &[(&str, &str)]) -> &Value {
        self.all(members).into_iter().next().unwrap_or_else(|| panic!("{members:?}\n{:#?}", self.0))
    }
}

/// A whole life, a refusal here and one there, an order that takes, outcomes unknown, a cancel whose reply is lost, an end of
/// all connections, a cold query. Gives the order that was cancelled at once.
fn trouble(rig: &mut Rig) -> exchange_connectors::record::ExecutionRecord {
    let at = rig.local.venue();
    let accepted = rig.place_accepted();
    rig.cancel(accepted.request);
    let off_tick = rig.submit(OrderCommand::limit(rig.traded.id, Side::Buy, 1, 1));
    rig.expect(off_tick, K::Rejected);
    rig.local.refuse_next_order();
    let refused = rig.place();
    assert_eq!(refused.kind, K::Rejected, "{refused:?}");
    let bid = rig.resting_bid();
    let taking = rig.submit(OrderCommand::market(rig.traded.id, Side::Buy, bid.quantity()));
    rig.expect(taking, K::Filled);
    let resting = rig.place_accepted();
    rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
    let lost = rig.place().request;
    rig.expect(lost, K::Accepted);
    rig.local.spoil_next_order(Fault::Reply(Response::html(502, "<html>")));
    let never = rig.place().request;
    rig.expect(never, K::Rejected);
    let (method, path) = rig.local.paths().cancel;
    rig.local.inject(FaultRule::next(method, path, Fault::ThenClose(CloseHow::Reset)));
    rig.cancel(resting.request);
    rig.local.kill_connections(None, CloseHow::Reset);
    let user = |rig: &Rig| rig.state(ConnectionRole::User);
    rig.until("the end", |rig| (user(rig) != Some(ConnectionState::Healthy)).then_some(()));
    rig.healthy();
    rig.gateway.queries(at).unwrap().balances().unwrap();
    accepted
}

#[test]
fn every_command_call_and_event_is_in_it() {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let mut rig = setup().start_everywhere_by(|builder| builder.audit(config));
    let accepted = rig.each(trouble);
    let (locals, told) = (rig.locals(), rig.executions.len());
    rig.gateway.shutdown(Shutdown::CancelOurs, 10_000).unwrap();

    let report = log.assert_clean();
    println!("{report}");
    assert!(told > 0 && report.events.values().sum::<u64>() as usize >= told, "{report}");
    assert_eq!((report.open, report.unknown, report.lost), (0, 0, 0));
    for (local, accepted) in locals.iter().zip(&accepted) {
        let (at, lines) = (local.venue(), Lines::of(&log, local.venue()));
        let (request, (price, quantity)) = (accepted.request.to_string(), local.bid_terms());
        let command = lines.find(&[("kind", "command"), ("request", &request)]);
        assert_eq!((&command["op"], &command["instrument"]), (&"place".into(), &local.symbol().into()), "{at}");
        assert_eq!((&command["price"], &command["quantity"]), (&price.into(), &quantity.into()), "{at}: {command}");
        let (client, venue) = (accepted.client_order_id.to_string(), accepted.venue_order_id.to_string());
        let sent =
            lines.find(&[("kind", "sent"), ("op", "place"), ("client_order_id", &client), ("request", &request)]);
        assert_eq!(sent["instrument"], local.symbol(), "{at}: {sent}");
        let ended = lines.find(&[("kind", "ended"), ("op", "place"), ("call", sent["call"].as_str().unwrap())]);
        assert_eq!(ended["outcome"], "answered", "{at}: {ended}");
        assert!(matches!(ended["status"].as_u64(), Some(200 | 201)), "{at}: {ended}");
        assert!(ended["latency_ns"].as_u64().unwrap() > 1_000, "{at}: {ended}");
        lines.find(&[("kind", "execution"), ("event", "accepted"), ("request", &request), ("venue_order_id", &venue)]);
        lines.find(&[("kind", "sent"), ("op", "cancel"), ("venue_order_id", &venue)]);
        lines.find(&[("kind", "ended"), ("op", "cancel"), ("outcome", "no_answer")]);
        lines.find(&[("kind", "ended"), ("op", "connect"), ("outcome", "answered")]);
        lines.find(&[("kind", "connection"), ("role", "user"), ("state", "down")]);
        let placed = |outcome| lines.all(&[("kind", "ended"), ("op", "place"), ("outcome", outcome)]);
        assert_eq!(placed("no_answer").len(), 1, "{at}: the one whose reply was lost");
        assert_eq!(placed("failed").iter().map(|line| &line["status"]).collect::<Vec<_>>(), [502], "{at}");
        let cold = |line: &Value| line["call"].as_str().is_some_and(|call| call.starts_with("cold"));
        let answered = |line: &Value| line["status"] == 200 && line["latency_ns"].as_u64().is_some_and(|ns| ns > 0);
        assert!(lines.0.iter().any(|line| cold(line) && answered(line)), "{at}: a cold query");
    }
    let lines = log.lines();
    assert!(lines.iter().all(|line| line["seq"].is_u64() && line["ns"].is_u64()));
    assert!(!Lines::of(&log, Venue::Oanda).all(&[("kind", "sent"), ("op", "account")]).is_empty());
}

/// Where orders go over a connection that carries many, its calls are in the log like those over REST.
#[test]
fn so_is_what_goes_over_the_websocket_api_of_binance_us() {
    let log = AuditDirectory::new();
    let config = AuditConfig::new(&log.path);
    let setup = Setup { api_connections: 1, ..setup() };
    let mut rig = setup.start_by(Venue::BinanceUs, |builder| builder.audit(config));
    let accepted = rig.place_accepted();
    rig.local.fill(accepted.client_order_id.as_str(), "0.004");
    rig.expect(accepted.request, K::Fill);
    rig.cancel(accepted.request);
    // Its reply does not come and the account's events are silent: only queries can tell.
    rig.local.hold_user_events();
    rig.local.spoil_next_api_order(Fault::ThenClose(CloseHow::Reset));
    let lost = rig.place();
    assert_eq!(lost.kind, K::Unknown, "{lost:?}");
    rig.expect(lost.request, K::Accepted);
    drop(rig);

    let report = log.assert_clean();
    assert_eq!((report.open, report.orders), (1, 2), "{report}");
    let lines = Lines::of(&log, Venue::BinanceUs);
    assert_eq!(lines.0.len(), log.lines().len(), "nothing of another venue");
    let (client, venue) = (accepted.client_order_id.as_str(), accepted.venue_order_id.as_str());
    let placed = lines.find(&[("kind", "sent"), ("op", "place")]);
    assert!(placed["client_order_id"] == client && placed["instrument"] == "BTCUSD", "{placed}");
    assert_eq!(lines.find(&[("kind", "sent"), ("op", "cancel")])["venue_order_id"], venue);
    let ended = lines.all(&[("kind", "ended"), ("op", "place")]);
    assert_eq!(ended.iter().map(|line| &line["outcome"]).collect::<Vec<_>>(), ["answered", "no_answer"]);
    assert!(ended[0]["latency_ns"].as_u64().unwrap() > 1_000);
}
