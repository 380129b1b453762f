//! What the demo's script makes a local venue do, whichever it is. One more venue is one more [`Local`].

use crate::record::Venue;
use crate::sim::binance_us::{LocalBinanceUs, DOOR_STREAM};
use crate::sim::coinbase::{LocalVenue, DOOR_MARKET};
use crate::sim::oanda::{LocalOanda, DOOR_STREAM as DOOR_OANDA_STREAM};
use crate::sim::server::{CloseHow, Door, Server};
use crate::sim::Model;
use rust_decimal::Decimal;
use std::error::Error;

type Failure = Box<dyn Error + Send + Sync>;

/// What the script orders at a venue, in units of the first instrument.
pub(super) struct Script {
    /// What the units are called.
    pub(super) unit: &'static str,
    /// Of the bid that rests.
    pub(super) resting: &'static str,
    /// How much of it somebody takes.
    pub(super) taken: &'static str,
    /// Of the market order.
    pub(super) market: &'static str,
    /// More than the account can pay.
    pub(super) beyond: &'static str,
    /// Whether the venue judges that when the order arrives; otherwise when it would be filled, so it has to take.
    pub(super) beyond_rests: bool,
    /// Whether the venue knows post-only orders.
    pub(super) post_only: bool,
}

/// At venues with one order book for all.
const SPOT: Script = Script {
    unit: "BTC",
    resting: "0.01",
    taken: "0.004",
    market: "0.002",
    beyond: "1000",
    beyond_rests: true,
    post_only: true,
};

/// At a venue that quotes from its own liquidity: a resting order is filled whole once the price comes to it.
const DEALT: Script = Script {
    unit: "EUR",
    resting: "1000",
    taken: "1000",
    market: "200",
    beyond: "10000000",
    beyond_rests: false,
    post_only: false,
};

/// What every local venue does alike, whatever it plays.
pub(super) trait Stage {
    /// The root of its certificates.
    fn root(&self) -> &str;
    /// Events of the made-up market a second, over all instruments; 0 stands still.
    fn run_market(&self, events_per_s: u64) -> Result<(), Failure>;
    /// Every connection of a door is reset.
    fn cut(&self, door: Door) -> Result<(), Failure>;
}

impl<V: Model> Stage for Server<V> {
    fn root(&self) -> &str {
        self.ca_pem()
    }

    fn run_market(&self, events_per_s: u64) -> Result<(), Failure> {
        Ok(Server::run_market(self, events_per_s)?)
    }

    fn cut(&self, door: Door) -> Result<(), Failure> {
        self.kill_connections(Some(door), CloseHow::Reset)?;
        Ok(())
    }
}

/// A local venue under the script's hands.
pub(super) trait Local: Sync {
    /// What it does as every other.
    fn stage(&self) -> &dyn Stage;
    /// Which it plays.
    fn venue(&self) -> Venue;
    /// Where market data comes from.
    fn market_door(&self) -> Door;
    /// What the demo trades there; the first instrument gets the orders.
    fn symbols(&self) -> [&'static str; 2];
    /// Its addresses, for people.
    fn addresses(&self) -> String;
    /// What is ordered there.
    fn script(&self) -> &'static Script;
    /// Somebody trades what the script says with the bid of ours that rests at this price.
    fn fill_bid(&self, client_order_id: &str, price: Decimal) -> Result<(), Failure>;
    /// Best bid and offer.
    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure>;
}

impl Local for LocalVenue {
    fn stage(&self) -> &dyn Stage {
        &**self
    }

    fn venue(&self) -> Venue {
        Venue::Coinbase
    }

    fn market_door(&self) -> Door {
        DOOR_MARKET
    }

    fn symbols(&self) -> [&'static str; 2] {
        ["BTC-USD", "ETH-USD"]
    }

    fn addresses(&self) -> String {
        format!("REST {}  market {}  user {}", self.rest_url(), self.ws_url(), self.ws_user_url())
    }

    fn script(&self) -> &'static Script {
        &SPOT
    }

    fn fill_bid(&self, client_order_id: &str, _: Decimal) -> Result<(), Failure> {
        self.fill_order(client_order_id, SPOT.taken.parse()?)?;
        Ok(())
    }

    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure> {
        Ok(LocalVenue::best(self, symbol)?)
    }
}

impl Local for LocalBinanceUs {
    fn stage(&self) -> &dyn Stage {
        &**self
    }

    fn venue(&self) -> Venue {
        Venue::BinanceUs
    }

    fn market_door(&self) -> Door {
        DOOR_STREAM
    }

    fn symbols(&self) -> [&'static str; 2] {
        ["BTCUSD", "ETHUSD"]
    }

    fn addresses(&self) -> String {
        format!("REST {}  streams {}  WebSocket API {}", self.rest_url(), self.stream_url(), self.ws_api_url())
    }

    fn script(&self) -> &'static Script {
        &SPOT
    }

    fn fill_bid(&self, client_order_id: &str, _: Decimal) -> Result<(), Failure> {
        self.fill_order(client_order_id, SPOT.taken.parse()?)?;
        Ok(())
    }

    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure> {
        Ok(LocalBinanceUs::best(self, symbol)?)
    }
}

impl Local for LocalOanda {
    fn stage(&self) -> &dyn Stage {
        &**self
    }

    fn venue(&self) -> Venue {
        Venue::Oanda
    }

    /// Transactions come by it too: the venue has one host for both.
    fn market_door(&self) -> Door {
        DOOR_OANDA_STREAM
    }

    fn symbols(&self) -> [&'static str; 2] {
        ["EUR_USD", "USD_JPY"]
    }

    fn addresses(&self) -> String {
        format!("REST {}  streams {}", self.rest_url(), self.stream_url())
    }

    fn script(&self) -> &'static Script {
        &DEALT
    }

    /// The price comes to it.
    fn fill_bid(&self, _: &str, price: Decimal) -> Result<(), Failure> {
        let [symbol, _] = self.symbols();
        self.set_price(symbol, price - Decimal::new(1, 4), price)?;
        Ok(())
    }

    fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), Failure> {
        let (bid, ask) = LocalOanda::best(self, symbol)?;
        Ok((Some(bid), Some(ask)))
    }
}
