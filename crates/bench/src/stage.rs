//! A carrier and the far ends of its calls, and everything between them.

use std::collections::HashSet;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::carrier::{Carrier, News, Reporter, Traffic};
use crate::child::FarEnds;
use crate::order::{Order, Plan, SetUp, Talk, Word};
use crate::{floor, machine, now};

/// Words and news waiting to be read. Setting up as many calls at a time as may be asked for makes fewer.
const EVENTS: usize = 8_192;
/// Longer than a far end waits before it fails by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// From either side.
pub(crate) enum Event {
    Word(Word),
    News(News),
}

/// The set-up every measurement shares.
pub(crate) struct Stage<C> {
    far_ends: FarEnds,
    carrier: C,
    events: Receiver<Event>,
    /// Legs with keys whose other side has none yet.
    waiting: HashSet<u64>,
    /// Legs the carrier has been given and not relieved of.
    given: HashSet<u64>,
}

/// Two readings around a window.
pub(crate) struct Window {
    pub(crate) talk: Talk,
    pub(crate) seconds: f64,
    pub(crate) traffic: Traffic,
    /// CPU of this process, of the far ends', and of everybody else.
    pub(crate) cpu_ns: u64,
    pub(crate) far_ends_cpu_ns: u64,
    pub(crate) others_cpu_ns: u64,
}

struct Reading {
    at: Instant,
    traffic: Traffic,
    cpu_ns: u64,
    far_ends_cpu_ns: u64,
    busy_ns: u64,
}

impl<C: Carrier> Stage<C> {
    /// Starts both.
    pub(crate) fn start(far_ends: &mut Command, carrier: impl FnOnce(Reporter) -> Result<C>) -> Result<Self> {
        let (sender, events) = sync_channel(EVENTS);
        let carrier = carrier(Reporter(sender.clone()))?;
        let far_ends = FarEnds::start(far_ends, sender)?;
        Ok(Self { far_ends, carrier, events, waiting: HashSet::new(), given: HashSet::new() })
    }

    /// Has the far ends keep to a plan and waits until it is fulfilled.
    pub(crate) fn fulfil(&mut self, plan: Plan) -> Result<SetUp> {
        self.plan(plan)?;
        // Generous to a carrier of ten calls a second, and bounded.
        let calls = plan.total.unwrap_or(plan.alive as u64);
        let until = now() + PATIENCE + Duration::from_millis(100 * calls);
        loop {
            if let Word::Reached(set_up) = self.word(until)? {
                return Ok(set_up);
            }
        }
    }

    /// Has the far ends keep to a plan.
    pub(crate) fn plan(&mut self, plan: Plan) -> Result<()> {
        self.far_ends.order(&Order::Plan(plan))
    }

    /// Has everybody talk for so long.
    pub(crate) fn window(&mut self, duration: Duration) -> Result<Window> {
        self.far_ends.order(&Order::Window { millis: duration.as_millis() as u64 })?;
        let until = now() + duration + PATIENCE;
        let (mut before, mut after) = (None, None);
        loop {
            match self.word(until)? {
                Word::Begun => before = Some(self.reading()?),
                Word::Ended => after = Some(self.reading()?),
                Word::Talked(talk) => {
                    let (before, after) = before.zip(after).context("a window begins and ends")?;
                    return Ok(between(&before, &after, talk));
                }
                _ => {}
            }
        }
    }

    /// Measures the floor at the rate of so many calls; nothing else may be going on.
    pub(crate) fn floor(&mut self, calls: usize, duration: Duration) -> Result<f64> {
        let socket = floor::entrance()?;
        let per_second = FLOOR_AT_LEAST.max(100 * calls as u64);
        let sockets = (2 * calls).clamp(64, FLOOR_SOCKETS);
        self.far_ends.order(&Order::Floor { port: socket.local_addr()?.port(), per_second, sockets })?;
        let ports = loop {
            if let Word::Floor { ports } = self.word(now() + PATIENCE)? {
                break ports;
            }
        };
        let measured = floor::measure(&socket, &ports, duration);
        self.far_ends.order(&Order::FloorOver)?;
        measured
    }

