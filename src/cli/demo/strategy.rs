//! The demo's strategy: keeps two books, takes an order through its whole life, and lives through a lost connection.

use super::local::{Local, Script};
use super::Told;
use crate::book::{Follower, FollowerState};
use crate::gateway::Strategy;
use crate::record::{
    ExecutionKind, ExecutionRecord, Fixed, Instrument, MarketRecord, OrderCommand, OrderRef, RejectClass, RequestId,
    Side, StrategyId, UnixNanos, Venue, View,
};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Levels a follower can hold; more than the local venue has.
const LEVELS_MAX: usize = 20_000;
/// How long one step of the script may take before the demo gives up on it.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one wait for records may sleep.
const WAIT: Duration = Duration::from_millis(20);
/// Ticks below the best bid where the resting order stands.
const TICKS_BELOW: i64 = 200;

type Failure = Box<dyn Error + Send + Sync>;

/// What the strategy saw and did.
#[derive(Debug, Default, Clone)]
pub(super) struct Outcome {
    /// Where; `None` before there is an actor.
    pub(super) venue: Option<Venue>,
    pub(super) levels: u64,
    pub(super) trades: u64,
    pub(super) quotes: u64,
    pub(super) tickers: u64,
    pub(super) gaps: u64,
    pub(super) recoveries: u64,
    pub(super) orders: Vec<OrderLine>,
    pub(super) disconnect_ms: u64,
    pub(super) books: Vec<BookLine>,
}

/// One order of the script and what became of it.
#[derive(Debug, Clone)]
pub(super) struct OrderLine {
    pub(super) what: &'static str,
    pub(super) events: Vec<String>,
    pub(super) as_expected: bool,
}

/// How a book stood at the end.
#[derive(Debug, Clone)]
pub(super) struct BookLine {
    pub(super) symbol: String,
    pub(super) bids: usize,
    pub(super) asks: usize,
    pub(super) best_bid: String,
    pub(super) best_ask: String,
    pub(super) equals_venue: bool,
}

pub(super) struct Actor<'a> {
    strategy: Strategy,
    instruments: Vec<Arc<Instrument>>,
    books: Vec<Follower>,
    venue: &'a dyn Local,
    told: Told,
    outcome: Outcome,
    executions: Vec<ExecutionRecord>,
    /// When the socket was read of the last record seen: what an order is caused by.
    last_recv: UnixNanos,
}

