//! What a venue model and the server say to each other: requests and replies, frames, closes.
//!
//! The model side of it is pure; a deterministic simulation may drive a [`Venue`] without any server.

/// One connection, unique for the life of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// Which of the venue's ports a connection came in on, as an index into the venue's list.
pub type Door = usize;

/// A whole HTTP request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query without `?`, still encoded.
    pub query: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that (lower case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The query's pairs, decoded, in order; a repeated key appears once per value.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// The pairs of a form body (`application/x-www-form-urlencoded`), decoded, in order.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        std::str::from_utf8(&self.body).map(pairs).unwrap_or_default()
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(key), decode(value))
    };
    text.split('&').filter(|p| !p.is_empty()).map(pair).collect()
}

/// A whole HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers besides `Content-Length`, `Date` and `Connection`, which the server adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A reply with a JSON body.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::typed(status, "application/json; charset=utf-8", body)
    }

    /// A reply with plain text.
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", body)
    }

    /// A reply with a page of HTML.
    pub fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::typed(status, "text/html; charset=utf-8", body)
    }

    fn typed(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// A WebSocket close frame with this code first, then TLS `close_notify` and FIN.
    Frame(u16),
    /// TLS `close_notify`, then FIN.
    Clean,
    /// FIN without `close_notify`: a truncated stream.
    Truncated,
    /// RST: the peer sees a reset.
    Reset,
}

/// What a model wants done on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a WebSocket text message, or on a connection with an open-ended reply the next chunk of its body.
    Text {
        /// Where.
        conn: ConnId,
        /// What.
        text: String,
    },
    /// Send a WebSocket protocol ping.
    Ping {
        /// Where.
        conn: ConnId,
        /// What the pong has to repeat.
        payload: Vec<u8>,
    },
    /// End the connection.
    Close {
        /// Which.
        conn: ConnId,
        /// How.
        how: CloseHow,
    },
}

/// A WebSocket control frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// A ping.
    Ping(Vec<u8>),
    /// A pong, asked for or not.
    Pong(Vec<u8>),
}

/// A venue model: everything comes in as a call with the time, everything goes out as a reply or an [`Output`].
pub trait Venue: Send + 'static {
    /// A connection has been accepted. A response refuses it: its first request gets that, then it ends.
    fn connected(&mut self, _now_ns: u64, _door: Door, _conn: ConnId) -> Option<Response> {
        None
    }
    /// A request has arrived whole, before any fault is applied: for counting, nothing else.
    fn arrived(&mut self, now_ns: u64, door: Door, request: &Request);
    /// Serves a request.
    fn http(&mut self, now_ns: u64, door: Door, request: &Request) -> Response;
    /// Decides whether a request gets a reply without an end: on `Some` its head and the beginning of its body leave with
    /// chunked transfer encoding, and the connection is the model's to write to. On `None` it goes to [`Self::http`].
    fn open_ended(&mut self, _now_ns: u64, _door: Door, _conn: ConnId, _request: &Request) -> Option<Response> {
        None
    }
    /// Decides on a WebSocket upgrade; on `Ok` the connection is the model's to write to.
    fn upgrade(&mut self, now_ns: u64, door: Door, conn: ConnId, request: &Request) -> Result<(), Response>;
    /// A text message has arrived.
    fn text(&mut self, now_ns: u64, conn: ConnId, text: &str);
    /// A WebSocket protocol ping or pong has arrived; a ping is answered without the model.
    fn control(&mut self, _now_ns: u64, _conn: ConnId, _control: &Control) {}
    /// The connection is gone.
    fn closed(&mut self, now_ns: u64, conn: ConnId);
    /// Does all that is due by now; says when it wants to be called again at the latest.
    fn tick(&mut self, now_ns: u64) -> Option<u64>;
    /// What is to be sent, in order; the venue forgets it.
    fn take_outputs(&mut self) -> Vec<Output>;
}

/// Percent and plus decoding of a query part; malformed escapes stay as they are.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let escaped = bytes
            .get(i + 1..i + 3)
            .filter(|_| b == b'%')
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        i += if escaped.is_some() { 3 } else { 1 };
        out.push(escaped.unwrap_or(if b == b'+' { b' ' } else { b }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_repeated_keys_are_kept() {
        let request = Request { query: "a=1&a=2%3A3&b=x+y&bad=%zz&c".into(), ..Request::default() };
        let pairs = request.query_pairs();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("a", "2:3"), ("b", "x y"), ("bad", "%zz"), ("c", "")]);
    }
}
