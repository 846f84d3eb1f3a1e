//! Files of contacts: what their columns mean, and what their rows make of the contacts that are there.
//!
//! A file is read in parts; a part is settled at once and written at once, so that whoever goes on after a crash
//! begins with a part nobody has written. Rows are changes in the order they come: the second row with a phone
//! number changes what the first has made, and a file that is read twice changes nothing the second time.

mod columns;

mod settle;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::id::{ImportId, TenantId};
use crate::time::Time;

pub use columns::{Columns, HeaderProblem};
pub use settle::{Part, Settled};

/// Rows of a part: so many that a transaction's cost is shared, so few that nobody waits for it.
pub const PART: usize = 1_000;

/// How long a finished import is told of, with the rows it rejected.
pub const KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// How long an upload may take before its beginning is thrown away.
pub const ARRIVES_WITHIN: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// A file of contacts on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Ours.
    pub id: ImportId,
    /// Whose.
    pub tenant: TenantId,
    /// How far it is.
    pub state: Progress,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Parts that were read.
    pub part: u32,
    /// What became of the rows so far.
    pub counts: Counts,
    /// When it came.
    pub created_at: Time,
    /// When it last went on.
    pub updated_at: Time,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The file is still coming.
    Receiving,
    /// It is there whole and will be read.
    Waiting,
    /// It is being read.
    Running,
    /// It was read to its end.
    Completed,
    /// It cannot be read on.
    Failed,
}

impl Progress {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Receiving, Self::Waiting, Self::Running, Self::Completed, Self::Failed];

    /// The word used in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All there are in the file.
    pub total: u64,
    /// Made a contact.
    pub created: u64,
    /// Changed one.
    pub updated: u64,
    /// Said what was known.
    pub unchanged: u64,
    /// Broke a rule.
    pub rejected: u64,
}

impl Counts {
    /// Both together; the total is of the first.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            total: self.total,
            created: self.created + more.created,
            updated: self.updated + more.updated,
            unchanged: self.unchanged + more.unchanged,
            rejected: self.rejected + more.rejected,
        }
    }

    /// Rows that were dealt with.
    #[must_use]
    pub const fn done(self) -> u64 {
        self.created + self.updated + self.unchanged + self.rejected
    }
}

/// A row of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its place as spreadsheets count: the header is 1.
    pub line: u64,
    /// What it says, by column.
    pub cells: Vec<String>,
    /// Why it is no row, when it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

impl std::fmt::Debug for Row {
    /// What people wrote about others does not print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A row that broke a rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its line.
    pub line: u64,
    /// Which rule, in words.
    pub reason: String,
    /// The row as it came.
    pub cells: Vec<String>,
}

impl std::fmt::Debug for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejected").field("line", &self.line).finish_non_exhaustive()
    }
}
