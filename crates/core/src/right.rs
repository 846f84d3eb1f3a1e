//! Who may do what: every right, the scope a key needs for it, and what each role has of it.
//!
//! This table is the only one. The doors ask [`Right::of`], the tests walk [`Right::ALL`], and the table in
//! `docs/roles.md` is written from it by [`table`]; a test compares them.

use std::fmt::Write;

use crate::house::Role;

/// What an operation demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// See calls and business numbers.
    ReadCalls,
    /// Place, answer, end and otherwise control calls.
    WriteCalls,
    /// Sit down at others' conversations and take them over.
    Supervise,
    /// See who permitted calls.
    ReadPermissions,
    /// Ask a WhatsApp user to permit calls.
    AskPermissions,
    /// Listen to recordings.
    ReadRecordings,
    /// Erase recordings.
    EraseRecordings,
    /// Change business numbers.
    WriteNumbers,
    /// Switch calling of a business number on and off.
    EnableCalling,
    /// See contacts.
    ReadContacts,
    /// Change contacts.
    WriteContacts,
    /// Erase contacts with everything that is kept of them.
    EraseContacts,
    /// Take many contacts away in one file.
    ExportContacts,
    /// See outbound webhooks and what became of deliveries.
    ReadWebhooks,
    /// Change outbound webhooks, and send again.
    WriteWebhooks,
    /// Read the tenant's event log.
    ReadEvents,
    /// See what calls cost.
    ReadCosts,
    /// Take many calls away in one file.
    ExportCalls,
    /// Make, change and revoke API keys.
    ManageKeys,
    /// Add, change and remove people.
    ManagePeople,
    /// Read the audit log.
    ReadAudit,
}

/// What a role has of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Nothing.
    No,
    /// All of it.
    Yes,
    /// All of it, in a form that the words describe.
    Partly(&'static str),
}

use Grant::{No, Partly, Yes};

/// Phone numbers lose their last digits.
const MASKED: Grant = Partly("masked");

struct Row {
    right: Right,
    /// For people.
    words: &'static str,
    /// What a key's scopes must cover.
    scope: &'static str,
    /// In the order of [`Role::ALL`]: owner, admin, developer, agent, viewer, billing.
    grants: [Grant; 6],
}

const fn row(right: Right, words: &'static str, scope: &'static str, grants: [Grant; 6]) -> Row {
    Row { right, words, scope, grants }
}

#[rustfmt::skip]
const TABLE: [Row; 21] = [
    row(Right::ReadCalls, "see calls and business numbers", "calls:read", [Yes, Yes, Yes, Yes, MASKED, MASKED]),
    row(Right::WriteCalls, "place, answer, end and control calls", "calls:write", [Yes, Yes, Yes, Partly("theirs; keys: any"), No, No]),
    row(Right::Supervise, "see live calls of others, listen, whisper, barge in, take over", "calls:write", [Yes, Yes, No, No, No, No]),
    row(Right::ReadPermissions, "see who permitted calls", "calls:read", [Yes, Yes, Yes, Yes, MASKED, MASKED]),
    row(Right::AskPermissions, "ask for permission to call", "calls:write", [Yes, Yes, Yes, Yes, No, No]),
    row(Right::ReadRecordings, "hear recordings", "recordings:read", [Yes, Yes, Yes, Partly("of calls they were in"), No, No]),
    row(Right::EraseRecordings, "erase recordings", "recordings:write", [Yes, Yes, No, No, No, No]),
    row(Right::WriteNumbers, "change business numbers", "numbers:write", [Yes, Yes, Yes, No, No, No]),
    row(Right::EnableCalling, "switch calling of a number on and off", "numbers:write", [Yes, Yes, No, No, No, No]),
    row(Right::ReadContacts, "see contacts", "contacts:read", [Yes, Yes, Yes, Yes, MASKED, MASKED]),
    row(Right::WriteContacts, "change contacts", "contacts:write", [Yes, Yes, Yes, Yes, No, No]),
    row(Right::EraseContacts, "erase contacts and what is kept of them", "contacts:write", [Yes, Yes, No, No, No, No]),
    row(Right::ExportContacts, "export contacts", "contacts:read", [Yes, Yes, Yes, No, No, No]),
    row(Right::ReadWebhooks, "see webhooks and their deliveries", "webhooks:read", [Yes, Yes, Yes, No, No, No]),
    row(Right::WriteWebhooks, "change webhooks, send again", "webhooks:write", [Yes, Yes, Yes, No, No, No]),
    row(Right::ReadEvents, "read the event log", "events:read", [Yes, Yes, Yes, Yes, MASKED, MASKED]),
    row(Right::ReadCosts, "see what calls cost", "calls:read", [Yes, Yes, Yes, No, No, Yes]),
    row(Right::ExportCalls, "export calls", "calls:read", [Yes, Yes, Yes, No, MASKED, MASKED]),
    row(Right::ManageKeys, "make and revoke API keys", "settings:write", [Yes, Yes, Partly("their own"), No, No, No]),
    row(Right::ManagePeople, "add, change and remove people", "settings:write", [Yes, Partly("not owners"), No, No, No, No]),
    row(Right::ReadAudit, "read the audit log", "audit:read", [Yes, Yes, Partly("their own acts"), No, No, No]),
];

