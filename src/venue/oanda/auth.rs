//! OANDA authentication: one long-lived token, and the account it is used for.
//!
//! Owns the token's text, wiped when it goes, and the form of account ids (OANDA reference 1). Guarantees that an
//! [`AccountId`] that exists can stand in a path, that one which plainly belongs to the other environment is refused
//! before anything is sent, and that an account linked to MT4 is refused for trading. There is no signature and no
//! expiry. Never reads a file or an environment variable.

use super::endpoint::Environment;
use crate::codec::secret::Secret;
use crate::record::InlineText;
use core::fmt;

/// Longest token taken, bytes; real ones have 65 (OANDA reference 1).
const TOKEN_BYTES_MAX: usize = 256;
/// Scheme of the header.
const SCHEME: &str = "Bearer ";

/// Why there is no token or account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Empty, too long, or with characters no token has. Not shown.
    #[error("the OANDA token is empty, too long, or not visible ASCII")]
    Token,
    /// Digits only: of the retired v1 API (OANDA reference 1).
    #[error("OANDA account `{0}` is a v1 account: v20 ids look like 101-004-1234567-001")]
    LegacyAccount(Box<str>),
    /// Not four groups of digits.
    #[error("`{0}` is no OANDA account id: they look like 101-004-1234567-001")]
    Account(Box<str>),
    /// Practice ids begin with 101, live ids with 001 (OANDA reference 1).
    #[error("OANDA account {account} is a {belongs} account, but the {chosen} environment was chosen")]
    OtherEnvironment {
        /// The account.
        account: AccountId,
        /// Where it belongs.
        belongs: Environment,
        /// What was chosen.
        chosen: Environment,
    },
    /// The token does not list it.
    #[error("OANDA account {0} is not among the accounts of this token")]
    NotOwned(AccountId),
    /// Orders of MT4 accounts belong to MT4 (OANDA reference 1).
    #[error("OANDA account {0} is linked to MetaTrader 4: it cannot be traded here, choose another one")]
    Mt4(AccountId),
}

/// A personal access token.
pub struct AccessToken {
    /// With its scheme: the value of the header.
    value: Secret<String>,
}

impl AccessToken {
    /// From its text, with white space or quotes around it as environment files have them.
    ///
    /// # Errors
    /// [`AuthError::Token`]; the text is not repeated.
    pub fn new(text: &str) -> Result<AccessToken, AuthError> {
        let text = text.trim().trim_matches(['"', '\'']).trim();
        if text.is_empty() || text.len() > TOKEN_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AuthError::Token);
        }
        // In one piece from the start: a string that grows leaves copies behind.
        let mut value = String::with_capacity(SCHEME.len().saturating_add(text.len()));
        value.push_str(SCHEME);
        value.push_str(text);
        Ok(AccessToken { value: Secret::new(value) })
    }

    /// Name and value of the header that every request carries.
    pub(super) fn header(&self) -> (&'static str, &str) {
        ("Authorization", self.value.expose_secret())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(redacted)")
    }
}

/// The id of an account: site, division, user and number, such as `101-004-1234567-001`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(InlineText<36>);

impl AccountId {
    /// Parses it.
    ///
    /// # Errors
    /// [`AuthError::LegacyAccount`], [`AuthError::Account`].
    pub fn new(text: &str) -> Result<AccountId, AuthError> {
        let text = text.trim();
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits(text) {
            return Err(AuthError::LegacyAccount(text.into()));
        }
        if text.split('-').count() != GROUPS || !text.split('-').all(digits) {
            return Err(AuthError::Account(text.into()));
        }
        InlineText::new(text).map(AccountId).map_err(|_| AuthError::Account(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The environment its first group names, if it names one.
    pub fn environment(&self) -> Option<Environment> {
        match self.as_str().split_once('-')?.0 {
            "101" => Some(Environment::Practice),
            "001" => Some(Environment::Live),
            _ => None,
        }
    }

    /// Refuses an account that plainly belongs to the other environment.
    ///
    /// # Errors
    /// [`AuthError::OtherEnvironment`].
    pub fn check(&self, chosen: Environment) -> Result<(), AuthError> {
        match self.environment() {
            Some(belongs) if belongs != chosen => Err(AuthError::OtherEnvironment { account: *self, belongs, chosen }),
            _ => Ok(()),
        }
    }
}

const GROUPS: usize = 4;

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// One account of the list a token sees (OANDA reference 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id, as sent.
    pub id: Box<str>,
    /// Linked to MetaTrader 4, by its number or by its tag.
    pub mt4: bool,
}

/// Whether orders may be sent for the account, by the token's own list of accounts.
///
/// # Errors
/// [`AuthError::NotOwned`], [`AuthError::Mt4`].
pub fn tradable(accounts: &[AccountRow], account: &AccountId) -> Result<(), AuthError> {
    match accounts.iter().find(|row| row.id.as_ref() == account.as_str()) {
        None => Err(AuthError::NotOwned(*account)),
        Some(AccountRow { mt4: true, .. }) => Err(AuthError::Mt4(*account)),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = AccessToken::new(" \"0123abcd-canary\"\n").unwrap();
        assert_eq!(token.header(), ("Authorization", "Bearer 0123abcd-canary"));
        assert!(!format!("{token:?}").contains("canary"));
        for bad in ["", "  ", "a b", "a\nb", "ü", &"x".repeat(300)] {
            assert_eq!(AccessToken::new(bad).unwrap_err(), AuthError::Token);
        }
    }

    #[test]
    fn account_ids_are_checked_in_form_and_against_the_environment() {
        let practice = AccountId::new("101-004-1234567-001").unwrap();
        assert_eq!(practice.check(Environment::Practice), Ok(()));
        assert!(matches!(practice.check(Environment::Live), Err(AuthError::OtherEnvironment { .. })));
        assert!(AccountId::new("001-001-1-001").unwrap().check(Environment::Practice).is_err());
        // Another site: nothing is known of it.
        assert_eq!(AccountId::new("000-1-2-3").unwrap().check(Environment::Live), Ok(()));
        assert!(matches!(AccountId::new("1234567"), Err(AuthError::LegacyAccount(_))));
        for bad in ["", "101-004-1234567", "101-004-12x-001", "101-004--001", "101-004-1-001/x", "1-2-3-4-5"] {
            assert!(matches!(AccountId::new(bad), Err(AuthError::Account(_))), "{bad}");
        }
    }

    #[test]
    fn only_an_own_account_without_mt4_may_trade() {
        let row = |id: &str, mt4| AccountRow { id: id.into(), mt4 };
        let rows = [row("101-004-1-001", false), row("101-004-1-002", true)];
        let account = |text| AccountId::new(text).unwrap();
        assert_eq!(tradable(&rows, &account("101-004-1-001")), Ok(()));
        assert!(matches!(tradable(&rows, &account("101-004-1-002")), Err(AuthError::Mt4(_))));
        assert!(matches!(tradable(&rows, &account("101-004-1-003")), Err(AuthError::NotOwned(_))));
    }
}
