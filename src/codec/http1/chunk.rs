//! The chunked transfer coding (RFC 9112 section 7.1), usable piecewise.
//!
//! Owns the place inside the coding and no bytes: for whatever bytes are there it says how many are framing to skip and
//! how many behind them are data, in place. So a whole body can be compacted by its reader, and a stream of lines can be
//! read as it comes. Guarantees a bound on extensions and trailers. Never looks at the data.

use thiserror::Error;

/// Longest chunk extension, and longest trailer section, in bytes. Nobody here sends either; endless ones are refused.
const EXTRA_BYTES_MAX: u32 = 8 * 1024;

/// How a chunked body broke its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Not a hexadecimal chunk size.
    #[error("chunk size has byte {byte:#04x} where a hexadecimal digit was due")]
    BadSize {
        /// The byte in its place.
        byte: u8,
    },
    /// Larger than 64 bits.
    #[error("chunk size overflows 64 bits")]
    SizeOverflow,
    /// A line or a chunk did not end in CR LF.
    #[error("chunk has byte {byte:#04x} where a line end was due")]
    BadLineEnd {
        /// The byte in its place.
        byte: u8,
    },
    /// Extensions or trailers beyond all reason.
    #[error("chunk extension or trailers longer than {EXTRA_BYTES_MAX} bytes")]
    ExtraTooLong,
}

/// What lies at the front of the bytes given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkStep {
    /// Bytes of framing, to be skipped.
    pub framing: usize,
    /// Bytes of data behind them.
    pub data: usize,
    /// Bytes of this chunk that are still to come.
    pub chunk_bytes_left: u64,
    /// The body is complete: what follows is the next response.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the first digit of a size.
    SizeStart,
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

