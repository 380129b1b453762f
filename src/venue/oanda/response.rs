//! Replies to our requests: what a mutation's answer proves, and the rows of listings.
//!
//! Owns the law of outcomes (DESIGN section 7) as this venue needs it: an order counts as rejected only on 401, 403 or
//! 429 with any body, on another 4xx with the venue's own error JSON, or on 201 where it was created and cancelled at
//! once without a fill; as accepted only on 201 with the transaction that created it. Everything else proves nothing and
//! is ambiguous. A redirect is never followed. Never decides what to do about it.

use super::ledger::{Admitted, Ledger};
use super::products::Products;
use super::reject;
use super::transaction::{order_id, Transaction};
use crate::codec::http1::{parse_http_date, Headers};
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::{CancelReply, Denial, FactSource, PlaceReply, ReplaceReply};
use crate::record::{ClientOrderId, InlineText, RejectClass, UnixNanos, VenueOrderId};
use crate::venue::fault::{announce, http_code, Fault};
use crate::venue::{wait, Anomaly, Facts};
use arrayvec::ArrayVec;

mod account;
mod catalog;
mod market;
mod rows;

pub use account::{
    account, accounts, changes, order, orders, position, positions, summary, trade, trades, AccountDetails,
    AccountSummary, Changes, OrderRow, PositionRow, PositionSide, TradeRow,
};
pub use catalog::instruments;
pub use market::{
    candles, pages, prices, Candle, Candles, HomeConversion, PriceRow, Prices, TransactionPages, TransactionRange,
};
pub use rows::Rows;
pub(super) use rows::{picture, tell_order_body, tell_rows, End, LIST_ARRAYS};

/// Transactions in one answer: the exits of a trade can be cancelled, placed, filled and cancelled again, four each.
const TRANSACTIONS_MAX: usize = 24;

/// Why a cold reply could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Not in the documented shape.
    #[error("OANDA reply: {0}")]
    Json(#[from] JsonError),
    /// A value that does not fit.
    #[error("OANDA reply: {0}")]
    Value(String),
}

impl From<Fault> for ReplyError {
    fn from(fault: Fault) -> ReplyError {
        match fault {
            Fault::Json(error) => ReplyError::Json(error),
            other => ReplyError::Value(other.to_string()),
        }
    }
}

/// What the headers of a reply say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyHeaders {
    /// `RequestID`: probably that of the transactions the request made (OANDA reference 1); for the log.
    pub request_id: Option<u64>,
    /// `Retry-After`, seconds; never recorded.
    pub retry_after_s: Option<u64>,
    /// `Date`: the server's clock to the second. Never recorded, but a server that has a clock must send it (RFC 9110
    /// section 6.6.1).
    pub date: Option<UnixNanos>,
}

impl ReplyHeaders {
    pub(super) fn read(headers: Headers<'_>) -> ReplyHeaders {
        ReplyHeaders {
            request_id: headers.number("requestid"),
            retry_after_s: headers.number("retry-after"),
            date: headers.text("date").and_then(parse_http_date).map(UnixNanos),
        }
    }

    /// How long to send nothing after a reply of this status, ms; `None` if it does not say so. `page`: its body is not
    /// the venue's own JSON.
    pub fn wait_ms(&self, status: u16, page: bool) -> Option<u64> {
        wait::wait_ms(status, self.retry_after_s, None, page, super::limits::THROTTLED_MS)
    }
}

/// What is needed to turn the transactions of an answer into facts.
pub(super) struct Teller<'a> {
    pub products: &'a mut Products,
    pub times: &'a mut Rfc3339Cache,
    pub ledger: &'a mut Ledger,
    /// Executions from before our time are told, too: those of an earlier session's orders are among them.
    pub again: bool,
}

impl Teller<'_> {
    /// Tells a transaction if nobody did before.
    pub fn tell(&mut self, transaction: &Transaction<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
        match self.ledger.admit(transaction.id) {
            Admitted::New if !transaction.stands(self.ledger) => Ok(()),
            Admitted::New => transaction
                .tell(FactSource::Query, self.products, self.times, facts)
                .inspect_err(|_| self.ledger.doubt()),
            Admitted::Known if self.again && transaction.id <= self.ledger.began() => {
                transaction.tell_again(self.products, self.times, facts)
            }
            Admitted::Known | Admitted::Later => Ok(()),
        }
    }
}

