use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Interest, Poll, Token};
use tungstenite::handshake::derive_accept_key;

use super::*;
use crate::codec::websocket::HandshakeError;
use crate::link::{LinkError, ReceivedTo, TlsReason};

/// The answer that accepts the upgrade in `head`.
fn accept(head: &str) -> String {
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ").or(line.strip_prefix("sec-websocket-key: ")));
    let accept = derive_accept_key(key.unwrap().as_bytes());
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
}

fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::tls(CONFIGS.0.clone(), move |stream| {
        let head = read_head(stream);
        stream.write_all(answer(&head).as_bytes()).unwrap();
        wait_for_close(stream);
    })
}

#[test]
fn frames_in_the_segment_of_the_upgrade_come_over_with_the_link() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let server = Server::tls(CONFIGS.0.clone(), {
        let heads = heads.clone();
        move |stream| {
            let head = read_head(stream);
            let mut answer = accept(&head).into_bytes();
            heads.lock().unwrap().push(head);
            answer.extend_from_slice(b"\x81\x05first");
            stream.write_all(&answer).unwrap();
            gone.lock().unwrap().recv_timeout(LONG).unwrap();
            stream.write_all(b"\x81\x06second").unwrap();
            wait_for_close(stream);
        }
    });
    let bench = Bench::to(server.addr);
    let result = bench.dial(job(EndpointKind::WebSocket));
    let mut link = result.outcome.unwrap();
    assert_eq!((result.conn, result.attempt, result.peer), (7, 1, Some(server.addr)));
    assert_eq!(result.local.unwrap(), link.wire.socket().local_addr().unwrap());
    assert!(link.wire.socket().nodelay().unwrap());
    assert!(result.timings.tls_us > 0 && result.timings.upgrade_us > 0);
    eventually("the doorbell, which rings after the result", || bench.woken.load(Ordering::SeqCst) == 1);
    let head = heads.lock().unwrap()[0].to_lowercase();
    assert!(head.starts_with("get /ws/listen-key?x=1 http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: venue.test\r\n") && head.contains("\r\nx-secret: hunter2\r\n"), "{head}");
    assert!(head.contains("\r\nuser-agent: ec-test/1\r\n"), "{head}");

    let mut poll = Poll::new().unwrap();
    poll.registry().register(link.wire.socket_mut(), Token(0), Interest::READABLE).unwrap();
    assert_eq!(link.wire.receive(&mut link.inbox, 65_536).unwrap().to, ReceivedTo::Drained);
    assert_eq!(link.inbox.unread(), b"\x81\x05first", "before the first poll");
    link.inbox.consume(7);
    go.send(()).unwrap();
    let mut events = Events::with_capacity(4);
    eventually("an event for the second frame", || {
        poll.poll(&mut events, Some(Duration::from_millis(20))).unwrap();
        link.wire.receive(&mut link.inbox, 65_536).unwrap();
        link.inbox.unread() == b"\x81\x06second"
    });
}

#[test]
fn an_http_connection_comes_over_without_a_byte_sent() {
    let server = answering(|_| "HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let result = Bench::to(server.addr).dial(job(EndpointKind::Http));
    let mut link = result.outcome.unwrap();
    assert_eq!((link.outbox.end_offset(), link.inbox.len(), result.timings.upgrade_us), (0, 0, 0));
    link.outbox.append(|out| out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"));
    link.wire.flush(&mut link.outbox).unwrap();
    eventually("the answer", || {
        link.wire.receive(&mut link.inbox, 65_536).unwrap();
        link.inbox.unread().starts_with(b"HTTP/1.1 204")
    });
}

#[test]
fn a_refused_upgrade_says_who_refused_and_why() {
    let server =
        answering(|_| "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\nslow down".to_owned());
    let error = Bench::to(server.addr).failure(job(EndpointKind::WebSocket));
    assert_eq!(
        error.to_string(),
        "testex: no connection to venue.test:443: websocket upgrade refused with status 429: slow down; asked to wait 3 s"
    );
    let refused = DialReason::Upgrade(HandshakeError::Refused {
        status: 429,
        retry_after_s: Some(3),
        excerpt: "slow down".into(),
    });
    assert_eq!(format!("{:?}", error.reason), format!("{refused:?}"));
}

#[test]
fn a_host_that_says_when_to_come_again_is_not_dialled_before_that_for_any_websocket() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = answering({
        let asked = asked.clone();
        move |head| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n".to_owned(),
            _ => accept(head),
        }
    });
    let bench = Bench::to(server.addr);
    let began = Instant::now();
    bench.failure(job(EndpointKind::WebSocket));
    bench.dialer.handle().dial(DialJob { conn: 1, ..job(EndpointKind::WebSocket) }).unwrap();
    assert_eq!(bench.dial(DialJob { conn: 2, ..job(EndpointKind::Http) }).conn, 2, "what needs no upgrade goes ahead");
    let waited = bench.results.recv_timeout(LONG).unwrap();
    assert_eq!((waited.conn, waited.outcome.is_ok()), (1, true));
    assert!(began.elapsed() >= Duration::from_secs(3), "the host asked for that");
}

