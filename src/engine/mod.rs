//! Ties venues, books, orders and guards together: bytes, commands and time in; records, bytes and the next deadline out.
//!
//! **The contract.** Whoever runs the engine calls [`Engine::apply`] with one [`Input`] at a time, in the order things
//! happened, and lends it an [`Outputs`]. Everything that follows from the input has been put there when the call
//! returns. [`Progress::consumed`] says how much of the bytes it is done with; [`Progress::more`] that its work budget is
//! spent with complete input left: serve other sockets and the order rings, then call again. With no input, call it with
//! [`Input::Time`] once [`Engine::deadline`] has passed.
//!
//! The engine is deterministic: it has no clock, no socket, no thread and no random source; `now` and entropy are
//! arguments. The same inputs give the same outputs under the reactor, in replay, in simulation and under a fuzzer.

mod audit;
#[cfg(all(test, feature = "sim"))]
mod bench_parts;
#[cfg(all(test, feature = "sim"))]
mod binance_us_bench;
mod binance_us_counts;
mod binance_us_desk;
mod binance_us_listen;
mod binance_us_orders;
mod binance_us_replace;
mod binance_us_rules;
#[cfg(all(test, feature = "sim"))]
mod binance_us_tests;
mod connections;
mod contract;
mod credit;
mod deadlines;
mod delivery;
mod desk;
mod ear;
mod gaps;
mod holdings;
mod http;
mod kill;
#[cfg(all(test, feature = "sim"))]
mod oanda_bench;
mod oanda_desk;
mod oanda_figures;
mod oanda_orders;
mod openings;
mod pairs;
mod paper;
#[cfg(all(test, feature = "sim"))]
mod paper_tests;
mod port;
mod portfolio;
mod prepared;
mod pretrade;
mod protect;
mod publish;
mod purse;
mod reconcile;
mod recover;
mod redundancy;
#[cfg(all(test, feature = "sim"))]
mod redundancy_tests;
mod refresh;
mod relief;
mod restart;
mod route;
mod setup;
mod spread;
#[cfg(all(test, feature = "sim"))]
mod tests;
mod tokens;
mod traded;
mod trading;

pub use contract::{AuditNews, Closed, ConnId, Control, Input, Note, Outputs, Progress, Shutdown, StrategySet};
pub use delivery::EXECUTION_RESERVE_MAX;
pub use kill::KillScope;
pub use port::Carrier;
pub use setup::{
    BinanceUsOrders, BinanceUsSetup, CoinbaseOrders, CoinbaseSetup, EngineConfig, OandaOrders, OandaSetup,
};
pub use tokens::TOKENS_PER_PATH_MAX;
pub use traded::INSTRUMENTS_MAX;

use crate::book::Feed;
use crate::codec::http1::RequestError;
use crate::guard::{Breaker, Governor, Limits};
use crate::order::{Orders, ReconcileRules};
use crate::record::{ConnectionRole, PerVenue, UnixNanos, Venue};
use crate::venue::binance_us;
use crate::venue::coinbase::request::TokenPath;
use crate::venue::coinbase::{MarketSource, OrderSession, StreamConnection};
use crate::venue::SessionProgress;
use binance_us_desk::BinanceUs;
use connections::{Conn, Session};
use deadlines::Deadlines;
use desk::Desk;
use ear::Ear;
use oanda_desk::Oanda;
use portfolio::names_trades;
use publish::Market;
use tokens::TokenPools;
use trading::Trading;

/// What a connection slot is, for whoever dials it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The venue.
    pub venue: Venue,
    /// What it is for.
    pub role: ConnectionRole,
    /// Whose market data it carries; of no meaning in other roles and at other venues than Coinbase.
    pub source: MarketSource,
    /// What it speaks.
    pub carrier: Carrier,
}

/// The pool slot of the token that opens the user channel; the paths of [`TokenPath`] come before it.
pub const TOKEN_SLOT_USER: u8 = TokenPath::ALL.len() as u8;
/// Token pools of one venue.
pub const TOKEN_SLOTS: usize = TokenPath::ALL.len() + 1;

/// The network may delay two requests differently by so much.
const GOVERNOR_MARGIN_MS: u64 = 100;

/// See the module's documentation.
pub struct Engine {
    conns: Vec<Conn>,
    market: Market,
    trading: Trading,
    binance_us: BinanceUs,
    oanda: Oanda,
    /// One slot per connection, then one for orders and one for Binance.US's snapshots.
    deadlines: Deadlines,
    started: bool,
}

