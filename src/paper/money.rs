//! Exact arithmetic on amounts. What does not fit 128 bits is `None`, never a rounding; the caller refuses the order.

use crate::record::{Fixed, Fixed128};

pub(super) const ZERO: Fixed128 = Fixed128::new(0, 0);

/// `a - b`.
pub(super) fn minus(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    a.checked_sub(b).ok().map(Fixed128::normalized)
}

/// `a + b`.
pub(super) fn plus(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    minus(a, Fixed128::new(b.mantissa().checked_neg()?, b.exponent()))
}

/// `amount x rate`.
pub(super) fn share(amount: Fixed128, rate: Fixed) -> Option<Fixed128> {
    let amount = amount.normalized();
    let mantissa = amount.mantissa().checked_mul(i128::from(rate.mantissa()))?;
    Some(Fixed128::new(mantissa, amount.exponent().checked_add(rate.exponent())?).normalized())
}

/// `amount x (1 + rate)`.
pub(super) fn with_share(amount: Fixed128, rate: Fixed) -> Option<Fixed128> {
    plus(amount, share(amount, rate)?)
}

/// `amount` without what is finer than `10^exponent`.
pub(super) fn cut(amount: Fixed128, exponent: i8) -> Fixed128 {
    let mut left = amount;
    while left.exponent() < exponent {
        // Never 10 or less away from the end of i8: `exponent` is above.
        left = Fixed128::new(left.mantissa() / 10, left.exponent().saturating_add(1));
    }
    left.normalized()
}

/// Whether `have` is at least `need`.
pub(super) fn covers(have: Fixed128, need: Fixed128) -> bool {
    minus(have, need).is_some_and(|left| left.mantissa() >= 0)
}

/// How many whole `price`s `amount` pays for.
pub(super) fn times_in(price: Fixed128, amount: Fixed128) -> Option<i128> {
    let exponent = price.exponent().min(amount.exponent());
    let (price, amount) = (price.rescale(exponent).ok()?, amount.rescale(exponent).ok()?);
    amount.checked_div(price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parse_any;

    fn amount(text: &str) -> Fixed128 {
        parse_any(text.as_bytes()).unwrap()
    }

    #[test]
    fn sums_and_shares_are_exact() {
        assert_eq!(plus(amount("0.1"), amount("0.25")), Some(amount("0.35")));
        assert_eq!(with_share(amount("83277.26"), Fixed::new(12, -3)), Some(amount("84276.58712")));
        assert_eq!(plus(Fixed128::new(i128::MAX, 0), Fixed128::new(1, 0)), None);
    }

    #[test]
    fn a_cut_never_rounds_up() {
        assert_eq!(cut(amount("0.123456789"), -8), amount("0.12345678"));
        assert_eq!(cut(amount("0.5"), -8), amount("0.5"));
    }

    #[test]
    fn only_whole_units_are_paid_for() {
        assert_eq!(times_in(amount("0.3"), amount("1")), Some(3));
        assert_eq!(times_in(amount("0"), amount("1")), None);
    }
}
