//! `GET …/contacts` and `GET …/contacts/optouts`: pages of contacts.

use axum::extract::{RawQuery, Request, State};
use offhook_core::contact::segment::Segment;
use offhook_core::contact::{Channel, Contact};
use offhook_core::id::CallId;
use offhook_core::ports::{ContactFilter, ContactPage, ContactsAfter};
use offhook_core::time::Time;
use serde_json::Value;

use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::super::{auth, cursor};
use super::wire::{ContactBody, OptedOut, json};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};

/// Rows of a page when nothing is said.
const USUAL: u32 = 25;

/// Rows of a page at most (the provider's page on contacts).
const MOST: u32 = 100;

/// Longest search.
const LONGEST_SEARCH: usize = 100;

/// Above this many a total is not counted: nobody reads the number, and counting costs more than the page.
const COUNTED: u64 = 5_000;

/// Parameters of a list, each at most once.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let mut read: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            // What the provider's clients send besides is none of our business.
            if !known.contains(&&*name) {
                continue;
            }
            if value.contains('\0') || read.iter().any(|(there, _)| *there == name) {
                return Err(ApiError::invalid(&name, format!("query '{name}' must be given once, as text")));
            }
            read.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(read))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(there, _)| there == name)
            .map(|(_, value)| value.as_str())
            .filter(|it| !it.is_empty())
    }

    /// The contacts that are asked for.
    pub(super) fn contacts(&self) -> Result<ContactFilter, ApiError> {
        let tags = self.text("tags").unwrap_or_default();
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Ok(ContactFilter {
            search: search(self)?,
            lifecycle_stage: self.text("lifecycle_stage").map(str::to_owned),
            country_code: self.text("country_code").map(str::to_ascii_uppercase),
            tags: tags.take(100).map(str::to_owned).collect(),
            has_phone: self.flag("has_phone")?,
            has_email: self.flag("has_email")?,
            from: self.time("created_after")?,
            until: self.time("created_before")?,
            ..ContactFilter::default()
        })
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| ApiError::invalid(name, "must be true or false")))
            .transpose()
    }

    fn time(&self, name: &str) -> Result<Option<Time>, ApiError> {
        let wrong = || ApiError::invalid(name, "must be a date, or a date and time with its offset");
        self.text(name).map(|text| moment::read(text).ok_or_else(wrong)).transpose()
    }

    fn limit(&self) -> Result<u32, ApiError> {
        let Some(text) = self.text("limit") else { return Ok(USUAL) };
        let limit: u64 =
            text.parse().map_err(|_| ApiError::invalid("limit", "must be a whole number from 1"))?;
        if limit == 0 {
            return Err(ApiError::invalid("limit", "must be a whole number from 1"));
        }
        Ok(u32::try_from(limit).unwrap_or(MOST).min(MOST))
    }

    /// What a cursor is bound to.
    fn filters(&self, list: &str) -> String {
        let mut pairs: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| name != "cursor" && name != "limit")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.sort_unstable();
        format!("contacts/{list}?{}", pairs.join("&"))
    }
}

/// What narrows a list.
pub(super) const FILTERS: &[&str] = &[
    "cursor",
    "limit",
    "search",
    "lifecycle_stage",
    "country_code",
    "tags",
    "has_phone",
    "has_email",
    "created_after",
    "created_before",
];

