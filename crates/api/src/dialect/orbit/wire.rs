//! The envelope: `data` and `meta`, or `error` and `meta`, and the headers on every answer.
//!
//! Handlers return an [`Answer`]; [`dress`], a layer around all of them, writes it out. So no answer
//! can leave without its request id.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::house::{House, Shared};
use crate::manners::limits::Allowance;
use crate::manners::moment;
use crate::manners::trace::{REQUEST_ID, Trace};

/// What a handler answers.
pub(crate) type Answer = Result<Reply, ApiError>;

/// A success before it is dressed.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: StatusCode,
    /// None for answers without a body.
    data: Option<Value>,
    pagination: Option<Value>,
    headers: HeaderMap,
    pub(super) allowance: Option<Allowance>,
}

impl Reply {
    pub(crate) fn ok(data: Value) -> Self {
        Self {
            status: StatusCode::OK,
            data: Some(data),
            pagination: None,
            headers: HeaderMap::new(),
            allowance: None,
        }
    }

    pub(crate) fn created(data: Value) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(data) }
    }

    pub(crate) fn accepted(data: Value) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(data) }
    }

    /// The same of a shape that is written out.
    pub(crate) fn of(data: &impl Serialize) -> Self {
        Self::ok(serde_json::to_value(data).expect("shapes are made of texts, numbers and lists"))
    }

    /// The same of a thing that was made.
    pub(crate) fn made(data: &impl Serialize) -> Self {
        Self { status: StatusCode::CREATED, ..Self::of(data) }
    }

    pub(crate) fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, data: None, ..Self::ok(Value::Null) }
    }

    /// A page of a list. The provider states a total only "when available"; counting is not.
    pub(crate) fn page(data: Vec<Value>, cursor: Option<String>) -> Self {
        let pagination = json!({ "cursor": cursor, "has_more": cursor.is_some(), "total": null });
        Self { pagination: Some(pagination), ..Self::ok(Value::Array(data)) }
    }

    /// A page of a list whose length is known, unless it is too long to be counted.
    pub(crate) fn page_of(data: Vec<Value>, cursor: Option<String>, total: Option<u64>) -> Self {
        let pagination = json!({ "cursor": cursor, "has_more": cursor.is_some(), "total": total });
        Self { pagination: Some(pagination), ..Self::ok(Value::Array(data)) }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

/// An answer on its way out, before [`dress`] has seen it.
#[derive(Clone)]
struct Undressed(Box<Answer>);

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        undressed(Ok(self))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        undressed(Err(self))
    }
}

fn undressed(answer: Answer) -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Undressed(Box::new(answer)));
    response
}

/// Writes every answer out.
pub(crate) async fn dress(State(house): State<Shared>, mut request: Request, next: Next) -> Response {
    let id = Trace::now().request_id;
    let value = HeaderValue::from_str(&id).expect("request ids are visible ASCII");
    name_host(&mut request);
    request.extensions_mut().insert(RequestId(id.to_string()));
    let mut response = next.run(request).await;
    if let Some(Undressed(answer)) = response.extensions_mut().remove::<Undressed>() {
        response = write(&house, &id, limited(&house, Trace::now().address, *answer));
    }
    let headers = response.headers_mut();
    // An answer that is repeated keeps the id it was given under: its body has it too.
    headers.entry(REQUEST_ID).or_insert(value);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Everything here is somebody's data or somebody's session.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The id of the request at hand, for faces that state it in their bodies.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives answers to nobody known the allowance of their address; whoever guesses credentials exhausts it.
fn limited(house: &House, address: Option<IpAddr>, answer: Answer) -> Answer {
    let stated = match &answer {
        Ok(reply) => reply.allowance.is_some(),
        Err(error) => error.allowance.is_some(),
    };
    if stated {
        return answer;
    }
    let allowance = house.limits.stranger(address);
    match answer {
        Err(error) if error.status() == StatusCode::UNAUTHORIZED && allowance.retry_in.is_some() => {
            Err(ApiError::rate_limited(allowance))
        }
        Err(error) => Err(error.allowed(allowance)),
        Ok(reply) => Ok(Reply { allowance: Some(allowance), ..reply }),
    }
}

/// HTTP/2 states the host in the request line only; origins are compared with the header.
fn name_host(request: &mut Request) {
    let authority = request.uri().authority().and_then(|it| HeaderValue::from_str(it.as_str()).ok());
    if let Some(authority) = authority {
        request.headers_mut().entry(header::HOST).or_insert(authority);
    }
}

fn write(house: &House, id: &str, answer: Answer) -> Response {
    let mut meta = json!({ "request_id": id, "timestamp": moment::whole(house.now()) });
    let (status, body, mut headers, allowance) = match answer {
        Ok(reply) => {
            if let Some(pagination) = reply.pagination {
                meta["pagination"] = pagination;
            }
            let body = reply.data.map(|data| json!({ "data": data, "meta": meta }));
            (reply.status, body, reply.headers, reply.allowance)
        }
        Err(error) => {
            meta["docs_url"] = json!(error.docs_url(house.config.public_url.as_ref()));
            let headers = error.headers();
            (
                error.status(),
                Some(json!({ "error": error.body(), "meta": meta })),
                headers,
                error.allowance.map(|it| *it),
            )
        }
    };
    if let Some(allowance) = allowance {
        state(&mut headers, &allowance, house);
    }
    let mut response = match body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    };
    response.headers_mut().extend(headers);
    response
}

/// Marks an answer that is a file with what remains of the allowance, as [`Entry::leave`] marks others.
///
/// [`Entry::leave`]: super::auth::Entry::leave
pub(super) fn leave(
    answer: Result<Response, ApiError>,
    allowance: Allowance,
    house: &House,
) -> Result<Response, ApiError> {
    let mut response = answer.map_err(|mut error| {
        error.allowance = Some(Box::new(allowance));
        error
    })?;
    state(response.headers_mut(), &allowance, house);
    Ok(response)
}

/// The documented rate limit headers; `reset` is when the whole limit is back, in Unix seconds.
pub(super) fn state(headers: &mut HeaderMap, allowance: &Allowance, house: &House) {
    let reset = (house.now() + allowance.full_in).as_micros().div_euclid(1_000_000) + 1;
    let mut set = |name: &'static str, value: i64| headers.insert(name, HeaderValue::from(value));
    set("x-ratelimit-limit", i64::from(allowance.limit));
    set("x-ratelimit-remaining", i64::from(allowance.remaining));
    set("x-ratelimit-reset", reset);
}
