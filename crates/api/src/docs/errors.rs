//! A page for every error code, made from `docs/errors.md`: what `meta.docs_url` leads to.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::ERRORS;

/// The page for people who read the repository; the same words are served.
const SOURCE: &str = include_str!("../../../../docs/errors.md");

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;\
     color:#1b1f24;background:#fff}code{background:#eef0f3;padding:.1em .3em;border-radius:.2em}\
     h1{font-size:1.4rem;overflow-wrap:anywhere}a{color:#0a5bc4}@media(prefers-color-scheme:dark){\
     body{color:#e6e8eb;background:#14171a}code{background:#262b31}a{color:#7db4ff}}";

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// All codes.
pub(super) async fn all() -> Response {
    let links =
        entries().map(|(code, _)| format!("<li><a href=\"{ERRORS}/{code}\"><code>{code}</code></a></li>"));
    page("Errors", &format!("<ul>{}</ul>", links.collect::<String>())).into_response()
}

/// One code, in any case.
pub(super) async fn one(Path(code): Path<String>) -> Response {
    let found = entries().find(|(known, _)| known.eq_ignore_ascii_case(code.trim()));
    let back = format!("<p><a href=\"{ERRORS}\">All errors</a></p>");
    match found {
        Some((code, text)) => page(code, &format!("{}{back}", paragraphs(text))).into_response(),
        None => {
            let text = "<p>There is no such error code.</p>";
            (StatusCode::NOT_FOUND, page("Not found", &format!("{text}{back}"))).into_response()
        }
    }
}

/// Codes with their texts.
fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOURCE.split("\n## ").skip(1).filter_map(|entry| entry.split_once('\n'))
}

fn page(title: &str, body: &str) -> Html<String> {
    let title = escape(title);
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Offhook</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{ERRORS}/style.css\"></head><body><h1>{title}</h1>{body}</body></html>\n"
    ))
}

/// Blank lines part paragraphs; the entries have no other blocks.
fn paragraphs(text: &str) -> String {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("<p>{}</p>", words(&block.replace('\n', " ")))).collect()
}

/// Code between backticks; everything is escaped first, so that no entry can become markup.
fn words(text: &str) -> String {
    let escaped = escape(text);
    let parts = escaped.split('`').enumerate();
    let marked = parts.map(|(n, part)| match n % 2 {
        0 => part.replace('*', ""),
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_become_paragraphs_without_markup_of_their_own() {
        assert_eq!(
            paragraphs("401. One\ntwo.\n\nThree `a<b` *ours*.\n"),
            "<p>401. One two.</p><p>Three <code>a&lt;b</code> ours.</p>"
        );
    }

    #[test]
    fn every_entry_is_found() {
        let codes: Vec<_> = entries().map(|(code, _)| code).collect();
        assert!(codes.len() > 20 && codes.contains(&"NOT_FOUND"), "{codes:?}");
        assert!(entries().all(|(_, text)| !text.trim().is_empty()));
    }
}