/// The answer to a request that changes something (OANDA reference 4, 5): its transactions, or what was wrong.
#[derive(Debug, Default)]
struct Mutation<'t, 'i> {
    /// In the order of their ids.
    transactions: ArrayVec<Transaction<'t, 'i>, TRANSACTIONS_MAX>,
    /// Id of the one under `orderCreateTransaction`.
    created: u64,
    last: u64,
    code: &'i str,
    message: &'i str,
}

impl<'t, 'i> Mutation<'t, 'i> {
    fn read(cursor: &mut Cursor<'t, 'i>) -> Result<Mutation<'t, 'i>, Fault> {
        let mut found = Mutation::default();
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "lastTransactionID" => found.last = cursor.u64_or_text()?,
                "errorCode" => found.code = cursor.str_or_null()?.unwrap_or_default(),
                "errorMessage" => found.message = cursor.str_or_null()?.unwrap_or_default(),
                key if key.ends_with("Transaction") && !cursor.take_null() => {
                    let transaction = Transaction::read(cursor)?;
                    if key == "orderCreateTransaction" {
                        found.created = transaction.id;
                    }
                    found.transactions.try_push(transaction).map_err(|_| Fault::TooLong { key: "transactions" })?;
                }
                key if key.ends_with("Transaction") => {}
                _ => cursor.skip()?,
            }
        }
        found.transactions.sort_unstable_by_key(|transaction| transaction.id);
        Ok(found)
    }

    /// The transaction that created the order.
    fn create(&self) -> Option<&Transaction<'t, 'i>> {
        self.transactions.iter().find(|transaction| transaction.id == self.created)
    }

    /// Whether the order was filled, at least in part.
    fn is_filled(&self) -> bool {
        self.transactions.iter().any(|t| t.kind == "ORDER_FILL")
    }

    /// The reason for which the order that was created was cancelled at once, without a fill.
    fn stillborn(&self) -> Option<&'i str> {
        let created = self.create()?.id;
        let cancel =
            self.transactions.iter().find(|t| t.kind == "ORDER_CANCEL" && t.order_id.parse() == Ok(created))?;
        (!self.is_filled()).then_some(cancel.reason)
    }

    /// The reason for which every order that was made was cancelled at once, so that nothing was traded.
    fn nothing(&self) -> Option<&'i str> {
        let made = self.transactions.iter().any(Transaction::creates_order);
        let ended = self.transactions.iter().rfind(|t| t.kind == "ORDER_CANCEL" && t.at_birth());
        ended.filter(|_| made && !self.is_filled()).map(|t| t.reason)
    }

    /// The venue's reason for a refusal: its code, or that of the transaction.
    fn reason(&self) -> &'i str {
        let rejected = || self.transactions.iter().map(|t| t.reject_reason).find(|reason| !reason.is_empty());
        match self.code {
            "" => rejected().unwrap_or(self.message),
            code => code,
        }
    }

    /// Whether it is the venue's own word of an error; a proxy's JSON has neither.
    fn is_error(&self) -> bool {
        !self.message.is_empty() || !self.code.is_empty()
    }

    fn tell(&self, teller: &mut Teller<'_>, facts: &mut impl Facts) {
        if self.last > 0 {
            teller.ledger.heard(self.last);
        }
        for transaction in &self.transactions {
            if let Err(fault) = teller.tell(transaction, facts) {
                announce(&fault, facts);
            }
        }
    }
}

