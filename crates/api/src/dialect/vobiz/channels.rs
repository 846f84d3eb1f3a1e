//! `…/channels/whatsapp`: business numbers as this face sees them (provider-apis.md 3.2).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use offhook_core::audit::Object;
use offhook_core::house::MediaMode;
use offhook_core::id::{MetaNumberId, NumberId};
use offhook_core::ports::{Channel, ChannelChange, ChannelNotes, Disconnected, NewNumber, StoreFault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{self, Entry};
use super::body::{self, required, short};
use super::error::{VobizError, Wrong};
use super::wire::ErrorBody;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

/// How a number may have come here, in the provider's words.
const MODES: [&str; 3] = ["buy_from_vobiz", "bring_your_own", "embedded_signup"];

/// What is said of a number of which nobody has said it: those of the command line.
const MODE: &str = "bring_your_own";
const PROVIDER: &str = "meta_direct";

const LONGEST_NAME: usize = 256;
const LONGEST_WORD: usize = 64;

/// Longest access token taken. Meta's have about 200 characters.
const LONGEST_TOKEN: usize = 1024;

/// A WhatsApp number of the account. Its token is never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    #[schema(example = "3f1c9b7e-2d4a-4f6b-9c8e-0a1b2c3d4e5f")]
    id: String,
    #[schema(example = "MA_XXXXXXXX")]
    account_id: String,
    #[schema(example = "102290129340398")]
    waba_id: String,
    #[schema(example = "106540352242922")]
    phone_number_id: String,
    #[schema(example = "+911140001234")]
    phone_number: String,
    #[schema(example = "bring_your_own")]
    number_onboarding_mode: String,
    #[schema(example = "meta_direct")]
    number_provider: String,
    number_order_id: Option<String>,
    /// The server does not ask Meta: a wrong token shows at the first call.
    #[schema(example = "verified")]
    verification_status: &'static str,
    display_name: String,
    #[schema(value_type = Option<Object>)]
    business_profile: Option<Value>,
    #[schema(example = "active")]
    status: &'static str,
    #[schema(example = "2026-03-25T14:00:00Z")]
    created_at: String,
    #[schema(example = "2026-03-25T14:00:00Z")]
    updated_at: String,
}

/// The account's channels, oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelList {
    items: Vec<ChannelView>,
}

/// A number to connect.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewChannel {
    #[schema(example = "102290129340398")]
    waba_id: Option<String>,
    #[schema(example = "+911140001234")]
    phone_number: Option<String>,
    /// `bring_your_own`, `embedded_signup` or `buy_from_vobiz`.
    #[schema(example = "bring_your_own")]
    number_onboarding_mode: Option<String>,
    #[schema(example = "meta_direct")]
    number_provider: Option<String>,
    /// A system user's token, kept sealed.
    access_token: Option<String>,
    display_name: Option<String>,
    #[schema(example = "106540352242922")]
    phone_number_id: Option<String>,
    number_order_id: Option<String>,
    /// `relay` (unless given): you carry the sound of its inbound calls. `bridge`: the server does (our addition).
    media_mode: Option<MediaWord>,
}

/// Who carries the sound.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MediaWord {
    /// You.
    Relay,
    /// The server.
    Bridge,
}

/// What is to be different about a channel.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ChannelUpdate {
    /// A fresh token.
    access_token: Option<String>,
    display_name: Option<String>,
}

/// What Meta's signup window hands over.
#[derive(Deserialize, ToSchema)]
pub(crate) struct EmbeddedSignup {
    code: Option<String>,
    waba_id: Option<String>,
}

/// Lists the account's channels.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/channels/whatsapp",
    tag = "Vobiz",
    operation_id = "vobizListChannels",
    responses(
        (status = 200, description = "All of them", body = ChannelList),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(house): State<Shared>,
    request: Request,
) -> Result<Json<ChannelList>, VobizError> {
    let entry = auth::enter(&house, request.headers(), Operation::List, Right::ReadCalls).await?;
    let channels = house.ports.channels.channels(&entry.principal.tenant).await?;
    let here = channels.iter().filter(|it| it.removed_at.is_none() && entry.reaches(&it.number.id));
    Ok(Json(ChannelList { items: here.map(|channel| view(channel, &entry)).collect() }))
}

