//! Claims on requests that are carried out once, and the answers kept with them.
//!
//! Answers hold personal data and, some of them, secrets shown once: they are sealed. What has expired is swept
//! out whenever something new is claimed.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use offhook_core::id::{CallId, TenantId};
use offhook_core::ports::{Claim, Claims, KeptAnswer, Standing, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::database::{Trouble, corrupt, field};
use crate::secret::Place;
use crate::store::Store;

/// An answer as it is sealed: status, headers, body.
type Plain = (u16, Vec<(String, String)>, String);

#[async_trait]
impl Claims for Store {
    async fn claim(&self, claim: &Claim) -> Result<Option<Standing>, StoreFault> {
        // Repetitions outnumber requests: they are told without a write.
        if let Some((standing, sealed)) = self.standing(claim).await? {
            let answer = sealed.map(|sealed| self.unseal(&standing, &sealed)).transpose()?;
            return Ok(Some(Standing { claim: standing, answer }));
        }
        let (new, wanted) = (claim.clone(), claim.clone());
        let found = self
            .database()
            .write(move |tx| {
                Box::pin(async move {
                    let sweep = sqlx::query("DELETE FROM claims WHERE expires_at <= $1");
                    sweep.bind(new.at.as_micros()).execute(&mut *tx).await?;
                    let sql = "INSERT INTO claims \
                         (tenant, name, request, holder, call_id, claimed_at, expires_at) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, name) DO NOTHING";
                    let insert = sqlx::query(sql).bind(new.tenant.as_str().to_owned());
                    let insert = insert.bind(new.name.to_vec()).bind(new.request.to_vec()).bind(new.holder);
                    let insert = insert.bind(new.call.as_str().to_owned()).bind(new.at.as_micros());
                    let inserted = insert.bind(new.until.as_micros()).execute(&mut *tx).await?;
                    if inserted.rows_affected() == 1 {
                        return Ok(None);
                    }
                    let select = sqlx::query(FIND).bind(new.tenant.as_str().to_owned());
                    let row = select.bind(new.name.to_vec()).fetch_optional(&mut *tx).await?;
                    // Given up between the two statements: PostgreSQL shows each of them the newest rows.
                    let row = row.ok_or(StoreFault::Conflict)?;
                    read(&wanted, &row).map(Some)
                })
            })
            .await?;
        let Some((standing, sealed)) = found else { return Ok(None) };
        let answer = sealed.map(|sealed| self.unseal(&standing, &sealed)).transpose()?;
        Ok(Some(Standing { claim: standing, answer }))
    }

    async fn take_over(&self, gone: &Claim, claim: &Claim) -> Result<bool, StoreFault> {
        let (gone, claim) = (gone.clone(), claim.clone());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE claims SET holder = $1, call_id = $2, claimed_at = $3, expires_at = $4 \
                         WHERE tenant = $5 AND name = $6 AND holder = $7 AND claimed_at = $8 AND answer IS NULL";
                    let query = sqlx::query(sql).bind(claim.holder).bind(claim.call.as_str().to_owned());
                    let query = query.bind(claim.at.as_micros()).bind(claim.until.as_micros());
                    let query = query.bind(gone.tenant.as_str().to_owned()).bind(gone.name.to_vec());
                    let query = query.bind(gone.holder).bind(gone.at.as_micros());
                    Ok(query.execute(tx).await?.rows_affected() == 1)
                })
            })
            .await
    }

    async fn answer(&self, claim: &Claim, answer: &KeptAnswer) -> Result<(), StoreFault> {
        let KeptAnswer { status, headers, body } = answer.clone();
        let plain: Plain = (status, headers, body);
        let plain = serde_json::to_vec(&plain).expect("texts and a number");
        let sealed = self.inner.sealer.seal(place(claim, &row_key(claim)), &plain);
        let claim = claim.clone();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE claims SET answer = $1 \
                         WHERE tenant = $2 AND name = $3 AND holder = $4 AND answer IS NULL";
                    let query = sqlx::query(sql).bind(sealed).bind(claim.tenant.as_str().to_owned());
                    query.bind(claim.name.to_vec()).bind(claim.holder).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreFault> {
        let claim = claim.clone();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "DELETE FROM claims \
                         WHERE tenant = $1 AND name = $2 AND holder = $3 AND answer IS NULL";
                    let query = sqlx::query(sql).bind(claim.tenant.as_str().to_owned());
                    query.bind(claim.name.to_vec()).bind(claim.holder).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }
}

