//! The OpenAPI 3.1 document: what the handlers say of themselves, and what every answer of their face has besides.
//!
//! A handler describes its own success. The envelope around it, the errors, the headers and the credentials are
//! the same for all of a face, so they are added here and cannot be forgotten.

use serde_json::{Map, Value, json};
use url::Url;
use utoipa::OpenApi;

use crate::desk;
use crate::dialect::orbit;

const ABOUT: &str = "WhatsApp Business calling, self-hosted. Paths are served under `/api/v1` and `/v1`, with and \
     without a slash at the end. Every answer carries `X-Request-Id`; every error has a code that does not change \
     and a page behind `meta.docs_url`.";

/// Everything the server answers over REST in its own words.
pub(crate) fn document(public_url: Option<&Url>) -> Value {
    let mut whole = skeleton("Offhook", ABOUT, public_url);
    // One line for each part.
    let parts = [
        enveloped(orbit::doc::Document::openapi(), Repeats::ByName),
        enveloped(desk::Document::openapi(), Repeats::AsTheyCome),
    ];
    for part in parts {
        merge(&mut whole, &part);
    }
    whole
}

/// A document without operations.
pub(super) fn skeleton(title: &str, about: &str, public_url: Option<&Url>) -> Value {
    let base = public_url.map_or("/", |url| url.as_str()).trim_end_matches('/');
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": about,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": if base.is_empty() { "/" } else { base } }],
        "paths": {},
        "components": { "schemas": {}, "securitySchemes": {} },
    })
}

/// Puts a part into a document.
pub(super) fn merge(whole: &mut Value, part: &Value) {
    for section in ["/paths", "/components/schemas", "/components/securitySchemes"] {
        let theirs = part.pointer(section).and_then(Value::as_object).cloned().unwrap_or_default();
        let ours = whole.pointer_mut(section).and_then(Value::as_object_mut).expect("skeletons have them");
        for (name, value) in theirs {
            ours.entry(name)
                .or_insert_with(|| json!({}))
                .as_object_mut()
                .expect("objects")
                .extend(object(value));
        }
    }
}

/// Says that an operation takes `Idempotency-Key`.
pub(super) fn name_repeats(operation: &mut Value) {
    let parameter = json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A request that is repeated under the same key within a day gets the first answer.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

/// Whether `Idempotency-Key` is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    ByName,
    AsTheyCome,
}

/// A part in Orbit's envelope.
fn enveloped(part: utoipa::openapi::OpenApi, repeats: Repeats) -> Value {
    let mut part = serde_json::to_value(part).expect("documents are made of texts and numbers");
    let components = part.pointer("/components/schemas").cloned().unwrap_or_default();
    let paths = part["paths"].as_object_mut().expect("a part has paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().expect("operations") {
            finish(path, method, operation, repeats, &components);
        }
    }
    for (name, schema) in shared_schemas() {
        part["components"]["schemas"][name] = schema;
    }
    part
}

fn finish(path: &str, method: &str, operation: &mut Value, repeats: Repeats, components: &Value) {
    if operation["security"].is_null() {
        operation["security"] = json!([{ "api_key": [] }, { "bearer": [] }, { "session": [] }]);
    }
    if repeats == Repeats::ByName && method != "get" {
        name_repeats(operation);
    }
    let has_query =
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == "query"));
    let responses = operation["responses"].as_object_mut().expect("operations have answers");
    for (status, what) in ERRORS {
        let possible = match *status {
            "400" | "422" => method != "get" || has_query,
            "408" | "409" | "413" | "415" => method != "get",
            "404" => path.contains('{'),
            "502" => false,
            _ => true,
        };
        if possible {
            responses.entry(*status).or_insert_with(|| json!({ "description": what }));
        }
    }
    for (status, answer) in responses {
        if status.starts_with('2') {
            wrap(answer, components);
        } else if answer["content"].is_null() {
            let schema = json!({ "$ref": "#/components/schemas/Error" });
            answer["content"] = json!({ "application/json": { "schema": schema } });
        }
        let known = ERRORS.iter().find(|(known, _)| known == status).map_or("Done", |(_, what)| what);
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = json!(known);
        }
        answer["headers"] = headers(status, answer.get("headers"));
    }
}

/// What can go wrong anywhere.
const ERRORS: &[(&str, &str)] = &[
    ("400", "The request cannot be read, or the cursor is none"),
    ("401", "No credential, or one that is none"),
    ("403", "The role or the scopes of the credential do not cover this"),
    ("404", "There is no such thing of yours"),
    ("408", "The body came too slowly"),
    ("409", "Not possible in the state the thing is in, or the Idempotency-Key is taken"),
    ("410", "It was deleted"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON, or compressed"),
    ("422", "A field breaks a rule; `error.details.field` names it"),
    ("429", "Too many requests; ask again after `Retry-After`"),
    ("500", "Something is wrong on the server's side"),
    ("502", "WhatsApp failed, or gave no clear answer"),
    ("503", "The server cannot do this now; ask again after `Retry-After`"),
];

/// Puts a success into `data`, unless its shape has the envelope already.
fn wrap(answer: &mut Value, components: &Value) {
    let Some(schema) = answer.pointer_mut("/content/application~1json/schema") else { return };
    let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let whole = name.map_or(&*schema, |name| &components[name]);
    if ["data", "meta"].iter().all(|part| whole["properties"].get(part).is_some()) {
        return;
    }
    let data = schema.take();
    *schema = json!({
        "type": "object",
        "required": ["data", "meta"],
        "properties": { "data": data, "meta": { "$ref": "#/components/schemas/Meta" } },
    });
}

fn headers(status: &str, own: Option<&Value>) -> Value {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    let number = |about: &str| json!({ "description": about, "schema": { "type": "integer" } });
    let mut headers = own.and_then(Value::as_object).cloned().unwrap_or_default();
    headers.insert("X-Request-Id".to_owned(), text("The same as `meta.request_id`"));
    headers.insert("X-RateLimit-Limit".to_owned(), number("Requests in the window"));
    headers.insert("X-RateLimit-Remaining".to_owned(), number("How many more would be let in now"));
    headers.insert("X-RateLimit-Reset".to_owned(), number("When all are back, in Unix seconds"));
    if matches!(status, "409" | "429" | "503") {
        headers.insert("Retry-After".to_owned(), number("Seconds, where waiting helps"));
    }
    Value::Object(headers)
}

/// The envelope's own shapes.
fn shared_schemas() -> [(&'static str, Value); 2] {
    let time = json!({ "type": "string", "format": "date-time" });
    let text = json!({ "type": "string" });
    let meta = json!({
        "type": "object",
        "required": ["request_id", "timestamp"],
        "properties": {
            "request_id": text,
            "timestamp": time,
            "pagination": {
                "type": "object",
                "description": "Of lists.",
                "required": ["cursor", "has_more", "total"],
                "properties": {
                    "cursor": { "type": ["string", "null"] },
                    "has_more": { "type": "boolean" },
                    "total": { "type": ["integer", "null"] },
                },
            },
            "docs_url": { "type": "string", "description": "Of errors: a page about the code." },
        },
    });
    let error = json!({
        "type": "object",
        "required": ["error", "meta"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status", "details"],
                "properties": {
                    "code": { "type": "string", "pattern": "^[A-Z0-9_]+$" },
                    "message": text,
                    "status": { "type": "integer" },
                    "details": { "type": "object" },
                },
            },
            "meta": { "$ref": "#/components/schemas/Meta" },
        },
    });
    [("Meta", meta), ("Error", error)]
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
