//! Supervisors, parked calls, and who is there to transfer to.

use offhook_core::audit::Object;
use offhook_core::call::Command;
use offhook_core::house::Person;
use offhook_core::id::CallId;
use offhook_core::right::Right;
use offhook_whatsapp::sdp;
use serde_json::{Value, json};

use super::arrange::role;
use super::casting::cast;
use super::commands::{Done, Outcome, command};
use super::protocol::{AgentRef, CallView, ColleagueView, ErrorView, Supervision};
use super::{view, words};
use crate::house::House;
use crate::manners::principal::Principal;

/// Sits down at a conversation, or changes how.
pub(super) async fn supervise(
    house: &House,
    me: &Person,
    call_id: &str,
    how: Supervision,
    offer: Option<&str>,
) -> Done {
    if !Right::Supervise.of(me.role) {
        return Err(refused(house, me).await);
    }
    let offer = offer.map(sdp::check_page_offer).transpose().map_err(|why| words::invalid_sdp(&why))?;
    let sat =
        command(house, me, call_id, Command::Supervise { agent: me.id.clone(), role: role(how) }).await?;
    told(house, me, call_id, "call.supervised", json!({ "how": role(how).as_str() })).await?;
    let Some(offer) = offer else { return Ok(sat) };
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    match house.engine.attach(&me.tenant, &id, &me.id, &offer).await {
        Ok(attached) => Ok(Outcome::from(attached)),
        Err(why) => {
            // A seat nobody can speak from is given up; if that fails it is in a while, as any silent one.
            let _ = house.engine.command(&me.tenant, &id, Command::Leave { agent: me.id.clone() }).await;
            Err(words::refused(&why))
        }
    }
}

/// Becomes the owner.
pub(super) async fn take_over(house: &House, me: &Person, call_id: &str) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let record = house.engine.load(&me.tenant, &id).await.map_err(|fault| words::unavailable(&fault))?;
    if !Right::Supervise.of(me.role) {
        return Err(refused(house, me).await);
    }
    if !record.is_some_and(|record| record.seats(&me.id)) {
        return Err(words::not_allowed());
    }
    let over = command(house, me, call_id, Command::TakeOver { agent: me.id.clone() }).await?;
    told(house, me, call_id, "call.taken_over", Value::Null).await?;
    Ok(over)
}

/// Writes down that somebody came to others' conversation.
async fn told(
    house: &House,
    me: &Person,
    call_id: &str,
    action: &str,
    details: Value,
) -> Result<(), ErrorView> {
    let principal = Principal::person(me.clone());
    let written = house.audit.record(&principal, action, Object::new("call", call_id), details).await;
    written.map_err(|fault| words::unavailable(&fault))
}

/// Writes down that somebody tried.
async fn refused(house: &House, me: &Person) -> ErrorView {
    match house.audit.refused(&Principal::person(me.clone()), Right::Supervise).await {
        Ok(()) => words::not_allowed(),
        Err(fault) => words::unavailable(&fault),
    }
}

/// Takes a parked call.
pub(super) async fn retrieve(house: &House, me: &Person, call_id: &str, offer: &str) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let offer = sdp::check_page_offer(offer).map_err(|why| words::invalid_sdp(&why))?;
    let taken = house.engine.take(&me.tenant, &id, me.id.clone(), &offer).await;
    taken.map(Outcome::from).map_err(|why| words::refused(&why))
}

/// Everybody who takes calls, and for supervisors the conversations they can come to.
pub(super) async fn colleagues(
    house: &House,
    me: &Person,
) -> Result<(Vec<ColleagueView>, Vec<CallView>), ErrorView> {
    let people = house.ports.people.all(&me.tenant).await.map_err(|fault| words::unavailable(&fault))?;
    let free = house.engine.free(&me.tenant);
    let others = people.into_iter().filter(|person| person.id != me.id && person.role.may_call());
    let colleague = |person: Person| ColleagueView {
        free: free.contains(&person.id),
        agent: AgentRef { id: person.id.as_str().to_owned(), name: person.name },
    };
    let colleagues = others.map(colleague).collect();
    if !Right::Supervise.of(me.role) {
        return Ok((colleagues, Vec::new()));
    }
    let live = house.engine.conversations(&me.tenant);
    let cast = cast(&house.directory, &me.tenant, live.iter().map(AsRef::as_ref), []).await;
    let cast = cast.map_err(|fault| words::unavailable(&fault))?;
    Ok((colleagues, live.iter().map(|record| view::call(record, &cast)).collect()))
}
