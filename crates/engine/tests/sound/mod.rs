//! Bridged calls in the engine: news of their sound, and what becomes of it when something breaks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offhook_core::call::table::{Role, Target};
use offhook_core::call::{Command, EndReason, LegQuality, Refusal, SoundAsk, SoundNews, State, Voice, Wish};
use offhook_core::event::{CallEvent, Event, Leaving};
use offhook_core::house::Presence;
use offhook_core::id::Wacid;
use offhook_core::meta::Direction::Inbound;
use offhook_engine::EngineError;
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
    let hold = Wish::Hold(true);
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
    let hold = Wish::Hold(true);
    rig.command(&call, Command::Arrange { by: None, wish: hold }).await.unwrap_err();
    *ports.whim.lock().unwrap() = None;
    rig.asked("terminate").await;
    rig.sounded(closes, 1).await;
}

#[tokio::test(start_paused = true)]
async fn transfer_to_somebody_who_goes_offline_comes_back_at_once() {
    let (rig, _ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let bob = rig.arrives("bob", Presence::Available).await;
    let call = rig.talks(&tell).await;
    let transfer = |who: &str| Wish::Transfer(Target::Agent(person(who).id));
    let arrange = async |wish: Wish| rig.engine().arrange(&rig.tenant, &call.id, None, wish).await;
    let nobody = arrange(transfer("carol")).await;
    assert!(matches!(nobody, Err(EngineError::Refused(Refusal::NotAvailable))), "she is not here");
    arrange(transfer("bob")).await.unwrap();
    assert_eq!(rig.engine().ringing(&rig.tenant, &person("bob").id).len(), 1);
    drop(bob);
    rig.until_handle(&call).await;
    rig.command(&call, Command::Take { agent: person("alice").id }).await.unwrap();
    assert_eq!(rig.engine().owned(&rig.tenant, &person("alice").id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn seat_that_nobody_speaks_or_listens_from_is_given_up() {
    let (rig, _ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let call = rig.talks(&tell).await;
    tell.send((call.id.clone(), SoundNews::AgentUp(person("alice").id))).await.unwrap();
    let sue = person("sue").id;
    rig.command(&call, Command::Supervise { agent: sue.clone(), role: Role::Listener }).await.unwrap();
    assert!(rig.engine().owned(&rig.tenant, &sue).len() == 1);
    let lost = |event: &Event| matches!(event, Event::Call { what: CallEvent::Left { agent, why: Leaving::Lost }, .. } if *agent == sue);
    rig.saw(lost, 1).await;
    assert_eq!(rig.until(State::Connected).await.agent, Some(person("alice").id));
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_that_ring_for_one_person_the_other_goes_on_looking() {
    let (rig, _ports, tell) = Rig::bridged().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let call = rig.talks(&tell).await;
    let bob = rig.arrives("bob", Presence::Available).await;
    let consult = Wish::Consult(Target::Agent(person("bob").id));
    rig.engine().arrange(&rig.tenant, &call.id, Some(person("alice").id), consult).await.unwrap();
    rig.webhook(connect("B", Inbound)).await;
    let other = rig.until(State::Ringing).await;
    rig.command(&other, Command::Take { agent: person("bob").id }).await.unwrap();
    // He cannot be asked now: alice is told.
    let gone = |event: &Event| matches!(event, Event::Call { what: CallEvent::NotFound, .. });
    rig.saw(gone, 1).await;
    assert!(rig.engine().ringing(&rig.tenant, &person("bob").id).is_empty());
    drop(bob);
}
