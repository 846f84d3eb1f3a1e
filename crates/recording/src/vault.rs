//! Storage: a folder or an S3-compatible bucket, through one interface. What lies in it is sealed.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path as FilePath;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use offhook_core::id::{RecordingId, TenantId};
use offhook_core::recording::StoredSound;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes in one part of an upload: S3 takes no part below 5 MiB but the last.
const PART: usize = 8 << 20;

/// Bytes read from the disk at a time.
const BLOCK: usize = 64 * 1024;

/// Where recordings are kept.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// Why something is not stored, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum VaultFault {
    /// The address makes no sense.
    #[error("recordings.url: {0}")]
    Address(String),
    /// There is no such object.
    #[error("the recording is not in storage")]
    Missing,
    /// Storage refuses or cannot be reached.
    #[error("storage: {0}")]
    Storage(&'static str),
    /// It took too long.
    #[error("storage does not answer in time")]
    Slow,
    /// What is to be stored cannot be read.
    #[error("the spool: {0}")]
    Spool(io::Error),
}

impl Vault {
    /// Storage at `url`: `file:PATH` or `s3://bucket/prefix`. Credentials, region and endpoint of a bucket come
    /// from the `AWS_…` environment, and `options` (`endpoint`, `region`, `access_key_id`, …) go before it.
    ///
    /// # Errors
    /// [`VaultFault::Address`].
    pub fn open(url: &str, options: &[(String, String)]) -> Result<Self, VaultFault> {
        if let Some(path) = url.strip_prefix("file://").or_else(|| url.strip_prefix("file:")) {
            return Self::folder(FilePath::new(path));
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            return Err(VaultFault::Address("it must begin with file: or s3://".to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(VaultFault::Address("s3:// needs a bucket, as in s3://bucket/prefix".to_owned()));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/'))
            .map_err(|_| VaultFault::Address("its prefix has characters a path cannot have".to_owned()))?;
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        for (name, value) in options {
            let key: AmazonS3ConfigKey =
                name.parse().map_err(|_| VaultFault::Address(format!("there is no option {name}")))?;
            builder = builder.with_config(key, value);
        }
        let store = builder.build().map_err(|_| {
            VaultFault::Address("the bucket's region, endpoint or credentials are missing".to_owned())
        })?;
        Ok(Self { store: Arc::new(store), prefix })
    }

    /// A folder, made if it is not there, for its owner's eyes only.
    fn folder(path: &FilePath) -> Result<Self, VaultFault> {
        let failed = || VaultFault::Address(format!("the folder {} cannot be used", path.display()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|_| failed())?;
        // A spool is removed once its object is stored, so it must be on the disk by then.
        let store = LocalFileSystem::new_with_prefix(path).map_err(|_| failed())?.with_fsync(true);
        Ok(Self { store: Arc::new(store), prefix: Path::default() })
    }

    /// Storage that is gone with the process, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { store: Arc::new(InMemory::new()), prefix: Path::default() }
    }

    /// All object names and sizes: what backups and tests look at.
    ///
    /// # Errors
    /// [`VaultFault`].
    pub async fn list(&self) -> Result<Vec<(String, u64)>, VaultFault> {
        let listed =
            self.store.list(Some(&self.prefix)).map_ok(|meta| (meta.location.to_string(), meta.size));
        listed.try_collect().await.map_err(|error| told(&error))
    }

    /// The object called `name` as it lies there.
    ///
    /// # Errors
    /// [`VaultFault`].
    pub async fn raw(&self, name: &str) -> Result<Bytes, VaultFault> {
        let got = self.store.get(&Path::from(name)).await.map_err(|error| told(&error))?;
        got.bytes().await.map_err(|error| told(&error))
    }

    /// Stores the file under the recording's name and tells what was stored.
    pub(crate) async fn put(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
        file: &FilePath,
    ) -> Result<StoredSound, VaultFault> {
        let name = self.name(tenant, id);
        let mut file = tokio::fs::File::open(file).await.map_err(VaultFault::Spool)?;
        let mut upload = BufWriter::with_capacity(self.store.clone(), name.clone(), PART);
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut bytes = 0;
        let mut block = vec![0; BLOCK];
        loop {
            let count = file.read(&mut block).await.map_err(VaultFault::Spool)?;
            if count == 0 {
                break;
            }
            hash.update(&block[..count]);
            bytes += count as u64;
            let put = upload.put(Bytes::copy_from_slice(&block[..count])).await;
            put.map_err(|error| told(&error))?;
        }
        upload.shutdown().await.map_err(|_| VaultFault::Storage("it did not take the recording"))?;
        let there = self.store.head(&name).await.map_err(|error| told(&error))?;
        if there.size != bytes {
            return Err(VaultFault::Storage("it holds less than it was given"));
        }
        let checksum = hash.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes");
        Ok(StoredSound { bytes, checksum })
    }

    /// The object's bytes as they come.
    pub(crate) async fn read(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
    ) -> Result<BoxStream<'static, Result<Bytes, VaultFault>>, VaultFault> {
        let got = self.store.get(&self.name(tenant, id)).await.map_err(|error| told(&error))?;
        Ok(got.into_stream().map_err(|error| told(&error)).boxed())
    }

    /// Removes the object, if it is there.
    pub(crate) async fn delete(&self, tenant: &TenantId, id: &RecordingId) -> Result<(), VaultFault> {
        match self.store.delete(&self.name(tenant, id)).await.map_err(|error| told(&error)) {
            Err(VaultFault::Missing) => Ok(()),
            other => other,
        }
    }

    /// Opaque: two ids.
    fn name(&self, tenant: &TenantId, id: &RecordingId) -> Path {
        self.prefix.clone().join(tenant.as_str()).join(format!("{id}.sealed"))
    }
}

/// In words of ours: the library's hold paths, addresses and whatever storage answered.
fn told(error: &object_store::Error) -> VaultFault {
    match error {
        object_store::Error::NotFound { .. } => VaultFault::Missing,
        object_store::Error::PermissionDenied { .. } => VaultFault::Storage("it denies permission"),
        object_store::Error::Unauthenticated { .. } => {
            VaultFault::Storage("it does not know the credentials")
        }
        _ => VaultFault::Storage("it failed"),
    }
}
