//! `GET` and `POST …/settings/people`, `GET`, `PATCH` and `DELETE …/{id}`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::request::Parts;
use offhook_core::audit::{Deed, Object};
use offhook_core::house::{Person, Role, password_problem, sign_in_address};
use offhook_core::id::UserId;
use offhook_core::ports::{Changed, NewPerson, PersonChange, Removal, StoreFault};
use serde_json::{Value, json};

use super::keys::name;
use super::shown;
use super::wire::{AddedPerson, NewPersonBody, PersonPatch, PersonView};
use crate::dialect::orbit::auth::{self, Entry};
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::audit::text;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::random;

/// People of one tenant. A list of them is one page.
const MOST: usize = 2_000;

pub(crate) type Id = Result<Path<String>, PathRejection>;

async fn enter(house: &House, parts: &Parts, operation: Operation) -> Result<Entry, ApiError> {
    auth::enter(house, &parts.method, &parts.headers, operation, Right::ManagePeople).await
}

/// People
#[utoipa::path(get, path = "/api/v1/settings/people", tag = "Settings", operation_id = "listPeople", responses(
    (status = 200, body = [PersonView]),
))]
pub(crate) async fn list(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::List).await?;
    let answer = async {
        let people = house.ports.people.all(&entry.principal.tenant).await?;
        Ok(Reply::page(people.iter().map(|person| shown(PersonView::of(person))).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// A person
#[utoipa::path(get, path = "/api/v1/settings/people/{id}", tag = "Settings", operation_id = "readPerson",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = 200, body = PersonView),
    ))]
pub(crate) async fn one(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read).await?;
    let answer = find(&house, &entry.principal, id).await;
    entry.leave(answer.map(|person| Reply::ok(shown(PersonView::of(&person)))))
}

