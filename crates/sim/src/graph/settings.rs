//! `GET` and `POST /{version}/{number}/settings`, the `calling` part.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::listener::Line;
use crate::world::World;
use crate::world::replies;

pub(crate) async fn read(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    serve(&world, &line, asked(&phone_number_id), async {
        match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(number) => {
                let calling = world.calling_settings(&number.phone_number_id);
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
        match changed(&before, &body) {
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
fn changed(before: &Value, body: &Value) -> Result<Value, GraphError> {
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
        check_hours(hours)?;
    }
    let mut after = before.clone();
    for (key, value) in change {
        after[key] = value.clone();
    }
    Ok(after)
}

fn check_hours(hours: &Value) -> Result<(), GraphError> {
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
            entry["day_of_week"].as_str(),
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
    if hours["holiday_schedule"].as_array().is_some_and(|days| days.len() > 20) {
        return refuse("more than 20 holidays");
    }
    Ok(())
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

    #[test]
    fn hours_without_holidays_delete_the_stored_holidays() {
        let hours = json!({"status": "ENABLED", "timezone_id": "America/Manaus",
            "weekly_operating_hours": [{"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800"}]});
        let mut before = json!({"status": "ENABLED", "call_hours": hours.clone()});
        before["call_hours"]["holiday_schedule"] = json!([{"date": "2026-12-25"}]);
        let after = changed(&before, &json!({"calling": {"call_hours": hours}})).unwrap();
        assert!(after["call_hours"].get("holiday_schedule").is_none());
        assert_eq!(after["status"], "ENABLED");
    }

    #[test]
    fn overlapping_hours_are_refused() {
        let day = |open: &str, close: &str| json!({"day_of_week": "MONDAY", "open_time": open, "close_time": close});
        let hours = json!({"status": "ENABLED", "timezone_id": "UTC",
            "weekly_operating_hours": [day("0900", "1200"), day("1100", "1300")]});
        assert!(check_hours(&hours).is_err());
    }
}
