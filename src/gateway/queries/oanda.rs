//! Everything OANDA answers to cold questions: the account, its instruments, and its orders. Blocking, off the hot path,
//! within the share of the rate limit set aside for it.

use super::{Balance, ColdClient, REQUEST_BYTES};
use crate::codec::http1::{Method, RequestError};
use crate::dialer::OwnedResponse;
use crate::gateway::error::{ExchangeError, GatewayError};
use crate::gateway::USER_AGENT;
use crate::order::OrderFact;
use crate::record::{Instrument, Listing, RejectClass, UnixNanos, Venue, VenueOrderId};
use crate::venue::oanda::auth::{tradable, AccessToken, AccountId, AccountRow};
use crate::venue::oanda::cold::{self, Caller};
use crate::venue::oanda::request::{Command, OrderSpecifier, Query};
use crate::venue::oanda::response::{self, AccountSummary, OrderRow, ReplyError, ReplyHeaders};
use crate::venue::oanda::InstrumentRules;
use crate::venue::{is_page, ListedOrder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

mod account;
mod changes;

/// OANDA's own questions; cheap to clone. Every call blocks its thread until the answer or the timeout.
#[derive(Clone)]
pub struct OandaQueries {
    shared: Arc<Shared>,
}

struct Shared {
    client: ColdClient,
    account: AccountId,
    token: Arc<AccessToken>,
    /// Whether anything may be changed.
    trades: bool,
    /// The account's instruments as they were told last, by name.
    rules: Mutex<BTreeMap<Box<str>, InstrumentRules>>,
}

impl std::fmt::Debug for OandaQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OandaQueries").field("client", &self.shared.client).finish_non_exhaustive()
    }
}

type Answer<T> = Result<T, ExchangeError>;

impl OandaQueries {
    /// `trades`: whether anything may be changed.
    pub(in crate::gateway) fn new(
        client: ColdClient,
        account: AccountId,
        token: Arc<AccessToken>,
        trades: bool,
    ) -> OandaQueries {
        OandaQueries { shared: Arc::new(Shared { client, account, token, trades, rules: Mutex::new(BTreeMap::new()) }) }
    }

