//! What can be traded: the instrument rows a client reads, and what the made-up market needs to know.
//!
//! Rows have the fields of OANDA reference 3 with precisions recorded there. Decides nothing about prices or orders.

use super::text::units;
use crate::sim::Json;
use rust_decimal::Decimal;

/// `type` of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstrumentKind {
    /// `CURRENCY`.
    Currency,
    /// `CFD`.
    Cfd,
    /// `METAL`.
    Metal,
}

/// Whether guaranteed stops are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guaranteed {
    /// `DISABLED`.
    Disabled,
    /// `ALLOWED`.
    Allowed {
        /// Least distance from the market, in price.
        minimum_distance: Decimal,
        /// Price added to the cost of a fill, per unit.
        premium: Decimal,
    },
}

/// One instrument.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// `BASE_QUOTE`.
    pub name: String,
    /// Currency pair, metal or CFD.
    pub kind: InstrumentKind,
    /// Ten to this is one pip.
    pub pip_location: i32,
    /// Decimals of prices.
    pub display_precision: u32,
    /// Decimals of units.
    pub trade_units_precision: u32,
    /// Least units of an order.
    pub minimum_trade_size: Decimal,
    /// Most units of an order.
    pub maximum_order_units: Decimal,
    /// Most units of a position; 0 for no cap.
    pub maximum_position_size: Decimal,
    /// Margin per position value.
    pub margin_rate: Decimal,
    /// Guaranteed stops.
    pub guaranteed: Guaranteed,
    /// Mid price at the start.
    pub start_price: Decimal,
    /// Usual spread, in the last decimal of prices.
    pub spread_points: i64,
    /// Units in the first liquidity bucket.
    pub bucket_units: Decimal,
}

impl Instrument {
    fn pair(name: &str, precision: u32, price: Decimal, spread_points: i64, margin_rate: Decimal) -> Self {
        let pip_location = 1 - i32::try_from(precision).unwrap_or(0);
        Self {
            name: name.to_owned(),
            kind: InstrumentKind::Currency,
            pip_location,
            display_precision: precision,
            trade_units_precision: 0,
            minimum_trade_size: Decimal::ONE,
            maximum_order_units: Decimal::from(100_000_000),
            maximum_position_size: Decimal::ZERO,
            margin_rate,
            guaranteed: Guaranteed::Disabled,
            start_price: price,
            spread_points,
            bucket_units: Decimal::from(500_000),
        }
    }

    /// The currency or thing that units are of.
    pub fn base(&self) -> &str {
        self.name.split_once('_').map_or("", |(base, _)| base)
    }

    /// The currency of prices.
    pub fn quote(&self) -> &str {
        self.name.split_once('_').map_or("", |(_, quote)| quote)
    }

    /// The last decimal of prices.
    pub fn point(&self) -> Decimal {
        Decimal::new(1, self.display_precision)
    }

    /// Least and most distance of a trailing stop: 5 and 10000 pips, as recorded rows have them.
    pub(crate) fn trailing_range(&self) -> (Decimal, Decimal) {
        let pip = Decimal::new(1, self.pip_location.min(0).unsigned_abs());
        (pip * Decimal::from(5), pip * Decimal::from(10_000))
    }

