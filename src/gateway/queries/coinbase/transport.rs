//! How Coinbase's cold requests are signed and sent, and what the facade of all venues asks.

use super::{Answer, CoinbaseQueries};
use crate::codec::http1::{write_request, Method};
use crate::codec::json::Plain;
use crate::dialer::OwnedResponse;
use crate::gateway::error::{ExchangeError, GatewayError};
use crate::gateway::queries::{Balance, PAGES_MAX};
use crate::order::OrderFact;
use crate::record::{Instrument, Listing, UnixNanos, VenueOrderId};
use crate::venue::coinbase::cold::ColdRequest;
use crate::venue::coinbase::{request, response};
use crate::venue::is_page;

/// Rows asked per page of accounts (the venue's greatest).
const ACCOUNTS_PER_PAGE: u32 = 250;
/// Room a parser of small replies starts with.
const BODY_BYTES_KEPT: usize = 4 * 1024;

impl CoinbaseQueries {
    /// What the venue says of one product, to anybody.
    pub(in crate::gateway) fn listing(&self, symbol: &str) -> Result<Listing, GatewayError> {
        let plain_symbol =
            !symbol.is_empty() && symbol.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let unknown = || GatewayError::UnknownInstrument { venue: self.client.venue, symbol: symbol.to_owned() };
        if !plain_symbol {
            return Err(unknown());
        }
        let operation = "product";
        let mut reply = match self.ask(operation, &request::Query::PublicProduct { id: symbol }) {
            Err(ExchangeError::Http { status: 404, .. }) => return Err(unknown()),
            reply => reply?,
        };
        let listing = response::listing(&mut Plain::new(BODY_BYTES_KEPT), &mut reply.body);
        listing.map_err(|error| GatewayError::Query(self.client.unreadable(operation, &error)))
    }

    /// Every spot product. Those whose increments cannot be read are left out, and a warning in the log names them.
    pub(in crate::gateway) fn listings(&self) -> Answer<Vec<Listing>> {
        let operation = "products";
        let reply = self.ask(operation, &request::Query::PublicProducts)?;
        let (listings, unreadable_names) =
            response::listings(&reply.body).map_err(|error| self.client.unreadable(operation, &error))?;
        if !unreadable_names.is_empty() {
            tracing::warn!(venue = %self.client.venue, products = ?unreadable_names, "products without readable increments");
        }
        Ok(listings)
    }

    /// Every balance, all pages.
    pub(in crate::gateway) fn balances(&self) -> Answer<Vec<Balance>> {
        let operation = "balances";
        let mut all = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let query = request::Query::Accounts { limit: ACCOUNTS_PER_PAGE, cursor: &cursor };
            let reply = self.ask(operation, &query)?;
            let (rows, page) =
                response::balances(&reply.body).map_err(|error| self.client.unreadable(operation, &error))?;
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
        Err(self.client.unreadable(operation, &"the listing does not end"))
    }

    /// How one order stands; `None` if the venue lists no such order.
    pub(in crate::gateway) fn order_fact(
        &self,
        instrument: &Instrument,
        id: &VenueOrderId,
    ) -> Answer<Option<OrderFact>> {
        let operation = "order status";
        let ids = [*id];
        let reply = self.ask(operation, &request::Query::OrdersById { ids: &ids })?;
        let orders = response::orders(&reply.body, instrument);
        let orders = orders.map_err(|error| self.client.unreadable(operation, &error))?;
        Ok(orders.into_iter().find(|order| order.venue_order_id == *id))
    }

    /// The venue's clock.
    pub(in crate::gateway) fn server_time(&self) -> Answer<UnixNanos> {
        let operation = "server time";
        let mut reply = self.ask(operation, &request::Query::Time)?;
        response::server_time(&mut Plain::new(BODY_BYTES_KEPT), &mut reply.body)
            .map_err(|error| self.client.unreadable(operation, &error))
    }

    /// One question of the engine's kind and its reply of status 200.
    fn ask(&self, operation: &'static str, query: &request::Query<'_>) -> Answer<OwnedResponse> {
        let mut target = Vec::new();
        query.put_target(&mut target);
        let target = String::from_utf8(target).unwrap_or_default();
        let signed = query.token_path().is_some();
        self.send(operation, ColdRequest { method: Method::Get, target, body: Vec::new(), signed }, false)
    }

    /// One request and its reply of status 200. Requests that authorise nothing but a look, and cancels: a 401, which
    /// this venue gives valid tokens now and then, is asked once more with a new signature (Coinbase reference 4).
    /// `ambiguous`: whether it may have had an effect if its reply is lost.
    pub(super) fn send(&self, operation: &'static str, request: ColdRequest, ambiguous: bool) -> Answer<OwnedResponse> {
        match self.send_once(operation, request.clone(), ambiguous) {
            Err(ExchangeError::Http { status: 401, .. }) if request.signed => {
                self.send_once(operation, request, ambiguous)
            }
            reply => reply,
        }
    }

    fn send_once(&self, operation: &'static str, request: ColdRequest, ambiguous: bool) -> Answer<OwnedResponse> {
        let venue = self.client.venue;
        let key = match request.signed {
            true => Some(self.key.clone().ok_or(ExchangeError::NoCredentials(venue, operation))?),
            false => None,
        };
        let (authority, clock) = (self.client.authority.clone(), self.client.clock.clone());
        let method = request.method;
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
            let mut headers = vec![
                ("User-Agent", crate::gateway::USER_AGENT),
                ("Accept", "application/json"),
                ("Cache-Control", "no-cache"),
            ];
            headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
            if !body.is_empty() {
                headers.push(("Content-Type", "application/json"));
            }
            write_request(out, *method, target, &authority, &headers, body).map_err(|e| e.to_string().into())
        });
        let reply = self.client.run(operation, method, 1, build, ambiguous)?;
        if reply.status == 200 {
            return Ok(reply);
        }
        if let Some(wait_ms) = rate_headers(&reply).wait_ms(reply.status, is_page(&reply.body)) {
            self.client.block_until(self.client.clock.now().plus_ms(wait_ms));
        }
        let excerpt = response::error_text(&reply.body);
        Err(ExchangeError::Http { venue, operation, status: reply.status, excerpt })
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