    /// Waits until the carrier has forgotten every call.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let until = now() + PATIENCE;
        while !self.given.is_empty() || self.carrier.traffic().legs > 0 {
            ensure!(now() < until, "{} legs were left behind", self.carrier.traffic().legs);
            match self.events.recv_timeout(Duration::from_millis(10)) {
                Ok(event) => drop(self.react(event)?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("nobody is left"),
            }
        }
        Ok(())
    }

    /// Totals of the carrier.
    pub(crate) fn carrier(&self) -> &C {
        &self.carrier
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.carrier.traffic()
    }

    /// The next word that is not about one call; those are seen to.
    fn word(&mut self, until: Instant) -> Result<Word> {
        loop {
            let left = until.saturating_duration_since(now());
            let event = self.events.recv_timeout(left).context("the far ends have fallen silent")?;
            if let Some(word) = self.react(event)? {
                return Ok(word);
            }
        }
    }

    fn react(&mut self, event: Event) -> Result<Option<Word>> {
        match event {
            Event::Word(Word::Offer { leg, sdp }) => {
                self.given.insert(leg);
                self.carrier.add(leg, sdp)?;
            }
            Event::Word(Word::Left { call }) => {
                for leg in [2 * call, 2 * call + 1] {
                    self.given.remove(&leg);
                    self.waiting.remove(&leg);
                    self.carrier.remove(leg)?;
                }
            }
            Event::Word(Word::Failed { why }) => bail!("far ends: {why}"),
            Event::Word(word) => return Ok(Some(word)),
            Event::News(News::Answer { leg, sdp }) => {
                self.far_ends.order(&Order::Answer { leg, sdp })?;
            }
            Event::News(News::Connected { leg }) => {
                let other = leg ^ 1;
                if self.waiting.remove(&other) {
                    self.carrier.join(leg.min(other), leg.max(other))?;
                } else {
                    self.waiting.insert(leg);
                }
            }
            // A leg may notice that its far end is gone before we have said so.
            Event::News(News::Failed { leg, why }) => {
                ensure!(!self.given.contains(&leg), "the carrier gave up a leg: {why}");
            }
        }
        Ok(None)
    }

    fn reading(&self) -> Result<Reading> {
        Ok(Reading {
            at: now(),
            traffic: self.carrier.traffic(),
            cpu_ns: machine::process_cpu_ns(std::process::id())?,
            far_ends_cpu_ns: machine::process_cpu_ns(self.far_ends.pid())?,
            busy_ns: machine::busy_ns()?,
        })
    }
}

/// Slower than this and every packet wakes the loop, which is not what is compared.
const FLOOR_AT_LEAST: u64 = 20_000;
/// Beyond this the kernel's tables cost no more.
const FLOOR_SOCKETS: usize = 4_096;

/// Frames a far end says a second.
const FRAMES: f64 = 50.0;

impl Window {
    /// Share of what so many calls were to say that was said; less, and the far ends were too slow, not the carrier.
    pub(crate) fn kept(&self, calls: usize) -> f64 {
        self.talk.said as f64 / (2.0 * FRAMES * calls as f64 * self.seconds)
    }
}

fn between(before: &Reading, after: &Reading, talk: Talk) -> Window {
    let cpu_ns = after.cpu_ns.saturating_sub(before.cpu_ns);
    let far_ends_cpu_ns = after.far_ends_cpu_ns.saturating_sub(before.far_ends_cpu_ns);
    let busy = after.busy_ns.saturating_sub(before.busy_ns);
    Window {
        talk,
        seconds: after.at.saturating_duration_since(before.at).as_secs_f64(),
        traffic: Traffic {
            legs: after.traffic.legs,
            received: after.traffic.received - before.traffic.received,
            sent: after.traffic.sent - before.traffic.sent,
            forwarded: after.traffic.forwarded - before.traffic.forwarded,
            refused: after.traffic.refused - before.traffic.refused,
            handed_over: after.traffic.handed_over - before.traffic.handed_over,
            handover_lost: after.traffic.handover_lost - before.traffic.handover_lost,
        },
        cpu_ns,
        far_ends_cpu_ns,
        others_cpu_ns: busy.saturating_sub(cpu_ns + far_ends_cpu_ns),
    }
}
