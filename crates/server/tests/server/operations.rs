//! Health, readiness, metrics, the desk's files.

use crate::program::{private, serve};

#[test]
fn a_server_is_healthy_ready_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    assert!(server.get("/healthz", "").starts_with("HTTP/1.1 200"));
    let ready = server.get("/readyz", "");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"ready\":true"), "{ready}");
    let metrics = server.get("/metrics", "");
    assert!(
        metrics.contains("offhook_http_requests_total{method=\"GET\",route=\"/readyz\",status=\"200\"} 1")
    );
    assert!(metrics.contains("offhook_live_calls 0"), "{metrics}");
}

#[test]
fn metrics_want_their_token_once_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "token", "metrics-token-1\n");
    private(folder.path(), "offhook.toml", "[http]\nmetrics_token_file = \"token\"\n");
    let server = serve(folder.path(), &[]);
    assert!(server.get("/metrics", "").starts_with("HTTP/1.1 403"));
    assert!(server.get("/metrics", "Authorization: Bearer metrics-token-2\r\n").starts_with("HTTP/1.1 403"));
    assert!(server.get("/metrics", "Authorization: Bearer metrics-token-1\r\n").starts_with("HTTP/1.1 200"));
}

#[test]
fn behind_a_proxy_metrics_are_closed_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", "[http]\nbehind_proxy = true\n");
    assert!(serve(folder.path(), &[]).get("/metrics", "").starts_with("HTTP/1.1 403"));
}

#[test]
fn the_desk_is_served_at_its_pages_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    for page in ["/", "/login"] {
        let answer = server.get(page, "");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("text/html"), "{page}: {answer}");
        assert!(answer.contains("frame-ancestors 'none'"), "{page}: {answer}");
    }
    for nothing in ["/assets/none.js", "/api/v1/none", "/webhooks/none"] {
        assert!(server.get(nothing, "").starts_with("HTTP/1.1 404"), "{nothing}");
    }
    let first = server.get("/", "");
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let again = server.get("/", &format!("If-None-Match: {tag}\r\n"));
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
}

#[test]
fn without_an_app_secret_no_knock_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let knock = server.get("/webhooks/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", "");
    assert!(knock.starts_with("HTTP/1.1 403"), "{knock}");
}
