//! What was executed of one order, counted once.
//!
//! Owns the arithmetic between the two ways a venue tells executions: cumulative states (quantity, value, fees so far)
//! and rows of its history. The sum of all [`Delta`]s handed out always equals the booked totals, exactly, in quantity,
//! value and fees; no input order and no repetition changes that. Never rounds a quantity, value or fee; only the price
//! of a delta may be cut, and says so.
//!
//! The booked quantity only grows: to a larger cumulative, or to the sum of distinct rows once it is larger. A
//! cumulative told without a value or fees is booked as it is; the first statement of them at that quantity or a larger
//! one makes up for it (a delta of quantity 0 if nothing else was executed).

use crate::record::Fixed128;

/// Powers of ten of one order's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    pub price: i8,
    pub size: i8,
}

/// What a piece of evidence adds to the booked totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delta {
    /// Mantissa at the size exponent; 0 if only value or fees were missing.
    pub quantity: i64,
    /// Quote currency.
    pub value: Fixed128,
    /// Quote currency.
    pub fee: Fixed128,
    /// Mantissa at the price exponent; 0 if no value is known.
    pub price: i64,
    /// The price is computed, cut towards zero.
    pub derived: bool,
}

/// What a new row of the venue's history means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// Its quantity is booked already.
    Detail,
    /// It is a new execution, whole, and the delta is exactly the row.
    Fill(Delta),
    /// With it the rows exceed the booked quantity, but the excess is not this row itself.
    FillAndDetail(Delta),
    /// More than the whole order: a row seen before and forgotten. Not counted.
    Excess,
}

/// Booked totals of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Booking {
    quantity: i64,
    value: Fixed128,
    fees: Fixed128,
    /// `value` covers executions up to this quantity.
    valued: i64,
    /// `fees` covers executions up to this quantity.
    charged: i64,
    rows_quantity: i64,
    rows_value: Fixed128,
    rows_fees: Fixed128,
    /// A row without a usable quantity was seen: the rows' sums are too small.
    rows_partial: bool,
}

const ZERO: Fixed128 = Fixed128::new(0, 0);

impl Booking {
    pub const NOTHING: Booking = Booking {
        quantity: 0,
        value: ZERO,
        fees: ZERO,
        valued: 0,
        charged: 0,
        rows_quantity: 0,
        rows_value: ZERO,
        rows_fees: ZERO,
        rows_partial: false,
    };

    /// What was executed before anybody counted here. Value and fees that are not known count as nothing.
    pub fn inherited(quantity: i64, value: Option<Fixed128>, fees: Option<Fixed128>) -> Booking {
        let quantity = quantity.max(0);
        Booking {
            quantity,
            value: value.unwrap_or(ZERO),
            fees: fees.unwrap_or(ZERO),
            valued: quantity,
            charged: quantity,
            ..Booking::NOTHING
        }
    }

    /// Quantity booked so far, mantissa at the size exponent.
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Sum of the rows seen, mantissa at the size exponent.
    pub const fn rows(&self) -> i64 {
        self.rows_quantity
    }

    /// Books a cumulative state; `None` if it says nothing new.
    pub fn cumulative(
        &mut self,
        quantity: i64,
        value: Option<Fixed128>,
        fees: Option<Fixed128>,
        scale: Scale,
    ) -> Option<Delta> {
        let more = quantity.checked_sub(self.quantity).filter(|d| *d >= 0)?;
        let value = value.filter(|_| quantity > self.valued).and_then(|v| Some((v, v.checked_sub(self.value).ok()?)));
        let fees = fees.filter(|_| quantity > self.charged).and_then(|f| Some((f, f.checked_sub(self.fees).ok()?)));
        if more == 0 && value.is_none() && fees.is_none() {
            return None;
        }
        let mut delta = Delta { quantity: more, value: ZERO, fee: ZERO, price: 0, derived: true };
        if let Some((total, added)) = value {
            let over = quantity.saturating_sub(self.valued);
            // Not positive only after rows and cumulatives came mixed: then the average is all that can be said.
            let (of, over) = if added.mantissa() > 0 { (added, over) } else { (total, quantity) };
            delta.price = derive_price(of, over, scale);
            delta.value = added;
            (self.value, self.valued) = (total, quantity);
        }
        if let Some((total, added)) = fees {
            delta.fee = added;
            (self.fees, self.charged) = (total, quantity);
        }
        self.quantity = quantity;
        Some(delta)
    }

