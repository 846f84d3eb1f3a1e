//! Behaviour of the house, through public doors only: the real binary, real browsers, other people's
//! WebRTC stacks, the simulator. Nothing here sees a private item.

#[cfg(test)]
mod stage;

#[cfg(test)]
mod agent;

#[cfg(test)]
mod bench;

#[cfg(test)]
mod bots;

#[cfg(test)]
mod bridge;

#[cfg(test)]
mod bridge_crash;

#[cfg(test)]
mod browser;

#[cfg(test)]
mod contacts_samples;

#[cfg(test)]
mod crash;

#[cfg(test)]
mod customer;

#[cfg(test)]
mod demo;

#[cfg(test)]
mod documented;

#[cfg(test)]
mod doors;

#[cfg(test)]
mod erasure;

#[cfg(test)]
mod events;

#[cfg(test)]
mod faces;

#[cfg(test)]
mod hooks;

#[cfg(test)]
mod once;

#[cfg(test)]
mod peers;

#[cfg(test)]
mod permissions;

#[cfg(test)]
mod recordings;

#[cfg(test)]
mod rest;

// The contract suite of `store` starts the same throw-away server.
#[cfg(test)]
#[expect(dead_code, reason = "the contract suite restarts the server, these tests do not")]
#[path = "../../crates/store/tests/postgres/mod.rs"]
mod postgres;

#[cfg(test)]
mod privacy;

#[cfg(test)]
mod samples;

#[cfg(test)]
mod server;

#[cfg(test)]
mod three_faces;

#[cfg(test)]
mod tidy;

#[cfg(test)]
mod turn;
