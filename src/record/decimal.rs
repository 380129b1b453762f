//! Exact decimals: an integer mantissa and a power-of-ten exponent. No float anywhere; a digit that does not fit is an
//! error, never a rounding.

use super::digits;
use rust_decimal::Decimal;

/// Most decimal digits one parsed number may have before or after the point.
pub const DIGITS_MAX: usize = 38;

/// Why a text is not an exact number of the wanted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// No digits at all.
    #[error("empty number")]
    Empty,
    /// A character that no plain decimal has (also an exponent or a plus sign).
    #[error("not a plain decimal number")]
    Syntax,
    /// More significant digits than the type holds.
    #[error("number too large for its field")]
    Overflow,
    /// A non-zero digit finer than the exponent allows.
    #[error("number finer than the precision of its field")]
    TooFine,
    /// Below zero, where that means nothing: a price, a size.
    #[error("number below zero")]
    Negative,
}

/// `mantissa x 10^exponent`, exact. Comparison is by value: `1.0 == 1.00`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Fixed {
    mantissa: i64,
    exponent: i8,
}

/// Like [`Fixed`] with a 128-bit mantissa: notionals, fees and balances (Coinbase fees carry 16 decimals).
#[derive(Clone, Copy, Default)]
pub struct Fixed128 {
    mantissa: i128,
    exponent: i8,
}

impl Fixed {
    /// `mantissa x 10^exponent`.
    pub const fn new(mantissa: i64, exponent: i8) -> Fixed {
        Fixed { mantissa, exponent }
    }

    /// Parses plain decimal text with the fewest digits that hold it.
    ///
    /// # Errors
    /// [`DecimalError`] for anything but an optional minus, digits and at most one point, or more than an `i64` holds.
    pub fn parse(text: &str) -> Result<Fixed, DecimalError> {
        let wide = parse_any(text.as_bytes())?;
        Ok(Fixed {
            mantissa: i64::try_from(wide.mantissa).map_err(|_| DecimalError::Overflow)?,
            exponent: wide.exponent,
        })
    }

    /// The integer part of the representation.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The power of ten.
    pub const fn exponent(self) -> i8 {
        self.exponent
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The mantissa of the same value at another exponent.
    ///
    /// # Errors
    /// [`DecimalError::TooFine`] if a non-zero digit would be lost, [`DecimalError::Overflow`] if it does not fit.
    pub fn rescale(self, exponent: i8) -> Result<i64, DecimalError> {
        let wide = Fixed128::from(self).rescale(exponent)?;
        i64::try_from(wide).map_err(|_| DecimalError::Overflow)
    }

    /// The same value as a [`Decimal`]; lossless.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if a `Decimal` (96 bits, 28 places) cannot hold it.
    pub fn to_decimal(self) -> Result<Decimal, DecimalError> {
        Fixed128::from(self).to_decimal()
    }

    /// The exact value of a [`Decimal`].
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if its digits do not fit an `i64`.
    pub fn from_decimal(value: Decimal) -> Result<Fixed, DecimalError> {
        let value = value.normalize();
        let mantissa = i64::try_from(value.mantissa()).map_err(|_| DecimalError::Overflow)?;
        Ok(Fixed { mantissa, exponent: -(value.scale() as i8) })
    }
}

impl Fixed128 {
    /// `mantissa x 10^exponent`.
    pub const fn new(mantissa: i128, exponent: i8) -> Fixed128 {
        Fixed128 { mantissa, exponent }
    }

    /// The integer part of the representation.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// The power of ten.
    pub const fn exponent(self) -> i8 {
        self.exponent
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The mantissa of the same value at another exponent.
    ///
    /// # Errors
    /// As [`Fixed::rescale`].
    pub fn rescale(self, exponent: i8) -> Result<i128, DecimalError> {
        if self.mantissa == 0 {
            return Ok(0);
        }
        let up = i32::from(self.exponent) - i32::from(exponent);
        if up >= 0 {
            let factor = power_of_ten(up as u32).ok_or(DecimalError::Overflow)?;
            return self.mantissa.checked_mul(factor).ok_or(DecimalError::Overflow);
        }
        let divisor = power_of_ten(up.unsigned_abs()).ok_or(DecimalError::TooFine)?;
        if self.mantissa % divisor != 0 {
            return Err(DecimalError::TooFine);
        }
        Ok(self.mantissa / divisor)
    }

    /// The exact difference `self - other`.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_sub(self, other: Fixed128) -> Result<Fixed128, DecimalError> {
        let exponent = self.exponent.min(other.exponent);
        let mantissa = self.rescale(exponent)?.checked_sub(other.rescale(exponent)?).ok_or(DecimalError::Overflow)?;
        Ok(Fixed128 { mantissa, exponent })
    }

