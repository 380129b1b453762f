//! Long messages, cut between the elements of their long arrays.
//!
//! Owns the assembly of one message at a time in a buffer of fixed size, whatever the length of the message. Guarantees
//! that the elements it hands out, in order, are those of the whole message, and that a message which is not valid JSON
//! gives an error at the latest at its end: from the slicer, or from the plain parser given one of its slices. So every
//! slice must be parsed, and what was read from the earlier slices of a failed message must be thrown away (Coinbase:
//! resubscribe). Never hands out more than [`SliceLimits`] allow in one slice, unless one element alone is longer; never
//! allocates after construction.
//!
//! For `{"channel":"l2_data","events":[{"type":"snapshot","updates":[A,B,C]}],"sequence_num":0}` the slices are
//! - [`Slice::Head`] `{"channel":"l2_data","events":[{"type":"snapshot","updates":[]}]}`,
//! - [`Slice::Elements`] `[A,B]`, then `[C]` flagged `last`,
//! - [`Slice::End`] `{"channel":"l2_data","events":[{"type":"snapshot","updates":[]}],"sequence_num":0}`.
//!
//! The array just opened is always the last one of its name in the head. If another long array follows, another head
//! comes, with everything so far in it and the earlier arrays empty. Members that stand behind the array are missing
//! from the head and present in the end: check there whatever the head did not say. Arrays count as long by the name of
//! their key, at any depth outside other long arrays; the same name inside an element means nothing.

use super::boundary::{Boundary, Budget, Cut};
use super::skeleton::Skeleton;
use super::SKELETON_BYTES_MAX;

/// Largest slice in bytes, brackets included (DESIGN section 5: 20 to 35 us of work).
pub const SLICE_BYTES_MAX: usize = 16 * 1024;
/// Most elements in a slice (DESIGN section 5).
pub const SLICE_ELEMENTS_MAX: usize = 256;
/// The assembly buffer in bytes; also the longest single element.
pub const ASSEMBLY_BYTES: usize = 256 * 1024;
/// Longest message in bytes: three times the largest snapshot recorded (Coinbase reference 6.1).
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most long arrays in one message. Each costs a parse of the skeleton, and venues send one or two.
pub const ARRAYS_MAX: usize = 64;

/// Why a message cannot be sliced any further. All are final for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SliceError {
    /// Unbalanced, or an element is missing between commas.
    #[error("message is not valid JSON: unbalanced brackets or a missing array element")]
    Malformed,
    /// The message ended inside a long array.
    #[error("message ended inside a long array")]
    Truncated,
    /// One element is longer than the assembly buffer.
    #[error("an array element does not fit the assembly buffer of {max} bytes")]
    ElementTooLong {
        /// The buffer's size in bytes.
        max: usize,
    },
    /// Too much text outside the long arrays.
    #[error("more than {max} bytes outside the long arrays: is an array's name missing from the list of long arrays?")]
    SkeletonTooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// Nested too deeply outside the long arrays.
    #[error("nested deeper than {max} levels outside the long arrays")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// Too many long arrays.
    #[error("more than {max} long arrays in one message")]
    TooManyArrays {
        /// The limit.
        max: usize,
    },
    /// The key before an array is written with escapes, which no venue does, and is not unescaped here: it could be
    /// the name of a long array in disguise.
    #[error("the key of an array is written with escapes")]
    EscapedKey,
    /// The message is too long.
    #[error("message is longer than {max} bytes")]
    MessageTooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// Bytes were pushed after `finish`, or a slice was asked for after the end, without `reset`. A fault of the
    /// calling code.
    #[error("the slicer was used after the end of its message without a reset")]
    Finished,
}

/// The next piece of work.
#[derive(Debug, PartialEq, Eq)]
pub enum Slice<'a> {
    /// Nothing to do before more is pushed, or the message is declared finished.
    NeedMore,
    /// A long array opens. The text is the message so far with every long array empty and everything open closed.
    Head {
        /// Valid JSON, if the message is.
        text: &'a mut [u8],
        /// Index of the array's name in the list given at construction.
        array: usize,
    },
    /// Elements of the array that opened last.
    Elements {
        /// A JSON array of whole elements, never empty.
        text: &'a mut [u8],
        /// No elements of this array follow. An array without elements gives no such slice at all.
        last: bool,
    },
    /// The message is complete. The text is all of it with every long array empty.
    End {
        /// Valid JSON, if the message is.
        text: &'a mut [u8],
    },
}

