//! Announcements, and what follows them.

use super::super::ask::Ask;
use super::super::end::EndReason;
use super::super::machine::Call;
use super::{AfterClip, ClipName, RecordingState};
use crate::time::Time;

impl Call {
    /// The customer has heard an announcement to its end.
    pub(in super::super) fn clip_over(&mut self, now: Time, clip: &ClipName, asks: &mut Vec<Ask>) {
        let table = &mut self.record.facts.table;
        let Some(playing) = table.clip.take_if(|playing| playing.clip == *clip) else { return };
        match playing.then {
            AfterClip::Resume => {}
            // Somebody has come to the call meanwhile.
            AfterClip::HangUp if self.is_attended() => {}
            AfterClip::HangUp => self.give_up(now, EndReason::LocalHangup, asks),
            AfterClip::Record => {
                if let Some(recording) = &mut self.record.facts.table.recording {
                    recording.state = RecordingState::On;
                    recording.consent.announced_until = Some(now);
                    self.record.facts.recordings.insert(recording.id.clone());
                }
            }
        }
    }

    /// The announcement is stopped. One that announced a recording takes the recording with it.
    pub(super) fn hush(&mut self, now: Time, asks: &mut Vec<Ask>) {
        let table = &mut self.record.facts.table;
        match table.clip.take().map(|playing| playing.then) {
            Some(AfterClip::Record) => table.recording = None,
            Some(AfterClip::HangUp) if !self.is_attended() => {
                self.give_up(now, EndReason::LocalHangup, asks);
            }
            Some(AfterClip::HangUp | AfterClip::Resume) | None => {}
        }
    }

    /// Whether somebody has the conversation, is looked for, or may take it.
    pub(super) fn is_attended(&self) -> bool {
        let table = &self.record.facts.table;
        let is_somebodys = self.record.agent.is_some() || self.bot_owns();
        is_somebodys || table.seek.is_some() || table.parked.is_some()
    }
}
