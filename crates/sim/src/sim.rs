//! Starting and stopping the simulator.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::SimConfig;
use crate::control::{self, Control};
use crate::events::EventLog;
use crate::graph;
use crate::listener::{CuttingListener, Line};
use crate::webhook::post::{Desk, PostOffice};
use crate::world::World;

/// Requests are small: the largest part is an SDP.
const MAX_BODY: usize = 256 * 1024;
/// How long a stop waits for tasks that were told to end.
const DRAIN: Duration = Duration::from_secs(5);

/// A running simulator. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Why the simulator did not start.
#[derive(Debug, Error)]
pub enum SimError {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {error}")]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The HTTP client for webhooks could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Binds the listener and starts all tasks.
pub async fn start(config: SimConfig) -> Result<Sim, SimError> {
    // Whoever embeds the simulator may have chosen a provider already; that one is kept.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let failed = |error| SimError::Listen { addr: config.listen, error };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        // Meta knocks where it was told to, nowhere else; and loopback needs no proxy.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    let (clock, tasks, stop) = (Clock::start(), TaskTracker::new(), CancellationToken::new());
    let knobs = Arc::new(RwLock::new(config.knobs));
    let events = Arc::new(EventLog::new());
    let desk = Desk::new(
        config.webhook_url,
        config.app_secret,
        client,
        clock,
        tasks.clone(),
        stop.clone(),
        Arc::clone(&knobs),
        Arc::clone(&events),
    );
    let post = PostOffice::open(Arc::new(desk));
    let world = Arc::new(World::new(
        clock,
        config.media_ip,
        config.verify_token,
        config.numbers,
        knobs,
        events,
        post,
        tasks.clone(),
        stop.clone(),
    ));
    let app = Router::new()
        .merge(control::http::routes())
        .merge(graph::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::clone(&world))
        .into_make_service_with_connect_info::<Line>();
    let ending = stop.clone();
    tasks.spawn(async move {
        let server = axum::serve(CuttingListener(listener), app);
        if let Err(error) = server.with_graceful_shutdown(ending.cancelled_owned()).await {
            tracing::error!(%error, "the simulator's listener failed");
        }
    });
    tracing::info!(sim.port = addr.port(), "the simulator of WhatsApp listens");
    Ok(Sim { addr, world, stop, tasks })
}

impl Sim {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The in-process twin of the control API.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.world))
    }

    /// Ends calls, phones and listener, and waits for their tasks.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks of the simulator did not end in time");
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
