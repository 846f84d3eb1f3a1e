//! What the simulator is started with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::knobs::Knobs;

/// Everything `start` needs.
#[derive(Clone)]
pub struct SimConfig {
    /// Graph API, control API and pages, phones: one listener; port 0 picks one.
    pub listen: SocketAddr,
    /// Bound and advertised for the phones' UDP.
    pub media_ip: IpAddr,
    /// Where webhooks go; can be set later through the control API.
    pub webhook_url: Option<Url>,
    /// Signs webhooks.
    pub app_secret: String,
    /// Sent in the subscription handshake.
    pub verify_token: String,
    /// The business numbers that exist.
    pub numbers: Vec<SimNumber>,
    /// Timings and fault switches.
    pub knobs: Knobs,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            media_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            webhook_url: None,
            app_secret: "sim-app-secret".to_owned(),
            verify_token: "sim-verify-token".to_owned(),
            numbers: vec![SimNumber::sample()],
            knobs: Knobs::default(),
        }
    }
}

/// One business number.
#[derive(Clone, Serialize, Deserialize)]
pub struct SimNumber {
    /// Meta's id of the number, the path of Graph requests.
    pub phone_number_id: String,
    /// Meta's id of the business account, `entry[].id` of webhooks.
    pub waba_id: String,
    /// The number itself, `+` and digits.
    pub display_phone: String,
    /// The bearer token that may use it.
    #[serde(skip_serializing, default)]
    pub access_token: String,
}

impl SimNumber {
    /// The number of the samples in the documentation.
    pub fn sample() -> Self {
        Self {
            phone_number_id: "106540352242922".to_owned(),
            waba_id: "102290129340398".to_owned(),
            display_phone: "+15550100200".to_owned(),
            access_token: "sim-access-token".to_owned(),
        }
    }

    /// The number without `+`, as webhooks write it.
    pub(crate) fn digits(&self) -> &str {
        self.display_phone.trim_start_matches('+')
    }
}

// Secrets and phone numbers stay out of whatever prints a configuration.
impl fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimConfig")
            .field("numbers", &self.numbers)
            .field("knobs", &self.knobs)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SimNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNumber").field("phone_number_id", &self.phone_number_id).finish_non_exhaustive()
    }
}
