//! Cold calls: whole requests as bytes, and what of their replies is told in the vocabulary of all venues. They allocate;
//! never on the hot thread. Replies that only this venue has are read by [`response`](super::response).

use super::auth::{AccessToken, AccountId};
use super::ledger::Ledger;
use super::products::Products;
use super::request::{Command, Query};
use super::response::{each_field, tell_order_body, tell_rows, ReplyError, Rows, Teller, LIST_ARRAYS};
use crate::codec::http1::{self, Method, RequestError};
use crate::codec::json::{Cursor, Plain};
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::OrderFact;
use crate::record::Instrument;
use crate::venue::collected::Collected;
use crate::venue::fault::Fault;

/// Where and as whom a call is made.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The header `Host`.
    pub host: &'a str,
    /// The header `User-Agent`.
    pub user_agent: &'a str,
    /// Whose account.
    pub account: &'a AccountId,
    /// Authorises it.
    pub token: &'a AccessToken,
}

impl Caller<'_> {
    /// Appends a question.
    ///
    /// # Errors
    /// A value cannot stand in a request.
    pub fn put_query(&self, query: &Query<'_>, out: &mut Vec<u8>) -> Result<Method, RequestError> {
        let mut target = Vec::with_capacity(256);
        query.put_target(&mut target, self.account);
        self.put(Method::Get, &target, b"", out)
    }

    /// Appends a request that changes something.
    ///
    /// # Errors
    /// A value cannot stand in a request.
    pub fn put_command(&self, command: &Command<'_>, out: &mut Vec<u8>) -> Result<Method, RequestError> {
        let (mut target, mut body) = (Vec::with_capacity(256), Vec::with_capacity(512));
        command.put_target(&mut target, self.account);
        command.put_body(&mut body);
        self.put(command.method(), &target, &body, out)
    }

    fn put(&self, method: Method, target: &[u8], body: &[u8], out: &mut Vec<u8>) -> Result<Method, RequestError> {
        // ASCII, or refused by the request writer.
        let target = std::str::from_utf8(target).unwrap_or_default();
        let headers = [
            ("User-Agent", self.user_agent),
            super::session::TIME_FORMAT,
            self.token.header(),
            ("Content-Type", "application/json"),
        ];
        let headers = if body.is_empty() { headers.split_at(3).0 } else { &headers[..] };
        http1::write_request(out, method, target, self.host, headers, body).map(|()| method)
    }
}

/// The order of a single-order reply, and the transaction that filled it, if one did: the reply says what was asked for,
/// that transaction ([`filled`]) what was executed. The instrument must be the order's, whose exponents its quantities have.
///
/// # Errors
/// [`ReplyError`].
pub fn order(body: &mut [u8], instrument: &Instrument) -> Result<(OrderFact, Option<u64>), ReplyError> {
    let mut filling = 0;
    let mut collected = read(body, instrument, Ledger::new(), |teller, cursor, facts| {
        filling = tell_order_body(teller, cursor, facts)?;
        Ok(())
    })?;
    match collected.orders.pop() {
        Some(order) => Ok((order, (filling != 0).then_some(filling))),
        None => Err(unreadable(collected, "no order in it")),
    }
}

/// How an order stood after a transaction filled it, out of a listing that has it. The instrument must be the order's.
///
/// # Errors
/// [`ReplyError`].
pub fn filled(body: &mut [u8], instrument: &Instrument, transaction: u64) -> Result<OrderFact, ReplyError> {
    let mut ledger = Ledger::new();
    ledger.begin(transaction.saturating_sub(1));
    let mut collected = read(body, instrument, ledger, |teller, cursor, facts| {
        each_field(cursor, |key, cursor| match LIST_ARRAYS.iter().position(|array| *array == key) {
            Some(array) => tell_rows(array, teller, cursor, &mut Rows::default(), facts).map(|()| true),
            None => Ok(false),
        })
    })?;
    match collected.orders.pop() {
        Some(order) => Ok(order),
        None => Err(unreadable(collected, "not the transaction asked for")),
    }
}

/// Reads a reply for what it tells.
fn read(
    body: &mut [u8],
    instrument: &Instrument,
    mut ledger: Ledger,
    tell: impl FnOnce(&mut Teller<'_>, &mut Cursor<'_, '_>, &mut Collected) -> Result<(), Fault>,
) -> Result<Collected, ReplyError> {
    let (mut products, mut times) = (Products::default(), Rfc3339Cache::new());
    products.know(instrument);
    let mut teller = Teller { products: &mut products, times: &mut times, ledger: &mut ledger, again: false };
    let mut collected = Collected::default();
    Plain::new(body.len().max(64)).parse(body, |cursor| tell(&mut teller, cursor, &mut collected))?;
    Ok(collected)
}

fn unreadable(collected: Collected, absent: &str) -> ReplyError {
    ReplyError::Value(collected.trouble.unwrap_or_else(|| absent.to_owned()))
}
