//! `stream`: market data of a venue on standard output, one line per record.

use super::lines::Line;
use super::say;
use crate::gateway::{
    BinanceUsConfig, Channels, CoinbaseConfig, FeedFigures, Gateway, GatewayBuilder, MarketSource, OandaConfig,
    Strategy,
};
use crate::record::{ConnectionState, ExecutionRecord, GuardEvent, UnixNanos, Venue, View};
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What `stream --help` says at its end.
const JSON_LINES: &str = "\
JSON lines have venue, kind, sequence, venue_ns, recv_ns (UNIX ns), flags, instrument unless said otherwise, and by kind:
  level         side, price, size (absolute; 0 removes the level)
  trade         side (the aggressor's), price, size, trade_id
  quote         bid, bid_size, ask, ask_size
  ticker        as quote, and price, volume_24h, low_24h, high_24h, change_24h_percent, each where sent
  ticker_batch  as ticker, every few seconds, without the quote
  candle        start_ns, interval_s, open, high, low, close, volume; sent again while it grows
  status        status, tick, lot
  gap           cause, recovered, lost
  subscription  channel, difference (missing, refused, still_served, no_place, not_offered)
  state         role, state; no instrument
Decimals are text.";

/// What to stream.
#[derive(Debug, clap::Args)]
#[command(after_help = JSON_LINES)]
pub(super) struct StreamArguments {
    /// The venue: coinbase, binance_us or oanda (which needs OANDA_API_TOKEN and OANDA_ACCOUNT_ID)
    venue: Venue,
    /// Instruments by the venue's own names, such as BTC-USD at coinbase, BTCUSD at binance_us and EUR_USD at oanda
    #[arg(required = true, value_name = "INSTRUMENT")]
    symbols: Vec<String>,
    /// Channels, separated by commas: book, trades, ticker, ticker_batch, candles, status; at binance_us also book_5,
    /// book_10, book_20 and aggregated_trades
    #[arg(long, value_name = "LIST", default_value = "book,trades,ticker", value_parser = parse_channels)]
    channels: Channels,
    /// Where Coinbase's market data comes from: advanced (the default), exchange or exchange-authenticated; two of them,
    /// separated by a comma, for redundancy
    #[arg(long, value_name = "FEED", value_parser = parse_feeds)]
    feed: Option<Feeds>,
    /// Ends after so many seconds; without it, at Ctrl-C
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// One JSON object per record and line
    #[arg(long)]
    json: bool,
}

/// One source of market data, or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Feeds {
    first: MarketSource,
    second: Option<MarketSource>,
}

/// How long one wait for records may sleep.
const WAIT: Duration = Duration::from_millis(50);
/// How long the first connection may take before we give up. A connection lost later is dialled for ever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A run shorter than this need not have connected.
const MEANINGFUL: Duration = Duration::from_secs(1);
/// What the shell calls the end by an interrupt.
const INTERRUPTED: i32 = 130;

pub(super) fn run(arguments: &StreamArguments) -> Result<(), Box<dyn Error>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || {
        // The first asks for an orderly end; whoever asks again does not want to wait for it.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    })?;
    let Feeds { first, second } = arguments.feed.unwrap_or_default();
    let gateway = builder(arguments.venue, arguments.feed)?.only(arguments.venue).start()?;
    let mut strategy = gateway.strategy()?;
    for symbol in &arguments.symbols {
        let instrument = gateway.subscribe(strategy.id(), arguments.venue, symbol, arguments.channels)?;
        say(&format!(
            "{}: {symbol}, tick {}, lot {}",
            arguments.venue, instrument.listing.tick, instrument.listing.lot
        ));
    }
    let start = Instant::now();
    // A time beyond what the clock can hold is no limit.
    let until = arguments.seconds.and_then(|s| start.checked_add(Duration::from_secs(s)));
    let is_over = || interrupted.load(Ordering::Relaxed) || until.is_some_and(|until| Instant::now() >= until);
    let mut printer =
        Printer { out: BufWriter::new(io::stdout().lock()), json: arguments.json, count: 0, opened: false };
    while !is_over() {
        match printer.print_waiting(&gateway, &mut strategy) {
            Ok(()) => {}
            // Whoever read us has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if !printer.opened && start.elapsed() >= CONNECT_TIMEOUT {
            break;
        }
        if strategy.is_gateway_gone() {
            return Err(format!("{}: the gateway ended by itself; the log says why", arguments.venue).into());
        }
        strategy.wait(WAIT);
    }
    let failed = !printer.opened && !interrupted.load(Ordering::Relaxed);
    if failed && start.elapsed() >= MEANINGFUL {
        return Err(format!("{}: no market-data connection within {:.0?}", arguments.venue, start.elapsed()).into());
    }
    if let Some(second) = second {
        say(&win_rates(&gateway.telemetry().feeds(), [first, second]));
    }
    say(&format!("{} records", printer.count));
    Ok(())
}

