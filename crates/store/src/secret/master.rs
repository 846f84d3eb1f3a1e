//! The master key and its file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::database::{self, OpenError};

/// Length of the key in bytes.
const KEY_LEN: usize = 32;

/// Bits of a file's mode that let strangers in. Group bits stay allowed: service managers and container
/// platforms hand secrets over through a group.
const STRANGERS: u32 = 0o007;

/// The key every stored secret is sealed under: 32 random bytes, kept beside the data and never in it.
///
/// Its text form, in a file or in configuration, is Base64 on one line.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_LEN]>);

/// Why there is no master key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Data exists, its key does not: a fresh key could not open anything.
    #[error(
        "the master key file {} is missing, but the database holds data that was sealed under it; \
         put the file back from where you keep it, or start with an empty database",
        .0.display()
    )]
    Lost(PathBuf),
    /// The file is there and does not hold a key.
    #[error("the master key in {} is not 32 bytes in Base64 on one line", .0.display())]
    Malformed(PathBuf),
    /// A configured text is not a key.
    #[error("the master key is not 32 bytes in Base64")]
    MalformedText,
    /// Everybody on this machine can read the file.
    #[error("the master key file {} is open to everybody; run: chmod 600 {}", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// The folder for a new key file is not there.
    #[error("the folder {} for the master key does not exist; create it or change the key's path", .0.display())]
    MissingFolder(PathBuf),
    /// The file cannot be read or written.
    #[error("the master key file {}: {}", .0.display(), .1)]
    File(PathBuf, io::ErrorKind),
    /// Whether data exists cannot be told.
    #[error(transparent)]
    Database(#[from] OpenError),
}

impl MasterKey {
    /// A key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key from its text form.
    ///
    /// # Errors
    /// [`KeyError::MalformedText`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes =
            Zeroizing::new(BASE64.decode(text.trim().as_bytes()).map_err(|_| KeyError::MalformedText)?);
        let bytes = <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| KeyError::MalformedText)?;
        Ok(Self::from_bytes(bytes))
    }

    /// The key in the file `path`. At the first start, when neither the file nor data in the database at
    /// `database_url` exists, a fresh key is made and written there with mode 0600, whole or not at all.
    ///
    /// # Errors
    /// [`KeyError`]; above all [`KeyError::Lost`] when data exists without its key.
    pub async fn load_or_create(path: &Path, database_url: &str) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::File(_, io::ErrorKind::NotFound)) => {}
            loaded => return loaded,
        }
        if database::holds_data(database_url).await? {
            return Err(KeyError::Lost(path.to_owned()));
        }
        match create(path) {
            // Another process starting at the same time was first; its key is the key.
            Ok(()) | Err(KeyError::File(_, io::ErrorKind::AlreadyExists)) => Self::load(path),
            Err(error) => Err(error),
        }
    }

    /// The key in the file `path`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |error: io::Error| KeyError::File(path.to_owned(), error.kind());
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & STRANGERS != 0 {
            return Err(KeyError::Exposed(path.to_owned()));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        Self::parse(&text).map_err(|_| KeyError::Malformed(path.to_owned()))
    }

    /// Thirty-two bytes for another purpose, the same at every start. They tell nothing about the key or
    /// about what is derived for other purposes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; KEY_LEN] {
        // Sealing uses labels of its own, so no purpose can meet one of its keys.
        let label = [b"offhook/derive/1/".as_slice(), purpose.as_bytes()];
        let mut bytes = [0; KEY_LEN];
        Salt::new(HKDF_SHA256, b"offhook")
            .extract(self.bytes())
            .expand(&label, HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut bytes))
            .expect("HKDF-SHA-256 gives its own hash's length");
        bytes
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Writes a fresh key to `path`: complete and on the disk, or not there. Never over an existing file.
fn create(path: &Path) -> Result<(), KeyError> {
    let failed = |error: io::Error| KeyError::File(path.to_owned(), error.kind());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(KeyError::MissingFolder(folder.to_owned()));
    }
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    rand::fill(bytes.as_mut_slice()).expect("the system's random source does not fail");
    let mut line = Zeroizing::new(BASE64.encode(bytes.as_slice()));
    line.push('\n');

    let draft = draft_beside(path);
    let result = write_durably(&draft, line.as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    result.map_err(failed)?;
    removed.map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// A name of its own for each writer, so that two of them cannot spoil each other's draft.
fn draft_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
