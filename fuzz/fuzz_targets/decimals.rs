//! Any text as a decimal, against an independent reading of the same text. Holds that nothing panics, that what is read
//! is exact, that what is written reads back as the same value, and that no value is written in two ways.
#![no_main]
#![forbid(unsafe_code)]

use exchange_connectors::record::{parse_any, parse_mantissa, Fixed, Fixed128};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[exponent], text)) = input.split_first_chunk::<1>() else {
        return;
    };
    let exponent = exponent as i8 % 32;
    if let Ok(mantissa) = parse_mantissa(text, exponent) {
        let value = Fixed::new(mantissa, exponent);
        let again = parse_mantissa(value.to_string().as_bytes(), exponent);
        assert_eq!(again, Ok(mantissa), "{value}");
        assert_eq!(value.rescale(exponent), Ok(mantissa));
        let any = parse_any(text).expect("what fits an exponent is a decimal");
        assert_eq!(any.rescale(exponent), Ok(i128::from(mantissa)));
    }
    if let Ok(value) = parse_any(text) {
        let written = value.to_string();
        assert!(!written.contains(['e', 'E', '+']), "{written}");
        let again = parse_any(written.as_bytes()).expect("what is written can be read");
        assert_eq!(again.normalized(), value.normalized(), "{written}");
        assert_eq!(again.to_string(), written, "one way to write a value");
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    if let Ok(fixed) = Fixed::parse(text) {
        let written = fixed.to_string();
        assert_eq!(Fixed::parse(&written).map(|f| f.to_string()), Ok(written));
        if let Ok(decimal) = fixed.to_decimal() {
            assert_eq!(decimal.normalize().to_string(), fixed.to_string());
            let wide = Fixed128::from_decimal(decimal);
            assert_eq!(wide.normalized(), Fixed128::from_decimal(decimal.normalize()).normalized());
        }
    }
});
