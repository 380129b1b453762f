//! Records as text: one line a person reads, or one JSON object a program reads.
//! The kinds of JSON lines and their members are listed in `stream --help`.

use crate::gateway::Directory;
use crate::record::{Candle, Fixed, Flags, InstrumentId, MarketRecord, StatisticsRecord, StatisticsView, Ticker, View};
use serde::Serialize;

/// One record as JSON; what does not apply is absent. Decimals are canonical text, sizes of levels absolute, the side of
/// a trade is the aggressor's.
#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    venue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instrument: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_24h: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_24h: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_24h: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_24h_percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_side: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    sequence: u64,
    venue_ns: u64,
    recv_ns: u64,
    flags: Vec<&'static str>,
}

impl Line {
    /// A market record; pulses, which handles never show, have no line.
    pub(super) fn of_market(record: &MarketRecord, directory: &Directory) -> Option<Line> {
        let mut line = Line {
            sequence: record.sequence(),
            venue_ns: record.venue_time().0,
            recv_ns: record.recv().0,
            ..Line::about(record.instrument(), record.flags(), directory)
        };
        match record.view() {
            View::Quote(quote) => {
                line.kind = "quote";
                (line.bid, line.bid_size) = (text(quote.bid), text(quote.bid_size));
                (line.ask, line.ask_size) = (text(quote.ask), text(quote.ask_size));
            }
            View::Trade(trade) => {
                line.kind = "trade";
                line.side = Some(trade.side.name());
                (line.price, line.size) = (text(trade.price), text(trade.size));
                line.trade_id = (trade.trade_id != 0).then_some(trade.trade_id);
            }
            View::Level(level) => {
                line.kind = "level";
                line.side = Some(level.side.name());
                (line.price, line.size) = (text(level.price), text(level.size));
            }
            View::Status(status) => {
                line.kind = "status";
                line.status = Some(format!("{:?}", status.status).to_lowercase());
                (line.tick, line.lot) = (text(status.tick), text(status.lot));
            }
            View::Gap(gap) => {
                line.kind = "gap";
                line.cause = Some(snake_case(&format!("{:?}", gap.cause)));
                (line.recovered, line.lost) = (Some(gap.recovered), Some(gap.lost));
            }
            View::State(state) => {
                line.kind = "state";
                line.venue = state.venue.name().to_owned();
                (line.role, line.state) = (Some(state.role.name()), Some(state.state.name()));
            }
            View::Subscription(subscription) => {
                line.kind = "subscription";
                line.channel = Some(subscription.channel.name());
                line.difference = Some(subscription.difference.name());
            }
            View::Pulse(_) => return None,
        }
        Some(line)
    }

    /// A statistics record.
    pub(super) fn of_statistics(record: &StatisticsRecord, directory: &Directory) -> Line {
        let line = Line {
            sequence: record.sequence(),
            venue_ns: record.venue_time().0,
            recv_ns: record.recv().0,
            ..Line::about(record.instrument(), record.flags(), directory)
        };
        match record.view() {
            StatisticsView::Ticker(ticker) => Line { kind: "ticker", ..line }.with_ticker(&ticker),
            StatisticsView::TickerBatch(ticker) => Line { kind: "ticker_batch", ..line }.with_ticker(&ticker),
            StatisticsView::Candle(candle) => Line { kind: "candle", ..line }.with_candle(&candle),
            // Of an account; this prints public data and asks for none.
            StatisticsView::FuturesBalance(_) => Line { kind: "futures_balance", ..line },
            StatisticsView::FuturesMargin(_) => Line { kind: "futures_margin", ..line },
        }
    }

    fn with_ticker(self, ticker: &Ticker) -> Line {
        let decimal = |value: Option<Fixed>| value.map(|v| v.to_string());
        Line {
            price: decimal(ticker.price),
            bid: decimal(ticker.bid),
            bid_size: decimal(ticker.bid_size),
            ask: decimal(ticker.ask),
            ask_size: decimal(ticker.ask_size),
            volume_24h: decimal(ticker.volume_24h),
            low_24h: decimal(ticker.low_24h),
            high_24h: decimal(ticker.high_24h),
            change_24h_percent: decimal(ticker.change_24h_percent),
            last_side: ticker.last_side.map(|side| side.name()),
            ..self
        }
    }

    fn with_candle(self, candle: &Candle) -> Line {
        Line {
            start_ns: Some(candle.start.0),
            interval_s: Some(candle.interval_s),
            open: text(candle.open),
            high: text(candle.high),
            low: text(candle.low),
            close: text(candle.close),
            volume: text(candle.volume),
            ..self
        }
    }

    fn about(instrument: InstrumentId, flags: Flags, directory: &Directory) -> Line {
        let known = directory.instrument(instrument);
        Line {
            venue: known.as_ref().map(|i| i.listing.venue.name().to_owned()).unwrap_or_default(),
            instrument: known.map(|i| i.symbol().to_owned()),
            flags: flags.names().collect(),
            ..Line::default()
        }
    }

