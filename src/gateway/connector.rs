//! The blocking facade for scripts and tests: typed requests in, results out, over the same rings as everything else.

use super::builder::GatewayBuilder;
use super::checks::{self, deadline_after};
use super::error::{ExchangeError, GatewayError};
use super::queries::Balance;
use super::running::Gateway;
use super::strategy::Strategy;
use crate::engine::Shutdown;
use crate::order;
use crate::record::{
    ClientOrderId, ConnectionRole, ConnectionState, ExecutionKind, ExecutionRecord, Fixed, Fixed128, Instrument,
    MarketRecord, OrderCommand, OrderRef, RejectClass, RequestId, Side, TimeInForce, UnixNanos, Venue, VenueOrderId,
    View, EXECUTION_FLAG_RECONCILED,
};
use crate::venue::Channels;
use rust_decimal::Decimal;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a wait sleeps at most before it looks at the clock again.
const WAIT_SLICE: Duration = Duration::from_millis(50);
/// Orders whose records are kept for their status; the oldest closed one is forgotten first.
const ORDERS_KEPT: usize = 4_096;
/// A refusal because nothing is free is retried after this pause, until the timeout.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// A new order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The venue's name of the instrument, such as `BTC-USD`.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// What kind of order, at which price.
    pub kind: OrderKind,
}

/// What kind of order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderKind {
    /// At the price or better.
    Limit {
        /// Limit price, quote currency; positive, on the tick.
        price: Decimal,
        /// Quantity, base currency; positive, on the lot.
        quantity: Decimal,
        /// How long it lives.
        time_in_force: TimeInForce,
        /// Refused rather than taking liquidity.
        post_only: bool,
    },
    /// At the market.
    Market {
        /// Quantity, base currency; positive, on the lot.
        quantity: Decimal,
    },
    /// At the market, sized by what it may cost or bring.
    MarketByValue {
        /// Quantity, quote currency; positive.
        value: Decimal,
    },
}

/// Names one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderHandle {
    /// The venue's name of the instrument.
    pub symbol: String,
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The venue's id.
    pub venue_order_id: VenueOrderId,
}

/// The venue has the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAck {
    /// Names it in later calls.
    pub order: OrderHandle,
    /// Its outcome was unknown at first and settled by a query.
    pub reconciled: bool,
}

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrderStatus {
    /// Taken, not yet working.
    Pending,
    /// Working.
    Open,
    /// Wholly filled.
    Filled,
    /// Cancelled, perhaps after partial fills.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// Never lived.
    Rejected,
    /// The venue uses a word we do not know.
    Unrecognised,
}

impl OrderStatus {
    /// Whether nothing can happen to the order any more.
    pub const fn is_final(self) -> bool {
        matches!(self, OrderStatus::Filled | OrderStatus::Cancelled | OrderStatus::Expired | OrderStatus::Rejected)
    }
}

/// What the venue says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// The order.
    pub order: OrderHandle,
    /// How it stands.
    pub status: OrderStatus,
    /// Quantity executed so far, base currency.
    pub filled_quantity: Fixed,
    /// Value executed so far, quote currency, if the venue says it.
    pub filled_value: Option<Fixed128>,
    /// Fees so far, quote currency, if the venue says them.
    pub fees: Option<Fixed128>,
}

/// A blocking connection to one venue. Object-safe: `Box<dyn ExchangeConnector>` works. Every call returns within its
/// configured timeout.
pub trait ExchangeConnector {
    /// Connects, and waits until the venue can be used; connecting twice does nothing.
    ///
    /// # Errors
    /// [`ExchangeError::Timeout`] or [`ExchangeError::NotConnected`] with the reason.
    fn connect(&mut self) -> Result<(), ExchangeError>;

    /// Places an order and waits for the venue's answer.
    ///
    /// # Errors
    /// [`ExchangeError::Rejected`] if it never lived; an error with
    /// [`is_ambiguous`](ExchangeError::is_ambiguous) if it may live: query before acting again, never resend.
    fn place_order(&mut self, request: &OrderRequest) -> Result<OrderAck, ExchangeError>;

    /// Cancels an order, waits until it is over and says how it ended: it may have been filled first. Cancelling may be
    /// repeated.
    ///
    /// # Errors
    /// [`ExchangeError::Rejected`] if there is no such order.
    fn cancel_order(&mut self, order: &OrderHandle) -> Result<OrderStatus, ExchangeError>;

