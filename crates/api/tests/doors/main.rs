//! The doors over a real engine, memory stores and a Meta that does as told.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod recordings;
mod rig;

mod desk;

mod meta;

mod orbit_control;

mod orbit_events;

mod orbit_list;

mod orbit_numbers;
mod orbit_place;

mod orbit_webhooks;

mod privacy;

mod socket_bridge;

mod socket_calls;

mod socket_ice;

mod socket_limits;

mod socket_resume;

mod socket_upgrade;
