//! Tables as files: cells that spreadsheets do not take for formulas, and CSV that comes in pieces.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Largest row. What a contact may have at most is a quarter of it.
const LARGEST_ROW: usize = 128 * 1024;

/// Most cells of a row. Few enough to be counted, more than any header may have.
const MOST_CELLS: usize = 1_024;

/// How much of a file is looked at for what stands between its cells.
const LOOKED_AT: usize = 64 * 1024;

/// A cell that no spreadsheet takes for a formula: an apostrophe stands before what could begin one (OWASP, CSV
/// injection). Phone numbers have one for their plus, and so stay numbers of that many digits.
pub(crate) fn guarded(cell: String) -> String {
    if begins_a_formula(&cell) { format!("'{cell}") } else { cell }
}

/// What was written: the apostrophe of [`guarded`] is taken away, and no other.
pub(crate) fn unguarded(cell: &str) -> &str {
    if begins_a_formula(cell) { cell.strip_prefix('\'').unwrap_or(cell) } else { cell }
}

fn begins_a_formula(cell: &str) -> bool {
    let opens = |c: char| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠' | '|' | '%')
    };
    let begins = cell.trim_start_matches([' ', '\u{a0}', '\u{feff}', '"', '\'']).chars().next();
    begins.is_some_and(opens)
}

/// Rows as CSV, as spreadsheets write it.
pub(crate) fn csv_of(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("rows of one length, in memory");
    }
    writer.into_inner().expect("memory takes everything")
}

/// A row of a file that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) cells: Vec<String>,
    /// Why it is none, when it is none.
    pub(crate) wrong: Option<&'static str>,
}

/// Reads CSV in pieces of any size, in memory of one row.
pub(crate) struct Sheet {
    /// What came before it was clear what stands between the cells.
    head: Vec<u8>,
    reader: Option<Box<Reader>>,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// How much of both is of the row that is being read.
    at: (usize, usize),
    /// Whether that row is larger than a row may be: the rest of it is read and thrown away.
    large: bool,
    begun: bool,
}

impl Sheet {
    pub(crate) fn new() -> Self {
        Self {
            head: Vec::new(),
            reader: None,
            text: vec![0; LARGEST_ROW],
            ends: vec![0; MOST_CELLS],
            at: (0, 0),
            large: false,
            begun: false,
        }
    }

    /// Reads a piece, and adds the rows that end in it.
    pub(crate) fn read(&mut self, piece: &[u8], rows: &mut Vec<Record>) {
        if self.reader.is_some() {
            return self.go_on(piece, rows);
        }
        self.head.extend_from_slice(piece);
        if self.head.contains(&b'\n') || self.head.len() >= LOOKED_AT {
            self.begin(rows);
        }
    }

    /// The file is over.
    pub(crate) fn end(&mut self, rows: &mut Vec<Record>) {
        if self.reader.is_none() {
            self.begin(rows);
        }
        if self.begun {
            self.go_on(&[], rows);
        }
    }

    fn begin(&mut self, rows: &mut Vec<Record>) {
        let head = std::mem::take(&mut self.head);
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
        self.reader = Some(Box::new(ReaderBuilder::new().delimiter(delimiter(head)).build()));
        if !head.is_empty() {
            self.go_on(head, rows);
        }
    }

    fn go_on(&mut self, mut piece: &[u8], rows: &mut Vec<Record>) {
        let Some(reader) = &mut self.reader else { return };
        self.begun |= !piece.is_empty();
        let ending = piece.is_empty();
        loop {
            let (text, ends) = (&mut self.text[self.at.0..], &mut self.ends[self.at.1..]);
            let (result, read, wrote, ended) = reader.read_record(piece, text, ends);
            piece = &piece[read..];
            self.at = (self.at.0 + wrote, self.at.1 + ended);
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    self.large = true;
                    self.at = (0, 0);
                }
                ReadRecordResult::Record => {
                    rows.push(record(&self.text, &self.ends[..self.at.1], self.large));
                    (self.at, self.large) = ((0, 0), false);
                    if piece.is_empty() && !ending {
                        return;
                    }
                }
            }
        }
    }
}

