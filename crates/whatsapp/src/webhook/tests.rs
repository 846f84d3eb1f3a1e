//! Meta's payloads, as documented and as mangled.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use offhook_core::meta::{Direction, MetaError, MetaEvent, MetaEventKind, Party, PermissionReply, Terminate};
use offhook_core::phone::Phone;

use super::*;

const NOW: Time = Time::from_secs(1_790_963_700);
const USER: &str = "447700900123";
const USER_ID: &str = "GB.13491208655302741918";

macro_rules! fixtures {
    ($($name:ident => $file:literal),* $(,)?) => {
        $(const $name: &str = include_str!(concat!("../../fixtures/webhook_", $file, ".json"));)*
        const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

fixtures! {
    UIC_CONNECT => "uic_connect",
    BIC_CONNECT => "bic_connect",
    BIC_CONNECT_OLDER => "bic_connect_older",
    STATUS_RINGING => "status_ringing",
    STATUSES => "statuses",
    TERMINATE_ANSWERED => "terminate_answered",
    TERMINATE_MISSED => "terminate_missed",
    TERMINATE_FAILED => "terminate_failed",
    CALL_CREATED => "call_created",
    RECORDING => "recording",
    PERMISSION_TEMPORARY => "permission_temporary",
    PERMISSION_PERMANENT => "permission_permanent",
    PERMISSION_DECLINED => "permission_declined",
    PERMISSION_AUTOMATIC => "permission_automatic",
    PERMISSION_REVOKED => "permission_revoked",
    MESSAGE_TEXT => "message_text",
    MESSAGE_STATUS => "message_status",
    VOICEMAIL => "voicemail",
    ACCOUNT_SETTINGS => "account_settings",
    ACCOUNT_UPDATE => "account_update",
    BATCH => "batch",
}

fn knocks(body: &str) -> Vec<Knock> {
    read(body.as_bytes(), NOW).unwrap()
}

/// The one knock of a body.
fn knock(body: &str) -> Knock {
    let mut all = knocks(body);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn event(body: &str) -> MetaEvent {
    match knock(body).news {
        News::Call(event) => event,
        other => panic!("not a call: {other:?}"),
    }
}

fn permission(body: &str) -> PermissionReply {
    match knock(body).news {
        News::Permission(reply) => reply,
        other => panic!("not a permission: {other:?}"),
    }
}

fn why(body: &str) -> String {
    match knock(body).news {
        News::Kept { why } => why,
        other => panic!("not kept: {other:?}"),
    }
}

/// A fixture with one change, its value edited.
fn edited(body: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut root: Value = serde_json::from_str(body).unwrap();
    edit(&mut root["entry"][0]["changes"][0]["value"]);
    root.to_string()
}

fn dana() -> Party {
    Party {
        phone: Phone::parse(USER).ok(),
        user_id: Some(USER_ID.to_owned()),
        name: Some("Dana Reyes".to_owned()),
        contact: None,
    }
}

#[test]
fn an_inbound_connect_brings_the_offer_and_the_user() {
    let event = event(UIC_CONNECT);
    assert_eq!(event.direction, Some(Direction::Inbound));
    assert_eq!(event.at, Time::from_secs(1_790_963_543));
    assert_eq!(event.number.as_str(), "106540352242922");
    assert_eq!(event.opaque, None);
    assert_eq!(event.party, dana());
    let MetaEventKind::Connect { sdp: Some(sdp) } = event.kind else { panic!("no offer") };
    let offer = include_str!("../../fixtures/meta_offer.sdp").replace('\n', "\r\n");
    assert_eq!(sdp.as_str(), offer);
}

#[test]
fn an_outbound_connect_brings_the_answer_and_our_correlation() {
    let event = event(BIC_CONNECT);
    assert_eq!(event.direction, Some(Direction::Outbound));
    assert_eq!(event.opaque.as_deref(), Some("crm-ticket-8812"));
    assert_eq!(event.party, dana());
    assert!(matches!(event.kind, MetaEventKind::Connect { sdp: Some(_) }));
}

#[test]
fn the_older_connection_counts_only_without_a_session() {
    let answer = |body: &str| match event(body).kind {
        MetaEventKind::Connect { sdp } => sdp.map(|sdp| sdp.as_str().to_owned()),
        other => panic!("{other:?}"),
    };
    let expected = include_str!("../../fixtures/meta_answer_old.sdp").replace('\n', "\r\n");
    assert_eq!(answer(BIC_CONNECT_OLDER).as_deref(), Some(&*expected));
    let both =
        edited(BIC_CONNECT_OLDER, |value| value["calls"][0]["session"] = json!({"sdp": "v=0\r\ns=new\r\n"}));
    assert_eq!(answer(&both).as_deref(), Some("v=0\r\ns=new\r\n"));
}

#[test]
fn a_description_that_cannot_be_read_costs_the_description_and_not_the_call() {
    let big = "a=x\r\n".repeat(20_000);
    for sdp in [json!("<html>"), json!(""), json!(null), json!({}), json!(7), json!("v=0\u{0}"), json!(big)] {
        let body = edited(UIC_CONNECT, |value| value["calls"][0]["session"]["sdp"] = sdp.clone());
        assert_eq!(event(&body).kind, MetaEventKind::Connect { sdp: None }, "{sdp}");
        assert_eq!(event(&body).direction, Some(Direction::Inbound));
    }
}

#[test]
fn a_lost_description_is_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        event(UIC_CONNECT);
        event(&edited(UIC_CONNECT, |value| value["calls"][0]["session"]["sdp"] = json!("<html>")));
    });
    assert!(handle.render().contains("offhook_webhook_sdp_unreadable_total 1"), "{}", handle.render());
}

