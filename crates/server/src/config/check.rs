//! Rules between keys, and secrets that live in files of their own.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use offhook_core::phone::Country;
use offhook_core::recording::ConsentMode;
use url::Url;

use super::secret::{DatabaseUrl, Secret, read_file};
use super::{BadConfig, Config, turn};

/// Shorter secrets are samples or typing errors; Meta's app secrets have 32 characters.
const SHORTEST_SECRET: usize = 8;

/// Puts the content of `…_file` keys where the value would have been written.
pub(super) fn read_secret_files(config: &mut Config) -> Result<(), BadConfig> {
    let (whatsapp, media) = (&mut config.whatsapp, &mut config.media);
    fill("media.turn_secret", &mut media.turn_secret, media.turn_secret_file.as_ref())?;
    fill("media.turn_password", &mut media.turn_password, media.turn_password_file.as_ref())?;
    fill("http.metrics_token", &mut config.http.metrics_token, config.http.metrics_token_file.as_ref())?;
    fill("whatsapp.app_secret", &mut whatsapp.app_secret, whatsapp.app_secret_file.as_ref())?;
    fill(
        "whatsapp.previous_app_secret",
        &mut whatsapp.previous_app_secret,
        whatsapp.previous_app_secret_file.as_ref(),
    )?;
    fill("whatsapp.verify_token", &mut whatsapp.verify_token, whatsapp.verify_token_file.as_ref())?;
    if let Some(path) = &config.database.url_file {
        config.database.url = DatabaseUrl::new(read_file("database.url_file", path)?);
    }
    Ok(())
}

fn fill(key: &str, value: &mut Option<Secret>, file: Option<&PathBuf>) -> Result<(), BadConfig> {
    let Some(path) = file else { return Ok(()) };
    if value.is_some() {
        return Err(BadConfig::new(format!("{key}: set it or {key}_file, not both")));
    }
    *value = Some(Secret::new(read_file(&format!("{key}_file"), path)?));
    Ok(())
}

/// The secrets that can be written into the configuration itself, and whether they are.
pub(super) fn inline_secrets(config: &Config) -> [(&'static str, bool); 8] {
    [
        ("http.metrics_token", config.http.metrics_token.is_some()),
        ("database.url", config.database.url.masked() != config.database.url.expose()),
        ("security.master_key", config.security.master_key.is_some()),
        ("whatsapp.app_secret", config.whatsapp.app_secret.is_some()),
        ("whatsapp.previous_app_secret", config.whatsapp.previous_app_secret.is_some()),
        ("whatsapp.verify_token", config.whatsapp.verify_token.is_some()),
        ("media.turn_secret", config.media.turn_secret.is_some()),
        ("media.turn_password", config.media.turn_password.is_some()),
    ]
}

/// Everything that must hold before a port opens.
///
/// # Errors
/// [`BadConfig`] naming the key.
pub fn check(config: &Config) -> Result<(), BadConfig> {
    listen(config)?;
    urls(config)?;
    secrets(config)?;
    if config.recordings.consent != ConsentMode::None && config.recordings.notice.is_none() {
        let words = "recordings.notice: missing beside recordings.consent: what are people told?";
        return Err(BadConfig::new(words));
    }
    turn::check(&config.media)?;
    crate::rates::load(config)?;
    if !(5..=100_000).contains(&config.http.company_requests_per_second) {
        return Err(BadConfig::new("http.company_requests_per_second: 5 to 100000"));
    }
    if config.media.shards > 32 {
        return Err(BadConfig::new("media.shards: 0 to 32"));
    }
    if !(1..=3650).contains(&config.recordings.keep_days) {
        return Err(BadConfig::new("recordings.keep_days: 1 to 3650"));
    }
    if config.calls.agent_wait_secs == 0 || config.calls.agent_wait_secs > 600 {
        return Err(BadConfig::new("calls.agent_wait_secs: 1 to 600"));
    }
    dialling(config)?;
    let filter = &config.log.filter;
    tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| BadConfig::new(format!("log.filter: {filter:?} is not a filter: {error}")))?;
    Ok(())
}

/// Whom calls may reach, and how many.
fn dialling(config: &Config) -> Result<(), BadConfig> {
    let calls = &config.calls;
    for (key, countries) in [
        ("whatsapp.blocked_countries", &config.whatsapp.blocked_countries),
        ("calls.allowed_countries", &calls.allowed_countries),
    ] {
        if let Some(wrong) = countries.iter().find(|text| Country::parse(text).is_none()) {
            let words = "is not a country by its two letters, such as PT";
            return Err(BadConfig::new(format!("{key}: {wrong:?} {words}")));
        }
    }
    let digits = |text: &String| {
        let bare = text.strip_prefix('+').unwrap_or(text);
        (1..=15).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_digit())
    };
    if !calls.denied_numbers.iter().all(digits) {
        let words = "numbers are written in E.164, such as +351960000000, or the first digits of many";
        return Err(BadConfig::new(format!("calls.denied_numbers: {words}")));
    }
    for (key, most) in [("calls.per_minute", calls.per_minute), ("calls.at_once", calls.at_once)] {
        if !(1..=10_000).contains(&most) {
            return Err(BadConfig::new(format!("{key}: 1 to 10000")));
        }
    }
    Ok(())
}

