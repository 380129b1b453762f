//! The public Coinbase Exchange feed: market data of the same matching engine, products and trade ids as Advanced Trade,
//! in another protocol (Coinbase reference 8).
//!
//! Owns the `Dialect` of that feed and the HMAC signature of its authenticated book. The
//! connection itself is the one [`StreamSession`] of the venue. Never touches a socket, a clock or a random source.
//!
//! **What it offers against Advanced Trade.** Public books are conflated on both: `l2_data` on a 50 ms grid, and
//! `level2_batch`, echoed as `level2_50`, likewise. In the recordings of 2026-09-30 the median time between two updates
//! of a product is 50 ms on the former (BTC-USD and ETH-USD, 211 updates in 3.7 s) and 60 ms on the latter (314 in
//! 10 s, never below 3 ms). Trades come one by one here (`match`), in batches on a 100 ms grid there; the unbatched
//! `level2` needs a key. The two were not recorded at the same time, so nothing is claimed about which is first: run both
//! and read the win rates.
//!
//! **Losses.** Book frames have no sequence. A lost frame shows where trades do: `trade_id` goes up by one with every
//! `match`, and `heartbeat` names the last one each second. So the book channel is always subscribed together with
//! `matches`, and a trade that is missing makes the product's book doubtful.

mod auth;
mod book;
mod messages;
mod stream;
#[cfg(test)]
mod tests;
mod trades;

pub use auth::{ExchangeKey, ExchangeKeyError};
pub use stream::ExchangeDecoder;

use super::session::{StreamConfig, StreamRole, StreamSession};

/// One WebSocket connection to the Exchange feed.
pub type ExchangeSession = StreamSession<ExchangeDecoder>;

impl ExchangeSession {
    /// A market-data session; closed. With a key, every subscription is signed and the book is the unbatched `level2`;
    /// without one it is `level2_batch` (Coinbase reference 8).
    #[must_use]
    pub fn exchange(key: Option<ExchangeKey>, config: StreamConfig) -> ExchangeSession {
        StreamSession::speaking(ExchangeDecoder::new(key), StreamRole::Market, config)
    }
}
