#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rustls::{ClientConfig, ServerConfig};

use super::testing::*;
use super::*;

static CONFIGS: LazyLock<(Arc<ServerConfig>, Arc<ClientConfig>)> = LazyLock::new(|| {
    let authority = Authority::new();
    (authority.server(), authority.client())
});
static NEVER: AtomicBool = AtomicBool::new(false);

fn soon() -> Patience<'static> {
    Patience { deadline: Instant::now() + LONG, stop: &NEVER }
}

fn in_memory() -> Link<FakeSocket> {
    link_in_memory(CONFIGS.0.clone(), CONFIGS.1.clone())
}

fn peer(link: &mut Link<FakeSocket>) -> &mut Peer {
    &mut link.wire.socket_mut().peer
}

fn handshake_error(server: Arc<ServerConfig>, client: Arc<ClientConfig>) -> String {
    let server = Server::tls(server, |_| ());
    Link::handshake(server.socket(), client, host(), soon()).unwrap_err().to_string()
}

#[test]
fn bytes_reach_the_reactors_link_in_order_across_the_hand_over() {
    let server = Server::tls(CONFIGS.0.clone(), |stream| {
        // One segment: a record of greeting, three more, and after a pause the rest.
        for piece in ["hello ", "A", "B", "C"] {
            stream.conn.writer().write_all(piece.as_bytes()).unwrap();
        }
        stream.conn.complete_io(&mut stream.sock).unwrap();
        assert_eq!(read_head(stream), "thanks\r\n\r\n");
        stream.write_all(b"D").unwrap();
        wait_for_close(stream);
    });
    let mut link = Link::handshake(server.socket(), CONFIGS.1.clone(), host(), soon()).unwrap();
    while link.inbox.len() < 6 {
        link.wait(soon()).unwrap();
    }
    assert_eq!(&link.inbox.unread()[..6], b"hello ");
    link.inbox.consume(6);

    let mut link = std::thread::spawn(move || link.into_nonblocking().unwrap()).join().unwrap();
    eventually("what was under way at the hand-over", || {
        link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
        link.inbox.len() == 3
    });
    assert_eq!(link.inbox.unread(), b"ABC");
    link.outbox.append(|out| out.extend_from_slice(b"thanks\r\n\r\n"));
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!(flushed, Flushed { written_offset: 10, began_offset: 10, blocked: false });
    eventually("the answer", || {
        link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
        link.inbox.unread() == b"ABCD"
    });
}

#[test]
fn both_tls_versions_are_spoken() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut link = link_in_memory(authority.server_of(HOST, |_| (), &[version]), authority.client());
        peer(&mut link).send(b"ping");
        link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
        link.outbox.append(|out| out.extend_from_slice(b"pong"));
        link.wire.flush(&mut link.outbox).unwrap();
        peer(&mut link).pump();
        assert_eq!(link.inbox.unread(), b"ping");
        assert_eq!(peer(&mut link).received, b"pong");
    }
}

