//! Single-use tokens, minted ahead of need, since a signature costs more than the whole path of an order.
//!
//! Owns what was issued and not yet come back. The protocol with the reactor, which holds the tokens:
//! - It takes tokens from its [`TokenTap`] and pools them by venue and slot, at most twice the slot's depth.
//! - It never uses one with less than [`USABLE_LEFT_MS`] left. Such a one, and every spent one, it gives back to the tap.
//! - The keeper wipes what comes back. It keeps a slot at its depth, counting only tokens with more than
//!   [`REISSUE_LEFT_MS`] left: replacements are there before the reactor drops the old ones, so a pool never runs empty
//!   by age alone. What never comes back (the reactor died) is forgotten when it expires.
//!
//! Tokens are known by a piece of their signature when they come back, so the hot thread sends nothing but the text.
//! Never logs a token; reads no clock.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

use crate::record::UnixNanos;

/// A token with less left is not to be used, in ms: the venue's clock, the way, and a queue there.
pub const USABLE_LEFT_MS: u64 = 30_000;
/// A token with less left no longer counts as issued, in ms.
pub const REISSUE_LEFT_MS: u64 = 45_000;

/// Tokens minted in one turn: 64 signatures are about a millisecond, and the keeper has other duties.
const MINTS_PER_TURN_MAX: usize = 64;
/// After a failure the pool rests so long, in ms.
const REST_MS: u64 = 1_000;
/// Bytes of a token's end that tell it from others: 96 bits of a signature.
const FINGERPRINT_BYTES: usize = 16;

/// One kind of token of a venue: a fixed method and path, or the WebSocket one. What it is for, the venue's mint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TokenSlot(pub u8);

/// A token on its way to the reactor. Wiped when dropped; never shown.
pub struct Token {
    /// Whose: the gateway's number of the venue.
    pub venue: u8,
    /// What for.
    pub slot: TokenSlot,
    /// When it is of no use any more.
    pub expires: UnixNanos,
    text: Box<str>,
}

impl Token {
    /// The token itself. Whoever takes it gives it back to be wiped.
    #[must_use]
    pub fn into_text(mut self) -> Box<str> {
        std::mem::take(&mut self.text)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(venue {}, slot {}, expires {})", self.venue, self.slot.0, self.expires.0)
    }
}

/// A fresh token.
pub struct Minted {
    /// The token.
    pub token: Box<str>,
    /// When the venue refuses it.
    pub expires: UnixNanos,
}

/// A token could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct MintFailed(pub Box<str>);

/// Makes tokens of one venue.
pub trait Mint: Send {
    /// A new token, different from all before.
    ///
    /// # Errors
    /// Why not; it is asked again after a second.
    fn mint(&mut self, slot: TokenSlot, now: UnixNanos) -> Result<Minted, MintFailed>;
}

/// How many of which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotPlan {
    /// Which.
    pub slot: TokenSlot,
    /// How many to keep ready.
    pub depth: usize,
}

/// The slots of one venue.
pub struct TokenPool {
    /// The gateway's number of the venue.
    pub venue: u8,
    /// Makes them.
    pub mint: Box<dyn Mint>,
    /// How many of which.
    pub plans: Vec<SlotPlan>,
}

struct Pool {
    pool: TokenPool,
    rests_until: UnixNanos,
}

#[derive(Clone, Copy)]
struct Issued {
    pool: usize,
    plan: usize,
    expires: UnixNanos,
}

type Fingerprint = [u8; FINGERPRINT_BYTES];

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Turn {
    pub(super) minted: u64,
    pub(super) wiped: u64,
    pub(super) failed: u64,
    /// There is more to mint.
    pub(super) more: bool,
}

/// The keeper's end.
pub struct Minter {
    pools: Vec<Pool>,
    issued: BTreeMap<Fingerprint, Issued>,
    tokens: rtrb::Producer<Token>,
    spent: rtrb::Consumer<Box<str>>,
}

