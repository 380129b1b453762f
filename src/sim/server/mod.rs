//! Real servers for the venue models: sockets, TLS, HTTP and WebSocket, on one thread per venue.
mod api;
pub use api::{CloseHow, ConnId, Door, Output, Request, Response, Venue};