#[test]
fn an_expired_certificate_is_named_as_such() {
    let authority = Authority::new();
    let server = authority.server_with(HOST, |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let error = handshake_error(server, authority.client());
    assert!(error.starts_with("TLS with venue.test: its certificate expired "), "{error}");
}

#[test]
fn a_certificate_of_the_future_is_named_as_such() {
    let authority = Authority::new();
    let server = authority.server_with(HOST, |params| params.not_before = rcgen::date_time_ymd(2999, 1, 1));
    let error = handshake_error(server, authority.client());
    assert!(error.contains("not valid yet; check this machine's clock"), "{error}");
}

#[test]
fn a_certificate_for_somebody_else_names_him() {
    let authority = Authority::new();
    let error = handshake_error(authority.server_with("other.test", |_| ()), authority.client());
    assert!(error.contains("other.test") && error.contains("not for this host"), "{error}");
}

#[test]
fn an_unknown_authority_is_refused_without_the_extra_roots_and_accepted_with_them() {
    let authority = Authority::new();
    let error = handshake_error(authority.server(), tls_config(None).unwrap());
    assert!(error.contains("an authority that is not trusted"), "{error}");
    let server = Server::tls(authority.server(), |_| ());
    Link::handshake(server.socket(), authority.client(), host(), soon()).unwrap();
}

#[test]
fn a_server_that_never_answers_costs_no_more_than_the_deadline() {
    let server = Server::tcp(|mut socket| wait_for_close(&mut socket));
    let began = Instant::now();
    let patience = Patience { deadline: began + Duration::from_millis(120), stop: &NEVER };
    let error = Link::handshake(server.socket(), CONFIGS.1.clone(), host(), patience).unwrap_err();
    assert!(matches!(error, LinkError::GaveUp(GaveUp::TimedOut)), "{error}");
    assert!((100..2_000).contains(&began.elapsed().as_millis()));
}

#[test]
fn a_raised_stop_flag_ends_a_handshake_at_once() {
    let server = Server::tcp(|mut socket| wait_for_close(&mut socket));
    let stop = AtomicBool::new(true);
    let patience = Patience { deadline: Instant::now() + LONG, stop: &stop };
    let error = Link::handshake(server.socket(), CONFIGS.1.clone(), host(), patience).unwrap_err();
    assert!(matches!(error, LinkError::GaveUp(GaveUp::Stopped)), "{error}");
}

#[test]
fn a_server_without_tls_is_shown() {
    let server = Server::tcp(|mut socket| {
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        wait_for_close(&mut socket);
    });
    let error = Link::handshake(server.socket(), CONFIGS.1.clone(), host(), soon()).unwrap_err().to_string();
    assert_eq!(error, "the peer does not speak TLS (it sent \"HTTP/1.1 400 Bad Request\"); check host and port");
}

#[test]
fn a_server_that_hangs_up_in_the_handshake_is_a_truncation() {
    let server = Server::tcp(|mut socket| {
        socket.write_all(&[22, 3, 3, 0, 100, 1, 2]).unwrap();
        read_head(&mut std::io::Read::take(&mut socket, 100));
    });
    match Link::handshake(server.socket(), CONFIGS.1.clone(), host(), soon()).unwrap_err() {
        LinkError::Truncated { partial_bytes: 7 } => {}
        // The kernel resets where the server left bytes unread.
        LinkError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("{other}"),
    }
}

#[test]
fn data_before_a_goodbye_is_delivered_and_the_goodbye_is_no_error() {
    let mut link = in_memory();
    peer(&mut link).send(b"last words");
    peer(&mut link).tls.send_close_notify();
    peer(&mut link).collect();
    peer(&mut link).ended = true;
    let received = link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
    assert_eq!(received.to, ReceivedTo::Closed);
    assert_eq!(link.inbox.unread(), b"last words");
    assert_eq!(link.wire.receive(&mut link.inbox, usize::MAX).unwrap().to, ReceivedTo::Closed);
}

#[test]
fn an_end_without_goodbye_is_a_truncation_behind_the_data() {
    let mut link = in_memory();
    peer(&mut link).send(b"last words");
    peer(&mut link).send(b"cut");
    peer(&mut link).to_client.pop_back();
    peer(&mut link).ended = true;
    link.wire.note_closing();
    let error = link.wire.receive(&mut link.inbox, usize::MAX).unwrap_err();
    assert!(matches!(error, LinkError::Truncated { partial_bytes: 1.. }), "{error}");
    assert_eq!(link.inbox.unread(), b"last words");
}

#[test]
fn a_short_read_is_the_end_of_it_unless_the_peer_is_closing() {
    let mut link = in_memory();
    peer(&mut link).send(b"data");
    peer(&mut link).ended = true;
    assert_eq!(link.wire.fill(usize::MAX).unwrap().to, FilledTo::Drained);
    let mut link = in_memory();
    peer(&mut link).send(b"data");
    peer(&mut link).ended = true;
    link.wire.note_closing();
    assert_eq!(link.wire.fill(usize::MAX).unwrap().to, FilledTo::Eof);
}

#[test]
fn a_changed_byte_is_a_tls_error_and_the_peer_is_told() {
    let mut link = in_memory();
    peer(&mut link).send(b"data");
    *peer(&mut link).to_client.back_mut().unwrap() ^= 1;
    let error = link.wire.receive(&mut link.inbox, usize::MAX).unwrap_err().to_string();
    assert!(error.starts_with("TLS with venue.test: protocol error"), "{error}");
    assert!(link.wire.wants_flush(&link.outbox), "the alert");
    link.wire.flush(&mut link.outbox).unwrap();
}

#[test]
fn a_key_update_is_answered_by_the_next_flush() {
    let mut link = in_memory();
    peer(&mut link).tls.refresh_traffic_keys().unwrap();
    peer(&mut link).send(b"under the new key");
    link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
    assert_eq!(link.inbox.unread(), b"under the new key");
    // TLS keeps its answer for the next record we send, or says so.
    link.outbox.append(|out| out.extend_from_slice(b"and ours"));
    link.wire.flush(&mut link.outbox).unwrap();
    peer(&mut link).pump();
    assert_eq!(peer(&mut link).received, b"and ours");
}

#[test]
fn all_that_is_appended_before_one_flush_leaves_in_one_write() {
    let mut link = in_memory();
    for _ in 0..20 {
        link.outbox.append(|out| out.extend_from_slice(&[7; 700]));
    }
    // The first write takes everything; a second one would block.
    peer(&mut link).writes = [usize::MAX, 0].into();
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!(flushed, Flushed { written_offset: 14_000, began_offset: 14_000, blocked: false });
}

#[test]
fn an_order_that_did_not_begin_to_leave_is_told_from_one_that_did() {
    let mut link = in_memory();
    let first = link.outbox.append(|out| out.extend_from_slice(b"first order"));
    peer(&mut link).writes = [5, 0].into();
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!(flushed, Flushed { written_offset: 0, began_offset: first, blocked: true });
    let second = link.outbox.append(|out| out.extend_from_slice(b"second order"));
    peer(&mut link).writes = [3, 0].into();
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!((flushed.written_offset, flushed.began_offset), (0, first), "the second waits for the first");
    peer(&mut link).writes = [usize::MAX, 0].into();
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!(flushed, Flushed { written_offset: first, began_offset: first, blocked: true });
    let flushed = link.wire.flush(&mut link.outbox).unwrap();
    assert_eq!(flushed, Flushed { written_offset: second, began_offset: second, blocked: false });
}

#[test]
fn a_full_inbox_stops_decryption_and_loses_nothing() {
    let mut link = in_memory();
    let sent: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    peer(&mut link).send(&sent);
    assert_eq!(link.wire.receive(&mut link.inbox, usize::MAX).unwrap().to, ReceivedTo::InboxFull);
    let mut seen = Vec::new();
    let mut turns = 0;
    while seen.len() < sent.len() {
        let unread = link.inbox.unread();
        let take = unread.len().min(16 * 1024);
        seen.extend_from_slice(&unread[..take]);
        link.inbox.consume(take);
        link.wire.receive(&mut link.inbox, 64 * 1024).unwrap();
        turns += 1;
        assert!(turns < 100, "stuck");
    }
    assert_eq!(seen, sent);
}

#[test]
fn roots_that_cannot_be_used_name_their_file() {
    let missing = tls_config(Some(std::path::Path::new("no/such/file.pem"))).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the file of extra certificate authorities no/such/file.pem"), "{missing}");
    let empty = TempFile::with("nothing here\n");
    assert!(matches!(tls_config(Some(&empty.0)), Err(TlsConfigError::Empty { .. })));
    let broken = TempFile::with("-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n");
    assert!(matches!(tls_config(Some(&broken.0)), Err(TlsConfigError::NotPem { .. })));
    let junk = TempFile::with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(matches!(tls_config(Some(&junk.0)), Err(TlsConfigError::NotARoot { index: 1, .. })));
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    let (resumed_tx, resumed) = std::sync::mpsc::channel();
    let resumed_tx = std::sync::Mutex::new(resumed_tx);
    let authority = Authority::new();
    let client = authority.client();
    let server = Server::tls(authority.server(), move |stream| {
        stream.write_all(b"x").unwrap();
        resumed_tx.lock().unwrap().send(stream.conn.handshake_kind()).unwrap();
        wait_for_close(stream);
    });
    for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let mut link = Link::handshake(server.socket(), client.clone(), host(), soon()).unwrap();
        link.wait(soon()).unwrap();
        assert_eq!(resumed.recv_timeout(LONG).unwrap(), Some(expected));
    }
}

