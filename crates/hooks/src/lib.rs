//! Carrying to addresses that customers name: guard the address, sign, make one attempt.
//!
//! Reading order: [`guard`] (which addresses may be dialled), [`sign`], [`carrier`] (one attempt).
//! When to try again is decided in `core` and waited for in `engine`.
//!
//! Invariant: no connection leaves here to an address the guard has not judged after resolving it.

pub mod guard;

pub mod sign;

pub mod carrier;
