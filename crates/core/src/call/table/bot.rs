//! Voice bots: programs that talk with the customer, alone or beside people.
//!
//! A bot that owns the conversation has it as a person would: it talks until somebody takes the call from it. When
//! it goes by itself or cannot be reached, everybody who is free rings; only [`BotWish::HangUp`] ends the call.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::ask::Ask;
use super::super::end::EndReason;
use super::super::machine::{Call, Output, Phase};
use super::super::refusal::Refusal;
use super::super::sound::SoundAsk;
use super::{Key, Purpose, Seek, Target};
use crate::event::{CallEvent, Leaving, Silence};
use crate::id::StreamId;
use crate::time::Time;

/// Most bots one call has in its life: each is named in its record, which is written at every change.
const MOST_BOTS: usize = 32;

/// A voice bot at a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bot {
    /// Its connection's name.
    pub id: StreamId,
    /// Where it is connected to; none for one that connects to us.
    pub url: Option<BotUrl>,
    /// Whether it has the conversation, rather than taking part in somebody's.
    pub owns: bool,
}

/// What a record keeps of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotRecord {
    /// Its connection's name.
    pub id: StreamId,
    /// When it was asked for.
    pub asked_at: Time,
    /// When it left.
    pub ended_at: Option<Time>,
    /// Why.
    pub end: Option<BotEnd>,
}

/// Why a voice bot is not in a call any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotEnd {
    /// No connection to it came about in time.
    Unreachable,
    /// Its address is one that is not connected to.
    Forbidden,
    /// It did not want the connection, or does not speak the protocol.
    Refused,
    /// It closed the connection.
    Left,
    /// The connection broke.
    Broke,
    /// It answered nothing for too long.
    Stalled,
    /// It sent what the protocol does not allow.
    Violation,
    /// This server has no room for it.
    NoCapacity,
    /// Somebody took the call from it, as was asked for.
    HandedOff,
    /// A supervisor took the call over.
    TakenOver,
    /// Another bot came in its place.
    Replaced,
    /// It was taken out of the call.
    Removed,
    /// It hung up.
    HungUp,
    /// The call ended.
    CallOver,
}

impl BotEnd {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Refused => "refused",
            Self::Left => "left",
            Self::Broke => "broke",
            Self::Stalled => "stalled",
            Self::Violation => "violation",
            Self::NoCapacity => "no_capacity",
            Self::HandedOff => "handed_off",
            Self::TakenOver => "taken_over",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::HungUp => "hung_up",
            Self::CallOver => "call_over",
        }
    }
}

/// What a voice bot may want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BotWish {
    /// Somebody is to take the call from it.
    HandOff(Target),
    /// Nobody is looked for any more.
    Stay,
    /// Keys are pressed for the customer's side to hear.
    Press(Vec<Key>),
    /// The call ends.
    HangUp,
}

/// A voice bot's address. It may carry a secret of the customer's, so it does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BotUrl(String);

impl BotUrl {
    /// Longest address taken.
    pub const MAX_LEN: usize = 2_048;

    /// Takes a WebSocket address as it is; whether it may be connected to is for others to say.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_socket = text.starts_with("wss://") || text.starts_with("ws://");
        (is_socket && text.len() <= Self::MAX_LEN).then_some(Self(text))
    }

    /// The address. Not for logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BotUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wss://…")
    }
}

impl Call {
    /// Whether a voice bot has the conversation.
    pub(in super::super) fn bot_owns(&self) -> bool {
        self.record.facts.table.bot.as_ref().is_some_and(|bot| bot.owns)
    }

