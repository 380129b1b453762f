//! A running gateway.

use super::builder::{GatewayBuilder, RingSizes};
use super::checks::deadline_after;
use super::directory::Directory;
use super::emergency::{EmergencyReport, Lifeguard};
use super::error::GatewayError;
use super::learn::learn;
use super::queries::{BinanceUsQueries, CoinbaseQueries, OandaQueries, Queries};
use super::refresh::Refresher;
use super::strategy::{Ends, Strategy};
use super::StrategyPlaces;
use crate::dialer::Dialer;
use crate::engine::{Control, KillScope, Shutdown};
use crate::journal::{AuditEnd, Journal};
use crate::keeper::{Clock, Emergency, Keeper};
use crate::reactor::{ControlHandle, ControlMessage, Heartbeat, StrategyRings};
use crate::record::{Instrument, PerVenue, StrategyId, UnixNanos, Venue};
use crate::ring::{ring, Doorbell, OrderProducer};
use crate::state::Session;
use crate::telemetry::{Counter, CountersReader, CountersSnapshot, Hops, HopsReader, HopsSnapshot};
use crate::venue::Channels;
use std::sync::{mpsc, Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the reactor may take to answer a control message.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often shutdown asks whether the cancels are confirmed.
const CONFIRM_EVERY: Duration = Duration::from_millis(20);

/// How often the end looks whether the reactor has ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long the end of a gateway waits for an emergency under way. Orders are listed and cancelled in fractions of a second;
/// the rest is for a venue in trouble.
const LAST_CANCELS: Duration = Duration::from_secs(5);

/// The threads behind a gateway.
pub(super) struct Threads {
    pub(super) reactor: Option<JoinHandle<()>>,
    /// Asks again what venues list.
    pub(super) refresher: Option<Refresher>,
    /// One per venue.
    pub(super) dialers: Vec<Dialer>,
    pub(super) keeper: Option<Keeper>,
    /// One per venue with credentials.
    pub(super) emergencies: Vec<Emergency>,
    /// Raises them.
    pub(super) lifeguard: Arc<Lifeguard>,
    /// Writes the audit log, if one is kept.
    pub(super) journal: Option<Journal>,
    /// Keeps the accounts locked until everything else has ended.
    pub(super) session: Option<Session>,
}

/// A running gateway. Dropping it ends the threads and leaves orders open at the venues; use [`Gateway::shutdown`] to say
/// what should become of them.
#[derive(Debug)]
pub struct Gateway {
    pub(super) threads: Threads,
    control: ControlHandle,
    clock: Clock,
    directory: Directory,
    queries: PerVenue<Option<Queries>>,
    places: Arc<StrategyPlaces>,
    rings: RingSizes,
    hops: HopsReader,
    counters: CountersReader,
    /// Hand-off latencies measured by the strategies' own handles.
    strategy_hops: Mutex<Vec<HopsReader>>,
    inline: Option<StrategyId>,
    /// Venues that trade on paper.
    pub(super) paper: PerVenue<bool>,
}

/// Latencies and counters at one moment.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// Per-hop latencies, of the reactor and all strategies together.
    pub hops: HopsSnapshot,
    /// Counters of the reactor and the emergencies together.
    pub counters: CountersSnapshot,
}

/// How two redundant feeds did against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedFigures {
    /// Trades the first and the second brought before the other, or alone.
    pub trades_first: [u64; 2],
    /// Trades that came again over the other one.
    pub trades_repeated: u64,
    /// Times a product changed over to the book of its other connection.
    pub book_switches: u64,
}

impl FeedFigures {
    /// Which share of all trades each feed brought first, in thousandths; `None` before the first trade.
    pub fn win_permille(&self) -> Option<[u64; 2]> {
        let [first, second] = self.trades_first;
        let all = first.saturating_add(second);
        let share = |won: u64| won.saturating_mul(1_000).checked_div(all);
        Some([share(first)?, share(second)?])
    }
}

