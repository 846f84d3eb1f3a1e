//! Lists and segments.

use async_trait::async_trait;
use offhook_core::contact::segment::{ContactList, Segment};
use offhook_core::id::{ContactId, ListId, SegmentId, TenantId};
use offhook_core::ports::{ContactGroups, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::crowd::crowd;
use super::text::each_text;
use super::write::one_at_a_time;
use crate::database::{Dialect, Trouble, corrupt, field, taken};
use crate::store::Store;

const LIST: &str = "SELECT l.id, l.tenant, l.name, l.description, l.created_at, \
     (SELECT COUNT(*) FROM contact_list_members m WHERE m.list_id = l.id) AS members FROM contact_lists l ";

const SEGMENT: &str = "SELECT id, tenant, name, rule, written, members, created_at FROM contact_segments ";

#[async_trait]
impl ContactGroups for Store {
    async fn put_list(&self, list: &ContactList) -> Result<(), StoreFault> {
        let list = list.clone();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO contact_lists (id, tenant, name, description, created_at) \
                         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE \
                         SET name = excluded.name, description = excluded.description";
                    let query = sqlx::query(sql)
                        .bind(list.id.as_str().to_owned())
                        .bind(list.tenant.as_str().to_owned())
                        .bind(list.name)
                        .bind(list.description)
                        .bind(list.created_at.as_micros());
                    query.execute(tx).await.map_err(taken("a list with this name"))?;
                    Ok(())
                })
            })
            .await
    }

    async fn list(&self, tenant: &TenantId, id: &ListId) -> Result<Option<ContactList>, StoreFault> {
        let values = [tenant.as_str(), id.as_str()];
        Ok(self.groups(&format!("{LIST} WHERE l.tenant = $1 AND l.id = $2"), &values, list).await?.pop())
    }

    async fn lists(&self, tenant: &TenantId) -> Result<Vec<ContactList>, StoreFault> {
        let sql = format!("{LIST} WHERE l.tenant = $1 ORDER BY l.created_at, l.id");
        self.groups(&sql, &[tenant.as_str()], list).await
    }

    async fn remove_list(&self, tenant: &TenantId, id: &ListId) -> Result<bool, StoreFault> {
        self.gone("DELETE FROM contact_lists WHERE tenant = $1 AND id = $2", tenant, id.as_str()).await
    }

    async fn put_on(&self, tenant: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault> {
        let sql = |each: &str| {
            format!(
                "INSERT INTO contact_list_members (list_id, contact) SELECT l.id, c.place FROM contact_lists l \
                 JOIN contacts c ON c.tenant = l.tenant WHERE l.id = $2 AND l.tenant = $3 AND c.id IN ({each}) \
                 ON CONFLICT (list_id, contact) DO NOTHING"
            )
        };
        self.members(sql, tenant, id, who).await
    }

    async fn take_off(&self, tenant: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault> {
        let sql = |each: &str| {
            format!(
                "DELETE FROM contact_list_members WHERE list_id IN (SELECT id FROM contact_lists WHERE id = $2 \
                 AND tenant = $3) AND contact IN (SELECT place FROM contacts WHERE tenant = $3 AND id IN ({each}))"
            )
        };
        self.members(sql, tenant, id, who).await
    }

    async fn add_segment(&self, segment: &Segment) -> Result<Segment, StoreFault> {
        let (segment, dialect) = (segment.clone(), self.database().dialect());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    one_at_a_time(tx, segment.tenant.as_str()).await?;
                    let counted = counted(tx, segment, dialect).await?;
                    let sql = "INSERT INTO contact_segments (id, tenant, name, rule, written, members, created_at) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7)";
                    bind(sql, &counted)?.bind(counted.created_at.as_micros()).execute(tx).await?;
                    Ok(counted)
                })
            })
            .await
    }

    async fn segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<Option<Segment>, StoreFault> {
        let sql = format!("{SEGMENT} WHERE tenant = $1 AND id = $2");
        Ok(self.groups(&sql, &[tenant.as_str(), id.as_str()], segment).await?.pop())
    }

    async fn segments(&self, tenant: &TenantId) -> Result<Vec<Segment>, StoreFault> {
        let sql = format!("{SEGMENT} WHERE tenant = $1 ORDER BY created_at, id");
        self.groups(&sql, &[tenant.as_str()], segment).await
    }

    async fn change_segment(&self, segment: &Segment) -> Result<Option<Segment>, StoreFault> {
        let (segment, dialect) = (segment.clone(), self.database().dialect());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    one_at_a_time(tx, segment.tenant.as_str()).await?;
                    let counted = counted(tx, segment, dialect).await?;
                    let sql = "UPDATE contact_segments SET name = $3, rule = $4, written = $5, members = $6 \
                         WHERE id = $1 AND tenant = $2";
                    let done = bind(sql, &counted)?.execute(tx).await?;
                    Ok((done.rows_affected() == 1).then_some(counted))
                })
            })
            .await
    }

    async fn remove_segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<bool, StoreFault> {
        self.gone("DELETE FROM contact_segments WHERE tenant = $1 AND id = $2", tenant, id.as_str()).await
    }
}

