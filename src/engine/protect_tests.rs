//! What opens the breaker, at every venue alike: each cause counted exactly, told once, and closed by probes alone.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::engine::contract::{Closed, Control, Input};
use crate::engine::trading::Stray;
use crate::engine::{
    BinanceUsOrders, BinanceUsSetup, Carrier, CoinbaseOrders, CoinbaseSetup, EngineConfig, OandaOrders, OandaSetup,
};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::paper::PaperConfig;
use crate::record::{StrategyId, VenueOrderId};
use crate::sim::FakeOutputs;
use crate::venue::coinbase::{CoinbaseEndpoints, MarketFeeds};
use crate::venue::{binance_us, coinbase, oanda};

const START: UnixNanos = UnixNanos(1_793_613_600_000_000_000);
const ME: StrategyId = StrategyId(0);
/// Every idle connection asks something this often.
const WARM_MS: u64 = 1_000;
/// A page of whatever stands before the venue.
const PAGE: &str = "<html><title>Sorry</title></html>";
/// Failures of the one kind that open, where the table does not say otherwise.
const FAILURES: u32 = 3;

/// Only what a row of the table is about opens.
const NEVER: BreakerRules = BreakerRules {
    window_ms: 600_000,
    outcomes_min: u32::MAX,
    failure_percent_max: 50,
    timeouts_max: u32::MAX,
    server_errors_max: u32::MAX,
    skew_ms_max: u64::MAX,
    pause_ms_min: 2_000,
    pause_ms_max: 60_000,
    probes: 2,
    probe_ms: 500,
};

/// One venue whose REST API is this test; its streams are never reached.
struct Bench {
    engine: Engine,
    out: FakeOutputs,
    now: UnixNanos,
    venue: Venue,
    rest: Vec<ConnId>,
    /// How far the venue's clock is ahead of ours, ms.
    ahead_ms: i64,
}

impl Bench {
    fn new(venue: Venue, breaker: BreakerRules) -> Bench {
        Self::by(venue, breaker, |engine| engine)
    }

    /// With an engine of another kind.
    fn by(venue: Venue, breaker: BreakerRules, change: impl FnOnce(Engine) -> Engine) -> Bench {
        Self::with(venue, breaker, (WARM_MS, 1), change)
    }

    /// With so many order connections, which are kept warm so often.
    fn with(
        venue: Venue,
        breaker: BreakerRules,
        (warm_every_ms, order_connections): (u64, usize),
        change: impl FnOnce(Engine) -> Engine,
    ) -> Bench {
        let mut config = EngineConfig {
            coinbase: None,
            binance_us: None,
            oanda: None,
            ids: ClientOrderIds::new("xc", 1).unwrap(),
            limits: None,
            breaker,
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules::default(),
            book_blocks_max: 16,
        };
        match venue {
            Venue::Coinbase => {
                let setup = config.coinbase.insert(coinbase_setup());
                let orders = setup.orders.take();
                setup.orders = orders.map(|orders| CoinbaseOrders { warm_every_ms, order_connections, ..orders });
            }
            Venue::BinanceUs => {
                let setup = config.binance_us.insert(binance_us_setup());
                setup.warm_every_ms = warm_every_ms;
                let orders = setup.orders.take();
                setup.orders = orders.map(|orders| BinanceUsOrders { rest_connections: order_connections, ..orders });
            }
            Venue::Oanda => {
                let setup = config.oanda.insert(oanda_setup());
                let orders = setup.orders.take();
                setup.orders = orders.map(|orders| OandaOrders { warm_every_ms, order_connections, ..orders });
            }
        }
        let engine = change(Engine::new(config).unwrap());
        let slots = engine.slots();
        let rest = (0..slots.len()).filter(|i| slots[*i].carrier == Carrier::Rest).map(|i| ConnId(i as u16)).collect();
        let out = FakeOutputs::new(1, slots.len());
        let mut bench = Bench { engine, out, now: START, venue, rest, ahead_ms: 0 };
        bench.apply(Input::Control(Control::AddStrategy(ME)));
        bench
    }

    fn apply(&mut self, input: Input<'_>) {
        self.engine.apply(self.now, input, &mut self.out);
    }

    /// Lets time pass until a REST connection has a request on its way.
    fn request(&mut self) -> (ConnId, String) {
        for _ in 0..10_000 {
            for (conn, why) in std::mem::take(&mut self.out.closes) {
                let closed = Closed { why, clean: false, began: u64::MAX };
                self.apply(Input::Closed { conn, closed, rest: &mut [] });
            }
            self.open_what_is_due();
            if let Some(conn) = self.rest.iter().copied().find(|conn| !self.out.sent[conn.index()].is_empty()) {
                let sent = self.out.take_sent(conn);
                let total = u64::MAX;
                self.apply(Input::Written { conn, began: total, total });
                return (conn, String::from_utf8(sent).unwrap());
            }
            self.pass();
        }
        panic!("{}: nothing is asked", self.venue);
    }

