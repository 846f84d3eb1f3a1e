//! The promises on PostgreSQL: one test, because starting a server takes a second.

use crate::bench::{self, Bench};
use crate::cases::{self, every_case};
use crate::postgres::Postgres;
use offhook_core::ports::{StoreFault, Tenants};

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
