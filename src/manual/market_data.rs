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
//! # Binance.US
//!
//! Its connections take 1,024 streams each: 170 instruments with everything wanted of them, then the next one is opened.
//! Besides the channels every venue has, there are the best 5, 10 and 20 levels
//! ([`Channels::BOOK_5`](crate::gateway::Channels) and so on: each message a snapshot, no request weight) and aggregated
//! trades. An instrument has one book and one kind of trades in here: whoever asks for less than somebody else gets what the
//! other asked for. `ticker_batch` is the mini ticker; candles last as long as
//! [`StreamConfig::candles`](crate::venue::binance_us::StreamConfig) says. The status is no stream there.
//!
//! The venue ends every connection after 24 hours, and before a maintenance with an announcement. Either way another one is
//! opened first, asked for the same, and takes over once all of it is confirmed; the old one is listened to for five seconds
//! more. Trades are told once by id, books go on without a snapshot, and one of the two being ahead of the other is no gap.
//! The account's events and order entry change over the same way. The counter `connections_relieved` counts it.
//!
//! Quotes (`bookTicker`) come at once, changes of the book every 100 ms, and both carry the same count of updates as their
//! [`sequence`](crate::record::MarketRecord::sequence). A quote is told only if it is newer than every quote and than the book
//! told before it; a change of the book that comes later may be older than the quote. So of the best prices the record with
//! the higher sequence is the newer word: that is what the engine's own checks go by. A quote is not folded into the book,
//! since a level that came and went within 100 ms is in no change of the book, and nothing would take it out again.
//!
//! The account's events are subscribed over the WebSocket API, or, by
//! [`BinanceUsConfig::user_data`](crate::gateway::BinanceUsConfig::user_data), come over a stream named by a listenKey: asked
//! for before every connection, kept alive every 30 minutes, and never deleted, since it is the account's and other processes
//! may listen to it. When it expires, another is asked for, and what happened meanwhile is listed. A venue that answers 404
//! or 410 has no listenKeys any more and is not asked again:
//! [`EventsNotServed`](crate::record::GuardEvent::EventsNotServed) says so, no order leaves, and open ones are followed by
//! queries and can be cancelled.
//!
//! # OANDA
//!
//! OANDA publishes prices and nothing else: book (the price buckets, whole each time), quotes and status, no trades. A price
//! stream brings the instruments it was opened with. When you subscribe another, a new stream is opened while the old one goes
//! on; each instrument is taken over at its first price there, and no price is told twice or out of order.
//!
//! # Two sources, and two connections
//!
//! Coinbase sends the same market over two protocols: Advanced Trade, and the feed of Coinbase Exchange, chosen by
//! [`CoinbaseConfig::market_source`](crate::gateway::CoinbaseConfig::market_source). Products, books and trade ids are the
//! same. What differs, by the recordings of 2026-09-30 of BTC-USD and ETH-USD and the venue's own times in them (messages
//! arrive in bursts, so that receive times show less):
//!
//! | | Advanced Trade | Exchange, public | Exchange, with a key |
//! |---|---|---|---|
//! | book | conflated; median 50 ms between two updates of a product (211 in 3.7 s) | conflated (`level2_batch`, echoed as `level2_50`); median 60 ms (314 in 10 s) | every change (`level2`); not recorded |
//! | trades | in batches: 107 in 26 messages | one message each, when they happen | as public |
//! | tickers | no trade id, no side | one per match, with trade id and the taker's side | as public |
//! | losses | a number on every message | books have none: seen by the ids of trades, which are always subscribed with a book, at the next trade or the second heartbeat | as public |
//!
//! The two were not recorded at the same time, so nothing here says which is first. A book message of the Exchange feed
//! that is lost while no trade is lost with it cannot be noticed by anybody.
//!
//! With [`CoinbaseConfig::redundant_market_source`](crate::gateway::CoinbaseConfig::redundant_market_source) every
//! instrument comes over two connections, to the same source or to both. A trade is told when the first of the two brings
//! it, and once: ids are remembered for 32,768 trades. A trade that only one brings is told when it comes, which may be
//! behind newer ones. Books have no common id, so each connection keeps its own and the product follows one of them: the
//! first to be whole. When that one is doubtful, lost, or has not changed for a second while the other changed ten times,
//! you get a `Gap`, then the other's book as a snapshot flagged `DERIVED`, then the `Gap` with `recovered` set, and the old
//! one is fetched again and stands by. Quotes and tickers come from the connection whose book is followed. What happens to
//! the one on standby is not told. [`Telemetry::feeds`](crate::gateway::Telemetry::feeds) says who is first how often.
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
//! A full Coinbase snapshot is 5 MB in one WebSocket message. It is cut into JSON arrays of at most 8 KiB as its bytes come,
//! each parsed and booked in one call of the engine; order rings and other sockets are served between the cuts, and the
//! receive buffer stays at 256 KiB.
