//! `offhook config …`.

use clap::Subcommand;

use super::{ConfigFlags, say};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum Settings {
    /// Read and check everything, open nothing; ends with code 78 when something is wrong.
    Check(ConfigFlags),
    /// Print what is in force, with secrets masked.
    Print(ConfigFlags),
    /// Print the reference of all keys, in Markdown.
    Schema,
}

impl Settings {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Check(flags) => {
                flags.load()?;
                say("configuration: right")
            }
            Self::Print(flags) => say(config::print(&flags.load()?).trim_end()),
            Self::Schema => say(config::schema().trim_end()),
        }
    }
}
