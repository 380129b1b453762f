use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::resolve::Names;
use super::*;
use crate::codec::http1::Method;

fn get() -> ColdJob {
    query(Method::Get, "GET /fills HTTP/1.1\r\nHost: venue.test\r\n\r\n")
}

fn post() -> ColdJob {
    query(Method::Post, "POST /orders HTTP/1.1\r\nHost: venue.test\r\nContent-Length: 0\r\n\r\n")
}

fn query(method: Method, request: &'static str) -> ColdJob {
    ColdJob {
        endpoint: endpoint(EndpointKind::Http),
        method,
        build: Box::new(move |out| {
            out.extend_from_slice(request.as_bytes());
            Ok(())
        }),
        timeout_ms: 10_000,
        body_bytes_max: 8 << 20,
    }
}

/// Answers the n-th request of a connection with `answers[n]`, then hangs up.
fn answering(answers: &'static [&'static str]) -> Server {
    Server::tls(CONFIGS.0.clone(), move |stream| {
        for answer in answers {
            if read_head(stream).is_empty() {
                return;
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
        stream.conn.send_close_notify();
        let _ = stream.conn.complete_io(&mut stream.sock);
    })
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Mbx-Used: 7\r\n\r\nok";

#[test]
fn answers_are_owned_however_their_bodies_are_framed() {
    let server = answering(&[OK]);
    let response = Bench::to(server.addr).dialer.cold().run(get()).unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, &b"ok"[..]));
    assert_eq!(response.header("x-mbx-used"), Some(&b"7"[..]));
    assert_eq!(format!("{response:?}"), "OwnedResponse(200, 2 headers, 2 bytes)");
    let server = answering(&["HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n0\r\n\r\n"]);
    let response = Bench::to(server.addr).dialer.cold().run(get()).unwrap();
    assert_eq!((response.status, response.body.as_slice()), (404, &b"not"[..]));
    let server = answering(&["HTTP/1.1 200 OK\r\n\r\nuntil the end"]);
    let response = Bench::to(server.addr).dialer.cold().run(get()).unwrap();
    assert_eq!(response.body, b"until the end");
}

#[test]
fn a_worker_uses_its_connection_again_and_replaces_one_that_was_closed() {
    let server = answering(&[OK, OK]);
    let bench = Bench::to(server.addr);
    let venue = bench.dialer.venue_for_tests();
    let mut client = ColdClient::new(venue, Names::Asked);
    let endpoint = endpoint(EndpointKind::Http);
    let request = ColdRequest {
        endpoint: &endpoint,
        method: Method::Post,
        bytes: b"POST / HTTP/1.1\r\n\r\n",
        body_bytes_max: 100,
    };
    for (accepted, ended) in [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2)] {
        assert_eq!(client.exchange(request, LONG).unwrap().status, 200);
        assert_eq!(server.accepted.load(Ordering::SeqCst), accepted);
        eventually("the goodbye after the second answer", || server.ended.load(Ordering::SeqCst) == ended);
    }
}

#[test]
fn a_lifeline_reaches_a_venue_it_knew_while_dns_hangs() {
    let server = answering(&[OK]);
    let (addr, asked) = (server.addr, AtomicUsize::new(0));
    let bench = Bench::with(100, move |_, _| {
        if asked.fetch_add(1, Ordering::SeqCst) > 0 {
            std::thread::park(); // a lookup that never returns
        }
        Ok(vec![addr])
    });
    let lifeline = bench.dialer.lifeline();
    assert_eq!(lifeline.run(get()).unwrap().status, 200);
    let began = std::time::Instant::now();
    // The server hangs up after each answer: every request needs a new connection.
    for _ in 0..3 {
        assert_eq!(lifeline.run(get()).unwrap().status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "DNS was waited for: {:?}", began.elapsed());
}

#[test]
fn a_lifeline_asks_dns_when_no_address_it_knew_takes_the_connection() {
    let server = answering(&[OK]);
    let (addr, asked) = (server.addr, AtomicUsize::new(0));
    let bench = Bench::with(100, move |_, _| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { NOBODY } else { addr }])
    });
    let lifeline = bench.dialer.lifeline();
    assert!(lifeline.run(get()).is_err());
    assert_eq!(lifeline.run(get()).unwrap().status, 200);
}

#[test]
fn a_body_far_longer_than_a_buffer_comes_whole() {
    const BYTES: usize = 3 << 20;
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        read_head(stream);
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n").as_bytes()).unwrap();
        let body: Vec<u8> = (0..BYTES).map(|n| (n % 241) as u8).collect();
        stream.write_all(&body).unwrap();
        wait_for_close(stream);
    });
    let response = Bench::to(server.addr).dialer.cold().run(get()).unwrap();
    assert_eq!(response.body.len(), BYTES);
    assert!(response.body.iter().enumerate().all(|(n, &byte)| byte == (n % 241) as u8));
}

