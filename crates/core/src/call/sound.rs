//! The sound of a bridged call: what the house's own media plane is to do, and what it tells.
//!
//! What is wanted is a function of phase and facts ([`Call::plan`]); only the difference to what was asked
//! before is asked. A relayed call wants nothing. WhatsApp's leg is set up once and never touched again,
//! whatever the agent's side does: it cannot be negotiated a second time (whatsapp-calling.md 6.1).

use std::collections::{BTreeMap, BTreeSet};

use super::ask::Ask;
use super::deadline::Deadline;
use super::end::EndReason;
use super::machine::{Call, Output, Phase};
use super::table::seek::Search;
use super::table::{ClipName, Key, Parked, RecordingState, Scene, Voice};
use crate::event::{CallEvent, Silence};
use crate::house::MediaMode;
use crate::id::{RecordingId, TenantId, UserId};
use crate::meta::Direction;
use crate::recording::Consent;
use crate::sdp::Sdp;
use crate::time::Time;
use serde::{Deserialize, Serialize};

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
    /// Who is at the call and hears whom, from now on.
    Scene(Scene),
    /// Press these keys for WhatsApp's side to hear.
    Press(Vec<Key>),
    /// Record everybody in this way from now on; none ends the recording that is.
    Record(Option<RecordAsk>),
    /// Let every leg of the call go.
    Close,
}

/// How a call is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordAsk {
    /// The recording.
    pub id: RecordingId,
    /// Whose call.
    pub tenant: TenantId,
    /// Leave out what is said now.
    pub paused: bool,
    /// What the customer was told.
    pub consent: Consent,
}

/// How well a leg went, so far or in its last seconds. "In" is what the leg's peer sends us.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LegQuality {
    /// Mean opinion score of what we hear, 1 to 4.5 (E-model, ITU-T G.107).
    pub mos: Option<f32>,
    /// Part of the packets lost on their way to us, 0 to 1.
    pub loss_in: f32,
    /// The same on their way to the peer, as the peer reports.
    pub loss_out: Option<f32>,
    /// Jitter of what comes, milliseconds (RFC 3550 section 6.4.1).
    pub jitter_ms: f32,
    /// Round trip, milliseconds.
    pub rtt_ms: Option<f32>,
    /// The codec, as in SDP.
    pub codec: String,
    /// The kind of the peer's candidate: `host`, `srflx`, `prflx` or `relay`.
    pub candidate: Option<String>,
    /// From setting the leg up to its first sound, milliseconds.
    pub first_audio_ms: Option<u32>,
}

/// A leg of a finished call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Whose; none for the customer's.
    pub agent: Option<UserId>,
    /// How it went.
    pub quality: LegQuality,
}

/// What the media plane tells of one call.
#[derive(Debug, Clone, PartialEq)]
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
    /// Somebody's leg is up.
    AgentUp(UserId),
    /// Somebody's leg is gone.
    AgentGone(UserId),
    /// The customer has heard the announcement to its end.
    ClipOver(ClipName),
    /// The customer pressed a key.
    Pressed(Key),
    /// The recording ended by itself: its disk is full, or another fault.
    RecordingBroke(RecordingId),
    /// How well a leg went these last seconds.
    Quality(Voice, LegQuality),
}

/// What is known of the legs, and what was asked. Not stored: a restart ends the sound.
#[derive(Debug, Default)]
pub(super) struct Line {
    path_up: bool,
    /// WhatsApp did not take our answer while it rang: it begins to build the path with `accept`.
    unprepared: bool,
    /// `accept` was asked for.
    accepting: bool,
    /// Whose sound is here.
    up: BTreeSet<UserId>,
    anybody_was_up: bool,
    /// When somebody without sound has been away for too long.
    away: BTreeMap<UserId, Time>,
    /// When a conversation without a word from WhatsApp ends.
    silent_until: Option<Time>,
    /// Somebody is looked for.
    pub(super) search: Option<Search>,
    /// Whether the conversation was connected to whom it was meant for.
    pub(super) connected: bool,
    /// Whether the recording every call is to have was begun.
    pub(super) recorded: bool,
    /// Who took a parked call and was not heard in it yet, and how it was parked.
    pub(super) retrieved: Option<(UserId, Parked)>,
    /// The newest word on each leg.
    quality: BTreeMap<Voice, LegQuality>,
    told: Plan,
    /// To be heard for a moment before what is wanted, so that an announcement begins anew.
    interlude: Option<Scene>,
}

