//! The command line: what `exchange-connectors` without and with a subcommand does. One file per subcommand.
//!
//! Standard output carries results only; what is meant for people goes to standard error.

mod audit;
mod demo;
mod lines;
mod sim;
mod stream;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// What `--help` says at its end.
const ENVIRONMENT: &str = "\
Environment of every subcommand but the demo and sim:
  COINBASE_REST_URL, COINBASE_WS_URL, COINBASE_WS_USER_URL, COINBASE_EXCHANGE_WS_URL
                               Other endpoints than the venue's own
  COINBASE_EXCHANGE_API_KEY, COINBASE_EXCHANGE_API_SECRET, COINBASE_EXCHANGE_API_PASSPHRASE
                               Of `stream --feed exchange-authenticated`
  EXCHANGE_CONNECTORS_CA_FILE  PEM file of root certificates trusted besides the usual ones
  RUST_LOG                     What is logged to standard error, such as `debug`";

/// Low-latency exchange connectivity.
///
/// Without a subcommand: a demo that starts a local venue, streams, trades and survives a disconnect in about 15 s.
/// It reads no credentials and contacts nobody else.
#[derive(Debug, Parser)]
#[command(name = "exchange-connectors", version, args_conflicts_with_subcommands = true, after_help = ENVIRONMENT)]
struct Arguments {
    #[command(flatten)]
    demo: demo::DemoArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run local venues until interrupted
    Sim(sim::SimArguments),
    /// Print public market data of a venue; needs no credentials
    Stream(stream::StreamArguments),
    /// Check an audit log order by order, and print a summary
    Audit(audit::AuditArguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The demo says itself what goes wrong on purpose; its gaps and reconnects are no warnings.
    log_to_stderr(if arguments.command.is_none() { "error" } else { "warn" });
    let result = match arguments.command {
        Some(Command::Sim(arguments)) => sim::run(&arguments),
        Some(Command::Stream(arguments)) => stream::run(&arguments),
        Some(Command::Audit(arguments)) => audit::run(&arguments),
        None => demo::run(&arguments.demo),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("exchange-connectors: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What the library has to tell goes to standard error: from `level` up, or what `RUST_LOG` asks for.
fn log_to_stderr(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // Fails only if somebody installed another one before; then that one is meant.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// A line for people. A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