impl<'a> Actor<'a> {
    pub(super) fn new(
        strategy: Strategy,
        instruments: Vec<Arc<Instrument>>,
        venue: &'a dyn Local,
        told: Told,
    ) -> Actor<'a> {
        let books = instruments.iter().map(|i| Follower::new(i.id, LEVELS_MAX)).collect();
        Actor {
            strategy,
            instruments,
            books,
            venue,
            told,
            outcome: Outcome { venue: Some(venue.venue()), ..Outcome::default() },
            executions: Vec::new(),
            last_recv: UnixNanos::NONE,
        }
    }

    /// Its number.
    pub(super) fn strategy(&self) -> StrategyId {
        self.strategy.id()
    }

    /// The script, then streaming until `until`.
    pub(super) fn run(mut self, until: Instant) -> Result<Outcome, Failure> {
        self.until("both books", |actor| actor.books.iter().all(|b| b.state() == FollowerState::Whole))?;
        self.told.say(&format!("books held: {}", self.best_prices()));
        self.wait_for_trading()?;
        self.resting_order()?;
        self.order_the_venue_rejects()?;
        self.order_refused_here()?;
        self.market_order()?;
        self.disconnect()?;
        let left = until.saturating_duration_since(Instant::now());
        self.told.say(&format!("streaming for {:.1} s more", left.as_secs_f32()));
        while Instant::now() < until {
            self.step();
        }
        self.compare_books()?;
        Ok(self.outcome)
    }

    /// Orders are refused until the user stream is open and open orders were listed: the first that passes proves it.
    fn wait_for_trading(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            let request = self.submit(self.order_far_below()?)?;
            let first = self.first_answer(request)?;
            if first.kind == ExecutionKind::Accepted {
                self.told.say("order entry is open: user stream reconciled, order connections warm");
                self.cancel(request)?;
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("order entry did not open: {first:?}").into());
            }
            self.until_time(Instant::now() + Duration::from_millis(100));
        }
    }

    /// Placed, filled by somebody else's sale, and cancelled if that left something of it.
    fn resting_order(&mut self) -> Result<(), Failure> {
        // The market stands still for a moment, so that nobody but the script trades with the order.
        self.venue.stage().run_market(0)?;
        let Script { unit, resting, taken, post_only, .. } = self.venue.script();
        let command = self.order_far_below()?;
        let price = Fixed::new(command.price(), self.instruments[0].price_exponent);
        let kind = if *post_only { "post-only bid" } else { "bid" };
        self.told.say(&format!("placing a {kind}: {resting} {unit} at {price}"));
        let request = self.submit(command)?;
        let accepted = self.expect(request, ExecutionKind::Accepted)?;
        let id = accepted.client_order_id;
        self.told.say(&format!("  accepted as {id}, venue id {}", accepted.venue_order_id));
        self.venue.fill_bid(id.as_str(), price.to_string().parse()?)?;
        let fill = self.expect(request, ExecutionKind::Fill)?;
        let expected = fill.quantity().to_string() == *taken;
        let filled = format!("{} at {}, fee {}", fill.quantity(), fill.price(), fill.fee());
        if taken == resting {
            self.expect(request, ExecutionKind::Filled)?;
            self.told.say(&format!("  the price came to it, filled: {filled}"));
            self.note_order("bid the price comes to", request, expected);
        } else {
            self.told.say(&format!("  filled in part: {filled}"));
            let end = self.cancel(request)?;
            self.told.say(&format!("  cancelled with {} filled", end.cumulative()));
            let expected = expected && end.cumulative() == fill.quantity();
            self.note_order("post-only bid, part fill, cancel", request, expected);
        }
        self.venue.stage().run_market(super::MARKET_EVENTS_PER_S)?;
        Ok(())
    }

    /// More than the account holds: the venue says no.
    fn order_the_venue_rejects(&mut self) -> Result<(), Failure> {
        let Script { unit, beyond, beyond_rests, .. } = self.venue.script();
        let quantity = self.quantity(beyond)?;
        let rests = self.order_far_below()?;
        let command = if *beyond_rests {
            OrderCommand::limit(rests.instrument(), Side::Buy, rests.price(), quantity)
        } else {
            OrderCommand::market(rests.instrument(), Side::Buy, quantity)
        };
        let request = self.submit(command)?;
        let rejected = self.expect(request, ExecutionKind::Rejected)?;
        self.told.say(&format!(
            "a bid for {beyond} {unit}: rejected by the venue, {:?} ({})",
            rejected.reject, rejected.venue_code
        ));
        self.note_order("bid beyond the balance", request, rejected.reject == RejectClass::InsufficientFunds);
        Ok(())
    }

    /// Off the tick: refused before a byte leaves.
    fn order_refused_here(&mut self) -> Result<(), Failure> {
        let command = self.order_far_below()?;
        let command = OrderCommand::limit(command.instrument(), Side::Buy, command.price() + 1, command.quantity());
        let request = self.submit(command)?;
        let rejected = self.expect(request, ExecutionKind::Rejected)?;
        self.told.say(&format!("a bid off the tick: refused here, {:?} ({})", rejected.reject, rejected.venue_code));
        let local = rejected.reject == RejectClass::InvalidPrice && rejected.sent == UnixNanos::NONE;
        self.note_order("bid off the tick", request, local);
        Ok(())
    }

    /// Taken from the book at once.
    fn market_order(&mut self) -> Result<(), Failure> {
        let Script { unit, market, .. } = self.venue.script();
        let request = self.submit(OrderCommand::market(self.instruments[0].id, Side::Buy, self.quantity(market)?))?;
        let filled = self.expect(request, ExecutionKind::Filled)?;
        self.told.say(&format!("a market order for {market} {unit}: filled, {}", filled.cumulative()));
        self.note_order("market order", request, filled.cumulative().to_string() == *market);
        Ok(())
    }

    /// The venue drops the market connection; books come back by themselves.
    fn disconnect(&mut self) -> Result<(), Failure> {
        self.told.say("cutting the market connection");
        let (gaps, recoveries) = (self.outcome.gaps, self.outcome.recoveries);
        let cut = Instant::now();
        self.venue.stage().cut(self.venue.market_door())?;
        self.until("the gap", |actor| actor.outcome.gaps > gaps)?;
        let wanted = self.books.len() as u64;
        self.until("recovery", |actor| {
            actor.outcome.recoveries >= recoveries + wanted
                && actor.books.iter().all(|b| b.state() == FollowerState::Whole)
        })?;
        self.outcome.disconnect_ms = cut.elapsed().as_millis() as u64;
        self.told.say(&format!(
            "  gap announced, reconnected, resubscribed, both books whole again after {} ms",
            self.outcome.disconnect_ms
        ));
        Ok(())
    }

    /// With the market standing still, our books must be the venue's to the last level.
    fn compare_books(&mut self) -> Result<(), Failure> {
        self.venue.stage().run_market(0)?;
        // Book updates leave the venues on a grid of 100 ms at most: half a second without one, and everything has come.
        let mut quiet_since = Instant::now();
        let mut seen = self.outcome.levels;
        while quiet_since.elapsed() < Duration::from_millis(500) {
            self.step();
            if self.outcome.levels != seen {
                (seen, quiet_since) = (self.outcome.levels, Instant::now());
            }
        }
        for (instrument, book) in self.instruments.iter().zip(&self.books) {
            let (bid, ask) = self.venue.best(instrument.symbol())?;
            let text = |level: Option<crate::book::BookLevel>| level.map(|l| l.price.to_string()).unwrap_or_default();
            let (best_bid, best_ask) = (text(book.bid()), text(book.ask()));
            let same = |ours: &str, venue: Option<rust_decimal::Decimal>| {
                venue.is_some_and(|v| v.normalize().to_string() == ours)
            };
            self.outcome.books.push(BookLine {
                symbol: instrument.symbol().to_owned(),
                bids: book.len(crate::record::BookSide::Bid),
                asks: book.len(crate::record::BookSide::Ask),
                equals_venue: same(&best_bid, bid) && same(&best_ask, ask),
                best_bid,
                best_ask,
            });
        }
        Ok(())
    }

    /// A bid well below the market, on the tick.
    fn order_far_below(&self) -> Result<OrderCommand, Failure> {
        let (Some(instrument), Some(book)) = (self.instruments.first(), self.books.first()) else {
            return Err("no instrument".into());
        };
        let bid = book.bid().ok_or("no bid in the book")?;
        let price = bid.price.rescale(instrument.price_exponent)? - TICKS_BELOW * instrument.tick_mantissa();
        let Script { resting, post_only, .. } = self.venue.script();
        let order = OrderCommand::limit(instrument.id, Side::Buy, price, self.quantity(resting)?);
        Ok(if *post_only { order.post_only() } else { order })
    }

    /// So many units of the first instrument, as its mantissa.
    fn quantity(&self, units: &str) -> Result<i64, Failure> {
        Ok(Fixed::parse(units)?.rescale(self.instruments[0].size_exponent)?)
    }

    fn submit(&mut self, command: OrderCommand) -> Result<RequestId, Failure> {
        Ok(self.strategy.orders.submit(command.caused_by(self.last_recv))?)
    }

    /// Cancels an order and waits for its end.
    fn cancel(&mut self, order: RequestId) -> Result<ExecutionRecord, Failure> {
        let instrument = self.instruments[0].id;
        self.submit(OrderCommand::cancel(instrument, OrderRef::Request(order)))?;
        self.expect(order, ExecutionKind::Cancelled)
    }

    fn first_answer(&mut self, request: RequestId) -> Result<ExecutionRecord, Failure> {
        self.until("an answer", |actor| actor.executions.iter().any(|r| r.request == request))?;
        self.executions.iter().find(|r| r.request == request).copied().ok_or_else(|| "no answer".into())
    }

    /// Waits for a record of that kind for this order.
    fn expect(&mut self, request: RequestId, kind: ExecutionKind) -> Result<ExecutionRecord, Failure> {
        let is = move |r: &ExecutionRecord| r.request == request && r.kind == kind;
        self.until("an order event", |actor| {
            actor.executions.iter().any(|r| is(r) || (r.request == request && r.kind.is_terminal()))
        })?;
        let found = self.executions.iter().find(|r| is(r)).copied();
        found.ok_or_else(|| {
            let seen: Vec<_> = self.executions.iter().filter(|r| r.request == request).collect();
            format!("expected {kind:?}, got {seen:?}").into()
        })
    }

    fn note_order(&mut self, what: &'static str, request: RequestId, as_expected: bool) {
        let events = self.executions.iter().filter(|r| r.request == request).map(|r| format!("{:?}", r.kind)).collect();
        self.outcome.orders.push(OrderLine { what, events, as_expected });
    }

    fn best_prices(&self) -> String {
        let price = |level: Option<crate::book::BookLevel>| level.map(|l| l.price.to_string()).unwrap_or_default();
        let each = self.instruments.iter().zip(&self.books);
        each.map(|(i, b)| format!("{} {} / {}", i.symbol(), price(b.bid()), price(b.ask())))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn until(&mut self, what: &str, done: impl Fn(&Actor<'_>) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + STEP_TIMEOUT;
        while !done(self) {
            if Instant::now() > deadline {
                return Err(format!("waited {} s for {what}", STEP_TIMEOUT.as_secs()).into());
            }
            self.step();
        }
        Ok(())
    }

    fn until_time(&mut self, time: Instant) {
        while Instant::now() < time {
            self.step();
        }
    }

    /// Takes what waits on the three streams, or sleeps a little.
    fn step(&mut self) {
        self.strategy.wait(WAIT);
        while let Some(record) = self.strategy.market.pop() {
            self.on_market(&record);
        }
        while self.strategy.statistics.pop().is_some() {
            self.outcome.tickers += 1;
        }
        while let Some(record) = self.strategy.executions.pop() {
            self.executions.push(record);
        }
    }

    fn on_market(&mut self, record: &MarketRecord) {
        self.last_recv = record.recv();
        for book in &mut self.books {
            book.apply(record);
        }
        match record.view() {
            View::Level(_) => self.outcome.levels += 1,
            View::Trade(_) => self.outcome.trades += 1,
            View::Quote(_) => self.outcome.quotes += 1,
            View::Gap(gap) if gap.recovered => self.outcome.recoveries += 1,
            View::Gap(_) => self.outcome.gaps += 1,
            _ => {}
        }
    }
}
