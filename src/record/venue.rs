//! Which venue, and one of something for each of them.

/// A trading venue this crate speaks to. Exhaustive: a new venue is a new release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Venue {
    /// Coinbase Advanced Trade.
    Coinbase = 0,
    /// Binance.US.
    BinanceUs = 1,
    /// OANDA v20.
    Oanda = 2,
}

impl Venue {
    /// Every venue, in the order of their numbers.
    pub const ALL: [Venue; 3] = [Venue::Coinbase, Venue::BinanceUs, Venue::Oanda];

    /// The lower-case name used in JSON output, logs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Venue::Coinbase => "coinbase",
            Venue::BinanceUs => "binance_us",
            Venue::Oanda => "oanda",
        }
    }

    /// The venue of a number written by `as u8`; `None` if there is none.
    pub const fn from_u8(value: u8) -> Option<Venue> {
        match value {
            0 => Some(Venue::Coinbase),
            1 => Some(Venue::BinanceUs),
            2 => Some(Venue::Oanda),
            _ => None,
        }
    }
}

impl std::fmt::Display for Venue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Venue {
    type Err = UnknownVenue;

    fn from_str(text: &str) -> Result<Self, UnknownVenue> {
        Venue::ALL.into_iter().find(|v| v.name() == text).ok_or_else(|| UnknownVenue(text.into()))
    }
}

/// A venue name that this crate does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue `{0}`: known venues are coinbase, binance_us, oanda")]
pub struct UnknownVenue(String);

/// One of something per venue; looking one up cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerVenue<T>([T; Venue::ALL.len()]);

impl<T> PerVenue<T> {
    /// What `make` says for each.
    pub fn new(make: impl FnMut(Venue) -> T) -> PerVenue<T> {
        PerVenue(Venue::ALL.map(make))
    }

    /// The one of `venue`.
    pub const fn get(&self, venue: Venue) -> &T {
        let [coinbase, binance_us, oanda] = &self.0;
        match venue {
            Venue::Coinbase => coinbase,
            Venue::BinanceUs => binance_us,
            Venue::Oanda => oanda,
        }
    }

    /// The one of `venue`, to be changed.
    pub const fn get_mut(&mut self, venue: Venue) -> &mut T {
        let [coinbase, binance_us, oanda] = &mut self.0;
        match venue {
            Venue::Coinbase => coinbase,
            Venue::BinanceUs => binance_us,
            Venue::Oanda => oanda,
        }
    }

    /// All of them, in the order of [`Venue::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Venue, &T)> {
        Venue::ALL.into_iter().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_venue() {
        for venue in Venue::ALL {
            assert_eq!(venue.name().parse(), Ok(venue));
            assert_eq!(Venue::from_u8(venue as u8), Some(venue));
        }
        assert_eq!(Venue::from_u8(Venue::ALL.len() as u8), None);
        let error = "kraken".parse::<Venue>().unwrap_err().to_string();
        assert!(Venue::ALL.iter().all(|venue| error.contains(venue.name())), "{error}");
    }

    #[test]
    fn each_venue_has_its_own() {
        let mut each = PerVenue::new(|venue| venue.name().to_owned());
        each.get_mut(Venue::Oanda).push('!');
        let all: Vec<_> = each.iter().map(|(venue, name)| (venue, name.as_str())).collect();
        assert_eq!(all, [(Venue::Coinbase, "coinbase"), (Venue::BinanceUs, "binance_us"), (Venue::Oanda, "oanda!")]);
        assert_eq!(each.get(Venue::Oanda), "oanda!");
    }
}
