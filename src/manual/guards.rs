//! What stands before an order, and what stops all of them.
//!
//! # In this order
//!
//! A new order passes, on the reactor and without waiting: the kill switch and a shutdown; the latch of lost execution
//! records; tick, lot and the venue's own minimums; your limits; whether the venue is reconciled; its circuit breaker; a free
//! connection and a token; the rate governor and your own order rate. The first that objects makes it `Rejected`, with a
//! class, a reason in words, and the time to try again where there is one
//! ([`ExecutionRecord::retry_at`](crate::record::ExecutionRecord::retry_at)). Nothing of it was sent then. A change passes the
//! same, with its new terms in place of the old. Cancels pass all of them but the governor, where a share is theirs.
//!
//! # Limits
//!
//! [`Limits`](crate::gateway::Limits) are exact decimals, per strategy, venue and instrument; limits named for an instrument
//! stand instead of those for every instrument. What is exactly at a limit passes. What is not obvious:
//!
//! - Checks against the market (band, age, lag, the value of a market order) look at the engine's own book, which it has only
//!   while some strategy subscribes to the instrument's `BOOK`. Without a whole book they refuse.
//! - A spot position begins with the whole balance of the base asset, as the venue states it at the start, and goes on with
//!   this gateway's fills: deposits, withdrawals and other programs' trades are not in it before the next start. Until the
//!   balance is known it counts fills alone. Instruments with one base asset each count all of it. An open order counts with all that it may still buy or sell, a change under way with the larger of its quantities.
//! - An order in quote currency counts as the base it would buy at the best price when it is checked, and afterwards only
//!   with its fills.
//! - The self-trade check knows this gateway's orders, of all strategies, and nobody else's.
//! - The lag of a feed is how much later a message came than the quickest of the last two minutes. It needs no clock that
//!   agrees with the venue's.
//! - The balance check takes the venue's last word (a stream where there is one, else a listing every 25 s), moves it by
//!   each fill exactly, and takes off what our open orders hold as they stand and what others held then. A market order
//!   sized in the base asset holds nothing before it is filled, and a fee the venue reserves is not counted. Before the
//!   first word every order is refused.
//! - Orders in flight and of unknown outcome are open until the contrary is proven.
//!
//! # Circuit breaker
//!
//! One per venue ([`BreakerRules`](crate::gateway::BreakerRules)). It opens when too many requests in the window got no answer,
//! a 5xx, or an answer nobody can read; a refusal is an answer. While it is open, new orders and changes are refused
//! `BreakerOpen`; cancels and queries pass. After a pause it sends probes, the question for the venue's time, and closes when
//! enough of them in a row were answered. No order is ever the probe. Each trip without a healthy time in between doubles
//! the pause. Every change is a [`Guard`](crate::record::ExecutionKind::Guard) record to every strategy.
//!
//! # Kill switch
//!
//! [`Gateway::kill`](crate::gateway::Gateway::kill), or the same on a strategy's order handle: from any thread, without a
//! queue that could be full. New orders and changes are refused `Stopped`, every open order of ours is cancelled, at a venue
//! that is away as soon as it is back, again and again until the venue says that it is over. You are told `Killed`, then
//! each second per venue `KillPending` with the number left, then `KillConfirmed`. `KillScope::WholeAccount` cancels what
//! others have placed too, and is confirmed only by a complete listing, begun after the kill, that holds nothing. It lasts
//! until [`Gateway::release_kill`](crate::gateway::Gateway::release_kill).
//!
//! # Dead-man switch
//!
//! Off unless [`GatewayBuilder::dead_man_ms`](crate::gateway::GatewayBuilder::dead_man_ms) sets a time. A strategy is watched
//! from its first beat or command on; reading records is no sign of life, so beat in your loop. Silence longer than that, or
//! order handles dropped without a [`shutdown`](crate::gateway::Gateway::shutdown), throws the kill switch for all orders of
//! the gateway, not only that strategy's. A [`Gateway`](crate::gateway::Gateway) dropped without a shutdown, as by an early
//! return, does the same and waits up to 2 s for the cancels. It is looked at once a millisecond, under `Idle::Block` at least every 100 ms. After
//! a release it watches again, and gives everybody the whole time anew. A handler on the reactor's own thread is not
//! watched, and the blocking [`Connector`](crate::gateway::Connector) never sets it. It runs on the reactor: it does not help
//! against a reactor that hangs.
