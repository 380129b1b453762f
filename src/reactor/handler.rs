//! A strategy that runs on the reactor's own thread: no ring hop, the same records, the same commands.

use crate::record::{ExecutionRecord, MarketRecord, OrderCommand, RequestId, StatisticsRecord, StrategyId, UnixNanos};
use crate::ring::{ring, Consumer, OrderProducer, SubmitError};

/// Called by the reactor for every event, in wire order. What it does delays every socket: keep it under a few
/// microseconds, never block, never panic.
pub trait Handler: Send {
    /// One whole venue event (or one whole piece of a cut snapshot).
    fn on_market(&mut self, records: &[MarketRecord], orders: &mut InlineOrders);

    /// A statistics record.
    fn on_statistics(&mut self, _record: &StatisticsRecord, _orders: &mut InlineOrders) {}

    /// News of an order.
    fn on_execution(&mut self, _record: &ExecutionRecord, _orders: &mut InlineOrders) {}
}

/// Commands that handler calls can leave behind before the reactor takes them.
pub const INLINE_COMMANDS_MAX: usize = 256;

/// Where an inline strategy puts its commands. The reactor takes them as soon as the call returns.
#[derive(Debug)]
pub struct InlineOrders {
    producer: OrderProducer,
    now: UnixNanos,
}

impl InlineOrders {
    pub(super) fn new(strategy: StrategyId) -> (InlineOrders, Consumer<OrderCommand>) {
        let (producer, consumer) = ring(INLINE_COMMANDS_MAX, None);
        (InlineOrders { producer: OrderProducer::new(strategy, 0, producer), now: UnixNanos::NONE }, consumer)
    }

    /// Submits a command; it is acted on as soon as the handler returns.
    ///
    /// # Errors
    /// [`SubmitError`] as for the ring handle; [`INLINE_COMMANDS_MAX`] commands can wait.
    pub fn submit(&mut self, command: OrderCommand) -> Result<RequestId, SubmitError> {
        self.producer.submit(command, self.now)
    }

    /// When the event at hand was published.
    pub fn now(&self) -> UnixNanos {
        self.now
    }

    pub(super) fn set_now(&mut self, now: UnixNanos) {
        self.now = now;
    }
}
