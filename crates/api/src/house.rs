//! What every handler is given: engine, ports, configuration, and the small memories of the doors.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::HeaderMap;
use offhook_core::house::BusinessNumber;
use offhook_core::id::KeyId;
use offhook_core::time::Time;
use offhook_engine::Engine;
use tokio::sync::Semaphore;
use url::Url;

use crate::dialect::orbit::events::stream::Streams;
use crate::doors::{DoorConfig, DoorPorts, Doors};
use crate::manners::audit::Ledger;
use crate::manners::body::Budget;
use crate::manners::directory::Directory;
use crate::manners::limits::{KeyLimits, LoginGate};
use crate::manners::minutely::Minutely;
use crate::manners::once::Once;
use crate::manners::origin;
use crate::manners::principal::Principal;
use crate::manners::session::RightsWatch;
use crate::meta::Forgeries;
use crate::ws::Sockets;

/// Webhooks being stored at the same time. More would only queue at the database; the rest wait here until
/// their deadline and are then refused, so that Meta sends them again.
const KNOCKS_AT_ONCE: usize = 64;

/// Webhook bodies in memory before their signatures are checked: some forty of the largest, thousands of
/// the usual ones.
const UNPROVED_BYTES: usize = 128 * 1024 * 1024;

/// Passwords being checked at the same time: argon2id takes 19 MiB and a core each.
const SIGN_INS_AT_ONCE: usize = 4;

/// Shared by all handlers. Cheap to clone.
pub(crate) type Shared = Arc<House>;

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) ports: DoorPorts,
    pub(crate) config: DoorConfig,
    pub(crate) directory: Directory,
    pub(crate) sockets: Sockets,
    pub(crate) audit: Ledger,
    pub(crate) rights: RightsWatch,
    /// Keys whose use was noted this minute.
    pub(crate) uses: Minutely<KeyId>,
    pub(crate) limits: KeyLimits,
    pub(crate) logins: LoginGate,
    pub(crate) once: Once,
    pub(crate) forgeries: Forgeries,
    pub(crate) strangers: Budget,
    pub(crate) streams: Streams,
    pub(crate) knocks: Semaphore,
    pub(crate) sign_ins: Semaphore,
    origins: BTreeSet<String>,
}

impl House {
    pub(crate) fn new(doors: Doors, sockets: Sockets) -> Self {
        let Doors { engine, ports, config } = doors;
        let listed = config.allowed_origins.iter().filter_map(|text| Url::parse(text).ok());
        let origins = listed.chain(config.public_url.clone()).map(|url| url.origin().ascii_serialization());
        Self {
            origins: origins.collect(),
            directory: Directory::new(ports.people.clone(), ports.numbers.clone()),
            audit: Ledger::new(ports.audit.clone(), ports.clock.clone()),
            rights: RightsWatch::new(ports.sessions.clone()),
            uses: Minutely::default(),
            limits: KeyLimits::new(&config.rates),
            logins: LoginGate::default(),
            once: Once::new(
                ports.claims.clone(),
                ports.calls.clone(),
                ports.clock.clone(),
                ports.ids.clone(),
            ),
            forgeries: Forgeries::default(),
            strangers: Budget::of_bytes(UNPROVED_BYTES),
            streams: Streams::default(),
            knocks: Semaphore::new(KNOCKS_AT_ONCE),
            sign_ins: Semaphore::new(SIGN_INS_AT_ONCE),
            sockets,
            engine,
            ports,
            config,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.ports.clock.now()
    }

    /// Whether a caller may act on a number: test mode reaches simulators only.
    pub(crate) fn reaches(&self, principal: &Principal, number: &BusinessNumber) -> bool {
        !principal.sandbox || self.config.sandbox || number.sandbox
    }

    /// Notes that a key is in use. When that was is not worth refusing its holder for.
    pub(crate) async fn note_use(&self, key: &KeyId) {
        let now = self.now();
        if self.uses.is_first(key, now)
            && let Err(fault) = self.ports.keys.used(key, now).await
        {
            tracing::warn!(key.id = %key, error = %fault, "the use of a key is not noted");
        }
    }

    /// Whether a page of the request's origin may use this server.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> origin::Verdict {
        origin::judge(headers, &self.origins)
    }
}