impl Line {
    pub(super) fn is_up(&self, who: &UserId) -> bool {
        self.up.contains(who)
    }

    pub(super) const fn anybody_was_up(&self) -> bool {
        self.anybody_was_up
    }

    /// The customer hears music from now on whenever nobody is there: they have been told to wait.
    pub(super) const fn keep_waiting(&mut self) {
        self.anybody_was_up = true;
    }

    /// Another hand has driven the call before: what it asked for may still be open.
    pub(super) fn inherit(&mut self) {
        self.told.open = Some(SoundAsk::OfferCustomer);
    }

    pub(super) const fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Who is rung to join the conversation.
    pub(super) const fn rung(&self) -> Option<&BTreeSet<UserId>> {
        match &self.search {
            Some(search) => Some(search.hunt.rung()),
            None => None,
        }
    }

    /// How every leg went.
    pub(super) fn take_quality(&mut self) -> Vec<LegRecord> {
        let taken = std::mem::take(&mut self.quality).into_iter();
        let agent = |voice| match voice {
            Voice::Customer => None,
            Voice::Agent(agent) => Some(agent),
        };
        taken.map(|(voice, quality)| LegRecord { agent: agent(voice), quality }).collect()
    }

    /// Who was away for too long at this moment.
    pub(super) fn lost_at(&self, now: Time) -> Vec<UserId> {
        self.away.iter().filter(|(_, until)| **until <= now).map(|(who, _)| who.clone()).collect()
    }
}

/// What is wanted of the media plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Plan {
    open: Option<SoundAsk>,
    apply: Option<Sdp>,
    speak: bool,
    scene: Scene,
    record: Option<RecordAsk>,
}

impl Call {
    pub(super) fn is_bridged(&self) -> bool {
        self.record.media_mode == MediaMode::Bridge
    }

