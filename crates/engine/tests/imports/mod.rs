//! Files of contacts: what an engine left, another goes on with.

use offhook_core::contact::import::{Counts, Import, Progress, Row};
use offhook_core::event::Event;
use offhook_core::id::ImportId;
use offhook_core::ports::ContactImports;
use offhook_core::time::Time;
use uuid::Uuid;

use crate::rig::{Rig, START};

fn rows(numbers: std::ops::Range<u64>) -> Vec<Row> {
    let row =
        |n: u64| Row { line: n + 2, cells: vec![format!("+4477009{n:05}"), format!("x{n}")], wrong: None };
    numbers.map(row).collect()
}

/// A file as an engine left it that died behind its first part.
async fn left_behind(rig: &Rig, at: Time) -> Import {
    let memory = &*rig.memory;
    let import = Import {
        id: ImportId::from_uuid(Uuid::from_u128(7)),
        tenant: rig.tenant.clone(),
        state: Progress::Receiving,
        columns: vec!["phone".to_owned(), "first_name".to_owned()],
        part: 0,
        counts: Counts::default(),
        created_at: at,
        updated_at: at,
    };
    memory.begin(&import, at, at).await.unwrap();
    for (part, numbers) in [0..10, 10..20, 15..25].into_iter().enumerate() {
        memory.add_part(&import, part as u32, &rows(numbers)).await.unwrap();
    }
    memory.arrived(&import, Some(30)).await.unwrap();
    let counts = Counts { total: 30, created: 10, ..Counts::default() };
    let behind = Import { state: Progress::Running, part: 1, counts, ..import };
    memory.go_on(&behind, &[], &[]).await.unwrap();
    behind
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_on_where_the_engine_before_left_it() {
    let mut rig = Rig::new().await;
    let known = rig.memory.contacts().len();
    rig.engine().stop().await;
    let import = left_behind(&rig, Time::from_secs(START)).await;
    rig.restart().await;
    let over = async {
        loop {
            let told = rig.memory.log(&rig.tenant);
            if let Some(Event::Import { counts, completed, .. }) = told.last().map(|it| &it.event) {
                return (*counts, *completed);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let (counts, completed) = tokio::time::timeout(std::time::Duration::from_secs(120), over).await.unwrap();
    assert!(completed);
    let expected = Counts { total: 30, created: 25, unchanged: 5, ..Counts::default() };
    assert_eq!(counts, expected, "the first part is not read again, and who comes twice is there once");
    assert_eq!(rig.memory.contacts().len(), known + 15);
    let left = ContactImports::load(&*rig.memory, &rig.tenant, &import.id).await.unwrap().unwrap();
    assert_eq!(left.state, Progress::Completed);
}
