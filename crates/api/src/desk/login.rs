//! Signing in and out with a session cookie.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use offhook_core::house::Person;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::origin::Verdict;
use crate::manners::session;

/// How long a sign-in waits for its turn at the password check.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest password looked at: hashing is slow enough without a megabyte to hash.
const LONGEST_PASSWORD: usize = 1024;

#[derive(Deserialize)]
struct Credentials {
    email: Option<String>,
    password: Option<String>,
}

pub(super) async fn sign_in(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    if house.origin(&parts.headers) == Verdict::Foreign {
        return Err(ApiError::forbidden("sign in from our own page"));
    }
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let credentials: Credentials = json_body(&parts.headers, content).await?;
    let email = credentials.email.ok_or_else(|| ApiError::missing("email"))?.trim().to_lowercase();
    let password = credentials.password.ok_or_else(|| ApiError::missing("password"))?;
    let person = check(&house, &email, &password, address).await?;
    let now = house.now();
    // A sign-in replaces the browser's session; the old secret must not live on.
    if let Some(old) = session::secret(&parts.headers, house.config.cookie_secure) {
        house.ports.sessions.close(&old).await?;
    }
    let secret = house.ports.sessions.open(&person, now, now + session::LIFE).await?;
    tracing::info!(agent.id = %person.id, "person signed in");
    let cookie = session::open(&secret, house.config.cookie_secure);
    Ok(Reply::ok(json!({ "agent": agent(&person) })).with(header::SET_COOKIE, cookie))
}

async fn check(
    house: &House,
    email: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Person, ApiError> {
    if let Some(wait) = house.logins.count(email, address) {
        metrics::counter!("offhook_sign_ins_total", "outcome" => "limited").increment(1);
        return Err(ApiError::too_many_tries(wait));
    }
    let turn = timeout(PATIENCE, house.sign_ins.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(ApiError::unavailable()) };
    let person = match password.len() {
        0..=LONGEST_PASSWORD => house.ports.people.sign_in(email, password).await?,
        _ => None,
    };
    let outcome = if person.is_some() { "ok" } else { "refused" };
    metrics::counter!("offhook_sign_ins_total", "outcome" => outcome).increment(1);
    let person = person.ok_or_else(ApiError::wrong_password)?;
    house.logins.forgive(email, address);
    Ok(person)
}

pub(super) async fn sign_out(State(house): State<Shared>, request: Request) -> Answer {
    let headers = request.headers();
    if !session::meant(&house, headers) {
        return Err(ApiError::forbidden("send the header X-Requested-With: offhook from our own page"));
    }
    let secure = house.config.cookie_secure;
    if let Some(secret) = session::secret(headers, secure) {
        house.ports.sessions.close(&secret).await?;
    }
    Ok(Reply::empty().with(header::SET_COOKIE, session::close(secure)))
}

pub(super) async fn me(State(house): State<Shared>, request: Request) -> Answer {
    let person = session::person(&house, request.headers()).await?.ok_or_else(ApiError::unauthorized)?;
    let tenant = house.ports.tenants.load(&person.tenant).await?;
    let tenant = tenant.map(|tenant| json!({ "id": tenant.id.as_str(), "name": tenant.name }));
    Ok(Reply::ok(json!({ "agent": agent(&person), "tenant": tenant })))
}

fn agent(person: &Person) -> Value {
    json!({
        "id": person.id.as_str(),
        "name": person.name,
        "email": person.email,
        "role": person.role.as_str(),
    })
}
