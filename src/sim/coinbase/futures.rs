//! `futures_balance_summary` (Coinbase reference 6.9) of an account that trades no futures: the form, all at zero.

use crate::sim::Json;

/// The event of a subscription.
pub(crate) fn snapshot() -> String {
    let measure = |kind: &'static str| {
        move |j: &mut Json| {
            j.str("margin_window_type", kind)
                .str("margin_level", "MARGIN_LEVEL_TYPE_BASE")
                .str("initial_margin", "0")
                .str("maintenance_margin", "0")
                .str("liquidation_buffer_percentage", "1000")
                .str("total_hold", "0")
                .str("futures_buying_power", "0");
        }
    };
    Json::compact().object(|j| {
        j.str("type", "snapshot").obj("fcm_balance_summary", |j| {
            for key in [
                "futures_buying_power",
                "total_usd_balance",
                "cbi_usd_balance",
                "cfm_usd_balance",
                "total_open_orders_hold_amount",
                "unrealized_pnl",
                "daily_realized_pnl",
                "initial_margin",
                "available_margin",
                "liquidation_threshold",
                "liquidation_buffer_amount",
            ] {
                j.str(key, "0.00");
            }
            j.str("liquidation_buffer_percentage", "1000")
                .obj("intraday_margin_window_measure", measure("FCM_MARGIN_WINDOW_TYPE_INTRADAY"))
                .obj("overnight_margin_window_measure", measure("FCM_MARGIN_WINDOW_TYPE_OVERNIGHT"));
        });
    })
}
