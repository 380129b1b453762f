//! The venue's figures, and ours derived from them: every limit has one name and one place.
//!
//! Owns constants only. Never reads a configuration: what may be changed is a field of
//! [`StreamConfig`](super::StreamConfig) or [`OrderConfig`](super::OrderConfig) whose default stands here.

/// REST requests per second; more are answered 429. Per IP address by most copies of the page, per token by some: we
/// stay below it with all of our connections together (OANDA reference 9).
pub const REQUESTS_PER_SECOND_MAX: u32 = 120;
/// Requests per second on one connection, recommended (OANDA reference 9).
pub const REQUESTS_PER_CONNECTION_PER_SECOND: u32 = 100;
/// New connections per second; more are rejected (OANDA reference 9).
pub const CONNECTIONS_PER_SECOND_MAX: u32 = 2;
/// Open streams; more are rejected (OANDA reference 9).
pub const STREAMS_MAX: u32 = 20;
/// How much later than the one before a request may arrive, ms: the governor's window is longer by it.
pub const WINDOW_MARGIN_MS: u64 = 100;
/// Heartbeats come on every stream this often, ms (OANDA reference 6).
pub const HEARTBEAT_MS: u64 = 5_000;
/// Silence after which a stream counts as dead, ms: the venue's own advice (OANDA reference 6).
pub const SILENCE_MS_MAX: u64 = 10_000;
/// How long the first price of an instrument may take after the stream opened, ms. The stream begins with a snapshot of
/// each, in a closed market too (OANDA reference 6).
pub const FIRST_PRICE_MS_MAX: u64 = 10_000;
/// Prices per second of one instrument on one stream (OANDA reference 6).
pub const PRICES_PER_SECOND_MAX: u32 = 4;
/// Longest line of a stream taken, bytes. A price has under 1 kB; a transaction grows by some 300 bytes per trade it
/// closes, and a longer one is fetched from the history, where it is read in slices.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Most price buckets a side; 10 is the most ever seen (OANDA reference 6).
pub const BUCKETS_MAX: usize = 32;
/// Longest answer to a request that stands for itself (no listing), bytes: 2 kB are usual, and some 300 more per trade it
/// closes. A longer one is not read: what it said is found in the history.
pub const REPLY_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest reply body the order connections take, bytes: it is sliced, and the slicer holds so much.
pub const REPLY_BYTES_MAX: usize = crate::codec::json::ASSEMBLY_BYTES;
/// Longest wait for the answer to a request, ms.
pub const REPLY_MS_MAX: u64 = 10_000;
/// Wait after a 429, ms; its body and headers are not recorded anywhere (OANDA reference 8).
pub const THROTTLED_MS: u64 = 1_000;
/// Characters of a client id, tag or comment (OANDA reference 2).
pub const LABEL_CHARS_MAX: usize = 128;
/// How long a missing transaction is waited for before the history is asked, ms: the answer to a request and the
/// stream bring the same transactions in either order (OANDA reference 7).
pub const REPAIR_GRACE_MS: u64 = 250;
/// Least time between two questions for the same missing transactions, ms.
pub const REPAIR_RETRY_MS: u64 = 1_000;
/// Orders or trades on one page at most (OANDA reference 3).
pub const PAGE_ORDERS_MAX: u32 = 500;
/// Transactions on one page at most (OANDA reference 3).
pub const PAGE_TRANSACTIONS_MAX: u32 = 1_000;
