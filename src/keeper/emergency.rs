//! One venue's emergency: when the reactor is given up, its orders are cancelled from here.
//!
//! Owns a thread, and through its [`Canceller`] a connection that was opened in advance. In quiet times it lists our open
//! orders now and then: that keeps connection, signature and clock warm through the very code the emergency uses, and shows
//! early that it would not work. Once raised it lists and cancels until a listing holds none of ours, one begun long enough
//! after the alarm that no order can still have been on its way, however often it takes, with growing pauses while nothing
//! gets better. Anybody may read how far it is. Never touches the reactor; ends when it is done, when the kill is released
//! by hand, or with the gateway.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::watch::Alarm;
use crate::record::{Venue, VenueOrderId};
use crate::telemetry::{Counter, Counters, CountersReader};
use crate::venue::ListedOrder;

/// What an emergency asks of its venue, one question at a time.
pub trait Canceller: Send {
    /// Every open order with our prefix, in a listing that is complete.
    ///
    /// # Errors
    /// Why there is no such listing.
    fn open_orders(&mut self) -> Result<Vec<ListedOrder>, CancellerFailed>;

    /// Asks for the end of these orders. What became of it shows in the next listing.
    ///
    /// # Errors
    /// Why the venue was not asked for all of them, or did not take it.
    fn cancel(&mut self, orders: &[ListedOrder]) -> Result<(), CancellerFailed>;
}

/// Why a venue could not be asked, in words that name it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct CancellerFailed(pub Box<str>);

/// How an emergency paces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmergencyRules {
    /// Between two listings in quiet times, ms: less than the idle limit of the connection.
    pub warm_every_ms: u64,
    /// Shortest pause between a cancel and the next listing, ms.
    pub pause_ms_min: u64,
    /// Longest such pause, ms.
    pub pause_ms_max: u64,
    /// An order may still be on its way, or not be listed yet, for this long after the alarm, ms.
    pub settle_ms: u64,
}

impl Default for EmergencyRules {
    /// A listing every 15 s, since the dialer trusts no connection that was idle for 20 s; pauses of 0.5 s to 8 s; 10 s
    /// until an empty listing is believed.
    fn default() -> Self {
        EmergencyRules { warm_every_ms: 15_000, pause_ms_min: 500, pause_ms_max: 8_000, settle_ms: 10_000 }
    }
}

/// How a venue's emergency stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmergencyState {
    /// Quiet; it would not work now.
    Unready {
        /// Why not.
        why: Box<str>,
    },
    /// Quiet; the last rehearsal worked.
    Ready,
    /// Our orders are being cancelled.
    Cancelling {
        /// How many are open, as last listed; `None` before the first listing. With 0 it waits for those that may still
        /// have been on their way.
        left: Option<usize>,
    },
    /// Our orders are being cancelled, and the last step failed. It is tried again.
    Failing {
        /// How many were open, as last listed.
        left: Option<usize>,
        /// What failed.
        why: Box<str>,
    },
    /// None of our orders is open any more.
    Done {
        /// How many were open when it began, or came to light since.
        orders: usize,
    },
}

impl EmergencyState {
    /// Whether orders are being cancelled.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self, EmergencyState::Cancelling { .. } | EmergencyState::Failing { .. })
    }
}

#[derive(Debug)]
struct Told {
    stop: bool,
    raised: Option<Alarm>,
    /// The kill was released: leave the rest alone.
    stand_down: bool,
    state: EmergencyState,
}

#[derive(Debug)]
struct Shared {
    told: Mutex<Told>,
    changed: Condvar,
}

/// Raises an emergency from any thread, without ever waiting for a venue; cheap to clone.
#[derive(Debug, Clone)]
pub struct EmergencyBell(Arc<Shared>);

impl EmergencyBell {
    /// Cancel our orders now. While that is under way already it changes nothing, unless it was just told to end.
    pub fn raise(&self, alarm: Alarm) {
        let mut told = self.0.lock();
        let stood_down = std::mem::take(&mut told.stand_down);
        if stood_down || !told.state.is_under_way() {
            told.raised = Some(alarm);
            told.state = EmergencyState::Cancelling { left: None };
        }
        drop(told);
        self.0.changed.notify_all();
    }

