//! One server per SQLite database: a second one on the same file would answer the same calls (F13).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Held while a server runs; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct InstanceLock {
    /// Open for as long as the lock is held.
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server has it.
    #[error(
        "another server ({holder}) is running on {}; stop it first, or give this one another database.url",
        database.display()
    )]
    Held {
        /// The database.
        database: PathBuf,
        /// Its process and host, as it wrote them.
        holder: String,
    },
    /// The lock file cannot be made.
    #[error("the lock file {}: {error}", path.display())]
    File {
        /// Beside the database.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl InstanceLock {
    /// Takes the lock of the SQLite database at `database`.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |error| LockError::File { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; that somebody does is what counts.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.is_empty() { "unknown".to_owned() } else { holder.trim().to_owned() };
                return Err(LockError::Held { database: database.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        writeln!(file, "{}", holder()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// What this server calls itself towards a second one.
pub(crate) fn holder() -> String {
    format!("process {} on {}", std::process::id(), host())
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this host".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_the_same_database_is_told_who_runs() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("offhook.db");
        let first = InstanceLock::take(&database).unwrap();
        let words = InstanceLock::take(&database).unwrap_err().to_string();
        assert!(words.contains(&format!("process {}", std::process::id())), "{words}");
        drop(first);
        InstanceLock::take(&database).unwrap();
    }
}
