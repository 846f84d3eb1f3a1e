//! What is wrong with a session description, for the person who wrote it.

use std::fmt;

/// A session description that is not taken, with the place and the remedy.
///
/// Names lines and attributes, never their values: those are secrets and addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SdpError {
    line: Option<usize>,
    subject: &'static str,
    wrong: &'static str,
    remedy: &'static str,
}

impl SdpError {
    pub(super) const fn new(
        line: Option<usize>,
        subject: &'static str,
        wrong: &'static str,
        remedy: &'static str,
    ) -> Self {
        Self { line, subject, wrong, remedy }
    }

    /// The line, counted from 1, when one line is to blame.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The attribute or field, such as `a=setup`.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        self.subject
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn wrong(&self) -> &'static str {
        self.wrong
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{} {}: {}", self.subject, self.wrong, self.remedy)
    }
}

impl std::error::Error for SdpError {}
