//! Configuration: what it is, where it comes from, what is wrong with it.
//!
//! Reading order: `section` (how a section is declared), [`sections`], [`secret`], `load` (flags,
//! environment, file, defaults), `turn` (TURN servers and their credentials), `check` (rules between keys), `page` (print and reference).
//!
//! Invariant: a [`Config`] in hand is right. Whatever is wrong is found before a port opens or a file is
//! made, and named by the path of its key.

pub mod section;

pub mod sections;

pub mod secret;

mod load;

pub(crate) mod turn;

mod check;

mod page;

use self::sections::{
    Billing, Calls, Database, Http, Log, Media, Recordings, Security, Vobiz, Webhooks, Whatsapp,
};

pub use check::check;
pub(crate) use check::networks;
pub use load::{Source, load};
pub use page::{print, schema};

/// The whole configuration.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[http]`
    pub http: Http,
    /// `[database]`
    pub database: Database,
    /// `[security]`
    pub security: Security,
    /// `[whatsapp]`
    pub whatsapp: Whatsapp,
    /// `[media]`
    pub media: Media,
    /// `[calls]`
    pub calls: Calls,
    /// `[billing]`
    pub billing: Billing,
    /// `[recordings]`
    pub recordings: Recordings,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[vobiz]`
    pub vobiz: Vobiz,
    /// `[log]`
    pub log: Log,
}

impl Config {
    /// All sections in reading order.
    pub const SECTIONS: [section::SectionInfo; 11] = [
        Http::INFO,
        Database::INFO,
        Security::INFO,
        Whatsapp::INFO,
        Media::INFO,
        Calls::INFO,
        Billing::INFO,
        Recordings::INFO,
        Webhooks::INFO,
        Vobiz::INFO,
        Log::INFO,
    ];
}

/// A configuration the server does not start with. The program ends with code 78 (`EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(String);

impl BadConfig {
    /// With words that name the key.
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
