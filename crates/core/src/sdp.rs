//! Session descriptions as opaque, private values. Parsing lives with the doors that take them in.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An SDP text, byte for byte as it came: Meta demands identical bytes in `pre_accept` and `accept`.
///
/// Holds ICE passwords, addresses and a certificate's fingerprint, so it never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Sdp(Arc<str>);

impl Sdp {
    /// Wraps a text that its door has checked.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sdp {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Sdp> for String {
    fn from(sdp: Sdp) -> Self {
        sdp.0.as_ref().to_owned()
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

/// One place where a peer can be reached, told after its description (RFC 8838).
///
/// Holds an address, so it never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCandidate {
    /// The user fragment of the description it belongs to: later descriptions have others.
    pub ufrag: Arc<str>,
    /// The candidate as in an `a=candidate` line.
    pub line: Arc<str>,
}

impl fmt::Debug for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCandidate({} bytes)", self.line.len())
    }
}
