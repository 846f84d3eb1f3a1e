//! The promises on PostgreSQL: one test, because starting a server takes a second.

use crate::bench::{self, Bench};
use crate::cases::{self, every_case};
use crate::postgres::Postgres;
use offhook_core::ports::{StoreFault, Tenants};
use offhook_store::{Lease, OpenError};

macro_rules! on_one_server {
    ($($room:ident::$case:ident),* $(,)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres_keeps_every_promise() {
            let server = Postgres::start();
            let mut number = 0;
            $(
                number += 1;
                eprintln!(concat!("postgres: ", stringify!($room), "::", stringify!($case)));
                let database = Bench::at(server.database(&format!("case_{number}")));
                cases::$room::$case(&database).await;
            )*
            assert!(number > 0);
        }
    };
}

every_case!(on_one_server);

#[tokio::test]
async fn a_server_that_stops_is_a_fault_and_one_that_returns_is_used_again() {
    let mut server = Postgres::start();
    let database = Bench::at(server.database("returns"));
    let store = database.open().await;
    let tenant = bench::tenant(&store, "Company").await;

    server.stop();
    assert!(matches!(store.check().await, Err(StoreFault::Unavailable(_))));
    assert!(matches!(Tenants::all(&store).await, Err(StoreFault::Unavailable(_))));

    server.restart();
    store.check().await.unwrap();
    assert_eq!(Tenants::all(&store).await.unwrap(), [tenant]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    let database = Bench::at("postgres://app:canary-password@127.0.0.1:1/offhook");
    let told = database.try_open().await.err().unwrap().to_string();
    assert!(told.starts_with("the database cannot be opened: "), "{told}");
    assert!(!told.contains("canary-password"), "{told}");
}

#[tokio::test]
async fn a_database_has_one_server_also_when_its_session_breaks() {
    let server = Postgres::start();
    let database = Bench::at(server.database("one"));
    let take = async |who: &str| Lease::take(&database.url, who).await.map(|lease| lease.unwrap());
    let holder = "SELECT COALESCE(MAX(pid), 0)::bigint FROM pg_locks WHERE locktype = 'advisory'";
    let broken = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
    let first = take("process 1 on north").await.unwrap();
    let refused = take("process 1 on north").await.err().unwrap();
    assert!(matches!(&refused, OpenError::Held(who) if who.starts_with("process 1 on north, ")), "{refused}");

    let before = database.count(holder).await;
    database.sql(broken).await;
    while [0, before].contains(&database.count(holder).await) {}
    assert!(matches!(take("process 2 on south").await, Err(OpenError::Held(_))), "it has taken it again");

    database.sql(broken).await;
    let second = take("process 2 on south").await.unwrap();
    first.lost().await;
    second.release().await;
    while database.count(holder).await != 0 {}
    drop(take("process 3 on east").await.unwrap());
    take("process 4 on west").await.expect("a server that went away is not waited for");
}
