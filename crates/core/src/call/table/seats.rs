//! Coming and going: who sits down, who leaves, who is looked for next.

use std::collections::BTreeSet;

use super::super::ask::Ask;
use super::super::end::EndReason;
use super::super::hunt::Hunt;
use super::super::machine::{Call, Phase, RecordWish};
use super::super::manners::AgentLost;
use super::seek::Search;
use super::{AfterClip, Connect, Playing, Purpose, Role, Seek, Table, Target};
use crate::event::{CallEvent, Leaving, Silence};
use crate::id::{RecordingId, UserId};
use crate::time::Time;

impl Call {
    /// Sees to it that a conversation has somebody, and that nothing of it outlives it.
    pub(in super::super) fn attend(&mut self, now: Time, events: &mut Vec<CallEvent>) {
        if !self.is_bridged() {
            return;
        }
        if !matches!(self.phase, Phase::Talking { .. }) {
            self.stop_seeking(Silence::CallerGaveUp, events);
            self.record.facts.table.parked = None;
            if matches!(self.phase, Phase::Ending { .. } | Phase::Over) {
                self.remember_quality();
            }
            if self.is_over() {
                self.record.facts.table = Table::default();
            }
            return;
        }
        let wanted = self.manners.record_all || self.record.facts.record;
        if wanted && !self.line.recorded && self.record.agent.is_some() {
            self.line.recorded = true;
            // One of its own per call: an id that the call's makes unique.
            let id = RecordingId::from_uuid(self.record.id.uuid());
            if self.record.facts.table.recording.is_none() {
                self.wish_recording(now, RecordWish::Start { id });
            }
        }
        if self.is_attended() || self.record.facts.table.clip.is_some() {
            return;
        }
        let connect = match self.line.connected {
            false => self.record.facts.connect.clone().unwrap_or(Connect::Queue),
            true => Connect::Queue,
        };
        self.line.connected = true;
        let target = match connect {
            Connect::Agent(agent) => Target::Agent(agent),
            Connect::Queue => Target::Queue,
            Connect::Clip(clip) => {
                self.record.facts.table.clip = Some(Playing { clip, then: AfterClip::HangUp });
                return;
            }
        };
        self.seek(now, Seek::owner(target, None, EndReason::NoAgent), events);
    }

    /// Keeps the last word on each leg.
    fn remember_quality(&mut self) {
        let kept = &mut self.record.facts.quality;
        for leg in self.line.take_quality() {
            match kept.iter_mut().find(|known| known.agent == leg.agent) {
                Some(known) => *known = leg,
                None => kept.push(leg),
            }
        }
    }

    /// Begins to look for somebody, in place of whoever was looked for.
    pub(in super::super) fn seek(&mut self, now: Time, seek: Seek, events: &mut Vec<CallEvent>) {
        self.stop_seeking(Silence::Failed, events);
        self.line.keep_waiting();
        self.line.search = Some(Search { hunt: Hunt::default(), until: now + seek.wait() });
        self.record.facts.table.parked = None;
        self.record.facts.table.seek = Some(seek);
    }

    pub(in super::super) fn stop_seeking(&mut self, why: Silence, events: &mut Vec<CallEvent>) {
        self.record.facts.table.seek = None;
        let Some(mut search) = self.line.search.take() else { return };
        silence(search.hunt.stop(), why, None, events);
    }

    /// Who can be rung now.
    pub(in super::super) fn seek_among(
        &mut self,
        now: Time,
        free: &BTreeSet<UserId>,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let (Some(seek), Some(search)) = (&self.record.facts.table.seek, &mut self.line.search) else {
            return;
        };
        let mut wanted = seek.among(free);
        wanted.retain(|who| !self.record.seats(who));
        let change = search.hunt.available(&wanted);
        silence(change.stopped, Silence::Failed, None, events);
        let nobody = search.hunt.rung().is_empty();
        if !change.started.is_empty() {
            events.push(CallEvent::Rang { agents: change.started });
        }
        // Somebody in particular who is not free now is not waited for.
        if nobody && matches!(seek.target, Target::Agent(_)) {
            self.next_rung(now, Silence::Failed, asks, events);
        }
    }

    /// Somebody who rings does not want to.
    pub(in super::super) fn decline_seat(
        &mut self,
        now: Time,
        who: &UserId,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let Some(search) = &mut self.line.search else { return };
        if !search.hunt.decline(who) {
            return;
        }
        silence(BTreeSet::from([who.clone()]), Silence::Declined, None, events);
        if self.line.search.as_ref().is_some_and(|search| search.hunt.exhausted()) {
            self.next_rung(now, Silence::Declined, asks, events);
        }
    }

    /// Nobody came: the next rung of the ladder, or its end.
    pub(in super::super) fn next_rung(
        &mut self,
        now: Time,
        why: Silence,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let Some(seek) = self.record.facts.table.seek.clone() else { return };
        self.stop_seeking(why, events);
        match (seek.next(), seek.otherwise) {
            (Some(next), _) => self.seek(now, next, events),
            (None, Some(reason)) => self.give_up(now, reason, asks),
            (None, None) => events.push(CallEvent::NotFound),
        }
    }

