//! Each thing the build or the tests rest on: how it is seen, which packages bring it, and what it is for.

use super::machine::Machine;

/// Oldest Node.js the web tools run on.
const NODE: (u32, u32) = (20, 19);
/// Oldest npm that reads the lock file.
const NPM: (u32, u32) = (10, 0);

/// Something the build or the tests rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Compiler,
    Cmake,
    Node,
    Git,
    Chromium,
    Curl,
    Kill,
    Postgres,
    Python,
    Coturn,
}

impl Need {
    /// What building the server and its desk takes.
    pub(crate) const BUILD: [Self; 3] = [Self::Compiler, Self::Cmake, Self::Node];

    /// What every check and test there is takes.
    pub(crate) const TESTS: [Self; 10] = [
        Self::Compiler,
        Self::Cmake,
        Self::Node,
        Self::Git,
        Self::Chromium,
        Self::Curl,
        Self::Kill,
        Self::Postgres,
        Self::Python,
        Self::Coturn,
    ];

    /// Whether the machine has it.
    pub(crate) fn is_there(self, machine: &impl Machine) -> bool {
        match self {
            Self::Compiler => machine.answers("cc", &["--version"]) && machine.answers("c++", &["--version"]),
            Self::Cmake => machine.answers("cmake", &["--version"]),
            Self::Node => {
                version(machine, "node").is_some_and(|version| version >= NODE)
                    && version(machine, "npm").is_some_and(|version| version >= NPM)
            }
            Self::Git => machine.answers("git", &["--version"]),
            Self::Chromium => machine.has_file("/usr/bin/chromium"),
            Self::Curl => machine.answers("curl", &["--version"]),
            Self::Kill => machine.answers("kill", &["--version"]),
            Self::Postgres => {
                let postgres = |version: &String| {
                    machine.has_file(&format!("/usr/lib/postgresql/{version}/bin/postgres"))
                };
                machine.names_in("/usr/lib/postgresql").iter().any(postgres)
            }
            Self::Python => machine.answers("python3", &["-c", "import venv, ensurepip"]),
            // Its own programs answer no question without starting.
            Self::Coturn => machine.has_file("/usr/bin/turnserver"),
        }
    }

    /// Debian's packages for it.
    pub(crate) const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Compiler => &["build-essential"],
            Self::Cmake => &["cmake"],
            Self::Node => &["nodejs", "npm"],
            Self::Git => &["git"],
            Self::Chromium => &["chromium"],
            Self::Curl => &["curl"],
            Self::Kill => &["procps"],
            Self::Postgres => &["postgresql"],
            Self::Python => &["python3", "python3-venv"],
            Self::Coturn => &["coturn"],
        }
    }

    /// What it is, and what it is for.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Compiler => "a C and C++ compiler, for the libraries of cryptography, SQLite and Opus",
            Self::Cmake => "CMake, which builds Opus",
            Self::Node => "Node.js 20.19 or newer with npm 10 or newer, which build the desk",
            Self::Git => "Git, by which the tests know the sources from what is generated",
            Self::Chromium => "Chromium, in which the tests place and answer calls",
            Self::Curl => "curl, with which the tests run the documented samples",
            Self::Kill => "kill, with which the tests stop servers as an operator does",
            Self::Postgres => "PostgreSQL, on which the tests of the store run beside SQLite",
            Self::Python => {
                "Python with venv, for another project's WebRTC stack and a tester of APIs in the tests"
            }
            Self::Coturn => "coturn, a TURN server, for the tests of agents behind strict firewalls",
        }
    }

    /// What to do when Debian's package does not help.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Node => {
                "; this Debian's is too old, take one from https://nodejs.org and put it first in PATH"
            }
            _ => "",
        }
    }
}

fn version(machine: &impl Machine, program: &str) -> Option<(u32, u32)> {
    let said = machine.said(program, &["--version"])?;
    let mut parts = said.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