#[derive(Debug, Clone)]
enum Move {
    Append(usize),
    Flush(Vec<usize>),
    ServerSends(usize),
    Receive { budget: usize, reads: Vec<usize> },
    Consume(usize),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let sizes = || proptest::collection::vec(prop_oneof![Just(0_usize), 1_usize..40, 1_usize..40_000], 0..6);
    proptest::collection::vec(
        prop_oneof![
            prop_oneof![0_usize..900, 0_usize..40_000].prop_map(Move::Append),
            sizes().prop_map(Move::Flush),
            prop_oneof![0_usize..900, 0_usize..120_000].prop_map(Move::ServerSends),
            (prop_oneof![1_usize..900, Just(usize::MAX)], sizes())
                .prop_map(|(budget, reads)| Move::Receive { budget, reads }),
            (0_usize..200_000).prop_map(Move::Consume),
        ],
        1..30,
    )
}

/// Bytes whose value depends on their place, so that none can stand for another.
fn put_bytes(stream: &mut Vec<u8>, count: usize) -> Vec<u8> {
    let from = stream.len();
    stream.extend((from..from + count).map(|n| (n % 253) as u8));
    stream[from..].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_of_reads_and_writes_delivers_the_same_bytes_and_true_offsets(moves in moves()) {
        let mut link = in_memory();
        let (mut up, mut down, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = Flushed::default();
        for step in moves.into_iter().chain([Move::Flush(Vec::new())]) {
            match step {
                Move::Append(count) => {
                    let bytes = put_bytes(&mut up, count);
                    prop_assert_eq!(link.outbox.append(|out| out.extend_from_slice(&bytes)), up.len() as u64);
                }
                Move::Flush(mut writes) => {
                    let blocks = !writes.is_empty();
                    if blocks {
                        writes.push(0);
                    }
                    peer(&mut link).writes = writes.into();
                    let flushed = link.wire.flush(&mut link.outbox).unwrap();
                    prop_assert!(blocks || !flushed.blocked);
                    prop_assert!(flushed.written_offset >= before.written_offset);
                    prop_assert!(flushed.began_offset >= before.began_offset);
                    prop_assert!(flushed.written_offset <= flushed.began_offset);
                    prop_assert!(flushed.began_offset <= up.len() as u64);
                    before = flushed;
                    peer(&mut link).writes.clear();
                    peer(&mut link).pump();
                    let arrived = peer(&mut link).received.len() as u64;
                    prop_assert!(arrived >= flushed.written_offset && arrived <= flushed.began_offset);
                }
                Move::ServerSends(count) => {
                    let bytes = put_bytes(&mut down, count);
                    peer(&mut link).send(&bytes);
                }
                Move::Receive { budget, reads } => {
                    peer(&mut link).reads = reads.into();
                    link.wire.receive(&mut link.inbox, budget).unwrap();
                    peer(&mut link).reads.clear();
                }
                Move::Consume(count) => {
                    let unread = link.inbox.unread();
                    let count = count.min(unread.len());
                    seen.extend_from_slice(&unread[..count]);
                    link.inbox.consume(count);
                }
            }
        }
        prop_assert_eq!(before.written_offset, up.len() as u64);
        prop_assert_eq!(&peer(&mut link).received, &up);
        for _ in 0..200 {
            link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
            seen.extend_from_slice(link.inbox.unread());
            link.inbox.consume(usize::MAX);
        }
        prop_assert!(seen == down, "{} of {} bytes", seen.len(), down.len());
    }
}
