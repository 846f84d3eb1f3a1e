//! What is wrong with a configuration is named before anything happens.

use std::net::TcpListener;
use std::path::Path;

use crate::program::{errors, offhook, private, run};

/// A file with `text` is refused with code 78 and words that contain all of `words`.
fn refused(text: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", text);
    for command in [&["config", "check"][..], &["serve"]] {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(78), "{text}: {}", errors(&output));
        for word in words {
            assert!(errors(&output).contains(word), "{text}: {:?} lacks {word:?}", errors(&output));
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the configuration is there: {left:?}");
}

#[test]
fn an_unknown_key_is_named_with_its_path() {
    refused("[http]\nlisten_on = \"127.0.0.1:1\"\n", &["http", "listen_on"]);
    refused("[htpp]\nlisten = \"127.0.0.1:1\"\n", &["htpp"]);
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    refused("[http]\nlisten = \"everywhere\"\n", &["http.listen"]);
    refused("[http]\nbehind_proxy = \"perhaps\"\n", &["http.behind_proxy"]);
    refused("[log]\nformat = \"xml\"\n", &["log.format"]);
    refused("[log]\nfilter = \"a=b=c\"\n", &["log.filter"]);
    refused("[database]\nurl = \"mysql://localhost/x\"\n", &["database.url"]);
    refused("[whatsapp]\ngraph_url = \"ftp://example.com\"\n", &["whatsapp.graph_url"]);
    refused("[whatsapp]\napi_version = \"latest\"\n", &["whatsapp.api_version"]);
    refused("[whatsapp]\napp_secret = \"short\"\n", &["whatsapp.app_secret"]);
    refused("[security]\nmaster_key = \"bm90IDMyIGJ5dGVz\"\n", &["security.master_key"]);
    refused(
        "[http]\nallowed_origins = [\"desk.example.com\"]\n",
        &["http.allowed_origins", "desk.example.com"],
    );
    refused("[http]\npublic_url = \"https://example.com/path\"\n", &["http.public_url"]);
}

#[test]
fn a_price_list_with_a_wrong_row_is_named_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rates.csv");
    let head = "prefix_or_country,currency,per_minute,from_date";
    let check = |text: &str, words: &[&str]| {
        std::fs::write(&file, text).unwrap();
        private(folder.path(), "offhook.toml", &format!("[billing]\nrates_file = {file:?}\n"));
        let output = run(folder.path(), &["config", "check"]);
        let told = errors(&output);
        assert_eq!(output.status.success(), words.is_empty(), "{text}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{text}: {told}");
    };
    check(&format!("{head}\n351,USD,0.0205,2026-01-01\nPT,usd,1,2026-01-01\n"), &[]);
    check(
        &format!("{head},direction,per_pulse\n# a note\n +351 , USD,0.0205,2026-01-01,inbound,0.001\n"),
        &[],
    );
    check(&format!("{head}\n351,USD,0.0205,2026-01-01\nPORTUGAL,USD,1,2026-01-01\n"), &["row 2", "PORTUGAL"]);
    check(&format!("{head}\n351,dollars,0.02,2026-01-01\n"), &["billing.rates_file", "row 1", "currency"]);
    check(&format!("{head}\n351,USD,\"0,02\",2026-01-01\n"), &["row 1", "per_minute"]);
    check(&format!("{head}\n351,USD,0.02,01/02/2026\n"), &["row 1", "from_date"]);
    check(&format!("{head},sideways\n351,USD,0.02,2026-01-01,x\n"), &["sideways"]);
    check(&format!("{head}\n351,USD,0.02,2026-01-01\n+351,USD,0.03,2026-01-01\n"), &["351", "same day"]);
    check("currency,per_minute\nUSD,1\n", &["prefix_or_country"]);
    std::fs::remove_file(&file).unwrap();
    assert!(errors(&run(folder.path(), &["config", "check"])).contains("billing.rates_file"));
}

#[test]
fn turn_servers_that_no_page_could_use_are_refused() {
    let media = |keys: &str, words: &[&str]| refused(&format!("[media]\n{keys}\n"), words);
    for wrong in [
        "turn.example.com",
        "http://turn.example.com",
        "turn://turn.example.com",
        "turn:",
        "turn:user@example.com",
        "turn:turn.example.com:0",
        "turn:turn.example.com:99999",
        "turn:turn.example.com/path",
        "turn:turn.example.com?transport=sctp",
        "turns:turn.example.com?transport=udp",
        "stun:stun.example.com?transport=udp",
    ] {
        let keys = format!("turn_urls = [\"{wrong}\"]\nturn_secret = \"north-of-the-river\"");
        media(&keys, &["media.turn_urls", wrong]);
    }
    let urls = "turn_urls = [\"turn:turn.example.com\"]";
    media(urls, &["media.turn_urls", "media.turn_secret", "media.turn_username"]);
    media(&format!("{urls}\nturn_username = \"pages\""), &["media.turn_password"]);
    media(&format!("{urls}\nturn_password = \"eightletters\""), &["media.turn_username"]);
    let both = "turn_secret = \"north-of-the-river\"\nturn_username = \"pages\"";
    media(&format!("{urls}\n{both}"), &["media.turn_username", "not both"]);
    let both = "turn_secret = \"north-of-the-river\"\nturn_password = \"eightletters\"";
    media(&format!("{urls}\n{both}"), &["media.turn_password", "not both"]);
    media(&format!("{urls}\nturn_secret = \"short\""), &["media.turn_secret"]);
    media("turn_secret = \"north-of-the-river\"", &["media.turn_urls"]);
    media(
        "turn_urls = [\"stun:stun.example.com\"]\nturn_username = \"pages\"\nturn_password = \"eightletters\"",
        &["media.turn_urls"],
    );
    let secret = "turn_secret = \"north-of-the-river\"";
    media(&format!("{urls}\n{secret}\nturn_lifetime_secs = 59"), &["media.turn_lifetime_secs"]);
    media(&format!("{urls}\n{secret}\nturn_lifetime_secs = \"soon\""), &["media.turn_lifetime_secs"]);
}

