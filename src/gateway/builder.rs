//! Puts a gateway together: configuration in, threads and handles out.

use super::binance_us::{self, BinanceUsConfig};
use super::checks;
use super::coinbase::{is_credential, CoinbaseConfig};
use super::directory::Directory;
use super::emergency::{Lifeguard, OurOrders, QUESTION_TIMEOUT_MS};
use super::epoch::{self, StatePlace};
use super::error::GatewayError;
use super::learn::learn;
use super::oanda::{self, OandaConfig};
use super::queries::Queries;
use super::refresh::Refresher;
use super::running::{Gateway, Threads};
use super::{StrategyPlaces, Variables, USER_AGENT};
use crate::dialer::{DialJob, Dialer, Endpoint, Wake};
use crate::engine::{Engine, EngineConfig, Slot};
use crate::guard::{BreakerRules, Limits};
use crate::journal::{AuditConfig, ColdAudit, Journal};
use crate::keeper::{Clock, Emergency, EmergencyRules, Keeper, KeeperSettings, Minter, Pulse, ReactorWatch};
use crate::link::tls_config;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules, RestartPolicy};
use crate::paper::PaperConfig;
use crate::reactor::{ControlMessage, Handler, Idle, Parts, Poller, Reactor};
use crate::record::{Caller, PerVenue, UnixNanos, Venue};
use crate::state::{Account, Session};
use crate::telemetry::{Counters, Hops};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Market records a strategy's ring holds, unless told otherwise.
const MARKET_RING: usize = 8_192;
/// Statistics records a strategy's ring holds.
const STATISTICS_RING: usize = 1_024;
/// Execution records a strategy's ring holds: more than the orders that can be open, so that a resync fits.
const EXECUTION_RING: usize = 4_096;
/// Commands a strategy's ring holds.
const COMMAND_RING: usize = 1_024;
/// Blocks of 128 levels for all books: 1 million levels, 16 MB.
const BOOK_BLOCKS: usize = 8_192;
/// How long one attempt to connect may take.
const DIAL_TIMEOUT_MS: u64 = 10_000;
/// How long a cold query may take.
const QUERY_TIMEOUT_MS: u64 = 10_000;
/// Silence after which the reactor is given up, unless told otherwise. A healthy one turns at least ten times a second, and
/// its longest turns take milliseconds; three seconds are more than the scheduler of a crowded machine keeps a thread
/// waiting while it lets the keeper run, and less than a person needs to notice.
const REACTOR_SILENCE_MS_MAX: u64 = 3_000;
/// Least such silence that can be told from a parked reactor (100 ms) by looks with a margin between them.
const REACTOR_SILENCE_MS_MIN: u64 = 400;
/// What is listed of an instrument is asked again this often, unless told otherwise: venues announce new increments days
/// ahead, and a refusal asks sooner.
const REFRESH_MS: u64 = 3_600_000;
/// Least time between two such questions; one costs Binance.US 20 of 1,200 a minute.
const REFRESH_MS_MIN: u64 = 1_000;
/// What errors call the extra root certificates, wherever the path came from.
const ROOTS_SETTING: &str = "root certificates (EXCHANGE_CONNECTORS_CA_FILE)";
/// How our client order ids begin.
const CLIENT_ID_PREFIX: &str = "xc";

/// Sizes of the rings of one strategy, in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RingSizes {
    pub(super) market: usize,
    pub(super) statistics: usize,
    pub(super) executions: usize,
    pub(super) commands: usize,
}

/// Collects what a gateway needs. Credentials without limits do not start.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `start` or `build`"]
pub struct GatewayBuilder {
    coinbase: Option<CoinbaseConfig>,
    binance_us: Option<BinanceUsConfig>,
    oanda: Option<OandaConfig>,
    paper: PerVenue<Option<PaperConfig>>,
    limits: Option<Option<Limits>>,
    idle: Idle,
    core: Option<usize>,
    extra_roots: Option<PathBuf>,
    rings: RingSizes,
    book_blocks: usize,
    reconcile: ReconcileRules,
    breaker: BreakerRules,
    dead_man_ms: Option<u64>,
    reactor_silence_ms_max: Option<u64>,
    query_timeout_ms: u64,
    refresh_ms: u64,
    audit: Option<AuditConfig>,
    state: StatePlace,
    restart: RestartPolicy,
    order_id_prefix: String,
}

