//! The program `offhook` as whoever runs it meets it: exit codes, messages, addresses, files.

#[cfg(test)]
mod program;

#[cfg(test)]
mod accounts;

#[cfg(test)]
mod admin;

#[cfg(test)]
mod configuration;

#[cfg(test)]
mod demo;

#[cfg(test)]
mod lifecycle;

#[cfg(test)]
mod operations;

#[cfg(test)]
mod tls;

#[cfg(test)]
mod bench;
