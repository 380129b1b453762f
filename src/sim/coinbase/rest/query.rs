//! Query parameters of a request, a key possibly with several values.

use crate::sim::coinbase::errors::invalid_argument;
use crate::sim::parse_rfc3339;
use crate::sim::server::{Request, Response};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

pub(super) struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    pub(super) fn of(request: &Request) -> Self {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in request.query_pairs() {
            if !value.is_empty() {
                map.entry(key).or_default().push(value);
            }
        }
        Self(map)
    }

    pub(super) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    /// True if the key is absent or one of its values is `value`.
    pub(super) fn admits(&self, key: &str, value: &str) -> bool {
        self.all(key).is_empty() || self.all(key).iter().any(|v| v == value)
    }

    /// `true` in any case, as several clients write it.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.one(key).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// A count from 1 to `max`; `default` if absent or 0.
    pub(super) fn number(&self, key: &str, default: usize, max: usize) -> Result<usize, Response> {
        match self.one(key).map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(n)) if n > 0 => Ok(n.min(max)),
            Some(Ok(_)) => Ok(default),
            Some(Err(_)) => Err(invalid_argument(&format!("parsing field \"{key}\": not a number"))),
        }
    }

    /// A positive decimal.
    pub(super) fn decimal(&self, key: &str) -> Result<Option<Decimal>, Response> {
        let wrong = || invalid_argument(&format!("parsing field \"{key}\": not a positive number"));
        let number = |text: &str| text.parse().ok().filter(|n: &Decimal| *n > Decimal::ZERO).ok_or_else(wrong);
        self.one(key).map(number).transpose()
    }

    /// An RFC 3339 time, UNIX ns.
    pub(super) fn time(&self, key: &str) -> Result<Option<u64>, Response> {
        let wrong = || invalid_argument(&format!("parsing field \"{key}\": not an RFC 3339 time"));
        self.one(key).map(|text| parse_rfc3339(text).ok_or_else(wrong)).transpose()
    }

    /// A time in whole UNIX seconds.
    pub(super) fn seconds(&self, key: &str) -> Result<Option<u64>, Response> {
        let wrong = || invalid_argument(&format!("parsing field \"{key}\": not a UNIX time in seconds"));
        self.one(key).map(|text| text.parse().map_err(|_| wrong())).transpose()
    }

    /// Where a listing goes on.
    pub(super) fn cursor(&self) -> Result<Option<usize>, Response> {
        let wrong = |_| invalid_argument("parsing field \"cursor\": not a cursor of this list");
        self.one("cursor").map(|c| c.parse().map_err(wrong)).transpose()
    }
}
