use super::super::testing::{account, instrument, token, Ear, Told, NOW};
use super::*;
use crate::codec::test_captures;
use crate::record::{BookSide, GapCause, InstrumentId, TradingStatus};
use crate::venue::{Anomaly, GapScope};
use proptest::prelude::*;

const BOTH: Channels = Channels::BOOK.with(Channels::TICKER);

fn session(role: StreamRole) -> StreamSession {
    let endpoint = super::super::OandaEndpoints::practice().stream;
    StreamSession::new(role, &endpoint, account(), Arc::new(token()), StreamConfig::default()).unwrap()
}

fn pricing() -> StreamSession {
    let mut session = session(StreamRole::Pricing);
    for (id, name) in ["EUR_USD", "USD_JPY"].into_iter().enumerate() {
        session.want(&instrument(id as u32, name), BOTH).unwrap();
    }
    session
}

fn transactions() -> StreamSession {
    let mut session = session(StreamRole::Transactions);
    session.know(&instrument(0, "EUR_USD"));
    session
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\nRequestID: 1\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn price(name: &str, bid: &str) -> String {
    format!(
        r#"{{"type":"PRICE","time":"2026-03-04T10:11:11.900000000Z","bids":[{{"price":"{bid}","liquidity":500000}}],"asks":[{{"price":"155.00000","liquidity":500000}}],"closeoutBid":"1.20001","closeoutAsk":"1.20032","status":"tradeable","tradeable":true,"instrument":"{name}"}}"#
    ) + "\n"
}

/// Everything the session makes of these bytes, fed in the given parts, each call repeated while there is more.
fn feed(
    session: &mut StreamSession,
    ledger: &mut Ledger,
    ear: &mut Ear,
    wire: &[u8],
    parts: &[usize],
) -> Result<(), SessionError> {
    let mut unread: Vec<u8> = Vec::new();
    let (mut rest, mut parts) = (wire, parts.iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at((*parts.next().unwrap()).min(rest.len()));
        unread.extend_from_slice(now);
        rest = later;
        loop {
            let progress = session.bytes(NOW, &mut unread, ledger, ear)?;
            unread.drain(..progress.consumed);
            if !progress.more {
                break;
            }
        }
    }
    Ok(())
}

fn run(session: &mut StreamSession, wire: &str) -> (Vec<Told>, Result<(), SessionError>, Ledger) {
    let (mut ledger, mut ear) = (Ledger::new(), Ear::default());
    ledger.begin(100);
    session.opened(NOW, &mut ear).unwrap();
    let result = feed(session, &mut ledger, &mut ear, wire.as_bytes(), &[usize::MAX]);
    (ear.take(), result, ledger)
}

#[test]
fn the_request_names_the_instruments_and_carries_the_token() {
    let (mut session, mut ear) = (pricing(), Ear::default());
    session.opened(NOW, &mut ear).unwrap();
    assert_eq!(
        ear.take_sent(),
        concat!(
            "GET /v3/accounts/101-001-7654321-001/pricing/stream?instruments=EUR_USD%2CUSD_JPY HTTP/1.1\r\n",
            "Host: stream-fxpractice.oanda.com\r\nUser-Agent: exchange-connectors/",
            env!("CARGO_PKG_VERSION"),
            "\r\nAccept-Datetime-Format: RFC3339\r\nAuthorization: Bearer throwaway-test-token\r\n\r\n"
        )
    );
    let mut account_stream = transactions();
    account_stream.opened(NOW, &mut ear).unwrap();
    assert!(ear.take_sent().starts_with("GET /v3/accounts/101-001-7654321-001/transactions/stream HTTP/1.1\r\n"));
    assert!(!format!("{session:?}").contains("throwaway"));
    let mut nothing = self::session(StreamRole::Pricing);
    assert!(matches!(nothing.opened(NOW, &mut ear), Err(SessionError::Refused(_))));
}

#[test]
fn prices_make_it_healthy_and_a_missing_one_is_announced() {
    let mut session = pricing();
    let wire = HEAD.to_owned() + &chunk(&price("EUR_USD", "1.2"));
    let (told, result, _) = run(&mut session, &wire);
    assert_eq!(result, Ok(()));
    assert!(told.iter().any(|t| matches!(t, Told::Level(BookSide::Bid, 120_000_000, _))));
    assert!(!session.healthy(), "one price is still to come");
    let mut ear = Ear::default();
    let late = NOW.plus_ms(limits::FIRST_PRICE_MS_MAX - 1);
    let mut ledger = Ledger::new();
    session.bytes(late, &mut chunk("\r\n").into_bytes(), &mut ledger, &mut ear).unwrap();
    session.time(late.plus_ms(1), &mut ear).unwrap();
    let missing = Subscription { channel: SubscribedChannel::Book, difference: Difference::Missing };
    let missing = StreamFact::NotAsAsked(InstrumentId(1), missing);
    assert_eq!(ear.take(), [Told::Stream(missing)]);
    assert!(session.healthy());
    let second = session.bytes(late, &mut chunk(&price("USD_JPY", "150.1")).into_bytes(), &mut ledger, &mut ear);
    assert!(second.is_ok() && ear.told.iter().any(|t| matches!(t, Told::Status(_, TradingStatus::Online, _))));
}

#[test]
fn silence_ends_the_stream_and_any_line_is_life() {
    let (mut session, mut ear, mut ledger) = (pricing(), Ear::default(), Ledger::new());
    let deadline = session.opened(NOW, &mut ear).unwrap().unwrap();
    assert_eq!(deadline, NOW.plus_ms(limits::SILENCE_MS_MAX));
    session.bytes(NOW, &mut HEAD.as_bytes().to_vec(), &mut ledger, &mut ear).unwrap();
    let heartbeat = chunk("{\"type\":\"HEARTBEAT\",\"time\":\"2026-03-04T10:11:16.000000001Z\"}\r\n");
    session.bytes(NOW.plus_ms(9_000), &mut heartbeat.into_bytes(), &mut ledger, &mut ear).unwrap();
    assert!(session.time(NOW.plus_ms(18_999), &mut ear).is_ok());
    assert_eq!(session.time(NOW.plus_ms(19_000), &mut ear), Err(SessionError::Silent { silent_ms: 10_000 }));
    session.closed();
    assert_eq!((session.deadline(), session.time(NOW, &mut ear)), (None, Ok(None)));
}

#[test]
fn a_line_or_a_refusal_that_comes_byte_by_byte_without_an_end_is_silence() {
    for head in [HEAD, "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n"] {
        let (mut session, mut ear, mut ledger) = (pricing(), Ear::default(), Ledger::new());
        session.opened(NOW, &mut ear).unwrap();
        session.bytes(NOW, &mut head.as_bytes().to_vec(), &mut ledger, &mut ear).unwrap();
        for second in 1..12 {
            let mut byte = chunk("{").into_bytes();
            session.bytes(NOW.plus_ms(second * 1_000), &mut byte, &mut ledger, &mut ear).unwrap();
        }
        assert!(session.time(NOW.plus_ms(12_000), &mut ear).is_err(), "{head}");
    }
}

#[test]
fn a_new_instrument_outdates_the_stream_which_goes_on_and_one_less_does_not() {
    let mut session = pricing();
    let _ = run(&mut session, &(HEAD.to_owned() + &chunk(&price("EUR_USD", "1.2"))));
    let mut ear = Ear::default();
    session.unwant(InstrumentId(1), BOTH);
    assert!(!session.is_outdated() && session.healthy(), "what is unwanted is not waited for");
    assert_eq!(session.want(&instrument(2, "GBP_USD"), Channels::TRADES), Err(WantError::NoTrades));
    session.want(&instrument(2, "GBP_USD"), Channels::BOOK).unwrap();
    assert!(session.is_outdated() && session.time(NOW, &mut ear).is_ok());
    let mut ledger = Ledger::new();
    session.bytes(NOW, &mut chunk(&price("EUR_USD", "1.3")).into_bytes(), &mut ledger, &mut ear).unwrap();
    assert!(ear.take().iter().any(|told| matches!(told, Told::Level(BookSide::Bid, 130_000_000, _))));
    assert_eq!((session.brings(InstrumentId(0)), session.brings(InstrumentId(2))), (true, false));
    session.opened(NOW, &mut ear).unwrap();
    assert!(ear.take_sent().contains("EUR_USD%2CGBP_USD"));
    assert_eq!((session.is_outdated(), session.wanted(InstrumentId(2))), (false, Channels::BOOK));
}

#[test]
fn an_instrument_wanted_again_needs_a_new_picture() {
    let mut session = pricing();
    let _ = run(&mut session, &(HEAD.to_owned() + &chunk(&price("EUR_USD", "1.2"))));
    session.unwant(InstrumentId(0), BOTH);
    session.want(&instrument(0, "EUR_USD"), Channels::BOOK).unwrap();
    assert!(session.is_outdated(), "in a quiet market nothing more would come over this stream");
}

#[test]
fn refusals_say_what_was_said() {
    for (status, body, expected) in [
        ("401 Unauthorized", r#"{"errorMessage":"Insufficient authorization to perform request."}"#, "HTTP 401"),
        ("403 Forbidden", r#"{"errorMessage":"The provided request was forbidden."}"#, "was forbidden"),
        ("520 Unknown", "<html><head><title>Web server is down</title></head>", "HTTP 520 Web server is down"),
        ("307 Temporary Redirect", "", "HTTP 307"),
        ("429 Too Many Requests", "slow down", "HTTP 429 slow down"),
    ] {
        let wire =
            format!("HTTP/1.1 {status}\r\nLocation: https://elsewhere\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut session = pricing();
        let (told, result, _) = run(&mut session, &wire);
        let Err(SessionError::Refused(text)) = result else { panic!("{status}: {result:?}") };
        assert!(text.contains(expected), "{text}");
        assert_eq!(told, []);
        assert!(!session.healthy());
    }
    // A page without an end ends with the connection.
    let mut session = pricing();
    assert_eq!(run(&mut session, "HTTP/1.1 502 Bad Gateway\r\n\r\n<title>Bad</title>").1, Ok(()));
    assert_eq!(session.eof(), SessionError::Refused("HTTP 502 Bad".into()));
}

#[test]
fn the_end_of_a_stream_is_the_end_of_its_connection() {
    let mut session = pricing();
    let (_, result, _) = run(&mut session, &(HEAD.to_owned() + "0\r\n\r\n"));
    assert_eq!(result, Err(SessionError::ClosedByPeer("the stream ended".into())));
    // The server in the wild leaves the last chunk out (OANDA reference 6).
    let mut cut = pricing();
    assert_eq!(run(&mut cut, HEAD).1, Ok(()));
    assert!(matches!(cut.eof(), SessionError::ClosedByPeer(_)));
    let mut broken = pricing();
    assert!(matches!(run(&mut broken, &(HEAD.to_owned() + "xyz")).1, Err(SessionError::Protocol(_))));
}

#[test]
fn transactions_are_applied_once_and_a_heartbeat_shows_what_is_missing() {
    let cancel = |id: u64| {
        format!(
            "{{\"id\":\"{id}\",\"batchID\":\"{id}\",\"time\":\"2026-03-04T10:11:12.000000000Z\",\"type\":\"ORDER_CANCEL\",\"orderID\":\"50\",\"reason\":\"CLIENT_REQUEST\"}}\n"
        )
    };
    let heartbeat = |last: u64| {
        format!(
            "{{\"type\":\"HEARTBEAT\",\"lastTransactionID\":\"{last}\",\"time\":\"2026-03-04T10:11:13.000000000Z\"}}\n"
        )
    };
    let lines = [cancel(100), cancel(101), cancel(101), cancel(103), heartbeat(103)].concat();
    let mut session = transactions();
    let (told, result, mut ledger) = run(&mut session, &(HEAD.to_owned() + &chunk(&lines)));
    assert_eq!(result, Ok(()));
    let orders = told.iter().filter(|t| matches!(t, Told::Order(_))).count();
    assert_eq!(orders, 2, "101 and 103; 100 is history: {told:?}");
    assert_eq!(told[0], Told::Stream(StreamFact::UserSnapshotComplete));
    // Reopened, or something missing: the history is asked from the last one before the hole.
    assert_eq!((ledger.is_complete(), ledger.ask_since(NOW)), (false, Some(101)));
    assert!(session.healthy());
}

#[test]
fn a_transaction_that_cannot_be_read_is_a_gap_of_the_connection() {
    let mut session = transactions();
    let line = "{\"id\":\"101\",\"batchID\":\"100\",\"type\":\"ORDER_FILL\",\"orderID\":\"100\",\"instrument\":\"EUR_USD\",\"units\":\"x\"}\n";
    let (told, result, _) = run(&mut session, &(HEAD.to_owned() + &chunk(line)));
    assert_eq!(result, Ok(()));
    assert!(told.contains(&Told::Gap(GapScope::Connection, GapCause::Malformed, 1)), "{told:?}");
}

#[test]
fn a_transaction_that_can_be_read_in_part_is_a_gap_and_a_doubt() {
    let (mut session, wire) = (transactions(), r#"{"type":"ORDER_FILL","id":"101","units":"1"}"#.to_owned() + "\n");
    let (told, result, mut ledger) = run(&mut session, &(HEAD.to_owned() + &chunk(&wire)));
    assert_eq!((result, ledger.complete_to()), (Ok(()), 101));
    assert!(told.contains(&Told::Gap(GapScope::Connection, GapCause::Malformed, 1)), "{told:?}");
    assert!(ledger.take_doubt(), "what it did is to be asked of the account");
}

#[test]
fn a_line_without_end_is_dropped_and_the_next_one_is_read() {
    let mut session = pricing();
    let endless = chunk(&"x".repeat(40_000)) + &chunk(&"x".repeat(40_000)) + &chunk("xx\n");
    let wire = HEAD.to_owned() + &endless + &chunk(&price("EUR_USD", "1.2"));
    let (told, result, _) = run(&mut session, &wire);
    assert_eq!(result, Ok(()));
    let [Told::Anomaly(Anomaly::TooLarge, _), Told::Gap(GapScope::Connection, GapCause::Malformed, 1), rest @ ..] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert!(rest.iter().any(|t| matches!(t, Told::BookEnd(true))));
}

#[test]
fn one_call_stays_within_its_budget() {
    let (mut session, mut ledger, mut ear) = (pricing(), Ledger::new(), Ear::default());
    session.opened(NOW, &mut ear).unwrap();
    // The densest lines there are: 64 levels each.
    let side = |base: u32| {
        (0..32).map(|i| format!(r#"{{"price":"{}","liquidity":1}}"#, base + i)).collect::<Vec<_>>().join(",")
    };
    let line = format!(
        "{{\"type\":\"PRICE\",\"time\":\"2026-03-04T10:11:11.900000000Z\",\"bids\":[{}],\"asks\":[{}],\"closeoutBid\":\"1\",\"closeoutAsk\":\"2\",\"status\":\"x\",\"tradeable\":true,\"instrument\":\"EUR_USD\"}}\n",
        side(100), side(200)
    );
    let mut wire = (HEAD.to_owned() + &chunk(&line.repeat(40))).into_bytes();
    let (mut calls, mut levels) = (0, 0);
    loop {
        let progress = session.bytes(NOW, &mut wire, &mut ledger, &mut ear).unwrap();
        assert!(progress.consumed <= BYTES_PER_CALL_MAX + 2 * STEP_BYTES);
        wire.drain(..progress.consumed);
        let told = ear.take().iter().filter(|t| matches!(t, Told::Level(..))).count();
        assert!(told <= LEVELS_PER_CALL_MAX, "{told} levels in one call");
        (calls, levels) = (calls + 1, levels + told);
        if !progress.more {
            break;
        }
    }
    assert_eq!((levels, wire.len()), (40 * 64, 0));
    assert!(calls > 10);
}

/// The recorded lines as a chunked body, with the chunks cut at these sizes.
fn chunked(lines: &str, sizes: &[usize]) -> Vec<u8> {
    let mut wire = HEAD.as_bytes().to_vec();
    let (mut rest, mut sizes) = (lines, sizes.iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        wire.extend_from_slice(chunk(now).as_bytes());
        rest = later;
    }
    wire
}

fn sample(name: &str, line: &str) -> String {
    match test_captures::text(&format!("oanda/synthetic_observed_2026/{name}")) {
        Some(text) => text.lines().map(|line| line.to_owned() + "\n").collect(),
        None => line.repeat(3),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_facts_do_not_depend_on_chunks_or_reads(
        sizes in proptest::collection::vec(1usize..900, 1..8),
        reads in proptest::collection::vec(1usize..700, 1..8),
        role in prop_oneof![Just(StreamRole::Pricing), Just(StreamRole::Transactions)],
    ) {
        let name = match role {
            StreamRole::Pricing => "pricing_stream.jsonl",
            StreamRole::Transactions => "transactions_stream.jsonl",
        };
        let lines = sample(name, &price("EUR_USD", "1.2"));
        let facts = |wire: &[u8], reads: &[usize]| {
            let mut session = match role {
                StreamRole::Pricing => pricing(),
                StreamRole::Transactions => transactions(),
            };
            let (mut ledger, mut ear) = (Ledger::new(), Ear::default());
            ledger.begin(100);
            session.opened(NOW, &mut ear).unwrap();
            let result = feed(&mut session, &mut ledger, &mut ear, wire, reads);
            (ear.take(), result, ledger.complete_to())
        };
        let whole = facts(&chunked(&lines, &[usize::MAX]), &[usize::MAX]);
        prop_assert!(whole.1.is_ok() && whole.0.len() > 3);
        prop_assert_eq!(facts(&chunked(&lines, &sizes), &reads), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\PC\n]{0,100}") {
        for role in [StreamRole::Pricing, StreamRole::Transactions] {
            let mut session = if role == StreamRole::Pricing { pricing() } else { transactions() };
            let (mut ledger, mut ear) = (Ledger::new(), Ear::default());
            session.opened(NOW, &mut ear).unwrap();
            let wire = [HEAD.as_bytes(), chunk(&text).as_bytes(), &noise].concat();
            let _ = feed(&mut session, &mut ledger, &mut ear, &wire, &[7]);
        }
    }
}
