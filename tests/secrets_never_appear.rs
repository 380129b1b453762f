//! With everything logged that can be logged, a whole order life, refusals and outages show no key, no token and no
//! authorization header; nor does the Debug of anything public.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{canary_credentials, canary_exchange_credentials, endpoints, Bench, RootFile, ORDERS};
use exchange_connectors::gateway::{
    Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder, GatewayError, Shutdown,
};
use exchange_connectors::record::{ConnectionRole, ConnectionState, ExecutionKind, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use exchange_connectors::venue::coinbase::auth::CdpKey;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Pieces of the key as lines, and what begins every token and carries it.
fn forbidden() -> Vec<&'static str> {
    let canaries = include_str!("common/canaries.txt").lines().filter(|line| !line.is_empty());
    canaries.chain(["eyJ", "Bearer", "BEGIN EC", "uthorization:"]).collect()
}

/// The log of this process, captured from the first call on: every test calls it before anything else does log.
fn captured() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone());
        subscriber.try_init().expect("no other logger in this process");
        log
    })
    .clone()
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for secret in forbidden() {
        if let Some(at) = text.find(secret) {
            let from = text[..at].rfind('\n').map_or(0, |n| n + 1);
            panic!("{what} shows {secret:?}: {}", &text[from..(at + 80).min(text.len())]);
        }
    }
}

#[test]
fn a_whole_order_life_at_trace_level_shows_no_secret() {
    let log = captured();
    let mut rig = Bench::new().reply_timeout_ms(300).channels(Channels::BOOK | Channels::TRADES).start();
    let accepted = rig.place_accepted(rig.resting_bid());
    rig.submit(rig.cancel_of(accepted.request));
    rig.expect(accepted.request, ExecutionKind::Cancelled);
    // The venue refuses, quotes our own token back at us, and vanishes.
    let key = canary_credentials();
    let echo = "<html>Authorization: none of your business</html>";
    rig.venue.inject_next("POST", ORDERS, Fault::Reply(Response::html(401, echo))).unwrap();
    let refused = rig.place(rig.resting_bid());
    rig.expect(refused, ExecutionKind::Rejected);
    rig.venue.inject_next("POST", ORDERS, Fault::ThenClose(CloseHow::Reset)).unwrap();
    let lost = rig.place(rig.resting_bid());
    rig.expect(lost, ExecutionKind::Accepted);
    rig.mark();
    rig.venue.kill_connections(None, CloseHow::Reset).unwrap();
    rig.wait_for_state(ConnectionRole::User, ConnectionState::Healthy);
    let balances = rig.gateway().queries(Venue::Coinbase).unwrap().balances().unwrap();
    assert!(!balances.is_empty());
    for shown in [
        format!("{:?}", rig.gateway()),
        format!("{:?}", rig.gateway().queries(Venue::Coinbase).unwrap()),
        format!("{:?}", rig.gateway().directory()),
        format!("{:?}", rig.gateway().telemetry()),
        format!("{:?}", rig.strategy),
        format!("{:?}", rig.executions),
    ] {
        assert_clean("Debug of a running gateway", &shown);
    }
    rig.shutdown(Shutdown::CancelOurs, 10_000).unwrap();

    let text = log.text();
    assert!(text.contains("exchange_connectors") && text.lines().count() > 20, "the log was captured: {text}");
    // The echoed header name is the venue's text, not a header of ours; everything else of it is checked.
    assert_clean("the log at trace level", &text.replace("Authorization: none of your business", ""));
    assert!(!text.contains(key.secret()), "the log shows the whole key");
}

#[test]
fn debug_and_errors_of_everything_that_holds_a_key_show_none() {
    captured();
    let bench = Bench::new();
    let venue = bench.start_venue();
    let roots = RootFile::write(venue.ca_pem());
    let key = canary_credentials();
    let config = CoinbaseConfig::default().endpoints(endpoints(&venue)).credentials(key.name(), key.secret()).unwrap();
    let exchange = canary_exchange_credentials();
    let config = config.exchange_credentials(exchange.key(), exchange.secret(), exchange.passphrase()).unwrap();
    let cdp = CdpKey::new(key.name(), key.secret()).unwrap();
    let builder = bench.builder(&venue, &roots);
    let mut connector = Connector::new(Venue::Coinbase, builder.clone(), ConnectorConfig::default());
    let mut shown = vec![
        ("CoinbaseConfig", format!("{config:?} {config:#?}")),
        ("CdpKey", format!("{cdp:?} {cdp:#?}")),
        ("GatewayBuilder", format!("{builder:?}")),
        ("Credentials of the local venue", format!("{key:?}")),
        ("ExchangeCredentials of the local venue", format!("{exchange:?}")),
        ("LocalVenue", format!("{venue:?}")),
        ("Connector before connect", format!("{connector:?}")),
    ];
    connector.connect().unwrap();
    shown.push(("Connector after connect", format!("{connector:?}")));
    // A key broken in the middle is refused without being quoted, whole or in part.
    let half = key.secret().len() / 2;
    let cuts = [&key.secret()[..half], &key.secret()[half..], key.secret().trim_start_matches('-')];
    for broken in cuts {
        let error: GatewayError = match CoinbaseConfig::default().credentials(key.name(), broken) {
            Ok(_) => continue,
            Err(error) => error,
        };
        shown.push(("the error of a broken key", format!("{error} {error:?}")));
    }
    assert!(shown.len() > 8, "broken keys are refused");
    shown.push(("GatewayBuilder without a venue", format!("{:?}", GatewayBuilder::default())));
    for (what, text) in &shown {
        assert_clean(what, text);
    }
}
