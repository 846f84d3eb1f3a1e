//! Files of contacts: read in parts, each written once, over any number of restarts.

use offhook_core::contact::import::{Counts, Import, Progress, Rejected, Row};
use offhook_core::event::Event;
use offhook_core::id::ImportId;
use offhook_core::ports::{ContactFilter, ContactImports, Contacts, StoreFault};

use super::contacts::named;
use crate::bench::{Bench, House, fresh, house, secs};

fn fresh_import(house: &House, at: i64) -> Import {
    Import {
        id: ImportId::from_uuid(fresh()),
        tenant: house.tenant.id.clone(),
        state: Progress::Receiving,
        columns: vec!["phone".to_owned(), "first \u{1f642}".to_owned()],
        part: 0,
        counts: Counts::default(),
        created_at: secs(at),
        updated_at: secs(at),
    }
}

fn row(line: u64) -> Row {
    let wrong = (line == 3).then(|| "is not UTF-8".to_owned());
    Row { line, cells: vec!["+447700900123".to_owned(), "\u{5d3}\u{202e} \"x\" \u{1f642}".to_owned()], wrong }
}

pub(crate) async fn a_file_is_read_part_by_part_over_restarts(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let import = fresh_import(&house, 10);
    ContactImports::begin(&store, &import, secs(0), secs(0)).await.unwrap();
    let parts = [vec![row(2), row(3)], vec![row(4)]];
    for (part, rows) in parts.iter().enumerate() {
        store.add_part(&import, part as u32, rows).await.unwrap();
    }
    assert_eq!(store.next().await.unwrap(), None, "what still comes is not read");
    assert!(store.arrived(&import, Some(3)).await.unwrap());
    assert!(!store.arrived(&import, Some(4)).await.unwrap(), "it comes once");

    let waiting = store.next().await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.counts.total), (Progress::Waiting, 3));
    assert_eq!(store.part(&waiting, 0).await.unwrap().as_ref(), Some(&parts[0]));
    let counts = Counts { total: 3, created: 1, rejected: 1, ..Counts::default() };
    let first = Import { state: Progress::Running, part: 1, counts, updated_at: secs(11), ..waiting };
    let wrong = Rejected { line: 3, reason: "so".to_owned(), cells: row(3).cells };
    let ana = named(tenant, 11, "Ana");
    assert_eq!(
        store.go_on(&first, std::slice::from_ref(&ana), std::slice::from_ref(&wrong)).await.unwrap(),
        []
    );
    store.close().await;

    let store = database.open().await;
    let going = store.next().await.unwrap().unwrap();
    assert_eq!(going, first);
    assert_eq!(store.part(&going, 1).await.unwrap().as_ref(), Some(&parts[1]));
    assert_eq!(store.part(&going, 2).await.unwrap(), None);
    let over = Import { state: Progress::Completed, updated_at: secs(12), ..going };
    let logged = store.go_on(&over, &[], &[]).await.unwrap();
    assert!(matches!(&logged[0].event, Event::Import { completed: true, .. }));
    assert_eq!(store.next().await.unwrap(), None);
    assert_eq!(store.part(&over, 0).await.unwrap(), None, "the file is thrown away");
    assert_eq!(ContactImports::list(&store, tenant, 10).await.unwrap(), std::slice::from_ref(&over));
    assert_eq!(store.rejected(&over, 0, 10).await.unwrap(), [wrong]);
    assert_eq!(store.rejected(&over, 3, 10).await.unwrap(), []);
    assert_eq!(Contacts::load(&store, tenant, &ana.id).await.unwrap(), Some(ana));
}

pub(crate) async fn a_part_is_written_once(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let import = fresh_import(&ours, 10);
    ContactImports::begin(&store, &import, secs(0), secs(0)).await.unwrap();
    store.add_part(&import, 0, &[row(2)]).await.unwrap();
    store.arrived(&import, Some(1)).await.unwrap();
    let running = |part| Import { state: Progress::Running, part, ..import.clone() };
    store.go_on(&running(1), &[named(&ours.tenant.id, 1, "Ana")], &[]).await.unwrap();
    store.go_on(&running(2), &[], &[]).await.unwrap();
    let late = store.go_on(&running(1), &[named(&ours.tenant.id, 1, "Twice")], &[]).await;
    assert!(matches!(late, Err(StoreFault::Conflict)), "{late:?}");
    let count = store.count(&ours.tenant.id, &ContactFilter::default(), 10).await.unwrap();
    assert_eq!(count, Some(1), "nothing of a part is kept that is not");
    assert_eq!(ContactImports::load(&store, &theirs.tenant.id, &import.id).await.unwrap(), None);
    assert_eq!(ContactImports::list(&store, &theirs.tenant.id, 10).await.unwrap(), []);
}

pub(crate) async fn files_that_never_came_are_thrown_away(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (lost, done) = (fresh_import(&house, 10), fresh_import(&house, 11));
    ContactImports::begin(&store, &lost, secs(0), secs(0)).await.unwrap();
    store.add_part(&lost, 0, &[row(2)]).await.unwrap();
    ContactImports::begin(&store, &done, secs(0), secs(0)).await.unwrap();
    store.arrived(&done, None).await.unwrap();
    let new = fresh_import(&house, 30);
    ContactImports::begin(&store, &new, secs(20), secs(20)).await.unwrap();
    assert_eq!(ContactImports::list(&store, &house.tenant.id, 10).await.unwrap(), [new]);
    assert_eq!(database.count("SELECT COUNT(*) FROM contact_import_parts").await, 0);
}
