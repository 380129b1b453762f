//! The handle a strategy submits orders through. It gives each command its identity and refuses what is wrong on its
//! face; everything that needs a book, a limit or a venue is judged behind the ring, and answered on the execution ring.

use std::sync::Arc;

use super::{Producer, RingCounters};
use crate::record::{
    CommandKind, InstrumentId, OrderCommand, OrderType, RequestId, StrategyId, TimeInForce, UnixNanos,
};

/// Why a command was not taken. Nothing was sent and no request id was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The command ring is full.
    #[error(
        "order not submitted: {capacity} commands already wait for the reactor; try again, or find what stalls it"
    )]
    RingFull {
        /// Commands the ring holds.
        capacity: usize,
    },
    /// The command contradicts itself.
    #[error("order not submitted: {0}")]
    Malformed(#[from] Malformed),
    /// The reactor is gone.
    #[error(
        "order not submitted: the gateway has stopped; open orders are as its shutdown or dead-man switch left them"
    )]
    Dead,
}

/// What makes a command wrong on its face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// [`InstrumentId::NONE`].
    #[error("the command names no instrument")]
    NoInstrument,
    /// Zero or negative quantity.
    #[error("the quantity must be positive")]
    QuantityNotPositive,
    /// Zero or negative limit price.
    #[error("the limit price must be positive")]
    PriceNotPositive,
    /// Post-only with immediate-or-cancel or fill-or-kill.
    #[error("a post-only order must rest: its time in force must be good-til-cancelled")]
    PostOnlyMustRest,
    /// A post-only market order.
    #[error("a market order takes liquidity and cannot be post-only")]
    PostOnlyMarket,
    /// A good-til-cancelled market order.
    #[error("a market order cannot rest: its time in force must be immediate-or-cancel or fill-or-kill")]
    MarketMustNotRest,
    /// A quantity in quote currency on anything but a market order.
    #[error("only a market order may give its quantity in quote currency")]
    QuoteQuantityNotMarket,
    /// A composite order without a slot.
    #[error("a composite order must name the slot it was prepared in")]
    NothingPrepared,
    /// A cancel or replace without an order.
    #[error("a cancel or replace must name its order")]
    NoTarget,
}

/// The submitting end of a strategy's command ring; owned by the strategy's thread.
#[derive(Debug)]
pub struct OrderProducer {
    strategy: StrategyId,
    /// Counter of the last request id given out.
    last: u64,
    ring: Producer<OrderCommand>,
}

impl OrderProducer {
    /// The handle of `strategy`, whose first request id will have the counter `after + 1`: 0 for a new strategy, the
    /// [`OrderProducer::last`] of its predecessor where a number is given to a second strategy within one run.
    pub fn new(strategy: StrategyId, after: u64, ring: Producer<OrderCommand>) -> OrderProducer {
        OrderProducer { strategy, last: after, ring }
    }

    /// Hands `command` to the reactor, stamped with its identity and `now`. Never blocks, never allocates; in Busy mode
    /// it costs a ring push. The answer to a taken command is on the execution ring: first exactly one of Accepted,
    /// Rejected, Unknown. A command taken while the gateway is just ending may stay unanswered.
    ///
    /// # Errors
    /// [`SubmitError`]; the next request id is still the same then.
    #[inline]
    pub fn submit(&mut self, command: OrderCommand, now: UnixNanos) -> Result<RequestId, SubmitError> {
        check(&command)?;
        if self.ring.is_abandoned() {
            return Err(SubmitError::Dead);
        }
        let counter = self.last.wrapping_add(1);
        let request = RequestId::new(self.strategy, counter);
        if !self.ring.push(command.stamped(request, now)) {
            return Err(SubmitError::RingFull { capacity: self.ring.capacity() });
        }
        self.last = counter;
        Ok(request)
    }

    /// Whose handle it is.
    pub fn strategy(&self) -> StrategyId {
        self.strategy
    }

    /// Counter of the last request id given out; what it started after if none was.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Commands that fit now.
    pub fn free(&self) -> usize {
        self.ring.free()
    }

