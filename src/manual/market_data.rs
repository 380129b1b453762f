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
