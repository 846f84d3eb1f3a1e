//! Holding the other process.

use std::io::BufReader;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::SyncSender;

use anyhow::{Context, Result};

use crate::order::{self, Order, Word};
use crate::stage::Event;

/// The far ends' process. It ends when this is dropped.
pub(crate) struct FarEnds {
    child: Child,
    orders: Option<ChildStdin>,
}

impl FarEnds {
    /// Starts `command`, which must lead to [`crate::far_ends::run`], and passes on what it says.
    pub(crate) fn start(command: &mut Command, events: SyncSender<Event>) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the far ends' process cannot be started")?;
        let orders = child.stdin.take();
        let words = child.stdout.take().context("the far ends have an output")?;
        std::thread::Builder::new().name("far-words".to_owned()).spawn(move || {
            let mut words = BufReader::new(words);
            // The end of the line is told like everything else.
            loop {
                let event = match order::read::<Word>(&mut words) {
                    Ok(Some(word)) => Event::Word(word),
                    Ok(None) => Event::Word(Word::Failed { why: "their process has ended".to_owned() }),
                    Err(error) => Event::Word(Word::Failed { why: error.to_string() }),
                };
                let is_last = matches!(event, Event::Word(Word::Failed { .. }));
                if events.send(event).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self { child, orders })
    }

    pub(crate) fn order(&mut self, order: &Order) -> Result<()> {
        let orders = self.orders.as_mut().context("the far ends listen")?;
        order::write(orders, order).context("the far ends have stopped listening")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FarEnds {
    fn drop(&mut self) {
        // They end at the end of their orders; whatever keeps them is ended.
        self.orders = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
