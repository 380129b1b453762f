//! What a stream connection is told and asked: its role, its times and limits, how full it is.

use super::limits;

/// What a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamRole {
    /// Public channels.
    Market,
    /// The user channel: one per key (Coinbase reference 6.8).
    User,
}

/// Times and limits of the stream connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Silence after which the connection counts as dead, ms.
    pub silence_ms_max: u64,
    /// How long an acknowledgement may take, ms.
    pub ack_grace_ms: u64,
    /// How long a snapshot may take, ms.
    pub snapshot_ms: u64,
    /// Least time between two messages we send, ms.
    pub message_gap_ms: u64,
    /// Longest message taken, bytes.
    pub message_bytes_max: u64,
    /// Most market connections, 1 to 16: instruments are spread over them, 30 to each, and they are dialled as they are
    /// needed.
    pub market_connections_max: usize,
    /// Whether the user connection also asks for the balances of the account's US futures (Coinbase reference 6.9).
    pub futures_balance: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            silence_ms_max: limits::SILENCE_MS_MAX,
            ack_grace_ms: limits::ACK_GRACE_MS,
            snapshot_ms: limits::SNAPSHOT_MS_MAX,
            message_gap_ms: limits::MESSAGE_GAP_MS,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            market_connections_max: limits::MARKET_CONNECTIONS_MAX,
            futures_balance: false,
        }
    }
}

/// How full a connection is, as one instrument sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLoad {
    /// The instrument's stream is carried already, for another instrument or this one.
    pub carried: bool,
    /// Other streams of which anything is wanted.
    pub streams: usize,
    /// Other streams whose book is wanted.
    pub books: usize,
    /// The most books of one connection (Coinbase reference 5).
    pub places: usize,
}

/// Why a wish was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WantError {
    /// The venue refuses such a subscription whole.
    #[error("more than {max} books on one Coinbase connection; open another connection")]
    TooManyBooks {
        /// The limit.
        max: usize,
    },
    /// User connections carry no market channels.
    #[error("a Coinbase user connection carries no market channels")]
    NotMarket,
}