    /// The JSON object, without a line end.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One line for people.
    pub(super) fn human(&self) -> String {
        let instrument = self.instrument.as_deref().unwrap_or(&self.venue);
        let mut line = format!("{instrument:<10} {:<7}", self.kind);
        let fields = [
            ("", self.side.map(str::to_owned)),
            ("", self.price.clone()),
            ("x ", self.size.clone()),
            ("bid ", self.bid.clone()),
            ("x ", self.bid_size.clone()),
            ("ask ", self.ask.clone()),
            ("x ", self.ask_size.clone()),
            ("24h volume ", self.volume_24h.clone()),
            ("open ", self.open.clone()),
            ("high ", self.high.clone()),
            ("low ", self.low.clone()),
            ("close ", self.close.clone()),
            ("volume ", self.volume.clone()),
            ("", self.status.clone()),
            ("tick ", self.tick.clone()),
            ("lot ", self.lot.clone()),
            ("", self.channel.map(str::to_owned)),
            ("", self.difference.map(str::to_owned)),
            ("", self.cause.clone()),
            ("", self.recovered.map(|r| if r { "recovered" } else { "open" }.to_owned())),
            ("lost ", self.lost.filter(|l| *l > 0).map(|l| l.to_string())),
            ("", self.role.map(str::to_owned)),
            ("", self.state.map(str::to_owned)),
        ];
        for (label, value) in fields {
            if let Some(value) = value {
                line.push_str(&format!(" {label}{value}"));
            }
        }
        if !self.flags.is_empty() {
            line.push_str(&format!("  [{}]", self.flags.join(" ")));
        }
        line
    }
}

fn text(value: Fixed) -> Option<String> {
    Some(value.to_string())
}

/// `ConsumerFull` as `consumer_full`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (i, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        BookSide, Difference, Gap, GapCause, Head, Side, Stamp, SubscribedChannel, Subscription, UnixNanos,
    };

    const STAMP: Stamp = Stamp { recv: UnixNanos(7), venue: UnixNanos(6), sequence: 5 };

    fn head(flags: Flags) -> Head {
        Head { stamp: STAMP, instrument: InstrumentId(0), exponents: (-8, -8), flags }
    }

    fn json(record: &MarketRecord) -> String {
        Line::of_market(record, &Directory::of_one_for_tests("BTC-USD")).unwrap().json()
    }

    #[test]
    fn a_trade_is_one_line_with_canonical_decimals() {
        let record = MarketRecord::trade(head(Flags::LAST), Side::Buy, 8_327_726_000_000, 58_346, 11);
        assert_eq!(
            json(&record),
            r#"{"venue":"coinbase","instrument":"BTC-USD","kind":"trade","side":"buy","price":"83277.26","size":"0.00058346","trade_id":11,"sequence":5,"venue_ns":6,"recv_ns":7,"flags":["LAST"]}"#
        );
    }

    #[test]
    fn a_removed_level_has_size_zero() {
        let record = MarketRecord::level(head(Flags::NONE), BookSide::Ask, 100_000_000, 0);
        assert_eq!(
            json(&record),
            r#"{"venue":"coinbase","instrument":"BTC-USD","kind":"level","side":"ask","price":"1","size":"0","sequence":5,"venue_ns":6,"recv_ns":7,"flags":[]}"#
        );
    }

    #[test]
    fn a_candle_is_one_line_with_its_start_and_length() {
        let figure = |text| Fixed::parse(text).unwrap();
        let candle = Candle {
            start: UnixNanos(1_793_613_600_000_000_000),
            interval_s: 300,
            open: figure("83000"),
            high: figure("83012.5"),
            low: figure("82990"),
            close: figure("83012"),
            volume: figure("12.6"),
        };
        let record = StatisticsRecord::candle(STAMP.recv, STAMP.venue, 5, InstrumentId(0), Flags::LAST, candle);
        assert_eq!(
            Line::of_statistics(&record, &Directory::of_one_for_tests("BTC-USD")).json(),
            r#"{"venue":"coinbase","instrument":"BTC-USD","kind":"candle","start_ns":1793613600000000000,"interval_s":300,"open":"83000","high":"83012.5","low":"82990","close":"83012","volume":"12.6","sequence":5,"venue_ns":6,"recv_ns":7,"flags":["LAST"]}"#
        );
    }

    #[test]
    fn a_subscription_not_served_as_asked_names_channel_and_difference() {
        let subscription = Subscription { channel: SubscribedChannel::Candles, difference: Difference::Missing };
        let line = json(&MarketRecord::subscription(STAMP, InstrumentId(0), subscription));
        assert!(line.contains(r#""kind":"subscription","channel":"candles","difference":"missing""#), "{line}");
    }

    #[test]
    fn a_gap_says_why_and_how_much() {
        let gap = Gap { cause: GapCause::ConsumerFull, recovered: false, lost: 9 };
        let line = json(&MarketRecord::gap(STAMP, InstrumentId(0), gap));
        assert!(line.contains(r#""kind":"gap","cause":"consumer_full","recovered":false,"lost":9"#), "{line}");
    }
}
