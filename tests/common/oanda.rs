//! A local OANDA and a gateway to it that trades EUR_USD with one strategy.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::common::ear::{self, hears, speaks, Ear};
use super::common::{decimal, fast_rules, logs, RootFile, CONNECTIONS_PER_SECOND, ORDER_CONNECTIONS};
use exchange_connectors::gateway::{Channels, Gateway, GatewayBuilder, GatewayError, OandaConfig, Shutdown};
use exchange_connectors::record::{
    ExecutionKind, ExecutionRecord, Fixed, Gap, Instrument, InstrumentId, MarketKind, MarketRecord, OrderCommand,
    OrderRef, RequestId, Side, Venue, View,
};
use exchange_connectors::sim::oanda::{Config, LocalOanda, Token, DOOR_REST};
use exchange_connectors::sim::server::{Request, Venue as _};
use exchange_connectors::venue::oanda::{Environment, OandaEndpoints};
use std::sync::Arc;

/// Searched for in everything the tests print.
const CANARY_TOKEN: &str = "canarycanarycanarycanarycanary01-canarycanarycanarycanarycanary02";

/// A venue where nothing moves, with EUR_USD at 1.20000 to 1.20010.
pub fn quiet_venue(change: impl FnOnce(&mut Config)) -> LocalOanda {
    let mut config = Config { token: Token::new(CANARY_TOKEN), ..Config::quiet() };
    change(&mut config);
    let venue = LocalOanda::start(config).unwrap();
    venue.set_price("EUR_USD", decimal("1.20000"), decimal("1.20010")).unwrap();
    venue
}

/// The configuration that trades there, at a venue that does not count connections.
pub fn config(venue: &LocalOanda) -> OandaConfig {
    let endpoints = OandaEndpoints::parse(Environment::Practice, &venue.rest_url(), &venue.stream_url()).unwrap();
    let config = OandaConfig::new(venue.account_id(), CANARY_TOKEN).unwrap().endpoints(endpoints);
    // Replies can be long in coming on a machine under load, and events overtake them: orders find a connection all the same.
    config.connections_per_second(CONNECTIONS_PER_SECOND).order_connections(ORDER_CONNECTIONS)
}

/// Venue, gateway, one strategy, and everything it was told.
pub struct OandaRig {
    pub gateway: Gateway,
    ear: Ear,
    pub eur: Arc<Instrument>,
    pub venue: LocalOanda,
    _roots: RootFile,
}

hears!(OandaRig);
speaks!(OandaRig);

impl OandaRig {
    /// Ready to trade.
    pub fn trading(change: impl FnOnce(OandaConfig) -> OandaConfig) -> OandaRig {
        Self::trading_at(quiet_venue(|_| {}), change, |builder| builder)
    }

