//! Pretends to be WhatsApp, well and badly.
//!
//! What lives here: Meta's Graph endpoints for calling with their rules, limits and error bodies;
//! signed webhooks; phones with sound; a control page and API that presses the buttons.
//! What does not: any type of the product. The simulator reads Meta's words with code of its own
//! and carries sound with a WebRTC stack of its own, so that the two sides can disagree.
//!
//! The HTTP surface is described in `CONTROL.md`, the phones' WebSocket in `PHONE.md`.

mod call;
mod clock;
mod config;
mod control;
mod events;
mod graph;
mod ids;
mod knobs;
mod listener;
mod magic;
mod permission;
mod phone;
mod sdp;
mod sim;
mod webhook;
mod world;

pub use config::{SimConfig, SimNumber};
pub use control::{
    AnswerOptions, CallDetail, CallList, Consents, Control, ControlError, FaultKind, FaultPlan, GraphRequest,
    GraphRequests, HeardView, PermissionChange, PermissionRequest, PhoneView, PlaceCall, SubscribeReport,
    Webhooks,
};
pub use events::{Event, EventPage};
pub use knobs::{DefaultPermission, DtlsRole, Knobs, KnobsError};
pub use phone::heard::{Gap, Tone, Window};
pub use phone::wire::{WirePacket, WireView};
pub use sim::{Sim, SimError, start};
pub use webhook::log::{WebhookAttempt, WebhookTimes};
