//! Exact arithmetic on amounts. What does not fit 128 bits is `None`, never a rounding; the caller refuses the order.

use super::{Fixed, Fixed128};

pub(crate) const ZERO: Fixed128 = Fixed128::new(0, 0);

/// `a - b`.
pub(crate) fn minus(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    a.checked_sub(b).ok().map(Fixed128::normalized)
}

/// `a + b`.
pub(crate) fn plus(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    minus(a, Fixed128::new(b.mantissa().checked_neg()?, b.exponent()))
}

/// `amount x rate`.
pub(crate) fn share(amount: Fixed128, rate: Fixed) -> Option<Fixed128> {
    let amount = amount.normalized();
    let mantissa = amount.mantissa().checked_mul(i128::from(rate.mantissa()))?;
    Some(Fixed128::new(mantissa, amount.exponent().checked_add(rate.exponent())?).normalized())
}

/// `amount x (1 + rate)`.
pub(crate) fn with_share(amount: Fixed128, rate: Fixed) -> Option<Fixed128> {
    plus(amount, share(amount, rate)?)
}

/// `amount` without what is finer than `10^exponent`.
pub(crate) fn cut(amount: Fixed128, exponent: i8) -> Fixed128 {
    let mut left = amount;
    while left.exponent() < exponent {
        // Never 10 or less away from the end of i8: `exponent` is above.
        left = Fixed128::new(left.mantissa() / 10, left.exponent().saturating_add(1));
    }
    left.normalized()
}

/// Whether `have` is at least `need`.
pub(crate) fn covers(have: Fixed128, need: Fixed128) -> bool {
    minus(have, need).is_some_and(|left| left.mantissa() >= 0)
}

/// How many whole `price`s `amount` pays for.
pub(crate) fn times_in(price: Fixed128, amount: Fixed128) -> Option<i128> {
    let exponent = price.exponent().min(amount.exponent());
    let (price, amount) = (price.rescale(exponent).ok()?, amount.rescale(exponent).ok()?);
    amount.checked_div(price)
}

/// `a x b`.
pub(crate) fn times(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    let (a, b) = (a.normalized(), b.normalized());
    let mantissa = a.mantissa().checked_mul(b.mantissa())?;
    Some(Fixed128::new(mantissa, a.exponent().checked_add(b.exponent())?).normalized())
}

/// `a / b`, to the nearest multiple of `10^exponent`; `b` is positive.
pub(crate) fn divided(a: Fixed128, b: Fixed128, exponent: i8) -> Option<Fixed128> {
    let (above, below) = quotient(a, b, exponent)?;
    Some(Fixed128::new(nearest(above, below)?, exponent).normalized())
}

/// `a / b`, to the multiple of `10^exponent` at it or below; `b` is positive.
pub(crate) fn divided_down(a: Fixed128, b: Fixed128, exponent: i8) -> Option<Fixed128> {
    let (above, below) = quotient(a, b, exponent)?;
    Some(Fixed128::new(above.checked_div_euclid(below)?, exponent))
}

/// Two integers whose quotient is that of `a` and `b` in multiples of `10^exponent`.
fn quotient(a: Fixed128, b: Fixed128, exponent: i8) -> Option<(i128, i128)> {
    let (a, b) = (a.normalized(), b.normalized());
    let shift = i32::from(a.exponent()).checked_sub(i32::from(b.exponent()))?.checked_sub(i32::from(exponent))?;
    let factor = 10i128.checked_pow(shift.unsigned_abs())?;
    match shift {
        0.. => Some((a.mantissa().checked_mul(factor)?, b.mantissa())),
        _ => Some((a.mantissa(), b.mantissa().checked_mul(factor)?)),
    }
}

/// The nearest multiple of `10^exponent`; halves go to the even one, as the venues' money does.
pub(crate) fn rounded(amount: Fixed128, exponent: i8) -> Fixed128 {
    let places = i32::from(exponent).saturating_sub(i32::from(amount.exponent()));
    match u32::try_from(places) {
        Ok(places) if places > 0 => {
            // Where the power does not fit, the amount is far less than half of one.
            let mantissa = 10i128.checked_pow(places).and_then(|divisor| nearest(amount.mantissa(), divisor));
            Fixed128::new(mantissa.unwrap_or(0), exponent).normalized()
        }
        _ => amount,
    }
}

/// The quotient by something positive to the nearest integer, halves to the even one.
fn nearest(above: i128, below: i128) -> Option<i128> {
    let (floor, rest) = (above.checked_div_euclid(below)?, above.checked_rem_euclid(below)?);
    let up = match rest.cmp(&below.checked_sub(rest)?) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor.checked_rem(2)? != 0,
        std::cmp::Ordering::Greater => true,
    };
    floor.checked_add(i128::from(up))
}

#[cfg(test)]
mod tests {
    use super::super::parse_any;
    use super::*;

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
    fn money_is_rounded_to_the_nearest_and_halves_to_the_even() {
        for (given, expected) in
            [("0.00005", "0"), ("0.00015", "0.0002"), ("-0.00005", "0"), ("-0.00016", "-0.0002"), ("1.23456", "1.2346")]
        {
            assert_eq!(rounded(amount(given), -4), amount(expected), "{given}");
        }
        assert_eq!(rounded(amount("12.5"), -4), amount("12.5"));
        assert_eq!(times(amount("-1.5"), amount("0.2")), Some(amount("-0.3")));
        assert_eq!(divided(amount("1"), amount("150.008"), -8), Some(amount("0.00666631")));
        assert_eq!(divided(amount("1"), amount("0"), -8), None);
        assert_eq!(divided_down(amount("1"), amount("150.008"), -8), Some(amount("0.00666631")));
        assert_eq!(divided_down(amount("2"), amount("0.3"), 0), Some(amount("6")));
        assert_eq!(divided_down(amount("-2"), amount("0.3"), 0), Some(amount("-7")), "never up");
    }

    #[test]
    fn only_whole_units_are_paid_for() {
        assert_eq!(times_in(amount("0.3"), amount("1")), Some(3));
        assert_eq!(times_in(amount("0"), amount("1")), None);
    }
}
