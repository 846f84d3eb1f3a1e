//! What a knock of Meta's says (whatsapp-calling.md 3), element by element.
//!
//! Here: from a body whose signature was checked to [`Knock`]s for the inbox. Not here: what they mean for a
//! call.
//!
//! Invariant: a body that is JSON is never refused, and one element never spoils another. What is unknown, or
//! makes no sense, is kept with the reason, because Meta adds fields and events without notice and repeats a
//! refused webhook for days.

mod pick;

mod party;

mod key;

mod call;

mod permission;

mod settings;

mod whole;

mod echo;

#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

use offhook_core::id::MetaNumberId;
use offhook_core::ports::{Knock, News};
use offhook_core::time::Time;

use call::Around;
use party::{Company, Contact};
use pick::{elements, fields, text};

pub use echo::echo;
pub use whole::whole;

/// Largest body taken: Meta's own limit.
pub const MAX_BODY: usize = 3 * 1024 * 1024;

/// Most elements read from one body. Real ones have 250 bytes and more, so a legal body holds fewer; this
/// bounds what a body of trifles can cost.
const MAX_ELEMENTS: usize = 20_000;

/// Largest part of the surroundings copied beside each element of a batch. Real ones have 100 bytes.
const MAX_BESIDE: usize = 1_024;

/// Most contacts looked through for each element. A body of Meta's has one.
const MAX_CONTACTS: usize = 1_000;

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// More than [`MAX_BODY`] bytes.
    #[error("the webhook is larger than 3 MiB")]
    TooLarge,
    /// Not JSON in UTF-8.
    #[error("the webhook is not JSON")]
    NotJson,
}

