//! `GET …/whatsapp/calling/permissions` and `POST …/permissions/request`: who may be called, and asking them
//! (provider-apis.md 2.9.6). States and shapes are ours.

use axum::extract::{RawQuery, Request, State};
use axum::http::request::Parts;
use offhook_core::audit::Object;
use offhook_core::house::BusinessNumber;
use offhook_core::id::{CallId, NumberId, PermissionId};
use offhook_core::permission::{Permission, Standing};
use offhook_core::phone::Phone;
use offhook_core::ports::{PermissionAsk, PermissionFilter, PermissionsAfter, Template};
use offhook_core::time::Time;
use offhook_engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{self, Entry};
use super::body::json_body;
use super::calls::{only_number, pairs};
use super::cursor::{self, Scope};
use super::error::ApiError;
use super::place::connection;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};

/// Rows of a page unless the client says otherwise, and at most.
const ROWS: u32 = 25;
const MOST_ROWS: u32 = 200;

/// Meta's limit for the text of an interactive message, in characters.
const LONGEST_TEXT: usize = 1024;

/// Meta's limit for the name of a template.
const LONGEST_NAME: usize = 512;

/// More than any template has.
const MOST_PARAMETERS: usize = 32;

/// What is known of a user's permission to be called.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionView {
    /// Meta's id of the business number.
    #[schema(example = "470011223344556")]
    phone_number_id: String,
    /// The user, E.164; the last four digits are masked for the roles viewer and billing.
    #[schema(example = "+351910000002")]
    to: String,
    /// `none`, `requested`, `granted_temporary`, `granted_permanent`, `rejected`, `revoked` or `expired`.
    #[schema(example = "granted_temporary")]
    state: &'static str,
    /// When a temporary grant, or a request nobody has answered, ends.
    #[schema(required, example = "2026-11-09T09:20:00Z")]
    expires_at: Option<String>,
    /// Whether a call would be placed now.
    can_call: bool,
    /// When a limit of calls has room again.
    #[schema(required)]
    next_call_at: Option<String>,
    /// Whether a permission request would be sent now.
    can_request: bool,
    /// When a limit of requests has room again.
    #[schema(required)]
    next_request_at: Option<String>,
    quotas: Quotas,
    /// When WhatsApp was last asked.
    #[schema(required)]
    checked_at: Option<String>,
}

/// How much of WhatsApp's limits is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quotas {
    requests_today: Quota,
    requests_this_week: Quota,
    /// Calls that were picked up; others do not count.
    calls_today: Quota,
    /// Calls in a row that were not picked up. At four, WhatsApp takes the permission away.
    #[schema(example = 0)]
    unanswered_in_a_row: u32,
    /// Whether WhatsApp has asked the user by now whether they want these calls.
    reminded: bool,
}

/// A limit.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quota {
    #[schema(example = 1)]
    used: u32,
    #[schema(example = 2)]
    limit: u32,
}

/// A request to a user for the permission to call.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PermissionRequest {
    /// Meta's id of the business number.
    #[schema(example = "470011223344556")]
    phone_number_id: Option<String>,
    /// The user, E.164; a leading `+` may be left out.
    #[schema(example = "+351910000002")]
    to: Option<String>,
    /// What to say, at most 1024 characters; WhatsApp's own words when absent. Needs a message or call of the user
    /// within the last 24 hours.
    #[schema(example = "May we call you about your order?")]
    body: Option<String>,
    /// An approved template with a call permission request in it, in place of `body`. Can be sent at any time.
    template: Option<TemplateRequest>,
}

/// An approved template.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TemplateRequest {
    #[schema(example = "may_we_call")]
    name: String,
    #[schema(example = "en_GB")]
    language: String,
    /// What stands for `{{1}}`, `{{2}}` … in its body.
    #[serde(default)]
    parameters: Vec<String>,
}

/// What is read: of one user, or of all.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is the shape of an answer that two functions make")]
enum OneOrMany {
    /// With `to`.
    One(PermissionView),
    /// Without.
    Many(Vec<PermissionView>),
}

