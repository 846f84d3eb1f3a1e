//! Claims: one holder, one answer, a day, and nobody else's.

use std::time::Duration;

use offhook_core::id::CallId;
use offhook_core::ports::{Claim, Claims, KeptAnswer, Standing};
use offhook_core::time::Time;
use offhook_store::Store;

use super::calls::together;
use crate::bench::{Bench, House, fresh, house, secs};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn claim(house: &House, name: u8, at: Time) -> Claim {
    Claim {
        tenant: house.tenant.id.clone(),
        name: [name; 32],
        request: [9; 32],
        holder: "process 1".to_owned(),
        call: CallId::from_uuid(fresh()),
        at,
        until: at + DAY,
    }
}

pub(super) fn canary() -> KeptAnswer {
    KeptAnswer {
        status: 201,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: "{\"to\":\"canaryAnswer +447700900123 ☎\"}".to_owned(),
    }
}

async fn stands(store: &Store, claim: &Claim) -> Standing {
    store.claim(claim).await.unwrap().expect("it was claimed before")
}

pub(crate) async fn a_claim_is_taken_once_and_its_answer_is_kept_for_a_day(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = claim(&house, 1, secs(0));
    assert_eq!(store.claim(&first).await.unwrap(), None);
    let again = claim(&house, 1, secs(5));
    assert_eq!(stands(&store, &again).await, Standing { claim: first.clone(), answer: None });

    Claims::answer(&store, &first, &canary()).await.unwrap();
    let late = KeptAnswer { status: 500, ..canary() };
    Claims::answer(&store, &first, &late).await.unwrap();
    store.release(&first).await.unwrap();
    store.close().await;
    let store = database.open().await;
    let kept = Standing { claim: first.clone(), answer: Some(canary()) };
    assert_eq!(stands(&store, &again).await, kept, "the first answer, over a restart");
    let almost = claim(&house, 1, secs(86_399));
    assert_eq!(stands(&store, &almost).await.answer, Some(canary()));
    assert_eq!(store.claim(&claim(&house, 1, secs(86_400))).await.unwrap(), None, "a day later it is new");
    assert_eq!(database.count("SELECT COUNT(*) FROM claims").await, 1, "what is over was swept");
}

pub(crate) async fn of_fifty_who_claim_at_once_one_gets_it(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let told = together((0..50).map(|_| {
        let (store, claim) = (store.clone(), claim(&house, 1, secs(0)));
        async move { (claim.clone(), store.claim(&claim).await.unwrap()) }
    }))
    .await;
    let won: Vec<&Claim> = told.iter().filter(|(_, it)| it.is_none()).map(|(claim, _)| claim).collect();
    assert_eq!(won.len(), 1);
    for (_, standing) in &told {
        assert!(standing.as_ref().is_none_or(|standing| standing.claim == *won[0]));
    }
}

pub(crate) async fn a_holder_that_is_gone_is_followed_by_one(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let gone = claim(&house, 1, secs(0));
    store.claim(&gone).await.unwrap();
    let next = Claim { holder: "process 2".to_owned(), ..claim(&house, 1, secs(60)) };
    assert!(store.take_over(&gone, &next).await.unwrap());
    assert!(!store.take_over(&gone, &next).await.unwrap(), "it stands as it was no more");
    Claims::answer(&store, &gone, &canary()).await.unwrap();
    assert_eq!(
        stands(&store, &gone).await,
        Standing { claim: next.clone(), answer: None },
        "it is not theirs"
    );
    Claims::answer(&store, &next, &canary()).await.unwrap();
    let third = Claim { holder: "process 3".to_owned(), ..claim(&house, 1, secs(90)) };
    assert!(!store.take_over(&next, &third).await.unwrap(), "what is answered stays");
}

pub(crate) async fn a_claim_that_is_given_up_can_be_taken_again(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = claim(&house, 1, secs(0));
    store.claim(&first).await.unwrap();
    store.release(&Claim { holder: "process 2".to_owned(), ..first.clone() }).await.unwrap();
    assert_eq!(stands(&store, &first).await.claim, first, "not theirs to give up");
    store.release(&first).await.unwrap();
    assert_eq!(store.claim(&first).await.unwrap(), None);
}

pub(crate) async fn claims_of_two_tenants_and_their_answers_stay_apart(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let (our, their) = (claim(&ours, 1, secs(0)), claim(&theirs, 1, secs(0)));
    assert_eq!(store.claim(&our).await.unwrap(), None);
    assert_eq!(store.claim(&their).await.unwrap(), None);
    Claims::answer(&store, &our, &canary()).await.unwrap();
    assert_eq!(stands(&store, &their).await.answer, None);
    // An answer carried to another row by somebody with a shell does not open there.
    let moved = "UPDATE claims SET answer = (SELECT answer FROM claims WHERE answer IS NOT NULL)";
    database.sql(moved).await;
    assert!(store.claim(&their).await.is_err());
    assert_eq!(stands(&store, &our).await.answer, Some(canary()));
}