/// Why an element is only kept.
enum Why {
    Plain(&'static str),
    /// The list it stood in and Meta's word for it.
    Word(&'static str, String),
}

/// Reads everything a webhook tells, in its order.
///
/// # Errors
/// [`BadWebhook`] when the body as a whole cannot be read.
pub fn read(body: &[u8], received_at: Time) -> Result<Vec<Knock>, BadWebhook> {
    if body.len() > MAX_BODY {
        return Err(BadWebhook::TooLarge);
    }
    let body = std::str::from_utf8(body).map_err(|_| BadWebhook::NotJson)?;
    let root: &RawValue = serde_json::from_str(body).map_err(|_| BadWebhook::NotJson)?;
    let mut reader = Reader { received_at, budget: MAX_ELEMENTS, beyond: 0, knocks: Vec::new() };
    reader.root(root);
    if reader.beyond > 0 {
        let why = format!("too many elements: {} left out", reader.beyond);
        reader.keep(why, key::of_kept(&["beyond"], body), "{}".to_owned());
    }
    Ok(reader.knocks)
}

struct Reader {
    received_at: Time,
    /// Elements that may still be read.
    budget: usize,
    /// Elements that were not.
    beyond: usize,
    knocks: Vec<Knock>,
}

impl Reader {
    fn root(&mut self, raw: &RawValue) {
        let [object, entries] = fields(raw, &["object", "entry"]).unwrap_or_default();
        let object = text(object).unwrap_or_default();
        if object != "whatsapp_business_account" {
            let why = format!("object: {}", word(&object));
            return self.keep(why, key::of_kept(&[], raw.get()), raw.get().to_owned());
        }
        let entries = self.elements(entries);
        if entries.is_empty() {
            return self.keep("no entry".to_owned(), key::of_kept(&[], raw.get()), raw.get().to_owned());
        }
        for entry in entries {
            self.entry(entry);
        }
    }

    fn entry(&mut self, raw: &RawValue) {
        let [id, time, changes] = fields(raw, &["id", "time", "changes"]).unwrap_or_default();
        // Tells apart equal changes of two accounts, and of two days.
        let place = [id, time].map(|part| part.map_or("", RawValue::get));
        let changes = self.elements(changes);
        if changes.is_empty() {
            let why = "entry without changes".to_owned();
            return self.keep(why, key::of_kept(&place, raw.get()), raw.get().to_owned());
        }
        for change in changes {
            self.change(change, &place);
        }
    }

    fn change(&mut self, raw: &RawValue, place: &[&str]) {
        let [field, value] = fields(raw, &["field", "value"]).unwrap_or_default();
        let field = text(field).unwrap_or_default();
        if field == settings::FIELD
            && let Some((change, key)) = value.and_then(|value| settings::change(value, self.received_at))
        {
            let (received_at, raw) = (self.received_at, raw.get().to_owned());
            self.knocks.push(Knock { key, received_at, raw, news: News::Settings(change) });
            return;
        }
        let value = value.and_then(|value| {
            fields(value, &["metadata", "contacts", "calls", "statuses", "messages", "errors"])
        });
        let mut whole = |why: String| self.keep(why, key::of_kept(place, raw.get()), raw.get().to_owned());
        let Some([metadata, contacts, calls, statuses, messages, errors]) = value else {
            return whole(format!("{}: no value", word(&field)));
        };
        let lists: &[(&'static str, Option<&RawValue>)] = match field.as_str() {
            "calls" => &[("calls", calls), ("statuses", statuses)],
            "messages" => &[("messages", messages), ("statuses", statuses)],
            _ => return whole(word(&field)),
        };
        let [number, shown] = metadata
            .and_then(|m| fields(m, &["phone_number_id", "display_phone_number"]))
            .unwrap_or_default();
        let Some(number) = text(number).and_then(|id| MetaNumberId::parse(&id)) else {
            return whole(format!("{}: no phone_number_id", word(&field)));
        };
        let told: Vec<(&'static str, &RawValue)> = lists
            .iter()
            .flat_map(|(list, raw)| self.elements(*raw).into_iter().map(move |element| (*list, element)))
            .collect();
        if told.is_empty() {
            let what = if errors.is_some() { "errors" } else { "nothing" };
            let why = format!("{}: {what}", word(&field));
            return self.keep(why, key::of_kept(place, raw.get()), raw.get().to_owned());
        }
        let (contacts, _) = elements(contacts, &mut { MAX_CONTACTS });
        let contacts = contacts.into_iter().filter_map(Contact::read).collect();
        let company = Company { phone: party::phone(shown), contacts, is_single: told.len() == 1 };
        let received_at = self.received_at;
        let around = Around { number: &number, company: &company, errors, received_at };
        for (list, element) in told {
            let read = match (field.as_str(), list) {
                (_, "messages") => {
                    permission::message(element, &around).map(|(reply, key)| (News::Permission(reply), key))
                }
                ("messages", _) => Err(Why::Plain("messages: statuses")),
                (_, "statuses") => {
                    call::status(element, &around).map(|(event, key)| (News::Call(event), key))
                }
                _ => call::call(element, &around).map(|(event, key)| (News::Call(event), key)),
            };
            let (news, key) = read.unwrap_or_else(|why| {
                let why = match why {
                    Why::Plain(why) => why.to_owned(),
                    Why::Word(list, word) => format!("{list}: {word}"),
                };
                (News::Kept { why }, key::of_kept(&[&field, number.as_str()], element.get()))
            });
            let stored = if company.is_single {
                raw.get().to_owned()
            } else {
                alone(&field, list, element, metadata, company_contact(&company, &news), errors)
            };
            self.knocks.push(Knock { key, received_at, raw: stored, news });
        }
    }

    fn elements<'a>(&mut self, raw: Option<&'a RawValue>) -> Vec<&'a RawValue> {
        let (taken, beyond) = elements(raw, &mut self.budget);
        self.beyond += beyond;
        taken
    }

    fn keep(&mut self, why: String, key: String, raw: String) {
        self.knocks.push(Knock { key, received_at: self.received_at, raw, news: News::Kept { why } });
    }
}

fn company_contact<'a>(company: &Company<'a>, news: &News) -> Option<&'a RawValue> {
    let party = match news {
        News::Call(event) => &event.party,
        News::Permission(reply) => &reply.party,
        News::Settings(_) | News::Kept { .. } => return None,
    };
    company.contact_of(party).map(|contact| contact.raw)
}

/// An element of a batch as if it had come alone, every part in Meta's own bytes.
fn alone(
    field: &str,
    list: &str,
    element: &RawValue,
    metadata: Option<&RawValue>,
    contact: Option<&RawValue>,
    errors: Option<&RawValue>,
) -> String {
    let mut value = String::from("{");
    for (name, beside, brackets) in
        [("metadata", metadata, ["", ""]), ("contacts", contact, ["[", "]"]), ("errors", errors, ["", ""])]
    {
        if let Some(beside) = beside.filter(|beside| beside.get().len() <= MAX_BESIDE) {
            let [open, close] = brackets;
            value.push_str(&format!(r#""{name}":{open}{beside}{close},"#));
        }
    }
    format!(r#"{{"field":"{field}","value":{value}"{list}":[{element}]}}}}"#)
}

/// Meta's word, fit for a log line and a counter's label.
fn word(text: &str) -> String {
    let fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = (1..=48).contains(&text.len()) && text.chars().all(fit);
    if fits { text.to_ascii_lowercase() } else { "unknown".to_owned() }
}
