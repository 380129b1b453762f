//! [`LocalVenue`]: the model behind TLS servers, with the controls tests and the demo use.
//!
//! Every control has taken effect, and what it caused has been handed to the sockets, when it returns: tests need no
//! sleeps. Faults of single requests are [`Server::inject`]'s business, reachable through the same handle.

use super::config::{Config, Permissions};
use super::control::SeenOrder;
use super::errors::{Generation, ReasonPlace};
use super::exchange_feed::ExchangeCredentials;
use super::limits::Limits;
use super::model::{Coinbase, DOOR_EXCHANGE, DOOR_MARKET, DOOR_REST, DOOR_USER};
use super::observed::Observed;
use super::product::Trading;
use crate::sim::market::Side;
use crate::sim::server::{Server, StartError, Stopped};
use crate::sim::Credentials;
use rust_decimal::Decimal;
use std::ops::Deref;
use thiserror::Error;

const VIEW_ONLY_KEY_NAME: &str =
    "organizations/00000000-0000-4000-8000-000000000001/apiKeys/00000000-0000-4000-8000-000000000003";

/// A local Coinbase listening on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct LocalVenue {
    server: Server<Coinbase>,
    credentials: Credentials,
    exchange_credentials: ExchangeCredentials,
    view_only: Credentials,
}

/// Why a control did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// The venue's thread is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// There is no such product.
    #[error("the local venue has no product {0}")]
    UnknownProduct(String),
    /// Price or size is not positive or not a multiple of its increment.
    #[error("{0} is not a positive multiple of the product's increment")]
    OffIncrement(Decimal),
}

/// Balance of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Free.
    pub available: Decimal,
    /// Held for open orders.
    pub hold: Decimal,
}

impl LocalVenue {
    /// Starts a venue: a key if none was brought, certificates, four ports, one thread.
    ///
    /// # Errors
    /// When a port is taken, or key or certificates cannot be made.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let credentials = match &config.credentials {
            Some(credentials) => credentials.clone(),
            None => Credentials::generate(config.key_kind)?,
        };
        let exchange_credentials = match &config.exchange_credentials {
            Some(credentials) => credentials.clone(),
            None => ExchangeCredentials::generate()?,
        };
        let view_only = match &config.view_only_credentials {
            Some(credentials) => credentials.clone(),
            None => Credentials::generate_named(VIEW_ONLY_KEY_NAME, config.key_kind)?,
        };
        let config = Config {
            exchange_credentials: Some(exchange_credentials.clone()),
            view_only_credentials: Some(view_only.clone()),
            ..config
        };
        let key = credentials.clone();
        let server = Server::start("sim-coinbase", &config.ports, |ports, now_ns| {
            let rest = ports.first().copied().unwrap_or(0);
            let hosts = [format!("localhost:{rest}"), format!("127.0.0.1:{rest}")];
            Coinbase::new(&config, key, &hosts, now_ns)
        })?;
        Ok(Self { server, credentials, exchange_credentials, view_only })
    }

    /// `https://localhost:PORT`.
    pub fn rest_url(&self) -> String {
        format!("https://localhost:{}", self.server.port(DOOR_REST))
    }

    /// `wss://localhost:PORT` of the market data.
    pub fn ws_url(&self) -> String {
        format!("wss://localhost:{}", self.server.port(DOOR_MARKET))
    }

    /// `wss://localhost:PORT` of the user data.
    pub fn ws_user_url(&self) -> String {
        format!("wss://localhost:{}", self.server.port(DOOR_USER))
    }

    /// `wss://localhost:PORT` of the Exchange feed.
    pub fn exchange_ws_url(&self) -> String {
        format!("wss://localhost:{}", self.server.port(DOOR_EXCHANGE))
    }

    /// The key that opens the Exchange feed's signed book.
    pub fn exchange_credentials(&self) -> &ExchangeCredentials {
        &self.exchange_credentials
    }

    /// The key that opens this venue.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A key of the same account that may look and not trade.
    pub fn view_only_credentials(&self) -> &Credentials {
        &self.view_only
    }

    /// Stops the thread and closes everything.
    pub fn stop(self) {
        self.server.stop();
    }
}

/// Faults, outages and certificates: see [`Server`].
impl Deref for LocalVenue {
    type Target = Server<Coinbase>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

/// The market.
impl LocalVenue {
    /// Another participant's resting order; what it crosses it takes. Gives the base size traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn add_liquidity(
        &self,
        product: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> Result<Decimal, ControlError> {
        self.participate(product, side, price, size, true)
    }

