//! The promises on SQLite, and what only a file promises.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use offhook_core::call::CallRecord;
use offhook_core::event::CallEvent;
use offhook_core::id::CallId;
use offhook_core::ports::{
    Calls, Contacts, Erasure, Events, Inbox, Keys, Knock, News, Sessions, StoreFault, Tenants, Ticket,
};
use sqlx::Connection;
use tempfile::TempDir;

use crate::bench::{self, ACCESS_TOKEN, Bench, House, PASSWORD, commit, house, secs};
use crate::cases::{self, every_case};

fn database_in(folder: &Path) -> Bench {
    Bench::at(format!("sqlite:{}", folder.join("offhook.db").display()))
}

fn fresh_database() -> (TempDir, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let database = database_in(folder.path());
    (folder, database)
}

macro_rules! one_test_each {
    ($($room:ident::$case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (_folder, database) = super::fresh_database();
                    super::cases::$room::$case(&database).await;
                }
            )*
        }
    };
}

every_case!(one_test_each);

#[tokio::test]
async fn only_the_owner_reads_the_files() {
    let (folder, database) = fresh_database();
    let store = database.open().await;
    bench::tenant(&store, "Company").await;
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        seen.push(entry.file_name().into_string().unwrap());
    }
    seen.sort();
    assert_eq!(seen, ["offhook.db", "offhook.db-shm", "offhook.db-wal"]);
}

#[tokio::test]
async fn a_path_that_cannot_be_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |url: String, expected: &str| {
        let told = Bench::at(url).try_open().await.err().unwrap().to_string();
        assert!(told.contains(expected), "{told}");
    };
    let absent = folder.path().join("absent");
    check(
        format!("sqlite:{}/offhook.db", absent.display()),
        "absent for the database does not exist; create it",
    )
    .await;
    check(format!("sqlite:{}", folder.path().display()), "is a directory").await;
    check("mysql://root@localhost/x".to_owned(), "it must begin with sqlite: or postgres://").await;

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, but long enough to be taken for one by its size alone".repeat(20))
        .unwrap();
    check(format!("sqlite:{}", text.display()), "the database cannot be opened: file is not a database")
        .await;
}

#[tokio::test]
async fn a_path_with_unusual_characters_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("50% off #1 é.db");
    let database = Bench::at(format!("sqlite:{}", path.display()));
    let store = database.open().await;
    bench::tenant(&store, "Company").await;
    store.close().await;
    assert!(path.metadata().unwrap().len() > 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn no_secret_is_in_the_files() {
    let (folder, database) = fresh_database();
    let store = database.open().await;
    let house = house(&store, 1).await;
    let key = store.mint(cases::secrets::new_key(&house)).await.unwrap().text;
    let session = Sessions::open(&store, &house.agent, secs(0), secs(10)).await.unwrap();
    let ticket =
        store.issue_ticket(&Ticket { person: house.agent.clone(), until: secs(10), by: None }).await.unwrap();
    let secrets = [ACCESS_TOKEN, PASSWORD, &key, &key[34..77], &session, &ticket];
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect::<Vec<u8>>()
    };
    let holds = |text: &str| files().windows(text.len()).any(|part| part == text.as_bytes());
    for secret in secrets {
        assert!(!holds(secret), "a secret was written as it is, before the store closed");
    }
    assert!(holds(&house.agent.email), "the search finds what is there");
    store.close().await;
    for secret in secrets {
        assert!(!holds(secret), "a secret was written as it is, after the store closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trace_of_whoever_is_erased_is_in_the_files() {
    let (folder, database) = fresh_database();
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    cases::erasure::crowd(&store, &house, 1).await;
    let id = cases::erasure::scene(&store, &house).await;
    cases::erasure::crowd(&store, &house, 2).await;
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect::<Vec<u8>>()
    };
    let holds = |files: &[u8], text: &str| files.windows(text.len()).any(|part| part == text.as_bytes());
    let before = files();
    assert!(cases::erasure::TRACES.iter().all(|text| holds(&before, text)), "the search finds what is there");

    let erased = Contacts::erase(&store, tenant, &id, secs(100)).await.unwrap();
    assert!(matches!(erased, Erasure::Erased(_)), "{erased:?}");
    let after = files();
    for text in cases::erasure::TRACES {
        assert!(!holds(&after, text), "{text} is still in the files");
    }
    assert!(holds(&after, "447700901005"), "others stay");
    store.close().await;
}

#[tokio::test]
async fn a_locked_database_is_a_fault_until_it_is_free() {
    let (_folder, database) = fresh_database();
    let store = database.open().await;
    let tenant = bench::tenant(&store, "Company").await;
    let mut shell = sqlx::AnyConnection::connect(&database.url).await.unwrap();
    let lock = shell.begin_with("BEGIN IMMEDIATE").await.unwrap();

    assert!(matches!(store.check().await, Err(StoreFault::Unavailable(_))));
    assert_eq!(Tenants::all(&store).await.unwrap(), [tenant], "reading goes on");

    lock.rollback().await.unwrap();
    store.check().await.unwrap();
    bench::tenant(&store, "Another").await;
}

/// Set for the process that is killed: the folder to write in.
const VICTIM: &str = "OFFHOOK_STORE_TEST_VICTIM";

/// Commits that are acknowledged before the kill.
const ACKNOWLEDGED: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        return write_until_killed(&database_in(Path::new(&folder))).await;
    }
    let (folder, database) = fresh_database();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::a_killed_process_loses_nothing_it_acknowledged", "--nocapture"])
        .env(VICTIM, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let acknowledged: Vec<CallId> = said
        .filter_map(|line| CallId::parse(line.strip_prefix("acknowledged ")?))
        .take(ACKNOWLEDGED)
        .collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(acknowledged.len(), ACKNOWLEDGED, "it wrote until it was killed");

    let store = database.open().await;
    for id in &acknowledged {
        assert!(store.find(id).await.unwrap().is_some(), "{id} was acknowledged and is gone");
    }
    let tenant = Tenants::all(&store).await.unwrap().remove(0);
    let head = store.head(&tenant.id).await.unwrap();
    assert!(head >= u64::try_from(ACKNOWLEDGED).unwrap());
    assert_eq!(u64::try_from(store.live().await.unwrap().len()).unwrap(), head, "whole commits only");
    let knocks = store.pending(0, 1000).await.unwrap().len();
    assert!(knocks >= ACKNOWLEDGED, "a knock is taken in before its call");
    assert_eq!(
        database.count("SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'").await,
        0
    );
}

/// Four writers at once, so that the kill falls into a group.
async fn write_until_killed(database: &Bench) {
    let store = database.open().await;
    let house: &'static House = Box::leak(Box::new(house(&store, 1).await));
    let writers = (0..4).map(|_| {
        let store = store.clone();
        async move {
            loop {
                let record: CallRecord = house.call(secs(0));
                let id = record.id.clone();
                let news = permission(house);
                let knock = Knock { key: id.to_string(), received_at: secs(0), raw: "{}".to_owned(), news };
                store.take_in(&[knock]).await.unwrap();
                store.commit(&commit(&record, vec![CallEvent::Incoming])).await.unwrap();
                println!("acknowledged {id}");
            }
        }
    });
    let _: Vec<std::convert::Infallible> = cases::calls::together(writers).await;
}

fn permission(house: &House) -> News {
    News::Permission(offhook_core::meta::PermissionReply {
        number: house.number.meta_id.clone(),
        party: offhook_core::meta::Party::default(),
        at: secs(0),
        granted: true,
        expires_at: None,
        automatic: false,
    })
}
