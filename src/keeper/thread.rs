//! The keeper's thread: its turn, its sleep, its end. A mint that panics ends minting, never the thread: the watch over the
//! reactor lives on it.

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::anchor::SPAN_NS;
use super::clock::{Clock, ClockAnchor};
use super::tokens::Minter;
use super::watch::{ReactorWatch, Watch};

/// Longest sleep while there are tokens to look after, in ms: what 64 tokens in a slot must last for.
pub const TICK_MS: u64 = 20;
/// Longest sleep otherwise.
const QUIET_MS: u64 = 200;
/// Between two readings of the system's time: what a correction is spread over.
const ANCHOR_EVERY: Duration = Duration::from_nanos(SPAN_NS);

/// What the keeper looks after.
pub struct KeeperSettings {
    /// What everybody reads.
    pub clock: Clock,
    /// The right to anchor it.
    pub anchor: ClockAnchor,
    /// Tokens to mint, if a venue needs any.
    pub minter: Option<Minter>,
    /// The reactor to watch, if it is to be watched.
    pub watch: Option<ReactorWatch>,
}

/// What the keeper did, for whoever watches it.
#[derive(Debug, Default)]
pub struct KeeperCounters {
    /// Turns: standing still means that the keeper does.
    pub turns: AtomicU64,
    /// Readings of the system's time.
    pub anchored: AtomicU64,
    /// Tokens made.
    pub tokens_minted: AtomicU64,
    /// Tokens wiped.
    pub tokens_wiped: AtomicU64,
    /// Tokens that could not be made.
    pub mint_failures: AtomicU64,
    /// Times the reactor was given up.
    pub alarms: AtomicU64,
}

/// The keeper's thread panicked: no tokens any more, and the clock drifts. Trip the kill switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the keeper panicked: no tokens are minted and the clock drifts; stop trading")]
pub struct KeeperPanicked;

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stop: bool,
    woken: bool,
}

/// The running keeper. Dropping it ends it, as [`Keeper::shutdown`] does.
pub struct Keeper {
    signal: Arc<Signal>,
    counters: Arc<KeeperCounters>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(settings: KeeperSettings) -> io::Result<Keeper> {
        let (signal, counters) = (Arc::<Signal>::default(), Arc::<KeeperCounters>::default());
        let run = {
            let (signal, counters) = (signal.clone(), counters.clone());
            move || Turns::new(settings, counters).run(&signal)
        };
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(run)?;
        Ok(Keeper { signal, counters, thread: Some(thread) })
    }

    /// What it did so far.
    #[must_use]
    pub fn counters(&self) -> Arc<KeeperCounters> {
        self.counters.clone()
    }

    /// Whether it still runs; if not, it panicked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends its sleep. Not for the hot thread.
    pub fn wake(&self) {
        self.signal.change(|state| state.woken = true);
    }

    /// Ends it.
    ///
    /// # Errors
    /// It had panicked.
    pub fn shutdown(mut self) -> Result<(), KeeperPanicked> {
        self.end()
    }

    fn end(&mut self) -> Result<(), KeeperPanicked> {
        self.signal.change(|state| state.stop = true);
        self.thread.take().map_or(Ok(()), |thread| thread.join().map_err(|_| KeeperPanicked))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!("{error}");
        }
    }
}

impl Signal {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Sleeps until woken or the time is over; true if it is to end.
    fn sleep(&self, timeout: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slept = self.changed.wait_timeout_while(state, timeout, |state| !state.stop && !state.woken);
        let (mut state, _) = slept.unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        state.stop
    }
}

struct Turns {
    clock: Clock,
    anchor: ClockAnchor,
    minter: Option<Minter>,
    watch: Option<(Watch, ReactorWatch)>,
    counters: Arc<KeeperCounters>,
    began: Instant,
    anchored: Instant,
}

impl Turns {
    fn new(settings: KeeperSettings, counters: Arc<KeeperCounters>) -> Turns {
        let KeeperSettings { clock, anchor, minter, watch } = settings;
        let watch = watch.map(|watch| (Watch::new(Duration::from_millis(watch.silence_ms_max)), watch));
        let began = Instant::now();
        Turns { clock, anchor, minter, watch, counters, began, anchored: began }
    }

