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
            AfterClip::HangUp => self.give_up(now, EndReason::LocalHangup, asks),
            AfterClip::Record => {
                if let Some(recording) = &mut table.recording {
                    recording.state = RecordingState::On;
                    recording.consent.announced_until = Some(now);
                }
            }
        }
    }

    /// The announcement is stopped. One that announced a recording takes the recording with it.
    pub(super) fn hush(&mut self, now: Time, asks: &mut Vec<Ask>) {
        let table = &mut self.record.facts.table;
        match table.clip.take().map(|playing| playing.then) {
            Some(AfterClip::Record) => table.recording = None,
            Some(AfterClip::HangUp) => self.give_up(now, EndReason::LocalHangup, asks),
            Some(AfterClip::Resume) | None => {}
        }
    }
}