/// Every scope there is. The inbox has none of its resources yet; its words are the provider's and keys may
/// have them already.
pub const SCOPES: [&str; 14] = [
    "calls:read",
    "calls:write",
    "recordings:read",
    "recordings:write",
    "numbers:write",
    "contacts:read",
    "contacts:write",
    "webhooks:read",
    "webhooks:write",
    "events:read",
    "inbox:read",
    "inbox:write",
    "settings:write",
    "audit:read",
];

/// Whether a key may have this scope: one of [`SCOPES`], an area with `*`, or `*` for all of them.
#[must_use]
pub fn is_scope(word: &str) -> bool {
    let area = |area: &str| SCOPES.iter().any(|known| known.split(':').next() == Some(area));
    word == "*" || SCOPES.contains(&word) || word.strip_suffix(":*").is_some_and(area)
}

/// Whether a holder of `held` may give `wanted` away.
#[must_use]
pub fn scope_within(held: &[String], wanted: &str) -> bool {
    let area = wanted.split(':').next().unwrap_or(wanted);
    held.iter().any(|scope| scope == "*" || scope == wanted || scope.strip_suffix(":*") == Some(area))
}

impl Right {
    /// All of them, in the order of the table.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::ReadCalls; TABLE.len()];
        let mut at = 0;
        while at < TABLE.len() {
            all[at] = TABLE[at].right;
            at += 1;
        }
        all
    };

    /// The scope a key needs for it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        self.row().scope
    }

    /// What a role has of it.
    #[must_use]
    pub const fn grant(self, role: Role) -> Grant {
        self.row().grants[role as usize]
    }

    /// Whether a role has any of it.
    #[must_use]
    pub const fn of(self, role: Role) -> bool {
        !matches!(self.grant(role), No)
    }

    /// Whether it changes nothing: public keys have no others.
    #[must_use]
    pub fn only_reads(self) -> bool {
        self.scope().ends_with(":read")
    }

    /// Whether it is about one business number each time, so that a test key can have it for numbers of the
    /// sandbox alone.
    #[must_use]
    pub const fn is_about_a_number(self) -> bool {
        matches!(
            self,
            Self::ReadCalls
                | Self::WriteCalls
                | Self::ReadPermissions
                | Self::AskPermissions
                | Self::ReadRecordings
                | Self::EraseRecordings
                | Self::WriteNumbers
                | Self::EnableCalling
        )
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// The table as it stands in `docs/roles.md`.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| may | a key's scope |");
    for role in Role::ALL {
        let _ = write!(text, " {} |", role.as_str());
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(Role::ALL.len()));
    for row in &TABLE {
        let _ = write!(text, "\n| {} | `{}` |", row.words, row.scope);
        for grant in row.grants {
            match grant {
                No => text.push_str(" |"),
                Yes => text.push_str(" yes |"),
                Partly(how) => {
                    let _ = write!(text, " {how} |");
                }
            }
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_and_role_is_in_its_place() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.right as usize, place, "{}", row.words);
            assert!(SCOPES.contains(&row.scope), "{}", row.scope);
        }
        for (place, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, place);
        }
    }

    #[test]
    fn an_owner_may_everything_and_the_other_roles_agree_with_what_they_say_of_themselves() {
        for right in Right::ALL {
            assert_eq!(right.grant(Role::Owner), Yes, "{right:?}");
        }
        for role in Role::ALL {
            assert_eq!(role.may_call(), Right::WriteCalls.of(role), "{role:?}");
            assert_eq!(role.sees_phones(), Right::ReadCalls.grant(role) == Yes, "{role:?}");
        }
    }

    #[test]
    fn scopes_are_known_words() {
        for known in ["*", "calls:*", "calls:read", "settings:write", "inbox:*"] {
            assert!(is_scope(known), "{known}");
        }
        for unknown in ["", "calls", "calls:", ":read", "calls:erase", "call:*", "**", "*:read", "Calls:read"]
        {
            assert!(!is_scope(unknown), "{unknown}");
        }
    }

    #[test]
    fn nobody_gives_away_more_than_they_hold() {
        let check = |held: &[&str], wanted: &str, expected: bool| {
            let held: Vec<String> = held.iter().map(|&scope| scope.to_owned()).collect();
            assert_eq!(scope_within(&held, wanted), expected, "{held:?} gives {wanted}");
        };
        check(&["*"], "*", true);
        check(&["*"], "calls:*", true);
        check(&["calls:*"], "calls:*", true);
        check(&["calls:*"], "calls:read", true);
        check(&["calls:read"], "calls:*", false);
        check(&["calls:read", "calls:write"], "calls:*", false);
        check(&["calls:*"], "*", false);
        check(&["calls:*"], "contacts:read", false);
        check(&[], "calls:read", false);
    }

    #[test]
    fn the_documentation_has_this_table() {
        let page = include_str!("../../../docs/roles.md");
        assert!(page.contains(&table()), "docs/roles.md is stale; the table is now:\n\n{}", table());
    }
}
