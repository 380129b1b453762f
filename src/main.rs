//! The command line of exchange-connectors.
#![forbid(unsafe_code)]
fn main() {}
