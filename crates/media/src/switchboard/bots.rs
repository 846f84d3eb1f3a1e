//! Voice bots: their legs are lines, and somebody else carries what goes over them.

use offhook_core::call::table::{BotEnd, Key};
use offhook_core::call::{BotAsk, LegQuality, SoundNews, Voice};
use offhook_core::id::{CallId, StreamId};
use offhook_core::ports::SoundFault;
use tokio::sync::mpsc;

use super::{Switchboard, elsewhere};
use crate::line::{Ear, Mouth, line};
use crate::message::Command;

/// Orders under way: a bot has a handful in its life.
pub(super) const ORDERS: usize = 1_024;

/// Keys and reports under way to one bot.
const NEWS: usize = 64;

/// What is to be done about a call's voice bot. Orders of one bot come in order.
#[derive(Debug)]
pub enum BotOrder {
    /// It is to be connected, or what it should know has changed.
    Ask {
        /// Of which call.
        call: CallId,
        /// What was asked.
        ask: BotAsk,
    },
    /// It is not in the call any more.
    Over {
        /// Which.
        id: StreamId,
        /// Why.
        why: BotEnd,
    },
}

/// A voice bot's place in a call.
#[derive(Debug)]
pub struct BotLine {
    /// What it says.
    pub mouth: Mouth,
    /// What it hears.
    pub ear: Ear,
    /// What it is told of the customer while it hears them. Over when its place is gone.
    pub news: mpsc::Receiver<LineNews>,
}

/// What a voice bot is told of the customer.
#[derive(Debug, Clone, PartialEq)]
pub enum LineNews {
    /// They have pressed a key.
    Pressed {
        /// Which.
        key: Key,
        /// For how long.
        millis: u16,
    },
    /// How well their leg goes.
    Quality(LegQuality),
}

impl Switchboard {
    /// Gives a voice bot that is connected its place in the call.
    ///
    /// # Errors
    /// When it has none (any more), or the plane has no room.
    pub fn plug(&self, call: &CallId, id: &StreamId) -> Result<BotLine, SoundFault> {
        let voice = Voice::Bot(id.clone());
        let (end, mouth, ear) = line().map_err(|_| SoundFault::NoCapacity)?;
        let (sender, news) = mpsc::channel(NEWS);
        {
            let mut wires = self.lock();
            let place = wires.calls.get(call).is_some_and(|line| line.has_place_for(&voice));
            if !place || wires.calls.get(call).is_some_and(|line| line.leg(&voice).is_some()) {
                return Err(elsewhere());
            }
            let leg = wires.seat(call, voice.clone());
            if self.plane.send(Command::AddLine { leg, end }).is_err() {
                wires.unseat(leg);
                return Err(SoundFault::NoCapacity);
            }
            if let Some(line) = wires.calls.get_mut(call) {
                line.is_up(&voice, true);
                line.bot = Some((id.clone(), sender));
            }
            self.tell(call.clone(), SoundNews::BotUp(id.clone()));
        }
        self.rewire(call);
        Ok(BotLine { mouth, ear, news })
    }

    /// A voice bot is not connected any more, or could not be.
    pub fn unplug(&self, call: &CallId, id: &StreamId, why: BotEnd) {
        let mut wires = self.lock();
        let taken = wires.calls.get_mut(call).and_then(|line| {
            line.bot.take_if(|(bot, _)| bot == id);
            line.take(&Voice::Bot(id.clone()))
        });
        if let Some((leg, _)) = taken {
            wires.forget(leg);
            self.send(Command::RemoveLeg { leg });
        }
        self.tell(call.clone(), SoundNews::BotGone(id.clone(), why));
        drop(wires);
        self.rewire(call);
    }

    pub(super) fn ask_bot(&self, call: &CallId, ask: BotAsk) {
        let id = ask.id.clone();
        if self.bots.try_send(BotOrder::Ask { call: call.clone(), ask }).is_err() {
            tracing::error!(stream.id = %id, "nobody is there to connect a voice bot");
            self.tell(call.clone(), SoundNews::BotGone(id, BotEnd::NoCapacity));
        }
    }

    pub(super) fn bot_over(&self, id: StreamId, why: BotEnd) {
        if self.bots.try_send(BotOrder::Over { id: id.clone(), why }).is_err() {
            // Its line is taken away with the scene, which ends it all the same.
            tracing::error!(stream.id = %id, "a voice bot was not told that it is over");
        }
    }
}
