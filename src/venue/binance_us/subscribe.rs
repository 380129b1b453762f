//! What a connection is subscribed to: what is wanted, what was asked, what the venue confirmed.
//!
//! Owns the difference between the three and the next message that narrows it. Guarantees one message in flight, so that
//! an answer without an id has an author; pacing below the venue's limit (Binance.US reference 5); that what is given up
//! is unsubscribed before anything new is asked, so the venue's limit of streams holds; and that streams refused together
//! are asked again one by one, so that a bad name takes no good one with it. Never reads or writes a byte. An unknown
//! symbol is acknowledged and stays silent (Binance.US reference 6): symbols come from `exchangeInfo`.

use super::limits;
use super::market_data::MarketData;
use crate::record::{Difference, InstrumentId, SubscribedChannel, Subscription, UnixNanos};
use crate::venue::{Channels, Facts, StreamFact};

/// Length of a candle; the venue has no seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum CandleInterval {
    #[default]
    M1 = 0,
    M3,
    M5,
    M15,
    M30,
    H1,
    H2,
    H4,
    H6,
    H8,
    H12,
    D1,
    D3,
    W1,
    Month1,
}

/// The streams of one symbol; a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Streams(u32);

impl Streams {
    /// Nothing.
    pub const NONE: Streams = Streams(0);
    /// Every trade.
    pub const TRADES: Streams = Streams(1);
    /// Trades of one taker at one price as one.
    pub const AGGREGATED_TRADES: Streams = Streams(1 << 1);
    /// The whole book: diffs every 100 ms over a snapshot.
    pub const DIFFS: Streams = Streams(1 << 2);
    /// The best 5 levels every 100 ms. Told only where the whole book is not carried.
    pub const DEPTH_5: Streams = Streams(1 << 3);
    /// The best 10 levels every 100 ms.
    pub const DEPTH_10: Streams = Streams(1 << 4);
    /// The best 20 levels every 100 ms.
    pub const DEPTH_20: Streams = Streams(1 << 5);
    /// Best bid and ask at every change.
    pub const QUOTES: Streams = Streams(1 << 6);
    /// 24 h figures, each second.
    pub const TICKER: Streams = Streams(1 << 7);
    /// Fewer 24 h figures, each second.
    pub const MINI_TICKER: Streams = Streams(1 << 8);

    const CANDLES_AT: u32 = 9;
    /// Names in stream names, by bit.
    const SUFFIXES: [&'static str; 24] = [
        "trade",
        "aggTrade",
        "depth@100ms",
        "depth5@100ms",
        "depth10@100ms",
        "depth20@100ms",
        "bookTicker",
        "ticker",
        "miniTicker",
        "kline_1m",
        "kline_3m",
        "kline_5m",
        "kline_15m",
        "kline_30m",
        "kline_1h",
        "kline_2h",
        "kline_4h",
        "kline_6h",
        "kline_8h",
        "kline_12h",
        "kline_1d",
        "kline_3d",
        "kline_1w",
        "kline_1M",
    ];

    /// Candles of this length, every two seconds while they grow.
    #[must_use]
    pub const fn candles(interval: CandleInterval) -> Streams {
        Streams(1_u32.wrapping_shl(Self::CANDLES_AT.wrapping_add(interval as u32)))
    }

    /// These streams and `other`'s.
    #[must_use]
    pub const fn with(self, other: Streams) -> Streams {
        Streams(self.0 | other.0)
    }

    /// These streams without `other`'s.
    #[must_use]
    pub const fn without(self, other: Streams) -> Streams {
        Streams(self.0 & !other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Streams) -> Streams {
        Streams(self.0 & other.0)
    }

    /// Whether all of `other` are in it.
    pub const fn contains(self, other: Streams) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many streams.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its streams, one by one.
    pub fn iter(self) -> impl Iterator<Item = Streams> {
        (0..Self::SUFFIXES.len())
            .map(|bit| Streams(1_u32.wrapping_shl(bit as u32)))
            .filter(move |one| self.contains(*one))
    }

    /// The name of a single stream, without the symbol.
    pub fn suffix(self) -> &'static str {
        Self::SUFFIXES.get(self.0.trailing_zeros() as usize).copied().unwrap_or_default()
    }

