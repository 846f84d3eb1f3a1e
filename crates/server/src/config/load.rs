//! Flags over environment over file over defaults.

use std::path::{Path, PathBuf};

use ::config as layers;
use layers::{ConfigBuilder, File, FileFormat, builder::DefaultState};

use super::secret::open_to_everybody;
use super::{BadConfig, Config, check};

/// The file that is read when none is named.
const USUAL_FILE: &str = "offhook.toml";

/// Names of environment variables begin with it. Only names with `__` after it are keys: `OFFHOOK_SKIP_WEB`
/// and its like belong to the build.
const PREFIX: &str = "OFFHOOK_";

/// Where a configuration comes from. Flags win over the environment, that over the file, that over defaults.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file named on the command line; it must exist.
    pub file: Option<PathBuf>,
    /// Whether `offhook.toml` in the working directory counts when no file is named.
    pub usual_file: bool,
    /// The environment, as `(name, value)`.
    pub environment: Vec<(String, String)>,
    /// What flags set, as `(key path, value)`.
    pub flags: Vec<(&'static str, String)>,
}

impl Source {
    /// From this process's environment.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(text).collect();
        Self { file, usual_file: true, environment, flags: Vec::new() }
    }

    /// With one more flag, if it was given.
    #[must_use]
    pub fn flag(mut self, key: &'static str, value: Option<String>) -> Self {
        self.flags.extend(value.map(|value| (key, value)));
        self
    }

    fn path(&self) -> Option<PathBuf> {
        let usual = || (self.usual_file && Path::new(USUAL_FILE).exists()).then(|| PathBuf::from(USUAL_FILE));
        self.file.clone().or_else(usual)
    }
}

/// Reads, merges and checks.
///
/// # Errors
/// [`BadConfig`] naming the key.
pub fn load(source: &Source) -> Result<Config, BadConfig> {
    let merged = merge(source).map_err(|error| BadConfig::new(error.to_string()))?;
    let mut config: Config = serde_path_to_error::deserialize(merged).map_err(|error| {
        let path = error.path().to_string();
        let words = error.into_inner().to_string();
        BadConfig::new(if path == "." || words.contains(&path) { words } else { format!("{path}: {words}") })
    })?;
    if let Some(path) = source.path() {
        refuse_exposed(&path, &config, source)?;
    }
    check::read_secret_files(&mut config)?;
    check::check(&config)?;
    Ok(config)
}

fn merge(source: &Source) -> Result<layers::Config, layers::ConfigError> {
    let mut builder = layers::Config::builder();
    for section in &Config::SECTIONS {
        builder = builder.set_default(section.name, layers::Map::<String, String>::new())?;
        for key in section.keys {
            let Some(default) = key.default else { continue };
            let path = format!("{}.{}", section.name, key.name);
            builder = if default == "[]" {
                builder.set_default(path, Vec::<String>::new())?
            } else {
                builder.set_default(path, default)?
            };
        }
    }
    if let Some(path) = source.path() {
        builder = builder.add_source(File::from(path).format(FileFormat::Toml).required(true));
    }
    let builder = environment(builder, &source.environment)?;
    source
        .flags
        .iter()
        .try_fold(builder, |builder, (key, value)| builder.set_override(*key, value.clone()))?
        .build()
}

/// A key that is also known by the name the provider of the Orbit face gave it. The product's own name wins.
const BORROWED: (&str, &str) = ("WA_CALLING_BLOCKED_COUNTRIES", "whatsapp.blocked_countries");

/// Values of the environment stay texts: a secret of digits must not lose its leading zero on the way.
fn environment(
    mut builder: ConfigBuilder<DefaultState>,
    variables: &[(String, String)],
) -> Result<ConfigBuilder<DefaultState>, layers::ConfigError> {
    let (borrowed, key) = BORROWED;
    if let Some((_, value)) = variables.iter().find(|(name, _)| name == borrowed) {
        builder = builder.set_override(key, value.clone())?;
    }
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let key = rest.to_ascii_lowercase().replace("__", ".");
        builder = builder.set_override(key, value.clone())?;
    }
    Ok(builder)
}

/// A file that carries a secret must not be open to everybody. Secrets from the environment do not count.
fn refuse_exposed(path: &Path, config: &Config, source: &Source) -> Result<(), BadConfig> {
    if !open_to_everybody(path) {
        return Ok(());
    }
    let from_file = |key: &str| {
        let name = format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"));
        !source.environment.iter().any(|(set, _)| *set == name)
    };
    for (key, carried) in check::inline_secrets(config) {
        if carried && from_file(key) {
            let path = path.display();
            return Err(BadConfig::new(format!(
                "{key}: {path} carries a secret and is open to everybody; run: chmod 600 {path}, or move the \
                 secret to a file of its own and name it in {key}_file"
            )));
        }
    }
    Ok(())
}
