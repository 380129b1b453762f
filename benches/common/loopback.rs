//! A gateway that talks TLS on loopback to a local venue, and what its hops measured.

use exchange_connectors::gateway::{CoinbaseConfig, Gateway, GatewayBuilder, Idle, Reactor};
use exchange_connectors::sim::coinbase::{Config, Limits, LocalVenue};
use exchange_connectors::telemetry::Summary;
use exchange_connectors::venue::coinbase::{CoinbaseEndpoints, Endpoint};
use std::path::PathBuf;

/// Requests a second the benches may make: all the governor counts.
const REQUESTS_PER_SECOND: usize = 256;

/// Both ends, for as long as it lives.
pub struct Loopback {
    pub gateway: Gateway,
    pub venue: LocalVenue,
    roots: Roots,
}

/// A file of root certificates that goes when this goes.
struct Roots(PathBuf);

impl Loopback {
    pub fn start(idle: Idle, config: Config) -> Loopback {
        let (builder, venue, roots) = Self::set_up(idle, config);
        Loopback { gateway: builder.start().unwrap(), venue, roots }
    }

    /// The same with the reactor left to the caller to turn.
    pub fn build(idle: Idle, config: Config) -> (Loopback, Reactor) {
        let (builder, venue, roots) = Self::set_up(idle, config);
        let (gateway, reactor) = builder.build().unwrap();
        (Loopback { gateway, venue, roots }, reactor)
    }

    fn set_up(idle: Idle, config: Config) -> (GatewayBuilder, LocalVenue, Roots) {
        let venue = LocalVenue::start(Config { limits: Limits::NONE, ..config }).unwrap();
        let roots = std::env::temp_dir().join(format!("exchange-connectors-bench-{}.pem", std::process::id()));
        std::fs::write(&roots, venue.ca_pem()).unwrap();
        let endpoints = CoinbaseEndpoints {
            rest: Endpoint::https(&venue.rest_url()).unwrap(),
            ws: Endpoint::wss(&venue.ws_url()).unwrap(),
            ws_user: Endpoint::wss(&venue.ws_user_url()).unwrap(),
            exchange_ws: Endpoint::wss(&venue.exchange_ws_url()).unwrap(),
        };
        let coinbase = CoinbaseConfig::default()
            .endpoints(endpoints)
            .requests_per_second(REQUESTS_PER_SECOND)
            .credentials(venue.credentials().name(), venue.credentials().secret())
            .unwrap();
        let builder = GatewayBuilder::default().coinbase(coinbase).without_limits().without_state().idle(idle);
        (builder.root_certificates(&roots), venue, Roots(roots))
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// One line of a latency table, in microseconds.
pub fn line(name: &str, s: Summary) {
    let us = |ns: u64| format!("{}.{:01}", ns / 1_000, ns % 1_000 / 100);
    let (p50, p99, p999, max) = (us(s.p50), us(s.p99), us(s.p999), us(s.max));
    println!("{name:<28}{:>8}{p50:>12}{p99:>12}{p999:>12}{max:>12}", s.count);
}

/// The head of that table.
pub fn heading(title: &str) {
    println!("\n{title}\n{:<28}{:>8}{:>12}{:>12}{:>12}{:>12}", "us", "count", "p50", "p99", "p99.9", "max");
}