    /// Whether the reactor is gone: every submission will be refused.
    pub fn is_dead(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// The account of the command ring, for any thread. Malformed commands never reach it and are not in it.
    pub fn counters(&self) -> &Arc<RingCounters> {
        self.ring.counters()
    }
}

#[inline]
fn check(command: &OrderCommand) -> Result<(), Malformed> {
    if command.instrument() == InstrumentId::NONE {
        return Err(Malformed::NoInstrument);
    }
    match command.kind() {
        CommandKind::Place => check_order(command),
        CommandKind::Replace => check_target(command).and_then(|()| check_order(command)),
        CommandKind::Cancel => check_target(command),
    }
}

fn check_target(command: &OrderCommand) -> Result<(), Malformed> {
    command.target().map(|_| ()).ok_or(Malformed::NoTarget)
}

fn check_order(command: &OrderCommand) -> Result<(), Malformed> {
    if command.order_type() == OrderType::Composite {
        // Its terms were checked when it was prepared.
        return command.prepared_slot().map(|_| ()).ok_or(Malformed::NothingPrepared);
    }
    if command.quantity() <= 0 {
        return Err(Malformed::QuantityNotPositive);
    }
    let rests = command.tif() == TimeInForce::GoodTilCancelled;
    match command.order_type() {
        OrderType::Limit if command.price() <= 0 => Err(Malformed::PriceNotPositive),
        OrderType::Limit if command.is_post_only() && !rests => Err(Malformed::PostOnlyMustRest),
        OrderType::Limit if command.is_quantity_in_quote() => Err(Malformed::QuoteQuantityNotMarket),
        OrderType::Market if command.is_post_only() => Err(Malformed::PostOnlyMarket),
        OrderType::Market if rests => Err(Malformed::MarketMustNotRest),
        OrderType::Limit | OrderType::Market | OrderType::Composite => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ClientOrderId, OrderRef, PreparedSlot, Side};
    use crate::ring::ring;

    const ID: InstrumentId = InstrumentId(3);
    const NOW: UnixNanos = UnixNanos(1_000);
    const LIMIT: OrderCommand = OrderCommand::limit(ID, Side::Buy, 10, 20);

    #[test]
    fn request_ids_count_from_one_and_are_not_spent_on_refusals() {
        let (producer, mut reactor) = ring(2, None);
        let mut orders = OrderProducer::new(StrategyId(5), 0, producer);
        let id = |counter| RequestId::new(StrategyId(5), counter);
        assert_eq!(orders.submit(LIMIT, NOW), Ok(id(1)));
        let empty = OrderCommand::limit(ID, Side::Buy, 10, 0);
        assert_eq!(orders.submit(empty, NOW), Err(Malformed::QuantityNotPositive.into()));
        assert_eq!(orders.submit(LIMIT, NOW), Ok(id(2)));
        assert_eq!(orders.submit(LIMIT, NOW), Err(SubmitError::RingFull { capacity: 2 }));
        let first = reactor.pop().unwrap();
        assert_eq!((first.request(), first.submitted(), first.quantity()), (id(1), NOW, 20));
        assert_eq!(orders.submit(LIMIT, NOW), Ok(id(3)));
        assert_eq!((orders.last(), orders.counters().pushed(), orders.counters().refused()), (3, 3, 1));
    }

    #[test]
    fn a_second_strategy_under_one_number_goes_on_counting() {
        let (producer, _reactor) = ring(2, None);
        let mut orders = OrderProducer::new(StrategyId(0), 41, producer);
        assert_eq!(orders.submit(LIMIT, NOW), Ok(RequestId::new(StrategyId(0), 42)));
    }

    #[test]
    fn every_contradiction_has_its_own_refusal() {
        let order = OrderRef::Request(RequestId(1));
        let nothing = [OrderRef::Request(RequestId::NONE), OrderRef::Client(ClientOrderId::EMPTY)];
        let market = OrderCommand::market(ID, Side::Sell, 1);
        let cases = [
            (OrderCommand::limit(InstrumentId::NONE, Side::Buy, 1, 1), Malformed::NoInstrument),
            (OrderCommand::cancel(InstrumentId::NONE, order), Malformed::NoInstrument),
            (OrderCommand::limit(ID, Side::Buy, 1, -1), Malformed::QuantityNotPositive),
            (OrderCommand::market(ID, Side::Buy, 0), Malformed::QuantityNotPositive),
            (OrderCommand::replace(ID, order, 1, 0), Malformed::QuantityNotPositive),
            (OrderCommand::limit(ID, Side::Buy, 0, 1), Malformed::PriceNotPositive),
            (OrderCommand::limit(ID, Side::Buy, i64::MIN, 1), Malformed::PriceNotPositive),
            (OrderCommand::replace(ID, order, -1, 1), Malformed::PriceNotPositive),
            (LIMIT.post_only().time_in_force(TimeInForce::ImmediateOrCancel), Malformed::PostOnlyMustRest),
            (LIMIT.post_only().time_in_force(TimeInForce::FillOrKill), Malformed::PostOnlyMustRest),
            (market.post_only(), Malformed::PostOnlyMarket),
            (market.time_in_force(TimeInForce::GoodTilCancelled), Malformed::MarketMustNotRest),
            (OrderCommand::cancel(ID, nothing[0]), Malformed::NoTarget),
            (OrderCommand::replace(ID, nothing[1], 1, 1), Malformed::NoTarget),
        ];
        let (producer, _reactor) = ring(cases.len(), None);
        let mut orders = OrderProducer::new(StrategyId(0), 0, producer);
        for (command, why) in cases {
            assert_eq!(orders.submit(command, NOW), Err(SubmitError::Malformed(why)), "{command:?}");
        }
        assert_eq!(orders.counters().pushed(), 0);
    }

    #[test]
    fn every_sound_kind_of_command_is_taken() {
        let order = OrderRef::Request(RequestId(1));
        let sound = [
            LIMIT,
            LIMIT.post_only(),
            LIMIT.time_in_force(TimeInForce::FillOrKill),
            OrderCommand::market(ID, Side::Sell, 1),
            OrderCommand::market_quote(ID, Side::Buy, 1),
            OrderCommand::cancel(ID, order),
            OrderCommand::replace(ID, order, 1, 1),
            OrderCommand::prepared(PreparedSlot::new(ID, 0, 1)),
        ];
        let (producer, reactor) = ring(sound.len(), None);
        let mut orders = OrderProducer::new(StrategyId(0), 0, producer);
        for command in sound {
            orders.submit(command, NOW).unwrap();
        }
        assert_eq!(reactor.len(), sound.len());
    }

    #[test]
    fn a_gone_reactor_is_told_apart_from_a_slow_one() {
        let (producer, reactor) = ring(2, None);
        let mut orders = OrderProducer::new(StrategyId(0), 0, producer);
        drop(reactor);
        assert!(orders.is_dead());
        assert_eq!(orders.submit(LIMIT, NOW), Err(SubmitError::Dead));
    }
}