    /// The accounts of the token, which of them are linked to MetaTrader 4 included.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn accounts(&self) -> Answer<Vec<AccountRow>> {
        self.ask("accounts", &Query::Accounts, response::accounts)
    }

    /// The account's figures, in its own currency.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn summary(&self) -> Answer<AccountSummary> {
        self.ask("account summary", &Query::Summary, response::summary)
    }

    /// The account's instruments with their rules. Rows that cannot be read are left out, and a warning in the log names
    /// them.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn instruments(&self) -> Answer<Vec<InstrumentRules>> {
        let (rules, unreadable) = self.ask("instruments", &Query::Instruments { names: &[] }, response::instruments)?;
        if !unreadable.is_empty() {
            tracing::warn!(venue = %Venue::Oanda, instruments = ?unreadable, "instruments that cannot be read");
        }
        *self.known_rules() = rules.iter().map(|rules| (rules.name.clone(), rules.clone())).collect();
        Ok(rules)
    }

    /// The rules of one instrument, as they were told last; asked for if they were not.
    ///
    /// # Errors
    /// [`GatewayError::UnknownInstrument`] if the account does not have it, else [`ExchangeError`].
    pub fn rules(&self, symbol: &str) -> Result<InstrumentRules, GatewayError> {
        if let Some(known) = self.known_rules().get(symbol) {
            return Ok(known.clone());
        }
        let found = self.instruments()?.into_iter().find(|rules| &*rules.name == symbol);
        found.ok_or_else(|| GatewayError::UnknownInstrument { venue: Venue::Oanda, symbol: symbol.to_owned() })
    }

    pub(super) fn listing(&self, symbol: &str) -> Result<Listing, GatewayError> {
        self.rules(symbol).map(|rules| rules.listing())
    }

    pub(super) fn listings(&self) -> Answer<Vec<Listing>> {
        Ok(self.instruments()?.iter().map(InstrumentRules::listing).collect())
    }

    /// The account's one balance: its currency, the margin that is free, and the margin that positions bind.
    pub(super) fn balances(&self) -> Answer<Vec<Balance>> {
        let summary = self.ask("balances", &Query::Summary, response::summary)?;
        let AccountSummary { currency, margin_available, margin_used, .. } = summary;
        Ok(vec![Balance { asset: currency.into(), available: margin_available, hold: margin_used }])
    }

    /// How one order stands; `None` if the venue knows no such order.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order(&self, instrument: &Instrument, id: &VenueOrderId) -> Answer<Option<OrderFact>> {
        let operation = "order status";
        match self.send(operation, &Query::Order(OrderSpecifier::Id(id.as_str()))) {
            Err(ExchangeError::Http { status: 404, .. }) => Ok(None),
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(mut reply) => {
                let order = cold::order(&mut reply.body, instrument);
                let (mut order, filling) = order.map_err(|error| self.shared.client.unreadable(operation, &error))?;
                if let Some(id) = filling {
                    let mut reply = self.send(operation, &Query::TransactionRange { from: id, to: id })?;
                    let filled = cold::filled(&mut reply.body, instrument, id);
                    let filled = filled.map_err(|error| self.shared.client.unreadable(operation, &error))?;
                    order.cumulative_quantity = filled.cumulative_quantity;
                }
                Ok(Some(order))
            }
        }
    }

    /// Who every pending order is, whoever placed it.
    pub(in crate::gateway) fn listed_orders(&self) -> Answer<Vec<ListedOrder>> {
        let operation = "list open orders";
        let rows = self.ask(operation, &Query::PendingOrders, response::orders)?;
        let listed = |row: OrderRow| {
            let id = row.id.to_string();
            ListedOrder::new(&id, &row.client_id, &row.instrument)
        };
        let all: Option<Vec<_>> = rows.into_iter().map(listed).collect();
        all.ok_or_else(|| self.shared.client.unreadable(operation, &"an order without its id"))
    }

    /// Cancels one order; one that is over already counts as cancelled.
    pub(in crate::gateway) fn cancel_listed(&self, order: &ListedOrder) -> Answer<()> {
        let cancel = Command::Cancel(OrderSpecifier::Id(order.id.as_str()));
        match self.send_built("cancel", false, |caller, out| caller.put_command(&cancel, out)) {
            Err(ExchangeError::Http { status: 404, .. }) => Ok(()),
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(()),
            reply => reply.map(drop),
        }
    }

    /// The venue's clock, as it stamps prices: it has no endpoint for the time.
    pub(super) fn server_time(&self) -> Answer<UnixNanos> {
        let operation = "server time";
        let known = self.known_rules().keys().next().cloned();
        let name = match known {
            Some(name) => Some(name),
            None => self.instruments()?.into_iter().next().map(|rules| rules.name),
        };
        let Some(name) = name else { return Err(ExchangeError::Unsupported(Venue::Oanda, operation)) };
        let query = Query::Pricing { instruments: &[&name], since: UnixNanos::NONE, home_conversions: false };
        let time = self.ask(operation, &query, response::prices)?.time;
        match time.is_some() {
            true => Ok(time),
            false => Err(self.shared.client.unreadable(operation, &"no time in it")),
        }
    }

    /// Before the first order: the token must own the account, and nobody else may trade it. Without that proof nothing
    /// starts.
    pub(in crate::gateway) fn check_start(&self) -> Result<(), GatewayError> {
        let venue = Venue::Oanda;
        match self.accounts() {
            Ok(accounts) => tradable(&accounts, &self.shared.account)
                .map_err(|error| GatewayError::Setting { setting: "OANDA_ACCOUNT_ID", why: error.to_string() }),
            Err(ExchangeError::Rejected { class, code, .. }) if is_refusal_of_the_token(class) => {
                let status = if class == RejectClass::Unauthorized { 401 } else { 403 };
                Err(GatewayError::KeyRefused { venue, status, excerpt: code })
            }
            Err(ExchangeError::Http { status: status @ (401 | 403), excerpt, .. }) => {
                Err(GatewayError::KeyRefused { venue, status, excerpt })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn known_rules(&self) -> std::sync::MutexGuard<'_, BTreeMap<Box<str>, InstrumentRules>> {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One question, and its reply read.
    fn ask<T>(
        &self,
        operation: &'static str,
        query: &Query<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, ReplyError>,
    ) -> Answer<T> {
        let reply = self.send(operation, query)?;
        read(&reply.body).map_err(|error| self.shared.client.unreadable(operation, &error))
    }

    /// One question and its reply of status 200: nothing changes by it.
    fn send(&self, operation: &'static str, query: &Query<'_>) -> Answer<OwnedResponse> {
        self.send_built(operation, false, |caller, out| caller.put_query(query, out))
    }

    /// One request; `ambiguous`: whether it may have had an effect that counts if its reply is lost.
    fn send_built(
        &self,
        operation: &'static str,
        ambiguous: bool,
        put: impl FnOnce(&Caller<'_>, &mut Vec<u8>) -> Result<Method, RequestError>,
    ) -> Answer<OwnedResponse> {
        let Shared { client, account, token, .. } = &*self.shared;
        let caller = Caller { host: &client.authority, user_agent: USER_AGENT, account, token };
        // In one piece from the start: a buffer that grows leaves copies behind.
        let mut request = zeroize::Zeroizing::new(Vec::with_capacity(REQUEST_BYTES));
        let method = put(&caller, &mut request)
            .map_err(|error| ExchangeError::InvalidArgument { argument: operation, why: error.to_string() })?;
        let build = Box::new(move |out: &mut Vec<u8>| -> Result<(), Box<str>> {
            out.extend_from_slice(&request);
            Ok(())
        });
        let reply = client.run(operation, method, 1, build, ambiguous)?;
        self.judge(operation, reply)
    }

    /// A reply of status 200 or 201, or what it says instead.
    fn judge(&self, operation: &'static str, reply: OwnedResponse) -> Answer<OwnedResponse> {
        let (venue, status) = (Venue::Oanda, reply.status);
        if matches!(status, 200 | 201) {
            return Ok(reply);
        }
        let retry_after_s =
            reply.header("retry-after").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        let headers = ReplyHeaders { retry_after_s, ..ReplyHeaders::default() };
        if let Some(wait_ms) = headers.wait_ms(status, is_page(&reply.body)) {
            let client = &self.shared.client;
            client.block_until(client.clock.now().plus_ms(wait_ms));
        }
        Err(match response::error(status, &reply.body) {
            Some((class, code)) if status < 500 => {
                ExchangeError::Rejected { venue, operation, class, code: code.into() }
            }
            _ => {
                let excerpt = crate::codec::http1::Excerpt::of(&reply.body).as_str().to_owned();
                ExchangeError::Http { venue, operation, status, excerpt }
            }
        })
    }
}

fn is_refusal_of_the_token(class: RejectClass) -> bool {
    matches!(class, RejectClass::Unauthorized | RejectClass::Forbidden)
}
