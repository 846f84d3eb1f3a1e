//! Asking Meta.

use async_trait::async_trait;

use crate::call::{Ask, Fault, Reply};
use crate::house::BusinessNumber;
use crate::phone::Phone;

/// Sends requests to Meta for a business number.
#[async_trait]
pub trait Asker: Send + Sync {
    /// Sends one request about a call, retrying where a second request cannot place a second call, inside
    /// a deadline of its own of at most ten seconds.
    async fn ask(&self, number: &BusinessNumber, ask: &Ask) -> Result<Reply, Fault>;

    /// Asks a user in chat for the permission to call.
    async fn ask_permission(&self, number: &BusinessNumber, ask: &PermissionAsk) -> Result<(), Fault>;
}

/// A permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionAsk {
    /// The user.
    pub to: Phone,
    /// What to say; Meta's own text when absent.
    pub body: Option<String>,
}
