//! `POST /contacts/import`: a file of contacts, taken in as it comes and read afterwards. Ours; the provider's
//! page proves that there is an import and does not show it.
//!
//! The file is kept in parts while it arrives, so that one of any length needs the memory of one part. It is read
//! by the engine, which goes on after a restart.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use offhook_core::audit::Object;
use offhook_core::contact::Channel;
use offhook_core::contact::import::{Columns, Import, PART, Row};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::super::auth;
use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::imports::ImportBody;
use super::wire::json;
use crate::house::{House, Shared};
use crate::manners::body::{self, BodyFault};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::sheet::{Record, Sheet};

/// Largest file: about two million contacts.
const LARGEST: usize = 512 * 1024 * 1024;

/// Largest JSON form, which is held in memory whole.
const LARGEST_JSON: usize = 8 * 1024 * 1024;

/// Bytes of a part: large rows make it shorter than [`PART`] rows.
const PART_BYTES: usize = 1024 * 1024;

/// Longest wait for the next piece of a file.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// Imports of a company that may be on their way.
const MOST: usize = 5;

/// The columns of the JSON form.
const JSON_COLUMNS: [&str; 9] = [
    "phone",
    "other_phones",
    "email",
    "first_name",
    "last_name",
    "country_code",
    "lifecycle_stage",
    "tags",
    "metadata",
];

/// Contacts as JSON.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ContactRows {
    /// Each as in `POST /contacts`. One that breaks a rule is rejected by itself.
    #[schema(value_type = Vec<Object>)]
    contacts: Vec<Map<String, Value>>,
}