impl Default for GatewayBuilder {
    fn default() -> Self {
        GatewayBuilder {
            coinbase: None,
            binance_us: None,
            oanda: None,
            paper: PerVenue::default(),
            limits: None,
            idle: Idle::default(),
            core: None,
            extra_roots: None,
            rings: RingSizes {
                market: MARKET_RING,
                statistics: STATISTICS_RING,
                executions: EXECUTION_RING,
                commands: COMMAND_RING,
            },
            book_blocks: BOOK_BLOCKS,
            reconcile: ReconcileRules::default(),
            breaker: BreakerRules::default(),
            dead_man_ms: None,
            reactor_silence_ms_max: Some(REACTOR_SILENCE_MS_MAX),
            query_timeout_ms: QUERY_TIMEOUT_MS,
            refresh_ms: REFRESH_MS,
            audit: None,
            state: StatePlace::default(),
            restart: RestartPolicy::default(),
            order_id_prefix: CLIENT_ID_PREFIX.to_owned(),
        }
    }
}

impl GatewayBuilder {
    /// What the environment says: `COINBASE_*` (see [`CoinbaseConfig::from_env`]), `BINANCE_US_*` (see
    /// [`BinanceUsConfig::from_env`]; without any of them, Binance.US is not spoken to), `OANDA_*` (see
    /// [`OandaConfig::from_env`]; the same) and `EXCHANGE_CONNECTORS_CA_FILE`, a PEM file of root certificates trusted
    /// besides the usual ones.
    ///
    /// # Errors
    /// [`GatewayError::Setting`].
    pub fn from_env() -> Result<GatewayBuilder, GatewayError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// The same without the credentials of the environment, which are not even read: public market data. OANDA has none,
    /// and is not spoken to.
    ///
    /// # Errors
    /// [`GatewayError::Setting`].
    pub fn public_from_env() -> Result<GatewayBuilder, GatewayError> {
        let private = |name: &str| is_credential(name) || binance_us::is_credential(name) || name.starts_with("OANDA_");
        Self::from_variables(&|name| Some(name).filter(|name| !private(name)).and_then(|name| std::env::var(name).ok()))
    }

    pub(super) fn from_variables(get: Variables<'_>) -> Result<GatewayBuilder, GatewayError> {
        let builder = GatewayBuilder::default().coinbase(CoinbaseConfig::from_variables(get)?);
        let builder = match binance_us::VARIABLES.iter().any(|name| get(name).is_some_and(|value| !value.is_empty())) {
            true => builder.binance_us(BinanceUsConfig::from_variables(get)?),
            false => builder,
        };
        let builder = match oanda::VARIABLES.iter().any(|name| get(name).is_some_and(|value| !value.is_empty())) {
            true => builder.oanda(OandaConfig::from_variables(get)?),
            false => builder,
        };
        Ok(match get("EXCHANGE_CONNECTORS_CA_FILE").filter(|path| !path.is_empty()) {
            Some(path) => builder.root_certificates(path),
            None => builder,
        })
    }

    /// Speaks to Coinbase.
    pub fn coinbase(self, config: CoinbaseConfig) -> GatewayBuilder {
        GatewayBuilder { coinbase: Some(config), ..self }
    }

    /// Speaks to Binance.US.
    pub fn binance_us(self, config: BinanceUsConfig) -> GatewayBuilder {
        GatewayBuilder { binance_us: Some(config), ..self }
    }

    /// Speaks to OANDA.
    pub fn oanda(self, config: OandaConfig) -> GatewayBuilder {
        GatewayBuilder { oanda: Some(config), ..self }
    }

    /// Trades on paper at this venue, see [`crate::paper`]: market data is the venue's own, orders never leave, and no
    /// credentials are needed. Those that are configured for the venue are dropped, so that nothing is ever signed; but for
    /// OANDA's, without which there are no prices: there, whatever would change the account is refused.
    pub fn paper(mut self, config: PaperConfig) -> GatewayBuilder {
        let venue = config.venue();
        *self.paper.get_mut(venue) = Some(config);
        self
    }