/// See the module's documentation.
#[derive(Clone, Copy, Debug)]
pub struct ChunkDecoder {
    state: State,
    /// The size as read so far, then the data bytes still to come.
    left: u64,
    /// Bytes of the current extension, or of the trailers.
    extra_bytes: u32,
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkDecoder {
    /// At the start of a body.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::SizeStart,
            left: 0,
            extra_bytes: 0,
        }
    }

    /// Goes over `raw` up to the end of the data that lies in it without a break. Call again with what is behind
    /// `framing + data`; a step of neither means all of `raw` is used up.
    ///
    /// # Errors
    /// The coding is broken; the rest of the connection is of no use.
    pub fn step(&mut self, raw: &[u8]) -> Result<ChunkStep, ChunkError> {
        let mut framing = 0_usize;
        for &byte in raw {
            if matches!(self.state, State::Data | State::Done) {
                break;
            }
            self.framing_byte(byte)?;
            framing = framing.saturating_add(1);
        }
        let mut data = 0;
        if self.state == State::Data {
            let there = raw.len().saturating_sub(framing);
            data = there.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left = self
                .left
                .saturating_sub(u64::try_from(data).unwrap_or(u64::MAX));
            if self.left == 0 {
                self.state = State::DataReturn;
            }
        }
        let chunk_bytes_left = if self.state == State::Data {
            self.left
        } else {
            0
        };
        Ok(ChunkStep {
            framing,
            data,
            chunk_bytes_left,
            done: self.state == State::Done,
        })
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.state = match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.push_digit(byte)?;
                State::Size
            }
            (State::Size, b'\r') | (State::Extension, b'\r') => State::SizeLineFeed,
            (State::Size, b';' | b' ' | b'\t') => {
                self.extra_bytes = 0;
                State::Extension
            }
            (State::SizeStart | State::Size, byte) => return Err(ChunkError::BadSize { byte }),
            (State::Extension, b'\n') => return Err(ChunkError::BadLineEnd { byte }),
            (State::Extension, _) => {
                self.count_extra()?;
                State::Extension
            }
            (State::SizeLineFeed, b'\n') if self.left == 0 => {
                self.extra_bytes = 0;
                State::TrailerStart
            }
            (State::SizeLineFeed, b'\n') => State::Data,
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::SizeStart,
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::Trailer, b'\r') => State::TrailerLineFeed,
            (State::TrailerStart | State::Trailer, b'\n') => {
                return Err(ChunkError::BadLineEnd { byte })
            }
            (State::TrailerStart | State::Trailer, _) => {
                self.count_extra()?;
                State::Trailer
            }
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::LastLineFeed, b'\n') => State::Done,
            (
                State::SizeLineFeed
                | State::DataReturn
                | State::DataLineFeed
                | State::TrailerLineFeed
                | State::LastLineFeed,
                byte,
            ) => return Err(ChunkError::BadLineEnd { byte }),
            (state @ (State::Data | State::Done), _) => state,
        };
        Ok(())
    }

    fn push_digit(&mut self, byte: u8) -> Result<(), ChunkError> {
        let digit = char::from(byte)
            .to_digit(16)
            .ok_or(ChunkError::BadSize { byte })?;
        let shifted = self.left.checked_mul(16).ok_or(ChunkError::SizeOverflow)?;
        self.left = shifted | u64::from(digit);
        Ok(())
    }

    fn count_extra(&mut self) -> Result<(), ChunkError> {
        self.extra_bytes = self.extra_bytes.saturating_add(1);
        if self.extra_bytes > EXTRA_BYTES_MAX {
            return Err(ChunkError::ExtraTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes `wire` fed in parts of `part` bytes; the rest behind the end comes back too.
    fn decode(wire: &[u8], part: usize) -> Result<(Vec<u8>, bool), ChunkError> {
        let (mut decoder, mut body, mut at, mut there) = (ChunkDecoder::new(), Vec::new(), 0, 0);
        loop {
            let step = decoder.step(&wire[at..there])?;
            let data_at = at + step.framing;
            body.extend_from_slice(&wire[data_at..data_at + step.data]);
            at = data_at + step.data;
            if step.done || (at == there && there == wire.len()) {
                return Ok((body, step.done));
            }
            if at == there {
                there = (there + part).min(wire.len());
            }
        }
    }

    #[test]
    fn the_example_of_every_text_book_decodes() {
        let wire = b"4\r\nWiki\r\n7;name=\"v\"\r\npedia i\r\nB \r\nn \r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(
            decode(wire, 3),
            Ok((b"Wikipedia in \r\nchunks.".to_vec(), true))
        );
    }

    #[test]
    fn bad_codings_are_refused_by_name() {
        let cases: [(&[u8], ChunkError); 8] = [
            (b"\r\n", ChunkError::BadSize { byte: b'\r' }),
            (b"-1\r\n", ChunkError::BadSize { byte: b'-' }),
            (b"+1\r\n", ChunkError::BadSize { byte: b'+' }),
            (b"0x4\r\n", ChunkError::BadSize { byte: b'x' }),
            (b"10000000000000000\r\n", ChunkError::SizeOverflow),
            (b"1\n", ChunkError::BadSize { byte: b'\n' }),
            (b"1\r\nab", ChunkError::BadLineEnd { byte: b'b' }),
            (b"0\r\nx\n", ChunkError::BadLineEnd { byte: b'\n' }),
        ];
        for (wire, error) in cases {
            assert_eq!(decode(wire, 1), Err(error), "{}", wire.escape_ascii());
        }
        let endless = [b"1;".as_slice(), &[b'x'; 9000]].concat();
        assert_eq!(decode(&endless, 9002), Err(ChunkError::ExtraTooLong));
    }

    #[test]
    fn a_chunk_says_how_much_of_it_is_still_to_come() {
        let mut decoder = ChunkDecoder::new();
        let step = decoder.step(b"ffffffffffffffff\r\nab");
        assert_eq!(
            step,
            Ok(ChunkStep {
                framing: 18,
                data: 2,
                chunk_bytes_left: u64::MAX - 2,
                done: false
            })
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_however_it_is_cut(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            part in 1_usize..50,
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decode(&wire, part), Ok((chunks.concat(), true)));
        }

        #[test]
        fn garbage_gives_the_same_verdict_however_it_is_cut(
            wire in "[0-9a-f;\r\n ]{0,60}", part in 1_usize..20,
        ) {
            prop_assert_eq!(decode(wire.as_bytes(), part), decode(wire.as_bytes(), wire.len().max(1)));
        }
    }
}
