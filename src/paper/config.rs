//! How a paper venue is set up.

use crate::record::{Fixed, Fixed128, InlineText, Venue};
use rust_decimal::Decimal;

/// Currency of an account of margin that names none.
pub(super) const CURRENCY: &str = "USD";

/// Most assets a paper account begins with.
pub const ASSETS_MAX: usize = 64;
/// No delay may be longer: one minute, ns.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Why a paper venue cannot be set up so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaperError {
    /// An asset's code.
    #[error("paper venue {venue}: asset `{asset}`: a code has 1 to 16 characters")]
    Asset {
        /// Which venue.
        venue: Venue,
        /// The code.
        asset: String,
    },
    /// An amount.
    #[error("paper venue {venue}: balance of {asset}: {amount} is negative")]
    Amount {
        /// Which venue.
        venue: Venue,
        /// Of what.
        asset: String,
        /// How much.
        amount: Decimal,
    },
    /// Too many assets.
    #[error("paper venue {venue}: more than {ASSETS_MAX} assets")]
    TooManyAssets {
        /// Which venue.
        venue: Venue,
    },
    /// A fee rate.
    #[error("paper venue {venue}: fee rate {rate}: a fraction from 0 to 1 is needed, such as 0.006 for 0.6 %")]
    Fee {
        /// Which venue.
        venue: Venue,
        /// The rate.
        rate: Decimal,
    },
    /// A latency.
    #[error("paper venue {venue}: latency of {latency_ns} ns: at most a minute makes sense")]
    Latency {
        /// Which venue.
        venue: Venue,
        /// The latency, ns.
        latency_ns: u64,
    },
    /// A second currency of an account of margin.
    #[error("paper venue {venue}: an account has one currency, and {asset} would be the second")]
    OneCurrency {
        /// Which venue.
        venue: Venue,
        /// The second one.
        asset: String,
    },
    /// A margin rate.
    #[error("paper venue {venue}: margin rate {rate}: a fraction from 0 to 1 is needed, such as 0.05 for 20:1")]
    MarginRate {
        /// Which venue.
        venue: Venue,
        /// The rate.
        rate: Decimal,
    },
    /// Something this venue does not have.
    #[error("paper venue {venue}: has no {what}")]
    NotThere {
        /// Which venue.
        venue: Venue,
        /// What it does not have.
        what: &'static str,
    },
}

/// A paper account at one venue: what it holds at the start, what trading costs and how long commands and events travel.
#[derive(Debug, Clone)]
pub struct PaperConfig {
    pub(super) venue: Venue,
    pub(super) balances: Vec<(InlineText<16>, Fixed128)>,
    pub(super) maker: Fixed,
    pub(super) taker: Fixed,
    pub(super) margin_rate: Fixed,
    pub(super) conversion_cost: Fixed,
    pub(super) command_ns: u64,
    pub(super) event_ns: u64,
}

impl PaperConfig {
    /// An empty account with the venue's fees for small accounts and no latency. At OANDA it is one of margin in US
    /// dollars, unless [`PaperConfig::balance`] names another currency; it pays the spread and no fees.
    pub fn new(venue: Venue) -> PaperConfig {
        let (maker, taker) = match venue {
            // Coinbase reference 7.11.
            Venue::Coinbase => (Fixed::new(6, -3), Fixed::new(12, -3)),
            // Binance.US reference 9.
            Venue::BinanceUs => (Fixed::new(0, 0), Fixed::new(1, -4)),
            // Its price is the spread (OANDA reference 4).
            Venue::Oanda => (Fixed::new(0, 0), Fixed::new(0, 0)),
        };
        // The instruments' own rates come on top (OANDA reference 3); a fill on record was converted at 0.99 and 1.01 of the
        // middle (OANDA reference 7).
        let (margin_rate, conversion_cost) = (Fixed::new(2, -2), Fixed::new(1, -2));
        let balances = Vec::new();
        PaperConfig { venue, balances, maker, taker, margin_rate, conversion_cost, command_ns: 0, event_ns: 0 }
    }

