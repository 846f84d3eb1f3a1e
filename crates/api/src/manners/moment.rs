//! Instants in the forms people and programs read.

use jiff::Timestamp;
use offhook_core::time::Time;

/// RFC 3339 in UTC with milliseconds: `2026-11-02T09:15:00.125Z`.
pub(crate) fn precise(at: Time) -> String {
    format!("{:.3}", stamp(at))
}

/// RFC 3339 in UTC in whole seconds: `2026-11-02T09:15:00Z`.
pub(crate) fn whole(at: Time) -> String {
    format!("{:.0}", stamp(at))
}

/// Reads a date (midnight, UTC) or a date and time with its offset.
pub(crate) fn read(text: &str) -> Option<Time> {
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(Time::from_micros(stamp.as_microsecond()));
    }
    let date = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-11-02".len())?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Time::from_micros(midnight.timestamp().as_microsecond()))
}

/// Times outside what a calendar can say become its first or last instant.
fn stamp(at: Time) -> Timestamp {
    let extreme = if at.as_micros() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at.as_micros()).unwrap_or(extreme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_utc() {
        let at = Time::from_micros(1_793_610_900_125_999);
        assert_eq!(precise(at), "2026-11-02T09:15:00.125Z");
        assert_eq!(whole(at), "2026-11-02T09:15:00Z");
    }

    #[test]
    fn reads_dates_and_instants() {
        let nine = Time::from_secs(1_793_610_900);
        assert_eq!(read("2026-11-02T09:15:00Z"), Some(nine));
        assert_eq!(read("2026-11-02T10:15:00+01:00"), Some(nine));
        assert_eq!(read("2026-11-02"), Some(Time::from_secs(1_793_577_600)));
        for nonsense in ["", "yesterday", "2026-13-02", "2026-11-02T09:15:00", "12"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
