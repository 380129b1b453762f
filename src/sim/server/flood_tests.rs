//! Clients that ask without end or do not read: nobody else waits for them, and they lose nothing.

use super::tests::{dial_port, Tls};
use crate::sim::coinbase::{Config, LocalVenue, DOOR_REST};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const ASK: &[u8] = b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n";
/// A write that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(30);

fn dial(venue: &LocalVenue) -> Tls {
    let stream = dial_port(venue.ca_pem(), venue.port(DOOR_REST), "localhost");
    stream.sock.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Ends the flood when the test ends, however it does: the venue cannot stop before.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads until so many replies have come.
fn replies(stream: &mut Tls, wanted: usize) {
    let (mut last, mut seen) = (Vec::new(), 0);
    while seen < wanted {
        let mut piece = [0; 64 * 1024];
        let n = stream.read(&mut piece).unwrap();
        assert!(n > 0, "ended after {seen} of {wanted} replies");
        last.extend_from_slice(&piece[..n]);
        let begin = b"HTTP/1.1 404";
        seen += last.windows(begin.len()).filter(|w| w == begin).count();
        // What may be the beginning of a reply cut in two.
        last.drain(..last.len().saturating_sub(begin.len() - 1));
    }
    assert_eq!(seen, wanted);
}

#[test]
fn a_client_that_never_stops_asking_keeps_nobody_waiting() {
    let venue = LocalVenue::start(Config::quiet()).unwrap();
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let mut flood = dial(&venue);
    flood.write_all(ASK).unwrap();
    replies(&mut flood, 1);
    flood.sock.set_nonblocking(true).unwrap();
    let stopped = Arc::clone(&stop.0);
    let flooding = thread::spawn(move || {
        let (many, mut at, mut sink) = (ASK.repeat(2_000), 0, [0; 64 * 1024]);
        while !stopped.load(Ordering::Relaxed) {
            at = flood.write(&many[at..]).map_or(at, |n| (at + n) % many.len());
            while flood.read(&mut sink).is_ok_and(|n| n > 0) {}
        }
    });
    let mut other = dial(&venue);
    // Each answer comes while thousands are asked for.
    let mut asked = 0;
    loop {
        other.write_all(ASK).unwrap();
        replies(&mut other, 1);
        asked += 1;
        if venue.requests("GET /nowhere").unwrap() > 5_000 {
            break;
        }
    }
    drop(stop);
    flooding.join().unwrap();
    assert!(asked < 2_500, "there was no flood: {asked}");
}

#[test]
fn a_client_that_reads_late_gets_every_reply() {
    const REQUESTS: usize = 12_000;
    let venue = LocalVenue::start(Config::quiet()).unwrap();
    let mut stream = dial(&venue);
    // More replies than the sockets and the venue keep for it.
    stream.write_all(&ASK.repeat(REQUESTS)).unwrap();
    let mut other = dial(&venue);
    other.write_all(ASK).unwrap();
    replies(&mut other, 1);
    replies(&mut stream, REQUESTS);
}