    /// The same value as a [`Decimal`]; lossless.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] if a `Decimal` (96 bits, 28 places) cannot hold it.
    pub fn to_decimal(self) -> Result<Decimal, DecimalError> {
        let value = self.normalized();
        let (mantissa, scale) = match u32::try_from(-i32::from(value.exponent)) {
            Ok(scale) => (value.mantissa, scale),
            Err(_) => (value.rescale(0)?, 0),
        };
        Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| DecimalError::Overflow)
    }

    /// The exact value of a [`Decimal`].
    pub fn from_decimal(value: Decimal) -> Fixed128 {
        // A Decimal has at most 28 places.
        Fixed128 { mantissa: value.mantissa(), exponent: -(value.scale() as i8) }
    }

    /// The same value with the fewest digits.
    #[must_use]
    pub fn normalized(self) -> Fixed128 {
        if self.mantissa == 0 {
            return Fixed128 { mantissa: 0, exponent: 0 };
        }
        let Fixed128 { mut mantissa, mut exponent } = self;
        while mantissa % 10 == 0 && exponent < i8::MAX {
            mantissa /= 10;
            exponent += 1;
        }
        Fixed128 { mantissa, exponent }
    }
}

impl From<Fixed> for Fixed128 {
    fn from(value: Fixed) -> Fixed128 {
        Fixed128 { mantissa: i128::from(value.mantissa), exponent: value.exponent }
    }
}

impl PartialEq for Fixed128 {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.normalized(), other.normalized());
        (a.mantissa, a.exponent) == (b.mantissa, b.exponent)
    }
}

impl Eq for Fixed128 {}

impl PartialEq for Fixed {
    fn eq(&self, other: &Self) -> bool {
        Fixed128::from(*self) == Fixed128::from(*other)
    }
}

impl Eq for Fixed {}

/// Canonical text: no padding zeros, no exponent, no `-0`.
impl std::fmt::Display for Fixed128 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.normalized();
        let digits = value.mantissa.unsigned_abs();
        let sign = if value.mantissa < 0 { "-" } else { "" };
        if value.exponent >= 0 {
            let zeros = value.exponent as usize;
            return f.pad(&format!("{sign}{digits}{:0<zeros$}", ""));
        }
        let places = usize::from(value.exponent.unsigned_abs());
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        f.pad(&format!("{sign}{whole}.{fraction}"))
    }
}

impl std::fmt::Debug for Fixed128 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&Fixed128::from(*self), f)
    }
}

impl std::fmt::Debug for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Parses plain decimal text straight to the mantissa at `exponent`: the hot path of every price and size.
///
/// # Errors
/// [`DecimalError`]; trailing zeros finer than the exponent are accepted, any other digit there is
/// [`DecimalError::TooFine`].
#[inline]
pub fn parse_mantissa(text: &[u8], exponent: i8) -> Result<i64, DecimalError> {
    match short_mantissa(text, exponent) {
        Some(mantissa) => Ok(mantissa),
        None => long_mantissa(text, exponent),
    }
}

/// What nearly every price and size is: short, unsigned, no finer than the exponent. `None` for all else, also for what
/// is wrong: the long way says what.
#[inline]
fn short_mantissa(text: &[u8], exponent: i8) -> Option<i64> {
    let (value, places) = digits::decimal(text)?;
    let up = usize::try_from(-i32::from(exponent)).ok()?.checked_sub(places)?;
    let value = value.checked_mul(*POWERS_U64.get(up)?)?;
    i64::try_from(value).ok()
}

#[inline(never)]
fn long_mantissa(text: &[u8], exponent: i8) -> Result<i64, DecimalError> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some(_) => (false, text),
        None => return Err(DecimalError::Empty),
    };
    // Digits still wanted after the point; negative exponents only on the hot path, the rest goes the long way.
    let Ok(places) = usize::try_from(-i32::from(exponent)) else {
        return parse_any(text)?.rescale(exponent).and_then(|m| i64::try_from(m).map_err(|_| DecimalError::Overflow));
    };
    let mut value: u64 = 0;
    let mut seen = 0usize;
    let mut bytes = digits.iter();
    let mut point = false;
    for &byte in bytes.by_ref() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            if byte != b'.' {
                return Err(DecimalError::Syntax);
            }
            point = true;
            break;
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit))).ok_or(DecimalError::Overflow)?;
        seen += 1;
    }
    let mut left = places;
    if point {
        for &byte in bytes {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(DecimalError::Syntax);
            }
            seen += 1;
            if left == 0 {
                if digit != 0 {
                    return Err(DecimalError::TooFine);
                }
                continue;
            }
            value =
                value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit))).ok_or(DecimalError::Overflow)?;
            left -= 1;
        }
    }
    if seen == 0 {
        return Err(DecimalError::Empty);
    }
    if value != 0 {
        let factor = POWERS_U64.get(left).ok_or(DecimalError::Overflow)?;
        value = value.checked_mul(*factor).ok_or(DecimalError::Overflow)?;
    }
    let value = i64::try_from(value).map_err(|_| DecimalError::Overflow)?;
    Ok(if negative { -value } else { value })
}

