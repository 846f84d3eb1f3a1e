//! The machine as the needs see it: a seam, so that what a bare or an old machine would be told can be tested.

use std::path::Path;

use crate::shell;

/// What can be asked of a machine without changing it.
pub(crate) trait Machine {
    /// What a program prints; none when it is missing or fails.
    fn said(&self, program: &str, args: &[&str]) -> Option<String>;

    /// Whether a file is there.
    fn has_file(&self, path: &str) -> bool;

    /// The names in a folder; none when it is missing.
    fn names_in(&self, folder: &str) -> Vec<String>;

    /// Whether a program runs and is content.
    fn answers(&self, program: &str, args: &[&str]) -> bool {
        self.said(program, args).is_some()
    }
}

/// The machine we run on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThisMachine;

impl Machine for ThisMachine {
    fn said(&self, program: &str, args: &[&str]) -> Option<String> {
        shell::said(program, args)
    }

    fn has_file(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn names_in(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }
}
