//! What bare, old and complete machines are told, and what would be run on them.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::Machine;
use super::missing_components;
use super::need::Need;
use super::plan::{Stuck, line, missing, plan};

/// A machine of lists: programs with what they print, and files.
#[derive(Clone, Default)]
struct Pretended {
    programs: BTreeMap<String, String>,
    /// Programs that fail when asked for this, though they are there.
    failing: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Pretended {
    /// Debian with nothing beyond its base, run as root.
    fn bare() -> Self {
        Self::default().program("apt-get", "apt 2.6.1").program("id", "0")
    }

    /// A machine on which nothing is missing.
    fn complete() -> Self {
        ["cc", "c++", "cmake", "git", "curl", "kill", "python3", "cargo"]
            .into_iter()
            .fold(Self::bare(), |machine, name| machine.program(name, "1.0"))
            .program("node", "v20.19.2")
            .program("npm", "10.8.2")
            .file("/usr/bin/chromium")
            .file("/usr/bin/turnserver")
            .file("/usr/lib/postgresql/15/bin/postgres")
    }

    fn program(mut self, name: &str, says: &str) -> Self {
        self.programs.insert(name.to_owned(), says.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.programs.remove(name);
        self.files.remove(name);
        self
    }

    fn failing(mut self, question: &str) -> Self {
        self.failing.insert(question.to_owned());
        self
    }

    fn file(mut self, path: &str) -> Self {
        self.files.insert(path.to_owned());
        self
    }
}

impl Machine for Pretended {
    fn said(&self, program: &str, args: &[&str]) -> Option<String> {
        let question = format!("{program} {}", args.join(" "));
        self.programs.get(program).filter(|_| !self.failing.contains(&question)).cloned()
    }

    fn has_file(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    fn names_in(&self, folder: &str) -> Vec<String> {
        let inside = self.files.iter().filter_map(|file| file.strip_prefix(folder)?.strip_prefix('/'));
        inside.filter_map(|rest| Some(rest.split('/').next()?.to_owned())).collect()
    }
}

/// The words of the command that installs, without those before the packages.
fn packages(machine: &Pretended, needs: &[Need]) -> Vec<&'static str> {
    let errands = plan(machine, needs).expect("a Debian machine and root");
    let install = errands.last().expect("something is missing");
    let last_flag = install.args.iter().rposition(|word| word.starts_with("--")).expect("flags");
    install.args[last_flag + 1..].to_vec()
}

#[test]
fn complete_machine_is_left_alone() {
    let machine = Pretended::complete();
    assert_eq!(missing(&machine, &Need::TESTS), []);
    assert_eq!(plan(&machine, &[]), Ok(Vec::new()));
    assert!(missing_components(&machine).is_empty());
}

#[test]
fn bare_machine_is_given_everything_in_one_installation() {
    let machine = Pretended::bare();
    let lacks = missing(&machine, &Need::TESTS);
    assert_eq!(lacks, Need::TESTS);
    let errands = plan(&machine, &lacks).unwrap();
    assert_eq!(errands.len(), 2, "the list of packages is refreshed, then one command installs");
    assert_eq!(errands[0].args, ["DEBIAN_FRONTEND=noninteractive", "apt-get", "update", "--quiet"]);
    assert!(errands[1].args.contains(&"install") && errands[1].args.contains(&"--yes"), "{errands:?}");
    assert!(errands.iter().all(|errand| errand.program == "env" && !errand.why.is_empty()));
    let all: Vec<&str> = Need::TESTS.iter().flat_map(|need| need.packages()).copied().collect();
    assert_eq!(packages(&machine, &lacks), all);
}

/// A machine that lacks one thing is told of that one, with the package and the reason, and gets only that.
#[track_caller]
fn alone(machine: &Pretended, need: Need, brings: &[&str], word: &str) {
    assert_eq!(missing(machine, &Need::TESTS), [need]);
    let told = line(need);
    assert!(told.contains(word) && brings.iter().all(|package| told.contains(package)), "{told}");
    assert_eq!(packages(machine, &[need]), brings);
}

#[test]
fn each_lack_is_seen_told_and_filled_alone() {
    let without = |name| Pretended::complete().without(name);
    alone(&without("cc"), Need::Compiler, &["build-essential"], "compiler");
    alone(&without("c++"), Need::Compiler, &["build-essential"], "compiler");
    alone(&without("cmake"), Need::Cmake, &["cmake"], "Opus");
    alone(&without("node"), Need::Node, &["nodejs", "npm"], "desk");
    alone(&without("npm"), Need::Node, &["nodejs", "npm"], "desk");
    alone(&without("git"), Need::Git, &["git"], "sources");
    alone(&without("/usr/bin/chromium"), Need::Chromium, &["chromium"], "calls");
    alone(&without("curl"), Need::Curl, &["curl"], "samples");
    alone(&without("kill"), Need::Kill, &["procps"], "stop servers");
    alone(&without("/usr/lib/postgresql/15/bin/postgres"), Need::Postgres, &["postgresql"], "store");
    alone(&without("python3"), Need::Python, &["python3", "python3-venv"], "WebRTC");
    alone(&without("/usr/bin/turnserver"), Need::Coturn, &["coturn"], "TURN");
}

#[test]
fn python_without_venv_counts_as_missing() {
    let machine = Pretended::complete().failing("python3 -c import venv, ensurepip");
    alone(&machine, Need::Python, &["python3", "python3-venv"], "venv");
}

#[test]
fn node_that_is_too_old_counts_as_missing_and_its_remedy_says_where_a_newer_one_is() {
    for (node, npm) in
        [("v18.20.4", "10.8.2"), ("v20.18.0", "10.8.2"), ("v20.19.0", "9.2.0"), ("strange", "10.0.0")]
    {
        let machine = Pretended::complete().program("node", node).program("npm", npm);
        alone(&machine, Need::Node, &["nodejs", "npm"], "20.19");
    }
    let newer = Pretended::complete().program("node", "v24.0.1").program("npm", "11.0.0");
    assert_eq!(missing(&newer, &Need::TESTS), []);
    assert!(Need::Node.remedy().contains("nodejs.org"));
}

#[test]
fn somebody_who_is_not_root_installs_through_sudo() {
    let machine = Pretended::complete().without("cmake").program("id", "1000").program("sudo", "Sudo 1.9");
    for errand in plan(&machine, &[Need::Cmake]).unwrap() {
        assert_eq!(errand.program, "sudo");
        assert_eq!(errand.args[..3], ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    assert_eq!(packages(&machine, &[Need::Cmake]), ["cmake"]);
}

#[test]
fn somebody_who_cannot_become_root_is_told_what_to_have_installed() {
    let machine = Pretended::bare().program("id", "1000");
    let stuck = plan(&machine, &[Need::Cmake, Need::Coturn]).unwrap_err();
    assert_eq!(stuck, Stuck::NoRoot("cmake, coturn".to_owned()));
    assert!(stuck.to_string().contains("root") && stuck.to_string().contains("cmake, coturn"), "{stuck}");
}

#[test]
fn machine_without_apt_is_told_what_to_install_by_its_own_means() {
    let machine = Pretended::default().program("id", "0");
    let stuck = plan(&machine, &missing(&machine, &Need::BUILD)).unwrap_err();
    let told = stuck.to_string();
    assert!(
        ["apt-get", "build-essential", "cmake", "nodejs"].iter().all(|word| told.contains(word)),
        "{told}"
    );
}

#[test]
fn missing_component_of_the_toolchain_is_named() {
    let machine = Pretended::complete().failing("cargo clippy --version");
    assert_eq!(missing_components(&machine), ["clippy"]);
}
