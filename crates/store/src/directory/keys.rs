//! API keys: found by their look-up part, proved by the hash of their secret part.

use async_trait::async_trait;
use ipnet::IpNet;
use offhook_core::audit::Deed;
use offhook_core::house::{ApiKey, KeyCard, Role};
use offhook_core::id::{KeyId, NumberId, TenantId};
use offhook_core::ports::{Keys, Minted, NewKey, StoreFault};
use offhook_core::time::Time;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{rights, words};
use crate::audit::append_some;
use crate::database::{Trouble, corrupt, field, taken, text};
use crate::secret::{new_key_text, read_key_text, same};
use crate::store::Store;

/// Compared when no key is found, so that an unknown key takes the path of a wrong one. No secret hashes to it.
const NOBODY: [u8; 32] = [0; 32];

const COLUMNS: &str = "id, tenant, name, role, scopes, mode, kind, number_id, allowed_ips, made_by, created_at, \
     expires_at, last_used_at, revoked_at";

#[async_trait]
impl Keys for Store {
    async fn mint(&self, new: NewKey) -> Result<Minted, StoreFault> {
        let (whole, stored) = new_key_text(new.key.mode, new.key.kind);
        let minted = Minted { id: new.key.id.clone(), text: whole };
        let scopes = list(new.key.scopes.iter().map(|scope| text(scope).into_owned()).collect())?;
        let allowed_ips = list(new.key.allowed_ips.iter().map(ToString::to_string).collect())?;
        let name = text(&new.key.name).into_owned();
        let draft = new.deed.map(|deed| self.draft(deed));
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO api_keys (id, tenant, lookup, secret_hash, name, role, scopes, mode, kind, \
                         number_id, allowed_ips, made_by, created_at, expires_at) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
                    sqlx::query(sql)
                        .bind(new.key.id.as_str().to_owned())
                        .bind(new.key.tenant.as_str().to_owned())
                        .bind(stored.lookup)
                        .bind(stored.secret_hash.to_vec())
                        .bind(name)
                        .bind(new.key.role.as_str())
                        .bind(scopes)
                        .bind(new.key.mode.as_str())
                        .bind(words::key_kind(new.key.kind))
                        .bind(new.key.number.as_ref().map(|number| number.as_str().to_owned()))
                        .bind(allowed_ips)
                        .bind(new.made_by)
                        .bind(new.at.as_micros())
                        .bind(new.expires_at.map(Time::as_micros))
                        .execute(&mut *tx)
                        .await
                        .map_err(taken("a key with this id"))?;
                    if let Some((old, until)) = new.replaces {
                        let sql = "UPDATE api_keys SET expires_at = $3 WHERE tenant = $1 AND id = $2 \
                             AND (expires_at IS NULL OR expires_at > $3)";
                        let query = sqlx::query(sql).bind(new.key.tenant.as_str().to_owned());
                        query.bind(old.as_str().to_owned()).bind(until.as_micros()).execute(&mut *tx).await?;
                        rights::changed(&mut *tx, &new.key.tenant).await?;
                    }
                    append_some(tx, draft).await?;
                    Ok(minted)
                })
            })
            .await
    }

    async fn check(&self, presented: &str, now: Time) -> Result<Option<ApiKey>, StoreFault> {
        let Some(shown) = read_key_text(presented) else { return Ok(None) };
        let reading = async {
            let sql = format!("SELECT secret_hash, {COLUMNS} FROM api_keys WHERE lookup = $1");
            let row = sqlx::query(AssertSqlSafe(sql))
                .bind(shown.lookup)
                .fetch_optional(self.database().reader())
                .await?;
            let stored = match &row {
                Some(row) => field::<&[u8], _>(row, "secret_hash")?,
                None => &NOBODY,
            };
            let proved = same(stored, &shown.secret_hash);
            let Some(row) = row.filter(|_| proved) else { return Ok(None) };
            let card = card(&row)?;
            let as_shown = (card.key.mode, card.key.kind) == (shown.mode, shown.kind);
            Ok((card.works_at(now) && as_shown).then_some(card.key))
        };
        self.database().read(reading).await
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<KeyCard>, StoreFault> {
        self.keys_where("tenant = $1", &[tenant.as_str()]).await
    }

    async fn load(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyCard>, StoreFault> {
        let mut found = self.keys_where("tenant = $1 AND id = $2", &[tenant.as_str(), id.as_str()]).await?;
        Ok(found.pop())
    }

    async fn revoke(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: Time,
        deed: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault> {
        let set = format!("revoked_at = {} WHERE revoked_at IS NULL", at.as_micros());
        self.change_key(tenant, id, set, None, deed).await
    }

    async fn set_allowed_ips(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        nets: Vec<IpNet>,
        deed: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault> {
        let nets = list(nets.iter().map(ToString::to_string).collect())?;
        self.change_key(tenant, id, "allowed_ips = $3 WHERE revoked_at IS NULL".to_owned(), Some(nets), deed)
            .await
    }

    async fn used(&self, id: &KeyId, at: Time) -> Result<(), StoreFault> {
        let id = id.as_str().to_owned();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE api_keys SET last_used_at = $2 \
                         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
                    sqlx::query(sql).bind(id).bind(at.as_micros()).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }
}

impl Store {
    async fn keys_where(&self, condition: &str, values: &[&str]) -> Result<Vec<KeyCard>, StoreFault> {
        let sql =
            format!("SELECT {COLUMNS} FROM api_keys WHERE {condition} ORDER BY created_at DESC, id DESC");
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind((*value).to_owned());
            }
            query.fetch_all(self.database().reader()).await?.iter().map(card).collect()
        };
        self.database().read(reading).await
    }

    /// Changes a key with its deed, if there is such a key.
    async fn change_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        set: String,
        value: Option<String>,
        deed: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault> {
        let (tenant, id) = (tenant.clone(), id.clone());
        let draft = deed.map(|deed| self.draft(deed));
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql =
                        format!("UPDATE api_keys SET {set} AND tenant = $1 AND id = $2 RETURNING {COLUMNS}");
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str().to_owned());
                    let mut query = query.bind(id.as_str().to_owned());
                    if let Some(value) = value {
                        query = query.bind(value);
                    }
                    let Some(row) = query.fetch_optional(&mut *tx).await? else { return Ok(None) };
                    let card = card(&row)?;
                    rights::changed(&mut *tx, &tenant).await?;
                    append_some(tx, draft).await?;
                    Ok(Some(card))
                })
            })
            .await
    }
}