/// What a slice may hold and how much the slicer buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceLimits {
    /// Largest slice, brackets included; at least 16.
    pub slice_bytes_max: usize,
    /// Most elements in a slice; at least 1.
    pub slice_elements_max: usize,
    /// The assembly buffer, also the longest single element; at least twice `slice_bytes_max`.
    pub assembly_bytes: usize,
}

impl Default for SliceLimits {
    fn default() -> Self {
        Self {
            slice_bytes_max: SLICE_BYTES_MAX,
            slice_elements_max: SLICE_ELEMENTS_MAX,
            assembly_bytes: ASSEMBLY_BYTES,
        }
    }
}

/// The slicer. Long-lived: made once, then per message [`push`](Self::push) and [`next_slice`](Self::next_slice) in
/// turns, [`finish`](Self::finish), slices until the end, [`reset`](Self::reset).
#[derive(Debug)]
pub struct ArraySlicer {
    budget: Budget,
    skeleton: Skeleton,
    /// Fixed length; the unread text is `buffer[start..end]`.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// The byte behind the slice handed out, replaced by its closing bracket until the next call.
    covered: Option<u8>,
    place: Place,
    arrays: usize,
    message_bytes: usize,
    finished: bool,
}

#[derive(Debug)]
enum Place {
    /// Outside the long arrays.
    Outside,
    /// In a long array; `start` is at its bracket or at a comma.
    Inside(Boundary),
    /// The end was handed out.
    Done,
    Failed(SliceError),
}

