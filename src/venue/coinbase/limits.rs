//! The venue's figures, and ours derived from them: every limit has one name and one place.
//!
//! Owns constants only. Never reads a configuration: what may be changed is a field of
//! [`StreamConfig`](super::StreamConfig) or [`OrderConfig`](super::OrderConfig) whose default stands here.

/// Products with level2 on one connection; a subscribe above it is refused whole (Coinbase reference 5).
pub const BOOKS_PER_CONNECTION_MAX: usize = 30;
/// Market connections opened at most, unless told otherwise: with 30 books each more than are worth following at once.
pub const MARKET_CONNECTIONS_MAX: usize = 16;
/// New WebSocket connections per second and IP (Coinbase reference 5).
pub const CONNECTIONS_PER_SECOND_MAX: u32 = 8;
/// Unauthenticated WebSocket messages per second and IP (Coinbase reference 5).
pub const MESSAGES_PER_SECOND_MAX: u32 = 8;
/// Least time between two messages of one connection, ms: 6.7 per second, so that a second connection's first
/// message still fits the IP's budget.
pub const MESSAGE_GAP_MS: u64 = 150;
/// Private REST requests per second and user; not in the 2026 documents, so a default (Coinbase reference 5).
pub const REST_PRIVATE_PER_SECOND: u32 = 30;
/// Public REST requests per second and IP (Coinbase reference 5).
pub const REST_PUBLIC_PER_SECOND: u32 = 10;
/// A subscribe must come this soon after the upgrade, ms (Coinbase reference 6.1). We send at once.
pub const FIRST_SUBSCRIBE_MS_MAX: u64 = 5_000;
/// Longest stream message taken, bytes: snapshots reach 5 MB (Coinbase reference 6.1).
pub const MESSAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longest message parsed whole, bytes; longer ones are sliced.
pub const WHOLE_MESSAGE_BYTES_MAX: usize = crate::venue::BYTES_PER_CALL_MAX;
/// Longest slice of a longer message, bytes: some 80 levels. Half of what a call may parse, since a snapshot's levels also
/// fill a book that is cold, and a slice is all that a call does.
pub const SLICE_BYTES_MAX: usize = crate::venue::BYTES_PER_CALL_MAX / 2;
/// Life of a token, seconds (Coinbase reference 2b).
pub const TOKEN_LIFE_S: u64 = 120;
/// Life of a legacy signature, seconds: the sibling API takes times that are at most 30 s off (Coinbase reference 8), and
/// nothing is used with less than 30 s left.
pub const LEGACY_LIFE_S: u64 = 60;
/// Most our clock may differ from the venue's, ms: a token lives 120 s and is used with at least 30 s left, and one from
/// the future is refused.
pub const CLOCK_SKEW_MS_MAX: u64 = 30_000;
/// Heartbeats come each second (Coinbase reference 6.3).
pub const HEARTBEAT_MS: u64 = 1_000;
/// Silence after which a connection counts as dead, ms: five missed heartbeats.
pub const SILENCE_MS_MAX: u64 = 5 * HEARTBEAT_MS;
/// How long an acknowledgement may take, ms; counted from the request or the end of the last long message, whichever is
/// later, since snapshots precede it (Coinbase reference 6.1).
pub const ACK_GRACE_MS: u64 = 5_000;
/// How long a snapshot may take after its subscribe, ms, counted likewise.
pub const SNAPSHOT_MS_MAX: u64 = 20_000;
/// First wait before something refused, or a book found wrong again, is asked for again, ms; doubles each time.
pub const RETRY_MS_MIN: u64 = 1_000;
/// Longest such wait, ms.
pub const RETRY_MS_MAX: u64 = 60_000;
/// Orders in one message of the user snapshot; the first message with fewer ends it (Coinbase reference 6.8).
pub const USER_SNAPSHOT_BATCH: usize = 50;
/// Trades buffered to be turned round, oldest first; 100 is the most seen in a message (Coinbase reference 6.5).
pub const TRADES_BUFFERED_MAX: usize = 1_024;
/// Orders in one batch cancel (Coinbase reference 3.2).
pub const CANCELS_PER_REQUEST_MAX: usize = 100;
/// Longest wait for the answer to a request, ms: the venue's own answers take tens of ms.
pub const REPLY_MS_MAX: u64 = 10_000;
/// Longest reply body the order connections take, bytes: it is sliced, and the slicer holds so much.
pub const REPLY_BYTES_MAX: usize = crate::codec::json::ASSEMBLY_BYTES;
/// Wait after a 429 that says nothing about it, ms (Coinbase reference 4).
pub const THROTTLED_MS: u64 = 1_000;
