//! Helpers of this folder's tests: instruments, and the reading of long messages.

use super::dialect::Dialect;
use super::stream::{Control, Fault};
use crate::codec::json::{ArraySlicer, Plain, Slice, SliceLimits};
use crate::record::{AssetId, Fixed, Instrument, InstrumentId, Listing, TradingStatus, Venue};

pub use crate::venue::testing::{assert_bracketed, damaged, frame, uncut, Ear, Told};

/// An instrument with a tick of 0.01, a lot of 1e-8 and exponents of -8.
pub fn instrument(id: u32, symbol: &str) -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap();
    let (base, quote) = symbol.split_once('-').unwrap();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: symbol.into(),
        streamed_as: None,
        base: base.into(),
        quote: quote.into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(id), AssetId(0), AssetId(1), listing)
}

/// The same for a product that public channels send under another name.
pub fn streamed_as(id: u32, symbol: &str, stream: &str) -> Instrument {
    let plain = instrument(id, symbol);
    let listing = Listing { streamed_as: Some(stream.into()), ..plain.listing };
    Instrument::new(plain.id, plain.base, plain.quote, listing)
}

/// Reads a message as the session reads long ones: in slices of so many bytes and elements.
pub fn read_sliced<D: Dialect>(
    decoder: &mut D,
    plain: &mut Plain,
    ear: &mut Ear,
    text: &[u8],
    (bytes, elements): (usize, usize),
) -> Control {
    let limits =
        SliceLimits { slice_bytes_max: bytes, slice_elements_max: elements, assembly_bytes: bytes.max(text.len()) * 2 };
    let mut slicer = ArraySlicer::with_limits(D::LONG_ARRAYS, limits);
    assert_eq!(slicer.push(text), text.len());
    slicer.finish();
    decoder.long_begins();
    loop {
        let useful = match slicer.next_slice() {
            Ok(Slice::NeedMore) => panic!("everything was pushed"),
            Ok(Slice::Head { text, .. }) => decoder.long_head(plain, text, ear),
            Ok(Slice::Elements { text, last }) => decoder.long_elements(plain, text, last, ear),
            Ok(Slice::End { text }) => {
                let control = decoder.long_end(plain, text, ear);
                while decoder.long_rest(ear) {}
                return control;
            }
            Err(error) => {
                decoder.long_failed(&Fault::Slice(error), ear);
                false
            }
        };
        if !useful {
            return Control::None;
        }
    }
}
