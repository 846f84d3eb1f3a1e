//! The plane through its port: real sockets, peers of our own and of another stack.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod aiortc;
mod bridge;
mod far_end;
