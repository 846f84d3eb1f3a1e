//! The documents of the costumes: what their handlers say of themselves, and the errors, headers and credentials
//! that all answers of the face share. The face's words come from its own folder.

use serde_json::{Value, json};
use url::Url;

use super::document::{merge, skeleton};

/// A face that is dressed as another provider's.
pub(crate) struct Costume {
    /// The document's title.
    pub(crate) title: &'static str,
    /// What a reader must know first.
    pub(crate) about: &'static str,
    /// Its handlers.
    pub(crate) part: utoipa::openapi::OpenApi,
    /// How requests prove who they are from.
    pub(crate) security: Value,
    /// What can go wrong.
    pub(crate) failures: &'static [Failure],
}

/// A status that operations answer with when something is wrong.
pub(crate) struct Failure {
    /// The status.
    pub(crate) status: &'static str,
    /// What it means.
    pub(crate) what: &'static str,
    /// The shapes its body may have.
    pub(crate) shapes: &'static [&'static str],
    /// Which operations answer with it even when they do not say so.
    pub(crate) of: Of,
}

/// Operations that have something in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// All.
    All,
    /// Those that change something, and so may have a body and a name.
    Changes,
    /// Those that say so themselves.
    Those,
}

pub(super) fn document(costume: Costume, public_url: Option<&Url>) -> Value {
    let Costume { title, about, part, security, failures } = costume;
    let mut part = serde_json::to_value(part).expect("documents are made of texts and numbers");
    for item in part["paths"].as_object_mut().expect("a part has paths").values_mut() {
        for (method, operation) in item.as_object_mut().expect("operations") {
            operation["security"] = security.clone();
            finish(method, operation, failures);
        }
    }
    let mut whole = skeleton(title, about, public_url);
    merge(&mut whole, &part);
    whole
}

fn finish(method: &str, operation: &mut Value, failures: &[Failure]) {
    let changes = method != "get";
    if changes {
        super::document::name_repeats(operation);
    }
    let responses = operation["responses"].as_object_mut().expect("operations have answers");
    for failure in failures {
        let (what, shapes) = (failure.what, failure.shapes);
        if failure.of == Of::All || (failure.of == Of::Changes && changes) {
            responses.entry(failure.status).or_insert_with(|| json!({ "description": what }));
        }
        let Some(answer) = responses.get_mut(failure.status) else { continue };
        let shapes: Vec<Value> = shapes.iter().map(|name| reference(name)).collect();
        let schema = if let [one] = &shapes[..] { one.clone() } else { json!({ "oneOf": shapes }) };
        answer["content"] = json!({ "application/json": { "schema": schema } });
    }
    for (status, answer) in responses {
        let text = json!({ "type": "string" });
        answer["headers"]["X-Request-Id"] = json!({ "description": "Names the request", "schema": text });
        if matches!(status.as_str(), "409" | "429" | "503") {
            let seconds = json!({ "type": "integer" });
            answer["headers"]["Retry-After"] =
                json!({ "description": "Seconds, where waiting helps", "schema": seconds });
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
