//! The program `offhook` as whoever runs it meets it: exit codes, messages, addresses, files.

mod program;

mod admin;

mod configuration;

mod demo;

mod lifecycle;

mod operations;
