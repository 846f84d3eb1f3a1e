//! A list with its filters, whole, as one file.
//!
//! Pages are read as the client takes them, so a file of any length needs no memory. One that cannot go on breaks
//! the connection off: nobody takes half a file for the whole.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::error::ApiError;
use crate::manners::sheet;

/// Rows read at a time.
pub(super) const AT_ONCE: u32 = 200;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Json,
}

impl Form {
    /// From the query parameter `format`.
    pub(super) fn of(word: Option<&str>) -> Result<Self, ApiError> {
        match word {
            None | Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some(_) => Err(ApiError::invalid("format", "'format' is csv or json")),
        }
    }
}

/// A list that is read page by page.
pub(super) trait Pages: Send + 'static {
    /// One of the list.
    type Row: Send;

    /// What the file is called, without its ending.
    const NAME: &'static str;

    /// The next rows, and whether there are more behind them.
    fn next(&mut self) -> impl Future<Output = Result<(Vec<Self::Row>, bool), ApiError>> + Send;

    /// The names of the columns, in the order of [`Pages::cells`].
    fn columns() -> Vec<String>;

    /// A row's cells; empty for what is not known.
    fn cells(&self, row: &Self::Row) -> Vec<String>;

    /// Writes a row as JSON.
    fn json(&self, row: &Self::Row, text: &mut Vec<u8>);
}

/// The file. What can be refused is refused before its first byte.
pub(super) async fn download<P: Pages>(pages: P, form: Form) -> Result<Response, ApiError> {
    let mut file = File { pages, form, at: Part::Beginning };
    let first = file.next().await?;
    let rest = stream::try_unfold(file, async |mut file: File<P>| match file.next().await {
        Ok(Some(bytes)) => Ok(Some((bytes, file))),
        Ok(None) => Ok(None),
        Err(_) => Err(io::Error::other("the list cannot be read on")),
    });
    let whole = futures_util::StreamExt::chain(stream::iter(first.map(Ok)), rest);
    let (kind, ending) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "csv"),
        Form::Json => ("application/json", "json"),
    };
    let name = format!("attachment; filename=\"{}.{ending}\"", P::NAME);
    let name = HeaderValue::try_from(name).expect("names of files are of plain letters");
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(whole)).into_response())
}

/// A file on its way.
struct File<P> {
    pages: P,
    form: Form,
    at: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Beginning,
    Middle,
    Over,
}

impl<P: Pages> File<P> {
    /// The next bytes of the file.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.at == Part::Over {
            return Ok(None);
        }
        let (rows, more) = self.pages.next().await?;
        let first = self.at == Part::Beginning;
        self.at = if more { Part::Middle } else { Part::Over };
        Ok(Some(Bytes::from(match self.form {
            Form::Csv => self.csv(&rows, first),
            Form::Json => self.json(&rows, first, !more),
        })))
    }

    fn json(&self, rows: &[P::Row], first: bool, last: bool) -> Vec<u8> {
        let mut text = if first { b"[".to_vec() } else { Vec::new() };
        for (place, row) in rows.iter().enumerate() {
            text.extend_from_slice(if first && place == 0 { b"\n" } else { b",\n" });
            self.pages.json(row, &mut text);
        }
        if last {
            text.extend_from_slice(b"\n]\n");
        }
        text
    }

    fn csv(&self, rows: &[P::Row], first: bool) -> Vec<u8> {
        let guarded = |row| self.pages.cells(row).into_iter().map(sheet::guarded).collect();
        sheet::csv_of(first.then(P::columns).into_iter().chain(rows.iter().map(guarded)))
    }
}
