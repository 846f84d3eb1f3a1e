//! Segments, which contacts belong to by a rule, and lists, which they are put on.

use super::Contact;
use super::rule::Rule;
use crate::id::{ListId, SegmentId, TenantId};
use crate::time::Time;

/// A segment: everybody a rule admits, at any moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Ours.
    pub id: SegmentId,
    /// Whose.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// Who belongs.
    pub rule: Rule,
    /// The rule as it was written, JSON.
    pub written: String,
    /// How many belong now. Kept by every change of a contact.
    pub count: u64,
    /// When it was made.
    pub created_at: Time,
}

/// A list: everybody somebody put on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactList {
    /// Ours.
    pub id: ListId,
    /// Whose.
    pub tenant: TenantId,
    /// For people; one list of a company has it.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// How many are on it.
    pub members: u64,
    /// When it was made.
    pub created_at: Time,
}

/// A contact came to belong to a segment, or ceased to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub segment: SegmentId,
    /// Whether it belongs now.
    pub joined: bool,
}

/// What a change of a contact means for the segments. `None` stands for a contact that is not there.
#[must_use]
pub fn moves(segments: &[Segment], before: Option<&Contact>, after: Option<&Contact>) -> Vec<Move> {
    let belongs =
        |segment: &Segment, contact: Option<&Contact>| contact.is_some_and(|it| segment.rule.admits(it));
    let moved = segments.iter().filter_map(|segment| {
        let (was, is) = (belongs(segment, before), belongs(segment, after));
        (was != is).then(|| Move { segment: segment.id.clone(), joined: is })
    });
    moved.collect()
}
