//! The reactor's pulse: how anybody can see that it still turns, and how it ended.
//!
//! Owns a counter and a state shared between the reactor, who writes them, and whoever watches. Guarantees that a beat
//! costs one relaxed store, and that a reactor dropped while its thread unwinds says so. Reads no clock, decides nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;

/// How a reactor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Life {
    /// Nobody promised that it turns: it has not begun, or is turned by a loop that did not ask for the watch.
    Unwatched = 0,
    /// It turns all the time, or something is wrong.
    Watched = 1,
    /// It was told to end, and did; or it never began.
    Stopped = 2,
    /// It was dropped by a panic.
    Panicked = 3,
    /// It was dropped without being told to end.
    Abandoned = 4,
}

#[derive(Debug, Default)]
struct Shared {
    turns: AtomicU64,
    life: AtomicU8,
    given_up: AtomicBool,
}

/// The watcher's end; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Shared>);

/// The reactor's end. Dropping it says how the reactor ended.
#[derive(Debug)]
pub struct Heart {
    shared: Arc<Shared>,
    turns: u64,
}

impl Pulse {
    /// The reactor's end of this pulse: one reactor has one.
    #[must_use]
    pub fn heart(&self) -> Heart {
        Heart { shared: self.0.clone(), turns: 0 }
    }

    /// Turns so far.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// How the reactor stands.
    #[must_use]
    pub fn life(&self) -> Life {
        match self.0.life.load(Ordering::Acquire) {
            0 => Life::Unwatched,
            1 => Life::Watched,
            2 => Life::Stopped,
            3 => Life::Panicked,
            _ => Life::Abandoned,
        }
    }

    /// Leaves word for a reactor that comes back: it was given up, and its orders were cancelled for it.
    pub fn give_up(&self) {
        self.0.given_up.store(true, Ordering::Release);
    }
}

impl Heart {
    /// A turn begins.
    #[inline]
    pub fn beat(&mut self) {
        self.turns = self.turns.wrapping_add(1);
        self.shared.turns.store(self.turns, Ordering::Relaxed);
    }

    /// From now on it turns all the time.
    pub fn watch(&self) {
        self.become_(Life::Watched);
    }

    /// It was told to end.
    pub fn stop(&self) {
        self.become_(Life::Stopped);
    }

    /// Whether it was given up since this was asked last.
    #[must_use]
    pub fn was_given_up(&self) -> bool {
        self.shared.given_up.swap(false, Ordering::AcqRel)
    }

    fn become_(&self, life: Life) {
        self.shared.life.store(life as u8, Ordering::Release);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.become_(Life::Panicked);
        } else if self.shared.life.load(Ordering::Acquire) != Life::Stopped as u8 {
            // A gateway that could not be put together drops a reactor that never turned: nothing of it is out there.
            let began = self.turns > 0 || self.shared.life.load(Ordering::Acquire) == Life::Watched as u8;
            self.become_(if began { Life::Abandoned } else { Life::Stopped });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_seen_and_the_end_says_how_it_came() {
        let pulse = Pulse::default();
        let mut heart = pulse.heart();
        assert_eq!((pulse.turns(), pulse.life()), (0, Life::Unwatched));
        heart.watch();
        heart.beat();
        heart.beat();
        assert_eq!((pulse.turns(), pulse.life()), (2, Life::Watched));
        heart.stop();
        drop(heart);
        assert_eq!(pulse.life(), Life::Stopped);
    }

    #[test]
    fn a_drop_without_an_end_and_a_panic_are_told_apart() {
        let began: [fn(&mut Heart); 2] = [|heart| heart.watch(), Heart::beat];
        for begin in began {
            let abandoned = Pulse::default();
            let mut heart = abandoned.heart();
            begin(&mut heart);
            drop(heart);
            assert_eq!(abandoned.life(), Life::Abandoned);
        }
        let never_begun = Pulse::default();
        drop(never_begun.heart());
        assert_eq!(never_begun.life(), Life::Stopped, "a start that failed abandons nothing");
        let panicked = Pulse::default();
        let heart = panicked.heart();
        let thread = std::thread::spawn(move || {
            let _heart = heart;
            panic!("for the test");
        });
        assert!(thread.join().is_err());
        assert_eq!(panicked.life(), Life::Panicked);
    }

    #[test]
    fn word_left_for_it_is_found_once() {
        let pulse = Pulse::default();
        let heart = pulse.heart();
        assert!(!heart.was_given_up());
        pulse.give_up();
        assert!(heart.was_given_up() && !heart.was_given_up());
    }
}
