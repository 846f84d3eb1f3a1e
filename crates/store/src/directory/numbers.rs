//! Business numbers, their sealed access tokens, and the sealed addresses of the voice bots that take their calls.

use async_trait::async_trait;
use offhook_core::call::table::BotUrl;
use offhook_core::house::{BusinessNumber, Calling, MediaMode};
use offhook_core::id::{MetaNumberId, NumberId, TenantId};
use offhook_core::phone::Phone;
use offhook_core::ports::{NewNumber, Numbers, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;

use super::words;
use crate::database::{Trouble, corrupt, field, taken, text};
use crate::secret::Place;
use crate::store::Store;

pub(super) const COLUMNS: &str =
    "id, tenant, meta_id, waba_id, phone, media_mode, calling_enabled, calling_at, sandbox, inbound_bot";

#[async_trait]
impl Numbers for Store {
    async fn add(&self, number: NewNumber) -> Result<BusinessNumber, StoreFault> {
        if let Some(gone) = self.disconnected(&number).await? {
            return self.reconnect(&gone, number).await;
        }
        let place = token_place(number.tenant.as_str(), number.id.as_str());
        let sealed = self.inner.sealer.seal(place, number.access_token.as_bytes());
        let added = BusinessNumber {
            id: number.id,
            tenant: number.tenant,
            meta_id: number.meta_id,
            waba_id: text(&number.waba_id).into_owned(),
            phone: number.phone,
            media_mode: number.media_mode,
            calling: Calling::default(),
            sandbox: number.sandbox,
            has_bot: false,
        };
        let at = number.at;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO numbers (id, tenant, meta_id, waba_id, phone, media_mode, access_token, \
                         created_at, sandbox) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
                    sqlx::query(sql)
                        .bind(added.id.as_str().to_owned())
                        .bind(added.tenant.as_str().to_owned())
                        .bind(added.meta_id.as_str().to_owned())
                        .bind(added.waba_id.clone())
                        .bind(added.phone.digits().to_owned())
                        .bind(words::media_mode(added.media_mode))
                        .bind(sealed)
                        .bind(at.as_micros())
                        .bind(i64::from(added.sandbox))
                        .execute(tx)
                        .await
                        .map_err(taken("a number with this WhatsApp id"))?;
                    Ok(added)
                })
            })
            .await
    }

    async fn by_meta_id(&self, id: &MetaNumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        let mut found = self.numbers_where("meta_id = $1", &[id.as_str()]).await?;
        Ok(found.pop())
    }

    async fn load(&self, tenant: &TenantId, id: &NumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        let mut found =
            self.numbers_where("tenant = $1 AND id = $2", &[tenant.as_str(), id.as_str()]).await?;
        Ok(found.pop())
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<BusinessNumber>, StoreFault> {
        self.numbers_where("tenant = $1", &[tenant.as_str()]).await
    }

    async fn set_media_mode(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        mode: MediaMode,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        let (whose, which) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE numbers SET media_mode = $3 WHERE tenant = $1 AND id = $2 AND removed_at IS NULL";
                    sqlx::query(sql)
                        .bind(whose)
                        .bind(which)
                        .bind(words::media_mode(mode))
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        Numbers::load(self, tenant, id).await
    }

    async fn set_calling(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        calling: Calling,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        let (whose, which) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE numbers SET calling_enabled = $3, calling_at = $4 \
                         WHERE tenant = $1 AND id = $2 AND (calling_at IS NULL OR calling_at < $4)";
                    sqlx::query(sql)
                        .bind(whose)
                        .bind(which)
                        .bind(i64::from(calling.enabled))
                        .bind(calling.at.map(Time::as_micros))
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        Numbers::load(self, tenant, id).await
    }

    async fn inbound_bot(&self, id: &NumberId) -> Result<Option<BotUrl>, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT tenant, inbound_bot FROM numbers WHERE id = $1");
            let row = query.bind(id.as_str().to_owned()).fetch_optional(self.database().reader()).await?;
            let Some(row) = row else { return Ok(None) };
            let Some(sealed) = field::<Option<Vec<u8>>, _>(&row, "inbound_bot")? else { return Ok(None) };
            let place = bot_place(field(&row, "tenant")?, id.as_str());
            let wrong = || corrupt(&format!("the voice bot of {id} does not open"));
            let bot = self.inner.sealer.open(place, &sealed).ok_or_else(wrong)?;
            let bot = String::from_utf8(bot.to_vec()).ok().and_then(BotUrl::new);
            bot.map(Some).ok_or_else(wrong)
        };
        self.database().read(reading).await
    }

    async fn set_inbound_bot(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        bot: Option<&BotUrl>,
    ) -> Result<bool, StoreFault> {
        let place = bot_place(tenant.as_str(), id.as_str());
        let sealed = bot.map(|bot| self.inner.sealer.seal(place, bot.reveal().as_bytes()));
        let (whose, which) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE numbers SET inbound_bot = $3 \
                         WHERE tenant = $1 AND id = $2 AND removed_at IS NULL";
                    let set = sqlx::query(sql).bind(whose).bind(which).bind(sealed).execute(tx).await?;
                    Ok(set.rows_affected() > 0)
                })
            })
            .await
    }

    async fn access_token(&self, id: &NumberId) -> Result<Option<String>, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT tenant, access_token FROM numbers WHERE id = $1");
            let row = query.bind(id.as_str().to_owned()).fetch_optional(self.database().reader()).await?;
            let Some(row) = row else { return Ok(None) };
            let sealed: &[u8] = field(&row, "access_token")?;
            let place = token_place(field(&row, "tenant")?, id.as_str());
            let wrong = || corrupt(&format!("the access token of {id} does not open"));
            let token = self.inner.sealer.open(place, sealed).ok_or_else(wrong)?;
            String::from_utf8(token.to_vec()).map(Some).map_err(|_| wrong())
        };
        self.database().read(reading).await
    }
}

