//! Contacts as files, in and out: hostile rows, progress, and what comes back.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use offhook_core::event::Event;
use offhook_core::house::{KeyMode, Role};
use offhook_core::ports::ContactImports;
use serde_json::{Value, json};

use crate::rig::{Answered, Rig, eventually, tenant};

const PATH: &str = "/api/v1/contacts";

/// Sends a file and waits until it is read.
async fn import(rig: &Rig, key: &str, file: impl Into<Body>) -> Value {
    let sent = upload(rig, key, "text/csv", file).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
    finished(rig, key, &sent.json()["data"]).await
}

async fn upload(rig: &Rig, key: &str, kind: &str, file: impl Into<Body>) -> Answered {
    let request = Request::builder().method(Method::POST).uri(format!("{PATH}/import"));
    let request = request.header("x-api-key", key).header("content-type", kind);
    rig.send(request.body(file.into()).unwrap()).await
}

async fn finished(rig: &Rig, key: &str, import: &Value) -> Value {
    let id = import["import_id"].as_str().unwrap().to_owned();
    let over = || {
        rig.memory.log(&tenant(1)).iter().find_map(|logged| match &logged.event {
            Event::Import { import, .. } if import.as_str() == id => Some(()),
            _ => None,
        })
    };
    eventually(over, "the import's end").await;
    rig.get(&format!("{PATH}/imports/{id}"), key).await.json()["data"].clone()
}

fn counts(import: &Value) -> [u64; 5] {
    ["total", "created", "updated", "unchanged", "rejected"].map(|name| import[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_file_is_read_and_read_again_without_a_change() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let file = "Phone,email,first_name,tags,metadata.plan,preferences.sms\r\n\
                +447700900555,,Ann,gold;vip,pro,false\r\n\
                '+447700900556,bea@example.com,Bea,,,\r\n\
                12,,Nobody,,,\r\n";
    let first = import(&rig, &key, file).await;
    assert_eq!((first["status"].as_str(), counts(&first)), (Some("completed"), [3, 2, 0, 0, 1]));
    let again = import(&rig, &key, file).await;
    assert_eq!(counts(&again), [3, 0, 0, 2, 1]);
    assert_ne!(first["id"], again["id"]);

    let ann = rig.get(&format!("{PATH}?search=ann"), &key).await.json()["data"][0].clone();
    assert_eq!((&ann["phone"], &ann["tags"]), (&json!("+447700900555"), &json!(["gold", "vip"])));
    assert_eq!((&ann["metadata"]["plan"], &ann["preferences"]["sms"]), (&json!("pro"), &json!(false)));

    let rejected = rig.get(first["rejected_url"].as_str().unwrap(), &key).await;
    assert_eq!(rejected.header("content-type"), "text/csv; charset=utf-8");
    let wanted = "Phone,email,first_name,tags,metadata.plan,preferences.sms,row,reason\r\n\
                  12,,Nobody,,,,4,phone is not E.164\r\n";
    assert_eq!(rejected.text, wanted);
    // What is set right in it goes in as it is.
    let mended = rejected.text.replace("\r\n12,", "\r\n+447700900557,");
    assert_eq!(counts(&import(&rig, &key, mended).await), [1, 1, 0, 0, 0]);
    let listed = rig.get(&format!("{PATH}/imports"), &key).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_import_tells_one_thing_however_many_rows_it_has() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let before = rig.memory.log(&tenant(1)).len();
    let rows = (0..2_500).map(|n| format!("+4477010{n:05},x{n}\n")).collect::<String>();
    let done = import(&rig, &key, format!("phone,first_name\n{rows}")).await;
    assert_eq!(counts(&done), [2_500, 2_500, 0, 0, 0]);
    assert_eq!(rig.memory.log(&tenant(1)).len(), before + 1);
    let events = rig.get("/api/v1/events?type=contact.import_completed", &key).await.json();
    let told = &events["data"][0]["data"];
    assert_eq!((&told["import_id"], &told["created"]), (&done["id"], &json!(2_500)));
}

#[tokio::test]
async fn hostile_rows_harm_nobody() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let large = "x".repeat(10 * 1024 * 1024);
    let file = format!(
        "phone,first_name,metadata\n\
         +447700900601,\"=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",\n\
         +447700900602,<script>alert(1)</script>,\n\
         +447700900603,Rui 🙂👩‍👩‍👧,\n\
         +447700900604,דנה \u{202e}gnp.exe,\n\
         +447700900605,Big,\"{{\"\"a\"\": \"\"{large}\"\"}}\"\n\
         +447700900606,Medium,\"{{\"\"a\"\": \"\"{}\"\"}}\"\n\
         +447700900601,Second,\n\
         '; DROP TABLE contacts; --,x,\n",
        "x".repeat(20_000),
    );
    let done = import(&rig, &key, file).await;
    assert_eq!(counts(&done), [8, 4, 1, 0, 3], "{done}");
    let rejected = rig.get(done["rejected_url"].as_str().unwrap(), &key).await.text;
    assert!(rejected.contains("6,is larger than a row may be\r\n"), "{}", &rejected[..200]);
    assert!(rejected.contains("7,metadata is larger than 16384 bytes\r\n"));
    assert!(
        rejected.contains("\"'; DROP TABLE contacts; --\"")
            || rejected.contains("'; DROP TABLE contacts; --")
    );

    let csv = rig.get(&format!("{PATH}/export"), &key).await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"contacts.csv\"");
    for cell in ["Second", "<script>alert(1)</script>", "Rui 🙂👩‍👩‍👧", "דנה \u{202e}gnp.exe", "'+447700900604"]
    {
        assert!(csv.text.contains(cell), "{cell}");
    }
    let formulas = csv.text.split([',', '\n']).filter(|cell| cell.starts_with(['=', '+', '-', '@']));
    assert_eq!(formulas.count(), 0, "{}", csv.text);
    // What an export guards, an import takes as it was.
    assert_eq!(&counts(&import(&rig, &key, csv.text).await)[1..], [0, 0, 5, 0]);
}

