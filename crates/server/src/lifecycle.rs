//! Starting, serving and stopping one server.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use metrics_exporter_prometheus::PrometheusHandle;
use offhook_api::Sockets;
use offhook_engine::Engine;
use offhook_recording::Recorder;
use offhook_store::{Lease, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::lock::{self, InstanceLock};
use crate::operations::{MetricsGuard, Operations};
use crate::{desk, door, operations, wiring};

/// Longest wait for agents' sockets to close after they were told.
const SOCKETS: Duration = Duration::from_millis(1250);
/// Longest wait for requests in flight.
const REQUESTS: Duration = Duration::from_secs(1);
/// Longest wait for calls' tasks; what they have not committed goes on at the next start.
const ENGINE: Duration = Duration::from_millis(1250);
/// Longest wait for recordings to be on the disk; what is not in storage by then is after the next start.
const RECORDER: Duration = Duration::from_millis(700);
/// Longest wait for the store. Together with the others under five seconds: what supervisors give.
const STORE: Duration = Duration::from_millis(500);
/// How often histograms are folded; they grow without it.
const UPKEEP: Duration = Duration::from_secs(5);

/// A running server.
pub struct Server {
    address: SocketAddr,
    tls: bool,
    engine: Engine,
    store: Store,
    sockets: Sockets,
    recorder: Recorder,
    handle: Handle<SocketAddr>,
    stopping: Arc<AtomicBool>,
    halt: CancellationToken,
    /// Why it cannot go on, when that is not for the listening socket.
    failure: Arc<OnceLock<&'static str>>,
    /// Cancelled when no call has sound any more.
    quiet: CancellationToken,
    scribe: JoinHandle<()>,
    tasks: TaskTracker,
    _lock: Option<InstanceLock>,
    lease: Option<Arc<Lease>>,
}

impl Server {
    /// Starts everything on a listening socket from [`crate::door::bind`]. Returns when requests are served.
    ///
    /// # Errors
    /// In words for the person who starts the program; nothing runs on then.
    pub async fn start(
        config: &Config,
        listener: TcpListener,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let tls = door::tls(&config.http).await?;
        let lock = config.database.url.sqlite_path().map(InstanceLock::take).transpose()?;
        let lease = Lease::take(config.database.url.expose(), &lock::holder()).await?.map(Arc::new);
        let memory = wiring::open_memory(config).await?;
        let store = memory.store.clone();
        let quiet = CancellationToken::new();
        let house = match wiring::build(config, &memory, quiet.clone()).await {
            Ok(house) => house,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let pages = operations::router(Operations {
            store: store.clone(),
            engine: house.engine.clone(),
            sound: house.sound,
            stopping: stopping.clone(),
            metrics: metrics.clone(),
            metrics_guard: guard(config),
        });
        let router = door::shared(house.doors.merge(pages).merge(desk::router()));
        let tasks = TaskTracker::new();
        // Not halted with the doors: calls that end with the server still have sound to bring to their recordings.
        let (listen, silence) = (house.listen, quiet.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = listen => {}
                () = silence.cancelled() => {}
            }
        });
        let scribe = tasks.spawn(house.scribe);
        tasks.spawn(house.voice);
        let server = Self {
            address,
            tls: tls.is_some(),
            engine: house.engine,
            store,
            sockets: house.sockets,
            recorder: house.recorder,
            handle: Handle::new(),
            stopping,
            halt: CancellationToken::new(),
            failure: Arc::default(),
            quiet,
            scribe,
            tasks,
            _lock: lock,
            lease,
        };
        server.keep_metrics(metrics);
        if let Some(lease) = server.lease.clone() {
            let (halt, quiet, why) = (server.halt.clone(), server.quiet.clone(), server.failure.clone());
            server.tasks.spawn(async move {
                tokio::select! {
                    () = lease.lost() => {
                        let _ = why.set("another server has taken the database");
                        halt.cancel();
                    }
                    () = quiet.cancelled() => {}
                }
            });
        }
        let (handle, halt) = (server.handle.clone(), server.halt.clone());
        server.tasks.spawn(async move {
            if let Err(error) = door::serve(tls, listener, handle, router).await {
                tracing::error!(error = %error, "the listening socket failed");
            }
            halt.cancel();
        });
        let open = tokio::select! {
            open = server.handle.listening() => open.is_some(),
            _ = server.failed() => false,
        };
        if !open {
            server.stop().await;
            anyhow::bail!("the listening socket did not open; the log says why");
        }
        tracing::info!(http.port = address.port(), http.tls = server.tls, "server ready");
        Ok(server)
    }

    /// What makes things happen in it, for benches.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Resolves when it cannot go on, with the reason: the listening socket failed, or another server has the
    /// database.
    pub async fn failed(&self) -> &'static str {
        self.halt.cancelled().await;
        self.failure.get().copied().unwrap_or("the listening socket failed")
    }

    /// Stops in order: readiness turns red, agents are told to come back, requests in flight end, calls stay
    /// as their records say, the database closes. Under five seconds whatever hangs.
    pub async fn stop(self) {
        tracing::info!(calls.live = self.engine.live_calls(), "server stopping");
        self.stopping.store(true, Ordering::Release);
        let late = |what: &'static str| tracing::warn!(part = what, "did not stop in time");
        if timeout(SOCKETS, self.sockets.goaway()).await.is_err() {
            late("sockets");
        }
        self.handle.graceful_shutdown(Some(REQUESTS));
        if timeout(ENGINE, self.engine.stop()).await.is_err() {
            late("engine");
        }
        self.quiet.cancel();
        let recorded = async {
            // A scribe that failed has nothing more to hand over.
            let _ = self.scribe.await;
            self.recorder.close().await;
        };
        if timeout(RECORDER, recorded).await.is_err() {
            late("recorder");
        }
        self.halt.cancel();
        self.tasks.close();
        if timeout(REQUESTS + Duration::from_millis(200), self.tasks.wait()).await.is_err() {
            late("requests");
        }
        let remembered = async {
            self.store.close().await;
            if let Some(lease) = &self.lease {
                lease.release().await;
            }
        };
        if timeout(STORE, remembered).await.is_err() {
            late("store");
        }
        tracing::info!("server stopped");
    }

    fn keep_metrics(&self, metrics: PrometheusHandle) {
        let halt = self.halt.clone();
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                tokio::select! {
                    () = halt.cancelled() => return,
                    _ = ticks.tick() => metrics.run_upkeep(),
                }
            }
        });
    }
}

fn guard(config: &Config) -> MetricsGuard {
    match &config.http.metrics_token {
        Some(token) => MetricsGuard::Token(token.clone()),
        None if config.http.behind_proxy => MetricsGuard::Closed,
        None => MetricsGuard::Loopback,
    }
}

/// The two signals that ask a server to stop.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs until a signal or a failure, then stops; a second signal ends at once.
///
/// # Errors
/// Why the server could not go on, or that the second signal came.
pub async fn run_until_stopped(
    server: Server,
    mut signals: StopSignals,
    also: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let failed = tokio::select! {
        () = signals.next() => None,
        why = server.failed() => Some(why),
    };
    let orderly = async {
        server.stop().await;
        also.await;
    };
    tokio::select! {
        () = orderly => if let Some(why) = failed { anyhow::bail!(why) },
        () = signals.next() => anyhow::bail!("stopped at once by a second signal"),
    }
    Ok(())
}
