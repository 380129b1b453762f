//! [`LocalBinanceUs`]: the model behind TLS servers, with the controls tests and the demo use.
//!
//! Every control has taken effect, and what it caused has been handed to the sockets, when it returns: tests need no
//! sleeps. Faults of single REST requests are [`Server::inject`]'s business, those of the WebSocket API
//! [`LocalBinanceUs::inject_ws`]'s.

use super::config::{ApiKey, Config, ListenKeys};
use super::limits::Limits;
use super::model::{BinanceUs, DOOR_REST, DOOR_STREAM, DOOR_WS_API};
use super::observed::{Observed, SeenOrder};
use super::product::Trading;
use super::report;
use crate::sim::market::Side;
use crate::sim::server::{Fault, FaultRule, Server, StartError, Stopped};
use rust_decimal::Decimal;
use std::ops::Deref;
use thiserror::Error;

/// A local Binance.US listening on loopback. Dropping it stops it.
#[derive(Debug)]
pub struct LocalBinanceUs {
    server: Server<BinanceUs>,
    key: ApiKey,
}

/// Why a control did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// The venue's thread is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// There is no such symbol.
    #[error("the local venue has no symbol {0}")]
    UnknownSymbol(String),
    /// Price or quantity is not positive or not a multiple of its step.
    #[error("{0} is not a positive multiple of the symbol's step")]
    OffIncrement(Decimal),
}

/// Balance of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Free.
    pub free: Decimal,
    /// Locked for open orders.
    pub locked: Decimal,
}

impl LocalBinanceUs {
    /// Starts a venue: certificates, three ports, one thread.
    ///
    /// # Errors
    /// When a port is taken or certificates cannot be made.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (key, before, ports) = (config.key.clone(), config.events_before_reply, config.ports);
        let server = Server::start("sim-binance-us", &ports, move |_, now_ns| BinanceUs::new(&config, now_ns))?;
        let venue = Self { server, key };
        // A server that has just started answers; if not, the first use says so.
        let _ = venue.frames_before_reply(before);
        Ok(venue)
    }

    /// `https://localhost:PORT`.
    pub fn rest_url(&self) -> String {
        format!("https://localhost:{}", self.server.port(DOOR_REST))
    }

    /// `wss://localhost:PORT` of the market and listen-key streams; `/ws` and `/stream` are below it.
    pub fn stream_url(&self) -> String {
        format!("wss://localhost:{}", self.server.port(DOOR_STREAM))
    }

    /// `wss://localhost:PORT/ws-api/v3`.
    pub fn ws_api_url(&self) -> String {
        format!("wss://localhost:{}/ws-api/v3", self.server.port(DOOR_WS_API))
    }

    /// The key that opens this venue.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Stops the thread and closes everything.
    pub fn stop(self) {
        self.server.stop();
    }
}

/// Faults, outages and certificates: see [`Server`].
impl Deref for LocalBinanceUs {
    type Target = Server<BinanceUs>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

/// The market.
impl LocalBinanceUs {
    /// Another participant's resting order; what it crosses it takes. Gives the quantity traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn add_liquidity(
        &self,
        symbol: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> Result<Decimal, ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, now_ns| core.venue.participate(now_ns, &id, side, price, size, true))?
    }

    /// Another participant takes at `price` or better: `side` is the taker's, so `Sell` hits the client's bids. Gives
    /// the quantity traded; better-priced orders of others go first, see [`Self::clear_liquidity`].
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn trade_against(
        &self,
        symbol: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
    ) -> Result<Decimal, ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, now_ns| core.venue.participate(now_ns, &id, side, price, size, false))?
    }

    /// Somebody trades so much with exactly this resting order of the client, at its price, whoever stands before it in
    /// the book. Gives the quantity traded.
    ///
    /// # Errors
    /// [`ControlError`]; an order that does not rest trades nothing.
    pub fn fill_order(&self, client_order_id: &str, size: Decimal) -> Result<Decimal, ControlError> {
        let id = client_order_id.to_owned();
        self.call(move |core, now_ns| core.venue.fill_order(now_ns, &id, size))?
    }

    /// Every order of other participants leaves the book of a symbol.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn clear_liquidity(&self, symbol: &str) -> Result<(), ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, now_ns| core.venue.clear_liquidity(now_ns, &id))?
    }

    /// Best bid and best offer.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, _| core.venue.best(&id))?
    }

    /// What a symbol takes from now on.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_trading(&self, symbol: &str, trading: Trading) -> Result<(), ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, _| core.venue.set_trading(&id, trading))?
    }

    /// The least size of an order from now on; what rests goes on resting.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn set_size_min(&self, symbol: &str, size: Decimal) -> Result<(), ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, _| core.venue.set_size_min(&id, size))?
    }

    /// A deposit, or a withdrawal if negative: the user stream tells it as `balanceUpdate`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn deposit(&self, asset: &str, delta: Decimal) -> Result<(), Stopped> {
        let asset = asset.to_owned();
        self.call(move |core, now_ns| core.venue.deposit(now_ns, &asset, delta))
    }
}

