//! The documented samples, each in every language, as their readers run them. `OFFHOOK_GENERATE=1` writes down what
//! the ones in shell print; read the difference.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::server::House;
use crate::stage::root;

/// Values that differ from run to run.
const FLEETING: [&str; 15] = [
    "id",
    "meta_call_id",
    "contact_id",
    "request_id",
    "timestamp",
    "created_at",
    "updated_at",
    "started_at",
    "ringing_at",
    "answered_at",
    "ended_at",
    "date",
    "from",
    "to",
    "docs_url",
];

fn folder() -> PathBuf {
    root().join("docs/api/examples/orbit")
}

/// Names of the samples, without their endings.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let scripts = entries.filter_map(|name| Some(name.to_str()?.strip_suffix(".sh")?.to_owned()));
    let mut names: Vec<String> = scripts.collect();
    names.sort();
    // What is listed is placed first, so that there is one call; what is placed comes last.
    names.sort_by_key(|name| name.starts_with("place"));
    names
}

/// The method and path a sample says it asks for.
fn request(name: &str) -> (String, String) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.sh"))).unwrap();
    let first = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
    let (method, path) = first.split_once(' ').unwrap();
    (method.to_lowercase(), path.to_owned())
}

fn program(language: &str) -> Command {
    match language {
        "sh" => Command::new("sh"),
        "py" => Command::new(root().join("target/venv/bin/python")),
        _ => Command::new("node"),
    }
}

fn run(house: &House, name: &str, language: &str, to: &str) -> anyhow::Result<Value> {
    let output = program(language)
        .arg(folder().join(format!("{name}.{language}")))
        .env("ORBIT_BASE_URL", house.url())
        .env("ORBIT_API_KEY", &house.api_key)
        .env("ORBIT_TO", to)
        .env("ORBIT_FROM", "106540352242922")
        .env("NO_PROXY", "127.0.0.1")
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}.{language}: {complaint}");
    let mut body = serde_json::from_slice(&output.stdout).with_context(|| complaint)?;
    redact(&mut body, "");
    Ok(body)
}

fn redact(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| redact(value, name)),
        Value::Array(items) => {
            // A day for each of thirty: the last says it all.
            if name == "trend" {
                items.drain(..items.len().saturating_sub(1));
            }
            items.iter_mut().for_each(|item| redact(item, name));
        }
        Value::String(_) if FLEETING.contains(&name) => *value = json!("…"),
        _ => {}
    }
}

fn expected(name: &str, first: &Value) -> anyhow::Result<Value> {
    let path = folder().join(format!("{name}.json"));
    if std::env::var_os("OFFHOOK_GENERATE").is_some() {
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(first)?))?;
    }
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("{}: write it with OFFHOOK_GENERATE=1", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_orbit_print_what_is_written_beside_them() {
    let house = House::start("bridge").await.unwrap();
    // One call that its user declined, in every list and figure.
    run(&house, "place-call", "sh", "+15550990003").unwrap();
    house.row("failed").await.unwrap();
    let document = house.http.get(format!("{}/openapi.json", house.url())).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    for name in names() {
        let (method, path) = request(&name);
        let mut golden = None;
        for (n, language) in ["sh", "py", "mjs"].into_iter().enumerate() {
            let printed = run(&house, &name, language, &format!("+1555100{n}0003")).unwrap();
            if document["paths"][&path].get(&method).is_none() {
                assert_eq!(printed["error"]["code"], "NOT_FOUND", "{path} is not documented");
                continue;
            }
            let golden = match &golden {
                Some(golden) => golden,
                None => golden.insert(expected(&name, &printed).unwrap()),
            };
            assert_eq!(printed, *golden, "{name}.{language}");
        }
    }
}
