//! What the server says about itself: whole, true, and safe to open.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::Value;

use crate::rig::{Answered, Rig};

/// Doors that are not REST: sockets, other people's webhooks, links to sound, and these pages themselves.
const OTHER_DOORS: [&str; 7] = [
    "/ws",
    "/api/v1/messaging/ws",
    "/streams/{call_id}",
    "/webhooks/meta",
    "/api/v1/webhooks/whatsapp",
    "/recordings/{link}",
    "/openapi.json",
];

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

async fn fetch(rig: &Rig, method: Method, path: &str) -> Answered {
    rig.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

/// A face: where its document is, its folder among the sources, and what its paths begin with.
struct Face {
    document: &'static str,
    folder: Option<&'static str>,
    prefix: &'static str,
}

/// The native face is everything that is in no costume's folder.
const FACES: [Face; 3] = [
    Face { document: "/openapi.json", folder: None, prefix: "/api/v1" },
    Face { document: "/openapi/vobiz.json", folder: Some("vobiz"), prefix: "/api/v1/messaging" },
    Face { document: "/openapi/360dialog.json", folder: Some("d360"), prefix: "" },
];

async fn document(rig: &Rig, path: &str) -> Value {
    let answer = fetch(rig, Method::GET, path).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    answer.json()
}

/// Every documented operation: method and path.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(each).collect()
}

/// A path that has something in the place of each parameter.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The paths that the face's sources hang, in the spelling of its document.
fn hung(face: &Face) -> BTreeSet<String> {
    fn files(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let costume = |face: &Face| face.folder.is_some_and(|name| path.ends_with(name));
                if !FACES.iter().any(costume) {
                    files(&path, found);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut sources = Vec::new();
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&face.folder.map_or_else(|| all.clone(), |name| all.join("dialect").join(name)), &mut sources);
    let mut paths = BTreeSet::new();
    for text in &sources {
        // A literal, or the name of a constant of the same file.
        let named = |argument: &str| -> Option<String> {
            let argument = argument.trim_start();
            if let Some(literal) = argument.strip_prefix('"') {
                return literal.split('"').next().map(str::to_owned);
            }
            let name: String = argument.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            let constant = format!("const {name}: &str = \"");
            text.split(&constant).nth(1)?.split('"').next().map(str::to_owned)
        };
        let hangs = text.split("hang(").skip(1).filter_map(|rest| named(rest.split_once(',')?.1));
        paths.extend(hangs.map(|path| format!("{}{path}", face.prefix)));
        paths.extend(text.split(".route(").skip(1).filter_map(named).filter(|it| it.starts_with('/')));
    }
    let other = |path: &str| OTHER_DOORS.contains(&path) || path.starts_with("/docs") || path.contains("{*");
    paths.retain(|path| !other(path));
    paths
}

#[tokio::test]
async fn every_route_is_documented_and_everything_documented_is_there() {
    let rig = Rig::new().await;
    for face in &FACES {
        let documented = operations(&document(&rig, face.document).await);
        let mut there = BTreeSet::new();
        let hung = hung(face);
        assert!(hung.len() > 2, "the routes are where they were: {hung:?}");
        for path in hung {
            for method in METHODS {
                let answer = fetch(&rig, method.clone(), &filled(&path)).await;
                if answer.status != StatusCode::METHOD_NOT_ALLOWED {
                    assert_ne!(answer.status, StatusCode::NOT_FOUND, "{method} {path} needs a credential");
                    there.insert((method.to_string(), path.clone()));
                }
            }
        }
        let missing: Vec<_> = there.difference(&documented).collect();
        assert!(
            missing.is_empty(),
            "routes without #[utoipa::path], or not in their face's document: {missing:?}"
        );
        let absent: Vec<_> = documented.difference(&there).collect();
        assert!(absent.is_empty(), "documented and not served: {absent:?}");
    }
}

#[tokio::test]
async fn the_documents_are_openapi_3_1_and_their_references_lead_somewhere() {
    let rig =
        Rig::configured(|config| config.public_url = Some("https://calls.example.com".parse().unwrap()))
            .await;
    for face in &FACES {
        let document = document(&rig, face.document).await;
        assert_eq!(
            (&document["openapi"], &document["servers"][0]["url"]),
            (&"3.1.0".into(), &"https://calls.example.com".into())
        );
        let text = document.to_string();
        for target in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(target).is_some(), "{target} leads nowhere");
        }
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        let mut names = BTreeSet::new();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name.clone()), "two operations are called {name}");
                assert!(
                    operation["tags"].is_array() && operation["summary"].is_string(),
                    "{name} says too little"
                );
                let proofs = operation["security"].as_array().unwrap().iter();
                let mut proofs = proofs.flat_map(|one| one.as_object().unwrap().keys());
                assert!(proofs.all(|proof| schemes.contains_key(proof)), "{name}: {operation}");
                let answers = operation["responses"].as_object().unwrap();
                assert!(
                    answers.contains_key("401") && answers.contains_key("429") && answers.contains_key("503")
                );
                let told = |answer: &Value| answer["description"].as_str().is_some_and(|it| !it.is_empty());
                assert!(answers.values().all(told), "{name}: {operation}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_can_be_browsed_without_any_other_server() {
    let rig = Rig::new().await;
    let page = fetch(&rig, Method::GET, "/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").contains("script-src 'self';"), "{:?}", page.headers);
    assert!(!page.text.contains("<script>") && !page.text.contains("//cdn"), "{}", page.text);
    for file in page.text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let file = format!("/docs/{}", file.trim_start_matches("./"));
        assert_eq!(fetch(&rig, Method::GET, &file).await.status, StatusCode::OK, "{file}");
    }
    let start = fetch(&rig, Method::GET, "/docs/swagger-initializer.js").await;
    for face in &FACES {
        assert!(start.text.contains(&format!("\"{}\"", face.document)), "{}", start.text);
    }
}

#[tokio::test]
async fn an_error_leads_to_its_page() {
    let rig = Rig::new().await;
    let error = rig.get("/api/v1/whatsapp/calling/calls", "nobody").await.json();
    assert_eq!(error["meta"]["docs_url"], "/docs/errors/INVALID_API_KEY");
    let page = fetch(&rig, Method::GET, error["meta"]["docs_url"].as_str().unwrap()).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.text.contains("<code>offhook admin key create</code>"), "{}", page.text);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let index = fetch(&rig, Method::GET, "/docs/errors").await;
    assert!(index.text.contains("href=\"/docs/errors/RATE_LIMITED\""), "{}", index.text);
    let nothing = fetch(&rig, Method::GET, "/docs/errors/%3Cscript%3E").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(!nothing.text.contains("script"), "{}", nothing.text);

    let public =
        Rig::configured(|config| config.public_url = Some("https://calls.example.com".parse().unwrap()))
            .await;
    let error = public.get("/api/v1/whatsapp/calling/calls", "nobody").await.json();
    assert_eq!(error["meta"]["docs_url"], "https://calls.example.com/docs/errors/INVALID_API_KEY");
}
