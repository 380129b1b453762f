//! The files of the log: one directory, parts numbered from 1, the oldest deleted.

use super::{FILE_PREFIX, FILE_SUFFIX};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// A place that holds the parts of one run.
pub(super) trait Disk {
    /// One part being written.
    type Part: Part;
    /// Makes the next part. Fails if it exists already.
    fn create(&mut self, part: u64) -> io::Result<Self::Part>;
    /// Deletes the oldest parts; not being able to loses nothing.
    fn prune(&mut self);
}

/// A part being written.
pub(super) trait Part {
    /// As [`Write::write`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Forces everything written to the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// A directory of the file system.
#[derive(Debug)]
pub(super) struct Folder {
    directory: PathBuf,
    run: u64,
    files_max: usize,
}

impl Folder {
    /// Makes the directory if it is missing.
    pub(super) fn open(directory: PathBuf, run: u64, files_max: usize) -> io::Result<Folder> {
        std::fs::create_dir_all(&directory)?;
        Ok(Folder { directory, run, files_max })
    }
}

impl Disk for Folder {
    type Part = File;

    fn create(&mut self, part: u64) -> io::Result<File> {
        // Zeros make names sort by run and part.
        let name = format!("{FILE_PREFIX}{:020}-{part:06}{FILE_SUFFIX}", self.run);
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        // Orders and balances are nobody else's affair.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.directory.join(name))?;
        // The name itself must survive, too; where directories cannot be forced, nothing is lost by trying.
        let _ = File::open(&self.directory).and_then(|directory| directory.sync_all());
        Ok(file)
    }

    fn prune(&mut self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        let is_part = |name: &str| name.starts_with(FILE_PREFIX) && name.ends_with(FILE_SUFFIX);
        let named = entries.flatten().map(|entry| entry.path());
        let mut parts: Vec<PathBuf> =
            named.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_part)).collect();
        parts.sort();
        let excess = parts.len().saturating_sub(self.files_max);
        for path in parts.iter().take(excess) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "an old file of the audit log cannot be deleted");
            }
        }
    }
}

impl Part for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
