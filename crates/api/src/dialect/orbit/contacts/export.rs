//! `GET /contacts/export`: the list with its filters, whole, as one file that can be imported. Ours.

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use offhook_core::audit::Object;
use offhook_core::contact::{Channel, Contact, Email};
use offhook_core::id::TenantId;
use offhook_core::phone::Phone;
use offhook_core::ports::{ContactFilter, ContactsAfter};
use serde_json::json;

use super::super::auth;
use super::super::download::{AT_ONCE, Form, Pages, download};
use super::super::error::ApiError;
use super::super::wire;
use super::list::{FILTERS, Query};
use super::wire::ContactBody;
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};

/// The columns before those of preferences, in the order of [`cells`].
const COLUMNS: [&str; 13] = [
    "id",
    "phone",
    "other_phones",
    "email",
    "first_name",
    "last_name",
    "profile_name",
    "country_code",
    "lifecycle_stage",
    "tags",
    "metadata",
    "created_at",
    "updated_at",
];

/// Exports contacts.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/export",
    tag = "Contacts",
    operation_id = "exportContacts",
    params(
        ("format" = Option<String>, Query, description = "`csv` unless given, or `json`"),
        ("search" = Option<String>, Query, description = "As in the list"),
        ("lifecycle_stage" = Option<String>, Query, description = "As in the list"),
        ("country_code" = Option<String>, Query, description = "As in the list"),
        ("tags" = Option<String>, Query, description = "As in the list"),
        ("has_phone" = Option<bool>, Query, description = "As in the list"),
        ("has_email" = Option<bool>, Query, description = "As in the list"),
        ("created_after" = Option<String>, Query, description = "As in the list"),
        ("created_before" = Option<String>, Query, description = "As in the list"),
    ),
    responses((status = 200, description = "The contacts, the last made first", content(
        (String = "text/csv"),
        (Vec<ContactBody> = "application/json"),
    )))
)]
pub(crate) async fn export(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Export, Right::ExportContacts).await?;
    let begun = begin(house.clone(), &entry.principal, query.as_deref()).await;
    wire::leave(begun, entry.allowance, &house)
}

async fn begin(house: Shared, principal: &Principal, query: Option<&str>) -> Result<Response, ApiError> {
    let known: Vec<&str> = FILTERS.iter().copied().chain(["format"]).collect();
    let query = Query::read(query, &known)?;
    let form = Form::of(query.text("format"))?;
    if let Some(name) = ["cursor", "limit"].into_iter().find(|name| query.text(name).is_some()) {
        return Err(ApiError::invalid(name, "an export has no pages"));
    }
    let filter = ContactFilter { names_only: !principal.role().sees_phones(), ..query.contacts()? };
    let narrowed = json!({ "filtered": query.text("search").is_some() });
    let object = Object::new("contacts", "export");
    house.audit.record(principal, "contacts.exported", object, narrowed).await?;
    let reveal = principal.role().sees_phones();
    download(Listed { house, tenant: principal.tenant.clone(), filter, reveal, after: None }, form).await
}

/// Contacts of a list.
struct Listed {
    house: Shared,
    tenant: TenantId,
    filter: ContactFilter,
    reveal: bool,
    after: Option<i64>,
}

impl Pages for Listed {
    type Row = Contact;

    const NAME: &'static str = "contacts";

    async fn next(&mut self) -> Result<(Vec<Contact>, bool), ApiError> {
        let from = ContactsAfter { after: self.after, limit: AT_ONCE };
        let page = self.house.ports.contacts.list(&self.tenant, &self.filter, &from).await?;
        self.after = page.next;
        Ok((page.contacts, page.next.is_some()))
    }

    fn columns() -> Vec<String> {
        let preferences = Channel::ALL.map(|channel| format!("preferences.{}", channel.as_str()));
        COLUMNS.map(str::to_owned).into_iter().chain(preferences).collect()
    }

    fn cells(&self, contact: &Contact) -> Vec<String> {
        cells(contact, self.reveal)
    }

    fn json(&self, contact: &Contact, text: &mut Vec<u8>) {
        text.extend_from_slice(ContactBody::json(contact, self.reveal).to_string().as_bytes());
    }
}

/// A contact's cells; empty for what is not known.
fn cells(contact: &Contact, reveal: bool) -> Vec<String> {
    let facts = &contact.facts;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let phone = |it: &Phone| if reveal { it.reveal() } else { it.to_string() };
    // Tags that have the mark between tags in them are told as JSON, all of them.
    let plain = facts.tags.iter().all(|tag| !tag.contains(';') && !tag.starts_with('['));
    let tags = if plain { facts.tags.join(";") } else { json!(facts.tags).to_string() };
    let metadata = if facts.metadata.is_empty() { String::new() } else { json!(facts.metadata).to_string() };
    let mut cells = vec![
        contact.id.as_str().to_owned(),
        facts.phone.as_ref().map(phone).unwrap_or_default(),
        facts.other_phones.iter().map(phone).collect::<Vec<_>>().join(";"),
        facts.email.as_ref().map(Email::as_str).filter(|_| reveal).unwrap_or_default().to_owned(),
        text(&facts.first_name),
        text(&facts.last_name),
        text(&facts.profile_name),
        text(&facts.country_code),
        text(&facts.lifecycle_stage),
        tags,
        metadata,
        moment::whole(contact.created_at),
        moment::whole(contact.updated_at),
    ];
    let preference = |channel| facts.preferences.get(&channel).map(bool::to_string).unwrap_or_default();
    cells.extend(Channel::ALL.map(preference));
    cells
}
