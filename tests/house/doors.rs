//! The doors of operations: health, readiness, metrics, and a stop that says goodbye.

use reqwest::Method;

use crate::agent::Agent;
use crate::server::House;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn healthy_server_says_so_and_counts() {
    let stage = Stage::start().unwrap();
    for door in ["/healthz", "/readyz"] {
        let reply = stage.bare(Method::GET, door).send().await.unwrap();
        assert!(reply.status().is_success(), "{door}: {}", reply.status());
    }
    let metrics = stage.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("offhook_"), "{metrics}");
    assert!(!metrics.contains("15550100200"), "no number stands in a label");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_server_says_goaway_first() {
    let stage = Stage::start().unwrap();
    let mut agent =
        Agent::new(stage.say("/url"), stage.say("/agents/0/email"), stage.say("/agents/0/password")).unwrap();
    agent.connect().await.unwrap();
    let stopped = tokio::task::spawn_blocking(move || stage.stop());
    let goaway = agent.message("goaway").await.unwrap();
    assert_eq!(goaway["reason"], "shutdown");
    stopped.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn desk_is_served_and_everything_else_needs_a_key() {
    let stage = Stage::start().unwrap();
    let desk = stage.bare(Method::GET, "/").send().await.unwrap();
    assert!(desk.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let calls = stage.bare(Method::GET, "/api/v1/whatsapp/calling/calls").send().await.unwrap();
    assert_eq!(calls.status(), 401);
    let forged = stage.bare(Method::POST, "/webhooks/meta").body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 401);
}

/// A tenth of the usual limit would not show: at most one request a second, and two at once, of one key.
#[tokio::test(flavor = "multi_thread")]
async fn a_company_may_ask_as_often_as_the_operator_says() {
    let stage = Stage::with("[http]\ncompany_requests_per_second = 5").unwrap();
    let ask = || stage.api(Method::GET, "/api/v1/whatsapp/calling/calls?limit=1").send();
    let replies = futures_util::future::try_join_all((0..20).map(|_| ask())).await.unwrap();
    let with = |status: u16| replies.iter().filter(move |reply| reply.status() == status);
    assert!(with(200).count() >= 2, "{replies:?}");
    let refused = with(429).next().unwrap();
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    assert_eq!(with(200).count() + with(429).count(), 20, "{replies:?}");
}

/// A token expires or is revoked at Meta: the operator gives a fresh one, and the server needs no restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_access_token_is_used_at_once() {
    let house = House::start("bridge").await.unwrap();
    let calling = || {
        let url = format!("{}/api/v1/whatsapp/connections/106540352242922/calling", house.url());
        reqwest::Client::builder().no_proxy().build().unwrap().get(url).bearer_auth(&house.api_key).send()
    };
    assert_eq!(calling().await.unwrap().status(), 200);
    let give = |token: &str| {
        std::fs::write(house.folder().join("fresh"), token).unwrap();
        let set = ["number", "set", "--phone-number-id", "106540352242922", "--access-token-file", "fresh"];
        house.admin(&set).unwrap()
    };
    assert_eq!(give("a-token-that-was-revoked")["access_token"], "replaced");
    let refused = calling().await.unwrap();
    let status = refused.status();
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (422, &"WHATSAPP_CALLING_TOKEN_INVALID".into()),
        "{body}"
    );
    give("sim-access-token");
    assert_eq!(calling().await.unwrap().status(), 200);
}

/// The browsing page under its strict policy, in a real browser: it shows every operation and breaks no rule.
#[tokio::test(flavor = "multi_thread")]
async fn the_interface_can_be_browsed_from_the_server_itself() {
    let stage = Stage::start().unwrap();
    let document = stage.bare(Method::GET, "/openapi.json").send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = std::process::Command::new("/usr/bin/chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--no-first-run"])
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("{}/docs/", stage.say("/url")))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("data-path=\"{path}\"")), "{path} is not shown");
    }
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("Content Security Policy"), "{log}");
}
