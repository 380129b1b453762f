//! Files into lines: what the checks need of each, and errors that name the file, the line and what is wrong with it.

use super::super::line::snake;
use super::super::{FILE_PREFIX, FILE_SUFFIX};
use crate::record::ExecutionKind;
use rust_decimal::Decimal;
use simd_json::prelude::*;
use simd_json::OwnedValue;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The first line of a part is far shorter.
const FIRST_LINE_BYTES_MAX: u64 = 4 * 1024;

/// Why a file cannot be checked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system says no.
    #[error("{}: {error}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No file to check.
    #[error("{}: no files of an audit log ({FILE_PREFIX}*{FILE_SUFFIX}) in this directory", .0.display())]
    Empty(PathBuf),
    /// It does not begin as every file of a log does.
    #[error("{}: not an audit log: its first line is not of kind `part`", file.display())]
    NotALog {
        /// Which file.
        file: PathBuf,
    },
    /// A line that no journal wrote.
    #[error("{}:{line}: {why}", file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The same part of the same run is there twice.
    #[error("{} and {}: the same part of the same run", file.display(), other.display())]
    Twice {
        /// One file.
        file: PathBuf,
        /// The other.
        other: PathBuf,
    },
}

/// Where a line stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: Arc<Path>,
    /// From 1.
    pub(super) line: usize,
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) sequence: u64,
    pub(super) ns: u64,
    pub(super) venue: String,
    pub(super) body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    /// A file begins.
    Part {
        run: u64,
        part: u64,
    },
    Command(CommandLine),
    Execution(Box<ExecutionLine>),
    Sent(CallLine),
    Ended {
        call: CallLine,
        outcome: String,
        latency_ns: u64,
    },
    Connection,
    Lost {
        count: u64,
        place: String,
    },
    /// The run ended in order.
    End,
    /// The last line of a file, without its end.
    Torn,
}

/// Which order something is about; empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) request: String,
    pub(super) client: String,
    pub(super) venue: String,
}

impl Ids {
    /// Whether both name the same order.
    pub(super) fn meet(&self, other: &Ids) -> bool {
        let same = |a: &str, b: &str| !a.is_empty() && a == b;
        same(&self.request, &other.request) || same(&self.client, &other.client) || same(&self.venue, &other.venue)
    }
}

#[derive(Debug, Clone)]
pub(super) struct CommandLine {
    pub(super) request: String,
    pub(super) op: String,
    pub(super) target: Ids,
}

#[derive(Debug, Clone)]
pub(super) struct ExecutionLine {
    pub(super) event: ExecutionKind,
    pub(super) ids: Ids,
    pub(super) execution_id: String,
    pub(super) guard: String,
    pub(super) quantity: Decimal,
    pub(super) cumulative: Decimal,
    pub(super) reconciled: bool,
    pub(super) late: bool,
    pub(super) replayed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct CallLine {
    pub(super) call: String,
    pub(super) op: String,
    pub(super) client: String,
}

/// Every kind an execution line can be of, by its name.
fn event_of(name: &str) -> Option<ExecutionKind> {
    static NAMES: OnceLock<Vec<(String, ExecutionKind)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| ExecutionKind::ALL.iter().map(|kind| (snake(kind), *kind)).collect());
    names.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind)
}

