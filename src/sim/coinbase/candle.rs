//! The widths of candles, by the venue's names.

use crate::sim::market::MINUTE_S;

/// The width a `granularity` names (Coinbase reference 3).
pub(crate) fn width_s(granularity: &str) -> Option<u64> {
    const HOUR_S: u64 = 60 * MINUTE_S;
    Some(match granularity {
        "ONE_MINUTE" => MINUTE_S,
        "FIVE_MINUTE" => 5 * MINUTE_S,
        "FIFTEEN_MINUTE" => 15 * MINUTE_S,
        "THIRTY_MINUTE" => 30 * MINUTE_S,
        "ONE_HOUR" => HOUR_S,
        "TWO_HOUR" => 2 * HOUR_S,
        "FOUR_HOUR" => 4 * HOUR_S,
        "SIX_HOUR" => 6 * HOUR_S,
        "ONE_DAY" => 24 * HOUR_S,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_granularity_is_a_width_and_other_names_are_none() {
        assert_eq!(
            (width_s("FIVE_MINUTE"), width_s("ONE_DAY"), width_s("ONE_SECOND")),
            (Some(300), Some(86_400), None)
        );
    }
}
