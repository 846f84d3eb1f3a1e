//! How far imports are, and the rows they rejected. Ours.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use offhook_core::contact::import::{Import, Rejected};
use offhook_core::id::ImportId;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::auth;
use super::super::error::ApiError;
use super::super::wire::{self, Answer, Reply};
use super::wire::json;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};
use crate::manners::sheet;

/// Imports that are listed. Those that are over are kept for thirty days.
const LISTED: u32 = 100;

/// Rejected rows read at a time.
const AT_ONCE: u32 = 1_000;

type Id = Result<Path<String>, PathRejection>;

/// An import.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportBody {
    #[schema(example = "imp_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    id: String,
    /// The same.
    import_id: String,
    /// `receiving`, `waiting`, `running`, `completed` or `failed`.
    status: &'static str,
    /// Rows of the file, the header not counted; null while it comes.
    #[schema(required)]
    total: Option<u64>,
    /// Rows that were dealt with.
    processed: u64,
    /// Rows that made a contact.
    created: u64,
    /// Rows that changed one.
    updated: u64,
    /// Rows that said what was known.
    unchanged: u64,
    /// Rows that broke a rule.
    rejected: u64,
    /// Where the rejected rows are, with the reason of each; null when there are none.
    #[schema(required)]
    rejected_url: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl ImportBody {
    pub(super) fn of(import: &Import) -> Self {
        let (id, counts) = (import.id.as_str(), import.counts);
        let here = counts.total > 0 || import.state.is_over();
        Self {
            id: id.to_owned(),
            import_id: id.to_owned(),
            status: import.state.as_str(),
            total: here.then_some(counts.total),
            processed: counts.done(),
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            rejected: counts.rejected,
            rejected_url: (counts.rejected > 0).then(|| format!("/api/v1/contacts/imports/{id}/rejected")),
            created_at: moment::whole(import.created_at),
            updated_at: moment::whole(import.updated_at),
        }
    }
}

async fn find(house: &House, principal: &Principal, id: Id) -> Result<Import, ApiError> {
    let absent = || ApiError::not_found("no such import");
    let id = id.ok().and_then(|Path(id)| ImportId::parse(&id)).ok_or_else(absent)?;
    house.engine.import(&principal.tenant, &id).await?.ok_or_else(absent)
}

/// Lists imports, newest first.
#[utoipa::path(get, path = "/api/v1/contacts/imports", tag = "Contacts", operation_id = "listImports", responses((status = 200, body = [ImportBody])))]
pub(crate) async fn all(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let imports = house.engine.imports(&entry.principal.tenant, LISTED).await?;
        Ok(Reply::page(imports.iter().map(|import| json(&ImportBody::of(import))).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Reads how far an import is.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/imports/{id}",
    tag = "Contacts",
    operation_id = "getImport",
    params(("id" = String, Path)),
    responses((status = 200, body = ImportBody), (status = 404))
)]
pub(crate) async fn one(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = find(&house, &entry.principal, path).await;
    entry.leave(answer.map(|import| Reply::ok(json(&ImportBody::of(&import)))))
}

/// Reads the rows an import rejected: the file's own columns, and `row` and `reason`. What is set right in it can
/// be imported as it is.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/imports/{id}/rejected",
    tag = "Contacts",
    operation_id = "listRejectedRows",
    params(("id" = String, Path)),
    responses((status = 200, description = "The rows", content((String = "text/csv"))), (status = 404))
)]
pub(crate) async fn rejected(
    State(house): State<Shared>,
    path: Id,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method(), request.headers());
    // The rows are as they came, with numbers whole.
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::WriteContacts).await?;
    let found = find(&house, &entry.principal, path).await;
    wire::leave(found.map(|import| whole(&house, import)), entry.allowance, &house)
}

/// All an import rejected, as one file.
fn whole(house: &Shared, import: Import) -> Response {
    let beginning = Bytes::from(header_row(&import.columns));
    let reading = Reading { house: house.clone(), import, after: 0 };
    let rows = stream::try_unfold(reading, async |mut reading: Reading| {
        let next = reading.next().await.map_err(|_| io::Error::other("the rows cannot be read on"))?;
        Ok::<_, io::Error>(next.map(|bytes| (bytes, reading)))
    });
    let whole = futures_util::StreamExt::chain(stream::iter([Ok(beginning)]), rows);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"rejected.csv\"")),
    ];
    (headers, Body::from_stream(whole)).into_response()
}

struct Reading {
    house: Shared,
    import: Import,
    after: u64,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let rows = self.house.engine.rejected(&self.import, self.after, AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.line;
        Ok(Some(Bytes::from(lines(&self.import.columns, &rows))))
    }
}

/// The columns that are added.
const ADDED: [&str; 2] = ["row", "reason"];

/// The file's columns that are not ours: a file of rejected rows that is imported again has both.
fn own(columns: &[String]) -> impl Iterator<Item = usize> {
    let ours = |name: &String| ADDED.contains(&name.trim().to_lowercase().as_str());
    columns.iter().enumerate().filter(move |(_, name)| !ours(name)).map(|(place, _)| place)
}

fn header_row(columns: &[String]) -> Vec<u8> {
    let names = own(columns).map(|place| sheet::guarded(columns[place].clone()));
    sheet::csv_of([names.chain(ADDED.map(str::to_owned)).collect()])
}

fn lines(columns: &[String], rows: &[Rejected]) -> Vec<u8> {
    sheet::csv_of(rows.iter().map(|row| {
        let cell = |place: usize| sheet::guarded(row.cells.get(place).cloned().unwrap_or_default());
        own(columns).map(cell).chain([row.line.to_string(), row.reason.clone()]).collect()
    }))
}
