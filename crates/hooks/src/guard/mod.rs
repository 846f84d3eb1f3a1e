//! Which addresses of customers may be dialled.
//!
//! A customer's address is judged twice: when it is saved, for a person to read the reason, and each time it
//! is dialled, because names change. The second time the name is resolved once, every address it has is
//! judged, and exactly those are dialled: there is no look-up between the judgement and the connection.
//! Whoever dials follows no redirects and asks no proxy.

mod address;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

pub use address::{Reach, reach};

/// Longest address a customer may name. Longer ones are data, not addresses.
pub const LONGEST_URL: usize = 2048;

/// Most addresses of one name that are looked at. Real names have a handful; a name with hundreds is bait.
const MOST_ADDRESSES: usize = 32;

/// How long a name may take to resolve. Resolvers give up after about as long.
const RESOLVING: Duration = Duration::from_secs(5);

/// How long one address may take to answer a connection.
const CONNECTING: Duration = Duration::from_secs(5);

/// Names that never lead outside, whatever a resolver says of them.
const INSIDE: [&str; 7] = ["localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain"];

/// Why an address is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not an absolute address, or one that different readers read differently.
    #[error("not a plain absolute address")]
    Malformed,
    /// Another scheme than those that may be dialled.
    #[error("the address must begin with {0}")]
    Scheme(&'static str),
    /// A user name or password in it.
    #[error("an address with a user name or password in it is not dialled")]
    Userinfo,
    /// A fragment, which no server ever sees.
    #[error("an address with a fragment is not dialled")]
    Fragment,
    /// A port other services live on.
    #[error("port {0} is not dialled; use 443")]
    Port(u16),
    /// An address of this machine, this network or no network.
    #[error("the address leads into a network that is not the Internet")]
    Inside,
    /// The name has no address now.
    #[error("the name cannot be resolved")]
    Unresolved,
    /// Nobody listens there, or not in time.
    #[error("no connection")]
    Unreachable,
}

/// Looks names up.
#[async_trait]
pub trait Names: Send + Sync {
    /// Every address of a name.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// An address whose text may be dialled; its name is judged when it is resolved.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
}

/// The judge. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    allow_private: bool,
    names: Arc<dyn Names>,
}

impl Guard {
    /// A guard that asks the machine's resolver. With `allow_private` loopback and private networks, plain
    /// text and any port may be dialled; link-local addresses, where clouds keep secrets, never are.
    #[must_use]
    pub fn new(allow_private: bool) -> Self {
        Self::with_names(allow_private, Arc::new(SystemNames))
    }

    /// A guard that looks names up elsewhere.
    #[must_use]
    pub fn with_names(allow_private: bool, names: Arc<dyn Names>) -> Self {
        Self { allow_private, names }
    }

    /// Judges the text of an address of a web server: `https`, and `http` where private targets are allowed.
    ///
    /// # Errors
    /// [`Unfit`], in words for whoever named it.
    pub fn parse(&self, text: &str) -> Result<Target, Unfit> {
        self.judge(text, "https", "http")
    }

    /// Judges the text of an address of a WebSocket: `wss`, and `ws` where private targets are allowed.
    ///
    /// # Errors
    /// [`Unfit`], in words for whoever named it.
    pub fn parse_socket(&self, text: &str) -> Result<Target, Unfit> {
        self.judge(text, "wss", "ws")
    }