    /// Asks the venue how an order stands.
    ///
    /// # Errors
    /// [`ExchangeError::Rejected`] with [`RejectClass::UnknownOrder`] if the venue lists no such order.
    fn get_order_status(&mut self, order: &OrderHandle) -> Result<OrderReport, ExchangeError>;

    /// Every balance of the account.
    ///
    /// # Errors
    /// [`ExchangeError`].
    fn get_account_balances(&mut self) -> Result<Vec<Balance>, ExchangeError>;

    /// Streams market data of instruments.
    ///
    /// # Errors
    /// [`ExchangeError::InvalidArgument`] if the venue does not list one of them.
    fn start_market_stream(&mut self, symbols: &[&str], channels: Channels) -> Result<MarketFeed, ExchangeError>;
}

/// Times of a [`Connector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// For connecting, ms.
    pub connect_timeout_ms: u64,
    /// For placing, cancelling and settling an unknown outcome, ms.
    pub order_timeout_ms: u64,
}

impl Default for ConnectorConfig {
    fn default() -> Self {
        ConnectorConfig { connect_timeout_ms: 15_000, order_timeout_ms: 30_000 }
    }
}

/// Market data of some instruments, with a thread's own handles.
#[derive(Debug)]
pub struct MarketFeed {
    strategy: Strategy,
    /// The instruments, in the order asked for.
    pub instruments: Vec<Arc<Instrument>>,
}

impl MarketFeed {
    /// The next record; `None` if none came within `timeout`, or the gateway has ended. [`Duration::MAX`] waits for ever.
    pub fn next(&mut self, timeout: Duration) -> Option<MarketRecord> {
        // None: further off than a time can be.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if let Some(record) = self.strategy.market.pop() {
                return Some(record);
            }
            let left = deadline.map_or(WAIT_SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() || self.strategy.is_gateway_gone() {
                return None;
            }
            self.strategy.wait(left.min(WAIT_SLICE));
        }
    }
}

/// The blocking facade over one venue of a gateway of its own.
#[derive(Debug)]
pub struct Connector {
    venue: Venue,
    config: ConnectorConfig,
    builder: GatewayBuilder,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    gateway: Gateway,
    strategy: Strategy,
    /// Records of orders, kept until somebody asks for them.
    seen: VecDeque<ExecutionRecord>,
    trading: bool,
}

impl Connector {
    /// A connector over the gateway `builder` describes; nothing happens before [`ExchangeConnector::connect`].
    pub fn new(venue: Venue, builder: GatewayBuilder, config: ConnectorConfig) -> Connector {
        Connector { venue, config, builder, running: None }
    }

    /// The gateway underneath, once connected.
    pub fn gateway(&self) -> Option<&Gateway> {
        self.running.as_ref().map(|r| &r.gateway)
    }

    /// Ends the gateway.
    ///
    /// # Errors
    /// As [`Gateway::shutdown`].
    pub fn shutdown(mut self, shutdown: Shutdown) -> Result<(), GatewayError> {
        match self.running.take() {
            Some(running) => running.gateway.shutdown(shutdown, self.config.order_timeout_ms),
            None => Ok(()),
        }
    }

    fn running(&mut self, operation: &'static str) -> Result<&mut Running, ExchangeError> {
        let venue = self.venue;
        let why = format!("{operation} before `connect`");
        self.running.as_mut().ok_or(ExchangeError::NotConnected { venue, why })
    }

    fn trading(&mut self, operation: &'static str) -> Result<&mut Running, ExchangeError> {
        let venue = self.venue;
        let running = self.running(operation)?;
        if running.trading {
            Ok(running)
        } else {
            Err(ExchangeError::NoCredentials(venue, operation))
        }
    }
}

impl ExchangeConnector for Connector {
    fn connect(&mut self) -> Result<(), ExchangeError> {
        if self.running.is_some() {
            return Ok(());
        }
        let venue = self.venue;
        let ConnectorConfig { connect_timeout_ms, order_timeout_ms } = self.config;
        checks::timeouts(&[("connect_timeout_ms", connect_timeout_ms), ("order_timeout_ms", order_timeout_ms)])
            .map_err(|error| of_gateway(venue, error))?;
        // A clone, so that a failed attempt can be repeated.
        let trading = self.builder.trades(venue);
        let gateway = self.builder.clone().without_dead_man().start().map_err(|error| of_gateway(venue, error))?;
        let strategy = gateway.strategy().map_err(|error| of_gateway(venue, error))?;
        let mut running = Running { gateway, strategy, seen: VecDeque::new(), trading };
        running.wait_connected(venue, self.config.connect_timeout_ms)?;
        self.running = Some(running);
        Ok(())
    }

