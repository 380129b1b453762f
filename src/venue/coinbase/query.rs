//! The questions the REST API answers in rows the engine lives on, and those the gateway asks at start (Coinbase
//! reference 3.4 to 3.8).
//!
//! Owns their targets. Writing one allocates nothing once its buffer has grown. What only cold callers ask is in
//! [`super::cold`].

use super::request::{TokenPath, PUBLIC_PRODUCTS_PATH, TIME_PATH};
pub(super) use crate::codec::text::put_percent_encoded;
use crate::codec::timestamp::format_rfc3339_us;
use crate::record::{UnixNanos, VenueOrderId};

/// A question.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Query<'a> {
    /// Orders by their ids.
    OrdersById {
        /// The venue's ids.
        ids: &'a [VenueOrderId],
    },
    /// Open orders, not the pending ones (Coinbase reference 3.4).
    OpenOrders {
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// All orders of a product since a time, whatever their state.
    OrdersSince {
        /// The venue's name; all if `None`.
        product: Option<&'a str>,
        /// Created at or after; not restricted if none.
        since: UnixNanos,
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// Fills, of these orders if any are named.
    Fills {
        /// The venue's ids; empty for all.
        ids: &'a [VenueOrderId],
        /// The venue's name; all if `None`.
        product: Option<&'a str>,
        /// Sequenced at or after; not restricted if none.
        since: UnixNanos,
        /// Rows per page.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// Accounts with their balances.
    Accounts {
        /// Rows per page, at most 250.
        limit: u32,
        /// Where the last page ended; empty for the first.
        cursor: &'a str,
    },
    /// All spot products, public.
    PublicProducts,
    /// One product, public.
    PublicProduct {
        /// The venue's name.
        id: &'a str,
    },
    /// All spot products as the account sees them.
    Products,
    /// Server time, public.
    Time,
    /// What the key may do.
    KeyPermissions,
    /// Fee tier.
    TransactionSummary,
}

impl Query<'_> {
    /// The token it needs; `None` if it is public.
    pub const fn token_path(&self) -> Option<TokenPath> {
        match self {
            Query::OrdersById { .. } | Query::OpenOrders { .. } | Query::OrdersSince { .. } => {
                Some(TokenPath::ListOrders)
            }
            Query::Fills { .. } => Some(TokenPath::ListFills),
            Query::Accounts { .. } => Some(TokenPath::Accounts),
            Query::Products => Some(TokenPath::Products),
            Query::KeyPermissions => Some(TokenPath::KeyPermissions),
            Query::TransactionSummary => Some(TokenPath::TransactionSummary),
            Query::PublicProducts | Query::PublicProduct { .. } | Query::Time => None,
        }
    }

    /// Appends path and query.
    pub fn put_target(&self, out: &mut Vec<u8>) {
        if let Some(path) = self.token_path() {
            out.extend_from_slice(path.path().as_bytes());
        }
        let mut query = Parameters { out, first: true };
        match *self {
            Query::OrdersById { ids } => query.ids(ids),
            Query::OpenOrders { limit, cursor } => {
                query.text("order_status", "OPEN");
                query.page(limit, cursor);
            }
            Query::OrdersSince { product, since, limit, cursor } => {
                query.some("product_ids", product);
                query.time("start_date", since);
                query.page(limit, cursor);
            }
            Query::Fills { ids, product, since, limit, cursor } => {
                query.ids(ids);
                query.some("product_ids", product);
                query.time("start_sequence_timestamp", since);
                query.page(limit, cursor);
            }
            Query::Accounts { limit, cursor } => query.page(limit, cursor),
            Query::Products => {
                query.text("product_type", "SPOT");
                // Fills `view_only` (Coinbase reference 3.7).
                query.text("get_tradability_status", "true");
            }
            Query::PublicProducts => {
                query.out.extend_from_slice(PUBLIC_PRODUCTS_PATH.as_bytes());
                query.text("product_type", "SPOT");
            }
            Query::PublicProduct { id } => {
                query.out.extend_from_slice(PUBLIC_PRODUCTS_PATH.as_bytes());
                query.out.push(b'/');
                put_percent_encoded(query.out, id);
            }
            Query::Time => query.out.extend_from_slice(TIME_PATH.as_bytes()),
            Query::KeyPermissions | Query::TransactionSummary => {}
        }
    }
}

/// The query being written.
pub(super) struct Parameters<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) first: bool,
}

impl Parameters<'_> {
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.out.push(if std::mem::replace(&mut self.first, false) { b'?' } else { b'&' });
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        put_percent_encoded(self.out, value);
    }

    pub(super) fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A key is repeated for each element (Coinbase reference 3.4).
    pub(super) fn ids(&mut self, ids: &[VenueOrderId]) {
        for id in ids {
            self.text("order_ids", id.as_str());
        }
    }

    pub(super) fn time(&mut self, key: &str, time: UnixNanos) {
        if time.is_some() {
            self.text(key, "");
            format_rfc3339_us(time.0, self.out);
        }
    }

    pub(super) fn page(&mut self, limit: u32, cursor: &str) {
        self.text("limit", itoa::Buffer::new().format(limit));
        if !cursor.is_empty() {
            self.text("cursor", cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_their_targets() {
        let target = |query: Query<'_>| {
            let mut out = Vec::new();
            query.put_target(&mut out);
            String::from_utf8(out).unwrap()
        };
        let ids = [VenueOrderId::new("a").unwrap(), VenueOrderId::new("b").unwrap()];
        assert_eq!(
            target(Query::OrdersById { ids: &ids }),
            "/api/v3/brokerage/orders/historical/batch?order_ids=a&order_ids=b"
        );
        assert_eq!(
            target(Query::OpenOrders { limit: 100, cursor: "a+/=" }),
            "/api/v3/brokerage/orders/historical/batch?order_status=OPEN&limit=100&cursor=a%2B%2F%3D"
        );
        let since = UnixNanos(1_790_735_849_298_765_000);
        assert_eq!(
            target(Query::Fills { ids: &[], product: Some("BTC-USD"), since, limit: 50, cursor: "" }),
            "/api/v3/brokerage/orders/historical/fills?product_ids=BTC-USD&start_sequence_timestamp=2026-09-30T02:37:29.298765Z&limit=50"
        );
        assert_eq!(
            target(Query::OrdersSince { product: None, since: UnixNanos::NONE, limit: 1, cursor: "" }),
            "/api/v3/brokerage/orders/historical/batch?limit=1"
        );
        assert_eq!(target(Query::Time), "/api/v3/brokerage/time");
        assert_eq!(target(Query::PublicProduct { id: "BTC-USD" }), "/api/v3/brokerage/market/products/BTC-USD");
        assert_eq!(target(Query::PublicProducts), "/api/v3/brokerage/market/products?product_type=SPOT");
        assert_eq!(target(Query::KeyPermissions), "/api/v3/brokerage/key_permissions");
    }
}