    fn run(mut self, signal: &Signal) {
        loop {
            let sleep = self.turn();
            if signal.sleep(sleep) {
                return;
            }
        }
    }

    /// How long to sleep after it.
    fn turn(&mut self) -> Duration {
        self.counters.turns.fetch_add(1, Ordering::Relaxed);
        if self.anchored.elapsed() >= ANCHOR_EVERY {
            self.anchored = Instant::now();
            if self.anchor.read().is_some() {
                self.counters.anchored.fetch_add(1, Ordering::Relaxed);
            }
        }
        let sleep = self.look().min(Duration::from_millis(QUIET_MS));
        let Some(minter) = &mut self.minter else { return sleep };
        let now = self.clock.now();
        // What a panic leaves behind is dropped right away.
        let Ok(turn) = catch_unwind(AssertUnwindSafe(|| minter.turn(now))) else {
            tracing::error!("the mint panicked; please report it: no tokens are made any more, orders will be refused");
            self.counters.mint_failures.fetch_add(1, Ordering::Relaxed);
            self.minter = None;
            return sleep;
        };
        self.counters.tokens_minted.fetch_add(turn.minted, Ordering::Relaxed);
        self.counters.tokens_wiped.fetch_add(turn.wiped, Ordering::Relaxed);
        self.counters.mint_failures.fetch_add(turn.failed, Ordering::Relaxed);
        if turn.more {
            Duration::ZERO
        } else {
            sleep.min(Duration::from_millis(TICK_MS))
        }
    }

