//! Gaps of books and trades: opened, announced to whoever they concern, ended, and the books that must be fetched afresh.

use super::contract::{ConnId, Note, Outputs, StrategySet};
use super::publish::Market;
use super::traded::Standing;
use crate::book::Feed;
use crate::record::{Gap, GapCause, InstrumentId, MarketRecord, Stamp, UnixNanos};
use crate::telemetry::Counter;
use crate::venue::GapScope;

impl Market {
    /// Opens a gap on every book this concerns. Books that are doubtful already stay as they are.
    pub(super) fn gaps(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        conn: ConnId,
        scope: GapScope,
        cause: GapCause,
        missed: u64,
    ) {
        out.count(Counter::Gaps, 1);
        match scope {
            GapScope::Instrument(id) => {
                self.want_resync_on(conn, id);
                self.gap_on(now, out, conn, id, cause, missed);
            }
            GapScope::Connection => {
                for index in 0..self.traded.len() {
                    let of_conn = self
                        .traded
                        .get(index)
                        .and_then(Option::as_ref)
                        .filter(|t| t.conn == Some(conn) || t.is_standby(conn))
                        .map(|t| t.instrument.id);
                    if let Some(id) = of_conn {
                        self.gap_on(now, out, conn, id, cause, missed);
                    }
                }
            }
        }
    }

    pub(super) fn gap_on(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        conn: ConnId,
        id: InstrumentId,
        cause: GapCause,
        missed: u64,
    ) {
        if self.get(id).is_some_and(|traded| traded.is_standby(conn)) {
            self.standby_gap(now, out, id, cause);
        } else {
            self.gap(now, out, id, cause, missed);
        }
    }

    pub(super) fn gap(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        cause: GapCause,
        missed: u64,
    ) {
        let Some(traded) = self.get_mut(id) else { return };
        let was_open = matches!(traded.standing, Standing::Doubtful(_) | Standing::Building { after: Some(_) });
        if cause == GapCause::Disconnected {
            self.stops_flowing(id, true);
        }
        let Some(traded) = self.get_mut(id) else { return };
        if traded.standing == Standing::Empty {
            self.trade_gap(now, out, id, cause, missed);
            return;
        }
        traded.standing = Standing::Doubtful(cause);
        // Messages that are lost while a book is fetched again anyway may have been trades: their number is told, too.
        if !was_open || missed > 0 {
            self.announce(now, out, id, Gap { cause, recovered: false, lost: missed });
        }
        self.leave_for_standby(now, out, id, cause);
    }

    /// A loss where only trades are listened to: nothing can be fetched again, so it is over once trades flow again.
    pub(super) fn trade_gap(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        cause: GapCause,
        missed: u64,
    ) {
        let flows = self.still_flows(id);
        let Some(traded) = self.get_mut(id) else { return };
        let heard = !traded.trade_listeners.is_empty() && traded.standing == Standing::Empty;
        if !heard || flows || traded.trade_gap.is_some() {
            return;
        }
        traded.trade_gap = Some(cause);
        self.announce(now, out, id, Gap { cause, recovered: false, lost: missed });
        if cause != GapCause::Disconnected {
            self.trades_whole(now, out, id);
        }
    }

    /// The venue confirms the subscription of trades.
    pub(super) fn trades_flow(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId, id: InstrumentId) {
        self.starts_flowing(id, conn);
        self.trades_whole(now, out, id);
    }

    pub(super) fn trades_whole(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId) {
        if let Some(cause) = self.get_mut(id).and_then(|traded| traded.trade_gap.take()) {
            self.announce(now, out, id, Gap { cause, recovered: true, lost: 0 });
        }
    }

    pub(super) fn announce(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, gap: Gap) {
        let Some(traded) = self.get(id) else { return };
        let to = (traded.book_listeners, traded.trade_only_listeners());
        self.announce_to(now, out, id, to, gap);
        out.note(Note::Gap { instrument: id, gap });
    }

    /// A gap for those who listen to the book, and for those who listen to trades only.
    pub(super) fn announce_to(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: InstrumentId,
        (books, trades): (StrategySet, StrategySet),
        gap: Gap,
    ) {
        let Some(traded) = self.get(id) else { return };
        let stamp = Stamp { recv: now, venue: UnixNanos::NONE, sequence: traded.stamp.sequence };
        self.batch.clear();
        self.batch.push(MarketRecord::gap(stamp, id, gap));
        // Part of the book's own story: who lost it, or still waits for the book, gets the book instead.
        self.publish(out, books, id, true);
        self.publish(out, trades, id, false);
        self.batch.clear();
    }

    /// The book that is followed is to be fetched again.
    pub(super) fn want_resync(&mut self, id: InstrumentId) {
        if let Some(conn) = self.get(id).and_then(|traded| traded.conn) {
            self.want_resync_on(conn, id);
        }
    }

    pub(super) fn want_resync_everywhere(&mut self, id: InstrumentId) {
        for feed in Feed::ALL {
            if let Some(conn) = self.get(id).and_then(|traded| traded.place(feed).conn) {
                self.want_resync_on(conn, id);
            }
        }
    }

    pub(super) fn want_resync_on(&mut self, conn: ConnId, id: InstrumentId) {
        if !self.resync.contains(&(conn, id)) {
            // A full list means many books are being renewed already; this one is asked for when it crosses again.
            let _ = self.resync.try_push((conn, id));
        }
    }
}
