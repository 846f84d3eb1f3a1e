//! Values that must not print, and reading them from files.

use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BadConfig;

/// What is shown in place of a secret.
const MASK: &str = "********";

/// A secret value. Prints as a mask everywhere.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a secret's text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text, for the use at hand.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// As other crates take secrets.
    #[must_use]
    pub fn to_secrecy(&self) -> SecretString {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The address of a database. The password inside it does not print.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// Wraps an address.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The whole address, for opening the database.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The file of a SQLite database; none for PostgreSQL.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&Path> {
        let path = self.expose().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(Path::new(path.split('?').next().unwrap_or(path)))
    }

    /// The address with its password masked.
    #[must_use]
    pub fn masked(&self) -> String {
        let text = self.expose();
        let Ok(mut url) = url::Url::parse(text) else { return MASK.to_owned() };
        if url.password().is_none() {
            return text.to_owned();
        }
        // Only addresses that cannot carry a password refuse one, and this one had one.
        let _ = url.set_password(Some(MASK));
        url.to_string()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Reads a secret from a file, without the line end editors leave behind.
///
/// # Errors
/// [`BadConfig`] naming `key` when the file cannot be read, is empty, or is open to everybody.
pub fn read_file(key: &str, path: &Path) -> Result<String, BadConfig> {
    if open_to_everybody(path) {
        let path = path.display();
        let remedy = format!("{key}: {path}: the file is open to everybody; run: chmod 600 {path}");
        return Err(BadConfig::new(remedy));
    }
    read_passing_file(key, path)
}

/// As [`read_file`], for a file that a command reads once: who may read it is its owner's business.
///
/// # Errors
/// [`BadConfig`] naming `key` when the file cannot be read or is empty.
pub fn read_passing_file(key: &str, path: &Path) -> Result<String, BadConfig> {
    let wrong = |what: String| BadConfig::new(format!("{key}: {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.kind().to_string()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(wrong("the file is empty".to_owned()));
    }
    Ok(text.to_owned())
}

/// Whether accounts outside the owner and the group can read a file. Group bits are left alone: service
/// managers hand secrets over through a group.
pub(crate) fn open_to_everybody(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0)
}
