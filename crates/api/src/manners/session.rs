//! Signed-in browsers: the session cookie and the proof that a request was meant by our page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use offhook_core::house::Person;
use offhook_core::id::TenantId;
use offhook_core::ports::{Opener, Session, Sessions, StoreFault};
use offhook_core::time::Time;
use tokio::time::Instant;

use super::origin::Verdict;
use crate::house::House;

/// How long a sign-in lasts.
pub(crate) const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// How exactly it is known when a session was last used. Every request would otherwise be a write.
const GRAIN: Duration = Duration::from_secs(60);

/// How long a count of changes is believed. With the pace at which sockets look at it, whoever loses a right
/// loses their socket within five seconds.
const FRESH: Duration = Duration::from_millis(1_500);

/// What our pages say on every request that changes something. A form on another site cannot set a header.
const MEANT: (&str, &str) = ("x-requested-with", "offhook");

/// Over TLS the prefix makes browsers refuse the cookie from any other host or path.
const fn name(secure: bool) -> &'static str {
    if secure { "__Host-offhook" } else { "offhook" }
}

/// The session secret of a request.
pub(crate) fn secret(headers: &HeaderMap, secure: bool) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(name(secure)).map(|cookie| cookie.value().to_owned())
}

/// The cookie that opens a session.
pub(crate) fn open(secret: &str, secure: bool) -> HeaderValue {
    cookie(secret.to_owned(), i64::try_from(LIFE.as_secs()).unwrap_or(i64::MAX), secure)
}

/// The cookie that ends one.
pub(crate) fn close(secure: bool) -> HeaderValue {
    cookie(String::new(), 0, secure)
}

fn cookie(value: String, seconds: i64, secure: bool) -> HeaderValue {
    let mut cookie = Cookie::new(name(secure), value);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_secure(secure);
    let text = format!("{cookie}; Max-Age={seconds}");
    HeaderValue::from_str(&text).expect("session secrets are made of letters and digits")
}

/// The request's session, when it has one that is open and was not left alone for too long.
pub(crate) async fn current(house: &House, headers: &HeaderMap) -> Result<Option<Session>, StoreFault> {
    let Some(secret) = secret(headers, house.config.cookie_secure) else { return Ok(None) };
    let now = house.now();
    let Some(session) = house.ports.sessions.opened(&secret, now).await? else { return Ok(None) };
    if session.is_idle(now) {
        house.ports.sessions.close(&secret).await?;
        return Ok(None);
    }
    keep(house, &session, now).await?;
    Ok(Some(session))
}

/// Notes that a session is used, to the minute.
pub(crate) async fn keep(house: &House, session: &Session, now: Time) -> Result<(), StoreFault> {
    if session.seen_at + GRAIN > now {
        return Ok(());
    }
    house.ports.sessions.touch(&session.id, now).await
}

/// The person, unless they were removed or what their ticket was given for has ended.
pub(crate) async fn standing(
    house: &House,
    me: &Person,
    by: Option<&Opener>,
    at_work: bool,
) -> Result<Option<Person>, StoreFault> {
    let now = house.now();
    match by {
        Some(Opener::Session(id)) => {
            let Some(session) = house.ports.sessions.standing(id, now).await? else { return Ok(None) };
            if at_work {
                keep(house, &session, now).await?;
            } else if session.is_idle(now) {
                return Ok(None);
            }
            Ok(Some(session.person))
        }
        Some(Opener::Key(id)) => {
            let card = house.ports.keys.load(&me.tenant, id).await?;
            let works = card.is_some_and(|card| card.works_at(now));
            if works { house.ports.people.load(&me.tenant, &me.id).await } else { Ok(None) }
        }
        None => house.ports.people.load(&me.tenant, &me.id).await,
    }
}

/// The person of the request's session.
pub(crate) async fn person(house: &House, headers: &HeaderMap) -> Result<Option<Person>, StoreFault> {
    Ok(current(house, headers).await?.map(|session| session.person))
}

/// Whether a request that changes something, made with a cookie, was meant by a page of ours.
pub(crate) fn meant(house: &House, headers: &HeaderMap) -> bool {
    let said = headers.get(MEANT.0).is_some_and(|value| value.as_bytes() == MEANT.1.as_bytes());
    said && house.origin(headers) != Verdict::Foreign
}

/// The counts of changes to tenants' rights, read once for all who look at about the same time.
pub(crate) struct RightsWatch {
    sessions: Arc<dyn Sessions>,
    seen: Mutex<HashMap<TenantId, (Instant, u64)>>,
}

impl RightsWatch {
    pub(crate) fn new(sessions: Arc<dyn Sessions>) -> Self {
        Self { sessions, seen: Mutex::default() }
    }

    /// How many changes a tenant's rights have had, as of a moment ago.
    pub(crate) async fn version(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        let known = self.lock().get(tenant).copied();
        if let Some((read, version)) = known
            && read.elapsed() < FRESH
        {
            return Ok(version);
        }
        let version = self.sessions.rights_version(tenant).await?;
        self.lock().insert(tenant.clone(), (Instant::now(), version));
        Ok(version)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, (Instant, u64)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
