//! Trades of two connections become one stream: by id, first arrival wins.

use super::Feed;

/// Ids remembered. A trade further behind the newest one than this is taken for told: at ten trades a second, an hour.
pub const TRADE_WINDOW: u64 = 32_768;
/// So many trades in a row too far behind mean that the venue has begun to count anew.
const RESTART_AFTER: u32 = 64;
const WORD_BITS: u64 = u64::BITS as u64;
const WORDS: usize = (TRADE_WINDOW / WORD_BITS) as usize;

/// What became of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// The first to arrive with its id: to be told.
    First {
        /// From before the product was listened to; otherwise news, even if it came as history to one of the two.
        history: bool,
    },
    /// Told already.
    Repeated,
    /// Further back than is remembered: not told.
    TooOld,
}

/// The ids of one product. Guarantees that no id within the window is [`Arrival::First`] twice. The ids of a product must
/// be one sequence on both connections, about one apart: a jump over the window forgets what lies behind it.
#[derive(Debug, Clone)]
pub struct TradeMerger {
    /// One bit per id, at the id modulo the window.
    seen: Box<[u64; WORDS]>,
    /// The newest id; 0 before the first.
    newest: u64,
    /// Up to here trades were history when the first connection began to tell them.
    base: u64,
    /// Whose history that is; `None` once anything else came.
    base_of: Option<Feed>,
    too_old_in_a_row: u32,
}

impl Default for TradeMerger {
    fn default() -> Self {
        TradeMerger::new()
    }
}

impl TradeMerger {
    /// Nothing told yet. Takes 4 KiB, now.
    pub fn new() -> TradeMerger {
        TradeMerger { seen: Box::new([0; WORDS]), newest: 0, base: 0, base_of: None, too_old_in_a_row: 0 }
    }

    /// A trade arrived. One without an id (0) cannot be told from another and is told if the first connection brings it.
    #[inline]
    pub fn offer(&mut self, feed: Feed, trade_id: u64, history: bool) -> Arrival {
        if trade_id == 0 {
            return if feed == Feed::First { Arrival::First { history } } else { Arrival::Repeated };
        }
        let behind = self.newest.saturating_sub(trade_id);
        if behind >= TRADE_WINDOW {
            return self.too_old(feed, trade_id, history);
        }
        self.too_old_in_a_row = 0;
        self.forget_up_to(trade_id);
        self.note_history(feed, trade_id, history);
        self.newest = self.newest.max(trade_id);
        let Some((word, bit)) = self.place(trade_id) else { return Arrival::TooOld };
        if *word & bit != 0 {
            return Arrival::Repeated;
        }
        *word |= bit;
        Arrival::First { history: history && trade_id <= self.base }
    }

    /// The newest id told; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The history one connection begins with is history. What the other one brings as such, or the same one after a
    /// reconnect, and was not told yet, is news: the trades the one lost, or has not told yet.
    #[inline]
    fn note_history(&mut self, feed: Feed, trade_id: u64, history: bool) {
        if self.newest == 0 {
            self.base_of = history.then_some(feed);
            self.base = if history { trade_id } else { trade_id.saturating_sub(1) };
        } else if !history || self.base_of != Some(feed) {
            self.base_of = None;
        } else {
            self.base = self.base.max(trade_id);
        }
    }

    #[cold]
    fn too_old(&mut self, feed: Feed, trade_id: u64, history: bool) -> Arrival {
        self.too_old_in_a_row = self.too_old_in_a_row.saturating_add(1);
        if self.too_old_in_a_row <= RESTART_AFTER {
            return Arrival::TooOld;
        }
        *self = TradeMerger::new();
        self.offer(feed, trade_id, history)
    }

    /// Makes room for ids up to this one: whatever stood in their places is out of the window.
    #[inline]
    fn forget_up_to(&mut self, trade_id: u64) {
        let steps = trade_id.saturating_sub(self.newest);
        if steps >= TRADE_WINDOW {
            self.seen.fill(0);
            return;
        }
        for step in 1..=steps {
            if let Some((word, bit)) = self.place(self.newest.saturating_add(step)) {
                *word &= !bit;
            }
        }
    }

    #[inline]
    fn place(&mut self, trade_id: u64) -> Option<(&mut u64, u64)> {
        let at = trade_id % TRADE_WINDOW;
        let word = self.seen.get_mut((at / WORD_BITS) as usize)?;
        Some((word, 1_u64.wrapping_shl((at % WORD_BITS) as u32)))
    }
}

const _: () = assert!(TRADE_WINDOW.is_multiple_of(WORD_BITS) && WORDS * 8 == 4_096);