    /// Speaks to this venue only, if it is configured.
    pub fn only(self, venue: Venue) -> GatewayBuilder {
        let GatewayBuilder { coinbase, binance_us, oanda, mut paper, .. } = self;
        for other in Venue::ALL.into_iter().filter(|other| *other != venue) {
            *paper.get_mut(other) = None;
        }
        GatewayBuilder {
            paper,
            coinbase: coinbase.filter(|_| venue == Venue::Coinbase),
            binance_us: binance_us.filter(|_| venue == Venue::BinanceUs),
            oanda: oanda.filter(|_| venue == Venue::Oanda),
            ..self
        }
    }

    /// Refuses orders beyond these limits before they leave.
    pub fn limits(self, limits: Limits) -> GatewayBuilder {
        GatewayBuilder { limits: Some(Some(limits)), ..self }
    }

    /// Trades without pre-trade limits, on purpose.
    pub fn without_limits(self) -> GatewayBuilder {
        GatewayBuilder { limits: Some(None), ..self }
    }

    /// How the reactor waits. Default: [`Idle::Block`].
    pub fn idle(self, idle: Idle) -> GatewayBuilder {
        GatewayBuilder { idle, ..self }
    }

    /// Pins the reactor's thread to a core (numbered from 0). Only for [`GatewayBuilder::start`].
    pub fn pin_to_core(self, core: usize) -> GatewayBuilder {
        GatewayBuilder { core: Some(core), ..self }
    }

    /// Trusts the root certificates of a PEM file besides the usual ones. Verification is never switched off.
    pub fn root_certificates(self, path: impl Into<PathBuf>) -> GatewayBuilder {
        GatewayBuilder { extra_roots: Some(path.into()), ..self }
    }

    /// Records a strategy's market ring holds; at least 512. Default 8,192. A slow strategy loses records beyond it and
    /// is told how many.
    pub fn market_ring(self, records: usize) -> GatewayBuilder {
        GatewayBuilder { rings: RingSizes { market: records.max(MARKET_RING_MIN), ..self.rings }, ..self }
    }

    /// Records a strategy's execution ring holds; at least 16. Default 4,096.
    pub fn execution_ring(self, records: usize) -> GatewayBuilder {
        GatewayBuilder { rings: RingSizes { executions: records.max(16), ..self.rings }, ..self }
    }

    /// Blocks of 128 price levels that all books share. Default 8,192.
    pub fn book_blocks(self, blocks: usize) -> GatewayBuilder {
        GatewayBuilder { book_blocks: blocks.max(64), ..self }
    }

    /// When orders of unknown outcome are asked about, and how their absence is judged.
    pub fn reconcile(self, rules: ReconcileRules) -> GatewayBuilder {
        GatewayBuilder { reconcile: rules, ..self }
    }

    /// When a venue in trouble gets no new orders, and how it is found well again.
    pub fn breaker(self, rules: BreakerRules) -> GatewayBuilder {
        GatewayBuilder { breaker: rules, ..self }
    }

    /// Switches the dead-man on: a strategy that has beaten or submitted once and then not for so long, ms, or whose
    /// handles are dropped without a shutdown, trips the kill switch for all orders of this gateway. So does the gateway
    /// itself if it is dropped without a shutdown; that waits up to 2 s for the cancels. Off by default.
    pub fn dead_man_ms(self, silence_ms_max: u64) -> GatewayBuilder {
        GatewayBuilder { dead_man_ms: Some(silence_ms_max), ..self }
    }

    /// The same configuration without the dead-man: for callers that block between two orders.
    pub(super) fn without_dead_man(self) -> GatewayBuilder {
        GatewayBuilder { dead_man_ms: None, ..self }
    }

