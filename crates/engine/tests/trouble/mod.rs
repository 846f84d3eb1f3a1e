//! The engine over ports that misbehave: what hurts one call must not hurt another, and nothing is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offhook_core::call::{Command, Fault, State};
use offhook_core::event::{CallEvent, Event};
use offhook_core::house::{BusinessNumber, Presence};
use offhook_core::id::{CallId, MetaNumberId, NumberId, TenantId, Wacid};
use offhook_core::meta::Direction::{Inbound, Outbound};
use offhook_core::meta::MetaEventKind;
use offhook_core::ports::StoreFault;
use offhook_engine::EngineError;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::rig::{Rig, Whim, answer, connect, number, person, terminate, webhook};

fn wacid(id: &str) -> Wacid {
    Wacid::new(format!("wacid.{id}==")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn call_given_up_that_appears_later_is_ended_though_meta_is_slow() {
    let (rig, ports) = Rig::unruly().await;
    rig.asker.prepare(Err(Fault::Unclear));
    let placed = rig.place().await.unwrap();
    rig.until(State::Failed).await;
    *ports.latency.lock().unwrap() = Duration::from_secs(3);
    let mut late = webhook("UNSEEN", Outbound, MetaEventKind::Ringing);
    late.opaque = Some(placed.record.id.as_str().to_owned());
    rig.webhook(late).await;
    rig.asked("terminate").await;
    rig.until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn panic_in_one_call_ends_it_and_hurts_no_other() {
    let (rig, ports) = Rig::unruly().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    ports.panic_at_request.store(true, Ordering::SeqCst);
    rig.command(&call, Command::Accept { agent: person("alice").id, answer: answer() }).await.unwrap();
    rig.asked("terminate").await;
    // Its own webhooks still find it, and those behind them are not held up.
    rig.webhook(terminate("A", Inbound, None)).await;
    rig.until(State::Missed).await;
    rig.webhook(connect("B", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    rig.command(&call, Command::Accept { agent: person("alice").id, answer: answer() }).await.unwrap();
    rig.until(State::Connected).await;
    assert_eq!(rig.asker.actions(), ["terminate", "accept"]);
}

#[tokio::test(start_paused = true)]
async fn webhook_that_always_panics_ends_its_call_once() {
    let (rig, ports) = Rig::unruly().await;
    let placed = rig.place().await.unwrap();
    placed.settled.await.unwrap();
    *ports.whim.lock().unwrap() = Some((wacid("PLACED1"), Whim::PanicAtRinging));
    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Ringing)).await;
    rig.until(State::Failed).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ports.panics.load(Ordering::SeqCst), 1);
    assert_eq!(rig.asker.actions(), ["connect", "terminate"]);
    assert_eq!(rig.engine().live_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn webhook_that_nobody_can_deal_with_does_not_make_the_inbox_deaf() {
    let (rig, ports) = Rig::unruly().await;
    let id = CallId::from_uuid(Uuid::from_u128(77));
    *ports.poison.lock().unwrap() = Some(id.clone());
    let mut poison = webhook("X", Outbound, MetaEventKind::Ringing);
    poison.opaque = Some(id.as_str().to_owned());
    rig.webhook(poison).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ports.panics.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn webhook_set_aside_is_dealt_with_however_busy_the_inbox_is() {
    let (rig, ports) = Rig::unruly().await;
    *ports.whim.lock().unwrap() = Some((wacid("A"), Whim::Refuse));
    rig.webhook(connect("A", Inbound)).await;
    // Its task has given up after about eight seconds.
    for n in 0..30 {
        if n == 15 {
            *ports.whim.lock().unwrap() = None;
        }
        rig.webhook(webhook(&format!("FOREIGN{n}"), Outbound, MetaEventKind::Ringing)).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.memory.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn call_that_is_stuck_does_not_hold_up_the_webhooks_of_others() {
    let (rig, ports) = Rig::unruly().await;
    *ports.whim.lock().unwrap() = Some((wacid("A"), Whim::Hang));
    for second in 0..100 {
        let mut event = connect("A", Inbound);
        event.at = event.at + Duration::from_secs(second);
        rig.webhook(event).await;
    }
    rig.webhook(connect("B", Inbound)).await;
    let other = timeout(Duration::from_secs(1), rig.until(State::Queued)).await.unwrap();
    assert_eq!(other.facts.wacid, Some(wacid("B")));
}

#[tokio::test(start_paused = true)]
async fn calls_that_come_at_once_begin_at_once_and_each_ones_webhooks_keep_their_order() {
    let (rig, ports) = Rig::unruly().await;
    *ports.lookup.lock().unwrap() = Duration::from_secs(1);
    let calls = (0..20).map(|n| connect(&format!("C{n}"), Inbound));
    let ends = (0..10).map(|n| terminate(&format!("C{n}"), Inbound, None));
    rig.webhooks(calls.chain(ends)).await;
    let begun = Instant::now();
    rig.within(Duration::from_secs(60), |rig| {
        let calls = rig.memory.calls();
        let missed = calls.iter().filter(|call| call.state == State::Missed).count();
        (calls.len() == 20 && missed == 10).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(4), "they waited for one another: {:?}", begun.elapsed());
    assert_eq!(rig.engine().live_calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn call_that_ends_while_live_calls_are_read_is_not_woken_again() {
    let (rig, ports) = Rig::unruly().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    rig.command(&call, Command::Accept { agent: person("alice").id, answer: answer() }).await.unwrap();
    rig.until(State::Connected).await;
    ports.live_gate.forget_permits(1_000);
    // The inbox looks for calls without a task now, and waits with what it has read.
    sleep(Duration::from_secs(6)).await;
    rig.command(&call, Command::Hangup { by: None }).await.unwrap();
    rig.until(State::Completed).await;
    ports.live_gate.add_permits(1_000);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.engine().live_calls(), 0);
    assert!(rig.engine().owned(&rig.tenant, &person("alice").id).is_empty());
}

#[tokio::test(start_paused = true)]
async fn write_that_landed_though_it_was_reported_lost_counts() {
    let (rig, ports) = Rig::unruly().await;
    let _alice = rig.arrives("alice", Presence::Available).await;
    let (mut events, head) = rig.engine().subscribe(&rig.tenant).await.unwrap();
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    ports.lose_next.store(true, Ordering::SeqCst);
    let accept = Command::Accept { agent: person("alice").id, answer: answer() };
    let taken = rig.command(&call, accept).await.unwrap();
    assert_eq!(taken.state, State::Answering);
    rig.until(State::Connected).await;
    assert_eq!(rig.asker.actions(), ["accept"]);
    for expected in head + 1..=rig.memory.log(&rig.tenant).len() as u64 {
        let announced = timeout(Duration::from_secs(1), events.recv()).await.unwrap().unwrap();
        assert_eq!(announced.logged.seq, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn last_event_of_a_task_that_died_before_announcing_it_is_announced() {
    let (rig, ports) = Rig::unruly().await;
    let (mut events, head) = rig.engine().subscribe(&rig.tenant).await.unwrap();
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    ports.panic_after_next.store(true, Ordering::SeqCst);
    rig.webhook(terminate("A", Inbound, None)).await;
    for expected in [CallEvent::Incoming, CallEvent::Missed] {
        let announced = timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap();
        assert!(matches!(announced.logged.event, Event::Call { what, .. } if what == expected));
    }
    assert_eq!(rig.memory.log(&rig.tenant).len() as u64, head + 2);
}

#[tokio::test(start_paused = true)]
async fn subscriber_misses_nothing_that_is_committed_while_it_subscribes() {
    let (rig, ports) = Rig::unruly().await;
    ports.head_gate.forget_permits(1_000);
    let committing = async {
        rig.webhook(connect("A", Inbound)).await;
        rig.until(State::Queued).await;
        ports.head_gate.add_permits(1_000);
    };
    let (subscribed, ()) = tokio::join!(rig.engine().subscribe(&rig.tenant), committing);
    let (mut events, head) = subscribed.unwrap();
    let log = rig.memory.log(&rig.tenant).len() as u64;
    for expected in head + 1..=log {
        let announced = timeout(Duration::from_secs(1), events.recv()).await.unwrap().unwrap();
        assert_eq!(announced.logged.seq, expected);
    }
    rig.webhook(terminate("A", Inbound, None)).await;
    let next = timeout(Duration::from_millis(100), events.recv()).await.unwrap().unwrap();
    assert_eq!(next.logged.seq, log + 1, "nothing is left to be filled in first");
}

#[tokio::test(start_paused = true)]
async fn request_that_never_comes_back_does_not_keep_its_call_for_ever() {
    let (rig, ports) = Rig::unruly().await;
    ports.hang_at_request.store(true, Ordering::SeqCst);
    rig.place().await.unwrap();
    rig.until(State::Failed).await;
    rig.until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn server_stops_at_once_though_a_call_cannot_be_written() {
    let (rig, ports) = Rig::unruly().await;
    *ports.whim.lock().unwrap() = Some((wacid("A"), Whim::Refuse));
    rig.webhook(connect("A", Inbound)).await;
    sleep(Duration::from_secs(4)).await;
    timeout(Duration::from_secs(1), rig.engine().stop()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn command_to_a_call_that_is_set_aside_is_not_told_that_the_server_stops() {
    let (rig, ports) = Rig::unruly().await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Queued).await;
    *ports.whim.lock().unwrap() = Some((wacid("A"), Whim::Refuse));
    let hangup = || rig.command(&call, Command::Hangup { by: None });
    // The second waits in the mailbox of the task that leaves because of the first.
    let (first, second) = tokio::join!(hangup(), hangup());
    for told in [first, second] {
        assert!(matches!(told, Err(EngineError::Store(StoreFault::Unavailable(_)))), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn webhook_of_another_number_cannot_name_our_call() {
    let (rig, _) = Rig::unruly().await;
    let stranger = BusinessNumber {
        id: NumberId::from_uuid(Uuid::from_u128(11)),
        tenant: TenantId::from_uuid(Uuid::from_u128(12)),
        meta_id: MetaNumberId::parse("999540352242922").unwrap(),
        ..number()
    };
    rig.memory.with_number(stranger.clone());
    rig.asker.prepare(Err(Fault::Unclear));
    let placed = rig.place().await.unwrap();
    let mut forged = webhook("FORGED", Outbound, MetaEventKind::Accepted);
    forged.number = stranger.meta_id;
    forged.opaque = Some(placed.record.id.as_str().to_owned());
    rig.webhook(forged).await;
    let failed = rig.until(State::Failed).await;
    assert_eq!(failed.facts.wacid, None);
}

#[tokio::test(start_paused = true)]
async fn agents_who_come_and_go_do_not_pile_up_before_a_call_that_is_stuck() {
    let (rig, ports) = Rig::unruly().await;
    let _alice = rig.arrives("alice", Presence::Away).await;
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    *ports.whim.lock().unwrap() = Some((wacid("A"), Whim::Hang));
    for _ in 0..200 {
        rig.engine().set_presence(&person("alice"), Presence::Available).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        rig.engine().set_presence(&person("alice"), Presence::Away).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    assert!(tokio::runtime::Handle::current().metrics().num_alive_tasks() < 10);
}

#[tokio::test(start_paused = true)]
async fn event_that_waited_for_one_from_the_log_still_carries_its_record() {
    let (rig, ports) = Rig::unruly().await;
    let (mut events, _) = rig.engine().subscribe(&rig.tenant).await.unwrap();
    rig.webhook(connect("A", Inbound)).await;
    rig.until(State::Queued).await;
    ports.panic_after_next.store(true, Ordering::SeqCst);
    rig.webhook(terminate("A", Inbound, None)).await;
    rig.until(State::Missed).await;
    rig.webhook(connect("B", Inbound)).await;
    let mut announced = Vec::new();
    for _ in 0..3 {
        announced.push(timeout(Duration::from_secs(1), events.recv()).await.unwrap().unwrap());
    }
    let records: Vec<bool> = announced.iter().map(|announced| announced.record.is_some()).collect();
    assert_eq!(records, [true, false, true]);
}
