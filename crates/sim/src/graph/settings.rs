//! `GET` and `POST /{version}/{number}/settings`, the `calling` part.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::ids;
use crate::listener::Line;
use crate::world::World;
use crate::world::replies;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    include_sip_credentials: Option<bool>,
}

pub(crate) async fn read(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    serve(&world, &line, asked(&phone_number_id), async {
        match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(number) => {
                let mut calling = world.calling_settings(&number.phone_number_id);
                if wanted.include_sip_credentials != Some(true) {
                    each_server(&mut calling, |server| drop(server.remove(PASSWORD)));
                }
                Reply::ok(json!({"calling": calling, "storage_configuration": {"status": "DEFAULT"}}))
            }
            Err(error) => error.into(),
        }
    })
    .await
}

pub(crate) async fn write(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    serve(&world, &line, asked(&phone_number_id), async {
        let number = match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(number) => number,
            Err(error) => return error.into(),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let before = world.calling_settings(&phone_number_id);
        match changed(&before, &body, &world.clock.today()) {
            Ok(calling) => {
                world.set_calling_settings(&phone_number_id, calling.clone());
                replies::settings_changed(&world, &number, &calling);
                Reply::ok(json!({"success": true}))
            }
            Err(error) => error.into(),
        }
    })
    .await
}

fn asked(phone_number_id: &str) -> Asked {
    Asked { action: "settings".to_owned(), phone_number_id: phone_number_id.to_owned(), ..Asked::default() }
}

// Top-level keys are merged; each is replaced as a whole, so call_hours without holidays loses its holidays.
fn changed(before: &Value, body: &Value, today: &str) -> Result<Value, GraphError> {
    let Some(change) = body["calling"].as_object() else {
        return Err(GraphError::parameter("The parameter calling is required."));
    };
    if change.contains_key("restrictions") {
        return Err(GraphError::parameter("restrictions is read only."));
    }
    for (key, allowed) in [
        ("status", &["ENABLED", "DISABLED"][..]),
        ("callback_permission_status", &["ENABLED", "DISABLED"]),
        ("call_icon_visibility", &["DEFAULT", "DISABLE_ALL"]),
        ("srtp_key_exchange_protocol", &["DTLS", "SDES"]),
    ] {
        if let Some(value) = change.get(key)
            && !value.as_str().is_some_and(|word| allowed.contains(&word))
        {
            return Err(GraphError::parameter(format!("Invalid {key}.")));
        }
    }
    if let Some(hours) = change.get("call_hours") {
        check_hours(hours, today)?;
    }
    if let Some(icons) = change.get("call_icons") {
        let country = |it: &Value| {
            it.as_str().is_some_and(|it| it.len() == 2 && it.bytes().all(|b| b.is_ascii_uppercase()))
        };
        if !icons["restrict_to_user_countries"].as_array().is_some_and(|all| all.iter().all(country)) {
            return Err(GraphError::parameter("Invalid call_icons.restrict_to_user_countries."));
        }
    }
    if let Some(audio) = change.get("audio") {
        let codec = |it: &Value| matches!(it.as_str(), Some("PCMA" | "PCMU"));
        if !audio["additional_codecs"].as_array().is_some_and(|all| all.iter().all(codec)) {
            return Err(GraphError::parameter("Invalid audio.additional_codecs."));
        }
    }
    let mut after = before.clone();
    for (key, value) in change {
        after[key] = value.clone();
    }
    check_sip(&after["sip"])?;
    each_server(&mut after, |server| {
        server.entry(PASSWORD).or_insert_with(|| Value::String(ids::fbtrace()));
    });
    Ok(after)
}

/// What Meta makes for every SIP server, and shows only when asked.
const PASSWORD: &str = "sip_user_password";

fn each_server(calling: &mut Value, change: impl Fn(&mut serde_json::Map<String, Value>)) {
    let servers = calling.pointer_mut("/sip/servers").and_then(Value::as_array_mut);
    servers.into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}

fn check_sip(sip: &Value) -> Result<(), GraphError> {
    let servers = sip["servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if sip["status"] == json!("ENABLED") && servers.is_empty() {
        return Err(GraphError::parameter("sip.status ENABLED needs a server."));
    }
    let named = |server: &Value| server["hostname"].as_str().is_some_and(|name| name.contains('.'));
    if servers.len() > 1 || !servers.iter().all(named) {
        return Err(GraphError::parameter("sip.servers has one server with a hostname."));
    }
    Ok(())
}

