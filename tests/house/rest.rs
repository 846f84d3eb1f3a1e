//! The REST interface against what it says of itself: schemathesis, another project's tester, sends what the
//! document allows and what it forbids, as an owner, as a viewer and as nobody.

use std::process::Command;

use serde_json::Value;

use crate::server::House;
use crate::stage::root;

/// Requests of a company in a second are limited; the tester stays below.
const PACE: &str = "80/s";

/// What is looked at. Left out is what this interface decides otherwise on purpose (unknown fields are ignored,
/// and values the document cannot forbid, such as a number nobody has, are refused), and what the matrix of roles
/// shows better: that credentials are asked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
     response_headers_conformance,response_schema_conformance,unsupported_method";

/// Things that are there: `name=value` pairs of path parameters.
async fn things(house: &House) -> anyhow::Result<String> {
    let url = format!("{}/api/v1/whatsapp/calling/calls", house.url());
    let body = serde_json::json!({ "to": "+15550990003", "from_phone_number_id": "106540352242922" });
    let placed = house.http.post(url).header("X-API-Key", &house.api_key).json(&body).send().await?;
    let placed: Value = placed.error_for_status()?.json().await?;
    let id = placed["data"]["id"].as_str().unwrap_or_default().to_owned();
    Ok(format!("id={id},phone_number_id=106540352242922"))
}

fn run(house: &House, things: &str, keys: &[String], examples: &str, phases: &str) -> anyhow::Result<()> {
    let program = root().join("target/venv/bin/schemathesis");
    anyhow::ensure!(program.exists(), "no schemathesis here: `cargo xtask test` installs it");
    let work = tempfile::tempdir()?;
    let output = Command::new(root().join("target/venv/bin/python"))
        .arg(program)
        .arg("run")
        .arg(format!("{}/openapi.json", house.url()))
        .args(["--checks", CHECKS, "--phases", phases, "--max-examples", examples, "--seed", "1"])
        .args(["--rate-limit", PACE, "--workers", "1", "--no-shrink", "--warnings", "off"])
        .args(["--suppress-health-check", "all", "--request-timeout", "30"])
        // It does not end; tests of its own read it.
        .args(["--exclude-path", "/api/v1/events/stream"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/rest"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYS", keys.join(","))
        .env("IDS", things)
        .current_dir(work.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A house with a call in it, and the interface as a role meets it.
async fn check(role: &str, keys: usize, examples: &str, phases: &str) -> anyhow::Result<()> {
    let house = House::start("bridge").await?;
    let things = things(&house).await?;
    let keys = house.keys(role, keys)?;
    run(&house, &things, &keys, examples, phases)
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_as_it_says_to_an_owner() {
    check("owner", 6, "20", "examples,coverage,fuzzing").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_as_it_says_to_a_viewer() {
    check("viewer", 3, "6", "examples,fuzzing").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_as_it_says_to_nobody() {
    check("viewer", 0, "4", "fuzzing").await.unwrap();
}