    /// The kill was released by hand: what is under way, or was raised and not begun, ends where it is. What is done has
    /// been read: from now on rehearsals tell again how it stands.
    pub fn stand_down(&self) {
        let mut told = self.0.lock();
        told.stand_down = true;
        if matches!(told.state, EmergencyState::Done { .. }) {
            told.state = EmergencyState::Unready { why: "not rehearsed since the release".into() };
        }
        drop(told);
        self.0.changed.notify_all();
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> EmergencyState {
        self.0.lock().state.clone()
    }

    /// Waits until nothing is under way; false if the time was over first.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let told = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(told, timeout, |told| told.state.is_under_way());
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !told.state.is_under_way()
    }
}

/// One venue's emergency, ready to be raised. Dropping it ends its thread, after at most one answer of the venue.
#[derive(Debug)]
pub struct Emergency {
    venue: Venue,
    bell: EmergencyBell,
    counters: CountersReader,
    thread: Option<JoinHandle<()>>,
}

impl Emergency {
    /// Starts the thread, which opens its connection at once.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(venue: Venue, canceller: Box<dyn Canceller>, rules: EmergencyRules) -> io::Result<Emergency> {
        let state = EmergencyState::Unready { why: "not rehearsed yet".into() };
        let told = Mutex::new(Told { stop: false, raised: None, stand_down: false, state });
        let shared = Arc::new(Shared { told, changed: Condvar::new() });
        let counters = Counters::new();
        let reader = counters.reader();
        let guard = Guard { venue, canceller, rules, shared: shared.clone(), counters };
        let thread = std::thread::Builder::new().name(format!("emergency-{venue}")).spawn(move || guard.run())?;
        Ok(Emergency { venue, bell: EmergencyBell(shared), counters: reader, thread: Some(thread) })
    }

    /// Whose.
    #[must_use]
    pub fn venue(&self) -> Venue {
        self.venue
    }

    /// For whoever raises it or looks at it.
    #[must_use]
    pub fn bell(&self) -> EmergencyBell {
        self.bell.clone()
    }

    /// What it did so far.
    #[must_use]
    pub fn counters(&self) -> CountersReader {
        self.counters.clone()
    }

    /// Whether its thread still runs; if not, it panicked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Emergency {
    fn drop(&mut self) {
        self.bell.0.lock().stop = true;
        self.bell.0.changed.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(venue = %self.venue, "the emergency's thread panicked; please report it");
        }
    }
}

impl Shared {
    /// What another thread left behind when it panicked is whole: every change is a single assignment.
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how it stands; true if that is news of another kind.
    fn say(&self, state: EmergencyState) -> bool {
        let mut told = self.lock();
        // An alarm raised meanwhile is more important than how the rehearsal went.
        if told.raised.is_some() {
            return false;
        }
        let news = std::mem::discriminant(&told.state) != std::mem::discriminant(&state);
        told.state = state;
        drop(told);
        self.changed.notify_all();
        news
    }
}

/// What ends a quiet time.
enum Call {
    Stop,
    Raised(Alarm),
    Rehearse,
}

/// The thread's own.
struct Guard {
    venue: Venue,
    canceller: Box<dyn Canceller>,
    rules: EmergencyRules,
    shared: Arc<Shared>,
    counters: Counters,
}

impl Guard {
    fn run(mut self) {
        self.rehearse();
        loop {
            match self.quiet() {
                Call::Stop => return,
                Call::Raised(alarm) => self.campaign(alarm),
                Call::Rehearse => self.rehearse(),
            }
        }
    }

