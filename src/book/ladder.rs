//! One side of a book: sorted runs of levels, each in a block of the pool, and a small index over them. Owns the index,
//! guarantees order and occupancy (two neighbouring runs always hold more than [`MERGE_LEVELS_MAX`] levels together, no
//! run is empty); knows ranks only, never which side it is.

use super::order_book::{Change, ChangeKind};
use super::pool::{BlockId, BlockPool, BookFull, Entry, BLOCK_LEVELS};

/// Neighbours that hold no more than this together become one. Half a block is the most that keeps the guarantee above
/// true across splits, and leaves 64 changes between a merge and the next split at the same place.
pub(super) const MERGE_LEVELS_MAX: usize = BLOCK_LEVELS / 2;

/// One block's share of the side.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Rank of its first (best) level.
    first: i64,
    block: BlockId,
    len: u32,
}

impl Run {
    fn len(&self) -> usize {
        self.len as usize
    }
}

/// One side, best level first.
#[derive(Debug)]
pub(super) struct Ladder {
    runs: Vec<Run>,
    runs_max: usize,
    levels: usize,
}

impl Ladder {
    pub(super) fn new(runs_max: usize) -> Ladder {
        Ladder { runs: Vec::with_capacity(runs_max), runs_max, levels: 0 }
    }

    pub(super) fn clear(&mut self, pool: &mut BlockPool) {
        for run in self.runs.drain(..) {
            pool.release(run.block);
        }
        self.levels = 0;
    }

    /// Sets the size of a level, inserting it if it is new.
    pub(super) fn put(&mut self, pool: &mut BlockPool, rank: i64, size: i64) -> Result<Change, BookFull> {
        let at = self.run_of(rank);
        let Some(run) = self.runs.get_mut(at) else {
            return self.open(pool, at, Entry { rank, size });
        };
        let len = run.len();
        let slots = pool.slots(run.block)?;
        let Some(held) = slots.get_mut(..len) else { return Err(BookFull::ForeignPool) };
        match held.binary_search_by_key(&rank, |e| e.rank) {
            Ok(i) => {
                let Some(entry) = held.get_mut(i) else { return Err(BookFull::ForeignPool) };
                let kind = if entry.size == size { ChangeKind::Nothing } else { ChangeKind::Changed };
                entry.size = size;
                Ok(Change { kind, best: at == 0 && i == 0 && kind == ChangeKind::Changed })
            }
            Err(i) if len < BLOCK_LEVELS => {
                let Some(tail) = slots.get_mut(i..=len) else { return Err(BookFull::ForeignPool) };
                tail.copy_within(..len.saturating_sub(i), 1);
                if let Some(entry) = tail.first_mut() {
                    *entry = Entry { rank, size };
                }
                run.len = run.len.saturating_add(1);
                run.first = run.first.min(rank);
                self.levels = self.levels.saturating_add(1);
                pool.note_moved(len.saturating_sub(i));
                Ok(Change { kind: ChangeKind::Inserted, best: at == 0 && i == 0 })
            }
            // A snapshot comes sorted: at either end of the side a fresh block, so that the full one stays full.
            Err(i) if i == len && at.saturating_add(1) == self.runs.len() => {
                self.open(pool, at.saturating_add(1), Entry { rank, size })
            }
            Err(0) if at == 0 => self.open(pool, 0, Entry { rank, size }),
            Err(_) => {
                self.split(pool, at)?;
                // Both halves have room now: this goes one deep.
                self.put(pool, rank, size)
            }
        }
    }

    /// Removes a level if it is there.
    pub(super) fn take(&mut self, pool: &mut BlockPool, rank: i64) -> Result<Change, BookFull> {
        let at = self.run_of(rank);
        let Some(run) = self.runs.get_mut(at) else { return Ok(Change::NOTHING) };
        let len = run.len();
        let slots = pool.slots(run.block)?;
        let Some(held) = slots.get_mut(..len) else { return Err(BookFull::ForeignPool) };
        let Ok(i) = held.binary_search_by_key(&rank, |e| e.rank) else { return Ok(Change::NOTHING) };
        if let Some(tail) = held.get_mut(i..) {
            tail.copy_within(1.., 0);
        }
        if let Some(first) = held.first() {
            // Stale if that was the only level, but then the run goes below.
            run.first = first.rank;
        }
        run.len = run.len.saturating_sub(1);
        self.levels = self.levels.saturating_sub(1);
        pool.note_moved(len.saturating_sub(i));
        self.tidy(pool, at)?;
        Ok(Change { kind: ChangeKind::Removed, best: at == 0 && i == 0 })
    }

    pub(super) fn best(&self, pool: &BlockPool) -> Option<Entry> {
        let run = self.runs.first()?;
        pool.entries(run.block, run.len()).first().copied()
    }

    pub(super) fn size_at(&self, pool: &BlockPool, rank: i64) -> Option<i64> {
        let run = self.runs.get(self.run_of(rank))?;
        let held = pool.entries(run.block, run.len());
        let i = held.binary_search_by_key(&rank, |e| e.rank).ok()?;
        held.get(i).map(|e| e.size)
    }