/// Add a person
#[utoipa::path(post, path = "/api/v1/settings/people", tag = "Settings", operation_id = "addPerson", request_body = NewPersonBody, responses(
    (status = 201, body = AddedPerson, headers(("cache-control" = String, description = "no-store"))),
))]
pub(crate) async fn add(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let principal = &entry.principal;
        let wanted: NewPersonBody = json_body(&parts.headers, content).await?;
        let email = wanted.email.ok_or_else(|| ApiError::missing("email"))?;
        let email = sign_in_address(&email).ok_or_else(|| ApiError::invalid_email("email"))?;
        let name = name("name", wanted.name)?;
        let role = Role::from(wanted.role.ok_or_else(|| ApiError::missing("role"))?);
        reaches(principal, role)?;
        let made = wanted.password.is_none().then(random::password);
        let password = made.clone().or(wanted.password).unwrap_or_default();
        check_password(&password, &email)?;
        if house.ports.people.all(&principal.tenant).await?.len() >= MOST {
            return Err(ApiError::full(format!("there are {MOST} people already: remove some first")));
        }
        let id = UserId::from_uuid(house.ports.ids.next());
        let after = text(json!({ "email": email, "name": name, "role": role.as_str() }));
        let deed = Deed { after, ..deed(&house, principal, &id, "person.added") };
        let new = NewPerson {
            id,
            tenant: principal.tenant.clone(),
            email,
            name,
            role,
            password,
            at: house.now(),
            deed: Some(deed),
        };
        let person = house.ports.people.add(new).await.map_err(|fault| match fault {
            // Addresses are taken once on the whole server: whoever signs in says no more than one.
            StoreFault::Exists(_) => ApiError::exists("email", "somebody signs in with this address already"),
            other => other.into(),
        })?;
        Ok(Reply::created(shown(AddedPerson { person: PersonView::of(&person), password: made })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Change a person
///
/// A new role or password ends their sessions, and their sockets within five seconds.
#[utoipa::path(patch, path = "/api/v1/settings/people/{id}", tag = "Settings", operation_id = "changePerson",
    params(("id" = String, Path, description = "The person")),
    request_body = PersonPatch,
    responses(
        (status = 200, body = PersonView),
    ))]
pub(crate) async fn change(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let principal = &entry.principal;
        let before = find(&house, principal, id).await?;
        reaches(principal, before.role)?;
        let wanted: PersonPatch = json_body(&parts.headers, content).await?;
        let name = wanted.name.map(|it| name("name", Some(it))).transpose()?;
        let role = wanted.role.map(Role::from).filter(|role| *role != before.role);
        role.map_or(Ok(()), |role| reaches(principal, role))?;
        wanted.password.as_deref().map_or(Ok(()), |password| check_password(password, &before.email))?;
        let mut after = json!({});
        let mut note = |field: &str, value: Option<Value>| {
            value.into_iter().for_each(|value| after[field] = value);
        };
        note("name", name.as_ref().map(|name| json!(name)));
        note("role", role.map(|role| json!(role.as_str())));
        note("password", wanted.password.as_ref().map(|_| json!("changed")));
        let deed = Deed {
            before: text(json!({ "name": before.name, "role": before.role.as_str() })),
            after: text(after),
            ..deed(&house, principal, &before.id, "person.changed")
        };
        let change = PersonChange {
            tenant: principal.tenant.clone(),
            id: before.id,
            name,
            role,
            password: wanted.password,
            spare: None,
            deed: Some(deed),
        };
        done(house.ports.people.change(change).await?).map(|person| Reply::ok(shown(PersonView::of(&person))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Remove a person
///
/// Their sessions end, and their sockets within five seconds. Keys they made stay, unless you say otherwise.
#[utoipa::path(delete, path = "/api/v1/settings/people/{id}", tag = "Settings", operation_id = "removePerson",
    params(
        ("id" = String, Path, description = "The person"),
        ("revoke_keys" = Option<bool>, Query, description = "Whether the keys they made are revoked"),
    ),
    responses(
        (status = 204, description = "They are removed"),
    ))]
pub(crate) async fn remove(
    State(house): State<Shared>,
    id: Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let principal = &entry.principal;
        let person = find(&house, principal, id).await?;
        reaches(principal, person.role)?;
        let query = query.unwrap_or_default();
        let said = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "revoke_keys");
        let revoke_keys = match said.as_ref().map(|(_, value)| value.as_ref()) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(ApiError::invalid("revoke_keys", "true or false")),
        };
        let deed = Deed {
            before: text(shown(PersonView::of(&person))),
            after: revoke_keys.then(|| json!({ "revoke_keys": true }).to_string()),
            ..deed(&house, principal, &person.id, "person.removed")
        };
        let removal = Removal {
            tenant: principal.tenant.clone(),
            id: person.id,
            revoke_keys,
            at: house.now(),
            deed: Some(deed),
        };
        done(house.ports.people.remove(removal).await?).map(|_| Reply::empty())
    };
    let answer = answer.await;
    entry.leave(answer)
}

fn done(changed: Changed) -> Result<Person, ApiError> {
    match changed {
        Changed::Done(person) => Ok(person),
        Changed::LastOwner => Err(ApiError::last_owner()),
        Changed::Unknown => Err(no_person()),
    }
}

fn deed(house: &House, principal: &Principal, id: &UserId, action: &str) -> Deed {
    Deed { object: Some(Object::new("person", id.as_str())), ..house.audit.deed(principal, action) }
}

async fn find(house: &House, principal: &Principal, id: Id) -> Result<Person, ApiError> {
    let id = id.ok().and_then(|Path(id)| UserId::parse(&id)).ok_or_else(no_person)?;
    house.ports.people.load(&principal.tenant, &id).await?.ok_or_else(no_person)
}

/// Nobody gives a role above their own, or changes somebody who has one.
fn reaches(principal: &Principal, role: Role) -> Result<(), ApiError> {
    if principal.role().reaches(role) {
        return Ok(());
    }
    Err(ApiError::insufficient(&format!("the role {}", role.as_str())))
}

fn check_password(password: &str, email: &str) -> Result<(), ApiError> {
    password_problem(password, email).map_or(Ok(()), |problem| Err(ApiError::invalid("password", problem)))
}

fn no_person() -> ApiError {
    ApiError::not_found("no such person")
}