#[test]
fn statuses_come_without_calls_and_contacts_in_any_spelling() {
    let ringing = event(STATUS_RINGING);
    assert_eq!(ringing.kind, MetaEventKind::Ringing);
    assert_eq!(ringing.direction, Some(Direction::Outbound));
    assert_eq!(ringing.opaque.as_deref(), Some("crm-ticket-8812"));
    assert_eq!(ringing.party, Party { name: None, ..dana() });

    let news: Vec<News> = knocks(STATUSES).into_iter().map(|knock| knock.news).collect();
    let kind = |news: &News| match news {
        News::Call(event) => Some((event.kind.clone(), event.at)),
        _ => None,
    };
    assert_eq!(kind(&news[0]), Some((MetaEventKind::Ringing, Time::from_secs(1_790_963_603))));
    assert_eq!(kind(&news[1]), Some((MetaEventKind::Accepted, Time::from_secs(1_790_963_610))));
    assert_eq!(kind(&news[2]), Some((MetaEventKind::Rejected, Time::from_secs(1_790_963_611))));
    assert_eq!(news[3], News::Kept { why: "statuses: paused".to_owned() });
    let typeless = edited(STATUS_RINGING, |value| {
        value["statuses"][0].as_object_mut().unwrap().remove("type");
    });
    assert_eq!(event(&typeless).kind, MetaEventKind::Ringing);
}

#[test]
fn an_answered_call_ends_with_its_times() {
    let expected = Terminate {
        at: Time::from_secs(1_790_963_680),
        started_at: Some(Time::from_secs(1_790_963_551)),
        ended_at: Some(Time::from_secs(1_790_963_679)),
        duration_secs: Some(128),
        error: None,
    };
    let written = event(TERMINATE_ANSWERED);
    assert_eq!(written.kind, MetaEventKind::Terminate(expected.clone()));
    assert_eq!(written.opaque.as_deref(), Some("agent-17"));
    let otherwise = edited(TERMINATE_ANSWERED, |value| {
        let call = &mut value["calls"][0];
        call["timestamp"] = json!(1_790_963_680);
        call["start_time"] = json!(1_790_963_551_000_i64);
        call["end_time"] = json!(1_790_963_679);
        call["duration"] = json!("128");
        call["status"] = json!("Completed");
        call["event"] = json!("TERMINATE");
    });
    assert_eq!(event(&otherwise).kind, MetaEventKind::Terminate(expected));
}

#[test]
fn a_missed_call_ends_without_times_though_completed() {
    let MetaEventKind::Terminate(end) = event(TERMINATE_MISSED).kind else { panic!("not an end") };
    assert_eq!((end.started_at, end.ended_at, end.duration_secs, end.error), (None, None, None, None));
}