    fn open_what_is_due(&mut self) {
        let due = |(conn, at): &(ConnId, UnixNanos), bench: &Bench| *at <= bench.now && bench.rest.contains(conn);
        while let Some(at) = self.out.dials.iter().position(|dial| due(dial, self)) {
            let (conn, _) = self.out.dials.remove(at);
            self.out.restart(conn);
            self.apply(Input::Opened { conn });
        }
    }

    /// To the next moment at which something is due.
    fn pass(&mut self) {
        let dials = self.out.dials.iter().filter(|(conn, _)| self.rest.contains(conn)).map(|(_, at)| *at);
        let next = dials.chain(self.engine.deadline()).min().unwrap_or(self.now.plus_ms(1));
        self.now = next.max(self.now.plus_ms(1));
        self.apply(Input::Time);
    }

    /// The next request is answered so, after so long.
    fn answer_after(&mut self, ms: u64, status: u16, headers: &str, body: &str) -> String {
        let (conn, request) = self.request();
        self.reply(conn, ms, status, headers, body);
        request
    }

    fn reply(&mut self, conn: ConnId, ms: u64, status: u16, headers: &str, body: &str) {
        self.now = self.now.plus_ms(ms);
        let clock_ms = (self.now.0 / NANOS_PER_MS).saturating_add_signed(self.ahead_ms);
        let date = crate::codec::http1::format_http_date(clock_ms * NANOS_PER_MS);
        let length = body.len();
        let mut wire =
            format!("HTTP/1.1 {status} X\r\nDate: {date}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
                .into_bytes();
        loop {
            let progress = self.engine.apply(self.now, Input::Bytes { conn, plain: &mut wire }, &mut self.out);
            wire.drain(..progress.consumed);
            if !progress.more {
                break;
            }
        }
    }

    /// The next request is answered as the venue would.
    fn answer_well(&mut self) {
        self.answer_well_after(0);
    }

    fn answer_well_after(&mut self, ms: u64) {
        let (conn, request) = self.request();
        let body = self.good_body(&request, ms);
        self.reply(conn, ms, 200, "", &body);
    }

    fn good_body(&self, request: &str, ms: u64) -> String {
        let clock_ms = (self.now.0 / NANOS_PER_MS).saturating_add(ms).saturating_add_signed(self.ahead_ms);
        match self.venue {
            Venue::Coinbase => {
                format!(r#"{{"iso":"","epochSeconds":"{}","epochMillis":"{clock_ms}"}}"#, clock_ms / 1_000)
            }
            Venue::BinanceUs if request.contains("/time") => format!(r#"{{"serverTime":{clock_ms}}}"#),
            Venue::BinanceUs if request.contains("/account") => r#"{"balances":[]}"#.to_owned(),
            Venue::BinanceUs => "[]".to_owned(),
            Venue::Oanda => {
                r#"{"account":{"balance":"1"},"orders":[],"transactions":[],"positions":[],"lastTransactionID":"7"}"#
                    .to_owned()
            }
        }
    }

    /// Nobody answers: lets time pass until one more request was given up, and its connection with it.
    fn stay_silent(&mut self) {
        while self.out.closes.is_empty() {
            self.open_what_is_due();
            self.rest.iter().for_each(|conn| self.out.sent[conn.index()].clear());
            self.pass();
        }
        let (conn, why) = self.out.closes.remove(0);
        assert!(why.contains("silent") || why.contains("ms"), "{}: closed for another reason: {why}", self.venue);
        let closed = Closed { why, clean: false, began: u64::MAX };
        self.apply(Input::Closed { conn, closed, rest: &mut [] });
    }

    /// What was told of guards since the last call: the event and its words.
    fn news(&mut self) -> Vec<(GuardEvent, String, UnixNanos)> {
        let told = std::mem::take(&mut self.out.executions[ME.index()]);
        let told = told.iter().filter(|record| record.kind == ExecutionKind::Guard);
        told.map(|record| (record.guard, record.venue_code.to_string(), record.venue_time)).collect()
    }

    /// That nothing was told but one opening for this reason; until when.
    #[track_caller]
    fn opened(&mut self, words: &str) -> UnixNanos {
        let venue = self.venue;
        let news = self.news();
        let [(event, told, until)] = &news[..] else { panic!("{venue}: {news:?}, and not only {words}") };
        assert_eq!((*event, told.as_str()), (GuardEvent::BreakerOpened, words), "{venue}");
        assert!(*until > self.now, "{venue}: it says until when");
        *until
    }

    #[track_caller]
    fn quiet(&mut self) {
        let news = self.news();
        assert!(news.is_empty(), "{}: {news:?}", self.venue);
    }

    fn state(&self) -> BreakerState {
        self.engine.trading.desks.get(self.venue).breaker.state()
    }

    /// Good answers close it: one opening of probes, one close, after exactly as many probes as asked for.
    #[track_caller]
    fn closes_by_probes(&mut self) {
        let venue = self.venue;
        let mut answered = 0;
        while self.state() != BreakerState::Closed {
            self.answer_well();
            answered += 1;
            assert!(answered < 500, "{venue}: it never closes");
        }
        let news: Vec<GuardEvent> = self.news().into_iter().map(|(event, ..)| event).collect();
        assert_eq!(news, [GuardEvent::BreakerProbing, GuardEvent::BreakerClosed], "{venue}");
    }
}

pub(in crate::engine) fn coinbase_setup() -> CoinbaseSetup {
    let orders = CoinbaseOrders {
        rest: CoinbaseEndpoints::default().rest,
        session: coinbase::OrderConfig::default(),
        legacy: None,
        warm_every_ms: WARM_MS,
        order_connections: 1,
        requests_per_second: 25,
    };
    CoinbaseSetup { stream: coinbase::StreamConfig::default(), market: MarketFeeds::default(), orders: Some(orders) }
}

pub(in crate::engine) fn binance_us_setup() -> BinanceUsSetup {
    let key = binance_us::auth::Credentials::new("throwaway", "secret").unwrap();
    BinanceUsSetup {
        rest: binance_us::BinanceUsEndpoints::default().rest,
        stream: binance_us::StreamConfig::default(),
        session: binance_us::OrderConfig::default(),
        market_connections_max: 1,
        snapshot_levels: 1_000,
        warm_every_ms: WARM_MS,
        orders: Some(BinanceUsOrders {
            key: key.into(),
            api: binance_us::ApiConfig::default(),
            api_connections: 0,
            rest_connections: 1,
            user_data: binance_us::UserData::Signature,
        }),
    }
}

pub(in crate::engine) fn oanda_setup() -> OandaSetup {
    let endpoints = oanda::OandaEndpoints::practice();
    OandaSetup {
        stream: endpoints.stream,
        account: oanda::auth::AccountId::new("101-001-7654321-001").unwrap(),
        token: oanda::auth::AccessToken::new("throwaway-token").unwrap().into(),
        streams: oanda::StreamConfig::default(),
        orders: Some(OandaOrders {
            rest: endpoints.rest,
            session: oanda::OrderConfig::default(),
            warm_every_ms: WARM_MS,
            order_connections: 1,
            requests_per_second: 50,
        }),
    }
}

/// At every venue.
fn each(rules: BreakerRules, show: impl Fn(&mut Bench)) {
    for venue in Venue::ALL {
        let mut bench = Bench::new(venue, rules);
        // Whatever a venue is asked first was answered.
        for _ in 0..8 {
            bench.answer_well();
        }
        bench.quiet();
        show(&mut bench);
    }
}

/// Used at the same moment once, order connections come due together.
#[test]
fn order_connections_are_kept_warm_one_after_the_other() {
    const NEVER_MS: u64 = 86_400_000;
    for venue in Venue::ALL {
        let mut bench = Bench::with(venue, NEVER, (NEVER_MS, 2), |engine| engine);
        let of_orders = |conn: &ConnId| bench.engine.conns[conn.index()].role == ConnectionRole::Orders;
        let orders: Vec<ConnId> = bench.rest.iter().copied().filter(of_orders).collect();
        assert_eq!(orders.len(), 2, "{venue}");
        // Whatever a venue is asked first was answered, and nothing is on its way.
        let free = |bench: &Bench| bench.rest.iter().all(|conn| bench.engine.conns[conn.index()].session.free());
        while orders.iter().any(|conn| !bench.engine.conns[conn.index()].is_open()) || !free(&bench) {
            bench.answer_well();
        }
        for conn in &orders {
            bench.engine.deadlines.set(conn.index(), Some(bench.now));
        }
        bench.apply(Input::Time);
        let busy =
            |bench: &Bench| orders.iter().filter(|conn| !bench.engine.conns[conn.index()].session.free()).count();
        assert_eq!(busy(&bench), 1, "{venue}: an order could leave over the other");
        let mut warmed = Vec::new();
        while warmed.len() < 2 {
            let (conn, request) = bench.request();
            assert_eq!(busy(&bench), 1, "{venue}");
            let body = bench.good_body(&request, 0);
            bench.reply(conn, 0, 200, "", &body);
            if orders.contains(&conn) {
                warmed.push(conn);
            }
        }
        assert_ne!(warmed[0], warmed[1], "{venue}: each in its turn");
    }
}

#[test]
fn so_many_server_errors_open_it_whatever_their_body() {
    for (status, body) in [(500, "{}"), (502, PAGE), (503, "")] {
        each(BreakerRules { server_errors_max: FAILURES, ..NEVER }, |bench| {
            for _ in 1..FAILURES {
                bench.answer_after(1, status, "", body);
                bench.quiet();
            }
            bench.answer_after(1, status, "", body);
            bench.opened("too many server errors");
            bench.closes_by_probes();
        });
    }
}

#[test]
fn an_answer_that_cannot_be_used_counts_as_a_server_error() {
    each(BreakerRules { server_errors_max: FAILURES, ..NEVER }, |bench| {
        for _ in 0..FAILURES {
            bench.answer_after(1, 200, "", PAGE);
        }
        bench.opened("too many server errors");
    });
}

#[test]
fn so_many_requests_without_an_answer_open_it() {
    each(BreakerRules { timeouts_max: FAILURES, ..NEVER }, |bench| {
        for _ in 1..FAILURES {
            bench.stay_silent();
            bench.quiet();
        }
        bench.stay_silent();
        bench.opened("too many requests unanswered");
        bench.closes_by_probes();
    });
}

#[test]
fn a_connection_lost_while_an_answer_is_awaited_counts_as_no_answer() {
    each(BreakerRules { timeouts_max: FAILURES, ..NEVER }, |bench| {
        for failure in 1..=FAILURES {
            let (conn, _) = bench.request();
            let closed = Closed { why: "reset".into(), clean: false, began: u64::MAX };
            bench.apply(Input::Closed { conn, closed, rest: &mut [] });
            if failure < FAILURES {
                bench.quiet();
            }
        }
        bench.opened("too many requests unanswered");
    });
}

#[test]
fn too_large_a_share_of_failures_opens_it() {
    // Eight good answers came before: as many bad ones are half of them.
    each(BreakerRules { outcomes_min: 10, ..NEVER }, |bench| {
        for _ in 0..7 {
            bench.answer_after(1, 500, "", "");
            bench.quiet();
        }
        bench.answer_after(1, 500, "", "");
        bench.opened("too many requests failed");
    });
}

#[test]
fn a_page_of_the_firewall_opens_it_for_minutes_and_a_refusal_of_the_venue_does_not() {
    each(NEVER, |bench| {
        bench.answer_after(1, 403, "", r#"{"error":"PERMISSION_DENIED","code":-2015,"msg":"no","errorMessage":"no"}"#);
        bench.quiet();
        bench.answer_after(1, 403, "", PAGE);
        let until = bench.opened("banned by the venue");
        assert_eq!(until.since(bench.now) / NANOS_PER_MS, 120_000, "{}", bench.venue);
        bench.closes_by_probes();
    });
}

#[test]
fn a_ban_lasts_as_long_as_its_header_says() {
    each(NEVER, |bench| {
        bench.answer_after(1, 403, "Retry-After: 30\r\n", PAGE);
        let until = bench.opened("banned by the venue");
        assert_eq!(until.since(bench.now) / NANOS_PER_MS, 30_000, "{}", bench.venue);
    });
}

#[test]
fn a_throttle_is_told_with_its_end_and_opens_nothing() {
    each(NEVER, |bench| {
        bench.answer_after(1, 429, "Retry-After: 20\r\n", PAGE);
        let (venue, news) = (bench.venue, bench.news());
        let [(event, words, until)] = &news[..] else { panic!("{venue}: {news:?}") };
        assert_eq!((*event, words.as_str()), (GuardEvent::Throttled, "told to wait: too many requests"), "{venue}");
        assert_eq!(until.since(bench.now) / NANOS_PER_MS, 20_000, "{venue}");
        assert_eq!(bench.state(), BreakerState::Closed, "{venue}");
    });
}

#[test]
fn clocks_too_far_apart_open_it_and_cutting_a_date_off_does_not() {
    const SKEW_MS_MAX: u64 = 2_000;
    each(BreakerRules { skew_ms_max: SKEW_MS_MAX, ..NEVER }, |bench| {
        let far_ms = (SKEW_MS_MAX + 1_500) as i64;
        // Binance.US is sent its own time: what is far there is how vaguely that is known.
        let apart = match bench.venue {
            Venue::BinanceUs => vec![(0, 2 * SKEW_MS_MAX + 100)],
            Venue::Coinbase | Venue::Oanda => vec![(-far_ms, 0), (far_ms, 0)],
        };
        for near in [-(SKEW_MS_MAX as i64), SKEW_MS_MAX as i64] {
            if bench.venue != Venue::BinanceUs {
                bench.ahead_ms = near;
                (0..4).for_each(|_| bench.answer_well());
                bench.quiet();
            }
        }
        for (ahead_ms, late_ms) in apart {
            bench.ahead_ms = ahead_ms;
            while bench.state() == BreakerState::Closed {
                bench.answer_well_after(late_ms);
            }
            bench.opened("clocks too far apart");
            bench.ahead_ms = 0;
            bench.closes_by_probes();
        }
    });
}

#[test]
fn a_probe_that_fails_opens_it_again_for_longer() {
    each(BreakerRules { server_errors_max: 1, ..NEVER }, |bench| {
        bench.answer_after(1, 500, "", "");
        let first = bench.opened("too many server errors").since(bench.now);
        while bench.state() == BreakerState::Open {
            bench.answer_well();
        }
        let probing: Vec<GuardEvent> = bench.news().into_iter().map(|(event, ..)| event).collect();
        assert_eq!(probing, [GuardEvent::BreakerProbing], "{}", bench.venue);
        while bench.state() == BreakerState::HalfOpen {
            bench.answer_after(1, 500, "", "");
        }
        let again = bench.opened("a probe failed").since(bench.now);
        assert_eq!(again, 2 * first, "{}", bench.venue);
    });
}

#[test]
fn a_probe_waits_as_long_as_the_venue_wants_nothing_sent() {
    each(BreakerRules { server_errors_max: 1, ..NEVER }, |bench| {
        bench.answer_after(1, 500, "", "");
        let due = bench.opened("too many server errors");
        bench.answer_after(1, 429, "Retry-After: 20\r\n", PAGE);
        let (venue, told) = (bench.venue, bench.now);
        let until = told.plus_ms(20_000);
        assert!(due < until, "{venue}: the probe was due before");
        loop {
            let (conn, request) = bench.request();
            if bench.now > told {
                assert!(bench.now >= until, "{venue}: after {} ms: {request}", bench.now.since(told) / NANOS_PER_MS);
                break;
            }
            // It had left before.
            let body = bench.good_body(&request, 0);
            bench.reply(conn, 0, 200, "", &body);
        }
    });
}

#[test]
fn in_trouble_the_account_is_asked_for_its_picture_with_pauses() {
    let mut bench = Bench::new(Venue::Oanda, NEVER);
    let mut asked = Vec::new();
    while asked.len() < 4 {
        let (conn, request) = bench.request();
        if request.starts_with("GET /v3/accounts/101-001-7654321-001 ") {
            asked.push(bench.now.0 / NANOS_PER_MS);
        }
        bench.reply(conn, 1, 503, "", "");
    }
    let pauses: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause_ms| *pause_ms >= 250), "{pauses:?}");
}

#[test]
fn on_paper_no_cancel_of_a_real_order_leaves_whoever_asks_for_it() {
    for venue in Venue::ALL {
        let paper = PaperConfig::new(venue);
        let mut bench = Bench::by(venue, NEVER, |engine| engine.trading_on_paper(&paper));
        let mut asked = Vec::new();
        for turn in 0..400 {
            bench.open_what_is_due();
            for conn in bench.rest.clone() {
                let sent = String::from_utf8(bench.out.take_sent(conn)).unwrap();
                if !sent.is_empty() {
                    bench.apply(Input::Written { conn, began: u64::MAX, total: u64::MAX });
                    let body = bench.good_body(&sent, 0);
                    bench.reply(conn, 0, 200, "", &body);
                    asked.push(sent);
                }
            }
            if turn == 200 {
                // Connections are there, and the venue's clock is known.
                let (id, symbol) = (VenueOrderId::new("7").unwrap(), InlineText::truncated("BTCUSD"));
                bench.engine.trading.stray(Stray { venue, id, instrument: None, symbol });
            }
            bench.pass();
        }
        assert!(bench.engine.trading.strays.is_empty(), "{venue}");
        assert!(asked.iter().all(|request| request.starts_with("GET ")), "{venue}: {asked:#?}");
    }
}
