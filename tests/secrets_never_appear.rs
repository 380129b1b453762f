//! With everything logged that can be logged, a whole order life, refusals and outages show no key, no token and no
//! authorization header; nor does the Debug of anything public.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use common::scratch::{canaries, canary_below, Scratch};
use common::{canary_credentials, canary_exchange_credentials, endpoints, Bench, RootFile};
use exchange_connectors::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, Connector, ConnectorConfig, ExchangeConnector, GatewayBuilder,
    GatewayError, OandaConfig, Shutdown,
};
use exchange_connectors::record::{ExecutionKind, Venue};
use exchange_connectors::sim::server::{CloseHow, Fault, Response};
use exchange_connectors::venue::binance_us::auth::Credentials;
use exchange_connectors::venue::coinbase::auth::CdpKey;
use exchange_connectors::venue::oanda::auth::AccessToken;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tracing_subscriber::fmt::MakeWriter;
use venues::{Local, Setup};

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
    canaries().chain(["eyJ", "Bearer", "BEGIN EC", "uthorization:"]).collect()
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
    // The venue refuses, speaks of headers, and vanishes.
    let echo = "<html>Authorization: none of your business</html>";
    venues::at_every_venue(|at| {
        let mut rig = Setup { channels: Channels::BOOK | Channels::TRADES, ..Setup::direct() }.start(at);
        let accepted = rig.place_accepted();
        rig.cancel(accepted.request);
        rig.local.spoil_next_order(Fault::Reply(Response::html(401, echo)));
        assert_eq!(rig.place().kind, ExecutionKind::Rejected, "{at}");
        rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
        let lost = rig.place();
        rig.expect(lost.request, ExecutionKind::Accepted);
        rig.market.clear();
        rig.local.kill_connections(None, CloseHow::Reset);
        rig.healthy();
        let queries = rig.gateway.queries(at).unwrap();
        assert!(!queries.balances().unwrap().is_empty(), "{at}");
        for shown in [
            format!("{:?}", rig.gateway),
            format!("{queries:?}"),
            format!("{:?}", rig.gateway.directory()),
            format!("{:?}", rig.gateway.telemetry()),
            format!("{:?}", rig.strategy),
            format!("{:?}", rig.executions),
        ] {
            assert_clean("Debug of a running gateway", &shown);
        }
        rig.gateway.shutdown(Shutdown::CancelOurs, 10_000).unwrap();
    });

    let text = log.text();
    for at in Local::ALL {
        let of_venue = text.lines().filter(|line| line.contains("exchange_connectors") && line.contains(at.name()));
        assert!(of_venue.count() > 5, "the log of {at} was captured: {text}");
    }
    // The echoed header name is the venue's text, not a header of ours; everything else of it is checked.
    assert_clean("the log at trace level", &text.replace("Authorization: none of your business", ""));
    assert!(!text.contains(canary_credentials().secret()), "the log shows the whole key");
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
    let [binance_us, oanda] = [Venue::BinanceUs, Venue::Oanda].map(|at| Setup::direct().prepare(at));
    let (Local::BinanceUs(binance), Local::Oanda(dealer)) = (&*binance_us.0, &*oanda.0) else {
        panic!("{:?} {:?}", binance_us.0.venue(), oanda.0.venue());
    };
    let (hmac, token) = (binance.key(), dealer.token());
    let account = dealer.account_id();
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
        ("BinanceUsConfig", {
            let config = BinanceUsConfig::default().credentials(hmac.key(), hmac.secret()).unwrap();
            format!("{config:?} {config:#?} {:?}", Credentials::new(hmac.key(), hmac.secret()).unwrap())
        }),
        ("OandaConfig", {
            let config = OandaConfig::new(account, token.text()).unwrap();
            format!("{config:?} {config:#?} {:?}", AccessToken::new(token.text()).unwrap())
        }),
        ("GatewayBuilder of Binance.US", format!("{:?}", binance_us.2)),
        ("GatewayBuilder of OANDA", format!("{:?}", oanda.2)),
        ("ApiKey and LocalBinanceUs", format!("{hmac:?} {binance:?}")),
        ("Token and LocalOanda", format!("{token:?} {dealer:?}")),
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
    let broken = OandaConfig::new(account, &format!("{} {}", token.text(), token.text())).unwrap_err();
    shown.push(("the error of a broken token", format!("{broken} {broken:?}")));
    let broken =
        BinanceUsConfig::default().credentials(&hmac.key().repeat(2).replace("Key0", "\n"), hmac.secret()).unwrap_err();
    shown.push(("the error of a broken secret", format!("{broken} {broken:?}")));
    assert!(shown.len() > 16, "broken keys are refused");
    shown.push(("GatewayBuilder without a venue", format!("{:?}", GatewayBuilder::default())));
    for (what, text) in &shown {
        assert_clean(what, text);
    }
}

#[test]
fn a_secret_in_a_directory_of_a_test_is_found() {
    let scratch = Scratch::new("canary");
    let below = scratch.path.join("below");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(below.join("file"), "nothing").unwrap();
    assert_eq!(canary_below(&scratch.path), None);
    let log = below.join("log");
    for canary in canaries() {
        std::fs::write(&log, format!("token={canary}\n")).unwrap();
        assert_eq!(canary_below(&scratch.path), Some((canary, log.clone())));
    }
    std::fs::remove_file(&log).unwrap();
}
