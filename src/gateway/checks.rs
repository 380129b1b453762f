//! What a configuration must be before anything is started with it: each error names the setting, what is wrong, and what
//! would be right. Pure.

use super::error::GatewayError;
use crate::guard::{BreakerRules, InstrumentLimits, Limits};
use crate::journal::AuditConfig;
use crate::order::ReconcileRules;
use crate::record::{Fixed, Venue};
use std::time::{Duration, Instant};

/// Most records of one ring: 256 MB of market records a strategy.
pub(super) const RING_RECORDS_MAX: usize = 1 << 22;
/// Most blocks of all books: 2 GB.
pub(super) const BOOK_BLOCKS_MAX: usize = 1 << 20;
/// Longest time anybody waits for one answer, ms: a day.
const TIMEOUT_MS_MAX: u64 = 24 * 3_600_000;

type Checked = Result<(), GatewayError>;

/// The moment so many ms from now; a time beyond all reason counts as a year.
pub(super) fn deadline_after(timeout_ms: u64) -> Instant {
    let year = Duration::from_secs(365 * 24 * 3_600);
    Instant::now() + Duration::from_millis(timeout_ms).min(year)
}

fn wrong(setting: &'static str, why: impl Into<String>) -> Checked {
    Err(GatewayError::Setting { setting, why: why.into() })
}

/// A number of things that are allocated at the start.
pub(super) fn at_most(setting: &'static str, count: usize, most: usize) -> Checked {
    if count > most {
        return wrong(setting, format!("{count} would take too much memory: {most} is the most"));
    }
    Ok(())
}

/// A time to wait.
pub(super) fn timeout(setting: &'static str, timeout_ms: u64) -> Checked {
    match timeout_ms {
        0 => wrong(setting, "0 ms is over before it begins: give it a time"),
        1..=TIMEOUT_MS_MAX => Ok(()),
        _ => wrong(setting, format!("{timeout_ms} ms is more than a day: {TIMEOUT_MS_MAX} is the most")),
    }
}

