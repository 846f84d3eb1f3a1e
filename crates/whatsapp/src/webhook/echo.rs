//! What a client sent along with its call (`biz_opaque_callback_data`), in Meta's webhooks about it.

use serde_json::value::RawValue;

use super::pick::{elements, fields, text};

const KEY: &str = "biz_opaque_callback_data";

/// A webhook of one element as Meta would have sent it to the client itself: every other byte stays.
///
/// Placed calls go to Meta with `ours`, which is how unclear ones are found again, so that is what Meta echoes:
/// the client's own word takes its place, or nothing when it sent none. With `accept` Meta is sent none, so the
/// end of such a call gets the client's.
#[must_use]
pub fn echo(webhook: String, ours: &str, theirs: Option<&str>) -> String {
    let put = |within: &RawValue, value: &str| {
        let begin = within.get().as_ptr().addr() - webhook.as_ptr().addr();
        format!("{}{value}{}", &webhook[..begin], &webhook[begin + within.get().len()..])
    };
    let echoed = subject(&webhook).and_then(|subject| {
        let [event, opaque] = fields(subject, &["event", KEY])?;
        let theirs = theirs.and_then(|theirs| serde_json::to_string(theirs).ok());
        match (opaque, theirs) {
            (Some(opaque), theirs) if text(Some(opaque)).as_deref() == Some(ours) => match theirs {
                Some(theirs) => Some(put(opaque, &theirs)),
                None => Some(put(subject, &without(subject.get(), opaque.get())?)),
            },
            (None, Some(theirs)) if text(event).as_deref() == Some("terminate") => {
                let rest = subject.get().strip_prefix('{')?;
                Some(put(subject, &format!(r#"{{"{KEY}":{theirs},{rest}"#)))
            }
            _ => None,
        }
    });
    echoed.unwrap_or(webhook)
}

/// The call or the status that the webhook is about.
fn subject(webhook: &str) -> Option<&RawValue> {
    let whole: &RawValue = serde_json::from_str(webhook).ok()?;
    let [entry] = fields(whole, &["entry"])?;
    let [changes] = fields(first(entry)?, &["changes"])?;
    let [value] = fields(first(changes)?, &["value"])?;
    let [calls, statuses] = fields(value?, &["calls", "statuses"])?;
    first(calls.or(statuses))
}

fn first(list: Option<&RawValue>) -> Option<&RawValue> {
    elements(list, &mut 1).0.into_iter().next()
}

/// The object without the key and its value, which lies inside it.
fn without(object: &str, value: &str) -> Option<String> {
    let begin = value.as_ptr().addr() - object.as_ptr().addr();
    let before = object[..begin].trim_end().strip_suffix(':')?.trim_end();
    let before = before.strip_suffix('"')?.strip_suffix(KEY)?.strip_suffix('"')?;
    let after = &object[begin + value.len()..];
    Some(match after.trim_start().strip_prefix(',') {
        Some(after) => format!("{before}{}", after.trim_start()),
        None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(list: &str, element: &str) -> String {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"calls","value":{{"contacts":[{{"biz_opaque_callback_data":"wac_1"}}], "{list}":[{element}]}}}}]}}]}}"#
        )
    }

    fn check(list: &str, sent: &str, theirs: Option<&str>, told: &str) {
        assert_eq!(echo(webhook(list, sent), "wac_1", theirs), webhook(list, told), "{sent} {theirs:?}");
    }

    #[test]
    fn a_client_reads_its_own_word_where_meta_echoes_ours() {
        let sent = "{ \"id\":\"w\", \"biz_opaque_callback_data\" : \"wac_1\",\n\"event\":\"connect\"}";
        let told = sent.replace("\"wac_1\"", r#""say \"hi\"""#);
        check("calls", sent, Some("say \"hi\""), &told);
        check("calls", sent, None, "{ \"id\":\"w\", \"event\":\"connect\"}");
        let last = r#"{"status":"RINGING", "biz_opaque_callback_data":"wac_1"}"#;
        check("statuses", last, Some("ticket"), &last.replace("wac_1", "ticket"));
        check("statuses", last, None, r#"{"status":"RINGING"}"#);
        check("statuses", r#"{"biz_opaque_callback_data":"wac_1"}"#, None, "{}");
    }

    #[test]
    fn what_came_with_accept_is_told_at_the_end() {
        let end = r#"{"id":"w","event":"terminate"}"#;
        let told = r#"{"biz_opaque_callback_data":"agent-17","id":"w","event":"terminate"}"#;
        check("calls", end, Some("agent-17"), told);
        check("calls", end, None, end);
        let connect = r#"{"id":"w","event":"connect"}"#;
        check("calls", connect, Some("agent-17"), connect);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let foreign = r#"{"event":"connect","biz_opaque_callback_data":"somebody's"}"#;
        check("calls", foreign, Some("ticket"), foreign);
        for nonsense in ["", "[]", "{}", r#"{"entry":[{"changes":[{"value":{"calls":[7]}}]}]}"#] {
            assert_eq!(echo(nonsense.to_owned(), "wac_1", Some("ticket")), nonsense);
        }
    }
}
