//! Logs and metrics of the process.

use std::io::IsTerminal;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::sections::{Log, LogFormat};

/// Upper bounds of all durations, in seconds: from a store write to Meta's ten-second deadline.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// Libraries whose messages name addresses and ICE passwords.
const INDISCREET: [&str; 5] = ["rtc_ice", "rtc_dtls", "rtc_stun", "rtc_mdns", "rtc_shared"];

/// Starts logging to standard error. Once per process.
///
/// # Errors
/// When a logger is set already.
pub fn start_logs(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.filter).context("log.filter")?;
    for target in INDISCREET {
        filter = filter.add_directive(format!("{target}=off").parse().context("log.filter")?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logs cannot be started: {error}"))
}

/// Starts counting. Once per process.
///
/// # Errors
/// When a recorder is set already.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = builder()?.install_recorder().context("metrics cannot be started")?;
    metrics::gauge!("offhook_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// A page of metrics that counts nothing, for servers started beside another one in a process.
///
/// # Errors
/// Never in practice: the buckets are a constant.
pub fn idle_metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(builder()?.build_recorder().handle())
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?)
}

/// Installs the one TLS provider, before anything speaks TLS.
pub fn install_tls_provider() {
    // A second server in the process finds it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