/// Times to wait, each with its name.
pub(super) fn timeouts(settings: &[(&'static str, u64)]) -> Checked {
    settings.iter().try_for_each(|(setting, timeout_ms)| timeout(setting, *timeout_ms))
}

/// A number of which there is at least one.
pub(super) fn between(setting: &'static str, count: u64, least: u64, most: u64) -> Checked {
    if count < least || count > most {
        return wrong(setting, format!("{count} cannot work: {least} is the least, {most} the most"));
    }
    Ok(())
}

/// What is kept of what was asked and told.
pub(super) fn audit(config: &AuditConfig) -> Checked {
    if config.directory().as_os_str().is_empty() {
        return wrong("audit directory", "it has no name: an empty path would be wherever the program happens to run");
    }
    at_most("audit ring_entries", config.entries(), RING_RECORDS_MAX)
}

/// The times of reconciliation.
pub(super) fn reconcile(rules: &ReconcileRules) -> Checked {
    const SETTING: &str = "reconcile";
    let ReconcileRules { query_pause_ms_min: min, query_pause_ms_max: max, .. } = *rules;
    if min == 0 || min > max {
        let why = format!("query_pause_ms_min ({min}) must be at least 1 and at most query_pause_ms_max ({max})");
        return wrong(SETTING, why);
    }
    if rules.absences_needed == 0 {
        return wrong(SETTING, "absences_needed is 0: no listing at all would prove that an order never arrived");
    }
    if rules.absence_grace_ms == 0 {
        let why = "absence_grace_ms is 0: an order on its way would be judged by a listing that cannot have it";
        return wrong(SETTING, why);
    }
    for (name, ms) in [
        ("query_pause_ms_max", max),
        ("absence_grace_ms", rules.absence_grace_ms),
        ("absence_spacing_ms", rules.absence_spacing_ms),
        ("since_margin_ms", rules.since_margin_ms),
        ("unknown_repeat_ms", rules.unknown_repeat_ms),
        ("fills_every_ms", rules.fills_every_ms),
        ("fills_overlap_ms", rules.fills_overlap_ms),
    ] {
        if ms > TIMEOUT_MS_MAX {
            return wrong(SETTING, format!("{name}: {ms} ms is more than a day: {TIMEOUT_MS_MAX} is the most"));
        }
    }
    for (name, ms) in [("unknown_repeat_ms", rules.unknown_repeat_ms), ("fills_every_ms", rules.fills_every_ms)] {
        if ms == 0 {
            return wrong(SETTING, format!("{name} is 0: it would be asked without end"));
        }
    }
    Ok(())
}

/// The circuit breaker.
pub(super) fn breaker(rules: &BreakerRules) -> Checked {
    const SETTING: &str = "breaker";
    let BreakerRules { pause_ms_min: min, pause_ms_max: max, .. } = *rules;
    if min == 0 || min > max {
        return wrong(SETTING, format!("pause_ms_min ({min}) must be at least 1 and at most pause_ms_max ({max})"));
    }
    let zero = [
        ("window_ms", rules.window_ms),
        ("outcomes_min", rules.outcomes_min.into()),
        ("timeouts_max", rules.timeouts_max.into()),
        ("server_errors_max", rules.server_errors_max.into()),
        ("probes", rules.probes.into()),
        ("probe_ms", rules.probe_ms),
    ];
    match zero.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => wrong(SETTING, format!("{name} is 0: the least is 1")),
        None => Ok(()),
    }
}

/// Limits that could never let an order pass are a mistake.
pub(super) fn limits(limits: &Limits) -> Checked {
    const SETTING: &str = "limits";
    for of in limits.of_instruments() {
        let InstrumentLimits { order_size_max, order_notional_max, position_max, .. } = *of;
        let named = [
            ("order_size_max", order_size_max),
            ("order_notional_max", order_notional_max),
            ("position_max", position_max),
        ];
        let below_zero = |limit: Option<Fixed>| limit.is_some_and(|limit| limit.mantissa() < 0);
        if let Some((name, Some(limit))) = named.iter().find(|(_, limit)| below_zero(*limit)) {
            return wrong(SETTING, format!("{name} is {limit}: a limit below zero lets nothing pass"));
        }
    }
    for venue in Venue::ALL {
        let Some(rate) = limits.of_venue(venue).order_rate_max else { continue };
        if rate.orders == 0 || rate.orders as usize > crate::guard::LIMIT_MAX || rate.window_ms == 0 {
            let most = crate::guard::LIMIT_MAX;
            let why = format!("{venue}: order_rate_max must be 1 to {most} orders in 1 ms or more, not {rate:?}");
            return wrong(SETTING, why);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{BinanceUsConfig, CoinbaseConfig, GatewayBuilder, OandaConfig, OrderRate, VenueLimits};
    use crate::venue::{binance_us, coinbase, oanda};

    /// What the start says of a configuration.
    fn said(change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> String {
        let builder = GatewayBuilder::default().coinbase(CoinbaseConfig::default()).without_limits();
        change(builder).build().map(|_| ()).unwrap_err().to_string()
    }

    fn coinbase_stream(change: impl FnOnce(&mut coinbase::StreamConfig)) -> CoinbaseConfig {
        let mut stream = coinbase::StreamConfig::default();
        change(&mut stream);
        CoinbaseConfig::default().stream(stream)
    }

    fn binance_us_stream(change: impl FnOnce(&mut binance_us::StreamConfig)) -> BinanceUsConfig {
        let mut stream = binance_us::StreamConfig::default();
        change(&mut stream);
        BinanceUsConfig::default().stream(stream)
    }

    fn oanda() -> OandaConfig {
        OandaConfig::new("101-001-1234567-001", "a-token").unwrap()
    }

    fn oanda_streams(change: impl FnOnce(&mut oanda::StreamConfig)) -> OandaConfig {
        let mut streams = oanda::StreamConfig::default();
        change(&mut streams);
        oanda().streams(streams)
    }

    #[test]
    fn every_number_that_cannot_work_is_named_with_what_would() {
        let rules = ReconcileRules::default();
        let breaker = BreakerRules::default();
        let rate = |orders, window_ms| {
            let venue = VenueLimits { order_rate_max: Some(OrderRate { orders, window_ms }), ..VenueLimits::default() };
            Limits::new().venue(Venue::Coinbase, venue)
        };
        let below = InstrumentLimits { position_max: Some(Fixed::new(-1, 0)), ..InstrumentLimits::default() };
        let crossed = ReconcileRules { query_pause_ms_min: 10, query_pause_ms_max: 9, ..rules };
        for (text, begins) in [
            (said(|b| b.reactor_silence_ms_max(399)), "reactor_silence_ms_max: 399 ms"),
            (said(|b| b.dead_man_ms(0)), "dead_man_ms: 0 ms"),
            (said(|b| b.query_timeout_ms(0)), "query_timeout_ms: 0 ms"),
            (said(|b| b.query_timeout_ms(u64::MAX)), "query_timeout_ms: 18446744073709551615 ms is more than a day"),
            (said(|b| b.market_ring(usize::MAX)), "market_ring: 18446744073709551615 would take too much"),
            (said(|b| b.execution_ring(RING_RECORDS_MAX + 1)), "execution_ring: "),
            (said(|b| b.book_blocks(usize::MAX)), "book_blocks: "),
            (said(|b| b.reconcile(crossed)), "reconcile: query_pause_ms_min (10)"),
            (said(|b| b.reconcile(ReconcileRules { absences_needed: 0, ..rules })), "reconcile: absences_needed is 0"),
            (said(|b| b.reconcile(ReconcileRules { fills_every_ms: 0, ..rules })), "reconcile: fills_every_ms is 0"),
            (
                said(|b| b.breaker(BreakerRules { pause_ms_min: 9, pause_ms_max: 8, ..breaker })),
                "breaker: pause_ms_min (9)",
            ),
            (said(|b| b.breaker(BreakerRules { probes: 0, ..breaker })), "breaker: probes is 0"),
            (
                said(|b| b.reconcile(ReconcileRules { absence_grace_ms: 0, ..rules })),
                "reconcile: absence_grace_ms is 0",
            ),
            (
                said(|b| b.reconcile(ReconcileRules { absence_grace_ms: u64::MAX, ..rules })),
                "reconcile: absence_grace_ms: 18446744073709551615 ms is more than a day",
            ),
            (said(|b| b.audit(AuditConfig::new(""))), "audit directory: it has no name"),
            (
                said(|b| b.audit(AuditConfig::new("x").ring_entries(usize::MAX))),
                "audit ring_entries: 18446744073709551615",
            ),
            (said(|b| b.limits(rate(0, 1_000))), "limits: coinbase: order_rate_max"),
            (said(|b| b.limits(rate(1, 0))), "limits: coinbase: order_rate_max"),
            (said(|b| b.limits(Limits::new().every_instrument(below))), "limits: position_max is -1"),
            (
                said(|b| b.limits(Limits::new().instrument(Venue::Coinbase, "BTC-USD", below))),
                "limits: position_max is -1",
            ),
            (said(|b| b.coinbase(CoinbaseConfig::default().reply_timeout_ms(0))), "coinbase reply_timeout_ms: 0 ms"),
            (said(|b| b.coinbase(coinbase_stream(|s| s.silence_ms_max = 0))), "coinbase stream.silence_ms_max: 0 ms"),
            (
                said(|b| b.coinbase(coinbase_stream(|s| s.message_bytes_max = 0))),
                "coinbase stream.message_bytes_max: 0",
            ),
            (
                said(|b| b.coinbase(coinbase_stream(|s| s.market_connections_max = usize::MAX))),
                "coinbase stream.market_connections_max: 18446744073709551615",
            ),
            (
                said(|b| b.binance_us(BinanceUsConfig::default().reply_timeout_ms(0))),
                "binance_us reply_timeout_ms: 0 ms",
            ),
            (
                said(|b| b.binance_us(binance_us_stream(|s| s.silence_ms_max = 0))),
                "binance_us stream.silence_ms_max: 0",
            ),
            (
                said(|b| b.binance_us(binance_us_stream(|s| s.replace_after_ms = 0))),
                "binance_us stream.replace_after_ms: 0",
            ),
            (said(|b| b.oanda(oanda().reply_timeout_ms(0))), "oanda reply_timeout_ms: 0 ms"),
            (said(|b| b.oanda(oanda_streams(|s| s.silence_ms_max = 0))), "oanda streams.silence_ms_max: 0 ms"),
            (
                said(|b| b.oanda(oanda_streams(|s| s.first_price_ms_max = u64::MAX))),
                "oanda streams.first_price_ms_max: 18446744073709551615 ms is more than a day",
            ),
        ] {
            assert!(text.starts_with(begins), "{text}");
        }
    }

    #[test]
    fn no_timeout_is_too_long_to_wait_for() {
        assert!(deadline_after(u64::MAX) > Instant::now() + Duration::from_secs(3_600));
    }
}