    /// The addresses to dial: all the target has, every one of them judged. One that is not fit makes the
    /// target unfit, so that a name cannot smuggle an inside address between outside ones.
    ///
    /// # Errors
    /// [`Unfit::Inside`], or [`Unfit::Unresolved`].
    pub async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, Unfit> {
        let addresses = match &target.host {
            Host::Ipv4(v4) => vec![IpAddr::V4(*v4)],
            Host::Ipv6(v6) => vec![IpAddr::V6(*v6)],
            Host::Domain(name) => self.resolve_name(name).await?,
        };
        self.admit_all(&addresses)?;
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect())
    }

    /// The addresses of a name, every one of them judged.
    ///
    /// # Errors
    /// [`Unfit::Inside`], or [`Unfit::Unresolved`].
    pub async fn resolve_name(&self, name: &str) -> Result<Vec<IpAddr>, Unfit> {
        self.admit_name(name)?;
        let found = timeout(RESOLVING, self.names.lookup(name)).await;
        let mut found = found.map_err(|_| Unfit::Unresolved)?.map_err(|_| Unfit::Unresolved)?;
        if found.is_empty() || found.len() > MOST_ADDRESSES {
            return Err(Unfit::Unresolved);
        }
        found.dedup();
        self.admit_all(&found)?;
        Ok(found)
    }

    /// Resolves, judges and connects, to exactly the addresses that were judged.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn dial(&self, target: &Target) -> Result<TcpStream, Unfit> {
        for address in self.resolve(target).await? {
            if let Ok(Ok(stream)) = timeout(CONNECTING, TcpStream::connect(address)).await {
                return Ok(stream);
            }
        }
        Err(Unfit::Unreachable)
    }

    fn judge(&self, text: &str, safe: &'static str, plain: &'static str) -> Result<Target, Unfit> {
        // Parsers drop these silently and disagree about where.
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
        if text.len() > LONGEST_URL || text.chars().any(odd) {
            return Err(Unfit::Malformed);
        }
        let url = Url::parse(text).map_err(|_| Unfit::Malformed)?;
        let scheme = url.scheme();
        if scheme != safe && !(self.allow_private && scheme == plain) {
            return Err(Unfit::Scheme(safe));
        }
        let rest = text.get(scheme.len()..).and_then(|rest| rest.strip_prefix("://"));
        let rest = rest.ok_or(Unfit::Malformed)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(Unfit::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(Unfit::Fragment);
        }
        let host = url.host().ok_or(Unfit::Malformed)?.to_owned();
        match &host {
            Host::Domain(name) => self.admit_name(name)?,
            Host::Ipv4(v4) => {
                self.admit(IpAddr::V4(*v4))?;
                // `0x7f.1` and the like: whoever means an address writes it plainly.
                let written = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
                if written != v4.to_string() {
                    return Err(Unfit::Malformed);
                }
            }
            Host::Ipv6(v6) => self.admit(IpAddr::V6(*v6))?,
        }
        let port = url.port_or_known_default().ok_or(Unfit::Malformed)?;
        if port == 0 || (port != 443 && !self.allow_private) {
            return Err(Unfit::Port(port));
        }
        Ok(Target { host, port, url })
    }

    fn admit_name(&self, name: &str) -> Result<(), Unfit> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let within = |suffix: &str| {
            name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        // A name without a dot is completed by search lists, which are the network's own business.
        let inside = !name.contains('.') || INSIDE.into_iter().any(within);
        if name.split('.').any(str::is_empty) {
            return Err(Unfit::Malformed);
        }
        if inside && !self.allow_private { Err(Unfit::Inside) } else { Ok(()) }
    }

    fn admit_all(&self, addresses: &[IpAddr]) -> Result<(), Unfit> {
        addresses.iter().try_for_each(|address| self.admit(*address))
    }

    fn admit(&self, address: IpAddr) -> Result<(), Unfit> {
        match reach(address) {
            Reach::Internet => Ok(()),
            Reach::Private if self.allow_private => Ok(()),
            Reach::Private | Reach::Nowhere => Err(Unfit::Inside),
        }
    }
}

impl Target {
    /// The address as it is dialled.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Name or address, for TLS and for the log of the customer's own deliveries.
    #[must_use]
    pub fn host(&self) -> &Host<String> {
        &self.host
    }
}

impl fmt::Debug for Target {
    /// Paths and queries of addresses hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}:{})", self.host, self.port)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
