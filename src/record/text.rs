//! Short text stored inside a record: identifiers and venue codes without an allocation.

/// At most `N` bytes of UTF-8 text (`N` at most 255), stored in place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct InlineText<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

/// The text is longer than the `max` bytes its field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text of {len} bytes does not fit the {max} bytes of its field")]
pub struct TextTooLong {
    /// Length of the refused text, bytes.
    pub len: usize,
    /// Most the field holds, bytes.
    pub max: usize,
}

impl<const N: usize> InlineText<N> {
    /// No text.
    pub const EMPTY: Self = InlineText { len: 0, bytes: [0; N] };
    const FITS_LEN: () = assert!(N <= u8::MAX as usize);

    /// Stores `text` whole.
    ///
    /// # Errors
    /// [`TextTooLong`] if it has more than `N` bytes; nothing is cut silently.
    pub fn new(text: &str) -> Result<Self, TextTooLong> {
        let () = Self::FITS_LEN;
        let mut bytes = [0; N];
        let room = bytes.get_mut(..text.len()).ok_or(TextTooLong { len: text.len(), max: N })?;
        room.copy_from_slice(text.as_bytes());
        Ok(InlineText { len: text.len() as u8, bytes })
    }

    /// Stores as many whole characters of `text` as fit: for explanations, never for identifiers.
    pub fn truncated(text: &str) -> Self {
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        Self::new(text.get(..end).unwrap_or_default()).unwrap_or(Self::EMPTY)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for InlineText<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> std::fmt::Debug for InlineText<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> std::fmt::Display for InlineText<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> std::str::FromStr for InlineText<N> {
    type Err = TextTooLong;

    fn from_str(text: &str) -> Result<Self, TextTooLong> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_whole_and_what_does_not_is_refused() {
        assert_eq!(InlineText::<4>::new("abcd").unwrap().as_str(), "abcd");
        assert_eq!(InlineText::<4>::new("abcde").unwrap_err(), TextTooLong { len: 5, max: 4 });
        assert!(InlineText::<4>::new("").unwrap().is_empty());
    }

    #[test]
    fn truncation_never_splits_a_character() {
        assert_eq!(InlineText::<4>::truncated("aßßß").as_str(), "aß");
        assert_eq!(InlineText::<4>::truncated("ok").as_str(), "ok");
    }
}
