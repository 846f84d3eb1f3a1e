//! The sound of a bridged call: what the house's own media plane is to do, and what it tells.
//!
//! What is wanted is a function of phase and facts ([`Call::plan`]); only the difference to what was asked
//! before is asked. A relayed call wants nothing. WhatsApp's leg is set up once and never touched again,
//! whatever the agent's side does: it cannot be negotiated a second time (whatsapp-calling.md 6.1).

use super::ask::Ask;
use super::deadline::Deadline;
use super::end::EndReason;
use super::machine::{Call, Output, Phase};
use crate::house::MediaMode;
use crate::meta::Direction;
use crate::sdp::Sdp;
use crate::time::Time;

/// A wish to the media plane about one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundAsk {
    /// Set up WhatsApp's leg, as the answer to this offer. [`SoundNews::Described`] follows.
    AnswerCustomer {
        /// WhatsApp's offer.
        offer: Sdp,
    },
    /// Set up WhatsApp's leg with an offer of ours. [`SoundNews::Described`] follows.
    OfferCustomer,
    /// WhatsApp's answer to our offer.
    Apply {
        /// The answer.
        answer: Sdp,
    },
    /// From now on sound may leave for WhatsApp, and some always does.
    Speak,
    /// Whom the customer hears from now on.
    CustomerHears(Hears),
    /// Let every leg of the call go.
    Close,
}

/// Whom the customer hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hears {
    /// Nobody yet: comfort sound, so that WhatsApp does not hang up.
    #[default]
    Nobody,
    /// Their agent, who hears them.
    Agent,
    /// Music.
    Music,
}

/// What the media plane tells of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundNews {
    /// Our side of WhatsApp's leg, to be sent byte for byte.
    Described(Sdp),
    /// WhatsApp's leg is up: keys are there.
    PathUp,
    /// WhatsApp's leg cannot be, or cannot go on.
    PathFailed(EndReason),
    /// Nothing has come from WhatsApp for a while.
    CustomerSilent,
    /// It comes again.
    CustomerBack,
    /// The agent's leg is up.
    AgentUp,
    /// The agent's leg is gone.
    AgentGone,
}

/// What is known of the legs, and what was asked. Not stored: a restart ends the sound.
#[derive(Debug, Default)]
pub(super) struct Line {
    path_up: bool,
    agent_up: bool,
    agent_was_up: bool,
    /// When a conversation without its agent ends.
    away_until: Option<Time>,
    /// When a conversation without a word from WhatsApp ends.
    silent_until: Option<Time>,
    told: Plan,
}

/// What is wanted of the media plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Plan {
    open: Option<SoundAsk>,
    apply: Option<Sdp>,
    speak: bool,
    hears: Hears,
}

impl Call {
    pub(super) fn is_bridged(&self) -> bool {
        self.record.media_mode == MediaMode::Bridge
    }

    pub(super) fn hear_sound(&mut self, now: Time, news: SoundNews, asks: &mut Vec<Ask>) {
        match news {
            SoundNews::Described(sdp) => self.described(sdp, asks),
            SoundNews::PathUp => {
                self.line.path_up = true;
                self.accept_when_ready(asks);
            }
            SoundNews::PathFailed(reason) => {
                let live = !matches!(self.phase, Phase::Ending { .. } | Phase::Over);
                if live {
                    self.path_failed(now, reason, asks);
                }
            }
            SoundNews::CustomerSilent => {
                self.line.silent_until = Some(now + Deadline::CustomerHeard.wait());
            }
            SoundNews::CustomerBack => self.line.silent_until = None,
            SoundNews::AgentUp => {
                self.line.agent_up = true;
                self.line.agent_was_up = true;
            }
            SoundNews::AgentGone => self.line.agent_up = false,
        }
    }

    /// Our description is there: inbound, WhatsApp may begin to build the path while the phone rings.
    fn described(&mut self, sdp: Sdp, asks: &mut Vec<Ask>) {
        let facts = &mut self.record.facts;
        match self.record.direction {
            Direction::Inbound if facts.answer.is_none() => {
                facts.answer = Some(sdp.clone());
                let wacid = facts.wacid.clone();
                asks.extend(wacid.map(|wacid| Ask::PreAccept { wacid, answer: sdp }));
            }
            Direction::Outbound if facts.offer.is_none() && facts.intent.is_none() => {
                facts.offer = Some(sdp.clone());
                let opaque = self.record.id.as_str().to_owned();
                let to = facts.party.phone.clone();
                asks.extend(to.map(|to| Ask::Connect { to, offer: sdp, opaque }));
            }
            Direction::Inbound | Direction::Outbound => {}
        }
    }