/// Plain HTTP leaves the machine only when somebody said that a proxy makes it HTTPS.
fn listen(config: &Config) -> Result<(), BadConfig> {
    let http = &config.http;
    match (&http.tls_cert_file, &http.tls_key_file) {
        (Some(cert), Some(key)) => {
            readable("http.tls_cert_file", cert)?;
            readable("http.tls_key_file", key)
        }
        (Some(_), None) => Err(BadConfig::new("http.tls_key_file: missing beside http.tls_cert_file")),
        (None, Some(_)) => Err(BadConfig::new("http.tls_cert_file: missing beside http.tls_key_file")),
        (None, None) if http.listen.ip().is_loopback() || http.behind_proxy => Ok(()),
        (None, None) => Err(BadConfig::new(format!(
            "http.listen: {} is reachable from outside and would speak plain HTTP; set http.tls_cert_file and \
             http.tls_key_file, or http.behind_proxy = true when a proxy terminates TLS",
            http.listen
        ))),
    }
}

fn readable(key: &str, path: &PathBuf) -> Result<(), BadConfig> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(BadConfig::new(format!("{key}: {}: {}", path.display(), error.kind()))),
    }
}

fn urls(config: &Config) -> Result<(), BadConfig> {
    if let Some(url) = &config.http.public_url
        && (!matches!(url.scheme(), "http" | "https") || url.path() != "/")
    {
        let wanted = "must be http:// or https:// with a host and no path";
        return Err(BadConfig::new(format!("http.public_url: {url} {wanted}")));
    }
    for origin in &config.http.allowed_origins {
        let same = Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        if !same {
            let example = "an origin looks like https://desk.example.com";
            return Err(BadConfig::new(format!(
                "http.allowed_origins: {origin:?} is not an origin; {example}"
            )));
        }
    }
    let whatsapp = &config.whatsapp;
    for (key, url) in
        [("graph_url", Some(&whatsapp.graph_url)), ("sandbox_url", whatsapp.sandbox_url.as_ref())]
    {
        if let Some(url) = url.filter(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(BadConfig::new(format!("whatsapp.{key}: {url} must be http:// or https://")));
        }
    }
    let meta = whatsapp.sandbox_url.as_ref().and_then(Url::host_str);
    if meta.is_some_and(|host| host == "facebook.com" || host.ends_with(".facebook.com")) {
        return Err(BadConfig::new("whatsapp.sandbox_url: this is WhatsApp itself, not a simulator"));
    }
    networks(&config.http.trusted_proxies)?;
    let version = &config.whatsapp.api_version;
    let digits = version.strip_prefix('v').unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(BadConfig::new(format!(
            "whatsapp.api_version: {version:?} is not a version such as v25.0"
        )));
    }
    let database = config.database.url.expose();
    if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
        return Err(BadConfig::new("database.url: must begin with sqlite: or postgres://"));
    }
    Ok(())
}

/// The proxies that are believed.
///
/// # Errors
/// [`BadConfig`] naming the entry that is no network.
pub(crate) fn networks(list: &[String]) -> Result<Vec<IpNet>, BadConfig> {
    let read = |text: &String| {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| {
            let example = "write an address such as 10.0.0.1 or a network such as 10.0.0.0/8";
            BadConfig::new(format!("http.trusted_proxies: {text:?} is not a network; {example}"))
        })
    };
    list.iter().map(read).collect()
}

fn secrets(config: &Config) -> Result<(), BadConfig> {
    let whatsapp = &config.whatsapp;
    for (key, secret) in [
        ("http.metrics_token", &config.http.metrics_token),
        ("whatsapp.app_secret", &whatsapp.app_secret),
        ("whatsapp.previous_app_secret", &whatsapp.previous_app_secret),
        ("whatsapp.verify_token", &whatsapp.verify_token),
        ("media.turn_secret", &config.media.turn_secret),
        ("media.turn_password", &config.media.turn_password),
    ] {
        if secret.as_ref().is_some_and(|secret| secret.expose().len() < SHORTEST_SECRET) {
            let need = format!("{SHORTEST_SECRET} characters or more");
            return Err(BadConfig::new(format!("{key}: too short for a secret; take {need}")));
        }
    }
    if whatsapp.previous_app_secret.is_some() && whatsapp.app_secret.is_none() {
        return Err(BadConfig::new("whatsapp.app_secret: missing beside whatsapp.previous_app_secret"));
    }
    match &config.security.master_key {
        Some(_) if config.security.master_key_file.is_some() => {
            Err(BadConfig::new("security.master_key: set it or security.master_key_file, not both"))
        }
        Some(key) if offhook_store::MasterKey::parse(key.expose()).is_err() => {
            Err(BadConfig::new("security.master_key: not 32 bytes in Base64"))
        }
        _ => Ok(()),
    }
}
