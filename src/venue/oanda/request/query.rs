//! Questions to the REST API: nothing changes by them, and they may be repeated (OANDA reference 3).

use super::{put_account, put_list, OrderSpecifier, TradeSpecifier, ACCOUNTS_PATH};
use crate::codec::text::put_percent_encoded;
use crate::codec::timestamp::format_rfc3339_ns;
use crate::record::UnixNanos;
use crate::venue::oanda::auth::AccountId;

/// Which orders or trades to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StateFilter {
    /// What the venue lists unasked: pending orders, open trades.
    #[default]
    Live,
    /// Everything that ever was.
    All,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query<'a> {
    /// The accounts of the token.
    Accounts,
    /// The account with its orders, trades and positions.
    Account,
    /// The account's figures.
    Summary,
    /// The account's instruments: all, or these.
    Instruments {
        /// Empty: all.
        names: &'a [&'a str],
    },
    /// What changed since a transaction.
    Changes {
        /// Exclusive.
        since: u64,
    },
    /// All pending orders, on one page.
    PendingOrders,
    /// Orders, newest first.
    Orders {
        /// Which.
        state: StateFilter,
        /// Only of this instrument.
        instrument: Option<&'a str>,
        /// How many at most, to 500.
        count: u32,
        /// Only with ids below this one.
        before: Option<&'a str>,
    },
    /// One order.
    Order(OrderSpecifier<'a>),
    /// Trades, newest first.
    Trades {
        /// Which.
        state: StateFilter,
        /// Only of this instrument.
        instrument: Option<&'a str>,
        /// How many at most, to 500.
        count: u32,
        /// Only with ids below this one.
        before: Option<&'a str>,
    },
    /// All open trades, on one page.
    OpenTrades,
    /// One trade.
    Trade(TradeSpecifier<'a>),
    /// Every position ever held.
    Positions,
    /// Positions that are not flat.
    OpenPositions,
    /// One position.
    Position {
        /// Whose.
        instrument: &'a str,
    },
    /// Pages of transactions between two times; their rows are asked for page by page.
    TransactionPages {
        /// From when; the venue's own default is not the documented one (OANDA reference 3).
        from: UnixNanos,
        /// Until when; now if `NONE`.
        to: UnixNanos,
        /// Rows of a page, to 1000.
        page_size: u32,
    },
    /// One transaction.
    Transaction {
        /// Which.
        id: u64,
    },
    /// Transactions between two ids.
    TransactionRange {
        /// Inclusive.
        from: u64,
        /// Inclusive.
        to: u64,
    },
    /// Transactions after an id: what recovers an order of unknown outcome, and closes a gap.
    TransactionsSince {
        /// Exclusive.
        id: u64,
    },
    /// Prices.
    Pricing {
        /// Whose.
        instruments: &'a [&'a str],
        /// Only those newer than this; all if `NONE`.
        since: UnixNanos,
        /// With the rates to the account's currency.
        home_conversions: bool,
    },
    /// Candles.
    Candles {
        /// Whose.
        instrument: &'a str,
        /// Such as `M1`, the venue's own name.
        granularity: &'a str,
        /// `M`, `B`, `A` or several of them.
        price: &'a str,
        /// How many at most, to 5000.
        count: u32,
    },
}

impl Query<'_> {
    /// Appends path and query.
    pub fn put_target(&self, out: &mut Vec<u8>, account: &AccountId) {
        match self {
            Query::Accounts => return out.extend_from_slice(ACCOUNTS_PATH),
            Query::Candles { instrument, .. } => {
                out.extend_from_slice(b"/v3/instruments/");
                put_percent_encoded(out, instrument);
            }
            _ => put_account(out, account),
        }
        out.extend_from_slice(self.path());
        match self {
            Query::Order(specifier) | Query::Trade(specifier) => specifier.put(out),
            Query::Position { instrument } => put_percent_encoded(out, instrument),
            Query::Transaction { id } => out.extend_from_slice(itoa::Buffer::new().format(*id).as_bytes()),
            _ => {}
        }
        let mut query = Parameters { out, first: true };
        match *self {
            Query::Instruments { names } if !names.is_empty() => query.list("instruments", names),
            Query::Changes { since } => query.number("sinceTransactionID", since),
            Query::Orders { state, instrument, count, before } | Query::Trades { state, instrument, count, before } => {
                if state == StateFilter::All {
                    query.text("state", "ALL");
                }
                query.some("instrument", instrument);
                query.number("count", u64::from(count));
                query.some("beforeID", before);
            }
            Query::TransactionPages { from, to, page_size } => {
                query.time("from", from);
                query.time("to", to);
                query.number("pageSize", u64::from(page_size));
            }
            Query::TransactionRange { from, to } => {
                query.number("from", from);
                query.number("to", to);
            }
            Query::TransactionsSince { id } => query.number("id", id),
            Query::Pricing { instruments, since, home_conversions } => {
                query.list("instruments", instruments);
                query.time("since", since);
                if home_conversions {
                    query.text("includeHomeConversions", "true");
                }
            }
            Query::Candles { granularity, price, count, .. } => {
                query.text("price", price);
                query.text("granularity", granularity);
                query.number("count", u64::from(count));
            }
            _ => {}
        }
    }

    const fn path(&self) -> &'static [u8] {
        match self {
            Query::Accounts | Query::Account => b"",
            Query::Summary => b"/summary",
            Query::Instruments { .. } => b"/instruments",
            Query::Changes { .. } => b"/changes",
            Query::PendingOrders => b"/pendingOrders",
            Query::Orders { .. } => b"/orders",
            Query::Order(_) => b"/orders/",
            Query::Trades { .. } => b"/trades",
            Query::OpenTrades => b"/openTrades",
            Query::Trade(_) => b"/trades/",
            Query::Positions => b"/positions",
            Query::OpenPositions => b"/openPositions",
            Query::Position { .. } => b"/positions/",
            Query::TransactionPages { .. } => b"/transactions",
            Query::Transaction { .. } => b"/transactions/",
            Query::TransactionRange { .. } => b"/transactions/idrange",
            Query::TransactionsSince { .. } => b"/transactions/sinceid",
            Query::Pricing { .. } => b"/pricing",
            Query::Candles { .. } => b"/candles",
        }
    }
}

/// The query being written.
struct Parameters<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Parameters<'_> {
    fn key(&mut self, key: &str) {
        self.out.push(if std::mem::replace(&mut self.first, false) { b'?' } else { b'&' });
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        put_percent_encoded(self.out, value);
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        self.text(key, itoa::Buffer::new().format(value));
    }

    fn list(&mut self, key: &str, names: &[&str]) {
        self.key(key);
        put_list(self.out, names.iter().copied());
    }

    fn time(&mut self, key: &str, time: UnixNanos) {
        if time.is_some() {
            self.key(key);
            // Colons may stand in a query as they are (RFC 3986 section 3.4).
            format_rfc3339_ns(time.0, self.out);
        }
    }
}
