//! Joining concrete types: the one place that knows store, Meta's client, engine and doors at once.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use offhook_api::{DoorConfig, DoorPorts, Doors, Sockets};
use offhook_engine::{Engine, Ports};
use offhook_media::Carried;
use offhook_store::{MasterKey, Store};
use offhook_whatsapp::{Graph, GraphConfig, Timeouts};

use crate::clock::{HouseClock, HouseIds};
use crate::config::Config;
use crate::config::secret::Secret;
use crate::sound;

/// What the master key is asked for besides sealing.
const CURSORS: &str = "cursors of lists";

/// The opened store, and what else comes from the master key.
pub struct Memory {
    /// The store.
    pub store: Store,
    /// Signs list cursors.
    pub(crate) cursor_secret: [u8; 32],
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
    let cursor_secret = key.derive(CURSORS);
    let store = Store::open(url, key).await?;
    Ok(Memory { store, cursor_secret })
}

/// Beside the database, unless stated.
fn master_key_file(config: &Config) -> PathBuf {
    let beside = || match config.database.url.sqlite_path() {
        Some(path) => path.with_extension("key"),
        None => PathBuf::from("offhook.key"),
    };
    config.security.master_key_file.clone().unwrap_or_else(beside)
}

/// The running parts behind the doors.
pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) doors: Router,
    pub(crate) sockets: Sockets,
    /// To be run beside the rest: it brings the media plane's news.
    pub(crate) listen: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Starts the engine and hangs the doors.
pub(crate) async fn build(config: &Config, memory: &Memory) -> anyhow::Result<House> {
    let clock = HouseClock::start();
    let store = Arc::new(memory.store.clone());
    let graph = Graph::new(
        GraphConfig {
            base_url: config.whatsapp.graph_url.clone(),
            api_version: config.whatsapp.api_version.clone(),
            timeouts: Timeouts::default(),
        },
        store.clone(),
    )
    .context("whatsapp.graph_url")?;
    let (clock, ids) = (Arc::new(clock), Arc::new(HouseIds::new(clock)));
    let Carried { board: sound, news, listen } = sound::open(config)?;
    let engine = Engine::start(Ports {
        calls: store.clone(),
        events: store.clone(),
        inbox: store.clone(),
        numbers: store.clone(),
        people: store.clone(),
        asker: Arc::new(graph),
        sound,
        clock: clock.clone(),
        ids: ids.clone(),
    })
    .await?;
    engine.carry(news);
    let ports = DoorPorts {
        tenants: store.clone(),
        numbers: store.clone(),
        people: store.clone(),
        keys: store.clone(),
        sessions: store.clone(),
        calls: store.clone(),
        events: store,
        clock,
        ids,
    };
    let doors = Doors { engine: engine.clone(), ports, config: door_config(config, memory.cursor_secret) };
    let (doors, sockets) = offhook_api::router(doors);
    Ok(House { engine, doors, sockets, listen })
}

fn door_config(config: &Config, cursor_secret: [u8; 32]) -> DoorConfig {
    let (http, whatsapp) = (&config.http, &config.whatsapp);
    let app_secrets = [&whatsapp.app_secret, &whatsapp.previous_app_secret];
    let public_tls = http.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    DoorConfig {
        public_url: http.public_url.clone(),
        allowed_origins: http.allowed_origins.clone(),
        app_secrets: app_secrets.into_iter().flatten().map(Secret::to_secrecy).collect(),
        verify_token: whatsapp.verify_token.as_ref().map(Secret::to_secrecy),
        cookie_secure: http.tls_cert_file.is_some() || public_tls,
        cursor_secret,
    }
}
