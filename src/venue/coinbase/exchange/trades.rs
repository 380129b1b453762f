//! Loss detection by trade ids: one more with every trade of a product, named once a second by its heartbeat (Coinbase
//! reference 8).
//!
//! Owns the last id of one product. Guarantees that every lost trade is noticed: at the next trade, or at the second
//! heartbeat after it; and that ids which begin again silence nobody for long. Never decides what follows.

/// Trades in a row behind the last id that can be repetitions; one more, and the ids began again.
const BEHIND_MAX: u64 = 8;

/// What an id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next one.
    Next,
    /// So many trades are missing before it.
    Missed(u64),
    /// Not above the last one: repeated.
    Behind,
}

/// The ids of one product on one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TradeLine {
    /// The last trade that came, or is accounted for; 0 before the first.
    last: u64,
    /// What the last heartbeat named. It is judged at the next one: nothing promises that a heartbeat does not overtake a
    /// trade, and a false alarm costs a snapshot of over a megabyte.
    named: u64,
    /// Trades in a row that were behind.
    behind: u64,
}

impl TradeLine {
    /// The last trade before the subscription.
    pub fn begin(&mut self, trade_id: u64) {
        *self = TradeLine { last: trade_id, ..TradeLine::default() };
    }

    /// Trades are no longer subscribed.
    pub fn end(&mut self) {
        *self = TradeLine::default();
    }

    /// A trade.
    #[inline]
    pub fn trade(&mut self, trade_id: u64) -> Verdict {
        let before = self.last;
        self.last = before.max(trade_id);
        match trade_id.checked_sub(before) {
            // The first one seen without a `last_match` before it tells nothing.
            _ if before == 0 => Verdict::Next,
            None | Some(0) => self.fell_behind(trade_id),
            Some(step) => {
                self.behind = 0;
                match step.saturating_sub(1) {
                    0 => Verdict::Next,
                    missed => Verdict::Missed(missed),
                }
            }
        }
    }

    #[cold]
    fn fell_behind(&mut self, trade_id: u64) -> Verdict {
        self.behind = self.behind.saturating_add(1);
        if self.behind <= BEHIND_MAX {
            return Verdict::Behind;
        }
        self.begin(trade_id);
        // Those that were ignored.
        Verdict::Missed(BEHIND_MAX)
    }

    /// A heartbeat; returns how many trades are missing.
    pub fn heartbeat(&mut self, last_trade_id: u64) -> u64 {
        let due = std::mem::replace(&mut self.named, last_trade_id);
        if self.last == 0 {
            return 0;
        }
        let missed = due.saturating_sub(self.last);
        self.last = self.last.max(due);
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_of_one_is_next_more_is_a_loss_less_is_a_repetition() {
        let mut line = TradeLine::default();
        assert_eq!(line.trade(100), Verdict::Next, "nothing to compare with");
        assert_eq!(line.trade(101), Verdict::Next);
        assert_eq!(line.trade(104), Verdict::Missed(2));
        assert_eq!(line.trade(103), Verdict::Behind);
        assert_eq!(line.trade(104), Verdict::Behind);
        assert_eq!(line.trade(105), Verdict::Next);
    }

    #[test]
    fn ids_that_begin_again_are_taken_up_after_a_few_trades() {
        let mut line = TradeLine::default();
        line.begin(1_000);
        for id in 1..=BEHIND_MAX {
            assert_eq!(line.trade(id), Verdict::Behind);
        }
        assert_eq!(line.trade(BEHIND_MAX + 1), Verdict::Missed(BEHIND_MAX));
        assert_eq!(line.trade(BEHIND_MAX + 2), Verdict::Next);
    }

    #[test]
    fn a_heartbeat_counts_what_is_still_missing_at_the_next_one() {
        let mut line = TradeLine::default();
        line.begin(100);
        assert_eq!(line.heartbeat(102), 0, "may have overtaken the trades");
        assert_eq!(line.trade(101), Verdict::Next);
        assert_eq!(line.heartbeat(102), 1);
        assert_eq!(line.heartbeat(102), 0, "told once");
        assert_eq!(line.trade(103), Verdict::Next);
    }

    #[test]
    fn without_trades_heartbeats_say_nothing() {
        let mut line = TradeLine::default();
        assert_eq!((line.heartbeat(5), line.heartbeat(9)), (0, 0));
        line.begin(9);
        line.end();
        assert_eq!((line.heartbeat(15), line.heartbeat(19)), (0, 0));
    }

    proptest! {
        /// Whatever is lost, the losses told add up to it once two heartbeats came.
        #[test]
        fn losses_add_up(lost in prop::collection::vec(any::<bool>(), 1..60), beat in 1..7_usize) {
            let mut line = TradeLine::default();
            line.begin(1_000);
            let (mut told, mut id) = (0, 1_000);
            for (at, lost) in lost.iter().enumerate() {
                id += 1;
                if !lost {
                    match line.trade(id) {
                        Verdict::Next => {}
                        Verdict::Missed(missed) => told += missed,
                        Verdict::Behind => prop_assert!(false, "{id} is new"),
                    }
                }
                if at % beat == 0 {
                    told += line.heartbeat(id);
                }
            }
            told += line.heartbeat(id);
            told += line.heartbeat(id);
            prop_assert_eq!(told, lost.iter().filter(|lost| **lost).count() as u64);
        }
    }
}