impl Telemetry {
    /// How two redundant feeds did; all zero with one.
    pub fn feeds(&self) -> FeedFigures {
        let count = |counter| self.counters.get(counter);
        FeedFigures {
            trades_first: [count(Counter::FeedOneTradesFirst), count(Counter::FeedTwoTradesFirst)],
            trades_repeated: count(Counter::TradesRepeated),
            book_switches: count(Counter::BookSwitches),
        }
    }
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.reactor.as_ref().is_some_and(|reactor| !reactor.is_finished());
        f.debug_struct("Threads").field("reactor_runs", &running).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Begins a configuration.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::default()
    }

    #[allow(clippy::too_many_arguments, reason = "called once, by the builder that made all of it")]
    pub(super) fn new(
        threads: Threads,
        control: ControlHandle,
        clock: Clock,
        directory: Directory,
        queries: PerVenue<Option<Queries>>,
        places: Arc<StrategyPlaces>,
        rings: RingSizes,
        (hops, counters): (HopsReader, CountersReader),
        inline: Option<StrategyId>,
    ) -> Gateway {
        let strategy_hops = Mutex::new(Vec::new());
        let paper = PerVenue::default();
        Gateway {
            threads,
            control,
            clock,
            directory,
            queries,
            places,
            rings,
            hops,
            counters,
            strategy_hops,
            inline,
            paper,
        }
    }

    /// A new strategy's handles. At most 64 strategies at a time; drop the handles to give a place back.
    ///
    /// # Errors
    /// [`GatewayError::TooManyStrategies`], [`GatewayError::Stopped`].
    pub fn strategy(&self) -> Result<Strategy, GatewayError> {
        let (id, counted) = self.places.take().ok_or(GatewayError::TooManyStrategies)?;
        let (bell, sleeper) = Doorbell::for_thread();
        // Where the reactor may sleep, strategies may too: both directions ring. Elsewhere a strategy that waits is rung
        // all the same, one fence per push.
        let (market_in, market) = ring(self.rings.market, Some(bell.clone()));
        let (statistics_in, statistics) = ring(self.rings.statistics, Some(bell.clone()));
        let (executions_in, executions) = ring(self.rings.executions, Some(bell));
        let (commands, commands_out) = ring(self.rings.commands, self.control.doorbell());
        let heart = Heartbeat::default();
        let rings = StrategyRings {
            id,
            market: market_in,
            statistics: statistics_in,
            executions: executions_in,
            orders: commands_out,
            heart: heart.clone(),
        };
        let hops = Hops::new();
        self.strategy_hops.lock().unwrap_or_else(PoisonError::into_inner).push(hops.reader());
        let strategy = Strategy::new(Ends {
            market,
            statistics,
            executions,
            orders: OrderProducer::new(id, counted, commands),
            heart,
            sleeper,
            hops,
            clock: self.clock.clone(),
            control: self.control.clone(),
            places: self.places.clone(),
        });
        self.send(ControlMessage::AddStrategy(Box::new(rings)))?;
        Ok(strategy)
    }

    /// The strategy that runs on the reactor's thread, if there is one.
    pub fn inline_strategy(&self) -> Option<StrategyId> {
        self.inline
    }

    /// Subscribes a strategy to channels of an instrument, besides what it has. Blocks while the venue is asked for the
    /// instrument's metadata, if it is not known yet. With [`Channels::NONE`] the instrument can be traded, and nothing
    /// is streamed.
    ///
    /// # Errors
    /// [`GatewayError::UnknownInstrument`] if the venue does not list it, [`GatewayError::NoSuchStrategy`], or why the venue
    /// could not be asked.
    pub fn subscribe(
        &self,
        strategy: StrategyId,
        venue: Venue,
        symbol: &str,
        channels: Channels,
    ) -> Result<Arc<Instrument>, GatewayError> {
        self.check_strategy(strategy)?;
        let instrument = match self.directory.find(venue, symbol) {
            Some(known) => known,
            None => {
                let send = |control| self.send(ControlMessage::Engine(control));
                learn(&self.queries(venue)?, &self.directory, symbol, send)?
            }
        };
        if !channels.is_empty() {
            self.send(ControlMessage::Engine(Control::Subscribe(strategy, instrument.id, channels)))?;
        }
        Ok(instrument)
    }

    /// Takes channels of an instrument away from a strategy.
    ///
    /// # Errors
    /// [`GatewayError::UnknownInstrument`] if it is none of this gateway, [`GatewayError::NoSuchStrategy`],
    /// [`GatewayError::Stopped`].
    pub fn unsubscribe(
        &self,
        strategy: StrategyId,
        instrument: &Instrument,
        channels: Channels,
    ) -> Result<(), GatewayError> {
        self.check_strategy(strategy)?;
        let known = self.directory.find(instrument.listing.venue, instrument.symbol());
        let id = known.map(|known| known.id).ok_or_else(|| GatewayError::UnknownInstrument {
            venue: instrument.listing.venue,
            symbol: instrument.symbol().to_owned(),
        })?;
        self.send(ControlMessage::Engine(Control::Unsubscribe(strategy, id, channels)))
    }

    /// Whether there is a strategy of this number; of one that is gone its number may be another's tomorrow.
    fn check_strategy(&self, strategy: StrategyId) -> Result<(), GatewayError> {
        match self.places.is_taken(strategy) {
            true => Ok(()),
            false => Err(GatewayError::NoSuchStrategy { number: strategy.0 }),
        }
    }

    /// Names behind the numbers in records.
    pub fn directory(&self) -> Directory {
        self.directory.clone()
    }

    /// What every venue can be asked, off the hot path.
    ///
    /// # Errors
    /// [`GatewayError::VenueNotConfigured`].
    pub fn queries(&self, venue: Venue) -> Result<Queries, GatewayError> {
        self.queries.get(venue).clone().ok_or(GatewayError::VenueNotConfigured(venue))
    }

    /// Everything Coinbase answers, off the hot path.
    ///
    /// # Errors
    /// [`GatewayError::VenueNotConfigured`].
    pub fn coinbase(&self) -> Result<CoinbaseQueries, GatewayError> {
        match self.queries(Venue::Coinbase)? {
            Queries::Coinbase(queries) => Ok(queries),
            _ => Err(GatewayError::VenueNotConfigured(Venue::Coinbase)),
        }
    }

    /// Everything Binance.US answers, off the hot path.
    ///
    /// # Errors
    /// [`GatewayError::VenueNotConfigured`].
    pub fn binance_us(&self) -> Result<BinanceUsQueries, GatewayError> {
        match self.queries(Venue::BinanceUs)? {
            Queries::BinanceUs(queries) => Ok(queries),
            _ => Err(GatewayError::VenueNotConfigured(Venue::BinanceUs)),
        }
    }

    /// Everything OANDA answers, off the hot path.
    ///
    /// # Errors
    /// [`GatewayError::VenueNotConfigured`].
    pub fn oanda(&self) -> Result<OandaQueries, GatewayError> {
        match self.queries(Venue::Oanda)? {
            Queries::Oanda(queries) => Ok(queries),
            _ => Err(GatewayError::VenueNotConfigured(Venue::Oanda)),
        }
    }

    /// The clock all records are stamped with, UNIX nanoseconds.
    pub fn now(&self) -> UnixNanos {
        self.clock.now()
    }

    /// Latencies and counters so far.
    pub fn telemetry(&self) -> Telemetry {
        let mut hops = self.hops.snapshot();
        for strategy in self.strategy_hops.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            hops.merge(&strategy.snapshot());
        }
        let mut counters = self.counters.snapshot();
        for emergency in &self.threads.emergencies {
            counters.merge(&emergency.counters().snapshot());
        }
        Telemetry { hops, counters }
    }

    /// Our orders that are not known to be over.
    ///
    /// # Errors
    /// [`GatewayError::Stopped`] if the reactor does not answer.
    pub fn open_orders(&self) -> Result<usize, GatewayError> {
        self.ask(ControlMessage::CountOpen)
    }

    /// Asks the reactor something and waits for its answer.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(mpsc::SyncSender<T>) -> ControlMessage,
    ) -> Result<T, GatewayError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(question(reply))?;
        answer.recv_timeout(CONTROL_TIMEOUT).map_err(|_| GatewayError::Stopped)
    }

    /// Throws the kill switch: no new order leaves from now on, and every open one is cancelled, again and again until the
    /// venue confirms it, also at venues that are away at the moment (there cancels go first as soon as they are back).
    /// Every strategy is told how it goes by records of kind [`Guard`](crate::record::ExecutionKind::Guard). Never blocks
    /// and cannot fail; lasts until [`Gateway::release_kill`].
    pub fn kill(&self, scope: KillScope) {
        self.control.kill(scope);
    }

    /// Lets orders leave again after a kill, on purpose. What was cancelled stays cancelled; a dead-man switch that had
    /// tripped watches again. A release right behind a kill, before the reactor has looked, takes it back whole.
    pub fn release_kill(&self) {
        self.threads.lifeguard.stand_down();
        self.control.release_kill();
    }

    /// What became of our orders when the reactor failed: whether it was given up (it panicked, or stood still for longer
    /// than [`GatewayBuilder::reactor_silence_ms_max`]), and how far the cancelling without it is, venue by venue. In quiet
    /// times it says whether that would work now. Strategies cannot be told over the rings of a dead reactor: ask this
    /// when [`Strategy::is_gateway_gone`](super::Strategy::is_gateway_gone), or when nothing comes any more.
    pub fn emergency(&self) -> EmergencyReport {
        let Threads { lifeguard, keeper, emergencies, .. } = &self.threads;
        let is_watched = keeper.as_ref().is_some_and(Keeper::is_alive) && emergencies.iter().all(Emergency::is_alive);
        EmergencyReport { is_watched, ..lifeguard.report() }
    }

    /// Refuses new orders from now on, does with open ones what `shutdown` says, then ends all threads. If you turn the
    /// reactor yourself, go on turning it meanwhile from another thread.
    ///
    /// # Errors
    /// [`GatewayError::ShutdownTimeout`] if cancels were not all confirmed within `timeout_ms`, else
    /// [`GatewayError::AuditIncomplete`] if the end of the audit log could not be written; the threads are ended all the
    /// same.
    pub fn shutdown(mut self, shutdown: Shutdown, timeout_ms: u64) -> Result<(), GatewayError> {
        let deadline = deadline_after(timeout_ms);
        self.send(ControlMessage::Engine(Control::Stop(shutdown)))?;
        let mut open_orders = 0;
        if shutdown == Shutdown::CancelOurs {
            loop {
                open_orders = self.open_orders()?;
                if open_orders == 0 || Instant::now() >= deadline {
                    break;
                }
                std::thread::sleep(CONFIRM_EVERY);
            }
        }
        let audit = self.end();
        match (open_orders, audit) {
            (0, AuditEnd::Complete) => Ok(()),
            (0, AuditEnd::Incomplete { missing, why }) => Err(GatewayError::AuditIncomplete { missing, why }),
            _ => Err(GatewayError::ShutdownTimeout { timeout_ms, open_orders }),
        }
    }

    fn send(&self, message: ControlMessage) -> Result<(), GatewayError> {
        if self.threads.reactor.as_ref().is_some_and(JoinHandle::is_finished) || self.threads.lifeguard.has_ended() {
            return Err(GatewayError::Stopped);
        }
        self.control.send(message).map_err(|_| GatewayError::Stopped)
    }

    /// Ends all threads; the reactor first, so that nothing asks the others for anything any more.
    fn end(&mut self) -> AuditEnd {
        let deadline = Instant::now() + CONTROL_TIMEOUT;
        let mut standstill = Standstill::new(Instant::now(), self.threads.lifeguard.turns());
        // A full queue empties as long as the reactor turns.
        while self.send(ControlMessage::End).is_err() && Instant::now() < deadline {
            if self.threads.reactor.as_ref().is_none_or(JoinHandle::is_finished) {
                break;
            }
            std::thread::sleep(CONFIRM_EVERY);
        }
        if let Some(reactor) = self.threads.reactor.take() {
            // One that stands still is not waited for, whoever watches it: should it ever turn again, it finds that it is to
            // end.
            while !reactor.is_finished() && !standstill.lasts(Instant::now(), self.threads.lifeguard.turns()) {
                std::thread::sleep(LOOK_EVERY);
            }
            if !reactor.is_finished() {
                tracing::error!("the reactor stands still: its thread is left behind");
            } else if reactor.join().is_err() {
                tracing::error!("the reactor ended in a panic");
            }
        }
        self.threads.lifeguard.last_cancels(LAST_CANCELS);
        // The dialers first: whatever the others still wait for ends with them.
        self.threads.dialers.clear();
        self.threads.refresher.take();
        self.threads.emergencies.clear();
        self.threads.keeper.take();
        let audit = self.threads.journal.take().map_or(AuditEnd::Complete, Journal::end);
        self.threads.session.take();
        audit
    }
}

/// Whether a reactor that is to end stands still for as long as any answer of it is waited for.
struct Standstill {
    turns: u64,
    turned: Instant,
}

impl Standstill {
    fn new(now: Instant, turns: u64) -> Standstill {
        Standstill { turns, turned: now }
    }

    fn lasts(&mut self, now: Instant, turns: u64) -> bool {
        if turns != self.turns {
            *self = Standstill { turns, turned: now };
        }
        now.saturating_duration_since(self.turned) >= CONTROL_TIMEOUT
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reactor_is_waited_for_as_long_as_it_turns_and_no_longer() {
        let (began, mut turns) = (Instant::now(), 7);
        let mut standstill = Standstill::new(began, turns);
        for second in 0..20 {
            turns += 1;
            assert!(!standstill.lasts(began + Duration::from_secs(second), turns));
        }
        let last = began + Duration::from_secs(19);
        assert!(!standstill.lasts(last + CONTROL_TIMEOUT - Duration::from_millis(1), turns));
        assert!(standstill.lasts(last + CONTROL_TIMEOUT, turns), "whether an alarm was raised or not");
    }
}
