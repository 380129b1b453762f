//! A secret in memory.
//!
//! Owns the wrapper in which keys and tokens are kept. Guarantees that the value is wiped when the wrapper is dropped
//! and never appears in `Debug` output. Never prints, compares or copies it: no `Display`, `PartialEq` or `Clone`.

use core::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A value that is wiped on drop and redacted in `Debug`.
///
/// The value must own its bytes in one piece from the start: a `String` that grew has left copies behind.
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value. The name is long on purpose: every use is worth a look.
    #[must_use]
    pub fn expose_secret(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::rc::Rc;

    struct Witness(Rc<Cell<bool>>);
    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn debug_is_redacted_at_any_depth() {
        let secret = Secret::from("hunter2");
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret))
                .matches("hunter2")
                .count(),
            0
        );
        assert_eq!(secret.expose_secret(), "hunter2");
    }

    #[test]
    fn dropping_wipes() {
        let wiped = Rc::new(Cell::new(false));
        let secret = Secret::new(Witness(Rc::clone(&wiped)));
        assert!(!wiped.get());
        drop(secret);
        assert!(wiped.get());
    }
}
