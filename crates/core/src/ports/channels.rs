//! Business numbers as clients connect, change and disconnect them.

use async_trait::async_trait;

use super::{NewNumber, StoreFault};
use crate::house::BusinessNumber;
use crate::id::{NumberId, TenantId};
use crate::time::Time;

/// The business numbers of tenants with what clients say about them.
#[async_trait]
pub trait Channels: Send + Sync {
    /// A tenant's channels, oldest first, those that were disconnected included: their calls stay.
    async fn channels(&self, tenant: &TenantId) -> Result<Vec<Channel>, StoreFault>;

    /// Connects a number. One that was disconnected comes back as it was, with what is new about it.
    /// [`StoreFault::Exists`] when Meta's id is connected already, or was by another tenant.
    async fn connect(&self, number: NewNumber, notes: ChannelNotes) -> Result<Channel, StoreFault>;

    /// Changes a connected channel. None when the tenant has no such.
    async fn change(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        change: ChannelChange,
    ) -> Result<Option<Channel>, StoreFault>;

    /// Disconnects a channel. Nothing happens at Meta.
    async fn disconnect(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        at: Time,
    ) -> Result<Disconnected, StoreFault>;
}

/// A business number with what clients said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The number.
    pub number: BusinessNumber,
    /// What clients said.
    pub notes: ChannelNotes,
    /// When it was first connected.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it was disconnected.
    pub removed_at: Option<Time>,
}

/// What clients say about a number and nobody here decides by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelNotes {
    /// For people.
    pub display_name: Option<String>,
    /// How it came here, in the words of whoever connected it.
    pub onboarding: Option<String>,
    /// From whom the number is, likewise.
    pub provider: Option<String>,
    /// Its order there, likewise.
    pub order_id: Option<String>,
}

/// What is to be different about a channel; what is absent stays.
#[derive(Clone)]
pub struct ChannelChange {
    /// Meta's new token, to be sealed.
    pub access_token: Option<String>,
    /// For people.
    pub display_name: Option<String>,
    /// When.
    pub at: Time,
}

/// What became of the wish to disconnect a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnected {
    /// It is.
    Done,
    /// The tenant has no such channel.
    Unknown,
    /// There are live calls.
    Busy,
}
