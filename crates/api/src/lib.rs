//! Skeleton.
pub mod ws;
