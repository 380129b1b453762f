//! How a local venue is started, and where a gateway finds it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::common;
use super::local::EUR;
use super::{Local, Setup};
use exchange_connectors::gateway::{BinanceUsConfig, CoinbaseConfig, GatewayBuilder, OandaConfig};
use exchange_connectors::record::Venue;
use exchange_connectors::sim::binance_us::{Config as BinanceUsVenue, LocalBinanceUs};
use exchange_connectors::sim::coinbase::LocalVenue;
use exchange_connectors::sim::oanda::{Config as OandaVenue, LocalOanda};
use exchange_connectors::venue::{binance_us, coinbase, oanda};
use rust_decimal::Decimal;

impl Local {
    /// Quiet, and opened by a throwaway key.
    pub fn start(at: Venue) -> Local {
        Local::start_for(at, &Setup::direct())
    }

    /// The same, with what the setup says of the venue.
    pub fn start_for(at: Venue, setup: &Setup) -> Local {
        let often = |silence_ms: u64| silence_ms * 1_000_000 / 5;
        let dollars = || vec![("USD".to_owned(), Decimal::from(1_000_000))];
        match at {
            Venue::Coinbase => {
                let mut config = common::quiet_venue();
                if setup.dollars_only {
                    config.balances = dollars();
                }
                Local::Coinbase(LocalVenue::start(config).unwrap())
            }
            Venue::BinanceUs => {
                let mut config = BinanceUsVenue::quiet();
                if setup.dollars_only {
                    config.balances = dollars();
                }
                if let Some(silence_ms) = setup.silence_ms {
                    config.ping_interval_ns = often(silence_ms);
                }
                Local::BinanceUs(LocalBinanceUs::start(config).unwrap())
            }
            Venue::Oanda => {
                let mut config = OandaVenue::quiet();
                if let Some(silence_ms) = setup.silence_ms {
                    config.heartbeat_ns = often(silence_ms);
                }
                let venue = LocalOanda::start(config).unwrap();
                venue.set_price(EUR, common::decimal("1.20000"), common::decimal("1.20010")).unwrap();
                Local::Oanda(venue)
            }
        }
    }

    /// Where the gateway finds it, REST elsewhere if `rest` says so. Orders go over REST at every venue.
    pub(super) fn configure(&self, builder: GatewayBuilder, rest: Option<&str>, setup: &Setup) -> GatewayBuilder {
        match self {
            Local::Coinbase(venue) => {
                let mut endpoints = common::endpoints(venue);
                if let Some(rest) = rest {
                    endpoints =
                        coinbase::CoinbaseEndpoints { rest: coinbase::Endpoint::https(rest).unwrap(), ..endpoints };
                }
                let key = venue.credentials();
                let config = CoinbaseConfig::default().endpoints(endpoints).order_connections(setup.order_connections);
                let config = config.query_requests_per_second(common::QUERIES_PER_SECOND);
                let mut config = config.reply_timeout_ms(setup.reply_timeout_ms);
                if let Some(requests) = setup.requests_per_second {
                    config = config.requests_per_second(requests);
                }
                if let Some(every_ms) = setup.warm_every_ms {
                    config = config.warm_every_ms(every_ms);
                }
                if let Some(silence_ms_max) = setup.silence_ms {
                    config = config.stream(coinbase::StreamConfig { silence_ms_max, ..Default::default() });
                }
                builder.coinbase(config.credentials(key.name(), key.secret()).unwrap())
            }
            Local::BinanceUs(venue) => {
                let here = venue.rest_url();
                let rest = rest.unwrap_or(&here);
                let endpoints =
                    binance_us::BinanceUsEndpoints::parse(rest, &venue.stream_url(), &venue.ws_api_url()).unwrap();
                let config = BinanceUsConfig::default().endpoints(endpoints).api_connections(setup.api_connections);
                let mut config =
                    config.order_connections(setup.order_connections).reply_timeout_ms(setup.reply_timeout_ms);
                if let Some(every_ms) = setup.warm_every_ms {
                    config = config.warm_every_ms(every_ms);
                }
                if let Some(silence_ms_max) = setup.silence_ms {
                    config = config.stream(binance_us::StreamConfig { silence_ms_max, ..Default::default() });
                }
                builder.binance_us(config.credentials(venue.key().key(), venue.key().secret()).unwrap())
            }
            Local::Oanda(venue) => {
                let here = venue.rest_url();
                let rest = rest.unwrap_or(&here);
                let endpoints =
                    oanda::OandaEndpoints::parse(oanda::Environment::Practice, rest, &venue.stream_url()).unwrap();
                let config = OandaConfig::new(venue.account_id(), venue.token().text()).unwrap().endpoints(endpoints);
                let config = config.connections_per_second(common::CONNECTIONS_PER_SECOND);
                let mut config =
                    config.order_connections(setup.order_connections).reply_timeout_ms(setup.reply_timeout_ms);
                if let Some(requests) = setup.requests_per_second {
                    config = config.requests_per_second(requests);
                }
                if let Some(every_ms) = setup.warm_every_ms {
                    config = config.warm_every_ms(every_ms);
                }
                if let Some(silence_ms_max) = setup.silence_ms {
                    config = config.streams(oanda::StreamConfig { silence_ms_max, ..Default::default() });
                }
                builder.oanda(if setup.trades { config } else { config.market_data_only() })
            }
        }
    }
}
