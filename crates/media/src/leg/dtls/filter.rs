//! Which DTLS records may reach the handshake: nothing that only a forger would send.

use super::RECORD_HEADER;

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// Handshake messages (RFC 5246 section 7.4, RFC 6347 section 4.3.2).
const MESSAGE_HEADER: usize = 12;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY: u8 = 3;
const SESSION_TICKET: u8 = 4;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Whether every record in the datagram is of a kind that can matter now. Plain-text records are only let
/// through where the handshake needs them; alerts and data in plain text are forged or useless
/// (RFC 6347 section 4.1.2.7), and records of epochs to come would be queued without end.
pub(super) fn admits(is_client: bool, mut datagram: &[u8]) -> bool {
    while let Some((header, rest)) = datagram.split_first_chunk::<RECORD_HEADER>() {
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let Some(body) = rest.get(..len).filter(|_| header[1] == 0xfe) else {
            return false;
        };
        let fits = match (epoch, header[0]) {
            // Also when all is done: a peer whose last flight was lost repeats it.
            (0, CHANGE_CIPHER_SPEC) | (1, _) => true,
            (0, HANDSHAKE) => speaks(is_client, body),
            _ => false,
        };
        if !fits {
            return false;
        }
        datagram = &rest[len..];
    }
    datagram.is_empty()
}

/// Whether a record holds handshake messages that a peer of the other role sends. One of the wrong role would
/// use up a message number, and the crate would then take the real message for an old one.
fn speaks(is_client: bool, mut body: &[u8]) -> bool {
    while let Some((header, rest)) = body.split_first_chunk::<MESSAGE_HEADER>() {
        let len = u32::from_be_bytes([0, header[9], header[10], header[11]]) as usize;
        let fits = match header[0] {
            SERVER_HELLO | HELLO_VERIFY | SERVER_KEY_EXCHANGE | CERTIFICATE_REQUEST | SERVER_HELLO_DONE => {
                is_client
            }
            CLIENT_HELLO | CERTIFICATE_VERIFY | CLIENT_KEY_EXCHANGE => !is_client,
            // Finished only ever comes under the keys.
            CERTIFICATE | SESSION_TICKET => true,
            _ => false,
        };
        if !fits || len > rest.len() {
            return false;
        }
        body = &rest[len..];
    }
    body.is_empty()
}
