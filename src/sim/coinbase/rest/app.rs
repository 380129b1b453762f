//! The few calls of the older Coinbase App API (`/v2`) that general clients make before they trade here: time,
//! currencies, exchange rates, accounts. Shapes as ccxt's `coinbase` documents them ([CX] of the Coinbase reference);
//! everything else of that API is another product, and is not found.

use super::query::Query;
use crate::sim::coinbase::exchange::Account;
use crate::sim::coinbase::model::Coinbase;
use crate::sim::server::{Request, Response};
use crate::sim::{rfc3339_nanos, Json, SECOND_NS};
use rust_decimal::Decimal;

/// Where that API lives.
pub(super) const PREFIX: &str = "/v2/";
/// What everything has a price in here.
const DOLLAR: &str = "USD";
/// Significant enough for a rate, as the venue's are.
const RATE_SCALE: u32 = 12;

impl Coinbase {
    /// Serves one request; `path` is what follows the prefix. Looking at accounts needs a key, the rest none.
    pub(super) fn app(&mut self, now_ns: u64, path: &str, request: &Request) -> Response {
        let private = path.trim_matches('/') == "accounts";
        if private {
            match self.caller(now_ns, request) {
                Ok(key) if key.view => {}
                Ok(_) => return failure(403, "forbidden", "Missing required scopes"),
                Err(refusal) => return refusal,
            }
        }
        let limit = if private { self.limits.private_per_s } else { self.limits.public_per_s };
        let window = if private { &mut self.private_window } else { &mut self.public_window };
        if !window.take(now_ns, limit) {
            return self.too_many(request);
        }
        match (request.method.as_str(), path.trim_matches('/')) {
            ("GET", "time") => data(|j| {
                let seconds = now_ns / SECOND_NS;
                j.str("iso", rfc3339_nanos(seconds * SECOND_NS)).raw("epoch", seconds);
            }),
            ("GET", "currencies") => Response::json(
                200,
                Json::compact().object(|j| {
                    j.arr("data", |j| {
                        j.item(|j| {
                            j.str("id", DOLLAR).str("name", "United States Dollar").str("min_size", "0.01");
                        });
                    });
                }),
            ),
            ("GET", "currencies/crypto") => Response::json(200, self.crypto_currencies()),
            ("GET", "exchange-rates") => self.exchange_rates(&Query::of(request)),
            ("GET", "accounts") => Response::json(200, self.app_accounts()),
            _ => failure(404, "not_found", "Not found"),
        }
    }

    /// What has a price in dollars here, and which.
    fn prices(&self) -> impl Iterator<Item = (&str, Decimal)> {
        let markets = self.exchange.markets.iter().filter(|market| market.product.quote == DOLLAR);
        let last = markets.map(|market| (market.product.base.as_str(), market.view().price));
        [(DOLLAR, Decimal::ONE), ("USDC", Decimal::ONE)].into_iter().chain(last)
    }

    fn crypto_currencies(&self) -> String {
        Json::compact().object(|j| {
            j.arr("data", |j| {
                for (place, account) in self.exchange.accounts.iter().filter(|a| a.currency != DOLLAR).enumerate() {
                    let name = self.name_of(&account.currency);
                    j.item(|j| {
                        j.str("asset_id", &account.uuid)
                            .str("code", &account.currency)
                            .str("name", name)
                            .str("color", "#0433FF")
                            .raw("sort_index", 100 + place)
                            .raw("exponent", 8)
                            .str("type", "crypto")
                            .str("address_regex", "^[0-9a-zA-Z]{26,64}$");
                    });
                }
            });
        })
    }

    fn name_of<'a>(&'a self, currency: &'a str) -> &'a str {
        let mut products = self.exchange.markets.iter().map(|market| &market.product);
        products.find(|product| product.base == currency).map_or(currency, |product| &product.base_name)
    }

    /// How much of each currency one of `currency` is worth.
    fn exchange_rates(&self, query: &Query) -> Response {
        let currency = query.one("currency").unwrap_or(DOLLAR);
        let Some((_, worth)) = self.prices().find(|(known, _)| *known == currency) else {
            return failure(400, "invalid_request", &format!("Invalid currency ({currency})"));
        };
        data(|j| {
            j.str("currency", currency).obj("rates", |j| {
                for (known, price) in self.prices() {
                    let rate = worth.checked_div(price).unwrap_or_default();
                    j.str(known, rate.round_dp(RATE_SCALE).normalize());
                }
            });
        })
    }

    fn app_accounts(&self) -> String {
        Json::compact().object(|j| {
            j.obj("pagination", |j| {
                j.raw("ending_before", "null")
                    .raw("starting_after", "null")
                    .raw("limit", self.exchange.accounts.len())
                    .str("order", "desc")
                    .raw("previous_uri", "null")
                    .raw("next_uri", "null");
            })
            .arr("data", |j| {
                for account in &self.exchange.accounts {
                    j.item(|j| self.write_app_account(j, account));
                }
            });
        })
    }

    fn write_app_account(&self, j: &mut Json, account: &Account) {
        let currency = account.currency.as_str();
        let fiat = currency == DOLLAR;
        j.str("id", &account.uuid)
            .str("name", format!("{currency} Wallet"))
            .raw("primary", true)
            .str("type", if fiat { "fiat" } else { "wallet" })
            .obj("currency", |j| {
                j.str("code", currency)
                    .str("name", self.name_of(currency))
                    .str("type", if fiat { "fiat" } else { "crypto" });
            })
            .obj("balance", |j| {
                j.str("amount", (account.available + account.hold).normalize()).str("currency", currency);
            })
            .str("created_at", rfc3339_nanos(self.started_ns / SECOND_NS * SECOND_NS))
            .str("updated_at", rfc3339_nanos(account.updated_ns / SECOND_NS * SECOND_NS))
            .str("resource", "account")
            .str("resource_path", format!("/v2/accounts/{}", account.uuid))
            .raw("allow_deposits", true)
            .raw("allow_withdrawals", true);
    }
}

fn data(f: impl FnOnce(&mut Json)) -> Response {
    Response::json(
        200,
        Json::compact().object(|j| {
            j.obj("data", f);
        }),
    )
}

/// An error in that API's form (Coinbase reference 4, the 429).
fn failure(status: u16, id: &str, message: &str) -> Response {
    Response::json(
        status,
        Json::compact().object(|j| {
            j.arr("errors", |j| {
                j.item(|j| {
                    j.str("id", id).str("message", message);
                });
            });
        }),
    )
}