/// Tells what the answer to a place request proves, the direct reply included; `sent` is our id of the order. Returns
/// that reply.
pub(super) fn tell_place_reply(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    sent: &ClientOrderId,
    teller: &mut Teller<'_>,
    facts: &mut impl Facts,
) -> PlaceReply {
    let reply = match status {
        200 | 201 => plain.parse(body, |cursor| {
            let found = Mutation::read(cursor)?;
            let reply = place_verdict(&found, sent);
            if let PlaceReply::Accepted { .. } = reply {
                facts.place_reply(sent, reply);
            }
            // Of a stillborn order the transactions name the id that the reply has no place for: they go first.
            found.tell(teller, facts);
            if !matches!(reply, PlaceReply::Accepted { .. }) {
                facts.place_reply(sent, reply);
            }
            Ok::<_, Fault>(reply)
        }),
        _ => {
            let reply = denial(plain, status, body, teller, facts).into();
            facts.place_reply(sent, reply);
            return reply;
        }
    };
    reply.unwrap_or_else(|fault| {
        announce(&fault, facts);
        let reply = Denial::unclear("unreadable reply").into();
        facts.place_reply(sent, reply);
        reply
    })
}

fn place_verdict(found: &Mutation<'_, '_>, sent: &ClientOrderId) -> PlaceReply {
    let Some(create) = found.create() else { return Denial::unclear("reply without order").into() };
    if !create.client_order_id.is_empty() && create.client_order_id != sent.as_str() {
        return Denial::unclear("reply to another order").into();
    }
    match found.stillborn() {
        Some(reason) => Denial::refused(reject::ending(reason, true).1, reason).into(),
        None => PlaceReply::Accepted { venue_order_id: order_id(create.id) },
    }
}

/// Tells what the answer to a cancel request proves. The cancel itself is in the transaction.
pub(super) fn tell_cancel_reply(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    sent: &VenueOrderId,
    teller: &mut Teller<'_>,
    facts: &mut impl Facts,
) -> CancelReply {
    let reply = match tell_change(plain, status, body, teller, facts) {
        Changed::Done { .. } => CancelReply::Queued,
        Changed::Denied(denial) => denial.into(),
    };
    facts.cancel_reply(sent, reply);
    reply
}

/// Tells what the answer to a replace request proves; `old` is the order as it was known. Of a replace that was done the
/// new id is told first, and the reply is about that one; transactions come last.
pub(super) fn tell_replace_reply(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    old: &VenueOrderId,
    teller: &mut Teller<'_>,
    facts: &mut impl Facts,
) -> ReplaceReply {
    let reply = match status {
        200 | 201 => plain.parse(body, |cursor| {
            let found = Mutation::read(cursor)?;
            let reply = match found.create().map(|create| order_id(create.id)) {
                Some(new) => {
                    facts.renumbered(old, &new);
                    facts.replace_reply(&new, ReplaceReply::Accepted);
                    ReplaceReply::Accepted
                }
                None => {
                    let reply = Denial::unclear("reply without order").into();
                    facts.replace_reply(old, reply);
                    reply
                }
            };
            found.tell(teller, facts);
            Ok::<_, Fault>(reply)
        }),
        _ => {
            let reply = denial(plain, status, body, teller, facts).into();
            facts.replace_reply(old, reply);
            Ok(reply)
        }
    };
    reply.unwrap_or_else(|fault| {
        announce(&fault, facts);
        let reply = Denial::unclear("unreadable reply").into();
        facts.replace_reply(old, reply);
        reply
    })
}

/// What the answer to a request that changes something proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// It was done; for a replace, `created` is the new order. `nothing`: every order it made was cancelled at once, as
    /// a close in a halted market is (OANDA reference 5).
    Done { created: Option<VenueOrderId>, nothing: Option<InlineText<32>> },
    /// It is no success.
    Denied(Denial),
}

/// Tells the transactions of an answer, and says what it proves.
pub(super) fn tell_change(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    teller: &mut Teller<'_>,
    facts: &mut impl Facts,
) -> Changed {
    if !matches!(status, 200 | 201) {
        return Changed::Denied(denial(plain, status, body, teller, facts));
    }
    let read = plain.parse(body, |cursor| {
        let found = Mutation::read(cursor)?;
        if found.transactions.is_empty() {
            return Err(Fault::Missing { key: "transactions" });
        }
        found.tell(teller, facts);
        let nothing = found.nothing().map(InlineText::truncated);
        let created = found.create().map(|transaction| order_id(transaction.id));
        Ok::<_, Fault>(Changed::Done { created, nothing })
    });
    read.unwrap_or_else(|fault| {
        announce(&fault, facts);
        Changed::Denied(Denial::unclear("unreadable reply"))
    })
}

