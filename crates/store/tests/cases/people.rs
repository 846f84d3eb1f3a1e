//! People: passwords, addresses, presence.

use offhook_core::house::{Person, Presence};
use offhook_core::ports::{People, StoreFault};

use crate::bench::{Bench, PASSWORD, house, new_person, tenant};

pub(crate) async fn people_sign_in_however_they_type_their_address(database: &Bench) {
    let store = database.open().await;
    let tenant = tenant(&store, "Company").await;
    let alice = People::add(&store, new_person(&tenant, "  Alice@Company.Example ")).await.unwrap();
    assert_eq!(alice.email, "alice@company.example");

    for typed in ["alice@company.example", " ALICE@company.EXAMPLE"] {
        assert_eq!(store.sign_in(typed, PASSWORD).await.unwrap(), Some(alice.clone()));
    }
    for (email, password) in [
        ("alice@company.example", "wrong"),
        ("alice@company.example", ""),
        ("bob@company.example", PASSWORD),
        ("", ""),
    ] {
        assert_eq!(store.sign_in(email, password).await.unwrap(), None, "{email:?}");
    }
    assert_eq!(People::load(&store, &tenant.id, &alice.id).await.unwrap(), Some(alice));
}

pub(crate) async fn an_address_is_taken_once_for_all_tenants(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (tenant(&store, "Ours").await, tenant(&store, "Theirs").await);
    People::add(&store, new_person(&ours, "alice@example.com")).await.unwrap();
    for again in [&ours, &theirs] {
        let answer = People::add(&store, new_person(again, "Alice@Example.com")).await;
        assert!(matches!(answer, Err(StoreFault::Exists("a person with this address"))), "{answer:?}");
    }
}

pub(crate) async fn presence_is_remembered(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    assert_eq!(house.agent.presence, Presence::Away);
    store.set_presence(&house.agent.id, Presence::Available).await.unwrap();
    let expected = Person { presence: Presence::Available, ..house.agent.clone() };
    assert_eq!(People::all(&store, &house.tenant.id).await.unwrap(), [expected]);
}
