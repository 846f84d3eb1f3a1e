//! People who sign in.

use async_trait::async_trait;
use offhook_core::house::{Person, Presence, Role};
use offhook_core::id::{TenantId, UserId};
use offhook_core::ports::{Changed, NewPerson, People, PersonChange, Removal, SessionRef, StoreFault};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{rights, words};
use crate::audit::append_some;
use crate::database::{Trouble, corrupt, field, taken, text};
use crate::store::Store;

/// A person's columns, for tables joined under the name `people`.
pub(super) const COLUMNS: &str =
    "people.id, people.tenant, people.email, people.name, people.role, people.presence";

#[async_trait]
impl People for Store {
    async fn add(&self, person: NewPerson) -> Result<Person, StoreFault> {
        let password = self.inner.passwords.hash(&person.password).await?;
        let added = Person {
            id: person.id,
            tenant: person.tenant,
            email: address(&person.email),
            name: text(&person.name).into_owned(),
            role: person.role,
            presence: Presence::Away,
        };
        let at = person.at;
        let draft = person.deed.map(|deed| self.draft(deed));
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO people (id, tenant, email, name, role, password, presence, created_at) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
                    sqlx::query(sql)
                        .bind(added.id.as_str().to_owned())
                        .bind(added.tenant.as_str().to_owned())
                        .bind(added.email.clone())
                        .bind(added.name.clone())
                        .bind(added.role.as_str())
                        .bind(password)
                        .bind(words::presence(added.presence))
                        .bind(at.as_micros())
                        .execute(&mut *tx)
                        .await
                        .map_err(taken("a person with this address"))?;
                    append_some(tx, draft).await?;
                    Ok(added)
                })
            })
            .await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<Option<Person>, StoreFault> {
        let reading = async {
            let sql = format!("SELECT {COLUMNS}, people.password FROM people WHERE email = $1");
            let query = sqlx::query(AssertSqlSafe(sql)).bind(address(email));
            let row = query.fetch_optional(self.database().reader()).await?;
            row.map(|row| Ok((person(&row)?, field::<String, _>(&row, "password")?))).transpose()
        };
        let (found, stored) = self.database().read(reading).await?.unzip();
        let fits = self.inner.passwords.verify(password, stored).await?;
        Ok(found.filter(|_| fits))
    }

    async fn load(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Person>, StoreFault> {
        let mut found = self.people_where("tenant = $1 AND id = $2", &[tenant.as_str(), id.as_str()]).await?;
        Ok(found.pop())
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<Person>, StoreFault> {
        self.people_where("tenant = $1", &[tenant.as_str()]).await
    }

    async fn set_presence(&self, id: &UserId, presence: Presence) -> Result<(), StoreFault> {
        let id = id.as_str().to_owned();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let query = sqlx::query("UPDATE people SET presence = $2 WHERE id = $1");
                    query.bind(id).bind(words::presence(presence)).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn change(&self, change: PersonChange) -> Result<Changed, StoreFault> {
        let password = match &change.password {
            Some(password) => Some(self.inner.passwords.hash(password).await?),
            None => None,
        };
        let draft = change.deed.map(|deed| self.draft(deed));
        let (tenant, id, role) = (change.tenant, change.id, change.role);
        let name = change.name.map(|name| text(&name).into_owned());
        let spare = change.spare.map(|SessionRef(hash)| hash.to_vec());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    rights::changed(&mut *tx, &tenant).await?;
                    let loses = role.is_some_and(|role| role != Role::Owner);
                    if loses && is_last_owner(&mut *tx, &tenant, &id).await? {
                        return Ok(Changed::LastOwner);
                    }
                    let sql = format!(
                        "UPDATE people SET name = COALESCE($3, name), role = COALESCE($4, role), \
                         password = COALESCE($5, password) WHERE tenant = $1 AND id = $2 RETURNING {COLUMNS}"
                    );
                    let ends = role.is_some() || password.is_some();
                    let row = sqlx::query(AssertSqlSafe(sql))
                        .bind(tenant.as_str().to_owned())
                        .bind(id.as_str().to_owned())
                        .bind(name)
                        .bind(role.map(Role::as_str))
                        .bind(password)
                        .fetch_optional(&mut *tx)
                        .await?;
                    let Some(row) = row else { return Ok(Changed::Unknown) };
                    let person = person(&row)?;
                    if ends {
                        let sql =
                            "DELETE FROM sessions WHERE tenant = $1 AND person_id = $2 AND secret_hash <> $3";
                        let query = sqlx::query(sql).bind(tenant.as_str().to_owned());
                        let query = query.bind(id.as_str().to_owned()).bind(spare.unwrap_or_default());
                        query.execute(&mut *tx).await?;
                    }
                    append_some(tx, draft).await?;
                    Ok(Changed::Done(person))
                })
            })
            .await
    }

    async fn remove(&self, removal: Removal) -> Result<Changed, StoreFault> {
        let draft = removal.deed.map(|deed| self.draft(deed));
        let Removal { tenant, id, revoke_keys, at, .. } = removal;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    rights::changed(&mut *tx, &tenant).await?;
                    if is_last_owner(&mut *tx, &tenant, &id).await? {
                        return Ok(Changed::LastOwner);
                    }
                    // Sessions and tickets go with their person.
                    let sql = format!("DELETE FROM people WHERE tenant = $1 AND id = $2 RETURNING {COLUMNS}");
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str().to_owned());
                    let row = query.bind(id.as_str().to_owned()).fetch_optional(&mut *tx).await?;
                    let Some(row) = row else { return Ok(Changed::Unknown) };
                    let person = person(&row)?;
                    if revoke_keys {
                        let sql = "UPDATE api_keys SET revoked_at = $3 \
                             WHERE tenant = $1 AND made_by = $2 AND revoked_at IS NULL";
                        let query = sqlx::query(sql).bind(tenant.as_str().to_owned());
                        query.bind(id.as_str().to_owned()).bind(at.as_micros()).execute(&mut *tx).await?;
                    }
                    append_some(tx, draft).await?;
                    Ok(Changed::Done(person))
                })
            })
            .await
    }

    async fn whose(&self, email: &str) -> Result<Option<Person>, StoreFault> {
        let mut found = self.people_where("email = $1", &[&address(email)]).await?;
        Ok(found.pop())
    }
}

