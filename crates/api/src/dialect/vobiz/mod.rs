//! The Vobiz face (provider-apis.md section 3): how it dresses events, and its webhooks.

pub(crate) mod event;

pub(crate) mod webhooks;
