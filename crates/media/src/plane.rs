//! The media plane as the rest of the program sees it: plain data in, plain data out.
//!
//! A [`Plane`] is one UDP port and one or several threads, called shards, that share it. Each has a queue of commands
//! and carries the legs of its calls. Commands go in through a bounded queue, notices come out through
//! another; neither carries anything that could not be written down, so the plane can become a process of its
//! own. Times, sockets and keys stay inside.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};

use crate::clip;
use crate::leg::{Drops, Identity, IdentityError};
use crate::message::{Command, Counters, Notified};
use crate::mix;
use crate::shard::{self, Dropped, MOST_SHARDS, Setup, Shard, SharedCounters, Turns, Wake};

/// Commands under way; a plane this far behind is overloaded, and its callers must know.
const COMMANDS: usize = 4_096;
/// Shards by default at most: these carry ten thousand calls, and each has a second thread for conferences.
const MOST_BY_DEFAULT: usize = 8;
/// Notices under way, before they wait inside the plane.
const NOTICES: usize = 4_096;

/// How a plane is to be run.
#[derive(Debug, Clone)]
pub struct PlaneConfig {
    /// The one UDP port. An unspecified IPv6 address listens for both families.
    pub listen: SocketAddr,
    /// This machine as seen from outside, best first; empty for a specific `listen` address that is it. The port
    /// is the same inside and outside.
    pub external_ips: Vec<IpAddr>,
    /// How often a busy socket is looked at; zero means at once. Less delay costs more of the core.
    pub tick: Duration,
    /// Legs a shard carries at most; more are refused.
    pub max_legs: usize,
    /// Listeners of a shard that hear several legs at once at most, each for about a tenth of a millisecond of a
    /// second core per 20 ms; more are refused.
    pub max_mixes: usize,
    /// Threads that carry sound, at most 32. Zero is one less than there are cores, at least one and at most eight.
    pub shards: usize,
}

impl PlaneConfig {
    /// A plane on `listen` with a quarter of a millisecond between looks.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            external_ips: Vec::new(),
            tick: Duration::from_micros(250),
            max_legs: 4_000,
            max_mixes: 100,
            shards: 0,
        }
    }

    fn shard_count(&self) -> usize {
        if self.shards > 0 {
            return self.shards.min(MOST_SHARDS);
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        cores.saturating_sub(1).clamp(1, MOST_BY_DEFAULT)
    }
}

/// The plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or the system refuses.
    #[error("media port cannot be opened: {0}")]
    Port(#[from] std::io::Error),
    /// No certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No encoder.
    #[error("waiting music cannot be made: {0}")]
    Music(#[from] opus::Error),
    /// Listening everywhere is no address to give to anybody.
    #[error("no address to advertise: state one, or listen on a specific address")]
    NoAddress,
}

/// A command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The plane has no room for another command now.
    #[error("media plane is overloaded")]
    Overloaded,
    /// The thread is gone.
    #[error("media plane has stopped")]
    Stopped,
}

/// A running plane. Dropping it says goodbye to every peer and ends the threads.
pub struct Plane {
    shards: Vec<Running>,
    dropped: Arc<Dropped>,
    local: SocketAddr,
}

/// A shard at work.
struct Running {
    commands: SyncSender<Command>,
    wake: Arc<Wake>,
    counters: Arc<SharedCounters>,
    thread: Option<JoinHandle<()>>,
    mixer: Option<JoinHandle<()>>,
}

