//! Who owns what, and who may wait for whom.
//!
//! | thread | owns | may block |
//! |---|---|---|
//! | reactor | established market and order sockets, the engine, its ends of all rings | only in [`Idle::Block`](crate::gateway::Idle) |
//! | dialer, a few per venue | resolving, connecting, TLS and WebSocket handshakes; cold queries on connections of their own | yes |
//! | keeper | the clock's anchor; minting and wiping tokens; the watch over the reactor | at most a tick |
//! | emergency, one per venue with credentials | a connection opened in advance, over which our orders are cancelled if the reactor fails | yes |
//! | refresher | the times at which venues are asked again what they list; asks as your cold queries do | yes |
//! | journal, if an audit log is kept | its files | yes |
//! | state, with credentials | the locks of the accounts, and the note of how far executions were told | yes |
//! | your strategies | their [`Strategy`](crate::gateway::Strategy) handles | their affair |
//!
//! # Nothing slow on the reactor
//!
//! The reactor never resolves a name, connects, shakes hands, signs with an elliptic curve (13 us a signature), opens a file
//! or formats a log line at default levels. It asks others over queues, and they hand back whole things: a
//! [`Link`](crate::link::Link) that is a socket, its TLS state and both buffers, or a token ready to be sent. A turn longer
//! than 50 us is counted ([`Counter::LongTurns`](crate::telemetry::Counter)), and the longest is published.
//!
//! # Hand-over
//!
//! A venue may send its first frames in the very segment that carries the upgrade response. No event ever announces bytes
//! that are already in our buffers, so a connection that arrives from the dialer is served once before the poller is asked.
//!
//! # Idle strategies
//!
//! - `Busy` polls without pause and wants a core of its own; submission costs a ring push.
//! - `Yield` gives the core away when there is nothing to do.
//! - `Block` sleeps in the poller; a parked flag with a sequentially consistent fence on both sides makes sure that no
//!   wake-up is lost. Deadlines are kept to a millisecond.
//!
//! # Your own loop
//!
//! [`GatewayBuilder::build`](crate::gateway::GatewayBuilder::build) hands you the
//! [`Reactor`](crate::gateway::Reactor): call `poll_once` from a loop of your own. Or implement
//! [`Handler`](crate::gateway::Handler) and be called on the reactor's thread, without a ring in between.
//!
//! # Sans-IO
//!
//! Everything from `codec` to `engine` is a pure function of bytes, commands, times and random numbers. The same engine runs
//! under the reactor, in tests, and under a fuzzer; its contract is at the top of [`engine`](crate::engine).
