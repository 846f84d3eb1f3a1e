//! The repository as the rules read it.

use std::path::Path;

use crate::stage::root;

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 5] = ["target", "node_modules", "dist", "__pycache__", ".git"];

/// A Rust source.
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Part of a program, not of its tests, benches or build.
    pub(crate) fn is_product(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let test = name == "tests.rs" || name.ends_with("_tests.rs") || name == "build.rs";
        self.path.contains("/src/")
            && !self.path.contains("/tests/")
            && !self.path.contains("/fake/")
            && !test
    }

    /// Lines with their numbers, without comments and without the tests at the end of the file. Protocol
    /// types that are written to TypeScript by a test count as tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let product = self.is_product();
        self.text
            .lines()
            .enumerate()
            .take_while(move |(_, line)| !(product && line.trim_start() == "#[cfg(test)]"))
            .map(|(number, line)| (number + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every Rust source of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let paths = files(&["crates", "tests"], &["rs"]);
    paths.into_iter().map(|path| Source { text: read(&path), path }).collect()
}

/// Files below the given roots with one of the endings, sorted. A root may be a file.
pub(crate) fn files(roots: &[&str], endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for start in roots {
        collect(&root().join(start), start, endings, &mut found);
    }
    found.sort();
    found
}

fn collect(place: &Path, name: &str, endings: &[&str], found: &mut Vec<String>) {
    if place.is_file() {
        if endings
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")) || name.ends_with(&format!("/{ending}")))
        {
            found.push(name.to_owned());
        }
        return;
    }
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let own = entry.file_name().to_string_lossy().into_owned();
        if !SKIPPED.contains(&own.as_str()) {
            collect(&entry.path(), &format!("{name}/{own}"), endings, found);
        }
    }
}

/// A file's text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A crate's manifest.
pub(crate) struct Manifest {
    /// `core`, `tests`, …
    pub(crate) room: String,
    pub(crate) text: String,
    /// What the program itself uses; for the tests, what they use.
    pub(crate) dependencies: Vec<String>,
}

/// The manifests of all crates.
pub(crate) fn manifests() -> Vec<Manifest> {
    let paths = files(&["crates", "tests"], &["toml"]);
    let own = paths.into_iter().filter(|path| path.ends_with("/Cargo.toml") && path.split('/').count() <= 3);
    own.map(|path| {
        let text = read(&path);
        let room = path.trim_start_matches("crates/").trim_end_matches("/Cargo.toml").to_owned();
        let table = if room == "tests" { "[dev-dependencies]" } else { "[dependencies]" };
        let dependencies = text
            .lines()
            .skip_while(|line| *line != table)
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['.', ' ', '=']).next().map(str::to_owned))
            .filter(|name| !name.is_empty())
            .collect();
        Manifest { room, text, dependencies }
    })
    .collect()
}

/// Names in the `deny` list of deny.toml.
pub(crate) fn banned(deny: &str) -> Vec<String> {
    let list = deny.split("\ndeny = [").nth(1).and_then(|rest| rest.split("\n]").next());
    let list = list.expect("deny.toml has a deny list");
    let name = |line: &str| {
        line.split("crate = \"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    let names: Vec<String> = list.lines().filter_map(name).collect();
    assert!(!names.is_empty(), "deny.toml bans something");
    names
}

/// Targets of Markdown links.
pub(crate) fn links(text: &str) -> Vec<String> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split([')', ' ']).next().map(str::to_owned)).collect()
}

/// Upper-case words joined by underscores, such as error codes.
pub(crate) fn is_shouted(text: &str) -> bool {
    text.len() > 5
        && text.contains(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}