/// Orders, listings, the user stream and the connections.
impl LocalBinanceUs {
    /// The next order that passes the filters is refused with this code and message.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn reject_next_order(&self, code: i32, message: &'static str) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.forced_rejects.push_back((code, message)))
    }

    /// So many frames of a stream (`btcusd@depth@100ms`) are lost.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn drop_frames(&self, stream: &str, frames: u32) -> Result<(), Stopped> {
        let stream = stream.to_owned();
        self.call(move |core, _| {
            core.venue.frames_to_drop.insert(stream, frames);
        })
    }

    /// Adds a fault for requests of the WebSocket API: method `WS`, the API's method as the path.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn inject_ws(&self, rule: FaultRule) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.ws_faults.add(rule))
    }

    /// Adds a fault for the next request of that method of the WebSocket API.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn inject_next_ws(&self, method: &str, fault: Fault) -> Result<(), Stopped> {
        self.inject_ws(FaultRule::next("WS", method, fault))
    }

    /// Lets replies go that [`Fault::ThenHold`] holds on the WebSocket API.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn release_ws_replies(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| core.venue.release_ws_replies(now_ns))
    }

    /// `serverShutdown` to every WebSocket; the connections stay until killed.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn announce_shutdown(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| core.venue.announce_shutdown(now_ns))
    }

    /// The key is revoked: subscriptions end with `eventStreamTerminated`, every later request gets -2015.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn revoke_key(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| core.venue.revoke_key(now_ns))
    }

    /// The listen key ends now, as if nobody had kept it alive.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn expire_listen_key(&self) -> Result<(), Stopped> {
        self.call(|core, now_ns| {
            if let Some(held) = &mut core.venue.listen_key {
                held.expires_ns = now_ns;
            }
        })
    }

    /// What becomes of listen keys from now on.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_listen_keys(&self, listen_keys: ListenKeys) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.listen_keys = listen_keys)
    }

    /// The limits from now on; what is used stays used.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_limits(&self, limits: Limits) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.limits = limits)
    }

    /// The address is banned for so long: 418 with `Retry-After`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn ban(&self, ban_ns: u64) -> Result<(), Stopped> {
        self.call(move |core, now_ns| core.venue.usage.ban_for(now_ns, ban_ns))
    }
}

/// What the venue saw.
impl LocalBinanceUs {
    /// Requests and orders so far.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn observed(&self) -> Result<Observed, Stopped> {
        self.call(|core, _| core.venue.observed.clone())
    }

    /// How the venue itself sees an order: (venue order id, status, filled quantity).
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn order(&self, client_order_id: &str) -> Result<Option<(u64, &'static str, Decimal)>, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.order_state(&id))
    }

    /// An order as the venue understood it; the latest of that client order id.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn order_details(&self, client_order_id: &str) -> Result<Option<SeenOrder>, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.order_details(&id))
    }

    /// Balance of an asset, `None` if there is no such account.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn balance(&self, asset: &str) -> Result<Option<Balance>, Stopped> {
        let asset = asset.to_owned();
        self.call(move |core, _| {
            let account = core.venue.exchange.ledger.account(&asset)?;
            Some(Balance { free: account.free, locked: account.locked })
        })
    }

    /// The id of a book's last change: a follower that has seen it all is there.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn update_id(&self, symbol: &str) -> Result<u64, ControlError> {
        let id = symbol.to_owned();
        self.call(move |core, _| {
            let index = core.venue.index(&id)?;
            let market = core.venue.exchange.markets.get(index);
            market.map(super::frames::update_id).ok_or(ControlError::UnknownSymbol(id))
        })?
    }

    /// Weight used in the present minute, orders in the present ten seconds and day.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn used(&self) -> Result<(u64, u64, u64), Stopped> {
        self.call(|core, now_ns| core.venue.usage.used(now_ns))
    }
}

