//! The demo: the whole way of a strategy at a local Coinbase, a local Binance.US and a local OANDA, side by side over one
//! reactor, in about fifteen seconds.
//!
//! It starts the venues itself and talks to nothing else: no credential and no URL of the environment is read.

mod local;
mod report;
mod strategy;

use super::say;
use crate::engine::Shutdown;
use crate::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, Gateway, GatewayBuilder, GatewayError, Idle, OandaConfig,
};
use crate::record::{StrategyId, Venue};
use crate::sim::binance_us::{self, LocalBinanceUs};
use crate::sim::coinbase::{self, LocalVenue};
use crate::sim::oanda::{self, LocalOanda};
use crate::venue::binance_us::BinanceUsEndpoints;
use crate::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use crate::venue::oanda::{Environment, OandaEndpoints};
use local::Local;
use report::{AtVenue, Summary};
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

/// How long it streams in all.
const LENGTH: Duration = Duration::from_secs(12);
/// Events of each made-up market a second, over all its instruments.
const MARKET_EVENTS_PER_S: u64 = 400;
/// Price levels of each book at Coinbase, both sides together.
const DEPTH: usize = 2_000;
/// Price levels of each book at Binance.US, per side: fewer than a snapshot has.
const DEPTH_BINANCE_US: usize = 500;
/// How long every open order may take to be confirmed cancelled at the end.
const SHUTDOWN_MS: u64 = 5_000;

pub(super) fn run(arguments: &DemoArguments) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let told = Told { started, venue: None };
    told.say("starting a local Coinbase, Binance.US and OANDA: TLS on loopback, made-up markets, real protocols");
    let coinbase = LocalVenue::start(coinbase::Config {
        events_per_s: MARKET_EVENTS_PER_S,
        depth: DEPTH,
        ..coinbase::Config::default()
    })?;
    let binance_us = LocalBinanceUs::start(binance_us::Config {
        events_per_s: MARKET_EVENTS_PER_S,
        depth: DEPTH_BINANCE_US,
        ..binance_us::Config::default()
    })?;
    let oanda = LocalOanda::start(oanda::Config { events_per_s: MARKET_EVENTS_PER_S, ..oanda::Config::default() })?;
    let venues: [&dyn Local; 3] = [&coinbase, &binance_us, &oanda];
    for venue in venues {
        told.at(venue.venue()).say(&venue.addresses());
    }
    let roots = RootFile::write(&venues.map(|venue| venue.stage().root()).join("\n"))?;
    let gateway = gateway_to(&coinbase, &binance_us, &oanda, &roots)?;
    told.say("reactor started; connecting, verifying certificates, authenticating");
    // Metadata first, for a strategy that reads nothing: what the others are told is taken by a thread at once.
    let scout = gateway.strategy()?;
    let mut traded = Vec::new();
    for venue in venues {
        let told = told.at(venue.venue());
        let mut instruments = Vec::new();
        for symbol in venue.symbols() {
            let instrument = gateway.subscribe(scout.id(), venue.venue(), symbol, Channels::NONE)?;
            told.say(&format!("{symbol}: tick {}, lot {}", instrument.listing.tick, instrument.listing.lot));
            instruments.push(instrument);
        }
        traded.push((venue, instruments));
    }
    drop(scout);
    let mut actors = Vec::new();
    for (venue, instruments) in traded {
        actors.push(Actor::new(gateway.strategy()?, instruments, venue, told.at(venue.venue())));
    }
    let takers: Vec<_> = actors.iter().map(Actor::strategy).collect();
    // One thread and one set of handles per strategy, one reactor for all venues.
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> =
            actors.into_iter().map(|actor| scope.spawn(move || actor.run(started + LENGTH))).collect();
        // They read already: what comes from the first subscription on would else wait for the last, and be measured so.
        let subscribed = subscribe(&gateway, &venues, &takers).map_err(|error| error.to_string());
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err("a strategy thread panicked".to_owned()),
        });
        let outcomes = joined.collect::<Result<Vec<Outcome>, String>>();
        subscribed.and(outcomes)
    })?;
    told.say("stopping: cancelling what is open, confirming each");
    let mut balances = Vec::new();
    for venue in venues {
        balances.push(gateway.queries(venue.venue())?.balances()?);
    }
    let telemetry = gateway.telemetry();
    gateway.shutdown(Shutdown::CancelOurs, SHUTDOWN_MS)?;
    let venues = outcomes.into_iter().zip(balances).map(|(outcome, balances)| AtVenue::new(outcome, balances));
    let summary = Summary::new(venues.collect(), &telemetry, started.elapsed());
    coinbase.stop();
    binance_us.stop();
    oanda.stop();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.text())?;
    if arguments.json {
        writeln!(out, "{}", summary.json())?;
    }
    summary.verdict()
}

/// Every strategy gets what its venue trades.
fn subscribe(gateway: &Gateway, venues: &[&dyn Local], takers: &[StrategyId]) -> Result<(), GatewayError> {
    for (venue, taker) in venues.iter().zip(takers) {
        for symbol in venue.symbols() {
            let channels = Channels::BOOK | Channels::TRADES | Channels::TICKER;
            gateway.subscribe(*taker, venue.venue(), symbol, channels)?;
        }
    }
    Ok(())
}

fn gateway_to(
    coinbase: &LocalVenue,
    binance_us: &LocalBinanceUs,
    oanda: &LocalOanda,
    roots: &RootFile,
) -> Result<Gateway, Box<dyn Error>> {
    let endpoints = CoinbaseEndpoints {
        rest: Endpoint::https(&coinbase.rest_url())?,
        ws: Endpoint::wss(&coinbase.ws_url())?,
        ws_user: Endpoint::wss(&coinbase.ws_user_url())?,
        exchange_ws: Endpoint::wss(&coinbase.exchange_ws_url())?,
    };
    let key = coinbase.credentials();
    let coinbase = CoinbaseConfig::default().endpoints(endpoints).credentials(key.name(), key.secret())?;
    let endpoints =
        BinanceUsEndpoints::parse(&binance_us.rest_url(), &binance_us.stream_url(), &binance_us.ws_api_url())?;
    let key = binance_us.key();
    let binance_us = BinanceUsConfig::default().endpoints(endpoints).credentials(key.key(), key.secret())?;
    let endpoints = OandaEndpoints::parse(Environment::Practice, &oanda.rest_url(), &oanda.stream_url())?;
    let oanda = OandaConfig::new(oanda.account_id(), oanda.token().text())?.endpoints(endpoints);
    let builder = GatewayBuilder::default().coinbase(coinbase).binance_us(binance_us).oanda(oanda);
    Ok(builder.without_limits().without_state().idle(Idle::Block).root_certificates(&roots.path).start()?)
}

/// What the demo says while it runs, with the time since its start and the venue it is about.
#[derive(Clone, Copy)]
pub(super) struct Told {
    started: Instant,
    venue: Option<Venue>,
}

impl Told {
    fn at(self, venue: Venue) -> Told {
        Told { venue: Some(venue), ..self }
    }

    pub(super) fn say(&self, line: &str) {
        let venue = self.venue.map(|venue| format!("{:<12}", format!("{venue}:"))).unwrap_or_default();
        say(&format!("[{:5.1} s] {venue}{line}", self.started.elapsed().as_secs_f32()));
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
