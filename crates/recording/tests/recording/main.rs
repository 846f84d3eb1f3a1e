//! What a recording promises, proved from outside: packets in, files out, whatever happens in between.
//!
//! `rig` is the house around a recorder; nothing here looks inside the crate.

#[cfg(test)]
mod bucket;

#[cfg(test)]
mod crash;

#[cfg(test)]
mod decoders;

#[cfg(test)]
mod life;

#[cfg(test)]
mod rig;

#[cfg(test)]
mod sound;

#[cfg(test)]
mod trouble;