#[tokio::test]
async fn a_formula_as_a_name_comes_back_as_it_was() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    for (n, name) in ["=1+1", "'=1+1", "@SUM(A1)", "-Dash", "'quoted'"].into_iter().enumerate() {
        let body = json!({ "phone": format!("+44770090070{n}"), "first_name": name });
        assert_eq!(rig.post(PATH, &key, &body).await.status, StatusCode::CREATED);
    }
    let csv = rig.get(&format!("{PATH}/export"), &key).await.text;
    for cell in ["'=1+1", "''=1+1", "'@SUM(A1)", "'-Dash", ",'quoted',"] {
        assert!(csv.contains(cell), "{cell}: {csv}");
    }
    let again = import(&rig, &key, csv).await;
    assert_eq!(again["unchanged"], again["total"], "{again}");
    let json = rig.get(&format!("{PATH}/export?format=json&search=Dash"), &key).await;
    assert_eq!(json.json()[0]["first_name"], "-Dash");
}

#[tokio::test]
async fn files_that_are_none_are_refused_before_anything_is_kept() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let check = async |kind: &str, file: &str, status: u16, code: &str| {
        let answer = upload(&rig, &key, kind, file.to_owned()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{file}: {}",
            answer.text
        );
    };
    check("text/csv", "", 422, "INVALID_IMPORT_FILE").await;
    check("text/csv", "first_name\nAnn\n", 422, "INVALID_IMPORT_FILE").await;
    check("text/csv", "phone,shoe size\n", 422, "INVALID_IMPORT_FILE").await;
    check("text/csv", "phone,phone\n", 422, "INVALID_IMPORT_FILE").await;
    check("application/json", "{\"contacts\": 1}", 422, "VALIDATION_ERROR").await;
    check("application/pdf", "%PDF", 415, "VALIDATION_ERROR").await;
    check(
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n",
        422,
        "MISSING_REQUIRED_FIELD",
    )
    .await;
    assert_eq!(ContactImports::list(&*rig.memory, &tenant(1), 10).await.unwrap(), []);
    for query in ["format=xml", "limit=5"] {
        assert_eq!(rig.get(&format!("{PATH}/export?{query}"), &key).await.code(), "VALIDATION_ERROR");
    }
    let large = json!({ "phone": "+447700900799", "metadata": { "a": "x".repeat(10 * 1024 * 1024) } });
    assert_eq!(rig.post(PATH, &key, &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn forms_and_json_are_files_too() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["contacts:*"]).await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\
                Content-Type: text/csv\r\n\r\nphone;first_name\r\n+447700900801;Ann\r\n\r\n--x--\r\n";
    let sent = upload(&rig, &key, "multipart/form-data; boundary=x", form).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
    assert_eq!(counts(&finished(&rig, &key, &sent.json()["data"]).await), [1, 1, 0, 0, 0]);
    let rows = json!({ "contacts": [
        { "phone": "+447700900802", "tags": ["a;b"], "metadata": { "n": 1 }, "preferences": { "sms": false } },
        { "phone": null, "email": "not one" },
        { "phone": "+447700900803", "shoe": 42 },
    ] });
    let sent = rig.post(&format!("{PATH}/import"), &key, &rows).await;
    let done = finished(&rig, &key, &sent.json()["data"]).await;
    assert_eq!(counts(&done), [3, 1, 0, 0, 2]);
    let made = rig.get(&format!("{PATH}?search=900802"), &key).await.json()["data"][0].clone();
    assert_eq!((&made["tags"], &made["metadata"]["n"]), (&json!(["a;b"]), &json!(1)));
}

#[tokio::test]
async fn files_are_for_those_who_may_and_of_their_company() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["contacts:*"]).await;
    let done = import(&rig, &key, "phone\n1\n").await;
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    let one = format!("{PATH}/imports/{}", done["id"].as_str().unwrap());
    for path in [one.clone(), format!("{one}/rejected")] {
        assert_eq!(rig.get(&path, &theirs).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(rig.get(&format!("{PATH}/imports"), &theirs).await.json()["data"], json!([]));
    assert!(!rig.get(&format!("{PATH}/export"), &theirs).await.text.contains("4477"));
    let agent = rig.key(Role::Agent, &["*"]).await;
    assert_eq!(rig.get(&format!("{PATH}/export"), &agent).await.status, StatusCode::FORBIDDEN);
    let viewer = rig.key(Role::Viewer, &["*"]).await;
    assert_eq!(rig.get(&format!("{one}/rejected"), &viewer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(upload(&rig, &viewer, "text/csv", "phone\n").await.status, StatusCode::FORBIDDEN);
}
