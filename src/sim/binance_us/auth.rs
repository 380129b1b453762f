//! Keys, signatures and timestamps (Binance.US reference 2). HMAC-SHA256 only: the venue takes no other key.

use super::model::BinanceUs;
use super::order::ms;
use super::params::Params;
use super::reject::Failure;
use crate::codec::hmac::HmacKey;
use crate::sim::server::Request;

/// `recvWindow` if none is sent, and the largest.
const WINDOW_MS_DEFAULT: u64 = 5_000;
const WINDOW_MS_MAX: u64 = 60_000;
/// How far a timestamp may be ahead of the server.
const AHEAD_MS: u64 = 1_000;
/// Length of a key.
const KEY_CHARS: usize = 64;

/// What a REST request signed: its query, then its body, with nothing between, without the signature.
pub(super) fn rest_payload(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let unsigned = |text: &str| {
        let kept: Vec<&str> = text.split('&').filter(|part| !part.starts_with("signature=")).collect();
        kept.join("&")
    };
    unsigned(&request.query) + &unsigned(&body)
}

impl BinanceUs {
    /// The key alone.
    pub(super) fn check_key(&self, key: Option<&str>) -> Result<(), Failure> {
        let key = key.filter(|key| key.len() == KEY_CHARS && key.bytes().all(|b| b.is_ascii_alphanumeric()));
        let key = key.ok_or_else(|| Failure::with_status(401, -2014, "API-key format invalid."))?;
        if key == self.key.key() && !self.key_revoked {
            Ok(())
        } else {
            Err(Failure::with_status(401, -2015, "Invalid API-key, IP, or permissions for action."))
        }
    }

    /// The key, the time and the signature over `payload`.
    pub(super) fn check_signed(
        &mut self,
        now_ns: u64,
        key: Option<&str>,
        params: &Params,
        payload: &str,
    ) -> Result<(), Failure> {
        self.check_key(key)?;
        let signature = params.required("signature")?;
        let timestamp = params.integer("timestamp")?.ok_or_else(|| Failure::missing("timestamp"))?;
        let window = params.integer("recvWindow")?.unwrap_or(WINDOW_MS_DEFAULT);
        if window > WINDOW_MS_MAX {
            return Err(Failure::bad(-1131, "recvWindow must be less than 60000"));
        }
        let now_ms = ms(now_ns);
        if timestamp >= now_ms + AHEAD_MS {
            self.observed.clock_refusals += 1;
            return Err(Failure::bad(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
        }
        if now_ms.saturating_sub(timestamp) > window {
            self.observed.clock_refusals += 1;
            return Err(Failure::bad(-1021, "Timestamp for this request is outside of the recvWindow."));
        }
        if signature_of(self.key.secret(), payload).is_some_and(|good| good.eq_ignore_ascii_case(signature)) {
            Ok(())
        } else {
            self.observed.signature_refusals += 1;
            Err(Failure::bad(-1022, "Signature for this request is not valid."))
        }
    }
}

/// HMAC-SHA256 in hexadecimal.
pub(super) fn signature_of(secret: &str, payload: &str) -> Option<String> {
    let signature = HmacKey::from_bytes(secret.as_bytes()).ok()?.sign(&[payload.as_bytes()]);
    Some(signature.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    fn signed(query: &str, body: &str) -> String {
        let request = Request { query: query.into(), body: body.into(), ..Request::default() };
        signature_of(SECRET, &rest_payload(&request)).unwrap()
    }

    #[test]
    fn the_documented_signatures_are_accepted_wherever_the_parameters_are() {
        // Binance.US reference 2, vectors 1 and 2.
        let all = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let whole = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        assert_eq!(signed(all, ""), whole);
        assert_eq!(signed(&format!("{all}&signature={whole}"), ""), whole);
        assert_eq!(signed("", &format!("signature=x&{all}")), whole);
        let (query, body) = all.split_once("&quantity").unwrap();
        let mixed = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77";
        assert_eq!(signed(query, &format!("quantity{body}&signature=x")), mixed);
    }
}