    /// How long the reactor may stand still, ms, at least 400, before the keeper gives it up, throws the kill switch and
    /// cancels our orders over connections of its own: see [`Gateway::emergency`]. Default 3,000. A panic needs no such
    /// time. Keep handlers on the reactor's thread far below it. A reactor that you turn yourself is watched for silence
    /// from [`Reactor::watch`] on.
    pub fn reactor_silence_ms_max(self, silence_ms_max: u64) -> GatewayBuilder {
        GatewayBuilder { reactor_silence_ms_max: Some(silence_ms_max), ..self }
    }

    /// Watches no reactor and opens no connections for emergencies: orders of a reactor that fails stay open.
    pub fn without_reactor_watch(self) -> GatewayBuilder {
        GatewayBuilder { reactor_silence_ms_max: None, ..self }
    }

    /// How long a cold query may take, ms. Default 10,000.
    pub fn query_timeout_ms(self, timeout_ms: u64) -> GatewayBuilder {
        GatewayBuilder { query_timeout_ms: timeout_ms, ..self }
    }

    /// How often each venue is asked again what it lists of the instruments that are known, ms: increments, sizes, filters,
    /// the account's rules, rate limits. 1,000 ms to a day; default an hour. A venue that refuses the price or the size of
    /// an order that passed here is asked at once, but no more often than every minute.
    pub fn refresh_ms(self, every_ms: u64) -> GatewayBuilder {
        GatewayBuilder { refresh_ms: every_ms, ..self }
    }

    /// Keeps an audit log: every API call and every order event as JSON lines, see [`crate::manual::audit`]. Off by
    /// default.
    pub fn audit(self, config: AuditConfig) -> GatewayBuilder {
        GatewayBuilder { audit: Some(config), ..self }
    }

    /// Keeps the lock of each account and the session epochs in this directory. Default: what
    /// `EXCHANGE_CONNECTORS_STATE_DIR` says when the gateway starts, else `exchange-connectors` in `XDG_STATE_HOME` or in
    /// `~/.local/state`. Without credentials nothing is kept. See [`crate::manual::restart`].
    pub fn state_directory(self, path: impl Into<PathBuf>) -> GatewayBuilder {
        GatewayBuilder { state: StatePlace::At(path.into()), ..self }
    }

    /// Keeps no state: no lock against a second process, and open orders of this run are strangers' to the next one. For
    /// tests and venues of no consequence.
    pub fn without_state(self) -> GatewayBuilder {
        GatewayBuilder { state: StatePlace::Nowhere, ..self }
    }

    /// What becomes of orders that an earlier run left open. Default: [`RestartPolicy::Adopt`].
    pub fn restart(self, policy: RestartPolicy) -> GatewayBuilder {
        GatewayBuilder { restart: policy, ..self }
    }

    /// How our client order ids begin, 1 to 8 letters and digits. Default `xc`. Programs with different state directories
    /// that trade with one account need different prefixes: a first start refuses while orders of its own prefix are
    /// open.
    pub fn order_id_prefix(self, prefix: &str) -> GatewayBuilder {
        GatewayBuilder { order_id_prefix: prefix.to_owned(), ..self }
    }

    /// Starts all threads, the reactor's among them.
    ///
    /// # Errors
    /// [`GatewayError`]: nothing configured, credentials without limits, an unusable setting, no thread to be had.
    pub fn start(self) -> Result<Gateway, GatewayError> {
        self.run(None)
    }

    /// Starts all threads, with a strategy that runs on the reactor's own.
    ///
    /// # Errors
    /// As [`GatewayBuilder::start`].
    pub fn start_with_handler(self, handler: Box<dyn Handler>) -> Result<Gateway, GatewayError> {
        self.run(Some(handler))
    }

    /// Starts the helper threads only and hands the reactor over: call [`Reactor::poll_once`] in a loop of your own until
    /// [`Reactor::is_stopped`].
    ///
    /// # Errors
    /// As [`GatewayBuilder::start`].
    pub fn build(self) -> Result<(Gateway, Reactor), GatewayError> {
        self.without_keys_on_paper()?.assemble(None)
    }

    /// Whether orders can be sent to this venue, or filled on paper.
    pub(super) fn trades(&self, venue: Venue) -> bool {
        match venue {
            venue if self.paper.get(venue).is_some() => true,
            venue => self.signs(venue),
        }
    }

