//! The command line.

mod accounts;
mod admin;

mod serve;

mod sim;

mod settings;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::config::{BadConfig, Config, Source, load};
use crate::{bench, demo, telemetry};

/// `EX_CONFIG` of sysexits: supervisors do not restart a program that ends with it.
const BAD_CONFIG: u8 = 78;

/// A self-hosted server for WhatsApp Business calling.
#[derive(Debug, Parser)]
#[command(name = "offhook", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Run server and simulator in one process, with data to try things on.
    Demo(demo::Demo),
    /// Run the simulator of WhatsApp alone.
    Sim(sim::SimFlags),
    /// Set up tenants, numbers, keys and people in the database.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(settings::Settings),
    /// Measure this machine.
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigFlags {
    /// Configuration file; `offhook.toml` in the working directory when not given.
    #[arg(short, long, value_name = "FILE", env = "OFFHOOK_CONFIG")]
    config: Option<PathBuf>,
    /// Database address, in place of `database.url`.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl ConfigFlags {
    fn source(&self) -> Source {
        Source::from_process(self.config.clone()).flag("database.url", self.database_url.clone())
    }

    fn load(&self) -> Result<Config, BadConfig> {
        load(&self.source())
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::install_tls_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::anyhow!("the runtime cannot be started: {error}")),
    };
    match runtime.block_on(cli.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

impl Command {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Sim(sim) => sim.run().await,
            Self::Admin(admin) => admin.run().await,
            Self::Config(settings) => settings.run(),
            Self::Bench(bench) => bench.run().await,
        }
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    let bad_config = error.downcast_ref::<BadConfig>().is_some();
    let room = if bad_config { "configuration: " } else { "" };
    // Without standard error there is nobody to tell; the code still says it.
    let _ = writeln!(std::io::stderr(), "offhook: {room}{error:#}");
    if bad_config { ExitCode::from(BAD_CONFIG) } else { ExitCode::FAILURE }
}

/// Prints what was asked for.
pub(crate) fn say(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints an answer: one line of JSON for programs, `name: value` lines for people.
pub(crate) fn answer(json: bool, value: &Value) -> anyhow::Result<()> {
    if json {
        return say(value);
    }
    let mut lines = Vec::new();
    flatten("", value, &mut lines);
    say(lines.join("\n"))
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
                flatten(&path.replace('_', " "), value, lines);
            }
        }
        Value::String(text) => lines.push(format!("{path}: {text}")),
        other => lines.push(format!("{path}: {other}")),
    }
}