/// The files meant by these paths: directories stand for the parts in them.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |error| ReadError::Io { file: path.clone(), error };
        if !std::fs::metadata(path).map_err(failed)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_part = |name: &str| name.starts_with(FILE_PREFIX) && name.ends_with(FILE_SUFFIX);
            if entry.file_name().to_str().is_some_and(is_part) {
                files.push(entry.path());
            }
        }
        if files.len() == before {
            return Err(ReadError::Empty(path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// Which run and part a file is.
pub(super) fn part_of(file: &Path) -> Result<(u64, u64), ReadError> {
    let failed = |error| ReadError::Io { file: file.to_owned(), error };
    let mut first = Vec::new();
    let mut reader = BufReader::new(File::open(file).map_err(failed)?.take(FIRST_LINE_BYTES_MAX));
    reader.read_until(b'\n', &mut first).map_err(failed)?;
    let line = simd_json::to_owned_value(&mut first).ok().and_then(|value| line_of(&value).ok());
    match line {
        Some((_, _, _, Body::Part { run, part })) => Ok((run, part)),
        _ => Err(ReadError::NotALog { file: file.to_owned() }),
    }
}

/// All lines of a file.
pub(super) fn lines(file: &Path) -> Result<Vec<Line>, ReadError> {
    let bytes = std::fs::read(file).map_err(|error| ReadError::Io { file: file.to_owned(), error })?;
    lines_in(bytes, file)
}

/// All lines of what a file holds.
pub(super) fn lines_in(bytes: Vec<u8>, file: &Path) -> Result<Vec<Line>, ReadError> {
    let shared: Arc<Path> = file.into();
    let mut lines = Vec::new();
    let mut rest = bytes;
    let whole = memchr::memrchr(b'\n', &rest).map_or(0, |at| at.saturating_add(1));
    let torn = rest.split_off(whole);
    for (index, text) in rest.split_mut(|byte| *byte == b'\n').enumerate().filter(|(_, text)| !text.is_empty()) {
        let number = index.saturating_add(1);
        let failed = |why| ReadError::Line { file: file.to_owned(), line: number, why };
        let value = simd_json::to_owned_value(text).map_err(|error| failed(format!("not JSON: {error}")))?;
        let (sequence, ns, venue, body) = line_of(&value).map_err(failed)?;
        let place = Place { file: shared.clone(), line: number };
        lines.push(Line { place, sequence, ns, venue, body });
    }
    if !torn.is_empty() {
        let place = Place { file: shared, line: lines.len().saturating_add(1) };
        lines.push(Line { place, sequence: 0, ns: 0, venue: String::new(), body: Body::Torn });
    }
    Ok(lines)
}

fn line_of(value: &OwnedValue) -> Result<(u64, u64, String, Body), String> {
    let text = |key: &str| value.get_str(key).unwrap_or_default().to_owned();
    let number = |key: &str| value.get_u64(key).ok_or_else(|| format!("member `{key}` is missing or no number"));
    let required = |key: &str| value.get_str(key).map(str::to_owned).ok_or_else(|| format!("no member `{key}`"));
    let decimal = |key: &str| match value.get_str(key) {
        None => Ok(Decimal::ZERO),
        Some(text) => text.parse::<Decimal>().map_err(|_| format!("member `{key}` is no decimal: {text}")),
    };
    let set = |key: &str| value.get_bool(key).unwrap_or(false);
    let call = || {
        let (call, op) = (required("call")?, required("op")?);
        Ok::<_, String>(CallLine { call, op, client: text("client_order_id") })
    };
    let body = match required("kind")?.as_str() {
        "part" => Body::Part { run: number("run")?, part: number("part")? },
        "command" => Body::Command(CommandLine {
            request: required("request")?,
            op: required("op")?,
            target: Ids {
                request: text("target_request"),
                client: text("target_client_order_id"),
                venue: text("target_venue_order_id"),
            },
        }),
        "execution" => {
            let event = required("event")?;
            Body::Execution(Box::new(ExecutionLine {
                event: event_of(&event).ok_or_else(|| format!("unknown event `{event}`"))?,
                ids: Ids { request: text("request"), client: text("client_order_id"), venue: text("venue_order_id") },
                execution_id: text("execution_id"),
                guard: text("guard"),
                quantity: decimal("quantity")?,
                cumulative: decimal("cumulative")?,
                reconciled: set("reconciled"),
                late: set("late"),
                replayed: set("replayed"),
            }))
        }
        "sent" => Body::Sent(call()?),
        "ended" => {
            let latency_ns = value.get_u64("latency_ns").unwrap_or(0);
            Body::Ended { call: call()?, outcome: required("outcome")?, latency_ns }
        }
        "connection" => Body::Connection,
        "lost" => Body::Lost { count: number("count")?, place: required("place")? },
        "end" => Body::End,
        other => return Err(format!("unknown kind `{other}`")),
    };
    Ok((number("seq")?, number("ns")?, text("venue"), body))
}
