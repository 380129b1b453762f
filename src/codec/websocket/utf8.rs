//! UTF-8 checking of text that arrives in pieces cut anywhere, also inside a code point.
//!
//! Owns up to three bytes of an unfinished code point between pieces. Refuses at the first byte that no continuation
//! could make valid, so hostile text is noticed in the piece that holds it.

/// Longest UTF-8 sequence in bytes.
const SEQUENCE_BYTES_MAX: usize = 4;

/// The unfinished code point at the end of what was fed so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Pieces {
    pending: [u8; SEQUENCE_BYTES_MAX],
    pending_bytes: usize,
}

/// The bytes are not UTF-8 and no further bytes can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8Pieces {
    /// Takes the next piece.
    pub fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.pending_bytes > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.push(byte)?;
            match std::str::from_utf8(self.pending()) {
                Ok(_) => self.pending_bytes = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                Err(_) => {}
            }
        }
        let Err(error) = simdutf8::compat::from_utf8(piece) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        for &byte in piece.get(error.valid_up_to()..).unwrap_or_default() {
            self.push(byte)?;
        }
        Ok(())
    }

    /// True where no code point is left unfinished: a message may end here.
    pub const fn is_complete(&self) -> bool {
        self.pending_bytes == 0
    }

    fn pending(&self) -> &[u8] {
        self.pending.get(..self.pending_bytes).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> Result<(), NotUtf8> {
        // A sequence of four bytes is either valid or not, so a fifth never comes; the check is here to stay total.
        *self.pending.get_mut(self.pending_bytes).ok_or(NotUtf8)? = byte;
        self.pending_bytes = self.pending_bytes.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict(bytes: &[u8], cuts: &[usize]) -> bool {
        let mut pieces = Utf8Pieces::default();
        let mut start = 0;
        for &cut in cuts.iter().chain([&bytes.len()]) {
            let end = cut.clamp(start, bytes.len());
            if pieces.feed(&bytes[start..end]).is_err() {
                return false;
            }
            start = end;
        }
        pieces.is_complete()
    }

    #[test]
    fn a_code_point_cut_between_all_its_bytes_is_whole_again() {
        assert!(verdict("κόσμε 𝔘".as_bytes(), &(0..20).collect::<Vec<_>>()));
    }

    #[test]
    fn a_surrogate_is_refused_at_its_second_byte() {
        let mut pieces = Utf8Pieces::default();
        assert_eq!(pieces.feed(&[0xED]), Ok(()));
        assert_eq!(pieces.feed(&[0xA0]), Err(NotUtf8));
    }

    #[test]
    fn a_code_point_above_the_last_one_is_refused_at_its_second_byte() {
        let mut pieces = Utf8Pieces::default();
        assert_eq!(pieces.feed(&[0xF4]), Ok(()));
        assert_eq!(pieces.feed(&[0x90]), Err(NotUtf8));
    }

    proptest! {
        #[test]
        fn any_cut_of_any_bytes_gives_the_verdict_of_the_standard_library(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                "\\PC{0,20}".prop_map(String::into_bytes),
                ("\\PC{0,9}", any::<u8>(), "\\PC{0,9}").prop_map(|(a, byte, b)| [a.as_bytes(), &[byte], b.as_bytes()].concat()),
            ],
            mut cuts in proptest::collection::vec(0_usize..60, 0..8),
        ) {
            cuts.sort_unstable();
            prop_assert_eq!(verdict(&bytes, &cuts), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
