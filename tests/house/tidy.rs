//! The rules of the house that a reader cannot be asked to check: who may depend on whom, which words live
//! in which room, what every file begins with. Each failure names file, line and remedy.

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use tree::Source;

use crate::stage::root;

/// Whom of ours each crate may use, and which outside crates it may not: a room that cannot name SQL or a
/// socket cannot grow one.
const ROWS: [(&str, &[&str], &[&str]); 14] = [
    // Its JSON is values, not shapes: the data companies keep with contacts, and the texts of log entries.
    ("core", &[], &["tokio", "axum", "sqlx", "reqwest", "jiff", "tracing"]),
    ("engine", &["core"], &["axum", "sqlx", "reqwest", "serde_json"]),
    ("media", &["core"], &["axum", "sqlx", "reqwest"]),
    ("recording", &["core"], &["axum", "sqlx"]),
    ("whatsapp", &["core"], &["axum", "sqlx"]),
    ("store", &["core"], &["axum", "reqwest"]),
    ("hooks", &["core"], &["axum", "sqlx"]),
    ("voice", &["core", "engine", "media", "hooks"], &["axum", "sqlx", "reqwest"]),
    ("api", &["core", "engine", "whatsapp", "recording"], &["sqlx", "reqwest"]),
    ("bench", &["core", "media"], &["axum", "sqlx", "reqwest", "webrtc"]),
    (
        "server",
        &[
            "core",
            "engine",
            "media",
            "recording",
            "whatsapp",
            "store",
            "hooks",
            "voice",
            "api",
            "sim",
            "bench",
        ],
        &["sqlx"],
    ),
    ("sim", &[], &["sqlx"]),
    ("tests", &["server", "sim"], &["sqlx"]),
    ("xtask", &[], &["tokio"]),
];