#[test]
fn a_refusal_that_is_cut_off_is_still_a_refusal() {
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 900\r\n\r\nmaint").unwrap();
    });
    let error = Bench::to(server.addr).failure(job(EndpointKind::WebSocket)).to_string();
    assert!(error.ends_with("websocket upgrade refused with status 503: maint"), "{error}");
}

#[test]
fn garbage_instead_of_http_is_told() {
    let server = answering(|_| "\u{1}\u{2}what?\r\n\r\n".to_owned());
    let error = Bench::to(server.addr).failure(job(EndpointKind::WebSocket));
    assert!(matches!(*error.reason, DialReason::Upgrade(HandshakeError::Http(_))), "{error}");
}

#[test]
fn a_server_that_hangs_up_on_the_upgrade_is_a_loss() {
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        read_head(stream);
    });
    let error = Bench::to(server.addr).failure(job(EndpointKind::WebSocket));
    assert!(matches!(*error.reason, DialReason::UpgradeLost(_)), "{error}");
}

#[test]
fn silence_in_each_phase_is_a_timeout_of_that_phase() {
    let short = |kind| DialJob { attempt_timeout_ms: 150, ..job(kind) };
    let silent = Server::tcp(|mut socket| wait_for_close(&mut socket));
    let error = Bench::to(silent.addr).failure(short(EndpointKind::Http));
    assert!(matches!(*error.reason, DialReason::Timeout(Phase::Tls)), "{error}");

    let mute = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let error = Bench::to(mute.addr).failure(short(EndpointKind::WebSocket));
    assert_eq!(error.to_string(), "testex: no connection to venue.test:443: timed out in the websocket upgrade");

    let bench = Bench::with(100, |_, _| {
        std::thread::sleep(Duration::from_millis(600));
        Ok(Vec::new())
    });
    let error = bench.failure(short(EndpointKind::Http));
    assert!(matches!(*error.reason, DialReason::Timeout(Phase::Resolve)), "{error}");
}

#[test]
fn a_bad_certificate_is_told_apart() {
    let server = Server::tls(Authority::new().server(), |_| ());
    let error = Bench::to(server.addr).failure(job(EndpointKind::Http));
    let DialReason::Tls(LinkError::Tls { reason, .. }) = &*error.reason else { panic!("{error}") };
    assert_eq!(*reason, TlsReason::UnknownIssuer);
}

#[test]
fn a_refused_connection_and_an_unknown_name_are_told_apart() {
    let error = Bench::to(NOBODY).failure(job(EndpointKind::Http));
    assert!(matches!(*error.reason, DialReason::Connect { tried: 1, .. }), "{error}");
    let bench = Bench::with(100, |_, _| Err(io::Error::other("no such name")));
    let error = bench.failure(job(EndpointKind::Http));
    assert!(error.to_string().contains("the name does not resolve (no such name)"), "{error}");
    let bench = Bench::with(100, |_, _| Ok(Vec::new()));
    assert!(matches!(*bench.failure(job(EndpointKind::Http)).reason, DialReason::NoAddress { local_bound: false }));
}