/// Connects a number. One that was removed comes back with its calls.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/channels/whatsapp",
    tag = "Vobiz",
    operation_id = "vobizAddChannel",
    request_body = NewChannel,
    responses(
        (status = 201, description = "Connected", body = ChannelView),
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 409, description = "The number is connected already", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn add(
    State(house): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<ChannelView>), VobizError> {
    let (parts, content) = request.into_parts();
    let entry = enter_to_change(&house, &parts.headers).await?;
    if entry.only_number().is_some() {
        return Err(VobizError::forbidden("a key of the whole account"));
    }
    let wanted: NewChannel = body::read(&parts.headers, content).await?;
    let (number, notes) = checked(&house, &entry, wanted)?;
    let added = house.ports.channels.connect(number, notes).await.map_err(|fault| match fault {
        StoreFault::Exists(_) => VobizError::channel_exists(),
        fault => fault.into(),
    })?;
    house.directory.numbers_now(&entry.principal.tenant).await?;
    let number = &added.number;
    let details = json!({ "phone_number_id": number.meta_id.as_str(), "sandbox": number.sandbox });
    noted(&house, &entry, "number.added", &number.id, details).await?;
    tracing::info!(number.id = %added.number.id, dialect = "vobiz", "number connected");
    Ok((StatusCode::CREATED, Json(view(&added, &entry))))
}

/// Connects a number by the code of Meta's signup window, which this version cannot exchange.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/channels/whatsapp/embedded-signup",
    tag = "Vobiz",
    operation_id = "vobizEmbeddedSignup",
    request_body = EmbeddedSignup,
    responses(
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong, or always: not available", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn embedded_signup(
    State(house): State<Shared>,
    request: Request,
) -> Result<StatusCode, VobizError> {
    let (parts, content) = request.into_parts();
    enter_to_change(&house, &parts.headers).await?;
    let wanted: EmbeddedSignup = body::read(&parts.headers, content).await?;
    required("code", wanted.code.as_deref())?;
    required("waba_id", wanted.waba_id.as_deref())?;
    let message = "exchanging the code needs an app of Meta's that this server has no word about: exchange it \
                   yourself and add the channel with its access token";
    Err(VobizError::unsupported("EMBEDDED_SIGNUP_NOT_AVAILABLE", message))
}

/// Changes a channel's token or name.
#[utoipa::path(
    put,
    path = "/api/v1/messaging/channels/whatsapp/{id}",
    tag = "Vobiz",
    operation_id = "vobizChangeChannel",
    params(("id" = String, Path, description = "The channel")),
    request_body = ChannelUpdate,
    responses(
        (status = 200, description = "As it is now", body = ChannelView),
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn change(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<ChannelView>, VobizError> {
    let (parts, content) = request.into_parts();
    let entry = enter_to_change(&house, &parts.headers).await?;
    let id = named(&entry, id)?;
    let wanted: ChannelUpdate = body::read(&parts.headers, content).await?;
    let details = json!({
        "access_token": wanted.access_token.as_ref().map(|_| "a fresh one"),
        "display_name": &wanted.display_name,
    });
    let change = ChannelChange {
        access_token: token(wanted.access_token)?,
        display_name: short("display_name", wanted.display_name, LONGEST_NAME)?,
        at: house.now(),
    };
    let changed = house.ports.channels.change(&entry.principal.tenant, &id, change).await?;
    let changed = changed.ok_or_else(VobizError::no_channel)?;
    noted(&house, &entry, "number.changed", &id, details).await?;
    Ok(Json(view(&changed, &entry)))
}

/// Disconnects a channel. Nothing is deleted at Meta, and its calls stay.
#[utoipa::path(
    delete,
    path = "/api/v1/messaging/channels/whatsapp/{id}",
    tag = "Vobiz",
    operation_id = "vobizRemoveChannel",
    params(("id" = String, Path, description = "The channel")),
    responses(
        (status = 204, description = "Disconnected"),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 409, description = "There are live calls on it", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn remove(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, VobizError> {
    let entry = enter_to_change(&house, request.headers()).await?;
    let id = named(&entry, id)?;
    let tenant = &entry.principal.tenant;
    match house.ports.channels.disconnect(tenant, &id, house.now()).await? {
        Disconnected::Done => {}
        Disconnected::Unknown => return Err(VobizError::no_channel()),
        Disconnected::Busy => return Err(VobizError::channel_busy()),
    }
    house.directory.numbers_now(tenant).await?;
    noted(&house, &entry, "number.removed", &id, Value::Null).await?;
    tracing::info!(number.id = %id, dialect = "vobiz", "number disconnected");
    Ok(StatusCode::NO_CONTENT)
}

/// Writes a change of a channel into the audit log.
async fn noted(
    house: &House,
    entry: &Entry,
    action: &str,
    id: &NumberId,
    details: Value,
) -> Result<(), StoreFault> {
    house.audit.record(&entry.principal, action, Object::new("number", id.as_str()), details).await
}

async fn enter_to_change(house: &House, headers: &axum::http::HeaderMap) -> Result<Entry, VobizError> {
    auth::enter(house, headers, Operation::Control, Right::WriteNumbers).await
}

fn named(entry: &Entry, id: Result<Path<String>, PathRejection>) -> Result<NumberId, VobizError> {
    let Ok(Path(id)) = id else { return Err(VobizError::no_channel()) };
    let id = uuid::Uuid::parse_str(&id).map(NumberId::from_uuid).map_err(|_| VobizError::no_channel())?;
    entry.admit(&id, VobizError::no_channel)?;
    Ok(id)
}

fn checked(
    house: &House,
    entry: &Entry,
    wanted: NewChannel,
) -> Result<(NewNumber, ChannelNotes), VobizError> {
    let mode = required("number_onboarding_mode", wanted.number_onboarding_mode.as_deref())?;
    if !MODES.contains(&mode) {
        let message = "must be buy_from_vobiz, bring_your_own or embedded_signup";
        return Err(VobizError::invalid("number_onboarding_mode", Wrong::Format, message));
    }
    let provider = required("number_provider", wanted.number_provider.as_deref())?;
    let waba_id = required("waba_id", wanted.waba_id.as_deref())?;
    if MetaNumberId::parse(waba_id).is_none() {
        return Err(VobizError::invalid("waba_id", Wrong::Format, "must be digits"));
    }
    let phone = body::phone("phone_number", required("phone_number", wanted.phone_number.as_deref())?)?;
    if mode == MODES[0] && wanted.phone_number_id.is_none() {
        let message = "this server sells no numbers: bring one with its phone_number_id";
        return Err(VobizError::unsupported("NUMBER_PURCHASE_NOT_AVAILABLE", message));
    }
    let meta_id = MetaNumberId::parse(required("phone_number_id", wanted.phone_number_id.as_deref())?);
    let digits = || VobizError::invalid("phone_number_id", Wrong::Format, "must be digits");
    let number = NewNumber {
        id: NumberId::from_uuid(house.ports.ids.next()),
        tenant: entry.principal.tenant.clone(),
        meta_id: meta_id.ok_or_else(digits)?,
        waba_id: waba_id.to_owned(),
        phone,
        media_mode: match wanted.media_mode {
            None | Some(MediaWord::Relay) => MediaMode::Relay,
            Some(MediaWord::Bridge) => MediaMode::Bridge,
        },
        // A test key connects numbers of the sandbox alone.
        sandbox: entry.principal.sandbox,
        access_token: token(wanted.access_token)?.ok_or_else(|| VobizError::missing("access_token"))?,
        at: house.now(),
    };
    let notes = ChannelNotes {
        display_name: short("display_name", wanted.display_name, LONGEST_NAME)?,
        onboarding: Some(mode.to_owned()),
        provider: short("number_provider", Some(provider.to_owned()), LONGEST_WORD)?,
        order_id: short("number_order_id", wanted.number_order_id, LONGEST_WORD)?,
    };
    Ok((number, notes))
}

/// A token fit for a header.
fn token(text: Option<String>) -> Result<Option<String>, VobizError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fit = text.len() <= LONGEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic());
    fit.then_some(Some(text)).ok_or_else(|| {
        VobizError::invalid("access_token", Wrong::Format, "must be an access token of Meta's")
    })
}

fn view(channel: &Channel, entry: &Entry) -> ChannelView {
    let (number, notes) = (&channel.number, &channel.notes);
    let phone = match entry.principal.role().sees_phones() {
        true => number.phone.reveal(),
        false => number.phone.to_string(),
    };
    let or = |said: &Option<String>, otherwise: &str| said.clone().unwrap_or_else(|| otherwise.to_owned());
    ChannelView {
        id: number.id.uuid().to_string(),
        account_id: entry.account.clone(),
        waba_id: number.waba_id.clone(),
        phone_number_id: number.meta_id.as_str().to_owned(),
        display_name: or(&notes.display_name, &phone),
        phone_number: phone,
        number_onboarding_mode: or(&notes.onboarding, MODE),
        number_provider: or(&notes.provider, PROVIDER),
        number_order_id: notes.order_id.clone(),
        verification_status: "verified",
        business_profile: None,
        status: "active",
        created_at: moment::whole(channel.created_at),
        updated_at: moment::whole(channel.updated_at),
    }
}
