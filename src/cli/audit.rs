//! `audit`: checks an audit log, order by order, and prints a summary.

use crate::journal::verify::{verify, Rules};
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

/// What `audit --help` says at its end.
const CHECKS: &str = "\
What is checked, run by run, over all files given (in any order; a directory stands for the audit-*.jsonl in it):
  numbers of the lines   no hole, also from file to file; nothing lost for want of room; the run has an end
  commands               each one answered: place by accepted, rejected or unknown; cancel and replace by their
                         own answer or by the end of their order
  orders                 first exactly one of accepted, rejected, unknown; after unknown exactly one accepted or
                         rejected, flagged reconciled; then fills, then one end; no fill after it unless flagged late
  quantities             the cumulative quantity is the sum of the fills, and no execution is told twice
  calls                  no order sent twice, no call ended twice

Exit code 0 if nothing is wrong, 1 if something is or a file cannot be read.";

/// What to check.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECKS)]
pub(super) struct AuditArguments {
    /// Files of an audit log, or directories of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The log is still being written, or its process died: what its last lines leave open is no violation
    #[arg(long)]
    unfinished: bool,
}

pub(super) fn run(arguments: &AuditArguments) -> Result<(), Box<dyn Error>> {
    let report = verify(&arguments.files, Rules { unfinished: arguments.unfinished })?;
    match writeln!(io::stdout(), "{report}") {
        // Whoever reads may have seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    match report.violations_count {
        0 => Ok(()),
        count => Err(format!("audit: {count} violations").into()),
    }
}