impl Plane {
    /// Opens the port and starts the threads.
    ///
    /// # Errors
    /// If the port cannot be had, or there is no address to tell peers.
    pub fn start(config: PlaneConfig) -> Result<(Self, Receiver<Notified>), StartError> {
        let sockets = shard::bind(config.listen, config.shard_count())?;
        let local = sockets[0].local_addr()?;
        let external = config.external_ips.iter().map(|ip| SocketAddr::new(ip.to_canonical(), local.port()));
        let mut addresses: Vec<SocketAddr> = external.collect();
        if addresses.is_empty() {
            if local.ip().is_unspecified() {
                return Err(StartError::NoAddress);
            }
            addresses.push(local);
        }
        let (notices, notified) = channel(NOTICES);
        let identity = Arc::new(Identity::generate()?);
        let music = clip::music()?;
        let wakes: Vec<Arc<Wake>> =
            sockets.iter().map(|_| Ok(Arc::new(Wake::new()?))).collect::<Result<_, std::io::Error>>()?;
        let posts = shard::posts(&wakes);
        let dropped = Arc::new(Dropped::default());
        let turns = Arc::new(Turns::default());
        // Should a thread not start, those before it are ended with this.
        let mut plane = Self { shards: Vec::with_capacity(sockets.len()), dropped: dropped.clone(), local };
        for (n, ((socket, wake), post)) in sockets.into_iter().zip(wakes).zip(posts).enumerate() {
            let (link, desk) = mix::pair();
            let mixer_wake = wake.clone();
            let mixer = std::thread::Builder::new()
                .name(format!("media-mix-{n}"))
                .spawn(move || mix::run(desk, || mixer_wake.wake()))?;
            let setup = Setup {
                identity: identity.clone(),
                addresses: addresses.clone(),
                music: music.clone(),
                notices: notices.clone(),
                max_legs: config.max_legs,
                mixer: link.wakes(mixer.thread().clone()),
                max_mixes: config.max_mixes,
                post,
                dropped: dropped.clone(),
                turns: turns.clone(),
            };
            plane.shards.push(Running::start(n, socket, wake, setup, mixer, config.tick)?);
        }
        tracing::info!(port = local.port(), shards = plane.shards.len(), "media port open");
        Ok((plane, notified))
    }

    /// Asks for something. Returns before it is done.
    ///
    /// # Errors
    /// If the plane is too far behind, or gone.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        let shard = &self.shards[command.leg().shard(self.shards.len())];
        let sent = shard.commands.try_send(command);
        shard.wake.wake();
        sent.map_err(|error| match error {
            TrySendError::Full(_) => SendError::Overloaded,
            TrySendError::Disconnected(_) => SendError::Stopped,
        })
    }

    /// The port as it is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Totals since the start.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for counters in self.by_shard() {
            sum.add(&counters);
        }
        sum
    }

    /// What the legs have dropped since the start, by reason.
    pub fn dropped(&self) -> Drops {
        self.dropped.load()
    }

    /// The same totals, of each thread.
    pub fn by_shard(&self) -> impl Iterator<Item = Counters> {
        self.shards.iter().map(|shard| shard.counters.load())
    }
}

impl Running {
    fn start(
        n: usize,
        socket: UdpSocket,
        wake: Arc<Wake>,
        setup: Setup,
        mixer: JoinHandle<()>,
        tick: Duration,
    ) -> std::io::Result<Self> {
        let (commands, inbox) = sync_channel(COMMANDS);
        let counters = Arc::new(SharedCounters::default());
        let (shard_wake, shard_counters) = (wake.clone(), counters.clone());
        let thread = std::thread::Builder::new().name(format!("media-{n}")).spawn(move || {
            // The socket's batches hold pointers, so the shard is made where it lives.
            let now = tokio::time::Instant::now().into_std();
            match Shard::new(now, socket, setup) {
                Ok(shard) => shard::run(shard, &inbox, &shard_wake, tick, &shard_counters),
                Err(error) => tracing::error!(%error, "media thread could not start"),
            }
        })?;
        Ok(Self { commands, wake, counters, thread: Some(thread), mixer: Some(mixer) })
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for shard in &self.shards {
            shard.wake.stop();
        }
        for shard in &mut self.shards {
            if let Some(thread) = shard.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("media thread had panicked");
            }
            // With the shard its end of the rings has gone, which is what ends the mixer.
            if let Some(mixer) = shard.mixer.take() {
                mixer.thread().unpark();
                if mixer.join().is_err() {
                    tracing::error!("mixing thread had panicked");
                }
            }
        }
    }
}
