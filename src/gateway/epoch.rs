//! The session of a gateway: its lock and its epoch before anything can be sent, and what dead sessions left open.
//!
//! Owns the law of the start: the lock first; then, for an account of which no session is known, the proof by the venue's
//! own list that no order of ours is open; then an epoch that is on the disk before it stands in an id. Never cancels
//! anything.

use super::error::GatewayError;
use super::queries::Queries;
use crate::order::ClientOrderIds;
use crate::record::{ClientOrderId, PerVenue, UnixNanos, Venue};
use crate::state::{default_directory, Account, Session, StateDirectory};
use std::path::PathBuf;

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum StatePlace {
    /// Where the environment says.
    #[default]
    Usual,
    /// Here.
    At(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// The session of a gateway, and what it found.
#[derive(Debug)]
pub(super) struct Begun {
    /// Keeps the accounts locked; `None` without accounts or without state.
    pub(super) session: Option<Session>,
    pub(super) ids: ClientOrderIds,
    /// What orders of dead sessions trade: their instruments are to be known before the engine lists them.
    pub(super) recalled: Vec<(Venue, String)>,
}

/// Begins the session of these accounts.
///
/// # Errors
/// [`GatewayError::State`], [`GatewayError::StateMissing`], [`GatewayError::StateUnproven`], a bad prefix.
pub(super) fn begin(
    place: &StatePlace,
    prefix: &str,
    accounts: &[Account],
    queries: &PerVenue<Option<Queries>>,
    now: UnixNanos,
) -> Result<Begun, GatewayError> {
    let ids = |epoch| {
        ClientOrderIds::new(prefix, epoch)
            .map_err(|error| GatewayError::Setting { setting: "order_id_prefix", why: error.to_string() })
    };
    let path = match place {
        StatePlace::At(path) => path.clone(),
        StatePlace::Usual if !accounts.is_empty() => default_directory(&|name| std::env::var(name).ok())?,
        // Nobody trades, or nobody wants to be found again: the time in nanoseconds tells this run from others.
        StatePlace::Usual | StatePlace::Nowhere => {
            return Ok(Begun { session: None, ids: ids(now.0)?, recalled: Vec::new() });
        }
    };
    if accounts.is_empty() {
        return Ok(Begun { session: None, ids: ids(now.0)?, recalled: Vec::new() });
    }
    let form = ids(0)?;
    let locked = StateDirectory::new(&path).lock(accounts)?;
    for account in locked.unknown() {
        prove_none_open(account, &form, queries, &path)?;
    }
    let unknown: Vec<Venue> = locked.unknown().map(Account::venue).collect();
    let session = locked.begin(now)?;
    let ids = ids(session.epoch())?.after(session.earlier(), session.told_until());
    let mut recalled = Vec::new();
    for venue in accounts.iter().map(Account::venue).filter(|venue| !unknown.contains(venue)) {
        let Some(asked) = queries.get(venue) else { continue };
        match asked.listed_orders() {
            Ok(open) => {
                let dead = |id: &str| ClientOrderId::new(id).is_ok_and(|id| ids.dead_request_of(&id).is_some());
                let dead = open.into_iter().filter(|order| dead(&order.client_order_id));
                recalled.extend(dead.map(|order| (venue, String::from(order.symbol))));
            }
            // The engine lists them itself before anything leaves; only their instruments may be missing then.
            Err(error) => tracing::warn!(%venue, %error, "open orders of earlier runs could not be listed at start"),
        }
    }
    recalled.sort();
    recalled.dedup();
    Ok(Begun { session: Some(session), ids, recalled })
}

/// No session of this account is known: that is a first start only if nothing of ours is open.
fn prove_none_open(
    account: &Account,
    form: &ClientOrderIds,
    queries: &PerVenue<Option<Queries>>,
    path: &std::path::Path,
) -> Result<(), GatewayError> {
    let venue = account.venue();
    let asked = queries.get(venue).as_ref().ok_or(GatewayError::VenueNotConfigured(venue))?;
    let open =
        asked.listed_orders().map_err(|error| GatewayError::StateUnproven { venue, cause: error.to_string() })?;
    let ours = |id: &str| ClientOrderId::new(id).is_ok_and(|id| form.is_ours_by_prefix(&id));
    let ours: Vec<_> = open.into_iter().map(|order| order.client_order_id).filter(|id| ours(id)).collect();
    match ours.first() {
        None => Ok(()),
        Some(example) => Err(GatewayError::StateMissing {
            venue,
            open: ours.len(),
            example: example.to_string(),
            directory: path.display().to_string(),
        }),
    }
}
