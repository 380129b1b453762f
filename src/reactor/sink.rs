//! Where the engine's results go: rings, send buffers, requests to the other threads; and where the hops are stamped.

use super::dead_man::Heartbeat;
use super::handler::{Handler, InlineOrders};
use crate::engine::{ConnId, Note, Outputs, StrategySet};
use crate::journal::AuditTap;
use crate::keeper::{Clock, TokenTap};
use crate::link::Outbox;
use crate::record::{
    AuditConnection, AuditEntry, ConnectionRole, ExecutionKind, ExecutionRecord, InlineText, InstrumentId,
    MarketRecord, OrderCommand, RequestId, StatisticsRecord, StrategyId, UnixNanos, EXECUTION_FLAG_RECONCILED,
};
use crate::ring::{Consumer, Producer};
use crate::telemetry::{Counter, Counters, Hop, Hops};
use std::sync::mpsc;
use zeroize::Zeroizing;

/// A pulse tells every consumer when it was published, from which the hand-off hop is measured.
const PULSE_EVERY_NS: u64 = 1_000_000;

/// The reactor's ends of one strategy's rings.
#[derive(Debug)]
pub struct StrategyRings {
    /// Whose.
    pub id: StrategyId,
    /// Market records to it.
    pub market: Producer<MarketRecord>,
    /// Statistics to it.
    pub statistics: Producer<StatisticsRecord>,
    /// Execution records to it.
    pub executions: Producer<ExecutionRecord>,
    /// Commands from it.
    pub orders: Consumer<OrderCommand>,
    /// Its signs of life.
    pub heart: Heartbeat,
}

/// The strategy that runs on the reactor's own thread.
pub(super) struct Inline {
    pub(super) id: StrategyId,
    pub(super) handler: Box<dyn Handler>,
    pub(super) orders: InlineOrders,
    pub(super) commands: Consumer<OrderCommand>,
}

pub(super) struct Sink {
    pub(super) rings: Vec<Option<StrategyRings>>,
    /// Whose rings there are: the order rings are looked at between any two sockets, so no empty place may cost a look.
    pub(super) present: StrategySet,
    pub(super) inline: Option<Inline>,
    pub(super) outboxes: Vec<Outbox>,
    pub(super) clock: Clock,
    pub(super) hops: Hops,
    pub(super) counters: Counters,
    /// When the bytes being parsed were decrypted: the parse hop starts there.
    pub(super) decrypted_at: UnixNanos,
    /// Built by the engine in this turn, carried out after it.
    pub(super) dirty: Vec<ConnId>,
    pub(super) dials: Vec<(ConnId, UnixNanos)>,
    /// Secret parts of paths, for the dials that follow.
    pub(super) addresses: Vec<(ConnId, Zeroizing<String>)>,
    pub(super) closing: Vec<(ConnId, String)>,
    pub(super) tokens: Option<TokenTap>,
    /// The way to the audit log, if one is kept.
    pub(super) audit: Option<AuditTap>,
    /// Where to say whose rules are doubtful, if anybody asks for them then.
    pub(super) doubts: Option<mpsc::SyncSender<InstrumentId>>,
    dials_audited: u64,
    last_pulse: UnixNanos,
}

impl Sink {
    pub(super) fn new(
        connections: usize,
        clock: Clock,
        hops: Hops,
        counters: Counters,
        tokens: Option<TokenTap>,
    ) -> Sink {
        Sink {
            rings: (0..StrategyId::COUNT_MAX).map(|_| None).collect(),
            present: StrategySet::NONE,
            inline: None,
            outboxes: (0..connections).map(|_| Outbox::new()).collect(),
            clock,
            hops,
            counters,
            decrypted_at: UnixNanos::NONE,
            dirty: Vec::with_capacity(connections),
            dials: Vec::with_capacity(connections),
            addresses: Vec::new(),
            closing: Vec::with_capacity(connections),
            tokens,
            audit: None,
            doubts: None,
            dials_audited: 0,
            last_pulse: UnixNanos::NONE,
        }
    }

    /// A strategy's rings exist from now on.
    pub(super) fn add(&mut self, rings: StrategyRings) {
        let id = rings.id;
        if let Some(place) = self.rings.get_mut(id.index()) {
            *place = Some(rings);
            self.present = self.present.with(StrategySet::one(id));
        }
    }

