//! c.
fn main() {}
