//! The layer around a face's handlers: a handler need not know of it. One that places calls takes the
//! [`Promise`](super::Promise) from the request, so that a crash cannot make it place two.
//!
//! It lies outside whatever writes answers out, because answers are kept and repeated as they were sent.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use offhook_core::ports::{KeptAnswer, StoreFault};

use super::{AfterCrash, Asked, Held, Verdict, is_name};
use crate::house::{House, Shared};
use crate::manners::body::{self, BodyFault};
use crate::manners::limits::{Allowance, Operation};
use crate::manners::principal::Principal;
use crate::manners::trace::{REQUEST_ID, Trace};

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
/// A request of test mode is another request than one that is meant.
const MODE: HeaderName = HeaderName::from_static("x-test-mode");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Largest body that is compared. Handlers have smaller limits of their own.
const BODY_CAP: usize = 8 * 1024 * 1024;

/// Largest answer that is kept; answers to changes are a few kilobytes.
const ANSWER_CAP: usize = 1024 * 1024;

/// Headers that are kept with an answer.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::CACHE_CONTROL, header::LOCATION];

/// What the layer leaves to the face it is around.
pub(crate) trait Face: 'static {
    /// What stands for a refusal until it is written out.
    type Refusal: IntoResponse + Send;

    /// Who asks, as the handlers would find.
    fn who(
        house: &House,
        method: &Method,
        headers: &HeaderMap,
    ) -> impl Future<Output = Result<Principal, Self::Refusal>> + Send;

    /// The path in one spelling, whichever was used.
    fn spelling(path: &str) -> String;

    /// What may be done with a request whose first try nobody finished.
    fn after_crash(method: &Method, path: &str) -> AfterCrash;

    /// Says no in the face's words.
    fn refuse(no: No, allowance: Option<Allowance>) -> Self::Refusal;

    /// States an allowance on an answer that is repeated.
    fn state(house: &House, headers: &mut HeaderMap, allowance: &Allowance);
}

/// Why a request that names itself is not carried out.
pub(crate) enum No {
    /// Its name is none.
    BadName,
    BadBody(BodyFault),
    /// The name was given to another request.
    Reused,
    /// It is being carried out.
    Running,
    /// Nobody knows what became of its first try.
    Unknown,
    /// It was repeated too often; the allowance says more.
    TooOften,
    Store(StoreFault),
}

pub(crate) async fn once<F: Face>(State(house): State<Shared>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.headers().contains_key(NAME) {
        return next.run(request).await;
    }
    match named::<F>(&house, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn named<F: Face>(house: &Shared, request: Request, next: Next) -> Result<Response, F::Refusal> {
    let refuse = |no| F::refuse(no, None);
    let (parts, content) = request.into_parts();
    let name = name(&parts.headers).ok_or_else(|| refuse(No::BadName))?;
    let principal = F::who(house, &parts.method, &parts.headers).await?;
    let read = body::read_within(Some(&house.once.bodies), &parts.headers, content, BODY_CAP).await;
    let content = read.map_err(|fault| refuse(No::BadBody(fault)))?;
    let path = F::spelling(parts.uri.path());
    let asked = Asked {
        tenant: &principal.tenant,
        who: principal.id(),
        method: parts.method.as_str(),
        path: &path,
        name: &name,
        query: parts.uri.query().unwrap_or_default(),
        mode: parts.headers.get(MODE).map_or(b"", HeaderValue::as_bytes),
        body: &content.bytes,
        after_crash: F::after_crash(&parts.method, &path),
    };
    let before = match house.once.begin(&asked).await {
        Ok(Verdict::Go(held)) => {
            let bytes = content.bytes.clone();
            drop(content);
            let request = Request::from_parts(parts, Body::from(bytes));
            return Ok(carry_out(house.clone(), held, request, next).await);
        }
        Ok(Verdict::Replay(answer)) => Ok(answer),
        Ok(Verdict::Reused) => Err(No::Reused),
        Ok(Verdict::Running) => Err(No::Running),
        Ok(Verdict::Unknown) => Err(No::Unknown),
        Err(fault) => Err(No::Store(fault)),
    };
    let allowance = house.limits.count(Operation::Repeat, principal.id());
    match before {
        _ if allowance.retry_in.is_some() => Err(F::refuse(No::TooOften, Some(allowance))),
        Ok(answer) => {
            metrics::counter!("offhook_answers_repeated_total").increment(1);
            let mut response = replay(answer);
            F::state(house, response.headers_mut(), &allowance);
            Ok(response)
        }
        Err(no) => Err(F::refuse(no, Some(allowance))),
    }
}

fn name(headers: &HeaderMap) -> Option<String> {
    let mut stated = headers.get_all(NAME).iter();
    let only = stated.next().filter(|_| stated.next().is_none())?;
    only.to_str().ok().filter(|text| is_name(text)).map(str::to_owned)
}

/// Runs the request to its end, also when the client goes away.
async fn carry_out(house: Shared, held: Held, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(held.promise());
    let task = {
        let house = house.clone();
        async move {
            let (parts, content) = next.run(request).await.into_parts();
            let status = parts.status.as_u16();
            let small = content.size_hint().upper().is_some_and(|size| size <= ANSWER_CAP as u64);
            if !small {
                house.once.finish(held, status, None).await;
                return Response::from_parts(parts, content);
            }
            let content = to_bytes(content, ANSWER_CAP).await.unwrap_or_default();
            let kept = std::str::from_utf8(&content).ok().map(|text| KeptAnswer {
                status,
                headers: kept_headers(&parts.headers),
                body: text.to_owned(),
            });
            house.once.finish(held, status, kept).await;
            Response::from_parts(parts, Body::from(content))
        }
    };
    match house.once.tasks.spawn(Trace::now().follow(task)).await {
        Ok(response) => response,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is stopping, and nobody is there to read this.
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = KEPT_HEADERS.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    // Bodies may have the id the answer was given under, so repetitions keep it outside as well.
    let id = (REQUEST_ID.as_str().to_owned(), Trace::now().request_id.to_string());
    kept.chain([id]).collect()
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
