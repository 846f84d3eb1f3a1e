//! `offhook sim`: the simulator alone.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use offhook_core::phone::Phone;
use offhook_sim::{Knobs, SimConfig, SimNumber};
use serde_json::json;
use url::Url;

use super::answer;
use crate::config::secret::read_file;
use crate::config::sections::{Log, LogFormat};
use crate::lifecycle::StopSignals;
use crate::{demo, telemetry};

#[derive(Debug, Args)]
pub(super) struct SimFlags {
    /// Address of Graph API, control page and phone page.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address the simulated phones send their sound from.
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    media_ip: IpAddr,
    /// Where webhooks go, such as http://127.0.0.1:8080/webhooks/meta; can be set later on the control page.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<Url>,
    /// File with the secret that signs webhooks; a fresh one is printed when not given.
    #[arg(long, value_name = "F")]
    app_secret_file: Option<PathBuf>,
    /// File with the word of the webhook subscription; a fresh one is printed when not given.
    #[arg(long, value_name = "F")]
    verify_token_file: Option<PathBuf>,
    /// File with the access token of all numbers; a fresh one is printed when not given.
    #[arg(long, value_name = "F")]
    access_token_file: Option<PathBuf>,
    /// A business number, `phone_number_id:waba_id:+E164`; may be given several times.
    #[arg(long = "number", value_name = "NUMBER")]
    numbers: Vec<String>,
    /// Print addresses and secrets as one line of JSON when ready.
    #[arg(long)]
    json: bool,
}

impl SimFlags {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        telemetry::start_logs(&Log { format: LogFormat::Pretty, filter: "info".to_owned() })?;
        let secret = |flag: &str, file: &Option<PathBuf>| match file {
            Some(path) => read_file(flag, path).map_err(|error| anyhow::anyhow!("{error}")),
            None => Ok(demo::password()),
        };
        let app_secret = secret("--app-secret-file", &self.app_secret_file)?;
        let verify_token = secret("--verify-token-file", &self.verify_token_file)?;
        let access_token = secret("--access-token-file", &self.access_token_file)?;
        let usual = || demo::sim_numbers(&access_token);
        let stated =
            self.numbers.iter().map(|text| number(text, &access_token)).collect::<Result<Vec<_>, _>>()?;
        let numbers = if stated.is_empty() { usual() } else { stated };
        let mut signals = StopSignals::listen()?;
        let sim = offhook_sim::start(SimConfig {
            listen: self.listen,
            media_ip: self.media_ip,
            webhook_url: self.webhook_url.clone(),
            app_secret: app_secret.clone(),
            verify_token: verify_token.clone(),
            numbers: numbers.clone(),
            knobs: Knobs::default(),
        })
        .await?;
        let url = format!("http://{}", sim.addr());
        let ready = json!({
            "graph_url": url,
            "control": format!("{url}/"),
            "phone": format!("{url}/phone"),
            "app_secret": app_secret,
            "verify_token": verify_token,
            "access_token": access_token,
            "numbers": numbers,
        });
        answer(self.json, &ready)?;
        signals.next().await;
        tokio::select! {
            () = sim.stop() => Ok(()),
            () = signals.next() => anyhow::bail!("stopped at once by a second signal"),
        }
    }
}

fn number(text: &str, access_token: &str) -> anyhow::Result<SimNumber> {
    let parts: Vec<&str> = text.split(':').collect();
    let [phone_number_id, waba_id, phone] = parts[..] else {
        anyhow::bail!("--number: {text:?} is not phone_number_id:waba_id:+E164");
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    ensure!(digits(phone_number_id) && digits(waba_id), "--number: Meta's ids are digits");
    let phone = Phone::parse(phone).context("--number")?;
    Ok(SimNumber {
        phone_number_id: phone_number_id.to_owned(),
        waba_id: waba_id.to_owned(),
        display_phone: phone.reveal(),
        access_token: access_token.to_owned(),
    })
}
