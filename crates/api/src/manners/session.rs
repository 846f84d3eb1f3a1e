//! Signed-in browsers: the session cookie and the proof that a request was meant by our page.

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use offhook_core::house::Person;
use offhook_core::ports::StoreFault;

use super::origin::Verdict;
use crate::house::House;

/// How long a sign-in lasts.
pub(crate) const LIFE: std::time::Duration = std::time::Duration::from_secs(12 * 60 * 60);

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

/// The person of the request's session, when it has one that is open.
pub(crate) async fn person(house: &House, headers: &HeaderMap) -> Result<Option<Person>, StoreFault> {
    match secret(headers, house.config.cookie_secure) {
        Some(secret) => house.ports.sessions.person(&secret, house.now()).await,
        None => Ok(None),
    }
}

/// Whether a request that changes something, made with a cookie, was meant by a page of ours.
pub(crate) fn meant(house: &House, headers: &HeaderMap) -> bool {
    let said = headers.get(MEANT.0).is_some_and(|value| value.as_bytes() == MEANT.1.as_bytes());
    said && house.origin(headers) != Verdict::Foreign
}