    /// A strategy's rings are gone.
    pub(super) fn remove(&mut self, id: StrategyId) {
        if let Some(place) = self.rings.get_mut(id.index()) {
            *place = None;
            self.present = self.present.without(StrategySet::one(id));
        }
    }

    /// The number of a dial in the audit log.
    pub(super) fn next_dial(&mut self) -> u64 {
        self.dials_audited = self.dials_audited.wrapping_add(1);
        self.dials_audited
    }

    fn ring(&mut self, strategy: StrategyId) -> Option<&mut StrategyRings> {
        self.rings.get_mut(strategy.index()).and_then(Option::as_mut)
    }

    /// So many records went to these strategies, and these had no room.
    fn count_published(&mut self, to: StrategySet, refused: StrategySet, records: usize) {
        let records = records as u64;
        if !to.without(refused).is_empty() {
            self.counters.add(Counter::RecordsPublished, records);
        }
        if !refused.is_empty() {
            self.counters.add(Counter::RecordsRefused, records.saturating_mul(refused.iter().count() as u64));
        }
    }

    /// An execution record was handed to its strategy.
    fn count_told(&mut self, record: &ExecutionRecord) {
        self.counters.add(Counter::ExecutionsEmitted, 1);
        match record.kind {
            ExecutionKind::Fill => self.counters.add(Counter::Fills, 1),
            ExecutionKind::Accepted | ExecutionKind::Rejected if record.has(EXECUTION_FLAG_RECONCILED) => {
                self.counters.add(Counter::OrdersReconciled, 1);
            }
            _ => {}
        }
    }

    /// One push per strategy of the set; returns those that refused.
    fn push(&mut self, now: UnixNanos, to: StrategySet, records: &[MarketRecord]) -> StrategySet {
        let mut refused = StrategySet::NONE;
        for strategy in to.iter() {
            if let Some(inline) = self.inline.as_mut().filter(|i| i.id == strategy) {
                inline.orders.set_now(now);
                inline.handler.on_market(records, &mut inline.orders);
            } else if self.ring(strategy).is_some_and(|rings| !rings.market.push_all(records)) {
                refused = refused.with(StrategySet::one(strategy));
            }
        }
        refused
    }
}

impl Outputs for Sink {
    fn event(&mut self, to: StrategySet, records: &[MarketRecord]) -> StrategySet {
        let before = self.clock.now();
        let refused = self.push(before, to, records);
        let after = self.clock.now();
        if self.decrypted_at.is_some() {
            self.hops.record(Hop::Parse, before.since(self.decrypted_at));
        }
        self.hops.record(Hop::Publish, after.since(before));
        self.count_published(to, refused, records.len());
        if after.since(self.last_pulse) >= PULSE_EVERY_NS {
            self.last_pulse = after;
            // A consumer without room for a pulse has better things to do than to measure.
            let _ = self.push(after, to.without(refused), &[MarketRecord::pulse(after)]);
        }
        refused
    }

    fn statistics(&mut self, to: StrategySet, record: &StatisticsRecord) -> StrategySet {
        let mut refused = StrategySet::NONE;
        for strategy in to.iter() {
            if let Some(inline) = self.inline.as_mut().filter(|i| i.id == strategy) {
                inline.handler.on_statistics(record, &mut inline.orders);
            } else if self.ring(strategy).is_some_and(|rings| !rings.statistics.push(*record)) {
                refused = refused.with(StrategySet::one(strategy));
            }
        }
        self.count_published(to, refused, 1);
        refused
    }

    fn execution(&mut self, to: StrategyId, record: &ExecutionRecord) -> bool {
        order_span(record.request).in_scope(|| {
            tracing::debug!(
                client_order_id = %record.client_order_id,
                venue_order_id = %record.venue_order_id,
                kind = ?record.kind,
                class = ?record.reject,
                code = %record.venue_code,
                "execution"
            );
        });
        if let Some(inline) = self.inline.as_mut().filter(|i| i.id == to) {
            inline.handler.on_execution(record, &mut inline.orders);
            self.count_told(record);
            return true;
        }
        // A strategy whose rings are gone takes everything: there is nobody to wait for.
        let Some(rings) = self.ring(to) else { return true };
        let taken = rings.executions.push(*record);
        if taken {
            self.count_told(record);
        }
        taken
    }

