//! Joining concrete types: the one place that knows store, Meta's client, engine and doors at once.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use offhook_api::{
    Archive, DoorConfig, DoorPorts, Doors, DurationBasis, EndedAnswered, HookPorts, Rates, Sockets,
    VobizManners, Wardrobe, WardrobePorts,
};
use offhook_core::bill;
use offhook_core::call::table::ClipName;
use offhook_core::call::{AgentLost, Manners};
use offhook_core::dialling::DialPolicy;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::phone::Country;
use offhook_core::ports::Clock;
use offhook_core::time::Time;
use offhook_engine::{Delivering, Engine, Ports};
use offhook_hooks::carrier::Https;
use offhook_hooks::guard::Guard;
use offhook_media::{Carried, Switchboard};
use offhook_recording::disk::LocalDisk;
use offhook_recording::keys::Keyring;
use offhook_recording::links::{self, Link};
use offhook_recording::vault::Vault;
use offhook_recording::{ListenFault, Notice, Recorder, Selection, Setup, Sound};
use offhook_store::{MasterKey, Store};
use offhook_voice::{BotPorts, Bots};
use offhook_whatsapp::{Graph, GraphConfig, Timeouts};

use crate::bots::BotDesk;
use crate::clock::{HouseClock, HouseIds};
use crate::config::secret::Secret;
use crate::config::sections::{self, EndedAnsweredStatus};
use crate::config::{Config, networks};
use crate::turn::Turn;
use crate::{rates, ready, scribe, sound};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What the master key is asked for besides sealing.
const CURSORS: &str = "cursors of lists";
const RECORDINGS: &str = "recordings";
const BOTS: &str = "voice bots";

/// The opened store, and what else comes from the master key.
pub struct Memory {
    /// The store.
    pub store: Store,
    /// Signs list cursors.
    pub(crate) cursor_secret: [u8; 32],
    /// Seals recordings and signs their links.
    recording_secret: [u8; 32],
    /// Signs the tokens of voice bots.
    bot_secret: [u8; 32],
}

/// Opens the database with its master key, making both at first start.
///
/// # Errors
/// In words for the person who starts the program.
pub async fn open_memory(config: &Config) -> anyhow::Result<Memory> {
    let url = config.database.url.expose();
    let key = match &config.security.master_key {
        Some(text) => MasterKey::parse(text.expose())?,
        None => MasterKey::load_or_create(&master_key_file(config), url).await?,
    };
    let (cursor_secret, recording_secret) = (key.derive(CURSORS), key.derive(RECORDINGS));
    let bot_secret = key.derive(BOTS);
    let store = Store::open(url, key).await?;
    Ok(Memory { store, cursor_secret, recording_secret, bot_secret })
}

/// Beside the database, unless stated.
fn master_key_file(config: &Config) -> PathBuf {
    config.security.master_key_file.clone().unwrap_or_else(|| beside_database(config, "key"))
}

fn beside_database(config: &Config, ending: &str) -> PathBuf {
    match config.database.url.sqlite_path() {
        Some(path) => path.with_extension(ending),
        None => PathBuf::from("offhook").with_extension(ending),
    }
}

/// The running parts behind the doors.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) doors: Router,
    pub(crate) sockets: Sockets,
    /// For the metrics.
    pub(crate) sound: Arc<Switchboard>,
    /// To be run beside the rest: it brings the media plane's news.
    pub(crate) listen: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The same: it brings voices to the recorder, and ends by itself.
    pub(crate) scribe: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The same: it connects voice bots, and ends when it is quiet.
    pub(crate) voice: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// To be closed after the engine.
    pub(crate) recorder: Recorder,
}