    fn place_order(&mut self, request: &OrderRequest) -> Result<OrderAck, ExchangeError> {
        let (venue, timeout_ms) = (self.venue, self.config.order_timeout_ms);
        let running = self.trading("place")?;
        let instrument = running.instrument(venue, &request.symbol)?;
        let command = command(&instrument, request)?;
        let deadline = deadline_after(timeout_ms);
        loop {
            match running.place_once(venue, &instrument, command, deadline, timeout_ms)? {
                Placed::Acknowledged(ack) => return Ok(ack),
                // Nothing left, so the same order may be tried again: it gets a new id.
                Placed::NotSent(_) if Instant::now() + BUSY_PAUSE < deadline => std::thread::sleep(BUSY_PAUSE),
                Placed::NotSent(why) => return Err(why),
            }
        }
    }

    fn cancel_order(&mut self, order: &OrderHandle) -> Result<OrderStatus, ExchangeError> {
        let (venue, timeout_ms) = (self.venue, self.config.order_timeout_ms);
        let running = self.trading("cancel")?;
        let instrument = running.instrument(venue, &order.symbol)?;
        let command = OrderCommand::cancel(instrument.id, OrderRef::Venue(order.venue_order_id));
        let request = running.submit(venue, command)?;
        let deadline = deadline_after(timeout_ms);
        let answer = running.wait_for(deadline, |record| {
            let refused = record.request == request && record.kind == ExecutionKind::CancelRejected;
            refused || (record.venue_order_id == order.venue_order_id && record.kind.is_terminal())
        });
        match answer {
            None => Err(ExchangeError::Timeout { venue, operation: "cancel", timeout_ms, ambiguous: true }),
            Some(record) if record.kind == ExecutionKind::CancelRejected => {
                let refused = Err(rejected(venue, "cancel", &record));
                if record.reject != RejectClass::OrderClosed {
                    return refused;
                }
                // It was over before the cancel came; the record of its end may be long gone or still on its way.
                match self.get_order_status(order) {
                    Ok(report) if report.status.is_final() => Ok(report.status),
                    _ => refused,
                }
            }
            Some(record) => Ok(match record.kind {
                ExecutionKind::Filled => OrderStatus::Filled,
                ExecutionKind::Expired => OrderStatus::Expired,
                ExecutionKind::Rejected => OrderStatus::Rejected,
                _ => OrderStatus::Cancelled,
            }),
        }
    }

    fn get_order_status(&mut self, order: &OrderHandle) -> Result<OrderReport, ExchangeError> {
        let venue = self.venue;
        let running = self.trading("order status")?;
        let instrument = running.instrument(venue, &order.symbol)?;
        let of_gateway = |error| of_gateway(venue, error);
        let fact = match running.gateway.is_paper(venue) {
            true => running.gateway.paper_order(venue, &order.venue_order_id).map_err(of_gateway)?,
            false => {
                let queries = running.gateway.queries(venue).map_err(of_gateway)?;
                queries.order(&instrument, &order.venue_order_id)?
            }
        };
        let fact = fact.ok_or_else(|| ExchangeError::Rejected {
            venue,
            operation: "order status",
            class: RejectClass::UnknownOrder,
            code: order.venue_order_id.to_string(),
        })?;
        Ok(OrderReport {
            order: OrderHandle { client_order_id: fact.client_order_id, ..order.clone() },
            status: match fact.status {
                order::OrderStatus::Pending => OrderStatus::Pending,
                order::OrderStatus::Open | order::OrderStatus::CancelQueued | order::OrderStatus::EditQueued => {
                    OrderStatus::Open
                }
                order::OrderStatus::Filled => OrderStatus::Filled,
                order::OrderStatus::Cancelled => OrderStatus::Cancelled,
                order::OrderStatus::Expired => OrderStatus::Expired,
                order::OrderStatus::Failed => OrderStatus::Rejected,
                order::OrderStatus::Unrecognised => OrderStatus::Unrecognised,
            },
            filled_quantity: Fixed::new(fact.cumulative_quantity, instrument.size_exponent),
            filled_value: fact.cumulative_value,
            fees: fact.cumulative_fees,
        })
    }