impl ArraySlicer {
    /// A slicer for messages whose long arrays have one of these keys, within the default limits.
    #[must_use]
    pub fn new(names: &'static [&'static str]) -> Self {
        Self::with_limits(names, SliceLimits::default())
    }

    /// A slicer with limits of its own; values below the least are raised to it.
    #[must_use]
    pub fn with_limits(names: &'static [&'static str], limits: SliceLimits) -> Self {
        let bytes = limits.slice_bytes_max.max(16);
        let assembly = limits.assembly_bytes.max(bytes.saturating_mul(2));
        Self {
            budget: Budget {
                bytes,
                elements: limits.slice_elements_max.max(1),
            },
            skeleton: Skeleton::new(names),
            buffer: vec![0; assembly].into_boxed_slice(),
            start: 0,
            end: 0,
            covered: None,
            place: Place::Outside,
            arrays: 0,
            message_bytes: 0,
            finished: false,
        }
    }

    /// Forgets the current message, whatever its state.
    pub fn reset(&mut self) {
        self.skeleton.clear();
        self.start = 0;
        self.end = 0;
        self.covered = None;
        self.place = Place::Outside;
        self.arrays = 0;
        self.message_bytes = 0;
        self.finished = false;
    }

    /// Takes as much of the next piece of the message as there is room for and says how many bytes that was. Room comes
    /// from taking slices until [`Slice::NeedMore`]. After an error everything is taken and dropped, until the reset.
    pub fn push(&mut self, piece: &[u8]) -> usize {
        self.uncover();
        if self.finished && !piece.is_empty() {
            self.fail(SliceError::Finished);
        }
        if matches!(self.place, Place::Failed(_)) {
            return piece.len();
        }
        if self.buffer.len().saturating_sub(self.end) < piece.len() {
            self.compact();
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let taken = room.len().min(piece.len());
        if let (Some(to), Some(from)) = (room.get_mut(..taken), piece.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.end = self.end.saturating_add(taken);
        self.message_bytes = self.message_bytes.saturating_add(taken);
        if self.message_bytes > MESSAGE_BYTES_MAX {
            self.fail(SliceError::MessageTooLong {
                max: MESSAGE_BYTES_MAX,
            });
            return piece.len();
        }
        taken
    }

    /// Says that everything was pushed: slices no longer wait for more.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next slice. The caller may change its bytes at will; they are not looked at again.
    pub fn next_slice(&mut self) -> Result<Slice<'_>, SliceError> {
        self.uncover();
        match self.advance() {
            Ok(Step::NeedMore) => Ok(Slice::NeedMore),
            Ok(Step::Head(array)) => Ok(Slice::Head {
                text: self.skeleton.closed(),
                array,
            }),
            Ok(Step::End) => Ok(Slice::End {
                text: self.skeleton.whole(),
            }),
            Ok(Step::Elements { from, to, last }) => {
                let text = self.buffer.get_mut(from..=to).unwrap_or_default();
                if let [open, .., close] = text {
                    *open = b'[';
                    self.covered = Some(core::mem::replace(close, b']'));
                }
                Ok(Slice::Elements { text, last })
            }
            Err(error) => {
                self.fail(error);
                Err(error)
            }
        }
    }

    /// Bytes pushed and not yet handed out.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn advance(&mut self) -> Result<Step, SliceError> {
        match &mut self.place {
            Place::Failed(error) => Err(*error),
            Place::Done => Err(SliceError::Finished),
            Place::Outside => self.outside(),
            Place::Inside(boundary) => {
                let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
                // Short texts are not searched at all until they are complete: more comes in larger slices.
                if unread.len() < self.budget.bytes && !self.finished {
                    return Ok(Step::NeedMore);
                }
                let from = self.start;
                match boundary.search(unread, self.budget)? {
                    Cut::Comma(at) => {
                        *boundary = Boundary::new(false);
                        self.start = from.saturating_add(at);
                        Ok(Step::Elements {
                            from,
                            to: self.start,
                            last: false,
                        })
                    }
                    Cut::Bracket(at) => {
                        self.place = Place::Outside;
                        self.start = from.saturating_add(at);
                        Ok(Step::Elements {
                            from,
                            to: self.start,
                            last: true,
                        })
                    }
                    Cut::Empty(at) => {
                        self.place = Place::Outside;
                        self.start = from.saturating_add(at);
                        self.outside()
                    }
                    Cut::NeedMore if self.finished => Err(SliceError::Truncated),
                    Cut::NeedMore if unread.len() >= self.buffer.len() => {
                        Err(SliceError::ElementTooLong {
                            max: self.buffer.len(),
                        })
                    }
                    Cut::NeedMore => Ok(Step::NeedMore),
                }
            }
        }
    }

    /// Moves text outside the long arrays to the skeleton, up to the next long array.
    fn outside(&mut self) -> Result<Step, SliceError> {
        let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
        for &byte in unread {
            if let Some(array) = self.skeleton.push(byte)? {
                self.arrays = self.arrays.saturating_add(1);
                if self.arrays > ARRAYS_MAX {
                    return Err(SliceError::TooManyArrays { max: ARRAYS_MAX });
                }
                self.place = Place::Inside(Boundary::new(true));
                return Ok(Step::Head(array));
            }
            self.start = self.start.saturating_add(1);
        }
        if !self.finished {
            return Ok(Step::NeedMore);
        }
        self.place = Place::Done;
        Ok(Step::End)
    }

    /// Gives back the byte behind the last slice.
    fn uncover(&mut self) {
        if let Some(byte) = self.covered.take() {
            if let Some(place) = self.buffer.get_mut(self.start) {
                *place = byte;
            }
        }
    }

    fn compact(&mut self) {
        if self.start > 0 && self.start <= self.end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
    }

    fn fail(&mut self, error: SliceError) {
        if !matches!(self.place, Place::Failed(_)) {
            self.place = Place::Failed(error);
        }
    }
}

enum Step {
    NeedMore,
    Head(usize),
    Elements { from: usize, to: usize, last: bool },
    End,
}

// The head and the end are parsed like slices, in one call each.
const _: () = assert!(SKELETON_BYTES_MAX <= SLICE_BYTES_MAX);
const _: () = assert!(ASSEMBLY_BYTES >= SLICE_BYTES_MAX.saturating_mul(2));
