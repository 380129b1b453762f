//! Coinbase tokens for the keeper's mint: one fixed path per slot, and one slot for the user channel.

use crate::engine::TOKEN_SLOT_USER;
use crate::keeper::{Mint, MintFailed, Minted, SlotPlan, TokenPool, TokenSlot};
use crate::record::{UnixNanos, Venue};
use crate::venue::coinbase::auth::CoinbaseKey;
use crate::venue::coinbase::limits;
use crate::venue::coinbase::request::TokenPath;
use std::sync::Arc;

/// Tokens kept for placing and for cancelling.
const ORDER_DEPTH: usize = 64;
// The engine has room for the replacements of all of them.
const _: () = assert!(2 * ORDER_DEPTH <= crate::engine::TOKENS_PER_PATH_MAX);
/// Tokens kept for listings.
const QUERY_DEPTH: usize = 16;
/// Tokens kept for the balances, which are asked for at the start and then rarely.
const BALANCES_DEPTH: usize = 2;
/// Tokens kept for opening the user channel.
const USER_DEPTH: usize = 2;

/// Signs what the engine uses up.
pub(super) struct CoinbaseMint {
    key: Arc<CoinbaseKey>,
    authority: String,
}

impl CoinbaseMint {
    /// What the keeper mints for Coinbase; tokens are bound to the REST host `authority`.
    pub(super) fn pool(key: Arc<CoinbaseKey>, authority: &str) -> TokenPool {
        let plan = |slot, depth| SlotPlan { slot: TokenSlot(slot), depth };
        let plans = match &*key {
            // Requests are signed as they are written.
            CoinbaseKey::Legacy(_) => vec![plan(TOKEN_SLOT_USER, USER_DEPTH)],
            CoinbaseKey::Cdp(_) => vec![
                plan(TokenPath::Place as u8, ORDER_DEPTH),
                plan(TokenPath::BatchCancel as u8, ORDER_DEPTH),
                plan(TokenPath::Edit as u8, ORDER_DEPTH),
                plan(TokenPath::ListOrders as u8, QUERY_DEPTH),
                plan(TokenPath::ListFills as u8, QUERY_DEPTH),
                plan(TokenPath::Accounts as u8, BALANCES_DEPTH),
                plan(TOKEN_SLOT_USER, USER_DEPTH),
            ],
        };
        let mint = CoinbaseMint { key, authority: authority.to_owned() };
        TokenPool { venue: Venue::Coinbase as u8, mint: Box::new(mint), plans }
    }
}

impl Mint for CoinbaseMint {
    fn mint(&mut self, slot: TokenSlot, now: UnixNanos) -> Result<Minted, MintFailed> {
        let mut nonce = [0u8; 16];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| MintFailed("no entropy".into()))?;
        let token = match (TokenPath::ALL.get(usize::from(slot.0)), &*self.key) {
            (Some(path), CoinbaseKey::Cdp(key)) => {
                key.mint_rest(path.method().as_str(), &self.authority, path.path(), now.seconds(), nonce)
            }
            (Some(_), CoinbaseKey::Legacy(_)) => return Err(MintFailed("no tokens with a legacy key".into())),
            (None, key) => key.ws_credential("user", now.seconds(), nonce),
        };
        let token = token.map_err(|error| MintFailed(error.to_string().into()))?;
        let life_s = match &*self.key {
            CoinbaseKey::Cdp(_) => limits::TOKEN_LIFE_S,
            CoinbaseKey::Legacy(_) => limits::LEGACY_LIFE_S,
        };
        Ok(Minted { token, expires: now.plus_ms(life_s * 1_000) })
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::sim::{Credentials, KeyKind};
    use crate::venue::coinbase::auth::CdpKey;

    #[test]
    fn every_path_the_engine_asks_has_tokens() {
        let key = Credentials::generate(KeyKind::Ed25519).unwrap();
        let key = CoinbaseKey::Cdp(CdpKey::new(key.name(), key.secret()).unwrap());
        let pool = CoinbaseMint::pool(Arc::new(key), "localhost");
        for path in TokenPath::OF_ENGINE {
            assert!(pool.plans.iter().any(|plan| plan.slot.0 == path as u8 && plan.depth > 0), "{path:?}");
        }
    }
}
