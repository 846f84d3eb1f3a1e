//! Nothing: this package is only tests.
