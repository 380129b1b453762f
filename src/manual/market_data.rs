//! Events, books, gaps, slow consumers.
//!
//! # Events
//!
//! A venue event is published whole or not at all. A book event of n levels is n level records, the last one flagged `LAST`;
//! apply records as they come, act at `LAST`. Sizes are absolute; zero removes the level. A snapshot's levels carry
//! `SNAPSHOT`, its first record also `FIRST`: discard what you hold of that book. A snapshot longer than 256 levels comes in
//! several pieces, with `LAST` on the very last record. An empty snapshot is one record of price 0 and size 0 with all three.
//! [`Follower`](crate::book::Follower) does all of this for you.
//!
//! Trades carry the AGGRESSOR's side, whatever the venue sends (Coinbase sends the maker's), oldest first; those flagged
//! `SNAPSHOT` are history from before the subscription.
//!
//! # Gaps
//!
//! A [`Gap`](crate::record::Gap) record opens a gap and names its cause; changes that still come carry `MAYBE_BAD_BOOK`; a
//! snapshot follows, then a `Gap` with `recovered` set. A gap touches only the instruments it concerns. At Coinbase one
//! `sequence_num` counts all frames of a connection, so a skipped number concerns every book on it; they are unsubscribed
//! and subscribed again on the same connection, since a repeated subscribe brings no snapshot and a new connection would
//! interrupt trades and tickers too.
//!
//! # Channels and connections
//!
//! Book, trades and ticker (with its quote) come on the market ring and the statistics ring; `ticker_batch` (the ticker
//! every five seconds, without a quote) and candles (five minutes, sent again while they grow) on the statistics ring;
//! status (trading status, tick and lot, when they change) as a status record. A new tick or lot holds for order checks from
//! then on, at the exponents the instrument has; one finer than these is refused, counted and announced as an anomaly.
//!
//! With [`StreamConfig::futures_balance`](crate::venue::coinbase::StreamConfig) the account's futures balances and margins
//! come over the user connection to every strategy's statistics ring, under no instrument.
//!
//! One Coinbase connection takes 30 books. Instruments are spread by themselves: the 31st opens a second connection, an
//! instrument's channels come over one connection, which it keeps while anything is wanted of it, and unsubscribing frees
//! its place. Sequence numbers count per connection. All connections together send at most one message every 150 ms, since
//! the venue allows 8 a second to an address.
//!
//! `BTC-USDC` is streamed as `BTC-USD`, which the venue's product list says and nobody has to set. Both at once are one
//! stream told to both, each under its own name; when the second joins, the first one's book pauses with a gap of cause
//! `Stale` until the fresh snapshot that both get.
//!
//! What the venue confirms is compared with what was asked. The difference is a
//! [`Subscription`](crate::record::Subscription) record to whoever listens to the instrument, and what is missing or was
//! refused is asked for again with growing pauses.
//!
//! # A slow consumer
//!
//! The engine's own book is the truth a slow consumer recovers from. When your market ring is full, records are dropped and
//! counted. As soon as there is room you get one `Gap` of cause `ConsumerFull` with the exact count, then every book that
//! was touched, in instalments of at most 256 levels, then a recovered `Gap`, then live records. Between two instalments,
//! changes to levels you have already been given reach you live; the others are in a later instalment. Lost trades are
//! counted, never replayed. No other strategy notices, and nobody reconnects because you paused.
//!
//! # Long messages
//!
//! A full Coinbase snapshot is 5 MB in one WebSocket message. It is cut into JSON arrays of at most 16 KiB as its bytes come,
//! each parsed and booked in one call of the engine; order rings and other sockets are served between the cuts, and the
//! receive buffer stays at 256 KiB.