impl Store {
    async fn numbers_where(
        &self,
        condition: &str,
        values: &[&str],
    ) -> Result<Vec<BusinessNumber>, StoreFault> {
        let sql = format!(
            "SELECT {COLUMNS} FROM numbers WHERE {condition} AND removed_at IS NULL ORDER BY created_at, id"
        );
        let reading = async {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for value in values {
                query = query.bind((*value).to_owned());
            }
            query.fetch_all(self.database().reader()).await?.iter().map(number).collect()
        };
        self.database().read(reading).await
    }
}

const fn bot_place<'a>(tenant: &'a str, row: &'a str) -> Place<'a> {
    Place { tenant, table: "numbers", column: "inbound_bot", row }
}

pub(super) const fn token_place<'a>(tenant: &'a str, row: &'a str) -> Place<'a> {
    Place { tenant, table: "numbers", column: "access_token", row }
}

pub(super) fn number(row: &AnyRow) -> Result<BusinessNumber, Trouble> {
    let id = NumberId::parse(field(row, "id")?).ok_or_else(|| corrupt("numbers.id"))?;
    let wrong = |column: &str| corrupt(&format!("numbers.{column} of {id}"));
    Ok(BusinessNumber {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        meta_id: MetaNumberId::parse(field(row, "meta_id")?).ok_or_else(|| wrong("meta_id"))?,
        waba_id: field(row, "waba_id")?,
        phone: Phone::parse(field(row, "phone")?).map_err(|_| wrong("phone"))?,
        media_mode: words::read_media_mode(field(row, "media_mode")?).ok_or_else(|| wrong("media_mode"))?,
        calling: Calling {
            enabled: field::<i64, _>(row, "calling_enabled")? != 0,
            at: field::<Option<i64>, _>(row, "calling_at")?.map(Time::from_micros),
        },
        sandbox: field::<i64, _>(row, "sandbox")? != 0,
        has_bot: field::<Option<&[u8]>, _>(row, "inbound_bot")?.is_some(),
        id,
    })
}
