//! The local disk under the spool, as far as a recording cares.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Fuller than this, a disk is nearly full.
const FULL: f64 = 0.95;

/// As much room as this is enough however full the disk is: a twentieth of a large one records for weeks.
const ENOUGH: u64 = 1 << 30;

/// What is left of a disk, as its ordinary users see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// How full it is, from 0 to 1.
    pub fullness: f64,
    /// Bytes free.
    pub free: u64,
}

impl Room {
    /// So little that no new recording begins: what is left is for the calls being recorded and for the
    /// database.
    #[must_use]
    pub fn is_short(self) -> bool {
        self.fullness > FULL && self.free < ENOUGH
    }
}

/// What a spool is written on.
pub trait Disk: Send + Sync {
    /// What is left of it.
    ///
    /// # Errors
    /// The system's.
    fn room(&self, folder: &Path) -> io::Result<Room>;

    /// Makes a file that is not there yet, for its owner's eyes only.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>>;
}

/// A file being written.
pub trait Sheet: Send {
    /// Writes at the end.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything is on the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    #[expect(clippy::cast_precision_loss, reason = "a fraction of a disk needs no exact block")]
    fn room(&self, folder: &Path) -> io::Result<Room> {
        let found = nix::sys::statvfs::statvfs(folder)?;
        let used = found.blocks().saturating_sub(found.blocks_free());
        // Blocks kept back for the system are neither used nor ours: as `df` counts.
        let all = used + found.blocks_available();
        let fullness = if all == 0 { 1.0 } else { used as f64 / all as f64 };
        Ok(Room { fullness, free: found.blocks_available().saturating_mul(found.fragment_size()) })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sheet>> {
        // `create_new` follows no link: a name that is there already, link or not, is refused.
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(LocalSheet(file)))
    }
}

struct LocalSheet(File);

impl Sheet for LocalSheet {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Makes the folder's own entries durable: a file that was made, renamed or removed in it.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
