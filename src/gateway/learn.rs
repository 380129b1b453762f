//! Makes an instrument known: to the directory, and to the engine with all its venue says of it.
//!
//! Guarantees that everything is asked before anything is told, so that an instrument the directory has is one the engine
//! can trade. Whoever subscribes and a start that takes orders back learn by this one way.

use super::directory::Directory;
use super::error::GatewayError;
use super::queries::Queries;
use crate::engine::Control;
use crate::record::{Instrument, Venue};
use crate::venue::binance_us::limits::FEE_ASSETS;
use std::sync::Arc;

/// Asks the venue about a product and tells `send` what came; blocks.
///
/// # Errors
/// [`GatewayError::UnknownInstrument`] if the venue does not list it, why the venue could not be asked, or what `send` says.
pub(super) fn learn(
    queries: &Queries,
    directory: &Directory,
    symbol: &str,
    send: impl Fn(Control) -> Result<(), GatewayError>,
) -> Result<Arc<Instrument>, GatewayError> {
    let listing = queries.product(symbol)?;
    let oanda_rules = match queries {
        Queries::Oanda(queries) => Some(Box::new(queries.rules(symbol)?)),
        Queries::Coinbase(_) | Queries::BinanceUs(_) => None,
    };
    let added = directory.add(listing);
    send(Control::Instrument(Box::new(Instrument::clone(&added))))?;
    if let Queries::BinanceUs(queries) = queries {
        if let Some(limits) = queries.take_limits() {
            send(Control::RateLimits(Venue::BinanceUs, limits))?;
        }
        for code in FEE_ASSETS {
            send(Control::Asset(Venue::BinanceUs, code, directory.asset(code)))?;
        }
        if let Some(market) = queries.take_market(symbol) {
            send(Control::Market(added.id, Box::new(market)))?;
        }
    }
    if let Some(rules) = oanda_rules {
        send(Control::OandaRules(added.id, rules))?;
    }
    Ok(added)
}
