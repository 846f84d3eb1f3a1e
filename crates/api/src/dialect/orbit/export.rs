//! `GET …/whatsapp/calling/calls/export`: the list with its filters, whole, as one file. Ours.

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use offhook_core::id::CallId;
use offhook_core::ports::{CallFilter, PageAfter};
use offhook_core::time::Time;

use super::auth;
use super::calls::{Asked, number_of, pairs};
use super::download::{AT_ONCE, Form, Pages, download};
use super::error::ApiError;
use super::row::{CallRow, Eyes};
use super::wire;
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

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
    let begun = begin(house.clone(), entry.principal, &pairs(query.as_deref())).await;
    wire::leave(begun, entry.allowance, &house)
}

async fn begin(
    house: Shared,
    principal: Principal,
    pairs: &[(String, String)],
) -> Result<Response, ApiError> {
    let format = pairs.iter().find(|(name, _)| name == "format").map(|(_, value)| value.as_str());
    let form = Form::of(format)?;
    let paging = pairs.iter().find(|(name, _)| name == "cursor" || name == "limit");
    if let Some((name, _)) = paging {
        return Err(ApiError::invalid(name, "an export has no pages"));
    }
    let asked = Asked::of(&house, &principal, pairs).await?;
    let (filter, eyes) = (asked.query.filter.clone(), Eyes::of(&principal));
    download(Listed { house, principal, asked, filter, eyes, after: None }, form).await
}

/// Calls of a list.
struct Listed {
    house: Shared,
    principal: Principal,
    asked: Asked,
    filter: CallFilter,
    eyes: Eyes,
    after: Option<(Time, CallId)>,
}

impl Pages for Listed {
    type Row = CallRow;

    const NAME: &'static str = "calls";

    async fn next(&mut self) -> Result<(Vec<CallRow>, bool), ApiError> {
        let from = PageAfter { after: self.after.clone(), limit: AT_ONCE };
        let page = self.house.ports.calls.list(&self.principal.tenant, &self.filter, &from).await?;
        self.after = page.calls.last().map(|call| (call.created_at, call.id.clone()));
        let numbers = self.asked.numbers_of(&self.house, &self.principal, &page.calls).await?;
        let row = |call| CallRow::of(call, number_of(call, &numbers), self.eyes);
        Ok((page.calls.iter().map(row).collect(), page.has_more))
    }

    fn columns() -> Vec<String> {
        COLUMNS.map(str::to_owned).to_vec()
    }

    fn cells(&self, row: &CallRow) -> Vec<String> {
        cells(row).to_vec()
    }

    fn json(&self, row: &CallRow, text: &mut Vec<u8>) {
        serde_json::to_writer(text, row).expect("rows are made of texts and numbers");
    }
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
