//! Orbit's samples, each in every language, as their readers run them; and the table of all providers' samples. `OFFHOOK_GENERATE=1` writes down what
//! the ones in shell print; read the difference.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::documented::check;
use crate::stage::{Stage, root, until};

/// Values that differ from run to run.
const FLEETING: [&str; 26] = [
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
    "expires_at",
    "checked_at",
    "next_request_at",
    "created_by",
    "key",
    "prefix",
    "call_id",
    "event_id",
    "signing_secret",
    "agent_id",
    "cursor",
];

/// Samples whose answers the provider shows, and where that is written down.
const DOCUMENTED: [(&str, &str); 4] = [
    ("allow-ips", "orbit-allowed-ips"),
    ("analytics", "orbit-analytics"),
    ("create-webhook", "orbit-webhook"),
    ("enable-calling", "orbit-enabled"),
];

/// What samples are about besides the call: a webhook, a key, and where the stream was left.
struct About {
    webhook: String,
    key: String,
    last_event: String,
}

impl About {
    async fn prepared(stage: &Stage) -> anyhow::Result<Self> {
        let post = async |path: &str, body: Value| {
            let request = stage.api(Method::POST, &format!("/api/v1{path}"));
            let body: Value = request.json(&body).send().await?.error_for_status()?.json().await?;
            Ok::<_, anyhow::Error>(body["data"]["id"].as_str().context("an id")?.to_owned())
        };
        let hook = json!({ "url": "https://crm.example.com/hook", "events": ["whatsapp.call.declined"] });
        let webhook = post("/webhooks", hook).await?;
        let key = json!({ "name": "CRM", "scopes": ["calls:read"] });
        let key = post("/settings/api-keys", key).await?;
        let page = stage.api(Method::GET, "/api/v1/events?type=whatsapp.call.initiated").send().await?;
        let page: Value = page.json().await?;
        let last_event = page["data"][0]["id"].as_str().context("an event")?.to_owned();
        Ok(Self { webhook, key, last_event })
    }
}

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

fn run(stage: &Stage, about: Option<&About>, name: &str, language: &str, to: &str) -> anyhow::Result<Value> {
    let mut command = program(language);
    if let Some(about) = about {
        command
            .env("ORBIT_WEBHOOK", &about.webhook)
            .env("ORBIT_WEBHOOK_URL", "https://crm.example.com/offhook")
            .env("ORBIT_KEY", &about.key)
            .env("ORBIT_LAST_EVENT", &about.last_event);
    }
    let output = command
        .arg(folder().join(format!("{name}.{language}")))
        .env("ORBIT_BASE_URL", stage.say("/url"))
        .env("ORBIT_API_KEY", stage.say("/api_key"))
        .env("ORBIT_TO", to)
        .env("ORBIT_FROM", stage.say("/bridged_number/phone_number_id"))
        .env("NO_PROXY", "127.0.0.1")
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}.{language}: {complaint}");
    let mut body = serde_json::from_slice(&output.stdout).with_context(|| complaint)?;
    if let Some((_, documented)) = DOCUMENTED.iter().find(|(sample, _)| *sample == name) {
        check(documented, &body);
    }
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
    let stage = Stage::start().unwrap();
    // One call that its user declined, in every list and figure.
    run(&stage, None, "place-call", "sh", "+15550990003").unwrap();
    let declined = until("the call to be declined", async || {
        let rows = stage.api(Method::GET, "/api/v1/whatsapp/calling/calls?status=failed").send().await?;
        Ok(rows.json::<Value>().await?["data"].get(0).cloned())
    });
    declined.await.unwrap();
    let about = About::prepared(&stage).await.unwrap();
    let document = stage.bare(Method::GET, "/openapi.json").send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    for name in names() {
        let (method, path) = request(&name);
        let mut golden = None;
        for (n, language) in ["sh", "py", "mjs"].into_iter().enumerate() {
            let printed = run(&stage, Some(&about), &name, language, &format!("+1555100{n}0003")).unwrap();
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

/// Folders of samples that the table in their README speaks of, with what only helps its neighbours.
const FOLDERS: [(&str, &str); 4] = [("contacts", ""), ("d360", "d360"), ("orbit", ""), ("vobiz", "vobiz")];

#[test]
fn table_of_samples_names_every_one_and_every_one_is_there_in_each_language() {
    let examples = root().join("docs/api/examples");
    let table = std::fs::read_to_string(examples.join("README.md")).unwrap();
    for (folder, help) in FOLDERS {
        let entries = std::fs::read_dir(examples.join(folder)).unwrap();
        let names = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let samples: BTreeSet<(String, String)> = names
            .filter_map(|name| {
                name.rsplit_once('.').map(|(stem, ending)| (stem.to_owned(), ending.to_owned()))
            })
            .filter(|(stem, ending)| stem != help && ["sh", "py", "mjs"].contains(&ending.as_str()))
            .collect();
        let stems: BTreeSet<&str> = samples.iter().map(|(stem, _)| stem.as_str()).collect();
        for stem in &stems {
            assert!(table.contains(&format!("`{folder}/{stem}`")), "{folder}/{stem} is in the table");
            for ending in ["sh", "py", "mjs"] {
                let there = samples.contains(&((*stem).to_owned(), ending.to_owned()));
                assert!(there, "{folder}/{stem}.{ending} is there");
            }
        }
        for named in table.split('`').filter_map(|word| word.strip_prefix(&format!("{folder}/"))) {
            assert!(stems.contains(named), "the table's {folder}/{named} is there");
        }
    }
}