/// Who may be called: one user with `phone_number_id` and `to`, asked of WhatsApp when what we know is older than a
/// minute; without `to` a page of all, as they were last known.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/permissions",
    tag = "Permissions",
    operation_id = "readPermissions",
    params(
        ("phone_number_id" = Option<String>, Query, description = "Meta's id of the business number; required beside `to`"),
        ("to" = Option<String>, Query, description = "The user, E.164"),
        ("state" = Option<String>, Query, description = "Lists: only permissions that stand so"),
        ("limit" = Option<u32>, Query, description = "Lists: rows of a page, 1 to 200"),
        ("cursor" = Option<String>, Query, description = "Lists: `meta.pagination.cursor` of the page before"),
    ),
    responses((status = 200, body = inline(OneOrMany), description = "With `to` the permission, without it a list of them"), (status = 404), (status = 502))
)]
pub(super) async fn read(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadPermissions).await?;
    let answer = async {
        let query = Query::read(&pairs(query.as_deref()))?;
        match &query.to {
            Some(to) => one(&house, &entry, &query, to).await,
            None => page(&house, &entry.principal, &query).await,
        }
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Asks a user, in chat, for the permission to call.
///
/// The reply comes as the event `whatsapp.call.permission_updated`.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/calling/permissions/request",
    tag = "Permissions",
    operation_id = "requestPermission",
    request_body = PermissionRequest,
    responses((status = 202, body = PermissionView, description = "WhatsApp has taken the request"), (status = 404), (status = 502))
)]
pub(super) async fn ask(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let Parts { method, headers, .. } = &parts;
    let entry = auth::enter(&house, method, headers, Operation::Initiate, Right::AskPermissions).await?;
    let answer = async {
        let wanted: PermissionRequest = json_body(headers, content).await?;
        let to = super::place::phone(wanted.to.as_deref())?;
        let meta_id =
            wanted.phone_number_id.as_deref().ok_or_else(|| ApiError::missing("phone_number_id"))?;
        let ask = PermissionAsk {
            to,
            body: text("body", wanted.body, LONGEST_TEXT)?,
            template: wanted.template.map(template).transpose()?,
        };
        if ask.body.is_some() && ask.template.is_some() {
            return Err(ApiError::invalid("template", "send 'body' or 'template', not both"));
        }
        let number = connection(&house, &entry.principal, meta_id).await?;
        let known = house.engine.ask_permission(&number.tenant, &number.id, ask).await;
        let known = known.map_err(|error| denied(error, house.now()))?;
        let object = Object::new("permission", known.id.as_str());
        let from = json!({ "from_phone_number_id": number.meta_id.as_str() });
        house.audit.record(&entry.principal, "permission.requested", object, from).await?;
        Ok(Reply::accepted(shown(view(&known, &number, true, house.now()))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn one(house: &House, entry: &Entry, query: &Query, to: &Phone) -> Answer {
    let meta_id = query.number.as_deref().ok_or_else(|| ApiError::missing("phone_number_id"))?;
    let number = connection(house, &entry.principal, meta_id).await?;
    let known = house.engine.permission(&number.tenant, &number.id, to).await?;
    let reveal = entry.principal.role().sees_phones();
    Ok(Reply::ok(shown(view(&known, &number, reveal, house.now()))))
}

async fn page(house: &House, principal: &Principal, query: &Query) -> Answer {
    let known = house.directory.numbers_now(&principal.tenant).await?;
    let numbers = match &query.number {
        Some(meta_id) => Some(vec![connection(house, principal, meta_id).await?.id]),
        None => reached(house, principal, &known),
    };
    let scope = Scope { tenant: &principal.tenant, filters: query.signature() };
    let (secret, now) = (&house.config.cursor_secret, house.now());
    let after = match &query.cursor {
        Some(text) => {
            let (at, id) = cursor::open(secret, &scope, text, now).ok_or_else(ApiError::invalid_cursor)?;
            Some((at, PermissionId::from_uuid(id.uuid())))
        }
        None => None,
    };
    let filter = PermissionFilter { numbers, standing: query.standing };
    let wanted = PermissionsAfter { after, limit: query.limit };
    let page = house.engine.permissions(&principal.tenant, &filter, &wanted).await?;
    let last = page.permissions.last().filter(|_| page.has_more);
    // A cursor keeps a time and a UUID; the signed filters keep it from lists of other things.
    let place = last.map(|last| (last.created_at, CallId::from_uuid(last.id.uuid())));
    let cursor = place.map(|place| cursor::seal(secret, &scope, &place, now));
    let reveal = principal.role().sees_phones();
    let row = |one: &Permission| {
        let number = known.iter().find(|number| number.id == one.number)?;
        Some(shown(view(one, number, reveal, now)))
    };
    Ok(Reply::page(page.permissions.iter().filter_map(row).collect(), cursor))
}

/// The numbers a caller's list is about; none when it is about all there are.
fn reached(house: &House, principal: &Principal, known: &[BusinessNumber]) -> Option<Vec<NumberId>> {
    let only = only_number(principal);
    let narrowed = only.is_some() || (principal.sandbox && !house.config.sandbox);
    narrowed.then(|| {
        let its = |number: &&BusinessNumber| {
            only.is_none_or(|only| *only == number.id) && house.reaches(principal, number)
        };
        known.iter().filter(its).map(|number| number.id.clone()).collect()
    })
}

/// A permission in the face's words.
fn view(known: &Permission, number: &BusinessNumber, reveal: bool, now: Time) -> PermissionView {
    let (standing, expires_at) = known.standing(now);
    let (call, ask) = (known.ledger.may_call(now), known.ledger.may_ask(now));
    let usage = known.ledger.usage(now);
    let quota = |(used, limit)| Quota { used, limit };
    PermissionView {
        phone_number_id: number.meta_id.as_str().to_owned(),
        to: if reveal { known.phone.reveal() } else { known.phone.to_string() },
        state: standing.as_str(),
        expires_at: expires_at.map(moment::whole),
        can_call: call.is_ok(),
        next_call_at: call.err().and_then(|denied| denied.next_at).map(moment::whole),
        can_request: ask.is_ok(),
        next_request_at: ask.err().and_then(|denied| denied.next_at).map(moment::whole),
        quotas: Quotas {
            requests_today: quota(usage.asks_today),
            requests_this_week: quota(usage.asks_this_week),
            calls_today: quota(usage.calls_today),
            unanswered_in_a_row: usage.unanswered,
            reminded: usage.reminded,
        },
        checked_at: known.ledger.checked().map(|check| moment::whole(check.at)),
    }
}

fn shown(view: PermissionView) -> Value {
    serde_json::to_value(view).expect("plain fields always serialize")
}

/// Says when to ask again, where that is known.
fn denied(error: EngineError, now: Time) -> ApiError {
    let next = match &error {
        EngineError::Denied(denied) => denied.next_at,
        _ => None,
    };
    let error = ApiError::from(error);
    match next {
        Some(next) => {
            error.beside(json!({ "next_request_at": moment::whole(next) })).until(Some(next.since(now)))
        }
        None => error,
    }
}

/// What the error of a call that was not placed for want of permission tells besides.
pub(super) fn details(known: &Permission, now: Time) -> Value {
    let (standing, _) = known.standing(now);
    let (call, ask) = (known.ledger.may_call(now), known.ledger.may_ask(now));
    let next = |denied: offhook_core::permission::Denied| denied.next_at.map(moment::whole);
    json!({
        "permission": standing.as_str(),
        "next_call_at": call.err().and_then(next),
        "can_request": ask.is_ok(),
        "next_request_at": ask.err().and_then(next),
    })
}

struct Query {
    number: Option<String>,
    to: Option<Phone>,
    standing: Option<Standing>,
    limit: u32,
    cursor: Option<String>,
}

impl Query {
    fn read(pairs: &[(String, String)]) -> Result<Self, ApiError> {
        let value = |name: &str| {
            let found = pairs.iter().rev().find(|(other, _)| other == name);
            found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        let to = value("to").map(Phone::parse).transpose().map_err(|_| ApiError::invalid_phone("to"))?;
        let standing = match value("state") {
            Some(word) => Some(
                Standing::parse(word)
                    .ok_or_else(|| ApiError::invalid("state", format!("'state' is one of {}", words())))?,
            ),
            None => None,
        };
        let limit = match value("limit").map(str::parse::<u32>) {
            None => ROWS,
            Some(Ok(limit @ 1..)) => limit.min(MOST_ROWS),
            Some(_) => return Err(ApiError::invalid("limit", "'limit' is a whole number from 1 to 200")),
        };
        let owned = |name| value(name).map(str::to_owned);
        Ok(Self { number: owned("phone_number_id"), to, standing, limit, cursor: owned("cursor") })
    }

    fn signature(&self) -> String {
        let number = self.number.as_deref().unwrap_or_default();
        format!("permissions;{number};{}", self.standing.map_or("", Standing::as_str))
    }
}

fn words() -> String {
    Standing::ALL.map(Standing::as_str).join(", ")
}

fn text(field: &str, text: Option<String>, most: usize) -> Result<Option<String>, ApiError> {
    match text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() > most => {
            Err(ApiError::invalid(field, format!("field '{field}' is longer than {most} characters")))
        }
        text => Ok(text),
    }
}

fn template(wanted: TemplateRequest) -> Result<Template, ApiError> {
    let required = |field: &str, value: String| {
        text(field, Some(value), LONGEST_NAME)?
            .ok_or_else(|| ApiError::invalid(field, format!("field '{field}' is empty")))
    };
    let name = required("template.name", wanted.name)?;
    let language = required("template.language", wanted.language)?;
    let fits = |parameter: &String| parameter.chars().count() <= LONGEST_TEXT;
    if wanted.parameters.len() > MOST_PARAMETERS || !wanted.parameters.iter().all(fits) {
        let message = "at most 32 parameters of at most 1024 characters each";
        return Err(ApiError::invalid("template.parameters", message));
    }
    Ok(Template { name, language, parameters: wanted.parameters })
}
