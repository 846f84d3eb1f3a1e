//! The agents' WebSocket.

pub mod protocol;
#[cfg(test)]
mod typescript;