#[test]
fn countries_and_limits_are_judged() {
    refused("[whatsapp]\nblocked_countries = [\"USA\"]", &["whatsapp.blocked_countries", "USA"]);
    refused("[whatsapp]\nblocked_scope = \"all\"", &["whatsapp.blocked_scope"]);
    refused("[calls]\nallowed_countries = \"PT, Spain\"", &["calls.allowed_countries", "Spain"]);
    refused("[calls]\ndenied_numbers = [\"premium\"]", &["calls.denied_numbers"]);
    refused("[calls]\nper_minute = 0", &["calls.per_minute"]);
    refused("[calls]\nat_once = 10001", &["calls.at_once"]);
    refused("[http]\ncompany_requests_per_second = 4", &["http.company_requests_per_second"]);
}

#[test]
fn blocked_countries_are_also_read_by_the_name_another_provider_gave_them() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = ("WA_CALLING_BLOCKED_COUNTRIES", "US,TR");
    let shown = |variables: &[(&str, &str)]| in_force(folder.path(), &[], variables, "blocked_countries");
    assert_eq!(shown(&[theirs]), "blocked_countries = [\"US\",\"TR\"]");
    let ours = ("OFFHOOK_WHATSAPP__BLOCKED_COUNTRIES", "");
    assert_eq!(shown(&[theirs, ours]), "blocked_countries = []");
}

#[test]
fn as_many_media_threads_are_taken_as_there_may_be() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", "[media]\nshards = 32\n");
    assert_eq!(in_force(folder.path(), &[], &[], "shards"), "shards = 32");
    assert_eq!(in_force(folder.path(), &[], &[("OFFHOOK_MEDIA__SHARDS", "2")], "shards"), "shards = 2");
    private(folder.path(), "offhook.toml", "[media]\nshards = 33\n");
    let output = run(folder.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(errors(&output).contains("media.shards: 0 to 32"), "{}", errors(&output));
}

#[test]
fn proxies_and_simulators_are_checked_before_they_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, names: Option<&str>| {
        private(folder.path(), "offhook.toml", text);
        let output = run(folder.path(), &["config", "check"]);
        assert_eq!(output.status.success(), names.is_none(), "{text}: {}", errors(&output));
        assert!(errors(&output).contains(names.unwrap_or_default()), "{text}: {}", errors(&output));
    };
    check("[http]\ntrusted_proxies = \"10.0.0.0/8, 2001:db8::1\"\n", None);
    check(
        "[http]\ntrusted_proxies = [\"proxy.example.com\"]\n",
        Some("http.trusted_proxies: \"proxy.example.com\""),
    );
    check("[whatsapp]\nsandbox_url = \"http://127.0.0.1:8090\"\n", None);
    check("[whatsapp]\nsandbox_url = \"ftp://127.0.0.1\"\n", Some("whatsapp.sandbox_url"));
    check("[whatsapp]\nsandbox_url = \"https://graph.facebook.com\"\n", Some("WhatsApp itself"));
}

#[test]
fn turn_servers_are_taken_in_all_their_forms() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "secret", "north-of-the-river\n");
    let urls =
        "stun:192.0.2.1, turn:[2001:db8::1]:3478?transport=tcp, turns:turn.example.com:443?transport=tcp";
    let text = format!(
        "[media]\nturn_urls = \"{urls}\"\nturn_secret_file = \"secret\"\nturn_lifetime_secs = 3600\n"
    );
    private(folder.path(), "offhook.toml", &text);
    assert_eq!(in_force(folder.path(), &[], &[], "turn_lifetime_secs"), "turn_lifetime_secs = 3600");
    assert_eq!(in_force(folder.path(), &[], &[], "turn_secret"), "turn_secret = \"********\"");
    let variable = [("OFFHOOK_MEDIA__TURN_LIFETIME_SECS", "600")];
    assert_eq!(in_force(folder.path(), &[], &variable, "turn_lifetime_secs"), "turn_lifetime_secs = 600");
    let password =
        [("OFFHOOK_MEDIA__TURN_USERNAME", "pages"), ("OFFHOOK_MEDIA__TURN_PASSWORD", "eightletters")];
    private(folder.path(), "offhook.toml", "[media]\nturn_urls = [\"turn:turn.example.com\"]\n");
    assert_eq!(in_force(folder.path(), &[], &password, "turn_password"), "turn_password = \"********\"");
}

