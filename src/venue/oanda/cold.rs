//! Cold calls: whole requests as bytes, and what of their replies is told in the vocabulary of all venues. They allocate;
//! never on the hot thread. Replies that only this venue has are read by [`response`](super::response).

use super::auth::{AccessToken, AccountId};
use super::ledger::Ledger;
use super::products::Products;
use super::request::{Command, Query};
use super::response::{tell_order_body, ReplyError, Teller};
use crate::codec::http1::{self, Method, RequestError};
use crate::codec::json::Plain;
use crate::codec::timestamp::Rfc3339Cache;
use crate::order::OrderFact;
use crate::record::Instrument;
use crate::venue::collected::Collected;

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

/// The order of a single-order reply. Its instrument must be the one given, whose exponents its quantities have.
///
/// # Errors
/// [`ReplyError`].
pub fn order(body: &mut [u8], instrument: &Instrument) -> Result<OrderFact, ReplyError> {
    let (mut products, mut times, mut ledger) = (Products::default(), Rfc3339Cache::new(), Ledger::new());
    products.know(instrument);
    let mut teller = Teller { products: &mut products, times: &mut times, ledger: &mut ledger, again: false };
    let mut collected = Collected::default();
    let mut plain = Plain::new(body.len().max(64));
    plain.parse(body, |cursor| tell_order_body(&mut teller, cursor, &mut collected))?;
    match collected.orders.pop() {
        Some(order) => Ok(order),
        None => Err(ReplyError::Value(collected.trouble.unwrap_or_else(|| "no order in it".to_owned()))),
    }
}
