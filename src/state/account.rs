//! Which account: a venue, where it is reached, and the key, as one file name.

use crate::record::Venue;
use sha2::{Digest, Sha256};

/// Bytes of the digest that go into a name: no two of the accounts one user has will ever share them.
const DIGEST_BYTES: usize = 8;

/// An account at a venue, as this machine tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    venue: Venue,
    name: String,
}

impl Account {
    /// The account that `key_id` (the public name of an API key, no secret) opens at `authority` (`host:port` of the
    /// venue's REST API). Two keys are two accounts here, even where the venue books them together.
    pub fn new(venue: Venue, authority: &str, key_id: &str) -> Account {
        let mut digest = Sha256::new();
        digest.update(authority.as_bytes());
        digest.update([0]);
        digest.update(key_id.as_bytes());
        let digest = digest.finalize();
        let mut name = format!("{}-", venue.name());
        for byte in digest.iter().take(DIGEST_BYTES) {
            use std::fmt::Write as _;
            let _ = write!(name, "{byte:02x}");
        }
        Account { venue, name }
    }

    /// Where.
    pub const fn venue(&self) -> Venue {
        self.venue
    }

    /// What its files are called: the venue's name and a digest.
    pub fn name(&self) -> &str {
        &self.name
    }
}
