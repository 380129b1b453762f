//! Puts a gateway together: configuration in, threads and handles out.

mod assemble;

use super::binance_us::{self, BinanceUsConfig};
use super::coinbase::{is_credential, CoinbaseConfig};
use super::epoch::StatePlace;
use super::error::GatewayError;
use super::oanda::{self, OandaConfig};
use super::running::Gateway;
use super::{checks, Variables};
use crate::guard::{BreakerRules, Limits};
use crate::journal::AuditConfig;
use crate::order::{ReconcileRules, RestartPolicy};
use crate::paper::PaperConfig;
use crate::reactor::{Handler, Idle, Reactor};
use crate::record::{PerVenue, Venue};
use std::path::PathBuf;

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
        self.audit.iter().try_for_each(checks::audit)?;
        self.coinbase.iter().try_for_each(CoinbaseConfig::check_numbers)?;
        self.binance_us.iter().try_for_each(BinanceUsConfig::check_numbers)?;
        self.oanda.iter().try_for_each(OandaConfig::check_numbers)
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
}

/// A ring must hold one whole piece of an event and its gap record, with room to spare.
const MARKET_RING_MIN: usize = 2 * crate::venue::LEVELS_PER_CALL_MAX;

#[cfg(test)]
mod tests;
