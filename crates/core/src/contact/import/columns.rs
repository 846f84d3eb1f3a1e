//! The columns of a file: their names, and the change a row asks for.

use serde_json::{Map, Value};

use crate::contact::{Change, Channel, Edit};

/// Most columns of a file.
const MOST_COLUMNS: usize = 100;

/// What a column is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Phone,
    /// All further numbers, written as tags are.
    OtherPhones,
    Email,
    FirstName,
    LastName,
    CountryCode,
    LifecycleStage,
    /// All tags: a JSON array, or words with `;` between them.
    Tags,
    /// A JSON object.
    Metadata,
    /// One key of the metadata.
    Key(String),
    Preference(Channel),
    /// What an export tells and nobody can set.
    Told,
}

/// The columns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

/// Why a header is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// A column nobody knows.
    #[error("no column is called '{0}': what is your own goes into metadata.<name>")]
    Unknown(String),
    /// Two columns of one name.
    #[error("two columns are called '{0}'")]
    Twice(String),
    /// Neither phone nor email.
    #[error("there is neither a column 'phone' nor a column 'email'")]
    Keyless,
    /// Too many.
    #[error("there are more than {MOST_COLUMNS} columns")]
    Many,
}

impl Columns {
    /// Reads a header. Case and blanks around names do not matter.
    ///
    /// # Errors
    /// [`HeaderProblem`].
    pub fn parse(names: &[String]) -> Result<Self, HeaderProblem> {
        if names.len() > MOST_COLUMNS {
            return Err(HeaderProblem::Many);
        }
        let mut columns = Vec::new();
        for name in names {
            let shown = || name.chars().take(64).collect::<String>();
            let column = Column::parse(name).ok_or_else(|| HeaderProblem::Unknown(shown()))?;
            if column != Column::Told && columns.contains(&column) {
                return Err(HeaderProblem::Twice(shown()));
            }
            columns.push(column);
        }
        let keyed = columns.contains(&Column::Phone) || columns.contains(&Column::Email);
        if keyed { Ok(Self(columns)) } else { Err(HeaderProblem::Keyless) }
    }

    /// The change a row asks for. An empty cell changes nothing.
    pub(super) fn change(&self, cells: &[String]) -> Result<Change, String> {
        if cells.len() != self.0.len() {
            return Err(format!("has {} cells where the header has {}", cells.len(), self.0.len()));
        }
        let mut change = Change::default();
        let mut metadata = Map::new();
        for (column, cell) in self.0.iter().zip(cells) {
            if cell.trim().is_empty() {
                continue;
            }
            let set = || Edit::Set(cell.clone());
            match column {
                Column::Phone => change.phone = set(),
                Column::OtherPhones => change.other_phones = Some(texts(cell, "other_phones")?),
                Column::Email => change.email = set(),
                Column::FirstName => change.first_name = set(),
                Column::LastName => change.last_name = set(),
                Column::CountryCode => change.country_code = set(),
                Column::LifecycleStage => change.lifecycle_stage = set(),
                Column::Tags => change.tags = Some(texts(cell, "tags")?),
                Column::Metadata => {
                    let whole = serde_json::from_str::<Map<String, Value>>(cell);
                    metadata.extend(whole.map_err(|_| "metadata is no JSON object".to_owned())?);
                }
                Column::Key(key) => {
                    metadata.insert(key.clone(), Value::String(cell.clone()));
                }
                Column::Preference(channel) => {
                    let word = channel.as_str();
                    let allowed =
                        yes(cell).ok_or_else(|| format!("preferences.{word} is neither true nor false"))?;
                    change.preferences.insert(word.to_owned(), allowed);
                }
                Column::Told => {}
            }
        }
        change.metadata = (!metadata.is_empty()).then_some(metadata);
        Ok(change)
    }
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        let name = name.trim().trim_start_matches('\u{feff}');
        let lower = name.to_lowercase();
        if let Some(channel) = lower.strip_prefix("preferences.") {
            return Channel::parse(channel).map(Self::Preference);
        }
        if lower.starts_with("metadata.") {
            // Keys are the company's own: their case stays.
            let key = &name["metadata.".len()..];
            return (!key.is_empty()).then(|| Self::Key(key.to_owned()));
        }
        Some(match lower.as_str() {
            "phone" => Self::Phone,
            "other_phones" => Self::OtherPhones,
            "email" => Self::Email,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "country_code" => Self::CountryCode,
            "lifecycle_stage" => Self::LifecycleStage,
            "tags" => Self::Tags,
            "metadata" => Self::Metadata,
            "id" | "profile_name" | "created_at" | "updated_at" | "row" | "reason" => Self::Told,
            _ => return None,
        })
    }
}

/// A JSON array, or texts with `;` between them.
fn texts(cell: &str, name: &str) -> Result<Vec<String>, String> {
    let cell = cell.trim();
    if cell.starts_with('[') {
        return serde_json::from_str(cell).map_err(|_| format!("{name} is no JSON array of texts"));
    }
    Ok(cell.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

fn yes(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}
