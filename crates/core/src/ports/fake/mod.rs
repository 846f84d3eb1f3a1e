//! Fakes with memory, for tests of what rests on the ports.
