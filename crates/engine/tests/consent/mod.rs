//! Permissions and gates before a call is placed.

use std::time::Duration;

use offhook_core::call::{EndReason, Fault, State};
use offhook_core::dialling::{Barred, DialPolicy};
use offhook_core::event::{Consent, Event};
use offhook_core::house::Calling;
use offhook_core::meta::Direction::{Inbound, Outbound};
use offhook_core::meta::{MetaError, MetaEventKind, PermissionReply, SettingsChange};
use offhook_core::permission::{Denied, Permission, Reason, Standing, Told};
use offhook_core::phone::Phone;
use offhook_core::ports::{Document, News, Numbers, PermissionAsk, Settings, Template};
use offhook_core::time::Time;
use offhook_engine::EngineError;

use crate::rig::{Rig, START, connect, number, terminate, webhook};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn user() -> Phone {
    Phone::parse("+447700900123").unwrap()
}

fn ask() -> PermissionAsk {
    PermissionAsk { to: user(), body: None, template: None }
}

fn now(rig: &Rig) -> Time {
    rig.now()
}

/// The user's reply, as it is told.
async fn replies(rig: &Rig, granted: bool, until: Option<Time>, automatic: bool) {
    let party = offhook_core::meta::Party { phone: Some(user()), ..Default::default() };
    let reply = PermissionReply {
        number: number().meta_id,
        party,
        at: now(rig),
        granted,
        expires_at: until,
        automatic,
    };
    rig.news(News::Permission(reply)).await;
}

async fn asks(rig: &Rig) -> Result<Permission, EngineError> {
    rig.engine().ask_permission(&rig.tenant, &number().id, ask()).await
}

/// Waits until the newest event about permissions says so.
async fn told(rig: &Rig, standing: Standing) -> Option<Time> {
    rig.wait(|rig| {
        let log = rig.memory.log(&rig.tenant);
        let newest = log.iter().rev().find_map(|logged| match &logged.event {
            Event::Permission { state, expires_at, .. } => Some((*state, *expires_at)),
            _ => None,
        });
        newest.filter(|(state, _)| *state == Some(standing)).map(|(_, expires_at)| expires_at)
    })
    .await
}

