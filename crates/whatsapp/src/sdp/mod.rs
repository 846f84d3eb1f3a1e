//! The door for session descriptions: what clients bring for Meta, and what Meta sends.
//!
//! A client's is checked strictly before it leaves, because Meta's own refusal comes late and does not name
//! the line, and some mistakes (a passive answer, trickled candidates) are not refused at all: the call stays
//! silent. Meta's is checked for size and syntax only; what it means is the media stack's to decide.
//!
//! Invariant: texts are taken or refused, never repaired, except that the line ends of a client's become
//! CRLF, as Meta wants them. It happens here, before the first sending, so that `pre_accept` and `accept`
//! still carry identical bytes. Work is linear in the text, which is limited first.

mod error;

mod client;

mod lines;

mod candidate;

#[cfg(test)]
mod tests;

pub use candidate::{Candidate, candidates};
pub use error::SdpError;

use sdp_types::{ParserError, Session};

use offhook_core::sdp::Sdp;

/// Largest text taken. A browser's offer has 2 to 6 KiB.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most `m=` lines looked at.
const MAX_MEDIA: usize = 16;

/// Most candidates taken. A machine with many interfaces and two TURN servers has about 30.
const MAX_CANDIDATES: usize = 100;

/// Checks an offer of a client's for `connect`.
///
/// # Errors
/// [`SdpError`] naming the first line that WhatsApp would refuse or be silent about.
pub fn check_offer(text: &str) -> Result<Sdp, SdpError> {
    client::check(text, client::Kind::Offer)
}

/// Checks an offer of a page's for a leg that ends at the server: as for `connect`, except that candidates may
/// follow it.
///
/// # Errors
/// [`SdpError`] naming the first line that cannot be used.
pub fn check_page_offer(text: &str) -> Result<Sdp, SdpError> {
    client::check(text, client::Kind::PageOffer)
}

/// Checks an answer of a client's for `accept`.
///
/// # Errors
/// [`SdpError`] naming the first line that WhatsApp would refuse or be silent about.
pub fn check_answer(text: &str) -> Result<Sdp, SdpError> {
    client::check(text, client::Kind::Answer)
}

/// Checks a description that Meta sent, offer or answer. It is taken byte for byte: every DTLS role, and an
/// `a=ice-pwd` ending in `==`, which RFC 8839 does not allow and Meta always sends.
///
/// # Errors
/// [`SdpError`] when it is too large or not SDP at all.
pub fn check_remote(text: &str) -> Result<Sdp, SdpError> {
    let body = limited(text)?;
    syntax(body)?;
    Ok(Sdp::new(text))
}

fn limited(text: &str) -> Result<&str, SdpError> {
    if text.trim().is_empty() {
        return Err(SdpError::new(None, "the SDP", "is empty", "send the whole session description"));
    }
    if text.len() > MAX_BYTES {
        return Err(SdpError::new(None, "the SDP", "is larger than 64 KiB", "send one audio session only"));
    }
    let count = |start: &str| text.split('\n').filter(|line| line.starts_with(start)).count();
    if count("m=") > MAX_MEDIA {
        return Err(SdpError::new(None, "m=", "is there more than 16 times", "send one audio session only"));
    }
    if count("a=candidate:") > MAX_CANDIDATES {
        let remedy = "leave out candidates that cannot be reached from outside";
        return Err(SdpError::new(None, "a=candidate", "is there more than 100 times", remedy));
    }
    Ok(text)
}

/// The grammar, by a parser that is not ours.
fn syntax(text: &str) -> Result<Session, SdpError> {
    Session::parse(text.as_bytes()).map_err(|error| {
        let grammar = "write it as RFC 8866 says";
        let twice = "keep one of them";
        let at = |line: usize, subject, wrong, remedy| SdpError::new(Some(line), subject, wrong, remedy);
        match error {
            ParserError::InvalidLineFormat(line, "Line contains NUL or CR") => {
                at(line, "the line", "contains NUL or a lone CR", "end lines with CRLF")
            }
            ParserError::InvalidLineFormat(line, _) => {
                at(line, "the line", "is not of the form x=…", grammar)
            }
            ParserError::InvalidFieldEncoding(line, field) => at(line, field, "is not UTF-8", grammar),
            ParserError::InvalidFieldFormat(line, field) => at(line, field, "is malformed", grammar),
            ParserError::MissingField(line, field) => at(line, field, "is missing", grammar),
            ParserError::FieldTrailingData(line, field) => at(line, field, "has too many parts", grammar),
            ParserError::InvalidVersion(line, _) => at(line, "v=", "is not 0", "begin with v=0"),
            ParserError::NoVersion => at(1, "v=", "is missing", "begin with v=0"),
            ParserError::MultipleVersions(line) => at(line, "v=", "is there twice", twice),
            ParserError::MultipleOrigins(line) => at(line, "o=", "is there twice", twice),
            ParserError::MultipleSessionNames(line) => at(line, "s=", "is there twice", twice),
            ParserError::MultipleSessionDescription(line) | ParserError::MultipleMediaTitles(line) => {
                at(line, "i=", "is there twice", twice)
            }
            ParserError::MultipleUris(line) => at(line, "u=", "is there twice", twice),
            ParserError::MultipleConnections(line) => at(line, "c=", "is there twice", twice),
            ParserError::MultipleTimeZones(line) => at(line, "z=", "is there twice", twice),
            ParserError::MultipleKeys(line) => at(line, "k=", "is there twice", twice),
            ParserError::RepeatWithoutTime(line) => at(line, "r=", "has no t= before it", grammar),
            // Deprecated kinds, which the parser no longer makes.
            _ => SdpError::new(None, "the SDP", "is malformed", grammar),
        }
    })
}
