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
    demo: demo::Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run local venues until interrupted
    Sim(sim::Arguments),
    /// Print market data of a venue
    Stream(stream::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
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

/// A line for people. A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
