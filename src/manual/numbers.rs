//! Exact decimals, exponents, times.
//!
//! Prices and sizes are `i64` mantissas at power-of-ten exponents fixed per instrument; values, fees and balances are `i128`
//! with an exponent of their own (Coinbase fees carry 16 decimals). There is no float anywhere near money. A digit that does
//! not fit is a counted anomaly and opens a gap on its book, never a rounding.
//!
//! Exponents are finer than the tick and lot of the day, because both change while trading: prices keep two places more than
//! the tick and at least eight; sizes at least eight, as far as a thousand times the greatest order still fits. Convert a
//! decimal with [`Fixed::rescale`](crate::record::Fixed::rescale), which refuses to lose a digit, or through
//! [`rust_decimal`] at the edge.
//!
//! All times are UNIX nanoseconds. Ours come from the time-stamp counter, anchored to the system's clock by the keeper and
//! slewed, never stepped by less than 50 ms; the venue's are parsed with all their digits, and 0 with `BAD_TS` where it sent
//! none.
