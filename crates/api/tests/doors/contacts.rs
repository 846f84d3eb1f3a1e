//! Contacts over REST: the bodies, whole, and what erasing somebody means to those who ask.

use axum::http::StatusCode;
use offhook_core::call::State;
use offhook_core::house::Role;
use serde_json::{Value, json};

use crate::rig::{Answered, Rig};

const PATH: &str = "/api/v1/contacts";

fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    body["meta"]["request_id"] = json!("[request]");
    blank(&mut body);
    body
}

/// Ids and cursors are of the run.
fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let fleeting = ["cursor", "call_id", "contact_id", "author_id"].contains(&name.as_str());
                let ours = name == "id" || name == "import_id";
                match value {
                    Value::String(text) if ours => *text = format!("{}[id]", &text[..4]),
                    Value::String(text) if fleeting => *text = format!("[{name}]"),
                    other => blank(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

fn jane() -> Value {
    json!({
        "phone": "+14155552671", "email": "jane@example.com", "first_name": "Jane", "last_name": "Doe",
        "country_code": "us", "lifecycle_stage": "lead", "tags": ["beta-tester"],
        "metadata": { "plan": { "name": "pro" }, "seats": 3 }, "preferences": { "sms": false },
    })
}

fn id(answer: &Answered) -> String {
    answer.json()["data"]["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

#[tokio::test]
async fn bodies_of_contacts_are_as_they_were() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let made = rig.post(PATH, &key, &jane()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    insta::assert_json_snapshot!("contact", golden(&made));
    let one = format!("{PATH}/{}", id(&made));
    insta::assert_json_snapshot!("contact_taken", golden(&rig.post(PATH, &key, &jane()).await));
    let wrong = json!({ "phone": "+14155552672", "tags": ["a", " "] });
    insta::assert_json_snapshot!("contact_wrong", golden(&rig.post(PATH, &key, &wrong).await));
    insta::assert_json_snapshot!(
        "contacts",
        golden(&rig.get(&format!("{PATH}?search=jane&limit=20"), &key).await)
    );

    let change = json!({ "metadata": { "seats": null, "since": 2026 }, "last_name": null, "tags": [] });
    let changed = rig.call("PUT", &one, &key, &change).await.json()["data"].clone();
    assert_eq!(changed["metadata"], json!({ "plan": { "name": "pro" }, "since": 2026 }));
    assert_eq!((&changed["last_name"], &changed["tags"]), (&Value::Null, &json!([])));
    let tags = rig.post(&format!("{one}/tags"), &key, &json!({ "tags": ["vip", "vip", "enterprise"] })).await;
    insta::assert_json_snapshot!("contact_tags", golden(&tags));
    let preferences = json!({ "preferences": { "sms": true, "email": false } });
    let preferences = rig.call("PUT", &format!("{one}/preferences"), &key, &preferences).await;
    insta::assert_json_snapshot!("contact_preferences", golden(&preferences));
    rig.post(&format!("{one}/notes"), &key, &json!({ "text": "Asked for Rui" })).await;
    insta::assert_json_snapshot!(
        "contact_activity",
        golden(&rig.get(&format!("{one}/activity"), &key).await)
    );
}

#[tokio::test]
async fn bodies_of_lists_and_segments_are_as_they_were() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let contact = id(&rig.post(PATH, &key, &jane()).await);
    let list = json!({ "name": "VIP Customers", "description": "High-value accounts" });
    let made = rig.post(&format!("{PATH}/lists"), &key, &list).await;
    insta::assert_json_snapshot!("contact_list", golden(&made));
    let members = format!("{PATH}/lists/{}/members", id(&made));
    let put = rig.post(&members, &key, &json!({ "contact_ids": [contact] })).await;
    assert!(put.status.is_success(), "{}", put.text);
    assert_eq!(rig.get(&members, &key).await.json()["data"][0]["id"], contact);
    let rules =
        json!({ "country_code": "US", "lifecycle_stage": "lead", "tags": { "$contains": "beta-tester" } });
    let segment = json!({ "name": "US Leads", "rules": rules });
    let made = rig.post(&format!("{PATH}/segments"), &key, &segment).await;
    insta::assert_json_snapshot!("contact_segment", golden(&made));
    let preview = rig.post(&format!("{PATH}/segments/preview"), &key, &segment).await.json();
    assert_eq!(preview["data"]["contact_count"], 1);
    let wrong = json!({ "name": "X", "rules": { "$or": [{ "tags": { "$like": "x" } }] } });
    insta::assert_json_snapshot!(
        "contact_rules",
        golden(&rig.post(&format!("{PATH}/segments"), &key, &wrong).await)
    );
    let import = rig.post(&format!("{PATH}/import"), &key, &json!({ "contacts": [jane()] })).await;
    assert_eq!(import.status, StatusCode::ACCEPTED);
    insta::assert_json_snapshot!("contact_import", golden(&import));
}

#[tokio::test]
async fn a_caller_who_was_merged_into_a_contact_is_that_contact_when_they_call_again() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let call = async |wacid: &str| {
        rig.rings(wacid).await;
        let call = rig.until(State::Queued).await;
        rig.terminates(wacid, "USER_INITIATED", None).await;
        rig.until(State::Missed).await;
        call.facts.party.clone()
    };
    let caller = call("wacid.A").await;
    let phone = caller.phone.clone().unwrap();
    let made = rig.post(PATH, &key, &jane()).await;
    let one = format!("{PATH}/{}", id(&made));
    let merge = json!({ "primary_id": id(&made), "duplicate_ids": [caller.contact.unwrap().id.as_str()] });
    let merged = rig.post(&format!("{PATH}/merge"), &key, &merge).await.json()["data"].clone();
    assert_eq!(
        (&merged["phone"], &merged["other_phones"]),
        (&json!("+14155552671"), &json!([phone.reveal()]))
    );
    let viewer = rig.key(Role::Viewer, &["*"]).await;
    let masked = rig.get(&one, &viewer).await;
    assert!(!masked.text.contains(phone.digits()), "{}", masked.text);

    let again = call("wacid.B").await.contact.unwrap();
    assert_eq!((again.id.as_str(), again.name.as_deref()), (id(&made).as_str(), Some("Jane Doe")));
    let taken = rig.post(PATH, &key, &json!({ "phone": phone.reveal() })).await;
    assert_eq!((taken.status, taken.code().as_str()), (StatusCode::CONFLICT, "CONTACT_ALREADY_EXISTS"));
    // Numbers are given to other people.
    let freed = rig.call("PUT", &one, &key, &json!({ "other_phones": [] })).await;
    assert_eq!(freed.json()["data"].get("other_phones"), None, "{}", freed.text);
    assert_ne!(call("wacid.C").await.contact.unwrap().id.as_str(), id(&made));
}

#[tokio::test]
async fn nobody_is_erased_while_they_talk_and_then_they_are() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Admin, &["*"]).await;
    rig.rings("wacid.A").await;
    let call = rig.until(State::Queued).await;
    let contact = call.facts.party.contact.clone().unwrap().id;
    let one = format!("{PATH}/{contact}");
    let busy = rig.call("DELETE", &one, &key, &Value::Null).await;
    assert_eq!((busy.status, busy.code().as_str()), (StatusCode::CONFLICT, "CONTACT_IN_CALL"));
    let phone = call.facts.party.phone.clone().unwrap().reveal();
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    rig.until(State::Missed).await;
    let gone = rig.call("DELETE", &one, &key, &Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text);
    assert_eq!(rig.get(&one, &key).await.status, StatusCode::NOT_FOUND);
    for path in [
        "/api/v1/whatsapp/calling/calls".to_owned(),
        format!("/api/v1/whatsapp/calling/calls/{}", call.id),
        "/api/v1/events?limit=100".to_owned(),
        format!("{PATH}?limit=100"),
        format!("{PATH}/export"),
    ] {
        let told = rig.get(&path, &key).await;
        assert_eq!(told.status, StatusCode::OK, "{path}: {}", told.text);
        assert!(!told.text.contains(&phone[1..]), "{path}: {}", told.text);
    }
}
