//! The command line: what `exchange-connectors` without and with a subcommand does. One file per subcommand.
//!
//! Standard output carries results only; what is meant for people goes to standard error.

mod demo;
mod lines;
mod sim;
mod stream;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// Low-latency exchange connectivity. Without a subcommand: a demo against a venue of its own, in about 15 s.
#[derive(Debug, Parser)]
#[command(name = "exchange-connectors", version, about, args_conflicts_with_subcommands = true)]
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
    /// Print market data of a venue
    Stream(stream::StreamArguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The demo tells its own story and cuts a connection on purpose.
    log_to_stderr(if arguments.command.is_some() { "warn" } else { "error" });
    let result = match arguments.command {
        Some(Command::Sim(arguments)) => sim::run(&arguments),
        Some(Command::Stream(arguments)) => stream::run(&arguments),
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

/// What the library has to tell goes to standard error, from `default` on or as `RUST_LOG` asks.
fn log_to_stderr(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // Fails only if somebody installed another one before; then that one is meant.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// A line for people. A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