    /// Books a row not seen before. `whole` is the order's quantity, if it is known in the base asset.
    pub fn row(&mut self, price: i64, quantity: i64, fee: Fixed128, whole: Option<i64>, scale: Scale) -> Row {
        if quantity <= 0 {
            self.rows_partial = true;
            return Row::Detail;
        }
        let value = row_value(price, quantity, scale);
        let Some(rows_quantity) = self.rows_quantity.checked_add(quantity) else { return Row::Excess };
        if whole.is_some_and(|w| rows_quantity > w.max(self.quantity)) {
            return Row::Excess;
        }
        let (Some(rows_value), Some(rows_fees)) = (add(self.rows_value, value), add(self.rows_fees, fee)) else {
            return Row::Excess;
        };
        (self.rows_quantity, self.rows_value, self.rows_fees) = (rows_quantity, rows_value, rows_fees);
        let more = rows_quantity.saturating_sub(self.quantity);
        if more <= 0 {
            return Row::Detail;
        }
        let mut delta = Delta { quantity: more, value: ZERO, fee: ZERO, price, derived: false };
        let whole_row = more == quantity;
        if self.rows_partial {
            // The rows' sums miss something: only this row's own figures can be trusted, for the part that is new.
            delta.value = row_value(price, more, scale);
            delta.fee = if whole_row { fee } else { ZERO };
            self.value = add(self.value, delta.value).unwrap_or(self.value);
            self.fees = add(self.fees, delta.fee).unwrap_or(self.fees);
            self.valued = if self.valued == self.quantity { rows_quantity } else { self.valued };
            self.charged = if self.charged == self.quantity && whole_row { rows_quantity } else { self.charged };
        } else {
            delta.value = rows_value.checked_sub(self.value).unwrap_or(value);
            delta.fee = rows_fees.checked_sub(self.fees).unwrap_or(fee);
            (self.value, self.valued) = (rows_value, rows_quantity);
            (self.fees, self.charged) = (rows_fees, rows_quantity);
        }
        self.quantity = rows_quantity;
        if whole_row && delta.value == value && delta.fee == fee {
            return Row::Fill(delta);
        }
        delta.derived = true;
        if delta.value.mantissa() > 0 {
            delta.price = derive_price(delta.value, more, scale);
        }
        Row::FillAndDetail(delta)
    }
}

/// Price times quantity of a row, exact: two 64-bit mantissas always fit 128 bits.
pub(super) fn row_value(price: i64, quantity: i64, scale: Scale) -> Fixed128 {
    Fixed128::new(i128::from(price).saturating_mul(i128::from(quantity)), scale.price.saturating_add(scale.size))
}

/// The mantissa of `value / quantity` at the price exponent, cut towards zero; 0 if it does not fit.
fn derive_price(value: Fixed128, quantity: i64, scale: Scale) -> i64 {
    let divisor = i128::from(quantity);
    if divisor <= 0 {
        return 0;
    }
    let places =
        i32::from(value.exponent()).saturating_sub(i32::from(scale.size)).saturating_sub(i32::from(scale.price));
    // Long division, digit by digit: no intermediate product can overflow.
    let mut quotient = value.mantissa().checked_div(divisor).unwrap_or(0);
    let mut rest = value.mantissa().checked_rem(divisor).unwrap_or(0);
    for _ in 0..places {
        rest = rest.saturating_mul(10);
        let digit = rest.checked_div(divisor).unwrap_or(0);
        rest = rest.checked_rem(divisor).unwrap_or(0);
        let Some(next) = quotient.checked_mul(10).and_then(|q| q.checked_add(digit)) else { return 0 };
        quotient = next;
    }
    for _ in places..0 {
        quotient = quotient.checked_div(10).unwrap_or(0);
    }
    i64::try_from(quotient).unwrap_or(0)
}

