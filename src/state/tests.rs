//! Locks, epochs, and files that are damaged or gone.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: UnixNanos = UnixNanos(1_800_000_000_500_000_000);
use crate::record::UnixNanos;

/// A directory of its own, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Place(std::env::temp_dir().join(format!("exchange-connectors-state-{}-{count}", std::process::id())))
    }

    fn lock(&self) -> Result<Locked, StateError> {
        StateDirectory::new(&self.0).lock(&[account("key")])
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.0.join(format!("{}.{ending}", account("key").name()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn account(key: &str) -> Account {
    Account::new(Venue::Coinbase, "localhost:1", key)
}

#[test]
fn a_second_holder_is_refused_and_told_who_the_first_is_until_it_is_gone() {
    let place = Place::new();
    let first = place.lock().unwrap().begin(NOW).unwrap();
    let Err(StateError::InUse { venue, holder, .. }) = place.lock() else { panic!("two holders") };
    assert_eq!((venue, holder), (Venue::Coinbase, format!("process {}", std::process::id())));
    assert!(StateDirectory::new(&place.0).lock(&[account("another")]).is_ok(), "another account is free");
    drop(first);
    assert!(place.lock().is_ok());
}

#[test]
fn epochs_grow_whatever_the_clock_says_and_earlier_ones_are_remembered() {
    let place = Place::new();
    let first = place.lock().unwrap();
    assert_eq!(first.unknown().count(), 1);
    let first = first.begin(NOW).unwrap();
    assert_eq!((first.epoch(), first.earlier(), first.told_until()), (1_800_000_000, &[][..], UnixNanos::NONE));
    drop(first);
    let second = place.lock().unwrap();
    assert_eq!(second.unknown().count(), 0);
    let second = second.begin(UnixNanos(1)).unwrap();
    assert_eq!((second.epoch(), second.earlier()), (1_800_000_001, &[1_800_000_000][..]));
    assert!(second.told_until().is_some());
    drop(second);
    assert_eq!(place.lock().unwrap().begin(NOW.plus_ms(60_000)).unwrap().epoch(), 1_800_000_060);
}

/// The stamps of two accounts' locks.
fn stamps(place: &Place) -> [SystemTime; 2] {
    ["key", "another"].map(|key| {
        let lock = place.0.join(format!("{}.lock", account_at(key).name()));
        std::fs::metadata(lock).unwrap().modified().unwrap()
    })
}

/// Two accounts at two venues.
fn account_at(key: &str) -> Account {
    match key {
        "another" => Account::new(Venue::Oanda, "localhost:1", key),
        _ => account(key),
    }
}

#[test]
fn only_what_was_told_moves_the_moment_the_next_session_looks_back_to() {
    let place = Place::new();
    let both = [account_at("key"), account_at("another")];
    let lock = || StateDirectory::new(&place.0).lock(&both);
    let first = lock().unwrap().begin(NOW).unwrap();
    let told = first.told();
    told.say(Venue::Coinbase, UnixNanos(NOW.0 - 7_000_000_000));
    told.say(Venue::Oanda, UnixNanos(NOW.0 - 9_000_000_000));
    drop(first);
    let stamped = stamps(&place);
    let secs = |ago: u64| UNIX_EPOCH + Duration::from_nanos(NOW.0 - ago * 1_000_000_000);
    assert_eq!(stamped, [secs(7), secs(9)]);

    // A start that fails, one that dies before it told anything, and one that is refused move nothing.
    drop(lock().unwrap());
    assert_eq!(stamps(&place), stamped);
    let silent = lock().unwrap().begin(NOW).unwrap();
    assert_eq!(silent.told_until(), UnixNanos(NOW.0 - 9_000_000_000), "the earliest of all accounts");
    assert!(lock().is_err());
    drop(silent);
    assert_eq!(stamps(&place), stamped);

    // One venue that goes on telling does not hide what the other has not told.
    let third = lock().unwrap().begin(NOW).unwrap();
    third.told().say(Venue::Coinbase, NOW);
    drop(third);
    assert_eq!(lock().unwrap().begin(NOW).unwrap().told_until(), UnixNanos(NOW.0 - 9_000_000_000));
}

#[test]
fn an_epoch_is_above_those_of_every_account_of_the_session() {
    let place = Place::new();
    drop(place.lock().unwrap().begin(NOW).unwrap());
    let both = StateDirectory::new(&place.0).lock(&[account("new"), account("key")]).unwrap();
    assert_eq!(both.unknown().map(Account::name).collect::<Vec<_>>(), [account("new").name()]);
    assert_eq!(both.begin(UnixNanos(1)).unwrap().epoch(), 1_800_000_001);
}

#[test]
fn an_epoch_that_cannot_be_stored_is_not_begun() {
    let place = Place::new();
    let locked = place.lock().unwrap();
    std::fs::create_dir(place.file("new")).unwrap();
    assert!(matches!(locked.begin(NOW), Err(StateError::Disk { .. })));
    assert!(!place.file("epochs").exists());
}

#[test]
fn a_damaged_file_is_no_first_start() {
    let place = Place::new();
    drop(place.lock().unwrap().begin(NOW).unwrap());
    let whole = std::fs::read_to_string(place.file("epochs")).unwrap();
    let wrong =
        [String::new(), whole.trim_end().to_owned(), format!("{whole}x\n"), format!("{whole}1\n"), "a\n1\n".into()];
    for text in wrong {
        std::fs::write(place.file("epochs"), &text).unwrap();
        assert!(matches!(place.lock(), Err(StateError::Damaged { .. })), "{text:?}");
    }
    std::fs::remove_file(place.file("epochs")).unwrap();
    assert_eq!(place.lock().unwrap().unknown().count(), 1, "missing is not damaged");
}

#[test]
fn only_the_latest_sessions_are_remembered() {
    let all: Vec<u64> = (1..=EPOCHS_KEPT as u64 + 5).collect();
    let kept = epochs::read(&epochs::write(&all)).unwrap();
    assert_eq!((kept.len(), kept[0]), (EPOCHS_KEPT, 6));
}

#[test]
fn the_directory_is_the_first_that_is_named() {
    let from = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        default_directory(&move |name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
    };
    let (own, state, home) = (("EXCHANGE_CONNECTORS_STATE_DIR", "/s"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h"));
    assert_eq!(from(&[own, state, home]), Ok(PathBuf::from("/s")));
    assert_eq!(from(&[state, home]), Ok(PathBuf::from("/x/exchange-connectors")));
    assert_eq!(from(&[home]), Ok(PathBuf::from("/h/.local/state/exchange-connectors")));
    assert_eq!(from(&[("HOME", "")]), Err(StateError::NoPlace));
}

#[test]
fn an_account_is_named_without_its_key() {
    let one = Account::new(Venue::BinanceUs, "api.binance.us:443", "hunter2");
    assert!(!one.name().contains("hunter2") && one.name().starts_with("binance"), "{}", one.name());
    assert_ne!(one, Account::new(Venue::BinanceUs, "localhost:443", "hunter2"));
    assert_ne!(one, Account::new(Venue::BinanceUs, "api.binance.us:443", "hunter3"));
}

/// What tests leave in the account of whoever runs them would be taken for a session that died there.
#[test]
fn no_test_leaves_state_with_whoever_runs_it() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let (mut dirs, mut seen) = (vec![tests], 0);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for (at, _) in text.match_indices("GatewayBuilder::default()") {
                let statement = text[at..].split(';').next().unwrap_or_default();
                seen += 1;
                let says = ["without_state()", "state_directory(", "market_data_only()"];
                assert!(
                    says.iter().any(|what| statement.contains(what)) || !starts(statement),
                    "{}: a gateway with credentials that does not say where its state is: {statement}",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 5, "only {seen} builders found");
}

/// Whether the statement builds a gateway: more than a builder without a venue.
fn starts(statement: &str) -> bool {
    [".coinbase(", ".binance_us(", ".oanda(", ".paper(", ".start("].iter().any(|call| statement.contains(call))
}