/// The model's side of the controls.
impl BinanceUs {
    fn index(&self, symbol: &str) -> Result<usize, ControlError> {
        self.exchange.symbol_index(symbol).ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))
    }

    /// An order of another participant; gives the quantity traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn participate(
        &mut self,
        now_ns: u64,
        symbol: &str,
        side: Side,
        price: Decimal,
        size: Decimal,
        rest: bool,
    ) -> Result<Decimal, ControlError> {
        let index = self.index(symbol)?;
        let market = self.exchange.markets.get_mut(index);
        let market = market.ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))?;
        let ticks = market.product.ticks(price).ok_or(ControlError::OffIncrement(price))?;
        let lots = market.product.lots(size).ok_or(ControlError::OffIncrement(size))?;
        let matches = market.participant(now_ns, side, ticks, lots, rest);
        let traded = market.product.size(matches.iter().map(|m| m.lots).sum());
        self.exchange.settle(now_ns, &matches);
        Ok(traded)
    }

    /// A trade with one resting order of the client; gives the quantity traded.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn fill_order(&mut self, now_ns: u64, client_order_id: &str, size: Decimal) -> Result<Decimal, ControlError> {
        let order = self.exchange.latest(client_order_id).and_then(|i| Some((i, self.exchange.orders.get(i)?)));
        let Some((index, asked)) = order.map(|(i, o)| (i, o.asked.clone())) else { return Ok(Decimal::ZERO) };
        let Some(market) = self.exchange.markets.get_mut(asked.symbol) else { return Ok(Decimal::ZERO) };
        let lots = market.product.lots(size).ok_or(ControlError::OffIncrement(size))?;
        let Some(m) = market.trade_with(now_ns, asked.side, asked.ticks, index, lots) else { return Ok(Decimal::ZERO) };
        let traded = market.product.size(m.lots);
        self.exchange.settle(now_ns, &[m]);
        Ok(traded)
    }

    /// A change of balance that no trade made.
    pub fn deposit(&mut self, now_ns: u64, asset: &str, delta: Decimal) {
        self.exchange.ledger.credit(asset, delta);
        let text = report::balance_update(now_ns, asset, delta);
        self.exchange.events.push(super::exchange::Event { text, order: None });
        self.exchange.settle(now_ns, &[]);
    }

    fn clear_liquidity(&mut self, now_ns: u64, symbol: &str) -> Result<(), ControlError> {
        let index = self.index(symbol)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.clear(now_ns);
        }
        Ok(())
    }

    pub(crate) fn best(&self, symbol: &str) -> Result<(Option<Decimal>, Option<Decimal>), ControlError> {
        let index = self.index(symbol)?;
        let side = |side| {
            let market = self.exchange.markets.get(index)?;
            Some(market.product.price(market.book.front(side)?.ticks))
        };
        Ok((side(Side::Buy), side(Side::Sell)))
    }

    fn set_trading(&mut self, symbol: &str, trading: Trading) -> Result<(), ControlError> {
        let index = self.index(symbol)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.product.trading = trading;
        }
        Ok(())
    }

    fn set_size_min(&mut self, symbol: &str, size: Decimal) -> Result<(), ControlError> {
        let index = self.index(symbol)?;
        if let Some(market) = self.exchange.markets.get_mut(index) {
            market.product.filters.quantity_min = size;
        }
        Ok(())
    }

    fn order_details(&self, client_order_id: &str) -> Option<SeenOrder> {
        let order = self.exchange.orders.get(self.exchange.latest(client_order_id)?)?;
        let symbol = self.exchange.symbol(order.asked.symbol)?;
        let asked = &order.asked;
        let price = |ticks: i64| (ticks > 0).then(|| symbol.price(ticks));
        Some(SeenOrder {
            order_id: order.id,
            kind: asked.kind.as_str(),
            time_in_force: asked.tif.as_str(),
            status: order.now.status.as_str(),
            price: price(asked.ticks),
            quantity: symbol.size(asked.lots),
            quote_quantity: asked.quote,
            stop_price: price(asked.stop),
            trailing_delta: (asked.trailing > 0).then_some(asked.trailing),
            shown: (asked.iceberg > 0).then(|| symbol.size(asked.iceberg)),
            self_trade: asked.stp.as_str(),
            executed: symbol.size(order.now.lots),
        })
    }

    /// Limit and quantity.
    pub(crate) fn order_terms(&self, client_order_id: &str) -> Option<(Decimal, Decimal)> {
        let order = self.exchange.orders.get(self.exchange.latest(client_order_id)?)?;
        let symbol = self.exchange.symbol(order.asked.symbol)?;
        Some((symbol.price(order.asked.ticks), symbol.size(order.asked.lots)))
    }

    pub(crate) fn order_state(&self, client_order_id: &str) -> Option<(u64, &'static str, Decimal)> {
        let order = self.exchange.orders.get(self.exchange.latest(client_order_id)?)?;
        let symbol = self.exchange.symbol(order.asked.symbol)?;
        Some((order.id, order.now.status.as_str(), symbol.size(order.now.lots)))
    }
}
