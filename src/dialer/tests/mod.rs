//! Dialing and asking against real TLS servers on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cold;
mod dials;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, LazyLock};

use rustls::{ClientConfig, ServerConfig};

use super::*;
use crate::link::testing::*;
use crate::record::UnixNanos;

static CONFIGS: LazyLock<(Arc<ServerConfig>, Arc<ClientConfig>)> = LazyLock::new(|| {
    let authority = Authority::new();
    (authority.server(), authority.client())
});

/// A dialer for a venue called "testex".
struct Bench {
    dialer: Dialer,
    results: Receiver<DialResult>,
    woken: Arc<AtomicUsize>,
}

impl Bench {
    fn with(
        connections_per_s: u32,
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let woken = Arc::new(AtomicUsize::new(0));
        let wake: Wake = Arc::new({
            let woken = woken.clone();
            move || {
                woken.fetch_add(1, Ordering::SeqCst);
            }
        });
        let settings = DialerSettings {
            lookup: Arc::new(lookup),
            ..DialerSettings::new("testex", CONFIGS.1.clone(), connections_per_s, wake)
        };
        let (dialer, results) = Dialer::start(settings).unwrap();
        Self { dialer, results, woken }
    }

    /// Every name leads to this address.
    fn to(addr: SocketAddr) -> Self {
        Self::with(100, move |_, _| Ok(vec![addr]))
    }

    fn dial(&self, job: DialJob) -> DialResult {
        self.dialer.handle().dial(job).unwrap();
        self.results.recv_timeout(LONG).unwrap()
    }

    fn failure(&self, job: DialJob) -> DialError {
        self.dial(job).outcome.unwrap_err()
    }
}

fn job(kind: EndpointKind) -> DialJob {
    DialJob {
        conn: 7,
        attempt: 1,
        endpoint: endpoint(kind),
        not_before: UnixNanos::NONE,
        attempt_timeout_ms: 10_000,
        local_address: None,
        user_agent: "ec-test/1".to_owned(),
        headers: vec![("X-Secret".to_owned(), "hunter2".to_owned())],
    }
}

fn endpoint(kind: EndpointKind) -> Endpoint {
    Endpoint { host: HOST.to_owned(), port: 443, path: "/ws/listen-key?x=1".to_owned(), kind }
}
