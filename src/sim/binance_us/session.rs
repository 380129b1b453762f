//! WebSocket connections: what each one subscribed to, and whether its other end is alive.

use super::exchange::Exchange;
use super::kline::Interval;
use super::rolling::Window as Rolling;
use crate::sim::window::Window;
use crate::sim::Json;

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Trade,
    AggTrade,
    BookTicker,
    /// Changed levels; `slow` at 1000 ms instead of 100 ms.
    Depth {
        slow: bool,
    },
    /// The best levels.
    Partial {
        levels: usize,
        slow: bool,
    },
    Kline(Interval),
    Ticker,
    MiniTicker,
    /// A ticker over less than, or as much as, the day that [`Self::Ticker`] covers.
    Rolling(Rolling),
}

impl Kind {
    /// The tickers: told together, for one symbol or for all that changed.
    pub(crate) const TICKERS: [Self; 5] = [
        Self::Ticker,
        Self::MiniTicker,
        Self::Rolling(Rolling::Hour),
        Self::Rolling(Rolling::FourHours),
        Self::Rolling(Rolling::Day),
    ];
}

/// Which symbols a stream covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One, by place; `None` for a name that is no symbol: acknowledged, and nothing ever comes (reference 6).
    One(Option<usize>),
    /// All that changed, as an array.
    All,
}

/// A stream as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// As the client wrote it: the envelope repeats it.
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
}

impl Stream {
    /// Reads a stream name; `None` for what no stream is called (Binance.US reference 6).
    pub(crate) fn parse(name: &str, exchange: &Exchange) -> Option<Self> {
        let (symbol, rest) = name.split_once('@')?;
        let (kind, scope) = match (symbol, rest) {
            ("!ticker", "arr") => (Kind::Ticker, Scope::All),
            ("!miniTicker", "arr") => (Kind::MiniTicker, Scope::All),
            (rolling, "arr") if rolling.starts_with("!ticker_") => {
                (rolling.strip_prefix('!').and_then(kind)?, Scope::All)
            }
            _ => {
                // Names are lower case; an upper-case one is no symbol.
                let lower = !symbol.bytes().any(|b| b.is_ascii_uppercase());
                let index = exchange.symbol_index(&symbol.to_ascii_uppercase()).filter(|_| lower);
                (kind(rest)?, Scope::One(index))
            }
        };
        Some(Self { name: name.to_owned(), scope, kind })
    }

    /// Whether this stream carries that kind for that symbol.
    pub(crate) fn carries(&self, symbol: usize, kind: Kind) -> bool {
        self.kind == kind && self.scope == Scope::One(Some(symbol))
    }
}

fn kind(text: &str) -> Option<Kind> {
    if let Some(interval) = text.strip_prefix("kline_") {
        return Interval::parse(interval).map(Kind::Kline);
    }
    if let Some(window) = text.strip_prefix("ticker_") {
        return Rolling::parse(window).map(Kind::Rolling);
    }
    let (text, slow) = match text.split_once('@') {
        None => (text, true),
        Some((text, "1000ms")) => (text, true),
        Some((text, "100ms")) => (text, false),
        Some(_) => return None,
    };
    let kind = match text {
        "depth" => Kind::Depth { slow },
        "depth5" => Kind::Partial { levels: 5, slow },
        "depth10" => Kind::Partial { levels: 10, slow },
        "depth20" => Kind::Partial { levels: 20, slow },
        "trade" => Kind::Trade,
        "aggTrade" => Kind::AggTrade,
        "bookTicker" => Kind::BookTicker,
        "ticker" => Kind::Ticker,
        "miniTicker" => Kind::MiniTicker,
        _ => return None,
    };
    Some(kind)
}

/// Whether a WebSocket's other end is there: pings out, pongs in, and an end after a day (reference 5 and 6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    pub(crate) opened_ns: u64,
    pub(crate) pong_ns: u64,
    pub(crate) next_ping_ns: Option<u64>,
}

impl Liveness {
    pub(crate) fn new(now_ns: u64, ping_interval_ns: u64) -> Self {
        let next_ping_ns = (ping_interval_ns > 0).then(|| now_ns.saturating_add(ping_interval_ns));
        Self { opened_ns: now_ns, pong_ns: now_ns, next_ping_ns }
    }
}

/// A connection to the stream host.
#[derive(Debug)]
pub(crate) struct StreamSession {
    /// Whether events come in the envelope with the stream's name.
    pub(crate) combined: bool,
    pub(crate) streams: Vec<Stream>,
    /// The listen key it listens on.
    pub(crate) listen_key: Option<String>,
    pub(crate) messages: Window,
    pub(crate) life: Liveness,
}

impl StreamSession {
    /// An event as this connection gets it.
    pub(crate) fn wrap(&self, stream: &str, event: &str) -> String {
        if !self.combined {
            return event.to_owned();
        }
        Json::compact().object(|j| {
            j.str("stream", stream).raw("data", event);
        })
    }
}

/// A connection to the WebSocket API.
#[derive(Debug)]
pub(crate) struct ApiSession {
    pub(crate) show_rate_limits: bool,
    /// The number of its user data subscription.
    pub(crate) subscription: Option<u64>,
    pub(crate) next_subscription: u64,
    pub(crate) life: Liveness,
}

impl ApiSession {
    /// A user event as this connection gets it (reference 7).
    pub(crate) fn wrap(subscription: u64, event: &str) -> String {
        format!(r#"{{"subscriptionId":{subscription},"event":{event}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::Fees;
    use super::super::product::{usual_symbols, Market};
    use super::*;

    #[test]
    fn stream_names_are_read_as_the_venue_reads_them() {
        let markets = usual_symbols().into_iter().map(|s| Market::new(s, 1, 0, 10, 0)).collect();
        let exchange = Exchange::new(markets, &[], Fees::default(), 1);
        let btcusd = exchange.symbol_index("BTCUSD");
        let read = |name: &str| Stream::parse(name, &exchange).map(|s| (s.scope, s.kind));
        assert_eq!(read("btcusd@depth@100ms"), Some((Scope::One(btcusd), Kind::Depth { slow: false })));
        assert_eq!(read("btcusd@depth"), Some((Scope::One(btcusd), Kind::Depth { slow: true })));
        assert_eq!(read("btcusd@depth20@100ms"), Some((Scope::One(btcusd), Kind::Partial { levels: 20, slow: false })));
        assert_eq!(read("btcusd@aggTrade"), Some((Scope::One(btcusd), Kind::AggTrade)));
        assert_eq!(read("BTCUSD@trade"), Some((Scope::One(None), Kind::Trade)), "no symbol, no error");
        assert_eq!(read("!miniTicker@arr"), Some((Scope::All, Kind::MiniTicker)));
        assert_eq!(read("btcusd@ticker_4h"), Some((Scope::One(btcusd), Kind::Rolling(Rolling::FourHours))));
        assert_eq!(read("!ticker_1d@arr"), Some((Scope::All, Kind::Rolling(Rolling::Day))));
        assert!(["btcusd@ticker_2h", "!ticker_1w@arr", "!ticker_1h"].into_iter().all(|name| read(name).is_none()));
        let none = ["btcusd", "btcusd@depth7", "btcusd@depth@5ms", "btcusd@kline_1s", "btcusd@", "!bookTicker"];
        assert!(none.into_iter().all(|name| read(name).is_none()));
    }
}
