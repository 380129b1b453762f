//! The program as a user runs it: one behaviour per file.
#![cfg(all(unix, feature = "cli"))]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../common/audit.rs"]
mod audit;
mod audit_names_what_is_wrong;
mod command_line;
#[path = "../common/mod.rs"]
mod common;
mod demo_ignores_environment;
mod errors_are_clear;
mod sim_announces_itself;
mod stream_ends_cleanly;
mod stream_prints_binance_us;
mod stream_prints_for_people;
mod stream_prints_json;
mod stream_prints_oanda;
mod stream_tells_which_feed_was_first;
