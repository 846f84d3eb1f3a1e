//! What a run has found out, for people and for programs.

use serde::{Deserialize, Serialize};

pub use crate::machine::Shared;
pub use crate::order::{SetUp, Talk};

/// What `offhook bench media` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Bridged calls carried at a time.
    pub calls: usize,
    /// Threads that carried them.
    pub shards: usize,
    /// How long packets were counted.
    pub seconds: f64,
    /// How often a busy socket was looked at.
    pub tick_us: u64,
    /// How the calls came up.
    pub set_up: SetUp,
    /// What was said, heard, and how late.
    pub talk: Talk,
    /// Share of what was said that was not heard.
    pub loss: f64,
    /// What passed through the plane.
    pub packets: Packets,
    /// What that cost.
    pub cpu: Cpu,
    /// The same work without a plane.
    pub floor: Floor,
    /// What a call holds.
    pub memory: Memory,
    /// What calls that came and went left behind.
    pub churn: Churn,
    /// How the generator fared.
    pub far_ends: Generator,
    /// What shared the machine.
    pub shared: Shared,
}

/// The far ends' process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Of one core, in percent.
    pub core_percent: f64,
    /// Share of their frames they got round to saying. Well below 1, and the run asked less than it says.
    pub kept: f64,
    /// How far they fell behind at worst.
    pub behind_ms: f64,
}

/// Datagrams and packets a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Packets {
    /// Datagrams received a second.
    pub in_per_second: f64,
    /// Datagrams sent a second.
    pub out_per_second: f64,
    /// Packets passed from leg to leg a second.
    pub forwarded_per_second: f64,
    /// Datagrams the system would not take.
    pub refused: u64,
    /// Datagrams a second that came to another thread than their leg's.
    pub handed_over_per_second: f64,
    /// Datagrams that found no room on that way.
    pub handover_lost: u64,
}

/// CPU of the plane's process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// Of one core, in percent.
    pub core_percent: f64,
    /// The same, for one call.
    pub core_percent_per_call: f64,
    /// Microseconds for one packet passed from leg to leg, everything else included.
    pub us_per_packet: f64,
}

/// Receive, open, seal, send.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Microseconds of CPU for one packet; the mean of before and after.
    pub us_per_packet: f64,
    /// Measured before the calls.
    pub before_us: f64,
    /// Measured after them. If these two differ much, others have disturbed the run.
    pub after_us: f64,
    /// The plane's microseconds against this.
    pub ratio: f64,
}

/// Resident memory of the plane's process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Before the first call.
    pub before_kib: u64,
    /// With all calls up and talking.
    pub with_calls_kib: u64,
    /// The difference, for one call.
    pub kib_per_call: f64,
}

/// Calls coming and going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Churn {
    /// How they came up.
    pub set_up: SetUp,
    /// Resident memory after each fifth of them, nobody left.
    pub resident_kib: Vec<u64>,
    /// From the first fifth to the last, for one call. What an allocator keeps shows in the first.
    pub bytes_per_call: f64,
}

impl Report {
    /// The report for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            calls, shards, seconds, tick_us, set_up, talk, packets, cpu, floor, memory, churn, ..
        } = self;
        let marks: Vec<String> = churn.resident_kib.iter().map(u64::to_string).collect();
        let threads = if *shards == 1 { "one thread".to_owned() } else { format!("{shards} threads") };
        let Packets { handed_over_per_second, handover_lost, .. } = packets;
        let handed_over = if *shards == 1 {
            String::new()
        } else {
            format!(", {handed_over_per_second:.0} handed over, {handover_lost} lost on that way")
        };
        format!(
            "{calls} bridged calls, {seconds:.1} s, {threads}, socket looked at every {tick_us} us\n\
             \n\
             packets    {:.0} in, {:.0} out, {:.0} forwarded a second{handed_over}\n\
             delay      p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, worst {:.2} ms\n\
             loss       {:.4} %: said {}, heard {}; refused by the system {}\n\
             cpu        {:.1} % of a core, {:.4} % a call, {:.2} us a forwarded packet\n\
             floor      {:.2} us a packet ({:.2} before, {:.2} after); the plane costs {:.2} times that\n\
             memory     {:.0} KiB a call; {} KiB before, {} KiB with calls\n\
             set-up     {:.0} calls a second; keys p50 {:.0} ms, p99 {:.0} ms; first sound p50 {:.0} ms, p99 {:.0} ms\n\
             churn      {} calls came and went, {:.0} a second; resident after each fifth {} KiB; {:.0} bytes a call\n\
             far ends   {:.1} % of a core, said {:.1} % of their frames, at most {:.1} ms behind\n\
             {}",
            packets.in_per_second,
            packets.out_per_second,
            packets.forwarded_per_second,
            talk.p50_ms,
            talk.p99_ms,
            talk.p999_ms,
            talk.max_ms,
            100.0 * self.loss,
            talk.said,
            talk.heard,
            packets.refused,
            cpu.core_percent,
            cpu.core_percent_per_call,
            cpu.us_per_packet,
            floor.us_per_packet,
            floor.before_us,
            floor.after_us,
            floor.ratio,
            memory.kib_per_call,
            memory.before_kib,
            memory.with_calls_kib,
            set_up.per_second,
            set_up.p50_ms,
            set_up.p99_ms,
            set_up.first_sound_p50_ms,
            set_up.first_sound_p99_ms,
            churn.set_up.calls,
            churn.set_up.per_second,
            marks.join(", "),
            churn.bytes_per_call,
            self.far_ends.core_percent,
            100.0 * self.far_ends.kept,
            self.far_ends.behind_ms,
            self.shared.line(),
        )
    }
}
