//! The handles of one strategy: what a strategy author holds and spins on.

use crate::engine::{Control, KillScope};
use crate::keeper::Clock;
use crate::reactor::{prepare, ControlHandle, ControlMessage, Heartbeat, PrepareError};
use crate::record::{
    ExecutionRecord, MarketKind, MarketRecord, OrderCommand, PreparedOrder, PreparedSlot, RequestId, StatisticsRecord,
    StrategyId, UnixNanos, View,
};
use crate::ring::{Consumer, OrderProducer, PreparedSlots, RingFigures, SubmitError, ThreadSleeper};
use crate::telemetry::{Hop, Hops};
use std::sync::Arc;
use std::time::Duration;

/// One strategy: three streams in, one out. Move it to its thread; take the fields apart if you like.
///
/// Dropping it takes the strategy out of the gateway; its open orders stay at the venue.
#[derive(Debug)]
pub struct Strategy {
    /// Market records.
    pub market: MarketStream,
    /// Tickers and other statistics.
    pub statistics: StatisticsStream,
    /// What becomes of orders.
    pub executions: ExecutionStream,
    /// Where orders go in.
    pub orders: OrderEntry,
    sleeper: ThreadSleeper,
}

/// The market records of one strategy, in the order of publication.
#[derive(Debug)]
pub struct MarketStream {
    ring: Consumer<MarketRecord>,
    clock: Clock,
    hops: Hops,
}

/// The statistics records of one strategy.
#[derive(Debug)]
pub struct StatisticsStream {
    ring: Consumer<StatisticsRecord>,
}

/// The execution records of one strategy.
#[derive(Debug)]
pub struct ExecutionStream {
    ring: Consumer<ExecutionRecord>,
}

/// The order entry of one strategy.
#[derive(Debug)]
pub struct OrderEntry {
    producer: OrderProducer,
    heart: Heartbeat,
    clock: Clock,
    control: ControlHandle,
    places: Arc<super::StrategyPlaces>,
    prepared: PreparedSlots,
}

/// What the gateway builds a strategy from.
pub(super) struct Ends {
    pub(super) market: Consumer<MarketRecord>,
    pub(super) statistics: Consumer<StatisticsRecord>,
    pub(super) executions: Consumer<ExecutionRecord>,
    pub(super) orders: OrderProducer,
    pub(super) heart: Heartbeat,
    pub(super) sleeper: ThreadSleeper,
    pub(super) hops: Hops,
    pub(super) clock: Clock,
    pub(super) control: ControlHandle,
    pub(super) places: Arc<super::StrategyPlaces>,
}

impl Strategy {
    pub(super) fn new(ends: Ends) -> Strategy {
        let Ends { market, statistics, executions, orders, heart, sleeper, hops, clock, control, places } = ends;
        Strategy {
            market: MarketStream { ring: market, clock: clock.clone(), hops },
            statistics: StatisticsStream { ring: statistics },
            executions: ExecutionStream { ring: executions },
            orders: OrderEntry { producer: orders, heart, clock, control, places, prepared: PreparedSlots::default() },
            sleeper,
        }
    }

    /// Its number.
    pub fn id(&self) -> StrategyId {
        self.orders.producer.strategy()
    }

    /// Sleeps until any of the three streams has a record, or `timeout` is over; true if one has. For threads that may
    /// not spin.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let Strategy { market, statistics, executions, sleeper, .. } = self;
        sleeper.wait(timeout, || market.ring.is_ready() || statistics.ring.is_ready() || executions.ring.is_ready())
    }

    /// Whether the gateway has ended; what the rings still hold can be read.
    pub fn is_gateway_gone(&self) -> bool {
        self.executions.ring.is_abandoned()
    }
}