#[test]
fn the_reason_of_a_failure_is_found_wherever_it_stands() {
    let error = |body: &str| match event(body).kind {
        MetaEventKind::Terminate(end) => end.error,
        other => panic!("{other:?}"),
    };
    let timeout =
        MetaError { code: 138_021, message: "No media was received from the business side.".to_owned() };
    assert_eq!(error(TERMINATE_FAILED), Some(timeout.clone()));
    let drop = |value: &mut Value, key: &str| value.as_object_mut().map(|object| object.remove(key));
    let above = edited(TERMINATE_FAILED, |value| {
        drop(&mut value["calls"][0], "errors");
    });
    assert_eq!(error(&above), Some(timeout.clone()));
    let below = edited(TERMINATE_FAILED, |value| {
        drop(value, "errors");
        drop(&mut value["calls"][0]["errors"][0], "title");
    });
    assert_eq!(error(&below), Some(timeout));
    let bare = edited(TERMINATE_FAILED, |value| value["calls"][0]["errors"] = json!([{"code": "138020"}]));
    assert_eq!(
        error(&bare),
        Some(MetaError { code: 138_020, message: "WhatsApp gave no reason".to_owned() })
    );
    let unexplained = edited(TERMINATE_FAILED, |value| {
        drop(value, "errors");
        drop(&mut value["calls"][0], "errors");
        value["calls"][0]["status"] = json!("Failed");
    });
    assert_eq!(error(&unexplained).map(|error| error.code), Some(0));
}

#[test]
fn a_missing_direction_is_told_by_numbers_ids_or_the_description() {
    let cut = |body: &str, keys: &[&str]| {
        edited(body, |value| {
            let call = value["calls"][0].as_object_mut().unwrap();
            keys.iter().for_each(|key| drop(call.remove(*key)));
        })
    };
    for (body, expected) in [(UIC_CONNECT, Direction::Inbound), (BIC_CONNECT, Direction::Outbound)] {
        for keys in [
            &["direction"][..],
            &["direction", "from_user_id", "to_user_id", "session"],
            &["direction", "from", "to"],
            &["direction", "from", "to", "from_user_id", "to_user_id"],
        ] {
            let event = event(&cut(body, keys));
            assert_eq!(event.direction, Some(expected), "{keys:?}");
            assert_eq!(event.party, dana(), "{keys:?}");
        }
    }
    let nothing = ["direction", "from", "to", "from_user_id", "to_user_id", "session"];
    assert_eq!(event(&cut(UIC_CONNECT, &nothing)).direction, None);
}

#[test]
fn our_own_number_is_never_the_user() {
    let swapped = edited(UIC_CONNECT, |value| {
        value["calls"][0]["from"] = json!("15550100200");
        value["calls"][0]["to"] = json!(USER);
    });
    assert_eq!(event(&swapped).party, dana());
    let alone = edited(UIC_CONNECT, |value| {
        value["contacts"] = json!([]);
        value["calls"][0]["from"] = json!("+15550100200");
    });
    assert_eq!(event(&alone).party.phone, None);
}

#[test]
fn a_user_known_by_id_alone_is_taken() {
    for empty in [json!(""), json!(null), json!([])] {
        let body = edited(UIC_CONNECT, |value| {
            value["calls"][0]["from"] = empty.clone();
            value["contacts"][0]["wa_id"] = empty.clone();
        });
        assert_eq!(event(&body).party, Party { phone: None, ..dana() }, "{empty}");
    }
    let unnamed =
        edited(UIC_CONNECT, |value| value["contacts"][0]["profile"] = json!({"username": "dana.reyes"}));
    assert_eq!(event(&unnamed).party.name.as_deref(), Some("dana.reyes"));
    let number_as_name = edited(UIC_CONNECT, |value| value["contacts"][0]["profile"]["name"] = json!(USER));
    assert_eq!(event(&number_as_name).party.name, None);
}

#[test]
fn a_contact_of_somebody_else_is_not_the_user() {
    let body = edited(UIC_CONNECT, |value| {
        value["contacts"][0]["wa_id"] = json!("4915100000000");
        value["contacts"][0]["user_id"] = json!("DE.1");
    });
    assert_eq!(event(&body).party, Party { name: None, ..dana() });
    let bare = edited(UIC_CONNECT, |value| value["contacts"] = value["contacts"][0].clone());
    assert_eq!(event(&bare).party, dana());
}