#[test]
fn crates_use_only_what_the_plan_allows() {
    let mut wrong = Vec::new();
    for manifest in tree::manifests() {
        let Some((_, ours, banned)) = ROWS.iter().find(|(name, ..)| *name == manifest.room) else {
            wrong.push(format!("{}: a crate needs a row in the plan", manifest.room));
            continue;
        };
        for used in &manifest.dependencies {
            let inside = used.strip_prefix("offhook-");
            if inside.is_some_and(|used| !ours.contains(&used)) || banned.contains(&used.as_str()) {
                wrong.push(format!("{} may not use {used}", manifest.room));
            }
        }
        if !manifest.text.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{} does not take the lints of the house", manifest.room));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| *line == "[workspace.dependencies]").expect("a table");
    let table = lines[start + 1..].iter().take_while(|line| !line.starts_with('['));
    let mut wrong = Vec::new();
    let mut before = "";
    for line in table {
        // A family shares the comment of its first member.
        let family = |line: &str| line.split(['-', ' ']).next().unwrap_or_default().to_owned();
        let explained = before.starts_with('#') || (!before.is_empty() && family(before) == family(line));
        if !line.is_empty() && !line.starts_with('#') && !explained {
            wrong.push(format!("Cargo.toml: {line}: no comment says why"));
        }
        before = line;
    }
    assert_none(&wrong);
}

/// One TLS provider, one crypto library: see deny.toml.
#[test]
fn banned_crates_are_not_built() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let args = ["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}", "--edges", "all"];
    let output = Command::new(cargo).args(args).current_dir(root()).output().expect("Cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<&str> = built.lines().filter_map(|line| line.split(' ').next()).collect();
    let deny = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let wrong: Vec<String> = tree::banned(&deny)
        .into_iter()
        .filter(|name| names.contains(name.as_str()))
        .map(|name| format!("{name} is built, and deny.toml bans it: cargo tree --invert {name}"))
        .collect();
    assert_none(&wrong);
}

#[test]
fn every_file_says_what_lives_in_it() {
    let missing = |source: &Source| !source.text.starts_with("//!");
    assert_none(
        &tree::sources()
            .iter()
            .filter(|s| missing(s))
            .map(|s| format!("{}: no //! header", s.path))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn long_files_say_why_they_stay_whole() {
    let mut wrong = Vec::new();
    for source in tree::sources() {
        let lines = source.text.lines().count();
        let header: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        // Tests are read one at a time; what they test is read whole.
        let most = if source.is_product() { 600 } else { 900 };
        if lines > most && !header.contains("stays whole") {
            wrong.push(format!(
                "{}: {lines} lines; split it, or say in the header why it stays whole",
                source.path
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_file_is_named_for_having_no_subject() {
    let vague = ["util", "utils", "common", "manager", "types", "helper", "helpers", "misc"];
    let mut wrong = Vec::new();
    for path in tree::files(&["crates", "tests", "web/apps", "web/packages"], &["rs", "ts", "svelte"]) {
        let name = path.rsplit('/').next().unwrap_or(&path).split('.').next().unwrap_or_default();
        let last = name.rsplit(['_', '-']).next().unwrap_or_default();
        if vague.contains(&last.to_lowercase().as_str()) {
            wrong.push(format!("{path}: name it for its subject"));
        }
    }
    assert_none(&wrong);
}

/// Words of the outside world, and the rooms that may know them. Tests may say anything.
const WORDS: [(&str, &[&str], &[&str]); 6] = [
    (
        "SQL",
        &["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", " ON CONFLICT"],
        &["crates/store"],
    ),
    (
        "Meta's JSON",
        &["messaging_product", "hub.challenge", "hub.mode", "call_permission_re"],
        &["crates/whatsapp", "crates/sim", "crates/api/src/dialect/d360"],
    ),
    (
        "SDP",
        &["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=candidate", "a=setup"],
        &["crates/whatsapp", "crates/media", "crates/sim", "crates/server/src/demo"],
    ),
    (
        "the system's time",
        &["SystemTime::now", "Timestamp::now(", "now_v7("],
        &["crates/server/src/clock.rs", "crates/sim/src/clock.rs", "crates/bench/src/far_ends/voice.rs"],
    ),
    ("the environment", &["env::var"], &["crates/server", "crates/xtask", "crates/api/src/ws/typescript.rs"]),
    (
        "a provider's header",
        &["X-API-Key", "x-api-key", "X-Auth-ID", "D360-API-KEY"],
        &["crates/api/src/dialect", "crates/api/src/manners", "crates/server/src/demo"],
    ),
];

#[test]
fn foreign_words_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for source in tree::sources().iter().filter(|source| source.is_product()) {
        for (line, text) in source.code() {
            for (what, words, rooms) in WORDS {
                let found = words.iter().find(|word| text.contains(**word));
                if let Some(word) = found
                    && !rooms.iter().any(|room| source.path.starts_with(room))
                {
                    wrong.push(format!(
                        "{}:{line}: {word:?} is {what}, at home in {}",
                        source.path,
                        rooms.join(", ")
                    ));
                }
            }
        }
    }
    assert_none(&wrong);
}

/// The one file of tests that may wait for the clock: it waits for other processes, and says so.
const WAITING_ROOM: &str = "tests/house/stage.rs";

#[test]
fn tests_neither_sleep_nor_sit_out() {
    let sources = tree::sources();
    // Where every test has its time paused, a sleep is an instant.
    let room = |source: &Source| source.path.split("/tests/").next().unwrap_or_default().to_owned();
    // A bench paces its load by the clock; that is what it is.
    let in_tests = |source: &&Source| {
        !source.is_product()
            && !source.path.starts_with("tests/house/tidy")
            && !source.path.contains("/benches/")
    };
    let runs_in_real_time = |source: &&Source| {
        let tests = source.text.matches("#[tokio::test").count();
        let paused = source.text.matches("#[tokio::test(start_paused = true)]").count();
        tests > paused || source.text.contains("thread::sleep")
    };
    let real: BTreeSet<String> =
        sources.iter().filter(in_tests).filter(runs_in_real_time).map(room).collect();
    let mut wrong = Vec::new();
    for source in sources.iter().filter(in_tests) {
        for (line, text) in source.code() {
            if text.contains("#[ignore") {
                wrong.push(format!("{}:{line}: a test that is not run proves nothing", source.path));
            }
            if text.contains("sleep(") && real.contains(&room(source)) && source.path != WAITING_ROOM {
                wrong.push(format!("{}:{line}: wait for an event or pause the time", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn silenced_lints_say_why() {
    let mut wrong = Vec::new();
    for source in tree::sources() {
        let text = &source.text;
        for (at, _) in text.match_indices("#[expect(").chain(text.match_indices("#![expect(")) {
            let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
            if !text[at..end].contains("reason") && !source.path.starts_with("tests/house/tidy") {
                wrong.push(format!("{}: {} has no reason", source.path, &text[at..end]));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn migrations_come_in_pairs_and_in_order() {
    let of = |database: &str| tree::files(&[&format!("crates/store/migrations/{database}")], &["sql"]);
    let names = |paths: Vec<String>| -> Vec<String> {
        paths.iter().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect()
    };
    let (sqlite, postgres) = (names(of("sqlite")), names(of("postgres")));
    assert_eq!(sqlite, postgres, "each migration exists for both databases under one name");
    for (place, name) in sqlite.iter().enumerate() {
        let number: String = format!("{:04}_", place + 1);
        assert!(name.starts_with(&number), "{name}: the next number is {number}");
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let roots = ["README.md", "CONTRIBUTING.md", ".ci", "docs", "crates", "tests", "web"];
    let kinds =
        ["md", "rs", "toml", "ts", "svelte", "js", "mjs", "json", "py", "html", "css", "sql", "sh", "run"];
    let mut wrong = Vec::new();
    for path in tree::files(&roots, &kinds) {
        let text = tree::read(&path);
        for (line, text) in text.lines().enumerate() {
            let named = ["/work/", "/root/", "/home/", "/Users/"].iter().find(|place| text.contains(**place));
            if let Some(place) = named
                && !path.starts_with("tests/house/tidy")
            {
                wrong.push(format!("{path}:{}: {place} is a place on one machine", line + 1));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in tree::files(&["README.md", "CONTRIBUTING.md", "docs"], &["md"]) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in tree::links(&tree::read(&path)) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !root().join(folder).join(target).exists() {
                wrong.push(format!("{path}: {link} leads nowhere"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_error_code_has_its_entry_and_remedy() {
    let page = tree::read("docs/errors.md");
    let faces = ["orbit/error", "vobiz/error", "vobiz/channels"];
    let code = faces.map(|name| tree::read(&format!("crates/api/src/dialect/{name}.rs"))).concat();
    let quoted = code.split('"').skip(1).step_by(2);
    // What `details.errors[].code` says is explained on the face's own page; the last is an example's account.
    let of_fields = ["REQUIRED", "INVALID_FORMAT", "OUT_OF_RANGE", "MA_XXXXXXXX"];
    let codes: BTreeSet<&str> =
        quoted.filter(|text| tree::is_shouted(text) && !of_fields.contains(text)).collect();
    assert!(codes.len() > 20, "the codes are where they were: {codes:?}");
    let missing = codes.into_iter().filter(|code| !page.contains(&format!("\n## {code}\n")));
    assert_none(&missing.map(|code| format!("docs/errors.md has no entry {code}")).collect::<Vec<_>>());
}

#[test]
fn every_scenario_is_played() {
    let lists: String =
        ["browser", "peers", "turn"].map(|name| tree::read(&format!("tests/house/{name}.rs"))).concat();
    let scenarios = tree::files(&["web/e2e/scenarios"], &["mjs"]);
    assert!(scenarios.len() > 15, "the scenarios are where they were: {scenarios:?}");
    let name = |path: &String| path.rsplit('/').next().unwrap().trim_end_matches(".mjs").to_owned();
    let listed =
        |name: &String| lists.contains(&format!("    {name},\n")) || lists.contains(&format!("\"{name}\""));
    let missing = scenarios.iter().map(name).filter(|name| !listed(name));
    assert_none(
        &missing.map(|name| format!("tests/house/browser.rs does not list {name}")).collect::<Vec<_>>(),
    );
}

#[test]
fn every_word_and_code_of_the_agents_socket_is_explained() {
    let page = tree::read("docs/protocol/offhook-v1.md");
    let mut words = BTreeSet::new();
    for source in tree::sources().iter().filter(|source| source.path.starts_with("crates/api/src/ws/")) {
        let errors = source.text.split("error(").skip(1);
        words.extend(errors.filter_map(|rest| {
            let word = rest.trim_start().strip_prefix('"')?.split('"').next()?;
            Some(format!("`{word}`"))
        }));
    }
    let refusals = tree::read("crates/core/src/call/refusal.rs");
    words
        .extend(refusals.split("=> \"").skip(1).map(|rest| format!("`{}`", rest.split('"').next().unwrap())));
    let codes = tree::read("crates/api/src/ws/protocol.rs");
    let codes = codes.split(": u16 = ").skip(1);
    words.extend(codes.map(|rest| format!("| {} |", rest.split(';').next().unwrap())));
    assert!(words.len() > 25, "the words are where they were: {words:?}");
    let missing = words.into_iter().filter(|word| !page.contains(word));
    let missing = missing.map(|word| format!("docs/protocol/offhook-v1.md does not explain {word}"));
    assert_none(&missing.collect::<Vec<_>>());
}

#[test]
fn every_metric_is_explained() {
    let page = tree::read("docs/operations.md");
    let mut names = BTreeSet::new();
    for source in tree::sources().into_iter().filter(Source::is_product) {
        for kind in ["counter!(", "gauge!(", "histogram!("] {
            let calls = source.text.split(kind).skip(1);
            let quoted = calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
            names.extend(quoted.map(str::to_owned));
        }
    }
    assert!(names.len() > 10, "the metrics are where they were: {names:?}");
    let missing = names.into_iter().filter(|name| !page.contains(&format!("`{name}`")));
    assert_none(
        &missing.map(|name| format!("docs/operations.md does not explain {name}")).collect::<Vec<_>>(),
    );
}

#[test]
fn features_of_the_desk_do_not_know_one_another() {
    let mut wrong = Vec::new();
    let home = "web/apps/desk/src/features/";
    for path in tree::files(&[home.trim_end_matches('/')], &["ts", "svelte"]) {
        let feature = path[home.len()..].split('/').next().unwrap_or_default().to_owned();
        for (line, text) in tree::read(&path).lines().enumerate() {
            let Some(from) = text.split(" from '").nth(1).and_then(|rest| rest.split('\'').next()) else {
                continue;
            };
            let other = from.strip_prefix("$features/").or_else(|| from.strip_prefix("../"));
            let other = other.and_then(|rest| rest.split('/').next());
            if other.is_some_and(|other| other != feature && other != "..") {
                wrong.push(format!("{path}:{}: a feature does not import another ({from})", line + 1));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_plan_in_the_documents_names_every_crate() {
    let page = tree::read("docs/architecture.md");
    let rooms: BTreeMap<String, bool> = tree::manifests()
        .into_iter()
        .map(|m| (m.room.clone(), page.contains(&format!("`{}`", m.room))))
        .collect();
    let wrong: Vec<String> = rooms
        .into_iter()
        .filter(|(room, named)| !named && room != "xtask")
        .map(|(room, _)| format!("docs/architecture.md does not name `{room}`"))
        .collect();
    assert_none(&wrong);
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