/// Parses plain decimal text of any precision; the exponent follows from its digits.
///
/// # Errors
/// [`DecimalError`].
#[inline]
pub fn parse_any(text: &[u8]) -> Result<Fixed128, DecimalError> {
    match short_any(text) {
        Some(value) => Ok(value),
        None => long_any(text),
    }
}

/// What nearly every amount is: up to 16 characters, unsigned. `None` for all else, also for what is wrong: the long way
/// says what.
#[inline]
fn short_any(text: &[u8]) -> Option<Fixed128> {
    /// Together they take any number of zeros that up to 16 digits can end with, unless all are zero.
    const ZEROS: [(i8, u64); 4] = [(8, 100_000_000), (4, 10_000), (2, 100), (1, 10)];
    let (mut value, places) = digits::decimal(text)?;
    let mut exponent = 0_i8.checked_sub_unsigned(u8::try_from(places).ok()?)?;
    if value == 0 {
        return Some(Fixed128 { mantissa: 0, exponent: 0 });
    }
    for (zeros, factor) in ZEROS {
        if value.is_multiple_of(factor) {
            (value, exponent) = (value / factor, exponent + zeros);
        }
    }
    Some(Fixed128 { mantissa: i128::from(value), exponent })
}

#[inline(never)]
fn long_any(text: &[u8]) -> Result<Fixed128, DecimalError> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some(_) => (false, text),
        None => return Err(DecimalError::Empty),
    };
    let mut mantissa: i128 = 0;
    // Zeros that no other digit has followed yet: any number of them can end what fits.
    let mut zeros: u32 = 0;
    let (mut point, mut seen, mut places) = (false, 0usize, 0_i64);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                seen += 1;
                places += i64::from(point);
                if byte == b'0' {
                    zeros = zeros.saturating_add(u32::from(mantissa != 0));
                    continue;
                }
                let shift = match mantissa {
                    0 => 1,
                    _ => power_of_ten(zeros.saturating_add(1)).ok_or(DecimalError::Overflow)?,
                };
                mantissa = mantissa
                    .checked_mul(shift)
                    .and_then(|m| m.checked_add(i128::from(byte - b'0')))
                    .ok_or(DecimalError::Overflow)?;
                zeros = 0;
            }
            b'.' if !point => point = true,
            _ => return Err(DecimalError::Syntax),
        }
    }
    if seen == 0 {
        return Err(DecimalError::Empty);
    }
    if mantissa == 0 {
        return Ok(Fixed128 { mantissa: 0, exponent: 0 });
    }
    let exponent = i8::try_from(i64::from(zeros) - places).map_err(|_| DecimalError::Overflow)?;
    Ok(Fixed128 { mantissa: if negative { -mantissa } else { mantissa }, exponent })
}