    pub(super) fn hear_sound(
        &mut self,
        now: Time,
        news: SoundNews,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        match news {
            SoundNews::Described(sdp) => self.described(sdp, asks),
            SoundNews::PathUp => {
                self.line.path_up = true;
                self.accept_when_ready(asks);
            }
            SoundNews::PathFailed(reason) => {
                let live = !matches!(self.phase, Phase::Ending { .. } | Phase::Over);
                if live {
                    self.silence(Silence::Failed, events);
                    self.path_failed(now, reason, asks);
                }
            }
            SoundNews::CustomerSilent => {
                self.line.silent_until = Some(now + Deadline::CustomerHeard.wait());
            }
            SoundNews::CustomerBack => self.line.silent_until = None,
            SoundNews::AgentUp(who) => {
                self.line.anybody_was_up = true;
                self.line.retrieved.take_if(|(taker, _)| *taker == who);
                self.line.up.insert(who);
            }
            SoundNews::AgentGone(who) => {
                self.line.up.remove(&who);
            }
            SoundNews::ClipOver(clip) => self.clip_over(now, &clip, asks),
            SoundNews::Pressed(key) => events.push(CallEvent::Digit { key }),
            SoundNews::RecordingBroke(id) => {
                self.record.facts.table.recording.take_if(|recording| recording.id == id);
            }
            SoundNews::Quality(voice, quality) => {
                self.out.push_back(Output::Quality(voice.clone(), quality.clone()));
                self.line.quality.insert(voice, quality);
            }
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
                let (to, extras) = (facts.party.callee(), facts.extras.clone());
                asks.extend(to.map(|to| Ask::Connect { to, offer: sdp, opaque, extras }));
            }
            Direction::Inbound | Direction::Outbound => {}
        }
    }

    /// Without `pre_accept` there is no path to wait for.
    pub(super) fn unprepared(&mut self, asks: &mut Vec<Ask>) {
        self.line.unprepared = true;
        self.accept_when_ready(asks);
    }

    /// `accept` only when the path is up and somebody is there: the customer's clock starts with it.
    pub(super) fn accept_when_ready(&mut self, asks: &mut Vec<Ask>) {
        let facts = &self.record.facts;
        let waiting = matches!(self.phase, Phase::Answering { .. }) && !self.line.accepting;
        let ready = self.line.path_up || self.line.unprepared;
        if let (true, true, Some(wacid), Some(answer)) =
            (waiting, ready, facts.wacid.clone(), facts.answer.clone())
        {
            self.line.accepting = true;
            let extras = facts.extras.clone();
            asks.push(Ask::Accept { wacid, answer, again: false, extras });
        }
    }

    fn path_failed(&mut self, now: Time, reason: EndReason, asks: &mut Vec<Ask>) {
        match &self.phase {
            Phase::Placing { .. } if self.record.facts.offer.is_none() => self.close(now, reason, None),
            // WhatsApp was asked: if the call appears, it is ended then.
            Phase::Placing { .. } | Phase::Unclear { .. } => self.intend(now, reason, None),
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
        self.line.up.retain(|who| self.record.seats(who));
        if !talking {
            self.line.away.clear();
            self.line.silent_until = None;
            return;
        }
        let until = now + self.manners.agent_back;
        let Line { up, away, .. } = &mut self.line;
        let lacking: BTreeSet<&UserId> = self.record.people().filter(|who| !up.contains(*who)).collect();
        away.retain(|who, _| lacking.contains(who));
        for who in lacking {
            away.entry(who.clone()).or_insert(until);
        }
    }

    /// The earliest of the line's waits.
    pub(super) fn line_deadline(&self) -> Option<(Time, Deadline)> {
        let away = self.line.away.values().min().map(|until| (*until, Deadline::AgentBack));
        let silent = self.line.silent_until.map(|until| (until, Deadline::CustomerHeard));
        let found = self.line.search.as_ref().map(|search| (search.until, Deadline::Found));
        let parked = match &self.phase {
            Phase::Talking { .. } => self.record.facts.table.parked.as_ref(),
            _ => None,
        };
        let parked = parked.map(|parked| (parked.at + Deadline::Retrieved.wait(), Deadline::Retrieved));
        [away, silent, found, parked].into_iter().flatten().min_by_key(|(until, _)| *until)
    }

    /// Asks for what has come to be wanted.
    pub(super) fn ask_sound(&mut self) {
        let wanted = self.plan();
        let told = std::mem::replace(&mut self.line.told, wanted.clone());
        if told == wanted && self.line.interlude.is_none() {
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
            let interlude = self.line.interlude.take();
            if told.scene != wanted.scene || interlude.is_some() {
                asks.extend(interlude.map(SoundAsk::Scene));
                asks.push(SoundAsk::Scene(wanted.scene));
            }
            if !told.speak && wanted.speak {
                asks.push(SoundAsk::Speak);
            }
            if told.record != wanted.record {
                asks.push(SoundAsk::Record(wanted.record));
            }
        }
        self.out.extend(asks.into_iter().map(Output::Sound));
    }

    /// What would be heard now is asked for before what will be wanted: an announcement that plays begins anew.
    pub(super) fn begin_anew(&mut self) {
        let scene = self.scene();
        self.line.interlude = Some(scene);
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
        let apply = match self.record.direction {
            Direction::Outbound if open.is_some() => facts.answer.clone(),
            Direction::Inbound | Direction::Outbound => None,
        };
        let recording = facts.table.recording.as_ref().filter(|_| talking);
        let record =
            recording.filter(|recording| recording.state != RecordingState::Announcing).map(|recording| {
                let paused = recording.state == RecordingState::Paused;
                let (id, consent) = (recording.id.clone(), recording.consent.clone());
                RecordAsk { id, tenant: self.record.tenant.clone(), paused, consent }
            });
        let scene = if open.is_some() { self.scene() } else { Scene::default() };
        Plan { open, apply, speak: talking, scene, record }
    }
}
