//! The 360dialog face (provider-apis.md section 4): how it dresses events.

pub(crate) mod event;
