//! Business numbers as clients connect, change and disconnect them. A disconnected number keeps its row, because its
//! calls name it, and is found by nobody else.

use async_trait::async_trait;
use offhook_core::house::BusinessNumber;
use offhook_core::id::{NumberId, TenantId};
use offhook_core::ports::{
    Channel, ChannelChange, ChannelNotes, Channels, Disconnected, NewNumber, Numbers, StoreFault,
};
use offhook_core::time::Time;
use sqlx::any::AnyRow;

use super::numbers::{self, token_place};
use super::words;
use crate::database::{Trouble, field, text};
use crate::store::Store;

#[async_trait]
impl Channels for Store {
    async fn channels(&self, tenant: &TenantId) -> Result<Vec<Channel>, StoreFault> {
        let sql = format!(
            "SELECT n.{}, n.created_at, n.removed_at, c.display_name, c.onboarding, c.provider, c.order_id, \
             c.updated_at FROM numbers n LEFT JOIN channels c ON c.number_id = n.id WHERE n.tenant = $1 \
             ORDER BY n.created_at, n.id",
            numbers::COLUMNS.replace(", ", ", n.")
        );
        let reading = async {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str().to_owned());
            query.fetch_all(self.database().reader()).await?.iter().map(channel).collect()
        };
        self.database().read(reading).await
    }

    async fn connect(&self, number: NewNumber, notes: ChannelNotes) -> Result<Channel, StoreFault> {
        let at = number.at;
        let added = Numbers::add(self, number).await?;
        self.note(&added, notes, at).await?;
        let found = self.one_channel(&added.tenant, &added.id).await?;
        found.ok_or_else(|| StoreFault::Corrupt("a number that was just added is gone".to_owned()))
    }

    async fn change(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        change: ChannelChange,
    ) -> Result<Option<Channel>, StoreFault> {
        let Some(number) = Numbers::load(self, tenant, id).await? else { return Ok(None) };
        if let Some(token) = change.access_token {
            let place = token_place(tenant.as_str(), id.as_str());
            let sealed = self.inner.sealer.seal(place, token.as_bytes());
            let (whose, which) = (tenant.as_str().to_owned(), id.as_str().to_owned());
            self.database()
                .write(move |tx| {
                    Box::pin(async move {
                        let sql = "UPDATE numbers SET access_token = $3 WHERE tenant = $1 AND id = $2";
                        sqlx::query(sql).bind(whose).bind(which).bind(sealed).execute(tx).await?;
                        Ok(())
                    })
                })
                .await?;
        }
        let notes = ChannelNotes { display_name: change.display_name, ..ChannelNotes::default() };
        self.note(&number, notes, change.at).await?;
        self.one_channel(tenant, id).await
    }

    async fn disconnect(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        at: Time,
    ) -> Result<Disconnected, StoreFault> {
        if Numbers::load(self, tenant, id).await?.is_none() {
            return Ok(Disconnected::Unknown);
        }
        let (whose, which) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE numbers SET removed_at = $3 WHERE tenant = $1 AND id = $2 \
                         AND removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM calls WHERE number_id = numbers.id \
                         AND state NOT IN ('completed', 'rejected', 'missed', 'failed'))";
                    let done =
                        sqlx::query(sql).bind(whose).bind(which).bind(at.as_micros()).execute(tx).await?;
                    Ok(if done.rows_affected() == 1 { Disconnected::Done } else { Disconnected::Busy })
                })
            })
            .await
    }
}

impl Store {
    async fn one_channel(&self, tenant: &TenantId, id: &NumberId) -> Result<Option<Channel>, StoreFault> {
        Ok(self.channels(tenant).await?.into_iter().find(|channel| channel.number.id == *id))
    }

    /// Writes what was said; what was not said stays.
    async fn note(&self, number: &BusinessNumber, notes: ChannelNotes, at: Time) -> Result<(), StoreFault> {
        let (tenant, id) = (number.tenant.as_str().to_owned(), number.id.as_str().to_owned());
        let clean = |said: Option<String>| said.map(|said| text(&said).into_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO channels (number_id, tenant, display_name, onboarding, provider, order_id, \
                         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (number_id) DO UPDATE SET \
                         display_name = coalesce(excluded.display_name, channels.display_name), \
                         onboarding = coalesce(excluded.onboarding, channels.onboarding), \
                         provider = coalesce(excluded.provider, channels.provider), \
                         order_id = coalesce(excluded.order_id, channels.order_id), \
                         updated_at = excluded.updated_at";
                    sqlx::query(sql)
                        .bind(id)
                        .bind(tenant)
                        .bind(clean(notes.display_name))
                        .bind(clean(notes.onboarding))
                        .bind(clean(notes.provider))
                        .bind(clean(notes.order_id))
                        .bind(at.as_micros())
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// The tenant's own number of this WhatsApp id that was disconnected.
    pub(super) async fn disconnected(&self, number: &NewNumber) -> Result<Option<NumberId>, StoreFault> {
        let sql = "SELECT id FROM numbers WHERE meta_id = $1 AND tenant = $2 AND removed_at IS NOT NULL";
        let reading = async {
            let query = sqlx::query(sql)
                .bind(number.meta_id.as_str().to_owned())
                .bind(number.tenant.as_str().to_owned());
            let row = query.fetch_optional(self.database().reader()).await?;
            match row {
                Some(row) => Ok(NumberId::parse(field(&row, "id")?)),
                None => Ok(None),
            }
        };
        self.database().read(reading).await
    }

    /// Brings a disconnected number back under its old id, so that its calls are its own again.
    pub(super) async fn reconnect(
        &self,
        id: &NumberId,
        number: NewNumber,
    ) -> Result<BusinessNumber, StoreFault> {
        let place = token_place(number.tenant.as_str(), id.as_str());
        let sealed = self.inner.sealer.seal(place, number.access_token.as_bytes());
        let (which, tenant) = (id.as_str().to_owned(), number.tenant.clone());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE numbers SET waba_id = $2, phone = $3, media_mode = $4, access_token = $5, \
                         inbound_bot = NULL, removed_at = NULL WHERE id = $1 AND removed_at IS NOT NULL";
                    sqlx::query(sql)
                        .bind(which)
                        .bind(text(&number.waba_id).into_owned())
                        .bind(number.phone.digits().to_owned())
                        .bind(words::media_mode(number.media_mode))
                        .bind(sealed)
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await?;
        Numbers::load(self, &tenant, id).await?.ok_or(StoreFault::Conflict)
    }
}

fn channel(row: &AnyRow) -> Result<Channel, Trouble> {
    let created_at = Time::from_micros(field(row, "created_at")?);
    let updated_at: Option<i64> = field(row, "updated_at")?;
    let removed_at: Option<i64> = field(row, "removed_at")?;
    Ok(Channel {
        number: numbers::number(row)?,
        notes: ChannelNotes {
            display_name: field(row, "display_name")?,
            onboarding: field(row, "onboarding")?,
            provider: field(row, "provider")?,
            order_id: field(row, "order_id")?,
        },
        created_at,
        updated_at: updated_at.map_or(created_at, Time::from_micros),
        removed_at: removed_at.map(Time::from_micros),
    })
}
