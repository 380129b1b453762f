//! The command line of exchange-connectors.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    exchange_connectors::cli::main()
}
