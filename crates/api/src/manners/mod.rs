//! What every door does alike: bodies with limits, origins, sessions, rights, rate limits, times.
//!
//! No provider's word lives here, and no path.

pub(crate) mod moment;

pub(crate) mod random;

pub(crate) mod body;

pub(crate) mod origin;

pub(crate) mod cors;

pub(crate) mod directory;

pub(crate) mod principal;

pub(crate) mod session;

pub(crate) mod trace;

pub(crate) mod audit;

pub(crate) mod minutely;

pub(crate) mod place;

pub(crate) mod limits;

pub(crate) mod once;

pub(crate) mod sheet;

pub(crate) mod emergency;