    /// `accept` only when the path is up and somebody is there: the customer's clock starts with it.
    pub(super) fn accept_when_ready(&self, asks: &mut Vec<Ask>) {
        let facts = &self.record.facts;
        let waiting = matches!(self.phase, Phase::Answering { .. }) && facts.confirmed_at.is_none();
        if let (true, true, Some(wacid), Some(answer)) =
            (waiting, self.line.path_up, facts.wacid.clone(), facts.answer.clone())
        {
            asks.push(Ask::Accept { wacid, answer, again: false });
        }
    }

    fn path_failed(&mut self, now: Time, reason: EndReason, asks: &mut Vec<Ask>) {
        match &self.phase {
            Phase::Placing { .. } if self.record.facts.offer.is_none() => self.close(now, reason, None),
            _ => self.give_up(now, reason, asks),
        }
    }

    /// Whether a bridged call that was taken has no path to WhatsApp yet.
    pub(super) fn awaits_path(&self) -> bool {
        self.is_bridged() && !self.line.path_up
    }

    /// Starts and stops the waits of a conversation that lacks somebody.
    pub(super) fn watch_line(&mut self, now: Time) {
        let talking = self.is_bridged() && matches!(self.phase, Phase::Talking { .. });
        if !talking {
            self.line.away_until = None;
            self.line.silent_until = None;
        } else if self.line.agent_up {
            self.line.away_until = None;
        } else {
            self.line.away_until.get_or_insert(now + Deadline::AgentBack.wait());
        }
    }

    /// The earliest of the line's waits.
    pub(super) fn line_deadline(&self) -> Option<(Time, Deadline)> {
        let away = self.line.away_until.map(|until| (until, Deadline::AgentBack));
        let silent = self.line.silent_until.map(|until| (until, Deadline::CustomerHeard));
        away.into_iter().chain(silent).min_by_key(|(until, _)| *until)
    }

    /// Asks for what has come to be wanted.
    pub(super) fn ask_sound(&mut self) {
        let wanted = self.plan();
        let told = std::mem::replace(&mut self.line.told, wanted.clone());
        if told == wanted {
            return;
        }
        let mut asks = Vec::new();
        match (&told.open, &wanted.open) {
            (None, Some(open)) => asks.push(open.clone()),
            (Some(_), None) => asks.push(SoundAsk::Close),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if wanted.open.is_some() {
            if let (None, Some(answer)) = (told.apply, wanted.apply) {
                asks.push(SoundAsk::Apply { answer });
            }
            if told.hears != wanted.hears {
                asks.push(SoundAsk::CustomerHears(wanted.hears));
            }
            if !told.speak && wanted.speak {
                asks.push(SoundAsk::Speak);
            }
        }
        self.out.extend(asks.into_iter().map(Output::Sound));
    }

    fn plan(&self) -> Plan {
        let facts = &self.record.facts;
        let open = match (&self.phase, self.record.direction) {
            _ if !self.is_bridged() || facts.intent.is_some() => None,
            (Phase::Ending { .. } | Phase::Over, _) => None,
            (_, Direction::Inbound) => facts.offer.clone().map(|offer| SoundAsk::AnswerCustomer { offer }),
            (_, Direction::Outbound) => Some(SoundAsk::OfferCustomer),
        };
        let talking = open.is_some() && matches!(self.phase, Phase::Talking { .. });
        let hears = match (talking, facts.held, self.line.agent_up) {
            (false, _, _) => Hears::Nobody,
            (true, false, true) => Hears::Agent,
            (true, true, _) => Hears::Music,
            (true, false, false) if self.line.agent_was_up => Hears::Music,
            (true, false, false) => Hears::Nobody,
        };
        let apply = match self.record.direction {
            Direction::Outbound if open.is_some() => facts.answer.clone(),
            Direction::Inbound | Direction::Outbound => None,
        };
        Plan { open, apply, speak: talking, hears }
    }
}
