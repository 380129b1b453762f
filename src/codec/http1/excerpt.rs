//! A short, printable, single-line excerpt of a body that is not what was asked for.
//!
//! Owns the bytes that go into an error message or a log line: at most [`EXCERPT_BYTES_MAX`], no control or direction
//! characters, no line breaks. Of an HTML page (every venue sits behind a proxy that answers with pages) it takes the
//! title, else the text without the tags. Never allocates. Parses no HTML: it is for human eyes only.

use std::fmt;

use arrayvec::ArrayString;

/// Longest excerpt in bytes.
pub const EXCERPT_BYTES_MAX: usize = 200;
/// Where a body is looked at: titles stand near the front, and this bounds the work.
const LOOKED_AT_BYTES_MAX: usize = 4096;

/// See the module's documentation.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Excerpt(ArrayString<EXCERPT_BYTES_MAX>);

impl Excerpt {
    /// Of a body, or of any bytes.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let body = body.get(..LOOKED_AT_BYTES_MAX).unwrap_or(body);
        let html = body.trim_ascii_start().starts_with(b"<");
        let mut excerpt = Self::default();
        if html {
            excerpt.take(title(body).unwrap_or_default(), true);
        }
        if excerpt.0.is_empty() {
            excerpt.take(body, html);
        }
        excerpt
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn take(&mut self, bytes: &[u8], skip_tags: bool) {
        let (mut in_tag, mut gap) = (false, false);
        for chunk in bytes.utf8_chunks() {
            let broken = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
            for char in chunk.valid().chars().chain(broken) {
                match char {
                    '<' if skip_tags => in_tag = true,
                    '>' if in_tag => {
                        in_tag = false;
                        gap = true;
                    }
                    _ if in_tag => {}
                    char if char.is_whitespace() || char.is_control() => gap = true,
                    char => {
                        let space = if gap && !self.0.is_empty() { " " } else { "" };
                        gap = false;
                        if self.0.try_push_str(space).is_err()
                            || self.0.try_push(printable(char)).is_err()
                        {
                            return;
                        }
                    }
                }
            }
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Direction overrides, joiners and the like could make a log line read as something else: letters and digits only
/// outside of ASCII.
fn printable(char: char) -> char {
    if char.is_ascii_graphic() || char.is_alphanumeric() {
        char
    } else {
        '.'
    }
}

fn title(body: &[u8]) -> Option<&[u8]> {
    let (_, tag) = body.split_at_checked(find_ignore_case(body, b"<title")?)?;
    let (_, text) = tag.split_at_checked(memchr::memchr(b'>', tag)?.checked_add(1)?)?;
    text.get(..find_ignore_case(text, b"</title")?)
}

fn find_ignore_case(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_proxy_page_is_its_title() {
        let page = b"<!DOCTYPE html>\n<!--[if lt IE 7]> <html class=\"no-js ie6\"> <![endif]-->\n<head>\n<TITLE>api.coinbase.com\n | 502: Bad gateway</TITLE></head><body>Long</body>";
        assert_eq!(
            Excerpt::of(page).as_str(),
            "api.coinbase.com | 502: Bad gateway"
        );
    }

    #[test]
    fn a_page_without_a_title_is_its_text() {
        let page = b"<html><body><h1>503 Service Temporarily Unavailable</h1><p>cloudflare</p></body></html>";
        assert_eq!(
            Excerpt::of(page).as_str(),
            "503 Service Temporarily Unavailable cloudflare"
        );
    }

    #[test]
    fn plain_text_stays_on_one_line_and_loses_control_characters() {
        assert_eq!(
            Excerpt::of(b"Unauthorized\r\n\x1b[31mred\0\t x < y").as_str(),
            "Unauthorized [31mred x < y"
        );
        assert_eq!(
            Excerpt::of("caf\u{e9} \u{202e}evil".as_bytes()).as_str(),
            "caf\u{e9} .evil"
        );
        assert_eq!(Excerpt::of(b"").as_str(), "");
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_short_printable_line(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let excerpt = Excerpt::of(&bytes);
            prop_assert!(excerpt.as_str().len() <= EXCERPT_BYTES_MAX);
            prop_assert!(excerpt.as_str().chars().all(|char| char == ' ' || char.is_ascii_graphic() || char.is_alphanumeric()));
        }
    }
}
