//! Costumes: each face parses its provider's words, calls the engine, and renders in the same words.

pub(crate) mod orbit;

pub(crate) mod d360;

pub(crate) mod vobiz;
