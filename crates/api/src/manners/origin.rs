//! Which pages may talk to us: the origin a browser states against our own and the listed ones.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header};
use url::Url;

/// What an `Origin` header means for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No browser page, or one that does not say.
    Absent,
    /// A page of ours, or a listed one.
    Known,
    /// Any other page.
    Foreign,
}

/// Judges the stated origin. Our own is the one whose host and port the request was sent to.
pub(crate) fn judge(headers: &HeaderMap, listed: &BTreeSet<String>) -> Verdict {
    let mut stated = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = stated.next() else { return Verdict::Absent };
    let origin = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
    let (Some(origin), None) = (origin, stated.next()) else { return Verdict::Foreign };
    let known = listed.contains(&origin.origin().ascii_serialization()) || is_own(&origin, headers);
    if known { Verdict::Known } else { Verdict::Foreign }
}

fn is_own(origin: &Url, headers: &HeaderMap) -> bool {
    let web = matches!(origin.scheme(), "http" | "https");
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    // The scheme we were reached by is not in the request; a page of the same host and port is ours either way.
    let own = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    web && own.is_some_and(|own| own.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&str>, host: &str, expected: Verdict) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let listed = BTreeSet::from(["https://desk.example.com".to_owned()]);
        assert_eq!(judge(&headers, &listed), expected, "{origin:?} at {host}");
    }

    #[test]
    fn own_and_listed_pages_are_known_and_all_others_foreign() {
        check(None, "127.0.0.1:8080", Verdict::Absent);
        check(Some("http://127.0.0.1:8080"), "127.0.0.1:8080", Verdict::Known);
        check(Some("https://calls.example.com"), "calls.example.com", Verdict::Known);
        check(Some("https://calls.example.com"), "calls.example.com:443", Verdict::Known);
        check(Some("https://desk.example.com"), "127.0.0.1:8080", Verdict::Known);
        check(Some("http://desk.example.com"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some("http://127.0.0.1:8081"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some("http://127.0.0.1:8080.evil.example"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some("https://evil.example"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some("null"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some("file://127.0.0.1:8080"), "127.0.0.1:8080", Verdict::Foreign);
        check(Some(""), "127.0.0.1:8080", Verdict::Foreign);
    }
}