    /// Whether orders can be sent to this venue.
    fn signs(&self, venue: Venue) -> bool {
        match venue {
            Venue::Coinbase => self.coinbase.as_ref().is_some_and(|coinbase| coinbase.key.is_some()),
            Venue::BinanceUs => self.binance_us.as_ref().is_some_and(|binance_us| binance_us.key.is_some()),
            Venue::Oanda => self.oanda.as_ref().is_some_and(|oanda| oanda.trades),
        }
    }

    /// Whether every number can work.
    fn check(&self) -> Result<(), GatewayError> {
        if let Some(ms) = self.reactor_silence_ms_max.filter(|ms| *ms < REACTOR_SILENCE_MS_MIN) {
            let why = format!("{ms} ms is less than {REACTOR_SILENCE_MS_MIN} ms, which a healthy reactor may need");
            return Err(GatewayError::Setting { setting: "reactor_silence_ms_max", why });
        }
        if self.dead_man_ms == Some(0) {
            let why = "0 ms would trip at once: give strategies the time between two beats".to_owned();
            return Err(GatewayError::Setting { setting: "dead_man_ms", why });
        }
        checks::timeout("query_timeout_ms", self.query_timeout_ms)?;
        checks::timeout("refresh_ms", self.refresh_ms)?;
        if self.refresh_ms < REFRESH_MS_MIN {
            let why =
                format!("{} ms is too often to ask for whole catalogs: {REFRESH_MS_MIN} is the least", self.refresh_ms);
            return Err(GatewayError::Setting { setting: "refresh_ms", why });
        }
        checks::at_most("market_ring", self.rings.market, checks::RING_RECORDS_MAX)?;
        checks::at_most("execution_ring", self.rings.executions, checks::RING_RECORDS_MAX)?;
        checks::at_most("book_blocks", self.book_blocks, checks::BOOK_BLOCKS_MAX)?;
        checks::reconcile(&self.reconcile)?;
        checks::breaker(&self.breaker)?;
        if let Some(limits) = self.limits.iter().flatten().next() {
            checks::limits(limits)?;
        }
        if let Some(timeout_ms) = self.coinbase.as_ref().and_then(|coinbase| coinbase.reply_timeout_ms) {
            checks::timeout("coinbase reply_timeout_ms", timeout_ms)?;
        }
        if let Some(timeout_ms) = self.binance_us.as_ref().map(|binance_us| binance_us.reply_timeout_ms) {
            checks::timeout("binance_us reply_timeout_ms", timeout_ms)?;
        }
        Ok(())
    }

    /// A venue on paper has no credentials: what is not there cannot be used by mistake.
    fn without_keys_on_paper(self) -> Result<GatewayBuilder, GatewayError> {
        let GatewayBuilder { coinbase, binance_us, oanda, paper, .. } = self;
        let configured = PerVenue::new(|venue| match venue {
            Venue::Coinbase => coinbase.is_some(),
            Venue::BinanceUs => binance_us.is_some(),
            Venue::Oanda => oanda.is_some(),
        });
        if let Some((venue, _)) = paper.iter().find(|(venue, paper)| paper.is_some() && !configured.get(*venue)) {
            return Err(GatewayError::VenueNotConfigured(venue));
        }
        Ok(GatewayBuilder {
            coinbase: coinbase.map(|config| match paper.get(Venue::Coinbase) {
                Some(_) => CoinbaseConfig { key: None, ..config },
                None => config,
            }),
            binance_us: binance_us.map(|config| match paper.get(Venue::BinanceUs) {
                Some(_) => config.without_key(),
                None => config,
            }),
            // Its prices are for account holders only.
            oanda: oanda.map(|config| match paper.get(Venue::Oanda) {
                Some(_) => config.market_data_only(),
                None => config,
            }),
            paper,
            ..self
        })
    }