const FIND: &str = "SELECT request, holder, call_id, claimed_at, expires_at, answer FROM claims \
     WHERE tenant = $1 AND name = $2";

impl Store {
    /// What stands under the claim's name now.
    async fn standing(&self, claim: &Claim) -> Result<Option<(Claim, Option<Vec<u8>>)>, StoreFault> {
        let reading = async {
            let select = sqlx::query(FIND).bind(claim.tenant.as_str().to_owned());
            let row = select.bind(claim.name.to_vec()).fetch_optional(self.database().reader()).await?;
            let found = row.map(|row| read(claim, &row)).transpose()?;
            Ok::<_, Trouble>(found.filter(|(standing, _)| standing.until > claim.at))
        };
        self.database().read(reading).await
    }

    fn unseal(&self, claim: &Claim, sealed: &[u8]) -> Result<KeptAnswer, StoreFault> {
        let corrupt = || StoreFault::Corrupt("the answer of a claim".to_owned());
        let plain = self.inner.sealer.open(place(claim, &row_key(claim)), sealed).ok_or_else(corrupt)?;
        let (status, headers, body): Plain = serde_json::from_slice(&plain).map_err(|_| corrupt())?;
        Ok(KeptAnswer { status, headers, body })
    }
}

/// A kept answer, opened.
pub(crate) struct Kept {
    pub(crate) name: Vec<u8>,
    pub(crate) call: CallId,
    /// Its headers and its body.
    pub(crate) text: String,
}

/// Kept answers of a tenant, by name, after one.
pub(crate) async fn kept(
    store: &Store,
    tenant: &TenantId,
    after: &[u8],
    limit: u32,
) -> Result<Vec<Kept>, StoreFault> {
    let reading = async {
        let sql = format!(
            "SELECT name, request, holder, call_id, claimed_at, expires_at, answer FROM claims \
             WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT {limit}"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str().to_owned()).bind(after.to_vec());
        Ok(query.fetch_all(store.database().reader()).await?)
    };
    let rows = store.database().read(reading).await?;
    let open = |row: &AnyRow| {
        let name: Vec<u8> = field(row, "name")?;
        let (call, sealed) =
            (field::<String, _>(row, "call_id")?, row.try_get::<Option<Vec<u8>>, _>("answer"));
        let call = CallId::parse(&call).ok_or_else(|| corrupt("column call_id"))?;
        let key = HEXLOWER.encode(&name);
        let place = Place { tenant: tenant.as_str(), table: "claims", column: "answer", row: &key };
        let opened = sealed.ok().flatten().and_then(|sealed| store.inner.sealer.open(place, &sealed));
        let text = opened.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default();
        Ok(Kept { name, call, text })
    };
    rows.iter().map(open).collect::<Result<_, Trouble>>().map_err(StoreFault::from)
}

fn row_key(claim: &Claim) -> String {
    HEXLOWER.encode(&claim.name)
}

fn place<'a>(claim: &'a Claim, row: &'a str) -> Place<'a> {
    Place { tenant: claim.tenant.as_str(), table: "claims", column: "answer", row }
}

/// The claim of a row, and its sealed answer.
fn read(wanted: &Claim, row: &AnyRow) -> Result<(Claim, Option<Vec<u8>>), Trouble> {
    let request: Vec<u8> = field(row, "request")?;
    let call: String = field(row, "call_id")?;
    let claim = Claim {
        tenant: wanted.tenant.clone(),
        name: wanted.name,
        request: request.try_into().map_err(|_| corrupt("column request"))?,
        holder: field(row, "holder")?,
        call: CallId::parse(&call).ok_or_else(|| corrupt("column call_id"))?,
        at: Time::from_micros(field(row, "claimed_at")?),
        until: Time::from_micros(field(row, "expires_at")?),
    };
    let sealed = row.try_get("answer").map_err(|_| corrupt("column answer"))?;
    Ok((claim, sealed))
}
