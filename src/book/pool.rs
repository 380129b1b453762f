//! The pool of blocks that all books share. Owns every level's memory from the start; never grows, never frees. Hands
//! out whole blocks, takes them back, and counts what it refused.

/// Levels in one block: 2 KiB, so an insertion moves at most that much and 43,000 levels need some hundreds of blocks.
pub const BLOCK_LEVELS: usize = 128;

/// Why a level could not be stored. The book is as it was before the call, and lacks the level: its owner must flag it
/// and start it anew from a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookFull {
    /// Every block of the pool is in use.
    #[error("book pool full: all {blocks_max} blocks in use; raise the pool's limit or follow fewer books")]
    Pool {
        /// The pool's limit.
        blocks_max: usize,
    },
    /// This side of this book has as many blocks as it may.
    #[error("book side full: it holds its limit of {blocks_max} blocks; raise the book's limit")]
    Side {
        /// The side's limit.
        blocks_max: usize,
    },
    /// The book was filled from another pool than the one given.
    #[error("book used with a pool that does not hold its levels: clear it with its own pool first")]
    ForeignPool,
}

/// One level as stored: prices become ranks, so that the best level of either side has the least rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) rank: i64,
    pub(super) size: i64,
}

/// Block number within a pool.
pub(super) type BlockId = u32;

#[derive(Clone)]
#[repr(C, align(64))]
struct Block([Entry; BLOCK_LEVELS]);

const _: () = assert!(std::mem::size_of::<Block>() == 2048);

/// A fixed number of blocks of [`BLOCK_LEVELS`] levels, shared by any number of [`OrderBook`](super::OrderBook)s.
pub struct BlockPool {
    blocks: Box<[Block]>,
    free: Vec<BlockId>,
    in_use_max: usize,
    refused: u64,
    /// Entries moved by insertions, splits and merges: tests assert that snapshots are linear without timing them.
    #[cfg(test)]
    pub(super) moved: u64,
}

impl BlockPool {
    /// A pool of `blocks_max` blocks (2 KiB each, all touched now so that no first use pays for it).
    pub fn new(blocks_max: usize) -> BlockPool {
        let blocks_max = blocks_max.min(BlockId::MAX as usize);
        let empty = Block([Entry { rank: 0, size: 0 }; BLOCK_LEVELS]);
        BlockPool {
            blocks: vec![empty; blocks_max].into_boxed_slice(),
            free: (0..blocks_max as BlockId).rev().collect(),
            in_use_max: 0,
            refused: 0,
            #[cfg(test)]
            moved: 0,
        }
    }

    /// A pool in which `books` books of together at most `levels_max` levels always find room, however they came to be.
    pub fn for_levels(levels_max: usize, books: usize) -> BlockPool {
        BlockPool::new(Self::blocks_for(levels_max, books))
    }

    /// Two neighbouring blocks always hold more than half a block together, so a side of `n` levels has at most
    /// `2 n / 65 + 1` blocks.
    fn blocks_for(levels_max: usize, books: usize) -> usize {
        const PAIR_LEVELS_MIN: usize = super::ladder::MERGE_LEVELS_MAX + 1;
        let sides = books.saturating_mul(2);
        (levels_max / PAIR_LEVELS_MIN).saturating_mul(2).saturating_add(sides)
    }

    /// The limit.
    pub fn blocks_max(&self) -> usize {
        self.blocks.len()
    }

    /// Blocks that books hold now.
    pub fn blocks_in_use(&self) -> usize {
        self.blocks.len().saturating_sub(self.free.len())
    }

    /// Most blocks ever in use at once.
    pub fn blocks_in_use_max(&self) -> usize {
        self.in_use_max
    }

    /// Levels refused because the pool or a book side was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn acquire(&mut self) -> Result<BlockId, BookFull> {
        let Some(id) = self.free.pop() else {
            return Err(self.refuse(BookFull::Pool { blocks_max: self.blocks.len() }));
        };
        self.in_use_max = self.in_use_max.max(self.blocks_in_use());
        Ok(id)
    }

    pub(super) fn release(&mut self, id: BlockId) {
        // A foreign pool's number, or one too many, must not grow the list: it would allocate and hand a block out twice.
        if self.free.len() < self.blocks.len() && (id as usize) < self.blocks.len() {
            self.free.push(id);
        }
    }

    /// Counts a refusal and passes it on.
    pub(super) fn refuse(&mut self, why: BookFull) -> BookFull {
        self.refused = self.refused.saturating_add(1);
        why
    }

    /// The first `len` entries of a block; none if this pool has no such block.
    #[inline]
    pub(super) fn entries(&self, id: BlockId, len: usize) -> &[Entry] {
        self.blocks.get(id as usize).and_then(|b| b.0.get(..len)).unwrap_or_default()
    }

    /// All slots of a block.
    #[inline]
    pub(super) fn slots(&mut self, id: BlockId) -> Result<&mut [Entry; BLOCK_LEVELS], BookFull> {
        self.blocks.get_mut(id as usize).map(|b| &mut b.0).ok_or(BookFull::ForeignPool)
    }

    /// Appends `from[range]` to the first `len` entries of `to`.
    pub(super) fn append(
        &mut self,
        from: BlockId,
        range: std::ops::Range<usize>,
        to: BlockId,
        len: usize,
    ) -> Result<(), BookFull> {
        self.note_moved(range.len());
        let [from, to] =
            self.blocks.get_disjoint_mut([from as usize, to as usize]).map_err(|_| BookFull::ForeignPool)?;
        let end = len.saturating_add(range.len());
        let (Some(source), Some(target)) = (from.0.get(range), to.0.get_mut(len..end)) else {
            return Err(BookFull::ForeignPool);
        };
        target.copy_from_slice(source);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn note_moved(&mut self, entries: usize) {
        self.moved = self.moved.saturating_add(entries as u64);
    }

    #[cfg(not(test))]
    #[inline(always)]
    pub(super) fn note_moved(&mut self, _entries: usize) {}
}

impl std::fmt::Debug for BlockPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockPool")
            .field("blocks_in_use", &self.blocks_in_use())
            .field("blocks_max", &self.blocks_max())
            .field("blocks_in_use_max", &self.in_use_max)
            .field("refused", &self.refused)
            .finish()
    }
}
