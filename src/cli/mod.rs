//! The command line: what `exchange-connectors` without and with a subcommand does. One file per subcommand.
//!
//! Standard output carries results only; what is meant for people goes to standard error.

mod sim;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// Low-latency exchange connectivity.
#[derive(Debug, Parser)]
#[command(name = "exchange-connectors", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run local venues until interrupted
    Sim(sim::Arguments),
    // `stream` goes here.
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Sim(arguments)) => sim::run(&arguments),
        // The demo goes here.
        None => Err("no subcommand given; try `exchange-connectors sim --dir DIR`, or --help".into()),
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
