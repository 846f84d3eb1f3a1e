//! The folder a run has to itself.

use std::path::PathBuf;

use anyhow::ensure;

/// Where a run keeps its files, and how it tells what it found.
#[derive(Debug, clap::Args)]
pub(super) struct Scratch {
    /// Folder for the database of the run; it must not exist, and is removed afterwards. Its disk is measured too.
    #[arg(long, default_value = ".offhook-bench", value_name = "FOLDER")]
    pub(super) data: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Scratch {
    /// Lends the folder to a run. Whatever happens, nothing of it is left.
    pub(super) async fn lend<T>(&self, run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        ensure!(!self.data.exists(), "{} exists; name another folder with --data", self.data.display());
        let found = run.await;
        let _ = std::fs::remove_dir_all(&self.data);
        found
    }
}
