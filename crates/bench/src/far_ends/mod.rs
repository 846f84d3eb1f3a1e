//! The other process: the far ends of all calls, in one loop of a millisecond.
//!
//! A call that is up is served once every 20 ms, a twentieth of all calls at a time, so that packets come evenly;
//! a call coming up is served every turn. Delay does not depend on when the loop gets round to reading: it is the
//! kernel's receive stamp against the stamp in the packet.

mod crowd;
mod end;
mod feed;
mod voice;

use std::sync::mpsc::{TryRecvError, sync_channel};
use std::time::Duration;

use anyhow::Result;

use crate::machine::allow_files;
use crate::now;
use crate::order::{self, Order, Word};

use crowd::Crowd;
use feed::Feed;

/// The loop's step, and a twentieth of Opus' frame.
const TURN: Duration = Duration::from_millis(1);
/// Orders waiting to be read; answers come for as many calls as are being set up at a time.
const ORDERS: usize = 1_024;

/// Plays far ends as told on standard input, and tells on standard output, until the input ends.
///
/// # Errors
/// Only if standard output is gone: everything else is told there.
pub fn run() -> Result<()> {
    let (sender, orders) = sync_channel(ORDERS);
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(order)) = order::read::<Order>(&mut input) {
            if sender.send(order).is_err() {
                return;
            }
        }
    })?;
    let mut out = std::io::stdout().lock();
    let mut serve = || -> Result<()> {
        allow_files()?;
        let mut crowd = Crowd::new()?;
        let mut feed: Option<Feed> = None;
        let mut due = now();
        loop {
            loop {
                match orders.try_recv() {
                    Ok(Order::Floor { port, per_second, sockets }) => {
                        let started = Feed::start(port, per_second, sockets)?;
                        order::write(&mut out, &Word::Floor { ports: started.ports()? })?;
                        feed = Some(started);
                    }
                    Ok(Order::FloorOver) => feed = None,
                    Ok(Order::Plan(plan)) => crowd.plan(plan),
                    Ok(Order::Answer { leg, sdp }) => crowd.answer(leg, &sdp)?,
                    Ok(Order::Window { millis }) => crowd.count_for(Duration::from_millis(millis)),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            crowd.turn()?;
            if let Some(feed) = &mut feed {
                feed.turn()?;
            }
            for word in crowd.words() {
                order::write(&mut out, &word)?;
            }
            due += TURN;
            let late = now().saturating_duration_since(due);
            crowd.was_late(late);
            if late.is_zero() {
                std::thread::sleep(due.saturating_duration_since(now()));
            } else if late > Duration::from_millis(100) {
                // What was missed stays missed: nobody says five frames at once.
                due = now();
            }
        }
    };
    let served = serve();
    if let Err(error) = served {
        order::write(&mut out, &Word::Failed { why: format!("{error:#}") })?;
    }
    Ok(())
}
