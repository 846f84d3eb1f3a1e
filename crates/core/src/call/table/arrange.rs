//! What people want of a conversation, and what they are refused.

use super::super::ask::Ask;
use super::super::end::EndReason;
use super::super::machine::{Call, Command, Output, Phase, RecordWish, Wish};
use super::super::refusal::Refusal;
use super::super::sound::SoundAsk;
use super::{AfterClip, Parked, Playing, Purpose, Recording, RecordingState, Role, Seek, Target};
use crate::event::{CallEvent, Leaving};
use crate::id::UserId;
use crate::recording::Consent;
use crate::time::Time;

/// Most people of the house in one call: a conference is a conversation, not a broadcast.
const MOST_SEATS: usize = 8;

/// Most recordings of one call: every one is named in its record, which is written at every change.
const MOST_RECORDINGS: usize = 100;

type Verdict = Result<(), Refusal>;

impl Call {
    /// Whether a command about a bridged conversation can be carried out. Others are not asked about here.
    pub(in super::super) fn permit_at_table(&self, command: &Command) -> Verdict {
        if !self.is_bridged() {
            return Err(Refusal::OtherMedia);
        }
        if let Command::Arrange { by: Some(by), .. } = command
            && self.record.agent.as_ref() != Some(by)
        {
            return Err(Refusal::NotYours);
        }
        if !matches!(self.phase, Phase::Talking { .. }) {
            return Err(Refusal::NotTalking);
        }
        match command {
            Command::Arrange { wish, .. } => self.permit_wish(wish),
            Command::Leave { agent } if self.record.agent.as_ref() == Some(agent) => {
                if self.heir().is_some() { Ok(()) } else { Err(Refusal::LastOne) }
            }
            Command::Leave { agent } => self.there(agent),
            Command::Supervise { agent, .. } => match self.record.facts.table.seats.get(agent) {
                Some(role) if role.supervises() => Ok(()),
                Some(_) => Err(Refusal::AlreadyThere),
                None if self.record.agent.as_ref() == Some(agent) => Err(Refusal::AlreadyThere),
                None => self.room(),
            },
            Command::TakeOver { agent } if self.record.agent.as_ref() == Some(agent) => {
                Err(Refusal::AlreadyThere)
            }
            _ => Ok(()),
        }
    }

    fn permit_wish(&self, wish: &Wish) -> Verdict {
        let table = &self.record.facts.table;
        match wish {
            Wish::Hold(_) | Wish::Park => self.owned(),
            Wish::Transfer(Target::Agent(who)) if self.record.agent.as_ref() == Some(who) => {
                Err(Refusal::AlreadyThere)
            }
            // What people must be told first is not talked over.
            Wish::Play(_) if table.clip.as_ref().is_some_and(|it| it.then == AfterClip::Record) => {
                Err(Refusal::AlreadyRecording)
            }
            Wish::Transfer(_) | Wish::Play(_) | Wish::Hush => Ok(()),
            Wish::Consult(target) | Wish::Invite(target) => {
                self.owned()?;
                if table.seek.is_some() || (table.consults() && matches!(wish, Wish::Consult(_))) {
                    return Err(Refusal::AlreadySeeking);
                }
                match target {
                    Target::Agent(who) if self.record.seats(who) => Err(Refusal::AlreadyThere),
                    Target::Agent(_) | Target::Queue => self.room(),
                }
            }
            Wish::Complete => {
                if table.consults() {
                    Ok(())
                } else {
                    Err(Refusal::NotConsulting)
                }
            }
            Wish::Cancel => match (table.consults(), &table.seek) {
                (true, _) | (_, Some(Seek { purpose: Purpose::Join, .. })) => Ok(()),
                (false, _) => Err(Refusal::NotConsulting),
            },
            Wish::Merge => {
                if table.consulted().is_some() {
                    Ok(())
                } else {
                    Err(Refusal::NotConsulting)
                }
            }
            Wish::Remove(who) => {
                if table.seats.contains_key(who) {
                    Ok(())
                } else {
                    Err(Refusal::NotThere)
                }
            }
            Wish::Mute { who, .. } => self.there(who),
            Wish::Press(_) => Ok(()),
            Wish::Record(wish) => match (wish, table.recording.as_ref().map(|recording| recording.state)) {
                (RecordWish::Start { .. }, None) if self.record.facts.recordings.len() >= MOST_RECORDINGS => {
                    Err(Refusal::CallFull)
                }
                (RecordWish::Start { .. }, None) => Ok(()),
                (RecordWish::Start { .. }, Some(_)) => Err(Refusal::AlreadyRecording),
                (
                    RecordWish::Pause | RecordWish::Resume,
                    Some(RecordingState::On | RecordingState::Paused),
                )
                | (RecordWish::Stop, Some(_)) => Ok(()),
                (RecordWish::Pause | RecordWish::Resume | RecordWish::Stop, _) => Err(Refusal::NotRecording),
            },
        }
    }

    const fn owned(&self) -> Verdict {
        if self.record.agent.is_some() { Ok(()) } else { Err(Refusal::NotTalking) }
    }

    fn there(&self, who: &UserId) -> Verdict {
        if self.record.seats(who) { Ok(()) } else { Err(Refusal::NotThere) }
    }

