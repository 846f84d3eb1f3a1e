//! Tickets that open the agents' socket.

use std::time::Duration;

use axum::extract::{Request, State};
use offhook_core::audit::Object;
use offhook_core::house::Person;
use offhook_core::id::UserId;
use offhook_core::ports::{Opener, Ticket};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::dialect::orbit::auth;
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right, Who};
use crate::manners::session;

/// Long enough for a slow page to connect, short enough that a leaked ticket is worth nothing.
const LIFE: Duration = Duration::from_secs(60);

/// For whom.
#[derive(Deserialize, ToSchema)]
#[schema(as = WantedTicket)]
pub(super) struct Wanted {
    /// Whom the ticket is for; keys name them, people leave it out.
    user_id: Option<String>,
}

/// A ticket for the agents' socket.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub(super) struct IssuedTicket {
    /// Opens the socket once.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
    agent: TicketAgent,
}

#[derive(Serialize, ToSchema)]
struct TicketAgent {
    id: String,
    name: String,
}

/// Makes a ticket that opens the agents' socket once, within a minute.
#[utoipa::path(
    post,
    path = "/api/v1/softphone/tokens",
    tag = "Softphone",
    operation_id = "issueTicket",
    request_body = Option<Wanted>,
    responses((status = 201, body = IssuedTicket), (status = 404))
)]
pub(super) async fn issue(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry = auth::enter(&house, &parts.method, headers, Operation::Ticket, Right::WriteCalls).await?;
    let answer = async {
        let wanted: Wanted = json_body(headers, content).await?;
        if entry.principal.sandbox && !house.config.sandbox {
            return Err(ApiError::wrong_key_mode());
        }
        let by = match &entry.principal.who {
            Who::Key(key) => Some(Opener::Key(key.id.clone())),
            Who::Person(_) => session::current(&house, headers).await?.map(|it| Opener::Session(it.id)),
        };
        ticket(&house, &entry.principal, wanted.user_id, by).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn ticket(house: &House, principal: &Principal, user_id: Option<String>, by: Option<Opener>) -> Answer {
    let person = whom(house, principal, user_id).await?;
    if !person.role.may_call() {
        return Err(ApiError::insufficient("a role that takes calls"));
    }
    let until = house.now() + LIFE;
    let token = house.ports.sessions.issue_ticket(&Ticket { person: person.clone(), until, by }).await?;
    let object = Object::new("person", person.id.as_str());
    house.audit.record(principal, "softphone.ticket_issued", object, Value::Null).await?;
    let agent = TicketAgent { id: person.id.to_string(), name: person.name };
    Ok(Reply::made(&IssuedTicket { token, expires_at: moment::whole(until), agent }))
}

/// People get tickets for themselves; keys name whom the ticket is for.
async fn whom(house: &House, principal: &Principal, user_id: Option<String>) -> Result<Person, ApiError> {
    match (&principal.who, user_id) {
        (Who::Person(person), None) => Ok(person.clone()),
        (Who::Person(person), Some(id)) if id == person.id.as_str() => Ok(person.clone()),
        (Who::Person(_), Some(_)) => {
            Err(ApiError::forbidden("a session gets tickets for its own person only"))
        }
        (Who::Key(_), None) => Err(ApiError::missing("user_id")),
        (Who::Key(_), Some(id)) => {
            let person = match UserId::parse(&id) {
                Some(id) => house.ports.people.load(&principal.tenant, &id).await?,
                None => None,
            };
            person.ok_or_else(|| ApiError::not_found("no such user"))
        }
    }
}
