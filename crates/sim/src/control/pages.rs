//! The two pages, embedded: the control page at `/` and the phone at `/phone`.

use axum::http::header;
use axum::response::IntoResponse;

const CONTROL: &str = include_str!("../../pages/control.html");
const CONTROL_JS: &str = include_str!("../../pages/control.js");
const PHONE: &str = include_str!("../../pages/phone.html");
const PHONE_JS: &str = include_str!("../../pages/phone.js");
const STYLE: &str = include_str!("../../pages/style.css");

pub(super) async fn control() -> impl IntoResponse {
    page("text/html; charset=utf-8", CONTROL)
}

pub(super) async fn control_js() -> impl IntoResponse {
    page("text/javascript; charset=utf-8", CONTROL_JS)
}

pub(super) async fn phone() -> impl IntoResponse {
    page("text/html; charset=utf-8", PHONE)
}

pub(super) async fn phone_js() -> impl IntoResponse {
    page("text/javascript; charset=utf-8", PHONE_JS)
}

pub(super) async fn style() -> impl IntoResponse {
    page("text/css; charset=utf-8", STYLE)
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}
