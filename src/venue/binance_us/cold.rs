//! Cold calls: whole requests as bytes, whole replies as values. They allocate; never on the hot thread.
//!
//! Owns nothing. Shares the writing of REST requests with [`OrderSession`](super::OrderSession): there is one place where
//! parameters become a query or a form, are signed, and get their headers.

use super::auth::Credentials;
use super::products::Products;
use super::request::{Call, Security};
use super::response::{self, ErrorBody, Usage, Wait};
use super::{params::RestParams, reject, user, VenueMs};
use crate::codec::http1::{self, Method, RequestError};
use crate::codec::json::{Cursor, Plain};
use crate::order::{FillFact, OrderFact};
use crate::record::{Fixed, Instrument, RejectClass, UnixNanos};
use crate::venue::collected::Collected;
use crate::venue::fault::Fault;
use crate::venue::{BalanceFact, ListedOrder};

const KEY_HEADER: &str = "X-MBX-APIKEY";

/// Why a call was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unwritten {
    /// It has no REST form.
    #[error("Binance.US has no REST form of this call")]
    NoRestForm,
    /// It needs a key.
    #[error("this Binance.US call needs credentials")]
    NoCredentials,
    /// A value cannot stand in a request.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// A reply that cannot be read, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Binance.US reply: {0}")]
pub struct Unreadable(String);

/// Where and as whom a REST call is made.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The header `Host`.
    pub host: &'a str,
    /// The header `User-Agent`.
    pub user_agent: &'a str,
    /// `None`: public calls only.
    pub credentials: Option<&'a Credentials>,
    /// How old a request may be when the venue sees it, ms.
    pub recv_window_ms: u32,
}

/// Buffers a request is put together in.
#[derive(Debug, Default)]
pub struct Scratch {
    target: Vec<u8>,
    body: Vec<u8>,
}

impl Scratch {
    /// With room for most requests.
    pub(super) fn with_room() -> Scratch {
        Scratch { target: Vec::with_capacity(512), body: Vec::with_capacity(512) }
    }
}

impl Caller<'_> {
    /// Hands the parts of the request to `write`: parameters of a POST go in the body, all others in the query. `stamp`
    /// is used where the call is signed.
    ///
    /// # Errors
    /// [`Unwritten`], also of `write`.
    pub fn put(
        &self,
        call: &Call<'_>,
        stamp: VenueMs,
        scratch: &mut Scratch,
        write: impl FnOnce(&dyn Fn(&mut Vec<u8>) -> Result<(), RequestError>) -> Result<(), RequestError>,
    ) -> Result<Method, Unwritten> {
        let path = call.path().ok_or(Unwritten::NoRestForm)?;
        let credentials = match (call.security(), self.credentials) {
            (Security::None, _) => None,
            (_, Some(credentials)) => Some(credentials),
            (_, None) => return Err(Unwritten::NoCredentials),
        };
        let method = call.method();
        let Scratch { target, body } = scratch;
        target.clear();
        body.clear();
        target.extend_from_slice(path.as_bytes());
        let form = method == Method::Post;
        let place = if form { &mut *body } else { &mut *target };
        let before = place.len();
        if !form {
            place.push(b'?');
        }
        let start = place.len();
        let mut params = RestParams::new(place);
        call.put(stamp, self.recv_window_ms, &mut params);
        match (call.security(), credentials) {
            (Security::Signed, Some(credentials)) => params.sign(credentials),
            _ if place.len() == start => place.truncate(before),
            _ => {}
        }
        // Percent-encoded: ASCII.
        let target = std::str::from_utf8(target).unwrap_or_default();
        let mut headers = arrayvec::ArrayVec::<(&str, &str), 3>::new();
        headers.push(("User-Agent", self.user_agent));
        if let Some(credentials) = credentials {
            headers.push((KEY_HEADER, credentials.api_key()));
        }
        if form {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        write(&|out| http1::write_request(out, method, target, self.host, &headers, body))?;
        Ok(method)
    }
}

/// The venue's clock, of a reply to [`Call::Time`].
///
/// # Errors
/// [`Unreadable`].
pub fn server_time(body: &mut [u8]) -> Result<VenueMs, Unreadable> {
    read(body, response::server_time)
}

/// The balances, of a reply to [`Call::Account`].
///
/// # Errors
/// [`Unreadable`].
pub fn balances(body: &mut [u8]) -> Result<Vec<BalanceFact>, Unreadable> {
    let (mut found, mut seen) = (Collected::default(), false);
    read(body, |cursor| {
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "balances" => {
                    user::balances(UnixNanos::NONE, cursor, &mut found)?;
                    seen = true;
                }
                _ => cursor.skip()?,
            }
        }
        // An error said with 200 is no account without balances.
        if seen {
            Ok(())
        } else {
            Err(Fault::Missing { key: "balances" })
        }
    })?;
    match found.trouble {
        Some(trouble) => Err(Unreadable(trouble)),
        None => Ok(found.balances),
    }
}

/// The order, of a reply to [`Call::Order`].
///
/// # Errors
/// [`Unreadable`].
pub fn order(body: &mut [u8], instrument: &Instrument) -> Result<OrderFact, Unreadable> {
    let (mut products, mut found) = (Products::default(), Collected::default());
    products.know(instrument);
    read(body, |cursor| response::tell_order(&mut products, cursor, &mut found).map(|_| ()))?;
    let Collected { orders, trouble, .. } = found;
    orders.into_iter().next().ok_or_else(|| Unreadable(trouble.unwrap_or_else(|| "no order in it".to_owned())))
}