    /// Somebody takes a conversation that rings them, or that is parked.
    pub(in super::super) fn sit_down(&mut self, who: UserId, events: &mut Vec<CallEvent>) {
        if self.record.seats(&who) {
            if self.record.facts.table.parked.is_some() {
                self.hand_over(who, Leaving::Transferred, events);
            }
            return;
        }
        let purpose = self.record.facts.table.seek.as_ref().map_or(Purpose::Handover, |seek| seek.purpose);
        if let Some(mut search) = self.line.search.take() {
            let mut others = search.hunt.stop();
            others.remove(&who);
            silence(others, Silence::AnsweredElsewhere, Some(who.clone()), events);
        }
        let table = &mut self.record.facts.table;
        table.seek = None;
        self.line.retrieved = table.parked.take().map(|parked| (who.clone(), parked));
        match purpose {
            Purpose::Handover => {
                self.record.facts.held = false;
                self.record.agent = Some(who);
            }
            Purpose::Consult => {
                table.seats.insert(who, Role::Consulted);
            }
            Purpose::Join => {
                table.seats.insert(who, Role::Member);
            }
        }
    }

    /// Whether somebody may take this conversation now: it rings them, or it is parked.
    pub(in super::super) fn may_sit_down(&self, who: &UserId) -> bool {
        let rings = self.line.rung().is_some_and(|rung| rung.contains(who));
        rings || self.record.facts.table.parked.is_some()
    }

    /// Whoever took a parked call goes before they were heard in it: it waits on, as if nobody had taken it.
    pub(in super::super) fn park_again(&mut self, who: &UserId, events: &mut Vec<CallEvent>) -> bool {
        let owns = self.record.agent.as_ref() == Some(who) && !self.record.facts.table.consults();
        match self.line.retrieved.take_if(|(taker, _)| owns && taker == who) {
            Some((_, parked)) => {
                self.owner_leaves(Leaving::Left, events);
                self.record.facts.table.parked = Some(parked);
                true
            }
            None => false,
        }
    }

    /// Whoever is not the owner goes.
    pub(in super::super) fn unseat(&mut self, who: &UserId, why: Leaving, events: &mut Vec<CallEvent>) {
        self.record.facts.table.muted.remove(who);
        if self.record.facts.table.seats.remove(who).is_some() {
            events.push(CallEvent::Left { agent: who.clone(), why });
        }
    }

    /// The owner goes, and nobody is the owner. Whom they asked is asked no more.
    pub(in super::super) fn owner_leaves(&mut self, why: Leaving, events: &mut Vec<CallEvent>) {
        self.record.facts.held = false;
        self.line.retrieved = None;
        if let Some(consulted) = self.record.facts.table.consulted().cloned() {
            self.unseat(&consulted, Leaving::Removed, events);
        }
        if let Some(agent) = self.record.agent.take() {
            self.record.facts.table.muted.remove(&agent);
            events.push(CallEvent::Left { agent, why });
        }
    }

    /// The owner goes, and `to` is the owner.
    pub(in super::super) fn hand_over(&mut self, to: UserId, why: Leaving, events: &mut Vec<CallEvent>) {
        self.stop_seeking(Silence::Failed, events);
        self.record.facts.table.seats.remove(&to);
        self.owner_leaves(why, events);
        self.record.facts.table.parked = None;
        self.record.agent = Some(to);
    }

    /// Who owns the conversation when its owner goes and it goes on.
    pub(in super::super) fn heir(&self) -> Option<UserId> {
        let seats = &self.record.facts.table.seats;
        let talks = |role: Role| matches!(role, Role::Member | Role::Barger);
        let ranked = seats.iter().filter(|(_, role)| talks(**role)).min_by_key(|(_, role)| **role);
        ranked.map(|(who, _)| who.clone())
    }

    /// Somebody wants to go.
    pub(in super::super) fn leave(&mut self, who: &UserId, events: &mut Vec<CallEvent>) {
        match self.heir() {
            Some(heir) if self.record.agent.as_ref() == Some(who) => {
                self.hand_over(heir, Leaving::Left, events)
            }
            _ => self.unseat(who, Leaving::Left, events),
        }
    }

    /// Somebody's sound went away and did not come back.
    pub(in super::super) fn lost(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        for who in self.line.lost_at(now) {
            if self.record.agent.as_ref() != Some(&who) {
                self.unseat(&who, Leaving::Lost, events);
                continue;
            }
            match (self.heir(), self.manners.agent_lost) {
                (Some(heir), _) => self.hand_over(heir, Leaving::Lost, events),
                (None, AgentLost::End) => return self.give_up(now, EndReason::AgentLost, asks),
                (None, AgentLost::Queue) => {
                    self.stop_seeking(Silence::Failed, events);
                    self.owner_leaves(Leaving::Lost, events);
                    self.seek(now, Seek::owner(Target::Queue, None, EndReason::AgentLost), events);
                }
            }
        }
    }

    /// Nobody took a parked call in time: back to whoever parked it, then to everybody.
    pub(in super::super) fn unpark(&mut self, now: Time, events: &mut Vec<CallEvent>) {
        let Some(parked) = self.record.facts.table.parked.take() else { return };
        let target = parked.by.map_or(Target::Queue, Target::Agent);
        self.seek(now, Seek::owner(target, None, EndReason::NoAgent), events);
    }
}

fn silence(agents: BTreeSet<UserId>, reason: Silence, by: Option<UserId>, events: &mut Vec<CallEvent>) {
    if !agents.is_empty() {
        events.push(CallEvent::Silenced { agents, reason, by });
    }
}
