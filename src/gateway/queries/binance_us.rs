//! Everything Binance.US answers to cold questions: its catalog, its clock, the account and its orders. Blocking, off the
//! hot path, within the share of the request weight set aside for it.

use super::{Balance, ColdClient, REQUEST_BYTES};
use crate::codec::http1::{Excerpt, Method};
use crate::dialer::OwnedResponse;
use crate::gateway::error::{ExchangeError, GatewayError};
use crate::gateway::USER_AGENT;
use crate::guard::RateLimit;
use crate::order::{FillFact, OrderFact};
use crate::record::{
    ClientOrderId, Fixed, Instrument, Listing, PreparedOrder, RejectClass, Side, TimeInForce, UnixNanos, Venue,
    VenueOrderId,
};
use crate::venue::binance_us::auth::Credentials;
use crate::venue::binance_us::cold::{self, Account, Caller, Scratch};
use crate::venue::binance_us::composite;
use crate::venue::binance_us::request::{
    Call, CancelId, CancelOrder, NewOrder, OrderId, OrderKind, Quantity, ResponseDetail, Security,
};
use crate::venue::binance_us::{limits, listings, Catalog, Market, TimeSync, VenueMs};
use crate::venue::{ListedOrder, PlaceIntent};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Binance.US's own questions; cheap to clone. Every call blocks its thread until the answer or the timeout.
#[derive(Clone)]
pub struct BinanceUsQueries {
    shared: Arc<Shared>,
}

struct Shared {
    client: ColdClient,
    key: Option<Arc<Credentials>>,
    clock: Mutex<TimeSync>,
    /// What the venue said last of its limits and of single symbols, until the engine is told.
    news: Mutex<News>,
}

/// What catalogs say that is for the engine.
#[derive(Default)]
struct News {
    limits: Option<Vec<RateLimit>>,
    /// At most one of each symbol.
    markets: Vec<Market>,
}

impl std::fmt::Debug for BinanceUsQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinanceUsQueries").field("client", &self.shared.client).finish_non_exhaustive()
    }
}

type Answer<T> = Result<T, ExchangeError>;

impl BinanceUsQueries {
    pub(in crate::gateway) fn new(client: ColdClient, key: Option<Arc<Credentials>>) -> BinanceUsQueries {
        BinanceUsQueries { shared: Arc::new(Shared { client, key, clock: Mutex::default(), news: Mutex::default() }) }
    }

