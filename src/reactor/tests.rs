//! The end of a reactor, without any venue.

use super::*;
use crate::engine::EngineConfig;
use crate::guard::BreakerRules;
use crate::keeper::{Life, Pulse};
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{ExecutionRecord, InstrumentId, Side};
use crate::ring::{ring, Consumer, OrderProducer};

/// A reactor that speaks to nobody.
fn reactor() -> (Reactor, Pulse) {
    let engine = Engine::new(EngineConfig {
        coinbase: None,
        binance_us: None,
        oanda: None,
        ids: ClientOrderIds::new("xc", 1).unwrap(),
        limits: None,
        breaker: BreakerRules::default(),
        order_limits: OrderLimits::default(),
        reconcile: ReconcileRules::default(),
        book_blocks_max: 64,
    });
    let pulse = Pulse::default();
    let reactor = Reactor::new(Parts {
        poller: Poller::new(Idle::Busy).unwrap(),
        engine: engine.unwrap(),
        dials: Vec::new(),
        dialed: Vec::new(),
        tokens: None,
        clock: Clock::start().0,
        hops: Hops::new(),
        counters: Counters::new(),
        audit: None,
        dead_man_ms: None,
        heart: pulse.heart(),
        told: ToldUntil::default(),
    });
    (reactor, pulse)
}

/// A strategy of it: where its commands go in, and where its executions come out.
fn strategy(reactor: &Reactor) -> (OrderProducer, Consumer<ExecutionRecord>) {
    let id = StrategyId(0);
    let ((market, _), (statistics, _)) = (ring(16, None), ring(16, None));
    let ((executions, told), (commands, orders)) = (ring(16, None), ring(16, None));
    let rings = StrategyRings { id, market, statistics, executions, orders, heart: Heartbeat::default() };
    assert!(reactor.control().send(ControlMessage::AddStrategy(Box::new(rings))).is_ok());
    (OrderProducer::new(id, 0, commands), told)
}

fn order() -> OrderCommand {
    OrderCommand::limit(InstrumentId(0), Side::Buy, 100, 1)
}

#[test]
fn nothing_is_taken_after_the_order_to_end() {
    let (mut reactor, pulse) = reactor();
    let (mut orders, mut told) = strategy(&reactor);
    assert!(reactor.poll_once());
    orders.submit(order(), UnixNanos(1)).unwrap();
    reactor.poll_once();
    assert!(told.pop().is_some(), "a command is answered while it turns");

    orders.submit(order(), UnixNanos(1)).unwrap();
    assert!(reactor.control().send(ControlMessage::End).is_ok());
    assert!(reactor.poll_once() && reactor.is_stopped());
    assert!(told.pop().is_none());
    drop(reactor);
    assert_eq!(pulse.life(), Life::Stopped);
}