/// Answers the first request of the first connection, and takes the second one to the grave.
fn dying() -> Server {
    let first = AtomicBool::new(true);
    Server::tls(CONFIGS.0.clone(), move |stream| {
        read_head(stream);
        stream.write_all(OK.as_bytes()).unwrap();
        let dies = first.swap(false, Ordering::SeqCst);
        read_head(stream);
        if !dies {
            stream.write_all(OK.as_bytes()).unwrap();
        }
    })
}

fn exchange_twice(server: &Server, method: Method) -> Result<OwnedResponse, ExchangeError> {
    let bench = Bench::to(server.addr);
    let mut client = ColdClient::new(bench.dialer.venue_for_tests(), Names::Asked);
    let endpoint = endpoint(EndpointKind::Http);
    let request = ColdRequest { endpoint: &endpoint, method, bytes: b"X / HTTP/1.1\r\n\r\n", body_bytes_max: 100 };
    client.exchange(request, LONG).unwrap();
    client.exchange(request, LONG)
}

#[test]
fn what_only_reads_is_asked_again_when_a_kept_connection_dies() {
    let server = dying();
    assert_eq!(exchange_twice(&server, Method::Get).unwrap().status, 200);
    assert_eq!(server.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn what_changes_something_is_never_sent_twice() {
    let server = dying();
    let error = exchange_twice(&server, Method::Post).unwrap_err();
    assert_eq!((error.written, server.accepted.load(Ordering::SeqCst)), (Written::MayHaveLeft, 1));
    assert!(error.to_string().ends_with("(the request may have been received)"), "{error}");
}

#[test]
fn a_cut_body_is_an_error_even_without_a_length() {
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        read_head(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of").unwrap();
        // No goodbye: the socket just closes.
    });
    let error = Bench::to(server.addr).dialer.cold().run(post()).unwrap_err();
    assert_eq!(error.written, Written::MayHaveLeft);
    assert!(matches!(*error.reason, ExchangeReason::Link(_)), "{error}");
}

#[test]
fn a_request_that_found_no_connection_was_not_sent() {
    let error = Bench::to(NOBODY).dialer.cold().run(post()).unwrap_err();
    assert_eq!(error.written, Written::Nothing);
    let text = error.to_string();
    assert!(text.starts_with("testex: no answer from venue.test: none of 1 addresses"), "{text}");
    assert!(text.ends_with("(nothing was sent)"), "{text}");
}

#[test]
fn a_server_that_does_not_answer_costs_the_timeout_and_leaves_the_outcome_open() {
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        let mut bytes = [0; 1024];
        while matches!(stream.read(&mut bytes), Ok(1..)) {}
    });
    let bench = Bench::to(server.addr);
    let error = bench.dialer.cold().run(ColdJob { timeout_ms: 200, ..post() }).unwrap_err();
    assert!(matches!(*error.reason, ExchangeReason::Timeout), "{error}");
    assert_eq!(error.written, Written::MayHaveLeft);
}

#[test]
fn a_request_that_waited_too_long_behind_others_is_not_even_made() {
    let server = answering(&[OK]);
    let bench = Bench::to(server.addr);
    let (busy, taken) = std::sync::mpsc::channel();
    let slow = || ColdJob {
        build: Box::new({
            let busy = busy.clone();
            move |_| {
                busy.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(300));
                Err("enough".into())
            }
        }),
        ..get()
    };
    std::thread::scope(|scope| {
        for slow in [slow(), slow()] {
            scope.spawn(|| bench.dialer.cold().run(slow).unwrap_err());
        }
        for _ in 0..2 {
            taken.recv_timeout(LONG).unwrap();
        }
        let made = Arc::new(AtomicBool::new(false));
        let build: Build = Box::new({
            let made = made.clone();
            move |_| {
                made.store(true, Ordering::SeqCst);
                Ok(())
            }
        });
        let error = bench.dialer.cold().run(ColdJob { build, timeout_ms: 0, ..get() }).unwrap_err();
        assert_eq!(error.written, Written::Nothing, "{error}");
        assert!(!made.load(Ordering::SeqCst));
    });
}

#[test]
fn a_request_that_cannot_be_made_and_one_that_panics_are_told_apart_and_the_workers_live_on() {
    let server = answering(&[OK]);
    let bench = Bench::to(server.addr);
    let error = bench.dialer.cold().run(ColdJob { build: Box::new(|_| Err("no token".into())), ..get() }).unwrap_err();
    assert!(error.to_string().contains("the request could not be made: no token"), "{error}");
    for _ in 0..3 {
        let error = bench.dialer.cold().run(ColdJob { build: Box::new(|_| panic!("on purpose")), ..get() });
        assert!(matches!(*error.unwrap_err().reason, ExchangeReason::Panicked));
    }
    assert_eq!(bench.dialer.cold().run(get()).unwrap().status, 200);
}

#[test]
fn after_shutdown_queries_are_refused_at_once() {
    let server = answering(&[OK]);
    let bench = Bench::to(server.addr);
    let cold = bench.dialer.cold();
    bench.dialer.shutdown();
    let error = cold.run(get()).unwrap_err();
    assert_eq!(error.written, Written::Nothing);
    assert!(matches!(*error.reason, ExchangeReason::Shutdown), "{error}");
}
