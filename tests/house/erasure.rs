//! Whoever is erased has left no trace: the server's whole folder is read, its database and its log included.

use std::path::{Path, PathBuf};

use anyhow::Context;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::recordings::mortal;
use crate::server::House;
use crate::stage::until;

/// Every file below a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// The files in which a text stands.
fn with(folder: &Path, text: &str) -> anyhow::Result<Vec<PathBuf>> {
    let stands = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|some| some.eq_ignore_ascii_case(text.as_bytes()))
    };
    Ok(files(folder)?.into_iter().filter(stands).collect())
}

fn sounds(folder: &Path) -> anyhow::Result<usize> {
    Ok(files(&folder.join("recordings"))?.len())
}

async fn ask(house: &House, method: Method, path: &str, body: Value) -> anyhow::Result<(StatusCode, Value)> {
    let request = house.http.request(method, format!("{}/api/v1/contacts{path}", house.url()));
    let reply = request.header("X-API-Key", &house.api_key).json(&body).send().await?;
    let status = reply.status();
    let text = reply.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_has_left_no_trace_in_any_file() {
    let (house, door, mut ann, call) = mortal().await.unwrap();
    let folder = house.folder().to_owned();
    let (_, found) = ask(&house, Method::GET, "?search=7700900002", Value::Null).await.unwrap();
    let id = found["data"][0]["id"].as_str().expect("a call makes a contact").to_owned();
    let facts =
        json!({ "first_name": "Canarina", "last_name": "Quetzalcoatl", "email": "canarina@quetzal.example" });
    assert_eq!(ask(&house, Method::PUT, &format!("/{id}"), facts).await.unwrap().0, StatusCode::OK);
    let note = json!({ "text": "canarina wants her invoice in Portuguese" });
    assert_eq!(
        ask(&house, Method::POST, &format!("/{id}/notes"), note).await.unwrap().0,
        StatusCode::CREATED
    );

    let before = door.packets().await.unwrap();
    door.record(&call, "start").await.unwrap();
    door.after(before, 2).await.unwrap();
    let (refused, why) = ask(&house, Method::DELETE, &format!("/{id}"), Value::Null).await.unwrap();
    assert_eq!((refused, &why["error"]["code"]), (StatusCode::CONFLICT, &json!("CONTACT_IN_CALL")), "{why}");
    ann.command(json!({ "type": "call.hangup", "call_id": call })).await.unwrap();
    let ended = house.row("completed").await.unwrap();
    door.recorded(&call, "complete").await.unwrap();
    let wacid = ended["meta_call_id"].as_str().context("WhatsApp's id").unwrap().to_owned();
    let told_of = wacid.trim_start_matches("wacid.").trim_end_matches('=').to_owned();

    let traces = ["447700900002", "7700 900002", "canarina", "quetzalcoatl", told_of.as_str()];
    for trace in traces.iter().filter(|trace| !trace.contains(' ')) {
        assert_ne!(with(&folder, trace).unwrap(), Vec::<PathBuf>::new(), "{trace} stands nowhere before");
    }
    assert!(sounds(&folder).unwrap() > 0, "the voice is stored");

    // The webhook that ended the call may still be on its way through the house.
    let gone = until("the person to be erased", async || {
        let (status, _) = ask(&house, Method::DELETE, &format!("/{id}"), Value::Null).await?;
        Ok((status == StatusCode::NO_CONTENT).then_some(()))
    });
    gone.await.unwrap();

    for trace in traces {
        assert_eq!(with(&folder, trace).unwrap(), Vec::<PathBuf>::new(), "{trace} is left");
    }
    assert_eq!(sounds(&folder).unwrap(), 0, "the voice is left");
    let row = house.row("completed").await.unwrap();
    assert_eq!(row["id"], ended["id"], "that there was a call is the company's own");
    assert_eq!(row["duration_seconds"], ended["duration_seconds"]);
    assert!(!row.to_string().contains("900002"), "{row}");
    let (missing, _) = ask(&house, Method::GET, &format!("/{id}"), Value::Null).await.unwrap();
    assert_eq!(missing, StatusCode::NOT_FOUND);
}