/// The orders, of a reply to [`Call::OpenOrders`] or [`Call::AllOrders`] about one instrument.
///
/// # Errors
/// [`Unreadable`], also if a single row is.
pub fn orders(body: &mut [u8], instrument: &Instrument) -> Result<Vec<OrderFact>, Unreadable> {
    let read = |products: &mut Products, cursor: &mut Cursor<'_, '_>, found: &mut Collected| {
        response::tell_rows(response::RowKind::Orders, products, cursor, &mut response::Rows::default(), found)
    };
    rows(body, instrument, read).map(|found| found.orders)
}

/// The orders as they were left, of a reply to [`Call::CancelAll`].
///
/// # Errors
/// [`Unreadable`], also if a single report is.
pub fn cancelled(body: &mut [u8], instrument: &Instrument) -> Result<Vec<OrderFact>, Unreadable> {
    rows(body, instrument, |products, cursor, found| response::reports(cursor, products, found).map(drop))
        .map(|found| found.orders)
}

/// Our executions, of a reply to [`Call::MyTrades`].
///
/// # Errors
/// [`Unreadable`], also if a single row is.
pub fn trades(body: &mut [u8], instrument: &Instrument) -> Result<Vec<FillFact>, Unreadable> {
    let read = |products: &mut Products, cursor: &mut Cursor<'_, '_>, found: &mut Collected| {
        response::tell_rows(response::RowKind::Trades, products, cursor, &mut response::Rows::default(), found)
    };
    rows(body, instrument, read).map(|found| found.fills)
}

fn rows(
    body: &mut [u8],
    instrument: &Instrument,
    tell: impl FnOnce(&mut Products, &mut Cursor<'_, '_>, &mut Collected) -> Result<(), Fault>,
) -> Result<Collected, Unreadable> {
    let (mut products, mut found) = (Products::default(), Collected::default());
    products.know(instrument);
    read(body, |cursor| tell(&mut products, cursor, &mut found))?;
    match found.trouble.take() {
        Some(trouble) => Err(Unreadable(trouble)),
        None => Ok(found),
    }
}

/// What the account may do and pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// It may place orders.
    pub can_trade: bool,
    /// Share of the value a resting order pays.
    pub maker_rate: Option<Fixed>,
    /// Share of the value a taking order pays.
    pub taker_rate: Option<Fixed>,
    /// What it holds.
    pub balances: Vec<BalanceFact>,
}

/// The account, of a reply to [`Call::Account`].
///
/// # Errors
/// [`Unreadable`].
pub fn account(body: &mut [u8]) -> Result<Account, Unreadable> {
    let (mut can_trade, mut rates) = (None, [None; 2]);
    let mut copy = body.to_vec();
    read(&mut copy, |cursor| {
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "canTrade" => can_trade = Some(cursor.bool()?),
                "commissionRates" => {
                    let mut inner = cursor.object()?;
                    while let Some(key) = inner.next_key(cursor)? {
                        let rate = match key {
                            "maker" => rates.first_mut(),
                            "taker" => rates.last_mut(),
                            _ => None,
                        };
                        match rate {
                            Some(rate) => *rate = Fixed::parse(cursor.str()?).ok(),
                            None => cursor.skip()?,
                        }
                    }
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    })?;
    let can_trade = can_trade.ok_or_else(|| Unreadable("canTrade is missing".to_owned()))?;
    let [maker_rate, taker_rate] = rates;
    Ok(Account { can_trade, maker_rate, taker_rate, balances: balances(body)? })
}

/// Who each order is, of a reply to [`Call::OpenOrders`].
///
/// # Errors
/// [`Unreadable`].
pub fn listed_orders(body: &mut [u8]) -> Result<Vec<ListedOrder>, Unreadable> {
    let mut found = Vec::new();
    read(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let row = response::order_row(cursor)?;
            let id = user::venue_order_id(row.order_id)?;
            let listed = ListedOrder::new(id.as_str(), row.client_order_id, row.symbol);
            found.push(listed.ok_or(Fault::Missing { key: "orderId" })?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// What a reply of another status than 200 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// Our class of it, and the venue's words. `None` if the venue itself does not speak (a proxy's page).
    pub refusal: Option<(RejectClass, String)>,
    /// How long the venue wants nothing sent.
    pub wait: Option<Wait>,
}

/// What a reply of this status says; `retry_after_s` is its header `Retry-After`.
pub fn error(status: u16, retry_after_s: Option<u64>, body: &mut [u8]) -> ErrorReply {
    let usage = Usage { retry_after_s, ..Usage::default() };
    let read = |cursor: &mut Cursor<'_, '_>| {
        let error = response::error_body(cursor, |data| Ok(data.skip()?))?;
        let said = |error: &ErrorBody<'_>| (reject::class(error.code, error.message), error.text().as_str().to_owned());
        Ok::<_, Fault>(ErrorReply { refusal: error.as_ref().map(said), wait: usage.wait(status, error.as_ref()) })
    };
    let read = Plain::new(body.len()).parse(body, read);
    read.unwrap_or_else(|_| ErrorReply { refusal: None, wait: usage.wait(status, None) })
}

fn read<T>(body: &mut [u8], parse: impl FnOnce(&mut Cursor<'_, '_>) -> Result<T, Fault>) -> Result<T, Unreadable> {
    Plain::new(body.len()).parse(body, parse).map_err(|fault| Unreadable(fault.to_string()))
}
