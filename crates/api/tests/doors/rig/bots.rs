//! Voice bots that are only spoken of.

use async_trait::async_trait;
use axum::extract::ws::WebSocket;
use offhook_api::{BotDoor, Guest, Invited};
use offhook_core::call::table::BotUrl;
use offhook_core::id::{CallId, StreamId, TenantId};
use offhook_core::time::Time;

/// Connects to nobody; invitations are their own text.
pub(crate) struct Kennel;

#[async_trait]
impl BotDoor for Kennel {
    fn judge(&self, url: &str) -> Result<BotUrl, String> {
        let outside = url.starts_with("wss://") && !url.contains("127.0.0.1");
        BotUrl::new(url).filter(|_| outside).ok_or_else(|| "this address is not dialled".to_owned())
    }

    fn secret(&self, tenant: &TenantId) -> String {
        format!("secret of {tenant}")
    }

    fn invite(&self, tenant: &TenantId, call: &CallId, takes_over: bool) -> Invited {
        let guest = self.guest(tenant, call);
        let token = format!("vbi_{tenant}/{call}/{takes_over}");
        Invited { stream: guest.stream, token, expires: Time::from_secs(1_793_611_200) }
    }

    fn admit(&self, token: &str) -> Option<Guest> {
        let parts: Vec<&str> = token.strip_prefix("vbi_")?.split('/').collect();
        let [tenant, call, takes_over] = parts[..] else { return None };
        let guest = self.guest(&TenantId::parse(tenant)?, &CallId::parse(call)?);
        Some(Guest { takes_over: takes_over == "true", ..guest })
    }

    fn guest(&self, tenant: &TenantId, call: &CallId) -> Guest {
        let stream = StreamId::parse("str_00000000000000000000000000000001").unwrap();
        Guest { tenant: tenant.clone(), call: call.clone(), stream, takes_over: false }
    }

    async fn serve(&self, _: Guest, _: WebSocket) {}
}
