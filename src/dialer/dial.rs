//! One attempt: resolve, connect, shake hands, upgrade, hand over.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::ClientConfig;

use super::budget::{Budgeted, ConnectionBudget};
use super::connect::connect;
use super::endpoint::{Endpoint, EndpointKind};
use super::error::{DialError, DialReason, Phase};
use super::resolve::{lock, Names, Resolver};
use crate::codec::websocket::{HandshakeError, Upgrade, UpgradeReader, UpgradeRequest};
use crate::link::{Arrived, GaveUp, Link, LinkError, Patience};
use crate::record::UnixNanos;

/// Longest wait that a refused upgrade can ask for, ms: what asks for more is asked again after this, since the wait may be
/// a proxy's mistake, and once in so long makes no ban longer.
const HOLD_MS_MAX: u64 = 300_000;

/// A connection wanted. Debug shows no path and no header values: they can be secrets.
#[derive(Clone)]
pub struct DialJob {
    /// The asker's number of the connection; comes back with the result.
    pub conn: u16,
    /// The asker's count of attempts; comes back with the result, so that a late one can be told.
    pub attempt: u32,
    /// Where to.
    pub endpoint: Endpoint,
    /// Not before this time by the system's clock; [`UnixNanos::NONE`] is at once. The venue's budget may delay it more.
    pub not_before: UnixNanos,
    /// For the whole attempt in ms, from when it begins.
    pub attempt_timeout_ms: u64,
    /// Connect from this address of this machine.
    pub local_address: Option<IpAddr>,
    /// `User-Agent` of the upgrade; empty for none.
    pub user_agent: String,
    /// Further headers of the upgrade.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for DialJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialJob")
            .field("conn", &self.conn)
            .field("attempt", &self.attempt)
            .field("endpoint", &self.endpoint)
            .field("not_before", &self.not_before)
            .field("attempt_timeout_ms", &self.attempt_timeout_ms)
            .field("local_address", &self.local_address)
            .finish_non_exhaustive()
    }
}

/// What became of a [`DialJob`]. Exactly one per job.
#[derive(Debug)]
pub struct DialResult {
    /// As in the job.
    pub conn: u16,
    /// As in the job.
    pub attempt: u32,
    /// The connection, non-blocking, upgraded where asked for. Bytes may lie in its inbox already, and no event will ever
    /// announce them: register it and give it a turn before the first poll.
    pub outcome: Result<Box<Link<mio::net::TcpStream>>, DialError>,
    /// The address connected to, where it came so far.
    pub peer: Option<SocketAddr>,
    /// The address connected from, where it came so far.
    pub local: Option<SocketAddr>,
    /// What took how long.
    pub timings: Timings,
}

/// What took how long, in us; 0 where it did not come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// DNS.
    pub resolve_us: u64,
    /// TCP.
    pub connect_us: u64,
    /// TLS.
    pub tls_us: u64,
    /// WebSocket.
    pub upgrade_us: u64,
}

impl Timings {
    /// All of it, ns.
    pub const fn total_ns(&self) -> u64 {
        let Timings { resolve_us, connect_us, tls_us, upgrade_us } = *self;
        resolve_us.saturating_add(connect_us).saturating_add(tls_us).saturating_add(upgrade_us).saturating_mul(1_000)
    }
}

/// What every attempt of one venue shares.
pub(super) struct Venue {
    pub(super) name: Box<str>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) resolver: Resolver,
    pub(super) budget: Mutex<ConnectionBudget>,
    pub(super) budgeted: Budgeted,
    /// Hosts that refused an upgrade and said when to come again, and until when.
    pub(super) holds: Mutex<BTreeMap<String, UnixNanos>>,
    /// Raised on shutdown.
    pub(super) stop: AtomicBool,
}

/// How far an attempt came.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) peer: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    pub(super) timings: Timings,
}