impl Engine {
    /// An engine; takes all its memory now. Nothing is dialled before the first input.
    ///
    /// # Errors
    /// A host or user agent that cannot stand in a request.
    pub fn new(config: EngineConfig) -> Result<Engine, RequestError> {
        let mut conns = Vec::new();
        let mut desks = PerVenue::new(|_| Desk::idle(GOVERNOR_MARGIN_MS));
        if let Some(coinbase) = &config.coinbase {
            let feeds = &coinbase.market;
            let market = |feed, source| {
                let session = StreamConnection::market(source, feeds.exchange_key.as_ref(), coinbase.stream);
                let session = Session::CoinbaseStream(Box::new(session));
                Conn::new(Venue::Coinbase, ConnectionRole::Market, session).of_feed(feed, source)
            };
            conns.push(market(Feed::First, feeds.first));
            if let Some(orders) = &coinbase.orders {
                *desks.get_mut(Venue::Coinbase) = Desk {
                    user: Some(ConnId(conns.len() as u16)),
                    tokens: match &orders.legacy {
                        // The user channel's credential is made ahead all the same.
                        Some(_) => TokenPools::new(TOKEN_SLOTS).without_below(TOKEN_SLOT_USER),
                        None => TokenPools::new(TOKEN_SLOTS),
                    },
                    governor: Governor::new(orders.requests_per_second, 1_000, GOVERNOR_MARGIN_MS),
                    breaker: Breaker::new(config.breaker),
                    throttled_until: UnixNanos::NONE,
                    asking: None,
                    warm_every_ms: orders.warm_every_ms,
                };
                let session = Session::CoinbaseStream(Box::new(StreamConnection::user(coinbase.stream)));
                conns.push(Conn::new(Venue::Coinbase, ConnectionRole::User, session));
                let roles = std::iter::repeat_n(ConnectionRole::Orders, orders.order_connections.max(1));
                for role in roles.chain([ConnectionRole::Cancels, ConnectionRole::Queries]) {
                    let session = OrderSession::new(&orders.rest, orders.session.clone())?;
                    let session = match &orders.legacy {
                        Some(key) => session.signed_by(key.clone()),
                        None => session,
                    };
                    let session = Session::CoinbaseOrders(Box::new(session));
                    conns.push(Conn::new(Venue::Coinbase, role, session));
                }
            }
            conns.extend(feeds.second.map(|source| market(Feed::Second, source)));
            for _ in 1..coinbase.stream.market_connections_max {
                conns.push(market(Feed::First, feeds.first).spare());
                conns.extend(feeds.second.map(|source| market(Feed::Second, source).spare()));
            }
        }
        let mut shared = BinanceUs::new(0, binance_us::limits::SNAPSHOT_LEVELS, u64::MAX);
        if let Some(setup) = &config.binance_us {
            let stream = || {
                let session = binance_us::StreamSession::new(setup.stream);
                let session = Session::BinanceUsStream(Box::new(session));
                Conn::new(Venue::BinanceUs, ConnectionRole::Market, session)
            };
            conns.push(stream());
            let rest = |role| -> Result<Conn, RequestError> {
                let key = setup.orders.as_ref().map(|orders| orders.key.clone());
                let session = binance_us::OrderSession::new(&setup.rest, key, setup.session.clone())?;
                Ok(Conn::new(Venue::BinanceUs, role, Session::BinanceUsRest(Box::new(session))))
            };
            conns.push(rest(ConnectionRole::Queries)?);
            if let Some(orders) = &setup.orders {
                let api = |role, user_events| {
                    let config = binance_us::ApiConfig { user_events, ..orders.api };
                    let session = binance_us::ApiSession::new(orders.key.clone(), config);
                    Conn::new(Venue::BinanceUs, role, Session::BinanceUsApi(Box::new(session)))
                };
                *desks.get_mut(Venue::BinanceUs) = Desk::signing(ConnId(conns.len() as u16), config.breaker);
                conns.push(match orders.user_data {
                    binance_us::UserData::Signature => api(ConnectionRole::User, true),
                    binance_us::UserData::ListenKey => {
                        let session = Session::BinanceUsUser(Box::new(binance_us::UserSession::new(setup.stream)));
                        // It is dialled when there is a key.
                        Conn::new(Venue::BinanceUs, ConnectionRole::User, session).dormant()
                    }
                });
                // The first that is free is taken: the fast path comes first, REST is what is left.
                for _ in 0..orders.api_connections {
                    conns.push(api(ConnectionRole::Orders, false));
                }
                for _ in 0..orders.rest_connections.max(1) {
                    conns.push(rest(ConnectionRole::Orders)?);
                }
                conns.push(rest(ConnectionRole::Cancels)?);
            }
            conns.extend((1..setup.market_connections_max).map(|_| stream().spare()));
            relief::pair(&mut conns);
            shared = BinanceUs::new(conns.len(), setup.snapshot_levels, setup.warm_every_ms);
            let by_key = |orders: &&BinanceUsOrders| orders.user_data == binance_us::UserData::ListenKey;
            shared.listen_key = setup.orders.as_ref().filter(by_key).map(|_| Default::default());
        }
        let mut oanda = Oanda::default();
        if let Some(setup) = &config.oanda {
            oanda = Oanda::new(setup, &mut conns, desks.get_mut(Venue::Oanda), config.breaker)?;
        }
        let balances = config.limits.as_ref().is_some_and(Limits::check_balance_anywhere);
        let reconcile = ReconcileRules { balances: balances || config.reconcile.balances, ..config.reconcile };
        let orders = Orders::new(config.ids, config.order_limits, reconcile);
        let trading = Trading::new(orders, desks, config.limits, conns.len());
        let deadlines = Deadlines::new(conns.len() + 2);
        let redundant = config.coinbase.as_ref().is_some_and(|coinbase| coinbase.market.second.is_some());
        let market = Market::new(config.book_blocks_max, redundant);
        Ok(Engine { conns, market, trading, binance_us: shared, oanda, deadlines, started: false })
    }

