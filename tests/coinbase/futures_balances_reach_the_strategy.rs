//! Coinbase's `futures_balance_summary` (reference 6.9), asked for on purpose, over the user connection.

use crate::common::Bench;
use crate::feed::count;
use exchange_connectors::record::{InstrumentId, MarginLevel, MarginWindow, StatisticsView};
use exchange_connectors::telemetry::Counter;
use exchange_connectors::venue::coinbase::StreamConfig;

#[test]
fn every_strategy_hears_of_the_account_whatever_it_listens_to() {
    let stream = StreamConfig { futures_balance: true, ..StreamConfig::default() };
    let mut rig = Bench::new().coinbase(move |config| config.stream(stream)).start();
    let windows = rig.until("balances and margins", |rig| {
        let balance = |view| matches!(view, StatisticsView::FuturesBalance(balance) if balance.total_usd.is_some());
        let margin = |view| if let StatisticsView::FuturesMargin(margin) = view { Some(margin) } else { None };
        let margins: Vec<_> = rig.statistics.iter().filter_map(|r| margin(r.view())).collect();
        (rig.statistics.iter().any(|r| balance(r.view())) && margins.len() == 3).then_some(margins)
    });
    use MarginWindow::{Current, Intraday, Overnight};
    assert_eq!(windows.iter().map(|margin| margin.window).collect::<Vec<_>>(), [Current, Intraday, Overnight]);
    assert_eq!(windows[1].level, MarginLevel::Base);
    assert!(rig.statistics.iter().all(|record| record.instrument() == InstrumentId::NONE));
    assert_eq!((count(&rig, Counter::Anomalies), count(&rig, Counter::SubscriptionsWrong)), (0, 0));
}
