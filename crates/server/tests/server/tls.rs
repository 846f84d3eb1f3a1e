//! HTTPS from files.

use crate::program::{errors, private, run, serve};

const CONFIG: &str = "[http]\ntls_cert_file = \"cert.pem\"\ntls_key_file = \"key.pem\"\n";

#[tokio::test]
async fn with_certificate_and_key_the_server_speaks_https() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    private(folder.path(), "cert.pem", &made.cert.pem());
    private(folder.path(), "key.pem", &made.signing_key.serialize_pem());
    private(folder.path(), "offhook.toml", CONFIG);
    let server = serve(folder.path(), &[]);
    offhook_server::telemetry::install_tls_provider();
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let address = server.address;
    let answer = client.get(format!("https://{address}/readyz")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(client.get(format!("http://{address}/readyz")).send().await.is_err());
}

#[test]
fn a_key_that_is_no_key_is_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "cert.pem", "not a certificate");
    private(folder.path(), "key.pem", "not a key");
    private(folder.path(), "offhook.toml", CONFIG);
    let output = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(78), "{}", errors(&output));
    assert!(errors(&output).contains("http.tls_cert_file"), "{}", errors(&output));
    assert!(!folder.path().join("offhook.db").exists());
}
