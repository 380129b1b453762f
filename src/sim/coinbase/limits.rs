//! Rate limits: so many events in any one second (Coinbase reference 5).

/// The venue's limits, all per second; 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// REST calls with a token, per key.
    pub private_per_s: u32,
    /// REST calls without one, per address.
    pub public_per_s: u32,
    /// New WebSocket connections, per address.
    pub connections_per_s: u32,
    /// WebSocket messages without a token, per address.
    pub messages_per_s: u32,
    /// What a refused `POST /orders` gets.
    pub refusal: Refusal429,
}

/// The body of a 429: both have been seen (reference 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refusal429 {
    /// `{"errors":[{"id":"rate_limit_exceeded",…}]}` on every path.
    #[default]
    Json,
    /// A page of HTML on `POST /orders`, JSON elsewhere.
    HtmlOnOrders,
}

impl Default for Limits {
    fn default() -> Self {
        Self { private_per_s: 30, public_per_s: 10, connections_per_s: 8, messages_per_s: 8, refusal: Refusal429::Json }
    }
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self =
        Self { private_per_s: 0, public_per_s: 0, connections_per_s: 0, messages_per_s: 0, refusal: Refusal429::Json };
}
