//! The directory: locks are taken first, then every account's epochs are read, then one epoch above all of them is begun.

use super::alive::Alive;
use super::told::ToldUntil;
use super::{epochs, Account, StateError};
use crate::record::{UnixNanos, Venue};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Where state is kept if nobody says otherwise: `EXCHANGE_CONNECTORS_STATE_DIR`, else `exchange-connectors` under
/// `XDG_STATE_HOME`, else under `~/.local/state`.
///
/// # Errors
/// [`StateError::NoPlace`] if none of the variables is set.
pub fn default_directory(get: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, StateError> {
    let present = |name| get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = present("EXCHANGE_CONNECTORS_STATE_DIR") {
        return Ok(path);
    }
    let base = present("XDG_STATE_HOME").or_else(|| present("HOME").map(|home| home.join(".local/state")));
    base.map(|base| base.join("exchange-connectors")).ok_or(StateError::NoPlace)
}

/// A directory; nothing is touched before [`StateDirectory::lock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory {
    path: PathBuf,
}

/// One locked account and what is known of it.
#[derive(Debug)]
struct Held {
    account: Account,
    lock: File,
    epochs: Option<Vec<u64>>,
    told_until: UnixNanos,
}

/// Accounts nobody else trades with as long as this lives.
#[derive(Debug)]
pub struct Locked {
    path: PathBuf,
    held: Vec<Held>,
}

/// A session whose epoch is on the disk. Its accounts stay locked until it is dropped.
#[derive(Debug)]
pub struct Session {
    epoch: u64,
    earlier: Vec<u64>,
    told_until: UnixNanos,
    told: ToldUntil,
    _alive: Alive,
}

impl StateDirectory {
    /// At this path.
    pub fn new(path: impl Into<PathBuf>) -> StateDirectory {
        StateDirectory { path: path.into() }
    }

    /// Locks these accounts for this process and reads what is known of them.
    ///
    /// # Errors
    /// [`StateError::InUse`] if one is locked already, [`StateError::Damaged`], [`StateError::Disk`],
    /// [`StateError::Twice`].
    pub fn lock(&self, accounts: &[Account]) -> Result<Locked, StateError> {
        std::fs::create_dir_all(&self.path).map_err(failed("make", &self.path))?;
        let mut held: Vec<Held> = Vec::new();
        for account in accounts {
            if held.iter().any(|other| other.account == *account) {
                return Err(StateError::Twice(account.venue()));
            }
            let (lock, told_until) = take_lock(&self.path, account)?;
            let epochs = read_epochs(&epochs_path(&self.path, account))?;
            held.push(Held { account: account.clone(), lock, epochs, told_until });
        }
        Ok(Locked { path: self.path.clone(), held })
    }
}

impl Locked {
    /// Accounts of which no session is known: a first start, or the state went missing. Whoever goes on has made sure at
    /// the venue that no order of ours is open.
    pub fn unknown(&self) -> impl Iterator<Item = &Account> {
        self.held.iter().filter(|held| held.epochs.is_none()).map(|held| &held.account)
    }

    /// Begins a session at `now`: its epoch is above every known one and not below the seconds since 1970, so that ids
    /// stay unique even if the state went missing. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`StateError::Disk`]: no session, and nothing may be sent.
    pub fn begin(self, now: UnixNanos) -> Result<Session, StateError> {
        let Locked { path, held } = self;
        let known = held.iter().filter_map(|held| held.epochs.as_ref()).flatten().copied();
        let mut earlier: Vec<u64> = known.collect();
        earlier.sort_unstable();
        earlier.dedup();
        let epoch = (now.0 / NANOS_PER_SECOND).max(earlier.last().map_or(0, |last| last.saturating_add(1)));
        for held in &held {
            let mut epochs = held.epochs.clone().unwrap_or_default();
            epochs.push(epoch);
            store(&epochs_path(&path, &held.account), &epochs::write(&epochs))?;
        }
        sync_directory(&path)?;
        // The earliest: what happened since is what no session may have told.
        let known = held.iter().filter(|held| held.epochs.is_some()).map(|held| held.told_until);
        let told_until = known.min().unwrap_or(UnixNanos::NONE);
        let locks: Vec<(Venue, File)> = held.into_iter().map(|held| (held.account.venue(), held.lock)).collect();
        let told = ToldUntil::default();
        let alive = Alive::start(locks.into(), told.clone()).map_err(failed("start a thread for", &path))?;
        Ok(Session { epoch, earlier, told_until, told, _alive: alive })
    }
}

impl Session {
    /// Part of every client order id of this session.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Epochs of the sessions before, ascending.
    pub fn earlier(&self) -> &[u64] {
        &self.earlier
    }

    /// Up to when the sessions before told what was executed at every venue, to a second or two; `NONE` on a first start.
    pub const fn told_until(&self) -> UnixNanos {
        self.told_until
    }

    /// Where this session says how far it told.
    pub fn told(&self) -> ToldUntil {
        self.told.clone()
    }
}

fn epochs_path(directory: &Path, account: &Account) -> PathBuf {
    directory.join(format!("{}.epochs", account.name()))
}

/// The lock is the file system's own: it ends with the process that holds it, however that ends. Its stamp is left as it
/// was: a session that ends before it told anything must not hide what the one before had not told.
fn take_lock(directory: &Path, account: &Account) -> Result<(File, UnixNanos), StateError> {
    let path = directory.join(format!("{}.lock", account.name()));
    let mut file = private().read(true).truncate(false).open(&path).map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "which has not said who it is".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(StateError::InUse { venue: account.venue(), holder, path });
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
    }
    let modified = file.metadata().and_then(|metadata| metadata.modified()).map_err(failed("look at", &path))?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let told_until = UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let write = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    write.and_then(|()| file.set_modified(modified)).map_err(failed("write", &path))?;
    Ok((file, told_until))
}

fn read_epochs(path: &Path) -> Result<Option<Vec<u64>>, StateError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let damaged = |why| StateError::Damaged { path: path.to_owned(), why };
    epochs::read(&text).map(Some).map_err(damaged)
}

/// The whole text or the one before: never a part.
fn store(path: &Path, text: &str) -> Result<(), StateError> {
    let temporary = path.with_extension("new");
    let mut file = private().truncate(true).open(&temporary).map_err(failed("make", &temporary))?;
    file.write_all(text.as_bytes()).map_err(failed("write", &temporary))?;
    file.sync_all().map_err(failed("force to the disk", &temporary))?;
    std::fs::rename(&temporary, path).map_err(failed("replace", path))
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), StateError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(failed("force to the disk", path))
}

/// Where directories are no files, the file system keeps names by itself.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> Result<(), StateError> {
    Ok(())
}

/// What is traded is nobody else's affair.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn failed<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StateError + 'a {
    move |error| StateError::Disk { operation, path: path.to_owned(), why: error.to_string() }
}