fn add(a: Fixed128, b: Fixed128) -> Option<Fixed128> {
    let negated = Fixed128::new(b.mantissa().checked_neg()?, b.exponent());
    a.checked_sub(negated).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCALE: Scale = Scale { price: -2, size: -3 };

    fn money(text: &str) -> Fixed128 {
        crate::record::parse_any(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_larger_cumulative_is_a_fill_of_the_difference() {
        let mut booking = Booking::NOTHING;
        let first = booking.cumulative(1_000, Some(money("100.5")), Some(money("0.1")), SCALE).unwrap();
        assert_eq!((first.quantity, first.price, first.derived), (1_000, 10_050, true));
        let second = booking.cumulative(3_000, Some(money("303.5")), Some(money("0.4")), SCALE).unwrap();
        assert_eq!(
            (second.quantity, second.value, second.fee, second.price),
            (2_000, money("203"), money("0.3"), 10_150)
        );
        assert_eq!(booking.cumulative(3_000, Some(money("999")), Some(money("9")), SCALE), None);
        assert_eq!(booking.cumulative(1_000, Some(money("100.5")), None, SCALE), None);
    }

    #[test]
    fn a_price_that_does_not_divide_is_cut_towards_zero() {
        let mut booking = Booking::NOTHING;
        let delta = booking.cumulative(3_000, Some(money("200")), None, SCALE).unwrap();
        assert_eq!((delta.price, delta.value), (6_666, money("200")));
    }

    #[test]
    fn a_value_told_later_is_made_up_for_once() {
        let mut booking = Booking::NOTHING;
        let bare = booking.cumulative(1_000, None, None, SCALE).unwrap();
        assert_eq!((bare.quantity, bare.value, bare.price), (1_000, ZERO, 0));
        let rest = booking.cumulative(1_000, Some(money("100")), Some(money("1")), SCALE).unwrap();
        assert_eq!((rest.quantity, rest.value, rest.fee, rest.price), (0, money("100"), money("1"), 10_000));
        assert_eq!(booking.cumulative(1_000, Some(money("100")), Some(money("1")), SCALE), None);
    }

    #[test]
    fn rows_are_detail_until_they_exceed_what_is_booked() {
        let mut booking = Booking::NOTHING;
        booking.cumulative(2_000, Some(money("200")), Some(money("2")), SCALE).unwrap();
        assert_eq!(booking.row(10_000, 1_000, money("1"), Some(5_000), SCALE), Row::Detail);
        assert_eq!(booking.row(10_000, 1_000, money("1"), Some(5_000), SCALE), Row::Detail);
        let Row::Fill(delta) = booking.row(10_100, 1_000, money("1.5"), Some(5_000), SCALE) else { panic!() };
        assert_eq!((delta.quantity, delta.price, delta.fee, delta.derived), (1_000, 10_100, money("1.5"), false));
    }

    #[test]
    fn an_excess_smaller_than_its_row_is_a_derived_fill_beside_the_detail() {
        let mut booking = Booking::NOTHING;
        booking.cumulative(1_000, Some(money("100")), Some(money("1")), SCALE).unwrap();
        let Row::FillAndDetail(delta) = booking.row(10_000, 3_000, money("3"), None, SCALE) else { panic!() };
        assert_eq!((delta.quantity, delta.value, delta.fee, delta.price), (2_000, money("200"), money("2"), 10_000));
    }

    #[test]
    fn rows_beyond_the_whole_order_are_refused() {
        let mut booking = Booking::NOTHING;
        booking.row(10_000, 1_000, ZERO, Some(1_000), SCALE);
        assert_eq!(booking.row(10_000, 1_000, ZERO, Some(1_000), SCALE), Row::Excess);
        assert_eq!(booking.quantity(), 1_000);
    }

    proptest! {
        #[test]
        fn no_figures_make_it_panic(
            figures in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i128>(), any::<i8>()), 0..12),
            price in any::<i8>(), size in any::<i8>()
        ) {
            let (mut booking, scale) = (Booking::NOTHING, Scale { price, size });
            for (a, b, mantissa, exponent) in figures {
                let money = Fixed128::new(mantissa, exponent);
                let before = booking.quantity();
                booking.cumulative(a, Some(money), (b > 0).then_some(money), scale);
                booking.row(a, b, money, None, scale);
                prop_assert!(booking.quantity() >= before);
            }
        }
    }
}
