//! `offhook demo`: server and simulator in one process, with data to try things on.

mod chime;

mod seed;

mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use data_encoding::BASE32_NOPAD;
use offhook_sim::{Knobs, SimConfig, SimNumber};
use url::Url;

use crate::cli::say;
use crate::config::{BadConfig, Config, Source, load};
use crate::lifecycle::{Server, StopSignals, run_until_stopped};
use crate::{door, telemetry};

pub(crate) use self::seed::{Seed, Seeded};

/// The demo's business number, and Meta's ids for it.
pub(crate) const NUMBER: &str = "+15550100200";
pub(crate) const PHONE_NUMBER_ID: &str = "106540352242922";
pub(crate) const WABA_ID: &str = "102290129340398";

/// The number whose calls the server carries itself, and Meta's id for it.
const BRIDGED_NUMBER: &str = "+15550100201";
const BRIDGED_PHONE_NUMBER_ID: &str = "106540352242923";

/// What `offhook demo` takes.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address of the server.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address of the simulator.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    sim_listen: SocketAddr,
    /// Folder of database, key and passwords.
    #[arg(long, default_value = ".offhook-demo", value_name = "FOLDER")]
    data: PathBuf,
    /// File with further keys to try out, such as `media.turn_urls`; the demo's own win over it.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print addresses and credentials as one line of JSON when ready.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let (mut config, seed) = prepare(&self.data, self.config)?;
        config.http.listen = self.listen;
        crate::config::check(&config)?;
        telemetry::start_logs(&config.log)?;
        let metrics = telemetry::start_metrics()?;
        let signals = StopSignals::listen()?;

        // The simulator needs the server's address and the server the simulator's: the port opens first.
        let listener = door::bind(config.http.listen)?;
        let webhooks = format!("http://{}/webhooks/meta", listener.local_addr()?);
        let sim = offhook_sim::start(SimConfig {
            listen: self.sim_listen,
            media_ip: self.sim_listen.ip(),
            webhook_url: Some(Url::parse(&webhooks)?),
            app_secret: seed.app_secret.clone(),
            verify_token: seed.verify_token.clone(),
            numbers: sim_numbers(&seed.access_token),
            knobs: Knobs::default(),
        })
        .await
        .context("the simulator does not start")?;
        let sim_url = format!("http://{}", sim.addr());
        config.whatsapp.graph_url = Url::parse(&sim_url)?;
        // Nothing here reaches a real phone, whatever the key.
        config.whatsapp.sandbox_url = Some(config.whatsapp.graph_url.clone());

        let seeded = seed.plant(&config).await?;
        let server = Server::start(&config, listener, metrics).await?;
        let ready = words::Ready { seeded: &seeded, url: server.url(), sim_url, data: &self.data };
        ready.write_sample_call()?;
        say(if self.json { ready.json().to_string() } else { ready.words() })?;
        run_until_stopped(server, signals, sim.stop()).await
    }
}

/// The data of a demo in `folder`, and the configuration of a server on it that listens on a free port.
///
/// Only `[log]` is taken from the environment, and only a named file is read: a demo must not meet a real
/// configuration by chance.
pub(crate) fn prepare(folder: &Path, file: Option<PathBuf>) -> anyhow::Result<(Config, Seed)> {
    let seed = Seed::load_or_create(folder)?;
    let mut source = Source::from_process(file);
    source.usual_file = false;
    source.environment.retain(|(name, _)| name.starts_with("OFFHOOK_LOG__"));
    let source = source
        .flag("http.listen", Some("127.0.0.1:0".to_owned()))
        .flag("media.udp_listen", Some("127.0.0.1:0".to_owned()))
        .flag("media.clips_dir", Some(chime::folder(folder)?.display().to_string()))
        .flag("recordings.url", Some(format!("file:{}", folder.join("recordings").display())))
        .flag("webhooks.allow_private_targets", Some("true".to_owned()))
        .flag("database.url", Some(format!("sqlite:{}", folder.join("offhook.db").display())))
        .flag("webhooks.allow_private_targets", Some("true".to_owned()))
        // Simulated calls cost nothing, and whoever tries things out places many.
        .flag("calls.per_minute", Some("1000".to_owned()))
        .flag("calls.at_once", Some("1000".to_owned()))
        .flag("whatsapp.app_secret", Some(seed.app_secret.clone()))
        .flag("whatsapp.verify_token", Some(seed.verify_token.clone()));
    let config = load(&source)?;
    // It would win over the demo's own.
    if config.database.url_file.is_some() {
        return Err(BadConfig::new("database.url_file: a demo has a database of its own").into());
    }
    Ok((config, seed))
}

/// The demo's business numbers as the simulator knows them.
pub(crate) fn sim_numbers(access_token: &str) -> Vec<SimNumber> {
    let number = |id: &str, phone: &str| SimNumber {
        phone_number_id: id.to_owned(),
        waba_id: WABA_ID.to_owned(),
        display_phone: phone.to_owned(),
        access_token: access_token.to_owned(),
    };
    vec![number(PHONE_NUMBER_ID, NUMBER), number(BRIDGED_PHONE_NUMBER_ID, BRIDGED_NUMBER)]
}

/// A fresh password: 100 random bits in groups that can be read out.
pub(crate) fn password() -> String {
    let mut bytes = [0; 13];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source does not fail");
    let letters = BASE32_NOPAD.encode(&bytes).to_lowercase();
    [&letters[..5], &letters[5..10], &letters[10..15], &letters[15..20]].join("-")
}
