//! `database.url`: which database, and where.

use std::path::{Path, PathBuf};

use super::connect::OpenError;

/// A database's address, taken apart as far as this program acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the whole URL, which may hold a password.
    Postgres(String),
}

impl Address {
    /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        let path = path.ok_or(OpenError::Address("it must begin with sqlite: or postgres://"))?;
        if path.is_empty() || path.contains(":memory:") {
            return Err(OpenError::Address("sqlite: needs the path of a file, as in sqlite:offhook.db"));
        }
        if path.contains('?') {
            return Err(OpenError::Address("sqlite: takes a path and no options"));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

/// The folder a file is in; its own for a bare name.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The driver's URL for a file, every unusual byte escaped: paths may hold `%`, `#` and spaces.
pub(super) fn sqlite_url(file: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                url.push(char::from(*byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<Address>) {
        assert_eq!(Address::parse(url).ok(), expected, "{url}");
    }

    #[test]
    fn reads_addresses_as_people_write_them() {
        let sqlite = |path: &str| Some(Address::Sqlite(PathBuf::from(path)));
        let postgres = |url: &str| Some(Address::Postgres(url.to_owned()));
        check("sqlite:offhook.db", sqlite("offhook.db"));
        check("sqlite:./data/offhook.db", sqlite("./data/offhook.db"));
        check("sqlite:/var/lib/offhook.db", sqlite("/var/lib/offhook.db"));
        check("sqlite:///var/lib/offhook.db", sqlite("/var/lib/offhook.db"));
        check("postgres://app@db/offhook", postgres("postgres://app@db/offhook"));
        check("postgresql://app@db/offhook", postgres("postgresql://app@db/offhook"));
        check("mysql://app@db/offhook", None);
        check("offhook.db", None);
        check("sqlite:", None);
        check("sqlite::memory:", None);
        check("sqlite:offhook.db?mode=ro", None);
    }

    #[test]
    fn escapes_unusual_paths_for_the_driver() {
        assert_eq!(sqlite_url(Path::new("/srv/100% é#1.db")), "sqlite:///srv/100%25%20%C3%A9%231.db");
    }
}
