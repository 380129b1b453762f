//! The venues a scenario can be played at.

use crate::engine::{
    BinanceUsOrders, BinanceUsSetup, Carrier, CoinbaseOrders, CoinbaseSetup, Control as EngineControl, Engine,
    EngineConfig, Input, OandaOrders, OandaSetup, Slot, TOKEN_SLOT_USER,
};
use crate::guard::BreakerRules;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::record::{
    AssetId, ConnectionRole, Fixed, Instrument, InstrumentId, Listing, TradingStatus, UnixNanos, Venue,
};
use crate::sim::server::{ConnId as VenueConn, Door};
use crate::sim::{binance_us, coinbase, oanda, FakeOutputs, Model};
use crate::venue::binance_us as binance_us_wire;
use crate::venue::coinbase::auth::{CoinbaseKey, LegacyKey};
use crate::venue::coinbase::{self as coinbase_wire, Endpoint, MarketFeeds, StreamConfig};
use crate::venue::oanda as oanda_wire;
use rust_decimal::Decimal;
use std::sync::Arc;

/// What the venue itself knows of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Working, or about to end.
    pub open: bool,
    /// Its word for it.
    pub status: &'static str,
    /// Executed, base asset.
    pub executed: Decimal,
    /// Its limit, as changed last.
    pub price: Decimal,
    /// Its whole quantity, as changed last.
    pub quantity: Decimal,
}

/// A venue's model and the engine's set-up for it.
pub trait Subject: Model + Sized {
    /// Which.
    const VENUE: Venue;
    /// Where requests go.
    const REST: Door;
    /// Streams are replies without an end, not WebSockets.
    const STREAMS_ARE_REPLIES: bool = false;

    /// A change is a cancel and another order.
    const CHANGES_MAKE_ANOTHER: bool = false;

    /// A quiet venue without limits.
    fn begin(seed: u64, now: u64) -> Self;
    /// An engine for it.
    fn engine(ids: ClientOrderIds, rules: ReconcileRules) -> Result<Engine, String>;
    /// What is traded.
    fn instrument() -> Instrument;
    /// Price and quantity of every order: it rests.
    fn terms() -> (Decimal, Decimal) {
        (Decimal::from(50_000), Decimal::new(1, 2))
    }
    /// What else the engine is told of the instrument.
    fn rules() -> Option<EngineControl> {
        None
    }
    /// Where a connection goes.
    fn door(slot: &Slot) -> Door;
    /// And by which path.
    fn path(slot: &Slot) -> &'static str;
    /// A connection was opened, or time passed: credentials it needs are handed over.
    fn opened(&mut self, _now: u64, _slot: &Slot, _engine: &mut Engine, _out: &mut FakeOutputs) {}
    /// A message whose answer reaches nobody.
    fn unheard(&mut self, _now: u64, _conn: Option<VenueConn>, _text: &str) {}
    /// Somebody trades with an order, so much of it at least; how much was traded.
    fn fill(&mut self, now: u64, client_order_id: &str, size: Decimal) -> Decimal;
    /// What the account holds of what is traded, short negative.
    fn held(&self) -> Decimal;
    /// How an order stands.
    fn truth(&self, client_order_id: &str) -> Option<Truth>;
    /// How often a place request of this id arrived.
    fn received(&self, client_order_id: &str) -> u64 {
        self.seen().orders_received.get(client_order_id).copied().unwrap_or(0)
    }
    /// What was asked how often, for whoever looks for a failure's cause.
    fn asked(&self) -> String {
        format!("{:?}", self.seen().counts)
    }
    /// Account events about an order reach nobody, or do again.
    fn silence(&mut self, client_order_id: &str, silent: bool) {
        match silent {
            true => self.reports().suppressed.insert(client_order_id.to_owned()),
            false => self.reports().suppressed.remove(client_order_id),
        };
    }
    /// Every account event is told so many times more.
    fn repeat(&mut self, times: usize) {
        self.reports().repeats = times;
    }
    /// Listings show what was so many ns ago.
    fn lag(&mut self, ns: u64) {
        self.reports().listing_lag_ns = ns;
    }
}

