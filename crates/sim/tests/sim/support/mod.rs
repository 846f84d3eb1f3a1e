//! The business side of the tests: a webhook door, a Graph client and a WebRTC peer of its own.

mod business;
mod house;
mod peer;

pub(crate) use house::House;
pub(crate) use peer::{BizPeer, Plan};
