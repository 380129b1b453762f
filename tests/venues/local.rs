//! A local venue, whichever it is, behind one set of names.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::common::{self, BTC};
use exchange_connectors::record::{ExecutionKind, Fixed, Instrument, OrderCommand, Side, Venue};
use exchange_connectors::sim::binance_us::{self, LocalBinanceUs};
use exchange_connectors::sim::coinbase::{self, LocalVenue};
use exchange_connectors::sim::oanda::{self, LocalOanda};
use exchange_connectors::sim::server::{CloseHow, Door, Fault, FaultRule, Request, Response, Venue as _};
use exchange_connectors::sim::VenueEnd;
use exchange_connectors::venue::binance_us::auth as binance_us_key;
use exchange_connectors::venue::coinbase::auth::CdpKey;
use rust_decimal::Decimal;
use std::sync::mpsc;

/// What is traded at OANDA.
pub(super) const EUR: &str = "EUR_USD";

/// Bids and asks, best first: price and size.
pub type Levels = [Vec<(Decimal, Decimal)>; 2];

/// A local venue.
pub enum Local {
    Coinbase(LocalVenue),
    BinanceUs(LocalBinanceUs),
    Oanda(LocalOanda),
}

/// The same words to whichever venue it is.
macro_rules! at {
    ($local:expr, $venue:ident => $said:expr) => {
        match $local {
            Local::Coinbase($venue) => $said,
            Local::BinanceUs($venue) => $said,
            Local::Oanda($venue) => $said,
        }
    };
}

/// Where the REST API of a venue is asked what: method and path.
#[derive(Clone, Copy)]
pub struct Paths {
    pub place: (&'static str, &'static str),
    pub cancel: (&'static str, &'static str),
    /// Where an order of unknown outcome is looked for.
    pub recent_orders: (&'static str, &'static str),
    /// Where else it may be found: once something else has told that there is news, among all open orders, and in the picture
    /// of the account that OANDA is asked for whenever an instrument becomes known.
    pub other_listings: &'static [(&'static str, &'static str)],
    /// Where all open orders are listed.
    pub open_orders: (&'static str, &'static str),
    /// Where the engine asks what is held.
    pub held: (&'static str, &'static str),
    /// What `Queries::balances` asks.
    pub balances: (&'static str, &'static str),
    /// The question by which connections are kept warm and breakers probe: for the time, where that is public.
    pub time: (&'static str, &'static str),
}

impl Local {
    /// Every venue that trades through the gateway.
    pub const ALL: [Venue; 3] = [Venue::Coinbase, Venue::BinanceUs, Venue::Oanda];

    pub fn venue(&self) -> Venue {
        match self {
            Local::Coinbase(_) => Venue::Coinbase,
            Local::BinanceUs(_) => Venue::BinanceUs,
            Local::Oanda(_) => Venue::Oanda,
        }
    }

    pub fn paths(&self) -> Paths {
        match self {
            Local::Coinbase(_) => Paths {
                place: ("POST", common::ORDERS),
                cancel: ("POST", common::BATCH_CANCEL),
                recent_orders: ("GET", common::LIST_ORDERS),
                other_listings: &[],
                open_orders: ("GET", common::LIST_ORDERS),
                held: ("GET", "/api/v3/brokerage/accounts"),
                balances: ("GET", "/api/v3/brokerage/accounts"),
                time: ("GET", "/api/v3/brokerage/time"),
            },
            Local::BinanceUs(_) => Paths {
                place: ("POST", "/api/v3/order"),
                cancel: ("DELETE", "/api/v3/order"),
                recent_orders: ("GET", "/api/v3/allOrders"),
                other_listings: &[("GET", "/api/v3/openOrders")],
                open_orders: ("GET", "/api/v3/openOrders"),
                held: ("GET", "/api/v3/account"),
                balances: ("GET", "/api/v3/account"),
                time: ("GET", "/api/v3/time"),
            },
            // The local venue's account is always the same.
            Local::Oanda(_) => Paths {
                place: ("POST", "/v3/accounts/101-001-7654321-001/orders"),
                cancel: ("PUT", "/v3/accounts/101-001-7654321-001/orders/*"),
                recent_orders: ("GET", "/v3/accounts/101-001-7654321-001/transactions/sinceid"),
                other_listings: &[
                    ("GET", "/v3/accounts/101-001-7654321-001/transactions/idrange"),
                    ("GET", "/v3/accounts/101-001-7654321-001/pendingOrders"),
                    ("GET", "/v3/accounts/101-001-7654321-001"),
                ],
                open_orders: ("GET", "/v3/accounts/101-001-7654321-001/pendingOrders"),
                held: ("GET", "/v3/accounts/101-001-7654321-001"),
                balances: ("GET", "/v3/accounts/101-001-7654321-001/summary"),
                time: ("GET", "/v3/accounts/101-001-7654321-001/summary"),
            },
        }
    }

