//! Asking Meta.

use std::fmt;

use async_trait::async_trait;

use crate::call::{Ask, Fault, Reply};
use crate::house::BusinessNumber;
use crate::permission::{Allowance, Told};
use crate::phone::Phone;

/// Sends requests to Meta for a business number.
#[async_trait]
pub trait Asker: Send + Sync {
    /// Sends one request about a call, retrying where a second request cannot place a second call, inside
    /// a deadline of its own of at most ten seconds.
    async fn ask(&self, number: &BusinessNumber, ask: &Ask) -> Result<Reply, Fault>;

    /// Asks a user in chat for the permission to call.
    async fn ask_permission(&self, number: &BusinessNumber, ask: &PermissionAsk) -> Result<(), Fault>;

    /// Asks Meta whether a user may be called, inside three seconds.
    async fn look_up_permission(&self, number: &BusinessNumber, user: &Phone) -> Result<LookedUp, Fault>;

    /// The number's settings at Meta; with SIP passwords only when they are wanted.
    async fn settings(&self, number: &BusinessNumber, secrets: bool) -> Result<Settings, Fault>;

    /// Changes some of the number's settings at Meta.
    async fn change_settings(&self, number: &BusinessNumber, change: &Document) -> Result<(), Fault>;
}

/// A permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionAsk {
    /// The user.
    pub to: Phone,
    /// What to say; Meta's own text when absent.
    pub body: Option<String>,
    /// The template that asks, which may be sent at any time; free form when absent, which needs a message or
    /// call of the user within the last day.
    pub template: Option<Template>,
}

/// An approved template with a request in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its name at Meta.
    pub name: String,
    /// Its language, such as `en_GB`.
    pub language: String,
    /// What stands for `{{1}}`, `{{2}}` … in its body.
    pub parameters: Vec<String>,
}

/// Meta's answer about a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// What the user has granted.
    pub told: Told,
    /// Whether they may be asked; none when that was not said.
    pub ask: Option<Allowance>,
    /// Whether they may be called; none when that was not said.
    pub call: Option<Allowance>,
    /// As Meta said it.
    pub document: Document,
}

/// A number's settings at Meta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether calling is on; absent when it was never set.
    pub calling: Option<bool>,
    /// Whether calls of the number are signalled over SIP, and not by requests and webhooks.
    pub sip: bool,
    /// As Meta said it. May hold a SIP password.
    pub document: Document,
}

/// A JSON document that is passed on as it came. It does not print: it may hold secrets and names people.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(String);

impl Document {
    /// Takes JSON as it is.
    #[must_use]
    pub const fn new(json: String) -> Self {
        Self(json)
    }

    /// The JSON. For the wire only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.0.len())
    }
}
