//! The plane through its port: real sockets, peers of our own and of other stacks.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod bridge;
mod far_end;
mod gateway;
mod relay;
mod stacks;
