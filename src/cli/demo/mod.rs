//! The demo: the whole way of a strategy against a local Coinbase, in about fifteen seconds.
//!
//! It starts the venue itself and talks to nothing else: no credential and no URL of the environment is read.

mod report;
mod strategy;

use super::say;
use crate::engine::Shutdown;
use crate::gateway::{Channels, CoinbaseConfig, Gateway, GatewayBuilder, Idle};
use crate::record::Venue;
use crate::sim::coinbase::{Config, LocalVenue};
use crate::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use report::Summary;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use strategy::{Actor, Outcome};

/// How the demo is run.
#[derive(Debug, Default, clap::Args)]
pub(super) struct DemoArguments {
    /// The last line is the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// What the demo trades; the first instrument gets the orders.
const SYMBOLS: [&str; 2] = ["BTC-USD", "ETH-USD"];
/// How long it streams in all.
const LENGTH: Duration = Duration::from_secs(12);
/// Events of the made-up market a second, over all products.
const MARKET_EVENTS_PER_S: u64 = 400;
/// Price levels of each book, both sides together.
const DEPTH: usize = 2_000;
/// How long every open order may take to be confirmed cancelled at the end.
const SHUTDOWN_MS: u64 = 5_000;

pub(super) fn run(arguments: &DemoArguments) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let told = Told { started };
    told.say("starting a local Coinbase: TLS on loopback, made-up market, real protocol");
    let venue = LocalVenue::start(Config { events_per_s: MARKET_EVENTS_PER_S, depth: DEPTH, ..Config::default() })?;
    told.say(&format!("  REST {}  market {}  user {}", venue.rest_url(), venue.ws_url(), venue.ws_user_url()));
    let roots = RootFile::write(venue.ca_pem())?;
    let gateway = gateway_to(&venue, &roots)?;
    told.say("reactor started; connecting, verifying certificates, authenticating");
    let strategy = gateway.strategy()?;
    let mut instruments = Vec::new();
    for symbol in SYMBOLS {
        // Metadata first: once data flows, the strategy must be there to take it.
        let instrument = gateway.subscribe(strategy.id(), Venue::Coinbase, symbol, Channels::NONE)?;
        told.say(&format!("  {symbol}: tick {}, lot {}", instrument.listing.tick, instrument.listing.lot));
        instruments.push(instrument);
    }
    for symbol in SYMBOLS {
        let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER;
        gateway.subscribe(strategy.id(), Venue::Coinbase, symbol, channels)?;
    }
    let venue_ref = &venue;
    let told_ref = &told;
    let outcome: Outcome = std::thread::scope(|scope| {
        let actor = Actor::new(strategy, instruments, venue_ref, told_ref);
        let finished = scope.spawn(move || actor.run(started + LENGTH)).join();
        finished.unwrap_or_else(|_| Err("the strategy thread panicked".into()))
    })
    .map_err(|error| error.to_string())?;
    told.say("stopping: cancelling what is open, confirming each");
    let balances = gateway.queries(Venue::Coinbase)?.balances()?;
    let telemetry = gateway.telemetry();
    gateway.shutdown(Shutdown::CancelOurs, SHUTDOWN_MS)?;
    let summary = Summary::new(outcome, &telemetry, &balances, started.elapsed());
    venue.stop();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.text())?;
    if arguments.json {
        writeln!(out, "{}", summary.json())?;
    }
    summary.verdict()
}

fn gateway_to(venue: &LocalVenue, roots: &RootFile) -> Result<Gateway, Box<dyn Error>> {
    let endpoints = CoinbaseEndpoints {
        rest: Endpoint::https(&venue.rest_url())?,
        ws: Endpoint::wss(&venue.ws_url())?,
        ws_user: Endpoint::wss(&venue.ws_user_url())?,
        exchange_ws: Endpoint::wss(&venue.exchange_ws_url())?,
    };
    let key = venue.credentials();
    let coinbase = CoinbaseConfig::default().endpoints(endpoints).credentials(key.name(), key.secret())?;
    let builder = GatewayBuilder::default().coinbase(coinbase).without_limits().without_state().idle(Idle::Block);
    Ok(builder.root_certificates(&roots.path).start()?)
}

/// What the demo says while it runs, with the time since its start.
pub(super) struct Told {
    started: Instant,
}

impl Told {
    pub(super) fn say(&self, line: &str) {
        say(&format!("[{:5.1} s] {line}", self.started.elapsed().as_secs_f32()));
    }
}

/// The venue's root certificate in a file, for as long as it is needed.
struct RootFile {
    path: PathBuf,
}

impl RootFile {
    fn write(pem: &str) -> std::io::Result<RootFile> {
        let path = std::env::temp_dir().join(format!("exchange-connectors-demo-{}.pem", std::process::id()));
        std::fs::write(&path, pem)?;
        Ok(RootFile { path })
    }
}

impl Drop for RootFile {
    fn drop(&mut self) {
        // Left behind, it would be a public certificate in a temporary folder.
        let _ = std::fs::remove_file(&self.path);
    }
}