    /// What each connection is, in the order of [`ConnId`].
    pub fn slots(&self) -> Vec<Slot> {
        self.conns
            .iter()
            .map(|c| Slot { venue: c.venue, role: c.role, source: c.source, carrier: c.session.carrier() })
            .collect()
    }

    /// Handles one input; see the module's documentation.
    pub fn apply(&mut self, now: UnixNanos, input: Input<'_>, out: &mut impl Outputs) -> Progress {
        if !self.started {
            self.started = true;
            self.dial_all(now, out);
        }
        self.arrive_on_paper(now);
        let mut progress = Progress::default();
        match input {
            Input::Bytes { conn, plain } => {
                let done = self.bytes(now, out, conn, plain);
                (progress.consumed, progress.more) = (done.consumed, done.more);
            }
            Input::Command(command) => self.command(now, out, command),
            Input::Written { conn, began, total } => self.written(now, out, conn, began, total),
            Input::Opened { conn } => self.opened(now, out, conn),
            Input::Closed { conn, closed, rest } => self.closed(now, out, conn, &closed, rest),
            Input::Token { venue, slot, token, expires } => {
                if let Err(token) = self.trading.desks.get_mut(venue).tokens.put(slot, token, expires) {
                    out.retire(token);
                }
                self.trading.stirred = true;
            }
            Input::Room { strategy } => self.room(now, out, strategy),
            Input::Control(control) => self.control(now, out, control),
            Input::Time => self.trading.stirred = true,
        }
        self.settle(now, out);
        self.say_calls(now, out);
        progress
    }

    /// When [`Input::Time`] is due next; `None` if nothing is.
    pub fn deadline(&self) -> Option<UnixNanos> {
        self.deadlines.bound()
    }

    /// Strategies that lost something and want [`Input::Room`] once their rings have room.
    pub fn wants_room(&self) -> StrategySet {
        self.market.wants_room().with(self.trading.delivery.starving())
    }

    /// Our orders that are not known to be over.
    pub fn open_orders(&self) -> usize {
        self.trading.orders.open_count()
    }

    fn bytes(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, plain: &mut [u8]) -> SessionProgress {
        self.oanda_streams(id);
        let Engine { conns, market, trading, binance_us, oanda, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return SessionProgress::default() };
        conn.heard = now;
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        match &mut conn.session {
            Session::CoinbaseStream(session) => {
                let result = session.bytes(now, plain, &mut ear);
                ear.market.flush_trades(ear.out);
                let progress =
                    result.as_ref().copied().unwrap_or(SessionProgress { consumed: plain.len(), more: false });
                if conn.role == ConnectionRole::User {
                    trading.stirred = true;
                }
                self.session_result(now, out, id, result.map(|_| ()));
                progress
            }
            Session::BinanceUsStream(session) => {
                let result = session.bytes(now, plain, &mut binance_us.data, &mut ear);
                ear.market.flush_trades(ear.out);
                let progress =
                    result.as_ref().copied().unwrap_or(SessionProgress { consumed: plain.len(), more: false });
                self.session_result(now, out, id, result.map(|_| ()));
                progress
            }
            Session::OandaStream(session) => {
                let result = session.bytes(now, plain, &mut oanda.ledger, &mut ear);
                if conn.role == ConnectionRole::User {
                    trading.stirred = true;
                }
                let progress =
                    result.as_ref().copied().unwrap_or(SessionProgress { consumed: plain.len(), more: false });
                self.session_result(now, out, id, result.map(|_| ()));
                self.oanda_streamed(now, out, id);
                progress
            }
            Session::OandaRest(_) => self.oanda_rest_bytes(now, out, id, plain),
            Session::CoinbaseOrders(_) => self.reply_bytes(now, out, id, plain),
            Session::BinanceUsRest(_) => self.rest_bytes(now, out, id, plain),
            Session::BinanceUsApi(_) => self.api_bytes(now, out, id, plain),
            Session::BinanceUsUser(session) => {
                let result = session.bytes(now, plain, &mut ear);
                // Account events may have made something due.
                trading.stirred = true;
                let progress =
                    result.as_ref().copied().unwrap_or(SessionProgress { consumed: plain.len(), more: false });
                self.session_result(now, out, id, result.map(|_| ()));
                progress
            }
        }
    }

