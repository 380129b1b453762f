//! The head of a response: status, and where its headers lie.
//!
//! Owns a table of offsets into the caller's buffer, so that looking a header up costs a few comparisons and no
//! allocation. The grammar is httparse's, strict (no folded lines, no space before the colon). Never decides about the body.

use std::mem::MaybeUninit;

use super::response::HttpError;

/// Most headers a response may have. api.coinbase.com sends more than 32 through its proxy.
pub const HEADERS_MAX: usize = 128;

/// Where one header lies, in bytes from the start of the head, which is at most 64 KiB long.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    name_at: u16,
    name_bytes: u16,
    value_at: u16,
    value_bytes: u16,
}

/// The headers of one response, in the order they came. Names compare without regard to case.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'b> {
    head: &'b [u8],
    places: &'b [Place],
}

impl<'b> Headers<'b> {
    /// The value of the first header of that name, without the white space around it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    /// The same as text; `None` also if it is not ASCII.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'b str> {
        let value = self.get(name)?;
        if value.is_ascii() {
            std::str::from_utf8(value).ok()
        } else {
            None
        }
    }

    /// The same as a decimal number (`retry-after`, `x-ratelimit-*`, `x-mbx-*`); `None` if it is anything else, such as a
    /// date.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        decimal(self.get(name)?)
    }

    /// All values of that name.
    pub fn all<'s>(&self, name: &'s str) -> impl Iterator<Item = &'b [u8]> + use<'b, 's> {
        let head = self.head;
        self.places
            .iter()
            .filter(move |place| {
                usize::from(place.name_bytes) == name.len()
                    && slice(head, place.name_at, place.name_bytes)
                        .eq_ignore_ascii_case(name.as_bytes())
            })
            .map(move |place| slice(head, place.value_at, place.value_bytes))
    }

    /// Name and value of every header.
    pub fn iter(&self) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'b> {
        let head = self.head;
        self.places.iter().map(move |place| {
            (
                slice(head, place.name_at, place.name_bytes),
                slice(head, place.value_at, place.value_bytes),
            )
        })
    }

    /// True if a comma-separated list, over all headers of that name, has the token.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// The part of a head that is remembered between calls.
#[derive(Clone, Debug)]
pub(in crate::codec) struct Head {
    pub status: u16,
    /// 0 or 1: of HTTP/1.x.
    pub minor: u8,
    /// Bytes from the status line through the empty line.
    pub bytes: usize,
    places: [Place; HEADERS_MAX],
    count: usize,
}

impl Head {
    pub const fn new() -> Self {
        const NOWHERE: Place = Place {
            name_at: 0,
            name_bytes: 0,
            value_at: 0,
            value_bytes: 0,
        };
        Self {
            status: 0,
            minor: 1,
            bytes: 0,
            places: [NOWHERE; HEADERS_MAX],
            count: 0,
        }
    }

    /// The headers, given the same bytes the head was read from.
    pub fn headers<'b>(&'b self, bytes: &'b [u8]) -> Headers<'b> {
        Headers {
            head: bytes.get(..self.bytes).unwrap_or_default(),
            places: self.places.get(..self.count).unwrap_or_default(),
        }
    }

    /// Reads a head off the front of `bytes`; false if it is not all there.
    pub fn read(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
        headers_max: usize,
    ) -> Result<bool, HttpError> {
        // Offsets are 16 bits wide.
        let bytes_max = bytes_max.min(usize::from(u16::MAX));
        let looked_at = bytes.get(..bytes_max).unwrap_or(bytes);
        let mut table = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let table = table.get_mut(..headers_max).unwrap_or_default();
        let mut response = httparse::Response::new(&mut []);
        let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            looked_at,
            table,
        );
        match outcome {
            Ok(httparse::Status::Complete(head_bytes)) => self.bytes = head_bytes,
            Ok(httparse::Status::Partial) if bytes.len() >= bytes_max => {
                return Err(HttpError::HeadTooLong { bytes_max })
            }
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(HttpError::TooManyHeaders { headers_max })
            }
            Err(error) => {
                return Err(HttpError::MalformedHead {
                    what: describe(error),
                })
            }
        }
        // Both are there in a complete head.
        self.status = response.code.unwrap_or_default();
        self.minor = response.version.unwrap_or_default();
        self.count = 0;
        for (place, header) in self.places.iter_mut().zip(response.headers.iter()) {
            let name = header.name.as_bytes();
            *place = Place {
                name_at: offset(looked_at, name),
                name_bytes: short(name.len()),
                value_at: offset(looked_at, header.value),
                value_bytes: short(header.value.len()),
            };
            self.count = self.count.saturating_add(1);
        }
        Ok(true)
    }
}

/// A decimal number of ASCII digits and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn slice(head: &[u8], at: u16, bytes: u16) -> &[u8] {
    let at = usize::from(at);
    head.get(at..at.saturating_add(usize::from(bytes)))
        .unwrap_or_default()
}

/// Where `part` lies in `whole`; both come from one buffer of at most 64 KiB. (An empty value may be a slice from
/// elsewhere: any offset serves for it.)
fn offset(whole: &[u8], part: &[u8]) -> u16 {
    short(part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()))
}

fn short(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(0)
}

const fn describe(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "bad header name (or a folded line)",
        httparse::Error::HeaderValue => "bad header value",
        httparse::Error::NewLine => "bad line end",
        httparse::Error::Status => "bad status",
        httparse::Error::Version => "not HTTP/1.0 or HTTP/1.1",
        httparse::Error::Token => "bad byte in the status line",
        httparse::Error::TooManyHeaders => "too many headers",
    }
}
