//! Two legs over an emulated network in virtual time.

mod hostile;
mod network;
mod path;
mod restart;
mod world;