/// A file of contacts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "this describes, nobody makes it")]
pub(crate) struct ContactFile {
    /// CSV with a header.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Imports contacts: a CSV file as the field `file` of a form, or as the whole body with `Content-Type: text/csv`;
/// or JSON. Who has the phone number or the e-mail address of a row is changed, and made when there is nobody.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/import",
    tag = "Contacts",
    operation_id = "importContacts",
    request_body(content(
        (ContactRows = "application/json"),
        (ContactFile = "multipart/form-data"),
        (String = "text/csv"),
    )),
    responses((status = 202, body = ImportBody), (status = 409, description = "Five imports are on their way"))
)]
pub(crate) async fn import(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let entry =
        auth::enter(&house, &method, &headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let import = receive(&house, &entry.principal, &headers, request).await?;
        let object = Object::new("contact_import", import.id.as_str());
        house.audit.record(&entry.principal, "contacts.imported", object, Value::Null).await?;
        let import = house.engine.import(&entry.principal.tenant, &import.id).await?.unwrap_or(import);
        Ok(Reply::accepted(json(&ImportBody::of(&import))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn receive(
    house: &House,
    principal: &Principal,
    headers: &HeaderMap,
    request: Request,
) -> Result<Import, ApiError> {
    let known = house.engine.imports(&principal.tenant, 100).await?;
    if known.iter().filter(|import| !import.state.is_over()).count() >= MOST {
        return Err(ApiError::too_many_imports(MOST));
    }
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut intake =
        Intake { house, principal, import: None, rows: Vec::new(), bytes: 0, parts: 0, total: 0 };
    let taken = match kind.as_str() {
        "multipart/form-data" => form(&mut intake, request).await,
        "text/csv" | "application/csv" => {
            let pieces = request.into_body().into_data_stream().map(|piece| piece.map_err(drop));
            file(&mut intake, pieces).await
        }
        "application/json" => rows(&mut intake, headers, request.into_body()).await,
        _ => Err(ApiError::not_json()),
    };
    match (taken, intake.import.clone()) {
        (Ok(()), Some(import)) => {
            house.engine.import_arrived(&import, Some(intake.total)).await?;
            Ok(import)
        }
        (Ok(()), None) => Err(ApiError::bad_file("the file is empty: its first row names the columns")),
        (Err(error), import) => {
            // What came of it is thrown away.
            if let Some(import) = import {
                house.engine.import_arrived(&import, None).await?;
            }
            Err(error)
        }
    }
}

/// A file on its way into the store.
struct Intake<'a> {
    house: &'a House,
    principal: &'a Principal,
    /// Once the header is there.
    import: Option<Import>,
    rows: Vec<Row>,
    bytes: usize,
    parts: u32,
    total: u64,
}

impl Intake<'_> {
    /// The names of the columns.
    async fn begin(&mut self, names: Vec<String>) -> Result<(), ApiError> {
        Columns::parse(&names).map_err(|problem| ApiError::bad_file(problem.to_string()))?;
        self.import = Some(self.house.engine.receive_import(&self.principal.tenant, names).await?);
        Ok(())
    }

    async fn take(&mut self, record: Record) -> Result<(), ApiError> {
        if self.import.is_none() {
            return match record.wrong {
                None => self.begin(record.cells).await,
                Some(wrong) => Err(ApiError::bad_file(format!("the first row {wrong}"))),
            };
        }
        self.total += 1;
        self.bytes += record.cells.iter().map(String::len).sum::<usize>();
        let wrong = record.wrong.map(str::to_owned);
        self.rows.push(Row { line: self.total + 1, cells: record.cells, wrong });
        if self.rows.len() >= PART || self.bytes >= PART_BYTES {
            self.keep().await?;
        }
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), ApiError> {
        if let Some(import) = self.import.as_ref().filter(|_| !self.rows.is_empty()) {
            self.house.engine.receive_part(import, self.parts, &self.rows).await?;
            self.parts += 1;
        }
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

async fn form(intake: &mut Intake<'_>, request: Request) -> Result<(), ApiError> {
    let broken = |_| ApiError::from(BodyFault::Broken);
    let no_form = |_| ApiError::bad_file("the form cannot be read");
    let mut form = Multipart::from_request(request, &()).await.map_err(no_form)?;
    while let Some(field) = timeout(PIECE_WITHIN, form.next_field())
        .await
        .map_err(|_| ApiError::from(BodyFault::Slow))?
        .map_err(broken)?
    {
        if field.name() == Some("file") {
            return file(intake, field.map(|piece| piece.map_err(drop))).await;
        }
    }
    Err(ApiError::missing("file"))
}

async fn file(
    intake: &mut Intake<'_>,
    pieces: impl Stream<Item = Result<Bytes, ()>>,
) -> Result<(), ApiError> {
    let (mut sheet, mut records, mut came) = (Sheet::new(), Vec::new(), 0);
    let mut pieces = std::pin::pin!(pieces);
    loop {
        let piece =
            timeout(PIECE_WITHIN, pieces.next()).await.map_err(|_| ApiError::from(BodyFault::Slow))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|()| ApiError::from(BodyFault::Broken))?;
        came += piece.len();
        if came > LARGEST {
            return Err(BodyFault::TooLarge(LARGEST).into());
        }
        sheet.read(&piece, &mut records);
        for record in records.drain(..) {
            intake.take(record).await?;
        }
    }
    sheet.end(&mut records);
    for record in records {
        intake.take(record).await?;
    }
    intake.keep().await
}

async fn rows(intake: &mut Intake<'_>, headers: &HeaderMap, content: Body) -> Result<(), ApiError> {
    let content = body::read(headers, content, LARGEST_JSON).await?;
    let ContactRows { contacts } = body::json(&content)?;
    let preferences = Channel::ALL.map(|channel| format!("preferences.{}", channel.as_str()));
    let columns = JSON_COLUMNS.iter().map(|name| (*name).to_owned()).chain(preferences);
    intake.begin(columns.collect()).await?;
    for contact in contacts {
        intake.take(row(&contact)).await?;
    }
    intake.keep().await
}

/// A contact of the JSON form as a row.
fn row(contact: &Map<String, Value>) -> Record {
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.replace('\0', "\u{fffd}"),
        Some(other) => other.to_string(),
    };
    let preferences = contact.get("preferences").and_then(Value::as_object);
    let preference = |channel: Channel| text(preferences.and_then(|all| all.get(channel.as_str())));
    let cells = JSON_COLUMNS.iter().map(|name| text(contact.get(*name)));
    let known =
        |name: &String| JSON_COLUMNS.contains(&name.as_str()) || name == "preferences" || name == "id";
    let wrong = (!contact.keys().all(known)).then_some("has a field that contacts do not have");
    Record { cells: cells.chain(Channel::ALL.map(preference)).collect(), wrong }
}
