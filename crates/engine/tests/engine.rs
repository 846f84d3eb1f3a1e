//! The engine over memory stores and a Meta that does as told, in paused time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may say so by panicking")]

mod outbox;
mod rig;

mod consent;

mod imports;

mod sound;

mod trouble;

use std::time::Duration;

use offhook_core::call::{Command, EndReason, Fault, Refusal, State};
use offhook_core::event::{CallEvent, Event};
use offhook_core::house::Presence;
use offhook_core::meta::Direction::{Inbound, Outbound};
use offhook_core::meta::MetaEventKind;
use offhook_core::ports::{Inbox, Knock, News};
use offhook_engine::EngineError;
use rig::{Rig, answer, connect, person, terminate, webhook};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn inbound_call_rings_the_available_agent_and_is_answered() {
    let rig = Rig::new().await;
    let alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    assert_eq!(rig.engine().ringing(&rig.tenant, &person("alice").id).len(), 1);

    rig.command(&call, Command::Accept { agent: person("alice").id, answer: answer() }).await.unwrap();
    rig.until(State::Connected).await;
    rig.webhook(terminate("A", Inbound, Some(12))).await;
    let ended = rig.until(State::Completed).await;
    assert_eq!(ended.duration_secs(), Some(12));
    assert_eq!(rig.asker.actions(), ["accept"]);
    drop(alice);
}

#[tokio::test(start_paused = true)]
async fn of_fifty_agents_answering_at_once_exactly_one_wins() {
    let rig = Rig::new().await;
    let names: Vec<String> = (0..50).map(|n| format!("agent-{n}")).collect();
    let mut here = Vec::new();
    for name in &names {
        here.push(rig.arrives(name, Presence::Available).await);
    }
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    let tries = names
        .iter()
        .map(|name| rig.command(&call, Command::Accept { agent: person(name).id, answer: answer() }));
    let results = futures_util::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let late = |result: &&Result<_, EngineError>| {
        matches!(result, Err(EngineError::Refused(Refusal::AnsweredElsewhere)))
    };
    assert_eq!(results.iter().filter(late).count(), 49);
    rig.until(State::Connected).await;
    assert_eq!(rig.asker.actions(), ["accept"]);
}

