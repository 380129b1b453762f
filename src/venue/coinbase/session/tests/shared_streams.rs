//! `BTC-USD` and `BTC-USDC` are one stream (Coinbase reference 7.1).

use super::super::super::testing::streamed_as;
use super::*;
use crate::venue::BookEventKind;

const USDC: InstrumentId = InstrumentId(7);
const SUBSCRIBE: &str = r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#;
const UNSUBSCRIBE: &str = r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#;
const LISTED: &str = r#"{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}"#;

fn want_usdc(line: &mut Line, channels: Channels) {
    line.session.want(&streamed_as(7, "BTC-USDC", "BTC-USD"), channels).unwrap();
}

/// Both wanted before the connection opened.
fn both(channels: Channels) -> Line {
    let mut session = StreamSession::new(StreamRole::Market, StreamConfig::default());
    session.want(&streamed_as(7, "BTC-USDC", "BTC-USD"), channels).unwrap();
    session.want(&instrument(0, "BTC-USD"), channels).unwrap();
    let mut line = Line { session, ear: Ear::default(), now: UnixNanos(1_000_000_000), sequence: 0 };
    line.session.opened(line.now, &mut line.ear).unwrap();
    line.ack(NO_BOOKS);
    line.wait(150);
    line
}

/// Both books held.
fn both_held() -> Line {
    let mut line = both(Channels::BOOK);
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(LISTED);
    assert!(line.session.healthy());
    line.wait(limits::MESSAGE_GAP_MS);
    line.asked();
    line.ear.take();
    line
}

/// Whose book events were told, and of which kind.
fn books(told: &[Told]) -> Vec<(InstrumentId, BookEventKind)> {
    told.iter().filter_map(|t| if let Told::Book(b) = t { Some((b.instrument, b.kind)) } else { None }).collect()
}

#[test]
fn a_usdc_product_alone_is_asked_for_and_understood_under_the_name_it_is_streamed_as() {
    let mut line = Line::open(StreamRole::Market, &[]);
    want_usdc(&mut line, Channels::BOOK);
    line.ack(NO_BOOKS);
    line.wait(150);
    assert_eq!(line.asked().last().map(String::as_str), Some(SUBSCRIBE));
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(LISTED);
    assert!(line.session.healthy());
    let told = line.ear.take();
    assert_eq!(books(&told), [(USDC, BookEventKind::SnapshotFirst)]);
    assert!(told.contains(&Told::Stream(StreamFact::Subscribed(SubscribedChannel::Book, USDC))), "{told:?}");
}

#[test]
fn both_at_once_are_one_subscription_told_to_both() {
    let mut line = both(Channels::BOOK);
    assert_eq!(line.asked().last().map(String::as_str), Some(SUBSCRIBE), "one place, one message");
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(LISTED);
    assert!(line.session.healthy());
    line.events("l2_data", &book("update", "BTC-USD", 1));
    let told = line.ear.take();
    use BookEventKind::{SnapshotFirst, Update};
    assert_eq!(books(&told), [(USDC, SnapshotFirst), (BTC, SnapshotFirst), (USDC, Update), (BTC, Update)]);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Level(..))).count(), 6);
    let confirmed = |id| Told::Stream(StreamFact::Subscribed(SubscribedChannel::Book, id));
    assert!(told.contains(&confirmed(USDC)) && told.contains(&confirmed(BTC)));
}

#[test]
fn a_long_snapshot_is_cut_for_each_of_them() {
    let mut line = both(Channels::BOOK);
    line.events("l2_data", &book("snapshot", "BTC-USD", 700));
    line.ack(LISTED);
    assert!(line.session.healthy());
    let told = line.ear.take();
    let (mut whose, mut levels, mut ends) = (BTC, [0; 8], [0; 8]);
    for told in &told {
        match told {
            Told::Book(event) => whose = event.instrument,
            Told::Level(..) => levels[whose.index()] += 1,
            Told::BookEnd(true) => ends[whose.index()] += 1,
            _ => {}
        }
    }
    assert_eq!((levels[0], levels[7]), (700, 700));
    assert_eq!((ends[0], ends[7]), (1, 1));
}