    /// So much of an asset is there at the start. `asset` is the venue's own code, such as `USD`.
    ///
    /// # Errors
    /// [`PaperError`].
    pub fn balance(mut self, asset: &str, amount: Decimal) -> Result<PaperConfig, PaperError> {
        let venue = self.venue;
        let bad = || PaperError::Asset { venue, asset: asset.to_owned() };
        let code = InlineText::new(asset).ok().filter(|code| !code.is_empty()).ok_or_else(bad)?;
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(PaperError::Amount { venue, asset: asset.to_owned(), amount });
        }
        self.balances.retain(|(known, _)| *known != code);
        if venue == Venue::Oanda && !self.balances.is_empty() {
            return Err(PaperError::OneCurrency { venue, asset: asset.to_owned() });
        }
        if self.balances.len() >= ASSETS_MAX {
            return Err(PaperError::TooManyAssets { venue });
        }
        self.balances.push((code, Fixed128::from_decimal(amount)));
        Ok(self)
    }

    /// What a fill costs as a fraction of its value: of a resting order and of one that takes.
    ///
    /// # Errors
    /// [`PaperError::Fee`] outside 0 to 1, [`PaperError::NotThere`] at OANDA.
    pub fn fees(self, maker: Decimal, taker: Decimal) -> Result<PaperConfig, PaperError> {
        let venue = self.venue;
        if venue == Venue::Oanda {
            return Err(PaperError::NotThere { venue, what: "fees: it earns the spread" });
        }
        let rate = |rate: Decimal| fraction(rate).ok_or(PaperError::Fee { venue, rate });
        Ok(PaperConfig { maker: rate(maker)?, taker: rate(taker)?, ..self })
    }

    /// Least margin as a fraction of a position's value, whatever the instrument's own rate is; 0.02 unless told. OANDA
    /// only.
    ///
    /// # Errors
    /// [`PaperError::MarginRate`] outside 0 to 1, [`PaperError::NotThere`] at other venues.
    pub fn margin_rate(self, rate: Decimal) -> Result<PaperConfig, PaperError> {
        let venue = self.lender("margin")?;
        let margin_rate = fraction(rate).ok_or(PaperError::MarginRate { venue, rate })?;
        Ok(PaperConfig { margin_rate, ..self })
    }

    /// What it costs to convert a profit or loss into the account's currency, as a fraction of the rate; 0.01 unless told.
    /// OANDA only.
    ///
    /// # Errors
    /// [`PaperError::Fee`] outside 0 to 1, [`PaperError::NotThere`] at other venues.
    pub fn conversion_cost(self, rate: Decimal) -> Result<PaperConfig, PaperError> {
        let venue = self.lender("conversion of profits")?;
        Ok(PaperConfig { conversion_cost: fraction(rate).ok_or(PaperError::Fee { venue, rate })?, ..self })
    }

    fn lender(&self, what: &'static str) -> Result<Venue, PaperError> {
        match self.venue {
            Venue::Oanda => Ok(Venue::Oanda),
            venue => Err(PaperError::NotThere { venue, what }),
        }
    }

    /// How long a command travels to the venue and what the venue says back, ns. Market data is as late as it is: what it
    /// needs from the venue to here belongs to `command_ns` too.
    ///
    /// # Errors
    /// [`PaperError::Latency`] above a minute.
    pub fn latency_ns(self, command_ns: u64, event_ns: u64) -> Result<PaperConfig, PaperError> {
        let venue = self.venue;
        match [command_ns, event_ns].into_iter().find(|ns| *ns > LATENCY_NS_MAX) {
            Some(latency_ns) => Err(PaperError::Latency { venue, latency_ns }),
            None => Ok(PaperConfig { command_ns, event_ns, ..self }),
        }
    }

    /// Which venue it stands for.
    pub const fn venue(&self) -> Venue {
        self.venue
    }
}

fn fraction(rate: Decimal) -> Option<Fixed> {
    let fits = rate >= Decimal::ZERO && rate <= Decimal::ONE;
    Fixed::from_decimal(rate).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let paper = || PaperConfig::new(Venue::Coinbase);
        let said = |result: Result<PaperConfig, PaperError>| result.unwrap_err().to_string();
        assert!(said(paper().balance("USD", Decimal::NEGATIVE_ONE)).contains("balance of USD: -1"));
        assert!(said(paper().balance("", Decimal::ONE)).contains("asset ``"));
        assert!(said(paper().fees(Decimal::TWO, Decimal::ZERO)).contains("fee rate 2"));
        assert!(said(paper().latency_ns(0, 61_000_000_000)).contains("61000000000 ns"));
        let oanda = || PaperConfig::new(Venue::Oanda);
        assert!(said(oanda().fees(Decimal::ZERO, Decimal::ZERO)).contains("oanda: has no fees"));
        assert!(said(oanda().margin_rate(Decimal::TWO)).contains("margin rate 2"));
        assert!(said(paper().margin_rate(Decimal::ONE)).contains("coinbase: has no margin"));
        let second = oanda().balance("EUR", Decimal::ONE).and_then(|paper| paper.balance("USD", Decimal::ONE));
        assert!(said(second).contains("USD would be the second"));
    }

    #[test]
    fn a_balance_given_again_replaces_the_first() {
        let paper = PaperConfig::new(Venue::Coinbase);
        let paper = paper.balance("USD", Decimal::ONE).and_then(|p| p.balance("USD", Decimal::TEN)).unwrap();
        assert_eq!(paper.balances.len(), 1);
        assert_eq!(paper.balances.first().map(|(_, amount)| *amount), Some(Fixed128::new(10, 0)));
    }
}