const POWERS_U64: [u64; 20] = {
    let mut table = [1u64; 20];
    let mut i = 1;
    while i < 20 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

fn power_of_ten(exponent: u32) -> Option<i128> {
    match POWERS_U64.get(exponent as usize) {
        Some(power) => Some(i128::from(*power)),
        None => 10i128.checked_pow(exponent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_becomes_the_exact_mantissa() {
        assert_eq!(parse_mantissa(b"83277.26", -2), Ok(8_327_726));
        assert_eq!(parse_mantissa(b"83277", -2), Ok(8_327_700));
        assert_eq!(parse_mantissa(b"0.00000001", -8), Ok(1));
        assert_eq!(parse_mantissa(b"-1.5", -1), Ok(-15));
        assert_eq!(parse_mantissa(b"0.10000000", -1), Ok(1));
        assert_eq!(parse_mantissa(b"1200", 2), Ok(12));
        assert_eq!(parse_mantissa(b"0", -8), Ok(0));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        assert_eq!(parse_mantissa(b"", -2), Err(DecimalError::Empty));
        assert_eq!(parse_mantissa(b".", -2), Err(DecimalError::Empty));
        assert_eq!(parse_mantissa(b"-", -2), Err(DecimalError::Empty));
        assert_eq!(parse_mantissa(b"1e5", -2), Err(DecimalError::Syntax));
        assert_eq!(parse_mantissa(b"+1", -2), Err(DecimalError::Syntax));
        assert_eq!(parse_mantissa(b"1.2.3", -2), Err(DecimalError::Syntax));
        assert_eq!(parse_mantissa(b"0.001", -2), Err(DecimalError::TooFine));
        assert_eq!(parse_mantissa(b"9223372036854775808", 0), Err(DecimalError::Overflow));
        assert_eq!(parse_mantissa(b"1230", 2), Err(DecimalError::TooFine));
    }

    /// What fits a given exponent is a decimal without one, however many zeros it is written with.
    #[test]
    fn zeros_at_the_end_never_overflow() {
        let zeros = "0".repeat(200);
        for (text, mantissa, exponent) in [
            (format!("6244966666.1266{zeros}"), 62_449_666_661_266, -4),
            (format!("-1.{zeros}"), -1, 0),
            (format!("0.{zeros}"), 0, 0),
            (format!("1{}.{zeros}", &zeros[..45]), 1, 45),
            (format!("{zeros}10203"), 10_203, 0),
        ] {
            assert_eq!(parse_any(text.as_bytes()), Ok(Fixed128::new(mantissa, exponent)), "{text}");
        }
        for text in [format!("1{zeros}"), format!("0.{zeros}1"), format!("1{zeros}1"), "9".repeat(40)] {
            assert_eq!(parse_any(text.as_bytes()), Err(DecimalError::Overflow), "{text}");
        }
    }

    #[test]
    fn display_is_canonical() {
        for (mantissa, exponent, text) in
            [(0, -8, "0"), (100, -2, "1"), (-150, -2, "-1.5"), (1, -8, "0.00000001"), (12, 3, "12000")]
        {
            assert_eq!(Fixed::new(mantissa, exponent).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Fixed::new(15, -1)), "     1.5");
    }

    #[test]
    fn values_compare_by_value_not_by_digits() {
        assert_eq!(Fixed::new(10, -1), Fixed::new(1, 0));
        assert_ne!(Fixed::new(10, -1), Fixed::new(10, 0));
    }

    proptest! {
        #[test]
        fn decimal_and_fixed_convert_without_loss(mantissa in any::<i64>(), exponent in -12i8..4) {
            let fixed = Fixed::new(mantissa, exponent);
            let decimal = fixed.to_decimal().unwrap();
            prop_assert_eq!(decimal.normalize().to_string(), fixed.to_string());
            prop_assert_eq!(Fixed128::from_decimal(decimal), Fixed128::from(fixed));
        }

        #[test]
        fn the_hot_parser_equals_the_long_way(text in "-?[0-9]{0,12}(\\.[0-9]{0,12})?", exponent in -12i8..3) {
            let slow = long_any(text.as_bytes())
                .and_then(|v| v.rescale(exponent))
                .and_then(|m| i64::try_from(m).map_err(|_| DecimalError::Overflow));
            let fast = parse_mantissa(text.as_bytes(), exponent);
            prop_assert_eq!(fast.is_ok(), slow.is_ok(), "{:?} {:?}", fast, slow);
            if let (Ok(fast), Ok(slow)) = (fast, slow) {
                prop_assert_eq!(fast, slow);
            }
        }

        #[test]
        fn the_short_way_equals_the_long_way(
            text in prop_oneof!["[0-9]{1,9}0{0,9}", "[0-9]{0,8}\\.[0-9]{0,6}0{0,8}", "[0-9.\\-e]{0,18}"],
        ) {
            if let Some(short) = short_any(text.as_bytes()) {
                let long = long_any(text.as_bytes());
                prop_assert_eq!(Ok((short.mantissa, short.exponent)), long.map(|v| (v.mantissa, v.exponent)));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), exponent in any::<i8>()) {
            let _ = parse_mantissa(&bytes, exponent);
            let _ = parse_any(&bytes);
        }

        #[test]
        fn parsing_the_display_gives_the_value_back(mantissa in any::<i64>(), exponent in -18i8..=0) {
            let fixed = Fixed::new(mantissa, exponent);
            prop_assert_eq!(parse_mantissa(fixed.to_string().as_bytes(), exponent), Ok(mantissa));
        }
    }
}