#[test]
fn permission_replies_are_read_in_all_documented_cases() {
    let week = Some(Time::from_secs(1_791_567_800));
    for (body, granted, expires_at) in [
        (PERMISSION_TEMPORARY, true, week),
        (PERMISSION_PERMANENT, true, None),
        (PERMISSION_DECLINED, false, None),
        (PERMISSION_AUTOMATIC, true, week),
        (PERMISSION_REVOKED, false, None),
    ] {
        let reply = permission(body);
        assert_eq!((reply.granted, reply.expires_at), (granted, expires_at));
        assert_eq!(reply.party, dana());
        assert_eq!(reply.at, Time::from_secs(1_790_963_000));
    }
    let unsaid = edited(PERMISSION_TEMPORARY, |value| {
        let reply = &mut value["messages"][0]["interactive"]["call_permission_reply"];
        reply.as_object_mut().unwrap().remove("expiration_timestamp");
    });
    assert_eq!(permission(&unsaid).expires_at, Some(Time::from_secs(1_790_963_000 + 7 * 86_400)));
}

/// A change of settings that are not a number's.
fn business_settings() -> String {
    ACCOUNT_SETTINGS.replace("phone_number_settings", "business_settings")
}

#[test]
fn what_we_do_not_act_on_is_kept_with_its_name() {
    for (body, expected) in [
        (CALL_CREATED, "calls: call_created"),
        (RECORDING, "calls: call_recording_available"),
        (MESSAGE_TEXT, "messages: text"),
        (MESSAGE_STATUS, "messages: statuses"),
        (VOICEMAIL, "messages: audio"),
        (&business_settings(), "account_settings_update"),
        (ACCOUNT_UPDATE, "account_update"),
        ("7", "object: unknown"),
        ("{}", "object: unknown"),
        (r#"{"object":"page","entry":[]}"#, "object: page"),
        (r#"{"object":"whatsapp_business_account","entry":[]}"#, "no entry"),
        (r#"{"object":"whatsapp_business_account","entry":[{"id":"1"}]}"#, "entry without changes"),
        (r#"{"object":"whatsapp_business_account","entry":[{"changes":[7]}]}"#, "unknown: no value"),
    ] {
        assert_eq!(why(body), expected);
    }
    assert_eq!(why(&edited(UIC_CONNECT, |value| value["metadata"] = json!({}))), "calls: no phone_number_id");
    assert_eq!(why(&edited(UIC_CONNECT, |value| value["calls"] = json!([]))), "calls: nothing");
    assert_eq!(
        why(&edited(UIC_CONNECT, |value| value["calls"][0]["id"] = json!(null))),
        "calls: no usable id"
    );
    assert_eq!(
        why(&edited(UIC_CONNECT, |value| value["calls"][0]["event"] = json!("<b>"))),
        "calls: unknown"
    );
    let errors = edited(TERMINATE_FAILED, |value| value["calls"] = json!(null));
    assert_eq!(why(&errors), "calls: errors");
    let payment = edited(STATUS_RINGING, |value| value["statuses"][0]["type"] = json!("payment"));
    assert_eq!(why(&payment), "statuses: payment");
}

#[test]
fn a_batch_is_read_whole_and_its_bad_element_alone_is_set_aside() {
    let all = knocks(BATCH);
    let told: Vec<(&str, String)> = all
        .iter()
        .map(|knock| match &knock.news {
            News::Call(event) => (event.number.as_str(), event.party.name.clone().unwrap_or_default()),
            News::Permission(_) => ("permission", String::new()),
            News::Settings(_) => ("settings", String::new()),
            News::Kept { why } => ("kept", why.clone()),
        })
        .collect();
    let expected = [
        ("106540352242922", "Dana Reyes"),
        ("kept", "calls: unknown"),
        ("106540352242922", "No Number"),
        ("106540352242922", "Dana Reyes"),
        ("206540352242922", ""),
        ("kept", "flows"),
    ];
    assert_eq!(told, expected.map(|(kind, text)| (kind, text.to_owned())));
    let keys: HashSet<&str> = all.iter().map(|knock| knock.key.as_str()).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn an_element_of_a_batch_is_stored_as_if_it_had_come_alone() {
    for knock in knocks(BATCH).iter().chain(&knocks(STATUSES)) {
        let News::Call(event) = &knock.news else { continue };
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{}]}}]}}"#,
            knock.raw
        );
        let again = self::knock(&body);
        assert_eq!(again.news, News::Call(event.clone()));
        assert_eq!(again.key, knock.key);
    }
}