    fn get_account_balances(&mut self) -> Result<Vec<Balance>, ExchangeError> {
        let venue = self.venue;
        let gateway = &self.trading("balances")?.gateway;
        let of_gateway = |error| of_gateway(venue, error);
        match gateway.is_paper(venue) {
            true => gateway.paper_balances(venue).map_err(of_gateway),
            false => gateway.queries(venue).map_err(of_gateway)?.balances(),
        }
    }

    fn start_market_stream(&mut self, symbols: &[&str], channels: Channels) -> Result<MarketFeed, ExchangeError> {
        let venue = self.venue;
        if symbols.is_empty() || channels.is_empty() {
            let argument = if symbols.is_empty() { "symbols" } else { "channels" };
            return Err(ExchangeError::InvalidArgument { argument, why: "nothing to stream".to_owned() });
        }
        let running = self.running("stream")?;
        let strategy = running.gateway.strategy().map_err(|error| of_gateway(venue, error))?;
        let subscribe = |symbol: &&str| {
            let instrument = running.gateway.subscribe(strategy.id(), venue, symbol, channels);
            instrument.map_err(|error| of_gateway(venue, error))
        };
        let instruments = symbols.iter().map(subscribe).collect::<Result<_, _>>()?;
        Ok(MarketFeed { strategy, instruments })
    }
}

/// What came of one attempt to place an order.
enum Placed {
    /// The venue has it.
    Acknowledged(OrderAck),
    /// Nothing was free, or the rate limit did not let it go: nothing left.
    NotSent(ExchangeError),
}

impl Running {
    /// Waits until market data flows, and with credentials until orders may be sent.
    fn wait_connected(&mut self, venue: Venue, timeout_ms: u64) -> Result<(), ExchangeError> {
        let deadline = deadline_after(timeout_ms);
        // Prices of OANDA have no connection before something is subscribed.
        let (mut market, mut user, mut orders) = (venue == Venue::Oanda, !self.trading, !self.trading);
        loop {
            while let Some(record) = self.strategy.market.pop() {
                let View::State(state) = record.view() else { continue };
                let open = state.open > 0;
                match state.role {
                    _ if state.venue != venue => {}
                    ConnectionRole::Queries | ConnectionRole::Cancels => {}
                    ConnectionRole::Market => market = open,
                    ConnectionRole::User => user = state.state == ConnectionState::Healthy,
                    ConnectionRole::Orders => orders = open,
                }
            }
            if market && user && orders {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let waiting: Vec<&str> = [(market, "market data"), (user, "user events"), (orders, "order entry")]
                    .into_iter()
                    .filter_map(|(up, name)| (!up).then_some(name))
                    .collect();
                let why = format!("no {} after {timeout_ms} ms", waiting.join(", no "));
                return Err(ExchangeError::NotConnected { venue, why });
            }
            self.strategy.wait(WAIT_SLICE);
        }
    }

    fn instrument(&self, venue: Venue, symbol: &str) -> Result<Arc<Instrument>, ExchangeError> {
        let known = self.gateway.subscribe(self.strategy.id(), venue, symbol, Channels::NONE);
        known.map_err(|error| of_gateway(venue, error))
    }

    fn submit(&mut self, venue: Venue, command: OrderCommand) -> Result<RequestId, ExchangeError> {
        self.strategy.orders.submit(command).map_err(|error| match error {
            crate::ring::SubmitError::Dead => ExchangeError::Stopped,
            crate::ring::SubmitError::RingFull { .. } => ExchangeError::Rejected {
                venue,
                operation: "submit",
                class: RejectClass::Busy,
                code: error.to_string(),
            },
            other => ExchangeError::InvalidArgument { argument: "order", why: other.to_string() },
        })
    }