impl Venue {
    pub(super) fn patience(&self, timeout: Duration) -> Patience<'_> {
        Patience { deadline: Instant::now() + timeout, stop: &self.stop }
    }

    /// Before when no WebSocket of this host is to be dialled, because it said so.
    pub(super) fn held_until(&self, endpoint: &Endpoint) -> UnixNanos {
        match endpoint.kind {
            EndpointKind::Http => UnixNanos::NONE,
            EndpointKind::WebSocket => lock(&self.holds).get(&endpoint.host).copied().unwrap_or(UnixNanos::NONE),
        }
    }

    /// A refusal that says when to come again is about this address of ours, not about one connection of it.
    fn heed(&self, endpoint: &Endpoint, reason: &DialReason, now: UnixNanos) {
        let DialReason::Upgrade(HandshakeError::Refused { retry_after_s: Some(wait_s), .. }) = reason else { return };
        let until = now.plus_ms(wait_s.saturating_mul(1_000).min(HOLD_MS_MAX));
        let mut holds = lock(&self.holds);
        let held = holds.entry(endpoint.host.clone()).or_insert(until);
        *held = until.max(*held);
    }

    /// Does the job. The budget was taken already.
    pub(super) fn dial(&self, job: &DialJob, clock: fn() -> UnixNanos) -> DialResult {
        let mut progress = Progress::default();
        let outcome = self
            .dial_in(job, &mut progress)
            .inspect_err(|reason| self.heed(&job.endpoint, reason, clock()))
            .map(Box::new)
            .map_err(|reason| DialError::new(&self.name, &job.endpoint, reason));
        let Progress { peer, local, timings } = progress;
        DialResult { conn: job.conn, attempt: job.attempt, outcome, peer, local, timings }
    }

    fn dial_in(&self, job: &DialJob, progress: &mut Progress) -> Result<Link<mio::net::TcpStream>, DialReason> {
        let patience = self.patience(Duration::from_millis(job.attempt_timeout_ms));
        let mut link = self.open(&job.endpoint, job.local_address, Names::Asked, patience, progress)?;
        if job.endpoint.kind == EndpointKind::WebSocket {
            let began = Instant::now();
            upgrade(&mut link, job, patience)?;
            progress.timings.upgrade_us = us_since(began);
        }
        link.into_nonblocking().map_err(DialReason::Local)
    }

    /// Opens a connection up to and with TLS.
    pub(super) fn open(
        &self,
        endpoint: &Endpoint,
        local: Option<IpAddr>,
        names: Names,
        patience: Patience<'_>,
        progress: &mut Progress,
    ) -> Result<Link<TcpStream>, DialReason> {
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| DialReason::BadHost)?;
        let (socket, peer) = self.reach(endpoint, local, names, patience, progress)?;
        progress.peer = Some(peer);
        progress.local = socket.local_addr().ok();

        let began = Instant::now();
        let link = Link::handshake(socket, self.tls.clone(), name, patience)
            .map_err(|error| DialReason::of_link(error, Phase::Tls, DialReason::Tls))?;
        progress.timings.tls_us = us_since(began);
        Ok(link)
    }

    /// A TCP connection to one of the name's addresses.
    fn reach(
        &self,
        Endpoint { host, port, .. }: &Endpoint,
        local: Option<IpAddr>,
        names: Names,
        patience: Patience<'_>,
        progress: &mut Progress,
    ) -> Result<(TcpStream, SocketAddr), DialReason> {
        let mut connected = |addresses: &[SocketAddr], patience| {
            let began = Instant::now();
            let connected = connect(addresses, local, patience);
            progress.timings.connect_us = us_since(began);
            connected
        };
        let known = (names == Names::Remembered).then(|| self.resolver.remembered(host, *port)).flatten();
        if let Some(known) = known {
            // The other half of the time is for asking DNS after all.
            let left = patience.deadline.saturating_duration_since(Instant::now());
            match connected(&known, Patience { deadline: Instant::now() + left / 2, ..patience }) {
                Err(DialReason::Shutdown) => return Err(DialReason::Shutdown),
                Err(reason) => {
                    tracing::warn!(host, %reason, "no address known before takes the connection: asking DNS")
                }
                connected => return connected,
            }
        }
        let began = Instant::now();
        let addresses = self.resolver.resolve(host, *port, patience)?;
        let resolve_us = us_since(began);
        let connected = connected(&addresses, patience);
        progress.timings.resolve_us = resolve_us;
        connected
    }

    /// Takes the right to open one connection of this kind now.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn take_budget(&self, kind: EndpointKind) -> Result<(), Duration> {
        match (self.budgeted, kind) {
            (Budgeted::WebSockets, EndpointKind::Http) => Ok(()),
            (Budgeted::WebSockets, EndpointKind::WebSocket) | (Budgeted::All, _) => {
                lock(&self.budget).take(Instant::now())
            }
        }
    }

    /// Waits until the venue's budget lets one more connection of this kind begin.
    pub(super) fn wait_for_budget(&self, kind: EndpointKind, patience: Patience<'_>) -> Result<(), GaveUp> {
        loop {
            let slice = patience.slice()?;
            match self.take_budget(kind) {
                Ok(()) => return Ok(()),
                Err(wait) => std::thread::sleep(wait.min(slice)),
            }
        }
    }
}

fn upgrade(link: &mut Link<TcpStream>, job: &DialJob, patience: Patience<'_>) -> Result<(), DialReason> {
    let lost = |error| DialReason::of_link(error, Phase::Upgrade, DialReason::UpgradeLost);
    let mut reader = ask(link, job)?;
    link.send(patience).map_err(lost)?;
    loop {
        let arrived = link.wait(patience);
        // When nothing more will come, a refusal that is cut off is still worth more than "connection lost".
        let more = matches!(arrived, Ok(Arrived::Bytes));
        match (reader.read(link.inbox.unread(), !more), arrived) {
            (Ok(Upgrade::Accepted { consumed }), _) => {
                link.inbox.consume(consumed);
                return Ok(());
            }
            (Ok(Upgrade::Incomplete), Ok(Arrived::Bytes)) => {}
            (Err(error @ HandshakeError::Refused { .. }), _) => return Err(DialReason::Upgrade(error)),
            (_, Err(error)) => return Err(lost(error)),
            (Err(error), Ok(_)) => return Err(DialReason::Upgrade(error)),
            (Ok(Upgrade::Incomplete), Ok(_)) => {
                return Err(DialReason::UpgradeLost(LinkError::Truncated { partial_bytes: 0 }))
            }
        }
    }
}

fn ask(link: &mut Link<TcpStream>, job: &DialJob) -> Result<UpgradeReader, DialReason> {
    let mut key = [0; 16];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| DialReason::Local(std::io::Error::other("no random bytes")))?;
    let authority = job.endpoint.authority();
    let agent = (!job.user_agent.is_empty()).then_some(("User-Agent", job.user_agent.as_str()));
    let headers: Vec<(&str, &str)> =
        agent.into_iter().chain(job.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect();
    let request = UpgradeRequest { host: &authority, path: &job.endpoint.path, headers: &headers };
    let mut reader = Err(HandshakeError::BadRequest);
    link.outbox.append(|out| reader = request.write(out, key));
    reader.map_err(DialReason::Upgrade)
}

fn us_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