/// A list as it is stored.
fn list(items: Vec<String>) -> Result<String, StoreFault> {
    serde_json::to_string(&items)
        .map_err(|_| StoreFault::Corrupt("a key's list cannot be written as JSON".to_owned()))
}

/// Reads [`COLUMNS`].
fn card(row: &AnyRow) -> Result<KeyCard, Trouble> {
    let id = KeyId::parse(field(row, "id")?).ok_or_else(|| corrupt("api_keys.id"))?;
    let wrong = |column: &str| corrupt(&format!("api_keys.{column} of {id}"));
    let at =
        |column: &'static str| Ok::<_, Trouble>(field::<Option<i64>, _>(row, column)?.map(Time::from_micros));
    let number = match field::<Option<&str>, _>(row, "number_id")? {
        Some(number) => Some(NumberId::parse(number).ok_or_else(|| wrong("number_id"))?),
        None => None,
    };
    let (made_by, created_at) = (field(row, "made_by")?, Time::from_micros(field(row, "created_at")?));
    let (expires_at, last_used_at, revoked_at) = (at("expires_at")?, at("last_used_at")?, at("revoked_at")?);
    let nets: Vec<String> =
        serde_json::from_str(field(row, "allowed_ips")?).map_err(|_| wrong("allowed_ips"))?;
    let key = ApiKey {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        role: Role::parse(field(row, "role")?).ok_or_else(|| wrong("role"))?,
        scopes: serde_json::from_str(field(row, "scopes")?).map_err(|_| wrong("scopes"))?,
        mode: words::read_key_mode(field(row, "mode")?).ok_or_else(|| wrong("mode"))?,
        kind: words::read_key_kind(field(row, "kind")?).ok_or_else(|| wrong("kind"))?,
        allowed_ips: nets
            .iter()
            .map(|net| net.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("allowed_ips"))?,
        name: field(row, "name")?,
        number,
        id,
    };
    Ok(KeyCard { key, made_by, created_at, expires_at, last_used_at, revoked_at })
}