    pub(super) fn permit_new_bot(&self, id: &StreamId, takes_over: bool) -> Result<(), Refusal> {
        match &self.record.facts.table.bot {
            // An invitation is good for one connection.
            _ if self.record.facts.bots.iter().any(|known| known.id == *id) => Err(Refusal::NoBot),
            _ if self.record.facts.bots.len() >= MOST_BOTS => Err(Refusal::CallFull),
            Some(_) if !takes_over => Err(Refusal::BotThere),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a bot's wish can be carried out: it must be the one in the call.
    pub(in super::super) fn permit_bot(&self, id: &StreamId, wish: &BotWish) -> Result<(), Refusal> {
        let table = &self.record.facts.table;
        let bot = table.bot.as_ref().filter(|bot| bot.id == *id).ok_or(Refusal::NoBot)?;
        if !matches!(self.phase, Phase::Talking { .. }) {
            return Err(Refusal::NotTalking);
        }
        match wish {
            BotWish::HandOff(_) | BotWish::HangUp if !bot.owns => Err(Refusal::NotYours),
            BotWish::HandOff(_) if table.seek.is_some() => Err(Refusal::AlreadySeeking),
            BotWish::Stay if !bot.owns || table.seek.is_none() => Err(Refusal::NotConsulting),
            BotWish::HandOff(_) | BotWish::HangUp | BotWish::Stay | BotWish::Press(_) => Ok(()),
        }
    }

    pub(in super::super) fn obey_bot(
        &mut self,
        now: Time,
        wish: BotWish,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        match wish {
            BotWish::HandOff(Target::Agent(who)) if self.record.facts.table.seats.contains_key(&who) => {
                self.hand_over(now, who, Leaving::Transferred, events);
            }
            BotWish::HandOff(target) => {
                self.seek(now, Seek::company(target, Purpose::Handover, None), events);
            }
            BotWish::Stay => {
                self.stop_seeking(Silence::Failed, events);
                events.push(CallEvent::NotFound);
            }
            BotWish::Press(keys) => self.out.push_back(Output::Sound(SoundAsk::Press(keys))),
            BotWish::HangUp => {
                self.dismiss_bot(now, BotEnd::HungUp);
                self.hangup(now, asks, events);
            }
        }
    }

    /// A bot comes. Where nobody has the conversation, it does.
    pub(super) fn bot_comes(
        &mut self,
        now: Time,
        id: StreamId,
        url: Option<BotUrl>,
        takes_over: bool,
        events: &mut Vec<CallEvent>,
    ) {
        self.dismiss_bot(now, BotEnd::Replaced);
        if takes_over {
            self.owner_leaves(Leaving::Transferred, events);
        }
        let owns = self.record.agent.is_none();
        if owns {
            self.stop_seeking(Silence::Failed, events);
            self.record.facts.table.parked = None;
            self.record.facts.held = false;
        }
        let facts = &mut self.record.facts;
        facts.bots.push(BotRecord { id: id.clone(), asked_at: now, ended_at: None, end: None });
        facts.table.bot = Some(Bot { id, url, owns });
    }

    /// A bot is taken out of the call. One that had the conversation leaves it to whoever talks there, or to whoever
    /// is found.
    pub(super) fn bot_goes(&mut self, now: Time, why: BotEnd, events: &mut Vec<CallEvent>) {
        let had_it = self.dismiss_bot(now, why).is_some_and(|bot| bot.owns);
        if !had_it || self.record.agent.is_some() {
            return;
        }
        if let Some(heir) = self.heir() {
            return self.hand_over(now, heir, Leaving::Transferred, events);
        }
        match &mut self.record.facts.table.seek {
            // Whoever rings already is looked for in earnest now.
            Some(seek) if seek.purpose == Purpose::Handover => {
                seek.otherwise = Some(EndReason::BotLost);
            }
            _ => self.seek(now, Seek::owner(Target::Queue, None, EndReason::BotLost), events),
        }
    }

    /// A bot's connection is gone or never came about.
    pub(in super::super) fn bot_lost(
        &mut self,
        now: Time,
        id: &StreamId,
        why: BotEnd,
        events: &mut Vec<CallEvent>,
    ) {
        if self.record.facts.table.bot.as_ref().is_some_and(|bot| bot.id == *id) {
            self.bot_goes(now, why, events);
        }
    }

    /// A bot was waited for in vain.
    pub(in super::super) fn bot_missed(&mut self, now: Time, events: &mut Vec<CallEvent>) {
        self.bot_goes(now, BotEnd::Unreachable, events);
    }

    /// Somebody has the conversation from now on: a bot that had it goes.
    pub(super) fn bot_makes_way(&mut self, now: Time, why: Leaving) {
        if self.bot_owns() {
            let why = if why == Leaving::TakenOver { BotEnd::TakenOver } else { BotEnd::HandedOff };
            self.dismiss_bot(now, why);
        }
    }

    pub(super) fn dismiss_bot(&mut self, now: Time, why: BotEnd) -> Option<Bot> {
        let facts = &mut self.record.facts;
        let bot = facts.table.bot.take()?;
        if let Some(record) = facts.bots.iter_mut().rev().find(|record| record.id == bot.id) {
            record.end = Some(why);
            record.ended_at = Some(now);
        }
        Some(bot)
    }
}