/// What a reply other than 2xx proves: a definitive refusal, or nothing. Its reject transaction is told.
pub(super) fn denial(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    teller: &mut Teller<'_>,
    facts: &mut impl Facts,
) -> Denial {
    let unclear = Denial::Unclear { code: http_code(status) };
    // 408 says that the server waited, or somebody before it: no verdict, whatever the body.
    if !(400..500).contains(&status) || status == 408 {
        return unclear;
    }
    let by_status = reject::status_class(status);
    let json = body.trim_ascii_start().first() == Some(&b'{') && body.len() <= plain.text_bytes_max();
    let own = match json {
        false => None,
        true => plain
            .parse(body, |cursor| {
                let found = Mutation::read(cursor)?;
                found.tell(teller, facts);
                let code = found.reason();
                let class = by_status.unwrap_or_else(|| reject::class(code));
                Ok::<_, Fault>(found.is_error().then(|| Denial::refused(class, code)))
            })
            .unwrap_or(None),
    };
    let by_status = by_status.map(|class| Denial::Refused { class, code: http_code(status) });
    own.or(by_status).unwrap_or(unclear)
}

/// What a change has done, by its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// The order it created, if one.
    pub created: Option<VenueOrderId>,
    /// It was accepted, but every order it made was cancelled at once, for this reason: nothing was traded.
    pub nothing: Option<Box<str>>,
    /// Its transactions, in order.
    pub transactions: Vec<u64>,
    /// The account's newest transaction then.
    pub last_transaction: u64,
}

/// Reads the answer to a change.
///
/// # Errors
/// [`ReplyError`]: what was done is in the account's transactions.
pub fn done(body: &[u8]) -> Result<Done, ReplyError> {
    cold(body, |cursor| {
        let found = Mutation::read(cursor)?;
        let nothing = found.nothing().map(Box::from);
        Ok(Done {
            created: found.create().map(|create| order_id(create.id)),
            nothing,
            transactions: found.transactions.iter().map(|transaction| transaction.id).collect(),
            last_transaction: found.last,
        })
    })
}

/// What the venue says of an error, if it is its own word of it: the class and the code or the message.
pub fn error(status: u16, body: &[u8]) -> Option<(RejectClass, Box<str>)> {
    let own = cold(body, |cursor| {
        let found = Mutation::read(cursor)?;
        Ok(found.is_error().then(|| Box::<str>::from(found.reason())))
    });
    let code = own.ok().flatten()?;
    Some((reject::status_class(status).unwrap_or_else(|| reject::class(&code)), code))
}

/// Says what came instead of an answer, for the log.
pub(super) fn note_error(body: &[u8], facts: &mut impl Facts) {
    facts.anomaly(Anomaly::VenueError, crate::codec::http1::Excerpt::of(body).as_str());
}

/// Reads a cold reply of any length. Allocates.
fn cold<T>(
    body: &[u8],
    walk: impl for<'t, 'i> FnOnce(&mut Cursor<'t, 'i>) -> Result<T, Fault>,
) -> Result<T, ReplyError> {
    let mut text = body.to_vec();
    let mut plain = Plain::new(text.len().max(64));
    Ok(plain.parse(&mut text, walk)?)
}

/// Hands every member of the object to `take`, which says whether it took the value.
pub(super) fn each_field<'t, 'i>(
    cursor: &mut Cursor<'t, 'i>,
    mut take: impl FnMut(&'i str, &mut Cursor<'t, 'i>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        if !take(key, cursor)? {
            cursor.skip()?;
        }
    }
    Ok(())
}

/// Every element of an array.
fn each_item<'t, 'i>(
    cursor: &mut Cursor<'t, 'i>,
    mut take: impl FnMut(&mut Cursor<'t, 'i>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        take(cursor)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