    fn run(self, handler: Option<Box<dyn Handler>>) -> Result<Gateway, GatewayError> {
        let core = self.core.map(find_core).transpose()?;
        let (mut gateway, reactor) = self.without_keys_on_paper()?.assemble(handler)?;
        let spawned = std::thread::Builder::new().name("reactor".to_owned()).spawn(move || {
            if let Some(core) = core {
                if !core_affinity::set_for_current(core) {
                    tracing::warn!(core = core.id, "the reactor could not be pinned");
                }
            }
            reactor.run();
        });
        gateway.threads.reactor = Some(spawned.map_err(system)?);
        Ok(gateway)
    }

    fn assemble(self, handler: Option<Box<dyn Handler>>) -> Result<(Gateway, Reactor), GatewayError> {
        let GatewayBuilder { coinbase, binance_us, oanda, .. } = &self;
        if coinbase.is_none() && binance_us.is_none() && oanda.is_none() {
            return Err(GatewayError::NoVenue);
        }
        if let Some(coinbase) = coinbase {
            coinbase.check_feeds()?;
        }
        if let Some(oanda) = &oanda {
            oanda.check_environment()?;
        }
        if let Some(venue) = Venue::ALL.into_iter().find(|venue| self.limits.is_none() && self.signs(*venue)) {
            return Err(GatewayError::NoLimits(venue));
        }
        self.check()?;
        let tls = tls_config(self.extra_roots.as_deref())
            .map_err(|error| GatewayError::Setting { setting: ROOTS_SETTING, why: error.to_string() })?;
        let (clock, anchor) = Clock::start();
        let poller = Poller::new(self.idle).map_err(system)?;
        let control = poller.control();
        let wake: Wake = {
            let control = control.clone();
            Arc::new(move || control.wake())
        };
        let (mut dialers, mut dialed) = (PerVenue::new(|_| None::<Dialer>), Vec::new());
        let settings = [
            coinbase.as_ref().map(|coinbase| (Venue::Coinbase, coinbase.dialer(tls.clone(), wake.clone()))),
            binance_us.as_ref().map(|_| (Venue::BinanceUs, binance_us::dialer(tls.clone(), wake.clone()))),
            oanda.as_ref().map(|oanda| (Venue::Oanda, oanda.dialer(tls, wake))),
        ];
        for (venue, settings) in settings.into_iter().flatten() {
            let (dialer, receiver) = Dialer::start(settings).map_err(system)?;
            *dialers.get_mut(venue) = Some(dialer);
            dialed.push(receiver);
        }
        let pools: Vec<_> = coinbase.iter().filter_map(CoinbaseConfig::token_pool).collect();
        let (minter, tokens) = match pools.is_empty() {
            true => (None, None),
            false => {
                let (minter, tap) = Minter::new(pools);
                (Some(minter), Some(tap))
            }
        };
        let pulse = Pulse::default();
        let heart = pulse.heart();
        let lifeguard = Lifeguard::new(pulse.clone(), control.clone());
        let watch = self.reactor_silence_ms_max.map(|silence_ms_max| {
            let lifeguard = lifeguard.clone();
            ReactorWatch { pulse, silence_ms_max, alarm: Box::new(move |alarm| lifeguard.raise(alarm)) }
        });
        let keeper = Keeper::start(KeeperSettings { clock: clock.clone(), anchor, minter, watch }).map_err(system)?;
        let (hops, counters) = (Hops::new(), Counters::new());
        let mut queries = PerVenue::new(|_| None);
        let directory = Directory::default();
        let (journal, audit, cold_audit) = match &self.audit {
            None => (None, None, ColdAudit::default()),
            Some(config) => {
                let started = Journal::start(config, Box::new(directory.clone()), clock.clone());
                let (journal, tap, cold) = started.map_err(|error| GatewayError::Setting {
                    setting: "audit log",
                    why: format!("{}: {error}", config.directory().display()),
                })?;
                (Some(journal), Some(tap), cold)
            }
        };
        if let (Some(coinbase), Some(dialer)) = (coinbase, dialers.get(Venue::Coinbase)) {
            let asked = coinbase.queries(dialer.cold(), clock.clone(), self.query_timeout_ms, cold_audit.clone());
            if coinbase.key.is_some() {
                asked.check_start()?;
            }
            *queries.get_mut(Venue::Coinbase) = Some(Queries::Coinbase(asked));
        }
        if let (Some(binance_us), Some(dialer)) = (binance_us, dialers.get(Venue::BinanceUs)) {
            let asked = binance_us.queries(dialer.cold(), clock.clone(), self.query_timeout_ms, cold_audit.clone());
            if binance_us.key.is_some() {
                asked.check_start()?;
            }
            *queries.get_mut(Venue::BinanceUs) = Some(Queries::BinanceUs(asked));
        }
        if let (Some(oanda), Some(dialer)) = (oanda, dialers.get(Venue::Oanda)) {
            let asked = oanda.queries(dialer.cold(), clock.clone(), self.query_timeout_ms, cold_audit.clone());
            if oanda.trades {
                asked.check_start()?;
            }
            *queries.get_mut(Venue::Oanda) = Some(Queries::Oanda(asked));
        }
        let accounts: Vec<Account> = coinbase
            .iter()
            .filter_map(|c| c.account())
            .chain(binance_us.iter().filter_map(|b| b.account()))
            .chain(oanda.iter().filter_map(|o| o.account()))
            .collect();
        let begun = epoch::begin(&self.state, &self.order_id_prefix, &accounts, &queries, clock.now())?;
        let mut engine = Engine::new(EngineConfig {
            coinbase: coinbase.as_ref().map(CoinbaseConfig::setup),
            binance_us: binance_us.as_ref().map(BinanceUsConfig::setup).transpose()?,
            oanda: oanda.as_ref().map(OandaConfig::setup).transpose()?,
            ids: begun.ids.clone(),
            limits: self.limits.clone().flatten(),
            order_limits: OrderLimits::default(),
            reconcile: ReconcileRules { restart: self.restart, ..self.reconcile },
            breaker: self.breaker,
            book_blocks_max: self.book_blocks,
        })
        .map_err(|error| GatewayError::Setting {
            setting: "COINBASE_REST_URL, BINANCE_US_REST_URL or OANDA_REST_URL",
            why: error.to_string(),
        })?;
        for paper in self.paper.iter().filter_map(|(_, paper)| paper.as_ref()) {
            engine = engine.trading_on_paper(paper);
        }
        let dialled_to = |slot: &Slot| match slot.venue {
            Venue::Coinbase => coinbase.as_ref().map(|coinbase| coinbase.dialled(slot)),
            Venue::BinanceUs => binance_us.as_ref().and_then(|binance_us| binance_us.dialled(slot)),
            Venue::Oanda => oanda.as_ref().map(|oanda| oanda.dialled(slot)),
        };
        let mut dials = Vec::new();
        for (index, slot) in engine.slots().iter().enumerate() {
            let (Some(dialer), Some(endpoint)) = (dialers.get(slot.venue), dialled_to(slot)) else {
                return Err(GatewayError::VenueNotConfigured(slot.venue));
            };
            dials.push((dialer.handle(), dial_job(index, endpoint)));
        }

        let emergencies = self.start_emergencies(&dialers, &clock, &cold_audit, &begun.ids, &lifeguard)?;
        let readers = (hops.reader(), counters.reader());
        let mut reactor = Reactor::new(Parts {
            poller,
            engine,
            dials,
            dialed,
            tokens,
            clock: clock.clone(),
            hops,
            counters,
            audit,
            dead_man_ms: self.dead_man_ms,
            heart,
            told: begun.session.as_ref().map(Session::told).unwrap_or_default(),
        });
        let places = Arc::new(StrategyPlaces::default());
        let mut inline = None;
        if let Some(handler) = handler {
            let (id, _) = places.take().ok_or(GatewayError::TooManyStrategies)?;
            reactor.set_handler(id, handler);
            inline = Some(id);
        }
        // Known before the engine lists what is open: the control queue is read first.
        for (venue, symbol) in begun.recalled {
            let Some(asked) = queries.get(venue).as_ref() else { continue };
            let send = |known| control.send(ControlMessage::Engine(known)).map_err(|_| GatewayError::Stopped);
            if let Err(error) = learn(asked, &directory, &symbol, send) {
                // Taken back once somebody subscribes to it; one that is delisted must not keep all others waiting.
                tracing::warn!(%venue, symbol, %error, "an open order of an earlier run cannot be taken back: its instrument cannot be read");
            }
        }
        let every = Duration::from_millis(self.refresh_ms);
        let refresher = Refresher::start(every, queries.clone(), directory.clone(), control.clone()).map_err(system)?;
        reactor.set_doubts(refresher.doubts());
        let threads = Threads {
            reactor: None,
            refresher: Some(refresher),
            session: begun.session,
            dialers: Venue::ALL.into_iter().filter_map(|venue| dialers.get_mut(venue).take()).collect(),
            keeper: Some(keeper),
            emergencies,
            lifeguard,
            journal,
        };
        let mut gateway =
            Gateway::new(threads, control, clock, directory, queries, places, self.rings, readers, inline);
        gateway.paper = PerVenue::new(|venue| self.paper.get(venue).is_some());
        Ok((gateway, reactor))
    }

