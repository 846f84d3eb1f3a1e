//! What the engine answers when it cannot do as asked.

use offhook_core::call::{Fault, Refusal};
use offhook_core::dialling::Barred;
use offhook_core::permission::Denied;
use offhook_core::ports::{SoundFault, StoreFault};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The call says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No such call for this tenant.
    #[error("no such call")]
    UnknownCall,
    /// The number belongs to somebody else or nobody.
    #[error("no such number")]
    UnknownNumber,
    /// The house does not let this call be placed.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// The user may not be asked for permission now.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database cannot be used now. A write may or may not have landed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Meta said no, or could not be asked.
    #[error(transparent)]
    Meta(#[from] Fault),
    /// The agent's sound cannot be carried.
    #[error(transparent)]
    Sound(#[from] SoundFault),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}
