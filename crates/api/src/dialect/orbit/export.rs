//! `GET …/whatsapp/calling/calls/export`: the list with its filters, whole, as one file. Ours.
//!
//! Pages are read as the client takes them, so an export of any length needs no memory. One that cannot go on
//! breaks the connection off: nobody takes half a file for the whole.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use offhook_core::id::CallId;
use offhook_core::ports::{CallFilter, PageAfter};
use offhook_core::time::Time;

use super::auth;
use super::calls::{Asked, number_of, pairs};
use super::error::ApiError;
use super::row::{CallRow, Eyes};
use super::wire;
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::sheet;

/// Calls read at a time.
const AT_ONCE: u32 = 200;

/// The columns of the CSV form, in the order of [`cells`].
const COLUMNS: [&str; 25] = [
    "id",
    "meta_call_id",
    "waba_id",
    "phone_number_id",
    "direction",
    "status",
    "end_reason",
    "from_phone",
    "to_phone",
    "contact_id",
    "contact_name",
    "conversation_id",
    "biz_opaque_callback_data",
    "agent_id",
    "started_at",
    "ringing_at",
    "answered_at",
    "ended_at",
    "duration_seconds",
    "billable_seconds",
    "cost",
    "provider_cost",
    "currency",
    "recording",
    "error_code",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
}

/// Exports calls.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/calls/export",
    tag = "Calls",
    operation_id = "exportCalls",
    params(
        ("format" = Option<String>, Query, description = "`csv` unless given, or `json`"),
        ("status" = Option<String>, Query, description = "As in the list"),
        ("direction" = Option<String>, Query, description = "As in the list"),
        ("phone_number_id" = Option<String>, Query, description = "As in the list"),
        ("waba_id" = Option<String>, Query, description = "As in the list"),
        ("start" = Option<String>, Query, description = "As in the list"),
        ("end" = Option<String>, Query, description = "As in the list"),
        ("q" = Option<String>, Query, description = "As in the list"),
    ),
    responses((status = 200, description = "The calls, newest first", content(
        (String = "text/csv"),
        (Vec<CallRow> = "application/json"),
    )))
)]
pub(super) async fn export(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Export, Right::ExportCalls).await?;
    let allowance = entry.allowance;
    let begun = begin(house.clone(), entry.principal, &pairs(query.as_deref())).await;
    let mut response = begun.map_err(|mut error| {
        error.allowance = Some(Box::new(allowance));
        error
    })?;
    wire::state(response.headers_mut(), &allowance, &house);
    Ok(response)
}

async fn begin(
    house: Shared,
    principal: Principal,
    pairs: &[(String, String)],
) -> Result<Response, ApiError> {
    let form =
        match pairs.iter().find(|(name, _)| name == "format").map_or("csv", |(_, value)| value.as_str()) {
            "csv" => Form::Csv,
            "json" => Form::Json,
            _ => return Err(ApiError::invalid("format", "'format' is csv or json")),
        };
    let paging = pairs.iter().find(|(name, _)| name == "cursor" || name == "limit");
    if let Some((name, _)) = paging {
        return Err(ApiError::invalid(name, "an export has no pages"));
    }
    let asked = Asked::of(&house, &principal, pairs).await?;
    let mut export = Export {
        filter: asked.query.filter.clone(),
        eyes: Eyes::of(&principal),
        house,
        principal,
        asked,
        form,
        after: None,
        at: Part::Beginning,
    };
    // What can be refused is refused before the first byte.
    let first = export.next().await?;
    let rest = stream::try_unfold(export, async |mut export: Export| match export.next().await {
        Ok(Some(bytes)) => Ok(Some((bytes, export))),
        Ok(None) => Ok(None),
        Err(_) => Err(io::Error::other("the calls cannot be read on")),
    });
    let whole = futures_util::StreamExt::chain(stream::iter(first.map(Ok)), rest);
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"calls.csv\""),
        Form::Json => ("application/json", "attachment; filename=\"calls.json\""),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, Body::from_stream(whole)).into_response())
}

/// An export on its way.
struct Export {
    house: Shared,
    principal: Principal,
    asked: Asked,
    filter: CallFilter,
    eyes: Eyes,
    form: Form,
    after: Option<(Time, CallId)>,
    at: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Beginning,
    Middle,
    Over,
}

impl Export {
    /// The next bytes of the file.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.at == Part::Over {
            return Ok(None);
        }
        let from = PageAfter { after: self.after.clone(), limit: AT_ONCE };
        let page = self.house.ports.calls.list(&self.principal.tenant, &self.filter, &from).await?;
        self.after = page.calls.last().map(|call| (call.created_at, call.id.clone()));
        let numbers = self.asked.numbers_of(&self.house, &self.principal, &page.calls).await?;
        let rows: Vec<CallRow> =
            page.calls.iter().map(|call| CallRow::of(call, number_of(call, &numbers), self.eyes)).collect();
        let first = self.at == Part::Beginning;
        self.at = if page.has_more { Part::Middle } else { Part::Over };
        Ok(Some(Bytes::from(match self.form {
            Form::Csv => csv(&rows, first),
            Form::Json => json(&rows, first, !page.has_more),
        })))
    }
}

fn json(rows: &[CallRow], first: bool, last: bool) -> Vec<u8> {
    let mut text = if first { b"[".to_vec() } else { Vec::new() };
    for (place, row) in rows.iter().enumerate() {
        text.extend_from_slice(if first && place == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut text, row).expect("rows are made of texts and numbers");
    }
    if last {
        text.extend_from_slice(b"\n]\n");
    }
    text
}

fn csv(rows: &[CallRow], first: bool) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut write = |cells: &[String]| writer.write_record(cells).expect("rows of one length, in memory");
    if first {
        write(&COLUMNS.map(str::to_owned));
    }
    for row in rows {
        write(&cells(row).map(sheet::guarded));
    }
    writer.into_inner().expect("memory takes everything")
}

/// A row's cells; empty for what is null.
fn cells(row: &CallRow) -> [String; 25] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let word = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        row.id.clone(),
        text(&row.meta_call_id),
        text(&row.waba_id),
        text(&row.phone_number_id),
        row.direction.to_owned(),
        row.status.to_owned(),
        word(row.end_reason),
        text(&row.from_phone),
        text(&row.to_phone),
        text(&row.contact_id),
        text(&row.contact_name),
        text(&row.conversation_id),
        text(&row.biz_opaque_callback_data),
        text(&row.agent_id),
        row.started_at.clone(),
        text(&row.ringing_at),
        text(&row.answered_at),
        text(&row.ended_at),
        number(row.duration_seconds),
        number(row.billable_seconds),
        text(&row.cost),
        text(&row.provider_cost),
        text(&row.currency),
        row.recording.state.to_owned(),
        word(row.error_code),
    ]
}
