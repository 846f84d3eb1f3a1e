//! Who asks, and what they may do.

use offhook_core::audit::Actor;
use offhook_core::house::{ApiKey, KeyKind, KeyMode, Person, Role};
use offhook_core::id::{NumberId, TenantId};
pub(crate) use offhook_core::right::Right;

/// A caller whose credential was checked.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) tenant: TenantId,
    pub(crate) who: Who,
    /// Whether they may reach simulators only: the key is a test key, or the request says so.
    pub(crate) sandbox: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A program.
    Key(ApiKey),
    /// A person with a session.
    Person(Person),
}

impl Principal {
    pub(crate) fn key(key: ApiKey) -> Self {
        Self { tenant: key.tenant.clone(), sandbox: key.mode == KeyMode::Test, who: Who::Key(key) }
    }

    pub(crate) fn person(person: Person) -> Self {
        Self { tenant: person.tenant.clone(), sandbox: false, who: Who::Person(person) }
    }

    /// A key without scopes is an old one and may do what a viewer may, and everybody can read a public one.
    pub(crate) fn role(&self) -> Role {
        match &self.who {
            Who::Key(key) if key.scopes.is_empty() => Role::Viewer,
            Who::Key(key) if key.kind == KeyKind::Public && Role::Viewer.reaches(key.role) => key.role,
            Who::Key(key) if key.kind == KeyKind::Public => Role::Viewer,
            Who::Key(key) => key.role,
            Who::Person(person) => person.role,
        }
    }

    /// Whether role and scopes allow it.
    pub(crate) fn may(&self, right: Right) -> bool {
        let by_role = right.of(self.role());
        let by_scope = match &self.who {
            Who::Key(key) if key.scopes.is_empty() => right.only_reads(),
            Who::Key(key) => key.covers(right.scope()),
            Who::Person(_) => true,
        };
        let public = matches!(&self.who, Who::Key(key) if key.kind == KeyKind::Public);
        by_role && by_scope && (right.only_reads() || !public)
    }

    /// The one number the key was made for.
    pub(crate) fn only_number(&self) -> Option<&NumberId> {
        match &self.who {
            Who::Key(key) => key.number.as_ref(),
            Who::Person(_) => None,
        }
    }

    /// For the audit log.
    pub(crate) fn actor(&self) -> Actor {
        match &self.who {
            Who::Key(key) => Actor::Key(key.id.clone(), key.name.clone()),
            Who::Person(person) => Actor::Person(person.id.clone(), person.name.clone()),
        }
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
    use offhook_core::id::KeyId;

    use super::*;

    fn key(role: Role, scopes: &[&str]) -> Principal {
        let id = KeyId::parse("key_00000000000000000000000000000001").unwrap();
        let tenant = TenantId::parse("ten_00000000000000000000000000000001").unwrap();
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Principal::key(ApiKey { scopes, ..ApiKey::new(id, tenant, role) })
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
        assert!(old.may(Right::ReadContacts));
        assert!(!old.may(Right::WriteCalls));
    }
    #[test]
    fn public_keys_read_masked_and_nothing_else() {
        let mut public = key(Role::Owner, &["*"]);
        if let Who::Key(key) = &mut public.who {
            key.kind = KeyKind::Public;
        }
        assert_eq!(public.role(), Role::Viewer);
        assert!(public.may(Right::ReadCalls));
        for right in Right::ALL {
            assert!(!public.may(right) || right.only_reads(), "{right:?}");
        }
    }
}