#[tokio::test(start_paused = true)]
async fn agent_in_a_call_is_not_rung_until_it_is_over() {
    let rig = Rig::new().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let first = rig.until(State::Ringing).await;
    rig.command(&first, Command::Accept { agent: person("alice").id, answer: answer() }).await.unwrap();
    rig.until(State::Connected).await;

    rig.webhook(connect("B", Inbound)).await;
    rig.saw(|event| matches!(event, Event::Call { what: CallEvent::Incoming, .. }), 2).await;
    assert!(rig.engine().ringing(&rig.tenant, &person("alice").id).is_empty());

    rig.webhook(terminate("A", Inbound, Some(3))).await;
    rig.saw(|event| matches!(event, Event::Call { what: CallEvent::Rang { .. }, .. }), 2).await;
    assert_eq!(rig.engine().ringing(&rig.tenant, &person("alice").id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn agent_who_takes_one_of_two_ringing_calls_is_silent_for_the_other() {
    let rig = Rig::new().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.webhook(connect("B", Inbound)).await;
    rig.saw(|event| matches!(event, Event::Call { what: CallEvent::Rang { .. }, .. }), 2).await;
    let alice = person("alice").id;
    let taken = rig.engine().ringing(&rig.tenant, &alice).remove(0);
    rig.command(&taken, Command::Accept { agent: alice.clone(), answer: answer() }).await.unwrap();
    rig.saw(|event| matches!(event, Event::Call { what: CallEvent::Silenced { .. }, .. }), 1).await;
    assert!(rig.engine().ringing(&rig.tenant, &alice).is_empty());
}

#[tokio::test(start_paused = true)]
async fn ring_stops_when_the_page_goes_and_comes_back_with_it() {
    let rig = Rig::new().await;
    let alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Ringing).await;
    drop(alice);
    rig.until(State::Queued).await;
    let _alice = rig.engine().connected(&rig.stored("alice").await);
    rig.until(State::Ringing).await;
    assert_eq!(rig.engine().ringing(&rig.tenant, &person("alice").id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn agent_who_is_away_is_not_rung() {
    let rig = Rig::new().await;
    let _alice = rig.arrives("alice", Presence::Away).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    assert!(rig.engine().ringing(&rig.tenant, &person("alice").id).is_empty());
    rig.engine().set_presence(&person("alice"), Presence::Available).await.unwrap();
    rig.until(State::Ringing).await;
}

#[tokio::test(start_paused = true)]
async fn unanswered_call_is_rejected_at_its_deadline() {
    let rig = Rig::new().await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Ending).await;
    assert_eq!(rig.asker.actions(), ["reject"]);
    let missed = rig.until(State::Missed).await;
    assert!(missed.ended_at().unwrap().since(missed.created_at) >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn redelivered_and_overtaking_webhooks_make_one_call() {
    let rig = Rig::new().await;
    rig.webhook(terminate("A", Inbound, None)).await;
    rig.until(State::Missed).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.saw(|event| matches!(event, Event::Call { what: CallEvent::Corrected, .. }), 1).await;
    let calls = rig.memory.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].state, State::Missed);
    assert!(calls[0].facts.offer.is_some(), "the late connect fills in what was missing");
}

#[tokio::test(start_paused = true)]
async fn outbound_call_settles_when_meta_confirms() {
    let rig = Rig::new().await;
    let placed = rig.place().await.unwrap();
    assert_eq!(placed.record.state, State::Created);
    assert_eq!(placed.settled.await.unwrap().state, State::Dialing);
    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Accepted)).await;
    rig.until(State::Connected).await;
}

#[tokio::test(start_paused = true)]
async fn webhook_that_beats_the_reply_finds_its_call_by_our_correlation() {
    let rig = Rig::new().await;
    rig.asker.prepare(Err(Fault::Unclear));
    let placed = rig.place().await.unwrap();
    let mut early = connect("UNSEEN", Outbound);
    early.opaque = Some(placed.record.id.as_str().to_owned());
    rig.webhook(early).await;
    rig.until(State::Dialing).await;
    rig.webhook(webhook("UNSEEN", Outbound, MetaEventKind::Accepted)).await;
    rig.until(State::Connected).await;
    assert_eq!(rig.asker.actions(), ["connect"], "an unclear connect is adopted, never dialled again");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_given_up_is_not_in_the_way_of_the_next_one() {
    let rig = Rig::new().await;
    rig.asker.prepare(Err(Fault::Unclear));
    let first = rig.place().await.unwrap();
    rig.asked("connect").await;
    let second = rig.place().await.unwrap().settled.await.unwrap();
    assert_eq!(second.state, State::Failed, "the first may be ringing");
    rig.command(&first.record, Command::Hangup { by: None }).await.unwrap();
    let third = rig.place().await.unwrap().settled.await.unwrap();
    assert_eq!(third.state, State::Dialing);
    assert_eq!(rig.asker.actions(), ["connect"; 2]);
}

#[tokio::test(start_paused = true)]
async fn our_unanswered_call_gives_way_when_the_same_user_calls_us() {
    let rig = Rig::new().await;
    rig.place().await.unwrap().settled.await.unwrap();
    rig.webhook(connect("A", Inbound)).await;
    rig.webhook(terminate("PLACED1", Outbound, None)).await;
    let ended = rig.until_first(State::Failed).await;
    assert_eq!(ended.end_reason, Some(EndReason::Busy));
    assert_eq!(rig.until(State::Queued).await.direction, Inbound);
    assert_eq!(rig.asker.actions(), ["connect", "terminate"]);
}

#[tokio::test(start_paused = true)]
async fn foreign_outbound_webhooks_make_no_call() {
    let rig = Rig::new().await;
    rig.webhook(webhook("ELSEWHERE", Outbound, MetaEventKind::Ringing)).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    assert_eq!(rig.memory.calls().len(), 1);
}

/// Every webhook and command of a conversation, with a restart before each.
#[tokio::test(start_paused = true)]
async fn restart_between_any_two_steps_loses_nothing_and_dials_once() {
    for kill in 0..6 {
        let mut rig = Rig::new().await;
        let mut call = None;
        for action in 0..6 {
            if action == kill {
                rig.restart().await;
            }
            match action {
                0 => call = Some(rig.place().await.unwrap().record),
                1 => {
                    let mut event = connect("PLACED1", Outbound);
                    event.opaque = call.as_ref().map(|call| call.id.as_str().to_owned());
                    rig.webhook(event).await;
                    rig.until_answer_known().await;
                }
                2 => {
                    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Ringing)).await;
                    rig.until(State::Ringing).await;
                }
                3 => {
                    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Accepted)).await;
                    rig.until(State::Connected).await;
                }
                4 => {
                    rig.command(call.as_ref().unwrap(), Command::Hangup { by: None }).await.unwrap();
                    rig.until(State::Ending).await;
                }
                _ => {
                    rig.webhook(terminate("PLACED1", Outbound, Some(9))).await;
                    rig.until(State::Completed).await;
                }
            }
        }
        let calls = rig.memory.calls();
        assert_eq!(calls.len(), 1, "killed before step {kill}");
        assert_eq!(calls[0].duration_secs(), Some(9));
        let connects = rig.asker.actions().iter().filter(|action| **action == "connect").count();
        assert_eq!(connects, 1, "killed before step {kill}");
    }
}

