//! A WebSocket without its library: what comes, what goes, and why it closed.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

/// What comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// A text message.
    Text(String),
    /// A binary one.
    Binary(Bytes),
    /// The answer to a ping of ours.
    Pong,
    /// A ping, which the library has answered.
    Ping,
    /// The bot closes, with this code if it said one.
    Close(Option<u16>),
}

/// What goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A message.
    Text(String),
    /// A frame of sound.
    Sound(Bytes),
    /// Are you there?
    Ping,
    /// Goodbye.
    Close {
        /// RFC 6455 section 7.4.
        code: u16,
        /// For people.
        reason: &'static str,
    },
}

/// Why nothing comes or goes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A message larger than may be.
    #[error("the message is too large")]
    TooLarge,
    /// What came is no WebSocket message.
    #[error("not the protocol")]
    Garbage,
    /// The connection.
    #[error("the connection is gone")]
    Gone,
}

impl From<&Error> for Broken {
    fn from(error: &Error) -> Self {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooLarge,
            // Whoever dies says nothing.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            Error::Protocol(_) | Error::Utf8(_) => Self::Garbage,
            _ => Self::Gone,
        }
    }
}

/// Both halves of an open socket.
pub struct Wire {
    /// What comes.
    pub incoming: Pin<Box<dyn Stream<Item = Result<Came, Broken>> + Send>>,
    /// What goes.
    pub outgoing: Pin<Box<dyn Sink<Sent, Error = Broken> + Send>>,
}