/// A gateway that can stream from the venue. Public channels need no credentials; without them, or told to use them for
/// prices only, nothing here can trade, whatever the environment holds.
fn builder(venue: Venue, feeds: Option<Feeds>) -> Result<GatewayBuilder, Box<dyn Error>> {
    let builder = GatewayBuilder::public_from_env()?;
    if let (Some(_), Venue::BinanceUs | Venue::Oanda) = (feeds, venue) {
        return Err(format!("--feed chooses among Coinbase's feeds; {venue} has one").into());
    }
    match venue {
        Venue::BinanceUs => return Ok(builder.binance_us(BinanceUsConfig::public_from_env()?)),
        // It has no public data: the token is read for its prices alone.
        Venue::Oanda => return Ok(builder.oanda(OandaConfig::from_env()?.market_data_only())),
        Venue::Coinbase => {}
    }
    let Feeds { first, second } = feeds.unwrap_or_default();
    // The Exchange's key is read only if it is asked for: it signs subscriptions and nothing else.
    let coinbase = match [Some(first), second].contains(&Some(MarketSource::ExchangeAuthenticated)) {
        true => CoinbaseConfig::market_data_from_env()?,
        false => CoinbaseConfig::public_from_env()?,
    };
    let coinbase = coinbase.market_source(first);
    Ok(builder.coinbase(match second {
        Some(second) => coinbase.redundant_market_source(second),
        None => coinbase,
    }))
}

/// How two feeds did against each other.
fn win_rates(figures: &FeedFigures, sources: [MarketSource; 2]) -> String {
    let permille = figures.win_permille().unwrap_or_default();
    let feeds =
        sources.iter().zip(figures.trades_first).zip(permille).enumerate().map(|(i, ((source, won), share))| {
            format!("feed {} ({}) first with {won} trades, {}.{} %", i + 1, source.name(), share / 10, share % 10)
        });
    let feeds = feeds.collect::<Vec<_>>().join("; ");
    format!("{feeds}; {} trades came again; {} book switches", figures.trades_repeated, figures.book_switches)
}

/// Puts records on standard output.
struct Printer<W> {
    out: W,
    json: bool,
    count: u64,
    /// The venue's connection was open at least once.
    opened: bool,
}

impl<W: Write> Printer<W> {
    /// Prints everything that waits.
    fn print_waiting(&mut self, gateway: &Gateway, strategy: &mut Strategy) -> io::Result<()> {
        let directory = gateway.directory();
        // No order is ours, but guards speak here too; what is left in a ring ends every wait at once.
        while let Some(execution) = strategy.executions.pop() {
            if let Some(words) = guard_words(&execution, gateway.now()) {
                say(&words);
            }
        }
        loop {
            let market = strategy.market.pop();
            let statistics = strategy.statistics.pop();
            if market.is_none() && statistics.is_none() {
                return self.out.flush();
            }
            if let Some(View::State(state)) = market.as_ref().map(|record| record.view()) {
                match state.state {
                    ConnectionState::Open | ConnectionState::Healthy => self.opened = true,
                    ConnectionState::Down if self.opened => {
                        say(&format!("{}: {} connection lost, reconnecting", state.venue, state.role.name()));
                    }
                    _ => {}
                }
            }
            let lines = [
                market.as_ref().and_then(|record| Line::of_market(record, &directory)),
                statistics.as_ref().map(|record| Line::of_statistics(record, &directory)),
            ];
            for line in lines.iter().flatten() {
                let text = if self.json { line.json() } else { line.human() };
                writeln!(self.out, "{text}")?;
                self.count += 1;
            }
        }
    }
}

