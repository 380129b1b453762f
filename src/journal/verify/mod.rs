//! Reads an audit log back and checks it against what this crate promises.
//!
//! [`verify`] takes files (or directories of them) in any order, puts the parts of each run together, and says what is
//! wrong: holes in the sequence, entries lost, commands without an answer, and every order whose history is not one that
//! may be told ([`crate::order`]). A log that shows nothing wrong proves it line by line, from files alone: it needs
//! neither the venue nor the program that wrote it.

mod history;
mod read;
mod run;
mod summary;
#[cfg(test)]
mod tests;

pub use read::ReadError;
pub use summary::{Latencies, Report, Violation};

use run::Run;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How strict it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The log is still being written, or its process died: a last line cut short, commands without an answer and
    /// outcomes unknown at its very end are no violations.
    pub unfinished: bool,
}

/// Checks the files.
///
/// # Errors
/// A file that cannot be read, or is no audit log; the line is named.
pub fn verify(paths: &[PathBuf], rules: Rules) -> Result<Report, ReadError> {
    let mut parts: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    for file in read::files(paths)? {
        if let Some(other) = parts.insert(read::part_of(&file)?, file.clone()) {
            if other != file {
                return Err(ReadError::Twice { file, other });
            }
        }
    }
    let mut report = Report::default();
    let mut current: Option<(u64, Run)> = None;
    for ((number, _), file) in parts {
        report.files += 1;
        let mut run = match current.take() {
            Some((of, run)) if of == number => run,
            other => {
                if let Some((_, before)) = other {
                    before.end(&mut report, rules);
                }
                report.runs += 1;
                Run::default()
            }
        };
        for line in read::lines(&file)? {
            run.line(&mut report, rules, &line);
        }
        current = Some((number, run));
    }
    if let Some((_, run)) = current {
        run.end(&mut report, rules);
    }
    Ok(report)
}