    /// Members of the row (OANDA reference 3).
    pub(crate) fn put(&self, j: &mut Json) {
        let kind = match self.kind {
            InstrumentKind::Currency => "CURRENCY",
            InstrumentKind::Cfd => "CFD",
            InstrumentKind::Metal => "METAL",
        };
        let (least, most) = self.trailing_range();
        j.str("name", &self.name)
            .str("type", kind)
            .str("displayName", self.name.replace('_', "/"))
            .raw("pipLocation", self.pip_location)
            .raw("displayPrecision", self.display_precision)
            .raw("tradeUnitsPrecision", self.trade_units_precision)
            .str("minimumTradeSize", units(self.minimum_trade_size))
            .str("maximumTrailingStopDistance", self.distance(most))
            .str("minimumTrailingStopDistance", self.distance(least))
            .str("maximumPositionSize", units(self.maximum_position_size))
            .str("maximumOrderUnits", units(self.maximum_order_units))
            .str("marginRate", units(self.margin_rate));
        match self.guaranteed {
            Guaranteed::Disabled => {
                j.str("guaranteedStopLossOrderMode", "DISABLED");
            }
            Guaranteed::Allowed { minimum_distance, premium } => {
                j.str("guaranteedStopLossOrderMode", "ALLOWED")
                    .str("minimumGuaranteedStopLossDistance", self.distance(minimum_distance))
                    .str("guaranteedStopLossOrderExecutionPremium", self.distance(premium));
            }
        }
        j.arr("tags", |j| {
            j.item(|j| {
                j.str("type", "ASSET_CLASS").str("name", if kind == "CURRENCY" { "CURRENCY" } else { "INDEX" });
            });
        });
        j.obj("financing", |j| {
            j.str("longRate", "-0.0235").str("shortRate", "0.0041").arr("financingDaysOfWeek", |j| {
                let charged = [1, 1, 3, 1, 1, 0, 0];
                let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
                for (day, charged) in days.iter().zip(charged) {
                    j.item(|j| {
                        j.str("dayOfWeek", day).raw("daysCharged", charged);
                    });
                }
            });
        });
    }

    fn distance(&self, value: Decimal) -> String {
        super::text::price(value, self.display_precision)
    }
}

/// Major and cross pairs, a metal, and an index that takes tenths of units.
pub fn usual_instruments() -> Vec<Instrument> {
    let p = Decimal::new;
    let (two, three_thirds) = (p(2, 2), p(333, 4));
    let allowed = Guaranteed::Allowed { minimum_distance: p(50, 4), premium: p(1, 4) };
    vec![
        Instrument { guaranteed: allowed, ..Instrument::pair("EUR_USD", 5, p(120_016, 5), 12, two) },
        Instrument::pair("GBP_USD", 5, p(134_210, 5), 16, two),
        Instrument::pair("AUD_USD", 5, p(66_120, 5), 14, two),
        Instrument::pair("USD_JPY", 3, p(150_008, 3), 14, two),
        Instrument::pair("USD_CHF", 5, p(80_540, 5), 15, two),
        Instrument::pair("USD_CAD", 5, p(138_900, 5), 18, two),
        Instrument::pair("EUR_GBP", 5, p(89_424, 5), 15, two),
        Instrument::pair("EUR_JPY", 3, p(180_033, 3), 20, three_thirds),
        Instrument {
            kind: InstrumentKind::Metal,
            maximum_order_units: Decimal::from(10_000),
            bucket_units: Decimal::from(100),
            pip_location: -2,
            ..Instrument::pair("XAU_USD", 3, p(2_650_500, 3), 350, p(5, 2))
        },
        Instrument {
            kind: InstrumentKind::Cfd,
            pip_location: 0,
            trade_units_precision: 1,
            minimum_trade_size: p(1, 1),
            maximum_order_units: Decimal::from(5_000),
            bucket_units: Decimal::from(50),
            ..Instrument::pair("SPX500_USD", 1, p(59_800, 1), 5, p(5, 2))
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_recorded_fields_and_types() {
        let row = Json::compact().object(|j| usual_instruments()[0].put(j));
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        assert_eq!((&row["name"], &row["pipLocation"]), (&"EUR_USD".into(), &(-4).into()));
        assert_eq!((&row["displayPrecision"], &row["tradeUnitsPrecision"]), (&5.into(), &0.into()));
        assert_eq!((&row["marginRate"], &row["minimumTrailingStopDistance"]), (&"0.02".into(), &"0.00050".into()));
        assert_eq!(row["financing"]["financingDaysOfWeek"].as_array().unwrap().len(), 7);
    }

    #[test]
    fn every_quote_currency_can_be_turned_into_dollars() {
        let all = usual_instruments();
        let direct =
            |c: &str| c == "USD" || all.iter().any(|i| i.name == format!("{c}_USD") || i.name == format!("USD_{c}"));
        assert!(all.iter().all(|i| direct(i.quote())));
    }
}