/// Whether the person is the only owner. Whoever asks has locked the tenant's row.
async fn is_last_owner(tx: &mut AnyConnection, tenant: &TenantId, id: &UserId) -> Result<bool, Trouble> {
    let query = sqlx::query("SELECT id FROM people WHERE tenant = $1 AND role = $2 ORDER BY id LIMIT 2");
    let rows = query.bind(tenant.as_str().to_owned()).bind(Role::Owner.as_str()).fetch_all(tx).await?;
    match rows.as_slice() {
        [only] => Ok(field::<String, _>(only, "id")? == id.as_str()),
        _ => Ok(false),
    }
}

impl Store {
    async fn people_where(&self, condition: &str, values: &[&str]) -> Result<Vec<Person>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM people WHERE {condition} ORDER BY created_at, id");
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind((*value).to_owned());
            }
            query.fetch_all(self.database().reader()).await?.iter().map(person).collect()
        };
        self.database().read(reading).await
    }
}

/// Reads [`COLUMNS`].
pub(super) fn person(row: &AnyRow) -> Result<Person, Trouble> {
    let id = UserId::parse(field(row, "id")?).ok_or_else(|| corrupt("people.id"))?;
    let wrong = |column: &str| corrupt(&format!("people.{column} of {id}"));
    Ok(Person {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        email: field(row, "email")?,
        name: field(row, "name")?,
        role: Role::parse(field(row, "role")?).ok_or_else(|| wrong("role"))?,
        presence: words::read_presence(field(row, "presence")?).ok_or_else(|| wrong("presence"))?,
        id,
    })
}

/// An address as it is stored and looked up, however it was typed.
fn address(typed: &str) -> String {
    text(typed.trim()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use offhook_core::ports::{NewTenant, Tenants};
    use offhook_core::time::Time;
    use uuid::Uuid;

    use super::*;
    use crate::MasterKey;

    #[tokio::test]
    async fn a_stranger_costs_as_much_as_a_colleague() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("people.db").display());
        let store = Store::open(&url, MasterKey::from_bytes([7; 32])).await.unwrap();
        let (tenant, at) = (TenantId::from_uuid(Uuid::from_u128(1)), Time::from_secs(1));
        let new = NewTenant { id: tenant.clone(), name: "Company".to_owned(), at };
        Tenants::add(&store, new).await.unwrap();
        let alice = NewPerson {
            id: UserId::from_uuid(Uuid::from_u128(2)),
            tenant,
            email: "alice@example.com".to_owned(),
            name: "Alice".to_owned(),
            role: Role::Agent,
            password: "correct battery staple".to_owned(),
            at,
            deed: None,
        };
        People::add(&store, alice).await.unwrap();
        let cost = async |email: &str| {
            let before = store.inner.passwords.computed();
            assert_eq!(store.sign_in(email, "wrong").await.unwrap(), None);
            store.inner.passwords.computed() - before
        };
        // A hash takes a hundred times what everything else does: their number is the wait.
        assert_eq!((cost("alice@example.com").await, cost("nobody@example.com").await), (1, 1));
    }
}
