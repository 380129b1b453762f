//! Fixed-size lookup: from a hash to a slot number, and a window of recently seen keys.
//!
//! Owns two tables whose memory is taken at construction. Neither ever allocates, rehashes or leaves tombstones
//! afterwards (a std `HashMap` does all three under churn, at a millisecond a time), and neither is ever iterated.
//! The hash is fixed, so the same inputs always take the same time and path.

const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Cell {
    hash: u64,
    value: u32,
}

/// Maps hashes to numbers; the caller confirms equality of the keys behind them. Linear probing, at most half full.
#[derive(Debug)]
pub(super) struct Index {
    cells: Box<[Cell]>,
    mask: usize,
}

impl Index {
    /// Room for `capacity` entries.
    pub fn new(capacity: usize) -> Index {
        let cells = capacity.max(4).saturating_mul(2).next_power_of_two();
        Index { cells: vec![Cell { hash: 0, value: EMPTY }; cells].into(), mask: cells.saturating_sub(1) }
    }

    /// Adds an entry. The caller holds at most the capacity and never adds a key twice.
    pub fn insert(&mut self, hash: u64, value: u32) {
        let mut at = self.home(hash);
        for _ in 0..self.cells.len() {
            if let Some(cell) = self.cells.get_mut(at) {
                if cell.value == EMPTY {
                    *cell = Cell { hash, value };
                    return;
                }
            }
            at = self.next(at);
        }
        debug_assert!(false, "an index is never full");
    }

    /// The number stored under `hash` for which `is` holds.
    pub fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.position(hash, is).and_then(|at| self.cells.get(at)).map(|cell| cell.value)
    }

    /// Removes the number stored under `hash` for which `is` holds.
    pub fn remove(&mut self, hash: u64, is: impl Fn(u32) -> bool) {
        let Some(mut hole) = self.position(hash, is) else { return };
        let mut at = hole;
        for _ in 0..self.cells.len() {
            at = self.next(at);
            let Some(cell) = self.cells.get(at).copied().filter(|c| c.value != EMPTY) else { break };
            // A cell may move back into the hole only if its home is not between the two.
            let from_home = at.wrapping_sub(self.home(cell.hash)) & self.mask;
            let from_hole = at.wrapping_sub(hole) & self.mask;
            if from_home >= from_hole {
                self.set(hole, cell);
                hole = at;
            }
        }
        self.set(hole, Cell { hash: 0, value: EMPTY });
    }

    fn position(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        for _ in 0..self.cells.len() {
            let cell = self.cells.get(at)?;
            if cell.value == EMPTY {
                return None;
            }
            if cell.hash == hash && is(cell.value) {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    fn set(&mut self, at: usize, value: Cell) {
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = value;
        }
    }

    const fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }

    const fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask
    }
}

/// The last `capacity` distinct keys, oldest forgotten first.
#[derive(Debug)]
pub(super) struct Recent<K> {
    ring: Vec<(u64, K)>,
    capacity: usize,
    oldest: usize,
    index: Index,
}

impl<K: Copy + Eq> Recent<K> {
    /// Remembers `capacity` keys, at least one.
    pub fn new(capacity: usize) -> Recent<K> {
        let capacity = capacity.max(1);
        Recent { ring: Vec::with_capacity(capacity), capacity, oldest: 0, index: Index::new(capacity) }
    }

    /// Whether a key is remembered.
    pub fn contains(&self, hash: u64, key: K) -> bool {
        let is = |at: u32| self.ring.get(at as usize).is_some_and(|(_, k)| *k == key);
        self.index.find(hash, is).is_some()
    }

    /// Remembers a key; `false` if it was remembered already.
    pub fn insert(&mut self, hash: u64, key: K) -> bool {
        let Recent { ring, index, .. } = self;
        let is = |at: u32, key: &K| ring.get(at as usize).is_some_and(|(_, k)| k == key);
        if index.find(hash, |at| is(at, &key)).is_some() {
            return false;
        }
        if ring.len() < self.capacity {
            index.insert(hash, ring.len() as u32);
            ring.push((hash, key));
            return true;
        }
        let at = self.oldest;
        if let Some((old_hash, old)) = ring.get(at).copied() {
            index.remove(old_hash, |i| is(i, &old));
        }
        index.insert(hash, at as u32);
        if let Some(place) = ring.get_mut(at) {
            *place = (hash, key);
        }
        self.oldest = at.saturating_add(1).checked_rem(self.capacity).unwrap_or(0);
        true
    }
}

/// Hash of a text; chain several by passing the last result as `seed`.
pub(super) fn hash_text(seed: u64, text: &str) -> u64 {
    let mut hash = hash_word(seed, text.len() as u64);
    let mut chunks = text.as_bytes().chunks(8);
    for chunk in &mut chunks {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        hash = hash_word(hash, u64::from_le_bytes(word));
    }
    hash
}

/// Hash of a number.
pub(super) const fn hash_word(seed: u64, word: u64) -> u64 {
    // The finalizer of MurmurHash3: every input bit reaches every output bit, which a mask of low bits needs.
    let mut hash = (seed.rotate_left(25) ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, VecDeque};

    #[test]
    fn hashes_depend_on_every_byte_and_on_the_length() {
        let all = ["", "\0", "a", "b", "ab", "ba", "abcdefgh", "abcdefgh\0", "abcdefghi"];
        for (i, a) in all.iter().enumerate() {
            for b in all.get(i + 1..).unwrap() {
                assert_ne!(hash_text(0, a), hash_text(0, b), "{a:?} {b:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_index_answers_like_a_map(ops in proptest::collection::vec((any::<bool>(), 0u32..24), 0..400)) {
            // Few, clustered hashes: long probe chains and wrap-around.
            let hash = |key: u32| u64::from(key % 5).wrapping_add(u64::from(key / 12) * 13);
            let (mut index, mut map) = (Index::new(24), HashMap::new());
            for (add, key) in ops {
                if add && !map.contains_key(&key) {
                    index.insert(hash(key), key);
                    map.insert(key, key);
                } else if !add {
                    index.remove(hash(key), |v| v == key);
                    map.remove(&key);
                }
                for key in 0..24 {
                    prop_assert_eq!(index.find(hash(key), |v| v == key), map.get(&key).copied());
                }
            }
        }

        #[test]
        fn a_window_forgets_the_oldest_first(keys in proptest::collection::vec(0u64..40, 0..300)) {
            let (mut recent, mut model) = (Recent::new(16), VecDeque::new());
            for key in keys {
                let new = !model.contains(&key);
                if new {
                    model.push_back(key);
                    if model.len() > 16 {
                        model.pop_front();
                    }
                }
                prop_assert_eq!(recent.insert(hash_word(0, key % 7), key), new);
            }
        }
    }
}
