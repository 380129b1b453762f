use super::super::super::testing::{instrument, Ear, Told};
use super::super::tests::frame;
use super::*;
use crate::record::GapCause;
use crate::venue::{Anomaly, GapScope};

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);
const REPORT: &str = r#"{"e":"executionReport","E":1,"s":"BTCUSD","c":"a","S":"BUY","o":"LIMIT","q":"1.0","p":"2.0","C":"","x":"NEW","X":"NEW","r":"NONE","i":4,"l":"0.0","z":"0.0","L":"0","n":"0","N":null,"T":1,"t":-1,"Z":"0","Y":"0"}"#;

fn open() -> (UserSession, Ear) {
    let (mut session, mut ear) = (UserSession::new(StreamConfig::default()), Ear::default());
    session.know(&instrument(0, "BTCUSD"));
    session.opened(NOW, &mut ear);
    assert_eq!(ear.take(), [Told::Stream(StreamFact::UserSnapshotComplete)]);
    (session, ear)
}

#[test]
fn both_envelopes_are_read_and_an_unreadable_event_is_a_gap_but_not_the_end() {
    let (mut session, mut ear) = open();
    let combined = format!(r#"{{"stream":"thekey","data":{REPORT}}}"#);
    for text in [REPORT, &combined] {
        session.bytes(NOW, &mut frame(text), &mut ear).unwrap();
        assert!(matches!(&ear.take()[..], [Told::Order(_)]), "{text}");
    }
    for text in [REPORT.replace(r#""i":4,"#, ""), combined.replace(r#""i":4,"#, ""), "{".into()] {
        session.bytes(NOW, &mut frame(&text), &mut ear).unwrap();
        assert_eq!(ear.gaps(), [(GapScope::Connection, GapCause::Malformed, 1)], "{text}");
        ear.take();
    }
}

#[test]
fn an_expired_key_and_silence_end_the_connection() {
    let (mut session, mut ear) = open();
    let expired = r#"{"e":"listenKeyExpired","E":1699596037418,"listenKey":"k"}"#;
    assert!(matches!(session.bytes(NOW, &mut frame(expired), &mut ear), Err(SessionError::Resync(_))));
    let (mut session, mut ear) = open();
    session.bytes(NOW, &mut frame(r#"{"e":"serverShutdown","E":1}"#), &mut ear).unwrap();
    assert_eq!(session.replace_at(), Some(NOW));
    let late = session.deadline().unwrap();
    assert!(matches!(session.time(late, &mut ear), Err(SessionError::Silent { .. })));
    session.closed();
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_binary_message_is_told_once_in_however_many_pieces_it_comes() {
    for fragments in [&[&[0x82, 3, 1, 2, 3][..]][..], &[&[0x02, 2, 1, 2], &[0x00, 2, 3, 4], &[0x80, 1, 5]]] {
        let wire = fragments.concat();
        for piece in [wire.len(), 1] {
            let (mut session, mut ear) = open();
            let mut unread = Vec::new();
            for bytes in wire.chunks(piece) {
                unread.extend_from_slice(bytes);
                let consumed = session.bytes(NOW, &mut unread, &mut ear).unwrap().consumed;
                unread.drain(..consumed);
            }
            assert!(unread.is_empty());
            let told = ear.take();
            assert!(
                matches!(&told[..], [Told::Anomaly(Anomaly::Malformed, text)] if text == "binary message"),
                "{told:?}"
            );
        }
    }
}
