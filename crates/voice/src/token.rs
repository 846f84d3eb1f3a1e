//! Tokens of both directions: what we show a bot we connect to, and what a bot shows that connects to us.
//!
//! Ours is a JWT (RFC 7519) signed with HMAC-SHA-256 and a secret of the company's, so that any library can check
//! it. The other is signed with a secret nobody else has, and good for one connection to one call.

use aws_lc_rs::hmac::{self, Key};
use data_encoding::BASE64URL_NOPAD;
use offhook_core::id::{CallId, StreamId, TenantId};
use offhook_core::time::Time;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::protocol::ORBITS_NAME;

/// How long a bot has to look at the token we show it. Clocks differ by less.
const SHOWN_FOR: Duration = Duration::from_secs(60);

/// How long an invitation is good.
pub const INVITED_FOR: Duration = Duration::from_secs(300);

/// Longest text looked at. Real ones are about 300 characters.
const LONGEST: usize = 1_024;

const HEADER: &[u8] = br#"{"alg":"HS256","typ":"JWT"}"#;

/// Makes and checks tokens.
pub struct Tokens {
    root: Key,
    invitations: Key,
}

/// Who is let into which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Whose call.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
    /// The connection's name: it is good for one.
    pub stream: StreamId,
    /// Whether the bot is to have the conversation.
    pub takes_over: bool,
}

/// What our token claims (RFC 7519 section 4.1).
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: u64,
    exp: u64,
}

/// What an invitation says.
#[derive(Serialize, Deserialize)]
struct Invited {
    tenant: TenantId,
    call: CallId,
    stream: StreamId,
    takes_over: bool,
    exp: u64,
}

impl Tokens {
    /// Tokens from the house's secret for voice bots.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = Key::new(hmac::HMAC_SHA256, secret);
        let invitations = Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"invitations").as_ref());
        Self { root, invitations }
    }

    /// The company's secret, which its bots check our tokens with.
    #[must_use]
    pub fn secret(&self, tenant: &TenantId) -> String {
        let tag = hmac::sign(&self.root, format!("bots of {tenant}").as_bytes());
        format!("vbs_{}", BASE64URL_NOPAD.encode(tag.as_ref()))
    }

    /// What is shown to a bot we connect to.
    #[must_use]
    pub fn show(&self, tenant: &TenantId, call: &CallId, stream: &StreamId, now: Time) -> String {
        let claims = Claims {
            iss: "offhook".to_owned(),
            aud: ORBITS_NAME.to_owned(),
            sub: call.to_string(),
            jti: stream.to_string(),
            iat: seconds(now),
            exp: seconds(now + SHOWN_FOR),
        };
        let key = Key::new(hmac::HMAC_SHA256, self.secret(tenant).as_bytes());
        let says =
            [HEADER, &serde_json::to_vec(&claims).unwrap_or_default()].map(|it| BASE64URL_NOPAD.encode(it));
        let says = says.join(".");
        let tag = hmac::sign(&key, says.as_bytes());
        format!("{says}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
    }

    /// The text of an invitation.
    #[must_use]
    pub fn invite(&self, guest: &Guest, expires: Time) -> String {
        let Guest { tenant, call, stream, takes_over } = guest.clone();
        let invited = Invited { tenant, call, stream, takes_over, exp: seconds(expires) };
        let says = BASE64URL_NOPAD.encode(&serde_json::to_vec(&invited).unwrap_or_default());
        let tag = hmac::sign(&self.invitations, says.as_bytes());
        format!("vbi_{says}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
    }

    /// Whom a text lets in, if it was made here and is still good. The comparison takes as long wherever a
    /// forged text differs.
    #[must_use]
    pub fn admit(&self, text: &str, now: Time) -> Option<Guest> {
        if text.len() > LONGEST {
            return None;
        }
        let (says, tag) = text.strip_prefix("vbi_")?.split_once('.')?;
        let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?;
        hmac::verify(&self.invitations, says.as_bytes(), &tag).ok()?;
        let says = BASE64URL_NOPAD.decode(says.as_bytes()).ok()?;
        let Invited { tenant, call, stream, takes_over, exp } = serde_json::from_slice(&says).ok()?;
        let expires = Time::from_secs(i64::try_from(exp).ok()?);
        (now < expires).then_some(Guest { tenant, call, stream, takes_over })
    }
}

fn seconds(time: Time) -> u64 {
    u64::try_from(time.as_micros() / 1_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        Guest {
            tenant: TenantId::parse("ten_00000000000000000000000000000001").unwrap(),
            call: CallId::parse("wac_00000000000000000000000000000002").unwrap(),
            stream: StreamId::parse("str_00000000000000000000000000000003").unwrap(),
            takes_over: true,
        }
    }

    #[test]
    fn invitation_is_good_until_its_time_is_over_and_only_as_it_was_written() {
        let tokens = Tokens::new(&[7; 32]);
        let text = tokens.invite(&guest(), Time::from_secs(2_000));
        assert_eq!(tokens.admit(&text, Time::from_secs(1_999)), Some(guest()));
        assert_eq!(tokens.admit(&text, Time::from_secs(2_000)), None, "too late");
        assert_eq!(Tokens::new(&[8; 32]).admit(&text, Time::from_secs(1)), None, "of another house");
        for n in 4..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[n] = if forged[n] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(tokens.admit(&forged, Time::from_secs(1)), None, "changed at {n}");
        }
    }

    #[test]
    fn token_shown_is_a_jwt_signed_with_the_companys_secret() {
        let tokens = Tokens::new(&[7; 32]);
        let Guest { tenant, call, stream, .. } = guest();
        let shown = tokens.show(&tenant, &call, &stream, Time::from_secs(1_000));
        let (says, tag) = shown.rsplit_once('.').unwrap();
        let key = Key::new(hmac::HMAC_SHA256, tokens.secret(&tenant).as_bytes());
        hmac::verify(&key, says.as_bytes(), &BASE64URL_NOPAD.decode(tag.as_bytes()).unwrap()).unwrap();
        let claims = BASE64URL_NOPAD.decode(says.split('.').nth(1).unwrap().as_bytes()).unwrap();
        let claims: Claims = serde_json::from_slice(&claims).unwrap();
        assert_eq!((claims.sub.as_str(), claims.exp), (call.as_str(), 1_060));
        let other = TenantId::parse("ten_00000000000000000000000000000009").unwrap();
        assert_ne!(tokens.secret(&tenant), tokens.secret(&other));
    }
}
