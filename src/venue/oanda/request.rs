//! What we ask of the REST API: paths, queries and bodies (OANDA reference 3 to 5).
//!
//! Owns their writing into buffers the caller keeps, out of exact decimals. Guarantees that every number goes out as the
//! text of its exact value, that no text breaks out of its string or path, and nothing else: whether an order fits its
//! instrument is [`check`](check::check)'s to say, before anything is written. Never sends.

use crate::codec::http1::Method;
use crate::codec::text::{put_json_string, put_percent_encoded};
use crate::codec::timestamp::format_rfc3339_ns;
use crate::record::{Fixed, UnixNanos};

pub mod check;
mod intent;
mod order;
mod query;

pub use intent::{check_terms, entry_order, replacement, Unsupported};
pub use order::{
    ByDistance, CloseUnits, EntryKind, EntryOrder, Exit, ExitKind, ExitOrder, Expiry, Labels, OnFill, PositionFill,
    StopLevel, TakeProfitAt, TriggerPrice,
};
pub use query::{Query, StateFilter};

use super::auth::AccountId;

/// An order by either of its names. A client id finds pending orders only (OANDA reference 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSpecifier<'a> {
    /// The venue's id.
    Id(&'a str),
    /// The client's id: `@` and the id on the wire.
    Client(&'a str),
}

/// A trade by either of its names.
pub type TradeSpecifier<'a> = OrderSpecifier<'a>;

impl OrderSpecifier<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            OrderSpecifier::Id(id) => put_percent_encoded(out, id),
            OrderSpecifier::Client(id) => {
                // A literal `@` is what was recorded (OANDA reference 3).
                out.push(b'@');
                put_percent_encoded(out, id);
            }
        }
    }
}

/// What is to become of one exit of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// It stays as it is: absent on the wire.
    #[default]
    Leave,
    /// It is cancelled: `null` on the wire.
    Cancel,
    /// It is placed, or replaced by this.
    Set(T),
}

/// The exits of one trade, changed together (OANDA reference 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TradeExits<'a> {
    /// Its take-profit order.
    pub take_profit: Change<Exit<'a, TakeProfitAt>>,
    /// Its stop-loss order.
    pub stop_loss: Change<Exit<'a, StopLevel>>,
    /// Its trailing stop.
    pub trailing_stop: Change<Exit<'a, ByDistance>>,
    /// Its guaranteed stop.
    pub guaranteed_stop: Change<Exit<'a, StopLevel>>,
}

/// A request that changes something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command<'a> {
    /// A new order.
    Place(&'a EntryOrder<'a>),
    /// A new order that closes a trade.
    PlaceExit(&'a ExitOrder<'a>),
    /// Cancels an order and creates another in one go; there is no amend (OANDA reference 4).
    Replace(OrderSpecifier<'a>, &'a EntryOrder<'a>),
    /// The same for an exit.
    ReplaceExit(OrderSpecifier<'a>, &'a ExitOrder<'a>),
    /// Cancels an order.
    Cancel(OrderSpecifier<'a>),
    /// Gives an order other labels; of the trade it will open, too.
    LabelOrder(OrderSpecifier<'a>, Labels<'a>, Labels<'a>),
    /// Gives a trade other labels.
    LabelTrade(TradeSpecifier<'a>, Labels<'a>),
    /// Places, changes and cancels the exits of a trade.
    ChangeExits(TradeSpecifier<'a>, &'a TradeExits<'a>),
    /// Closes a trade, wholly or in part.
    CloseTrade(TradeSpecifier<'a>, CloseUnits),
    /// Closes a position, each side wholly, in part or not at all.
    ClosePosition {
        /// Which.
        instrument: &'a str,
        /// Of the long side.
        long: CloseUnits,
        /// Of the short side.
        short: CloseUnits,
        /// Labels of the orders that close.
        labels: Labels<'a>,
    },
    /// Sets the margin rate of the account.
    Configure {
        /// Such as 0.05.
        margin_rate: Fixed,
    },
}

impl Command<'_> {
    /// Its method.
    pub const fn method(&self) -> Method {
        match self {
            Command::Place(_) | Command::PlaceExit(_) => Method::Post,
            Command::Configure { .. } => Method::Patch,
            _ => Method::Put,
        }
    }

    /// Appends its path.
    pub fn put_target(&self, out: &mut Vec<u8>, account: &AccountId) {
        put_account(out, account);
        let mut path = |before: &[u8], specifier: &OrderSpecifier<'_>, after: &[u8]| {
            out.extend_from_slice(before);
            specifier.put(out);
            out.extend_from_slice(after);
        };
        match self {
            Command::Place(_) | Command::PlaceExit(_) => out.extend_from_slice(b"/orders"),
            Command::Replace(order, _) | Command::ReplaceExit(order, _) => path(b"/orders/", order, b""),
            Command::Cancel(order) => path(b"/orders/", order, b"/cancel"),
            Command::LabelOrder(order, ..) => path(b"/orders/", order, b"/clientExtensions"),
            Command::LabelTrade(trade, _) => path(b"/trades/", trade, b"/clientExtensions"),
            Command::ChangeExits(trade, _) => path(b"/trades/", trade, b"/orders"),
            Command::CloseTrade(trade, _) => path(b"/trades/", trade, b"/close"),
            Command::ClosePosition { instrument, .. } => {
                path(b"/positions/", &OrderSpecifier::Id(instrument), b"/close")
            }
            Command::Configure { .. } => out.extend_from_slice(b"/configuration"),
        }
    }

    /// Appends its body; nothing for a cancel.
    pub fn put_body(&self, out: &mut Vec<u8>) {
        match *self {
            Command::Place(order) | Command::Replace(_, order) => envelope(out, |out| order.put(out)),
            Command::PlaceExit(order) | Command::ReplaceExit(_, order) => envelope(out, |out| order.put(out)),
            Command::Cancel(_) => {}
            Command::LabelOrder(_, labels, trade) => {
                let mut body = Object::new(out);
                body.labels("clientExtensions", &labels);
                body.labels("tradeClientExtensions", &trade);
                body.end();
            }
            Command::LabelTrade(_, labels) => {
                let mut body = Object::new(out);
                body.labels("clientExtensions", &labels);
                body.end();
            }
            Command::ChangeExits(_, exits) => exits.put(out),
            Command::CloseTrade(_, units) => {
                let mut body = Object::new(out);
                units.put(&mut body, "units");
                body.end();
            }
            Command::ClosePosition { long, short, labels, .. } => {
                let mut body = Object::new(out);
                // An omitted side means ALL, and ALL of nothing is an error (OANDA reference 5): both are said.
                long.put(&mut body, "longUnits");
                short.put(&mut body, "shortUnits");
                for (key, units) in [("longClientExtensions", long), ("shortClientExtensions", short)] {
                    if units != CloseUnits::None {
                        body.labels(key, &labels);
                    }
                }
                body.end();
            }
            Command::Configure { margin_rate } => {
                let mut body = Object::new(out);
                body.decimal("marginRate", margin_rate);
                body.end();
            }
        }
    }
}

impl TradeExits<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        let mut body = Object::new(out);
        body.change("takeProfit", &self.take_profit);
        body.change("stopLoss", &self.stop_loss);
        body.change("trailingStopLoss", &self.trailing_stop);
        body.change("guaranteedStopLoss", &self.guaranteed_stop);
        body.end();
    }
}

/// Path and query of a stream (OANDA reference 6, 7).
pub fn put_pricing_stream_target<'a>(
    out: &mut Vec<u8>,
    account: &AccountId,
    instruments: impl IntoIterator<Item = &'a str>,
) {
    put_account(out, account);
    out.extend_from_slice(b"/pricing/stream?instruments=");
    put_list(out, instruments);
}

