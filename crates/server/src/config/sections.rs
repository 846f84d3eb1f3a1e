//! The sections of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use offhook_core::recording::ConsentMode;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::secret::{DatabaseUrl, Secret};
use super::section::section;

section! {
    /// Where the server listens and how it is seen from outside.
    Http as "http" {
        /// Address of REST, WebSocket, desk, Meta's webhook and metrics.
        /// An address that is not loopback needs `tls_cert_file` and `tls_key_file`, or `behind_proxy = true`.
        listen: SocketAddr = Some("127.0.0.1:8080");
        /// The address as browsers and Meta see it, such as `https://calls.example.com`.
        /// Pages of its origin may use the API with their session.
        public_url: Option<Url> = None;
        /// Whether a proxy in front of this server terminates TLS.
        /// It allows plain HTTP on an address that is not loopback.
        #[serde(deserialize_with = "super::sections::flag")]
        behind_proxy: bool = Some("false");
        /// Other origins whose pages may open the agents' WebSocket, and use the REST interface with a key of their own.
        /// A list, or one text with commas between the origins.
        #[serde(deserialize_with = "super::sections::list")]
        allowed_origins: Vec<String> = Some("[]");
        /// Proxies in front of this server, as addresses and networks, that are believed when they say in
        /// `X-Forwarded-For` whom they heard. Without any, limits, allow lists and the audit log see the proxy.
        /// A list, or one text with commas.
        #[serde(deserialize_with = "super::sections::list")]
        trusted_proxies: Vec<String> = Some("[]");
        /// Certificate chain in PEM; turns HTTPS on together with `tls_key_file`.
        tls_cert_file: Option<PathBuf> = None;
        /// Private key in PEM.
        tls_key_file: Option<PathBuf> = None;
        /// What a metrics collector sends as `Authorization: Bearer …`.
        /// Without it `/metrics` answers loopback only, and nobody at all with `behind_proxy`.
        metrics_token: Option<Secret> = None;
        /// File with the metrics token.
        metrics_token_file: Option<PathBuf> = None;
        /// How often all keys and people of one company together may ask in a second: 5 to 100000.
        /// One key, or one person, may do a fifth of it, and two fifths at once.
        company_requests_per_second: u32 = Some("100");
    }
}

section! {
    /// What is remembered, and where.
    Database as "database" {
        /// `sqlite:PATH`, or `postgres://user:password@host/name`.
        url: DatabaseUrl = Some("sqlite:offhook.db");
        /// File with the address, so that its password is in no environment and no command line.
        /// It takes the place of `url`.
        url_file: Option<PathBuf> = None;
    }
}

section! {
    /// What protects stored secrets.
    Security as "security" {
        /// The key every stored secret is sealed under: 32 bytes in Base64.
        /// Better kept in a file: see `master_key_file`.
        master_key: Option<Secret> = None;
        /// File with the master key.
        /// Made at first start, mode 0600, when there is no data yet.
        /// Unset, it is the database's path with the ending `.key`, or `offhook.key` with PostgreSQL.
        master_key_file: Option<PathBuf> = None;
    }
}

section! {
    /// The connection to Meta.
    Whatsapp as "whatsapp" {
        /// Address of Meta's Graph API; the simulator's address in development.
        graph_url: Url = Some("https://graph.facebook.com");
        /// Address of a simulator (`offhook sim`), the only one that numbers added with `--sandbox`, and test keys,
        /// reach. When it is the same as `graph_url`, every number is one of the sandbox.
        sandbox_url: Option<Url> = None;
        /// Version of the Graph API.
        api_version: String = Some("v25.0");
        /// The Meta app's secret, which signs webhooks.
        /// Without it every webhook is refused.
        app_secret: Option<Secret> = None;
        /// File with the app secret.
        app_secret_file: Option<PathBuf> = None;
        /// The app secret before the current one, accepted too while it is being rotated at Meta.
        previous_app_secret: Option<Secret> = None;
        /// File with the previous app secret.
        previous_app_secret_file: Option<PathBuf> = None;
        /// The word Meta repeats when the webhook is subscribed.
        /// Without it the subscription is refused.
        verify_token: Option<Secret> = None;
        /// File with the verify token.
        verify_token_file: Option<PathBuf> = None;
        /// Countries whose business numbers place no calls, by their two letters; WhatsApp refuses them too.
        /// A list, or one text with commas. Also read from `WA_CALLING_BLOCKED_COUNTRIES`.
        #[serde(deserialize_with = "super::sections::list")]
        blocked_countries: Vec<String> = Some("US,CA,EG,VN,NG");
        /// What they cannot do: `outbound_only` lets them be called, `enable` does not let calling be turned on.
        blocked_scope: BlockedScope = Some("outbound_only");
    }
}

