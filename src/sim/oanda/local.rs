//! [`LocalOanda`]: the model behind TLS servers, with the controls tests and the demo use.
//!
//! Every control has taken effect, and what it caused has been handed to the sockets, when it returns: tests need no
//! sleeps. Faults of single requests are [`Server::inject`]'s business; lines and bytes past the model go to open
//! streams with [`Server::send_raw`] and [`Server::send_bytes`].

use super::config::{Config, Identity, Limits, Token};
use super::market::Bucket;
use super::model::{Oanda, DOOR_REST, DOOR_STREAM};
use super::observed::Observed;
use super::order::{Order, State};
use crate::sim::server::{Server, StartError, Stopped};
use rust_decimal::Decimal;
use std::ops::Deref;
use thiserror::Error;

/// A local OANDA listening on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct LocalOanda {
    server: Server<Oanda>,
    token: Token,
    identity: Identity,
}

/// Why a control did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// The venue's thread is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// There is no such instrument.
    #[error("the local venue has no instrument {0}")]
    UnknownInstrument(String),
}

/// One side of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Units of open long trades.
    pub long: Decimal,
    /// Units of open short trades, negative.
    pub short: Decimal,
}

impl LocalOanda {
    /// Starts a venue: certificates, two ports, one thread.
    ///
    /// # Errors
    /// When a port is taken or certificates cannot be made.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (token, identity, ports) = (config.token.clone(), config.identity.clone(), config.ports);
        let venue = move |ports: &[u16], now_ns| {
            let port = ports.get(DOOR_REST).copied().unwrap_or(0);
            Oanda::new(&config, &format!("https://localhost:{port}"), now_ns)
        };
        let server = Server::start("sim-oanda", &ports, venue)?;
        Ok(Self { server, token, identity })
    }

    /// `https://localhost:PORT` of the REST host.
    pub fn rest_url(&self) -> String {
        format!("https://localhost:{}", self.server.port(DOOR_REST))
    }

    /// `https://localhost:PORT` of the stream host.
    pub fn stream_url(&self) -> String {
        format!("https://localhost:{}", self.server.port(DOOR_STREAM))
    }

    /// The token that opens this venue.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The account's id.
    pub fn account_id(&self) -> &str {
        &self.identity.account
    }

    /// Stops the thread and closes everything.
    pub fn stop(self) {
        self.server.stop();
    }
}

/// Faults, outages and certificates: see [`Server`].
impl Deref for LocalOanda {
    type Target = Server<Oanda>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

/// The market.
impl LocalOanda {
    /// A new price with full buckets; orders that wait for it fire.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_price(&self, instrument: &str, bid: Decimal, ask: Decimal) -> Result<(), ControlError> {
        let name = instrument.to_owned();
        self.call(move |core, now_ns| core.venue.set_price(now_ns, &name, bid, ask))?
    }

    /// Exactly these prices and amounts, best first; an empty side has nobody on it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_liquidity(
        &self,
        instrument: &str,
        bids: &[(Decimal, Decimal)],
        asks: &[(Decimal, Decimal)],
    ) -> Result<(), ControlError> {
        let name = instrument.to_owned();
        let buckets = |side: &[(Decimal, Decimal)]| {
            side.iter().map(|(price, liquidity)| Bucket { price: *price, liquidity: *liquidity }).collect()
        };
        let (bids, asks) = (buckets(bids), buckets(asks));
        self.call(move |core, now_ns| core.venue.set_buckets(now_ns, &name, bids, asks))?
    }

    /// Whether an instrument's market is open.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_tradeable(&self, instrument: &str, tradeable: bool) -> Result<(), ControlError> {
        let name = instrument.to_owned();
        self.call(move |core, now_ns| core.venue.set_tradeable(now_ns, &name, tradeable))?
    }

    /// The least size of an order from now on; what rests goes on resting.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_size_min(&self, instrument: &str, units: Decimal) -> Result<(), ControlError> {
        let name = instrument.to_owned();
        self.call(move |core, _| core.venue.set_size_min(&name, units))?
    }

    /// Best bid and best offer.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn best(&self, instrument: &str) -> Result<(Decimal, Decimal), ControlError> {
        let name = instrument.to_owned();
        self.call(move |core, _| {
            let index = core.venue.index(&name)?;
            let market = core.venue.exchange.markets.get(index);
            let market = market.ok_or(ControlError::UnknownInstrument(name))?;
            Ok((market.best(super::Side::Sell), market.best(super::Side::Buy)))
        })?
    }
}