/// What a guard's record says to whoever only listens.
fn guard_words(record: &ExecutionRecord, now: UnixNanos) -> Option<String> {
    let left = record.retry_at().map(|at| format!(" for {} ms", at.since(now) / 1_000_000)).unwrap_or_default();
    let (venue, cause) = (record.venue, record.venue_code.as_str());
    match record.guard {
        GuardEvent::Throttled => Some(format!("{venue}: says that we ask too much; nothing is asked{left}")),
        GuardEvent::BreakerOpened => Some(format!("{venue}: circuit breaker opened{left}: {cause}")),
        GuardEvent::BreakerClosed => Some(format!("{venue}: circuit breaker closed")),
        _ => None,
    }
}

const CHANNEL_NAMES: &str =
    "book, trades, ticker, ticker_batch, candles, status, book_5, book_10, book_20, aggregated_trades";

fn parse_feeds(text: &str) -> Result<Feeds, String> {
    let mut sources = text.split(',').map(|name| name.trim().parse::<MarketSource>());
    let first = sources.next().transpose()?.unwrap_or_default();
    let second = sources.next().transpose()?;
    match sources.next() {
        None => Ok(Feeds { first, second }),
        Some(_) => Err("two feeds at most".to_owned()),
    }
}

fn parse_channels(text: &str) -> Result<Channels, String> {
    text.split(',').map(str::trim).try_fold(Channels::NONE, |channels, name| {
        Ok(channels
            | match name {
                "book" => Channels::BOOK,
                "trades" => Channels::TRADES,
                "ticker" => Channels::TICKER,
                "ticker_batch" => Channels::TICKER_BATCH,
                "candles" => Channels::CANDLES,
                "status" => Channels::STATUS,
                "aggregated_trades" => Channels::AGGREGATED_TRADES,
                "book_5" => Channels::BOOK_5,
                "book_10" => Channels::BOOK_10,
                "book_20" => Channels::BOOK_20,
                other => return Err(format!("unknown channel `{other}`: choose from {CHANNEL_NAMES}")),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ExecutionKind, InlineText, InstrumentId};

    #[test]
    fn one_feed_or_two_are_named() {
        use MarketSource::{Advanced, Exchange};
        assert_eq!(parse_feeds("exchange"), Ok(Feeds { first: Exchange, second: None }));
        assert_eq!(parse_feeds("advanced, exchange"), Ok(Feeds { first: Advanced, second: Some(Exchange) }));
        assert!(parse_feeds("pro").unwrap_err().contains("pro"));
        assert!(parse_feeds("exchange,exchange,exchange").is_err());
    }

    #[test]
    fn guards_speak_to_whoever_only_listens() {
        let now = UnixNanos(1_000_000_000);
        let mut record = ExecutionRecord::new(ExecutionKind::Guard, Venue::BinanceUs, InstrumentId::NONE);
        assert_eq!(guard_words(&record, now), None);
        (record.guard, record.venue_time) = (GuardEvent::Throttled, now.plus_ms(2_000));
        let words = guard_words(&record, now).unwrap();
        assert_eq!(words, "binance_us: says that we ask too much; nothing is asked for 2000 ms");
        (record.guard, record.venue_time) = (GuardEvent::BreakerOpened, UnixNanos::NONE);
        record.venue_code = InlineText::truncated("banned by the venue");
        assert_eq!(guard_words(&record, now).unwrap(), "binance_us: circuit breaker opened: banned by the venue");
    }

    #[test]
    fn win_rates_are_shares_of_all_trades() {
        let figures = FeedFigures { trades_first: [61, 39], trades_repeated: 90, book_switches: 1 };
        let line = win_rates(&figures, [MarketSource::Advanced, MarketSource::Exchange]);
        let expected =
            "feed 1 (advanced) first with 61 trades, 61.0 %; feed 2 (exchange) first with 39 trades, 39.0 %; \
                        90 trades came again; 1 book switches";
        assert_eq!(line, expected);
    }

    #[test]
    fn channels_are_named_and_unknown_ones_refused() {
        assert_eq!(parse_channels("book, trades"), Ok(Channels::BOOK | Channels::TRADES));
        for name in CHANNEL_NAMES.split(", ") {
            assert!(parse_channels(name).is_ok(), "{name}");
        }
        assert!(parse_channels("book,depth").unwrap_err().contains("depth"));
    }
}