section! {
    /// The sound of bridged calls.
    Media as "media" {
        /// One UDP port for every call; WhatsApp and the agents' browsers must reach it.
        udp_listen: SocketAddr = Some("0.0.0.0:7882");
        /// This machine's addresses as WhatsApp and browsers see them, best first.
        /// A list, or one text with commas. Unset, the address of the route to the internet is taken.
        #[serde(deserialize_with = "super::sections::list")]
        external_ips: Vec<String> = Some("[]");
        /// Threads that carry sound, all through the one port: 0 to 32. One carries about a thousand calls.
        /// 0 is one less than the machine has cores, at least one and at most eight.
        shards: u32 = Some("0");
        /// Folder of announcements: every `NAME.ogg` (Opus) and `NAME.wav` in it can be played by its name.
        clips_dir: Option<PathBuf> = None;
        /// TURN and STUN servers for agents behind a firewall, such as `turn:turn.example.com`,
        /// `turns:turn.example.com:443?transport=tcp` or `stun:stun.example.com`.
        /// A list, or one text with commas. TURN needs `turn_secret`, or `turn_username` and `turn_password`.
        #[serde(deserialize_with = "super::sections::list")]
        turn_urls: Vec<String> = Some("[]");
        /// The secret that the TURN servers share with this one (coturn's `static-auth-secret`).
        /// Every page gets a name and password of its own, made from it, that expire.
        turn_secret: Option<Secret> = None;
        /// File with the shared secret.
        turn_secret_file: Option<PathBuf> = None;
        /// For how long a name and password made from `turn_secret` are good, in seconds: 60 to 2592000.
        /// Pages that stay open are told fresh ones at half time.
        turn_lifetime_secs: u32 = Some("43200");
        /// The one name all pages use, for TURN servers without a shared secret.
        turn_username: Option<String> = None;
        /// Its password. Every signed-in agent can read it in their browser.
        turn_password: Option<Secret> = None;
        /// File with the password.
        turn_password_file: Option<PathBuf> = None;
    }
}

section! {
    /// How calls are treated: agents who go away from those whose sound the server carries, and whom may be called.
    Calls as "calls" {
        /// Seconds a customer waits with music for an agent whose sound went away.
        agent_wait_secs: u32 = Some("45");
        /// What happens then: `queue` rings everybody who is free, `end` ends the call.
        agent_lost: AgentLost = Some("queue");
        /// Countries whose users may be called, by their two letters; everybody when empty.
        /// A list, or one text with commas. What a stolen key cannot call costs nothing.
        #[serde(deserialize_with = "super::sections::list")]
        allowed_countries: Vec<String> = Some("[]");
        /// Numbers that are never called, in E.164; what ends early stands for all that begin so.
        /// A list, or one text with commas.
        #[serde(deserialize_with = "super::sections::list")]
        denied_numbers: Vec<String> = Some("[]");
        /// Calls a company may place in a minute, all its keys and agents together: 1 to 10000.
        per_minute: u32 = Some("30");
        /// Calls of its own a company may have at the same time: 1 to 10000.
        at_once: u32 = Some("50");
    }
}

section! {
    /// What calls cost.
    Billing as "billing" {
        /// A price list: a CSV file with the columns `prefix_or_country`, `currency`, `per_minute` and `from_date`,
        /// and if wanted `per_pulse` and `direction`. It is read at start; see `docs/billing.md`.
        /// Without one calls have no costs.
        rates_file: Option<PathBuf> = None;
    }
}

section! {
    /// Recordings of calls whose sound the server carries.
    Recordings as "recordings" {
        /// Where they are kept: `file:PATH`, or `s3://bucket/prefix` with credentials from the `AWS_…` environment.
        url: String = Some("file:./recordings");
        /// Folder on a local disk for recordings under way, until they are where `url` says.
        /// Unset, it is the database's path with the ending `.spool`, or `offhook.spool` with PostgreSQL.
        spool_dir: Option<PathBuf> = None;
        /// Days until a recording is deleted: 1 to 3650.
        keep_days: u32 = Some("30");
        /// Whether every such call is recorded from its beginning. Others are when somebody asks for it.
        #[serde(deserialize_with = "super::sections::flag")]
        all: bool = Some("false");
        /// Who is told before a recording begins: `none`, `announce_inbound` or `announce_all`.
        consent: ConsentMode = Some("none");
        /// What they are told: the name of an announcement in `media.clips_dir`.
        notice: Option<String> = None;
    }
}

section! {
    /// Addresses that customers of this server name: of their webhooks and their voice bots.
    Webhooks as "webhooks" {
        /// Whether they may lead to loopback and private networks, in plain text and to any port.
        /// Whoever may make webhooks can then reach what this server reaches. For development;
        /// `offhook demo` turns it on.
        #[serde(deserialize_with = "super::sections::flag")]
        allow_private_targets: bool = Some("false");
    }
}

section! {
    /// What the provider's pages leave open about the Vobiz face.
    Vobiz as "vobiz" {
        /// The word for a call that was answered and is over: `accepted`, as in the provider's only sample, or `terminated`.
        ended_answered_status: EndedAnsweredStatus = Some("accepted");
        /// From when a call's duration counts: `started`, ringing included, as in the provider's only sample, or `answered`.
        duration_basis: DurationBasis = Some("started");
    }
}

section! {
    /// What is written to standard error.
    Log as "log" {
        /// `json` for machines, `pretty` for people.
        format: LogFormat = Some("pretty");
        /// Which messages: a level, or `target=level` pairs with commas between them.
        filter: String = Some("info");
    }
}

/// What happens when an agent does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentLost {
    /// Everybody who is free is rung.
    Queue,
    /// The call ends.
    End,
}

/// What business numbers of blocked countries cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedScope {
    /// Place calls.
    OutboundOnly,
    /// Have calling turned on.
    Enable,
}

/// The word for a call that was answered and is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedAnsweredStatus {
    /// `accepted`
    Accepted,
    /// `terminated`
    Terminated,
}

/// From when a call's duration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationBasis {
    /// From its start.
    Started,
    /// From the pick-up.
    Answered,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Words and colours.
    Pretty,
}

/// A list, or one text with commas: environment variables have no lists.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    let items = match Either::deserialize(deserializer)? {
        Either::List(items) => items,
        Either::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    Ok(items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
}

/// `true` or `false`, also as text: the looser words some parsers take (`on`, `1`) are typing errors here.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Flag(bool),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Flag(flag) => Ok(flag),
        Either::Text(text) => text.parse().map_err(|_| serde::de::Error::custom("expected true or false")),
    }
}