#[test]
fn plain_http_does_not_leave_the_machine_by_accident() {
    refused("[http]\nlisten = \"0.0.0.0:0\"\n", &["http.listen", "http.tls_cert_file", "http.behind_proxy"]);
    refused("[http]\ntls_cert_file = \"cert.pem\"\n", &["http.tls_key_file"]);
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", "[http]\nlisten = \"0.0.0.0:0\"\nbehind_proxy = true\n");
    assert!(run(folder.path(), &["config", "check"]).status.success());
}

#[test]
fn an_unknown_variable_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        offhook(folder.path(), &["config", "check"]).env("OFFHOOK_HTTP__LISTNE", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(errors(&output).contains("listne"), "{}", errors(&output));
}

#[test]
fn no_port_opens_under_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!("[http]\nlisten = \"{}\"\nlisten_on = 1\n", taken.local_addr().unwrap());
    private(folder.path(), "offhook.toml", &text);
    // Had it tried the port, it would complain about the port.
    assert_eq!(run(folder.path(), &["serve"]).status.code(), Some(78));
}

/// What `config print` says about a key.
fn in_force(folder: &Path, args: &[&str], environment: &[(&str, &str)], key: &str) -> String {
    let mut all = vec!["config", "print"];
    all.extend(args);
    let output = offhook(folder, &all).envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = ")));
    line.unwrap_or_else(|| panic!("{key} is not in {text}")).to_owned()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let variable = [("OFFHOOK_DATABASE__URL", "sqlite:environment.db")];
    assert_eq!(in_force(folder, &[], &[], "url"), "url = \"sqlite:offhook.db\"");
    private(folder, "offhook.toml", "[database]\nurl = \"sqlite:file.db\"\n");
    assert_eq!(in_force(folder, &[], &[], "url"), "url = \"sqlite:file.db\"");
    assert_eq!(in_force(folder, &[], &variable, "url"), "url = \"sqlite:environment.db\"");
    let flag = ["--database-url", "sqlite:flag.db"];
    assert_eq!(in_force(folder, &flag, &variable, "url"), "url = \"sqlite:flag.db\"");
}

#[test]
fn values_of_the_environment_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let origins = [("OFFHOOK_HTTP__ALLOWED_ORIGINS", "https://a.example.com, https://b.example.com")];
    let line = in_force(folder.path(), &[], &origins, "allowed_origins");
    assert_eq!(line, "allowed_origins = [\"https://a.example.com\",\"https://b.example.com\"]");
    let flag = [("OFFHOOK_HTTP__BEHIND_PROXY", "true")];
    assert_eq!(in_force(folder.path(), &[], &flag, "behind_proxy"), "behind_proxy = true");
}

#[test]
fn secrets_are_masked_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "token", "from-a-file-0123\n");
    let text = "[database]\nurl = \"postgres://app:hunter2secret@db/offhook\"\n\
                [whatsapp]\nverify_token_file = \"token\"\n";
    private(folder.path(), "offhook.toml", text);
    let secret = "000123456789";
    let print =
        offhook(folder.path(), &["config", "print"]).env("OFFHOOK_WHATSAPP__APP_SECRET", secret).output();
    let shown = String::from_utf8(print.unwrap().stdout).unwrap();
    for leak in [secret, "hunter2secret", "from-a-file"] {
        assert!(!shown.contains(leak), "{leak} is in {shown}");
    }
    assert!(
        shown.contains("app_secret = \"********\"") && shown.contains("verify_token = \"********\""),
        "{shown}"
    );
}

#[test]
fn a_secret_and_its_file_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "token", "from-a-file-0123\n");
    let text = "[whatsapp]\nverify_token = \"another-one\"\nverify_token_file = \"token\"\n";
    private(folder.path(), "offhook.toml", text);
    let output = run(folder.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(errors(&output).contains("whatsapp.verify_token"), "{}", errors(&output));
}

#[test]
fn secrets_in_files_open_to_everybody_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offhook.toml");
    std::fs::write(&file, "[whatsapp]\napp_secret = \"0123456789abcdef\"\n").unwrap();
    std::process::Command::new("chmod").arg("644").arg(&file).status().unwrap();
    let output = run(folder.path(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(errors(&output).contains("chmod 600"), "{}", errors(&output));
    // Without a secret in it the file may be read by everybody.
    std::fs::write(&file, "[log]\nfilter = \"debug\"\n").unwrap();
    assert!(run(folder.path(), &["config", "check"]).status.success());
}

#[test]
fn the_configuration_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let fresh = offhook_server::config::schema();
    if std::env::var_os("OFFHOOK_GENERATE").is_some() {
        std::fs::write(&page, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(stored == fresh, "docs/configuration.md is stale: run cargo xtask generate");
}
