//! The program `offhook`: configuration, wiring, lifecycle, telemetry, the embedded desk, the command line.
//!
//! Reading order: [`config`], [`clock`], [`lock`], [`telemetry`], `desk`, `operations`, [`door`], `sound`, `turn`, `bots`, `rates`, [`wiring`],
//! [`lifecycle`], `demo`, `bench`, [`cli`].
//!
//! What does not live here: decisions about calls, SQL, a provider's words.

pub mod config;

pub mod clock;

pub mod lock;

pub mod telemetry;

mod desk;

mod operations;

pub mod door;

mod bots;

mod ready;

mod scribe;
mod sound;

mod turn;

mod rates;

pub mod wiring;

pub mod lifecycle;

mod demo;

mod bench;

pub mod cli;