    /// Room for one more beside the owner, whose chair is kept while there is none.
    fn room(&self) -> Verdict {
        if self.record.facts.table.seats.len() + 1 < MOST_SEATS { Ok(()) } else { Err(Refusal::CallFull) }
    }

    /// Whether somebody who rings finds a chair: others may have come since they were asked for.
    pub(in super::super) fn room_to_sit(&self, who: &UserId) -> Verdict {
        let company =
            self.record.facts.table.seek.as_ref().is_some_and(|seek| seek.purpose != Purpose::Handover);
        if company && !self.record.seats(who) { self.room() } else { Ok(()) }
    }

    pub(in super::super) fn arrange(
        &mut self,
        now: Time,
        by: Option<UserId>,
        wish: Wish,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let table = &mut self.record.facts.table;
        match wish {
            Wish::Hold(on) => self.record.facts.held = on,
            Wish::Transfer(Target::Agent(who)) if table.seats.contains_key(&who) => {
                self.hand_over(who, Leaving::Transferred, events);
            }
            Wish::Transfer(target) => {
                let by = by.or_else(|| self.record.agent.clone());
                self.owner_leaves(Leaving::Transferred, events);
                self.seek(now, Seek::owner(target, by, EndReason::NoAgent), events);
            }
            Wish::Consult(target) => self.seek(now, Seek::company(target, Purpose::Consult, by), events),
            Wish::Invite(target) => self.seek(now, Seek::company(target, Purpose::Join, by), events),
            Wish::Complete => self.complete(now, events),
            Wish::Cancel => self.cancel(events),
            Wish::Merge => {
                for role in table.seats.values_mut().filter(|role| **role == Role::Consulted) {
                    *role = Role::Member;
                }
            }
            Wish::Remove(who) => self.unseat(&who, Leaving::Removed, events),
            Wish::Mute { who, on: true } => {
                table.muted.insert(who);
            }
            Wish::Mute { who, on: false } => {
                table.muted.remove(&who);
            }
            Wish::Park => {
                let by = self.record.agent.clone();
                self.cancel(events);
                self.owner_leaves(Leaving::Parked, events);
                self.record.facts.table.parked = Some(Parked { by, at: now });
            }
            Wish::Press(keys) => self.out.push_back(Output::Sound(SoundAsk::Press(keys))),
            Wish::Play(clip) => table.clip = Some(Playing { clip, then: AfterClip::Resume }),
            Wish::Hush => self.hush(now, asks),
            Wish::Record(wish) => self.wish_recording(now, wish),
        }
    }

    pub(super) fn wish_recording(&mut self, now: Time, wish: RecordWish) {
        let notice = self.manners.notice_for(self.record.direction);
        let starts = matches!(wish, RecordWish::Start { .. });
        let table = &mut self.record.facts.table;
        if starts && notice.is_some() && table.clip.as_ref().map(|playing| &playing.clip) == notice.as_ref() {
            // What plays already is half over: it begins again, so that all of it is heard.
            table.clip = None;
            self.begin_anew();
        }
        let table = &mut self.record.facts.table;
        let announcing = table.recording.as_ref().is_some_and(|it| it.state == RecordingState::Announcing);
        match (wish, &mut table.recording) {
            (RecordWish::Start { id }, _) => {
                let state = if notice.is_some() { RecordingState::Announcing } else { RecordingState::On };
                if notice.is_none() {
                    self.record.facts.recordings.insert(id.clone());
                }
                let announced_at = notice.is_some().then_some(now);
                let consent = Consent { mode: self.manners.consent, announced_at, announced_until: None };
                table.recording = Some(Recording { id, state, consent });
                if let Some(clip) = notice {
                    table.clip = Some(Playing { clip, then: AfterClip::Record });
                }
            }
            (RecordWish::Pause, Some(recording)) => recording.state = RecordingState::Paused,
            (RecordWish::Resume, Some(recording)) => recording.state = RecordingState::On,
            (RecordWish::Stop, _) => {
                table.recording = None;
                if announcing {
                    table.clip = None;
                }
            }
            (RecordWish::Pause | RecordWish::Resume, None) => {}
        }
    }

    /// The one who was asked becomes the owner; while they are still rung, they will when they come.
    fn complete(&mut self, now: Time, events: &mut Vec<CallEvent>) {
        if let Some(who) = self.record.facts.table.consulted().cloned() {
            return self.hand_over(who, Leaving::Transferred, events);
        }
        let Some(seek) = self.record.facts.table.seek.clone() else { return };
        let by = self.record.agent.clone();
        self.owner_leaves(Leaving::Transferred, events);
        // Who rings goes on ringing.
        let until = now + seek.wait();
        self.record.facts.table.seek = Some(Seek::owner(seek.target, by, EndReason::NoAgent));
        if let Some(search) = &mut self.line.search {
            search.until = until;
        }
    }

    fn cancel(&mut self, events: &mut Vec<CallEvent>) {
        if let Some(who) = self.record.facts.table.consulted().cloned() {
            self.unseat(&who, Leaving::Removed, events);
        }
        if self.record.facts.table.seek.is_some() {
            self.stop_seeking(crate::event::Silence::Failed, events);
            events.push(CallEvent::NotFound);
        }
    }
}
