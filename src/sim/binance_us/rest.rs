//! REST: routing, weights, keys and the headers of every reply (Binance.US reference 3 to 5).

use super::auth::rest_payload;
use super::config::ListenKeys;
use super::endpoint::{by_path, Endpoint, Op, Security};
use super::model::BinanceUs;
use super::params::Params;
use super::reject::Failure;
use crate::sim::server::{Request, Response};

/// Where the API lives.
pub(crate) const PREFIX: &str = "/api/v3/";

impl BinanceUs {
    /// Serves one REST request.
    pub(crate) fn rest(&mut self, now_ns: u64, request: &Request) -> Response {
        let found = request.path.strip_prefix(PREFIX).map(|path| by_path(&request.method, path));
        let endpoint = match found {
            Some(Ok(endpoint)) => endpoint,
            Some(Err(true)) => return Failure::with_status(405, -1020, "This operation is not supported.").response(),
            Some(Err(false)) | None => return Response::html(404, "<html><body><h2>404 Not found</h2></body></html>"),
        };
        if matches!(endpoint.op, Op::StartListenKey | Op::KeepListenKey | Op::CloseListenKey) {
            match self.listen_keys {
                ListenKeys::Served => {}
                ListenKeys::Gone => return Response::html(410, "<html><head><title>410 Gone</title></head></html>"),
                ListenKeys::NotFound => return Response::html(404, "<html><body><h2>404 Not found</h2></body></html>"),
            }
        }
        let served = self.serve_rest(now_ns, endpoint, request);
        let (weight, orders_10_s, orders_day) = self.usage.used(now_ns);
        let placed = served.is_ok() && endpoint.op.orders() > 0;
        let response = match served {
            Ok(body) => Response::json(200, body),
            Err(failure) => failure.response(),
        };
        let response = response.with_header("x-mbx-used-weight", weight).with_header("x-mbx-used-weight-1m", weight);
        if placed {
            response.with_header("x-mbx-order-count-10s", orders_10_s).with_header("x-mbx-order-count-1d", orders_day)
        } else {
            response
        }
    }

    fn serve_rest(&mut self, now_ns: u64, endpoint: &Endpoint, request: &Request) -> Result<String, Failure> {
        let form = if request.method == "GET" { Vec::new() } else { request.form_pairs() };
        let params = Params::of_rest(request.query_pairs(), form);
        let weight = params.as_ref().ok().map(|p| endpoint.op.weight(p, self.exchange.markets.len()));
        self.usage.request(now_ns, &self.limits, weight.and_then(Result::ok).unwrap_or(1))?;
        let params = params?;
        let key = request.header("x-mbx-apikey");
        match endpoint.security {
            Security::None => {}
            Security::Key => self.check_key(key)?,
            Security::Signed => self.check_signed(now_ns, key, &params, &rest_payload(request))?,
        }
        self.serve(now_ns, endpoint.op, &params, None)
    }
}
