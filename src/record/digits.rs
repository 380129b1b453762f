//! Short decimal text to integers, eight digits at a time.
//!
//! Owns the arithmetic that reads up to 16 characters without a loop over them: prices, sizes, ids and fractions of a
//! second are nearly always that short. Guarantees the value that reading digit by digit would give, or `None`: a text
//! that is too long or holds anything else is its caller's to read the plain way, and to find fault with.
//!
//! Eight characters lie in a `u64`, the first in the lowest byte. They are aligned to the right, that is, to the highest
//! byte, with zeros in place of what is missing in front.

/// Longest text read here, in bytes: 16 digits cannot overflow a `u64`, nor an `i64`.
const BYTES_MAX: usize = 16;
/// One in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// `0` in every byte. XOR with it turns digits into their values, and no other character into a value below ten.
const ZEROS: u64 = ONES * b'0' as u64;
/// What that XOR makes of a decimal point.
const POINT: u64 = (b'.' ^ b'0') as u64;
/// The highest bit of every byte.
const HIGH_BITS: u64 = ONES << 7;

/// The number that 1 to 16 digits, and nothing but digits, name.
#[inline]
pub(crate) fn integer(text: &[u8]) -> Option<u64> {
    let (head, tail) = halves(text)?;
    Some(eight(head)? * 100_000_000 + eight(tail)?)
}

/// 1 to 16 characters, digits and perhaps one point anywhere among them: the number without the point, and how many
/// digits stand behind it.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Option<(u64, usize)> {
    if let Some(eight_places) = eight_places(text) {
        return Some((eight_places?, 8));
    }
    let (head, tail) = halves(text)?;
    match (point(tail), point(head)) {
        (Some(_), _) if text.len() == 1 => None,
        (Some(point), _) if head == 0 => Some((eight(without(point, tail))?, point.places)),
        (Some(point), _) => Some((eight(head)? * 10_000_000 + eight(without(point, tail))?, point.places)),
        (None, Some(point)) => Some((eight(without(point, head))? * 100_000_000 + eight(tail)?, point.places + 8)),
        (None, None) => Some((eight(head)? * 100_000_000 + eight(tail)?, 0)),
    }
}

/// The form some venues give every amount: 1 to 7 characters, a point, 8 characters. Nothing is searched for then. The inner
/// `None`: they are not all digits.
#[inline]
fn eight_places(text: &[u8]) -> Option<Option<u64>> {
    let ([whole @ .., b'.'], places) = text.split_last_chunk::<8>()? else { return None };
    let whole = match whole {
        [digit] => Some(u64::from(digit ^ b'0')).filter(|digit| *digit < 10),
        [_, ..] if whole.len() < 8 => eight((load(whole)? ^ ZEROS) << (64 - whole.len() * 8)),
        _ => return None,
    };
    let places = eight(u64::from_le_bytes(*places) ^ ZEROS);
    Some(whole.zip(places).map(|(whole, places)| whole * 100_000_000 + places))
}

/// 1 to 9 digits behind a decimal point, in billionths: `5` is 500,000,000.
#[inline]
pub(crate) fn billionths(text: &[u8]) -> Option<u64> {
    match text {
        [eight_digits @ .., ninth] if text.len() == 9 => {
            let ninth = ninth ^ b'0';
            (ninth < 10).then_some(eight(load(eight_digits)? ^ ZEROS)? * 10 + u64::from(ninth))
        }
        _ => {
            // Aligned to the left: zeros behind change nothing.
            let digits = (load(text)? ^ ZEROS) & (u64::MAX >> (64 - text.len() * 8));
            Some(eight(digits)? * 10)
        }
    }
}

/// Values of the characters before the last eight, and of the last eight.
#[inline]
fn halves(text: &[u8]) -> Option<(u64, u64)> {
    if let Some(chars) = load(text) {
        return Some((0, (chars ^ ZEROS) << (64 - text.len() * 8)));
    }
    match (text.first_chunk(), text.last_chunk()) {
        (Some(&first), Some(&last)) if text.len() <= BYTES_MAX => {
            let head = (u64::from_le_bytes(first) ^ ZEROS) << ((BYTES_MAX - text.len()) * 8);
            Some((head, u64::from_le_bytes(last) ^ ZEROS))
        }
        _ => None,
    }
}

