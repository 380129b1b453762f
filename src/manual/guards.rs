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
//! At Binance.US a change is a cancel and another order, and a fill may cross it. As long as nothing of the old order is known
//! to be executed, the venue is told to place the new one only if that is true: never both are executed, and an order is
//! repriced at its limit. Of one executed in part the venue cannot be told so: what may still be filled of it counts to the
//! position beside the new order, and where that is too much, cancel it, and place another once it is over. Placed anyway, the
//! new order is one more, and is checked as such.
//!
//! At Binance.US tick, lot and minimums are the symbol's own filters and kinds of order, out of its catalog: prices, lots,
//! market lots, notional, percent price, iceberg parts, trailing deltas, and the number of open orders as far as they are
//! ours. A refusal names the filter (`filter LOT_SIZE`). The average price that two filters are relative to is asked for every
//! 30 s where there are orders; while it is not known the venue judges those two, and always the ones that count conditional
//! orders and icebergs.
//!
//! What a venue lists of an instrument (tick, lot, least and greatest sizes, filters, the account's own rules at OANDA, and
//! Binance.US's rate limits) is asked again while it is traded: every hour
//! ([`refresh_ms`](crate::GatewayBuilder::refresh_ms)), and at once when a venue refuses the price or the size of an order
//! that passed here, though no more often than every minute. A new tick, lot or status is told by a status record at the
//! exponents the instrument has; what they cannot hold is refused whole, counted as an anomaly, and the old figures go on.
//! Whether an instrument can be traded is taken from the list at Binance.US, and at Coinbase while nobody subscribes to
//! `STATUS`; elsewhere the stream says it.
//!
//! # Limits
//!
//! [`Limits`](crate::gateway::Limits) are exact decimals, per strategy, venue and instrument; limits named for an instrument
//! stand instead of those for every instrument. What is exactly at a limit passes. With credentials nothing starts unless
//! something is limited at each of their venues, or [`without_limits`](crate::GatewayBuilder::without_limits) says that
//! nothing is; and limits for a name that the venue does not list, which would guard nothing, are an error of the start. What
//! is not obvious:
//!
//! - Checks against the market (band, age, lag, the value of a market order) look at the engine's own book, which it has only
//!   while some strategy subscribes to the instrument's `BOOK`. Without a whole book they refuse.
//! - A spot position begins with the whole balance of the base asset, as the venue states it at the start, and goes on with
//!   this gateway's fills: deposits, withdrawals, fees taken in the base asset and other programs' trades are not in it
//!   before the next start. An asset that the whole list of balances lacks is at nothing. A balance that may or may not have
//!   a fill of ours is no beginning: another is asked for ([`orders`](super::orders)). At OANDA the position is what the
//!   account's trades come to, whoever made them. Until the venue has said what is held, also after a late subscription,
//!   orders are refused as `Busy`, with the time to try again. Instruments with one base asset each count all of it. An
//!   open order counts with all that it may still buy or sell, a change under way with the larger of its quantities.
//! - An order in quote currency counts as the base it would buy at the best price when it is checked, and afterwards only
//!   with its fills.
//! - The self-trade check knows this gateway's orders, of all strategies, and nobody else's.
//! - The lag of a feed is how much later a message came than the quickest of the last two minutes. It needs no clock that
//!   agrees with the venue's. OANDA holds a price back for up to 250 ms, which counts: a limit below that refuses there.
//! - The balance check takes the venue's last word (a stream where there is one, else a listing every 25 s, unless a fill
//!   overtook it), moves it by each fill exactly, and takes off what our open orders hold as they stand and what others held
//!   then. A market order sized in the base asset holds nothing before it is filled, and a fee the venue reserves is not
//!   counted. Before the first word every order is refused.
//! - An account at OANDA holds margin and no balance of what is traded: there the same check looks at the margin that is free
//!   by the venue's last word (asked for after fills, and while a connection is kept warm), less that of fills that word did
//!   not include, and of open orders of every instrument as if each were filled on the side that binds more. A unit counts at
//!   the ask now, at the instrument's margin rate or the account's own if that is higher; what closes a position binds
//!   nothing. Where neither side of a pair is the account's currency, a book of the quote currency against it must be
//!   subscribed to, or the order is refused with "no price to account currency". The venue itself looks at margin only when
//!   an order is filled.
//! - Orders in flight and of unknown outcome are open until the contrary is proven.
//!
//! # Circuit breaker
//!
//! One per venue ([`BreakerRules`](crate::gateway::BreakerRules)). It opens when too many requests in the window got no answer,
//! a 5xx, or an answer nobody can read; a refusal is an answer. While it is open, new orders and changes are refused
//! `BreakerOpen`; cancels and queries pass. After a pause it sends probes, the question for the venue's time, and closes when
//! enough of them in a row were answered. No order is ever the probe. Each trip without a healthy time in between doubles
//! the pause. A ban (418) and a firewall's page (403) open it until the end the venue names, or for two minutes; so do
//! clocks too far apart. A throttle (429) opens nothing: nothing leaves before its end, cancels neither, orders are refused
//! `RateLimited` with that time, and every strategy is told `Throttled` once. Every change is a [`Guard`](crate::record::ExecutionKind::Guard) record to every strategy.
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
//! watched, and the blocking [`Connector`](crate::gateway::Connector) never sets it. It runs on the reactor: against a
//! reactor that hangs there is the following.
//!
//! # A reactor that fails
//!
//! The keeper, on its own thread, looks at the reactor's pulse. The reactor is given up when it panics (a panic in a handler on
//! its thread is the likely one), or when it has not turned for
//! [`reactor_silence_ms_max`](crate::gateway::GatewayBuilder::reactor_silence_ms_max), 3 s unless you say otherwise: a handler
//! that blocks or loops, or a thread that gets no processor. Time in which the keeper did not run either, as on a suspended
//! machine, hardly counts. A reactor you turn yourself is watched for silence from
//! [`Reactor::watch`](crate::gateway::Reactor::watch) on. With `panic = "abort"` in your profile nothing of this can help: the
//! process is gone.
//!
//! Then the kill switch is thrown, and at every venue with credentials an emergency lists our open orders and cancels them,
//! again and again until a listing holds none; the last listing is asked for late enough that no order can still have been on
//! its way (`absence_grace_ms` of the [reconcile rules](crate::order::ReconcileRules)). Ours are those whose client order id
//! was made by this gateway or an earlier run of it with the same prefix; other people's orders are left alone. A second
//! gateway on the same account with the same prefix is not told apart. Each venue has a thread and a connection of its own
//! for this, opened at the start, to addresses that are remembered: DNS is asked only if none of those answers. A listing
//! every 15 s keeps the connection warm and shows early if it would not work.
//!
//! A share of each rate limit is set aside for it from the start: at Coinbase 2 of the 30 private requests a second (the engine
//! has 24, queries 4), at Binance.US 1,200 of the 6,000 weight a minute (queries 1,200, the engine the rest), at OANDA 20 of
//! the 120 requests a second.
//!
//! Strategies cannot be told over the rings of a dead reactor.
//! [`Gateway::emergency`](crate::gateway::Gateway::emergency) says, from any thread, whether the reactor was given up and why,
//! and how far each venue is; the log and the audit log have every step (calls named `keeper-3`), the counters
//! `emergencies`, `emergency_cancels` and `emergency_failures` the sums. A gateway that is dropped meanwhile, or right after a
//! panic, waits up to 5 s for the cancels; a thread that stands still is left behind.
//!
//! A reactor that comes back finds the kill before it takes any command, tells every strategy `Killed` ("the reactor stood
//! still"), and each order's end once, as the venue tells it. The kill lasts until
//! [`Gateway::release_kill`](crate::gateway::Gateway::release_kill), which also ends an emergency under way, and of one that
//! is done clears the result: rehearsals tell again whether the next one would work. After a panic,
//! build a new gateway. [`without_reactor_watch`](crate::gateway::GatewayBuilder::without_reactor_watch) switches all of it off.