impl MarketStream {
    /// The next record, if there is one. Costs a ring pop and two histogram entries.
    #[inline]
    pub fn pop(&mut self) -> Option<MarketRecord> {
        loop {
            let record = self.ring.pop()?;
            let now = self.clock.now();
            if record.kind() == MarketKind::Pulse {
                if let View::Pulse(pulse) = record.view() {
                    self.hops.record(Hop::HandOff, now.since(pulse.published));
                }
                continue;
            }
            self.hops.record(Hop::TickToStrategy, now.since(record.recv()));
            return Some(record);
        }
    }

    /// Records waiting, pulses included.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The account of the ring: pushed, refused, popped.
    pub fn figures(&self) -> RingFigures {
        self.ring.counters().figures()
    }
}

impl StatisticsStream {
    /// The next record, if there is one.
    pub fn pop(&mut self) -> Option<StatisticsRecord> {
        self.ring.pop()
    }

    /// The account of the ring.
    pub fn figures(&self) -> RingFigures {
        self.ring.counters().figures()
    }
}

impl ExecutionStream {
    /// The next record, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<ExecutionRecord> {
        self.ring.pop()
    }

    /// Records waiting.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The account of the ring.
    pub fn figures(&self) -> RingFigures {
        self.ring.counters().figures()
    }
}

impl OrderEntry {
    /// Submits a command; never blocks. What comes back on the execution stream, in every race: first exactly one of
    /// Accepted, Rejected, Unknown; after Unknown exactly one Accepted or Rejected flagged RECONCILED; then fills; then
    /// one terminal record.
    ///
    /// # Errors
    /// [`SubmitError`]: only what the handle itself can see. Nothing was sent then.
    #[inline]
    pub fn submit(&mut self, command: OrderCommand) -> Result<RequestId, SubmitError> {
        let now = self.clock.now();
        self.heart.beat(now);
        self.producer.submit(command, now)
    }

    /// A sign of life for the dead-man switch; every [`OrderEntry::submit`] is one too. The first one starts the watch.
    #[inline]
    pub fn beat(&self) {
        self.heart.beat(self.clock.now());
    }

    /// Throws the kill switch: see [`Gateway::kill`](super::Gateway::kill).
    pub fn kill(&self, scope: KillScope) {
        self.control.kill(scope);
    }

    /// Puts an order into one of this strategy's 64 slots, to be submitted any number of times by
    /// [`OrderCommand::prepared`]. Allocates, wakes the reactor, waits for nothing: a command submitted after this
    /// returned finds the order there.
    ///
    /// # Errors
    /// [`PrepareError`]: all slots are taken, the venue has no form for it, or the gateway has stopped.
    pub fn prepare(&mut self, order: PreparedOrder) -> Result<PreparedSlot, PrepareError> {
        let strategy = self.producer.strategy();
        let control = &self.control;
        prepare(&mut self.prepared, order, |slot, order| {
            control.send(ControlMessage::Engine(Control::Prepare(strategy, slot, order))).is_ok()
        })
    }

    /// Gives a slot back. Discard it when the orders submitted from it were answered: a command the reactor has not yet
    /// taken would be refused. False if it was given back before, or the gateway has stopped.
    pub fn discard(&mut self, slot: PreparedSlot) -> bool {
        let control = ControlMessage::Engine(Control::Discard(self.producer.strategy(), slot));
        self.prepared.free(slot) && self.control.send(control).is_ok()
    }

    /// The gateway's clock, in UNIX nanoseconds: the one all records are stamped with.
    pub fn now(&self) -> UnixNanos {
        self.clock.now()
    }

    /// The account of the command ring.
    pub fn figures(&self) -> RingFigures {
        self.producer.counters().figures()
    }
}

impl Drop for OrderEntry {
    /// The strategy leaves the gateway.
    fn drop(&mut self) {
        let id = self.producer.strategy();
        // A full queue means the reactor is gone or wedged; then nobody listens to this strategy either.
        let _ = self.control.send(ControlMessage::RemoveStrategy(id));
        self.places.free(id, self.producer.last());
    }
}