/// A throwaway key of the simulation: it opens nothing but a model in memory.
const KEY: (&str, &str) = ("SimulationKey", "SimulationSecret");

fn fixed(mantissa: i64, exponent: i8) -> Fixed {
    Fixed::new(mantissa, exponent)
}

fn instrument(venue: Venue, symbol: &str, lot: Fixed) -> Instrument {
    let listing = Listing {
        venue,
        symbol: symbol.into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed(1, -2),
        lot,
        quote_lot: fixed(1, -2),
        size_min: lot,
        size_max: fixed(1_000, 0),
        notional_min: fixed(1, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

/// What the engine is told of its one venue.
#[derive(Default)]
struct Setup {
    coinbase: Option<CoinbaseSetup>,
    binance_us: Option<BinanceUsSetup>,
    oanda: Option<OandaSetup>,
}

fn engine(
    Setup { coinbase, binance_us, oanda }: Setup,
    ids: ClientOrderIds,
    reconcile: ReconcileRules,
) -> Result<Engine, String> {
    // The breaker would keep orders from a network as bad as this one.
    let breaker = BreakerRules {
        outcomes_min: u32::MAX,
        timeouts_max: u32::MAX,
        server_errors_max: u32::MAX,
        ..BreakerRules::default()
    };
    let order_limits = OrderLimits { open_max: 64, closed_kept: 256, executions_kept: 1_024, strangers_kept: 64 };
    let book_blocks_max = 64;
    let config = EngineConfig {
        coinbase,
        binance_us,
        oanda,
        ids,
        limits: None,
        breaker,
        order_limits,
        reconcile,
        book_blocks_max,
    };
    Engine::new(config).map_err(|error| error.to_string())
}

impl Subject for coinbase::Coinbase {
    const VENUE: Venue = Venue::Coinbase;
    const REST: Door = coinbase::DOOR_REST;

    fn begin(seed: u64, now: u64) -> Self {
        let legacy_key = Some(coinbase::LegacyKey { key: KEY.0.into(), secret: KEY.1.into() });
        let config =
            coinbase::Config { seed, depth: 4, legacy_key, first_subscribe_ns: u64::MAX, ..coinbase::Config::quiet() };
        coinbase::Coinbase::new_without_key(&config, &["localhost:1".to_owned()], now)
    }

    fn engine(ids: ClientOrderIds, rules: ReconcileRules) -> Result<Engine, String> {
        let rest = Endpoint::https("https://localhost:1").map_err(|error| error.to_string())?;
        let legacy = LegacyKey::new(KEY.0, KEY.1).map_err(|error| error.to_string())?;
        let orders = CoinbaseOrders {
            rest,
            session: coinbase_wire::OrderConfig::default(),
            legacy: Some(Arc::new(legacy)),
            warm_every_ms: 60_000,
            order_connections: 2,
            requests_per_second: 200,
        };
        let stream = StreamConfig { market_connections_max: 1, ..StreamConfig::default() };
        let setup = CoinbaseSetup { stream, market: MarketFeeds::default(), orders: Some(orders) };
        engine(Setup { coinbase: Some(setup), ..Setup::default() }, ids, rules)
    }

    fn instrument() -> Instrument {
        instrument(Venue::Coinbase, "BTC-USD", fixed(1, -8))
    }

    fn door(slot: &Slot) -> Door {
        match slot.role {
            ConnectionRole::Market => coinbase::DOOR_MARKET,
            ConnectionRole::User => coinbase::DOOR_USER,
            _ => coinbase::DOOR_REST,
        }
    }

    fn path(_: &Slot) -> &'static str {
        "/"
    }

    fn opened(&mut self, now: u64, slot: &Slot, engine: &mut Engine, out: &mut FakeOutputs) {
        let Ok(key) = LegacyKey::new(KEY.0, KEY.1) else { return };
        let key = CoinbaseKey::Legacy(Arc::new(key));
        let now = UnixNanos(now);
        if let (ConnectionRole::User, Ok(token)) = (slot.role, key.ws_credential("user", now.seconds(), [0; 16])) {
            let expires = now.plus_ms(60_000);
            engine.apply(now, Input::Token { venue: Venue::Coinbase, slot: TOKEN_SLOT_USER, token, expires }, out);
        }
    }

    fn fill(&mut self, now: u64, client_order_id: &str, size: Decimal) -> Decimal {
        self.fill_order(now, client_order_id, size).unwrap_or_default()
    }

    fn held(&self) -> Decimal {
        self.exchange.account("BTC").map(|account| account.available + account.hold).unwrap_or_default()
    }

    fn truth(&self, client_order_id: &str) -> Option<Truth> {
        let (_, status, executed) = self.order_state(client_order_id)?;
        let open = !matches!(status, "FILLED" | "CANCELLED" | "EXPIRED" | "FAILED");
        let (price, quantity) = self.order_terms(client_order_id)?;
        Some(Truth { open, status, executed, price, quantity })
    }
}

impl Subject for binance_us::BinanceUs {
    const VENUE: Venue = Venue::BinanceUs;
    const REST: Door = binance_us::DOOR_REST;
    const CHANGES_MAKE_ANOTHER: bool = true;

    fn begin(seed: u64, now: u64) -> Self {
        let config = binance_us::Config { seed, depth: 4, ..binance_us::Config::quiet() };
        binance_us::BinanceUs::new(&config, now)
    }

    fn engine(ids: ClientOrderIds, rules: ReconcileRules) -> Result<Engine, String> {
        let rest = Endpoint::https("https://localhost:1").map_err(|error| error.to_string())?;
        let key = binance_us::ApiKey::default();
        let key =
            binance_us_wire::auth::Credentials::new(key.key(), key.secret()).map_err(|error| error.to_string())?;
        let setup = BinanceUsSetup {
            rest,
            stream: binance_us_wire::StreamConfig::default(),
            session: binance_us_wire::OrderConfig::default(),
            market_connections_max: 1,
            snapshot_levels: 5,
            warm_every_ms: 60_000,
            orders: Some(BinanceUsOrders {
                key: Arc::new(key),
                api: binance_us_wire::ApiConfig::default(),
                user_data: binance_us_wire::UserData::default(),
                api_connections: 1,
                rest_connections: 1,
            }),
        };
        engine(Setup { binance_us: Some(setup), ..Setup::default() }, ids, rules)
    }

    fn instrument() -> Instrument {
        instrument(Venue::BinanceUs, "BTCUSD", fixed(1, -5))
    }

    fn door(slot: &Slot) -> Door {
        match slot.carrier {
            Carrier::Stream | Carrier::Events => binance_us::DOOR_STREAM,
            Carrier::Api => binance_us::DOOR_WS_API,
            Carrier::Rest => binance_us::DOOR_REST,
        }
    }

    fn path(slot: &Slot) -> &'static str {
        match slot.carrier {
            Carrier::Api => "/ws-api/v3",
            Carrier::Stream | Carrier::Events | Carrier::Rest => "/stream",
        }
    }

    fn unheard(&mut self, now: u64, conn: Option<VenueConn>, text: &str) {
        self.process_unheard(now, conn.unwrap_or(VenueConn(u64::MAX)), text);
    }

    fn fill(&mut self, now: u64, client_order_id: &str, size: Decimal) -> Decimal {
        self.fill_order(now, client_order_id, size).unwrap_or_default()
    }

    /// Resting orders pay no fee there, which would come off it.
    fn held(&self) -> Decimal {
        self.exchange.ledger.account("BTC").map(|account| account.free + account.locked).unwrap_or_default()
    }

    fn truth(&self, client_order_id: &str) -> Option<Truth> {
        let (_, status, executed) = self.order_state(client_order_id)?;
        let (price, quantity) = self.order_terms(client_order_id)?;
        Some(Truth { open: matches!(status, "NEW" | "PARTIALLY_FILLED"), status, executed, price, quantity })
    }
}

/// What is traded at OANDA.
const PAIR: &str = "EUR_USD";

fn oanda_rules() -> oanda_wire::InstrumentRules {
    oanda_wire::InstrumentRules {
        name: PAIR.into(),
        kind: "CURRENCY".into(),
        display_precision: 5,
        trade_units_precision: 0,
        pip_location: -4,
        units_min: fixed(1, 0),
        units_max: fixed(100_000_000, 0),
        position_max: Fixed::default(),
        trailing_min: fixed(5, -4),
        trailing_max: fixed(1, 0),
        margin_rate: fixed(2, -2),
        guaranteed_stops: oanda_wire::GuaranteedStops::Disabled,
        guaranteed_distance_min: None,
    }
}

impl Subject for oanda::Oanda {
    const VENUE: Venue = Venue::Oanda;
    const REST: Door = oanda::DOOR_REST;
    const STREAMS_ARE_REPLIES: bool = true;

    fn begin(seed: u64, now: u64) -> Self {
        let mut venue =
            oanda::Oanda::new(&oanda::Config { seed, ..oanda::Config::quiet() }, "https://localhost:1", now);
        let _known = venue.set_price(now, PAIR, Decimal::new(12, 1), Decimal::new(12_001, 4));
        venue
    }

    fn engine(ids: ClientOrderIds, rules: ReconcileRules) -> Result<Engine, String> {
        let at = || Endpoint::https("https://localhost:1").map_err(|error| error.to_string());
        let config = oanda::Config::quiet();
        let account = oanda_wire::auth::AccountId::new(&config.identity.account).map_err(|error| error.to_string())?;
        let token = oanda_wire::auth::AccessToken::new(config.token.text()).map_err(|error| error.to_string())?;
        let setup = OandaSetup {
            stream: at()?,
            account,
            token: Arc::new(token),
            streams: oanda_wire::StreamConfig::default(),
            orders: Some(OandaOrders {
                rest: at()?,
                session: oanda_wire::OrderConfig::default(),
                warm_every_ms: 60_000,
                order_connections: 2,
                requests_per_second: 96,
            }),
        };
        engine(Setup { oanda: Some(setup), ..Setup::default() }, ids, rules)
    }

    fn instrument() -> Instrument {
        Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), oanda_rules().listing())
    }

    fn terms() -> (Decimal, Decimal) {
        (Decimal::new(11, 1), Decimal::from(100))
    }

    fn rules() -> Option<EngineControl> {
        Some(EngineControl::OandaRules(InstrumentId(0), Box::new(oanda_rules())))
    }

    fn door(slot: &Slot) -> Door {
        match slot.carrier {
            Carrier::Stream => oanda::DOOR_STREAM,
            Carrier::Rest | Carrier::Api | Carrier::Events => oanda::DOOR_REST,
        }
    }

    fn path(_: &Slot) -> &'static str {
        "/"
    }

    /// Orders are filled whole there.
    fn fill(&mut self, now: u64, client_order_id: &str, _: Decimal) -> Decimal {
        self.fill_order(now, client_order_id)
    }

    fn held(&self) -> Decimal {
        let market = self.exchange.markets.iter().position(|market| market.instrument.name == PAIR);
        let side = |long| market.map(|market| self.exchange.account.units(market, long)).unwrap_or_default();
        side(true) + side(false)
    }

    fn truth(&self, client_order_id: &str) -> Option<Truth> {
        let (_, status, executed) = self.order_state(client_order_id)?;
        let (price, quantity) = self.order_terms(client_order_id)?;
        Some(Truth { open: status == "PENDING", status, executed, price, quantity })
    }
}
