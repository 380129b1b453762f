//! What subscribe messages are about: the venue's channels, by their names in messages and by ours.

use crate::venue::Channels;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Heartbeats,
    User,
    FuturesBalance,
    /// One of [`CHANNELS`], for the members.
    Market(usize),
}

impl Topic {
    /// Whether the message carries a token (Coinbase reference 2d).
    pub const fn needs_token(self) -> bool {
        matches!(self, Topic::User | Topic::FuturesBalance)
    }

    /// The name in subscribe messages.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Heartbeats => "heartbeats",
            Topic::User => "user",
            Topic::FuturesBalance => "futures_balance_summary",
            Topic::Market(0) => "market_trades",
            Topic::Market(1) => "ticker",
            Topic::Market(2) => "ticker_batch",
            Topic::Market(3) => "candles",
            Topic::Market(4) => "status",
            Topic::Market(_) => "level2",
        }
    }
}

/// In the order of subscription: level2 last, since its snapshots hold up everything behind them.
pub(super) const CHANNELS: [Channels; 6] =
    [Channels::TRADES, Channels::TICKER, Channels::TICKER_BATCH, Channels::CANDLES, Channels::STATUS, Channels::BOOK];
pub(super) const BOOK: usize = CHANNELS.len() - 1;

/// The channel set of a place in [`CHANNELS`].
pub(super) fn set_of(channel: usize) -> Channels {
    CHANNELS.get(channel).copied().unwrap_or_default()
}

/// One message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub subscribe: bool,
    pub topic: Topic,
}