    /// All levels from the best, or those strictly worse than a rank, found without walking those before it.
    pub(super) fn iter<'a>(&'a self, pool: &'a BlockPool, after: Option<i64>) -> impl Iterator<Item = Entry> + 'a {
        let at = after.map_or(0, |rank| self.run_of(rank));
        let runs = self.runs.get(at..).unwrap_or_default();
        let (first, rest) = match runs.split_first() {
            Some((first, rest)) => (pool.entries(first.block, first.len()), rest),
            None => (Default::default(), runs),
        };
        let skip = after.map_or(0, |rank| first.partition_point(|e| e.rank <= rank));
        let rest = rest.iter().flat_map(|run| pool.entries(run.block, run.len()));
        first.get(skip..).unwrap_or_default().iter().chain(rest).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.levels
    }

    pub(super) fn runs_max(&self) -> usize {
        self.runs_max
    }

    /// The only run that may hold `rank`; 0 if there is none.
    #[inline]
    fn run_of(&self, rank: i64) -> usize {
        self.runs.partition_point(|run| run.first <= rank).saturating_sub(1)
    }

    /// A block for a new run, if the side may have one more.
    fn acquire(&self, pool: &mut BlockPool) -> Result<BlockId, BookFull> {
        if self.runs.len() >= self.runs_max {
            return Err(pool.refuse(BookFull::Side { blocks_max: self.runs_max }));
        }
        pool.acquire()
    }

    /// A new run of one level before the run `at`.
    fn open(&mut self, pool: &mut BlockPool, at: usize, entry: Entry) -> Result<Change, BookFull> {
        let block = self.acquire(pool)?;
        if let Some(slot) = pool.slots(block)?.first_mut() {
            *slot = entry;
        }
        self.runs.insert(at.min(self.runs.len()), Run { first: entry.rank, block, len: 1 });
        self.levels = self.levels.saturating_add(1);
        Ok(Change { kind: ChangeKind::Inserted, best: at == 0 })
    }

    /// Moves the worse half of a full run to a new one behind it.
    fn split(&mut self, pool: &mut BlockPool, at: usize) -> Result<(), BookFull> {
        const KEPT: usize = BLOCK_LEVELS / 2;
        let block = self.acquire(pool)?;
        let Some(run) = self.runs.get_mut(at) else { return Err(BookFull::ForeignPool) };
        let len = run.len();
        pool.append(run.block, KEPT..len, block, 0)?;
        run.len = KEPT as u32;
        let moved = len.saturating_sub(KEPT);
        let first = pool.entries(block, moved).first().map_or(i64::MAX, |e| e.rank);
        self.runs.insert(at.saturating_add(1), Run { first, block, len: moved as u32 });
        Ok(())
    }

    /// Restores the occupancy guarantee after a removal from the run `at`.
    fn tidy(&mut self, pool: &mut BlockPool, at: usize) -> Result<(), BookFull> {
        let Some(run) = self.runs.get(at).copied() else { return Ok(()) };
        if run.len == 0 {
            // Its neighbours hold at least half a block each, else they had been merged with it before.
            self.runs.remove(at);
            pool.release(run.block);
            return Ok(());
        }
        if !self.join(pool, at)? {
            if let Some(before) = at.checked_sub(1) {
                self.join(pool, before)?;
            }
        }
        Ok(())
    }

    /// Merges the run `at` with the one behind it if both are small; says whether it did.
    fn join(&mut self, pool: &mut BlockPool, at: usize) -> Result<bool, BookFull> {
        let behind = at.saturating_add(1);
        let Some(next) = self.runs.get(behind).copied() else { return Ok(false) };
        let Some(run) = self.runs.get_mut(at) else { return Ok(false) };
        if run.len().saturating_add(next.len()) > MERGE_LEVELS_MAX {
            return Ok(false);
        }
        pool.append(next.block, 0..next.len(), run.block, run.len())?;
        run.len = run.len.saturating_add(next.len);
        self.runs.remove(behind);
        pool.release(next.block);
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
impl Ladder {
    /// Blocks held, after checking every promise of this module.
    pub(super) fn check(&self, pool: &BlockPool) -> usize {
        let all: Vec<Entry> = self.iter(pool, None).collect();
        assert!(all.windows(2).all(|w| w[0].rank < w[1].rank), "levels sorted and unique");
        assert!(all.iter().all(|e| e.size > 0), "no empty level");
        assert_eq!(all.len(), self.levels);
        assert!(self.runs.len() <= self.runs_max && self.runs.capacity() >= self.runs_max);
        for run in &self.runs {
            assert!(run.len > 0 && run.len() <= BLOCK_LEVELS);
            assert_eq!(pool.entries(run.block, run.len())[0].rank, run.first);
        }
        for pair in self.runs.windows(2) {
            assert!(pair[0].len() + pair[1].len() > MERGE_LEVELS_MAX, "small neighbours are merged");
        }
        self.runs.len()
    }
}