    fn execution_room(&self, to: StrategyId) -> usize {
        self.rings.get(to.index()).and_then(Option::as_ref).map_or(usize::MAX, |rings| rings.executions.free())
    }

    fn transmit(&mut self, conn: ConnId, build: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let Some(outbox) = self.outboxes.get_mut(conn.index()) else { return 0 };
        if !self.dirty.contains(&conn) {
            self.dirty.push(conn);
        }
        outbox.append(build)
    }

    fn dial(&mut self, conn: ConnId, not_before: UnixNanos) {
        self.dials.push((conn, not_before));
    }

    fn address(&mut self, conn: ConnId, path: &str) {
        self.addresses.push((conn, path.to_owned().into()));
    }

    fn close(&mut self, conn: ConnId, why: String) {
        self.closing.push((conn, why));
    }

    fn retire(&mut self, token: Box<str>) {
        if let Some(tokens) = &mut self.tokens {
            tokens.retire(token);
        }
    }

    fn entropy(&mut self, out: &mut [u8]) {
        if aws_lc_rs::rand::fill(out).is_err() {
            // aws-lc's generator does not fail once seeded, and TLS has seeded it. A zero mask is still a valid frame.
            tracing::error!("the system's random generator failed");
        }
    }

    fn outdated(&mut self, instrument: InstrumentId) {
        if let Some(doubts) = &self.doubts {
            // Without room it is doubted already.
            let _ = doubts.try_send(instrument);
        }
    }

    fn count(&mut self, counter: Counter, n: u64) {
        self.counters.add(counter, n);
    }

    fn measured(&mut self, hop: Hop, ns: u64) {
        self.hops.record(hop, ns);
    }

    fn audit(&mut self, entry: &AuditEntry) {
        let Sink { audit, clock, .. } = self;
        if let Some(audit) = audit {
            audit.push(|| clock.now(), entry);
        }
    }

    fn note(&mut self, note: Note<'_>) {
        match note {
            Note::Connection { conn, venue, role, state, lost, why } => {
                // Venues end idle connections of HTTP as they like; a stream that ends is news, and the cause is half of it.
                let stream = matches!(role, ConnectionRole::Market | ConnectionRole::User);
                let (number, role_name, state_name) = (conn.0, role.name(), state.name());
                match lost && stream {
                    true => tracing::warn!(%venue, conn = number, role = role_name, why, "connection lost"),
                    false => {
                        tracing::info!(%venue, conn = number, role = role_name, state = state_name, why, "connection");
                    }
                }
                let (at, why) = (self.clock.now(), InlineText::truncated(why));
                self.audit(&AuditEntry::Connection(AuditConnection { at, conn: conn.0, venue, role, state, why }));
            }
            Note::Anomaly { conn, venue, anomaly, excerpt } => {
                tracing::warn!(%venue, conn = conn.0, ?anomaly, excerpt, "anomaly");
            }
            Note::Subscription { conn, venue, symbol, subscription } => {
                let (channel, difference) = (subscription.channel.name(), subscription.difference.name());
                tracing::warn!(%venue, conn = conn.0, symbol, channel, difference, "subscription");
            }
            Note::Gap { instrument, gap } => log_gap(instrument, gap),
            Note::OrderSent { request, client_order_id } => {
                order_span(request).in_scope(|| tracing::debug!(client_order_id, "order sent"));
            }
        }
    }
}

/// Everything that happens to one request is logged inside a span of its number, so that a subscriber can follow it
/// through its life. Disabled, it costs one load.
fn order_span(request: RequestId) -> tracing::Span {
    tracing::debug_span!("order", %request)
}

fn log_gap(instrument: InstrumentId, gap: crate::record::Gap) {
    if gap.recovered {
        tracing::info!(instrument = instrument.0, cause = ?gap.cause, "book recovered");
    } else {
        tracing::warn!(instrument = instrument.0, cause = ?gap.cause, lost = gap.lost, "gap");
    }
}
