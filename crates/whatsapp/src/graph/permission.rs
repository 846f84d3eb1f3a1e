//! Meta's answer about a permission (whatsapp-calling.md 5.2).

use std::time::Duration;

use serde_json::Value;

use offhook_core::permission::{Allowance, DAY, Limit, Told, WEEK};
use offhook_core::ports::{Document, LookedUp};
use offhook_core::time::Time;

/// Most limits of an action that are read. Meta states one or two.
const MOST: usize = 8;

/// Reads the answer. What a user has granted is required; everything else may be missing.
pub(super) fn looked_up(body: &[u8]) -> Option<LookedUp> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    let permission = reply.get("permission")?;
    let ends = permission.get("expiration_time").or_else(|| permission.get("expiration")).and_then(time);
    let told = match permission.get("status")?.as_str()?.to_ascii_lowercase().as_str() {
        "permanent" => Told::Always,
        // Without its end it says nothing we can rely on.
        "temporary" => Told::Until(ends?),
        "no_permission" => Told::Nothing,
        _ => return None,
    };
    let actions = reply.get("actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |name: &str| actions.iter().find(|action| action["action_name"] == name).map(allowance);
    let document = Document::new(String::from_utf8(body.to_vec()).ok()?);
    Some(LookedUp { told, ask: named("send_call_permission_request"), call: named("start_call"), document })
}

fn allowance(action: &Value) -> Allowance {
    let limits = action["limits"].as_array().map(Vec::as_slice).unwrap_or_default();
    Allowance {
        may: action["can_perform_action"] == true,
        limits: limits.iter().take(MOST).filter_map(limit).collect(),
    }
}

fn limit(limit: &Value) -> Option<Limit> {
    Some(Limit {
        window_secs: window(limit["time_period"].as_str()?)?.as_secs(),
        most: u32::try_from(limit["max_allowed"].as_u64()?).ok()?,
        used: u32::try_from(limit["current_usage"].as_u64()?).ok()?,
        until: time(&limit["limit_expiration_time"]),
    })
}

/// `PT24H`, `P1D` and `P7D`: the ones Meta uses, of ISO 8601's many.
fn window(period: &str) -> Option<Duration> {
    match period {
        "PT24H" | "P1D" => Some(DAY),
        "P7D" | "P1W" => Some(WEEK),
        _ => None,
    }
}

fn time(value: &Value) -> Option<Time> {
    let secs = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    (secs > 0).then(|| Time::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metas_sample_is_read_whole() {
        let sample = r#"{"messaging_product":"whatsapp",
            "permission":{"status":"temporary","expiration_time":1791567800},
            "actions":[
                {"action_name":"send_call_permission_request","can_perform_action":true,"limits":[
                    {"time_period":"PT24H","max_allowed":1,"current_usage":0},
                    {"time_period":"P7D","max_allowed":2,"current_usage":1}]},
                {"action_name":"start_call","can_perform_action":false,"limits":[
                    {"time_period":"PT24H","max_allowed":100,"current_usage":100,
                     "limit_expiration_time":1791000600}]}]}"#;
        let read = looked_up(sample.as_bytes()).unwrap();
        assert_eq!(read.told, Told::Until(Time::from_secs(1_791_567_800)));
        let (ask, call) = (read.ask.unwrap(), read.call.unwrap());
        assert!(ask.may && !ask.is_used_up() && !call.may);
        assert_eq!(ask.limits[1], Limit { window_secs: WEEK.as_secs(), most: 2, used: 1, until: None });
        assert_eq!(call.again_at(), Some(Time::from_secs(1_791_000_600)));
        assert_eq!(read.document.as_str(), sample);
    }

    #[test]
    fn only_what_was_granted_is_required() {
        let check = |body: &str, told: Option<Told>| {
            let read = looked_up(body.as_bytes());
            assert_eq!(read.as_ref().map(|read| read.told), told, "{body}");
            assert!(read.is_none_or(|read| read.ask.is_none() && read.call.is_none()));
        };
        check(r#"{"permission":{"status":"permanent"}}"#, Some(Told::Always));
        check(r#"{"permission":{"status":"no_permission"},"actions":[]}"#, Some(Told::Nothing));
        let until = Told::Until(Time::from_secs(1_791_567_800));
        check(r#"{"permission":{"status":"temporary","expiration":"1791567800"}}"#, Some(until));
        for nonsense in ["", "{}", "[]", r#"{"permission":{"status":"granted"}}"#, r#"{"permission":7}"#] {
            check(nonsense, None);
        }
        check(r#"{"permission":{"status":"temporary"}}"#, None);
    }
}
