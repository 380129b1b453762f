//! The venue's figures, and ours derived from them: every limit has one name and one place.
//!
//! Owns constants, and what follows from one. Weights and counts are defaults for the time before the first `exchangeInfo` and for what it
//! does not say; the higher of the known values where sources differ (Binance.US reference 3, 5).

/// Request weight a minute left to cold queries: three listings a minute of the dearest, and more of the others.
pub const COLD_WEIGHT_PER_MINUTE: u32 = 1_200;
/// Request weight a minute set aside for an emergency that cancels without the engine: a rehearsal each 15 s (320), and
/// then at least 800 cancels or 10 listings at once.
pub const EMERGENCY_WEIGHT_PER_MINUTE: u32 = 1_200;
/// What of a weight limit of `limit` a minute is not the engine's: what is set aside above, but never more than two fifths
/// of a limit that is lower than any seen.
pub const fn weight_set_aside(limit: u32) -> u32 {
    let wanted = COLD_WEIGHT_PER_MINUTE.saturating_add(EMERGENCY_WEIGHT_PER_MINUTE);
    let most = (limit / 5).saturating_mul(2);
    if wanted < most {
        wanted
    } else {
        most
    }
}
/// A request takes at most this long to arrive, as far as fixed windows care, ms: one that takes longer is late by the
/// venue's clock as well.
pub const DELAY_MS_MAX: u64 = 2_000;
/// Request weight per minute and IP (Binance.US reference 5, observed 2026-09-27).
pub const REQUEST_WEIGHT_PER_MINUTE: u32 = 6_000;
/// Orders per 10 s and account.
pub const ORDERS_PER_10_S: u32 = 100;
/// Orders per day and account.
pub const ORDERS_PER_DAY: u32 = 200_000;
/// Requests of any kind per 5 minutes and IP.
pub const RAW_REQUESTS_PER_5_MIN: u32 = 300_000;
/// What commissions may be taken in beside the two assets of a symbol (Binance.US reference 9.16).
pub const FEE_ASSETS: [&str; 1] = ["BNB"];
/// Furthest this machine's clock may be from the venue's at the start, ms: stamps are the venue's own, but what is logged
/// and kept for later is by this machine's.
pub const CLOCK_SKEW_MS_MAX: u64 = 60_000;
/// Streams on one connection (Binance.US reference 5): "1024 streams" is the most, so this is one less than refused.
pub const STREAMS_PER_CONNECTION_MAX: usize = 1_024;
/// Instruments one connection takes, so that each may have the streams of every [`Channels`](crate::venue::Channels): six.
pub const INSTRUMENTS_PER_CONNECTION_MAX: usize = STREAMS_PER_CONNECTION_MAX / 6;
/// Messages we may send in a second on one stream connection, pongs included: 5 are allowed, more ends it (Binance.US
/// reference 5). We stay below.
pub const MESSAGES_PER_SECOND: usize = 4;
/// Lengthens that second: messages sent a second apart can arrive closer together, ms.
pub const MESSAGE_MARGIN_MS: u64 = 200;
/// Least time between two subscription messages, ms: half of the messages stay free for pongs.
pub const MESSAGE_GAP_MS: u64 = 600;
/// Streams in one subscription message. The venue documents no limit; this keeps a message under 4 KB, well below any
/// frame limit seen.
pub const STREAMS_PER_MESSAGE_MAX: usize = 100;
/// The server pings every 20 s and drops after a minute (Binance.US reference 5): silence after which a connection
/// counts as dead, ms.
pub const SILENCE_MS_MAX: u64 = 60_000;
/// A connection lives 24 h (Binance.US reference 5): its replacement is opened this long after it was opened, ms.
pub const REPLACE_AFTER_MS: u64 = 23 * 3_600_000 + 45 * 60_000;
/// How long a connection that was replaced is listened to beside its replacement, ms: events up to 4 s late were observed
/// (Binance.US reference 6, "Local book" 8).
pub const OVERLAP_MS: u64 = 5_000;
/// How long an acknowledgement may take, ms.
pub const ACK_GRACE_MS: u64 = 5_000;
/// First wait before something refused is asked for again, ms; doubles each time.
pub const RETRY_MS_MIN: u64 = 1_000;
/// Longest such wait, ms.
pub const RETRY_MS_MAX: u64 = 60_000;
/// Wait before a snapshot that was older than the buffered events is fetched again, ms.
pub const SNAPSHOT_TOO_OLD_MS: u64 = 250;
/// Levels per side asked of a snapshot: the next step costs five times the weight (Binance.US reference 3).
pub const SNAPSHOT_LEVELS: u32 = 1_000;
/// Most levels per side a snapshot has.
pub const SNAPSHOT_LEVELS_MAX: u32 = 5_000;
/// Events of one book kept while its snapshot is fetched: 100 s of them.
pub const BUFFERED_EVENTS_MAX: usize = 1_024;
/// Levels of one book kept while its snapshot is fetched: several of the largest event (2,144 a side).
pub const BUFFERED_LEVELS_MAX: usize = 16_384;
/// Events of one book kept while the slower of two connections catches up: more than an overlap has.
pub const BRIDGED_EVENTS_MAX: usize = 64;
/// An event behind the book's id that is this much younger than the book shows that the venue's ids began again, ms.
pub const IDS_RESTARTED_MS: u64 = 10_000;
/// Longest stream message taken, bytes: ten times the largest event.
pub const MESSAGE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Longest message parsed whole, bytes; longer ones are sliced.
pub const WHOLE_MESSAGE_BYTES_MAX: usize = crate::venue::BYTES_PER_CALL_MAX;
/// Longest wait for the answer to a request, ms: the venue's own wait for its engine ends after 10 s (Binance.US
/// reference 4).
pub const REPLY_MS_MAX: u64 = 11_000;
/// Longest REST reply taken on an order connection, bytes: a snapshot of 5,000 levels a side has about 350 KB.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024;
/// Requests in flight on one WebSocket API connection.
pub const IN_FLIGHT_MAX: usize = 64;
/// `recvWindow` of our requests, ms: the venue's default (Binance.US reference 2).
pub const RECV_WINDOW_MS: u32 = 5_000;
/// Largest `recvWindow` the venue takes, ms.
pub const RECV_WINDOW_MS_MAX: u32 = 60_000;
/// The venue refuses stamps a second ahead of its clock: largest error of our knowledge of it, ms.
pub const CLOCK_ERROR_MS_MAX: u64 = 900;
/// Error above which the clock is asked again soon, ns.
pub const CLOCK_ERROR_NS_WANTED: u64 = 250_000_000;
/// How often the clock is asked, ms.
pub const CLOCK_REFRESH_MS: u64 = 60_000;
/// How soon the clock is asked again if it is not known well, ms.
pub const CLOCK_RETRY_MS: u64 = 1_000;
/// Both clocks together drift at most one part in this many: 50 ppm, twice what a bad quartz does.
pub const CLOCK_DRIFT_ONE_IN: i64 = 20_000;
/// Wait after a 429 that says nothing about it, ms: the order-count one may come without Retry-After, and its short
/// window is 10 s (Binance.US reference 4).
pub const THROTTLED_MS: u64 = 10_000;
/// Wait after a 403 of the firewall, ms (Binance.US reference 4: minutes).
pub const FORBIDDEN_MS: u64 = 120_000;
/// Wait after a ban whose end is not told, ms: the shortest there is.
pub const BANNED_MS: u64 = 120_000;
/// Longest wait believed, ms: bans reach 3 days (Binance.US reference 4).
pub const WAIT_MS_MAX: u64 = 3 * 24 * 3_600_000;
/// An order that the venue does not know yet may still be there for this long after it was sent, ms (Binance.US
/// reference 9.7).
pub const ABSENCE_PROVES_NOTHING_MS: u64 = 10_000;
/// A listenKey lives 60 minutes and is kept alive at half of that, ms (Binance.US reference 7).
pub const LISTEN_KEY_KEEP_MS: u64 = 30 * 60_000;
