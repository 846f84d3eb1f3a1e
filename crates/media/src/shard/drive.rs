//! The loop of a shard, and how it waits.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::handover::News;
use super::hints::Home;
use super::route::Way;
use super::{Shard, SharedCounters};
use crate::message::Command;

/// Commands taken per turn, so that a flood of them does not hold up sound.
const COMMANDS: usize = 64;
/// Batches taken per turn, so that a flood of datagrams does not hold up time.
const BATCHES: usize = 32;
/// Below this the socket is waited on; above it, it is looked at every tick, which saves a wake-up per datagram.
const BUSY_PER_SECOND: u64 = 500;
/// How often the rate is measured.
const MEASURE: Duration = Duration::from_millis(100);
/// The longest wait, for the sake of notices that did not fit and of the counters.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Wakes a waiting shard, and stops it.
pub(crate) struct Wake {
    pub(super) event: EventFd,
    stop: AtomicBool,
    /// Whether the shard waits, or is about to.
    pub(super) waits: AtomicBool,
}

impl Wake {
    pub(crate) fn new() -> std::io::Result<Self> {
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { event, stop: AtomicBool::new(false), waits: AtomicBool::new(false) })
    }

    pub(crate) fn wake(&self) {
        // Full means the shard has been woken already.
        let _ = self.event.write(1);
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }
}

/// Runs a shard until it is told to stop, or nobody can tell it anything any more.
pub(crate) fn run(
    mut shard: Shard,
    commands: &Receiver<Command>,
    wake: &Wake,
    tick: Duration,
    counters: &Arc<SharedCounters>,
) {
    let mut pace = Pace::new(now());
    while !wake.stop.load(Ordering::Relaxed) {
        pace.count(shard.turn(now, commands));
        counters.store(&shard.counters);
        if pace.is_busy(now()) && !tick.is_zero() {
            std::thread::sleep(tick);
        } else {
            wait(&shard, wake);
        }
    }
    shard.close(now());
}

impl Shard {
    /// One turn of everything: commands, time, datagrams, notices. Returns how many datagrams there were.
    pub(super) fn turn(&mut self, now: impl Fn() -> Instant, commands: &Receiver<Command>) -> usize {
        for command in commands.try_iter().take(COMMANDS) {
            self.command(now(), command);
        }
        self.expire(now());
        self.tell_mixed(now());
        let mut datagrams = 0;
        for _ in 0..BATCHES {
            let received = self.port.receive();
            if received == 0 {
                break;
            }
            // What the others have told before these came.
            self.hear_news();
            let now = now();
            for n in 0..received {
                self.datagram(now, n, Way::Direct);
            }
            // What is queued lies in the buffers the next batch would overwrite.
            self.port.flush();
            self.setup.post.ring();
            datagrams += received;
        }
        self.port.flush();
        if !self.setup.post.is_alone() {
            datagrams += self.fetch_handed_over(now);
        }
        self.pass_on();
        (self.counters.sent, self.counters.send_refused) = self.port.counters();
        let mixer = self.setup.mixer.counters();
        (self.counters.mix_corrupt, self.counters.mix_lost, self.counters.mix_broken) = mixer;
        self.counters.legs = self.legs.len() as u64;
        datagrams
    }
}

impl Shard {
    /// Takes what other shards have received for legs of this one.
    fn fetch_handed_over(&mut self, now: impl Fn() -> Instant) -> usize {
        self.hear_news();
        let mut datagrams = 0;
        for _ in 0..BATCHES {
            let received = self.port.receive_from(|buffer| self.setup.post.fetch(buffer));
            if received == 0 {
                break;
            }
            let now = now();
            for n in 0..received {
                self.datagram(now, n, Way::HandedOver);
            }
            self.port.flush();
            datagrams += received;
        }
        self.setup.post.ring();
        datagrams
    }

    /// Learns which addresses belong to legs of other shards.
    fn hear_news(&mut self) {
        while let Some((shard, news)) = self.setup.post.news() {
            match news {
                News::Joined(address) => self.flows.joined_away(address, shard),
                News::Left(address) => self.flows.left_away(address, shard),
                News::Heard(stream) => {
                    self.hints.remember(stream, Home::Away(shard));
                }
            }
        }
    }
}

/// Waits for a datagram, a command or a deadline.
fn wait(shard: &Shard, wake: &Wake) {
    let until = shard.wheel.next().map_or(LONGEST_WAIT, |at| at.saturating_duration_since(now()));
    let millis = until.min(LONGEST_WAIT).as_micros().div_ceil(1_000) as u16;
    let mut fds =
        [PollFd::new(shard.port.fd(), PollFlags::POLLIN), PollFd::new(wake.event.as_fd(), PollFlags::POLLIN)];
    let is_alone = shard.setup.post.is_alone();
    if !is_alone {
        wake.begin_to_wait();
    }
    if is_alone || !shard.setup.post.has_mail() {
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, PollTimeout::from(millis));
        let _ = wake.event.read();
    }
    if !is_alone {
        wake.has_waited();
    }
}

/// How busy the socket is.
struct Pace {
    since: Instant,
    datagrams: u64,
    busy: bool,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { since: now, datagrams: 0, busy: false }
    }

    fn count(&mut self, datagrams: usize) {
        self.datagrams += datagrams as u64;
    }

    fn is_busy(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= MEASURE {
            self.busy = self.datagrams * 1_000 / elapsed.as_millis() as u64 >= BUSY_PER_SECOND;
            self.datagrams = 0;
            self.since = now;
        }
        self.busy
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
