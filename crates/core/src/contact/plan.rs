//! What a change of a contact means: which segments it joins and leaves, and what is told of it.

use super::Contact;
use super::segment::{Move, Segment, moves};
use crate::event::{ContactEvent, Event};

/// Everything that is written with a contact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Segments joined and left.
    pub moves: Vec<Move>,
    /// What is told, in order.
    pub events: Vec<Event>,
}

/// Plans the step from `before` to `after`; `None` stands for a contact that is not there.
#[must_use]
pub fn plan(before: Option<&Contact>, after: Option<&Contact>, segments: &[Segment]) -> Plan {
    let Some(subject) = after.or(before) else { return Plan::default() };
    let moves = moves(segments, before, after);
    let mut told = Vec::new();
    match (before, after) {
        (None, Some(_)) => told.push(ContactEvent::Created),
        (Some(_), None) => told.push(ContactEvent::Deleted),
        (Some(before), Some(after)) if before.facts != after.facts => told.push(ContactEvent::Updated),
        (Some(_), Some(_)) | (None, None) => {}
    }
    if let Some(after) = after {
        let was = before.map(|before| &before.facts.preferences);
        for (channel, allowed) in &after.facts.preferences {
            // A channel nobody has decided on is open: allowing it is no news.
            let old = was.and_then(|was| was.get(channel)).copied().unwrap_or(true);
            match (old, *allowed) {
                (true, false) => told.push(ContactEvent::OptedOut { channel: *channel }),
                (false, true) => told.push(ContactEvent::OptedIn { channel: *channel }),
                (true, true) | (false, false) => {}
            }
        }
        let moved = moves.iter();
        told.extend(
            moved.map(|it| ContactEvent::SegmentChanged { segment: it.segment.clone(), joined: it.joined }),
        );
    }
    // What was deleted is told by its id alone.
    let facts = after.map(|after| Box::new(after.facts.clone()));
    let event = |what| Event::Contact { contact: subject.id.clone(), what, facts: facts.clone() };
    Plan { events: told.into_iter().map(event).collect(), moves }
}
