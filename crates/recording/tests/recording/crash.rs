//! A process that dies.
