//! Time and ids.

use uuid::Uuid;

use crate::time::Time;

/// The house's clock. Adapters advance monotonically from the wall time at start, so that a step of the
/// system clock neither shortens nor lengthens a wait.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// A new version 7 UUID.
    fn next(&self) -> Uuid;
}
