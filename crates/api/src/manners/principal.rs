//! Who asks, and what they may do.

use offhook_core::house::{ApiKey, Person, Role};
use offhook_core::id::TenantId;

/// A caller whose credential was checked.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) tenant: TenantId,
    pub(crate) who: Who,
}

#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A program.
    Key(ApiKey),
    /// A person with a session.
    Person(Person),
}

/// What an operation demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// See calls.
    ReadCalls,
    /// Place, answer and end calls.
    WriteCalls,
    /// Listen to recordings.
    ReadRecordings,
    /// Change business numbers.
    WriteNumbers,
    /// Erase recordings.
    EraseRecordings,
    /// See webhooks and what was sent to them.
    ReadHooks,
    /// Make, change and remove webhooks.
    WriteHooks,
    /// Read events.
    ReadEvents,
}

impl Right {
    /// The scope a key needs for it.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::ReadCalls => "calls:read",
            Self::WriteCalls => "calls:write",
            Self::ReadRecordings => "recordings:read",
            Self::EraseRecordings => "recordings:write",
            Self::WriteNumbers => "numbers:write",
            Self::ReadHooks => "webhooks:read",
            Self::WriteHooks => "webhooks:write",
            Self::ReadEvents => "events:read",
        }
    }
}

impl Principal {
    pub(crate) fn key(key: ApiKey) -> Self {
        Self { tenant: key.tenant.clone(), who: Who::Key(key) }
    }

    pub(crate) fn person(person: Person) -> Self {
        Self { tenant: person.tenant.clone(), who: Who::Person(person) }
    }

    /// A key without scopes is an old one and may do what a viewer may.
    pub(crate) fn role(&self) -> Role {
        match &self.who {
            Who::Key(key) if key.scopes.is_empty() => Role::Viewer,
            Who::Key(key) => key.role,
            Who::Person(person) => person.role,
        }
    }

    /// Whether role and scopes allow it.
    pub(crate) fn may(&self, right: Right) -> bool {
        let by_role = match right {
            Right::ReadCalls | Right::ReadEvents => true,
            Right::WriteCalls | Right::ReadRecordings => self.role().may_call(),
            Right::WriteNumbers | Right::ReadHooks | Right::WriteHooks => {
                matches!(self.role(), Role::Owner | Role::Admin | Role::Developer)
            }
            Right::EraseRecordings => matches!(self.role(), Role::Owner | Role::Admin),
        };
        let by_scope = match &self.who {
            Who::Key(key) if key.scopes.is_empty() => matches!(right, Right::ReadCalls | Right::ReadEvents),
            Who::Key(key) => key.covers(right.scope()),
            Who::Person(_) => true,
        };
        by_role && by_scope
    }

    /// For counting: the key or the person.
    pub(crate) fn id(&self) -> &str {
        match &self.who {
            Who::Key(key) => key.id.as_str(),
            Who::Person(person) => person.id.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use offhook_core::house::KeyMode;
    use offhook_core::id::KeyId;

    use super::*;

    fn key(role: Role, scopes: &[&str]) -> Principal {
        Principal::key(ApiKey {
            id: KeyId::parse("key_00000000000000000000000000000001").unwrap(),
            tenant: TenantId::parse("ten_00000000000000000000000000000001").unwrap(),
            role,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            mode: KeyMode::Live,
            number: None,
        })
    }

    #[test]
    fn role_and_scope_must_both_allow() {
        assert!(key(Role::Agent, &["calls:write"]).may(Right::WriteCalls));
        assert!(key(Role::Developer, &["*"]).may(Right::WriteCalls));
        assert!(!key(Role::Viewer, &["*"]).may(Right::WriteCalls));
        assert!(!key(Role::Owner, &["calls:read"]).may(Right::WriteCalls));
        assert!(!key(Role::Owner, &["webhooks:write"]).may(Right::ReadCalls));
        assert!(key(Role::Viewer, &["calls:*"]).may(Right::ReadCalls));
    }

    #[test]
    fn keys_without_scopes_are_viewers() {
        let old = key(Role::Owner, &[]);
        assert_eq!(old.role(), Role::Viewer);
        assert!(old.may(Right::ReadCalls));
        assert!(!old.may(Right::WriteCalls));
    }
}