#[test]
fn trades_come_oldest_first_for_each_of_them_with_a_last_one_each() {
    let mut line = both(Channels::TRADES);
    line.ear.take();
    let row = |id: u64| {
        format!(r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"1.5","size":"2","time":"","side":"BUY"}}"#)
    };
    for count in [3_u64, 300] {
        let rows: Vec<_> = (1..=count).rev().map(row).collect();
        line.events("market_trades", &format!(r#"{{"type":"update","trades":[{}]}}"#, rows.join(",")));
        let trades: Vec<_> = line
            .ear
            .take()
            .iter()
            .filter_map(|t| if let Told::Trade(t) = t { Some((t.instrument, t.trade_id, t.last)) } else { None })
            .collect();
        for id in [BTC, USDC] {
            let own: Vec<_> = trades.iter().filter(|t| t.0 == id).copied().collect();
            assert_eq!(own, (1..=count).map(|trade| (id, trade, trade == count)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_second_to_join_gets_a_snapshot_and_the_first_is_told_of_the_pause() {
    let mut line = Line::open(StreamRole::Market, &[(0, "BTC-USD", Channels::BOOK)]);
    line.ack(NO_BOOKS);
    line.wait(150);
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(LISTED);
    line.wait(limits::MESSAGE_GAP_MS);
    line.asked();
    line.ear.take();
    want_usdc(&mut line, Channels::BOOK);
    line.wait(50);
    assert_eq!(line.asked(), [UNSUBSCRIBE]);
    assert_eq!(line.ear.gaps(), [(GapScope::Instrument(BTC), GapCause::Stale, 0)]);
    line.ack(NO_BOOKS);
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [SUBSCRIBE]);
    line.ear.take();
    line.events("l2_data", &book("snapshot", "BTC-USD", 2));
    line.ack(LISTED);
    let told = books(&line.ear.take());
    assert_eq!(told, [(BTC, BookEventKind::SnapshotFirst), (USDC, BookEventKind::SnapshotFirst)]);
    assert!(line.session.healthy());
    line.wait(60_000);
    assert_eq!(line.asked(), [""; 0], "once");
}

#[test]
fn when_one_leaves_the_stream_goes_on_for_the_other() {
    let mut line = both_held();
    want_usdc(&mut line, Channels::NONE);
    line.wait(1_000);
    assert_eq!(line.asked(), [""; 0]);
    line.events("l2_data", &book("update", "BTC-USD", 1));
    assert_eq!(books(&line.ear.take()), [(BTC, BookEventKind::Update)]);
    line.session.want(&instrument(0, "BTC-USD"), Channels::NONE).unwrap();
    line.wait(limits::MESSAGE_GAP_MS);
    assert_eq!(line.asked(), [UNSUBSCRIBE], "nobody is left");
}

#[test]
fn a_level_that_cannot_be_read_makes_both_books_doubtful() {
    let mut line = both_held();
    line.events("l2_data", &book("update", "BTC-USD", 2).replace("0.5", "x"));
    let gaps: Vec<_> = line.ear.gaps().into_iter().map(|(scope, cause, _)| (scope, cause)).collect();
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    for id in [BTC, USDC] {
        assert!(gaps.contains(&(GapScope::Instrument(id), GapCause::Malformed)), "{gaps:?}");
    }
    assert_eq!(line.asked(), [UNSUBSCRIBE]);
}

#[test]
fn two_products_of_one_stream_take_one_place() {
    let mut session = StreamSession::new(StreamRole::Market, StreamConfig::default());
    for id in 0..limits::BOOKS_PER_CONNECTION_MAX as u32 {
        session.want(&instrument(id, &format!("A{id}-USD")), Channels::BOOK).unwrap();
    }
    let twin = streamed_as(100, "A3-USDC", "A3-USD");
    let load = session.load(&twin);
    assert_eq!((load.carried, load.streams, load.books, load.places), (true, 29, 29, 30));
    session.want(&twin, Channels::BOOK).unwrap();
    let other = streamed_as(101, "B-USDC", "B-USD");
    let load = session.load(&other);
    assert_eq!((load.carried, load.streams, load.books), (false, 30, 30));
    assert!(matches!(session.want(&other, Channels::BOOK), Err(WantError::TooManyBooks { .. })));
    session.want(&instrument(5, "A5-USD"), Channels::NONE).unwrap();
    session.want(&other, Channels::BOOK).unwrap();
}

#[test]
fn orders_keep_the_submitted_name() {
    let mut line = Line::open(StreamRole::User, &[(0, "BTC-USD", Channels::NONE)]);
    line.session.know(&streamed_as(7, "BTC-USDC", "BTC-USD"));
    for (symbol, id) in [("BTC-USDC", USDC), ("BTC-USD", BTC)] {
        line.events(
            "user",
            &format!(
                r#"{{"type":"update","orders":[{{"order_id":"o","product_id":"{symbol}","order_side":"BUY","status":"OPEN"}}]}}"#
            ),
        );
        let told = line.ear.take();
        let order = told.iter().find_map(|t| if let Told::Order(order) = t { Some(order.instrument) } else { None });
        assert_eq!(order, Some(Some(id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is wanted in whatever order, a venue that answers truthfully ends up asked for exactly the streams that
    /// are wanted, every wanted book is held, and no more than one message was ever in flight.
    #[test]
    fn what_is_asked_converges_to_what_is_wanted(
        wishes in prop::collection::vec((0_usize..3, 0_u8..4), 1..12),
    ) {
        let instruments = [instrument(0, "BTC-USD"), streamed_as(7, "BTC-USDC", "BTC-USD"), instrument(1, "ETH-USD")];
        let mut line = Line::open(StreamRole::Market, &[]);
        let mut venue = Held::default();
        let mut wanted = [Channels::NONE; 3];
        for (which, bits) in wishes {
            let mut channels = Channels::NONE;
            for (bit, channel) in [(1, Channels::BOOK), (2, Channels::TRADES)] {
                if bits & bit != 0 {
                    channels = channels | channel;
                }
            }
            wanted[which] = channels;
            line.session.want(&instruments[which], channels).unwrap();
            venue.answer(&mut line);
            line.wait(60);
            venue.answer(&mut line);
        }
        for _ in 0..40 {
            line.wait(60);
            venue.answer(&mut line);
        }
        prop_assert!(line.session.healthy());
        let streams = |channel: Channels| {
            let mut names: Vec<String> = Vec::new();
            for (instrument, wanted) in instruments.iter().zip(wanted) {
                let name = instrument.streamed_as().to_owned();
                if wanted.contains(channel) && !names.contains(&name) {
                    names.push(name);
                }
            }
            names.sort();
            names
        };
        prop_assert_eq!(&venue.books, &streams(Channels::BOOK));
        prop_assert_eq!(&venue.trades, &streams(Channels::TRADES));
        for (instrument, wanted) in instruments.iter().zip(wanted) {
            let products = &line.session.talk.decoder.products;
            let Some(index) = products.find_instrument(instrument.id) else { continue };
            let held = products.get(index).unwrap().book == BookState::Held;
            prop_assert_eq!(held, wanted.contains(Channels::BOOK), "{}", instrument.symbol());
        }
        prop_assert_eq!(line.ear.anomalies(), []);
    }
}

/// What a truthful venue holds for the connection.
#[derive(Default)]
struct Held {
    books: Vec<String>,
    trades: Vec<String>,
    heartbeats: bool,
}

impl Held {
    /// Answers what was sent since the last call, data before the acknowledgement.
    fn answer(&mut self, line: &mut Line) {
        let asked = line.asked();
        assert!(asked.len() <= 1, "one in flight: {asked:?}");
        for text in asked {
            let message: serde_json::Value = serde_json::from_str(&text).unwrap();
            let names: Vec<String> = message["product_ids"]
                .as_array()
                .map(|ids| ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default();
            let subscribe = message["type"] == "subscribe";
            let held = match message["channel"].as_str().unwrap() {
                "heartbeats" => {
                    self.heartbeats = true;
                    None
                }
                "level2" => Some(&mut self.books),
                _ => Some(&mut self.trades),
            };
            if let Some(held) = held {
                for name in &names {
                    let known = held.contains(name);
                    held.retain(|n| n != name);
                    if subscribe {
                        held.push(name.clone());
                        held.sort();
                    }
                    if subscribe && !known && message["channel"] == "level2" {
                        line.events("l2_data", &book("snapshot", name, 2));
                    }
                }
            }
            let list = |names: &[String]| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
            line.ack(&format!(
                r#"{{"heartbeats":["heartbeats"],"level2":[{}],"market_trades":[{}]}}"#,
                list(&self.books),
                list(&self.trades)
            ));
        }
    }
}