/// Orders, listings, streams, token and limits.
impl LocalOanda {
    /// So many price lines of an instrument are lost.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn drop_prices(&self, instrument: &str, lines: u32) -> Result<(), Stopped> {
        let name = instrument.to_owned();
        self.call(move |core, _| {
            core.venue.prices_to_drop.insert(name, lines);
        })
    }

    /// The next order that could be created is refused for this reason.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn reject_next_order(&self, reason: &str) -> Result<(), Stopped> {
        let reason = reason.to_owned();
        self.call(move |core, _| core.venue.exchange.forced_rejects.push_back(reason))
    }

    /// The next order is created and cancelled at once for this reason: 201 and nothing traded.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn cancel_next_order(&self, reason: &'static str) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.exchange.forced_cancels.push_back(reason))
    }

    /// Somebody trades with exactly this resting order of the client, whole and at its price, wherever the market is. Gives
    /// the units filled: none if it does not rest.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn fill_order(&self, client_order_id: &str) -> Result<Decimal, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, now_ns| core.venue.fill_order(now_ns, &id))
    }

    /// Whether the token opens nothing any more: 401.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn revoke_token(&self, revoked: bool) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.token_revoked = revoked)
    }

    /// Whether the account is not for this interface: 403.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn forbid_account(&self, forbidden: bool) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.account_forbidden = forbidden)
    }

    /// The limits from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_limits(&self, limits: Limits) -> Result<(), Stopped> {
        self.call(move |core, _| {
            core.venue.limits = limits;
            core.venue.exchange.pending_max = limits.pending_orders;
        })
    }
}

/// What the venue saw and how it sees itself.
impl LocalOanda {
    /// Requests and orders so far.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn observed(&self) -> Result<Observed, Stopped> {
        self.call(|core, _| core.venue.observed.clone())
    }

    /// How the venue itself sees the latest order of that client id: (order id, state).
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn order(&self, client_order_id: &str) -> Result<Option<(u64, &'static str)>, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.order_state(&id).map(|(id, state, _)| (id, state)))
    }

    /// Open units of an instrument.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn position(&self, instrument: &str) -> Result<Position, ControlError> {
        let name = instrument.to_owned();
        self.call(move |core, _| {
            let index = core.venue.index(&name)?;
            let account = &core.venue.exchange.account;
            Ok(Position { long: account.units(index, true), short: account.units(index, false) })
        })?
    }

    /// The account's balance.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn balance(&self) -> Result<Decimal, Stopped> {
        self.call(|core, _| core.venue.exchange.account.balance)
    }

    /// Id of the last transaction.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn last_transaction(&self) -> Result<u64, Stopped> {
        self.call(|core, _| core.venue.exchange.log.last())
    }

    /// Open streams.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn open_streams(&self) -> Result<usize, Stopped> {
        self.call(|core, _| core.venue.streams.len())
    }
}

/// The model's side of the controls.
impl Oanda {
    pub(crate) fn index(&self, name: &str) -> Result<usize, ControlError> {
        self.exchange.market_index(name).ok_or_else(|| ControlError::UnknownInstrument(name.to_owned()))
    }

    /// A new price with full buckets.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_price(&mut self, now_ns: u64, name: &str, bid: Decimal, ask: Decimal) -> Result<(), ControlError> {
        let index = self.index(name)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.quote(now_ns, bid, ask);
        }
        self.price_changed(now_ns, index);
        Ok(())
    }

    /// Fills the latest order of that client id, see [`LocalOanda::fill_order`].
    pub fn fill_order(&mut self, now_ns: u64, client_order_id: &str) -> Decimal {
        let named = |order: &&Order| order.extensions.id.as_deref() == Some(client_order_id);
        let latest = self.exchange.orders.values().rev().find(named).map(|order| order.id);
        latest.map_or(Decimal::ZERO, |id| self.exchange.fill_alone(now_ns, id))
    }

    fn set_buckets(
        &mut self,
        now_ns: u64,
        name: &str,
        bids: Vec<Bucket>,
        asks: Vec<Bucket>,
    ) -> Result<(), ControlError> {
        let index = self.index(name)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.set_buckets(now_ns, bids, asks);
        }
        self.price_changed(now_ns, index);
        Ok(())
    }

    /// Opens or closes a market.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_tradeable(&mut self, now_ns: u64, name: &str, tradeable: bool) -> Result<(), ControlError> {
        let index = self.index(name)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.set_tradeable(now_ns, tradeable);
        }
        self.price_changed(now_ns, index);
        Ok(())
    }

    fn set_size_min(&mut self, name: &str, units: Decimal) -> Result<(), ControlError> {
        let index = self.index(name)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.instrument.minimum_trade_size = units;
        }
        Ok(())
    }

    /// Price and units of the latest order of a client id.
    pub(crate) fn order_terms(&self, client_order_id: &str) -> Option<(Decimal, Decimal)> {
        let mut orders = self.exchange.orders.values().rev();
        let order = orders.find(|order| order.extensions.id.as_deref() == Some(client_order_id))?;
        Some((order.price?, order.units.abs()))
    }

    /// How the venue itself sees the latest order of a client id: its id, state and executed units.
    pub(crate) fn order_state(&self, client_order_id: &str) -> Option<(u64, &'static str, Decimal)> {
        let mut orders = self.exchange.orders.values().rev();
        let order = orders.find(|order| order.extensions.id.as_deref() == Some(client_order_id))?;
        Some(match order.state {
            State::Pending => (order.id, "PENDING", Decimal::ZERO),
            State::Filled => (order.id, "FILLED", order.units.abs()),
            State::Cancelled => (order.id, "CANCELLED", Decimal::ZERO),
        })
    }
}
