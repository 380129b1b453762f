//! The slicer against a whole parse: the same elements, or an error; never elements of an invalid message to the end.
//!
//! The first three bytes choose the limits and the length of the pieces, the rest is the message.
#![no_main]

use exchange_connectors::codec::json::{
    ArraySlicer, Cursor, JsonError, JsonKind, Plain, Slice, SliceError, SliceLimits,
};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

const NAMES: &[&str] = &["updates", "trades"];
const TEXT_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// One parser for all inputs, as in production: what one text leaves behind must not reach the next.
    static PLAIN: RefCell<Plain> = RefCell::new(Plain::new(2 * TEXT_BYTES_MAX));
}

fuzz_target!(|data: &[u8]| {
    let Some((&[bytes, elements, piece], text)) = data.split_first_chunk::<3>() else { return };
    if text.len() <= TEXT_BYTES_MAX {
        PLAIN.with_borrow_mut(|plain| compare(plain, bytes, elements, piece, text));
    }
});

fn compare(plain: &mut Plain, bytes: u8, elements: u8, piece: u8, text: &[u8]) {
    let limits = SliceLimits {
        slice_bytes_max: 16 + usize::from(bytes) * 4,
        slice_elements_max: 1 + usize::from(elements % 32),
        assembly_bytes: 32 + usize::from(bytes) * 16,
    };
    let mut whole = Vec::new();
    let whole_result = plain.parse(&mut text.to_vec(), |cursor| visit(cursor, None, &mut whole));
    let mut sliced = Vec::new();
    let sliced_result = slice_up(plain, limits, text, usize::from(piece) + 1, &mut sliced);
    match (whole_result, sliced_result) {
        // Nested too deeply as a whole, not so in slices.
        (Err(JsonError::TooDeep { .. }), _) => {}
        (Ok(()), Ok(())) => assert_eq!(whole, sliced),
        (Err(_), Ok(())) => panic!("the slices hid that the message is invalid"),
        (Err(_), Err(_)) => {}
        (
            Ok(()),
            Err(Refusal::Slice(
                SliceError::ElementTooLong { .. }
                | SliceError::SkeletonTooLong { .. }
                | SliceError::TooDeep { .. }
                | SliceError::TooManyArrays { .. }
                | SliceError::EscapedKey,
            )),
        ) => {}
        (Ok(()), Err(refusal)) => panic!("a valid message was refused: {refusal:?}"),
    }
}

#[derive(Debug)]
#[allow(dead_code)] // Read by `Debug` only.
enum Refusal {
    Slice(SliceError),
    Json(JsonError),
}

fn slice_up(
    plain: &mut Plain,
    limits: SliceLimits,
    text: &[u8],
    piece_bytes: usize,
    out: &mut Vec<(usize, String)>,
) -> Result<(), Refusal> {
    let mut slicer = ArraySlicer::with_limits(NAMES, limits);
    let mut pieces = text.chunks(piece_bytes);
    let mut piece: &[u8] = &[];
    let mut open = 0;
    loop {
        if piece.is_empty() {
            match pieces.next() {
                Some(next) => piece = next,
                None => slicer.finish(),
            }
        }
        let taken = slicer.push(piece);
        piece = &piece[taken..];
        loop {
            match slicer.next_slice().map_err(Refusal::Slice)? {
                Slice::NeedMore => break,
                Slice::Head { text, array } => {
                    open = array;
                    plain.parse(text, |cursor| cursor.skip()).map_err(Refusal::Json)?;
                }
                Slice::Elements { text, .. } => {
                    plain.parse(text, |cursor| list(cursor, open, out)).map_err(Refusal::Json)?;
                }
                Slice::End { text } => {
                    return plain.parse(text, |cursor| cursor.skip()).map_err(Refusal::Json);
                }
            }
        }
    }
}

/// Collects the elements of the long arrays at and below the next value, which stands under a key or not.
fn visit(cursor: &mut Cursor<'_, '_>, key: Option<&str>, out: &mut Vec<(usize, String)>) -> Result<(), JsonError> {
    match cursor.peek() {
        JsonKind::Array => {
            if let Some(array) = NAMES.iter().position(|name| Some(*name) == key) {
                return list(cursor, array, out);
            }
            let mut items = cursor.array()?;
            while items.next_item(cursor)? {
                visit(cursor, None, out)?;
            }
        }
        JsonKind::Object => {
            let mut fields = cursor.object()?;
            while let Some(key) = fields.next_key(cursor)? {
                visit(cursor, Some(key), out)?;
            }
        }
        _ => cursor.skip()?,
    }
    Ok(())
}

fn list(cursor: &mut Cursor<'_, '_>, array: usize, out: &mut Vec<(usize, String)>) -> Result<(), JsonError> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        let mut text = String::new();
        print(cursor, &mut text)?;
        out.push((array, text));
    }
    Ok(())
}

fn print(cursor: &mut Cursor<'_, '_>, out: &mut String) -> Result<(), JsonError> {
    match cursor.peek() {
        JsonKind::String => out.push_str(&format!("{:?}", cursor.str()?)),
        JsonKind::Array => {
            out.push('[');
            let mut items = cursor.array()?;
            while items.next_item(cursor)? {
                print(cursor, out)?;
            }
            out.push(']');
        }
        JsonKind::Object => {
            out.push('{');
            let mut fields = cursor.object()?;
            while let Some(key) = fields.next_key(cursor)? {
                out.push_str(&format!("{key:?}:"));
                print(cursor, out)?;
            }
            out.push('}');
        }
        JsonKind::Integer => match cursor.i64() {
            Ok(value) => out.push_str(&value.to_string()),
            Err(_) => out.push_str(&cursor.u64()?.to_string()),
        },
        JsonKind::Bool => out.push_str(&cursor.bool()?.to_string()),
        kind => {
            out.push_str(&format!("{kind:?}"));
            cursor.skip()?;
        }
    }
    Ok(())
}