    /// What a single stream is in the vocabulary of all venues.
    const fn channel(self) -> SubscribedChannel {
        match self {
            Streams::TRADES | Streams::AGGREGATED_TRADES => SubscribedChannel::Trades,
            Streams::DIFFS | Streams::DEPTH_5 | Streams::DEPTH_10 | Streams::DEPTH_20 => SubscribedChannel::Book,
            Streams::QUOTES | Streams::TICKER => SubscribedChannel::Ticker,
            Streams::MINI_TICKER => SubscribedChannel::TickerBatch,
            _ => SubscribedChannel::Candles,
        }
    }
}

impl Streams {
    /// The vocabulary of all venues: tickers come with the quote stream, candles last as long as `interval`, and the
    /// status is no stream here (`exchangeInfo` has it).
    #[must_use]
    pub fn of(channels: Channels, interval: CandleInterval) -> Streams {
        [
            (Channels::BOOK, Streams::DIFFS),
            (Channels::BOOK_5, Streams::DEPTH_5),
            (Channels::BOOK_10, Streams::DEPTH_10),
            (Channels::BOOK_20, Streams::DEPTH_20),
            (Channels::TRADES, Streams::TRADES),
            (Channels::AGGREGATED_TRADES, Streams::AGGREGATED_TRADES),
            (Channels::TICKER, Streams::TICKER.with(Streams::QUOTES)),
            (Channels::TICKER_BATCH, Streams::MINI_TICKER),
            (Channels::CANDLES, Streams::candles(interval)),
        ]
        .into_iter()
        .filter(|(channel, _)| channels.contains(*channel))
        .fold(Streams::NONE, |all, (_, streams)| all.with(streams))
    }
}

/// The subscriptions of one symbol.
#[derive(Debug, Clone, Copy)]
struct Item {
    /// In [`MarketData`].
    index: usize,
    instrument: InstrumentId,
    wanted: Streams,
    asked: Streams,
    confirmed: Streams,
    /// Refused together with others: to be asked alone.
    alone: Streams,
    /// Refused alone: not to be asked before `retry_at`.
    refused: Streams,
    retry_at: UnixNanos,
    tries: u32,
}

impl Item {
    fn due(&self, now: UnixNanos, subscribe: bool) -> Streams {
        if !subscribe {
            return self.asked.without(self.wanted);
        }
        let held = if now < self.retry_at { self.refused } else { Streams::NONE };
        self.wanted.without(self.asked).without(held)
    }
}

/// A message that is not answered yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    id: u64,
    subscribe: bool,
    give_up: UnixNanos,
    repeated: bool,
}

#[derive(Debug)]
pub(super) struct Subscriptions {
    items: Vec<Item>,
    pending: Option<Pending>,
    /// Place in `items` and stream, of the pending message.
    members: Vec<(usize, Streams)>,
    next_send: UnixNanos,
    id: u64,
    ack_grace_ms: u64,
}

impl Subscriptions {
    pub fn new(ack_grace_ms: u64) -> Subscriptions {
        Subscriptions {
            items: Vec::new(),
            pending: None,
            members: Vec::with_capacity(limits::STREAMS_PER_MESSAGE_MAX),
            next_send: UnixNanos::NONE,
            id: 0,
            ack_grace_ms,
        }
    }

    /// Streams wanted, of all symbols but this one.
    pub fn streams_besides(&self, index: usize) -> usize {
        self.items.iter().filter(|item| item.index != index).map(|item| item.wanted.len()).sum()
    }

    /// From now on exactly these.
    pub fn want(&mut self, index: usize, instrument: InstrumentId, streams: Streams) {
        match self.items.iter_mut().find(|item| item.index == index) {
            Some(item) => item.wanted = streams,
            None => self.items.push(Item {
                index,
                instrument,
                wanted: streams,
                asked: Streams::NONE,
                confirmed: Streams::NONE,
                alone: Streams::NONE,
                refused: Streams::NONE,
                retry_at: UnixNanos::NONE,
                tries: 0,
            }),
        }
    }

