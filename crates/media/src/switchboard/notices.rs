//! What legs tell, in the words of calls.

use offhook_core::call::table::Key;
use offhook_core::call::{EndReason, LegQuality, SoundNews, Voice};
use offhook_core::ports::SoundFault;

use super::Switchboard;
use crate::leg::FailReason;
use crate::message::{LegId, LegNotice, Stats};

impl Switchboard {
    pub(super) fn notice(&self, leg: LegId, notice: LegNotice) {
        let mut wires = self.lock();
        let Some((call, voice)) = wires.legs.get(&leg).cloned() else { return };
        let mut rewire = false;
        let news = match (&voice, notice) {
            (_, LegNotice::Stats(stats)) => Some(SoundNews::Quality(voice.clone(), quality(&stats))),
            (Voice::Customer, LegNotice::LocalDescription { sdp }) => Some(SoundNews::Described(sdp)),
            (Voice::Customer, LegNotice::DtlsConnected { .. }) => Some(SoundNews::PathUp),
            (Voice::Customer, LegNotice::MediaLost) => Some(SoundNews::CustomerSilent),
            (Voice::Customer, LegNotice::FirstPacket | LegNotice::MediaResumed) => {
                Some(SoundNews::CustomerBack)
            }
            (Voice::Customer, LegNotice::Digit { digit, .. }) => Key::parse(digit).map(SoundNews::Pressed),
            (Voice::Customer, LegNotice::PressRefused { reason }) => {
                tracing::warn!(call.id = %call, ?reason, "keys were not pressed");
                None
            }
            (_, LegNotice::MixRefused) => {
                tracing::error!(call.id = %call, "the plane mixes for as many listeners as it may");
                None
            }
            (Voice::Customer, LegNotice::ClipOver { id }) => {
                let clip = self.config.clips.iter().find(|(_, clip)| clip.id == id);
                clip.map(|(name, _)| SoundNews::ClipOver(name.clone()))
            }
            (Voice::Customer, LegNotice::Failed { reason }) => {
                wires.forget(leg);
                Some(customer_lost(reason))
            }
            (Voice::Agent(_), LegNotice::LocalDescription { sdp }) => {
                wires.answer(leg, Ok(sdp));
                None
            }
            (Voice::Agent(_), LegNotice::RestartRefused) => {
                wires.answer(leg, Err(SoundFault::NoLeg));
                None
            }
            (Voice::Agent(agent), LegNotice::DtlsConnected { .. } | LegNotice::MediaResumed) => {
                let changed = wires.calls.get_mut(&call).is_some_and(|line| line.is_up(&voice, true));
                changed.then(|| SoundNews::AgentUp(agent.clone()))
            }
            (Voice::Agent(agent), LegNotice::MediaLost) => {
                let changed = wires.calls.get_mut(&call).is_some_and(|line| line.is_up(&voice, false));
                changed.then(|| SoundNews::AgentGone(agent.clone()))
            }
            (Voice::Agent(agent), LegNotice::Failed { reason }) => {
                wires.answer(leg, Err(SoundFault::BadOffer(reason.code().to_owned())));
                wires.forget(leg);
                let taken = wires.calls.get_mut(&call).and_then(|line| line.take(&voice));
                rewire = true;
                taken.is_some_and(|(_, was_up)| was_up).then(|| SoundNews::AgentGone(agent.clone()))
            }
            _ => None,
        };
        // Before anybody else may change the call: news of one voice come in the order they happened.
        if let Some(news) = news {
            self.tell(call.clone(), news);
        }
        drop(wires);
        if rewire {
            self.rewire(&call);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a few digits of a figure that is shown to people")]
fn quality(stats: &Stats) -> LegQuality {
    let quality = &stats.quality;
    LegQuality {
        mos: (quality.packets_received > 0).then_some(quality.mos as f32),
        loss_in: quality.loss as f32,
        loss_out: Some(quality.remote_loss as f32),
        jitter_ms: quality.jitter_ms as f32,
        rtt_ms: quality.rtt_ms.map(|rtt| rtt as f32),
        codec: stats.codec.code().to_owned(),
        candidate: stats.candidate.map(|kind| kind.code().to_owned()),
        first_audio_ms: stats.first_audio.map(|after| after.as_millis().try_into().unwrap_or(u32::MAX)),
    }
}

fn customer_lost(reason: FailReason) -> SoundNews {
    match reason.code() {
        // WhatsApp's `terminate` is on its way, or the silence will be noticed.
        "peer_closed" => SoundNews::CustomerSilent,
        "dtls_failed" | "dtls_fingerprint" => SoundNews::PathFailed(EndReason::DtlsFailed),
        "sdp_refused" => SoundNews::PathFailed(EndReason::InvalidSdp),
        "no_media_capacity" | "media_broken" => SoundNews::PathFailed(EndReason::InternalError),
        _ => SoundNews::PathFailed(EndReason::IceFailed),
    }
}
