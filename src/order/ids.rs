//! Client order ids: unique across strategies, runs and restarts, and readable back.
//!
//! Owns the text form `<prefix>-<session epoch>-<request>`, both numbers in lower-case base 36 without leading zeros:
//! at most 36 characters of `[A-Za-z0-9-]`, accepted by every venue. Two different (epoch, request) pairs never share
//! a text and a text has at most one reading. Never allocates; the epoch is an argument, its persistence is not here.

use crate::record::{ClientOrderId, RequestId, UnixNanos};
use std::sync::Arc;

/// Most characters of a prefix: what two base-36 numbers of 64 bits and two dashes leave of 36.
pub const PREFIX_CHARS_MAX: usize = 8;
/// Digits of `u64::MAX` in base 36.
const DIGITS_MAX: usize = 13;
/// Most characters of an id.
const ID_CHARS_MAX: usize = 36;
const _: () = assert!(PREFIX_CHARS_MAX + 1 + DIGITS_MAX + 1 + DIGITS_MAX == ID_CHARS_MAX);

/// The prefix cannot stand before our ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order id prefix `{0}` is not 1 to {PREFIX_CHARS_MAX} characters of A-Z, a-z, 0-9")]
pub struct BadPrefix(String);

/// Makes and reads the client order ids of one session.
#[derive(Debug, Clone)]
pub struct ClientOrderIds {
    /// `<prefix>-`.
    prefix: ClientOrderId,
    epoch: u64,
    /// Of the dead sessions whose orders are ours, ascending.
    earlier: Arc<[u64]>,
    /// Up to when they told what was executed.
    told_until: UnixNanos,
}

impl ClientOrderIds {
    /// Ids of the session `epoch`, beginning with `prefix`.
    ///
    /// # Errors
    /// [`BadPrefix`] unless it is 1 to [`PREFIX_CHARS_MAX`] ASCII letters and digits.
    pub fn new(prefix: &str, epoch: u64) -> Result<ClientOrderIds, BadPrefix> {
        let fits = (1..=PREFIX_CHARS_MAX).contains(&prefix.len());
        if !fits || !prefix.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(BadPrefix(prefix.into()));
        }
        let prefix = ClientOrderId::new(&format!("{prefix}-")).map_err(|_| BadPrefix(prefix.into()))?;
        Ok(ClientOrderIds { prefix, epoch, earlier: Arc::new([]), told_until: UnixNanos::NONE })
    }

    /// The same, knowing the sessions before this one, which told what was executed up to about `told_until`: only what
    /// they placed is ours, too.
    #[must_use]
    pub fn after(self, earlier: &[u64], told_until: UnixNanos) -> ClientOrderIds {
        let mut earlier = earlier.to_vec();
        earlier.retain(|epoch| *epoch != self.epoch);
        earlier.sort_unstable();
        ClientOrderIds { earlier: earlier.into(), told_until, ..self }
    }

    /// Whether any session before this one is known.
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// Up to when the sessions before this one told what was executed; `NONE` if there was none.
    pub const fn told_until(&self) -> UnixNanos {
        self.told_until
    }

    /// The request of a known dead session that placed the order of an id; `None` for every other id.
    pub fn dead_request_of(&self, id: &ClientOrderId) -> Option<RequestId> {
        let (epoch, request) = self.parse(id)?;
        self.earlier.binary_search(&epoch).ok().map(|_| request)
    }

    /// The id of the order that `request` places.
    pub fn id_of(&self, request: RequestId) -> ClientOrderId {
        let mut text = arrayvec::ArrayString::<ID_CHARS_MAX>::new();
        let _fits = text.try_push_str(self.prefix.as_str());
        push_base36(&mut text, self.epoch);
        let _fits = text.try_push('-');
        push_base36(&mut text, request.0);
        // Fits: asserted at compile time above.
        ClientOrderId::truncated(&text)
    }

    /// Whether an id has our prefix and our form, of this session or an earlier one.
    pub fn is_ours_by_prefix(&self, id: &ClientOrderId) -> bool {
        self.parse(id).is_some()
    }

    /// Whether an id was made by this session.
    pub fn of_this_session(&self, id: &ClientOrderId) -> bool {
        self.request_of(id).is_some()
    }

    /// The request that placed the order of an id of this session; `None` for every other id.
    pub fn request_of(&self, id: &ClientOrderId) -> Option<RequestId> {
        self.parse(id).filter(|(epoch, _)| *epoch == self.epoch).map(|(_, request)| request)
    }

    /// The epoch of the session that made an id of our prefix.
    pub fn epoch_of(&self, id: &ClientOrderId) -> Option<u64> {
        self.parse(id).map(|(epoch, _)| epoch)
    }

    fn parse(&self, id: &ClientOrderId) -> Option<(u64, RequestId)> {
        let (epoch, request) = id.as_str().strip_prefix(self.prefix.as_str())?.split_once('-')?;
        Some((parse_base36(epoch)?, RequestId(parse_base36(request)?)))
    }
}