impl Store {
    async fn groups<T: Send>(
        &self,
        sql: &str,
        values: &[&str],
        read: impl Fn(&AnyRow) -> Result<T, Trouble> + Send + Sync,
    ) -> Result<Vec<T>, StoreFault> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for value in values {
            query = query.bind((*value).to_owned());
        }
        let reading = async {
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(read).collect()
        };
        self.database().read(reading).await
    }

    async fn gone(&self, sql: &'static str, tenant: &TenantId, id: &str) -> Result<bool, StoreFault> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let done = sqlx::query(sql).bind(tenant).bind(id).execute(tx).await?;
                    Ok(done.rows_affected() == 1)
                })
            })
            .await
    }

    async fn members(
        &self,
        sql: impl Fn(&str) -> String + Send,
        tenant: &TenantId,
        id: &ListId,
        who: &[ContactId],
    ) -> Result<u64, StoreFault> {
        let sql = sql(each_text(self.database().dialect()));
        let ids: Vec<&str> = who.iter().map(ContactId::as_str).collect();
        let ids = serde_json::to_string(&ids)
            .map_err(|_| StoreFault::Corrupt("ids cannot be written".to_owned()))?;
        let (list, tenant) = (id.as_str().to_owned(), tenant.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(ids).bind(list).bind(tenant);
                    Ok(query.execute(tx).await?.rows_affected())
                })
            })
            .await
    }
}

/// A tenant's segments, for planning.
pub(super) async fn segments_of(tx: &mut AnyConnection, tenant: &str) -> Result<Vec<Segment>, Trouble> {
    let sql = format!("{SEGMENT} WHERE tenant = $1");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(tenant.to_owned()).fetch_all(tx).await?;
    rows.iter().map(segment).collect()
}

async fn counted(tx: &mut AnyConnection, segment: Segment, dialect: Dialect) -> Result<Segment, Trouble> {
    let crowd = crowd(tx, dialect, segment.tenant.as_str(), &segment.rule, 0).await?;
    Ok(Segment { count: crowd.count, ..segment })
}

fn bind(
    sql: &'static str,
    segment: &Segment,
) -> Result<sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>, Trouble> {
    let rule =
        serde_json::to_string(&segment.rule).map_err(|_| corrupt("a rule cannot be written as JSON"))?;
    Ok(sqlx::query(sql)
        .bind(segment.id.as_str().to_owned())
        .bind(segment.tenant.as_str().to_owned())
        .bind(segment.name.clone())
        .bind(rule)
        .bind(segment.written.clone())
        .bind(i64::try_from(segment.count).unwrap_or(i64::MAX)))
}

fn list(row: &AnyRow) -> Result<ContactList, Trouble> {
    Ok(ContactList {
        id: ListId::parse(field(row, "id")?).ok_or_else(|| corrupt("contact_lists.id"))?,
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| corrupt("contact_lists.tenant"))?,
        name: field(row, "name")?,
        description: field(row, "description")?,
        members: u64::try_from(field::<i64, _>(row, "members")?).unwrap_or(0),
        created_at: Time::from_micros(field(row, "created_at")?),
    })
}

fn segment(row: &AnyRow) -> Result<Segment, Trouble> {
    let id = SegmentId::parse(field(row, "id")?).ok_or_else(|| corrupt("contact_segments.id"))?;
    let wrong = |column: &str| corrupt(&format!("contact_segments.{column} of {id}"));
    Ok(Segment {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        name: field(row, "name")?,
        rule: serde_json::from_str(field(row, "rule")?).map_err(|_| wrong("rule"))?,
        written: field(row, "written")?,
        count: u64::try_from(field::<i64, _>(row, "members")?).unwrap_or(0),
        created_at: Time::from_micros(field(row, "created_at")?),
        id,
    })
}