/// Lists contacts, the last made first.
#[utoipa::path(
    get,
    path = "/api/v1/contacts",
    tag = "Contacts",
    operation_id = "listContacts",
    params(
        ("cursor" = Option<String>, Query),
        ("limit" = Option<u32>, Query, description = "1 to 100, 25 when not given; more is taken for 100"),
        ("search" = Option<String>, Query, description = "Every word of it occurs in name, phone or e-mail. Roles that see numbers masked search names only"),
        ("lifecycle_stage" = Option<String>, Query),
        ("country_code" = Option<String>, Query),
        ("tags" = Option<String>, Query, description = "With commas between; any of them"),
        ("has_phone" = Option<bool>, Query),
        ("has_email" = Option<bool>, Query),
        ("created_after" = Option<String>, Query),
        ("created_before" = Option<String>, Query),
    ),
    responses((status = 200, body = [ContactBody]))
)]
pub(crate) async fn list(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let query = Query::read(query.as_deref(), FILTERS)?;
        let filter = query.contacts()?;
        page(&house, &entry.principal, &query, "all", filter).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists contacts who have refused a channel.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/optouts",
    tag = "Contacts",
    operation_id = "listOptouts",
    params(
        ("cursor" = Option<String>, Query),
        ("limit" = Option<u32>, Query),
        ("channel" = Option<String>, Query, description = "sms, whatsapp, email, rcs, viber or voice; any when not given"),
        ("search" = Option<String>, Query),
    ),
    responses((status = 200, body = [OptedOut]))
)]
pub(crate) async fn opted_out(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let query = Query::read(query.as_deref(), &["cursor", "limit", "channel", "search"])?;
        let unknown = || ApiError::invalid("channel", "must be sms, whatsapp, email, rcs, viber or voice");
        let channel =
            query.text("channel").map(|word| Channel::parse(word).ok_or_else(unknown)).transpose()?;
        let filter =
            ContactFilter { search: search(&query)?, opted_out: Some(channel), ..ContactFilter::default() };
        let reveal = entry.principal.role().sees_phones();
        rows(&house, &entry.principal, &query, "optouts", filter, |contact| {
            let opted_out = contact.facts.opted_out().into_iter().map(Channel::as_str).collect();
            json(&OptedOut { contact: ContactBody::of(contact, reveal), opted_out })
        })
        .await
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// A page of contacts.
pub(super) async fn page(
    house: &House,
    principal: &Principal,
    query: &Query,
    list: &str,
    filter: ContactFilter,
) -> Answer {
    let reveal = principal.role().sees_phones();
    rows(house, principal, query, list, filter, |contact| ContactBody::json(contact, reveal)).await
}

/// A page of those a segment admits. How many there are is kept.
pub(super) async fn of_segment(
    house: &House,
    principal: &Principal,
    query: &Query,
    segment: &Segment,
) -> Answer {
    let (leaf, page) = Leaf::open(house, principal, query, segment.id.as_str())?;
    let found = house.ports.contacts.admitted(&principal.tenant, &segment.rule, &page).await?;
    let reveal = principal.role().sees_phones();
    Ok(leaf.reply(found, Some(segment.count), |contact| ContactBody::json(contact, reveal)))
}

async fn rows(
    house: &House,
    principal: &Principal,
    query: &Query,
    list: &str,
    filter: ContactFilter,
    row: impl Fn(&Contact) -> Value,
) -> Answer {
    let filter = ContactFilter { names_only: !principal.role().sees_phones(), ..filter };
    let (leaf, page) = Leaf::open(house, principal, query, list)?;
    let found = house.ports.contacts.list(&principal.tenant, &filter, &page).await?;
    let total = house.ports.contacts.count(&principal.tenant, &filter, COUNTED).await?;
    Ok(leaf.reply(found, total, row))
}

/// Where in a list somebody reads.
struct Leaf<'a> {
    house: &'a House,
    scope: cursor::Scope<'a>,
}

impl<'a> Leaf<'a> {
    fn open(
        house: &'a House,
        principal: &'a Principal,
        query: &Query,
        list: &str,
    ) -> Result<(Self, ContactsAfter), ApiError> {
        let scope = cursor::Scope { tenant: &principal.tenant, filters: query.filters(list) };
        let opened = query.text("cursor").map(|text| {
            cursor::open(&house.config.cursor_secret, &scope, text, house.now())
                .ok_or_else(ApiError::invalid_cursor)
        });
        let after = opened.transpose()?.map(|(place, _)| place.as_micros());
        Ok((Self { house, scope }, ContactsAfter { after, limit: query.limit()? }))
    }

    fn reply(self, page: ContactPage, total: Option<u64>, row: impl Fn(&Contact) -> Value) -> Reply {
        let Self { house, scope } = self;
        let nobody = CallId::from_uuid(Default::default());
        let cursor = page.next.map(|place| {
            let place = (Time::from_micros(place), nobody);
            cursor::seal(&house.config.cursor_secret, &scope, &place, house.now())
        });
        Reply::page_of(page.contacts.iter().map(row).collect(), cursor, total)
    }
}

fn search(query: &Query) -> Result<Option<String>, ApiError> {
    match query.text("search").map(str::trim) {
        Some(text) if text.chars().count() > LONGEST_SEARCH => Err(ApiError::invalid(
            "search",
            format!("query 'search' has more than {LONGEST_SEARCH} characters"),
        )),
        text => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
    }
}
