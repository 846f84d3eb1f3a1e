//! The audit log: appended to, never changed.
//!
//! An entry's place is taken by raising its log's head inside the transaction that writes what it tells of, so
//! entries follow one another without gaps. `chain` computes the hashes: they are keyed, so that whoever can
//! write to the database and does not have the master key cannot make a changed log fit again.

mod chain;

use async_trait::async_trait;
use offhook_core::audit::{Actor, AuditPage, Deed, Entry, Object, Verdict};
use offhook_core::id::TenantId;
use offhook_core::ports::{Audit, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

pub(crate) use chain::Chain;

use crate::database::{Trouble, corrupt, field, text};
use crate::secret::Place;
use crate::store::Store;

/// Entries read at a time when a whole log is checked.
const BATCH: i64 = 500;

/// Most entries of one page, whatever is asked.
const LONGEST: u32 = 500;

/// The house's own log.
const HOUSE: &str = "house";

const COLUMNS: &str = "log, seq, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, \
     state_before, state_after, request_id, address_hash, address, hash";

/// A deed as it goes into the table.
pub(crate) struct Draft {
    deed: Deed,
    address_hash: Option<String>,
    address: Option<Vec<u8>>,
    chain: Chain,
}

#[async_trait]
impl Audit for Store {
    async fn record(&self, deed: Deed) -> Result<u64, StoreFault> {
        let draft = self.draft(deed);
        self.database().write(move |tx| Box::pin(append(tx, draft))).await
    }

    async fn page(&self, tenant: Option<&TenantId>, page: &AuditPage) -> Result<Vec<Entry>, StoreFault> {
        let log = log_of(tenant).to_owned();
        let before = page.before.and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX);
        let mut sql = format!("SELECT {COLUMNS} FROM audit WHERE log = $1 AND seq < $2");
        let mut values = Vec::new();
        if let Some(actor) = &page.actor {
            values.push(text(actor).into_owned());
            sql.push_str(&format!(" AND actor_id = ${}", values.len() + 2));
        }
        if let Some(action) = &page.action {
            let place = values.len() + 3;
            match action.strip_suffix('.') {
                // An area ends before the character after the dot.
                Some(area) => {
                    values.extend([format!("{}.", text(area)), format!("{}/", text(area))]);
                    sql.push_str(&format!(" AND action >= ${place} AND action < ${}", place + 1));
                }
                None => {
                    values.push(text(action).into_owned());
                    sql.push_str(&format!(" AND action = ${place}"));
                }
            }
        }
        sql.push_str(&format!(" ORDER BY seq DESC LIMIT {}", page.limit.min(LONGEST)));
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(log).bind(before);
            for value in values {
                query = query.bind(value);
            }
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(|row| self.entry(row)).collect()
        };
        self.database().read(reading).await
    }

    async fn verify(&self, tenant: Option<&TenantId>) -> Result<Verdict, StoreFault> {
        let log = log_of(tenant).to_owned();
        let reading = async {
            let sql = "SELECT seq, hash FROM audit_heads WHERE log = $1";
            let head = sqlx::query(sql).bind(log.clone()).fetch_optional(self.database().reader()).await?;
            let (last, head) = match &head {
                Some(row) => (field::<i64, _>(row, "seq")?, field::<Vec<u8>, _>(row, "hash")?),
                None => (0, chain::FIRST.to_vec()),
            };
            let (mut seq, mut hash) = (0_i64, chain::FIRST);
            let sql = format!(
                "SELECT {COLUMNS} FROM audit WHERE log = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT {BATCH}"
            );
            while seq < last {
                let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(log.clone()).bind(seq).bind(last);
                let rows = query.fetch_all(self.database().reader()).await?;
                for row in &rows {
                    seq += 1;
                    let broken = Ok(Verdict::Broken { seq: place(seq)? });
                    // What cannot be read was not written by us.
                    let Ok(entry) = self.entry(row) else { return broken };
                    hash = self.inner.chain.next(
                        &log,
                        &hash,
                        entry.seq,
                        &entry.deed,
                        entry.address_hash.as_deref(),
                    );
                    if entry.seq != place(seq)? || entry.hash != hash {
                        return broken;
                    }
                }
                if rows.is_empty() {
                    return Ok(Verdict::Broken { seq: place(seq + 1)? });
                }
            }
            match hash.as_slice() == head.as_slice() {
                true => Ok(Verdict::Whole { seq: place(seq)?, hash }),
                false => Ok(Verdict::Broken { seq: place(seq)? }),
            }
        };
        self.database().read(reading).await
    }
}

impl Store {
    /// What is written of a deed. The address is sealed, and hashed under a key so that equals can be told.
    pub(crate) fn draft(&self, deed: Deed) -> Draft {
        let log = log_of(deed.tenant.as_ref());
        let address = deed.address.map(|address| address.to_canonical().to_string());
        let address_hash = address.as_deref().map(|address| self.inner.chain.address(log, address));
        let place = |row| Place { tenant: log, table: "audit", column: "address", row };
        let sealed = address.as_deref().zip(address_hash.as_deref());
        let sealed = sealed.map(|(address, row)| self.inner.sealer.seal(place(row), address.as_bytes()));
        Draft { address: sealed, address_hash, chain: self.inner.chain.clone(), deed }
    }

