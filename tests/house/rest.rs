//! The REST interfaces against what they say of themselves: schemathesis, another project's tester, sends what each
//! face's document allows and what it forbids, as an owner thoroughly, and as every other role and nobody in passing.

use std::process::Command;

use anyhow::Context;
use serde_json::{Value, json};

use crate::agent::sdp;
use crate::server::House;
use crate::stage::root;

/// Requests of a company in a second are limited; the tester stays below.
const PACE: &str = "80/s";

/// What is looked at. Left out is what this interface decides otherwise on purpose (unknown fields are ignored,
/// and values the document cannot forbid, such as a number nobody has, are refused), and what the matrix of roles
/// shows better: that credentials are asked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
     response_headers_conformance,response_schema_conformance,unsupported_method";

const NUMBER: &str = "106540352242922";

/// Who else asks. Nobody has no key.
const OTHERS: [&str; 6] = ["admin", "developer", "agent", "viewer", "billing", "nobody"];

/// A face as the tester meets it.
struct Face {
    document: &'static str,
    /// Where a key is put.
    header: &'static str,
    /// `name=value` pairs of path parameters that name something that is there.
    things: String,
    keys: Vec<String>,
}

impl Face {
    async fn native(house: &House, keys: Vec<String>) -> anyhow::Result<Self> {
        let url = format!("{}/api/v1/whatsapp/calling/calls", house.url());
        let body = json!({ "to": "+15550990003", "from_phone_number_id": NUMBER });
        let placed = house.http.post(url).header("X-API-Key", &house.api_key).json(&body).send().await?;
        let placed: Value = placed.error_for_status()?.json().await?;
        let id = placed["data"]["id"].as_str().unwrap_or_default().to_owned();
        let things = format!("id={id},phone_number_id={NUMBER}");
        Ok(Self { document: "/openapi.json", header: "X-API-Key", things, keys })
    }

    /// Its path parameters are ids of channels and subscriptions.
    fn vobiz(house: &House, keys: Vec<String>) -> Self {
        let things = format!("id={}", channel(house));
        Self { document: "/openapi/vobiz.json", header: "X-Auth-Token", things, keys }
    }

    /// Its keys are for the one number.
    async fn d360(house: &House, role: &str, count: usize) -> anyhow::Result<Self> {
        let url = format!("{}/api/v1/settings/api-keys", house.url());
        let wanted = json!({
            "name": "of one number", "role": role, "scopes": ["*"], "phone_number_id": NUMBER,
        });
        let mut keys = Vec::new();
        for _ in 0..count {
            let made = house.http.post(&url).header("X-API-Key", &house.api_key).json(&wanted).send().await?;
            let made: Value = made.error_for_status()?.json().await?;
            keys.push(made["data"]["key"].as_str().context("a key")?.to_owned());
        }
        let things = "user=15550990003".to_owned();
        Ok(Self { document: "/openapi/360dialog.json", header: "D360-API-KEY", things, keys })
    }
}

fn run(house: &House, face: &Face, examples: &str, phases: &str) -> anyhow::Result<()> {
    let program = root().join("target/venv/bin/schemathesis");
    anyhow::ensure!(program.exists(), "no schemathesis here: `cargo xtask test` installs it");
    let work = tempfile::tempdir()?;
    let output = Command::new(root().join("target/venv/bin/python"))
        .arg(program)
        .arg("run")
        .arg(format!("{}{}", house.url(), face.document))
        .args(["--checks", CHECKS, "--phases", phases, "--max-examples", examples, "--seed", "1"])
        .args(["--rate-limit", PACE, "--workers", "1", "--no-shrink", "--warnings", "off"])
        .args(["--suppress-health-check", "all", "--request-timeout", "30"])
        // It does not end; tests of its own read it.
        .args(["--exclude-path", "/api/v1/events/stream"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/rest"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HEADER", face.header)
        .env("ACCOUNT", &house.account_id)
        .env("CHANNEL", channel(house))
        .env("OFFER", sdp("actpass"))
        .env("KEYS", face.keys.join(","))
        .env("IDS", &face.things)
        .current_dir(work.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The number's id, in Vobiz's words.
fn channel(house: &House) -> &str {
    house.number["channel_id"].as_str().unwrap_or_default()
}

/// Keys of a role; nobody has none.
fn keys(house: &House, role: &str, count: usize) -> anyhow::Result<Vec<String>> {
    if role == "nobody" { Ok(vec![]) } else { house.keys(role, count) }
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_as_it_says_to_an_owner() {
    let house = House::start("bridge").await.unwrap();
    let face = Face::native(&house, keys(&house, "owner", 6).unwrap()).await.unwrap();
    run(&house, &face, "20", "examples,coverage,fuzzing").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_as_it_says_to_everybody_else() {
    let house = House::start("bridge").await.unwrap();
    let face = Face::native(&house, vec![]).await.unwrap();
    for role in OTHERS {
        let face = Face { keys: keys(&house, role, 3).unwrap(), things: face.things.clone(), ..face };
        run(&house, &face, "4", "examples,fuzzing").unwrap_or_else(|why| panic!("as {role}: {why}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vobiz_is_as_it_says() {
    let house = House::start("relay").await.unwrap();
    let face = Face::vobiz(&house, keys(&house, "owner", 6).unwrap());
    run(&house, &face, "12", "examples,coverage,fuzzing").unwrap();
    for role in OTHERS {
        let face = Face::vobiz(&house, keys(&house, role, 2).unwrap());
        run(&house, &face, "4", "fuzzing").unwrap_or_else(|why| panic!("as {role}: {why}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d360_is_as_it_says() {
    let house = House::start("relay").await.unwrap();
    let face = Face::d360(&house, "owner", 6).await.unwrap();
    run(&house, &face, "20", "examples,coverage,fuzzing").unwrap();
    for role in OTHERS {
        let count = if role == "nobody" { 0 } else { 2 };
        let face = Face::d360(&house, role, count).await.unwrap();
        run(&house, &face, "4", "fuzzing").unwrap_or_else(|why| panic!("as {role}: {why}"));
    }
}
