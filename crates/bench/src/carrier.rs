//! What is measured: something that joins two WebRTC peers into a call.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use anyhow::{Context, Result};
use offhook_core::sdp::Sdp;
use offhook_media::{
    Command, Description, Hearing, LegId, LegNotice, LegOptions, Plane, PlaneConfig, SendError,
};

use crate::stage::Event;

/// Something that carries calls.
pub trait Carrier {
    /// Takes a far end's offer; [`News::Answer`] and [`News::Connected`] follow.
    ///
    /// # Errors
    /// If it cannot go on.
    fn add(&mut self, leg: u64, offer: String) -> Result<()>;

    /// Lets two connected legs hear each other.
    ///
    /// # Errors
    /// If it cannot go on.
    fn join(&mut self, a: u64, b: u64) -> Result<()>;

    /// Forgets a leg whose far end is gone.
    ///
    /// # Errors
    /// If it cannot go on.
    fn remove(&mut self, leg: u64) -> Result<()>;

    /// Totals since the start.
    fn traffic(&self) -> Traffic;
}

/// What a carrier has to tell.
#[derive(Debug)]
pub enum News {
    /// Its answer to a far end's offer.
    Answer {
        /// Whose.
        leg: u64,
        /// The description.
        sdp: String,
    },
    /// A leg has keys.
    Connected {
        /// Which.
        leg: u64,
    },
    /// A leg is over.
    Failed {
        /// Which.
        leg: u64,
        /// Why.
        why: String,
    },
}

/// Takes a carrier's news from any thread.
#[derive(Clone)]
pub struct Reporter(pub(crate) SyncSender<Event>);

impl Reporter {
    /// Passes something on; false once nobody listens.
    #[must_use]
    pub fn tell(&self, news: News) -> bool {
        self.0.send(Event::News(news)).is_ok()
    }
}

/// Totals of a carrier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Legs carried now.
    pub legs: u64,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Packets passed from leg to leg.
    pub forwarded: u64,
    /// Datagrams the system would not take.
    pub refused: u64,
    /// Datagrams that came to another thread than their leg's and were passed over.
    pub handed_over: u64,
    /// Datagrams that found no room on that way.
    pub handover_lost: u64,
}

/// The product's media plane.
pub struct OurPlane {
    plane: Plane,
}

impl OurPlane {
    /// Starts a plane of so many threads on loopback for so many calls at a time.
    ///
    /// # Errors
    /// If the plane cannot start.
    pub fn start(calls: usize, shards: usize, tick: Duration, reporter: Reporter) -> Result<Self> {
        let mut config = PlaneConfig::new("127.0.0.1:0".parse()?);
        config.tick = tick;
        config.shards = shards;
        // Calls that leave are removed a moment after their successors have come.
        config.max_legs = 2 * calls + 256;
        let (plane, mut notices) = Plane::start(config)?;
        std::thread::Builder::new().name("notices".to_owned()).spawn(move || {
            while let Some(notified) = notices.blocking_recv() {
                let leg = number(notified.leg);
                let news = match notified.notice {
                    LegNotice::LocalDescription { sdp } => News::Answer { leg, sdp: sdp.as_str().to_owned() },
                    LegNotice::DtlsConnected { .. } => News::Connected { leg },
                    LegNotice::Failed { reason } => News::Failed { leg, why: reason.code().to_owned() },
                    // How a leg fares is counted at its far end.
                    _ => continue,
                };
                if !reporter.tell(news) {
                    return;
                }
            }
        })?;
        Ok(Self { plane })
    }

    /// Its threads.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.plane.by_shard().count()
    }

    /// A plane that is behind is asked again: setting up calls faster than it can is the bench's own doing.
    fn send(&self, command: impl Fn() -> Command) -> Result<()> {
        let until = crate::now() + Duration::from_secs(5);
        loop {
            match self.plane.send(command()) {
                Err(SendError::Overloaded) if crate::now() < until => {
                    std::thread::sleep(Duration::from_millis(1))
                }
                sent => return sent.context("the plane does not take commands"),
            }
        }
    }
}

/// The plane's name of a leg: `2n` and `2n + 1` are the sides of call `n`.
fn name(leg: u64) -> LegId {
    LegId::of_call((leg / 2) as u32, (leg % 2) as u32)
}

fn number(leg: LegId) -> u64 {
    2 * (leg.0 >> 32) + (leg.0 & 1)
}

impl Carrier for OurPlane {
    fn add(&mut self, leg: u64, offer: String) -> Result<()> {
        let options = LegOptions { hold_rtp: false, allow_private: true };
        let offer = Sdp::new(offer);
        self.send(|| {
            let description = Description::Answer { offer: offer.clone() };
            Command::AddLeg { leg: name(leg), options, description }
        })
    }

    fn join(&mut self, a: u64, b: u64) -> Result<()> {
        let hear = |leg, other| Command::Hear { leg: name(leg), what: Hearing::Legs(vec![name(other)]) };
        self.send(|| hear(a, b))?;
        self.send(|| hear(b, a))
    }

    fn remove(&mut self, leg: u64) -> Result<()> {
        self.send(|| Command::RemoveLeg { leg: name(leg) })
    }

    fn traffic(&self) -> Traffic {
        let counters = self.plane.counters();
        Traffic {
            legs: counters.legs,
            received: counters.received,
            sent: counters.sent,
            forwarded: counters.forwarded,
            refused: counters.send_refused,
            handed_over: counters.handed_over,
            handover_lost: counters.handover_lost,
        }
    }
}
