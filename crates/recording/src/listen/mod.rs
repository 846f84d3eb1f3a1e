//! Listening: sealed chunks in, Ogg/Opus out, a chunk at a time.
//!
//! `weave` turns places on a timeline into packets without gaps, `press` puts packets into Ogg pages, `mix`
//! decodes, adds and encodes, `library` opens a recording and streams it.
//!
//! Invariant: no more of a recording is in memory than a chunk and what became of it.

mod weave;

mod press;

mod mix;

mod library;

pub use library::{Library, ListenFault, Selection, Sound};
