//! Once everything runs, neither market data nor orders make the engine allocate.
//!
//! Counted on this thread, in our own code: parsing, books, orders, records, request bytes. Excluded is what belongs to
//! others: TLS (one buffer per record) and the signing of tokens on the keeper's thread.
#![allow(clippy::unwrap_used)]

#[path = "../benches/common/mod.rs"]
mod common;

use common::coinbase::{frame, one_trade, three_levels};
use common::engine::{Running, MARKET, NOW};
use common::trading::Trading;
use exchange_connectors::engine::Input;
use exchange_connectors::journal::verify::{verify, Rules};
use exchange_connectors::journal::{AuditConfig, AuditEnd, Journal, Names};
use exchange_connectors::keeper::Clock;
use exchange_connectors::record::{AssetId, Instrument, InstrumentId};
use std::sync::Arc;

/// Inputs before the counting begins: buffers grow to their size.
const WARM_UP: usize = 200;
const COUNTED: usize = 200;

#[test]
fn book_updates_and_trades_allocate_nothing() {
    let mut running = Running::with_book(false);
    for make in [three_levels as fn(u64) -> String, one_trade] {
        let mut frames: Vec<Vec<u8>> =
            (0..WARM_UP + COUNTED).map(|i| frame(&make(running.sequence + i as u64))).collect();
        running.sequence += frames.len() as u64;
        let (warm_up, counted) = frames.split_at_mut(WARM_UP);
        let read = |running: &mut Running, frames: &mut [Vec<u8>]| {
            let mut records = 0;
            for plain in frames {
                running.engine.apply(NOW, Input::Bytes { conn: MARKET, plain }, &mut running.out);
                records += running.drain();
            }
            records
        };
        read(&mut running, warm_up);
        let mut records = 0;
        let allocations = allocation_counter::measure(|| records = read(&mut running, counted));
        assert!(records >= COUNTED, "{records} records");
        assert_eq!(allocations.count_total, 0, "{} bytes", allocations.bytes_total);
    }
}

#[test]
fn prepared_orders_allocate_nothing_once_they_are_in_their_slot() {
    let mut trading = Trading::new();
    let slot = trading.fill_slot();
    for round in 0..WARM_UP + COUNTED {
        let mut prepared = trading.prepare_from(slot);
        let allocations = allocation_counter::measure(|| {
            trading.send(&prepared);
            trading.settle(&mut prepared);
        });
        assert_eq!(trading.take().0, 1, "the order was filled");
        assert!(round < WARM_UP || allocations.count_total == 0, "{} bytes", allocations.bytes_total);
    }
}

/// Names of nothing: the journal's thread is not what is measured.
struct Nameless;

impl Names for Nameless {
    fn instrument(&self, _: InstrumentId) -> Option<Arc<Instrument>> {
        None
    }

    fn asset(&self, _: AssetId) -> Option<String> {
        None
    }
}

#[test]
fn orders_allocate_nothing_with_an_audit_log_either() {
    let directory = std::env::temp_dir().join(format!("exchange-connectors-steady-{}", std::process::id()));
    let config = AuditConfig::new(&directory);
    let (journal, tap, _) = Journal::start(&config, Box::new(Nameless), Clock::start().0).unwrap();
    orders_allocate_nothing(&mut Trading::audited(tap));
    assert_eq!(journal.end(), AuditEnd::Complete);
    let report = verify(std::slice::from_ref(&directory), Rules::default()).unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!((report.commands.get("place"), report.lost), (Some(&((WARM_UP + COUNTED) as u64)), 0), "{report}");
}

#[test]
fn orders_allocate_nothing_from_command_to_fill() {
    orders_allocate_nothing(&mut Trading::new());
}

fn orders_allocate_nothing(trading: &mut Trading) {
    trading.round(WARM_UP);
    for _ in 0..COUNTED {
        let mut prepared = trading.prepare();
        let allocations = allocation_counter::measure(|| {
            trading.send(&prepared);
            trading.settle(&mut prepared);
        });
        assert_eq!(trading.take().0, 1, "the order was filled");
        assert_eq!(allocations.count_total, 0, "{} bytes", allocations.bytes_total);
    }
}
