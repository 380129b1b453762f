//! A listing that is read slice by slice: which array comes, and whether the one asked for was there.
//!
//! Guarantees that a body without its array (an error said with 200) is a fault and never the end of an empty listing,
//! which would be evidence of absence. What the rows and the rest of the body mean stays with the venue.

use super::fault::Fault;
use crate::codec::json::{ArraySlicer, Slice};

/// How far a listing was read.
#[derive(Debug)]
pub(in crate::venue) struct Listing {
    /// The arrays its slicer cuts.
    arrays: &'static [&'static str],
    /// The array it cannot be without, if one.
    wanted: Option<&'static str>,
    array: usize,
    seen: bool,
}

/// What one slice was.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::venue) enum Step<'t> {
    /// Nothing to be told: come again.
    Again,
    /// Rows.
    Rows {
        /// Index of the name of their array.
        array: usize,
        /// A JSON array of whole rows.
        text: &'t mut [u8],
    },
    /// All of the body but the rows: only once it is read it is sure that the body was JSON to its end.
    End(&'t mut [u8]),
}

impl Listing {
    /// Nothing read yet of a body whose long arrays have these names, and which cannot be without `wanted`.
    pub const fn new(arrays: &'static [&'static str], wanted: Option<&'static str>) -> Listing {
        Listing { arrays, wanted, array: 0, seen: false }
    }

    /// The next slice of a body that lies in the slicer whole.
    ///
    /// # Errors
    /// [`Fault`]: it is no such listing. Rows told so far are true, but not all.
    pub fn step<'t>(&mut self, slicer: &'t mut ArraySlicer) -> Result<Step<'t>, Fault> {
        match slicer.next_slice()? {
            Slice::Head { array, .. } => {
                self.array = array;
                self.seen |= self.arrays.get(array).copied() == self.wanted;
                Ok(Step::Again)
            }
            Slice::Elements { text, .. } => Ok(Step::Rows { array: self.array, text }),
            Slice::End { text } => match self.wanted.filter(|_| !self.seen) {
                Some(key) => Err(Fault::Missing { key }),
                None => Ok(Step::End(text)),
            },
            Slice::NeedMore => Err(Fault::Missing { key: "end" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::json::Plain;

    const ARRAYS: &[&str] = &["orders", "fills"];

    /// Which arrays rows were of, and whether its end came.
    fn read(body: &str, wanted: Option<&'static str>) -> (Vec<usize>, Result<(), Fault>) {
        let mut slicer = ArraySlicer::new(ARRAYS);
        slicer.push(body.as_bytes());
        slicer.finish();
        let (mut listing, mut rows) = (Listing::new(ARRAYS, wanted), vec![]);
        loop {
            match listing.step(&mut slicer) {
                Ok(Step::Again) => {}
                Ok(Step::Rows { array, .. }) => rows.push(array),
                Ok(Step::End(text)) => {
                    let end = Plain::new(256).parse(text, |cursor| cursor.skip().map_err(Fault::from));
                    return (rows, end);
                }
                Err(fault) => return (rows, Err(fault)),
            }
        }
    }

    #[test]
    fn a_body_without_its_array_is_no_listing() {
        let missing = Err(Fault::Missing { key: "fills" });
        assert_eq!(read(r#"{"fills":[]}"#, Some("fills")), (vec![], Ok(())));
        assert_eq!(read(r#"{"fills":null}"#, Some("fills")), (vec![], missing));
        assert_eq!(read(r#"{"error":"x"}"#, Some("fills")), (vec![], missing));
        assert_eq!(read(r#"{"orders":[1]}"#, Some("fills")), (vec![0], missing));
        assert_eq!(read(r#"{"orders":[1],"fills":[2]}"#, Some("fills")), (vec![0, 1], Ok(())));
    }

    #[test]
    fn one_that_may_be_without_is_read_to_its_end_and_no_further() {
        assert_eq!(read(r#"{"account":{}}"#, None), (vec![], Ok(())));
        assert_eq!(read(r#"{"orders":[1]}"#, None), (vec![0], Ok(())));
        for cut in [r#"{"orders":[1"#, r#"{"orders":[1]"#, ""] {
            assert!(read(cut, None).1.is_err(), "{cut}");
        }
    }
}