    /// Symbols and their streams as they are wanted.
    pub fn wanted(&self) -> impl Iterator<Item = (InstrumentId, Streams)> + '_ {
        self.items.iter().filter(|item| !item.wanted.is_empty()).map(|item| (item.instrument, item.wanted))
    }

    /// The connection is up and nothing was asked on it.
    pub fn opened(&mut self) {
        (self.pending, self.next_send) = (None, UnixNanos::NONE);
        for item in &mut self.items {
            *item = Item {
                asked: Streams::NONE,
                confirmed: Streams::NONE,
                refused: Streams::NONE,
                retry_at: UnixNanos::NONE,
                tries: 0,
                ..*item
            };
        }
    }

    /// The connection is gone: what it carried it carries no longer.
    pub fn closed(&mut self, data: &mut MarketData) {
        self.pending = None;
        for item in &mut self.items {
            if item.asked.contains(Streams::DIFFS) {
                data.diffs_end(item.index);
            }
            (item.asked, item.confirmed) = (Streams::NONE, Streams::NONE);
        }
    }

    /// The message to send now, if any, by its id: [`Subscriptions::put`] writes it, [`Subscriptions::sent`] counts it.
    pub fn choose(&mut self, now: UnixNanos) -> bool {
        self.pending.is_none() && now >= self.next_send && self.gather(now).is_some()
    }

    /// Gathers the members of the next message; whether it subscribes.
    fn gather(&mut self, now: UnixNanos) -> Option<bool> {
        for subscribe in [false, true] {
            self.members.clear();
            for (place, item) in self.items.iter().enumerate() {
                for stream in item.due(now, subscribe).iter() {
                    if subscribe && item.alone.contains(stream) {
                        if self.members.is_empty() {
                            self.members.push((place, stream));
                            return Some(true);
                        }
                        continue;
                    }
                    self.members.push((place, stream));
                    if self.members.len() >= limits::STREAMS_PER_MESSAGE_MAX {
                        return Some(subscribe);
                    }
                }
            }
            if !self.members.is_empty() {
                return Some(subscribe);
            }
        }
        None
    }

    /// Appends the message chosen and counts it as sent.
    pub fn put(&mut self, now: UnixNanos, out: &mut Vec<u8>, data: &mut MarketData) {
        let repeated = self.pending.is_some();
        let first = self.members.first().and_then(|(place, stream)| Some((self.items.get(*place)?, *stream)));
        let subscribe = match self.pending {
            Some(pending) => pending.subscribe,
            None => first.is_some_and(|(item, stream)| !item.asked.contains(stream)),
        };
        self.id = self.id.saturating_add(1);
        let give_up = now.plus_ms(self.ack_grace_ms);
        self.pending = Some(Pending { id: self.id, subscribe, give_up, repeated });
        self.next_send = now.plus_ms(limits::MESSAGE_GAP_MS);
        out.extend_from_slice(if subscribe {
            b"{\"method\":\"SUBSCRIBE\",\"params\":["
        } else {
            b"{\"method\":\"UNSUBSCRIBE\",\"params\":["
        });
        for (at, (place, stream)) in self.members.iter().enumerate() {
            let Some(item) = self.items.get_mut(*place) else { continue };
            let Some(product) = data.products.get(item.index) else { continue };
            out.extend_from_slice(if at > 0 { b",\"" } else { b"\"" });
            out.extend_from_slice(product.stream.as_bytes());
            out.push(b'@');
            out.extend_from_slice(stream.suffix().as_bytes());
            out.push(b'"');
            if repeated {
                continue;
            }
            if subscribe {
                item.asked = item.asked.with(*stream);
            }
            if *stream == Streams::DIFFS {
                if subscribe {
                    data.diffs_asked(item.index);
                } else {
                    data.diffs_end(item.index);
                }
            }
        }
        out.extend_from_slice(b"],\"id\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.id).as_bytes());
        out.push(b'}');
    }

    /// The venue did what the message with this id asked.
    pub fn done(&mut self, now: UnixNanos, id: u64, data: &mut MarketData, facts: &mut impl Facts) {
        let Some(pending) = self.pending.filter(|pending| pending.id == id) else { return };
        self.pending = None;
        for (place, stream) in &self.members {
            let Some(item) = self.items.get_mut(*place) else { continue };
            if !pending.subscribe {
                (item.asked, item.confirmed) = (item.asked.without(*stream), item.confirmed.without(*stream));
                continue;
            }
            item.confirmed = item.confirmed.with(*stream);
            (item.alone, item.refused) = (item.alone.without(*stream), item.refused.without(*stream));
            item.tries = 0;
            if *stream == Streams::DIFFS {
                data.diffs_flow(item.index, now);
            }
            facts.stream(StreamFact::Subscribed(stream.channel(), item.instrument));
        }
    }

    /// The venue refused a message; without an id it is the pending one.
    pub fn refused(&mut self, now: UnixNanos, id: Option<u64>, data: &mut MarketData, facts: &mut impl Facts) {
        let Some(pending) = self.pending.filter(|pending| id.is_none_or(|id| id == pending.id)) else { return };
        if !pending.subscribe {
            // What is not there cannot be given up twice.
            return self.done(now, pending.id, data, facts);
        }
        self.pending = None;
        let alone = self.members.len() == 1;
        for (place, stream) in &self.members {
            let Some(item) = self.items.get_mut(*place) else { continue };
            item.asked = item.asked.without(*stream);
            if *stream == Streams::DIFFS {
                data.diffs_end(item.index);
            }
            item.alone = item.alone.with(*stream);
            if alone {
                item.tries = item.tries.saturating_add(1);
                item.refused = item.refused.with(*stream);
                item.retry_at = now.plus_ms(pause_ms(item.tries));
                let subscription = Subscription { channel: stream.channel(), difference: Difference::Refused };
                facts.stream(StreamFact::NotAsAsked(item.instrument, subscription));
            }
        }
    }

    /// Waiting times that are over. True: the pending message is to be sent again by [`Subscriptions::put`].
    ///
    /// # Errors
    /// The connection does not work.
    pub fn expire(&mut self, now: UnixNanos) -> Result<bool, &'static str> {
        match self.pending {
            Some(pending) if now >= pending.give_up && pending.repeated => Err("a subscription without answer"),
            Some(pending) => Ok(now >= pending.give_up),
            None => Ok(false),
        }
    }

    /// When there will be something to do.
    pub fn deadline(&mut self, now: UnixNanos) -> UnixNanos {
        if let Some(pending) = self.pending {
            return pending.give_up;
        }
        if self.gather(now).is_some() {
            return self.next_send.max(UnixNanos(1));
        }
        let retries = self.items.iter().filter(|i| !i.wanted.and(i.refused).is_empty()).map(|i| i.retry_at);
        retries.min().unwrap_or(UnixNanos::MAX)
    }

    /// Whether everything wanted is confirmed or was refused, and nothing else is subscribed.
    pub fn settled(&self) -> bool {
        let settled = |item: &Item| {
            item.wanted.without(item.refused).without(item.confirmed).is_empty()
                && item.asked.without(item.wanted).is_empty()
        };
        self.pending.is_none() && self.items.iter().all(settled)
    }

    /// Whether something is wanted of the instrument, and all of it is confirmed.
    pub fn carries_whole(&self, instrument: InstrumentId) -> bool {
        let item = self.items.iter().find(|item| item.instrument == instrument);
        item.is_some_and(|item| !item.wanted.is_empty() && item.confirmed.contains(item.wanted))
    }

    /// Indices of the symbols whose book this connection carries.
    pub fn books(&self) -> impl Iterator<Item = InstrumentId> + '_ {
        self.items.iter().filter(|item| item.asked.contains(Streams::DIFFS)).map(|item| item.instrument)
    }
}

/// The pause before the `tries`-th repetition, from 1.
fn pause_ms(tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1).min(20);
    limits::RETRY_MS_MIN.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(limits::RETRY_MS_MAX)
}