    fn entry(&self, row: &AnyRow) -> Result<Entry, Trouble> {
        let seq = place(field(row, "seq")?)?;
        let log: String = field(row, "log")?;
        let wrong = |column: &str| corrupt(&format!("audit.{column} at {seq}"));
        let word = |column: &'static str| field::<Option<String>, _>(row, column);
        let kind: String = field(row, "actor_kind")?;
        let actor = Actor::from_parts(&kind, word("actor_id")?.as_deref(), word("actor_name")?.as_deref());
        let object = word("object_kind")?.zip(word("object_id")?).map(|(kind, id)| Object { kind, id });
        let address_hash = word("address_hash")?;
        let address = match (field::<Option<Vec<u8>>, _>(row, "address")?, &address_hash) {
            (Some(sealed), Some(hash)) => {
                let place = Place { tenant: &log, table: "audit", column: "address", row: hash };
                let opened = self.inner.sealer.open(place, &sealed).ok_or_else(|| wrong("address"))?;
                let words = std::str::from_utf8(&opened).ok().and_then(|words| words.parse().ok());
                Some(words.ok_or_else(|| wrong("address"))?)
            }
            (_, _) => None,
        };
        let hash: Vec<u8> = field(row, "hash")?;
        let tenant = match log.as_str() {
            HOUSE => None,
            tenant => Some(TenantId::parse(tenant).ok_or_else(|| wrong("log"))?),
        };
        let deed = Deed {
            tenant,
            at: Time::from_micros(field(row, "at")?),
            actor: actor.ok_or_else(|| wrong("actor_kind"))?,
            action: field(row, "action")?,
            object,
            before: word("state_before")?,
            after: word("state_after")?,
            request_id: word("request_id")?,
            address,
        };
        Ok(Entry { seq, deed, address_hash, hash: hash.try_into().map_err(|_| wrong("hash"))? })
    }
}

fn log_of(tenant: Option<&TenantId>) -> &str {
    tenant.map_or(HOUSE, TenantId::as_str)
}

fn place(seq: i64) -> Result<u64, Trouble> {
    u64::try_from(seq).map_err(|_| corrupt("a place in an audit log"))
}

/// Writes a deed down, if there is one.
pub(crate) async fn append_some(tx: &mut AnyConnection, draft: Option<Draft>) -> Result<(), Trouble> {
    match draft {
        Some(draft) => append(tx, draft).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Writes a deed down at the end of its log.
pub(crate) async fn append(tx: &mut AnyConnection, draft: Draft) -> Result<u64, Trouble> {
    let Draft { mut deed, address_hash, address, chain } = draft;
    let log = log_of(deed.tenant.as_ref()).to_owned();
    // The chain covers what is stored, and not every text can be.
    let clean = |it: &mut String| *it = text(it).into_owned();
    [&mut deed.before, &mut deed.after, &mut deed.request_id].into_iter().flatten().for_each(clean);
    if let Actor::Person(_, name) | Actor::Key(_, name) = &mut deed.actor {
        clean(name);
    }
    if let Some(Object { kind, id }) = &mut deed.object {
        clean(kind);
        clean(id);
    }
    let open = "INSERT INTO audit_heads (log, seq, hash) VALUES ($1, 0, $2) ON CONFLICT (log) DO NOTHING";
    sqlx::query(open).bind(log.clone()).bind(chain::FIRST.to_vec()).execute(&mut *tx).await?;
    let raise = "UPDATE audit_heads SET seq = seq + 1 WHERE log = $1 RETURNING seq, hash";
    let head = sqlx::query(raise).bind(log.clone()).fetch_one(&mut *tx).await?;
    let (seq, before): (i64, Vec<u8>) = (field(&head, "seq")?, field(&head, "hash")?);
    let before = before.try_into().map_err(|_| corrupt("audit_heads.hash"))?;
    let hash = chain.next(&log, &before, place(seq)?, &deed, address_hash.as_deref());
    let raise = "UPDATE audit_heads SET hash = $2 WHERE log = $1";
    sqlx::query(raise).bind(log.clone()).bind(hash.to_vec()).execute(&mut *tx).await?;
    let sql = format!(
        "INSERT INTO audit ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    );
    let (object_kind, object_id) = deed.object.map(|object| (object.kind, object.id)).unzip();
    sqlx::query(AssertSqlSafe(sql))
        .bind(log)
        .bind(seq)
        .bind(deed.at.as_micros())
        .bind(deed.actor.kind())
        .bind(deed.actor.id().map(str::to_owned))
        .bind(deed.actor.name().map(str::to_owned))
        .bind(deed.action)
        .bind(object_kind)
        .bind(object_id)
        .bind(deed.before)
        .bind(deed.after)
        .bind(deed.request_id)
        .bind(address_hash)
        .bind(address)
        .bind(hash.to_vec())
        .execute(tx)
        .await?;
    place(seq)
}
