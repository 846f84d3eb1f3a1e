//! Signed-in browsers and the tickets that open a WebSocket.
//!
//! What has expired is swept out whenever something new is written, so neither table grows for ever.

use async_trait::async_trait;
use offhook_core::house::Person;
use offhook_core::ports::{Sessions, StoreFault, Ticket};
use offhook_core::time::Time;
use sqlx::AssertSqlSafe;

use super::people::{COLUMNS, person};
use crate::database::{corrupt, field};
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
                    let sql = "INSERT INTO sessions (secret_hash, tenant, person_id, opened_at, expires_at) \
                         VALUES ($1, $2, $3, $4, $5)";
                    let query = sqlx::query(sql).bind(hash).bind(tenant).bind(id);
                    query.bind(now.as_micros()).bind(until.as_micros()).execute(&mut *tx).await?;
                    Ok(secret)
                })
            })
            .await
    }

    async fn person(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault> {
        let hash = fingerprint(secret).to_vec();
        let reading = async {
            let sql = format!(
                "SELECT {COLUMNS} FROM sessions JOIN people \
                 ON people.tenant = sessions.tenant AND people.id = sessions.person_id \
                 WHERE sessions.secret_hash = $1 AND sessions.expires_at > $2"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(hash).bind(now.as_micros());
            let row = query.fetch_optional(self.database().reader()).await?;
            row.as_ref().map(person).transpose()
        };
        self.database().read(reading).await
    }

    async fn close(&self, secret: &str) -> Result<(), StoreFault> {
        let hash = fingerprint(secret).to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM sessions WHERE secret_hash = $1").bind(hash).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault> {
        let secret = new_secret();
        let hash = fingerprint(&secret).to_vec();
        let (tenant, id) = (ticket.person.tenant.as_str().to_owned(), ticket.person.id.as_str().to_owned());
        let until = ticket.until.as_micros();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO tickets (secret_hash, tenant, person_id, expires_at) VALUES ($1, $2, $3, $4)";
                    let query = sqlx::query(sql).bind(hash).bind(tenant).bind(id).bind(until);
                    query.execute(tx).await?;
                    Ok(secret)
                })
            })
            .await
    }

    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault> {
        let hash = fingerprint(secret).to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sweep = sqlx::query("DELETE FROM tickets WHERE expires_at <= $1");
                    sweep.bind(now.as_micros()).execute(&mut *tx).await?;
                    // Deleting is what takes it: of two who try at once, one finds a row.
                    let sql = "DELETE FROM tickets WHERE secret_hash = $1 RETURNING person_id";
                    let Some(taken) = sqlx::query(sql).bind(hash).fetch_optional(&mut *tx).await? else {
                        return Ok(None);
                    };
                    let id: String = field(&taken, "person_id")?;
                    let sql = format!("SELECT {COLUMNS} FROM people WHERE id = $1");
                    let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *tx).await?;
                    let row = row.ok_or_else(|| corrupt("a ticket of nobody"))?;
                    person(&row).map(Some)
                })
            })
            .await
    }
}
