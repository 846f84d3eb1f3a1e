//! What the two processes tell each other: one JSON object a line, orders in, words out.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the far ends are asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Have so many calls, from now on.
    Plan(Plan),
    /// The carrier's answer to a far end's offer.
    Answer { leg: u64, sdp: String },
    /// Count what is said for so long, and what of it is heard.
    Window { millis: u64 },
    /// Send packets of the floor's own to a port, so many a second, from so many sockets that read as well.
    Floor { port: u16, per_second: u64, sockets: usize },
    /// No more of those.
    FloorOver,
}

/// How many calls there are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Calls alive at a time.
    pub(crate) alive: usize,
    /// Calls being set up at a time.
    pub(crate) at_a_time: usize,
    /// Calls to begin in all; without a number, always as many as are missing.
    pub(crate) total: Option<u64>,
    /// The oldest call ends every so many microseconds; zero ends each as soon as its sides have heard each other.
    pub(crate) end_every_us: Option<u64>,
}

/// What the far ends tell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// A far end's offer. Legs `2n` and `2n + 1` are the sides of call `n`.
    Offer { leg: u64, sdp: String },
    /// A call's far ends are gone.
    Left { call: u64 },
    /// The plan's calls have all begun, and ended if they were to.
    Reached(SetUp),
    /// Counting has begun.
    Begun,
    /// Nothing that counts is said any more.
    Ended,
    /// What came of a window.
    Talked(Talk),
    /// The floor's packets are on their way; where they may be sent back to.
    Floor { ports: Vec<u16> },
    /// The far ends cannot go on.
    Failed { why: String },
}

/// How calls came up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SetUp {
    /// Calls that came up.
    pub calls: u64,
    /// Calls a second, from the first offer to the last call up.
    pub per_second: f64,
    /// From a call's offers to keys on both its far ends, median.
    pub p50_ms: f64,
    /// The same, 99th percentile.
    pub p99_ms: f64,
    /// From a call's offers until each side has heard the other, median.
    pub first_sound_p50_ms: f64,
    /// The same, 99th percentile.
    pub first_sound_p99_ms: f64,
}

/// What was said and heard in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Talk {
    /// Packets sent by far ends of calls whose sides hear each other.
    pub said: u64,
    /// Those of them the other far end received.
    pub heard: u64,
    /// From the far end's send to the kernel's receive stamp on the other far end's socket, median.
    pub p50_ms: f64,
    /// The same, 99th percentile.
    pub p99_ms: f64,
    /// The same, 99.9th percentile.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// How far the far ends themselves fell behind their schedule, at worst.
    pub behind_ms: f64,
}

impl Talk {
    /// Share of what was said that was not heard.
    #[must_use]
    pub fn loss(&self) -> f64 {
        if self.said == 0 { 0.0 } else { 1.0 - self.heard as f64 / self.said as f64 }
    }
}

/// Writes one line.
pub(crate) fn write(out: &mut impl Write, value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(out.flush()?)
}

/// Reads one line; `None` once the other side has closed.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> Result<Option<T>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    serde_json::from_str(&line).context("a line between the processes cannot be read").map(Some)
}
