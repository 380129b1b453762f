//! The kill switch: no new order leaves, every open order is cancelled, and until each is confirmed it is told how many are
//! left, venue by venue.
//!
//! Cancels are repeated by the order table until the venue confirms them; those of a venue that is away are due as soon as
//! it is back, before anything else is sent there. A kill stays until it is released by hand.

use super::contract::{Outputs, StrategySet};
use super::protect::GuardNews;
use super::Engine;
use crate::record::{GuardEvent, PerVenue, UnixNanos, Venue};
use crate::telemetry::Counter;

/// How often it is told how many orders are left, ms.
const REPORT_EVERY_MS: u64 = 1_000;

/// Whose orders a kill cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KillScope {
    /// Those this gateway has placed.
    Ours = 1,
    /// Every open order of the account at each venue, whoever placed it.
    WholeAccount = 2,
}

/// A kill under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    pub(super) scope: KillScope,
    confirmed: PerVenue<bool>,
    /// Orders of others seen open since the last listing was asked for.
    pub(super) strangers: PerVenue<u32>,
    /// A listing was asked for since the kill.
    listed: bool,
    report_at: UnixNanos,
}

impl Engine {
    /// Kills. A second kill can widen the scope; it never narrows it.
    pub(super) fn kill(&mut self, now: UnixNanos, out: &mut impl Outputs, scope: KillScope, why: &'static str) {
        let before = self.trading.kill.map(|kill| kill.scope);
        if before.is_some_and(|before| before >= scope) {
            return;
        }
        self.trading.kill = Some(Kill {
            scope,
            confirmed: PerVenue::default(),
            strangers: PerVenue::default(),
            listed: false,
            report_at: now,
        });
        out.count(Counter::Kills, 1);
        for venue in self.trading_venues() {
            self.tell_guard(now, out, GuardNews::new(venue, GuardEvent::Killed, why));
        }
        self.cancel_all_of(now, StrategySet(u64::MAX));
        self.trading.stirred = true;
    }

    /// Ends a kill: orders may leave again.
    pub(super) fn release_kill(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        if self.trading.kill.take().is_some() {
            for venue in self.trading_venues() {
                self.tell_guard(now, out, GuardNews::new(venue, GuardEvent::KillReleased, "released by hand"));
            }
        }
    }

    /// Tells how far a kill is, when it is time to.
    pub(super) fn tend_kill(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        let Some(mut kill) = self.trading.kill.filter(|kill| kill.report_at <= now) else { return };
        for venue in self.trading_venues() {
            if *kill.confirmed.get(venue) {
                continue;
            }
            let others = *kill.strangers.get(venue);
            let left = self.trading.orders.open_count_at(venue).saturating_add(others);
            // Nothing is confirmed while an order may exist that the venue was not asked about.
            let reconciled = self.trading.orders.is_reconciled(venue);
            // An order of a dead session that could not be taken back is found like those of others.
            let lists = kill.scope == KillScope::WholeAccount || self.trading.orders.leaves_unread(venue);
            let confirmed = left == 0 && reconciled && (kill.listed || !lists);
            if !confirmed && lists && (reconciled || !kill.listed) {
                // What others have placed, and whether its cancel took, is found in the next listing, counted from nothing;
                // one that is still being read is waited for.
                *kill.strangers.get_mut(venue) = 0;
                self.trading.orders.list_open(now, venue);
            }
            *kill.confirmed.get_mut(venue) = confirmed;
            let (event, words) = match confirmed {
                true => (GuardEvent::KillConfirmed, "no order of ours is open"),
                false => (GuardEvent::KillPending, "orders not confirmed cancelled"),
            };
            self.tell_guard(now, out, GuardNews { count: left.into(), ..GuardNews::new(venue, event, words) });
        }
        kill.listed = true;
        let done = self.trading_venues().all(|venue| *kill.confirmed.get(venue));
        kill.report_at = if done { UnixNanos::MAX } else { now.plus_ms(REPORT_EVERY_MS) };
        self.trading.kill = Some(kill);
    }

    /// When [`Engine::tend_kill`] is due.
    pub(super) fn kill_deadline(&self) -> Option<UnixNanos> {
        self.trading.kill.map(|kill| kill.report_at)
    }

    /// Venues orders can be sent to.
    pub(super) fn trading_venues(&self) -> impl Iterator<Item = Venue> + 'static {
        let trading = PerVenue::new(|venue| self.trading.desks.get(venue).user.is_some());
        Venue::ALL.into_iter().filter(move |venue| *trading.get(*venue))
    }
}
