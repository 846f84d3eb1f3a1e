//! Who knocks: Meta's signature over the raw bytes of a webhook (whatsapp-calling.md 3.1).
//!
//! Always over the bytes as they came. Meta escapes non-ASCII characters, so JSON that was parsed and
//! written again has another signature.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER_PERMISSIVE;
use secrecy::{ExposeSecret, SecretString};

/// The header that carries it, lower case.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &str = "sha256=";

/// Why a knock is refused. All are answered alike; the difference is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No app secret is configured, so nothing can be believed.
    #[error("no app secret is configured")]
    NoSecret,
    /// The header is not there.
    #[error("the signature is missing")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature is malformed")]
    Malformed,
    /// It is not of this body under any of the secrets.
    #[error("the signature does not match")]
    Mismatch,
}

/// Checks the signature of `body` under any of `secrets`: two while one replaces the other.
///
/// # Errors
/// [`SignatureError`] unless one of them signed exactly these bytes. An empty secret signs nothing.
pub fn verify(secrets: &[SecretString], header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let mut usable = secrets.iter().filter(|secret| !secret.expose_secret().is_empty()).peekable();
    if usable.peek().is_none() {
        return Err(SignatureError::NoSecret);
    }
    let header = header.ok_or(SignatureError::Missing)?;
    let digits = header.strip_prefix(PREFIX).filter(|digits| digits.len() == 64);
    let digits = digits.ok_or(SignatureError::Malformed)?;
    let tag = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| SignatureError::Malformed)?;
    let key = |secret: &SecretString| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let signed = usable.any(|secret| hmac::verify(&key(secret), body, &tag).is_ok());
    if signed { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;

    fn sign(secret: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(hmac::sign(&key, body).as_ref()))
    }

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    fn check(texts: &[&str], header: Option<&str>, body: &str, expected: Result<(), SignatureError>) {
        assert_eq!(verify(&secrets(texts), header, body.as_bytes()), expected, "{texts:?} {header:?}");
    }

    #[test]
    fn known_signatures_are_believed() {
        let vectors = [
            (
                "test_app_secret",
                EMPTY,
                "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
            ),
            (
                "sim-app-secret",
                EMPTY,
                "sha256=2ff48ad93b702ab2040e5d78d6c07549274fb2e739ecd649af3037518df3b94c",
            ),
            (
                "sim-app-secret",
                r#"{"object":"whatsapp_business_account","entry":[{"id":"1","time":1,"changes":[{"field":"calls","value":{"name":"Ren\u00e9 \ud83d\ude00"}}]}]}"#,
                "sha256=2ad2447494a1ce7d23cee6d6bf7706d904216b77990f544e4b7add3124142d7a",
            ),
        ];
        for (secret, body, header) in vectors {
            check(&[secret], Some(header), body, Ok(()));
            let upper = format!("sha256={}", header["sha256=".len()..].to_ascii_uppercase());
            check(&[secret], Some(&upper), body, Ok(()));
        }
    }

    #[test]
    fn either_secret_is_believed_while_one_replaces_the_other() {
        for secret in ["old", "new"] {
            check(&["new", "old"], Some(&sign(secret, EMPTY.as_bytes())), EMPTY, Ok(()));
        }
        check(
            &["new", "old"],
            Some(&sign("another app", EMPTY.as_bytes())),
            EMPTY,
            Err(SignatureError::Mismatch),
        );
    }

    #[test]
    fn forgeries_are_refused() {
        use SignatureError::{Malformed, Mismatch, Missing, NoSecret};
        let body = r#"{"object":"whatsapp_business_account","entry":[{"name":"Ren\u00e9"}]}"#;
        let good = sign("secret", body.as_bytes());
        let hex = &good[PREFIX.len()..];
        check(&["secret"], None, body, Err(Missing));
        for malformed in [
            String::new(),
            PREFIX.to_owned(),
            hex.to_owned(),
            format!("sha1={hex}"),
            format!("sha1={}", &hex[..40]),
            format!("SHA256={hex}"),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}00"),
            good[..good.len() - 1].to_owned(),
            format!("{PREFIX}{}", "g".repeat(64)),
            format!("{PREFIX}{}", "é".repeat(32)),
            format!("{good},{good}"),
        ] {
            check(&["secret"], Some(&malformed), body, Err(Malformed));
        }
        check(&["secret"], Some(&format!("{PREFIX}{}", "0".repeat(64))), body, Err(Mismatch));
        let written_again = serde_json::from_str::<serde_json::Value>(body).unwrap().to_string();
        check(&["secret"], Some(&good), &written_again, Err(Mismatch));
        check(&["secret"], Some(&good), &format!("{body}\n"), Err(Mismatch));
        check(&[], Some(&good), body, Err(NoSecret));
        check(&[""], Some(&sign("", body.as_bytes())), body, Err(NoSecret));
        check(&["", "secret"], Some(&sign("", body.as_bytes())), body, Err(Mismatch));
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_noticed(mut body in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
            let header = sign("secret", &body);
            prop_assert_eq!(verify(&secrets(&["secret"]), Some(&header), &body), Ok(()));
            let at = at.index(body.len());
            body[at] ^= by;
            prop_assert_eq!(verify(&secrets(&["secret"]), Some(&header), &body), Err(SignatureError::Mismatch));
        }
    }
}
