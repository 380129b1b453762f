//! Cold queries: listings and account data, asked on the dialer's own connections by threads that may block. Nothing here
//! touches the reactor; a share of the venue's rate limit is set aside for it.

use super::error::{ExchangeError, GatewayError};
use crate::codec::http1::{write_request, Method};
use crate::codec::json::Plain;
use crate::dialer::{ColdHandle, ColdJob, Endpoint, ExchangeError as DialerError, ExchangeReason, OwnedResponse};
use crate::guard::{Governor, Priority, RetryAt};
use crate::keeper::Clock;
use crate::order::OrderFact;
use crate::record::{Fixed128, Instrument, Listing, UnixNanos, Venue, VenueOrderId};
use crate::venue::coinbase::auth::CoinbaseKey;
use crate::venue::coinbase::cold::ColdRequest;
use crate::venue::coinbase::{request, response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod coinbase;

pub use coinbase::{CancelResult, ClockOffset, CoinbaseQueries, Paged};

/// Private requests a second that the engine may make at Coinbase (Coinbase reference 5: 30 in all).
pub(super) const ENGINE_REQUESTS_PER_SECOND: usize = 24;
/// The rest is for cold queries.
const COLD_REQUESTS_PER_SECOND: usize = 6;
/// Rows asked per page of accounts (the venue's greatest).
const ACCOUNTS_PER_PAGE: u32 = 250;
/// Pages of one listing; more means that the cursor runs in a circle.
const PAGES_MAX: usize = 100;
/// Longest body of a cold reply: the list of all products is about 2 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Room a parser of small replies starts with.
const BODY_BYTES_KEPT: usize = 4 * 1024;

/// A balance of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The asset's code, such as `BTC`.
    pub asset: String,
    /// What can be used now.
    pub available: Fixed128,
    /// What open orders and withdrawals hold.
    pub hold: Fixed128,
}

/// Asks the venue; cheap to clone. Every call blocks its thread until the answer or the timeout.
#[derive(Clone)]
pub struct Queries {
    inner: Arc<Inner>,
}

struct Inner {
    cold: ColdHandle,
    rest: Endpoint,
    authority: String,
    key: Option<Arc<CoinbaseKey>>,
    governor: Mutex<Governor>,
    clock: Clock,
    timeout_ms: u64,
}

impl Queries {
    pub(super) fn new(
        cold: ColdHandle,
        rest: Endpoint,
        key: Option<Arc<CoinbaseKey>>,
        clock: Clock,
        timeout_ms: u64,
    ) -> Queries {
        let governor = Mutex::new(Governor::new(COLD_REQUESTS_PER_SECOND, 1_000, 100));
        let authority = rest.authority();
        Queries { inner: Arc::new(Inner { cold, rest, authority, key, governor, clock, timeout_ms }) }
    }

    /// What only Coinbase answers, in full.
    pub fn coinbase(&self) -> CoinbaseQueries {
        CoinbaseQueries::new(self.clone())
    }

    /// What the venue says of one product.
    ///
    /// # Errors
    /// [`GatewayError::UnknownInstrument`] if it is not listed, else [`ExchangeError`].
    pub fn product(&self, symbol: &str) -> Result<Listing, GatewayError> {
        let plain_symbol =
            !symbol.is_empty() && symbol.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let unknown = || GatewayError::UnknownInstrument { venue: Venue::Coinbase, symbol: symbol.to_owned() };
        if !plain_symbol {
            return Err(unknown());
        }
        let operation = "product";
        let mut reply = match self.ask(operation, &request::Query::PublicProduct { id: symbol }) {
            Err(ExchangeError::Http { status: 404, .. }) => return Err(unknown()),
            reply => reply?,
        };
        let listing = response::listing(&mut Plain::new(BODY_BYTES_KEPT), &mut reply.body);
        listing.map_err(|error| GatewayError::Query(unreadable(operation, &error)))
    }