    /// The venue's name of what is traded: bitcoin in dollars, or the euro.
    pub fn symbol(&self) -> &'static str {
        match self {
            Local::Coinbase(_) => BTC,
            Local::BinanceUs(_) => "BTCUSD",
            Local::Oanda(_) => EUR,
        }
    }

    /// Price and quantity of a bid for it that rests far below the market.
    pub fn bid_terms(&self) -> (&'static str, &'static str) {
        match self {
            Local::Coinbase(_) | Local::BinanceUs(_) => ("50000", "0.01"),
            Local::Oanda(_) => ("1.1", "100"),
        }
    }

    /// That bid, good til cancelled.
    pub fn bid(&self, traded: &Instrument) -> OrderCommand {
        let mantissa = |text: &str, exponent| Fixed::parse(text).unwrap().rescale(exponent).unwrap();
        let (price, size) = self.bid_terms();
        let (price, size) = (mantissa(price, traded.price_exponent), mantissa(size, traded.size_exponent));
        OrderCommand::limit(traded.id, Side::Buy, price, size)
    }

    /// The parts it trades in: an order that rests at OANDA is filled whole (OANDA reference 7).
    pub fn parts(&self) -> &'static [&'static str] {
        match self {
            Local::Coinbase(_) | Local::BinanceUs(_) => &["0.004", "0.006"],
            Local::Oanda(_) => &["100"],
        }
    }

    /// The records of an order that is accepted and trades in these parts to its end.
    pub fn whole_life(&self) -> Vec<ExecutionKind> {
        let fills = self.parts().iter().map(|_| ExecutionKind::Fill);
        [ExecutionKind::Accepted].into_iter().chain(fills).chain([ExecutionKind::Filled]).collect()
    }

    /// Where the account's events come from.
    pub fn user_door(&self) -> Door {
        match self {
            Local::Coinbase(_) => coinbase::DOOR_USER,
            Local::BinanceUs(_) => binance_us::DOOR_WS_API,
            Local::Oanda(_) => oanda::DOOR_STREAM,
        }
    }

    /// Where prices come from.
    pub fn market_door(&self) -> Door {
        match self {
            Local::Coinbase(_) => coinbase::DOOR_MARKET,
            Local::BinanceUs(_) => binance_us::DOOR_STREAM,
            Local::Oanda(_) => oanda::DOOR_STREAM,
        }
    }

    pub fn rest_door(&self) -> Door {
        match self {
            Local::Coinbase(_) => coinbase::DOOR_REST,
            Local::BinanceUs(_) => binance_us::DOOR_REST,
            Local::Oanda(_) => oanda::DOOR_REST,
        }
    }

    pub(super) fn ca_pem(&self) -> &str {
        at!(self, venue => venue.ca_pem())
    }

    /// Answers a request as if it had come in by REST, past all sockets. A signature that names the host is made anew.
    pub fn serve(&self, mut request: Request) -> Response {
        match self {
            Local::Coinbase(venue) => {
                if let Some((_, token)) = request.headers.iter_mut().find(|(name, _)| name == "authorization") {
                    let key = venue.credentials();
                    let key = CdpKey::new(key.name(), key.secret()).unwrap();
                    let host = venue.rest_url().replace("https://", "");
                    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
                    let nonce = now.as_nanos().to_be_bytes();
                    let minted = key.mint_rest(&request.method, &host, &request.path, now.as_secs(), nonce).unwrap();
                    *token = format!("Bearer {minted}");
                }
                venue
                    .call(move |core, now_ns| {
                        core.venue.arrived(now_ns, coinbase::DOOR_REST, &request);
                        core.venue.http(now_ns, coinbase::DOOR_REST, &request)
                    })
                    .unwrap()
            }
            Local::BinanceUs(venue) => venue
                .call(move |core, now_ns| {
                    core.venue.arrived(now_ns, binance_us::DOOR_REST, &request);
                    core.venue.http(now_ns, binance_us::DOOR_REST, &request)
                })
                .unwrap(),
            Local::Oanda(venue) => venue
                .call(move |core, now_ns| {
                    core.venue.arrived(now_ns, oanda::DOOR_REST, &request);
                    core.venue.http(now_ns, oanda::DOOR_REST, &request)
                })
                .unwrap(),
        }
    }

    /// Somebody else with the same account places a bid far below the market, past all sockets.
    pub fn strangers_bid(&self, symbol: &str, client_order_id: &str) {
        let (price, size) = match self {
            _ if symbol == self.symbol() => self.bid_terms(),
            Local::Coinbase(_) | Local::BinanceUs(_) => ("1500", "0.1"),
            Local::Oanda(_) => ("1.2", "100"),
        };
        let (method, path) = self.paths().place;
        let request = Request { method: method.into(), path: path.into(), ..Request::default() };
        let request = match self {
            Local::Coinbase(_) => Request {
                headers: vec![("authorization".into(), "Bearer".into())],
                body: format!(
                    r#"{{"client_order_id":"{client_order_id}","product_id":"{symbol}","side":"BUY","order_configuration":{{"limit_limit_gtc":{{"base_size":"{size}","limit_price":"{price}","post_only":true}}}}}}"#
                )
                .into_bytes(),
                ..request
            },
            Local::BinanceUs(venue) => {
                let key = venue.key();
                let stamp = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
                let order = format!(
                    "symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity={size}&price={price}&newClientOrderId={client_order_id}&timestamp={stamp}"
                );
                let mut signature = Vec::new();
                let credentials = binance_us_key::Credentials::new(key.key(), key.secret()).unwrap();
                credentials.sign_rest(order.as_bytes(), &[], &mut signature);
                let query = format!("{order}&signature={}", String::from_utf8(signature).unwrap());
                Request { headers: vec![("x-mbx-apikey".into(), key.key().into())], query, ..request }
            }
            Local::Oanda(venue) => Request {
                headers: vec![("authorization".into(), format!("Bearer {}", venue.token().text()))],
                body: format!(
                    r#"{{"order":{{"type":"LIMIT","instrument":"{symbol}","units":"{size}","price":"{price}","timeInForce":"GTC","clientExtensions":{{"id":"{client_order_id}"}}}}}}"#
                )
                .into_bytes(),
                ..request
            },
        };
        let reply = self.serve(request);
        assert!(matches!(reply.status, 200 | 201), "{}", String::from_utf8_lossy(&reply.body));
        assert!(self.holds(client_order_id), "{}", String::from_utf8_lossy(&reply.body));
    }

    /// The venue's own book of what is traded, asked of the model past all sockets: bids and asks, best first, price and
    /// size.
    pub fn book(&self) -> Levels {
        let symbol = self.symbol();
        let ask = |path: String, query: String, headers: Vec<(String, String)>| {
            let reply = self.serve(Request { method: "GET".into(), path, query, headers, ..Request::default() });
            serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap()
        };
        let level = |price: &serde_json::Value, size: &serde_json::Value| {
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (common::decimal(&text(price)).normalize(), common::decimal(&text(size)).normalize())
        };
        let (book, price, size) = match self {
            Local::Coinbase(_) => {
                let path = "/api/v3/brokerage/market/product_book".to_owned();
                let mut book = ask(path, format!("product_id={symbol}"), vec![]);
                (book["pricebook"].take(), "price", "size")
            }
            Local::BinanceUs(_) => {
                let mut book = ask("/api/v3/depth".into(), format!("symbol={symbol}&limit=5000"), vec![]);
                for side in ["bids", "asks"] {
                    for level in book[side].as_array_mut().unwrap() {
                        *level = serde_json::json!({ "price": level[0], "size": level[1] });
                    }
                }
                (book, "price", "size")
            }
            Local::Oanda(venue) => {
                let path = format!("/v3/accounts/{}/pricing", venue.account_id());
                let token = vec![("authorization".into(), format!("Bearer {}", venue.token().text()))];
                let mut book = ask(path, format!("instruments={symbol}"), token);
                (book["prices"][0].take(), "price", "liquidity")
            }
        };
        ["bids", "asks"]
            .map(|side| book[side].as_array().unwrap().iter().map(|row| level(&row[price], &row[size])).collect())
    }

    /// The venue's name of something that no test trades.
    pub fn other_symbol(&self) -> &'static str {
        match self {
            Local::Coinbase(_) => "ETH-USD",
            Local::BinanceUs(_) => "ETHUSD",
            Local::Oanda(_) => "GBP_USD",
        }
    }

    /// What may be said on the stream of the account's events and means nothing.
    pub fn nonsense(&self) -> [&'static str; 4] {
        match self {
            Local::Coinbase(_) => [
                "{not json",
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":7}"#,
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":[{"type":"update","orders":[{"product_id":"NO-SUCH","order_id":5}]}]}"#,
                r#"{"channel":"user","timestamp":"2026-11-22T00:00:00Z","events":[{"type":"update","orders":[{"order_id":"x","client_order_id":"y","product_id":"NO-SUCH","status":"OPEN","order_side":"BUY","cumulative_quantity":"0","leaves_quantity":"1","avg_price":"0"}]}]}"#,
            ],
            Local::BinanceUs(_) => [
                "{not json",
                r#"{"event":7}"#,
                r#"{"subscriptionId":0,"event":{"e":"executionReport","s":"NOSUCH"}}"#,
                r#"{"subscriptionId":0,"event":{"e":"horoscope","E":1}}"#,
            ],
            Local::Oanda(_) => [
                "{not json\n",
                "{\"type\":7}\n",
                "{\"type\":\"ORDER_FILL\",\"id\":\"x\",\"instrument\":\"NO_SUCH\"}\n",
                "{\"type\":\"HOROSCOPE\"}\n",
            ],
        }
    }

    /// How often an order arrived, answered or not.
    pub fn orders_received(&self, client_order_id: &str) -> u64 {
        at!(self, venue => venue.orders_received(client_order_id).unwrap())
    }

    /// How many new orders arrived by REST, answered or not.
    pub fn orders_posted(&self) -> u64 {
        let (method, path) = self.paths().place;
        match self {
            Local::Oanda(venue) => venue.requests("POST /orders").unwrap(),
            _ => at!(self, venue => venue.requests(&format!("{method} {path}")).unwrap()),
        }
    }

    /// How many new orders arrived over the connection that carries many, answered or not.
    pub fn orders_by_api(&self) -> u64 {
        at!(self, venue => venue.requests("WS order.place").unwrap())
    }

    /// How often something was asked by REST, answered or not.
    pub fn asked(&self, (method, path): (&'static str, &'static str)) -> u64 {
        let below = match path.strip_prefix("/v3/accounts/101-001-7654321-001") {
            Some("") => "/",
            below => below.unwrap_or(path),
        };
        at!(self, venue => venue.requests(&format!("{method} {below}")).unwrap())
    }

    /// How many requests to cancel one order of ours arrived by REST, answered or not.
    pub fn cancels_posted(&self) -> u64 {
        match self {
            Local::Oanda(_) => self.asked(("PUT", "/orders/*/cancel")),
            Local::Coinbase(_) | Local::BinanceUs(_) => self.asked(self.paths().cancel),
        }
    }

    /// Lets the market move once.
    pub fn step(&self) {
        at!(self, venue => venue.step(1).unwrap());
    }

    /// How the venue itself sees an order.
    pub fn state_of(&self, client_order_id: &str) -> Option<&'static str> {
        match self {
            Local::Coinbase(venue) => venue.order(client_order_id).unwrap().map(|(_, state, _)| state),
            Local::BinanceUs(venue) => venue.order(client_order_id).unwrap().map(|(_, state, _)| state),
            Local::Oanda(venue) => venue.order(client_order_id).unwrap().map(|(_, state)| state),
        }
    }

    /// Whether the venue holds an order open.
    pub fn holds(&self, client_order_id: &str) -> bool {
        matches!(self.state_of(client_order_id), Some("OPEN" | "NEW" | "PARTIALLY_FILLED" | "PENDING"))
    }

    /// From now on no smaller order of what is traded is taken.
    pub fn set_size_min(&self, size: &str) {
        at!(self, venue => venue.set_size_min(self.symbol(), common::decimal(size)).unwrap());
    }

    pub fn inject(&self, rule: FaultRule) {
        at!(self, venue => venue.inject(rule).unwrap());
    }

    /// Something is wrong with the next new order's request.
    pub fn spoil_next_order(&self, fault: Fault) {
        let (method, path) = self.paths().place;
        self.inject(FaultRule::next(method, path, fault));
    }

    /// The same where orders go over a connection that carries many (the WebSocket API of Binance.US).
    pub fn spoil_next_api_order(&self, fault: Fault) {
        match self {
            Local::BinanceUs(venue) => venue.inject_next_ws("order.place", fault).unwrap(),
            Local::Coinbase(_) | Local::Oanda(_) => panic!("{} has no order entry but REST", self.venue()),
        }
    }

    /// From now on it is told nowhere what became of an order: every question for it is answered like this.
    pub fn spoil_lookups(&self, fault: &Fault) {
        let questions: &[(&str, &str)] = match self {
            Local::Coinbase(_) => &[("GET", "/api/v3/brokerage/orders/historical/*")],
            Local::BinanceUs(_) => &[("GET", "/api/v3/allOrders"), ("GET", "/api/v3/order")],
            Local::Oanda(_) => &[("GET", "/v3/accounts/101-001-7654321-001/transactions/*")],
        };
        for (method, path) in questions {
            self.inject(FaultRule::next(method, path, fault.clone()).times(u32::MAX));
        }
    }

    /// The venue refuses the next order for want of money, in its own words.
    pub fn refuse_next_order(&self) {
        match self {
            Local::Coinbase(venue) => venue.reject_next_order("INSUFFICIENT_FUND").unwrap(),
            Local::BinanceUs(venue) => {
                let words = "Account has insufficient balance for requested action.";
                venue.reject_next_order(-2010, words).unwrap();
            }
            Local::Oanda(venue) => venue.reject_next_order("INSUFFICIENT_MARGIN").unwrap(),
        }
    }

    /// The key, or the account, may not trade any more from now on; whether that can be given back.
    pub fn take_the_key_away(&self) -> bool {
        match self {
            Local::Coinbase(venue) => {
                venue.set_permissions(coinbase::Permissions { view: true, trade: false }).unwrap();
                true
            }
            Local::BinanceUs(venue) => {
                venue.revoke_key().unwrap();
                false
            }
            Local::Oanda(venue) => {
                venue.revoke_token(true).unwrap();
                true
            }
        }
    }

    /// It may again.
    pub fn give_the_key_back(&self) {
        match self {
            Local::Coinbase(venue) => {
                venue.set_permissions(coinbase::Permissions { view: true, trade: true }).unwrap();
            }
            Local::BinanceUs(_) => panic!("a key that was revoked is gone"),
            Local::Oanda(venue) => venue.revoke_token(false).unwrap(),
        }
    }

    /// Lets replies go that `Fault::ThenHold` holds.
    pub fn release_held(&self) {
        at!(self, venue => venue.release_held().unwrap());
    }

    /// Ends all connections of a door, or of all doors.
    pub fn kill_connections(&self, door: Option<Door>, how: CloseHow) {
        let ended = at!(self, venue => venue.kill_connections(door, how).unwrap());
        assert!(ended > 0, "there are connections");
    }

    /// Whether new connections of a door hang before the TLS handshake.
    pub fn set_stalled(&self, door: Door, stalled: bool) {
        at!(self, venue => venue.set_stalled(door, stalled).unwrap());
    }

    /// The stream never mentions the order of that client order id.
    pub fn suppress_user_events(&self, client_order_id: &str) {
        at!(self, venue => venue.suppress_user_events(client_order_id).unwrap());
    }

    pub fn clear_faults(&self) {
        at!(self, venue => venue.clear_faults().unwrap());
    }

    /// The venue ends an order by itself: its time ran out.
    pub fn expire(&self, client_order_id: &str) {
        assert!(at!(self, venue => venue.end_order(client_order_id, VenueEnd::Expired).unwrap()), "it was open");
    }

    pub fn hold_user_events(&self) {
        at!(self, venue => venue.hold_user_events().unwrap());
    }

    pub fn drop_user_events(&self) {
        at!(self, venue => venue.drop_user_events().unwrap());
    }

    pub fn release_user_events(&self) {
        at!(self, venue => venue.release_user_events().unwrap());
    }

    pub fn lag_listings(&self, lag_ms: u64) {
        at!(self, venue => venue.lag_listings(lag_ms * 1_000_000).unwrap());
    }

    pub fn fill(&self, client_order_id: &str, size: &str) {
        let size: Decimal = size.parse().unwrap();
        let traded = match self {
            Local::Coinbase(venue) => venue.fill_order(client_order_id, size).unwrap(),
            Local::BinanceUs(venue) => venue.fill_order(client_order_id, size).unwrap(),
            Local::Oanda(venue) => venue.fill_order(client_order_id).unwrap(),
        };
        assert_eq!(traded, size, "the order rests");
    }

    pub fn delay_user_events(&self, delay_ms: u64) {
        at!(self, venue => venue.delay_user_events(delay_ms * 1_000_000).unwrap());
    }

    pub fn repeat_user_events(&self, times: usize) {
        at!(self, venue => venue.repeat_user_events(times).unwrap());
    }

    /// The REST connections there are now go half-open, or go on.
    pub fn freeze_rest(&self, frozen: bool) -> usize {
        at!(self, venue => venue.set_frozen(self.rest_door(), frozen).unwrap())
    }

    /// What the market does is not told, or is told now, as it was stamped.
    pub fn hold_prices(&self, held: bool) {
        let connections = at!(self, venue => venue.set_frozen(self.market_door(), held).unwrap());
        assert!(connections > 0, "somebody listens");
    }

    pub fn step_clock(&self, ahead_ms: u64) {
        at!(self, venue => venue.step_clock(ahead_ms * 1_000_000).unwrap());
    }

    /// Something past the model to whoever hears the account's events.
    pub fn say_on_user_stream(&self, text: &str) {
        let heard = at!(self, venue => venue.send_raw(self.user_door(), text).unwrap());
        assert!(heard > 0, "somebody listens");
    }

    pub fn down(&self) {
        at!(self, venue => venue.down().unwrap());
    }

    pub fn up(&self) {
        at!(self, venue => venue.up().unwrap().unwrap());
    }

    /// The whole venue hangs meanwhile, with its connections open: it says nothing, and lets nobody in.
    pub fn hung<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        let (wake, sleep) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            // Dropped with this closure, however it ends: the venue wakes.
            let wake = wake;
            let hung = scope.spawn(move || at!(self, venue => venue.call(move |_, _| sleep.recv().is_ok())));
            let done = meanwhile();
            wake.send(()).unwrap();
            assert!(hung.join().unwrap().unwrap());
            done
        })
    }
}
