//! Signing in and out with a session cookie.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header;
use offhook_core::audit::{Deed, Object};
use offhook_core::house::{LONGEST_PASSWORD, Person, password_problem};
use offhook_core::ports::{Changed, PersonChange};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::origin::Verdict;
use crate::manners::principal::Principal;
use crate::manners::session;
use crate::manners::trace::Trace;

/// How long a sign-in waits for its turn at the password check.
const PATIENCE: Duration = Duration::from_secs(5);

/// An e-mail address and its password.
#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    #[schema(required, nullable = false)]
    email: Option<String>,
    #[schema(required, nullable = false)]
    password: Option<String>,
}

/// Somebody who signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn {
    agent: Signed,
}

/// Who is signed in, and at which company.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    agent: Signed,
    tenant: Option<TenantShape>,
}

#[derive(Serialize, ToSchema)]
struct Signed {
    id: String,
    name: String,
    email: String,
    role: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Company)]
struct TenantShape {
    id: String,
    name: String,
}

/// Signs in: the answer sets a session cookie.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "Sign-in",
    operation_id = "signIn",
    request_body = Credentials,
    responses((status = 200, body = SignedIn)),
    security(())
)]
pub(super) async fn sign_in(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    if house.origin(&parts.headers) == Verdict::Foreign {
        return Err(ApiError::forbidden("sign in from our own page"));
    }
    let credentials: Credentials = json_body(&parts.headers, content).await?;
    let email = credentials.email.ok_or_else(|| ApiError::missing("email"))?.trim().to_lowercase();
    let password = credentials.password.ok_or_else(|| ApiError::missing("password"))?;
    let person = check(&house, &email, &password).await?;
    let now = house.now();
    // A sign-in replaces the browser's session; the old secret must not live on.
    if let Some(old) = session::secret(&parts.headers, house.config.cookie_secure) {
        house.ports.sessions.close(&old).await?;
    }
    let secret = house.ports.sessions.open(&person, now, now + session::LIFE).await?;
    let object = Object::new("person", person.id.as_str());
    let principal = Principal::person(person.clone());
    house.audit.record(&principal, "session.opened", object, Value::Null).await?;
    tracing::info!(agent.id = %person.id, "person signed in");
    let cookie = session::open(&secret, house.config.cookie_secure);
    Ok(Reply::of(&SignedIn { agent: agent(&person) }).with(header::SET_COOKIE, cookie))
}

async fn check(house: &House, email: &str, password: &str) -> Result<Person, ApiError> {
    let address = Trace::now().address;
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
    let Some(person) = person else {
        // Known or not, somebody's log is written to: the time it takes tells nothing.
        let known = house.ports.people.whose(email).await?;
        let object = known.as_ref().map(|person| Object::new("person", person.id.as_str()));
        house.audit.stranger(known.map(|person| person.tenant), "session.refused", object).await?;
        return Err(ApiError::wrong_password());
    };
    house.logins.forgive(email, address);
    Ok(person)
}

/// Ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "Sign-in",
    operation_id = "signOut",
    responses((status = 204)),
    security(("session" = []))
)]
pub(super) async fn sign_out(State(house): State<Shared>, request: Request) -> Answer {
    let headers = request.headers();
    if !session::meant(&house, headers) {
        return Err(ApiError::forbidden("send the header X-Requested-With: offhook from our own page"));
    }
    let secure = house.config.cookie_secure;
    if let Some(secret) = session::secret(headers, secure) {
        let session = house.ports.sessions.opened(&secret, house.now()).await?;
        house.ports.sessions.close(&secret).await?;
        if let Some(session) = session {
            let object = Object::new("person", session.person.id.as_str());
            let principal = Principal::person(session.person);
            house.audit.record(&principal, "session.closed", object, Value::Null).await?;
        }
    }
    Ok(Reply::empty().with(header::SET_COOKIE, session::close(secure)))
}

/// Who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/auth/me",
    tag = "Sign-in",
    operation_id = "whoAmI",
    responses((status = 200, body = Me)),
    security(("session" = []))
)]
pub(super) async fn me(State(house): State<Shared>, request: Request) -> Answer {
    let person = session::person(&house, request.headers()).await?.ok_or_else(ApiError::unauthorized)?;
    let tenant = house.ports.tenants.load(&person.tenant).await?;
    let tenant = tenant.map(|tenant| TenantShape { id: tenant.id.to_string(), name: tenant.name });
    Ok(Reply::of(&Me { agent: agent(&person), tenant }))
}

/// One's own password, and the one that takes its place.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewPassword {
    #[schema(required, nullable = false)]
    current_password: Option<String>,
    /// 10 characters or more.
    #[schema(required, nullable = false)]
    new_password: Option<String>,
}

/// Change one's own password
///
/// All other sessions of this person end.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "Sign-in", operation_id = "changePassword",
    request_body = NewPassword, responses((status = 204)), security(("session" = [])))]
pub(super) async fn change_password(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let session = session::current(&house, &parts.headers).await?.ok_or_else(ApiError::unauthorized)?;
    if !session::meant(&house, &parts.headers) {
        return Err(ApiError::forbidden("send the header X-Requested-With: offhook from our own page"));
    }
    let wanted: NewPassword = json_body(&parts.headers, content).await?;
    let current = wanted.current_password.ok_or_else(|| ApiError::missing("current_password"))?;
    let new = wanted.new_password.ok_or_else(|| ApiError::missing("new_password"))?;
    let person = check(&house, &session.person.email, &current).await?;
    if let Some(problem) = password_problem(&new, &person.email) {
        return Err(ApiError::invalid("new_password", problem));
    }
    let object = Object::new("person", person.id.as_str());
    let deed = house.audit.deed(&Principal::person(person.clone()), "person.password_changed");
    let change = PersonChange {
        tenant: person.tenant,
        id: person.id,
        name: None,
        role: None,
        password: Some(new),
        spare: Some(session.id),
        deed: Some(Deed { object: Some(object), ..deed }),
    };
    match house.ports.people.change(change).await? {
        Changed::Done(_) => Ok(Reply::empty()),
        Changed::LastOwner | Changed::Unknown => Err(ApiError::unauthorized()),
    }
}

fn agent(person: &Person) -> Signed {
    Signed {
        id: person.id.to_string(),
        name: person.name.clone(),
        email: person.email.clone(),
        role: person.role.as_str(),
    }
}
