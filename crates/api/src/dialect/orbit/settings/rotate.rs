//! `POST …/settings/api-keys/{id}/rotate`: another key with the same rights; the old one goes on for a while.

use std::time::Duration;

use axum::extract::{Request, State};
use offhook_core::house::ApiKey;
use offhook_core::id::KeyId;

use super::keys::{Id, enter, find, mint, no_key};
use super::shown;
use super::wire::{Replaced, RotatedKey, Rotation};
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::moment;

/// How long the old key goes on when nothing is said, and at most.
const OVERLAP: u32 = 24 * 60 * 60;
const LONGEST: u32 = 7 * OVERLAP;

/// Replace a key
///
/// The fresh key has the rights and the lifetime of the old one, which goes on working for a while.
#[utoipa::path(post, path = "/api/v1/settings/api-keys/{id}/rotate", tag = "Settings", operation_id = "rotateApiKey",
    params(("id" = String, Path, description = "The key")),
    request_body(content = Option<Rotation>),
    responses(
        (status = 201, body = RotatedKey, headers(("cache-control" = String, description = "no-store"))),
    ))]
pub(crate) async fn rotate(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let card = find(&house, &entry.principal, id).await?;
        let wanted: Rotation = match parts.headers.get("content-type") {
            Some(_) => json_body(&parts.headers, content).await?,
            None => Rotation { overlap_seconds: None },
        };
        let overlap = wanted.overlap_seconds.unwrap_or(OVERLAP);
        if overlap > LONGEST {
            return Err(ApiError::invalid("overlap_seconds", format!("0 to {LONGEST} seconds")));
        }
        let now = house.now();
        if !card.works_at(now) {
            return Err(no_key());
        }
        let until = now + Duration::from_secs(overlap.into());
        let until = card.expires_at.map_or(until, |expiry| expiry.min(until));
        let expires_at = card.expires_at.map(|expiry| now + expiry.since(card.created_at));
        let old = card.key.id.clone();
        let key = ApiKey { id: KeyId::from_uuid(house.ports.ids.next()), ..card.key };
        let replaces = Some((old.clone(), until));
        let minted = mint(&house, &entry.principal, key, expires_at, replaces, "api_key.rotated").await?;
        let replaces = Replaced { id: old.as_str().to_owned(), works_until: moment::whole(until) };
        Ok(Reply::created(shown(RotatedKey { minted, replaces })))
    };
    let answer = answer.await;
    entry.leave(answer)
}
