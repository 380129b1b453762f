//! A certificate that is expired, for another name, or of an unknown authority: no connection, and the log says why.

use crate::common::{is_state, Bench};
use crate::feed::{count, upgrades, Feed};
use exchange_connectors::gateway::Channels;
use exchange_connectors::record::{ConnectionRole, ConnectionState};
use exchange_connectors::sim::coinbase::DOOR_MARKET;
use exchange_connectors::sim::server::Certificate;
use exchange_connectors::telemetry::Counter;
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One test: the log belongs to the whole process.
#[test]
fn each_wrong_certificate_is_refused_by_name_and_the_good_one_connects() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    for (certificate, words) in [
        (Certificate::Expired, "xpired"),
        (Certificate::WrongName, "wrong.invalid"),
        (Certificate::UnknownCa, "an authority that is not trusted"),
    ] {
        log.0.lock().unwrap().clear();
        let bench = Bench::new().without_credentials().channels(Channels::BOOK);
        let venue = bench.start_venue();
        venue.set_certificate(DOOR_MARKET, certificate).unwrap();
        let mut rig = bench.start_at(venue);
        rig.until_true("a failed dial", |rig| count(rig, Counter::DialFailures) >= 1);
        let open =
            |r: &exchange_connectors::record::MarketRecord| is_state(r, ConnectionRole::Market, ConnectionState::Open);
        assert!(!rig.market.iter().any(open) && upgrades(&rig) == 0, "{certificate:?}");
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let line = text.lines().find(|line| line.contains("dial failed")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains("coinbase: no connection to localhost:") && line.contains(words), "{line}");
        rig.venue.set_certificate(DOOR_MARKET, Certificate::Good).unwrap();
        Feed::of(&mut rig);
    }
}
