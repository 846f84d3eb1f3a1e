//! Phones: the WhatsApp user's side of a call.
//!
//! `peer` is one WebRTC connection in Meta's form on its own UDP port; `sound`, `dtmf` and `heard` are its mouth
//! and ears, `wire` a tap on its socket; `stun` is the one ICE answer the WebRTC stack would not give. `registry` knows which phones outside
//! are connected and `door` is their WebSocket. What a call decides lives in `call`.

pub(crate) mod door;
pub(crate) mod dtmf;
pub(crate) mod heard;
pub(crate) mod peer;
pub(crate) mod registry;
pub(crate) mod sound;
pub(crate) mod spectrum;
pub(crate) mod stun;
pub(crate) mod wire;