/// 1 to 8 bytes, the first one lowest, zeros above the last. Of lengths between powers of two, two loads overlap; where
/// they do, their bytes are the same.
#[inline]
fn load(text: &[u8]) -> Option<u64> {
    let len = text.len();
    if len > 8 {
        return None;
    }
    if let Some(&all) = text.first_chunk() {
        return Some(u64::from_le_bytes(all));
    }
    if let (Some(&first), Some(&last)) = (text.first_chunk(), text.last_chunk()) {
        return Some(u64::from(u32::from_le_bytes(first)) | u64::from(u32::from_le_bytes(last)) << ((len - 4) * 8));
    }
    if let (Some(&first), Some(&last)) = (text.first_chunk(), text.last_chunk()) {
        return Some(u64::from(u16::from_le_bytes(first)) | u64::from(u16::from_le_bytes(last)) << ((len - 2) * 8));
    }
    text.first().map(|&only| u64::from(only))
}

/// Where a point stands.
#[derive(Clone, Copy)]
struct Point {
    /// The lowest bit of its byte.
    bit: u32,
    /// Bytes above it.
    places: usize,
}

/// The first point among eight characters.
#[inline]
fn point(chars: u64) -> Option<Point> {
    // Marks bytes that are zero. Only the lowest mark can be trusted, since a borrow runs upward from it.
    let x = chars ^ (ONES * POINT);
    let marks = x.wrapping_sub(ONES) & !x & HIGH_BITS;
    let bit = marks.trailing_zeros() & !7;
    (marks != 0).then_some(Point { bit, places: 7_usize.wrapping_sub((bit / 8) as usize) })
}

/// The characters without this point: what stood before it moves up by a byte.
#[inline]
fn without(point: Point, chars: u64) -> u64 {
    let before = chars & !(u64::MAX << point.bit);
    let behind = chars ^ before ^ (POINT << point.bit);
    before << 8 | behind
}

/// The number of eight digits; `None` if a byte is no digit.
#[inline]
fn eight(digits: u64) -> Option<u64> {
    // Adding 0x76 sets the highest bit of every byte from ten on. A byte that carries into the next has it set itself.
    if (digits | digits.wrapping_add(ONES * 0x76)) & HIGH_BITS != 0 {
        return None;
    }
    // Neighbours joined to numbers of two digits, in bytes 1, 3, 5 and 7 from the left; then these four, each times its
    // power of a hundred, summed up in the upper half of two products.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first_and_third = (pairs & 0xff_0000_00ff).wrapping_mul(1_000_000 << 32 | 100);
    let second_and_fourth = (pairs >> 16 & 0xff_0000_00ff).wrapping_mul(10_000 << 32 | 1);
    Some(first_and_third.wrapping_add(second_and_fourth) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Digit by digit.
    fn plain(text: &[u8]) -> Option<(u64, usize)> {
        let (mut value, mut digits, mut point) = (0, 0, None);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'0'..=b'9' => (value, digits) = (value * 10 + u64::from(byte - b'0'), digits + 1),
                b'.' if point.is_none() => point = Some(at),
                _ => return None,
            }
        }
        let places = point.map_or(0, |at| text.len() - at - 1);
        (digits > 0 && text.len() <= BYTES_MAX).then_some((value, places))
    }

    fn same_as_plain(text: &[u8]) {
        let plain = plain(text);
        assert_eq!(decimal(text), plain, "{text:?}");
        let whole = plain.filter(|_| !text.contains(&b'.')).map(|(value, _)| value);
        assert_eq!(integer(text), whole, "{text:?}");
        let nine = whole.filter(|_| text.len() <= 9).map(|value| value * 10_u64.pow(9 - text.len() as u32));
        assert_eq!(billionths(text), nine, "{text:?}");
    }

    #[test]
    fn every_length_and_every_place_of_the_point_reads_as_digit_by_digit() {
        for len in 0..=18 {
            let digits = &b"987654321098765432"[..len];
            same_as_plain(digits);
            for point in 0..len {
                let mut text = digits.to_vec();
                text[point] = b'.';
                same_as_plain(&text);
                for second in 0..len {
                    text[second] = b'.';
                    same_as_plain(&text);
                    text[second] = digits[second];
                }
            }
        }
    }

    #[test]
    fn every_byte_at_every_place_is_a_digit_a_point_or_refused() {
        for len in 1..=17 {
            for place in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = b"11111111111111111"[..len].to_vec();
                    text[place] = byte;
                    same_as_plain(&text);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_as_digit_by_digit(
            text in prop_oneof!["[0-9]{0,18}", "[0-9]{0,9}\\.[0-9]{0,9}", "[0-9./:\\-]{0,18}"],
            bytes in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            same_as_plain(text.as_bytes());
            same_as_plain(&bytes);
        }
    }
}
