//! Two contacts that are one person.

use super::Contact;
use crate::time::Time;

/// The first with what the others knew: its own facts stand, gaps are filled in order, numbers, tags and ids
/// are joined, and a channel that one of them has refused stays refused.
#[must_use]
pub fn merge(primary: &Contact, others: &[Contact], now: Time) -> Contact {
    let mut merged = primary.clone();
    for other in others {
        let (facts, theirs) = (&mut merged.facts, &other.facts);
        fill(&mut facts.phone, &theirs.phone);
        facts.other_phones.extend(theirs.phones().cloned());
        fill(&mut facts.email, &theirs.email);
        fill(&mut facts.first_name, &theirs.first_name);
        fill(&mut facts.last_name, &theirs.last_name);
        fill(&mut facts.profile_name, &theirs.profile_name);
        fill(&mut facts.country_code, &theirs.country_code);
        fill(&mut facts.lifecycle_stage, &theirs.lifecycle_stage);
        for tag in &theirs.tags {
            if !facts.tags.contains(tag) {
                facts.tags.push(tag.clone());
            }
        }
        for (key, value) in &theirs.metadata {
            facts.metadata.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (channel, allowed) in &theirs.preferences {
            let held = facts.preferences.entry(*channel).or_insert(*allowed);
            *held &= *allowed;
        }
        facts.user_ids.extend(theirs.user_ids.iter().cloned());
        merged.created_at = merged.created_at.min(other.created_at);
    }
    merged.facts.settle_phones();
    merged.version = primary.version + 1;
    merged.updated_at = now;
    merged
}

fn fill<T: Clone>(field: &mut Option<T>, theirs: &Option<T>) {
    if field.is_none() {
        field.clone_from(theirs);
    }
}
