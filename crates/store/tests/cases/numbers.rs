//! Business numbers and their tokens.

use offhook_core::call::table::BotUrl;
use offhook_core::house::MediaMode;
use offhook_core::id::{MetaNumberId, NumberId};
use offhook_core::ports::{NewNumber, Numbers, Tenants};

use crate::bench::{ACCESS_TOKEN, Bench, fresh, house, new_number, number, tenant};

pub(crate) async fn a_number_is_found_by_every_id(database: &Bench) {
    let store = database.open().await;
    let tenant = tenant(&store, "Company").await;
    assert_eq!(Tenants::load(&store, &tenant.id).await.unwrap(), Some(tenant.clone()));
    assert_eq!(Tenants::all(&store).await.unwrap(), std::slice::from_ref(&tenant));

    let first = number(&store, &tenant, "106540352539991").await;
    let second = number(&store, &tenant, "106540352539992").await;
    assert_eq!(store.by_meta_id(&first.meta_id).await.unwrap(), Some(first.clone()));
    assert_eq!(Numbers::load(&store, &tenant.id, &second.id).await.unwrap(), Some(second.clone()));
    assert_eq!(Numbers::all(&store, &tenant.id).await.unwrap(), [first.clone(), second]);
    assert_eq!(store.access_token(&first.id).await.unwrap().as_deref(), Some(ACCESS_TOKEN));

    let unknown = MetaNumberId::parse("999").unwrap();
    assert_eq!(store.by_meta_id(&unknown).await.unwrap(), None);
    assert_eq!(store.access_token(&NumberId::from_uuid(fresh())).await.unwrap(), None);
}

pub(crate) async fn who_carries_a_numbers_sound_is_its_tenants_to_say(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (tenant(&store, "Ours").await, tenant(&store, "Theirs").await);
    let number = number(&store, &ours, "106540352539991").await;
    for mode in [MediaMode::Bridge, MediaMode::Relay] {
        let set = store.set_media_mode(&ours.id, &number.id, mode).await.unwrap().unwrap();
        assert_eq!(set.media_mode, mode);
        assert_eq!(store.set_media_mode(&theirs.id, &number.id, MediaMode::Bridge).await.unwrap(), None);
        assert_eq!(store.by_meta_id(&number.meta_id).await.unwrap(), Some(set));
    }
}

pub(crate) async fn a_voice_bot_of_a_number_is_its_tenants_to_say_and_sealed(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (tenant(&store, "Ours").await, tenant(&store, "Theirs").await);
    let number = number(&store, &ours, "106540352539991").await;
    assert_eq!(store.inbound_bot(&number.id).await.unwrap(), None);
    let bot = BotUrl::new("wss://bot.example.com/voice?key=canary").unwrap();
    assert!(store.set_inbound_bot(&ours.id, &number.id, Some(&bot)).await.unwrap());
    assert_eq!(store.inbound_bot(&number.id).await.unwrap(), Some(bot.clone()));
    assert!(!store.set_inbound_bot(&theirs.id, &number.id, None).await.unwrap());
    assert_eq!(store.inbound_bot(&number.id).await.unwrap(), Some(bot));
    assert!(store.set_inbound_bot(&ours.id, &number.id, None).await.unwrap());
    assert_eq!(store.inbound_bot(&number.id).await.unwrap(), None);
}

pub(crate) async fn a_meta_number_is_connected_once(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (tenant(&store, "Ours").await, tenant(&store, "Theirs").await);
    let first = number(&store, &ours, "106540352539991").await;
    for again in [&ours, &theirs] {
        let answer = Numbers::add(&store, new_number(again, "106540352539991")).await;
        assert_eq!(answer.unwrap_err().to_string(), "a number with this WhatsApp id exists already");
    }
    assert_eq!(store.by_meta_id(&first.meta_id).await.unwrap(), Some(first));
}

pub(crate) async fn an_access_token_opens_only_in_its_own_row(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let same_tenant = NewNumber { access_token: "other".to_owned(), ..new_number(&ours.tenant, "777") };
    let same_tenant = Numbers::add(&store, same_tenant).await.unwrap();
    for stolen in [&theirs.number.id, &same_tenant.id] {
        let from = ours.number.id.as_str();
        database
            .sql(&format!(
                "UPDATE numbers SET access_token = (SELECT access_token FROM numbers WHERE id = '{from}') \
                 WHERE id = '{stolen}'"
            ))
            .await;
        let answer = store.access_token(stolen).await;
        let told = answer.unwrap_err().to_string();
        assert_eq!(told, format!("stored data cannot be read: the access token of {stolen} does not open"));
    }
    assert_eq!(store.access_token(&ours.number.id).await.unwrap().as_deref(), Some(ACCESS_TOKEN));
}
