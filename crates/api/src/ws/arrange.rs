//! What people want of a bridged conversation, read into the core's words, and shown back.

use offhook_core::call::table::{ClipName, Key, MOST_KEYS, Purpose, RecordingState, Role, Table, Target};
use offhook_core::call::{LegQuality, RecordWish, Wish};
use offhook_core::event::Leaving;
use offhook_core::id::{RecordingId, UserId};

use super::protocol as p;
use super::view::Cast;
use crate::manners::moment;

/// The one queue there is.
pub(crate) const QUEUE: &str = "default";

/// Why a wish makes no sense. The words name the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Senseless {
    /// Not a person's id.
    #[error("agent: there is no such person")]
    Agent,
    /// Not a queue.
    #[error("queue: there is one queue, default")]
    Queue,
    /// Not keys.
    #[error("digits: 1 to 32 of 0 to 9, *, #, A to D")]
    Digits,
    /// Not a name.
    #[error("clip: a name has 1 to 64 letters, digits, - and _")]
    Clip,
}

/// Reads a wish. `recording` is a fresh id for a recording it may begin.
pub(crate) fn wish(wish: p::Wish, recording: RecordingId) -> Result<Wish, Senseless> {
    Ok(match wish {
        p::Wish::Transfer { to } => Wish::Transfer(target(to)?),
        p::Wish::Consult { to } => Wish::Consult(target(to)?),
        p::Wish::Complete => Wish::Complete,
        p::Wish::Cancel => Wish::Cancel,
        p::Wish::Invite { to } => Wish::Invite(target(to)?),
        p::Wish::Merge => Wish::Merge,
        p::Wish::Remove { agent_id } => Wish::Remove(person(&agent_id)?),
        p::Wish::Mute { agent_id, on } => Wish::Mute { who: person(&agent_id)?, on },
        p::Wish::Park => Wish::Park,
        p::Wish::Press { digits } => Wish::Press(keys(&digits)?),
        p::Wish::Play { clip } => Wish::Play(ClipName::parse(&clip).ok_or(Senseless::Clip)?),
        p::Wish::StopPlaying => Wish::Hush,
        p::Wish::Record => Wish::Record(RecordWish::Start { id: recording }),
        p::Wish::PauseRecording => Wish::Record(RecordWish::Pause),
        p::Wish::ResumeRecording => Wish::Record(RecordWish::Resume),
        p::Wish::StopRecording => Wish::Record(RecordWish::Stop),
    })
}

/// Reads whom a conversation is to reach.
pub(crate) fn target(to: p::To) -> Result<Target, Senseless> {
    match to {
        p::To::Agent(id) => Ok(Target::Agent(person(&id)?)),
        p::To::Queue(name) if name == QUEUE => Ok(Target::Queue),
        p::To::Queue(_) => Err(Senseless::Queue),
    }
}

fn person(id: &str) -> Result<UserId, Senseless> {
    UserId::parse(id).ok_or(Senseless::Agent)
}

fn keys(digits: &str) -> Result<Vec<Key>, Senseless> {
    let keys: Option<Vec<Key>> = digits.chars().take(MOST_KEYS + 1).map(Key::parse).collect();
    keys.filter(|keys| (1..=MOST_KEYS).contains(&keys.len())).ok_or(Senseless::Digits)
}

/// The role of a supervisor.
pub(super) const fn role(how: p::Supervision) -> Role {
    match how {
        p::Supervision::Listen => Role::Listener,
        p::Supervision::Whisper => Role::Whisperer,
        p::Supervision::Barge => Role::Barger,
    }
}

/// What is arranged.
pub(super) fn table(table: &Table, cast: &Cast) -> p::TableView {
    let party = |(who, role): (&UserId, &Role)| p::PartyView {
        agent: cast.agent(who),
        role: match role {
            Role::Member => p::PartyRole::Member,
            Role::Consulted => p::PartyRole::Consulted,
            Role::Listener => p::PartyRole::Listener,
            Role::Whisperer => p::PartyRole::Whisperer,
            Role::Barger => p::PartyRole::Barger,
        },
    };
    p::TableView {
        parties: table.seats.iter().map(party).collect(),
        muted: table.muted.iter().map(|who| who.as_str().to_owned()).collect(),
        seeking: table.seek.as_ref().map(|seek| p::SeekView {
            purpose: match seek.purpose {
                Purpose::Handover => p::SeekPurpose::Handover,
                Purpose::Consult => p::SeekPurpose::Consult,
                Purpose::Join => p::SeekPurpose::Join,
            },
            agent: match &seek.target {
                Target::Agent(who) => Some(cast.agent(who)),
                Target::Queue => None,
            },
        }),
        parked_at: table.parked.as_ref().map(|parked| moment::precise(parked.at)),
        playing: table.clip.as_ref().map(|playing| playing.clip.as_str().to_owned()),
        recording: table.recording.as_ref().map(|recording| p::RecordingView {
            id: recording.id.as_str().to_owned(),
            state: match recording.state {
                RecordingState::Announcing => p::RecordingState::Announcing,
                RecordingState::On => p::RecordingState::Recording,
                RecordingState::Paused => p::RecordingState::Paused,
            },
        }),
    }
}

/// Everybody a table names.
pub(super) fn named(table: &Table) -> impl Iterator<Item = &UserId> {
    let sought = table.seek.as_ref().and_then(|seek| match &seek.target {
        Target::Agent(who) => Some(who),
        Target::Queue => None,
    });
    table.seats.keys().chain(sought)
}

/// Why somebody left.
pub(super) const fn left(why: Leaving) -> p::LeftReason {
    match why {
        Leaving::Transferred => p::LeftReason::Transferred,
        Leaving::Parked => p::LeftReason::Parked,
        Leaving::Left => p::LeftReason::Left,
        Leaving::Removed => p::LeftReason::Removed,
        Leaving::TakenOver => p::LeftReason::TakenOver,
        Leaving::Lost => p::LeftReason::Lost,
    }
}

/// How a leg goes.
pub(crate) fn quality(quality: &LegQuality) -> p::QualityView {
    p::QualityView {
        mos: quality.mos,
        loss_in: quality.loss_in,
        loss_out: quality.loss_out,
        jitter_ms: quality.jitter_ms,
        rtt_ms: quality.rtt_ms,
        codec: quality.codec.clone(),
        candidate: quality.candidate.clone(),
        first_audio_ms: quality.first_audio_ms,
    }
}