fn push_base36(text: &mut arrayvec::ArrayString<ID_CHARS_MAX>, mut value: u64) {
    let mut digits = [0u8; DIGITS_MAX];
    let mut used = 0usize;
    for place in digits.iter_mut().rev() {
        let digit = (value % 36) as u8;
        *place = if digit < 10 { digit.saturating_add(b'0') } else { digit.saturating_add(b'a').saturating_sub(10) };
        used = used.saturating_add(1);
        value /= 36;
        if value == 0 {
            break;
        }
    }
    for &digit in digits.iter().skip(DIGITS_MAX.saturating_sub(used)) {
        let _fits = text.try_push(char::from(digit));
    }
}

/// Only the canonical form, so that a text has one reading and a value one text.
fn parse_base36(text: &str) -> Option<u64> {
    if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.bytes().try_fold(0u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        value.checked_mul(36)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::StrategyId;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_readable() {
        let ids = ClientOrderIds::new("xc", 7).unwrap();
        assert_eq!(ids.id_of(RequestId::new(StrategyId(0), 36)).as_str(), "xc-7-10");
        assert_eq!(ids.id_of(RequestId(u64::MAX)).as_str(), "xc-7-3w5e11264sgsf");
    }

    #[test]
    fn a_dead_session_is_ours_only_if_it_is_known() {
        let ids = ClientOrderIds::new("xc", 9).unwrap().after(&[7, 9, 3], UnixNanos(1));
        let id = |text| ClientOrderId::new(text).unwrap();
        assert_eq!(ids.dead_request_of(&id("xc-7-10")), Some(RequestId(36)));
        assert_eq!(ids.dead_request_of(&id("xc-3-1")), Some(RequestId(1)));
        for other in ["xc-8-1", "xc-9-1", "yc-7-1", "xc-7-01"] {
            assert_eq!(ids.dead_request_of(&id(other)), None, "{other}");
        }
    }

    #[test]
    fn a_bad_prefix_is_refused() {
        for bad in ["", "x-c", "x_c", "ninechars", "ü"] {
            assert!(ClientOrderIds::new(bad, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_our_own_form_is_ours() {
        let ids = ClientOrderIds::new("xc", 7).unwrap();
        for other in [
            "",
            "xc",
            "xc-",
            "xc-7",
            "xc-7-",
            "xc--1",
            "xc-07-1",
            "xc-7-01",
            "xc-7-A",
            "xc-7-1-1",
            "xd-7-1",
            "xc-7-3w5e11264sgsg",
            "XC-7-1",
            "0f3c-uuid",
        ] {
            assert!(!ids.is_ours_by_prefix(&ClientOrderId::new(other).unwrap()), "{other}");
        }
        let earlier = ClientOrderId::new("xc-6-1").unwrap();
        assert!(ids.is_ours_by_prefix(&earlier) && !ids.of_this_session(&earlier));
        assert_eq!(ids.epoch_of(&earlier), Some(6));
    }

    proptest! {
        #[test]
        fn every_id_reads_back_and_is_valid_at_every_venue(
            prefix in "[A-Za-z0-9]{1,8}", epoch in any::<u64>(), request in any::<u64>()
        ) {
            let ids = ClientOrderIds::new(&prefix, epoch).unwrap();
            let id = ids.id_of(RequestId(request));
            prop_assert!(id.as_str().len() <= 36);
            prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            prop_assert_eq!(ids.request_of(&id), Some(RequestId(request)));
            prop_assert_eq!(ids.epoch_of(&id), Some(epoch));
            prop_assert!(ids.of_this_session(&id));
        }

        #[test]
        fn what_reads_as_ours_is_exactly_what_we_would_write(text in "xc-[0-9a-zA-Z]{0,3}-?[0-9a-zA-Z-]{0,4}") {
            let ids = ClientOrderIds::new("xc", 1).unwrap();
            let id = ClientOrderId::new(&text).unwrap();
            if let Some(epoch) = ids.epoch_of(&id) {
                let session = ClientOrderIds::new("xc", epoch).unwrap();
                let request = session.request_of(&id).unwrap();
                prop_assert_eq!(session.id_of(request), id);
            }
        }
    }
}
