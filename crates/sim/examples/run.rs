//! Runs the simulator alone: `cargo run -p offhook-sim --example run -- 127.0.0.1:9100 http://127.0.0.1:8080/webhooks/meta`.
//!
//! It has the business number of the documentation's samples (`106540352242922`, token `sim-access-token`), signs with
//! `sim-app-secret` and verifies with `sim-verify-token`. Open `/` for the control page and `/phone` for a phone.

use std::error::Error;
use std::io::Write;

use offhook_sim::SimConfig;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut config = SimConfig::default();
    if let Some(listen) = args.next() {
        config.listen = listen.parse()?;
    }
    config.webhook_url = args.next().map(|url| url.parse()).transpose()?;
    let sim = offhook_sim::start(config).await?;
    writeln!(std::io::stdout(), "http://{}/", sim.addr())?;
    // Until the process is told to end.
    std::future::pending::<()>().await;
    Ok(())
}
