//! `Idempotency-Key` on everything that changes something (provider-apis.md 2.7).
//!
//! A layer around all of the face's handlers: a handler need not know of it. The one that places calls takes the
//! [`Promise`](crate::manners::once::Promise) from the request, so that a crash cannot make it place two.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use offhook_core::ports::KeptAnswer;

use super::error::ApiError;
use super::{auth, wire};
use crate::house::Shared;
use crate::manners::body;
use crate::manners::limits::Operation;
use crate::manners::once::{AfterCrash, Asked, Held, Verdict, is_name};
use crate::manners::trace::REQUEST_ID;

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Largest body that is compared. Handlers have smaller limits of their own.
const BODY_CAP: usize = 8 * 1024 * 1024;

/// Largest answer that is kept; answers to changes are a few kilobytes.
const ANSWER_CAP: usize = 1024 * 1024;

/// Headers that are kept with an answer.
const KEPT_HEADERS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CACHE_CONTROL, header::LOCATION, REQUEST_ID];

/// What finds its call by its promise.
const PLACING: &str = "/v1/whatsapp/calling/calls";

pub(crate) async fn once(State(house): State<Shared>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.headers().contains_key(NAME) {
        return next.run(request).await;
    }
    let (parts, content) = request.into_parts();
    let Some(name) = name(&parts.headers) else {
        let message = "Idempotency-Key is 1 to 255 printable ASCII characters, given once";
        return ApiError::invalid("Idempotency-Key", message).into_response();
    };
    let principal = match auth::identify(&house, &parts.method, &parts.headers).await {
        Ok(principal) => principal,
        Err(error) => return error.into_response(),
    };
    let content = match body::read(&parts.headers, content, BODY_CAP).await {
        Ok(content) => content,
        Err(fault) => return ApiError::from(fault).into_response(),
    };
    let path = spelling(parts.uri.path());
    let asked = Asked {
        tenant: &principal.tenant,
        who: principal.id(),
        method: parts.method.as_str(),
        path: &path,
        name: &name,
        query: parts.uri.query().unwrap_or_default(),
        body: &content,
        after_crash: after_crash(&parts.method, &path),
    };
    let before = match house.once.begin(&asked).await {
        Ok(Verdict::Go(held)) => {
            let request = Request::from_parts(parts, Body::from(content));
            return carry_out(house, held, request, next).await;
        }
        Ok(Verdict::Replay(answer)) => Ok(answer),
        Ok(Verdict::Reused) => Err(ApiError::key_reused()),
        Ok(Verdict::Running) => Err(ApiError::still_running()),
        Ok(Verdict::Unknown) => Err(ApiError::outcome_unknown()),
        Err(fault) => Err(fault.into()),
    };
    let allowance = house.limits.count(Operation::Repeat, principal.id());
    let refusal = match before {
        _ if allowance.retry_in.is_some() => ApiError::rate_limited(allowance),
        Ok(answer) => {
            let mut response = replay(answer);
            wire::state(response.headers_mut(), &allowance, &house);
            return response;
        }
        Err(error) => error,
    };
    refusal.allowed(allowance).into_response()
}

fn name(headers: &HeaderMap) -> Option<String> {
    let mut stated = headers.get_all(NAME).iter();
    let only = stated.next().filter(|_| stated.next().is_none())?;
    only.to_str().ok().filter(|text| is_name(text)).map(str::to_owned)
}

/// The path under one of its prefixes and without its last slash.
fn spelling(path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).to_owned()
}

fn after_crash(method: &Method, path: &str) -> AfterCrash {
    match *method {
        Method::POST if path == PLACING => AfterCrash::Resume,
        Method::PUT | Method::PATCH | Method::DELETE => AfterCrash::Repeat,
        _ => AfterCrash::Tell,
    }
}

/// Runs the request to its end, also when the client goes away.
async fn carry_out(house: Shared, held: Held, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(held.promise());
    let task = {
        let house = house.clone();
        async move {
            let (parts, content) = next.run(request).await.into_parts();
            let small = content.size_hint().upper().is_some_and(|size| size <= ANSWER_CAP as u64);
            if !small {
                house.once.finish(held, parts.status.as_u16(), None).await;
                return Response::from_parts(parts, content);
            }
            let content = to_bytes(content, ANSWER_CAP).await.unwrap_or_default();
            let kept = std::str::from_utf8(&content).ok().map(|text| KeptAnswer {
                status: parts.status.as_u16(),
                headers: kept_headers(&parts.headers),
                body: text.to_owned(),
            });
            house.once.finish(held, parts.status.as_u16(), kept).await;
            Response::from_parts(parts, Body::from(content))
        }
    };
    match house.once.tasks.spawn(task).await {
        Ok(response) => response,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => ApiError::unavailable().into_response(),
        },
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = KEPT_HEADERS.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    kept.collect()
}

/// The whole answer as it was, its request id included.
fn replay(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_path_are_one_request() {
        for path in ["/api/v1/x/y", "/v1/x/y", "/api/v1/x/y/", "/v1/x/y/"] {
            assert_eq!(spelling(path), "/v1/x/y");
        }
    }
}