/// Starts the engine and hangs the doors.
///
/// `quiet` is cancelled when no call has sound any more.
pub(crate) async fn build(
    config: &Config,
    memory: &Memory,
    quiet: CancellationToken,
) -> anyhow::Result<House> {
    let clock = HouseClock::start();
    let store = Arc::new(memory.store.clone());
    let graph = Graph::new(
        GraphConfig {
            base_url: config.whatsapp.graph_url.clone(),
            sandbox_url: config.whatsapp.sandbox_url.clone(),
            api_version: config.whatsapp.api_version.clone(),
            timeouts: Timeouts::default(),
        },
        store.clone(),
    )
    .context("whatsapp.graph_url")?;
    let (clock, ids) = (Arc::new(clock), Arc::new(HouseIds::new(clock)));
    let epoch = clock.now();
    let Carried { board: sound, news, orders, bots: asked, listen } = sound::open(config)?;
    let keys = Arc::new(Keyring::new(&memory.recording_secret));
    let (recorder, notices) = recorder(config, keys.clone(), store.clone(), clock.clone(), epoch).await?;
    let board = sound.clone();
    let (ready, stored) = mpsc::channel(ready::QUEUE);
    let scribe = scribe::write(recorder.clone(), board.clone(), orders, notices, ready, quiet.clone());
    let engine_ports = Ports {
        calls: store.clone(),
        events: store.clone(),
        inbox: store.clone(),
        contacts: store.clone(),
        imports: store.clone(),
        numbers: store.clone(),
        people: store.clone(),
        permissions: store.clone(),
        asker: Arc::new(graph),
        sound,
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let rates = Arc::new(rates::load(config)?);
    let engine = Engine::start(engine_ports, manners(config, rates.clone())).await?;
    engine.carry(news);
    let bot_ports = BotPorts {
        engine: engine.clone(),
        board: board.clone(),
        numbers: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let guard = Guard::new(config.webhooks.allow_private_targets);
    let bots = Bots::new(bot_ports, guard, &memory.bot_secret);
    let voice = Box::pin(bots.clone().run(asked, quiet));
    let hooks = hooks(config, &store)?;
    engine.deliver(delivering(&hooks)).await?;
    let ready = ready::tell(engine.clone(), store.clone(), stored);
    let scribe = async move {
        tokio::join!(scribe, ready);
    };
    let ports = DoorPorts {
        tenants: store.clone(),
        contacts: store.clone(),
        groups: store.clone(),
        numbers: store.clone(),
        people: store.clone(),
        keys: store.clone(),
        sessions: store.clone(),
        calls: store.clone(),
        claims: store.clone(),
        call_pages: store.clone(),
        channels: store.clone(),
        recordings: store.clone(),
        audit: store.clone(),
        archive: Arc::new(Shelf { recorder: recorder.clone(), keys }),
        bots: Arc::new(BotDesk::new(bots)),
        figures: store.clone(),
        events: store,
        clock,
        ids,
        hooks,
        ice_servers: Arc::new(Turn::new(&config.media)),
    };
    let doors =
        Doors { engine: engine.clone(), ports, config: door_config(config, memory.cursor_secret, rates) };
    let (doors, sockets) = offhook_api::router(doors);
    let scribe = Box::pin(scribe);
    Ok(House { engine, doors, sockets, listen, scribe, voice, sound: board, recorder })
}

/// What is between the log and customers' webhooks.
fn hooks(config: &Config, store: &Arc<Store>) -> anyhow::Result<HookPorts> {
    let wardrobe = Wardrobe::new(WardrobePorts {
        tenants: store.clone(),
        numbers: store.clone(),
        people: store.clone(),
        calls: store.clone(),
        inbox: store.clone(),
    });
    Ok(HookPorts {
        hooks: store.clone(),
        deliveries: store.clone(),
        carrier: Arc::new(Https::new(Guard::new(config.webhooks.allow_private_targets))?),
        wardrobe: Arc::new(wardrobe),
    })
}

fn delivering(hooks: &HookPorts) -> Delivering {
    Delivering {
        hooks: hooks.hooks.clone(),
        deliveries: hooks.deliveries.clone(),
        dresser: hooks.wardrobe.clone(),
        carrier: hooks.carrier.clone(),
    }
}

async fn recorder(
    config: &Config,
    keys: Arc<Keyring>,
    store: Arc<Store>,
    clock: Arc<HouseClock>,
    epoch: Time,
) -> anyhow::Result<(Recorder, mpsc::Receiver<Notice>)> {
    let recordings = &config.recordings;
    let setup = Setup {
        spool: recordings.spool_dir.clone().unwrap_or_else(|| beside_database(config, "spool")),
        vault: Vault::open(&recordings.url, &[])?,
        keys,
        recordings: store,
        clock,
        epoch,
        retention: Duration::from_secs(u64::from(recordings.keep_days) * 24 * 60 * 60),
        disk: Arc::new(LocalDisk),
    };
    Recorder::open(setup).await.context("recordings.spool_dir")
}

/// Recordings for the doors.
struct Shelf {
    recorder: Recorder,
    keys: Arc<Keyring>,
}

#[async_trait]
impl Archive for Shelf {
    async fn open(&self, tenant: &TenantId, id: &RecordingId, what: Selection) -> Result<Sound, ListenFault> {
        self.recorder.library().open(tenant, id, what).await
    }

    fn sign(&self, link: &Link) -> String {
        links::sign(&self.keys, link)
    }

    fn verify(&self, text: &str, now: Time) -> Option<Link> {
        links::verify(&self.keys, text, now)
    }

    async fn erase(&self, tenant: &TenantId, call: &CallId) -> Result<usize, String> {
        self.recorder.erase_call(tenant, call).await
    }
}

/// What the house has chosen about its calls.
fn manners(config: &Config, rates: Arc<bill::Rates>) -> Manners {
    Manners {
        agent_back: Duration::from_secs(u64::from(config.calls.agent_wait_secs)),
        agent_lost: match config.calls.agent_lost {
            sections::AgentLost::Queue => AgentLost::Queue,
            sections::AgentLost::End => AgentLost::End,
        },
        record_all: config.recordings.all,
        consent: config.recordings.consent,
        notice: config.recordings.notice.as_deref().and_then(ClipName::parse),
        rates,
        dialling: Arc::new(dialling(config)),
    }
}

/// Whom it lets be called, from where, and how often.
fn dialling(config: &Config) -> DialPolicy {
    let (whatsapp, calls) = (&config.whatsapp, &config.calls);
    let countries = |texts: &[String]| texts.iter().filter_map(|text| Country::parse(text)).collect();
    let digits = |text: &String| text.trim_start_matches('+').to_owned();
    DialPolicy {
        blocked_countries: countries(&whatsapp.blocked_countries),
        blocks_enabling: whatsapp.blocked_scope == sections::BlockedScope::Enable,
        allowed_countries: countries(&calls.allowed_countries),
        denied_prefixes: calls.denied_numbers.iter().map(digits).collect(),
        per_window: calls.per_minute,
        at_once: calls.at_once,
    }
}

/// Whether everything that is asked of Meta is asked of a simulator.
fn is_sandbox(config: &Config) -> bool {
    config.whatsapp.sandbox_url.as_ref() == Some(&config.whatsapp.graph_url)
}

fn door_config(config: &Config, cursor_secret: [u8; 32], prices: Arc<bill::Rates>) -> DoorConfig {
    let (http, whatsapp) = (&config.http, &config.whatsapp);
    let app_secrets = [&whatsapp.app_secret, &whatsapp.previous_app_secret];
    let public_tls = http.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    DoorConfig {
        public_url: http.public_url.clone(),
        allowed_origins: http.allowed_origins.clone(),
        app_secrets: app_secrets.into_iter().flatten().map(Secret::to_secrecy).collect(),
        verify_token: whatsapp.verify_token.as_ref().map(Secret::to_secrecy),
        cookie_secure: http.tls_cert_file.is_some() || public_tls,
        trusted_proxies: networks(&http.trusted_proxies).unwrap_or_default(),
        sandbox: is_sandbox(config),
        cursor_secret,
        rates: Rates::of_company(http.company_requests_per_second),
        prices,
        vobiz: VobizManners {
            ended_answered: match config.vobiz.ended_answered_status {
                EndedAnsweredStatus::Accepted => EndedAnswered::Accepted,
                EndedAnsweredStatus::Terminated => EndedAnswered::Terminated,
            },
            duration_basis: match config.vobiz.duration_basis {
                sections::DurationBasis::Started => DurationBasis::Started,
                sections::DurationBasis::Answered => DurationBasis::Answered,
            },
        },
    }
}
