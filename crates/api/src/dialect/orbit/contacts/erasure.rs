//! Erasing a person: recordings, then everything the database knows, then a line in the audit log that does not
//! say who it was.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use offhook_core::audit::Object;
use offhook_core::contact::Contact;
use offhook_core::id::ContactId;
use offhook_core::ports::Erasure;
use serde_json::json;

use super::super::error::ApiError;
use super::absent;
use crate::house::Shared;
use crate::manners::principal::Principal;

/// Rounds of erasing recordings that come up. A second one is for a call that ended meanwhile.
const ROUNDS: usize = 5;

pub(super) async fn erase(house: &Shared, principal: &Principal, id: &ContactId) -> Result<(), ApiError> {
    let tenant = &principal.tenant;
    let contact = house.ports.contacts.load(tenant, id).await?.ok_or_else(absent)?;
    for _ in 0..ROUNDS {
        match house.engine.erase_contact(tenant, id).await? {
            Erasure::Unknown => return Err(absent()),
            Erasure::Busy => {
                return Err(ApiError::contact_busy(
                    "CONTACT_IN_CALL",
                    "the contact is in a call: erase it when the call is over",
                ));
            }
            Erasure::Importing => {
                return Err(ApiError::contact_busy(
                    "CONTACT_IMPORT_RUNNING",
                    "contacts are being imported: erase it when the import is over",
                ));
            }
            // Recordings first: when they cannot be erased now, the contact still tells of them.
            Erasure::Recorded(calls) => {
                for call in &calls {
                    house.ports.archive.erase(tenant, call).await.map_err(|problem| {
                        tracing::error!(call.id = %call, error = problem, "a recording cannot be erased");
                        ApiError::unavailable()
                    })?;
                }
            }
            Erasure::Erased(_) => {
                let object = Object::new("contact", id.as_str());
                house
                    .audit
                    .record(principal, "contact.erased", object, json!({ "who": trace(house, &contact) }))
                    .await?;
                return Ok(());
            }
        }
    }
    Err(ApiError::unavailable())
}

/// What proves later that it was somebody of these numbers and this address who was erased, to those who name one,
/// and tells nobody else: the house's own hashes of them.
fn trace(house: &Shared, contact: &Contact) -> Vec<String> {
    let facts = &contact.facts;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &house.config.cursor_secret);
    let named = facts.phones().map(|phone| phone.digits());
    let named = named.chain(facts.email.as_ref().map(|email| email.as_str()));
    named.map(|named| HEXLOWER.encode(hmac::sign(&key, named.as_bytes()).as_ref())).collect()
}