fn check_hours(hours: &Value, today: &str) -> Result<(), GraphError> {
    let refuse = |what: &str| Err(GraphError::parameter(format!("Invalid call hours: {what}.")));
    if !matches!(hours["status"].as_str(), Some("ENABLED" | "DISABLED")) {
        return refuse("status");
    }
    if hours["timezone_id"].as_str().unwrap_or_default().is_empty() {
        return refuse("timezone_id");
    }
    let weekly = hours["weekly_operating_hours"].as_array().map(Vec::as_slice).unwrap_or_default();
    if weekly.is_empty() {
        return refuse("weekly_operating_hours is empty");
    }
    let mut spans: Vec<(&str, u32, u32)> = Vec::new();
    for entry in weekly {
        let (Some(day), Some(open), Some(close)) = (
            entry["day_of_week"].as_str().filter(|day| DAYS.contains(day)),
            clock_time(&entry["open_time"]),
            clock_time(&entry["close_time"]),
        ) else {
            return refuse("a day or time has the wrong format");
        };
        if open >= close {
            return refuse("open_time must be before close_time");
        }
        let same_day = spans.iter().filter(|(other, _, _)| *other == day);
        if same_day.clone().count() >= 2 {
            return refuse("more than two entries for a day");
        }
        if same_day.clone().any(|(_, from, to)| open < *to && *from < close) {
            return refuse("entries overlap");
        }
        spans.push((day, open, close));
    }
    let holidays = hours["holiday_schedule"].as_array().map(Vec::as_slice).unwrap_or_default();
    if holidays.len() > 20 {
        return refuse("more than 20 holidays");
    }
    for holiday in holidays {
        let (Some(date), Some(start), Some(end)) = (
            holiday["date"].as_str().filter(|date| is_date(date)),
            clock_time(&holiday["start_time"]),
            clock_time(&holiday["end_time"]),
        ) else {
            return refuse("a holiday has the wrong format");
        };
        // Dates of this form are in order as texts.
        if date < today {
            return refuse("a holiday is in the past");
        }
        if start >= end {
            return refuse("start_time of a holiday must be before its end_time");
        }
    }
    Ok(())
}

const DAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

fn is_date(text: &str) -> bool {
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    matches!(&parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

// "0900", "09:00" or the number 900.
fn clock_time(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) => text.replace(':', "").parse().ok()?,
        other => u32::try_from(other.as_u64()?).ok()?,
    };
    (number / 100 <= 24 && number % 100 < 60).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2026-11-02";

    #[test]
    fn hours_without_holidays_delete_the_stored_holidays() {
        let hours = json!({"status": "ENABLED", "timezone_id": "America/Manaus",
            "weekly_operating_hours": [{"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800"}]});
        let mut before = json!({"status": "ENABLED", "call_hours": hours.clone()});
        before["call_hours"]["holiday_schedule"] = json!([{"date": "2026-12-25"}]);
        let after = changed(&before, &json!({"calling": {"call_hours": hours}}), TODAY).unwrap();
        assert!(after["call_hours"].get("holiday_schedule").is_none());
        assert_eq!(after["status"], "ENABLED");
    }

    #[test]
    fn overlapping_hours_are_refused() {
        let day = |open: &str, close: &str| json!({"day_of_week": "MONDAY", "open_time": open, "close_time": close});
        let hours = json!({"status": "ENABLED", "timezone_id": "UTC",
            "weekly_operating_hours": [day("0900", "1200"), day("1100", "1300")]});
        assert!(check_hours(&hours, TODAY).is_err());
    }

    #[test]
    fn changes_are_judged_as_metas_rules_say() {
        let before = json!({"status": "ENABLED"});
        let check = |change: Value, fits: bool| {
            let changed = changed(&before, &json!({"calling": change}), TODAY);
            assert_eq!(changed.is_ok(), fits, "{change}");
        };
        let hours = |holiday: Value| {
            let day = json!({"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800"});
            json!({"call_hours": {"status": "ENABLED", "timezone_id": "UTC",
                "weekly_operating_hours": [day], "holiday_schedule": [holiday]}})
        };
        check(hours(json!({"date": "2026-12-25", "start_time": "0000", "end_time": "2359"})), true);
        check(hours(json!({"date": "2026-11-01", "start_time": "0000", "end_time": "2359"})), false);
        check(hours(json!({"date": "25.12.2026", "start_time": "0000", "end_time": "2359"})), false);
        check(hours(json!({"date": "2026-12-25", "start_time": "1200", "end_time": "1100"})), false);
        check(json!({"audio": {"additional_codecs": ["PCMA"]}}), true);
        check(json!({"audio": {"additional_codecs": ["G722"]}}), false);
        check(json!({"call_icons": {"restrict_to_user_countries": ["BR", "US"]}}), true);
        check(json!({"call_icons": {"restrict_to_user_countries": ["Brazil"]}}), false);
        check(json!({"sip": {"status": "ENABLED"}}), false);
        check(json!({"sip": {"status": "ENABLED", "servers": [{"hostname": "sip.example.com"}]}}), true);
        check(json!({"call_icon_visibility": "HIDE_IN_CHAT"}), false);
        check(json!({"restrictions": {}}), false);
        check(json!({"status": "DISABLED", "something_new": 1}), true);
    }

    #[test]
    fn a_sip_server_gets_a_password_and_keeps_it() {
        let sip =
            json!({"calling": {"sip": {"status": "ENABLED", "servers": [{"hostname": "sip.example.com"}]}}});
        let once = changed(&json!({}), &sip, TODAY).unwrap();
        assert!(once["sip"]["servers"][0][PASSWORD].is_string());
        let twice = changed(&once, &json!({"calling": {"status": "ENABLED"}}), TODAY).unwrap();
        assert_eq!(twice["sip"], once["sip"]);
    }
}
