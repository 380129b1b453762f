//! What something was like a while ago, for listings that lag.

use crate::sim::SECOND_NS;
use std::collections::VecDeque;

/// No listing lags by more.
const KEPT_NS: u64 = 60 * SECOND_NS;

/// The states of something, each with the time it began.
#[derive(Debug)]
pub(crate) struct Past<T> {
    states: VecDeque<(u64, T)>,
}

impl<T> Past<T> {
    /// It is so from `now_ns` on, and was before.
    pub(crate) fn new(now_ns: u64, state: T) -> Self {
        Self { states: VecDeque::from([(now_ns, state)]) }
    }

    /// It is so from `now_ns` on.
    pub(crate) fn note(&mut self, now_ns: u64, state: T) {
        self.states.push_back((now_ns, state));
        while self.states.get(1).is_some_and(|(from, _)| from.saturating_add(KEPT_NS) < now_ns) {
            self.states.pop_front();
        }
    }

    /// As it was then.
    pub(crate) fn at(&self, ns: u64) -> Option<&T> {
        let then = self.states.iter().rev().find(|(from, _)| *from <= ns);
        then.or(self.states.front()).map(|(_, state)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_as_it_was_and_what_is_long_gone_is_forgotten() {
        let mut past = Past::new(5, 'a');
        past.note(10, 'b');
        past.note(20, 'c');
        assert_eq!(
            [0, 5, 9, 10, 19, 20, 99].map(|ns| past.at(ns).copied()),
            "aaabbcc".chars().map(Some).collect::<Vec<_>>()[..]
        );
        past.note(KEPT_NS + 21, 'd');
        assert_eq!((past.at(10), past.at(20)), (Some(&'c'), Some(&'c')));
    }
}
