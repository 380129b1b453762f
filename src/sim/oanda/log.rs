//! The transaction log of the account: consecutive ids, batches, and what may be asked of it (OANDA reference 7).
//!
//! Nothing is ever changed or removed in it. Rejects are transactions too.

use super::config::Identity;
use crate::sim::stamp::rfc3339_full;
use crate::sim::Json;
use std::collections::BTreeSet;

/// One event that writes transactions together: a request, a trigger, an expiry.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) now_ns: u64,
    /// Id of the request that caused it; events of the venue's own have none.
    pub(crate) request: Option<u64>,
    /// Transactions written so far, in order; the first names the batch.
    pub(crate) ids: Vec<u64>,
}

impl Batch {
    pub(crate) fn new(now_ns: u64, request: Option<u64>) -> Self {
        Self { now_ns, request, ids: Vec::new() }
    }
}

/// What a transaction is about, for those who listen selectively.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// Client id of the order.
    pub(crate) client_order_id: Option<String>,
}

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) at_ns: u64,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) about: About,
}

/// The log.
#[derive(Debug)]
pub(crate) struct Log {
    identity: Identity,
    transactions: Vec<Transaction>,
}

impl Log {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, transactions: Vec::new() }
    }

    /// Id of the last transaction, 0 if there is none.
    pub(crate) fn last(&self) -> u64 {
        self.transactions.len() as u64
    }

    /// Id of the last transaction that is at least so old.
    pub(crate) fn last_before(&self, at_ns: u64) -> u64 {
        self.transactions.partition_point(|t| t.at_ns <= at_ns) as u64
    }

    /// Id the next transaction will have.
    pub(crate) fn next(&self) -> u64 {
        self.last() + 1
    }

    /// Writes a transaction; `fields` adds what its type has after `type`.
    pub(crate) fn write(&mut self, batch: &mut Batch, kind: &str, about: About, fields: impl FnOnce(&mut Json)) -> u64 {
        let id = self.next();
        let first = batch.ids.first().copied().unwrap_or(id);
        let text = Json::compact().object(|j| {
            j.str("id", id)
                .str("accountID", &self.identity.account)
                .raw("userID", self.identity.user)
                .str("batchID", first);
            if let Some(request) = batch.request {
                j.str("requestID", request);
            }
            j.str("time", rfc3339_full(batch.now_ns)).str("type", kind);
            fields(j);
        });
        batch.ids.push(id);
        self.transactions.push(Transaction { id, at_ns: batch.now_ns, kind: kind.to_owned(), text, about });
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Transaction> {
        self.transactions.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    /// The text of a transaction, `null` if there is none.
    pub(crate) fn text(&self, id: u64) -> &str {
        self.get(id).map_or("null", |t| &t.text)
    }

    /// Transactions of these ids, both included, that the filter lets through.
    pub(crate) fn range<'a>(&'a self, from: u64, to: u64, filter: &'a Filter) -> impl Iterator<Item = &'a Transaction> {
        let skip = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        self.transactions.iter().skip(skip).take_while(move |t| t.id <= to).filter(|t| filter.passes(&t.kind))
    }

    /// Transactions of a time range, both ends included.
    pub(crate) fn between<'a>(
        &'a self,
        from_ns: u64,
        to_ns: u64,
        filter: &'a Filter,
    ) -> impl Iterator<Item = &'a Transaction> {
        self.range(1, u64::MAX, filter).filter(move |t| (from_ns..=to_ns).contains(&t.at_ns))
    }
}

/// `type=` of a query: transaction types, or `ORDER`, `FUNDING`, `ADMIN` for groups of them.
#[derive(Debug, Default)]
pub(crate) struct Filter(BTreeSet<String>);

impl Filter {
    pub(crate) fn new(csv: &str) -> Self {
        Self(csv.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }

    fn passes(&self, kind: &str) -> bool {
        let order = kind.contains("ORDER");
        let funding = kind.starts_with("TRANSFER_FUNDS") || kind == "DAILY_FINANCING";
        self.0.is_empty()
            || self.0.contains(kind)
            || order && self.0.contains("ORDER")
            || funding && self.0.contains("FUNDING")
            || !order && !funding && self.0.contains("ADMIN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_consecutive_and_a_batch_is_named_by_its_first() {
        let mut log = Log::new(Identity::default());
        let mut batch = Batch::new(5, Some(77));
        for kind in ["MARKET_ORDER", "ORDER_FILL"] {
            log.write(&mut batch, kind, About::default(), |_| {});
        }
        log.write(&mut Batch::new(6, None), "CLIENT_CONFIGURE", About::default(), |_| {});
        let read = |id| serde_json::from_str::<serde_json::Value>(log.text(id)).unwrap();
        assert_eq!((&read(2)["batchID"], &read(2)["requestID"]), (&"1".into(), &"77".into()));
        assert_eq!((&read(3)["batchID"], read(3).get("requestID")), (&"3".into(), None));
        assert_eq!(log.text(4), "null");
        let ids = |csv| log.range(1, 9, &Filter::new(csv)).map(|t| t.id).collect::<Vec<_>>();
        assert_eq!(
            (ids(""), ids("ORDER"), ids("ADMIN"), ids("ORDER_FILL")),
            (vec![1, 2, 3], vec![1, 2], vec![3], vec![2])
        );
        assert_eq!((log.last_before(5), log.last_before(4)), (2, 0));
    }
}
