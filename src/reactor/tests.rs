//! The end of a reactor, without any venue; and of a connection to a peer that does not read.

use super::*;
use crate::engine::{CoinbaseSetup, EngineConfig};
use crate::guard::BreakerRules;
use crate::keeper::{Life, Pulse};
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{ExecutionRecord, InstrumentId, Side};
use crate::ring::{ring, Consumer, OrderProducer};

/// A reactor that speaks to nobody.
fn reactor() -> (Reactor, Pulse) {
    reactor_of(None, Vec::new(), Vec::new())
}

fn reactor_of(
    coinbase: Option<CoinbaseSetup>,
    dials: Vec<(DialHandle, DialJob)>,
    dialed: Vec<mpsc::Receiver<DialResult>>,
) -> (Reactor, Pulse) {
    let engine = Engine::new(EngineConfig {
        coinbase,
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
        dials,
        dialed,
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

#[cfg(feature = "sim")]
#[test]
fn a_peer_that_asks_and_does_not_read_the_answers_is_left_before_they_fill_the_memory() {
    use crate::codec::websocket::CONTROL_BYTES_MAX;
    use crate::dialer::{Dialer, DialerSettings, Endpoint, EndpointKind};
    use crate::link::testing::{read_head, Authority, Server, HOST, LONG};
    use crate::venue::coinbase::{MarketFeeds, StreamConfig};
    use std::io::Write;
    use tungstenite::handshake::derive_accept_key;

    let authority = Authority::new();
    let server = Server::tls(authority.server(), |stream| {
        let head = read_head(stream);
        let key = head.lines().filter_map(|line| line.split_once(": "));
        let key = key.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).unwrap().1;
        let accept = derive_accept_key(key.as_bytes());
        let answer = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
        let pings = [&[0x89, CONTROL_BYTES_MAX as u8][..], &[b'x'; CONTROL_BYTES_MAX]].concat().repeat(100);
        let mut open = stream.write_all(format!("{answer}{accept}\r\n\r\n").as_bytes()).is_ok();
        while open {
            open = stream.write_all(&pings).is_ok();
        }
    });
    let (addr, wake) = (server.addr, std::sync::Arc::new(|| ()));
    let lookup = std::sync::Arc::new(move |_: &str, _: u16| Ok(vec![addr]));
    let settings = DialerSettings { lookup, ..DialerSettings::new("testex", authority.client(), 100, wake) };
    let (dialer, dialed) = Dialer::start(settings).unwrap();
    let endpoint = Endpoint { host: HOST.into(), port: 443, path: "/".into(), kind: EndpointKind::WebSocket };
    let job = DialJob {
        conn: 0,
        attempt: 0,
        endpoint,
        not_before: UnixNanos::NONE,
        attempt_timeout_ms: 10_000,
        local_address: None,
        user_agent: String::new(),
        headers: Vec::new(),
    };
    let coinbase = CoinbaseSetup { stream: StreamConfig::default(), market: MarketFeeds::default(), orders: None };
    let (mut reactor, _pulse) = reactor_of(Some(coinbase), vec![(dialer.handle(), job)], vec![dialed]);
    let began = std::time::Instant::now();
    while reactor.sink.counters.get(Counter::Disconnects) == 0 {
        reactor.poll_once();
        let waiting = reactor.sink.outboxes.iter().map(|outbox| outbox.pending().len()).max();
        assert!(waiting < Some(4 * UNSENT_BYTES_MAX) && began.elapsed() < LONG, "{waiting:?} bytes wait");
    }
}
