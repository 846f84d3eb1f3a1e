//! `offhook serve`.

use clap::Args;

use super::ConfigFlags;
use crate::config::load;
use crate::lifecycle::{Server, StopSignals, run_until_stopped};
use crate::{door, telemetry};

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: ConfigFlags,
    /// Address to listen on, in place of `http.listen`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = load(&self.flags.source().flag("http.listen", self.listen))?;
        telemetry::start_logs(&config.log)?;
        let metrics = telemetry::start_metrics()?;
        if config.whatsapp.app_secret.is_none() || config.whatsapp.verify_token.is_none() {
            tracing::warn!("whatsapp.app_secret or whatsapp.verify_token is not set: webhooks are refused");
        }
        let signals = StopSignals::listen()?;
        let listener = door::bind(config.http.listen)?;
        let server = Server::start(&config, listener, metrics).await?;
        run_until_stopped(server, signals, std::future::ready(())).await
    }
}
