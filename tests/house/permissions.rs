//! Permission to call, through the whole binary and a simulator that judges as WhatsApp does.

use anyhow::Context;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::stage::Stage;

const API: &str = "/api/v1/whatsapp";

/// What an answer said.
struct Said {
    status: StatusCode,
    body: Value,
}

impl Said {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("none")
    }
}

async fn ask(stage: &Stage, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Said> {
    let request = stage.api(method, &format!("{API}{path}"));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let reply = request.send().await?;
    let (status, text) = (reply.status(), reply.text().await?);
    Ok(Said { status, body: serde_json::from_str(&text).with_context(|| text.clone())? })
}

async fn place(stage: &Stage, to: &str) -> anyhow::Result<Said> {
    let from = stage.say("/number/phone_number_id");
    let body = json!({ "to": to, "from_phone_number_id": from, "sdp_offer": sdp("actpass") });
    ask(stage, Method::POST, "/calling/calls", Some(body)).await
}

async fn request(stage: &Stage, to: &str) -> anyhow::Result<Said> {
    let body = json!({ "phone_number_id": stage.say("/number/phone_number_id"), "to": to });
    ask(stage, Method::POST, "/calling/permissions/request", Some(body)).await
}

/// What is known of a user.
async fn known(stage: &Stage, to: &str) -> anyhow::Result<Value> {
    let number = stage.say("/number/phone_number_id");
    let path = format!("/calling/permissions?phone_number_id={number}&to={}", to.trim_start_matches('+'));
    Ok(ask(stage, Method::GET, &path, None).await?.body["data"].clone())
}

/// How often the simulator was asked to place a call.
async fn connects(stage: &Stage) -> anyhow::Result<u64> {
    let log: Value = stage.control(Method::GET, "/graph-log").send().await?.json().await?;
    Ok(log["counts"]["connect"].as_u64().unwrap_or(0))
}

async fn watching(stage: &Stage) -> anyhow::Result<Agent> {
    let mut agent = stage.agent()?;
    agent.connect().await?;
    Ok(agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_agrees_can_be_called_and_one_who_refuses_cannot() -> anyhow::Result<()> {
    let stage = Stage::start()?;
    let mut agent = watching(&stage).await?;
    let (grants, refuses) = ("+447700900012", "+447700900013");
    for (to, status, state) in [(grants, "granted", "granted_temporary"), (refuses, "refused", "rejected")] {
        let before = place(&stage, to).await?;
        assert_eq!(
            (before.status, before.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "WHATSAPP_CALLING_NO_PERMISSION")
        );
        assert_eq!(before.body["error"]["details"]["can_request"], true);
        let asked = request(&stage, to).await?;
        assert_eq!((asked.status, &asked.body["data"]["state"]), (StatusCode::ACCEPTED, &json!("requested")));
        let changed = agent
            .event("permission.changed", |event| event["phone"] == to && event["status"] == status)
            .await?;
        assert_eq!(changed["expires_at"].is_string(), to == grants, "{changed}");
        assert_eq!(known(&stage, to).await?["state"], state);
    }
    assert_eq!(connects(&stage).await?, 0, "nobody was called who had not agreed");
    assert_eq!(place(&stage, grants).await?.status, StatusCode::CREATED);
    assert_eq!(place(&stage, refuses).await?.code(), "WHATSAPP_CALLING_NO_PERMISSION");
    assert_eq!(connects(&stage).await?, 1);
    let again = request(&stage, refuses).await?;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::TOO_MANY_REQUESTS, "WHATSAPP_CALLING_PERMISSION_REQUEST_LIMIT")
    );
    assert!(again.body["error"]["details"]["next_request_at"].is_string(), "{}", again.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_foreseen_and_what_is_not_about_permission_is_named() -> anyhow::Result<()> {
    let stage = Stage::start()?;
    let never = place(&stage, "+447700900006").await?;
    assert_eq!(never.code(), "WHATSAPP_CALLING_NO_PERMISSION");
    assert_eq!(connects(&stage).await?, 0);
    let call = never.body["error"]["details"]["call_id"].as_str().context("a call")?.to_owned();
    let listed = ask(&stage, Method::GET, &format!("/calling/calls/{call}"), None).await?;
    assert_eq!(listed.body["data"]["end_reason"], "no_permission");
    let nobody = place(&stage, "+447700900007").await?;
    assert_eq!(nobody.code(), "WHATSAPP_CALLING_RECIPIENT_UNREACHABLE", "{}", nobody.body);

    // The customer allows calls on the house's profile; Meta's answer is fresh for a minute, its news is not asked for.
    let mut agent = watching(&stage).await?;
    let number = stage.say("/number/phone_number_id");
    let allow = json!({ "user": "447700900006", "number": number, "response": "accept", "permanent": true });
    stage.control(Method::POST, "/permissions").json(&allow).send().await?.error_for_status()?;
    agent.event("permission.changed", |event| event["status"] == "granted").await?;
    assert_eq!(known(&stage, "+447700900006").await?["state"], "granted_permanent");
    assert_eq!(place(&stage, "+447700900006").await?.status, StatusCode::CREATED);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_page_reads_a_permission_and_is_told_why_a_call_is_not_placed() -> anyhow::Result<()> {
    let stage = Stage::start()?;
    let mut agent = watching(&stage).await?;
    let read = agent.command(json!({ "type": "permission.read", "to": "+447700900006" })).await?;
    let permission = &read["permission"];
    assert_eq!(
        (&read["type"], &permission["can_call"], &permission["can_ask"]),
        (&json!("permission"), &json!(false), &json!(true)),
        "{read}"
    );
    let placed =
        agent.command(json!({ "type": "call.place", "to": "+447700900006", "sdp": sdp("actpass") })).await?;
    assert_eq!(placed["type"], "ack", "{placed}");
    let ended = agent.event("call.ended", |_| true).await?;
    assert_eq!(ended["call"]["end_reason"], "no_permission");
    agent.command(json!({ "type": "permission.request", "to": "+447700900013" })).await?;
    agent.event("permission.changed", |event| event["status"] == "refused").await?;
    let again = agent.command(json!({ "type": "permission.request", "to": "+447700900013" })).await?;
    assert_eq!(again["error"]["code"], "permission_request_limit", "{again}");
    let read = agent.command(json!({ "type": "permission.read", "to": "+447700900013" })).await?;
    assert!(read["permission"]["next_ask_at"].is_string(), "{read}");
    Ok(())
}
