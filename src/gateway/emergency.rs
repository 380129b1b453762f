//! When the reactor is given up: the kill switch is thrown, every venue's emergency raised, and anybody may ask how far it
//! is.
//!
//! Owns the alarm and the bells of the emergencies. Guarantees that the kill is latched before anything is cancelled, so
//! that a reactor which comes back places nothing. Which orders are ours is told by the prefix of their client order ids, of
//! whatever session: here, too many cancelled are better than too few. Orders without it are left alone.

use super::error::ExchangeError;
use super::queries::Queries;
use crate::engine::KillScope;
use crate::keeper::{Alarm, Canceller, CancellerFailed, EmergencyBell, EmergencyState, Life, Pulse};
use crate::order::ClientOrderIds;
use crate::reactor::ControlHandle;
use crate::record::{ClientOrderId, Venue};
use crate::venue::coinbase::limits::CANCELS_PER_REQUEST_MAX;
use crate::venue::ListedOrder;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one question of an emergency may take, ms: shorter than that of a cold query, since the next try may be luckier.
pub(super) const QUESTION_TIMEOUT_MS: u64 = 3_000;

/// How the emergencies stand. See the chapter on guards in the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmergencyReport {
    /// Why the reactor was given up, if it was. It stays after the reactor has come back, until the kill is released.
    pub alarm: Option<Alarm>,
    /// Of each venue with credentials.
    pub venues: Vec<(Venue, EmergencyState)>,
    /// Whether the threads that watch the reactor and would cancel for it all run. If not, one has panicked: stop trading,
    /// and build a new gateway.
    pub is_watched: bool,
}

impl EmergencyReport {
    /// How it stands at one venue; `None` without credentials there.
    pub fn of(&self, venue: Venue) -> Option<&EmergencyState> {
        self.venues.iter().find(|(of, _)| *of == venue).map(|(_, state)| state)
    }

    /// Whether orders are being cancelled somewhere.
    pub fn is_under_way(&self) -> bool {
        self.venues.iter().any(|(_, state)| state.is_under_way())
    }

    /// Whether it is quiet and would work now, at every venue.
    pub fn is_ready(&self) -> bool {
        self.is_watched && self.alarm.is_none() && self.venues.iter().all(|(_, state)| *state == EmergencyState::Ready)
    }
}

/// Shared between the keeper, who raises the alarm, and the gateway, who asks about it.
#[derive(Debug)]
pub(super) struct Lifeguard {
    pulse: Pulse,
    control: ControlHandle,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    alarm: Option<Alarm>,
    bells: Vec<(Venue, EmergencyBell)>,
}

impl Lifeguard {
    pub(super) fn new(pulse: Pulse, control: ControlHandle) -> Arc<Lifeguard> {
        Arc::new(Lifeguard { pulse, control, told: Mutex::default() })
    }

    /// A venue's emergency is there: raised by the next alarm.
    pub(super) fn add(&self, venue: Venue, bell: EmergencyBell) {
        self.told().bells.push((venue, bell));
    }

    /// Gives the reactor up. Never waits for a venue.
    pub(super) fn raise(&self, alarm: Alarm) {
        tracing::error!(%alarm, "the reactor is given up: kill switch thrown, orders are cancelled without it");
        // Word for a reactor that comes back, then the latch that makes it look.
        self.pulse.give_up();
        self.control.kill(KillScope::Ours);
        let mut told = self.told();
        told.alarm = Some(alarm);
        for (_, bell) in &told.bells {
            bell.raise(alarm);
        }
    }

    /// The kill was released by hand.
    pub(super) fn stand_down(&self) {
        let mut told = self.told();
        told.alarm = None;
        for (_, bell) in &told.bells {
            bell.stand_down();
        }
    }

    /// How it stands; whether the threads behind it run is for their owner to see.
    pub(super) fn report(&self) -> EmergencyReport {
        let told = self.told();
        let venues = told.bells.iter().map(|(venue, bell)| (*venue, bell.state())).collect();
        EmergencyReport { alarm: told.alarm, venues, is_watched: true }
    }

    /// Turns of the reactor so far.
    pub(super) fn turns(&self) -> u64 {
        self.pulse.turns()
    }

