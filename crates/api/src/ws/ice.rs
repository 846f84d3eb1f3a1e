//! The port to STUN and TURN servers: pages are told them, with credentials of their own.
//!
//! What the servers are and how their credentials are made is known to whoever wires the house.

use std::time::Duration;

use offhook_core::id::UserId;
use offhook_core::time::Time;

use super::protocol::IceServer;

/// Knows the STUN and TURN servers of the house.
pub trait IceServers: Send + Sync {
    /// Servers for the pages of one person, with credentials that begin now.
    fn offer(&self, person: &UserId, now: Time) -> IceOffer;
}

/// Servers, and for how long they are good.
#[derive(Debug, Clone, Default)]
pub struct IceOffer {
    /// As browsers take them.
    pub servers: Vec<IceServer>,
    /// When their credentials expire; none when they do not.
    pub good_for: Option<Duration>,
}

impl IceOffer {
    /// When a page should be told fresh ones: at half time, so that whatever a page starts, and a page that
    /// hears of it late, still has hours and not moments.
    pub(super) fn renew_after(&self) -> Option<Duration> {
        self.good_for.map(|span| span / 2)
    }
}
