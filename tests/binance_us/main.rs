//! Binance.US, over its local venue: one behaviour per file.
#![cfg(feature = "sim")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod account_events_come_by_listen_key;
mod bans_are_obeyed;
#[path = "../common/binance_us.rs"]
mod binance_us;
mod books_are_the_venues;
#[path = "../common/mod.rs"]
mod common;
mod connector_works;
mod every_order_kind_reaches_the_venue;
mod filters_refuse_before_sending;
mod order_is_replaced;
mod orders_live_and_end;
mod queries_answer_everything;
mod shutdown_loses_no_event;
mod start_checks_the_key;