async fn ended(rig: &Rig) -> EndReason {
    rig.place().await.unwrap().settled.await.unwrap().end_reason.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_user_who_granted_can_be_called_and_one_who_refused_cannot() {
    let rig = Rig::new().await;
    asks(&rig).await.unwrap();
    told(&rig, Standing::Requested).await;
    assert_eq!(rig.asker.permissions(), [ask()]);
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(rig.asker.actions(), [""; 0], "WhatsApp was not asked to place it");

    tokio::time::advance(Duration::from_secs(2)).await;
    let until = now(&rig) + DAY * 7;
    replies(&rig, true, Some(until), false).await;
    assert_eq!(told(&rig, Standing::Temporary).await, Some(until));
    let placed = rig.place().await.unwrap().settled.await.unwrap();
    assert_eq!(placed.state, State::Dialing);

    tokio::time::advance(Duration::from_secs(2)).await;
    replies(&rig, false, None, false).await;
    told(&rig, Standing::Revoked).await;
    rig.webhook(terminate("PLACED1", Outbound, None)).await;
    rig.until_idle().await;
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(rig.asker.actions(), ["connect"]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_ends_in_time_and_the_end_is_told() {
    let mut rig = Rig::new().await;
    replies(&rig, true, Some(now(&rig) + HOUR), false).await;
    told(&rig, Standing::Temporary).await;
    // Also by a server that was started since.
    rig.restart().await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(told(&rig, Standing::Expired).await, None);
    let consent = rig.memory.log(&rig.tenant).pop().map(|logged| logged.event);
    assert!(matches!(consent, Some(Event::Permission { consent: Consent::Expired, .. })), "{consent:?}");
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
}

#[tokio::test(start_paused = true)]
async fn redelivered_and_reordered_replies_leave_the_same_consent() {
    let rig = Rig::new().await;
    let old = now(&rig);
    tokio::time::advance(HOUR).await;
    replies(&rig, false, None, false).await;
    told(&rig, Standing::Rejected).await;
    let events = rig.memory.log(&rig.tenant).len();
    // A grant of an hour ago, late.
    let party = offhook_core::meta::Party { phone: Some(user()), ..Default::default() };
    let late = PermissionReply {
        number: number().meta_id,
        party,
        at: old,
        granted: true,
        expires_at: Some(old + Duration::from_secs(60)),
        automatic: false,
    };
    rig.news(News::Permission(late)).await;
    rig.wait(|rig| (rig.memory.permissions()[0].version == 2).then_some(())).await;
    replies(&rig, false, None, false).await;
    let stands = rig.memory.permissions()[0].standing(now(&rig)).0;
    assert_eq!(stands, Standing::Rejected);
    assert!(rig.memory.log(&rig.tenant).len() <= events + 1);
}

#[tokio::test(start_paused = true)]
async fn metas_fresh_answer_decides_and_is_asked_for_once_a_minute() {
    let rig = Rig::new().await;
    rig.asker.permits(Told::Nothing, false);
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(rig.asker.looked_up(), [user()], "the first answer is fresh");
    tokio::time::advance(Duration::from_secs(61)).await;
    rig.asker.permits(Told::Until(now(&rig) + DAY), true);
    let placed = rig.place().await.unwrap().settled.await.unwrap();
    assert_eq!(placed.state, State::Dialing);
    assert_eq!(rig.asker.looked_up().len(), 2);
    told(&rig, Standing::Temporary).await;
    rig.webhook(terminate("PLACED1", Outbound, None)).await;
    rig.until_idle().await;
    tokio::time::advance(Duration::from_secs(61)).await;
    rig.asker.permits(Told::Always, false);
    assert_eq!(ended(&rig).await, EndReason::LimitReached, "permitted, and yet not to be called");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_metas_is_remembered() {
    let rig = Rig::new().await;
    let refuse = |code| Err(Fault::Refused(MetaError { code, message: "no".to_owned() }));
    rig.asker.prepare(refuse(138_006));
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
    assert_eq!(rig.asker.actions(), ["connect"]);
    rig.asker.refuses_to_ask(refuse(138_009).err());
    assert!(matches!(asks(&rig).await, Err(EngineError::Meta(_))));
    let denied = asks(&rig).await.unwrap_err();
    let next = now(&rig) + DAY;
    let EngineError::Denied(Denied { reason: Reason::AskLimit, next_at: Some(at) }) = denied else {
        panic!("{denied:?}")
    };
    assert!(next.since(at) < Duration::from_secs(1), "{at:?}");
    assert_eq!(rig.asker.permissions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_user_is_asked_once_a_day_until_the_two_have_talked() {
    let rig = Rig::new().await;
    asks(&rig).await.unwrap();
    assert!(matches!(asks(&rig).await, Err(EngineError::Denied(_))));
    tokio::time::advance(Duration::from_secs(5)).await;
    let _alice = rig.arrives("alice", offhook_core::house::Presence::Available).await;
    rig.webhook(connect("A", Inbound)).await;
    let call = rig.until(State::Ringing).await;
    let accept = offhook_core::call::Command::Accept {
        agent: crate::rig::person("alice").id,
        answer: crate::rig::answer(),
    };
    rig.command(&call, accept).await.unwrap();
    rig.wait(|rig| (rig.memory.permissions()[0].version > 1).then_some(())).await;
    let by_template = PermissionAsk {
        template: Some(Template {
            name: "may_we_call".to_owned(),
            language: "en".to_owned(),
            parameters: vec![],
        }),
        ..ask()
    };
    rig.engine().ask_permission(&rig.tenant, &number().id, by_template.clone()).await.unwrap();
    assert_eq!(rig.asker.permissions(), [ask(), by_template]);
}

#[tokio::test(start_paused = true)]
async fn four_calls_nobody_takes_end_the_permission() {
    let rig = Rig::new().await;
    replies(&rig, true, None, false).await;
    told(&rig, Standing::Permanent).await;
    for n in 1..=4 {
        tokio::time::advance(Duration::from_secs(2)).await;
        let placed = rig.place().await.unwrap().settled.await.unwrap();
        assert_eq!(placed.state, State::Dialing, "{n}");
        rig.webhook(terminate(&format!("PLACED{n}"), Outbound, None)).await;
        rig.until_idle().await;
    }
    told(&rig, Standing::Revoked).await;
    assert_eq!(ended(&rig).await, EndReason::NoPermission);
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_to_a_user_the_older_is_placed() {
    let rig = Rig::new().await;
    let (one, other) = (rig.place().await.unwrap(), rig.place().await.unwrap());
    assert_eq!(one.settled.await.unwrap().state, State::Dialing);
    assert_eq!(other.settled.await.unwrap().end_reason, Some(EndReason::Busy));
    assert_eq!(rig.asker.actions(), ["connect"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_house_does_not_allow_leaves_no_call() {
    let policy = |change: fn(&mut DialPolicy)| {
        let mut policy = DialPolicy::default();
        change(&mut policy);
        Rig::of_policy(policy)
    };
    let refused = async |rig: Rig, expected: Barred| {
        let refused = rig.place().await.err().unwrap();
        assert!(matches!(&refused, EngineError::Barred(barred) if *barred == expected), "{refused:?}");
        assert!(rig.memory.calls().is_empty() && rig.asker.actions().is_empty());
    };
    let denied = policy(|policy| policy.denied_prefixes = vec!["4477".to_owned()]).await;
    refused(denied, Barred::RecipientDenied).await;
    let off = policy(|_| {}).await;
    let calling = Calling::said(false, off.now());
    off.memory.set_calling(&off.tenant, &number().id, calling).await.unwrap();
    refused(off, Barred::NotEnabled).await;
    let slow = policy(|policy| policy.per_window = 0).await;
    refused(slow, Barred::TooFast { wait: Duration::from_secs(60) }).await;
    let narrow = policy(|policy| policy.at_once = 0).await;
    assert_eq!(ended(&narrow).await, EndReason::LimitReached);
    assert!(narrow.asker.actions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn calling_is_switched_here_and_followed_when_it_is_switched_at_meta() {
    let rig = Rig::new().await;
    let change = Document::new("{}".to_owned());
    let id = number().id;
    let off = rig.engine().change_settings(&rig.tenant, &id, &change, Some(false)).await.unwrap();
    assert!(!off.calling.enabled);
    assert!(rig.place().await.is_err());
    tokio::time::advance(Duration::from_secs(5)).await;
    let told =
        |at, calling| News::Settings(SettingsChange { number: number().meta_id, at, calling: Some(calling) });
    rig.news(told(rig.now(), true)).await;
    // Old news, late.
    rig.news(told(Time::from_secs(START), false)).await;
    rig.wait(|rig| rig.memory.numbers()[0].calling.enabled.then_some(())).await;
    rig.place().await.unwrap();
    let off = Settings { calling: Some(false), sip: false, document: change.clone() };
    rig.asker.with_settings(off);
    let (number, _) = rig.engine().settings(&rig.tenant, &number().id, false).await.unwrap();
    assert!(!number.calling.enabled);
}

#[tokio::test(start_paused = true)]
async fn a_ringing_phone_is_not_a_conversation() {
    let rig = Rig::new().await;
    asks(&rig).await.unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    replies(&rig, true, None, false).await;
    told(&rig, Standing::Permanent).await;
    rig.place().await.unwrap().settled.await.unwrap();
    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Ringing)).await;
    rig.webhook(webhook("PLACED1", Outbound, MetaEventKind::Rejected)).await;
    rig.webhook(terminate("PLACED1", Outbound, None)).await;
    rig.until_idle().await;
    let usage = rig.memory.permissions()[0].ledger.usage(rig.now());
    assert_eq!((usage.calls_today.0, usage.unanswered), (0, 1));
}
