//! What the demo's script makes a local venue do, whichever it is. One more venue is one more [`Local`].

use crate::record::Venue;
use crate::sim::binance_us::{LocalBinanceUs, DOOR_STREAM};
use crate::sim::coinbase::{LocalVenue, DOOR_MARKET};
use crate::sim::server::CloseHow;
use rust_decimal::Decimal;
use std::error::Error;

type Failure = Box<dyn Error + Send + Sync>;

/// A local venue under the script's hands.
pub(super) trait Local: Sync {
    /// Which it plays.
    fn venue(&self) -> Venue;
    /// What the demo trades there; the first instrument gets the orders.
    fn symbols(&self) -> [&'static str; 2];
    /// Its addresses, for people.
    fn addresses(&self) -> String;
    /// The root of its certificates.
    fn root(&self) -> &str;
    /// Events of the made-up market a second, over all instruments; 0 stands still.
    fn run_market(&self, events_per_s: u64) -> Result<(), Failure>;
    /// Somebody trades so much with a resting order of ours.
    fn fill_order(&self, client_order_id: &str, size: Decimal) -> Result<(), Failure>;
    /// Every market connection is reset.
    fn cut_market(&self) -> Result<(), Failure>;
    /// Best bid and offer.
    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure>;
}

impl Local for LocalVenue {
    fn venue(&self) -> Venue {
        Venue::Coinbase
    }

    fn symbols(&self) -> [&'static str; 2] {
        ["BTC-USD", "ETH-USD"]
    }

    fn addresses(&self) -> String {
        format!("REST {}  market {}  user {}", self.rest_url(), self.ws_url(), self.ws_user_url())
    }

    fn root(&self) -> &str {
        self.ca_pem()
    }

    fn run_market(&self, events_per_s: u64) -> Result<(), Failure> {
        Ok((**self).run_market(events_per_s)?)
    }

    fn fill_order(&self, client_order_id: &str, size: Decimal) -> Result<(), Failure> {
        LocalVenue::fill_order(self, client_order_id, size)?;
        Ok(())
    }

    fn cut_market(&self) -> Result<(), Failure> {
        self.kill_connections(Some(DOOR_MARKET), CloseHow::Reset)?;
        Ok(())
    }

    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure> {
        Ok(LocalVenue::best(self, symbol)?)
    }
}

impl Local for LocalBinanceUs {
    fn venue(&self) -> Venue {
        Venue::BinanceUs
    }

    fn symbols(&self) -> [&'static str; 2] {
        ["BTCUSD", "ETHUSD"]
    }

    fn addresses(&self) -> String {
        format!("REST {}  streams {}  WebSocket API {}", self.rest_url(), self.stream_url(), self.ws_api_url())
    }

    fn root(&self) -> &str {
        self.ca_pem()
    }

    fn run_market(&self, events_per_s: u64) -> Result<(), Failure> {
        Ok((**self).run_market(events_per_s)?)
    }

    fn fill_order(&self, client_order_id: &str, size: Decimal) -> Result<(), Failure> {
        LocalBinanceUs::fill_order(self, client_order_id, size)?;
        Ok(())
    }

    fn cut_market(&self) -> Result<(), Failure> {
        self.kill_connections(Some(DOOR_STREAM), CloseHow::Reset)?;
        Ok(())
    }

    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure> {
        Ok(LocalBinanceUs::best(self, symbol)?)
    }
}
