//! The numbers of assets that fees are taken in, by their codes at the venues.
//!
//! Owns a short list: what an order table has seen of instruments, and what it was told. Never makes a number.

use super::fact::FillFact;
use super::state::Order;
use crate::record::{AssetId, ExecutionRecord, Fixed128, InlineText, Venue};

/// Assets before the list takes more memory.
const ASSETS_USUAL: usize = 256;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Assets(Vec<(Venue, InlineText<16>, AssetId)>);

impl Assets {
    pub fn new() -> Assets {
        Assets(Vec::with_capacity(ASSETS_USUAL))
    }

    /// An asset's number; one known by this code keeps it.
    pub fn put(&mut self, venue: Venue, code: &str, id: AssetId) {
        // A code too long for a record has no number.
        let Ok(code) = InlineText::new(code) else { return };
        if self.of(venue, &code).is_none() {
            self.0.push((venue, code, id));
        }
    }

    pub fn of(&self, venue: Venue, code: &InlineText<16>) -> Option<AssetId> {
        self.0.iter().find(|(at, known, _)| *at == venue && known == code).map(|(_, _, id)| *id)
    }
}

/// A fee in another asset than the quote asset.
#[derive(Debug, Clone, Copy)]
pub(super) struct OtherFee {
    asset: AssetId,
    code: InlineText<16>,
    fee: Fixed128,
}

impl OtherFee {
    /// The fee of a row, if it is one: what an order's own sums, which are in the quote asset, must not hold.
    pub fn of(fact: &FillFact, order: &Order, assets: &Assets) -> Option<OtherFee> {
        let code = fact.fee_asset.filter(|_| !fact.fee.is_zero())?;
        let asset = assets.of(order.venue(), &code);
        let other = OtherFee { asset: asset.unwrap_or(AssetId::NONE), code, fee: fact.fee };
        (asset != Some(order.quote)).then_some(other)
    }

    /// Lays it into the record of its row. An asset without a number is named by its code.
    pub fn put(&self, record: &mut ExecutionRecord) {
        (record.fee, record.fee_exponent, record.fee_asset) = (self.fee.mantissa(), self.fee.exponent(), self.asset);
        if self.asset == AssetId::NONE {
            record.venue_code = InlineText::truncated(self.code.as_str());
        }
    }
}
