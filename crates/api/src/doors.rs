//! Hanging the doors: one router over one engine.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use ipnet::IpNet;
use offhook_core::bill;
use offhook_core::ports::{
    Audit, CallPages, Calls, Carrier, Channels, Claims, Clock, ContactGroups, Contacts, Deliveries, Events,
    Figures, Hooks, Ids, Keys, Numbers, People, Recordings, Sessions, Tenants,
};
use offhook_engine::Engine;
use secrecy::SecretString;
use url::Url;

use crate::archive::Archive;
use crate::bots::{self, BotDoor};
use crate::dialect::orbit::once::Orbit;
use crate::dialect::vobiz::VobizManners;
use crate::dialect::{d360, orbit, vobiz};
use crate::house::{House, Shared};
use crate::manners::cors;
use crate::manners::limits::Rates;
use crate::manners::once::layer::once;
use crate::manners::trace;
use crate::wardrobe::Wardrobe;
use crate::ws::Sockets;
use crate::ws::ice::IceServers;
use crate::{desk, docs, listen, meta, ws};

/// Everything the doors need.
pub struct Doors {
    /// Makes things happen.
    pub engine: Engine,
    /// What is read without the engine.
    pub ports: DoorPorts,
    /// How the doors are set up.
    pub config: DoorConfig,
}

/// The ports the doors read.
#[derive(Clone)]
pub struct DoorPorts {
    /// Companies.
    pub tenants: Arc<dyn Tenants>,
    /// Contacts.
    pub contacts: Arc<dyn Contacts>,
    /// Their lists and segments.
    pub groups: Arc<dyn ContactGroups>,
    /// Business numbers.
    pub numbers: Arc<dyn Numbers>,
    /// People.
    pub people: Arc<dyn People>,
    /// API keys.
    pub keys: Arc<dyn Keys>,
    /// Signed-in browsers and tickets.
    pub sessions: Arc<dyn Sessions>,
    /// Calls.
    pub calls: Arc<dyn Calls>,
    /// Requests that are carried out once.
    pub claims: Arc<dyn Claims>,
    /// Figures of calls.
    pub figures: Arc<dyn Figures>,
    /// Calls by page number.
    pub call_pages: Arc<dyn CallPages>,
    /// Business numbers as clients connect and disconnect them.
    pub channels: Arc<dyn Channels>,
    /// Logs.
    pub events: Arc<dyn Events>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What is known of recordings.
    pub recordings: Arc<dyn Recordings>,
    /// Recordings themselves.
    pub archive: Arc<dyn Archive>,
    /// Voice bots.
    pub bots: Arc<dyn BotDoor>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// Webhooks of customers.
    pub hooks: HookPorts,
    /// STUN and TURN servers for the agents' pages.
    pub ice_servers: Arc<dyn IceServers>,
}

/// What the doors need for customers' webhooks and for telling events.
#[derive(Clone)]
pub struct HookPorts {
    /// Hooks.
    pub hooks: Arc<dyn Hooks>,
    /// What is on its way to them.
    pub deliveries: Arc<dyn Deliveries>,
    /// Judges addresses.
    pub carrier: Arc<dyn Carrier>,
    /// Puts events into words.
    pub wardrobe: Arc<Wardrobe>,
}

/// How the doors are set up.
#[derive(Clone)]
pub struct DoorConfig {
    /// This server as seen from outside.
    pub public_url: Option<Url>,
    /// Origins of pages that may use this server, besides its own.
    pub allowed_origins: Vec<String>,
    /// Meta's app secrets: one, or two while one replaces the other. Without any every webhook is refused.
    pub app_secrets: Vec<SecretString>,
    /// The word Meta repeats when the webhook is set up.
    pub verify_token: Option<SecretString>,
    /// Whether browsers reach us over TLS, so that cookies may insist on it.
    pub cookie_secure: bool,
    /// Proxies that are believed when they say whom they heard.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether all numbers are connected to a simulator.
    pub sandbox: bool,
    /// Signs list cursors. The same over restarts, or clients in the middle of a list lose their place.
    pub cursor_secret: [u8; 32],
    /// How many requests are let in.
    pub rates: Rates,
    /// What calls cost: the engine's own list.
    pub prices: Arc<bill::Rates>,
    /// What the Vobiz face leaves open.
    pub vobiz: VobizManners,
}

/// All doors in one router, and the handle that sends the agents' sockets away at shutdown.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: limits, allow lists and the audit log
/// need addresses.
pub fn router(doors: Doors) -> (Router, Sockets) {
    let sockets = Sockets::default();
    let house: Shared = Arc::new(House::new(doors, sockets.clone()));
    let orbit = orbit::routes()
        .layer(from_fn_with_state(house.clone(), orbit::wire::dress))
        .layer(from_fn_with_state(house.clone(), once::<Orbit>));
    let dressed = Router::new()
        .merge(orbit)
        .merge(d360::routes(&house))
        .merge(vobiz::routes(&house))
        .merge(desk::routes())
        .merge(ws::routes())
        .merge(bots::routes())
        .layer(from_fn_with_state(house.clone(), orbit::wire::dress));
    let dressed = match cors::layer(&house.config.allowed_origins) {
        Some(cors) => dressed.layer(cors),
        None => dressed,
    };
    let docs = docs::routes(house.config.public_url.as_ref());
    let router = Router::new().merge(dressed).merge(meta::routes()).merge(listen::routes()).merge(docs);
    let router = router.layer(from_fn_with_state(house.clone(), trace::follow)).with_state(house);
    (router, sockets)
}