/// The reactor's end: neither call blocks or allocates.
pub struct TokenTap {
    tokens: rtrb::Consumer<Token>,
    spent: rtrb::Producer<Box<str>>,
}

impl TokenTap {
    /// A fresh token, if there is one.
    pub fn take(&mut self) -> Option<Token> {
        self.tokens.pop().ok()
    }

    /// Gives back a spent or outdated token. Wiped here if the keeper is behind.
    pub fn retire(&mut self, token: Box<str>) {
        if let Err(rtrb::PushError::Full(mut token)) = self.spent.push(token) {
            token.zeroize();
        }
    }
}

impl Minter {
    /// For these pools. Rings hold twice all depths, so neither end ever finds them full in normal work.
    #[must_use]
    pub fn new(pools: Vec<TokenPool>) -> (Minter, TokenTap) {
        let depths: usize = pools.iter().flat_map(|pool| &pool.plans).map(|plan| plan.depth).sum();
        let (tokens, tokens_out) = rtrb::RingBuffer::new((2 * depths).max(1));
        let (spent_in, spent) = rtrb::RingBuffer::new((2 * depths).max(1));
        let pools = pools.into_iter().map(|pool| Pool { pool, rests_until: UnixNanos::NONE }).collect();
        let minter = Minter { pools, issued: BTreeMap::new(), tokens, spent };
        (minter, TokenTap { tokens: tokens_out, spent: spent_in })
    }

    /// Wipes what came back and fills the slots, one token each in turn, a bounded number at a time.
    pub(super) fn turn(&mut self, now: UnixNanos) -> Turn {
        let mut turn = Turn { wiped: self.wipe_spent(), ..Turn::default() };
        self.issued.retain(|_, issued| issued.expires > now);
        let mut missing = self.missing(now);
        loop {
            let before = turn.minted;
            for &mut (pool, plan, ref mut missing) in &mut missing {
                if *missing == 0 || self.rests(pool, now) {
                    continue;
                }
                if self.tokens.is_full() || turn.minted >= MINTS_PER_TURN_MAX as u64 {
                    turn.more = !self.tokens.is_full();
                    return turn;
                }
                match self.mint(pool, plan, now) {
                    Ok(()) => {
                        turn.minted += 1;
                        *missing -= 1;
                    }
                    Err(error) => {
                        turn.failed += 1;
                        self.rest(pool, now, &error);
                    }
                }
            }
            if turn.minted == before {
                return turn;
            }
        }
    }

    fn wipe_spent(&mut self) -> u64 {
        let mut wiped = 0;
        while let Ok(mut token) = self.spent.pop() {
            self.issued.remove(&fingerprint(&token));
            token.zeroize();
            wiped += 1;
        }
        wiped
    }

    /// Pool, plan, and how many tokens are missing to its depth.
    fn missing(&self, now: UnixNanos) -> Vec<(usize, usize, usize)> {
        let mut missing = Vec::new();
        for (pool_index, pool) in self.pools.iter().enumerate() {
            for (plan_index, plan) in pool.pool.plans.iter().enumerate() {
                let counts = |issued: &&Issued| {
                    (issued.pool, issued.plan) == (pool_index, plan_index)
                        && issued.expires > now.plus_ms(REISSUE_LEFT_MS)
                };
                let there = self.issued.values().filter(counts).count();
                missing.push((pool_index, plan_index, plan.depth.saturating_sub(there)));
            }
        }
        missing
    }

    fn rests(&self, pool: usize, now: UnixNanos) -> bool {
        self.pools.get(pool).is_none_or(|pool| pool.rests_until > now)
    }

    fn rest(&mut self, pool: usize, now: UnixNanos, error: &MintFailed) {
        let Some(pool) = self.pools.get_mut(pool) else { return };
        pool.rests_until = now.plus_ms(REST_MS);
        tracing::warn!(venue = pool.pool.venue, %error, "a token could not be minted; orders will be refused when none is left");
    }

