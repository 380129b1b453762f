//! `exchange-connectors sim`: local venues until SIGINT or SIGTERM.
//!
//! Writes `ca.pem`, `credentials.env` and `view-only.env` (mode 0600) into a directory and one line of JSON to standard
//! output when the venues listen. The keys in them open nothing but this run of the simulator; the second may not trade.

use super::say;
use crate::sim::binance_us::{Config as BinanceUsConfig, Fees, LocalBinanceUs};
use crate::sim::coinbase::{Config, LocalVenue};
use crate::sim::oanda::{Config as OandaConfig, LocalOanda};
use crate::sim::{Credentials, Json, MILLISECOND_NS};
use rust_decimal::Decimal;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// What `sim` is told.
#[derive(Debug, clap::Args)]
pub(super) struct SimArguments {
    /// Directory for ca.pem, credentials.env and view-only.env, which are overwritten; made if missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Port of the REST API, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    rest_port: u16,
    /// Port of the market-data WebSocket, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    ws_port: u16,
    /// Port of the user WebSocket, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    ws_user_port: u16,
    /// Port of the Exchange feed's WebSocket, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    exchange_ws_port: u16,
    /// Port of Binance.US's REST API, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    binance_us_rest_port: u16,
    /// Port of Binance.US's market and listen-key streams, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    binance_us_stream_port: u16,
    /// Port of Binance.US's WebSocket API, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    binance_us_ws_api_port: u16,
    /// Port of OANDA's REST host, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    oanda_rest_port: u16,
    /// Port of OANDA's stream host, 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    oanda_stream_port: u16,
    /// Decides the made-up market: the same seed, the same market
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Price levels per side of each book; the venue's own BTC-USD book has about 21500
    #[arg(long, value_name = "LEVELS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    depth: u32,
    /// Market events per second and venue, over all its products, 0 for a market that stands still
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    rate: u64,
    /// Orders and fills appear in listings so many milliseconds late
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    listing_lag_ms: u64,
    /// Binance.US takes its fees in BNB, one of which is worth so many dollars; by default in what an order receives
    #[arg(long, value_name = "PRICE", value_parser = positive)]
    binance_us_bnb_price: Option<Decimal>,
}

/// An amount above nothing.
fn positive(text: &str) -> Result<Decimal, String> {
    let amount = text.parse::<Decimal>().map_err(|error| error.to_string())?;
    (amount > Decimal::ZERO).then_some(amount).ok_or_else(|| "must be above 0".to_owned())
}

pub(super) fn run(arguments: &SimArguments) -> Result<(), Box<dyn Error>> {
    let (interrupted, wait) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupted.send(());
    })?;
    let at = |what: &str, path: &Path, error: io::Error| format!("cannot {what} {}: {error}", path.display());
    fs::create_dir_all(&arguments.dir).map_err(|e| at("make the directory", &arguments.dir, e))?;
    let dir = arguments.dir.canonicalize().map_err(|e| at("find the directory", &arguments.dir, e))?;
    let venue = LocalVenue::start(Config {
        seed: arguments.seed,
        depth: arguments.depth as usize,
        events_per_s: arguments.rate,
        listing_lag_ns: arguments.listing_lag_ms * MILLISECOND_NS,
        ports: [arguments.rest_port, arguments.ws_port, arguments.ws_user_port, arguments.exchange_ws_port],
        ..Config::default()
    })?;
    let binance_us = LocalBinanceUs::start(BinanceUsConfig {
        seed: arguments.seed,
        depth: arguments.depth as usize,
        events_per_s: arguments.rate,
        listing_lag_ns: arguments.listing_lag_ms * MILLISECOND_NS,
        fees: Fees { instead: arguments.binance_us_bnb_price.map(|price| ("BNB", price)), ..Fees::default() },
        ports: [arguments.binance_us_rest_port, arguments.binance_us_stream_port, arguments.binance_us_ws_api_port],
        ..BinanceUsConfig::default()
    })?;
    let oanda = LocalOanda::start(OandaConfig {
        seed: arguments.seed,
        events_per_s: arguments.rate,
        listing_lag_ns: arguments.listing_lag_ms * MILLISECOND_NS,
        ports: [arguments.oanda_rest_port, arguments.oanda_stream_port],
        ..OandaConfig::default()
    })?;
    let venues = Venues { coinbase: venue, binance_us, oanda };
    let files = Files { ca: dir.join("ca.pem"), trading: dir.join("credentials.env"), view: dir.join("view-only.env") };
    fs::write(&files.ca, [venues.coinbase.ca_pem(), venues.binance_us.ca_pem(), venues.oanda.ca_pem()].concat())
        .map_err(|e| at("write", &files.ca, e))?;
    let coinbase = |key| coinbase_environment(&venues.coinbase, key);
    let trading = [
        coinbase(venues.coinbase.credentials()),
        binance_us_environment(&venues.binance_us),
        oanda_environment(&venues.oanda),
    ]
    .concat();
    let view = coinbase(venues.coinbase.view_only_credentials());
    let root = files.ca.to_str().ok_or("the directory's name is not UTF-8")?;
    for (file, mut variables) in [(&files.trading, trading), (&files.view, view)] {
        variables.push(("EXCHANGE_CONNECTORS_CA_FILE", root.to_owned()));
        write_private(file, &shell_lines(&variables)).map_err(|e| at("write", file, e))?;
    }

    let mut out = io::stdout();
    writeln!(out, "{}", ready_line(&venues, &files))?;
    out.flush()?;
    say(&format!(
        "local Coinbase, Binance.US and OANDA are up; `. {}` points the other subcommands at them. Ctrl-C ends them.",
        quoted_if_needed(&files.trading.display().to_string())
    ));
    // The handler lives as long as the process: only a signal ends this.
    let _ = wait.recv();
    venues.coinbase.stop();
    venues.binance_us.stop();
    venues.oanda.stop();
    say("stopped");
    Ok(())
}

