//! Bridged calls in the engine: news of their sound, and what becomes of it when something breaks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offhook_core::call::{Command, EndReason, LegQuality, SoundAsk, SoundNews, State, Voice};
use offhook_core::house::Presence;
use offhook_core::id::Wacid;
use offhook_core::meta::Direction::Inbound;
use tokio::time::sleep;

use crate::rig::{Rig, Whim, answer, connect, person, terminate};

fn wacid() -> Wacid {
    Wacid::new("wacid.A==").unwrap()
}

const fn closes(ask: &SoundAsk) -> bool {
    matches!(ask, SoundAsk::Close)
}

#[tokio::test(start_paused = true)]
async fn news_that_matter_find_room_behind_reports_while_the_database_is_away() {
    let (rig, ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let _bob = rig.arrives("bob", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    *ports.whim.lock().unwrap() = Some((wacid(), Whim::Refuse));
    let decline = rig.command(&call, Command::Decline { agent: person("alice").id });
    let news = async {
        sleep(Duration::from_millis(100)).await;
        for _ in 0..500 {
            let report = SoundNews::Quality(Voice::Customer, LegQuality::default());
            tell.send((call.id.clone(), report)).await.unwrap();
        }
        tell.send((call.id.clone(), SoundNews::Described(answer()))).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        *ports.whim.lock().unwrap() = None;
    };
    let (declined, ()) = tokio::join!(decline, news);
    declined.unwrap();
    rig.until_answer_known().await;
}

#[tokio::test(start_paused = true)]
async fn panic_in_a_bridged_call_ends_it_and_its_sound() {
    let (rig, ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let call = rig.talks(&tell).await;
    ports.panic_after_next.store(true, Ordering::SeqCst);
    tell.send((call.id.clone(), SoundNews::AgentUp(person("alice").id))).await.unwrap();
    let hold = offhook_core::call::Wish::Hold(true);
    rig.command(&call, Command::Arrange { by: None, wish: hold }).await.unwrap_err();
    rig.asked("terminate").await;
    rig.sounded(closes, 1).await;
    rig.webhook(terminate("A", Inbound, Some(3))).await;
    assert_eq!(rig.until(State::Completed).await.end_reason, Some(EndReason::InternalError));
    rig.until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn sound_of_a_call_whose_record_cannot_be_written_is_let_go() {
    let (rig, ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let call = rig.talks(&tell).await;
    *ports.whim.lock().unwrap() = Some((wacid(), Whim::Refuse));
    let hold = offhook_core::call::Wish::Hold(true);
    rig.command(&call, Command::Arrange { by: None, wish: hold }).await.unwrap_err();
    *ports.whim.lock().unwrap() = None;
    rig.asked("terminate").await;
    rig.sounded(closes, 1).await;
}