    /// Another participant takes at `price` or better: `side` is the taker's, so `Sell` hits the client's bids. Gives
    /// the base size traded; better-priced orders of others go first, see [`Self::clear_liquidity`].
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn trade_against(
        &self,
        product: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> Result<Decimal, ControlError> {
        self.participate(product, side, price, size, false)
    }

    fn participate(
        &self,
        product: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
        rest: bool,
    ) -> Result<Decimal, ControlError> {
        let id = product.to_owned();
        self.call(move |core, now_ns| core.venue.participate(now_ns, &id, side, price, size, rest))?
    }

    /// Somebody trades so much base size with exactly this resting order of the client, at its price, whoever stands
    /// before it in the book. Gives the base size traded.
    ///
    /// # Errors
    /// [`ControlError`]; an order that does not rest trades nothing.
    pub fn fill_order(&self, client_order_id: &str, size: Decimal) -> Result<Decimal, ControlError> {
        let id = client_order_id.to_owned();
        self.call(move |core, now_ns| core.venue.fill_order(now_ns, &id, size))?
    }

    /// Every order of other participants leaves the book of a product.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn clear_liquidity(&self, product: &str) -> Result<(), ControlError> {
        let id = product.to_owned();
        self.call(move |core, now_ns| core.venue.clear_liquidity(now_ns, &id))?
    }

    /// Best bid and best offer.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn best(&self, product: &str) -> Result<(Option<Decimal>, Option<Decimal>), ControlError> {
        let id = product.to_owned();
        self.call(move |core, _| core.venue.best(&id))?
    }

    /// What a product takes from now on.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_trading(&self, product: &str, trading: Trading) -> Result<(), ControlError> {
        let id = product.to_owned();
        self.call(move |core, _| core.venue.set_trading(&id, trading))?
    }

    /// The least size of an order from now on; what rests goes on resting.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_size_min(&self, product: &str, size: Decimal) -> Result<(), ControlError> {
        let id = product.to_owned();
        self.call(move |core, _| core.venue.set_size_min(&id, size))?
    }
}

/// Orders, listings and the user channel.
impl LocalVenue {
    /// Cancels stay queued, and orders go on matching, until [`Self::release_cancels`].
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn hold_cancels(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.venue.exchange.cancels_held = true)
    }

    /// Carries out the cancels held.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn release_cancels(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| {
            core.venue.exchange.cancels_held = false;
            core.venue.exchange.run_cancels(now_ns);
        })
    }

    /// Edits stay queued until [`Self::release_edits`].
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn hold_edits(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.venue.exchange.edits_held = true)
    }

    /// Makes the edits held.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn release_edits(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| {
            core.venue.exchange.edits_held = false;
            core.venue.exchange.run_edits(now_ns);
        })
    }

    /// Fills are listed so many ns late, whatever [`Server::lag_listings`] says of orders.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn lag_fills(&self, lag_ns: u64) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.fills_lag_ns = lag_ns)
    }

    /// Where rejections of orders say why from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn reasons_in(&self, place: ReasonPlace) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.reason_place = place)
    }

    /// Which generation of bodies the venue sends from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_generation(&self, generation: Generation) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.generation = generation)
    }

    /// The next edit is refused with this `edit_failure_reason`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn reject_next_edit(&self, reason: &'static str) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.forced_edit_failures.push_back(reason))
    }

    /// The next order that passes the form checks is refused with this failure reason.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn reject_next_order(&self, reason: &'static str) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.forced_rejects.push_back(reason))
    }

    /// The next order is accepted and then fails with this `reject_reason`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn fail_next_order(&self, reason: &'static str) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.forced_failures.push_back(reason))
    }

    /// So many market-data frames are lost: their sequence numbers are missing.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn drop_market_frames(&self, frames: u32) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.frames_to_drop = frames)
    }

    /// So many matches of the Exchange feed are lost: their trade ids are missing.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn drop_exchange_matches(&self, matches: u32) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.feed.matches_to_drop = matches)
    }

    /// What the trading key may do from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_permissions(&self, permissions: Permissions) -> Result<(), Stopped> {
        self.call(move |core, _| {
            if let Some(key) = core.venue.keys.first_mut() {
                key.permissions = permissions;
            }
        })
    }

    /// The rate limits from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_limits(&self, limits: Limits) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.limits = limits)
    }
}

/// What the venue saw.
impl LocalVenue {
    /// Requests, orders and tokens so far.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn observed(&self) -> Result<Observed, Stopped> {
        self.call(|core, _| core.venue.observed.clone())
    }

    /// How the venue itself sees an order: (venue order id, status, filled base size).
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn order(&self, client_order_id: &str) -> Result<Option<(String, &'static str, Decimal)>, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.order_state(&id))
    }

    /// What the venue took an order for.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn order_details(&self, client_order_id: &str) -> Result<Option<SeenOrder>, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.order_details(&id))
    }

    /// Balance of a currency, `None` if there is no such account.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn balance(&self, currency: &str) -> Result<Option<Balance>, Stopped> {
        let currency = currency.to_owned();
        self.call(move |core, _| {
            let account = core.venue.exchange.account(&currency)?;
            Some(Balance { available: account.available, hold: account.hold })
        })
    }
}