    /// The venue's catalog: its symbols with their filters, and its rate limits. Of one symbol, or of all.
    ///
    /// # Errors
    /// [`ExchangeError`], of which `Rejected` with [`RejectClass::UnknownInstrument`] means that it is not listed.
    pub fn catalog(&self, symbol: Option<&str>) -> Answer<Catalog> {
        let operation = "exchange info";
        let reply = self.ask(operation, &Call::ExchangeInfo { symbol })?;
        let catalog = listings(&reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))?;
        self.news().limits = Some(catalog.limits.clone());
        Ok(catalog)
    }

    /// What the venue stated of its limits since this was asked last.
    pub(in crate::gateway) fn take_limits(&self) -> Option<Vec<RateLimit>> {
        self.news().limits.take()
    }

    /// What the venue stated of a symbol since this was asked last.
    pub(in crate::gateway) fn take_market(&self, symbol: &str) -> Option<Market> {
        let markets = &mut self.news().markets;
        let at = markets.iter().position(|market| &*market.listing.symbol == symbol)?;
        Some(markets.swap_remove(at))
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.shared.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listing(&self, symbol: &str) -> Result<Listing, GatewayError> {
        let unknown = || GatewayError::UnknownInstrument { venue: Venue::BinanceUs, symbol: symbol.to_owned() };
        // Symbols are upper case and have no separator (Binance.US reference 1); another case would be another name of
        // the same thing here.
        if symbol.is_empty() || !symbol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return Err(unknown());
        }
        match self.catalog(Some(symbol)) {
            Ok(catalog) => {
                let mut markets = catalog.markets.into_iter();
                let market = markets.find(|market| &*market.listing.symbol == symbol).ok_or_else(unknown)?;
                let listing = market.listing.clone();
                let known = &mut self.news().markets;
                known.retain(|market| market.listing.symbol != listing.symbol);
                known.push(market);
                Ok(listing)
            }
            Err(ExchangeError::Rejected { class: RejectClass::UnknownInstrument, .. }) => Err(unknown()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn listings(&self) -> Answer<Vec<Listing>> {
        let catalog = self.catalog(None)?;
        if catalog.unreadable > 0 {
            tracing::warn!(venue = %Venue::BinanceUs, symbols = catalog.unreadable, "symbols that cannot be read");
        }
        Ok(catalog.markets.into_iter().map(|market| market.listing).collect())
    }

    /// Every balance of the account.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn balances(&self) -> Answer<Vec<Balance>> {
        let operation = "balances";
        let mut reply = self.ask(operation, &Call::Account)?;
        let rows = cold::balances(&mut reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))?;
        Ok(rows
            .into_iter()
            .map(|row| Balance { asset: row.asset.as_str().to_owned(), available: row.available, hold: row.hold })
            .collect())
    }

    /// How one order stands; `None` if the venue knows no such order. In the first seconds after it was sent that is no
    /// evidence (Binance.US reference 9.7).
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order(&self, instrument: &Instrument, id: &VenueOrderId) -> Answer<Option<OrderFact>> {
        let operation = "order status";
        let call = Call::Order { symbol: instrument.symbol(), id: OrderId::Venue(id.as_str()) };
        match self.ask(operation, &call) {
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(mut reply) => {
                let order = cold::order(&mut reply.body, instrument);
                order.map(Some).map_err(|error| self.shared.client.unreadable(operation, &error))
            }
        }
    }

    /// What the account may do, what it pays and what it holds.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn account(&self) -> Answer<Account> {
        let operation = "account";
        let mut reply = self.ask(operation, &Call::Account)?;
        cold::account(&mut reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))
    }

    /// Every open order of the account in an instrument, whoever placed it.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn open_orders(&self, instrument: &Instrument) -> Answer<Vec<OrderFact>> {
        self.orders_of("open orders", instrument, &Call::OpenOrders { symbol: Some(instrument.symbol()) })
    }

    /// Orders of the account in an instrument whatever became of them, oldest first: from an order id on, or created
    /// since a moment (`NONE`: the most recent). At most 1,000; ask again from behind the last.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn all_orders(
        &self,
        instrument: &Instrument,
        from_order_id: Option<u64>,
        since: UnixNanos,
    ) -> Answer<Vec<OrderFact>> {
        let symbol = instrument.symbol();
        let since = if from_order_id.is_some() { UnixNanos::NONE } else { since };
        let call = Call::AllOrders { symbol, from_order_id, since, limit: ROWS_MAX };
        self.orders_of("all orders", instrument, &call)
    }

    /// Executions of the account in an instrument, oldest first: from a trade id on, or since a moment (`NONE`: the most
    /// recent). At most 1,000; ask again from behind the last.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn my_trades(&self, instrument: &Instrument, from_id: Option<u64>, since: UnixNanos) -> Answer<Vec<FillFact>> {
        let operation = "my trades";
        let since = if from_id.is_some() { UnixNanos::NONE } else { since };
        let symbol = instrument.symbol();
        let call = Call::MyTrades { symbol, order_id: None, from_id, since, limit: ROWS_MAX };
        let mut reply = self.ask(operation, &call)?;
        cold::trades(&mut reply.body, instrument).map_err(|error| self.shared.client.unreadable(operation, &error))
    }

    /// Has the venue check an order as if it were placed, by `order/test`: signature, permission, filters. Nothing reaches
    /// the matching engine.
    ///
    /// # Errors
    /// [`ExchangeError`], of which `Rejected` says why the order would be refused, and `InvalidArgument` that the venue has
    /// no form for it, or none to check it by (a pair).
    pub fn test_order(&self, instrument: &Instrument, order: &PreparedOrder) -> Answer<()> {
        let operation = "test order";
        let invalid = |why: String| ExchangeError::InvalidArgument { argument: "order", why };
        let id = ClientOrderId::truncated(TEST_ID);
        let intent = PlaceIntent::of(instrument, &id, order.command(), Some(order));
        let order = composite::single(&intent).map_err(|error| invalid(error.to_string()))?;
        self.ask(operation, &Call::Test(&order)).map(drop)
    }

    /// Cancels every open order of the account in an instrument, whoever placed it; says how each was left. None open is
    /// no error.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn cancel_all(&self, instrument: &Instrument) -> Answer<Vec<OrderFact>> {
        let operation = "cancel all";
        match self.ask(operation, &Call::CancelAll { symbol: instrument.symbol() }) {
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(mut reply) => {
                let left = cold::cancelled(&mut reply.body, instrument);
                left.map_err(|error| self.shared.client.unreadable(operation, &error))
            }
        }
    }

    fn orders_of(&self, operation: &'static str, instrument: &Instrument, call: &Call<'_>) -> Answer<Vec<OrderFact>> {
        let mut reply = self.ask(operation, call)?;
        cold::orders(&mut reply.body, instrument).map_err(|error| self.shared.client.unreadable(operation, &error))
    }

    /// Before anything else is started: whether the venue's clock can be known, and whether key and account may trade.
    /// What cannot be asked now (the venue is down) is left to the venue's own refusals, with a warning in the log.
    ///
    /// # Errors
    /// [`GatewayError::ClockSkew`], [`GatewayError::KeyRefused`], [`GatewayError::KeyPermission`].
    pub(in crate::gateway) fn check_start(&self) -> Result<(), GatewayError> {
        let venue = Venue::BinanceUs;
        match self.server_time() {
            Ok(_) => self.check_clock()?,
            Err(error) => tracing::warn!(%venue, %error, "the venue's clock could not be asked at start"),
        }
        let refused = |code: String| GatewayError::KeyRefused { venue, status: KEY_REFUSED_STATUS, excerpt: code };
        match self.account() {
            Ok(Account { can_trade: true, .. }) => {}
            Ok(_) => return Err(GatewayError::KeyPermission { venue, missing: "trade" }),
            Err(ExchangeError::Rejected { class: RejectClass::Unauthorized, code, .. }) => return Err(refused(code)),
            Err(error) => {
                tracing::warn!(%venue, %error, "the key could not be checked at start");
                return Ok(());
            }
        }
        // What the key may do is said nowhere; an order that is only checked finds out. Its terms do not matter.
        let one = Fixed::new(1, 0);
        let order = NewOrder {
            symbol: START_SYMBOL,
            side: Side::Buy,
            kind: OrderKind::Limit,
            time_in_force: Some(TimeInForce::GoodTilCancelled),
            quantity: Quantity::Base(one),
            price: Some(one),
            stop_price: None,
            trailing_delta: None,
            iceberg: None,
            client_order_id: TEST_ID,
            self_trade: None,
            detail: ResponseDetail::Ack,
        };
        match self.ask("test order", &Call::Test(&order)) {
            Err(ExchangeError::Rejected { class: RejectClass::Unauthorized, .. }) => {
                Err(GatewayError::KeyPermission { venue, missing: "trade" })
            }
            // Any other refusal is about the order.
            _ => Ok(()),
        }
    }

    /// Requests are stamped with the venue's own time, so that our clock may be off a little.
    fn check_clock(&self) -> Result<(), GatewayError> {
        let now = self.shared.client.clock.now();
        let Some(offset) = self.time_sync(|clock| clock.offset(now)) else { return Ok(()) };
        let off_ms = offset.ns.unsigned_abs() / 1_000_000;
        if off_ms > limits::CLOCK_SKEW_MS_MAX {
            let (offset_ms, max_ms) = (offset.ns / 1_000_000, limits::CLOCK_SKEW_MS_MAX);
            return Err(GatewayError::ClockSkew { venue: Venue::BinanceUs, offset_ms, max_ms });
        }
        Ok(())
    }

    /// Who every open order is, whoever placed it.
    pub(in crate::gateway) fn listed_orders(&self) -> Answer<Vec<ListedOrder>> {
        let operation = "list open orders";
        let mut reply = self.ask(operation, &Call::OpenOrders { symbol: None })?;
        cold::listed_orders(&mut reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))
    }

    /// Cancels one order; one that is over already counts as cancelled.
    pub(in crate::gateway) fn cancel_listed(&self, order: &ListedOrder) -> Answer<()> {
        let id = OrderId::Venue(order.id.as_str());
        let client = ClientOrderId::new(&order.client_order_id).unwrap_or(ClientOrderId::EMPTY);
        let cancel_id = CancelId::of(&client);
        let cancel = CancelOrder { symbol: &order.symbol, id, cancel_id: cancel_id.text(), restriction: None };
        match self.ask("cancel", &Call::Cancel(&cancel)) {
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(()),
            reply => reply.map(drop),
        }
    }

    /// The venue's clock.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn server_time(&self) -> Answer<UnixNanos> {
        let operation = "server time";
        let sent = self.shared.client.clock.now();
        let mut reply = self.send(operation, &Call::Time, VenueMs(0))?;
        let server =
            cold::server_time(&mut reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))?;
        self.time_sync(|clock| clock.sample(sent, self.shared.client.clock.now(), server));
        Ok(UnixNanos::NONE.plus_ms(server.0))
    }

    /// One question and its reply of status 200, stamped with the venue's time where it is signed.
    fn ask(&self, operation: &'static str, call: &Call<'_>) -> Answer<OwnedResponse> {
        if call.security() != Security::Signed {
            return self.send(operation, call, VenueMs(0));
        }
        if self.shared.key.is_none() {
            return Err(ExchangeError::NoCredentials(Venue::BinanceUs, operation));
        }
        match self.send(operation, call, self.stamp()?) {
            Err(ExchangeError::Rejected { code, .. }) if code.starts_with(CLOCK_REFUSED) => {
                // What we knew of the venue's clock is wrong: ask, and once more.
                self.time_sync(TimeSync::refused);
                self.send(operation, call, self.stamp()?)
            }
            reply => reply,
        }
    }

    fn stamp(&self) -> Answer<VenueMs> {
        let now = self.shared.client.clock.now();
        if self.time_sync(|clock| clock.due_at(now)) <= now {
            self.server_time()?;
        }
        let now = self.shared.client.clock.now();
        self.time_sync(|clock| clock.stamp(now))
            .map_err(|error| ExchangeError::NotConnected { venue: Venue::BinanceUs, why: error.to_string() })
    }

    fn time_sync<T>(&self, act: impl FnOnce(&mut TimeSync) -> T) -> T {
        act(&mut self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// None of these calls changes anything at the venue, or it may be repeated (a cancel).
    fn send(&self, operation: &'static str, call: &Call<'_>, stamp: VenueMs) -> Answer<OwnedResponse> {
        let Shared { client, key, .. } = &*self.shared;
        let venue = Venue::BinanceUs;
        let caller = Caller {
            host: &client.authority,
            user_agent: USER_AGENT,
            credentials: key.as_deref(),
            recv_window_ms: limits::RECV_WINDOW_MS,
        };
        // In one piece from the start: a buffer that grows leaves copies behind.
        let mut request = zeroize::Zeroizing::new(Vec::with_capacity(REQUEST_BYTES));
        let method: Method = caller
            .put(call, stamp, &mut Scratch::default(), |write| write(&mut request))
            .map_err(|error| ExchangeError::InvalidArgument { argument: operation, why: error.to_string() })?;
        let build = Box::new(move |out: &mut Vec<u8>| -> Result<(), Box<str>> {
            out.extend_from_slice(&request);
            Ok(())
        });
        let mut reply = client.run(operation, method, call.weight(), build, false)?;
        if reply.status == 200 {
            return Ok(reply);
        }
        let excerpt = Excerpt::of(&reply.body).as_str().to_owned();
        let cold::ErrorReply { refusal, wait } = cold::error(reply.status, retry_after_s(&reply), &mut reply.body);
        if let Some(wait) = wait {
            let now = client.clock.now();
            let offset_ns = self.time_sync(|clock| clock.offset(now)).map_or(0, |offset| offset.ns);
            client.block_until(wait.end(now, offset_ns));
        }
        Err(match refusal {
            Some((class, code)) => ExchangeError::Rejected { venue, operation, class, code },
            None => ExchangeError::Http { venue, operation, status: reply.status, excerpt },
        })
    }
}

/// Rows of one listing: as many as the venue gives (Binance.US reference 3).
const ROWS_MAX: u32 = 1_000;
/// Our id of an order that is only checked.
const TEST_ID: &str = "test";
/// Traded since the venue began.
const START_SYMBOL: &str = "BTCUSD";
/// What a refused key comes with (Binance.US reference 4).
const KEY_REFUSED_STATUS: u16 = 401;
/// How the venue's words begin when it refuses a stamp (Binance.US reference 4).
const CLOCK_REFUSED: &str = "-1021 ";

fn retry_after_s(reply: &OwnedResponse) -> Option<u64> {
    let value = std::str::from_utf8(reply.header("retry-after")?).ok()?;
    value.trim().parse().ok()
}