#[tokio::test(start_paused = true)]
async fn webhook_acknowledged_before_a_restart_is_dealt_with_after_it() {
    let mut rig = Rig::new().await;
    rig.engine().stop().await;
    rig.store_webhook(connect("A", Inbound)).await;
    rig.restart().await;
    rig.until(State::Queued).await;
}

#[tokio::test(start_paused = true)]
async fn database_that_fails_costs_no_call() {
    let rig = Rig::new().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    rig.memory.set_broken(true);
    let accept = Command::Accept { agent: person("alice").id, answer: answer() };
    let refused = rig.command(&call, accept.clone()).await;
    assert!(matches!(refused, Err(EngineError::Store(_))), "what is not durable is not acknowledged");
    assert!(rig.asker.actions().is_empty(), "what is not durable is not done");
    rig.memory.set_broken(false);
    // The call goes on from its record: it rings again and can be taken.
    rig.until_handle(&call).await;
    rig.command(&call, accept).await.unwrap();
    rig.until(State::Connected).await;
}

#[tokio::test(start_paused = true)]
async fn subscribers_see_every_event_once_in_the_order_of_the_log() {
    let rig = Rig::new().await;
    let (mut events, head) = rig.engine().subscribe(&rig.tenant).await.unwrap();
    for n in 0..20 {
        rig.webhook(connect(&format!("C{n}"), Inbound)).await;
        rig.webhook(terminate(&format!("C{n}"), Inbound, None)).await;
    }
    for expected in head + 1..=head + 40 {
        let announced = events.recv().await.unwrap();
        assert_eq!(announced.logged.seq, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_cannot_command_each_others_calls() {
    let rig = Rig::new().await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Queued).await;
    let stranger = offhook_core::id::TenantId::from_uuid(uuid::Uuid::from_u128(999));
    let tried = rig.engine().command(&stranger, &call.id, Command::Hangup { by: None }).await;
    assert!(matches!(tried, Err(EngineError::UnknownCall)));
    assert!(rig.engine().load(&stranger, &call.id).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn webhooks_are_forgotten_a_month_after_they_came() {
    let rig = Rig::new().await;
    let days = |n: u64| Duration::from_secs(n * 24 * 60 * 60);
    let knock = |key: &str, age| Knock {
        key: key.to_owned(),
        received_at: rig.now() - age,
        raw: format!("{{\"id\":\"{key}\"}}"),
        news: News::Kept { why: "unknown".to_owned() },
    };
    rig.memory.take_in(&[knock("old", days(31)), knock("young", days(29))]).await.unwrap();
    sleep(Duration::from_secs(2 * 60 * 60)).await;
    assert_eq!(rig.memory.raw(1).await.unwrap(), None);
    assert_eq!(rig.memory.raw(2).await.unwrap().as_deref(), Some("{\"id\":\"young\"}"));
}