    fn mint(&mut self, pool_index: usize, plan_index: usize, now: UnixNanos) -> Result<(), MintFailed> {
        let missing = || MintFailed("no such slot".into());
        let pool = &mut self.pools.get_mut(pool_index).ok_or_else(missing)?.pool;
        let slot = pool.plans.get(plan_index).ok_or_else(missing)?.slot;
        let Minted { token: text, expires } = pool.mint.mint(slot, now)?;
        let token = Token { venue: pool.venue, slot, expires, text };
        // A token that is outdated at birth would be minted again and again.
        if expires <= now.plus_ms(REISSUE_LEFT_MS) {
            return Err(MintFailed("the mint's tokens live too short".into()));
        }
        let issued = Issued { pool: pool_index, plan: plan_index, expires };
        if self.issued.insert(fingerprint(&token.text), issued).is_some() {
            return Err(MintFailed("the mint made the same token twice".into()));
        }
        // There was room, and nobody else pushes.
        self.tokens.push(token).map_err(|_| MintFailed("the ring of tokens is full".into()))
    }
}

impl Drop for Minter {
    fn drop(&mut self) {
        self.wipe_spent();
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    let mut end = Fingerprint::default();
    for (to, from) in end.iter_mut().zip(token.bytes().rev()) {
        *to = from;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::Arc;

    const START: UnixNanos = UnixNanos(1_780_000_000_000_000_000);
    const LIFE_MS: u64 = 120_000;
    const PLACE: TokenSlot = TokenSlot(0);
    const SOCKET: TokenSlot = TokenSlot(9);

    struct Counting {
        made: u64,
        broken: Arc<AtomicBool>,
    }

    impl Mint for Counting {
        fn mint(&mut self, slot: TokenSlot, now: UnixNanos) -> Result<Minted, MintFailed> {
            if self.broken.load(Ordering::Relaxed) {
                return Err(MintFailed("no entropy".into()));
            }
            self.made += 1;
            let token = format!("secret-{}-{:016}", slot.0, self.made).into_boxed_str();
            Ok(Minted { token, expires: now.plus_ms(LIFE_MS) })
        }
    }

    fn minter() -> (Minter, TokenTap, Arc<AtomicBool>) {
        let broken = Arc::new(AtomicBool::new(false));
        let mint = Box::new(Counting { made: 0, broken: broken.clone() });
        let plans = vec![SlotPlan { slot: PLACE, depth: 64 }, SlotPlan { slot: SOCKET, depth: 4 }];
        let (minter, tap) = Minter::new(vec![TokenPool { venue: 2, mint, plans }]);
        (minter, tap, broken)
    }

    fn settle(minter: &mut Minter, now: UnixNanos) -> u64 {
        let mut minted = 0;
        loop {
            let turn = minter.turn(now);
            minted += turn.minted;
            if !turn.more {
                return minted;
            }
        }
    }

    fn take_all(tap: &mut TokenTap) -> Vec<Token> {
        std::iter::from_fn(|| tap.take()).collect()
    }

    #[test]
    fn every_slot_is_filled_to_its_depth_in_bounded_turns() {
        let (mut minter, mut tap, _) = minter();
        assert_eq!(minter.turn(START), Turn { minted: 64, more: true, ..Turn::default() });
        assert_eq!(minter.turn(START), Turn { minted: 4, ..Turn::default() });
        assert_eq!(minter.turn(START), Turn::default());
        let tokens = take_all(&mut tap);
        assert_eq!(tokens.iter().filter(|token| token.slot == PLACE).count(), 64);
        assert_eq!(tokens.iter().filter(|token| token.slot == SOCKET).count(), 4);
        assert!(tokens.iter().all(|token| token.venue == 2 && token.expires == START.plus_ms(LIFE_MS)));
    }

    #[test]
    fn slots_are_filled_in_turn_so_that_none_waits_for_another() {
        let (mut minter, mut tap, _) = minter();
        minter.turn(START);
        let first: Vec<TokenSlot> = take_all(&mut tap).iter().take(4).map(|token| token.slot).collect();
        assert_eq!(first, [PLACE, SOCKET, PLACE, SOCKET]);
    }

    #[test]
    fn spent_tokens_are_wiped_and_replaced_in_their_slot() {
        let (mut minter, mut tap, _) = minter();
        settle(&mut minter, START);
        let mut tokens = take_all(&mut tap);
        for _ in 0..10 {
            let index = tokens.iter().position(|token| token.slot == PLACE).unwrap();
            tap.retire(tokens.swap_remove(index).into_text());
        }
        let turn = minter.turn(START.plus_ms(1));
        assert_eq!(turn, Turn { minted: 10, wiped: 10, ..Turn::default() });
        assert!(take_all(&mut tap).iter().all(|token| token.slot == PLACE));
    }

    #[test]
    fn replacements_come_before_the_reactor_drops_the_old_ones() {
        let (mut minter, mut tap, _) = minter();
        settle(&mut minter, START);
        let old = take_all(&mut tap);
        assert_eq!(settle(&mut minter, START.plus_ms(LIFE_MS - REISSUE_LEFT_MS - 1)), 0);
        let refreshed_at = START.plus_ms(LIFE_MS - REISSUE_LEFT_MS);
        assert_eq!(settle(&mut minter, refreshed_at), 68);
        assert!(old.iter().all(|token| token.expires > refreshed_at.plus_ms(USABLE_LEFT_MS)), "still usable");
        // The reactor gives the old ones back when their time comes: they were replaced already.
        for token in old {
            tap.retire(token.into_text());
        }
        assert_eq!(minter.turn(refreshed_at.plus_ms(15_000)), Turn { wiped: 68, ..Turn::default() });
    }

    #[test]
    fn tokens_that_never_come_back_are_forgotten_when_they_expire() {
        let (mut minter, mut tap, _) = minter();
        settle(&mut minter, START);
        drop(take_all(&mut tap));
        settle(&mut minter, START.plus_ms(LIFE_MS));
        assert_eq!(minter.issued.len(), 68);
    }

    #[test]
    fn a_reactor_that_takes_none_stops_the_mint_at_the_rings_end() {
        let (mut minter, mut tap, _) = minter();
        for age in 0..10 {
            settle(&mut minter, START.plus_ms(age * LIFE_MS));
        }
        assert_eq!(take_all(&mut tap).len(), 136);
    }

    #[test]
    fn a_failing_mint_is_left_alone_for_a_second_and_then_asked_again() {
        let (mut minter, _tap, broken) = minter();
        broken.store(true, Ordering::Relaxed);
        assert_eq!(minter.turn(START), Turn { failed: 1, ..Turn::default() });
        assert_eq!(minter.turn(START.plus_ms(999)), Turn::default());
        broken.store(false, Ordering::Relaxed);
        assert_eq!(settle(&mut minter, START.plus_ms(1_000)), 68);
    }

    #[test]
    fn a_mint_whose_tokens_are_outdated_at_birth_is_a_failure_not_a_loop() {
        struct Short;
        impl Mint for Short {
            fn mint(&mut self, _: TokenSlot, now: UnixNanos) -> Result<Minted, MintFailed> {
                Ok(Minted { token: "secret".into(), expires: now.plus_ms(REISSUE_LEFT_MS) })
            }
        }
        let plans = vec![SlotPlan { slot: PLACE, depth: 2 }];
        let (mut minter, _tap) = Minter::new(vec![TokenPool { venue: 0, mint: Box::new(Short), plans }]);
        assert_eq!(minter.turn(START), Turn { failed: 1, ..Turn::default() });
    }

    #[test]
    fn no_debug_shows_a_token() {
        let (mut minter, mut tap, _) = minter();
        minter.turn(START);
        let shown = format!("{:?}", tap.take().unwrap());
        assert!(shown.starts_with("Token(venue 2, slot 0") && !shown.contains("secret"), "{shown}");
    }
}
