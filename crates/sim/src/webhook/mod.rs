//! Meta's knocks on the business's door.
//!
//! `body` writes the shapes, `json` writes them in Meta's bytes, `sign` signs those bytes, `schedule` decides when
//! each copy leaves and `post` delivers with retries. Nothing here decides about calls.

pub(crate) mod body;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod post;
pub(crate) mod schedule;
pub(crate) mod sign;
