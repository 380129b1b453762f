//! Lines into parts: sequence numbers, rotation, forcing to the disk, and going on exactly where a disk refused.
//!
//! A line has its number from the moment it is made. What the disk did not take is kept and offered again, from the byte
//! it stopped at; meanwhile no further line may be made ([`Writer::ready`] fails), so nothing is held without limit.

use super::config::Fsync;
use super::disk::{Disk, Part};
use super::escape::Object;
use crate::record::UnixNanos;
use std::io;

/// See the module's documentation.
pub(super) struct Writer<D: Disk> {
    disk: D,
    part: Option<D::Part>,
    /// Number of the part being written, from 1.
    number: u64,
    run: u64,
    sequence: u64,
    /// Made, and not with the disk yet from `taken` on.
    lines: Vec<u8>,
    taken: usize,
    /// Bytes of this part, those still to be written included.
    part_bytes: u64,
    rotate_bytes: u64,
    fsync: Fsync,
    /// Since when something was written and not forced; `NONE` if nothing.
    dirty_since: UnixNanos,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(disk: D, run: u64, rotate_bytes: u64, fsync: Fsync) -> Writer<D> {
        Writer {
            disk,
            part: None,
            number: 0,
            run,
            sequence: 0,
            lines: Vec::new(),
            taken: 0,
            part_bytes: 0,
            rotate_bytes,
            fsync,
            dirty_since: UnixNanos::NONE,
        }
    }

    /// Writes what is left, begins the next part if this one is full, and forces what is due.
    ///
    /// # Errors
    /// The disk refuses; nothing is lost, try again.
    pub(super) fn ready(&mut self, now: UnixNanos) -> io::Result<()> {
        self.flush(now)?;
        if self.is_full() {
            self.sync()?;
            self.part = None;
        }
        if self.part.is_none() {
            self.part = Some(self.disk.create(self.number.saturating_add(1))?);
            self.number = self.number.saturating_add(1);
            self.part_bytes = 0;
            self.disk.prune();
            let (run, part) = (self.run, self.number);
            self.line(|object| {
                object.number("ns", now.0);
                object.text("kind", "part");
                object.number("run", run);
                object.number("part", part);
                object.text("version", env!("CARGO_PKG_VERSION"));
            });
            self.flush(now)?;
        }
        let due = match self.fsync {
            Fsync::Never => false,
            Fsync::EveryMs(ms) => self.dirty_since.is_some() && now >= self.dirty_since.plus_ms(ms),
            Fsync::EveryEntry => true,
        };
        if due {
            self.sync()?;
        }
        Ok(())
    }

    /// Whether this part takes no more lines: [`Writer::ready`] must come first.
    pub(super) fn is_full(&self) -> bool {
        self.part_bytes >= self.rotate_bytes
    }

    /// Makes a line; it is written by the next [`Writer::ready`].
    pub(super) fn line(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        self.sequence = self.sequence.saturating_add(1);
        let before = self.lines.len();
        let mut object = Object::begin(&mut self.lines);
        object.number("seq", self.sequence);
        members(&mut object);
        object.end_line();
        self.part_bytes = self.part_bytes.saturating_add(self.lines.len().saturating_sub(before) as u64);
    }

    /// Forces what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.dirty_since.is_some() {
            if let Some(part) = &mut self.part {
                part.sync()?;
            }
            self.dirty_since = UnixNanos::NONE;
        }
        Ok(())
    }

    /// Lines made that are not with the disk, whole or in part.
    pub(super) fn unwritten(&self) -> u64 {
        let left = self.lines.get(self.taken..).unwrap_or_default();
        left.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// Writes what is left.
    pub(super) fn flush(&mut self, now: UnixNanos) -> io::Result<()> {
        let Some(part) = &mut self.part else { return Ok(()) };
        while let Some(left) = self.lines.get(self.taken..).filter(|left| !left.is_empty()) {
            match part.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.taken = self.taken.saturating_add(count);
                    if !self.dirty_since.is_some() {
                        self.dirty_since = now;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.lines.clear();
        self.taken = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    const NOW: UnixNanos = UnixNanos(1_000_000_000);

    /// A disk with so much room left, that takes at most so many bytes at once.
    #[derive(Default)]
    struct Small {
        room: usize,
        at_once: usize,
        parts: Vec<Vec<u8>>,
        syncs: usize,
    }

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Small>>);

    impl Disk for Shared {
        type Part = Shared;

        fn create(&mut self, _: u64) -> io::Result<Shared> {
            self.0.borrow_mut().parts.push(Vec::new());
            Ok(self.clone())
        }

        fn prune(&mut self) {}
    }

    impl Part for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut small = self.0.borrow_mut();
            let count = bytes.len().min(small.room).min(small.at_once);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            small.room -= count;
            small.parts.last_mut().unwrap().extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.borrow_mut().syncs += 1;
            Ok(())
        }
    }

    fn disk(room: usize) -> Shared {
        Shared(Rc::new(RefCell::new(Small { room, at_once: 7, ..Small::default() })))
    }

    fn sequences(disk: &Shared) -> Vec<u64> {
        let bytes = disk.0.borrow().parts.concat();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["seq"].as_u64().unwrap()).collect()
    }

    #[test]
    fn a_full_disk_that_gets_room_again_has_every_line_once() {
        let disk = disk(100);
        let mut writer = Writer::new(disk.clone(), 1, 1 << 20, Fsync::Never);
        let mut refused = 0;
        for number in 0..20u64 {
            while writer.ready(NOW).is_err() {
                refused += 1;
                disk.0.borrow_mut().room += 50;
            }
            writer.line(|object| object.number("n", number));
        }
        assert_eq!(writer.unwritten(), 1);
        disk.0.borrow_mut().room = 1 << 20;
        writer.ready(NOW).unwrap();
        assert!(refused > 5, "the disk was full {refused} times");
        assert_eq!(sequences(&disk), (1..=21).collect::<Vec<_>>());
        assert_eq!(writer.unwritten(), 0);
    }

    #[test]
    fn parts_follow_each_other_without_a_hole() {
        let disk = disk(1 << 20);
        let mut writer = Writer::new(disk.clone(), 1, 200, Fsync::Never);
        for number in 0..50u64 {
            writer.ready(NOW).unwrap();
            writer.line(|object| object.number("n", number));
        }
        writer.ready(NOW).unwrap();
        let parts = disk.0.borrow().parts.len();
        assert!(parts > 5, "{parts} parts");
        assert_eq!(disk.0.borrow().syncs, parts - 1, "a part is forced to the disk when it is full");
        assert_eq!(sequences(&disk), (1..=50 + parts as u64).collect::<Vec<_>>());
    }

    #[test]
    fn the_log_is_forced_as_often_as_asked() {
        for (fsync, syncs) in [(Fsync::Never, 0), (Fsync::EveryMs(5), 2), (Fsync::EveryEntry, 5)] {
            let disk = disk(1 << 20);
            let mut writer = Writer::new(disk.clone(), 1, 1 << 20, fsync);
            for turn in 0..5u64 {
                writer.ready(NOW.plus_ms(5 * turn)).unwrap();
                writer.line(|object| object.number("n", turn));
            }
            assert_eq!(disk.0.borrow().syncs, syncs, "{fsync:?}");
        }
    }
}