    fn quiet(&self) -> Call {
        let timeout = Duration::from_millis(self.rules.warm_every_ms);
        let waits = |told: &mut Told| !told.stop && told.raised.is_none();
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), timeout, waits);
        let (mut told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (told.stop, told.raised.take()) {
            (true, _) => Call::Stop,
            (false, Some(alarm)) => Call::Raised(alarm),
            (false, None) => Call::Rehearse,
        }
    }

    /// Keeps everything warm. After an emergency its result stays to be read until the kill is released.
    fn rehearse(&mut self) {
        let outcome = self.canceller.open_orders();
        let is_over = matches!(self.shared.lock().state, EmergencyState::Done { .. });
        let venue = self.venue;
        match outcome {
            Ok(_) if is_over => {}
            Ok(_) => {
                if self.shared.say(EmergencyState::Ready) {
                    tracing::info!(%venue, "the connection for emergencies is ready");
                }
            }
            Err(CancellerFailed(why)) => {
                self.counters.add(Counter::EmergencyFailures, 1);
                if !is_over && self.shared.say(EmergencyState::Unready { why: why.clone() }) {
                    tracing::warn!(%venue, %why, "no connection for emergencies: a reactor that fails now leaves its orders open");
                }
            }
        }
    }

    fn campaign(&mut self, alarm: Alarm) {
        let venue = self.venue;
        tracing::error!(%venue, %alarm, "emergency: the kill switch is thrown, our orders are cancelled without the reactor");
        self.counters.add(Counter::Emergencies, 1);
        let began = Instant::now();
        let mut campaign = Campaign::new(self.rules);
        loop {
            let asked = began.elapsed();
            let next = match self.canceller.open_orders() {
                Ok(orders) => {
                    tracing::warn!(%venue, left = orders.len(), "emergency: our open orders were listed");
                    let next = campaign.listed(asked, &orders);
                    self.shared.say(EmergencyState::Cancelling { left: campaign.left });
                    if !orders.is_empty() {
                        self.cancel(&orders, campaign.left);
                    }
                    next
                }
                Err(CancellerFailed(why)) => {
                    self.failed(campaign.left, why);
                    campaign.failed()
                }
            };
            match next {
                Next::Done => {
                    let orders = campaign.seen.len();
                    self.shared.say(EmergencyState::Done { orders });
                    tracing::warn!(%venue, orders, "emergency: done, no order of ours is open");
                    return;
                }
                Next::Rest(pause) if !self.rest(pause) => {
                    self.shared.say(EmergencyState::Ready);
                    return;
                }
                Next::Rest(_) => {}
            }
        }
    }

    fn cancel(&mut self, orders: &[ListedOrder], left: Option<usize>) {
        for order in orders {
            tracing::warn!(venue = %self.venue, client_order_id = &*order.client_order_id, id = order.id.as_str(), "emergency: cancelling");
        }
        self.counters.add(Counter::EmergencyCancels, orders.len() as u64);
        if let Err(CancellerFailed(why)) = self.canceller.cancel(orders) {
            self.failed(left, why);
        }
    }

    fn failed(&mut self, left: Option<usize>, why: Box<str>) {
        tracing::error!(venue = %self.venue, %why, "emergency: a step failed and is tried again");
        self.counters.add(Counter::EmergencyFailures, 1);
        self.shared.say(EmergencyState::Failing { left, why });
    }

    /// Sleeps; false if it is to end instead of going on.
    fn rest(&self, pause: Duration) -> bool {
        // Raised again: this one was told to end in between, and another begins.
        let goes_on = |told: &Told| !told.stop && !told.stand_down && told.raised.is_none();
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), pause, |told| goes_on(told));
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let goes_on = goes_on(&told);
        if !goes_on {
            let (venue, released) = (self.venue, !told.stop);
            tracing::warn!(%venue, released, "emergency: ended before every order was gone");
        }
        goes_on
    }
}

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Wait, then list again.
    Rest(Duration),
    /// Nothing more.
    Done,
}

/// The decisions of one emergency; times count from the alarm.
struct Campaign {
    rules: EmergencyRules,
    pause_ms: u64,
    left: Option<usize>,
    seen: BTreeSet<VenueOrderId>,
}

impl Campaign {
    fn new(rules: EmergencyRules) -> Campaign {
        Campaign { rules, pause_ms: rules.pause_ms_min, left: None, seen: BTreeSet::new() }
    }

    /// A listing that was asked for at `asked` holds these.
    fn listed(&mut self, asked: Duration, orders: &[ListedOrder]) -> Next {
        let before = self.left.replace(orders.len());
        self.seen.extend(orders.iter().map(|order| order.id));
        if !orders.is_empty() {
            let better = before.is_none_or(|before| orders.len() < before);
            return self.pause(better);
        }
        let settled = Duration::from_millis(self.rules.settle_ms);
        match settled.checked_sub(asked) {
            None | Some(Duration::ZERO) => Next::Done,
            Some(early) => Next::Rest(early),
        }
    }