#[test]
fn of_several_addresses_one_that_answers_wins() {
    let server = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let live = server.addr;
    let result = Bench::with(100, move |_, _| Ok(vec![NOBODY, live])).dial(job(EndpointKind::Http));
    assert_eq!(result.peer, Some(live));
    result.outcome.unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_local_address_asked_for_is_used() {
    let server = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let bench = Bench::to(server.addr);
    let local = "127.0.0.2".parse().unwrap();
    let result = bench.dial(DialJob { local_address: Some(local), ..job(EndpointKind::Http) });
    assert_eq!(result.local.unwrap().ip(), local);
    let error = bench.failure(DialJob { local_address: Some("::1".parse().unwrap()), ..job(EndpointKind::Http) });
    assert!(matches!(*error.reason, DialReason::NoAddress { local_bound: true }), "{error}");
}

#[test]
fn a_name_that_resolved_once_is_dialed_when_dns_fails() {
    let server = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let (asked, addr) = (AtomicUsize::new(0), server.addr);
    let bench = Bench::with(100, move |_, _| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(vec![addr]),
        _ => Err(io::Error::other("DNS is down")),
    });
    for _ in 0..2 {
        bench.dial(job(EndpointKind::Http)).outcome.unwrap();
    }
}

#[test]
fn several_are_dialed_at_once_but_never_above_the_venues_budget() {
    let server = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let addr = server.addr;
    let bench = Bench::with(2, move |_, _| Ok(vec![addr]));
    let began = Instant::now();
    for conn in 0..3 {
        bench.dialer.handle().dial(DialJob { conn, ..job(EndpointKind::Http) }).unwrap();
    }
    let results: Vec<DialResult> = (0..3).map(|_| bench.results.recv_timeout(LONG).unwrap()).collect();
    assert!(began.elapsed() >= Duration::from_millis(1_100));
    let mut conns: Vec<u16> = results.iter().map(|result| result.conn).collect();
    conns.sort_unstable();
    assert_eq!(conns, [0, 1, 2]);
    assert!(results.iter().all(|result| result.outcome.is_ok()));
}

#[test]
fn a_job_waits_for_its_time_while_others_go_ahead() {
    let server = Server::tls(CONFIGS.0.clone(), wait_for_close);
    let bench = Bench::to(server.addr);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let not_before = UnixNanos(u64::try_from(now.as_nanos()).unwrap()).plus_ms(300);
    let began = Instant::now();
    assert_eq!(bench.dial(DialJob { conn: 1, not_before, ..job(EndpointKind::Http) }).conn, 1);
    assert!(began.elapsed() >= Duration::from_millis(290));
    let never = DialJob { conn: 2, not_before: UnixNanos::MAX, ..job(EndpointKind::Http) };
    bench.dialer.handle().dial(never).unwrap();
    assert_eq!(bench.dial(DialJob { conn: 3, ..job(EndpointKind::Http) }).conn, 3);
}

#[test]
fn shutdown_is_prompt_and_answers_every_job() {
    let (hang, hung) = std::sync::mpsc::channel::<()>();
    let hung = Mutex::new(hung);
    let bench = Bench::with(100, move |_, _| {
        // DNS that does not answer until the test is over.
        let _ = hung.lock().unwrap().recv_timeout(LONG);
        Err(io::Error::other("late"))
    });
    let handle = bench.dialer.handle();
    handle.dial(job(EndpointKind::Http)).unwrap();
    handle.dial(DialJob { conn: 8, not_before: UnixNanos::MAX, ..job(EndpointKind::Http) }).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let began = Instant::now();
    bench.dialer.shutdown();
    assert!(began.elapsed() < Duration::from_millis(1_000), "{:?}", began.elapsed());
    let mut results: Vec<DialResult> = bench.results.iter().collect();
    results.sort_by_key(|result| result.conn);
    assert_eq!(results.iter().map(|result| result.conn).collect::<Vec<_>>(), [7, 8]);
    for result in results {
        assert!(matches!(*result.outcome.unwrap_err().reason, DialReason::Shutdown));
    }
    assert_eq!(handle.dial(job(EndpointKind::Http)), Err(DialerStopped));
    drop(hang);
}

#[test]
fn what_may_be_secret_in_a_job_is_not_in_its_debug() {
    let shown = format!("{:?}", job(EndpointKind::WebSocket));
    assert!(shown.contains("venue.test:443"), "{shown}");
    assert!(!shown.contains("listen-key") && !shown.contains("hunter2"), "{shown}");
}
