//! From a configuration to a gateway that runs: threads, connections to be dialled, the engine, and the handles to them.
//!
//! Guarantees that nothing is started for a configuration that cannot work, and that what was learned of an earlier run is
//! with the engine before it lists what is open. Decides nothing of the configuration itself.

use super::super::binance_us::{self, BinanceUsConfig};
use super::super::coinbase::CoinbaseConfig;
use super::super::directory::Directory;
use super::super::emergency::{Lifeguard, OurOrders, QUESTION_TIMEOUT_MS};
use super::super::epoch;
use super::super::error::GatewayError;
use super::super::learn::learn;
use super::super::oanda::OandaConfig;
use super::super::queries::Queries;
use super::super::refresh::Refresher;
use super::super::running::{Gateway, Threads};
use super::super::{StrategyPlaces, USER_AGENT};
use super::GatewayBuilder;
use crate::dialer::{DialJob, Dialer, Endpoint, Wake};
use crate::engine::{Engine, EngineConfig, Slot};
use crate::guard::Limits;
use crate::journal::{ColdAudit, Journal};
use crate::keeper::{Clock, Emergency, EmergencyRules, Keeper, KeeperSettings, Minter, Pulse, ReactorWatch};
use crate::link::tls_config;
use crate::order::{ClientOrderIds, OrderLimits, ReconcileRules};
use crate::reactor::{ControlMessage, Handler, Parts, Poller, Reactor};
use crate::record::{Caller, PerVenue, UnixNanos, Venue};
use crate::state::{Account, Session};
use crate::telemetry::{Counters, Hops};
use std::sync::Arc;
use std::time::Duration;

/// How long one attempt to connect may take.
const DIAL_TIMEOUT_MS: u64 = 10_000;
/// What errors call the extra root certificates, wherever the path came from.
const ROOTS_SETTING: &str = "root certificates (EXCHANGE_CONNECTORS_CA_FILE)";

impl GatewayBuilder {
    pub(super) fn run(self, handler: Option<Box<dyn Handler>>) -> Result<Gateway, GatewayError> {
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

    pub(super) fn assemble(self, handler: Option<Box<dyn Handler>>) -> Result<(Gateway, Reactor), GatewayError> {
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
        if let Some(venue) = Venue::ALL.into_iter().find(|venue| self.signs(*venue) && !self.says_limits(*venue)) {
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
        self.check_named(&queries)?;
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

    /// Whether it was said what limits orders at a venue, if only that nothing does.
    fn says_limits(&self, venue: Venue) -> bool {
        match &self.limits {
            None => false,
            Some(None) => true,
            Some(Some(limits)) => limits.limit_anything_at(venue),
        }
    }

    /// Limits of an instrument that its venue does not list guard nothing: the name is wrong. What cannot be asked now (the
    /// venue is down) is left alone, with a warning in the log.
    fn check_named(&self, queries: &PerVenue<Option<Queries>>) -> Result<(), GatewayError> {
        for (venue, symbol) in self.limits.iter().flatten().flat_map(Limits::named) {
            let Some(queries) = queries.get(venue).as_ref().filter(|_| self.trades(venue)) else { continue };
            let why = match queries.product(symbol) {
                Ok(listing) if &*listing.symbol == symbol => continue,
                Ok(listing) => format!("{venue}: `{symbol}` is called `{}` there", listing.symbol),
                Err(GatewayError::UnknownInstrument { .. }) => {
                    format!("{venue}: no instrument `{symbol}`, so they would guard nothing: check the spelling")
                }
                Err(error) => {
                    tracing::warn!(%venue, symbol, %error, "limits name an instrument that could not be asked for at start");
                    continue;
                }
            };
            return Err(GatewayError::Setting { setting: "limits", why });
        }
        Ok(())
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
