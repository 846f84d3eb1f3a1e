//! The doors over a real engine, memory stores and a Meta that does as told.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod recordings;
mod rig;

mod contacts;
#[cfg(test)]
mod contacts_files;

#[cfg(test)]
mod d360_calls;
mod d360_number;
mod d360_webhook;
mod desk;

mod docs;

mod face_names;

mod faces;
mod gates;

mod idempotency;

mod manners;

mod matrix;

mod meta;

mod orbit_answer;
mod orbit_control;

mod orbit_events;

mod orbit_figures;

mod orbit_list;

mod orbit_numbers;
mod orbit_permissions;
mod orbit_place;
mod orbit_switch;

mod orbit_search;

mod orbit_streams;

mod orbit_webhooks;

mod privacy;

mod sandbox;

mod settings_audit;

mod settings_keys;

mod settings_matrix;

mod settings_people;

mod socket_bridge;

mod socket_calls;

mod socket_ice;

mod socket_limits;

mod socket_resume;

mod socket_upgrade;

mod vobiz_calls;

mod vobiz_channels;

mod vobiz_socket;
