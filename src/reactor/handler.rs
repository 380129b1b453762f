//! A strategy that runs on the reactor's own thread: no ring hop, the same records, the same commands.

use super::prepare::{prepare, PrepareError};
use crate::engine::Control;
use crate::record::{
    ExecutionRecord, MarketRecord, OrderCommand, PreparedOrder, PreparedSlot, RequestId, StatisticsRecord, StrategyId,
    UnixNanos, PREPARED_MAX,
};
use crate::ring::{ring, Consumer, OrderProducer, PreparedSlots, SubmitError};
use std::collections::VecDeque;

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
    prepared: PreparedSlots,
    /// Slots filled and emptied, in order, until the reactor takes a command that needs them.
    controls: VecDeque<Control>,
}

impl InlineOrders {
    pub(super) fn new(strategy: StrategyId) -> (InlineOrders, Consumer<OrderCommand>) {
        let (producer, consumer) = ring(INLINE_COMMANDS_MAX, None);
        let orders = InlineOrders {
            producer: OrderProducer::new(strategy, 0, producer),
            now: UnixNanos::NONE,
            prepared: PreparedSlots::default(),
            controls: VecDeque::with_capacity(PREPARED_MAX),
        };
        (orders, consumer)
    }

    /// Submits a command; it is acted on as soon as the handler returns.
    ///
    /// # Errors
    /// [`SubmitError`] as for the ring handle; [`INLINE_COMMANDS_MAX`] commands can wait.
    pub fn submit(&mut self, command: OrderCommand) -> Result<RequestId, SubmitError> {
        self.producer.submit(command, self.now)
    }

    /// Puts an order into one of this strategy's slots, to be submitted any number of times by
    /// [`OrderCommand::prepared`]. Allocates: not for the hot path.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare(&mut self, order: PreparedOrder) -> Result<PreparedSlot, PrepareError> {
        let (strategy, controls) = (self.producer.strategy(), &mut self.controls);
        prepare(&mut self.prepared, order, |slot, order| {
            controls.push_back(Control::Prepare(strategy, slot, order));
            true
        })
    }

    /// Gives a slot back; false if it was given back before.
    pub fn discard(&mut self, slot: PreparedSlot) -> bool {
        let taken = self.prepared.free(slot);
        if taken {
            self.controls.push_back(Control::Discard(self.producer.strategy(), slot));
        }
        taken
    }

    pub(super) fn take_control(&mut self) -> Option<Control> {
        self.controls.pop_front()
    }

    /// When the event at hand was published.
    pub fn now(&self) -> UnixNanos {
        self.now
    }

    pub(super) fn set_now(&mut self, now: UnixNanos) {
        self.now = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        AssetId, Fixed, Instrument, InstrumentId, Listing, OrderQuantity, OrderShape, OrderTerms, Side, TradingStatus,
        Venue,
    };

    #[test]
    fn what_a_handler_prepares_and_discards_reaches_the_engine_in_order() {
        let f = |t| Fixed::parse(t).unwrap();
        let listing = Listing {
            venue: Venue::Coinbase,
            symbol: "BTC-USD".into(),
            streamed_as: None,
            base: "BTC".into(),
            quote: "USD".into(),
            tick: f("0.01"),
            lot: f("0.00000001"),
            quote_lot: f("0.01"),
            size_min: f("0.0001"),
            size_max: f("3400"),
            notional_min: f("1"),
            status: TradingStatus::Online,
        };
        let instrument = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing);
        let shape = OrderShape::Limit { price: 1, post_only: false, shown: None };
        let order = PreparedOrder::new(&instrument, OrderTerms::new(Side::Buy, OrderQuantity::Base(1), shape)).unwrap();
        let (mut orders, mut commands) = InlineOrders::new(StrategyId(7));
        let first = orders.prepare(order.clone()).unwrap();
        assert!(orders.discard(first) && !orders.discard(first));
        let second = orders.prepare(order).unwrap();
        orders.submit(OrderCommand::prepared(second)).unwrap();
        assert_eq!(commands.pop().and_then(|command| command.prepared_slot()), Some(second));
        let told: Vec<Control> = std::iter::from_fn(|| orders.take_control()).collect();
        assert!(matches!(
            told[..],
            [Control::Prepare(StrategyId(7), a, _), Control::Discard(_, b), Control::Prepare(_, c, _)]
                if (a, b, c) == (first, first, second)
        ));
    }
}