    /// Looks at the reactor; when to look again at the latest.
    fn look(&mut self) -> Duration {
        let Some((watch, ReactorWatch { pulse, alarm, .. })) = &mut self.watch else { return Duration::MAX };
        if let Some(raised) = watch.look(self.began.elapsed(), pulse.life(), pulse.turns()) {
            self.counters.alarms.fetch_add(1, Ordering::Relaxed);
            alarm(raised);
        }
        watch.look_every()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::{Alarm, Mint, MintFailed, Minted, Pulse, SlotPlan, TokenPool, TokenSlot, TokenTap};
    use crate::record::UnixNanos;
    use std::sync::mpsc;

    struct Numbered(u64);

    impl Mint for Numbered {
        fn mint(&mut self, _: TokenSlot, now: UnixNanos) -> Result<Minted, MintFailed> {
            assert!(self.0 < 20, "the mint that breaks");
            self.0 += 1;
            Ok(Minted { token: format!("{:032}", self.0).into(), expires: now.plus_ms(120_000) })
        }
    }

    fn keeper() -> (Keeper, TokenTap, Clock) {
        keeper_with(None)
    }

    fn keeper_with(watch: Option<ReactorWatch>) -> (Keeper, TokenTap, Clock) {
        let (clock, anchor) = Clock::start();
        let plans = vec![SlotPlan { slot: TokenSlot(1), depth: 8 }];
        let (minter, tap) = Minter::new(vec![TokenPool { venue: 0, mint: Box::new(Numbered(0)), plans }]);
        let settings = KeeperSettings { clock: clock.clone(), anchor, minter: Some(minter), watch };
        (Keeper::start(settings).unwrap(), tap, clock)
    }

    fn eventually(mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < deadline, "never");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn tokens_flow_out_and_come_back_to_be_wiped_and_replaced() {
        let (keeper, mut tap, clock) = keeper();
        let mut tokens = Vec::new();
        eventually(|| {
            tokens.extend(tap.take());
            tokens.len() == 8
        });
        assert!(tokens.iter().all(|token| token.expires > clock.now().plus_ms(100_000)));
        for token in tokens.drain(..5) {
            tap.retire(token.into_text());
        }
        let counters = keeper.counters();
        eventually(|| counters.tokens_wiped.load(Ordering::Relaxed) == 5);
        eventually(|| counters.tokens_minted.load(Ordering::Relaxed) == 13);
        assert!(keeper.is_alive());
        assert_eq!(keeper.shutdown(), Ok(()));
    }

    #[test]
    fn it_sleeps_between_turns_and_ends_at_once() {
        let began = Instant::now();
        let (keeper, _tap, _) = keeper();
        let counters = keeper.counters();
        let turns = || counters.turns.load(Ordering::Relaxed);
        eventually(|| turns() >= 20);
        // The first ones are for the tokens. However long this thread was not given any time meanwhile.
        let turns = u128::from(turns());
        assert!(turns <= 12 + began.elapsed().as_millis() / u128::from(TICK_MS), "{turns} in {:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!(keeper.shutdown(), Ok(()));
        assert!(began.elapsed() < Duration::from_millis(500));
    }

    #[test]
    fn a_wake_ends_its_sleep() {
        let (clock, anchor) = Clock::start();
        let keeper = Keeper::start(KeeperSettings { clock, anchor, minter: None, watch: None }).unwrap();
        let counters = keeper.counters();
        let turns = || counters.turns.load(Ordering::Relaxed);
        let began = Instant::now();
        for _ in 0..10 {
            let before = turns();
            keeper.wake();
            eventually(|| turns() > before);
        }
        assert!(began.elapsed() < Duration::from_millis(QUIET_MS * 10 / 2), "{:?}", began.elapsed());
    }

    #[test]
    fn a_reactor_that_stands_still_raises_the_alarm_and_one_that_turns_does_not() {
        let (clock, anchor) = Clock::start();
        let (pulse, (raise, raised)) = (Pulse::default(), mpsc::channel());
        let mut heart = pulse.heart();
        let alarm = Box::new(move |alarm| raise.send(alarm).unwrap());
        let watch = Some(ReactorWatch { pulse, silence_ms_max: 200, alarm });
        let keeper = Keeper::start(KeeperSettings { clock, anchor, minter: None, watch }).unwrap();
        let counters = keeper.counters();
        let turns = || counters.turns.load(Ordering::Relaxed);
        heart.watch();
        for _ in 0..30 {
            // Between any two turns of the keeper the reactor has one.
            let before = turns();
            heart.beat();
            eventually(|| turns() > before);
        }
        assert_eq!(raised.try_recv(), Err(mpsc::TryRecvError::Empty));
        assert_eq!(raised.recv_timeout(Duration::from_secs(10)), Ok(Alarm::Silent { limit_ms: 200 }));
        assert_eq!(counters.alarms.load(Ordering::Relaxed), 1);
        heart.stop();
    }

    #[test]
    fn a_mint_that_panics_takes_nothing_else_with_it() {
        let (pulse, (raise, raised)) = (Pulse::default(), mpsc::channel());
        let heart = pulse.heart();
        let watch =
            ReactorWatch { pulse, silence_ms_max: 400, alarm: Box::new(move |alarm| raise.send(alarm).unwrap()) };
        let (keeper, mut tap, _) = keeper_with(Some(watch));
        let counters = keeper.counters();
        eventually(|| {
            if let Some(token) = tap.take() {
                tap.retire(token.into_text());
            }
            counters.mint_failures.load(Ordering::Relaxed) == 1
        });
        // The reactor is watched all the same.
        heart.watch();
        assert_eq!(raised.recv_timeout(Duration::from_secs(10)), Ok(Alarm::Silent { limit_ms: 400 }));
        assert!(keeper.is_alive());
        heart.stop();
        assert_eq!(keeper.shutdown(), Ok(()));
    }

    #[test]
    fn a_panic_on_it_is_noticed_and_told() {
        let (clock, anchor) = Clock::start();
        let pulse = Pulse::default();
        let heart = pulse.heart();
        heart.watch();
        drop(heart);
        let watch = Some(ReactorWatch { pulse, silence_ms_max: 400, alarm: Box::new(|_| panic!("for the test")) });
        let keeper = Keeper::start(KeeperSettings { clock, anchor, minter: None, watch }).unwrap();
        eventually(|| !keeper.is_alive());
        assert_eq!(keeper.shutdown(), Err(KeeperPanicked));
    }
}