/// Path of the transaction stream.
pub fn put_transaction_stream_target(out: &mut Vec<u8>, account: &AccountId) {
    put_account(out, account);
    out.extend_from_slice(b"/transactions/stream");
}

const ACCOUNTS_PATH: &[u8] = b"/v3/accounts";

fn put_account(out: &mut Vec<u8>, account: &AccountId) {
    out.extend_from_slice(ACCOUNTS_PATH);
    out.push(b'/');
    out.extend_from_slice(account.as_str().as_bytes());
}

/// Names with percent-encoded commas between them, as in the official examples (OANDA reference 3).
fn put_list<'a>(out: &mut Vec<u8>, names: impl IntoIterator<Item = &'a str>) {
    for (place, name) in names.into_iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b"%2C");
        }
        put_percent_encoded(out, name);
    }
}

fn envelope(out: &mut Vec<u8>, order: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"order\":");
    order(out);
    out.push(b'}');
}

/// A JSON object being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    fn new(out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { out, first: true }
    }

    fn end(self) {
        self.out.push(b'}');
    }

    /// Keys are ours and need no escaping.
    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(if std::mem::replace(&mut self.first, false) { b"\"" } else { b",\"" });
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        put_json_string(self.out, value);
    }

    fn decimal(&mut self, key: &str, value: Fixed) {
        self.key(key);
        self.out.push(b'"');
        crate::codec::text::put_decimal(self.out, value.mantissa(), value.exponent());
        self.out.push(b'"');
    }

    fn time(&mut self, key: &str, time: UnixNanos) {
        self.key(key);
        self.out.push(b'"');
        format_rfc3339_ns(time.0, self.out);
        self.out.push(b'"');
    }

    fn labels(&mut self, key: &str, labels: &Labels<'_>) {
        if labels.is_empty() {
            return;
        }
        self.key(key);
        let mut inner = Object::new(self.out);
        for (key, label) in [("id", labels.id), ("tag", labels.tag), ("comment", labels.comment)] {
            if let Some(label) = label {
                inner.text(key, label);
            }
        }
        inner.end();
    }

    fn change<L: order::Level>(&mut self, key: &str, change: &Change<Exit<'_, L>>) {
        match change {
            Change::Leave => {}
            Change::Cancel => {
                self.key(key);
                self.out.extend_from_slice(b"null");
            }
            Change::Set(exit) => self.exit(key, exit),
        }
    }

    fn level(&mut self, level: &impl order::Level) {
        level.each(|key, value| self.decimal(key, value));
    }

    fn exit<L: order::Level>(&mut self, key: &str, exit: &Exit<'_, L>) {
        self.key(key);
        let mut inner = Object::new(self.out);
        inner.level(&exit.level);
        exit.expiry.put(&mut inner);
        inner.labels("clientExtensions", &exit.labels);
        inner.end();
    }
}

#[cfg(test)]
mod tests;
