//! SDP as Meta reads and writes it.
//!
//! `read` takes what WhatsApp needs out of the business's SDP, `check` refuses what Meta refuses, `write` is Meta's
//! own form line by line. Nothing here negotiates: the form of both sides is fixed.

mod check;
mod read;
mod write;

pub(crate) use check::{Kind, check};
pub(crate) use read::{RemoteSdp, Setup, read};
pub(crate) use write::MetaSdp;
