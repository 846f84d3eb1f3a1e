//! The local disk under the spool, as far as a recording cares.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What a spool is written on.
pub trait Disk: Send + Sync {
    /// How full it is, from 0 to 1, as its ordinary users see it.
    ///
    /// # Errors
    /// The system's.
    fn fullness(&self, folder: &Path) -> io::Result<f64>;

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
    fn fullness(&self, folder: &Path) -> io::Result<f64> {
        let found = nix::sys::statvfs::statvfs(folder)?;
        let used = found.blocks().saturating_sub(found.blocks_free());
        // Blocks kept back for the system are neither used nor ours: as `df` counts.
        let all = used + found.blocks_available();
        Ok(if all == 0 { 1.0 } else { used as f64 / all as f64 })
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
