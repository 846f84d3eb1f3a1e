//! Permissions: what comes back, who wins a race, what is due, and whose they are.

use offhook_core::event::{Consent, Event};
use offhook_core::house::Calling;
use offhook_core::id::PermissionId;
use offhook_core::permission::{News, Permission, PermissionCommit, Standing};
use offhook_core::ports::{Events, Numbers, PermissionFilter, Permissions, PermissionsAfter, StoreFault};
use offhook_core::time::Time;

use crate::bench::{Bench, House, fresh, house, phone, secs};

pub(super) fn asked(house: &House, user: &str, at: Time) -> PermissionCommit {
    let fresh = Permission::begin(PermissionId::from_uuid(fresh()), &house.number, phone(user), at);
    fresh.fold(at, &[News::Asked { at }]).expect("news")
}

pub(crate) async fn a_permission_comes_back_as_it_was_written_with_its_event(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = asked(&house, "+447700900123", secs(1));
    let logged = Permissions::commit(&store, &first).await.unwrap();
    let [logged] = &logged[..] else { panic!("{logged:?}") };
    assert!(
        matches!(
            &logged.event,
            Event::Permission { state: Some(Standing::Requested), consent: Consent::Requested, .. }
        ),
        "{logged:?}"
    );
    let row = first.permission;
    let find = || store.find(&house.tenant.id, &house.number.id, &row.phone);
    assert_eq!(find().await.unwrap().as_ref(), Some(&row));
    let granted = row
        .fold(secs(9), &[News::Granted { at: secs(9), until: Some(secs(900)), automatic: false }])
        .unwrap();
    Permissions::commit(&store, &granted).await.unwrap();
    assert_eq!(find().await.unwrap(), Some(granted.permission));
    assert_eq!(store.head(&house.tenant.id).await.unwrap(), 2);
}

pub(crate) async fn of_two_writers_of_a_permission_one_wins(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (one, other) = (asked(&house, "+447700900123", secs(1)), asked(&house, "+447700900123", secs(2)));
    Permissions::commit(&store, &one).await.unwrap();
    let lost = Permissions::commit(&store, &other).await;
    assert!(matches!(lost, Err(StoreFault::Conflict)), "{lost:?}");
    let next = one.permission.fold(secs(3), &[News::Refused { at: secs(3), automatic: false }]).unwrap();
    Permissions::commit(&store, &next).await.unwrap();
    let again = Permissions::commit(&store, &next).await;
    assert!(matches!(again, Err(StoreFault::Conflict)), "{again:?}");
    // What was refused told nobody.
    assert_eq!(store.head(&house.tenant.id).await.unwrap(), 2);
}

pub(crate) async fn permissions_are_due_when_they_end_by_themselves(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let mut ends = Vec::new();
    for (user, until) in [("+447700900001", 500), ("+447700900002", 300)] {
        let commit = asked(&house, user, secs(1));
        Permissions::commit(&store, &commit).await.unwrap();
        let granted = News::Granted { at: secs(2), until: Some(secs(until)), automatic: false };
        let granted = commit.permission.fold(secs(2), &[granted]).unwrap();
        Permissions::commit(&store, &granted).await.unwrap();
        ends.push(granted.permission);
    }
    assert_eq!(store.due(secs(299), 10).await.unwrap(), []);
    assert_eq!(store.due(secs(300), 10).await.unwrap(), [ends[1].clone()]);
    assert_eq!(store.due(secs(900), 10).await.unwrap(), [ends[1].clone(), ends[0].clone()]);
    assert_eq!(store.due(secs(900), 1).await.unwrap().len(), 1);
    let over = ends[1].fold(secs(301), &[]).unwrap();
    Permissions::commit(&store, &over).await.unwrap();
    assert_eq!(store.due(secs(900), 10).await.unwrap(), [ends[0].clone()]);
}

pub(crate) async fn permissions_are_listed_newest_first_in_pages_of_their_tenant(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let mut rows = Vec::new();
    for n in 0..5 {
        let commit = asked(&ours, &format!("+44770090012{n}"), secs(n));
        Permissions::commit(&store, &commit).await.unwrap();
        rows.insert(0, commit.permission);
    }
    Permissions::commit(&store, &asked(&theirs, "+447700900120", secs(9))).await.unwrap();
    let all = PermissionFilter::default();
    let first = PermissionsAfter { after: None, limit: 3 };
    let page = Permissions::list(&store, &ours.tenant.id, &all, &first).await.unwrap();
    assert_eq!((page.permissions.as_slice(), page.has_more), (&rows[..3], true));
    let after = Some((rows[2].created_at, rows[2].id.clone()));
    let rest = PermissionsAfter { after, limit: 3 };
    let page = Permissions::list(&store, &ours.tenant.id, &all, &rest).await.unwrap();
    assert_eq!((page.permissions.as_slice(), page.has_more), (&rows[3..], false));

    let granted = PermissionFilter { standing: Some(Standing::Temporary), ..all.clone() };
    assert_eq!(Permissions::list(&store, &ours.tenant.id, &granted, &first).await.unwrap().permissions, []);
    let asked =
        PermissionFilter { numbers: Some(vec![ours.number.id.clone()]), standing: Some(Standing::Requested) };
    assert_eq!(
        Permissions::list(&store, &ours.tenant.id, &asked, &first).await.unwrap().permissions.len(),
        3
    );
    // Another tenant's number and another tenant's user are as absent as ones that never were.
    assert_eq!(Permissions::list(&store, &theirs.tenant.id, &asked, &first).await.unwrap().permissions, []);
    assert_eq!(store.find(&theirs.tenant.id, &ours.number.id, &rows[0].phone).await.unwrap(), None);
}

pub(crate) async fn the_last_word_about_a_numbers_calling_stands(database: &Bench) {
    let store = database.open().await;
    let ours = house(&store, 1).await;
    let theirs = house(&store, 2).await;
    assert_eq!(ours.number.calling, Calling::default());
    let set = |enabled, at| store.set_calling(&ours.tenant.id, &ours.number.id, Calling::said(enabled, at));
    let number = set(false, secs(10)).await.unwrap().unwrap();
    assert_eq!(number.calling, Calling::said(false, secs(10)));
    // Older news, late.
    assert_eq!(set(true, secs(5)).await.unwrap().unwrap().calling, number.calling);
    assert_eq!(set(true, secs(20)).await.unwrap().unwrap().calling, Calling::said(true, secs(20)));
    let stranger =
        store.set_calling(&theirs.tenant.id, &ours.number.id, Calling::said(false, secs(30))).await;
    assert_eq!(stranger.unwrap(), None);
    assert!(store.by_meta_id(&ours.number.meta_id).await.unwrap().unwrap().calling.enabled);
}