/// What listens.
struct Venues {
    coinbase: LocalVenue,
    binance_us: LocalBinanceUs,
    oanda: LocalOanda,
}

/// What is written into the directory.
struct Files {
    ca: PathBuf,
    trading: PathBuf,
    view: PathBuf,
}

fn ready_line(venues: &Venues, files: &Files) -> String {
    Json::compact().object(|j| {
        j.raw("ready", true)
            .obj("coinbase", |j| {
                let venue = &venues.coinbase;
                j.str("rest", venue.rest_url())
                    .str("ws", venue.ws_url())
                    .str("ws_user", venue.ws_user_url())
                    .str("exchange_ws", venue.exchange_ws_url());
            })
            .obj("binance_us", |j| {
                let venue = &venues.binance_us;
                j.str("rest", venue.rest_url()).str("stream", venue.stream_url()).str("ws_api", venue.ws_api_url());
            })
            .obj("oanda", |j| {
                j.str("rest", venues.oanda.rest_url()).str("stream", venues.oanda.stream_url());
            })
            .str("ca_pem", files.ca.display())
            .str("credentials", files.trading.display())
            .str("view_only", files.view.display());
    })
}

/// A variable and its value.
type Variable = (&'static str, String);

/// The key's line breaks are literal `\n`, as such files usually have them.
fn coinbase_environment(venue: &LocalVenue, key: &Credentials) -> Vec<Variable> {
    let exchange = venue.exchange_credentials();
    vec![
        ("COINBASE_API_KEY", key.name().to_owned()),
        ("COINBASE_API_SECRET", key.secret().trim_end().replace('\n', "\\n")),
        ("COINBASE_REST_URL", venue.rest_url()),
        ("COINBASE_WS_URL", venue.ws_url()),
        ("COINBASE_WS_USER_URL", venue.ws_user_url()),
        ("COINBASE_EXCHANGE_WS_URL", venue.exchange_ws_url()),
        ("COINBASE_EXCHANGE_API_KEY", exchange.key().to_owned()),
        ("COINBASE_EXCHANGE_API_SECRET", exchange.secret().to_owned()),
        ("COINBASE_EXCHANGE_API_PASSPHRASE", exchange.passphrase().to_owned()),
    ]
}

fn binance_us_environment(venue: &LocalBinanceUs) -> Vec<Variable> {
    vec![
        ("BINANCE_US_API_KEY", venue.key().key().to_owned()),
        ("BINANCE_US_API_SECRET", venue.key().secret().to_owned()),
        ("BINANCE_US_REST_URL", venue.rest_url()),
        ("BINANCE_US_STREAM_URL", venue.stream_url()),
        ("BINANCE_US_WS_API_URL", venue.ws_api_url()),
    ]
}

fn oanda_environment(venue: &LocalOanda) -> Vec<Variable> {
    vec![
        ("OANDA_API_TOKEN", venue.token().text().to_owned()),
        ("OANDA_ACCOUNT_ID", venue.account_id().to_owned()),
        ("OANDA_ENVIRONMENT", "practice".to_owned()),
        ("OANDA_REST_URL", venue.rest_url()),
        ("OANDA_STREAM_URL", venue.stream_url()),
    ]
}

/// Lines for a POSIX shell.
fn shell_lines(variables: &[Variable]) -> String {
    variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

/// In single quotes; a quote inside ends them, is escaped, and begins them again.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The same for people: bare where the shell would take it for one word anyway.
fn quoted_if_needed(value: &str) -> String {
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-')) {
        value.to_owned()
    } else {
        quoted(value)
    }
}

/// Writes a file only its owner may read, whatever was there before.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_shell_whatever_is_in_it() {
        assert_eq!(quoted("a b$c\\n"), "'a b$c\\n'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
