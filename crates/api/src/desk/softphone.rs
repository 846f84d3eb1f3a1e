//! Tickets that open the agents' socket.

use std::time::Duration;

use axum::extract::{Request, State};
use offhook_core::house::Person;
use offhook_core::id::UserId;
use offhook_core::ports::{Opener, Ticket};
use serde::Deserialize;
use serde_json::json;

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

#[derive(Deserialize)]
struct Wanted {
    user_id: Option<String>,
}

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
    Ok(Reply::created(json!({
        "token": token,
        "expires_at": moment::whole(until),
        "agent": { "id": person.id.as_str(), "name": person.name },
    })))
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
