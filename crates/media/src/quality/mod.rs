//! What one leg heard, in the numbers of RFC 3550, and what a person would say about it.

mod mos;
mod receive;

pub use mos::mos;
pub(crate) use receive::Receive;

/// Quality of one leg at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Packets that never came, over the whole call. Duplicates are not counted against it.
    pub packets_lost: u64,
    /// Share lost since the previous report, 0 to 1.
    pub loss: f64,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: f64,
    /// Share of our packets the peer says it lost since its previous report, 0 to 1.
    pub remote_loss: f64,
    /// Packets of ours the peer says it never got, over the whole call.
    pub remote_lost: u64,
    /// Jitter of our packets where the peer is, in milliseconds.
    pub remote_jitter_ms: f64,
    /// Round trip in milliseconds, once a report has answered one of ours.
    pub rtt_ms: Option<f64>,
    /// Mean opinion score of what we receive, 1 to 4.5.
    pub mos: f64,
    /// Mean opinion score of what the peer receives, by its own reports.
    pub remote_mos: f64,
}
