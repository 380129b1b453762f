//! `stream`: market data of a venue on standard output, one line per record.

use super::lines::Line;
use super::say;
use crate::gateway::{Channels, CoinbaseConfig, Gateway, GatewayBuilder, Strategy};
use crate::record::{ConnectionState, Venue, View};
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to stream.
#[derive(Debug, clap::Args)]
pub(super) struct StreamArguments {
    /// The venue: coinbase
    venue: Venue,
    /// Instruments by the venue's own names, such as BTC-USD
    #[arg(required = true)]
    symbols: Vec<String>,
    /// Channels, separated by commas: book, trades, ticker
    #[arg(long, default_value = "book,trades,ticker")]
    channels: String,
    /// Ends after so many seconds; without it, at an interrupt
    #[arg(long)]
    seconds: Option<u64>,
    /// One JSON object per record
    #[arg(long)]
    json: bool,
}

/// How long one wait for records may sleep.
const WAIT: Duration = Duration::from_millis(50);

pub(super) fn run(arguments: &StreamArguments) -> Result<(), Box<dyn Error>> {
    let channels = parse_channels(&arguments.channels)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    // Public channels need no credentials; without them nothing here can trade, whatever the environment holds.
    let gateway = match arguments.venue {
        Venue::Coinbase => GatewayBuilder::from_env()?.coinbase(CoinbaseConfig::public_from_env()?).start()?,
    };
    let mut strategy = gateway.strategy()?;
    for symbol in &arguments.symbols {
        let instrument = gateway.subscribe(strategy.id(), arguments.venue, symbol, channels)?;
        say(&format!(
            "{}: {symbol}, tick {}, lot {}",
            arguments.venue, instrument.listing.tick, instrument.listing.lot
        ));
    }
    let until = arguments.seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let mut out = BufWriter::new(io::stdout().lock());
    let mut count = 0u64;
    while !interrupted.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until) {
        match print_waiting(&gateway, &mut strategy, &mut out, arguments.json) {
            Ok(printed) => count += printed,
            // Whoever read us has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error.into()),
        }
        strategy.wait(WAIT);
    }
    say(&format!("{count} records"));
    Ok(())
}

/// Prints everything that waits.
fn print_waiting(gateway: &Gateway, strategy: &mut Strategy, out: &mut impl Write, json: bool) -> io::Result<u64> {
    let directory = gateway.directory();
    let mut count = 0;
    loop {
        let market = strategy.market.pop();
        let statistics = strategy.statistics.pop();
        if market.is_none() && statistics.is_none() {
            break;
        }
        if let Some(View::State(state)) = market.as_ref().map(|record| record.view()) {
            if state.state == ConnectionState::Down {
                say(&format!("{}: {} connection lost, reconnecting", state.venue, state.role.name()));
            }
        }
        let lines = [
            market.as_ref().and_then(|record| Line::of_market(record, &directory)),
            statistics.as_ref().map(|record| Line::of_statistics(record, &directory)),
        ];
        for line in lines.iter().flatten() {
            let text = if json { line.json() } else { line.human() };
            writeln!(out, "{text}")?;
            count += 1;
        }
    }
    if count > 0 {
        out.flush()?;
    }
    Ok(count)
}

fn parse_channels(text: &str) -> Result<Channels, String> {
    text.split(',').map(str::trim).try_fold(Channels::NONE, |channels, name| {
        Ok(channels
            | match name {
                "book" => Channels::BOOK,
                "trades" => Channels::TRADES,
                "ticker" => Channels::TICKER,
                other => return Err(format!("unknown channel `{other}`: choose from book, trades, ticker")),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_named_and_unknown_ones_refused() {
        assert_eq!(parse_channels("book, trades"), Ok(Channels::BOOK | Channels::TRADES));
        assert!(parse_channels("book,depth").unwrap_err().contains("depth"));
    }
}
