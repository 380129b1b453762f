//! Cold queries: listings and account data, asked on the dialer's own connections by threads that may block. Nothing here
//! touches the reactor; a share of each venue's rate limit is set aside for it.

use super::error::{ExchangeError, GatewayError};
use crate::order::OrderFact;
use crate::record::{Fixed128, Instrument, Listing, UnixNanos, Venue, VenueOrderId};
use crate::venue::ListedOrder;

mod binance_us;
mod coinbase;
mod cold;
mod oanda;

pub use binance_us::BinanceUsQueries;
pub use coinbase::{CancelResult, ClockOffset, CoinbaseQueries, Paged};
pub(super) use coinbase::{COLD_REQUESTS_PER_SECOND, EMERGENCY_REQUESTS_PER_SECOND, ENGINE_REQUESTS_PER_SECOND};
pub(super) use cold::{ColdClient, Pace};
pub use oanda::OandaQueries;

/// Pages of one listing; more means that the cursor runs in a circle.
const PAGES_MAX: usize = 100;

/// Room for a signed request: far more than the longest.
const REQUEST_BYTES: usize = 4_096;

/// A balance of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The asset's code, such as `BTC`.
    pub asset: String,
    /// What can be used now.
    pub available: Fixed128,
    /// What open orders and withdrawals hold.
    pub hold: Fixed128,
}

/// What every venue can be asked, whichever it is; cheap to clone. Every call blocks its thread until the answer or the
/// timeout.
#[derive(Debug, Clone)]
pub enum Queries {
    /// Coinbase; what only it answers is in here.
    Coinbase(CoinbaseQueries),
    /// Binance.US; what only it answers is in here.
    BinanceUs(BinanceUsQueries),
    /// OANDA; what only it answers is in here.
    Oanda(OandaQueries),
}

impl Queries {
    /// Who is asked.
    pub const fn venue(&self) -> Venue {
        match self {
            Queries::Coinbase(_) => Venue::Coinbase,
            Queries::BinanceUs(_) => Venue::BinanceUs,
            Queries::Oanda(_) => Venue::Oanda,
        }
    }

    /// What the venue says of one product.
    ///
    /// # Errors
    /// [`GatewayError::UnknownInstrument`] if it is not listed, else [`ExchangeError`].
    pub fn product(&self, symbol: &str) -> Result<Listing, GatewayError> {
        match self {
            Queries::Coinbase(queries) => queries.listing(symbol),
            Queries::BinanceUs(queries) => queries.listing(symbol),
            Queries::Oanda(queries) => queries.listing(symbol),
        }
    }

    /// Every product the venue lists, in its order. Products whose increments cannot be read are left out, and a warning
    /// in the log names them.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn products(&self) -> Result<Vec<Listing>, ExchangeError> {
        match self {
            Queries::Coinbase(queries) => queries.listings(),
            Queries::BinanceUs(queries) => queries.listings(),
            Queries::Oanda(queries) => queries.listings(),
        }
    }

    /// Every balance of the account, all pages.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn balances(&self) -> Result<Vec<Balance>, ExchangeError> {
        match self {
            Queries::Coinbase(queries) => queries.balances(),
            Queries::BinanceUs(queries) => queries.balances(),
            Queries::Oanda(queries) => queries.balances(),
        }
    }

    /// How one order stands; `None` if the venue lists no such order.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order(&self, instrument: &Instrument, id: &VenueOrderId) -> Result<Option<OrderFact>, ExchangeError> {
        match self {
            Queries::Coinbase(queries) => queries.order_fact(instrument, id),
            Queries::BinanceUs(queries) => queries.order(instrument, id),
            Queries::Oanda(queries) => queries.order(instrument, id),
        }
    }

    /// Who every open order of the account is, whoever placed it.
    pub(super) fn listed_orders(&self) -> Result<Vec<ListedOrder>, ExchangeError> {
        match self {
            Queries::Coinbase(queries) => queries.listed_orders(),
            Queries::BinanceUs(queries) => queries.listed_orders(),
            Queries::Oanda(queries) => queries.listed_orders(),
        }
    }

    /// The venue's clock.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn server_time(&self) -> Result<UnixNanos, ExchangeError> {
        match self {
            Queries::Coinbase(queries) => queries.server_time(),
            Queries::BinanceUs(queries) => queries.server_time(),
            Queries::Oanda(queries) => queries.server_time(),
        }
    }
}