    fn place_once(
        &mut self,
        venue: Venue,
        instrument: &Instrument,
        command: OrderCommand,
        deadline: Instant,
        timeout_ms: u64,
    ) -> Result<Placed, ExchangeError> {
        let request = match self.submit(venue, command) {
            Err(full @ ExchangeError::Rejected { .. }) => return Ok(Placed::NotSent(full)),
            submitted => submitted?,
        };
        let mut unknown = None;
        loop {
            let answer = self.wait_for(deadline, |record| {
                let first = [ExecutionKind::Accepted, ExecutionKind::Rejected, ExecutionKind::Unknown];
                record.request == request && first.contains(&record.kind)
            });
            match answer {
                Some(record) if record.kind == ExecutionKind::Accepted => {
                    let order = OrderHandle {
                        symbol: instrument.symbol().to_owned(),
                        client_order_id: record.client_order_id,
                        venue_order_id: record.venue_order_id,
                    };
                    let reconciled = record.has(EXECUTION_FLAG_RECONCILED);
                    return Ok(Placed::Acknowledged(OrderAck { order, reconciled }));
                }
                Some(record) if record.kind == ExecutionKind::Rejected => {
                    let why = rejected(venue, "place", &record);
                    // The venue's own 429 is its verdict on an order that was sent: to try again is the caller's decision.
                    let here = record.sent == UnixNanos::NONE;
                    let passes = matches!(record.reject, RejectClass::Busy | RejectClass::RateLimited);
                    return if here && passes { Ok(Placed::NotSent(why)) } else { Err(why) };
                }
                Some(record) => unknown = Some(record),
                None => {
                    return Err(match unknown {
                        Some(record) => ExchangeError::OutcomeUnknown {
                            venue,
                            operation: "place",
                            client_order_id: record.client_order_id.to_string(),
                            code: record.venue_code.to_string(),
                        },
                        None => ExchangeError::Timeout { venue, operation: "place", timeout_ms, ambiguous: true },
                    })
                }
            }
        }
    }

    /// The first record, kept or new, that `wanted` accepts; it is taken out. Others are kept.
    fn wait_for(&mut self, deadline: Instant, wanted: impl Fn(&ExecutionRecord) -> bool) -> Option<ExecutionRecord> {
        if let Some(index) = self.seen.iter().position(&wanted) {
            return self.seen.remove(index);
        }
        loop {
            while self.strategy.market.pop().is_some() {}
            while let Some(record) = self.strategy.executions.pop() {
                if wanted(&record) {
                    return Some(record);
                }
                if self.seen.len() == ORDERS_KEPT {
                    self.seen.pop_front();
                }
                self.seen.push_back(record);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.strategy.is_gateway_gone() {
                return None;
            }
            self.strategy.wait(left.min(WAIT_SLICE));
        }
    }
}

fn rejected(venue: Venue, operation: &'static str, record: &ExecutionRecord) -> ExchangeError {
    ExchangeError::Rejected { venue, operation, class: record.reject, code: record.venue_code.to_string() }
}

fn of_gateway(venue: Venue, error: GatewayError) -> ExchangeError {
    match error {
        GatewayError::Query(error) => error,
        GatewayError::UnknownInstrument { .. } => {
            ExchangeError::InvalidArgument { argument: "symbol", why: error.to_string() }
        }
        GatewayError::Setting { setting, why } => ExchangeError::InvalidArgument { argument: setting, why },
        GatewayError::NoLimits(_) => ExchangeError::InvalidArgument { argument: "limits", why: error.to_string() },
        GatewayError::NoVenue => ExchangeError::InvalidArgument { argument: "venue", why: error.to_string() },
        GatewayError::Stopped => ExchangeError::Stopped,
        other => ExchangeError::NotConnected { venue, why: other.to_string() },
    }
}

/// The command of a request; every number exact or refused.
fn command(instrument: &Instrument, request: &OrderRequest) -> Result<OrderCommand, ExchangeError> {
    let exact = |argument: &'static str, value: Decimal, exponent: i8| {
        let invalid = |why: String| ExchangeError::InvalidArgument { argument, why };
        if value <= Decimal::ZERO {
            return Err(invalid(format!("{value} is not positive")));
        }
        let fixed = Fixed128::from_decimal(value).rescale(exponent).map_err(|e| invalid(format!("{value}: {e}")))?;
        i64::try_from(fixed).map_err(|_| invalid(format!("{value} is too large")))
    };
    let Instrument { id, price_exponent, size_exponent, quote_exponent, .. } = *instrument;
    Ok(match request.kind {
        OrderKind::Limit { price, quantity, time_in_force, post_only } => {
            let price = exact("price", price, price_exponent)?;
            let quantity = exact("quantity", quantity, size_exponent)?;
            let order = OrderCommand::limit(id, request.side, price, quantity).time_in_force(time_in_force);
            if post_only {
                order.post_only()
            } else {
                order
            }
        }
        OrderKind::Market { quantity } => {
            OrderCommand::market(id, request.side, exact("quantity", quantity, size_exponent)?)
        }
        OrderKind::MarketByValue { value } => {
            OrderCommand::market_quote(id, request.side, exact("value", value, quote_exponent)?)
        }
    })
}
