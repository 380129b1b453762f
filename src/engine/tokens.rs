//! Single-use credentials, minted off the hot thread and pooled per fixed request path. Some of each pool are kept back
//! for cancels by giving cancels a path of their own; none is used with less than [`LIFE_LEFT_MS_MIN`] to live.

use crate::record::UnixNanos;
use std::collections::VecDeque;

/// A token must outlive the way to the venue, the clocks' disagreement and a slow front end.
pub(super) const LIFE_LEFT_MS_MIN: u64 = 30_000;
/// Tokens kept per path: twice what the minter keeps ready, since replacements come while the old ones are still good. With
/// less room they would be refused at the door, and the pool would run dry of age the moment the old ones are too old.
pub const TOKENS_PER_PATH_MAX: usize = 128;

/// A token out of a pool; give it back with [`TokenPools::put_back`] if it was not used.
pub(super) struct Ready {
    pub(super) token: Box<str>,
    expires: UnixNanos,
}

/// The pools of one venue.
pub(super) struct TokenPools {
    slots: Vec<VecDeque<Ready>>,
    /// Paths below this number need no token: their requests are signed as they are written.
    unneeded_below: u8,
}

impl TokenPools {
    pub(super) fn new(slots: usize) -> TokenPools {
        TokenPools {
            slots: (0..slots).map(|_| VecDeque::with_capacity(TOKENS_PER_PATH_MAX)).collect(),
            unneeded_below: 0,
        }
    }

    /// The same where requests to the paths below `slot` are signed as they are written: an empty token stands for each.
    pub(super) fn without_below(self, slot: u8) -> TokenPools {
        TokenPools { unneeded_below: slot, ..self }
    }

    /// Keeps a token, or gives it back if its pool is full or unknown.
    pub(super) fn put(&mut self, slot: u8, token: Box<str>, expires: UnixNanos) -> Result<(), Box<str>> {
        match self.slots.get_mut(usize::from(slot)) {
            Some(pool) if pool.len() < TOKENS_PER_PATH_MAX => {
                pool.push_back(Ready { token, expires });
                Ok(())
            }
            _ => Err(token),
        }
    }

    /// Gives back a token that was not used after all.
    pub(super) fn put_back(&mut self, slot: u8, ready: Ready) {
        if slot < self.unneeded_below {
            return;
        }
        if let Some(pool) = self.slots.get_mut(usize::from(slot)) {
            pool.push_front(ready);
        }
    }

    /// Whether a token of this path is there; it may still turn out too old.
    pub(super) fn has(&self, slot: u8) -> bool {
        slot < self.unneeded_below || self.slots.get(usize::from(slot)).is_some_and(|pool| !pool.is_empty())
    }

    /// The oldest token that lives long enough; those that do not go to `retire`.
    pub(super) fn take(&mut self, slot: u8, now: UnixNanos, mut retire: impl FnMut(Box<str>)) -> Option<Ready> {
        if slot < self.unneeded_below {
            // Empty: allocates nothing.
            return Some(Ready { token: Box::default(), expires: UnixNanos::MAX });
        }
        let pool = self.slots.get_mut(usize::from(slot))?;
        while let Some(ready) = pool.pop_front() {
            if ready.expires >= now.plus_ms(LIFE_LEFT_MS_MIN) {
                return Some(ready);
            }
            retire(ready.token);
        }
        None
    }

    /// Takes out one token that will not live long enough, from any pool: called now and then, so that a quiet pool is
    /// refilled before it is needed.
    pub(super) fn take_expiring(&mut self, now: UnixNanos) -> Option<(u8, Box<str>)> {
        let limit = now.plus_ms(LIFE_LEFT_MS_MIN);
        for (slot, pool) in self.slots.iter_mut().enumerate() {
            if pool.front().is_some_and(|p| p.expires < limit) {
                return pool.pop_front().map(|p| (slot as u8, p.token));
            }
        }
        None
    }
}

impl std::fmt::Debug for TokenPools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.slots.iter().map(VecDeque::len)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos(1_000_000_000_000);

    #[test]
    fn a_token_is_given_out_once_and_never_near_its_end() {
        let mut pools = TokenPools::new(1);
        pools.put(0, "old".into(), NOW.plus_ms(29_999)).unwrap();
        pools.put(0, "good".into(), NOW.plus_ms(60_000)).unwrap();
        let mut retired = Vec::new();
        assert_eq!(pools.take(0, NOW, |t| retired.push(t)).map(|r| r.token).as_deref(), Some("good"));
        assert_eq!(retired, ["old".into()]);
        assert!(pools.take(0, NOW, |_| ()).is_none());
    }

    #[test]
    fn where_requests_sign_themselves_an_empty_token_never_runs_out() {
        let mut pools = TokenPools::new(2).without_below(1);
        for _ in 0..3 {
            let ready = pools.take(0, NOW, |_| ()).unwrap();
            assert!(ready.token.is_empty() && pools.has(0));
            pools.put_back(0, ready);
        }
        assert!(!pools.has(1) && pools.take(1, NOW, |_| ()).is_none() && pools.take_expiring(NOW).is_none());
    }

    #[test]
    fn a_full_or_unknown_pool_gives_the_token_back() {
        let mut pools = TokenPools::new(1);
        for _ in 0..TOKENS_PER_PATH_MAX {
            pools.put(0, "t".into(), NOW).unwrap();
        }
        assert!(pools.put(0, "t".into(), NOW).is_err());
        assert!(pools.put(9, "t".into(), NOW).is_err());
    }

    #[test]
    fn nothing_of_a_token_shows_in_debug_output() {
        let mut pools = TokenPools::new(1);
        pools.put(0, "secret".into(), NOW).unwrap();
        assert_eq!(format!("{pools:?}"), "[1]");
    }

    #[test]
    fn expiring_tokens_can_be_drained() {
        let mut pools = TokenPools::new(2);
        pools.put(1, "old".into(), NOW.plus_ms(10)).unwrap();
        pools.put(1, "new".into(), NOW.plus_ms(100_000)).unwrap();
        assert_eq!(pools.take_expiring(NOW), Some((1, "old".into())));
        assert_eq!(pools.take_expiring(NOW), None);
    }

    #[test]
    fn replacements_find_room_beside_the_tokens_they_replace() {
        let half = TOKENS_PER_PATH_MAX / 2;
        let mut pools = TokenPools::new(1);
        for _ in 0..half {
            pools.put(0, "old".into(), NOW.plus_ms(LIFE_LEFT_MS_MIN)).unwrap();
        }
        for _ in 0..half {
            pools.put(0, "new".into(), NOW.plus_ms(4 * LIFE_LEFT_MS_MIN)).unwrap();
        }
        // The old ones are too old now, all at once: an order still finds a token.
        let mut retired = 0;
        let ready = pools.take(0, NOW.plus_ms(1), |_| retired += 1).unwrap();
        assert_eq!((&*ready.token, retired), ("new", half));
    }
}
