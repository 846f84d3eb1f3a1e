//! The spool: a folder with one file per recording that is not in storage yet.
//!
//! `rec_….live` is being written, or was when the process died; `rec_….done` has its end and waits to be stored.
//! Everything else in the folder is left alone.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use offhook_core::id::RecordingId;

use crate::disk::sync_folder;

const LIVE: &str = "live";
const DONE: &str = "done";

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Spool(PathBuf);

/// What is in it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) live: Vec<RecordingId>,
    pub(crate) done: Vec<RecordingId>,
}

impl Spool {
    /// Makes the folder if it is not there, for its owner's eyes only.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self(folder.to_owned()))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn live(&self, id: &RecordingId) -> PathBuf {
        self.0.join(format!("{id}.{LIVE}"))
    }

    pub(crate) fn done(&self, id: &RecordingId) -> PathBuf {
        self.0.join(format!("{id}.{DONE}"))
    }

    /// The end is written: from now on it only waits to be stored.
    pub(crate) fn finish(&self, id: &RecordingId) -> io::Result<()> {
        fs::rename(self.live(id), self.done(id))?;
        sync_folder(&self.0)
    }

    /// Removes what there is of a recording, durably.
    pub(crate) fn remove(&self, id: &RecordingId) -> io::Result<()> {
        for path in [self.live(id), self.done(id)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync_folder(&self.0)
    }

    /// Names that are not ours, links and folders are passed over.
    pub(crate) fn look(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('.'));
            let Some((id, kind)) = parts.and_then(|(id, kind)| Some((RecordingId::parse(id)?, kind))) else {
                continue;
            };
            match kind {
                _ if !entry.file_type()?.is_file() => {}
                LIVE => found.live.push(id),
                DONE => found.done.push(id),
                _ => {}
            }
        }
        found.live.sort();
        found.done.sort();
        Ok(found)
    }
}
