//! Trading on paper, and what its fills are worth.
//!
//! # How
//!
//! ```no_run
//! use exchange_connectors::record::Venue;
//! use exchange_connectors::{CoinbaseConfig, GatewayBuilder, PaperConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let paper = PaperConfig::new(Venue::Coinbase)
//!     .balance("USD", "100000".parse()?)?
//!     .fees("0.004".parse()?, "0.006".parse()?)? // maker, taker
//!     .latency_ns(2_000_000, 1_000_000)?; // a command there, its news back
//! let gateway = GatewayBuilder::default().coinbase(CoinbaseConfig::public_from_env()?).paper(paper).start()?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything else stays as it is: the same handles, commands and records, an inline handler or the blocking
//! [`ExchangeConnector`](crate::ExchangeConnector), limits, breaker, kill switch, dead-man, audit log. The venue's public
//! market data is real and is subscribed to by itself (book and trades of every instrument that can be traded). No
//! credentials are needed, and those that are configured for the venue are dropped: nothing is signed, and no order can
//! leave. OANDA has no public prices: its token stays, for prices and queries, and whatever would change the account is
//! refused here. Orders are told by ids that begin with `paper-`. Balances are told by records of kind
//! [`Balance`](crate::record::ExecutionKind::Balance), also where the live venue does not stream them, and by
//! [`Gateway::paper_balances`](crate::Gateway::paper_balances).
//!
//! All three venues can be traded on paper. At OANDA the account is one of margin in one currency
//! (`PaperConfig::new(Venue::Oanda).balance("USD", amount)?`); balance and margin are told by records of kind
//! [`Balance`](crate::record::ExecutionKind::Balance) and [`Margin`](crate::record::ExecutionKind::Margin) after every fill,
//! as live. Positions are told with every fill at each of the venues
//! ([`Position`](crate::record::ExecutionKind::Position)).
//!
//! A paper account lives as long as its gateway: nothing of it is kept, and the next one begins anew.
//!
//! Over a recording: build an [`Engine`](crate::engine::Engine), make it
//! [`trading_on_paper`](crate::engine::Engine::trading_on_paper), and give it the recorded bytes with the times at which they
//! were read. The same inputs give the same records, byte for byte, however the bytes are cut.
//!
//! # What a fill is worth
//!
//! The rules stand in [`crate::paper`], and so does what they leave out. They are chosen so that a resting order is rather
//! filled too late than too early: whoever leaves a queue is taken to have stood behind us, a trade that the level shows
//! already is not counted again, and what our own orders took stays gone until others renew it. They are kind in one
//! thing, which no replay of a book can mend: nobody reacts to our orders. The larger they are against what is shown, the
//! less their fills are worth.
//!
//! The same scripts (resting, crossing, queueing, being passed, post-only, immediate-or-cancel, fill-or-kill, market orders
//! by base and quote, funds, increments, changes, cancels, our own orders meeting) are played in
//! `tests/paper_equals_the_local_venues` at the local venues and on paper, and must be told alike, order by order, with the
//! same positions and balances in the end. OANDA has scripts of its own (buckets, flips, margin, close-out, stops, bounds,
//! changes, a closed market). Two things differ there and live: a paper fill is one per level and not one per resting
//! order behind it, and its execution ids are its own.
//!
//! # Refused
//!
//! | what | when | class |
//! |---|---|---|
//! | the book is not whole | before it leaves, with the time to try again | `Busy` |
//! | the same, found on arrival | by the paper venue | `NotTradable` |
//! | prepared (composite) orders; at OANDA only exits on fill and orders until the end of the day | before they leave | `Unsupported` |
//! | a profit that no price here converts | by the paper venue (`INSTRUMENT_PRICE_UNKNOWN`) | `NotTradable` |
//! | funds, margin, post-only, no liquidity, amounts too small | by the paper venue, in the live venue's words | as live |
//! | tick, lot, minimums, status, limits, kill switch, breaker, order rate | before it leaves, by the code that does so live | as live |
