//! Coinbase Advanced Trade.

pub mod auth;