    /// One emergency for each venue with orders of ours: an order on paper is nowhere but in the engine.
    fn start_emergencies(
        &self,
        dialers: &PerVenue<Option<Dialer>>,
        clock: &Clock,
        audit: &ColdAudit,
        ids: &ClientOrderIds,
        lifeguard: &Lifeguard,
    ) -> Result<Vec<Emergency>, GatewayError> {
        let mut emergencies = Vec::new();
        let is_live = |venue: &Venue| self.paper.get(*venue).is_none() && self.signs(*venue);
        let is_watched = self.reactor_silence_ms_max.is_some();
        for venue in Venue::ALL.into_iter().filter(|venue| is_watched && is_live(venue)) {
            let Some(dialer) = dialers.get(venue) else { continue };
            let (lifeline, clock) = (dialer.lifeline(), clock.clone());
            let (timeout_ms, audit) = (QUESTION_TIMEOUT_MS, audit.of(Caller::Keeper));
            let queries = match venue {
                Venue::Coinbase => {
                    self.coinbase.as_ref().map(|c| Queries::Coinbase(c.emergency(lifeline, clock, timeout_ms, audit)))
                }
                Venue::BinanceUs => self
                    .binance_us
                    .as_ref()
                    .map(|b| Queries::BinanceUs(b.emergency(lifeline, clock, timeout_ms, audit))),
                Venue::Oanda => {
                    self.oanda.as_ref().map(|o| Queries::Oanda(o.emergency(lifeline, clock, timeout_ms, audit)))
                }
            };
            let Some(queries) = queries else { continue };
            let canceller = Box::new(OurOrders { queries, ids: ids.clone() });
            // An order may be missing from a listing for as long as its absence proves nothing.
            let rules = EmergencyRules { settle_ms: self.reconcile.absence_grace_ms, ..EmergencyRules::default() };
            let emergency = Emergency::start(venue, canceller, rules).map_err(system)?;
            lifeguard.add(venue, emergency.bell());
            emergencies.push(emergency);
        }
        Ok(emergencies)
    }
}

/// How a connection of the engine is dialled.
fn dial_job(index: usize, endpoint: Endpoint) -> DialJob {
    DialJob {
        conn: index as u16,
        attempt: 0,
        endpoint,
        not_before: UnixNanos::NONE,
        attempt_timeout_ms: DIAL_TIMEOUT_MS,
        local_address: None,
        user_agent: USER_AGENT.to_owned(),
        headers: Vec::new(),
    }
}

/// A ring must hold one whole piece of an event and its gap record, with room to spare.
const MARKET_RING_MIN: usize = 2 * crate::venue::LEVELS_PER_CALL_MAX;

fn system(error: std::io::Error) -> GatewayError {
    GatewayError::System(error.to_string())
}

fn find_core(index: usize) -> Result<core_affinity::CoreId, GatewayError> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    cores.iter().find(|core| core.id == index).copied().ok_or_else(|| GatewayError::Setting {
        setting: "pin_to_core",
        why: format!("no core {index}; this machine offers {:?}", cores.iter().map(|c| c.id).collect::<Vec<_>>()),
    })
}

#[cfg(test)]
mod tests;