    fn room(&mut self, now: UnixNanos, out: &mut impl Outputs, strategy: crate::record::StrategyId) {
        self.market.room(now, out, strategy);
        let Trading { orders, delivery, portfolio, purse, .. } = &mut self.trading;
        let open = orders.open_of(strategy, 0).filter_map(|(_, _, order)| order.listed(now));
        let holdings = portfolio.all(now, &self.market, orders).chain(purse.all(now, orders));
        if delivery.room(now, out, strategy, orders.open_count_of(strategy), open, holdings) {
            // What an account of margin comes to is with its venue.
            self.trading.figures_stale = true;
            self.trading.stirred = true;
        }
    }

    fn control(&mut self, now: UnixNanos, out: &mut impl Outputs, control: Control) {
        match control {
            Control::Instrument(instrument) => self.know(now, out, *instrument),
            Control::RateLimits(Venue::BinanceUs, limits) => self.binance_us.set_limits(limits),
            // Theirs are no windows.
            Control::RateLimits(Venue::Coinbase | Venue::Oanda, _) => {}
            Control::OandaRules(id, rules) => {
                self.rules_on_paper(id, &rules);
                self.trading.credit.set_rate(id, rules.margin_rate);
                self.oanda.account.set_rules(id, rules);
            }
            Control::Listing(id, listing) => self.refresh(now, out, id, &listing),
            Control::Asset(venue, code, id) => self.trading.orders.name_asset(venue, code, id),
            Control::Market(id, market) => self.know_rules(now, out, id, market),
            Control::AddStrategy(strategy) => {
                self.trading.delivery.add(strategy);
                self.tell_states(now, out, strategy);
                self.tell_paper_states(now, out, strategy);
            }
            Control::RemoveStrategy(strategy) => {
                for id in self.market.remove_strategy(strategy).iter() {
                    self.rewant(now, out, id);
                }
                self.trading.delivery.remove(strategy);
                self.trading.prepared.discard_all(strategy);
            }
            Control::Prepare(strategy, slot, order) => self.trading.prepared.put(strategy, slot, order),
            Control::Discard(strategy, slot) => self.trading.prepared.discard(strategy, slot),
            Control::Subscribe(strategy, id, channels) => {
                self.market.subscribe(strategy, id, channels);
                self.rewant(now, out, id);
            }
            Control::Unsubscribe(strategy, id, channels) => {
                self.market.unsubscribe(strategy, id, channels);
                self.rewant(now, out, id);
            }
            Control::Stop(shutdown) => self.stop(now, shutdown),
            Control::Kill(scope) => self.kill(now, out, scope, "kill switch"),
            Control::DeadMan => self.kill(now, out, KillScope::Ours, "a strategy is not heard from"),
            Control::GivenUp => self.kill(now, out, KillScope::Ours, "the reactor stood still"),
            Control::Release => self.release_kill(now, out),
            Control::Audit(news) => self.tell_audit(now, out, news),
        }
    }