    fn failed(&mut self) -> Next {
        self.pause(false)
    }

    fn pause(&mut self, better: bool) -> Next {
        if better {
            self.pause_ms = self.rules.pause_ms_min;
        }
        let pause_ms = self.pause_ms;
        self.pause_ms = pause_ms.saturating_mul(2).min(self.rules.pause_ms_max);
        Next::Rest(Duration::from_millis(pause_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const RULES: EmergencyRules =
        EmergencyRules { warm_every_ms: 60_000, pause_ms_min: 10, pause_ms_max: 40, settle_ms: 30 };
    const PATIENCE: Duration = Duration::from_secs(10);

    fn order(number: u32) -> ListedOrder {
        ListedOrder::new(&format!("v-{number}"), &format!("xc-1-{number}"), "BTC-USD").unwrap()
    }

    /// What the venue answers, and what it was asked.
    struct Scripted {
        asked: mpsc::Sender<()>,
        listings: mpsc::Receiver<Result<Vec<ListedOrder>, CancellerFailed>>,
        cancels: mpsc::Sender<Vec<VenueOrderId>>,
    }

    impl Canceller for Scripted {
        fn open_orders(&mut self) -> Result<Vec<ListedOrder>, CancellerFailed> {
            let _ = self.asked.send(());
            // After the script: nothing is open.
            self.listings.recv().unwrap_or_else(|_| Ok(Vec::new()))
        }

        fn cancel(&mut self, orders: &[ListedOrder]) -> Result<(), CancellerFailed> {
            let _ = self.cancels.send(orders.iter().map(|order| order.id).collect());
            Ok(())
        }
    }

    type Listings = mpsc::Sender<Result<Vec<ListedOrder>, CancellerFailed>>;

    fn start() -> (Emergency, Listings, mpsc::Receiver<Vec<VenueOrderId>>) {
        let (emergency, listings, cancelled, _) = start_by(RULES);
        (emergency, listings, cancelled)
    }

    /// The last one hears of each listing that is asked for.
    fn start_by(rules: EmergencyRules) -> (Emergency, Listings, mpsc::Receiver<Vec<VenueOrderId>>, mpsc::Receiver<()>) {
        let ((listings, scripted), (cancels, cancelled)) = (mpsc::channel(), mpsc::channel());
        let (asked, hears) = mpsc::channel();
        let canceller = Box::new(Scripted { asked, listings: scripted, cancels });
        (Emergency::start(Venue::Coinbase, canceller, rules).unwrap(), listings, cancelled, hears)
    }

    fn broken() -> Result<Vec<ListedOrder>, CancellerFailed> {
        Err(CancellerFailed("coinbase: list orders failed with HTTP 502".into()))
    }

    #[test]
    fn it_lists_and_cancels_until_a_listing_holds_none() {
        let (emergency, listings, cancelled) = start();
        let bell = emergency.bell();
        listings.send(Ok(vec![])).unwrap();
        bell.raise(Alarm::Panicked);
        assert!(bell.state().is_under_way(), "it can be seen at once");
        listings.send(broken()).unwrap();
        listings.send(Ok(vec![order(1), order(2)])).unwrap();
        listings.send(Ok(vec![order(2)])).unwrap();
        drop(listings);
        assert!(bell.wait(PATIENCE));
        assert_eq!(bell.state(), EmergencyState::Done { orders: 2 });
        assert_eq!(cancelled.try_iter().collect::<Vec<_>>(), [vec![order(1).id, order(2).id], vec![order(2).id]]);
        let counters = emergency.counters();
        let counted = [Counter::Emergencies, Counter::EmergencyCancels, Counter::EmergencyFailures];
        assert_eq!(counted.map(|counter| counters.get(counter)), [1, 3, 1]);
    }

    #[test]
    fn a_rehearsal_cancels_nothing_and_shows_whether_it_would_work() {
        let (emergency, listings, cancelled) = start();
        let bell = emergency.bell();
        let until = |wanted: fn(&EmergencyState) -> bool| {
            let deadline = Instant::now() + PATIENCE;
            while !wanted(&bell.state()) {
                assert!(Instant::now() < deadline, "{:?}", bell.state());
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        listings.send(broken()).unwrap();
        until(|state| matches!(state, EmergencyState::Unready { why } if why.contains("502")));
        bell.raise(Alarm::Panicked);
        listings.send(Ok(vec![])).unwrap();
        drop(listings);
        until(|state| *state == EmergencyState::Done { orders: 0 });
        assert_eq!(cancelled.try_recv(), Err(mpsc::TryRecvError::Empty));
    }

    #[test]
    fn a_released_kill_ends_it_and_another_alarm_begins_again() {
        let (emergency, listings, cancelled) = start();
        let bell = emergency.bell();
        listings.send(Ok(vec![])).unwrap();
        bell.raise(Alarm::Silent { limit_ms: 1 });
        listings.send(Ok(vec![order(1)])).unwrap();
        assert_eq!(cancelled.recv_timeout(PATIENCE), Ok(vec![order(1).id]));
        bell.stand_down();
        listings.send(Ok(vec![order(1)])).unwrap(); // in case it was listing just then
        assert!(bell.wait(PATIENCE));
        assert_eq!(bell.state(), EmergencyState::Ready);
        bell.raise(Alarm::Silent { limit_ms: 1 });
        drop(listings);
        assert!(bell.wait(PATIENCE));
        assert!(matches!(bell.state(), EmergencyState::Done { .. }));
    }

    #[test]
    fn an_alarm_right_behind_a_release_is_not_taken_for_the_one_that_was_released() {
        let (emergency, listings, cancelled, asked) = start_by(RULES);
        let bell = emergency.bell();
        asked.recv_timeout(PATIENCE).unwrap();
        bell.raise(Alarm::Silent { limit_ms: 1 });
        listings.send(Ok(vec![])).unwrap(); // the rehearsal's
        asked.recv_timeout(PATIENCE).unwrap();
        // It waits for the venue when the kill is released, and still does when the reactor fails again.
        bell.stand_down();
        bell.raise(Alarm::Panicked);
        listings.send(Ok(vec![order(1)])).unwrap();
        drop(listings);
        assert!(bell.wait(PATIENCE));
        assert_eq!(bell.state(), EmergencyState::Done { orders: 0 }, "the second one found nothing left");
        assert_eq!(cancelled.recv_timeout(PATIENCE), Ok(vec![order(1).id]));
        assert_eq!(emergency.counters().get(Counter::Emergencies), 2);
    }

    #[test]
    fn after_a_release_rehearsals_tell_again_how_it_stands() {
        let (emergency, listings, ..) = start_by(EmergencyRules { warm_every_ms: 20, ..RULES });
        let bell = emergency.bell();
        bell.raise(Alarm::Panicked);
        drop(listings);
        assert!(bell.wait(PATIENCE));
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(bell.state(), EmergencyState::Done { orders: 0 }, "it stays to be read");
        bell.stand_down();
        let deadline = Instant::now() + PATIENCE;
        while bell.state() != EmergencyState::Ready {
            assert!(Instant::now() < deadline, "{:?}", bell.state());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn an_empty_listing_is_believed_only_when_nothing_can_be_on_its_way() {
        let mut campaign = Campaign::new(RULES);
        assert_eq!(campaign.listed(Duration::from_millis(4), &[]), Next::Rest(Duration::from_millis(26)));
        assert_eq!(campaign.listed(Duration::from_millis(30), &[order(1)]), Next::Rest(Duration::from_millis(10)));
        assert_eq!(campaign.listed(Duration::from_millis(40), &[]), Next::Done);
        assert_eq!(campaign.seen.len(), 1);
    }

    #[test]
    fn pauses_grow_while_nothing_gets_better_and_are_short_again_once_it_does() {
        let mut campaign = Campaign::new(RULES);
        let orders = [order(1), order(2), order(3)];
        let at = Duration::from_millis(1);
        let mut pauses: Vec<Next> = (0..4).map(|_| campaign.listed(at, &orders)).collect();
        pauses.push(campaign.failed());
        pauses.push(campaign.listed(at, &orders[..1]));
        pauses.push(campaign.failed());
        assert_eq!(pauses, [10, 20, 40, 40, 40, 10, 20].map(|ms| Next::Rest(Duration::from_millis(ms))));
    }
}
