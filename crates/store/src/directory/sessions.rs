//! Signed-in browsers and the tickets that open a WebSocket.
//!
//! What has expired is swept out whenever something new is written, so neither table grows for ever.

use async_trait::async_trait;
use offhook_core::house::Person;
use offhook_core::id::{KeyId, TenantId};
use offhook_core::ports::{Opener, Session, SessionRef, Sessions, StoreFault, Ticket};
use offhook_core::time::Time;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::people::{COLUMNS, person};
use super::rights;
use crate::database::{Trouble, corrupt, field};
use crate::secret::{fingerprint, new_secret};
use crate::store::Store;

#[async_trait]
impl Sessions for Store {
    async fn open(&self, person: &Person, now: Time, until: Time) -> Result<String, StoreFault> {
        let secret = new_secret();
        let hash = fingerprint(&secret).to_vec();
        let (tenant, id) = (person.tenant.as_str().to_owned(), person.id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sweep = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1");
                    sweep.bind(now.as_micros()).execute(&mut *tx).await?;
                    let sql = "INSERT INTO sessions (secret_hash, tenant, person_id, opened_at, seen_at, expires_at) \
                         VALUES ($1, $2, $3, $4, $4, $5)";
                    let query = sqlx::query(sql).bind(hash).bind(tenant).bind(id);
                    query.bind(now.as_micros()).bind(until.as_micros()).execute(&mut *tx).await?;
                    Ok(secret)
                })
            })
            .await
    }

    async fn opened(&self, secret: &str, now: Time) -> Result<Option<Session>, StoreFault> {
        self.standing(&SessionRef(fingerprint(secret)), now).await
    }

    async fn standing(&self, session: &SessionRef, now: Time) -> Result<Option<Session>, StoreFault> {
        let reading = async {
            let sql = format!(
                "SELECT {COLUMNS}, sessions.seen_at FROM sessions JOIN people \
                 ON people.tenant = sessions.tenant AND people.id = sessions.person_id \
                 WHERE sessions.secret_hash = $1 AND sessions.expires_at > $2"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(session.0.to_vec()).bind(now.as_micros());
            let Some(row) = query.fetch_optional(self.database().reader()).await? else { return Ok(None) };
            let seen_at = Time::from_micros(field(&row, "seen_at")?);
            Ok(Some(Session { id: session.clone(), person: person(&row)?, seen_at }))
        };
        self.database().read(reading).await
    }

    async fn touch(&self, session: &SessionRef, now: Time) -> Result<(), StoreFault> {
        let hash = session.0.to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE sessions SET seen_at = $2 WHERE secret_hash = $1 AND seen_at < $2";
                    sqlx::query(sql).bind(hash).bind(now.as_micros()).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn close(&self, secret: &str) -> Result<(), StoreFault> {
        let hash = fingerprint(secret).to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "DELETE FROM sessions WHERE secret_hash = $1 RETURNING tenant";
                    let Some(row) = sqlx::query(sql).bind(hash).fetch_optional(&mut *tx).await? else {
                        return Ok(());
                    };
                    let tenant =
                        TenantId::parse(field(&row, "tenant")?).ok_or_else(|| corrupt("sessions.tenant"))?;
                    rights::changed(tx, &tenant).await
                })
            })
            .await
    }

    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault> {
        let secret = new_secret();
        let hash = fingerprint(&secret).to_vec();
        let (tenant, id) = (ticket.person.tenant.as_str().to_owned(), ticket.person.id.as_str().to_owned());
        let until = ticket.until.as_micros();
        let (session, key) = match &ticket.by {
            Some(Opener::Session(SessionRef(hash))) => (Some(hash.to_vec()), None),
            Some(Opener::Key(key)) => (None, Some(key.as_str().to_owned())),
            None => (None, None),
        };
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO tickets (secret_hash, tenant, person_id, expires_at, session_hash, key_id) \
                         VALUES ($1, $2, $3, $4, $5, $6)";
                    let query = sqlx::query(sql).bind(hash).bind(tenant).bind(id).bind(until);
                    query.bind(session).bind(key).execute(tx).await?;
                    Ok(secret)
                })
            })
            .await
    }

    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Ticket>, StoreFault> {
        let hash = fingerprint(secret).to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sweep = sqlx::query("DELETE FROM tickets WHERE expires_at <= $1");
                    sweep.bind(now.as_micros()).execute(&mut *tx).await?;
                    // Deleting is what takes it: of two who try at once, one finds a row.
                    let sql = "DELETE FROM tickets WHERE secret_hash = $1 \
                         RETURNING person_id, expires_at, session_hash, key_id";
                    let Some(taken) = sqlx::query(sql).bind(hash).fetch_optional(&mut *tx).await? else {
                        return Ok(None);
                    };
                    let id: String = field(&taken, "person_id")?;
                    let sql = format!("SELECT {COLUMNS} FROM people WHERE id = $1");
                    let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *tx).await?;
                    let row = row.ok_or_else(|| corrupt("a ticket of nobody"))?;
                    let until = Time::from_micros(field(&taken, "expires_at")?);
                    Ok(Some(Ticket { person: person(&row)?, until, by: opener(&taken)? }))
                })
            })
            .await
    }

    async fn rights_version(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        self.changes_of_rights(tenant).await
    }
}

/// What a ticket was given for.
fn opener(row: &AnyRow) -> Result<Option<Opener>, Trouble> {
    let wrong = |column: &str| corrupt(&format!("tickets.{column}"));
    if let Some(hash) = field::<Option<Vec<u8>>, _>(row, "session_hash")? {
        let hash = hash.try_into().map_err(|_| wrong("session_hash"))?;
        return Ok(Some(Opener::Session(SessionRef(hash))));
    }
    match field::<Option<String>, _>(row, "key_id")? {
        Some(key) => Ok(Some(Opener::Key(KeyId::parse(&key).ok_or_else(|| wrong("key_id"))?))),
        None => Ok(None),
    }
}
