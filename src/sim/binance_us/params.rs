//! The parameters of a call, by name, wherever they came from: query, form body or a WebSocket request.
//!
//! Guarantees that a number or an id handed out has the form the venue accepts; everything else is a [`Failure`] in its
//! words. Knows no symbols and no rules of the market.

use super::reject::Failure;
use rust_decimal::Decimal;
use serde_json::Value;

/// Digits after the point the engine takes at all (Binance.US reference 4: -1111).
const SCALE_MAX: u32 = 8;
/// Longest client id (Binance.US reference 3).
const CLIENT_ID_MAX: usize = 36;

/// Named values, in the order sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Of a REST request. A name both in the query and in the body counts with the query's value (reference 2).
    pub(crate) fn of_rest(query: Vec<(String, String)>, form: Vec<(String, String)>) -> Result<Self, Failure> {
        let twice = |pairs: &[(String, String)]| {
            pairs.iter().enumerate().any(|(i, (name, _))| pairs.iter().skip(i + 1).any(|(other, _)| other == name))
        };
        if twice(&query) || twice(&form) {
            return Err(Failure::bad(-1101, "Duplicate values for a parameter detected."));
        }
        let mut all = query;
        for (name, value) in form {
            if !all.iter().any(|(known, _)| *known == name) {
                all.push((name, value));
            }
        }
        Ok(Self(all))
    }

    /// Of a WebSocket request: every value in its text form, as it is signed (reference 8).
    pub(crate) fn of_json(params: Option<&Value>) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let members = params.and_then(Value::as_object).into_iter().flatten();
        Self(members.filter(|(_, v)| !v.is_null()).map(|(name, value)| (name.clone(), text(value))).collect())
    }

    /// `name=value` of all but the signature, sorted by name: what a WebSocket request signs.
    pub(crate) fn sorted_payload(&self) -> String {
        let mut pairs: Vec<&(String, String)> = self.0.iter().filter(|(name, _)| name != "signature").collect();
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// A value, `None` if absent.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.0.iter().find(|(known, _)| known == name) {
            None => Ok(None),
            Some((_, value)) if value.is_empty() => Err(Failure::bad(-1105, format!("Parameter '{name}' was empty."))),
            Some((_, value)) => Ok(Some(value)),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok().flatten().ok_or_else(|| Failure::missing(name))
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let legal = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| legal);
        number.map(Some).ok_or_else(|| Failure::illegal(name, "^[0-9]{1,20}$"))
    }

    /// A decimal without sign and exponent.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Failure> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(Failure::illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$"));
        }
        let number: Decimal =
            text.parse().map_err(|_| Failure::bad(-1108, format!("Parameter '{name}' overflowed.")))?;
        let number = number.normalize();
        if number.scale() > SCALE_MAX {
            return Err(Failure::bad(-1111, format!("Parameter '{name}' has too much precision.")));
        }
        Ok(Some(number))
    }

    /// A client's own id for an order, a cancel or a list.
    pub(crate) fn client_id(&self, name: &str) -> Result<Option<&str>, Failure> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let legal =
            text.len() <= CLIENT_ID_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        legal.then_some(Some(text)).ok_or_else(|| Failure::illegal(name, "^[a-zA-Z0-9-_]{1,36}$"))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name)? {
            None => Ok(None),
            Some("true" | "TRUE") => Ok(Some(true)),
            Some("false" | "FALSE") => Ok(Some(false)),
            Some(_) => Err(Failure::bad(-1130, format!("Data sent for parameter '{name}' is not valid."))),
        }
    }

    /// A `limit`: `default` if absent, cut to `max`.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, Failure> {
        match self.integer("limit")? {
            None => Ok(default),
            Some(0) => Err(Failure::bad(-1130, "Data sent for parameter 'limit' is not valid.")),
            Some(limit) => Ok(usize::try_from(limit).unwrap_or(max).min(max)),
        }
    }

    /// The names in a JSON array parameter such as `symbols`.
    pub(crate) fn names(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        let legal = r#"^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$"#;
        serde_json::from_str(text).map(Some).map_err(|_| Failure::illegal(name, legal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn the_query_wins_over_the_body_and_a_name_twice_in_one_place_is_refused() {
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let merged = Params::of_rest(vec![pair("a", "1")], vec![pair("a", "2"), pair("b", "3")]).unwrap();
        assert_eq!((merged.get("a"), merged.get("b")), (Ok(Some("1")), Ok(Some("3"))));
        let twice = Params::of_rest(vec![pair("a", "1"), pair("a", "1")], vec![]);
        assert_eq!(twice.unwrap_err().code, -1101);
    }

    #[test]
    fn numbers_are_plain_or_refused_by_name() {
        let p = params(&[
            ("price", "0.10"),
            ("bad", "1e5"),
            ("fine", "0.123456789"),
            ("empty", ""),
            ("n", "7"),
            ("neg", "-1"),
        ]);
        assert_eq!(p.decimal("price").unwrap(), Some(Decimal::new(1, 1)));
        assert_eq!(p.decimal("bad").unwrap_err().code, -1100);
        assert_eq!(p.decimal("neg").unwrap_err().code, -1100);
        assert_eq!(p.decimal("fine").unwrap_err().code, -1111);
        assert_eq!(p.decimal("empty").unwrap_err().code, -1105);
        assert_eq!((p.decimal("none"), p.integer("n")), (Ok(None), Ok(Some(7))));
        assert_eq!(p.integer("price").unwrap_err().code, -1100);
        assert_eq!(p.required("none").unwrap_err().code, -1102);
    }

    #[test]
    fn a_websocket_request_signs_its_parameters_sorted_by_name() {
        let request = json!({"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC",
            "quantity": "0.01000000", "price": "52000.00", "newOrderRespType": "ACK", "recvWindow": 100,
            "timestamp": 1645423376532u64, "apiKey": "k", "signature": "x"});
        let expected = "apiKey=k&newOrderRespType=ACK&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL\
                        &symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT";
        assert_eq!(Params::of_json(Some(&request)).sorted_payload(), expected);
    }

    #[test]
    fn client_ids_have_an_alphabet_and_a_length() {
        let long = "a".repeat(37);
        let p = params(&[("good", "aZ-_9"), ("bad", "a.b"), ("long", &long)]);
        assert_eq!(p.client_id("good"), Ok(Some("aZ-_9")));
        assert!(p.client_id("bad").is_err() && p.client_id("long").is_err());
    }
}
