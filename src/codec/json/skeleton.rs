//! The skeleton of a long message: all of its text except what stands inside the long arrays.
//!
//! Owns the text outside the long arrays and the lexer state at its end. Guarantees a bound on both, and that at the
//! moment a long array opens, the text plus [`Skeleton::closers`] is valid JSON exactly if the message so far is the
//! beginning of a valid one. Never judges validity itself beyond balance: the plain parser does that.

use super::slicer::SliceError;
use arrayvec::ArrayVec;

/// Longest text outside the long arrays of one message, in bytes. Venue messages have 100 to 300; the bound keeps each
/// parse of it inside the budget of one engine call (DESIGN section 5).
pub const SKELETON_BYTES_MAX: usize = 16 * 1024;

/// Deepest nesting outside the long arrays. Coinbase's is 4.
const SKELETON_DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Skeleton {
    names: &'static [&'static str],
    text: Vec<u8>,
    /// The text handed to the caller, who may scribble on it.
    scratch: Vec<u8>,
    /// The closer of every container that is open, outermost first.
    open: ArrayVec<u8, SKELETON_DEPTH_MAX>,
    lexer: Lexer,
    /// Where the last string stands, with its quotes stripped, until something other than white space follows it.
    string: Option<(usize, usize)>,
    string_escaped: bool,
    /// What the key just before says about an array that might follow.
    pending: Pending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lexer {
    Outside,
    InString { start: usize },
    AfterBackslash { start: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    None,
    /// An array here is the long array of this index.
    Named(usize),
    /// The key has escapes, so that it cannot be compared as it stands.
    Escaped,
}

impl Skeleton {
    pub(super) fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            text: Vec::with_capacity(SKELETON_BYTES_MAX),
            scratch: Vec::with_capacity(SKELETON_BYTES_MAX.saturating_add(SKELETON_DEPTH_MAX)),
            open: ArrayVec::new(),
            lexer: Lexer::Outside,
            string: None,
            string_escaped: false,
            pending: Pending::None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.open.clear();
        self.lexer = Lexer::Outside;
        self.string = None;
        self.string_escaped = false;
        self.pending = Pending::None;
    }

    /// Takes the next byte outside the long arrays. `Some(index)`: it is the bracket that opens a long array.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<usize>, SliceError> {
        let at = self.text.len();
        if at >= SKELETON_BYTES_MAX {
            return Err(SliceError::SkeletonTooLong {
                max: SKELETON_BYTES_MAX,
            });
        }
        self.text.push(byte);
        match self.lexer {
            Lexer::Outside => self.outside(byte, at),
            Lexer::AfterBackslash { start } => {
                self.lexer = Lexer::InString { start };
                Ok(None)
            }
            Lexer::InString { start } => {
                match byte {
                    b'\\' => {
                        self.string_escaped = true;
                        self.lexer = Lexer::AfterBackslash { start };
                    }
                    b'"' => {
                        self.string = Some((start, at));
                        self.lexer = Lexer::Outside;
                    }
                    _ => {}
                }
                Ok(None)
            }
        }
    }

    /// The whole text, for the caller to parse.
    pub(super) fn whole(&mut self) -> &mut [u8] {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.text);
        &mut self.scratch
    }

    /// The text so far with every open container closed, for the caller to parse.
    pub(super) fn closed(&mut self) -> &mut [u8] {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.text);
        self.scratch.extend(self.open.iter().rev());
        &mut self.scratch
    }

    fn outside(&mut self, byte: u8, at: usize) -> Result<Option<usize>, SliceError> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(None);
        }
        let pending = core::mem::replace(&mut self.pending, Pending::None);
        let string = self.string.take();
        match byte {
            b'"' => {
                self.string_escaped = false;
                self.lexer = Lexer::InString {
                    start: at.saturating_add(1),
                };
            }
            b':' => self.pending = self.compare(string),
            b'{' => self.enter(b'}')?,
            b'[' => {
                if pending == Pending::Escaped {
                    return Err(SliceError::EscapedKey);
                }
                self.enter(b']')?;
                if let Pending::Named(index) = pending {
                    return Ok(Some(index));
                }
            }
            b'}' | b']' => {
                let opened = self.open.pop();
                if opened != Some(byte) {
                    return Err(SliceError::Malformed);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn compare(&self, string: Option<(usize, usize)>) -> Pending {
        let Some(key) = string.and_then(|(start, end)| self.text.get(start..end)) else {
            return Pending::None;
        };
        if self.string_escaped {
            return Pending::Escaped;
        }
        match self.names.iter().position(|name| name.as_bytes() == key) {
            Some(index) => Pending::Named(index),
            None => Pending::None,
        }
    }

    fn enter(&mut self, closer: u8) -> Result<(), SliceError> {
        self.open.try_push(closer).map_err(|_| SliceError::TooDeep {
            max: SKELETON_DEPTH_MAX,
        })
    }
}
