//! `futures_balance_summary` (Coinbase reference 6.9).

use super::*;
use crate::record::{FuturesBalance, FuturesMargin, MarginLevel, MarginWindow};
use crate::venue::{FuturesFact, FuturesFigures};

fn message(summary: &str) -> String {
    format!(
        r#"{{"channel":"futures_balance_summary","client_id":"","timestamp":"2026-09-30T02:39:53.407329Z","sequence_num":0,"events":[{{"type":"snapshot","fcm_balance_summary":{{{summary}}}}}]}}"#
    )
}

const SUMMARY: &str = r#""futures_buying_power":"100.00","total_usd_balance":"250.5","cbi_usd_balance":"50","cfm_usd_balance":"200.5","total_open_orders_hold_amount":"0.00","unrealized_pnl":"-3.25","daily_realized_pnl":"0","initial_margin":"80","available_margin":"120.5","liquidation_threshold":"40","liquidation_buffer_amount":"160.5","liquidation_buffer_percentage":"1000","intraday_margin_window_measure":{"margin_window_type":"FCM_MARGIN_WINDOW_TYPE_INTRADAY","margin_level":"MARGIN_LEVEL_TYPE_WARNING","initial_margin":"80","maintenance_margin":"","liquidation_buffer_percentage":"900","total_hold":"1","futures_buying_power":"99"},"overnight_margin_window_measure":null"#;

fn figure(text: &str) -> Option<Fixed> {
    Some(Fixed::parse(text).unwrap())
}

#[test]
fn balances_and_each_margin_window_that_is_there_are_told() {
    let told = Feed::new().told(&message(SUMMARY));
    let fact = |figures| Told::Futures(FuturesFact { figures, venue_time: TIME, sequence: 0, snapshot: true });
    let balance = FuturesBalance {
        buying_power: figure("100"),
        total_usd: figure("250.5"),
        spot_usd: figure("50"),
        futures_usd: figure("200.5"),
        open_orders_hold: figure("0"),
        unrealized_pnl: figure("-3.25"),
        daily_realized_pnl: figure("0"),
        initial_margin: figure("80"),
        available_margin: figure("120.5"),
        liquidation_threshold: figure("40"),
    };
    let now = FuturesMargin {
        liquidation_buffer: figure("160.5"),
        liquidation_buffer_percent: figure("1000"),
        ..FuturesMargin::default()
    };
    let intraday = FuturesMargin {
        window: MarginWindow::Intraday,
        level: MarginLevel::Warning,
        initial_margin: figure("80"),
        liquidation_buffer_percent: figure("900"),
        total_hold: figure("1"),
        buying_power: figure("99"),
        ..FuturesMargin::default()
    };
    let margins = [now, intraday].map(|margin| fact(FuturesFigures::Margin(margin)));
    assert_eq!(told, [&[fact(FuturesFigures::Balance(balance))][..], &margins[..]].concat());
}

#[test]
fn a_figure_that_is_none_is_a_hole_and_counted_and_an_unknown_level_as_well() {
    let text = SUMMARY.replace("\"250.5\"", "\"much\"").replace("TYPE_WARNING", "TYPE_PANIC");
    let told = Feed::new().told(&message(&text));
    let kinds: Vec<_> =
        told.iter().filter_map(|t| if let Told::Anomaly(kind, _) = t { Some(*kind) } else { None }).collect();
    assert_eq!(kinds, [Anomaly::Number, Anomaly::UnknownValue]);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Futures(_))).count(), 3);
}
