//! Orbit's samples of contacts, each in every language, in the order of its page. `OFFHOOK_GENERATE=1` writes down
//! what the ones in shell print; read the difference.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::documented::check;
use crate::stage::{Stage, root};

/// In the order of the page, with what the provider shows as the answer.
const SAMPLES: [(&str, Option<&str>); 6] = [
    ("create-contact", Some("orbit-contact")),
    ("list-contacts", Some("orbit-contacts")),
    ("add-tags", Some("orbit-tags")),
    ("set-preferences", None),
    ("create-list", Some("orbit-list")),
    ("create-segment", Some("orbit-segment")),
];

/// Values that differ from run to run.
const FLEETING: [&str; 5] = ["id", "request_id", "timestamp", "created_at", "updated_at"];

fn folder() -> PathBuf {
    root().join("docs/api/examples/contacts")
}

fn run(stage: &Stage, contact: &str, name: &str, language: &str) -> anyhow::Result<Value> {
    let mut program = match language {
        "sh" => Command::new("sh"),
        "py" => Command::new(root().join("target/venv/bin/python")),
        _ => Command::new("node"),
    };
    let output = program
        .arg(folder().join(format!("{name}.{language}")))
        .env("ORBIT_BASE_URL", stage.say("/url"))
        .env("ORBIT_API_KEY", stage.say("/api_key"))
        .env("ORBIT_CONTACT", contact)
        .env("NO_PROXY", "127.0.0.1")
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}.{language}: {complaint}");
    serde_json::from_slice(&output.stdout).with_context(|| complaint)
}

fn steady(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), steady(value, name))).collect()
        }
        Value::Array(items) => items.iter().map(|item| steady(item, name)).collect(),
        Value::String(_) if FLEETING.contains(&name) => json!("…"),
        other => other.clone(),
    }
}

fn golden(name: &str, printed: &Value, writes: bool) -> anyhow::Result<Value> {
    let path = folder().join(format!("{name}.json"));
    if writes && std::env::var_os("OFFHOOK_GENERATE").is_some() {
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(printed)?))?;
    }
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("{}: write it with OFFHOOK_GENERATE=1", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_contacts_print_what_is_written_beside_them() {
    let stage = Stage::start().unwrap();
    for language in ["sh", "py", "mjs"] {
        let (mut contact, mut made) = (String::new(), Vec::new());
        for (name, documented) in SAMPLES {
            let printed = run(&stage, &contact, name, language).unwrap();
            if let Some(documented) = documented {
                check(documented, &printed);
            }
            let written = steady(&printed, "");
            assert_eq!(written, golden(name, &written, language == "sh").unwrap(), "{name}.{language}");
            let place = match name {
                "create-contact" => "",
                "create-list" => "/lists",
                "create-segment" => "/segments",
                _ => continue,
            };
            let id = printed["data"]["id"].as_str().unwrap();
            if name == "create-contact" {
                id.clone_into(&mut contact);
            }
            made.push(format!("/api/v1/contacts{place}/{id}"));
        }
        // The next language makes the same again.
        for path in made {
            let gone = stage.api(Method::DELETE, &path).send().await.unwrap();
            assert_eq!(gone.status(), 204, "{path}");
        }
    }
}