    /// Every spot product the venue lists, in its order. Products whose increments cannot be read are left out, and a
    /// warning in the log names them.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn products(&self) -> Result<Vec<Listing>, ExchangeError> {
        let operation = "products";
        let reply = self.ask(operation, &request::Query::PublicProducts)?;
        let (listings, unreadable_names) =
            response::listings(&reply.body).map_err(|error| unreadable(operation, &error))?;
        if !unreadable_names.is_empty() {
            tracing::warn!(venue = %Venue::Coinbase, products = ?unreadable_names, "products without readable increments");
        }
        Ok(listings)
    }

    /// Every balance of the account, all pages.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn balances(&self) -> Result<Vec<Balance>, ExchangeError> {
        let operation = "balances";
        let mut all = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let query = request::Query::Accounts { limit: ACCOUNTS_PER_PAGE, cursor: &cursor };
            let reply = self.ask(operation, &query)?;
            let (rows, page) = response::balances(&reply.body).map_err(|error| unreadable(operation, &error))?;
            all.extend(rows.into_iter().map(|row| Balance {
                asset: row.currency.into(),
                available: row.available,
                hold: row.hold,
            }));
            if !page.has_next {
                return Ok(all);
            }
            cursor = page.cursor;
        }
        Err(unreadable(operation, &"the listing does not end"))
    }

    /// How one order stands; `None` if the venue lists no such order.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order(&self, instrument: &Instrument, id: &VenueOrderId) -> Result<Option<OrderFact>, ExchangeError> {
        let operation = "order status";
        let ids = [*id];
        let reply = self.ask(operation, &request::Query::OrdersById { ids: &ids })?;
        let orders = response::orders(&reply.body, instrument).map_err(|error| unreadable(operation, &error))?;
        Ok(orders.into_iter().find(|order| order.venue_order_id == *id))
    }

    /// The venue's clock.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn server_time(&self) -> Result<UnixNanos, ExchangeError> {
        let operation = "server time";
        let mut reply = self.ask(operation, &request::Query::Time)?;
        response::server_time(&mut Plain::new(BODY_BYTES_KEPT), &mut reply.body)
            .map_err(|error| unreadable(operation, &error))
    }

    /// One question of the engine's kind and its reply of status 200.
    fn ask(&self, operation: &'static str, query: &request::Query<'_>) -> Result<OwnedResponse, ExchangeError> {
        let mut target = Vec::new();
        query.put_target(&mut target);
        let target = String::from_utf8(target).unwrap_or_default();
        let signed = query.token_path().is_some();
        self.send(operation, ColdRequest { method: Method::Get, target, body: Vec::new(), signed }, false)
    }

    /// One request and its reply of status 200. Requests that authorise nothing but a look, and cancels: a 401, which
    /// this venue gives valid tokens now and then, is asked once more with a new signature (Coinbase reference 4).
    /// `ambiguous`: whether it may have had an effect if its reply is lost.
    fn send(
        &self,
        operation: &'static str,
        request: ColdRequest,
        ambiguous: bool,
    ) -> Result<OwnedResponse, ExchangeError> {
        match self.send_once(operation, request.clone(), ambiguous) {
            Err(ExchangeError::Http { status: 401, .. }) if request.signed => {
                self.send_once(operation, request, ambiguous)
            }
            reply => reply,
        }
    }

    fn send_once(
        &self,
        operation: &'static str,
        request: ColdRequest,
        ambiguous: bool,
    ) -> Result<OwnedResponse, ExchangeError> {
        let Inner { cold, rest, authority, key, clock, timeout_ms, .. } = &*self.inner;
        let venue = Venue::Coinbase;
        let key = match request.signed {
            true => Some(key.clone().ok_or(ExchangeError::NoCredentials(venue, operation))?),
            false => None,
        };
        self.wait_for_permit(operation)?;
        let (authority, clock, method) = (authority.clone(), clock.clone(), request.method);
        let build = Box::new(move |out: &mut Vec<u8>| -> Result<(), Box<str>> {
            let ColdRequest { method, target, body, .. } = &request;
            let mut signed = Vec::new();
            if let Some(key) = &key {
                let mut nonce = [0u8; 16];
                aws_lc_rs::rand::fill(&mut nonce).map_err(|_| "no entropy")?;
                signed = key
                    .rest_headers(method.as_str(), &authority, target, body, clock.now().seconds(), nonce)
                    .map_err(|e| e.to_string())?;
            }
            // The public endpoints are cached for a second otherwise (Coinbase reference 3).
            let mut headers =
                vec![("User-Agent", super::USER_AGENT), ("Accept", "application/json"), ("Cache-Control", "no-cache")];
            headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
            if !body.is_empty() {
                headers.push(("Content-Type", "application/json"));
            }
            write_request(out, *method, target, &authority, &headers, body).map_err(|e| e.to_string().into())
        });
        let job =
            ColdJob { endpoint: rest.clone(), method, build, timeout_ms: *timeout_ms, body_bytes_max: BODY_BYTES_MAX };
        let reply = cold.run(job).map_err(|DialerError { host, reason, .. }| match *reason {
            ExchangeReason::Timeout => ExchangeError::Timeout { venue, operation, timeout_ms: *timeout_ms, ambiguous },
            ExchangeReason::Shutdown => ExchangeError::Stopped,
            reason => {
                let cause = format!("no answer from {host}: {reason}");
                ExchangeError::Transport { venue, operation, cause, ambiguous }
            }
        })?;
        if reply.status == 200 {
            return Ok(reply);
        }
        if let Some(wait_ms) = rate_headers(&reply).wait_ms(reply.status) {
            let until = self.inner.clock.now().plus_ms(wait_ms);
            self.inner.governor.lock().unwrap_or_else(PoisonError::into_inner).block_until(until);
        }
        let excerpt = response::error_text(&reply.body);
        Err(ExchangeError::Http { venue, operation, status: reply.status, excerpt })
    }

    /// Waits until our share of the rate limit allows a request.
    fn wait_for_permit(&self, operation: &'static str) -> Result<(), ExchangeError> {
        let Inner { governor, clock, timeout_ms, .. } = &*self.inner;
        let start = clock.now();
        loop {
            let now = clock.now();
            let taken = governor.lock().unwrap_or_else(PoisonError::into_inner).take(now, Priority::Cancel);
            let Err(RetryAt(at)) = taken else { return Ok(()) };
            if at.since(start) > timeout_ms.saturating_mul(1_000_000) {
                let venue = Venue::Coinbase;
                return Err(ExchangeError::Timeout { venue, operation, timeout_ms: *timeout_ms, ambiguous: false });
            }
            std::thread::sleep(Duration::from_nanos(at.since(now)));
        }
    }
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queries").field("rest", &self.inner.authority).finish_non_exhaustive()
    }
}

/// What a reply says about our rate.
fn rate_headers(reply: &OwnedResponse) -> response::RateHeaders {
    let number = |name| reply.header(name).and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    response::RateHeaders {
        retry_after_s: number("retry-after"),
        reset_s: number("x-ratelimit-reset"),
        remaining: number("x-ratelimit-remaining"),
        limit: number("x-ratelimit-limit"),
    }
}

fn unreadable(operation: &'static str, cause: &dyn std::fmt::Display) -> ExchangeError {
    ExchangeError::Unreadable { venue: Venue::Coinbase, operation, cause: cause.to_string() }
}
