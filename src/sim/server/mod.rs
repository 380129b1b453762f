//! Real servers for the venue models: sockets, TLS, HTTP/1.1 with endless chunked replies, and WebSocket on one event-loop thread per venue.
//!
//! The thread owns the model and all its connections, so nothing is locked and a reply leaves in the turn its request
//! came in. It never sleeps, never touches a file, and misbehaves only as a [`Fault`] tells it to. The WebSocket side
//! is tungstenite's, on purpose: an implementation independent of this crate's own codec.

mod api;
mod connection;
mod event_loop;
mod fault;
mod handle;
pub(crate) mod http;
mod stream;
mod tls;

#[cfg(test)]
mod flood_tests;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use api::decode;
pub use api::{CloseHow, ConnId, Control, Door, Output, Request, Response, Venue};
pub use event_loop::Core;
pub(crate) use fault::Faults;
pub use fault::{Fault, FaultRule};
pub use handle::{Server, StartError, Stopped};
pub use tls::Certificate;