fn record(text: &[u8], ends: &[usize], large: bool) -> Record {
    if large {
        return Record { cells: Vec::new(), wrong: Some("is larger than a row may be") };
    }
    let mut begin = 0;
    let mut wrong = None;
    let cells = ends.iter().map(|end| {
        let bytes = &text[begin..*end];
        begin = *end;
        let cell = std::str::from_utf8(bytes).map_or_else(
            |_| {
                wrong = Some("is not UTF-8");
                String::from_utf8_lossy(bytes).into_owned()
            },
            str::to_owned,
        );
        if cell.contains('\0') {
            wrong = Some("has the character NUL");
            return cell.replace('\0', "\u{fffd}");
        }
        unguarded(&cell).to_owned()
    });
    let cells = cells.collect();
    Record { cells, wrong }
}

/// What stands between the cells of the first line: a comma, or what else spreadsheets write.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let (mut commas, mut semicolons, mut tabs) = (0, 0, 0);
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            b',' if !quoted => commas += 1,
            b';' if !quoted => semicolons += 1,
            b'\t' if !quoted => tabs += 1,
            _ => {}
        }
    }
    match () {
        () if semicolons > commas && semicolons >= tabs => b';',
        () if tabs > commas => b'\t',
        () => b',',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        let check = |cell: &str, expected: &str| assert_eq!(guarded(cell.to_owned()), expected, "{cell:?}");
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("+351910000002", "'+351910000002");
        check("-2+3", "'-2+3");
        check("@SUM(1)", "'@SUM(1)");
        check("\t=1", "'\t=1");
        check("  =1", "'  =1");
        check("\"=1", "'\"=1");
        check("＝1", "'＝1");
        check("Rui = Faria", "Rui = Faria");
        check("", "");
    }

    fn read(file: &[u8], piece: usize) -> Vec<Record> {
        let (mut sheet, mut rows) = (Sheet::new(), Vec::new());
        for piece in file.chunks(piece.max(1)) {
            sheet.read(piece, &mut rows);
        }
        sheet.end(&mut rows);
        rows
    }

    fn cells(file: &str) -> Vec<Vec<String>> {
        read(file.as_bytes(), 5).into_iter().map(|record| record.cells).collect()
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(cell in "[ '\"=+@a-]{0,8}|\\PC{0,20}") {
            let guarded = guarded(cell.clone());
            prop_assert_eq!(unguarded(&guarded), cell);
        }

        #[test]
        fn a_file_reads_the_same_in_pieces_of_any_size(
            rows in prop::collection::vec(prop::collection::vec("[a-z ,\"\n\u{1f600}א]{1,12}", 3), 1..6),
            piece in 1_usize..40,
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["phone", "email", "first_name"]).unwrap();
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let file = writer.into_inner().unwrap();
            let found: Vec<Vec<String>> = read(&file, piece).into_iter().skip(1).map(|it| it.cells).collect();
            let wanted: Vec<Vec<String>> =
                rows.into_iter().map(|row| row.iter().map(|cell| unguarded(cell).to_owned()).collect()).collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn files_are_read_as_spreadsheets_write_them() {
        let wanted = vec![vec!["phone".to_owned(), "name".to_owned()], vec!["1".to_owned(), "x".to_owned()]];
        for file in [
            "phone,name\r\n1,x\r\n",
            "\u{feff}phone;name\r\n1;x",
            "phone\tname\n1\tx\n",
            "\"phone\",name\n'1,x",
        ] {
            if file.contains("'1") {
                assert_eq!(cells(file)[1][0], "'1", "an apostrophe of their own stays");
            } else {
                assert_eq!(cells(file), wanted, "{file:?}");
            }
        }
        assert!(cells("").is_empty());
        assert_eq!(cells("phone").len(), 1);
    }

    #[test]
    fn a_row_that_is_too_large_is_passed_over() {
        let file = format!("phone,metadata\n1,\"{}\"\n2,x\n", "x".repeat(10 * 1024 * 1024));
        let rows = read(file.as_bytes(), 64 * 1024);
        assert_eq!((rows.len(), rows[1].wrong), (3, Some("is larger than a row may be")));
        assert_eq!(rows[2], Record { cells: vec!["2".to_owned(), "x".to_owned()], wrong: None });
        let cells = format!("phone{}\n1\n", ",".repeat(5_000));
        assert_eq!(read(cells.as_bytes(), 100).len(), 2);
        assert_eq!(read(b"phone\n\xff\n", 3)[1].wrong, Some("is not UTF-8"));
    }
}
