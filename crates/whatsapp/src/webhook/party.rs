//! Who the user is: phone, business-scoped id and name, from wherever a payload has them.

use serde_json::value::RawValue;

use offhook_core::meta::Party;
use offhook_core::phone::Phone;

use super::pick::{fields, short_text, text, words};

/// Longest business-scoped id taken; real ones have about 30 characters.
const MAX_USER_ID: usize = 256;

/// Longest name taken; WhatsApp allows 25 characters.
const MAX_NAME: usize = 128;

/// The business's side of a change, and the contacts that come with it.
pub(super) struct Company<'a> {
    /// `display_phone_number`, digits.
    pub(super) phone: Option<Phone>,
    pub(super) contacts: Vec<Contact<'a>>,
    /// Whether the change holds one element, so that a lone contact must be of it.
    pub(super) is_single: bool,
}

/// One entry of `contacts`.
pub(super) struct Contact<'a> {
    pub(super) raw: &'a RawValue,
    phone: Option<Phone>,
    user_id: Option<String>,
    name: Option<String>,
}

impl<'a> Contact<'a> {
    pub(super) fn read(raw: &'a RawValue) -> Option<Self> {
        let [profile, wa_id, id] = fields(raw, &["profile", "wa_id", "user_id"])?;
        let names = profile.and_then(|profile| fields(profile, &["name", "username"]));
        let [name, username] = names.unwrap_or_default();
        let name = words(name, MAX_NAME).or_else(|| words(username, MAX_NAME));
        // Users without a profile name are shown by their number; as a name it would escape the masks.
        let name = name.filter(|name| Phone::parse(name).is_err());
        Some(Self { raw, phone: phone(wa_id), user_id: user_id(id), name })
    }

    fn is_of(&self, party: &Party) -> bool {
        let same_phone = self.phone.is_some() && self.phone == party.phone;
        let same_id = self.user_id.is_some() && self.user_id == party.user_id;
        same_phone || same_id
    }

    fn contradicts(&self, party: &Party) -> bool {
        let other_phone = self.phone.is_some() && party.phone.is_some() && self.phone != party.phone;
        let other_id = self.user_id.is_some() && party.user_id.is_some() && self.user_id != party.user_id;
        other_phone || other_id
    }
}

impl<'a> Company<'a> {
    /// The contact of a user: by number or id, or the only one there is.
    pub(super) fn contact_of(&self, party: &Party) -> Option<&Contact<'a>> {
        let named = self.contacts.iter().find(|contact| contact.is_of(party));
        named.or_else(|| match &self.contacts[..] {
            [only] if self.is_single && !only.contradicts(party) => Some(only),
            _ => None,
        })
    }

    /// The user from the fields of an element, completed from their contact.
    pub(super) fn user(&self, phone: Option<Phone>, user_id: Option<String>) -> Party {
        let mut party = Party { phone, user_id, ..Party::default() };
        if let Some(contact) = self.contact_of(&party) {
            party.learn(&Party {
                phone: contact.phone.clone(),
                user_id: contact.user_id.clone(),
                name: contact.name.clone(),
                contact: None,
            });
        }
        party
    }
}

/// A phone number, if that is what the field holds.
pub(super) fn phone(raw: Option<&RawValue>) -> Option<Phone> {
    Phone::parse(&text(raw)?).ok()
}

/// A business-scoped id, if that is what the field holds.
pub(super) fn user_id(raw: Option<&RawValue>) -> Option<String> {
    short_text(raw, MAX_USER_ID)
}