    /// A new instrument, or new metadata: every session that reads numbers of it must know its exponents.
    fn know(&mut self, now: UnixNanos, out: &mut impl Outputs, instrument: crate::record::Instrument) {
        let id = instrument.id;
        if !self.market.put(instrument.clone()) {
            return;
        }
        let checks_holdings = self.trading.pretrade.know(&instrument);
        let Trading { purse, portfolio, orders, .. } = &mut self.trading;
        purse.know(&instrument, orders);
        portfolio.know(&instrument);
        let listing = &instrument.listing;
        for (code, asset) in [(&listing.base, instrument.base), (&listing.quote, instrument.quote)] {
            self.trading.orders.name_asset(listing.venue, code, asset);
        }
        self.know_on_paper(id);
        for conn in &mut self.conns {
            if conn.venue != instrument.listing.venue {
                continue;
            }
            match &mut conn.session {
                Session::CoinbaseStream(session) => session.know(&instrument),
                Session::CoinbaseOrders(session) => session.know(&instrument),
                Session::BinanceUsRest(session) => session.know(&instrument),
                Session::BinanceUsApi(session) => session.know(&instrument),
                Session::BinanceUsUser(session) => session.know(&instrument),
                Session::OandaStream(session) => session.know(&instrument),
                Session::OandaRest(session) => session.know(&instrument),
                // They read the numbers all connections share.
                Session::BinanceUsStream(_) => {}
            }
        }
        if instrument.listing.venue == Venue::BinanceUs {
            self.know_shared(now, &instrument);
        }
        if instrument.listing.venue == Venue::Oanda {
            self.oanda.account.want_picture(now);
            self.trading.stirred = true;
        }
        // Where trades are held, the picture of the account tells it: balances there are of no instrument's base. Elsewhere
        // a position that is told begins with the balance, whether or not a limit waits for it.
        let venue = instrument.listing.venue;
        let is_told = !names_trades(venue) && self.trading.desks.get(venue).user.is_some();
        if is_told || (checks_holdings && (!names_trades(venue) || self.market.on_paper(venue))) {
            self.trading.orders.await_position(now, venue, id);
            self.trading.stirred = true;
        }
        self.recall(now, &instrument);
        self.rewant(now, out, id);
    }

    /// What an input left to do: due deadlines, books to renew, cancels and queries to send.
    fn settle(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        while let Some((conn, id)) = self.market.resync.pop() {
            self.resync(now, out, conn, id);
        }
        self.hear_paper(now, out);
        self.tell_positions(now, out);
        let latched = self.trading.delivery.take_newly_latched();
        if !latched.is_empty() {
            self.cancel_all_of(now, latched);
        }
        if std::mem::take(&mut self.trading.stirred) {
            self.pump(now, out);
        }
        // Bounded: a deadline that is set again in the past is served in the next call, not here forever.
        for _ in 0..=self.conns.len() {
            let Some(slot) = self.deadlines.take_due(now) else { break };
            self.due(now, out, slot);
        }
    }

    /// Tells positions that have changed, whatever moved them.
    fn tell_positions(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let portfolio = &self.trading.portfolio;
        if portfolio.has_untold() || portfolio.openings.in_doubt() {
            self.trading.event(now, &self.market, out, |_, _| ());
        }
    }

    fn resync(&mut self, now: UnixNanos, out: &mut impl Outputs, conn_id: ConnId, id: crate::record::InstrumentId) {
        let Some(conn) = self.conns.get_mut(conn_id.index()) else { return };
        match &mut conn.session {
            Session::CoinbaseStream(session) => session.resync(id),
            Session::CoinbaseOrders(_) => {}
            // Over whichever connection the book was told.
            Session::BinanceUsStream(_)
            | Session::BinanceUsRest(_)
            | Session::BinanceUsApi(_)
            | Session::BinanceUsUser(_) => {
                self.renew_book(now, id);
            }
            Session::OandaStream(session) => session.resync(id),
            Session::OandaRest(_) => {}
        }
        self.session_result(now, out, conn_id, Ok(()));
    }

    fn due(&mut self, now: UnixNanos, out: &mut impl Outputs, slot: usize) {
        let id = ConnId(slot as u16);
        if slot == self.snapshot_slot() {
            return self.fetch_snapshot(now, out);
        }
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Some(conn) = conns.get_mut(slot) else {
            self.pump(now, out);
            return;
        };
        if !conn.is_open() {
            return;
        }
        match &mut conn.session {
            Session::CoinbaseStream(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                let result = session.time(now, &mut ear).map(|_| ());
                self.session_result(now, out, id, result);
            }
            Session::BinanceUsStream(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                let result = session.time(now, &mut binance_us.data, &mut ear).map(|_| ());
                self.session_result(now, out, id, result);
            }
            Session::OandaStream(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                let result = session.time(now, &mut ear).map(|_| ());
                self.session_result(now, out, id, result);
                self.oanda_streamed(now, out, id);
            }
            Session::OandaRest(_) | Session::CoinbaseOrders(_) => self.http_due(now, out, id),
            Session::BinanceUsRest(_) => self.rest_due(now, out, id),
            Session::BinanceUsApi(_) => self.api_due(now, out, id),
            Session::BinanceUsUser(session) => {
                let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
                let result = session.time(now, &mut ear).map(|_| ());
                self.session_result(now, out, id, result);
            }
        }
    }
}
