//! Names behind the numbers: instruments and assets. Append-only, shared by the gateway and whoever prints records; never
//! read on the hot path.

use crate::journal::Names;
use crate::record::{AssetId, Instrument, InstrumentId, Listing, Venue};
use std::sync::{Arc, PoisonError, RwLock};

/// The table of instruments and assets; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Directory(Arc<RwLock<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    instruments: Vec<Arc<Instrument>>,
    assets: Vec<Box<str>>,
}

impl Directory {
    /// The instrument of a number.
    pub fn instrument(&self, id: InstrumentId) -> Option<Arc<Instrument>> {
        self.read().instruments.get(id.index()).cloned()
    }

    /// The instrument of a venue's own name.
    pub fn find(&self, venue: Venue, symbol: &str) -> Option<Arc<Instrument>> {
        let tables = self.read();
        tables.instruments.iter().find(|i| i.listing.venue == venue && i.symbol() == symbol).cloned()
    }

    /// The code of an asset's number, such as `BTC`.
    pub fn asset_code(&self, id: AssetId) -> Option<String> {
        self.read().assets.get(usize::from(id.0)).map(|code| code.to_string())
    }

    /// Every instrument, in the order of their numbers.
    pub fn instruments(&self) -> Vec<Arc<Instrument>> {
        self.read().instruments.clone()
    }

    /// Numbers a listing, or takes its new metadata under its old number.
    pub(super) fn add(&self, listing: Listing) -> Arc<Instrument> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let base = tables.asset(&listing.base);
        let quote = tables.asset(&listing.quote);
        let known = tables
            .instruments
            .iter()
            .position(|i| i.listing.venue == listing.venue && i.symbol() == listing.symbol.as_ref());
        let index = known.unwrap_or(tables.instruments.len());
        let instrument = Arc::new(Instrument::new(InstrumentId(index as u32), base, quote, listing));
        match tables.instruments.get_mut(index) {
            Some(place) => *place = instrument.clone(),
            None => tables.instruments.push(instrument.clone()),
        }
        instrument
    }

    /// Takes new metadata of an instrument at the exponents it has; what does not fit them is left out.
    pub(super) fn renew(&self, id: InstrumentId, listing: &Listing) {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = tables.instruments.get_mut(id.index()) else { return };
        if let Some(renewed) = place.with_listing(listing) {
            *place = Arc::new(renewed);
        }
    }

    /// The number of an asset, a new one if it has none.
    pub(super) fn asset(&self, code: &str) -> AssetId {
        self.0.write().unwrap_or_else(PoisonError::into_inner).asset(code)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        // A writer that panicked left the tables as they were or appended to: both are fine to read.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(all(test, feature = "cli"))]
    pub(crate) fn of_one_for_tests(symbol: &str) -> Directory {
        let directory = Directory::default();
        directory.add(tests::listing(symbol));
        directory
    }
}

impl Names for Directory {
    fn instrument(&self, id: InstrumentId) -> Option<Arc<Instrument>> {
        Directory::instrument(self, id)
    }

    fn asset(&self, id: AssetId) -> Option<String> {
        self.asset_code(id)
    }
}

impl Tables {
    fn asset(&mut self, code: &str) -> AssetId {
        let index = self.assets.iter().position(|a| a.as_ref() == code).unwrap_or_else(|| {
            self.assets.push(code.into());
            self.assets.len() - 1
        });
        u16::try_from(index).map_or(AssetId::NONE, AssetId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Fixed, TradingStatus};

    pub(super) fn listing(symbol: &str) -> Listing {
        let (base, quote) = symbol.split_once('-').unwrap();
        Listing {
            venue: Venue::Coinbase,
            symbol: symbol.into(),
            streamed_as: None,
            base: base.into(),
            quote: quote.into(),
            tick: Fixed::new(1, -2),
            lot: Fixed::new(1, -8),
            quote_lot: Fixed::new(1, -2),
            size_min: Fixed::new(1, -8),
            size_max: Fixed::new(3400, 0),
            notional_min: Fixed::new(1, 0),
            status: TradingStatus::Online,
        }
    }

    #[test]
    fn instruments_and_assets_are_numbered_once() {
        let directory = Directory::default();
        let btc = directory.add(listing("BTC-USD"));
        let eth = directory.add(listing("ETH-USD"));
        let again = directory.add(Listing { status: TradingStatus::CancelOnly, ..listing("BTC-USD") });
        assert_eq!((btc.id, eth.id, again.id), (InstrumentId(0), InstrumentId(1), InstrumentId(0)));
        assert_eq!(directory.instrument(btc.id).unwrap().listing.status, TradingStatus::CancelOnly);
        assert_eq!(btc.quote, eth.quote);
        assert_eq!(directory.asset_code(eth.base).as_deref(), Some("ETH"));
        assert_eq!(directory.find(Venue::Coinbase, "ETH-USD").unwrap().id, eth.id);
        assert_eq!(directory.find(Venue::Coinbase, "DOGE-USD"), None);
        directory.renew(eth.id, &Listing { tick: Fixed::new(1, 0), ..listing("ETH-USD") });
        let renewed = directory.instrument(eth.id).unwrap();
        assert_eq!((renewed.listing.tick, renewed.exponents()), (Fixed::new(1, 0), eth.exponents()));
        directory.renew(eth.id, &Listing { tick: Fixed::new(1, -12), ..listing("ETH-USD") });
        assert_eq!(directory.instrument(eth.id), Some(renewed), "finer than it can be told");
    }
}
