//! Where to cut inside a long array.
//!
//! Owns the search for the comma or bracket that ends a run of whole elements. Guarantees, for valid JSON, that every
//! cut lies between two elements of the array itself; for anything else, that the run it cuts off does not parse: a run
//! that is valid JSON once bracketed has, by its own grammar, ended outside strings and outside nested values. Never
//! looks at a byte twice for longer than one slice, and never judges validity itself.
//!
//! Two searches work together. The exact one reads byte by byte, aware of strings, escapes and depth, and resumes where
//! it stopped. The fast one jumps over runs of flat elements of one kind, objects or arrays, at the speed of memchr. From
//! the start of an element, it accepts the comma behind a closer if, in the text up to there,
//! - there is no backslash and no bracket of the other kind, not even in a string,
//! - every closer is followed by a comma and an opener,
//! - there are as many openers as closers, and
//! - the number of quotes is even.
//!
//! Without backslashes the last says that the cut is outside of strings. A closer inside a string brings the opener
//! demanded behind it, so strings never hold more closers than openers, and as many of each in all means that no element
//! is open at the cut. A nested value would have its closer followed by something else (an object's, since a key must
//! follow a comma in an object; an array's, at the latest where the outer array closes too), so the elements are flat,
//! all of one kind, and no more than the closers counted.

use super::slicer::SliceError;

/// White space that the fast search accepts between a comma and the next element, in bytes.
const FAST_SPACES_MAX: usize = 4;

/// Where to cut. Offsets count from the bracket or comma before the first element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Whole elements end before this byte, a comma.
    Comma(usize),
    /// The last elements end before this byte, the closing bracket.
    Bracket(usize),
    /// The array is empty; this is its closing bracket.
    Empty(usize),
    /// More bytes are needed.
    NeedMore,
}

/// What one slice may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) bytes: usize,
    pub(super) elements: usize,
}

/// The resumable search for one cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boundary {
    /// Next byte to look at; 1 is the byte after the bracket or comma in front.
    at: usize,
    depth: u32,
    string: StringState,
    /// Whole elements before the last comma seen; after the fast search it may be more than there are.
    elements: usize,
    /// The last comma that still fits the budget.
    comma: Option<usize>,
    /// Something other than white space since the last comma.
    content: bool,
    /// Nothing of the array was cut off before.
    first: bool,
}

#[derive(Debug, Clone, Copy)]
enum StringState {
    Outside,
    Inside,
    AfterBackslash,
}

impl Boundary {
    /// For the first elements of an array, or for those after a comma.
    pub(super) fn new(first: bool) -> Self {
        Self {
            at: 1,
            depth: 0,
            string: StringState::Outside,
            elements: 0,
            comma: None,
            content: false,
            first,
        }
    }

    /// Searches `text`, which begins with the bracket or comma before the first element and is, from call to call, the
    /// same text with more behind it.
    pub(super) fn search(&mut self, text: &[u8], budget: Budget) -> Result<Cut, SliceError> {
        if self.at == 1 {
            if let Some(cut) = self.jump(text, budget) {
                return Ok(cut);
            }
        }
        self.step(text, budget)
    }

    /// The fast search. `Some`: the budget is used as well as it can be. Otherwise the exact search goes on from here.
    fn jump(&mut self, text: &[u8], budget: Budget) -> Option<Cut> {
        let window = text.get(1..budget.bytes.min(text.len()))?;
        let opener = *window
            .iter()
            .take(FAST_SPACES_MAX)
            .find(|byte| !byte.is_ascii_whitespace())?;
        let (closer, other_opener, other_closer) = match opener {
            b'{' => (b'}', b'[', b']'),
            b'[' => (b']', b'{', b'}'),
            _ => return None,
        };
        let clean =
            memchr::memchr3(b'\\', other_opener, other_closer, window).unwrap_or(window.len());
        let mut closers = 0_usize;
        let mut comma = None;
        let mut budget_spent = text.len() >= budget.bytes && clean == window.len();
        for close in memchr::memchr_iter(closer, window.get(..clean)?) {
            match comma_before(opener, text, close) {
                Some(at) if at >= budget.bytes => break,
                Some(at) => comma = Some(at),
                None => {
                    budget_spent = false;
                    break;
                }
            }
            closers = closers.saturating_add(1);
            if closers >= budget.elements {
                budget_spent = true;
                break;
            }
        }
        let comma = comma?;
        let run = text.get(1..comma)?;
        let openers = memchr::memchr_iter(opener, run).count();
        let quotes = memchr::memchr_iter(b'"', run).count();
        if openers != closers || !quotes.is_multiple_of(2) {
            return None;
        }
        if budget_spent {
            return Some(Cut::Comma(comma));
        }
        self.at = comma.saturating_add(1);
        self.comma = Some(comma);
        self.elements = closers;
        None
    }

    /// The exact search.
    fn step(&mut self, text: &[u8], budget: Budget) -> Result<Cut, SliceError> {
        // A copy on the stack: the loop is several times faster than through `self`. A cut needs no state any more.
        let mut here = *self;
        let mut rest = text.get(here.at..).unwrap_or_default();
        while let Some((&byte, behind)) = rest.split_first() {
            let at = text.len().saturating_sub(rest.len());
            if at >= budget.bytes {
                if let Some(comma) = here.comma {
                    return Ok(Cut::Comma(comma));
                }
            }
            rest = behind;
            match here.string {
                StringState::AfterBackslash => here.string = StringState::Inside,
                StringState::Inside => match byte {
                    b'"' => here.string = StringState::Outside,
                    b'\\' => here.string = StringState::AfterBackslash,
                    _ => {
                        let run = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                        rest = rest.get(run..).unwrap_or_default();
                    }
                },
                StringState::Outside => match byte {
                    b'"' => {
                        here.content = true;
                        here.string = StringState::Inside;
                    }
                    b'{' | b'[' => {
                        here.content = true;
                        here.depth = here.depth.saturating_add(1);
                    }
                    b'}' | b']' if here.depth > 0 => here.depth = here.depth.saturating_sub(1),
                    b']' => return here.close(at),
                    b'}' => return Err(SliceError::Malformed),
                    b',' if here.depth == 0 => {
                        if !core::mem::replace(&mut here.content, false) {
                            return Err(SliceError::Malformed);
                        }
                        here.elements = here.elements.saturating_add(1);
                        // A comma past the budget is only reached by an element that is over it alone.
                        if here.elements >= budget.elements || at >= budget.bytes {
                            return Ok(Cut::Comma(at));
                        }
                        here.comma = Some(at);
                    }
                    b' ' | b'\t' | b'\n' | b'\r' => {}
                    _ => here.content = true,
                },
            }
        }
        here.at = text.len();
        *self = here;
        Ok(Cut::NeedMore)
    }

    fn close(&self, at: usize) -> Result<Cut, SliceError> {
        match (self.content, self.first && self.comma.is_none()) {
            (true, _) => Ok(Cut::Bracket(at)),
            (false, true) => Ok(Cut::Empty(at)),
            (false, false) => Err(SliceError::Malformed),
        }
    }
}

/// The offset in `text` of the comma behind a closer, if another opener follows. `close` counts from the second byte.
#[inline]
fn comma_before(opener: u8, text: &[u8], close: usize) -> Option<usize> {
    let comma = close.saturating_add(2);
    let (&b',', behind) = text.get(comma..)?.split_first()? else {
        return None;
    };
    let mut next = behind.iter().take(FAST_SPACES_MAX.saturating_add(1));
    (next.find(|byte| !byte.is_ascii_whitespace()) == Some(&opener)).then_some(comma)
}
