//! The master key's file: made once, private, never replaced.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use offhook_store::{KeyError, MasterKey, Store};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_key_is_made_once_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let url = format!("sqlite:{}", folder.path().join("offhook.db").display());

    let key = MasterKey::load_or_create(&path, &url).await.unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    assert!(!format!("{key:?}").contains(written.trim()));
    Store::open(&url, key).await.unwrap().close().await;

    let again = MasterKey::load_or_create(&path, &url).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    Store::open(&url, again).await.unwrap().close().await;
    let configured = MasterKey::parse(&written).unwrap();
    Store::open(&url, configured).await.unwrap().close().await;
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_while_data_exists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let url = format!("sqlite:{}", folder.path().join("offhook.db").display());
    let key = MasterKey::load_or_create(&path, &url).await.unwrap();
    Store::open(&url, key).await.unwrap().close().await;
    std::fs::remove_file(&path).unwrap();

    let told = MasterKey::load_or_create(&path, &url).await.unwrap_err().to_string();
    assert!(told.contains("master.key is missing, but the database holds data"), "{told}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_key_that_everybody_can_read_or_nobody_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let url = format!("sqlite:{}", folder.path().join("offhook.db").display());
    MasterKey::load_or_create(&path, &url).await.unwrap();

    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let told = MasterKey::load_or_create(&path, &url).await.unwrap_err().to_string();
    assert!(told.contains("run: chmod 600"), "{told}");

    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    MasterKey::load_or_create(&path, &url).await.unwrap();

    std::fs::remove_file(&path).unwrap();
    for spoiled in ["", "c2hvcnQ=", "not base64 at all"] {
        std::fs::write(&path, spoiled).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let error = MasterKey::load_or_create(&path, &url).await.unwrap_err();
        assert!(matches!(error, KeyError::Malformed(_)), "{error}");
    }

    let nowhere = folder.path().join("absent").join("master.key");
    let told = MasterKey::load_or_create(&nowhere, &url).await.unwrap_err().to_string();
    assert!(told.contains("absent for the master key does not exist"), "{told}");
}
