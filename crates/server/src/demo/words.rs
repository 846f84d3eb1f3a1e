//! What the demo says when it is ready.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::seed::Seeded;
use super::{BRIDGED_NUMBER, BRIDGED_PHONE_NUMBER_ID, NUMBER, PHONE_NUMBER_ID, WABA_ID};

/// A running demo.
pub(super) struct Ready<'a> {
    pub(super) seeded: &'a Seeded,
    pub(super) url: String,
    pub(super) sim_url: String,
    pub(super) data: &'a Path,
}

/// A phone that answers after a second and echoes.
const ECHO_PHONE: &str = "+15550200001";

/// The request body the printed curl line sends.
const SAMPLE_CALL: &str = "call.json";

/// An offer that is right in form and has nobody behind it: its candidate is the discard port of an address
/// for documentation (RFC 5737).
const SAMPLE_OFFER: &str = "v=0\r\n\
    o=- 4611731400430051336 2 IN IP4 192.0.2.1\r\n\
    s=-\r\n\
    t=0 0\r\n\
    a=group:BUNDLE 0\r\n\
    a=msid-semantic: WMS sample\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 126\r\n\
    c=IN IP4 192.0.2.1\r\n\
    a=rtcp:9 IN IP4 192.0.2.1\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 9 typ host generation 0\r\n\
    a=ice-ufrag:samp\r\n\
    a=ice-pwd:sampleofferwithoutanybody\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
    a=setup:actpass\r\n\
    a=mid:0\r\n\
    a=sendrecv\r\n\
    a=msid:sample sample-audio\r\n\
    a=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:126 telephone-event/8000\r\n\
    a=ssrc:1001 cname:sample\r\n";

impl Ready<'_> {
    /// For programs.
    pub(super) fn json(&self) -> Value {
        let (seeded, url, sim_url) = (self.seeded, &self.url, &self.sim_url);
        json!({
            "url": url,
            "desk": format!("{url}/"),
            "sim_url": sim_url,
            "control": format!("{sim_url}/"),
            "phone": format!("{sim_url}/phone"),
            "api_key": seeded.api_key,
            "tenant_id": seeded.tenant.id.as_str(),
            "account_id": seeded.tenant.account_id,
            "agents": seeded.seed.agents,
            "bridged_number": {
                "number_id": seeded.numbers[1].as_str(),
                "phone_number_id": BRIDGED_PHONE_NUMBER_ID,
                "waba_id": WABA_ID,
                "display_phone": BRIDGED_NUMBER,
            },
            "number": {
                "number_id": seeded.numbers[0].as_str(),
                "phone_number_id": PHONE_NUMBER_ID,
                "waba_id": WABA_ID,
                "display_phone": NUMBER,
                "channel_id": seeded.numbers[0].uuid().to_string(),
                "d360_api_key": seeded.number_key,
            },
            "app_secret": seeded.seed.app_secret,
            "verify_token": seeded.seed.verify_token,
        })
    }

    /// Writes the body the printed curl line sends.
    pub(super) fn write_sample_call(&self) -> anyhow::Result<()> {
        let body = json!({
            "to": ECHO_PHONE,
            "from_phone_number_id": PHONE_NUMBER_ID,
            "sdp_offer": SAMPLE_OFFER,
        });
        Ok(std::fs::write(self.data.join(SAMPLE_CALL), serde_json::to_vec_pretty(&body)?)?)
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let (url, sim_url) = (&self.url, &self.sim_url);
        let api_key = &self.seeded.api_key;
        let call = self.data.join(SAMPLE_CALL);
        let (account, channel) = (&self.seeded.tenant.account_id, self.seeded.numbers[0].uuid());
        let number_key = &self.seeded.number_key;
        let mut logins = String::new();
        for login in &self.seeded.seed.agents {
            let _ = writeln!(logins, "             {}   {}   ({})", login.email, login.password, login.name);
        }
        format!(
            "
Offhook demo is ready. Nothing here reaches the real WhatsApp.

  Desk       {url}/
             sign in, press \"Go online\", and you can answer and place calls
{logins}
  Phone      {sim_url}/phone
             a WhatsApp user's phone: call {NUMBER}, and the desk rings
  Control    {sim_url}/
             the simulator's buttons, calls and webhooks

  From the desk, call a phone that answers by itself:
             {ECHO_PHONE} echoes, +15550200002 plays a tone, +15550200003 declines;
             any number without such an ending rings the phone page opened for it.

  API key    {api_key}
  List calls:
    curl -H 'X-API-Key: {api_key}' {url}/api/v1/whatsapp/calling/calls
  Place a call with the sample offer in {call}:
    curl -H 'X-API-Key: {api_key}' -H 'Content-Type: application/json' \\
         -d @{call} {url}/api/v1/whatsapp/calling/calls
    It answers 201. The phone picks up after a second; the sample offer has nobody behind it, so no sound
    comes and the call ends after about 20 seconds. Put a browser's offer in its place to hear the echo.

  Vobiz      base URL {url}/api/v1/messaging
             X-Auth-ID {account}, X-Auth-Token is the API key, channel_id {channel}
  360dialog  base URL {url}
             D360-API-KEY {number_key}

  Data is in {data}; delete the folder to start afresh. Ctrl+C stops.",
            call = call.display(),
            data = self.data.display(),
        )
    }
}
