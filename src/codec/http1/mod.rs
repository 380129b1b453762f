//! The client side of HTTP/1.1: requests out, responses in, one at a time per connection.
//!
//! Owns message framing (RFC 9112) and nothing else: no connection, no retry, no redirect, no cookie, no decompression (we
//! never offer any). Guarantees that a request never carries a smuggled line break, that a response is delivered whole or
//! not at all, and that whatever a server sends ends in a response or in a typed [`HttpError`]. Where the connection ends
//! inside a response the error says how far it got, because an order whose answer was cut off has an unknown outcome.
//! Never allocates while reading.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod chunk;
mod date;
mod excerpt;
mod head;
mod request;
mod response;
mod stream;

pub use chunk::{ChunkDecoder, ChunkError, ChunkStep};
pub use date::{format_http_date, parse_http_date};
pub use excerpt::{Excerpt, EXCERPT_BYTES_MAX};
pub(in crate::codec) use head::Head;
pub use head::{Headers, HEADERS_MAX};
pub use request::{write_request, RequestError, RequestTemplate};
pub(in crate::codec) use response::received_of_head;
pub use response::{HttpError, Item, Limits, Received, Response, ResponseReader, Step};
pub use stream::{StreamItem, StreamReader, StreamStep};

/// The methods the venues use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// HEAD: the response has no body, whatever its headers say.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// The token on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Methods that state a content length even if it is 0 (RFC 9110 section 8.6).
    const fn always_states_length(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