#[test]
fn metas_own_bytes_are_kept_numbers_and_escapes_included() {
    let change = r#"{"field":"calls","value":{"metadata":{"phone_number_id":106540352242922},"calls":[{"id":"wacid.x","event":"connect","timestamp":1790963543,"new":1.50e3,"name":"Ren\u00e9","url":"a\/b"}]}}"#;
    let body =
        format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[ {change} ]}}]}}"#);
    assert_eq!(knock(&body).raw, change);
}

#[test]
fn redeliveries_have_equal_keys_and_other_facts_have_others() {
    let mut keys = HashSet::new();
    // The older shape of a connect tells the same fact.
    assert_eq!(knock(BIC_CONNECT_OLDER).key, knock(BIC_CONNECT).key);
    let others = ["batch", "statuses", "bic_connect_older"];
    for (name, body) in ALL.iter().filter(|(name, _)| !others.contains(name)) {
        let first = knock(body);
        let spaced = serde_json::from_str::<Value>(body).unwrap().to_string();
        let again = read(body.as_bytes(), NOW + std::time::Duration::from_secs(3_600)).unwrap().remove(0);
        assert_eq!(first.key, again.key, "{name}");
        if !matches!(first.news, News::Kept { .. }) {
            assert_eq!(first.key, knock(&spaced).key, "{name}");
            let nameless = edited(body, |value| value["contacts"] = json!(null));
            assert_eq!(first.key, knock(&nameless).key, "{name}");
        }
        assert!(keys.insert(first.key), "{name}");
    }
}

#[test]
fn a_worse_report_of_an_end_does_not_hide_a_better_one() {
    let good = knock(TERMINATE_ANSWERED).key;
    for edit in [
        json!({"duration": 0}),
        json!({"duration": null}),
        json!({"duration": null, "start_time": null, "end_time": null}),
        json!({"start_time": "1790963550"}),
    ] {
        let body = edited(TERMINATE_ANSWERED, |value| {
            for (key, new) in edit.as_object().unwrap() {
                value["calls"][0][key] = new.clone();
            }
        });
        assert_ne!(knock(&body).key, good, "{edit}");
    }
    let bare = edited(UIC_CONNECT, |value| value["calls"][0]["session"] = json!(null));
    assert_ne!(knock(&bare).key, knock(UIC_CONNECT).key);
}

#[test]
fn only_bodies_that_are_not_json_or_too_large_are_refused() {
    let long = |size: usize| {
        let start = r#"{"object":"whatsapp_business_account","entry":[],"x":""#;
        format!("{start}{}\"}}", "y".repeat(size - start.len() - 2))
    };
    assert!(read(long(MAX_BODY).as_bytes(), NOW).is_ok());
    assert_eq!(read(long(MAX_BODY + 1).as_bytes(), NOW), Err(BadWebhook::TooLarge));
    for garbage in
        [&b""[..], b"{", b"<html>", b"{}{}", b"\xff\xfe", b"{\"object\":\"\xff\"}", b"\x1f\x8b\x08"]
    {
        assert_eq!(read(garbage, NOW), Err(BadWebhook::NotJson), "{garbage:?}");
    }
}