    /// Whether the reactor has ended, however.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.pulse.life(), Life::Unwatched | Life::Watched)
    }

    /// The reactor has ended. If by a panic that the keeper has not seen yet, the alarm is raised now; what is under way
    /// gets so much time.
    pub(super) fn last_cancels(&self, timeout: Duration) {
        if self.pulse.life() == Life::Panicked && self.told().alarm.is_none() {
            self.raise(Alarm::Panicked);
        }
        let deadline = Instant::now() + timeout;
        let bells = self.told().bells.clone();
        for (venue, bell) in bells {
            if !bell.wait(deadline.saturating_duration_since(Instant::now())) {
                tracing::error!(%venue, state = ?bell.state(), "the gateway ends before the emergency: look at the venue for open orders");
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our open orders at one venue.
pub(super) struct OurOrders {
    /// Over the lifeline, within its own share of the rate limit.
    pub(super) queries: Queries,
    pub(super) ids: ClientOrderIds,
}

impl Canceller for OurOrders {
    fn open_orders(&mut self) -> Result<Vec<ListedOrder>, CancellerFailed> {
        let mut listed = self.queries.listed_orders().map_err(failed)?;
        listed.retain(|order| is_ours(&self.ids, &order.client_order_id));
        Ok(listed)
    }

    fn cancel(&mut self, orders: &[ListedOrder]) -> Result<(), CancellerFailed> {
        match &self.queries {
            Queries::Coinbase(queries) => {
                let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
                let mut batches = ids.chunks(CANCELS_PER_REQUEST_MAX);
                batches.try_for_each(|batch| queries.cancel_orders(batch).map(drop)).map_err(failed)
            }
            // No batch there, and cancelling a whole symbol would take strangers' orders too (Binance.US reference 3).
            Queries::BinanceUs(queries) => one_by_one(orders, |order| queries.cancel_listed(order)),
            Queries::Oanda(queries) => one_by_one(orders, |order| queries.cancel_listed(order)),
        }
    }
}

/// Cancels them all: one that cannot be cancelled holds up no other.
fn one_by_one(
    orders: &[ListedOrder],
    mut cancel: impl FnMut(&ListedOrder) -> Result<(), ExchangeError>,
) -> Result<(), CancellerFailed> {
    let outcomes = orders.iter().map(|order| cancel(order).map_err(failed));
    outcomes.fold(Ok(()), Result::and)
}

fn is_ours(ids: &ClientOrderIds, client_order_id: &str) -> bool {
    ClientOrderId::new(client_order_id).is_ok_and(|id| ids.is_ours_by_prefix(&id))
}

fn failed(error: ExchangeError) -> CancellerFailed {
    CancellerFailed(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Idle;
    use crate::reactor::Poller;

    #[test]
    fn only_ids_of_our_sessions_are_ours() {
        let ids = ClientOrderIds::new("xc", 7).unwrap();
        let ours = ["xc-7-1", "xc-6-zz"];
        let others = ["", "xc-7", "xcx-7-1", "somebody-else", "0f3c8b4e-0000-4000-8000-000000000000-and-longer"];
        assert!(ours.iter().all(|id| is_ours(&ids, id)));
        assert!(!others.iter().any(|id| is_ours(&ids, id)));
    }

    #[test]
    fn an_alarm_latches_the_kill_and_leaves_word_and_a_release_ends_it() {
        let (pulse, poller) = (Pulse::default(), Poller::new(Idle::Busy).unwrap());
        let mut heart = pulse.heart();
        heart.beat();
        let guard = Lifeguard::new(pulse, poller.control());
        assert!(guard.report().is_ready());
        assert!(!EmergencyReport { is_watched: false, ..guard.report() }.is_ready(), "nobody would raise it");
        guard.raise(Alarm::Silent { limit_ms: 5 });
        assert_eq!(poller.control().killed(), Some(KillScope::Ours));
        assert!(heart.was_given_up());
        assert_eq!(guard.report().alarm, Some(Alarm::Silent { limit_ms: 5 }));
        guard.stand_down();
        assert_eq!(guard.report().alarm, None);
        assert!(guard.report().is_ready());
    }

    #[test]
    fn a_panic_nobody_saw_yet_is_seen_at_the_end() {
        let (pulse, poller) = (Pulse::default(), Poller::new(Idle::Busy).unwrap());
        let heart = pulse.heart();
        let guard = Lifeguard::new(pulse, poller.control());
        let thread = std::thread::spawn(move || {
            let _heart = heart;
            panic!("for the test");
        });
        assert!(thread.join().is_err());
        guard.last_cancels(Duration::ZERO);
        assert_eq!(guard.report().alarm, Some(Alarm::Panicked));
        assert_eq!(poller.control().killed(), Some(KillScope::Ours));
    }
}
