//! API keys: found by their look-up part, proved by the hash of their secret part.

use async_trait::async_trait;
use offhook_core::house::{ApiKey, Role};
use offhook_core::id::{KeyId, NumberId, TenantId};
use offhook_core::ports::{Keys, Minted, NewKey, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;

use super::words;
use crate::database::{Trouble, corrupt, field, taken, text};
use crate::secret::{new_key_text, read_key_text, same};
use crate::store::Store;

/// Compared when no key is found, so that an unknown key takes the path of a wrong one. No secret hashes to it.
const NOBODY: [u8; 32] = [0; 32];

#[async_trait]
impl Keys for Store {
    async fn mint(&self, new: NewKey) -> Result<Minted, StoreFault> {
        let (whole, stored) = new_key_text(new.key.mode);
        let minted = Minted { id: new.key.id.clone(), text: whole };
        let scopes: Vec<_> = new.key.scopes.iter().map(|scope| text(scope)).collect();
        let scopes = serde_json::to_string(&scopes)
            .map_err(|_| StoreFault::Corrupt("a key's scopes cannot be written as JSON".to_owned()))?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO api_keys (id, tenant, lookup, secret_hash, role, scopes, mode, number_id, \
                         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
                    sqlx::query(sql)
                        .bind(new.key.id.as_str().to_owned())
                        .bind(new.key.tenant.as_str().to_owned())
                        .bind(stored.lookup)
                        .bind(stored.secret_hash.to_vec())
                        .bind(new.key.role.as_str())
                        .bind(scopes)
                        .bind(new.key.mode.as_str())
                        .bind(new.key.number.as_ref().map(|number| number.as_str().to_owned()))
                        .bind(new.at.as_micros())
                        .bind(new.expires_at.map(Time::as_micros))
                        .execute(tx)
                        .await
                        .map_err(taken("a key with this id"))?;
                    Ok(minted)
                })
            })
            .await
    }

    async fn check(&self, presented: &str, now: Time) -> Result<Option<ApiKey>, StoreFault> {
        let Some(shown) = read_key_text(presented) else { return Ok(None) };
        let reading = async {
            let sql = "SELECT id, tenant, secret_hash, role, scopes, mode, number_id, expires_at, revoked_at \
                 FROM api_keys WHERE lookup = $1";
            let row = sqlx::query(sql).bind(shown.lookup).fetch_optional(self.database().reader()).await?;
            let stored = match &row {
                Some(row) => field::<&[u8], _>(row, "secret_hash")?,
                None => &NOBODY,
            };
            let proved = same(stored, &shown.secret_hash);
            let Some(row) = row.filter(|_| proved) else { return Ok(None) };
            let works = works(&row, now)?;
            let key = key(&row)?;
            Ok((works && key.mode == shown.mode).then_some(key))
        };
        self.database().read(reading).await
    }
}

/// Whether the key is neither revoked nor expired.
fn works(row: &AnyRow, now: Time) -> Result<bool, Trouble> {
    let revoked: Option<i64> = field(row, "revoked_at")?;
    let expires: Option<i64> = field(row, "expires_at")?;
    Ok(revoked.is_none() && expires.is_none_or(|at| now.as_micros() < at))
}

fn key(row: &AnyRow) -> Result<ApiKey, Trouble> {
    let id = KeyId::parse(field(row, "id")?).ok_or_else(|| corrupt("api_keys.id"))?;
    let wrong = |column: &str| corrupt(&format!("api_keys.{column} of {id}"));
    let number = match field::<Option<&str>, _>(row, "number_id")? {
        Some(number) => Some(NumberId::parse(number).ok_or_else(|| wrong("number_id"))?),
        None => None,
    };
    Ok(ApiKey {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        role: Role::parse(field(row, "role")?).ok_or_else(|| wrong("role"))?,
        scopes: serde_json::from_str(field(row, "scopes")?).map_err(|_| wrong("scopes"))?,
        mode: words::read_key_mode(field(row, "mode")?).ok_or_else(|| wrong("mode"))?,
        number,
        id,
    })
}
