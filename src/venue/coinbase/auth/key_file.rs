//! Reads the JSON key file of the CDP portal.
//!
//! Owns a small reader of one flat object, because the plain JSON parser keeps the last text in its buffers and a key
//! must be wiped. Guarantees that every copy it makes is wiped. Strict about what it needs, indifferent to the rest:
//! files carry more members (`principal`, `scopes`, …) than are used.

use super::{KeyError, KeyFile};
use zeroize::Zeroizing;

/// Longest key file in bytes; real ones have under 1,000.
const FILE_BYTES_MAX: usize = 16 * 1024;

pub(super) fn read(json: &str) -> Result<KeyFile, KeyError> {
    if json.len() > FILE_BYTES_MAX {
        return Err(KeyError::TooLong {
            len: json.len(),
            max: FILE_BYTES_MAX,
        });
    }
    // Some editors put a byte order mark in front.
    let json = json.trim_start_matches('\u{feff}').trim();
    members(json).ok_or(KeyError::KeyFile)
}

fn members(json: &str) -> Option<KeyFile> {
    let mut rest = json.strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut name, mut id, mut private_key) = (None, None, None);
    while !rest.is_empty() {
        let (key, behind) = string(rest)?;
        let value = behind.trim_start().strip_prefix(':')?.trim_start();
        let behind = if value.starts_with('"') {
            let (text, behind) = string(value)?;
            match key.as_str() {
                "name" => name = Some(text),
                "id" => id = Some(text),
                "privateKey" => private_key = Some(text),
                _ => {}
            }
            behind
        } else {
            other(value)?
        };
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(next) => Some(next.trim_start()).filter(|next| !next.is_empty())?,
            None if behind.is_empty() => behind,
            None => return None,
        };
    }
    Some(KeyFile {
        name: name.or(id)?,
        private_key: private_key?,
    })
}

/// The string at the start of a text, unescaped, and what follows it.
fn string(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let inner = text.strip_prefix('"')?;
    // Unescaping only shortens: the copy never moves.
    let mut out = Zeroizing::new(String::with_capacity(inner.len()));
    let mut characters = inner.chars();
    loop {
        match characters.next()? {
            '"' => return Some((out, characters.as_str())),
            '\\' => out.push(match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits = characters.as_str().get(..4)?;
                    characters = characters.as_str().get(4..)?.chars();
                    // Surrogate pairs have no place in names or keys.
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                same @ ('"' | '\\' | '/') => same,
                _ => return None,
            }),
            character if character < ' ' => return None,
            character => out.push(character),
        }
    }
}

/// Steps over a value that is not a string; up to the comma behind it, outside strings and nested values.
fn other(text: &str) -> Option<&str> {
    let mut depth = 0_u32;
    let mut rest = text;
    loop {
        let Some(character) = rest.chars().next() else {
            return (depth == 0).then_some(rest);
        };
        match character {
            '"' => {
                rest = string(rest)?.1;
                continue;
            }
            '[' | '{' => depth = depth.checked_add(1)?,
            ']' | '}' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => return Some(rest),
            _ => {}
        }
        rest = rest.get(character.len_utf8()..)?;
    }
}