#[test]
fn bombs_cost_little_and_spoil_nothing() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = edited(UIC_CONNECT, |value| value["calls"][0]["deep"] = json!("DEEP"));
    assert_eq!(event(&body.replace("\"DEEP\"", &deep)).party, dana());
    let keys: String = (0..200_000).map(|n| format!(r#""k{n}":1,"#)).collect();
    assert_eq!(
        event(&UIC_CONNECT.replacen("\"id\": \"wacid", &format!("{keys}\"id\": \"wacid"), 1)).party,
        dana()
    );
    let twice = UIC_CONNECT.replacen("\"event\"", "\"event\": \"terminate\", \"event\"", 1);
    assert!(matches!(event(&twice).kind, MetaEventKind::Connect { .. }));
    let trifles =
        format!(r#"{{"object":"whatsapp_business_account","entry":[{}1]}}"#, "1,".repeat(1_000_000));
    let read = knocks(&trifles);
    assert_eq!(read.len(), MAX_ELEMENTS + 1);
    let left = News::Kept { why: format!("too many elements: {} left out", 1_000_001 - MAX_ELEMENTS) };
    assert_eq!(read.last().unwrap().news, left);
}

#[test]
fn a_thousand_entries_with_a_bad_one_between_give_the_others() {
    let mut root: Value = serde_json::from_str(TERMINATE_MISSED).unwrap();
    let entry = root["entry"][0].clone();
    let entries = (0..1_000).map(|n| {
        let mut entry = entry.clone();
        let call = &mut entry["changes"][0]["value"]["calls"][0];
        call["id"] = json!(format!("wacid.{n}"));
        if n == 500 { json!(["bad"]) } else { entry }
    });
    root["entry"] = entries.collect();
    let all = knocks(&root.to_string());
    assert_eq!(all.iter().filter(|knock| matches!(knock.news, News::Call(_))).count(), 999);
    assert_eq!(all[500].news, News::Kept { why: "entry without changes".to_owned() });
}

#[test]
fn nul_never_reaches_the_store() {
    let nul = |text: &str| Value::String(format!("{text}\u{0}"));
    let body = edited(UIC_CONNECT, |value| {
        value["contacts"][0]["profile"]["name"] = nul("Dana");
        value["calls"][0]["biz_opaque_callback_data"] = nul("x");
        value["calls"][0]["from_user_id"] = nul("GB.1");
    });
    let event = event(&body);
    assert_eq!((event.opaque, event.party.name.as_deref()), (None, Some("dana.reyes")));
    assert_eq!(
        why(&edited(UIC_CONNECT, |value| value["calls"][0]["id"] = nul("wacid.x"))),
        "calls: no usable id"
    );
}

/// One structural mutation somewhere in a tree: the n-th node in reading order is changed.
fn mutate(value: &mut Value, place: &mut usize, how: u8) -> bool {
    if *place == 0 {
        *value = match (how, value.take()) {
            (0, _) => Value::Null,
            (1, Value::String(text)) => text.parse::<i64>().map_or(json!([]), Value::from),
            (1, Value::Number(number)) => Value::String(number.to_string()),
            (1, _) => json!("x"),
            (2, old) => json!([old]),
            (3, old) => json!({ "x": old }),
            (4, _) => json!(""),
            (5, _) => json!(-1.5e300),
            (6, Value::String(text)) => json!(text.to_uppercase()),
            (7, Value::String(text)) => json!(format!("{text}\u{0}\u{1f600}")),
            (8, Value::Array(items)) => items.into_iter().next().unwrap_or_default(),
            (9, Value::Array(items)) => Value::Array([items.clone(), items].concat()),
            (_, old) => old,
        };
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| mutate(item, place, how)),
        Value::Object(fields) => {
            if how == 10 && *place < fields.len() {
                let key = fields.keys().nth(*place).cloned();
                key.map(|key| fields.remove(&key));
                return true;
            }
            fields.values_mut().any(|field| mutate(field, place, how))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn mutated() -> impl Strategy<Value = String> {
    let which = prop::sample::select(ALL);
    (which, prop::collection::vec((0..90_usize, 0..=10_u8), 1..5)).prop_map(|((_, body), changes)| {
        let mut root: Value = serde_json::from_str(body).unwrap();
        for (mut place, how) in changes {
            mutate(&mut root, &mut place, how);
        }
        root.to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_mangled_payload_gives_knocks_that_can_be_stored(body in mutated()) {
        let all = read(body.as_bytes(), NOW).unwrap();
        prop_assert!(!all.is_empty());
        for knock in &all {
            prop_assert_eq!(knock.key.len(), 64);
            prop_assert!(serde_json::from_str::<Value>(&knock.raw).is_ok());
            let news = serde_json::to_string(&knock.news).unwrap();
            prop_assert!(!news.contains("\\u0000"), "{}", news);
            prop_assert_eq!(&serde_json::from_str::<News>(&news).unwrap(), &knock.news);
        }
        prop_assert_eq!(all, read(body.as_bytes(), NOW).unwrap());
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        let _ = read(&bytes, NOW);
        let mut body = BATCH.as_bytes().to_vec();
        let at = at.index(body.len());
        body.splice(at..at, bytes);
        let _ = read(&body, NOW);
    }
}
