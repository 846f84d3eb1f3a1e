//! The operator's price list: `billing.rates_file`, a CSV file.
//!
//! It is read whole at start, and a wrong line stops the start: a price that is silently left out would be found
//! on an invoice.

use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use offhook_core::bill::{Currency, Destination, Price, Rate, Rates, Row};
use offhook_core::meta::Direction;
use offhook_core::time::Time;
use serde::Deserialize;

use crate::config::{BadConfig, Config};

/// A line as it is written.
#[derive(Debug, Deserialize)]
struct Line {
    prefix_or_country: String,
    currency: String,
    per_minute: String,
    from_date: String,
    per_pulse: Option<String>,
    direction: Option<String>,
}

/// The columns there may be.
const COLUMNS: [&str; 6] =
    ["prefix_or_country", "currency", "per_minute", "from_date", "per_pulse", "direction"];

/// The configured list; an empty one when there is none.
///
/// # Errors
/// [`BadConfig`] naming the file and its line.
pub(crate) fn load(config: &Config) -> Result<Rates, BadConfig> {
    let Some(path) = &config.billing.rates_file else { return Ok(Rates::default()) };
    let bad = |words: String| BadConfig::new(format!("billing.rates_file: {}: {words}", path.display()));
    read(path).map_err(bad)
}

fn read(path: &Path) -> Result<Rates, String> {
    let text = std::fs::read(path).map_err(|error| error.kind().to_string())?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_slice());
    let headers = reader.headers().map_err(|error| error.to_string())?;
    if let Some(unknown) = headers.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(format!("column {unknown:?} is not known; there are {}", COLUMNS.join(", ")));
    }
    let mut rows = Vec::new();
    for line in reader.deserialize::<Line>() {
        let line = line.map_err(|error| error.to_string())?;
        let place = rows.len() + 1;
        rows.push(line.row().map_err(|words| format!("row {place}: {words}"))?);
    }
    Rates::of(rows).map_err(|fault| fault.to_string())
}

impl Line {
    fn row(&self) -> Result<Row, String> {
        let wrong = |column: &str, value: &str, wanted: &str| format!("{column}: {value:?} is not {wanted}");
        let price = |column, value: &str| {
            let wanted = "a price such as 0.0103, with six decimals at most";
            Price::parse(value).ok_or_else(|| wrong(column, value, wanted))
        };
        let destination = Destination::parse(&self.prefix_or_country).ok_or_else(|| {
            wrong(
                "prefix_or_country",
                &self.prefix_or_country,
                "digits such as 351, a country such as PT, or *",
            )
        })?;
        let currency = Currency::parse(&self.currency)
            .ok_or_else(|| wrong("currency", &self.currency, "a currency such as USD"))?;
        let direction = match self.direction.as_deref().unwrap_or_default() {
            "" | "outbound" => Direction::Outbound,
            "inbound" => Direction::Inbound,
            other => return Err(wrong("direction", other, "inbound or outbound")),
        };
        let per_pulse = self.per_pulse.as_deref().filter(|text| !text.is_empty());
        Ok(Row {
            destination,
            direction,
            from: midnight(&self.from_date)
                .ok_or_else(|| wrong("from_date", &self.from_date, "a date such as 2026-01-31"))?,
            rate: Rate {
                currency,
                per_minute: price("per_minute", &self.per_minute)?,
                per_pulse: per_pulse.map(|text| price("per_pulse", text)).transpose()?,
            },
        })
    }
}

/// A day's first instant in UTC.
fn midnight(date: &str) -> Option<Time> {
    let date: Date = date.parse().ok()?;
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Time::from_micros(zoned.timestamp().as_microsecond()))
}
