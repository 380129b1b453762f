//! OANDA, over its local venue: one behaviour per file.
#![cfg(feature = "sim")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod account_is_checked_at_start;
#[path = "../common/mod.rs"]
mod common;
mod every_order_kind_reaches_the_venue;
mod hedging_account_holds_both_sides;
mod limits_are_never_tripped;
#[path = "../common/oanda.rs"]
mod oanda;
mod orders_live_and_end;
mod prices_change_streams_without_a_gap;
mod queries_answer_everything;
mod transactions_are_told_once;