    /// The same at this venue, with a gateway of another kind.
    pub fn trading_at(
        venue: LocalOanda,
        change: impl FnOnce(OandaConfig) -> OandaConfig,
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> OandaRig {
        let mut rig = Self::start(venue, change, by, Channels::NONE).unwrap();
        rig.until_ready(Venue::Oanda);
        rig
    }

    /// Prices only.
    pub fn prices(venue: LocalOanda) -> OandaRig {
        let channels = Channels::BOOK | Channels::TICKER | Channels::STATUS;
        Self::start(venue, OandaConfig::market_data_only, |builder| builder, channels).unwrap()
    }

    pub fn start(
        venue: LocalOanda,
        change: impl FnOnce(OandaConfig) -> OandaConfig,
        by: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
        channels: Channels,
    ) -> Result<OandaRig, GatewayError> {
        logs();
        let roots = RootFile::write(venue.ca_pem());
        let builder =
            GatewayBuilder::default().oanda(change(config(&venue))).root_certificates(&roots.path).without_state();
        // Its listings would count as the engine's.
        let builder = builder.without_limits().reconcile(fast_rules()).without_reactor_watch();
        let gateway = by(builder).start()?;
        let strategy = gateway.strategy()?;
        let eur = gateway.subscribe(strategy.id(), Venue::Oanda, "EUR_USD", channels)?;
        Ok(OandaRig { gateway, ear: Ear::of(strategy), eur, venue, _roots: roots })
    }

    /// Ends the gateway, whose orders stay open, and gives the venue back, for another gateway.
    pub fn into_venue(self) -> LocalOanda {
        let OandaRig { gateway, ear, venue, .. } = self;
        drop(ear);
        gateway.shutdown(Shutdown::LeaveOpen, 1_000).unwrap();
        venue
    }

    #[track_caller]
    pub fn until<T>(&mut self, what: &str, seen: impl FnMut(&mut OandaRig) -> Option<T>) -> T {
        ear::until(self, what, seen)
    }

    /// A bid for 100 EUR far below the market.
    pub fn resting_bid(&self) -> OrderCommand {
        self.limit(Side::Buy, "1.10000", "100")
    }

    /// A good-til-cancelled limit order in EUR_USD.
    pub fn limit(&self, side: Side, price: &str, units: &str) -> OrderCommand {
        OrderCommand::limit(self.eur.id, side, self.price(price), self.units(units))
    }

    /// A price of EUR_USD as a mantissa.
    pub fn price(&self, price: &str) -> i64 {
        Fixed::parse(price).unwrap().rescale(self.eur.price_exponent).unwrap()
    }

    /// Units of EUR_USD as a mantissa.
    pub fn units(&self, units: &str) -> i64 {
        Fixed::parse(units).unwrap().rescale(self.eur.size_exponent).unwrap()
    }

    pub fn market(&self, side: Side, units: &str) -> OrderCommand {
        OrderCommand::market(self.eur.id, side, self.units(units))
    }

    pub fn cancel_of(&self, order: RequestId) -> OrderCommand {
        OrderCommand::cancel(self.eur.id, OrderRef::Request(order))
    }

    /// Where orders are posted.
    pub fn orders_path(&self) -> String {
        format!("/v3/accounts/{}/orders", self.venue.account_id())
    }

    /// How often the venue received an order.
    pub fn received(&self, record: &ExecutionRecord) -> u64 {
        self.venue.orders_received(record.client_order_id.as_str()).unwrap()
    }

    /// The net units of the last position record counted from executions.
    pub fn net(&self) -> Option<String> {
        let of = |r: &&ExecutionRecord| r.kind == ExecutionKind::Position && r.instrument == self.eur.id;
        let counted = self.executions.iter().rev().filter(of).find(|r| {
            use exchange_connectors::record::EXECUTION_FLAG_RECONCILED;
            !r.has(EXECUTION_FLAG_RECONCILED)
        });
        counted.map(|record| record.cumulative().to_string())
    }

    pub fn of(&self, id: InstrumentId, kind: MarketKind) -> usize {
        self.market.iter().filter(|r| r.instrument() == id && r.kind() == kind).count()
    }

    pub fn gaps(&self) -> Vec<Gap> {
        let gap = |r: &MarketRecord| match r.view() {
            View::Gap(gap) => Some(gap),
            _ => None,
        };
        self.market.iter().filter_map(gap).collect()
    }
}

/// Somebody else with the same token asks something of the account, past all sockets: method, path below the account, body.
#[track_caller]
pub fn stranger(venue: &LocalOanda, method: &str, path: &str, body: &str) -> serde_json::Value {
    let request = Request {
        method: method.into(),
        path: format!("/v3/accounts/{}{path}", venue.account_id()),
        headers: vec![("authorization".into(), format!("Bearer {CANARY_TOKEN}"))],
        body: body.as_bytes().to_vec(),
        ..Request::default()
    };
    let reply = venue.call(move |core, now_ns| core.venue.http(now_ns, DOOR_REST, &request)).unwrap();
    assert!(matches!(reply.status, 200 | 201), "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    serde_json::from_slice(&reply.body).unwrap()
}

/// So many units are held that were bought before anybody looked.
pub fn bought_before(venue: &LocalOanda, units: &str) {
    let body =
        format!(r#"{{"order":{{"type":"MARKET","instrument":"EUR_USD","units":"{units}","timeInForce":"FOK"}}}}"#);
    let _ = stranger(venue, "POST", "/orders", &body);
}
